"""Lambda's control plane: functions, versions, aliases, permissions, URLs, tags, concurrency."""

import json
import urllib.request

from lambda_kit import (
    OTHER_ROLE,
    REGION,
    ROLE,
    client,
    create,
    equal,
    holds,
    invoke,
    lam,
    made,
    name,
    package,
    refused,
    s3,
    settled,
)


def create_and_states():
    code = "def handler(event, context):\n    return {'got': event}\n"
    shown = create(
        "states",
        {"app.py": code},
        wait=False,
        Description="first",
        Tags={"team": "a"},
        Environment={"Variables": {"AB": "1"}},
    )
    function = name("states")
    arn = f"arn:aws:lambda:{REGION}:000000000000:function:{function}"
    equal("state after creation", (shown["State"], shown["StateReasonCode"]), ("Pending", "Creating"))
    equal("arn", shown["FunctionArn"], arn)
    equal("version", shown["Version"], "$LATEST")
    equal("defaults", (shown["Timeout"], shown["MemorySize"], shown["EphemeralStorage"]), (3, 128, {"Size": 512}))
    holds("last modified has AWS's form", shown["LastModified"].endswith("+0000"))
    refused(
        "update of a pending function",
        "ResourceConflictException",
        "Pending",
        lam.update_function_configuration,
        FunctionName=function,
        Timeout=5,
    )
    refused("invoke of a pending function", "ResourceConflictException", "Pending", lam.invoke, FunctionName=function)
    settled(function)
    again = {"FunctionName": function, "Runtime": "python3.13", "Role": ROLE, "Handler": "app.handler"}
    refused(
        "second creation",
        "ResourceConflictException",
        "Function already exist",
        lam.create_function,
        **again,
        Code={"ZipFile": package({"a.py": ""})},
    )
    found = lam.get_function(FunctionName=arn)
    equal("tags", found["Tags"], {"team": "a"})
    equal("environment", found["Configuration"]["Environment"], {"Variables": {"AB": "1"}})
    with urllib.request.urlopen(found["Code"]["Location"]) as reply:
        equal("package at Code.Location", len(reply.read()), found["Configuration"]["CodeSize"])
    for form in [function, f"function:{function}", f"000000000000:function:{function}", arn, f"{function}:$LATEST"]:
        equal(f"invoke as {form}", invoke(form, [1, "ü"])[0], {"got": [1, "ü"]})
    before = found["Configuration"]["RevisionId"]
    updated = lam.update_function_configuration(FunctionName=function, Timeout=7, RevisionId=before)
    equal("state of an update", updated["LastUpdateStatus"], "InProgress")
    refused(
        "update during an update",
        "ResourceConflictException",
        f"An update is in progress for resource: {arn}",
        lam.update_function_code,
        FunctionName=function,
        ZipFile=package({"a.py": ""}),
    )
    refused(
        "publish during an update",
        "ResourceConflictException",
        "An update is in progress",
        lam.publish_version,
        FunctionName=function,
    )
    settled(function)
    refused(
        "stale revision",
        "PreconditionFailedException",
        "Revision Id",
        lam.update_function_configuration,
        FunctionName=function,
        Timeout=8,
        RevisionId=before,
    )
    dry = lam.update_function_code(FunctionName=function, ZipFile=package({"app.py": "handler = None"}), DryRun=True)
    now = lam.get_function_configuration(FunctionName=function)
    holds("a dry run shows another hash", dry["CodeSha256"] != now["CodeSha256"])
    equal("a dry run changes nothing", (now["Timeout"], invoke(function, 1)[0]), (7, {"got": 1}))
    refused(
        "unknown function",
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda",
        lam.get_function,
        FunctionName=name("none"),
    )
    refused(
        "another region",
        "ResourceNotFoundException",
        "Function not found",
        client("lambda", "us-east-1").get_function,
        FunctionName=function,
    )
    listed = [
        one["FunctionName"]
        for page in lam.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
        for one in page["Functions"]
    ]
    holds("it is listed once", listed.count(function) == 1)


