"""Schedules that call queues and event buses, through boto3: python scheduler_targets.py http://127.0.0.1:PORT"""

import json
from datetime import datetime, timedelta, timezone

from lambda_kit import client, equal, iam, make_role, name, refused, until

scheduler, sqs, events = client("scheduler"), client("sqs"), client("events")
ROLE = make_role("sender", "scheduler.amazonaws.com")
ACCOUNT = ROLE.split(":")[4]
URL = sqs.create_queue(QueueName=name("jobs"))["QueueUrl"]
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name('jobs')}"
BUS = events.create_event_bus(Name=name("bus"))["EventBusArn"]
iam.put_role_policy(RoleName=ROLE.split("/")[1], PolicyName="send", PolicyDocument=json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage", "events:PutEvents"], "Resource": "*"}],
}))
POWERLESS = make_role("cannot", "scheduler.amazonaws.com")


def put(suffix, target, role=ROLE):
    at = (datetime.now(timezone.utc) + timedelta(seconds=2)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    scheduler.create_schedule(Name=name(suffix), ScheduleExpression=at, FlexibleTimeWindow={"Mode": "OFF"},
                              ActionAfterCompletion="DELETE", Target={"RoleArn": role, **target})


def received():
    found = []

    def one():
        found.extend(sqs.receive_message(QueueUrl=URL, MessageAttributeNames=["All"]).get("Messages", []))
        return found
    until("a message", one)
    sqs.delete_message(QueueUrl=URL, ReceiptHandle=found[0]["ReceiptHandle"])
    return found[0]


put("queue", {"Arn": QUEUE, "Input": "not JSON"})
equal("to a queue", received()["Body"], "not JSON")

events.put_rule(Name=name("r"), EventBusName=name("bus"), EventPattern=json.dumps({"source": ["clock"], "detail-type": ["tick"]}))
events.put_targets(Rule=name("r"), EventBusName=name("bus"), Targets=[{"Id": "1", "Arn": QUEUE, "InputPath": "$.detail"}])
bus = {"Arn": BUS, "EventBridgeParameters": {"Source": "clock", "DetailType": "tick"}}
put("bus", {**bus, "Input": json.dumps({"n": 1})})
equal("to a bus", json.loads(received()["Body"]), {"n": 1})

lost = {"Arn": QUEUE, "Input": "lost", "DeadLetterConfig": {"Arn": QUEUE}}
put("letter", lost, POWERLESS)
letter = received()
attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
equal("a dead letter", (letter["Body"], attributes["ERROR_CODE"], attributes["TARGET_ARN"]), ("lost", "AccessDeniedException", QUEUE))

for what, words, target in [
    ("a bus without a source", "EventBridgeParameters", {"Arn": BUS}),
    ("a bus with text", "JSON object", {**bus, "Input": "text"}),
    ("FIFO without a group", "SqsParameters", {"Arn": QUEUE + ".fifo"}),
]:
    refused(what, "ValidationException", words, put, suffix="bad", target=target)
events.remove_targets(Rule=name("r"), EventBusName=name("bus"), Ids=["1"])
events.delete_rule(Name=name("r"), EventBusName=name("bus"))
events.delete_event_bus(Name=name("bus"))
sqs.delete_queue(QueueUrl=URL)
