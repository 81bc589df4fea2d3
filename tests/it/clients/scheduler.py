"""EventBridge Scheduler through boto3, against the local cloud: python scheduler.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import json
from datetime import datetime, timedelta, timezone

from lambda_kit import ROLES, client, create, equal, holds, iam, lam, log_lines, logs, made, make_role, name, refused, until

scheduler = client("scheduler")
OFF = {"Mode": "OFF"}
ROLE = make_role("caller", "scheduler.amazonaws.com")
LAMBDA_ROLE = make_role("not-scheduler", "lambda.amazonaws.com")
ACCOUNT = ROLE.split(":")[4]
# Prints what it is called with, one JSON document per line.
ECHO = "import json\ndef handler(event, context):\n    print('EVENT ' + json.dumps(event), flush=True)\n"
FUNCTION = create("scheduled", {"app.py": ECHO})["FunctionArn"]
iam.put_role_policy(RoleName=ROLE.split("/")[1], PolicyName="call", PolicyDocument=json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": FUNCTION.rsplit(":", 1)[0] + ":" + name("*")}],
}))
POWERLESS = make_role("powerless", "scheduler.amazonaws.com")
ABSENT = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{name('absent')}"


def target(event=None, **more):
    given = {"Arn": FUNCTION, "RoleArn": ROLE, **more}
    return given if event is None else {**given, "Input": json.dumps(event)}


def put(suffix, expression, **more):
    more.setdefault("Target", target())
    more.setdefault("FlexibleTimeWindow", OFF)
    return scheduler.create_schedule(Name=name(suffix), ScheduleExpression=expression, **more)


def refused_put(what, code, words, suffix="bad", expression="rate(1 days)", **more):
    refused(what, code, words, put, suffix=suffix, expression=expression, **more)


def drop(suffix, **more):
    scheduler.delete_schedule(Name=name(suffix), **more)


def events():
    try:
        lines = log_lines(name("scheduled"))
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(line[6:]) for line in lines if line.startswith("EVENT ")]


def soon(seconds=2):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("at(%Y-%m-%dT%H:%M:%S)")


def groups():
    group = name("group")
    arn = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule-group/{group}"
    tags = [{"Key": "rzap:app", "Value": "a"}, {"Key": "rzap:stage", "Value": "dev"}]
    equal("arn", scheduler.create_schedule_group(Name=group, Tags=tags)["ScheduleGroupArn"], arn)
    refused("twice", "ConflictException", "already exists", scheduler.create_schedule_group, Name=group)
    again = dict(Name=name("again"), ClientToken="the-same-token")
    equal("same token", scheduler.create_schedule_group(**again)["ScheduleGroupArn"],
          scheduler.create_schedule_group(**again)["ScheduleGroupArn"])
    scheduler.delete_schedule_group(Name=name("again"))
    shown = scheduler.get_schedule_group(Name=group)
    equal("state", (shown["Arn"], shown["State"]), (arn, "ACTIVE"))
    holds("made now", abs((shown["CreationDate"] - datetime.now(timezone.utc)).total_seconds()) < 60)
    equal("default", scheduler.get_schedule_group(Name="default")["State"], "ACTIVE")
    equal("tags", scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"], tags)
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "x", "Value": "1"}, {"Key": "rzap:stage", "Value": "prod"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["x", "rzap:app"])
    equal("tags then", scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"], [{"Key": "rzap:stage", "Value": "prod"}])
    schedule = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/default/x"
    refused("tags of a schedule", "ValidationException", "regular expression", scheduler.list_tags_for_resource,
            ResourceArn=schedule)
    refused("tags of nothing", "ResourceNotFoundException", "does not exist", scheduler.list_tags_for_resource,
            ResourceArn=arn + "-absent")
    equal("regions are apart", [g["Name"] for g in client("scheduler", "us-east-1").list_schedule_groups()["ScheduleGroups"]],
          ["default"])
    refused("default", "ValidationException", "default", scheduler.delete_schedule_group, Name="default")
    refused("absent", "ResourceNotFoundException", "does not exist", scheduler.get_schedule_group, Name="absent")
    refused("bad name", "ValidationException", "'name'", scheduler.create_schedule_group, Name="a b")
    refused("long name", "ValidationException", "less than or equal to 64", scheduler.create_schedule_group, Name="a" * 65)

    put("inside", "rate(1 days)", GroupName=group, State="DISABLED")
    scheduler.delete_schedule_group(Name=group)
    equal("deleting", scheduler.get_schedule_group(Name=group)["State"], "DELETING")
    refused("made while deleted", "ConflictException", group, scheduler.create_schedule_group, Name=group)

    def gone():
        try:
            scheduler.get_schedule_group(Name=group)
        except scheduler.exceptions.ResourceNotFoundException:
            return True

    until("the group goes", gone)
    refused("its schedule", "ResourceNotFoundException", "does not exist", scheduler.get_schedule, GroupName=group,
            Name=name("inside"))
    scheduler.create_schedule_group(Name=group)
    scheduler.delete_schedule_group(Name=group)


def schedules():
    start = datetime(2090, 1, 1, tzinfo=timezone.utc)
    asked = dict(
        ScheduleExpression="cron(0 2 ? * MON-FRI *)", ScheduleExpressionTimezone="Europe/Berlin", State="DISABLED",
        Description="nightly", StartDate=start, EndDate=start + timedelta(days=1), ActionAfterCompletion="DELETE",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        Target=target({"job": 1}, RetryPolicy={"MaximumEventAgeInSeconds": 120, "MaximumRetryAttempts": 3}),
    )
    arn = scheduler.create_schedule(Name=name("full"), **asked)["ScheduleArn"]
    equal("arn", arn, f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/default/{name('full')}")
    shown = scheduler.get_schedule(Name=name("full"))
    equal("as it was asked for", {key: shown[key] for key in asked}, asked)
    equal("place", (shown["Arn"], shown["GroupName"], shown["Name"]), (arn, "default", name("full")))
    refused_put("twice", "ConflictException", "already exists", "full")

    # An update sets everything: what it leaves out goes back to its default.
    scheduler.update_schedule(Name=name("full"), ScheduleExpression="rate(2 hours)", FlexibleTimeWindow=OFF,
                              Target=target(), State="DISABLED")
    shown = scheduler.get_schedule(Name=name("full"))
    equal("nothing stays", sorted(set(shown) & {"StartDate", "EndDate", "Description"}), [])
    equal("defaults", (shown["ScheduleExpressionTimezone"], shown["ActionAfterCompletion"], shown["FlexibleTimeWindow"]),
          ("UTC", "NONE", OFF))
    equal("retries", shown["Target"]["RetryPolicy"], {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185})
    holds("dates", shown["LastModificationDate"] >= shown["CreationDate"])
    refused("update of nothing", "ResourceNotFoundException", "does not exist", scheduler.update_schedule,
            Name=name("absent"), ScheduleExpression="rate(1 days)", FlexibleTimeWindow=OFF, Target=target())
    refused_put("group of nothing", "ResourceNotFoundException", "group", GroupName="absent")
    drop("full")
    refused("gone", "ResourceNotFoundException", "does not exist", scheduler.delete_schedule, Name=name("full"))

    for at in range(5):
        put(f"list-{at}", "rate(1 days)", State="DISABLED" if at % 2 else "ENABLED", Target=target(Arn=ABSENT))
    pages = list(scheduler.get_paginator("list_schedules").paginate(
        NamePrefix=name("list"), PaginationConfig={"PageSize": 2}))
    equal("pages", [[item["Name"][-1] for item in page["Schedules"]] for page in pages], [["0", "1"], ["2", "3"], ["4"]])
    off = scheduler.list_schedules(NamePrefix=name("list"), State="DISABLED", GroupName="default")["Schedules"]
    equal("state", [(item["Name"][-1], item["State"]) for item in off], [("1", "DISABLED"), ("3", "DISABLED")])
    equal("summary", off[0]["Target"], {"Arn": ABSENT})
    refused("absent group", "ResourceNotFoundException", "group", scheduler.list_schedules, GroupName="absent")
    refused("bad token", "ValidationException", "NextToken", scheduler.list_schedules, NextToken="?")
    for at in range(5):
        drop(f"list-{at}")


def what_is_refused():
    for expression in ("rate(5 seconds)", "rate(0 minutes)", "cron(* * * * *)", "cron(0 12 * * * *)", "cron(*/60 * * * ? *)",
                       "at(2026-13-01T00:00:00)", "at(2026-11-21 10:00:00)", "every 5 minutes"):
        refused_put(expression, "ValidationException", f"Invalid Schedule Expression {expression}", expression=expression)
    past = datetime(2020, 1, 1, tzinfo=timezone.utc)
    for what, words, more in [
        ("zone", "ScheduleExpressionTimezone", {"ScheduleExpressionTimezone": "Mars/Olympus"}),
        ("start", "StartDate", {"StartDate": past}),
        ("end", "EndDate", {"EndDate": past}),
        ("window without minutes", "MaximumWindowInMinutes", {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}),
        ("minutes", "'flexibleTimeWindow.maximumWindowInMinutes'",
         {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1441}}),
        ("mode", "enum value set: [OFF, FLEXIBLE]", {"FlexibleTimeWindow": {"Mode": "SOMETIMES"}}),
        ("state", "enum value set: [ENABLED, DISABLED]", {"State": "ON"}),
        ("action", "enum value set: [NONE, DELETE]", {"ActionAfterCompletion": "KEEP"}),
        ("retries", "'target.retryPolicy.maximumRetryAttempts'", {"Target": target(RetryPolicy={"MaximumRetryAttempts": 186})}),
        ("age", "'target.retryPolicy.maximumEventAgeInSeconds'", {"Target": target(RetryPolicy={"MaximumEventAgeInSeconds": 86401})}),
        ("input", "JSON", {"Target": {**target(), "Input": "{not json"}}),
        ("arn", "not in correct format", {"Target": target(Arn="jobs")}),
        ("lambda arn", "not in correct format", {"Target": target(Arn="arn:aws:lambda:eu-west-1:1:function:x")}),
        ("role arn", "'target.roleArn'", {"Target": target(RoleArn="arn:aws:iam::1:user/x")}),
        ("role that is not there", "must allow AWS EventBridge Scheduler to assume the role",
         {"Target": target(RoleArn=ROLE + "-absent")}),
        ("role of others", "must allow AWS EventBridge Scheduler to assume the role", {"Target": target(RoleArn=LAMBDA_ROLE)}),
    ]:
        refused_put(what, "ValidationException", words, **more)
    refused("name", "ValidationException", "regular expression", scheduler.create_schedule, Name="a b",
            ScheduleExpression="rate(1 days)", FlexibleTimeWindow=OFF, Target=target())
    not_here = "is not supported by the local cloud"
    stream = f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/jobs"
    for what, more in [
        ("Kinesis", {"Target": target(Arn=stream)}),
        ("universal target", {"Target": target(Arn="arn:aws:scheduler:::aws-sdk:lambda:invoke")}),
        ("parameters of others", {"Target": target(KinesisParameters={"PartitionKey": "x"})}),
        ("key", {"KmsKeyArn": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/x"}),
    ]:
        refused_put(what, "NotImplemented", not_here, **more)
    equal("nothing was made", scheduler.list_schedules(NamePrefix=name("bad"))["Schedules"], [])


def trust_with_conditions():
    """What AWS recommends against the confused deputy: this account, and the group's ARN."""
    trust = json.loads(json.dumps(iam.get_role(RoleName=ROLE.split("/")[1])["Role"]["AssumeRolePolicyDocument"]))

    def only(**condition):
        trust["Statement"][0]["Condition"] = {"StringEquals": condition}
        iam.update_assume_role_policy(RoleName=ROLE.split("/")[1], PolicyDocument=json.dumps(trust))

    default = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule-group/default"
    wrong = [{"aws:SourceAccount": "111111111111"}, {"aws:SourceArn": default + "-x"},
             {"aws:SourceArn": f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/default/{name('trusted')}"}]
    for condition in wrong:
        only(**condition)
        refused_put(str(condition), "ValidationException", "assume the role")
    only(**{"aws:SourceAccount": ACCOUNT, "aws:SourceArn": default})
    put("trusted", "rate(1 days)", State="DISABLED")
    drop("trusted")


def firing():
    # A rate begins at once; off is off; the start and the future are not now.
    put("rate", "rate(1 hours)", Target=target({"kind": "rate", "at": "<aws.scheduler.scheduled-time>"}))
    put("off", "rate(1 hours)", Target=target({"kind": "off"}), State="DISABLED")
    put("later", "rate(1 hours)", Target=target({"kind": "later"}), StartDate=datetime.now(timezone.utc) + timedelta(hours=1))
    put("cron", "cron(0 0 1 1 ? 2199)", Target=target({"kind": "cron"}))
    (found,) = until("the rate", lambda: [event for event in events() if event["kind"] == "rate"])
    holds("keywords are filled in", abs(datetime.fromisoformat(found["at"].replace("Z", "+00:00"))
                                       - datetime.now(timezone.utc)) < timedelta(minutes=1))
    # Once, and gone afterwards; once, and still there; with the default event; with nobody to call.
    put("once", soon(), Target=target({"kind": "once"}), ActionAfterCompletion="DELETE")
    kolkata = (datetime.now(timezone.utc) + timedelta(seconds=2, hours=5, minutes=30)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    put("stays", kolkata, ScheduleExpressionTimezone="Asia/Kolkata", Target=target({"kind": "stays"}))
    put("plain", soon())
    put("nobody", soon(), Target=target(Arn=ABSENT), ActionAfterCompletion="DELETE")
    # Nobody asks what the role may do when the schedule is made, only when it fires.
    put("powerless", soon(), Target=target({"kind": "powerless"}, RoleArn=POWERLESS), ActionAfterCompletion="DELETE")

    def names():
        return {item["Name"] for item in scheduler.list_schedules(NamePrefix=name(""))["Schedules"]}

    until("once", lambda: [event for event in events() if event.get("kind") == "once"])
    until("stays", lambda: [event for event in events() if event.get("kind") == "stays"])
    plain = until("the default event", lambda: [event for event in events() if event.get("source") == "aws.scheduler"])[0]
    equal("resources", plain["resources"], [scheduler.get_schedule(Name=name("plain"))["Arn"]])
    equal("kind", (plain["detail-type"], plain["detail"], plain["region"]), ("Scheduled Event", "{}", "eu-west-1"))
    until("what is done is deleted", lambda: not names() & {name(kind) for kind in ("once", "nobody", "powerless")})
    equal("the others stay", names(), {name(kind) for kind in ("rate", "off", "later", "cron", "stays", "plain")})
    # Switching on counts as making it: a rate begins with that.
    scheduler.update_schedule(Name=name("off"), ScheduleExpression="rate(1 hours)", FlexibleTimeWindow=OFF,
                              Target=target({"kind": "on"}))
    until("on", lambda: [event for event in events() if event.get("kind") == "on"])
    # A role that no longer trusts the service is no longer taken.
    trust = iam.get_role(RoleName=ROLE.split("/")[1])["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Principal"]["Service"] = "lambda.amazonaws.com"
    put("untrusted", soon(), Target=target({"kind": "untrusted"}), ActionAfterCompletion="DELETE")
    iam.update_assume_role_policy(RoleName=ROLE.split("/")[1], PolicyDocument=json.dumps(trust))
    until("it was tried", lambda: name("untrusted") not in names())
    kinds = sorted(event.get("kind", "plain") for event in events())
    equal("each once", kinds, ["on", "once", "plain", "rate", "stays"])
    for kind in ("rate", "off", "later", "cron", "stays", "plain"):
        drop(kind)


def clean_up():
    for function in made:
        lam.delete_function(FunctionName=function)
    iam.delete_role_policy(RoleName=ROLE.split("/")[1], PolicyName="call")
    for role in ROLES:
        iam.delete_role(RoleName=role)


for topic in [groups, schedules, what_is_refused, trust_with_conditions, firing, clean_up]:
    topic()
    print(f"scheduler: {topic.__name__.replace('_', ' ')}")