def validation():
    arguments = {
        "FunctionName": name("bad"),
        "Runtime": "python3.13",
        "Role": ROLE,
        "Handler": "a.b",
        "Code": {"ZipFile": package({"a.py": ""})},
    }

    def bad(what, code, words, **changed):
        refused(what, code, words, lam.create_function, **{**arguments, **changed})

    invalid = "InvalidParameterValueException"
    bad("unknown role", invalid, "cannot be assumed by Lambda", Role="arn:aws:iam::000000000000:role/nobody")
    bad("role for another service", invalid, "cannot be assumed by Lambda", Role=OTHER_ROLE)
    bad("unknown runtime", invalid, "Member must satisfy enum value set", Runtime="python4.0")
    bad("runtime that cannot run here", "NotImplemented", "not supported by the local cloud", Runtime="java21")
    bad("too much time", "ValidationException", "less than or equal to 900", Timeout=901)
    bad(
        "reserved variable",
        invalid,
        "Reserved keys used in this request: AWS_REGION",
        Environment={"Variables": {"AWS_REGION": "x"}},
    )
    bad("environment over 4 KB", invalid, "exceeded the 4KB limit", Environment={"Variables": {"BIG": "x" * 4096}})
    bad("no zip", invalid, "Could not unzip uploaded file", Code={"ZipFile": b"not a zip"})
    bad(
        "zip that leaves its folder",
        invalid,
        "Could not unzip uploaded file",
        Code={"ZipFile": package({"../evil.py": ""})},
    )
    bad(
        "zip that unpacks to too much",
        invalid,
        "Unzipped size must be smaller than 262144000 bytes",
        Code={"ZipFile": package({"big": b"\0" * 262144001})},
    )
    bad(
        "file systems",
        "NotImplemented",
        "FileSystemConfigs is not supported",
        FileSystemConfigs=[{"Arn": f"arn:aws:elasticfilesystem:{REGION}:000000000000:access-point/fsap-0123456789abcdef0", "LocalMountPath": "/mnt/x"}],
    )
    bad("name", "InvalidParameterValueException", "length less than or equal to 64", FunctionName="n" * 65)
    bucket = name("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    bad(
        "missing key",
        invalid,
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
        Code={"S3Bucket": bucket, "S3Key": "none.zip"},
    )
    s3.put_object(Bucket=bucket, Key="app.zip", Body=package({"app.py": "def handler(e, c): return 's3'"}))
    lam.create_function(
        **{
            **arguments,
            "FunctionName": name("s3"),
            "Handler": "app.handler",
            "Code": {"S3Bucket": bucket, "S3Key": "app.zip"},
        }
    )
    made.append(name("s3"))
    settled(name("s3"))
    equal("function from S3", invoke(name("s3"))[0], "s3")
    s3.delete_object(Bucket=bucket, Key="app.zip")
    s3.delete_bucket(Bucket=bucket)


