"""SSM Parameter Store through boto3: python ssm.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import lambda_kit
from lambda_kit import client, name


def equal(found, wanted, what):
    lambda_kit.equal(what, found, wanted)


def holds(condition, what):
    lambda_kit.holds(what, condition)


def refused(code, call, *values, **arguments):
    what = f"{call.__name__} {values} {sorted(arguments)}"
    lambda_kit.refused(what, code, "", lambda: call(*values, **arguments))


ssm = client("ssm")
ROOT = "/" + name("tree")
made = []


def put(path, value, **more):
    if not more.get("Overwrite"):
        more = {"Type": "String", **more}
        made.append(ROOT + path)
    return ssm.put_parameter(Name=ROOT + path, Value=value, **more)


def get(path, **more):
    return ssm.get_parameter(Name=ROOT + path, **more)["Parameter"]


def names(answer):
    return [item["Name"][len(ROOT):] for item in answer["Parameters"]]


def versions():
    answer = put("/a", "1", Description="first", Tags=[{"Key": "team", "Value": "x"}])
    equal((answer["Version"], answer["Tier"]), (1, "Standard"), "a new parameter")
    refused("ParameterAlreadyExists", ssm.put_parameter, Name=ROOT + "/a", Value="2", Type="String")
    refused("ValidationException", put, "/a", "2", Overwrite=True, Tags=[{"Key": "k", "Value": "v"}])
    refused("HierarchyTypeMismatchException", put, "/a", "2", Overwrite=True, Type="SecureString")
    equal(put("/a", "2", Overwrite=True)["Version"], 2, "the second version")
    one = get("/a")
    equal((one["Value"], one["Version"], one["Type"], one["DataType"]), ("2", 2, "String", "text"), "the newest")
    equal(one["ARN"].split(":", 4)[4].split(":")[1], "parameter" + ROOT + "/a", "the ARN")
    equal(get("/a:1")["Value"], "1", "an older version")
    equal(get("/a:1")["Selector"], ":1", "its selector")
    equal(ssm.get_parameter(Name=one["ARN"])["Parameter"]["Value"], "2", "by ARN")
    refused("ParameterVersionNotFound", get, "/a:9")
    refused("ParameterNotFound", get, "/none")
    past = ssm.get_parameter_history(Name=ROOT + "/a")["Parameters"]
    equal([(item["Version"], item["Value"], item["Description"]) for item in past], [(1, "1", "first"), (2, "2", "first")], "history")
    page = ssm.get_parameter_history(Name=ROOT + "/a", MaxResults=1)
    equal(ssm.get_parameter_history(Name=ROOT + "/a", MaxResults=1, NextToken=page["NextToken"])["Parameters"][0]["Version"], 2, "its second page")


def labels():
    answer = ssm.label_parameter_version(Name=ROOT + "/a", ParameterVersion=1, Labels=["live", "1bad"])
    equal((answer["InvalidLabels"], answer["ParameterVersion"]), (["1bad"], 1), "labels")
    equal(get("/a:live")["Value"], "1", "by label")
    ssm.label_parameter_version(Name=ROOT + "/a", Labels=["live"])
    equal(get("/a:live")["Value"], "2", "a label moves")
    answer = ssm.unlabel_parameter_version(Name=ROOT + "/a", ParameterVersion=2, Labels=["live", "none"])
    equal((answer["RemovedLabels"], answer["InvalidLabels"]), (["live"], ["none"]), "labels taken away")
    refused("ParameterVersionNotFound", get, "/a:live")


def secure():
    put("/deep/er/secret", "hunter2", Type="SecureString")
    closed = get("/deep/er/secret")["Value"]
    holds("hunter2" not in closed and len(closed) > 40, "a secure value is not shown unless it is decrypted")
    equal(get("/deep/er/secret", WithDecryption=True)["Value"], "hunter2", "decrypted")
    found = ssm.get_parameters(Names=[ROOT + "/deep/er/secret", ROOT + "/a", ROOT + "/none"], WithDecryption=True)
    equal(sorted(item["Value"] for item in found["Parameters"]), ["2", "hunter2"], "several")
    equal(found["InvalidParameters"], [ROOT + "/none"], "those that are not there")
    put("/deep/key", "x", Type="SecureString", KeyId="alias/mine")
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": [ROOT]}])
    keys = {item["Name"][len(ROOT):]: item.get("KeyId") for item in described["Parameters"]}
    equal(keys, {"/a": None, "/deep/er/secret": "alias/aws/ssm", "/deep/key": "alias/mine"}, "keys")


def lists():
    for number in range(12):
        put(f"/many/{number:02}", str(number))
    equal(names(ssm.get_parameters_by_path(Path=ROOT + "/deep")), ["/deep/key"], "one level")
    equal(names(ssm.get_parameters_by_path(Path=ROOT + "/deep", Recursive=True)), ["/deep/er/secret", "/deep/key"], "all levels")
    page = ssm.get_parameters_by_path(Path=ROOT + "/many/")
    equal(len(page["Parameters"]), 10, "a page of ten")
    rest = ssm.get_parameters_by_path(Path=ROOT + "/many/", NextToken=page["NextToken"])
    equal((names(rest), rest.get("NextToken")), (["/many/10", "/many/11"], None), "the rest")
    refused("ValidationException", ssm.get_parameters_by_path, Path=ROOT, MaxResults=11)
    def described(*filters):
        pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=list(filters), MaxResults=5)
        return [item["Name"][len(ROOT):] for page in pages for item in page["Parameters"]]
    tree = {"Key": "Path", "Option": "Recursive", "Values": [ROOT]}
    equal(len(described(tree)), 15, "all below a path")
    equal(described({"Key": "Name", "Option": "BeginsWith", "Values": [ROOT + "/deep"]}), ["/deep/er/secret", "/deep/key"], "names")
    equal(described(tree, {"Key": "Type", "Values": ["SecureString"]}), ["/deep/er/secret", "/deep/key"], "types")
    equal(described(tree, {"Key": "tag:team", "Values": ["x"]}), ["/a"], "tags")
    refused("InvalidFilterKey", ssm.get_parameters_by_path, Path=ROOT, ParameterFilters=[{"Key": "Name", "Values": ["x"]}])


def tags():
    def now():
        listed = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=ROOT + "/a")["TagList"]
        return {tag["Key"]: tag["Value"] for tag in listed}
    equal(now(), {"team": "x"}, "tags of the creation")
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=ROOT + "/a", Tags=[{"Key": "b", "Value": "2"}, {"Key": "team", "Value": "y"}])
    equal(now(), {"team": "y", "b": "2"}, "more tags")
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=ROOT + "/a", TagKeys=["team"])
    equal(now(), {"b": "2"}, "fewer tags")
    refused("InvalidResourceId", ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId=ROOT + "/none")


def limits():
    refused("AccessDeniedException", ssm.put_parameter, Name="/aws/x", Value="1", Type="String")
    refused("ValidationException", ssm.put_parameter, Name="ssm-x", Value="1", Type="String")
    refused("ValidationException", ssm.put_parameter, Name="a/b", Value="1", Type="String")
    refused("HierarchyLevelLimitExceededException", ssm.put_parameter, Name="/x" * 16, Value="1", Type="String")
    refused("ValidationException", ssm.put_parameter, Name=ROOT + "/big", Value="x" * 4097, Type="String")
    refused("ValidationException", ssm.put_parameter, Name=ROOT + "/typeless", Value="1")
    equal(put("/big", "x" * 4097, Tier="Intelligent-Tiering")["Tier"], "Advanced", "a large one costs")
    put("/digits", "12", AllowedPattern=r"\d+")
    refused("ParameterPatternMismatchException", put, "/digits", "1a", Overwrite=True)
    # What the local cloud does not know it says.
    refused("NotImplemented", ssm.describe_instance_information)


def ends():
    refused("ParameterNotFound", ssm.delete_parameter, Name=ROOT + "/none")
    ssm.delete_parameter(Name=made.pop(0))
    refused("ParameterNotFound", get, "/a")
    while made:
        batch = [made.pop() for _ in range(min(9, len(made)))]
        gone = ssm.delete_parameters(Names=batch + [ROOT + "/none"])
        equal((sorted(gone["DeletedParameters"]), gone["InvalidParameters"]), (sorted(batch), [ROOT + "/none"]), "deletions")


for part in (versions, labels, secure, lists, tags, limits, ends):
    part()
print("ok")
