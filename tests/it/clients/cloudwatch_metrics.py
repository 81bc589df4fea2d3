"""CloudWatch's metrics through boto3: put, read back, measured by Lambda, and alarms that follow them.

Usage: cloudwatch_metrics.py ENDPOINT. Ends with 1 and a sentence at the first deviation from AWS.
"""

from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from lambda_kit import (
    ENDPOINT,
    REGION,
    ROLES,
    client,
    create,
    equal,
    holds,
    iam,
    lam,
    made,
    name,
    package,
    refused,
    settled,
    until,
)

watch = client("cloudwatch")
# boto3 itself would refuse some of what is refused here.
unchecked = boto3.client("cloudwatch", region_name=REGION, endpoint_url=ENDPOINT, aws_access_key_id="test",
                         aws_secret_access_key="test", config=Config(parameter_validation=False))
SPACE = name("space")
MINUTE = timedelta(minutes=1)
# The minutes before this one are complete.
NOW = datetime.now(timezone.utc).replace(second=0, microsecond=0)


def put(metric, *values, at=-MINUTE, **more):
    data = [{"MetricName": metric, "Timestamp": NOW + at, "Value": value, **more} for value in values]
    watch.put_metric_data(Namespace=SPACE, MetricData=data)


def statistics(metric, *names, start=-10 * MINUTE, end=timedelta(0), period=60, space=SPACE, **more):
    found = watch.get_metric_statistics(Namespace=space, MetricName=metric, StartTime=NOW + start, EndTime=NOW + end,
                                        Period=period, Statistics=names, **more)
    equal("label", found["Label"], metric)
    return found["Datapoints"]


ALL = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]


def put_and_read():
    put("one", 1.0, 5.0)
    put("one", 3.0, at=-MINUTE + timedelta(seconds=59))
    put("one", 7.5, at=-2 * MINUTE)
    (earlier, later) = statistics("one", *ALL)
    equal("earlier", (earlier["Timestamp"], earlier["Sum"], earlier["Unit"]), (NOW - 2 * MINUTE, 7.5, "None"))
    equal("later", [later[name] for name in ALL], [3, 3, 9, 1, 5])
    (both,) = statistics("one", "Sum", "SampleCount", start=-2 * MINUTE, period=300)
    equal("longer", (both["Sum"], both["SampleCount"], both["Timestamp"]), (16.5, 4, NOW - 2 * MINUTE))
    equal("the end is not in it", len(statistics("one", "Sum", start=-2 * MINUTE, end=-MINUTE)), 1)

    many = {"MetricName": "many", "Timestamp": NOW - MINUTE, "Values": [float(n) for n in range(1, 101)], "Unit": "Count"}
    watch.put_metric_data(Namespace=SPACE, MetricData=[many, {**many, "Values": [200.0], "Counts": [3.0]}])
    (found,) = watch.get_metric_statistics(
        Namespace=SPACE, MetricName="many", StartTime=NOW - MINUTE, EndTime=NOW, Period=60,
        ExtendedStatistics=["p50", "p99.9", "p0"])["Datapoints"]
    equal("percentiles", found["ExtendedStatistics"], {"p50": 52, "p99.9": 200, "p0": 1})
    equal("samples", statistics("many", "SampleCount")[0]["SampleCount"], 103)
    sets = {"SampleCount": 4.0, "Sum": 10.0, "Minimum": 1.0, "Maximum": 4.0}
    watch.put_metric_data(Namespace=SPACE, MetricData=[{"MetricName": "set", "StatisticValues": sets, "Timestamp": NOW - MINUTE}])
    equal("a set", [statistics("set", *ALL)[0][name] for name in ALL], [4, 2.5, 10, 1, 4])
    put("units", 1, Unit="Seconds")
    put("units", 2, Unit="Count")
    equal("by unit", sorted((point["Unit"], point["Sum"]) for point in statistics("units", "Sum")), [("Count", 2), ("Seconds", 1)])
    equal("of a unit", [point["Sum"] for point in statistics("units", "Sum", Unit="Count")], [2])
    put("fine", 1, 2, at=-timedelta(seconds=15), StorageResolution=1)
    put("fine", 4, at=-timedelta(seconds=5), StorageResolution=1)
    equal("seconds", [point["Sum"] for point in statistics("fine", "Sum", start=-MINUTE, period=10)], [3, 4])
    equal("minutes have no seconds", statistics("one", "Sum", start=-MINUTE, period=10), [])
    # More than 10 KB: boto3 packs it.
    large = [{"MetricName": "large", "Value": 1.0, "Timestamp": NOW - MINUTE,
              "Dimensions": [{"Name": "Name", "Value": f"{number:0100}"}]} for number in range(600)]
    watch.put_metric_data(Namespace=SPACE, MetricData=large)


