"""Weighted aliases: what may be asked for, and that every way into the function follows the weights.

A way in is tried with all of the traffic on one version and then on the other, so that nothing is left
to chance; only the draw itself is tried with halves.
"""

import json
import urllib.request
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

from lambda_kit import (
    ENDPOINT,
    REGION,
    client,
    create,
    equal,
    holds,
    iam,
    invoke,
    lam,
    log_lines,
    logs,
    make_role,
    name,
    package,
    refused,
    settled,
    until,
)

PORT = ENDPOINT.rsplit(":", 1)[1]
INVALID = "InvalidParameterValueException"


def source(number):
    return {"app.py": f"""
def handler(event, context):
    if event.get("fails"):
        raise ValueError("as asked")
    return {{"statusCode": 200, "body": "{number}:" + context.function_version}}
"""}


def two_versions(suffix):
    """A function with versions 1 and 2 and the alias `live` on 1; its alias's ARN."""
    function = name(suffix)
    create(suffix, source(1), Publish=True)
    lam.update_function_code(FunctionName=function, ZipFile=package(source(2)), Publish=True)
    settled(function)
    settled(function, Qualifier="2")
    return function, lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")["AliasArn"]


def share(function, weight, other="2"):
    """Gives version `other` this weight on `live`."""
    return lam.update_alias(
        FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {other: weight}}
    )


def what_may_be_asked():
    function, arn = two_versions("weights")
    at = {"FunctionName": function, "Name": "live"}

    # boto3 itself would refuse a negative weight.
    unchecked = boto3.client("lambda", region_name=REGION, endpoint_url=ENDPOINT, aws_access_key_id="test",
                             aws_secret_access_key="test", config=Config(parameter_validation=False))

    def bad(what, code, words, weights, **more):
        config = {"AdditionalVersionWeights": weights}
        refused(what, code, words, unchecked.update_alias, **at, RoutingConfig=config, **more)
        fresh = {"FunctionName": function, "Name": "fresh", "FunctionVersion": "1", **more}
        refused(f"{what}, new", code, words, unchecked.create_alias, **fresh, RoutingConfig=config)

    bad("two more", INVALID, "cannot be greater than 1", {"2": 0.1, "1": 0.1})
    bad("too heavy", "ValidationException", "less than or equal to 1.0", {"2": 1.01})
    bad("too light", "ValidationException", "greater than or equal to 0.0", {"2": -0.5})
    bad("not published", "ValidationException", "[0-9]+", {"$LATEST": 0.1})
    bad("an alias", "ValidationException", "[0-9]+", {"live": 0.1})
    bad("the same", INVALID, "already included in routing configuration", {"1": 0.1})
    bad("no such version", "ResourceNotFoundException", f"{function}:9", {"9": 0.1})
    bad("$LATEST and another", INVALID, "more than 1 version", {"1": 0.1}, FunctionVersion="$LATEST")
    holds("nothing was changed", "RoutingConfig" not in lam.get_alias(**at))
    equal("and nothing made", [one["Name"] for one in lam.list_aliases(FunctionName=function)["Aliases"]], ["live"])

    wanted = {"AdditionalVersionWeights": {"2": 0.25}}
    equal("weights", share(function, 0.25)["RoutingConfig"], wanted)
    equal("shown", lam.get_alias(**at)["RoutingConfig"], wanted)
    equal("listed", lam.list_aliases(FunctionName=function)["Aliases"][0]["RoutingConfig"], wanted)
    by_version = lam.list_aliases(FunctionName=function, FunctionVersion="2")["Aliases"]
    equal("listed by its own version only", by_version, [])
    kept = lam.update_alias(**at, Description="told")
    equal("a change of something else", (kept["RoutingConfig"], kept["Description"]), (wanted, "told"))
    refused("onto the second", INVALID, "already included", lam.update_alias, **at, FunctionVersion="2")
    refused("onto $LATEST", INVALID, "more than 1 version", lam.update_alias, **at, FunctionVersion="$LATEST")
    refused("of no version", "ResourceNotFoundException", "Function not found", lam.update_alias, **at, FunctionVersion="9")
    words = "Unable to delete version because the following aliases reference it: [live]"
    for number in ["1", "2"]:
        refused(f"delete {number}", "ResourceConflictException", words, lam.delete_function, FunctionName=function, Qualifier=number)
    refused("delete an alias", INVALID, "Deletion of aliases is not currently supported.",
            lam.delete_function, FunctionName=function, Qualifier="live")
    for emptied in [{"AdditionalVersionWeights": {}}, {}]:
        share(function, 0.25)
        holds(f"cleared by {emptied}", "RoutingConfig" not in lam.update_alias(**at, RoutingConfig=emptied))
    lam.delete_function(FunctionName=function, Qualifier="2")
    # Measured on AWS: deleting what is not there succeeds.
    lam.delete_function(FunctionName=function, Qualifier="2")
    refused("of a deleted version", "ResourceNotFoundException", "Function not found", share, function=function, weight=0.1)

    other = make_role("weights-role", "lambda.amazonaws.com")
    lam.update_function_configuration(FunctionName=function, Role=other)
    settled(function)
    number = lam.publish_version(FunctionName=function)["Version"]
    equal("a third", number, "3")
    refused("of another role", INVALID, "Specified versions must be associated with the same execution role",
            share, function=function, weight=0.1, other="3")
    equal("unweighted is free", lam.update_alias(**at, FunctionVersion="3")["FunctionVersion"], "3")


