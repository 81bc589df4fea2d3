"""CloudWatch alarms through boto3, which speaks CBOR, and by hand in the older protocols.

Usage: cloudwatch.py ENDPOINT. Ends with 1 and a sentence at the first deviation from AWS.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from lambda_kit import ENDPOINT, REGION, ROLES, client, equal, holds, iam, name, refused

watch = client("cloudwatch")
# boto3 itself would refuse some of what is refused here.
unchecked = boto3.client("cloudwatch", region_name=REGION, endpoint_url=ENDPOINT, aws_access_key_id="test",
                         aws_secret_access_key="test", config=Config(parameter_validation=False))
ACCOUNT = "000000000000"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:pager"


def settings(suffix, **more):
    given = {"AlarmName": name(suffix), "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum",
             "Period": 60, "EvaluationPeriods": 1, "Threshold": 0.5, "ComparisonOperator": "GreaterThanThreshold",
             **more}
    return {key: value for key, value in given.items() if value is not None}


def put(suffix, **more):
    watch.put_metric_alarm(**settings(suffix, **more))
    return name(suffix)


def shown(suffix):
    found = watch.describe_alarms(AlarmNames=[name(suffix)])["MetricAlarms"]
    return found[0] if found else None


def names(**arguments):
    return [alarm["AlarmName"] for alarm in watch.describe_alarms(AlarmNamePrefix=name(""), **arguments)["MetricAlarms"]]


def drop(*suffixes):
    watch.delete_alarms(AlarmNames=[name(suffix) for suffix in suffixes])


def made_and_changed():
    everything = settings(
        "all", AlarmDescription="told", ActionsEnabled=False, OKActions=[TOPIC], AlarmActions=[TOPIC, TOPIC + "2"],
        InsufficientDataActions=[], Statistic=None, ExtendedStatistic="p99.9", Unit="Milliseconds",
        Dimensions=[{"Name": "Resource", "Value": "f:live"}, {"Name": "FunctionName", "Value": "f"}], Period=10,
        EvaluationPeriods=5, DatapointsToAlarm=3, Threshold=1e-3, TreatMissingData="notBreaching",
        EvaluateLowSampleCountPercentile="ignore")
    watch.put_metric_alarm(**everything, Tags=[{"Key": "rzap:app", "Value": "a"}])
    found = shown("all")
    for key, value in everything.items():
        order = (lambda items: sorted(items, key=str)) if key == "Dimensions" else (lambda items: items)
        equal(key, order(found[key]), order(value))
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name('all')}"
    equal("arn", found["AlarmArn"], arn)
    equal("state", (found["StateValue"], found["StateReason"]), ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation"))
    now = datetime.now(timezone.utc)
    for key in ["StateUpdatedTimestamp", "AlarmConfigurationUpdatedTimestamp", "StateTransitionedTimestamp"]:
        holds(f"{key} is now", abs(found[key] - now) < timedelta(minutes=1))
    holds("one statistic", "Statistic" not in found)

    watch.set_alarm_state(AlarmName=name("all"), StateValue="ALARM", StateReason="tried", StateReasonData='{"a": 1}')
    put("all", Threshold=7, Tags=[{"Key": "other", "Value": "b"}])
    found = shown("all")
    equal("overwritten", (found["Threshold"], found["ActionsEnabled"], found["Dimensions"], found["AlarmActions"]), (7, True, [], []))
    holds("wholly", not {"Unit", "TreatMissingData", "AlarmDescription", "DatapointsToAlarm", "ExtendedStatistic"} & set(found))
    equal("but for its state", (found["StateValue"], found["StateReason"], found["StateReasonData"]), ("ALARM", "tried", '{"a": 1}'))
    equal("and its tags", watch.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "rzap:app", "Value": "a"}])
    watch.tag_resource(ResourceARN=arn, Tags=[{"Key": "x", "Value": ""}, {"Key": "rzap:app", "Value": "c"}])
    equal("tags", watch.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "rzap:app", "Value": "c"}, {"Key": "x", "Value": ""}])
    watch.untag_resource(ResourceARN=arn, TagKeys=["rzap:app", "none"])
    equal("tags then", watch.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "x", "Value": ""}])
    refused("no such alarm", "ResourceNotFoundException", "not found", watch.list_tags_for_resource, ResourceARN=arn + "x")
    refused("no ARN", "InvalidParameterValue", "ARN", watch.list_tags_for_resource, ResourceARN="all")
    watch.disable_alarm_actions(AlarmNames=[name("all"), name("none")])
    equal("disabled", shown("all")["ActionsEnabled"], False)
    watch.enable_alarm_actions(AlarmNames=[name("all")])
    equal("enabled", shown("all")["ActionsEnabled"], True)
    equal("elsewhere", client("cloudwatch", "us-east-1").describe_alarms(AlarmNames=[name("all")])["MetricAlarms"], [])
    drop("all")
    equal("gone", shown("all"), None)
    refused("its tags, too", "ResourceNotFoundException", "not found", watch.list_tags_for_resource, ResourceARN=arn)


def what_is_refused():
    def bad(words, code="ValidationError", **more):
        refused(f"{more}", code, words, unchecked.put_metric_alarm, **settings("bad", **more))

    for member in ["AlarmName", "ComparisonOperator", "EvaluationPeriods", "Threshold", "Namespace", "MetricName", "Period"]:
        bad(f"at '{member[0].lower()}{member[1:]}' failed to satisfy constraint: Member must not be null", **{member: None})
    bad("length less than or equal to 255", AlarmName="x" * 256)
    bad("greater than or equal to 1", AlarmName="")
    bad("enum value set", ComparisonOperator="Above")
    bad("enum value set", Statistic="Median")
    bad("enum value set", Unit="Parsec")
    bad("Statistic or ExtendedStatistic", Statistic=None)
    bad("Statistic or ExtendedStatistic", ExtendedStatistic="p90")
    bad("ExtendedStatistic", code="InvalidParameterValue", Statistic=None, ExtendedStatistic="p101")
    bad("multiple of 60", Period=45)
    bad("EvaluationPeriods * Period must be <= 86400", Period=300, EvaluationPeriods=289)
    bad("EvaluationPeriods * Period must be <= 604800", Period=3600, EvaluationPeriods=169)
    bad("DatapointsToAlarm must be less than or equal to EvaluationPeriods", DatapointsToAlarm=2)
    bad("TreatMissingData", TreatMissingData="good")
    bad("EvaluateLowSampleCountPercentile", EvaluateLowSampleCountPercentile="x")
    bad("Invalid arn syntax: pager", AlarmActions=["pager"])
    bad("less than or equal to 5", AlarmActions=[TOPIC] * 6)
    bad("[^:].*", Namespace=":x")
    bad("'dimensions.1.member.value'", Dimensions=[{"Name": "a"}])
    bad("twice", code="InvalidParameterValue", Dimensions=[{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}])
    bad("finite", Threshold=float("nan"))
    bad("aws:", code="InvalidParameterValue", Tags=[{"Key": "aws:x", "Value": "1"}])
    ours = "is not supported by the local cloud"
    query = {"Id": "m", "MetricStat": {"Metric": {"Namespace": "a", "MetricName": "b"}, "Period": 60, "Stat": "Sum"}}
    bad(f"PutMetricAlarm with Metrics {ours}", code="NotImplemented", Metrics=[query])
    bad(f"an anomaly detection band as threshold {ours}", code="NotImplemented", ComparisonOperator="GreaterThanUpperThreshold")
    bad(f"the statistic tm90 {ours}", code="NotImplemented", Statistic=None, ExtendedStatistic="tm90")
    equal("nothing was made", names(), [])

    rule = {"AlarmName": name("bad"), "AlarmRule": "ALARM(x)"}
    refused("composite", "NotImplemented", f"PutCompositeAlarm {ours}", watch.put_composite_alarm, **rule)
    put("one")
    missing = {"AlarmName": name("none"), "StateValue": "OK", "StateReason": "x"}
    refused("no such alarm", "ResourceNotFound", name("none"), watch.set_alarm_state, **missing)
    one = {**missing, "AlarmName": name("one")}
    refused("no such state", "ValidationError", "enum value set", watch.set_alarm_state, **{**one, "StateValue": "FINE"})
    refused("data", "InvalidFormat", "JSON", watch.set_alarm_state, **one, StateReasonData="{")
    refused("all or none", "ResourceNotFound", name("none"), watch.delete_alarms, AlarmNames=[name("one"), name("none")])
    equal("none", names(), [name("one")])
    both = {"AlarmNames": [name("one")], "AlarmNamePrefix": "x"}
    refused("names and prefix", "ValidationError", "cannot both", watch.describe_alarms, **both)
    refused("token", "InvalidNextToken", "NextToken", watch.describe_alarms, NextToken="*")
    refused("too many", "ValidationError", "less than or equal to 100", watch.describe_alarms, MaxRecords=101)
    drop("one")


def lists():
    for number in range(5):
        put(f"l{number}", AlarmActions=[TOPIC] if number % 2 else [])
    watch.set_alarm_state(AlarmName=name("l3"), StateValue="OK", StateReason="x")
    equal("by prefix", names(), [name(f"l{number}") for number in range(5)])
    equal("by state", names(StateValue="OK"), [name("l3")])
    equal("by action", names(ActionPrefix=TOPIC), [name("l1"), name("l3")])
    equal("by type", (names(AlarmTypes=["CompositeAlarm"]), len(names(AlarmTypes=["CompositeAlarm", "MetricAlarm"]))), ([], 5))
    found = watch.describe_alarms(AlarmNames=[name("l4"), name("l0"), name("none")])
    equal("by name", [alarm["AlarmName"] for alarm in found["MetricAlarms"]], [name("l0"), name("l4")])
    equal("both kinds", found["CompositeAlarms"], [])
    pages = list(watch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=name(""), PaginationConfig={"PageSize": 2}))
    equal("pages", [len(page["MetricAlarms"]) for page in pages], [2, 2, 1])
    put("l5", MetricName="Duration", Statistic="Average", Dimensions=[{"Name": "FunctionName", "Value": "f"}])
    of = {"Namespace": "AWS/Lambda", "MetricName": "Duration"}
    equal("of another metric", watch.describe_alarms_for_metric(**of)["MetricAlarms"], [])
    of["Dimensions"] = [{"Name": "FunctionName", "Value": "f"}]
    equal("of a metric", [alarm["AlarmName"] for alarm in watch.describe_alarms_for_metric(**of)["MetricAlarms"]], [name("l5")])
    watch.get_waiter("alarm_exists").wait(AlarmNames=[name("l5")], WaiterConfig={"MaxAttempts": 1})
    drop(*[f"l{number}" for number in range(6)])


def history():
    put("h")
    for value, reason in [("OK", "one"), ("OK", "two"), ("ALARM", "three")]:
        watch.set_alarm_state(AlarmName=name("h"), StateValue=value, StateReason=reason)
    found = watch.describe_alarm_history(AlarmName=name("h"))["AlarmHistoryItems"]
    equal("newest first", [item["HistorySummary"] for item in found],
          ["Alarm updated from OK to ALARM", "Alarm updated from INSUFFICIENT_DATA to OK", f'Alarm "{name("h")}" created'])
    data = json.loads(found[0]["HistoryData"])
    equal("data", (data["oldState"]["stateReason"], data["newState"]["stateValue"]), ("two", "ALARM"))
    only = watch.describe_alarm_history(AlarmName=name("h"), HistoryItemType="StateUpdate", ScanBy="TimestampAscending")
    equal("oldest first", [item["HistorySummary"][-2:] for item in only["AlarmHistoryItems"]], ["OK", "RM"])
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    equal("none yet", watch.describe_alarm_history(AlarmName=name("h"), StartDate=later)["AlarmHistoryItems"], [])
    pages = watch.get_paginator("describe_alarm_history").paginate(AlarmName=name("h"), PaginationConfig={"PageSize": 2})
    equal("pages", [len(page["AlarmHistoryItems"]) for page in pages], [2, 1])
    drop("h")
    kept = watch.describe_alarm_history(AlarmName=name("h"))["AlarmHistoryItems"]
    equal("outlives its alarm", kept[0]["HistorySummary"], f'Alarm "{name("h")}" deleted')


def by_hand(body, **headers):
    scope = f"AWS4-HMAC-SHA256 Credential=test/20261121/{REGION}/monitoring/aws4_request, SignedHeaders=host, Signature=0"
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    asked = urllib.request.Request(ENDPOINT + "/", data=body, headers={"Authorization": scope, **headers}, method="POST")
    try:
        return urllib.request.urlopen(asked)
    except urllib.error.HTTPError as error:
        return error


def query(action, **parameters):
    body = urllib.parse.urlencode({"Action": action, "Version": "2010-08-01", **parameters}).encode()
    answer = by_hand(body, Content_Type="application/x-www-form-urlencoded")
    return answer.status, xml.fromstring(answer.read())


def older_protocols():
    space = "{http://monitoring.amazonaws.com/doc/2010-08-01/}"
    flat = {key: str(value) for key, value in settings("q", ActionsEnabled="false").items()}
    dimension = {"Dimensions.member.1.Name": "FunctionName", "Dimensions.member.1.Value": "f"}
    status, answer = query("PutMetricAlarm", **flat, **dimension, **{"AlarmActions.member.1": TOPIC})
    equal("put", (status, answer.tag), (200, f"{space}PutMetricAlarmResponse"))
    made = shown("q")
    equal("seen by CBOR", (made["ActionsEnabled"], made["Threshold"], made["AlarmActions"]), (False, 0.5, [TOPIC]))
    _, answer = query("DescribeAlarms", **{"AlarmNames.member.1": name("q")})
    (alarm,) = answer.findall(f"{space}DescribeAlarmsResult/{space}MetricAlarms/{space}member")
    text = {one.tag.removeprefix(space): one.text for one in alarm}
    equal("text", (text["AlarmName"], text["Period"], text["ActionsEnabled"]), (name("q"), "60", "false"))
    datetime.fromisoformat(text["StateUpdatedTimestamp"].replace("Z", "+00:00"))
    equal("dimension", alarm.find(f"{space}Dimensions/{space}member/{space}Value").text, "f")
    status, answer = query("SetAlarmState", AlarmName=name("none"), StateValue="OK", StateReason="x")
    code = [one.text for one in answer.iter() if one.tag.endswith("Code")]
    equal("fault", (status, code), (404, ["ResourceNotFound"]))
    status, answer = query("NoSuchThing")
    equal("unknown", status, 501)

    def send(operation, **members):
        target = f"GraniteServiceVersion20100801.{operation}"
        answer = by_hand(json.dumps(members).encode(), Content_Type="application/x-amz-json-1.0", X_Amz_Target=target)
        return answer.status, answer.headers, json.loads(answer.read())

    status, _, answer = send("DescribeAlarms", AlarmNames=[name("q")])
    equal("JSON", (status, answer["MetricAlarms"][0]["AlarmName"]), (200, name("q")))
    holds("seconds", abs(answer["MetricAlarms"][0]["StateUpdatedTimestamp"] - datetime.now().timestamp()) < 60)
    status, headers, answer = send("PutMetricAlarm", AlarmName="x")
    equal("JSON fault", (status, answer["__type"], headers["x-amzn-query-error"]),
          (400, "ValidationException", "ValidationError;Sender"))
    equal("JSON empty", send("DeleteAlarms", AlarmNames=[name("q")])[2], {})
    unsigned = urllib.request.Request(f"{ENDPOINT}/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
                                      data=b"\xa0", headers={"smithy-protocol": "rpc-v2-cbor"}, method="POST")
    try:
        urllib.request.urlopen(unsigned)
        holds("an unsigned request is refused", False)
    except urllib.error.HTTPError as error:
        equal("unsigned", (error.status, error.headers["smithy-protocol"]), (403, "rpc-v2-cbor"))


def clean_up():
    for role in ROLES:
        iam.delete_role(RoleName=role)


for topic in [made_and_changed, what_is_refused, lists, history, older_protocols, clean_up]:
    topic()
    print(f"cloudwatch: {topic.__name__.replace('_', ' ')}")
