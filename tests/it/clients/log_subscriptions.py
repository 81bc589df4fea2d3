"""Subscription filters through boto3, against the local cloud: python log_subscriptions.py http://127.0.0.1:PORT"""

import base64
import gzip
import json
import time

from lambda_kit import create, equal, holds, lam, log_lines, logs, name, refused, until

ECHO = """import base64, gzip, json
def handler(event, context):
    print('EVENT ' + gzip.decompress(base64.b64decode(event['awslogs']['data'])).decode(), flush=True)
"""
FUNCTION = create("hears", {"app.py": ECHO})["FunctionArn"]
HEAD, TAIL = FUNCTION.split(":function:")
FUNCTION = f"{HEAD}:function:{TAIL.split(':')[0]}"
ACCOUNT = FUNCTION.split(":")[4]
GROUP = "/test/" + name("group")
logs.create_log_group(logGroupName=GROUP)
logs.create_log_stream(logGroupName=GROUP, logStreamName="one")


def put(suffix, pattern="", **more):
    given = {"logGroupName": GROUP, "filterName": suffix, "filterPattern": pattern, "destinationArn": FUNCTION, **more}
    return logs.put_subscription_filter(**given)


def write(*messages):
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName=GROUP, logStreamName="one",
                        logEvents=[{"timestamp": now, "message": message} for message in messages])


def heard():
    try:
        return [json.loads(line[6:]) for line in log_lines(name("hears")) if line.startswith("EVENT ")]
    except logs.exceptions.ResourceNotFoundException:
        return []


refused("not let in", "InvalidParameterException", "Could not execute the lambda function", put, suffix="a")
lam.add_permission(FunctionName=FUNCTION, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com",
                   SourceArn=f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{GROUP}:*", SourceAccount=ACCOUNT)
refused("no group", "ResourceNotFoundException", "does not exist", put, suffix="a", logGroupName="/absent")
refused("pattern", "InvalidParameterException", "", put, suffix="a", pattern="{ $.a = }")
refused("Kinesis", "NotImplemented", "not supported", put, suffix="a", destinationArn=f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/x")
put("errors", "ERROR")
[shown] = logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
holds("creation time", shown.pop("creationTime") > 0)
equal("filter", shown, {"filterName": "errors", "logGroupName": GROUP, "filterPattern": "ERROR", "destinationArn": FUNCTION,
                        "distribution": "ByLogStream"})
write("fine", "ERROR one", "ERROR two")
until("a batch", heard)
[batch] = heard()
ids = [event.pop("id") for event in batch["logEvents"]]
kept = logs.filter_log_events(logGroupName=GROUP, filterPattern="ERROR")["events"]
equal("ids are those of the events", ids, [event["eventId"] for event in kept])
holds("times", all(event.pop("timestamp") > 0 for event in batch["logEvents"]))
equal("batch", batch, {"messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": GROUP, "logStream": "one",
                       "subscriptionFilters": ["errors"], "logEvents": [{"message": "ERROR one"}, {"message": "ERROR two"}]})

put("all")
refused("a third", "LimitExceededException", "limit", put, suffix="third")
put("errors", "{ $.level = bad }")
write(json.dumps({"level": "bad"}))
until("both", lambda: len(heard()) >= 3)
equal("by whom", sorted(batch["subscriptionFilters"][0] for batch in heard()), ["all", "errors", "errors"])
equal("names", [one["filterName"] for one in logs.describe_subscription_filters(logGroupName=GROUP, filterNamePrefix="a")["subscriptionFilters"]], ["all"])
for one in ["errors", "all"]:
    logs.delete_subscription_filter(logGroupName=GROUP, filterName=one)
refused("gone", "ResourceNotFoundException", "subscription filter", logs.delete_subscription_filter, logGroupName=GROUP, filterName="all")
logs.delete_log_group(logGroupName=GROUP)
