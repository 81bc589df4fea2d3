"""Lambda through boto3: a client nobody here wrote, against the local cloud.

Usage: lambda.py ENDPOINT. Prints a line per topic; ends with 1 and a sentence at the first deviation
from AWS. It makes its own role and removes what it made.
"""

import base64
import concurrent.futures
import io
import json
import stat
import sys
import time
import urllib.request
import uuid
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
REGION = "eu-west-1"
RUN = uuid.uuid4().hex[:8]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def client(service, region=REGION):
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=ENDPOINT,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            s3={"addressing_style": "path"},
            read_timeout=60,
            max_pool_connections=20,
        ),
    )


lam, iam, s3, logs = client("lambda"), client("iam"), client("s3"), client("logs")


def equal(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: found {found!r}, wanted {wanted!r}")


def holds(what, condition):
    if not condition:
        sys.exit(f"{what}: does not hold")


def refused(what, code, words, call, **arguments):
    """The call fails with this code and a message that contains these words."""
    try:
        found = call(**arguments)
    except ClientError as error:
        equal(f"{what}: code", error.response["Error"]["Code"], code)
        message = error.response["Error"]["Message"]
        holds(f"{what}: {words!r} in {message!r}", words in message)
        return error.response
    sys.exit(f"{what}: was accepted: {found}")


def until(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    sys.exit(f"{what}: not within {seconds} s")


def package(files, executable=()):
    """A zip of name → text; `executable` names get their exec bits."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | (0o755 if name in executable else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return data.getvalue()


def name(suffix):
    return f"scn-{RUN}-{suffix}"


made = []


def create(suffix, files, handler="app.handler", runtime="python3.13", executable=(), wait=True, **more):
    function = name(suffix)
    found = lam.create_function(
        FunctionName=function,
        Runtime=runtime,
        Role=ROLE,
        Handler=handler,
        Code={"ZipFile": package(files, executable)},
        **more,
    )
    made.append(function)
    if wait:
        settled(function)
    return found


def settled(function, **qualifier):
    def ready():
        shown = lam.get_function_configuration(FunctionName=function, **qualifier)
        return shown["State"] == "Active" and shown.get("LastUpdateStatus") == "Successful" and shown

    return until(f"{function} settles", ready)


def invoke(function, event=None, **more):
    """(payload, response) of a synchronous call."""
    found = lam.invoke(FunctionName=function, Payload=json.dumps(event).encode(), LogType="Tail", **more)
    found["Tail"] = base64.b64decode(found["LogResult"]).decode()
    return json.loads(found["Payload"].read()), found


def log_lines(function):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    return [event["message"] for page in pages for event in page["events"]]


# --- topics ---


def create_and_states():
    code = "def handler(event, context):\n    return {'got': event}\n"
    shown = create(
        "states", {"app.py": code}, wait=False, Description="first", Tags={"team": "a"}, Environment={"Variables": {"AB": "1"}}
    )
    function = name("states")
    arn = f"arn:aws:lambda:{REGION}:000000000000:function:{function}"
    equal("state after creation", (shown["State"], shown["StateReasonCode"]), ("Pending", "Creating"))
    equal("arn", shown["FunctionArn"], arn)
    equal("version", shown["Version"], "$LATEST")
    equal("defaults", (shown["Timeout"], shown["MemorySize"], shown["EphemeralStorage"]), (3, 128, {"Size": 512}))
    holds("last modified has AWS's form", shown["LastModified"].endswith("+0000"))
    refused("update of a pending function", "ResourceConflictException", "Pending", lam.update_function_configuration, FunctionName=function, Timeout=5)
    refused("invoke of a pending function", "ResourceConflictException", "Pending", lam.invoke, FunctionName=function)
    settled(function)
    again = {"FunctionName": function, "Runtime": "python3.13", "Role": ROLE, "Handler": "app.handler"}
    refused("second creation", "ResourceConflictException", "Function already exist", lam.create_function, **again, Code={"ZipFile": package({"a.py": ""})})
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
    refused("update during an update", "ResourceConflictException", f"An update is in progress for resource: {arn}", lam.update_function_code, FunctionName=function, ZipFile=package({"a.py": ""}))
    refused("publish during an update", "ResourceConflictException", "An update is in progress", lam.publish_version, FunctionName=function)
    settled(function)
    refused("stale revision", "PreconditionFailedException", "Revision Id", lam.update_function_configuration, FunctionName=function, Timeout=8, RevisionId=before)
    dry = lam.update_function_code(FunctionName=function, ZipFile=package({"app.py": "handler = None"}), DryRun=True)
    now = lam.get_function_configuration(FunctionName=function)
    holds("a dry run shows another hash", dry["CodeSha256"] != now["CodeSha256"])
    equal("a dry run changes nothing", (now["Timeout"], invoke(function, 1)[0]), (7, {"got": 1}))
    refused("unknown function", "ResourceNotFoundException", "Function not found: arn:aws:lambda", lam.get_function, FunctionName=name("none"))
    refused("another region", "ResourceNotFoundException", "Function not found", client("lambda", "us-east-1").get_function, FunctionName=function)
    listed = [one["FunctionName"] for page in lam.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1}) for one in page["Functions"]]
    holds("it is listed once", listed.count(function) == 1)


def validation():
    arguments = {"FunctionName": name("bad"), "Runtime": "python3.13", "Role": ROLE, "Handler": "a.b", "Code": {"ZipFile": package({"a.py": ""})}}

    def bad(what, code, words, **changed):
        refused(what, code, words, lam.create_function, **{**arguments, **changed})

    invalid = "InvalidParameterValueException"
    bad("unknown role", invalid, "cannot be assumed by Lambda", Role="arn:aws:iam::000000000000:role/nobody")
    bad("role for another service", invalid, "cannot be assumed by Lambda", Role=OTHER_ROLE)
    bad("unknown runtime", invalid, "Member must satisfy enum value set", Runtime="python4.0")
    bad("runtime that cannot run here", "NotImplemented", "not supported by the local cloud", Runtime="java21")
    bad("too much time", "ValidationException", "less than or equal to 900", Timeout=901)
    bad("reserved variable", invalid, "Reserved keys used in this request: AWS_REGION", Environment={"Variables": {"AWS_REGION": "x"}})
    bad("environment over 4 KB", invalid, "exceeded the 4KB limit", Environment={"Variables": {"BIG": "x" * 4096}})
    bad("no zip", invalid, "Could not unzip uploaded file", Code={"ZipFile": b"not a zip"})
    bad("zip that leaves its folder", invalid, "Could not unzip uploaded file", Code={"ZipFile": package({"../evil.py": ""})})
    bad("zip that unpacks to too much", invalid, "Unzipped size must be smaller than 262144000 bytes", Code={"ZipFile": package({"big": b"\0" * 262144001})})
    bad("layers", "NotImplemented", "Layers is not supported", Layers=["arn:aws:lambda:eu-west-1:000000000000:layer:x:1"])
    bad("name", "InvalidParameterValueException", "length less than or equal to 64", FunctionName="n" * 65)
    bucket = name("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    bad("missing key", invalid, "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.", Code={"S3Bucket": bucket, "S3Key": "none.zip"})
    s3.put_object(Bucket=bucket, Key="app.zip", Body=package({"app.py": "def handler(e, c): return 's3'"}))
    lam.create_function(**{**arguments, "FunctionName": name("s3"), "Handler": "app.handler", "Code": {"S3Bucket": bucket, "S3Key": "app.zip"}})
    made.append(name("s3"))
    settled(name("s3"))
    equal("function from S3", invoke(name("s3"))[0], "s3")
    s3.delete_object(Bucket=bucket, Key="app.zip")
    s3.delete_bucket(Bucket=bucket)


def versions_and_aliases():
    def source(number):
        return {"app.py": f"def handler(event, context):\n    return [{number}, context.function_version, context.invoked_function_arn.split(':', 6)[6]]\n"}

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
    refused("other hash", "InvalidParameterValueException", "is different from current CodeSHA256", lam.publish_version, FunctionName=function, CodeSha256=first["CodeSha256"])
    listed = [one["Version"] for one in lam.list_versions_by_function(FunctionName=function)["Versions"]]
    equal("versions", listed, ["$LATEST", "1", "2"])
    alias = lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    refused("second alias of a name", "ResourceConflictException", "Alias already exists", lam.create_alias, FunctionName=function, Name="live", FunctionVersion="1")
    refused("alias of no version", "ResourceNotFoundException", "Function not found", lam.create_alias, FunctionName=function, Name="x", FunctionVersion="9")
    payload, found = invoke(function, Qualifier="live")
    equal("through the alias", (payload, found["ExecutedVersion"]), ([1, "1", f"{function}:live"], "1"))
    refused("more than two versions", "InvalidParameterValueException", "cannot be greater than 1", lam.update_alias, FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.1, "2": 0.1}})
    split = lam.update_alias(FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}, RevisionId=alias["RevisionId"])
    equal("weights", split["RoutingConfig"], {"AdditionalVersionWeights": {"2": 0.5}})
    seen = [invoke(function, Qualifier="live")[1]["ExecutedVersion"] for _ in range(60)]
    holds(f"both versions get traffic: {seen}", 10 <= seen.count("2") <= 50)
    refused("stale alias", "PreconditionFailedException", "Revision Id", lam.update_alias, FunctionName=function, Name="live", RevisionId=alias["RevisionId"])
    moved = lam.update_alias(FunctionName=function, Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}})
    holds("weights are gone", "RoutingConfig" not in moved)
    equal("moved", invoke(function, Qualifier="live")[0][0], 2)
    refused("delete of a used version", "ResourceConflictException", "alias", lam.delete_function, FunctionName=function, Qualifier="2")
    lam.delete_function(FunctionName=function, Qualifier="1")
    refused("invoke of a deleted version", "ResourceNotFoundException", f"{function}:1", lam.invoke, FunctionName=function, Qualifier="1")
    equal("aliases", [one["Name"] for one in lam.list_aliases(FunctionName=function)["Aliases"]], ["live"])
    lam.delete_alias(FunctionName=function, Name="live")
    refused("deleted alias", "ResourceNotFoundException", "Cannot find alias arn", lam.get_alias, FunctionName=function, Name="live")
    published = lam.publish_version(FunctionName=function, Description="third")["Version"]
    equal("unchanged since 2", published, "2")


def permissions():
    create("perm", {"app.py": "def handler(e, c): return 1"}, Publish=True)
    function = name("perm")
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    source = f"arn:aws:execute-api:{REGION}:000000000000:abc/*/*/*"
    grant = {"FunctionName": function, "StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "SourceArn": source, "Qualifier": "live"}
    statement = json.loads(lam.add_permission(**grant)["Statement"])
    equal("principal", statement["Principal"], {"Service": "apigateway.amazonaws.com"})
    equal("condition", statement["Condition"], {"ArnLike": {"AWS:SourceArn": source}})
    holds("resource is the alias", statement["Resource"].endswith(f"{function}:live"))
    refused("statement id twice", "ResourceConflictException", "The statement id (api) provided already exists", lam.add_permission, **grant)
    refused("policy of the function itself", "ResourceNotFoundException", "does not exist", lam.get_policy, FunctionName=function)
    policy = json.loads(lam.get_policy(FunctionName=function, Qualifier="live")["Policy"])
    equal("policy", [one["Sid"] for one in policy["Statement"]], ["api"])
    refused("permission on no alias", "ResourceNotFoundException", "Cannot find alias arn", lam.add_permission, **{**grant, "Qualifier": "none"})
    refused("principal", "InvalidParameterValueException", "principal was invalid", lam.add_permission, **{**grant, "StatementId": "p", "Principal": "nobody"})
    refused("unknown statement", "ResourceNotFoundException", "is not found in resource policy", lam.remove_permission, FunctionName=function, Qualifier="live", StatementId="none")
    lam.remove_permission(FunctionName=function, Qualifier="live", StatementId="api")
    refused("policy after its last statement", "ResourceNotFoundException", "does not exist", lam.get_policy, FunctionName=function, Qualifier="live")


def urls_tags_limits():
    create("urls", {"app.py": "def handler(e, c): return 1"}, Publish=True)
    function = name("urls")
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    cors = {"AllowOrigins": ["https://example.com"], "MaxAge": 60}
    url = lam.create_function_url_config(FunctionName=function, Qualifier="live", AuthType="NONE", Cors=cors)
    host = url["FunctionUrl"].split("/")[2]
    holds(f"host of {url['FunctionUrl']}", len(host.split(".")[0]) == 32 and f".lambda-url.{REGION}.localhost" in host)
    equal("cors", url["Cors"], cors)
    refused("second url", "ResourceConflictException", "exists for this Lambda function", lam.create_function_url_config, FunctionName=function, Qualifier="live", AuthType="NONE")
    equal("update", lam.update_function_url_config(FunctionName=function, Qualifier="live", AuthType="AWS_IAM")["AuthType"], "AWS_IAM")
    equal("listed", len(lam.list_function_url_configs(FunctionName=function)["FunctionUrlConfigs"]), 1)
    anybody = {"FunctionName": function, "Qualifier": "live", "Principal": "*"}
    one = lam.add_permission(**anybody, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    equal("url condition", json.loads(one["Statement"])["Condition"], {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}})
    two = lam.add_permission(**anybody, StatementId="via", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    equal("via condition", json.loads(two["Statement"])["Condition"], {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}})
    lam.delete_function_url_config(FunctionName=function, Qualifier="live")
    refused("deleted url", "ResourceNotFoundException", "does not exist", lam.get_function_url_config, FunctionName=function, Qualifier="live")
    arn = lam.get_function_configuration(FunctionName=function)["FunctionArn"]
    lam.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    lam.untag_resource(Resource=arn, TagKeys=["a"])
    equal("tags", lam.list_tags(Resource=arn)["Tags"], {"b": "2"})
    refused("too much reserved", "InvalidParameterValueException", "below its minimum value of [100]", lam.put_function_concurrency, FunctionName=function, ReservedConcurrentExecutions=901)
    free = lam.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=5)
    equal("reserved", lam.get_function(FunctionName=function)["Concurrency"], {"ReservedConcurrentExecutions": 5})
    equal("unreserved", lam.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"], free - 5)
    lam.delete_function_concurrency(FunctionName=function)
    holds("nothing reserved", "ReservedConcurrentExecutions" not in lam.get_function_concurrency(FunctionName=function))


KINDS = """
import json, logging, os, subprocess, sys, time

def handler(event, context):
    kind = event.get("kind") if isinstance(event, dict) else None
    if kind == "print":
        print("printed"); print("no line feed", end=""); sys.stderr.write(" and stderr\\n")
        logging.getLogger().warning("two\\nlines"); sys.stdout.write("last words")
        return "done"
    if kind == "raise": raise ValueError("boom")
    if kind == "unserialisable": return object()
    if kind == "sleep": time.sleep(event["seconds"]); return os.getpid()
    if kind == "exit": sys.exit(event["code"])
    if kind == "kill": os.kill(os.getpid(), 9)
    if kind == "big": return "x" * event["size"]
    if kind == "child":
        subprocess.Popen(["sleep", "30"]); return "left a child"
    if kind == "context":
        return [context.function_name, context.memory_limit_in_mb, context.aws_request_id, context.log_group_name,
                context.log_stream_name, context.client_context and context.client_context.custom, context.get_remaining_time_in_millis()]
    if kind == "count":
        path = os.environ["TMPDIR"] + "/count"
        with open(path, "a") as file: file.write(".")
        return os.path.getsize(path)
    if kind == "flaky":
        with open(event["path"], "a") as file: file.write(".")
        raise RuntimeError("flaky")
    return event
"""


def kinds_of_invocation():
    create("kinds", {"app.py": KINDS}, Timeout=20)
    function = name("kinds")
    equal("no payload", json.loads(lam.invoke(FunctionName=function)["Payload"].read()), {})
    equal("dry run", lam.invoke(FunctionName=function, InvocationType="DryRun")["StatusCode"], 204)
    refused("payload that is no JSON", "InvalidRequestContentException", "Could not parse request body into json", lam.invoke, FunctionName=function, Payload=b"{")
    refused("payload over 6 MB", "RequestEntityTooLargeException", "limit 6291456 bytes", lam.invoke, FunctionName=function, Payload=b'"' + b"x" * 6291456 + b'"')
    refused("event over 1 MB", "RequestEntityTooLargeException", "Event invocation type", lam.invoke, FunctionName=function, InvocationType="Event", Payload=b'"' + b"x" * 1048576 + b'"')
    payload, found = invoke(function, {"kind": "raise"})
    equal("function error", found["FunctionError"], "Unhandled")
    equal("error", (payload["errorType"], payload["errorMessage"]), ("ValueError", "boom"))
    holds("stack trace ends in the handler", 'in handler\n    if kind == "raise": raise ValueError("boom")' in payload["stackTrace"][-1] and "bootstrap" not in payload["stackTrace"][0])
    holds("error in the log", "[ERROR] ValueError: boom" in found["Tail"])
    equal("result that is no JSON", invoke(function, {"kind": "unserialisable"})[0]["errorType"], "Runtime.MarshalError")
    payload, found = invoke(function, {"kind": "big", "size": 6291557})
    equal("answer over 6 MB", (payload["errorType"], found["FunctionError"]), ("Function.ResponseSizeTooLarge", "Unhandled"))
    equal("answer of just under 6 MB", len(invoke(function, {"kind": "big", "size": 6291554})[0]), 6291554)
    context = base64.b64encode(b'{"custom": {"k": "\xc3\xbc"}}').decode()
    payload, found = invoke(function, {"kind": "context"}, ClientContext=context)
    request = found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    equal("context", payload[:4], [function, "128", request, f"/aws/lambda/{function}"])
    holds(f"stream {payload[4]}", payload[4][10:21] == "/[$LATEST]" + payload[4][20] and len(payload[4]) == 20 + 32)
    equal("client context", payload[5], {"k": "ü"})
    holds(f"remaining time {payload[6]}", 15_000 < payload[6] <= 20_000)
    before = time.monotonic()
    equal("a child that stays", invoke(function, {"kind": "child"})[0], "left a child")
    holds("nobody waits for it", time.monotonic() - before < 5)
    path = f"/tmp/{function}"
    equal("event", lam.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps({"kind": "flaky", "path": path}))["StatusCode"], 202)

    def tries():
        try:
            with open(path) as file:
                return len(file.read()) >= 3
        except FileNotFoundError:
            return False

    until("an event is tried three times", tries)
    time.sleep(1.2)
    with open(path) as file:
        equal("and not more often", len(file.read()), 3)


def logs_and_tail():
    function = name("kinds")
    payload, found = invoke(function, {"kind": "print"})
    request = found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    lines = found["Tail"].splitlines()
    equal("first line", lines[0], f"START RequestId: {request} Version: $LATEST")
    equal("printed", lines[1:3], ["printed", "no line feed and stderr"])
    holds(f"logger line {lines[3]!r}", lines[3].startswith("[WARNING]\t20") and lines[3].endswith(f"Z\t{request}\ttwo"))
    equal("unfinished line", lines[4:6], ["lines", "last words"])
    equal("end", lines[6], f"END RequestId: {request}")
    report = lines[7].split("\t")
    equal("report", [part.split(":")[0] for part in report if part], ["REPORT RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used"])
    holds(f"memory in {report}", int(report[4].split()[3]) > 0)
    kept = log_lines(function)
    at = next(index for index, line in enumerate(kept) if line.startswith(f"START RequestId: {request}"))
    equal("the same in CloudWatch Logs", "".join(kept[at : at + 7]), found["Tail"])
    equal("a record of two lines is one event", kept[at + 3].count("\n"), 2)


def timeout_and_crash():
    create("crash", {"app.py": KINDS}, Timeout=1)
    function = name("crash")
    holds("cold start is reported", "Init Duration: " in invoke(function, {})[1]["Tail"])
    before = time.monotonic()
    payload, found = invoke(function, {"kind": "sleep", "seconds": 60})
    request = found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    holds("timeout is enforced", 1 <= time.monotonic() - before < 4)
    equal("timeout", payload, {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds"})
    holds("timeout in the log", f"{request} Task timed out after 1.00 seconds" in found["Tail"] and "Status: timeout" in found["Tail"])
    payload, found = invoke(function, {"kind": "count"})
    equal("a new worker afterwards", (payload, "Init Duration" in found["Tail"]), (1, True))
    equal("which stays warm", [invoke(function, {"kind": "count"})[0] for _ in range(3)], [2, 3, 4])
    payload, found = invoke(function, {"kind": "exit", "code": 3})
    request = found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    equal("exit", payload, {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request} Error: Runtime exited with error: exit status 3"})
    holds("killed", invoke(function, {"kind": "kill"})[0]["errorMessage"].endswith("signal: killed"))
    equal("a new worker again", invoke(function, {"kind": "count"})[0], 1)


def init_errors():
    create("import", {"app.py": "import flask"})
    payload, found = invoke(name("import"))
    equal("import error", (payload["errorType"], payload["errorMessage"]), ("Runtime.ImportModuleError", "Unable to import module 'app': No module named 'flask'"))
    holds("unhandled", found["FunctionError"] == "Unhandled")
    create("missing", {"app.py": ""})
    equal("no handler", invoke(name("missing"))[0]["errorMessage"], "Handler 'handler' missing on module 'app'")
    create("syntax", {"app.py": "def"})
    equal("syntax", invoke(name("syntax"))[0]["errorType"], "Runtime.UserCodeSyntaxError")
    create("nested", {"pkg/mod.py": "def go(e, c): return __name__", "pkg/__init__.py": ""}, handler="pkg/mod.go")
    equal("folder in the handler", invoke(name("nested"))[0], "pkg.mod")


def concurrency():
    create("many", {"app.py": KINDS}, Timeout=20)
    function = name("many")
    event = {"kind": "sleep", "seconds": 1}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        seen = set(pool.map(lambda _: invoke(function, event)[0], range(4)))
    equal("a process each", len(seen), 4)
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoke, function, {"kind": "sleep", "seconds": 2})
        time.sleep(0.7)
        found = refused("over the reservation", "TooManyRequestsException", "Rate Exceeded", lam.invoke, FunctionName=function, Payload=b"{}")
        equal("reason", found["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded")
        running.result()
    for _ in range(5):
        equal("free again at once", invoke(function, 7)[0], 7)


def isolation():
    code = """
import os, sys

def handler(event, context):
    try:
        import pip
        host = "pip"
    except ImportError:
        host = None
    try:
        open("x", "w").close()
        wrote = os.getuid() != 0
    except OSError:
        wrote = False
    return {"env": dict(os.environ), "host": host, "wrote": wrote, "path": sys.path[0], "cwd": os.getcwd()}
"""
    variables = {"GREETING": "hi", "PYTHONPATH": "/var/task/lib"}
    create("env", {"app.py": code}, Environment={"Variables": variables}, MemorySize=256)
    found = invoke(name("env"))[0]
    env = found["env"]
    known = {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
        "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "LANG", "TZ", "PATH",
        "LD_LIBRARY_PATH", "HOME", "TMPDIR",
    }  # fmt: skip
    equal("names in the environment", set(env) - set(variables), known)
    wanted = {"GREETING": "hi", "AWS_REGION": REGION, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "_HANDLER": "app.handler", "TZ": ":UTC", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}
    equal("values", {key: env[key] for key in wanted}, wanted)
    equal("nothing of the host's packages", found["host"], None)
    equal("task root", (found["path"], found["cwd"]), (env["LAMBDA_TASK_ROOT"], env["LAMBDA_TASK_ROOT"]))
    holds("the task root is read-only", not found["wrote"])
    sdk = "import os, urllib.request\ndef handler(e, c):\n    return os.environ['AWS_ENDPOINT_URL'].rsplit(':', 1)[1]"
    create("endpoint", {"app.py": sdk})
    equal("the SDK finds the local cloud", invoke(name("endpoint"))[0], ENDPOINT.rstrip("/").rsplit(":", 1)[1])


BOOTSTRAP = r"""#!/bin/sh
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next") || exit 1
  id=$(tr -d '\r' < "$headers" | sed -n 's/^lambda-runtime-aws-request-id: //p')
  echo "handling $_HANDLER"
  curl -sS "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d "{\"shell\": $event}" > /dev/null
done
"""


def own_runtimes():
    create("own", {"bootstrap": BOOTSTRAP}, handler="main", runtime="provided.al2023", executable=["bootstrap"], Timeout=10)
    payload, found = invoke(name("own"), {"a": 1})
    equal("bootstrap", payload, {"shell": {"a": 1}})
    holds("its log", "handling main" in found["Tail"])
    create("noexec", {"bootstrap": BOOTSTRAP}, handler="main", runtime="provided.al2023")
    payload, found = invoke(name("noexec"))
    equal("without the exec bit", payload["errorType"], "Runtime.InvalidEntrypoint")
    holds(payload["errorMessage"], payload["errorMessage"].endswith("fork/exec /var/task/bootstrap: permission denied"))
    create("nothing", {"readme": ""}, handler="main", runtime="provided.al2023")
    holds("without a bootstrap", "Couldn't find valid bootstrap(s)" in invoke(name("nothing"))[0]["errorMessage"])


NODE = """
exports.promise = async (event, context) => { console.log("two\\nlines"); return [event, context.functionName]; };
exports.callback = (event, context, callback) => { setTimeout(() => callback(null, "called"), 20); };
exports.silent = (event) => {};
exports.fail = async () => { throw new TypeError("bad"); };
exports.reject = async () => { Promise.reject(new Error("loose")); await new Promise((r) => setTimeout(r, 1000)); };
exports.stream = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); stream.write("a"); stream.end("b"); });
"""


def node():
    for number, (handler, files) in enumerate(
        {
            "index.promise": {"index.js": NODE},
            "dir/index.handler": {"dir/index.mjs": "export const handler = async () => 'esm';"},
            "app.handler": {"app.js": "export const handler = async () => 'typed';", "package.json": '{"type": "module"}'},
        }.items()
    ):
        create(f"node{number}", files, handler=handler, runtime="nodejs20.x", Timeout=10)
    payload, found = invoke(name("node0"), {"a": "ü"})
    equal("async handler", payload, [{"a": "ü"}, name("node0")])
    holds("console", "\tINFO\ttwo\nlines\n" in found["Tail"])
    equal("ES module", invoke(name("node1"))[0], "esm")
    equal("type module", invoke(name("node2"))[0], "typed")

    def switched(handler):
        lam.update_function_configuration(FunctionName=name("node0"), Handler=handler)
        settled(name("node0"))
        return invoke(name("node0"))

    equal("callback", switched("index.callback")[0], "called")
    equal("no answer", switched("index.silent")[0], None)
    payload, found = switched("index.fail")
    equal("error", (payload["errorType"], payload["errorMessage"], found["FunctionError"]), ("TypeError", "bad", "Unhandled"))
    holds("trace", payload["trace"][0] == "TypeError: bad")
    equal("rejection nobody handles", switched("index.reject")[0]["errorType"], "Runtime.UnhandledPromiseRejection")
    equal("handler that is not there", switched("index.none")[0]["errorType"], "Runtime.HandlerNotFound")
    equal("module that is not there", switched("none.none")[0]["errorType"], "Runtime.ImportModuleError")
    lam.update_function_configuration(FunctionName=name("node0"), Handler="index.stream")
    settled(name("node0"))
    streamed = lam.invoke(FunctionName=name("node0"))["Payload"].read()
    equal("stream, collected", streamed, b'{"statusCode":201}' + bytes(8) + b"ab")


def new_code_runs_at_once():
    create("swap", {"app.py": "def handler(e, c): return 'old'"})
    function = name("swap")
    equal("before", invoke(function)[0], "old")
    lam.update_function_code(FunctionName=function, ZipFile=package({"app.py": "def handler(e, c): return 'new'"}))
    settled(function)
    equal("after", invoke(function)[0], "new")


def not_supported():
    refused("event source mappings", "NotImplemented", "not supported by the local cloud", lam.list_event_source_mappings)
    refused("layers", "NotImplemented", "not supported by the local cloud", lam.list_layers)


def clean_up():
    for function in made:
        lam.delete_function(FunctionName=function)
    refused("deleted function", "ResourceNotFoundException", "Function not found", lam.invoke, FunctionName=made[0])
    for role in ROLES:
        iam.delete_role(RoleName=role)


def make_role(suffix, service):
    trust = json.loads(json.dumps(TRUST).replace("lambda.amazonaws.com", service))
    role = iam.create_role(RoleName=name(suffix), AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    ROLES.append(role["RoleName"])
    return role["Arn"]


ROLES = []
ROLE = make_role("role", "lambda.amazonaws.com")
OTHER_ROLE = make_role("other", "ec2.amazonaws.com")

for topic in [
    create_and_states,
    validation,
    versions_and_aliases,
    permissions,
    urls_tags_limits,
    kinds_of_invocation,
    logs_and_tail,
    timeout_and_crash,
    init_errors,
    concurrency,
    isolation,
    own_runtimes,
    node,
    new_code_runs_at_once,
    not_supported,
    clean_up,
]:
    topic()
    print(f"lambda: {topic.__name__.replace('_', ' ')}")