def query(id, metric, stat="Sum", **more):
    metric = {"Namespace": SPACE, "MetricName": metric}
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}, **more}


def data_and_lists():
    span = {"StartTime": NOW - 5 * MINUTE, "EndTime": NOW}
    found = watch.get_metric_data(**span, MetricDataQueries=[query("a", "one"), query("b", "many", "p90", Label="called"),
                                                            query("c", "none"), query("d", "one", ReturnData=False)])
    a, b, c = found["MetricDataResults"]
    equal("newest first", (a["Label"], a["Values"], a["Timestamps"][0]), ("one", [9, 7.5], NOW - MINUTE))
    equal("called", (b["Label"], b["Values"], b["StatusCode"]), ("called", [93], "Complete"))
    equal("none", (c["Values"], c["Timestamps"]), ([], []))
    up = watch.get_metric_data(**span, MetricDataQueries=[query("a", "one")], ScanBy="TimestampAscending")
    equal("oldest first", up["MetricDataResults"][0]["Values"], [7.5, 9])
    # One period as long as the time asked for: a percentile of all of it.
    long = query("l", "many", "p90")
    long["MetricStat"]["Period"] = 14 * 86_400
    whole = watch.get_metric_data(StartTime=NOW - timedelta(days=14), EndTime=NOW, MetricDataQueries=[long])
    equal("two weeks", whole["MetricDataResults"][0]["Values"], [93])
    ours = "not supported by the local cloud"
    refused("an expression", "NotImplemented", ours, watch.get_metric_data, **span,
            MetricDataQueries=[{"Id": "e", "Expression": "a * 2"}, query("a", "one")])
    refused("pages", "NotImplemented", ours, watch.get_metric_data, **span, MetricDataQueries=[query("a", "one")], MaxDatapoints=1)

    listed = watch.list_metrics(Namespace=SPACE, MetricName="one")["Metrics"]
    equal("one metric", listed, [{"Namespace": SPACE, "MetricName": "one", "Dimensions": []}])
    pages = list(watch.get_paginator("list_metrics").paginate(Namespace=SPACE, MetricName="large"))
    equal("pages", [len(page["Metrics"]) for page in pages], [500, 100])
    wanted = [{"Name": "Name", "Value": f"{7:0100}"}]
    equal("by dimension", len(watch.list_metrics(Namespace=SPACE, Dimensions=wanted)["Metrics"]), 1)
    equal("by its name", len(watch.list_metrics(Namespace=SPACE, Dimensions=[{"Name": "None"}])["Metrics"]), 0)
    put("old", 1, at=-timedelta(hours=4))
    recently = [watch.list_metrics(Namespace=SPACE, MetricName=one, RecentlyActive="PT3H")["Metrics"] for one in ["one", "old"]]
    equal("recently", [len(found) for found in recently], [1, 0])
    equal("elsewhere", client("cloudwatch", "us-east-1").list_metrics(Namespace=SPACE)["Metrics"], [])