def starts(function):
    """(request id, version) of every start in the function's log."""
    try:
        lines = log_lines(function)
    except logs.exceptions.ResourceNotFoundException:
        return []
    found = [line.split() for line in lines if line.startswith("START ")]
    return [(words[2], words[4]) for words in found]


def every_way_in():
    function, arn = two_versions("ways")
    lam.add_permission(FunctionName=function, Qualifier="live", StatementId="api",
                       Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    anybody = {"FunctionName": function, "Qualifier": "live", "Principal": "*"}
    lam.add_permission(**anybody, StatementId="u", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    lam.add_permission(**anybody, StatementId="v", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    url = lam.create_function_url_config(FunctionName=function, Qualifier="live", AuthType="NONE")["FunctionUrl"]
    http, rest = client("apigatewayv2"), client("apigateway")
    http_id = http.create_api(Name=name("ways"), ProtocolType="HTTP", Target=arn)["ApiId"]
    rest_id = rest.create_rest_api(name=name("ways"))["id"]
    root = rest.get_resources(restApiId=rest_id)["items"][0]["id"]
    at = {"restApiId": rest_id, "resourceId": root, "httpMethod": "GET"}
    rest.put_method(authorizationType="NONE", **at)
    rest.put_integration(type="AWS_PROXY", integrationHttpMethod="POST", **at,
                         uri=f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations")
    rest.create_deployment(restApiId=rest_id, stageName="dev")

    def got(host, path="/"):
        asked = urllib.request.Request(f"{ENDPOINT}{path}", headers={"Host": host})
        return urllib.request.urlopen(asked).read().decode()

    def streamed():
        parts = lam.invoke_with_response_stream(FunctionName=function, Qualifier="live", Payload=b"{}")
        body = b"".join(part["PayloadChunk"]["Payload"] for part in parts["EventStream"] if "PayloadChunk" in part)
        return parts["ExecutedVersion"], json.loads(body)["body"]

    for weight, number in [(1.0, "2"), (0.0, "1")]:
        share(function, weight)
        wanted = f"{number}:{number}"
        payload, found = invoke(function, {}, Qualifier="live")
        equal("invoke", (payload["body"], found["ExecutedVersion"]), (wanted, number))
        equal("invoke by ARN", invoke(arn, {})[1]["ExecutedVersion"], number)
        equal("streaming", streamed(), (number, wanted))
        equal("function URL", got(url.split("/")[2]), wanted)
        equal("HTTP API", got(f"{http_id}.execute-api.localhost:{PORT}"), wanted)
        equal("REST API", got(f"{rest_id}.execute-api.localhost:{PORT}", "/dev"), wanted)
        equal("a version is a version", invoke(function, {}, Qualifier="1")[1]["ExecutedVersion"], "1")
        event = lam.invoke(FunctionName=arn, InvocationType="Event", Payload=b"{}")["ResponseMetadata"]["RequestId"]
        until("the event runs", lambda: [version for id, version in starts(function) if id == event] == [number])
    http.delete_api(ApiId=http_id)
    rest.delete_rest_api(restApiId=rest_id)

    role = make_role("ways-role", "scheduler.amazonaws.com")
    iam.put_role_policy(RoleName=role.split("/")[1], PolicyName="call", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}],
    }))
    share(function, 1.0)
    before = {id for id, _ in starts(function)}
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    client("scheduler").create_schedule(
        Name=name("ways"), ScheduleExpression=soon, FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": role}, ActionAfterCompletion="DELETE")
    fresh = until("the schedule fires", lambda: [version for id, version in starts(function) if id not in before])
    equal("Scheduler", fresh, ["2"])
    iam.delete_role_policy(RoleName=role.split("/")[1], PolicyName="call")


def one_draw_per_event():
    function, arn = two_versions("draws")
    share(function, 0.5)
    seen = [invoke(arn, {})[1]["ExecutedVersion"] for _ in range(60)]
    holds(f"both versions get traffic: {seen}", 10 <= seen.count("2") <= 50)
    before = {id for id, _ in starts(function)}
    for _ in range(12):
        lam.invoke(FunctionName=arn, InvocationType="Event", Payload=b'{"fails": true}')

    def tries():
        found = {}
        for id, version in starts(function):
            if id not in before:
                found.setdefault(id, []).append(version)
        return found if len(found) == 12 and all(len(versions) == 3 for versions in found.values()) else None

    found = until("12 events are tried three times", tries)
    holds(f"retries stay with one version: {found}", all(len(set(versions)) == 1 for versions in found.values()))