def versions_and_aliases():
    def source(number):
        return {
            "app.py": f"def handler(event, context):\n    return [{number}, context.function_version, context.invoked_function_arn.split(':', 6)[6]]\n"
        }

    function = name("versions")
    first = create("versions", source(1), Publish=True)
    equal("published at creation", first["Version"], "1")
    equal("unchanged code is the same version", lam.publish_version(FunctionName=function)["Version"], "1")
    second = lam.update_function_code(FunctionName=function, ZipFile=package(source(2)), Publish=True)
    equal("published with the code", (second["Version"], second["FunctionArn"].split(":")[-1]), ("2", "2"))
    settled(function)
    settled(function, Qualifier="2")
    equal("version 1 stays as it was", invoke(function, Qualifier="1")[0], [1, "1", f"{function}:1"])
    equal("version 2", invoke(f"{function}:2")[0], [2, "2", f"{function}:2"])
    refused(
        "other hash",
        "InvalidParameterValueException",
        "is different from current CodeSHA256",
        lam.publish_version,
        FunctionName=function,
        CodeSha256=first["CodeSha256"],
    )
    listed = [one["Version"] for one in lam.list_versions_by_function(FunctionName=function)["Versions"]]
    equal("versions", listed, ["$LATEST", "1", "2"])
    alias = lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    refused(
        "second alias of a name",
        "ResourceConflictException",
        "Alias already exists",
        lam.create_alias,
        FunctionName=function,
        Name="live",
        FunctionVersion="1",
    )
    refused(
        "alias of no version",
        "ResourceNotFoundException",
        "Function not found",
        lam.create_alias,
        FunctionName=function,
        Name="x",
        FunctionVersion="9",
    )
    payload, found = invoke(function, Qualifier="live")
    equal("through the alias", (payload, found["ExecutedVersion"]), ([1, "1", f"{function}:live"], "1"))
    refused(
        "more than two versions",
        "InvalidParameterValueException",
        "cannot be greater than 1",
        lam.update_alias,
        FunctionName=function,
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.1, "2": 0.1}},
    )
    split = lam.update_alias(
        FunctionName=function,
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
        RevisionId=alias["RevisionId"],
    )
    equal("weights", split["RoutingConfig"], {"AdditionalVersionWeights": {"2": 0.5}})
    seen = [invoke(function, Qualifier="live")[1]["ExecutedVersion"] for _ in range(60)]
    holds(f"both versions get traffic: {seen}", 10 <= seen.count("2") <= 50)
    refused(
        "stale alias",
        "PreconditionFailedException",
        "Revision Id",
        lam.update_alias,
        FunctionName=function,
        Name="live",
        RevisionId=alias["RevisionId"],
    )
    moved = lam.update_alias(
        FunctionName=function, Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    holds("weights are gone", "RoutingConfig" not in moved)
    equal("moved", invoke(function, Qualifier="live")[0][0], 2)
    refused(
        "delete of a used version",
        "ResourceConflictException",
        "alias",
        lam.delete_function,
        FunctionName=function,
        Qualifier="2",
    )
    lam.delete_function(FunctionName=function, Qualifier="1")
    refused(
        "invoke of a deleted version",
        "ResourceNotFoundException",
        f"{function}:1",
        lam.invoke,
        FunctionName=function,
        Qualifier="1",
    )
    equal("aliases", [one["Name"] for one in lam.list_aliases(FunctionName=function)["Aliases"]], ["live"])
    lam.delete_alias(FunctionName=function, Name="live")
    refused(
        "deleted alias",
        "ResourceNotFoundException",
        "Cannot find alias arn",
        lam.get_alias,
        FunctionName=function,
        Name="live",
    )
    published = lam.publish_version(FunctionName=function, Description="third")["Version"]
    equal("unchanged since 2", published, "2")


def permissions():
    create("perm", {"app.py": "def handler(e, c): return 1"}, Publish=True)
    function = name("perm")
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    source = f"arn:aws:execute-api:{REGION}:000000000000:abc/*/*/*"
    grant = {
        "FunctionName": function,
        "StatementId": "api",
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": source,
        "Qualifier": "live",
    }
    statement = json.loads(lam.add_permission(**grant)["Statement"])
    equal("principal", statement["Principal"], {"Service": "apigateway.amazonaws.com"})
    equal("condition", statement["Condition"], {"ArnLike": {"AWS:SourceArn": source}})
    holds("resource is the alias", statement["Resource"].endswith(f"{function}:live"))
    refused(
        "statement id twice",
        "ResourceConflictException",
        "The statement id (api) provided already exists",
        lam.add_permission,
        **grant,
    )
    refused(
        "policy of the function itself",
        "ResourceNotFoundException",
        "does not exist",
        lam.get_policy,
        FunctionName=function,
    )
    policy = json.loads(lam.get_policy(FunctionName=function, Qualifier="live")["Policy"])
    equal("policy", [one["Sid"] for one in policy["Statement"]], ["api"])
    refused(
        "permission on no alias",
        "ResourceNotFoundException",
        "Cannot find alias arn",
        lam.add_permission,
        **{**grant, "Qualifier": "none"},
    )
    refused(
        "principal",
        "InvalidParameterValueException",
        "principal was invalid",
        lam.add_permission,
        **{**grant, "StatementId": "p", "Principal": "nobody"},
    )
    refused(
        "unknown statement",
        "ResourceNotFoundException",
        "is not found in resource policy",
        lam.remove_permission,
        FunctionName=function,
        Qualifier="live",
        StatementId="none",
    )
    lam.remove_permission(FunctionName=function, Qualifier="live", StatementId="api")
    refused(
        "policy after its last statement",
        "ResourceNotFoundException",
        "does not exist",
        lam.get_policy,
        FunctionName=function,
        Qualifier="live",
    )


def urls_tags_limits():
    create("urls", {"app.py": "def handler(e, c): return 1"}, Publish=True)
    function = name("urls")
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    cors = {"AllowOrigins": ["https://example.com"], "MaxAge": 60}
    url = lam.create_function_url_config(FunctionName=function, Qualifier="live", AuthType="NONE", Cors=cors)
    host = url["FunctionUrl"].split("/")[2]
    holds(f"host of {url['FunctionUrl']}", len(host.split(".")[0]) == 32 and f".lambda-url.{REGION}.localhost" in host)
    equal("cors", url["Cors"], cors)
    refused(
        "second url",
        "ResourceConflictException",
        "exists for this Lambda function",
        lam.create_function_url_config,
        FunctionName=function,
        Qualifier="live",
        AuthType="NONE",
    )
    equal(
        "update",
        lam.update_function_url_config(FunctionName=function, Qualifier="live", AuthType="AWS_IAM")["AuthType"],
        "AWS_IAM",
    )
    equal("listed", len(lam.list_function_url_configs(FunctionName=function)["FunctionUrlConfigs"]), 1)
    anybody = {"FunctionName": function, "Qualifier": "live", "Principal": "*"}
    one = lam.add_permission(
        **anybody, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE"
    )
    equal(
        "url condition",
        json.loads(one["Statement"])["Condition"],
        {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
    )
    two = lam.add_permission(**anybody, StatementId="via", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    equal(
        "via condition", json.loads(two["Statement"])["Condition"], {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    )
    lam.delete_function_url_config(FunctionName=function, Qualifier="live")
    refused(
        "deleted url",
        "ResourceNotFoundException",
        "does not exist",
        lam.get_function_url_config,
        FunctionName=function,
        Qualifier="live",
    )
    arn = lam.get_function_configuration(FunctionName=function)["FunctionArn"]
    lam.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    lam.untag_resource(Resource=arn, TagKeys=["a"])
    equal("tags", lam.list_tags(Resource=arn)["Tags"], {"b": "2"})
    refused(
        "too much reserved",
        "InvalidParameterValueException",
        "below its minimum value of [100]",
        lam.put_function_concurrency,
        FunctionName=function,
        ReservedConcurrentExecutions=901,
    )
    free = lam.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=5)
    equal("reserved", lam.get_function(FunctionName=function)["Concurrency"], {"ReservedConcurrentExecutions": 5})
    equal("unreserved", lam.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"], free - 5)
    lam.delete_function_concurrency(FunctionName=function)
    holds("nothing reserved", "ReservedConcurrentExecutions" not in lam.get_function_concurrency(FunctionName=function))


def not_supported():
    refused(
        "code signing", "NotImplemented", "not supported by the local cloud", lam.list_code_signing_configs
    )