def what_is_refused():
    def bad(words, code="InvalidParameterValue", space=SPACE, **datum):
        datum = {key: value for key, value in {"MetricName": "bad", "Value": 1.0, **datum}.items() if value is not None}
        refused(f"{datum}", code, words, unchecked.put_metric_data, Namespace=space, MetricData=[datum])

    combination = "InvalidParameterCombination"
    bad("The value AWS/Lambda for parameter Namespace is invalid.", space="AWS/Lambda")
    bad("'metricData.1.member.metricName'", code="ValidationError", MetricName=None)
    bad("MetricData.member.1.Value is invalid", Value=float("nan"))
    bad("MetricData.member.1.Value is invalid", Value=1e109)
    bad("must be specified", code="MissingParameter", Value=None)
    bad("mutually exclusive", code=combination, Values=[1.0])
    bad("same size", Value=None, Values=[1.0, 2.0], Counts=[1.0])
    bad("less than or equal to 150", code="ValidationError", Value=None, Values=[1.0] * 151)
    bad("sampleCount", code="ValidationError", Value=None, StatisticValues={"Sum": 1.0, "Minimum": 1.0, "Maximum": 1.0})
    bad("past two weeks", Timestamp=NOW - timedelta(days=15))
    bad("past two weeks", Timestamp=NOW + timedelta(hours=3))
    bad("older than a day is not supported by the local cloud", code="NotImplemented", Timestamp=NOW - timedelta(days=2))
    bad("StorageResolution", StorageResolution=5)
    bad("enum value set", code="ValidationError", Unit="Parsec")
    refused("nothing", "MissingParameter", "MetricData", watch.put_metric_data, Namespace=SPACE, MetricData=[])
    equal("nothing was put", watch.list_metrics(Namespace=SPACE, MetricName="bad")["Metrics"], [])

    def unread(words, code, **more):
        given = {"Namespace": SPACE, "MetricName": "one", "StartTime": NOW - MINUTE, "EndTime": NOW, "Period": 60,
                 "Statistics": ["Sum"], **more}
        refused(f"{more}", code, words, unchecked.get_metric_statistics, **given)

    unread("StartTime must be less", "InvalidParameterValue", StartTime=NOW)
    unread("multiple of 60", "InvalidParameterValue", Period=45)
    unread("exceeds the limit of 1440", combination, StartTime=NOW - timedelta(hours=25))
    unread("At least one", combination, Statistics=[])
    unread("enum value set", "ValidationError", Statistics=["Median"])


def state(alarm):
    (found,) = watch.describe_alarms(AlarmNames=[name(alarm)])["MetricAlarms"]
    return found["StateValue"], found["StateReason"]


