"""EventBridge through boto3, against the local cloud: python events.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import json
from datetime import datetime, timezone

from lambda_kit import client, create, equal, holds, lam, log_lines, logs, name, refused, until

events, sqs = client("events"), client("sqs")
ECHO = "import json\ndef handler(event, context):\n    print('EVENT ' + json.dumps(event), flush=True)\n"
FUNCTION = create("hears", {"app.py": ECHO})["FunctionArn"]
FUNCTION = FUNCTION.split(":function:")[0] + ":function:" + FUNCTION.split(":function:")[1].split(":")[0]
ACCOUNT = FUNCTION.split(":")[4]
BUS = name("bus")
URL = sqs.create_queue(QueueName=name("heard"))["QueueUrl"]
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name('heard')}"


def put(*entries, **more):
    base = {"Source": "shop", "DetailType": "paid", "Detail": "{}", **more}
    return events.put_events(Entries=[{**base, **entry} for entry in entries or [{}]])


def take(many, seconds=20):
    found = []

    def some():
        for message in sqs.receive_message(QueueUrl=URL, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", []):
            found.append(message)
            sqs.delete_message(QueueUrl=URL, ReceiptHandle=message["ReceiptHandle"])
        return len(found) >= many
    until(f"{many} messages", some, seconds)
    return found


def bodies(many):
    return sorted((json.loads(message["Body"]) for message in take(many)), key=str)


def target(rule, bus=BUS, arn=QUEUE, **more):
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "one", "Arn": arn, **more}])


def buses():
    arn = events.create_event_bus(Name=BUS, Description="of a test", Tags=[{"Key": "a", "Value": "b"}])["EventBusArn"]
    equal("ARN", arn, f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/{BUS}")
    refused("twice", "ResourceAlreadyExistsException", "already exists", events.create_event_bus, Name=BUS)
    refused("a partner's", "NotImplemented", "not supported", events.create_event_bus, Name="x", EventSourceName="aws.partner/a/b")
    shown = events.describe_event_bus(Name=BUS)
    equal("description", (shown["Arn"], shown["Description"]), (arn, "of a test"))
    equal("by ARN", events.describe_event_bus(Name=arn)["Name"], BUS)
    equal("default", events.describe_event_bus()["Name"], "default")
    equal("list", [bus["Name"] for bus in events.list_event_buses(NamePrefix=BUS)["EventBuses"]], [BUS])
    refused("none", "ResourceNotFoundException", "does not exist", events.describe_event_bus, Name="absent")
    refused("the default one", "ValidationException", "default", events.delete_event_bus, Name="default")
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "d"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["a"])
    equal("tags", events.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "c", "Value": "d"}])
    refused("archives", "NotImplemented", "not supported", events.create_archive, ArchiveName="x", EventSourceArn=arn)


def rules():
    pattern = json.dumps({"source": ["shop"]})
    arn = events.put_rule(Name=name("r"), EventBusName=BUS, EventPattern=pattern, Tags=[{"Key": "a", "Value": "b"}])["RuleArn"]
    equal("ARN", arn, f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/{BUS}/{name('r')}")
    events.put_rule(Name=name("r"), EventBusName=BUS, EventPattern=pattern, Tags=[{"Key": "x", "Value": "y"}])
    equal("tags of an update count nothing", events.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "a", "Value": "b"}])
    shown = events.describe_rule(Name=name("r"), EventBusName=BUS)
    equal("rule", (shown["State"], shown["EventPattern"], shown["EventBusName"]), ("ENABLED", pattern, BUS))
    events.disable_rule(Name=name("r"), EventBusName=BUS)
    equal("off", events.list_rules(EventBusName=BUS)["Rules"][0]["State"], "DISABLED")
    events.enable_rule(Name=name("r"), EventBusName=BUS)
    for wrong in ['{"source": "shop"}', "{}", "no JSON", '{"source": []}']:
        refused(wrong, "InvalidEventPatternException", "Event pattern is not valid", events.put_rule, Name="x", EventPattern=wrong)
    refused("neither", "ValidationException", "must be specified", events.put_rule, Name="x")
    refused("clock", "ValidationException", "ScheduleExpression is not valid", events.put_rule, Name="x", ScheduleExpression="rate(5 minute)")
    refused("clock of its own bus", "ValidationException", "default event bus", events.put_rule, Name="x", EventBusName=BUS,
            ScheduleExpression="rate(5 minutes)")
    refused("no bus", "ResourceNotFoundException", "absent", events.put_rule, Name="x", EventBusName="absent", EventPattern=pattern)
    refused("no rule", "ResourceNotFoundException", "does not exist", events.put_targets, Rule="absent", Targets=[{"Id": "1", "Arn": QUEUE}])
    base = {"Id": "1", "Arn": QUEUE}
    for what, code, words, more in [
        ("ECS", "NotImplemented", "not supported", {"Arn": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/x"}),
        ("parameters", "NotImplemented", "KinesisParameters", {"KinesisParameters": {"PartitionKeyPath": "$.id"}}),
        ("two inputs", "ValidationException", "Only one of", {"Input": "{}", "InputPath": "$"}),
        ("path", "ValidationException", "InputPath", {"InputPath": "detail"}),
        ("FIFO without a group", "ValidationException", "SqsParameters", {"Arn": QUEUE + ".fifo"}),
        ("no ARN", "ValidationException", "correct format", {"Arn": "queue"}),
    ]:
        refused(what, code, words, events.put_targets, Rule=name("r"), EventBusName=BUS, Targets=[{**base, **more}])
    target(name("r"))
    equal("targets", events.list_targets_by_rule(Rule=name("r"), EventBusName=BUS)["Targets"], [{"Id": "one", "Arn": QUEUE}])
    equal("by target", events.list_rule_names_by_target(TargetArn=QUEUE, EventBusName=BUS)["RuleNames"], [name("r")])
    refused("with targets", "ValidationException", "since it has targets", events.delete_rule, Name=name("r"), EventBusName=BUS)
    refused("with rules", "ValidationException", "since it has rules", events.delete_event_bus, Name=BUS)


def patterns():
    event = {"id": "1", "account": "1", "source": "shop", "time": "2026-11-21T10:00:00Z", "region": "eu-west-1",
             "resources": [], "detail-type": "paid", "detail": {"total": 12, "name": "ann"}}
    for pattern, wanted in [
        ({"source": ["shop"]}, True), ({"source": [{"prefix": "sh"}], "detail": {"total": [{"numeric": [">", 10]}]}}, True),
        ({"detail": {"name": [{"anything-but": ["ann"]}]}}, False), ({"detail": {"none": [{"exists": False}]}}, True),
        ({"$or": [{"source": ["x"]}, {"detail-type": ["paid"]}]}, True),
    ]:
        found = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]
        equal(f"{pattern}", found, wanted)
    refused("no event", "ValidationException", "detail-type", events.test_event_pattern, EventPattern='{"source": ["a"]}',
            Event=json.dumps({key: value for key, value in event.items() if key != "detail-type"}))


def entries():
    answer = put({"Detail": "[]"}, {"Source": "aws.s3"}, {"Detail": '{"n": 1}', "EventBusName": BUS}, {"DetailType": ""})
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    equal("each for itself", codes, ["MalformedDetail", "NotAuthorizedForSource", None, "InvalidArgument"])
    equal("failed", answer["FailedEntryCount"], 3)
    [event] = bodies(1)
    equal("id", event.pop("id"), answer["Entries"][2]["EventId"])
    holds("time", event.pop("time").endswith("Z"))
    equal("event", event, {"version": "0", "detail-type": "paid", "source": "shop", "account": ACCOUNT, "region": "eu-west-1",
                           "resources": [], "detail": {"n": 1}})
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    put({"EventBusName": BUS, "Time": at, "Resources": ["arn:x"]})
    [event] = bodies(1)
    equal("time and resources", (event["time"], event["resources"]), ("2026-01-02T03:04:05Z", ["arn:x"]))
    entry = {"Source": "shop", "DetailType": "paid", "Detail": "{}"}
    refused("too many", "ValidationException", "less than or equal to 10", events.put_events, Entries=[entry] * 11)
    large = {**entry, "Detail": json.dumps({"x": "x" * 140_000})}
    refused("too large", "ValidationException", "over the limit", events.put_events, Entries=[large] * 2)
    equal("a bus that is not there", put({"EventBusName": "absent"})["FailedEntryCount"], 0)


def inputs():
    rule = name("r")
    detail = json.dumps({"id": "o-1", "list": [{"n": 1}, {"n": 2}]})
    for what, more, wanted in [
        ("constant", {"Input": '{"a": 1}'}, {"a": 1}),
        ("path", {"InputPath": "$.detail.list[1]"}, {"n": 2}),
        ("template", {"InputTransformer": {"InputPathsMap": {"id": "$.detail.id", "all": "$.detail.list[*].n"},
                                           "InputTemplate": '{"id": <id>, "all": <all>, "text": "is <id>", "rule": "<aws.events.rule-name>"}'}},
         {"id": "o-1", "all": [1, 2], "text": "is o-1", "rule": rule}),
    ]:
        target(rule, **more)
        put({"EventBusName": BUS, "Detail": detail})
        equal(what, bodies(1), [wanted])
    target(rule)


def receivers():
    events.put_rule(Name=name("all"), EventPattern=json.dumps({"source": [name("src")]}))
    arn = events.describe_rule(Name=name("all"))["Arn"]
    events.put_targets(Rule=name("all"), Targets=[
        {"Id": "function", "Arn": FUNCTION, "DeadLetterConfig": {"Arn": QUEUE}},
        {"Id": "bus", "Arn": f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/{BUS}"},
    ])
    events.put_rule(Name=name("far"), EventBusName=BUS, EventPattern=json.dumps({"source": [name("src")]}))
    target(name("far"), InputPath="$.detail")
    put({"Source": name("src"), "Detail": '{"n": 7}'})
    # The function lets nobody in: the event is a dead letter. The other bus has it, too.
    found = take(2)
    [letter] = [message for message in found if "MessageAttributes" in message]
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    equal("letter", (attributes["RULE_ARN"], attributes["TARGET_ARN"], attributes["ERROR_CODE"]), (arn, FUNCTION, "NO_PERMISSIONS"))
    equal("its event", json.loads(letter["Body"])["detail"], {"n": 7})
    equal("bus to bus", [json.loads(message["Body"]) for message in found if message is not letter], [{"n": 7}])
    lam.add_permission(FunctionName=FUNCTION, StatementId="events", Action="lambda:InvokeFunction",
                       Principal="events.amazonaws.com", SourceArn=arn)
    put({"Source": name("src"), "Detail": '{"n": 8}'})
    equal("bus to bus again", bodies(1), [{"n": 8}])

    def called():
        try:
            return [line for line in log_lines(name("hears")) if line.startswith("EVENT ")]
        except logs.exceptions.ResourceNotFoundException:
            return []
    until("the call", called)
    equal("the call", [json.loads(line[6:])["detail"] for line in called()], [{"n": 8}])


def gone():
    for rule, bus, ids in [(name("all"), "default", ["function", "bus"]), (name("far"), BUS, ["one"]), (name("r"), BUS, ["one"])]:
        events.remove_targets(Rule=rule, EventBusName=bus, Ids=ids)
        events.delete_rule(Name=rule, EventBusName=bus)
        events.delete_rule(Name=rule, EventBusName=bus)
    events.delete_event_bus(Name=BUS)
    events.delete_event_bus(Name=BUS)
    sqs.delete_queue(QueueUrl=URL)


buses()
rules()
patterns()
entries()
inputs()
receivers()
gone()