def alarms_follow_their_metric():
    def alarm(suffix, metric, **more):
        watch.put_metric_alarm(**{
            "AlarmName": name(suffix), "Namespace": SPACE, "MetricName": metric, "Statistic": "Maximum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 10, "ComparisonOperator": "GreaterThanThreshold", **more})

    def becomes(suffix, value):
        until(f"{suffix} becomes {value}", lambda: state(suffix)[0] == value)

    recent = dict(at=datetime.now(timezone.utc) - NOW - MINUTE)
    alarm("high", "high")
    alarm("quiet", "quiet", TreatMissingData="breaching")
    alarm("mostly", "high", EvaluationPeriods=3, DatapointsToAlarm=1)
    alarm("ignoring", "quiet", TreatMissingData="ignore")
    alarm("high-p90", "high", Statistic="Average", Threshold=1000)
    put("high", 50, **recent)
    becomes("high", "ALARM")
    holds(f"reason: {state('high')[1]}", state("high")[1].startswith("Threshold Crossed: 1 out of the last 1 datapoints [50.0 ("))
    becomes("quiet", "ALARM")
    holds("missing", "treated as [Breaching]" in state("quiet")[1])
    becomes("high-p90", "OK")
    becomes("mostly", "ALARM")
    equal("nothing is known", state("ignoring")[0], "INSUFFICIENT_DATA")
    alarm("high", "high", Threshold=60)
    becomes("high", "OK")
    changes = watch.describe_alarm_history(AlarmName=name("high"), HistoryItemType="StateUpdate", ScanBy="TimestampAscending")
    equal("history", [item["HistorySummary"] for item in changes["AlarmHistoryItems"]],
          ["Alarm updated from INSUFFICIENT_DATA to ALARM", "Alarm updated from ALARM to OK"])
    # A state set by hand is not taken back at once, and with `ignore` only by data.
    watch.set_alarm_state(AlarmName=name("ignoring"), StateValue="ALARM", StateReason="tried")
    alarm("ignoring", "quiet", TreatMissingData="ignore", Threshold=11)
    watch.delete_alarms(AlarmNames=[name(suffix) for suffix in ["high", "quiet", "mostly", "high-p90"]])
    equal("by hand", state("ignoring"), ("ALARM", "tried"))
    watch.delete_alarms(AlarmNames=[name("ignoring")])


def lambda_measures_itself():
    code = "def handler(event, context):\n    if event.get('fails'):\n        raise ValueError('as asked')\n"
    function = name("measured")
    create("measured", {"app.py": code}, Publish=True)
    lam.update_function_code(FunctionName=function, ZipFile=package({"app.py": code + "\n"}), Publish=True)
    settled(function)
    settled(function, Qualifier="2")
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1",
                     RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})

    def total(metric, statistic="Sum", **dimensions):
        given = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        points = statistics(metric, statistic, start=-2 * MINUTE, end=10 * MINUTE, period=60, space="AWS/Lambda", Dimensions=given)
        return sum(point[statistic] for point in points) if points else None

    lam.invoke(FunctionName=function, Qualifier="live", Payload=b"{}")
    lam.invoke(FunctionName=function, Qualifier="live", Payload=b'{"fails": true}')
    lam.invoke(FunctionName=function, Payload=b"{}")
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        lam.invoke(FunctionName=function, Payload=b"{}")
        holds("a throttled call is refused", False)
    except ClientError as error:
        equal("throttled", error.response["Error"]["Code"], "TooManyRequestsException")
    live = {"FunctionName": function, "Resource": f"{function}:live"}
    second, first = {**live, "ExecutedVersion": "2"}, {**live, "ExecutedVersion": "1"}
    whole = {"FunctionName": function}
    equal("invocations", [total("Invocations", **of) for of in [whole, live, second, first]], [3, 2, 2, None])
    equal("errors", [total("Errors", **of) for of in [whole, live, second]], [1, 1, 1])
    equal("throttles", [total("Throttles", **of) for of in [whole, live]], [1, 0])
    holds("duration", 0 < total("Duration", "Minimum", **second) < 60_000)
    equal("unit", statistics("Duration", "Sum", end=10 * MINUTE, space="AWS/Lambda",
                             Dimensions=[{"Name": "FunctionName", "Value": function}])[0]["Unit"], "Milliseconds")
    holds("executions", total("ConcurrentExecutions", "Maximum", **whole) >= 1)
    holds("in the region", total("Invocations") >= 3)
    # Calls of the function itself have no version that was chosen.
    resources = {dimension["Value"] for metric in watch.list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")["Metrics"]
                 for dimension in metric["Dimensions"] if dimension["Name"] == "Resource"}
    holds("resources", {function, f"{function}:live"} <= resources)


def clean_up():
    for function in made:
        lam.delete_function(FunctionName=function)
    for role in ROLES:
        iam.delete_role(RoleName=role)


for topic in [put_and_read, data_and_lists, what_is_refused, alarms_follow_their_metric, lambda_measures_itself, clean_up]:
    topic()
    print(f"cloudwatch: {topic.__name__.replace('_', ' ')}")
