"""What alarms do, through boto3: python alarm_actions.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import json
import time

from lambda_kit import client, equal, holds, name, until
from lambda_kit import refused as refused_with

watch, sns, sqs, logs = client("cloudwatch"), client("sns"), client("sqs"), client("logs")
url = sqs.create_queue(QueueName=name("pager"))["QueueUrl"]
queue_arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
topic = sns.create_topic(Name=name("incidents"))["TopicArn"]
locked = sns.create_topic(Name=name("locked"), Attributes={"KmsMasterKeyId": "alias/aws/sns"})["TopicArn"]
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
alarm = name("alarm")


def refused(what, code, call):
    refused_with(what, code, "", call)


def pages():
    found = []
    while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in more:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    return found


def put(**more):
    watch.put_metric_alarm(**{**dict(
        AlarmName=alarm, Namespace="Shop", MetricName="Orders", Dimensions=[{"Name": "Kind", "Value": "book"}],
        Statistic="Sum", Period=60, EvaluationPeriods=1, DatapointsToAlarm=1, Threshold=2, TreatMissingData="ignore",
        ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic, locked], OKActions=[topic]), **more})


def history(kind="Action"):
    return watch.describe_alarm_history(AlarmName=alarm, HistoryItemType=kind)["AlarmHistoryItems"]


# To a topic.
put()
watch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
[page] = pages()
message = json.loads(page["Message"])
equal("the subject", page["Subject"], f'ALARM: "{alarm}" in EU (Ireland)')
equal("the message", [message[key] for key in ("AlarmName", "NewStateValue", "OldStateValue", "NewStateReason", "AlarmActions")],
      [alarm, "ALARM", "INSUFFICIENT_DATA", "by hand", [topic, locked]])
equal("what it looks at", [message["Trigger"][key] for key in ("MetricName", "Statistic", "Threshold", "Dimensions")],
      ["Orders", "SUM", 2.0, [{"value": "book", "name": "Kind"}]])
summaries = sorted(item["HistorySummary"] for item in history())
holds("a topic with SNS's own key keeps CloudWatch out", summaries[0].startswith(f"Failed to execute action {locked}"))
equal("the other went well", summaries[1], f"Successfully executed action {topic}")
watch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="again")
equal("the same state does nothing", pages(), [])
watch.disable_alarm_actions(AlarmNames=[alarm])
watch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="quietly")
equal("nor do actions that are off", pages(), [])
watch.enable_alarm_actions(AlarmNames=[alarm])
watch.set_alarm_state(AlarmName=alarm, StateValue="INSUFFICIENT_DATA", StateReason="nobody hears of it")
watch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="by hand")
equal("the way back", [json.loads(page["Message"])["NewStateValue"] for page in pages()], ["OK"])
watch.delete_alarms(AlarmNames=[alarm])

# A queue that fills.
put(Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible", Dimensions=[{"Name": "QueueName", "Value": name("jobs")}],
    Statistic="Maximum", Threshold=1, TreatMissingData="notBreaching", AlarmActions=[topic])
jobs = sqs.create_queue(QueueName=name("jobs"))["QueueUrl"]
for body in "abc":
    sqs.send_message(QueueUrl=jobs, MessageBody=body)
got = []
until("the alarm on a queue", lambda: got.extend(pages()) or [json.loads(one["Message"])["NewStateValue"] for one in got][-1:] == ["ALARM"])
sqs.purge_queue(QueueUrl=jobs)
until("its end", lambda: got.extend(pages()) or [json.loads(one["Message"])["NewStateValue"] for one in got][-1:] == ["OK"])
watch.delete_alarms(AlarmNames=[alarm])
sqs.delete_queue(QueueUrl=jobs)

# Lines of a log.
group = "/shop/" + name("log")
logs.create_log_group(logGroupName=group)
logs.create_log_stream(logGroupName=group, logStreamName="s")
metric = {"metricName": name("errors"), "metricNamespace": "Shop", "metricValue": "1", "defaultValue": 0.0, "unit": "Count"}
logs.put_metric_filter(logGroupName=group, filterName="errors", filterPattern="ERROR", metricTransformations=[metric])
[found] = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
equal("the filter", (found["filterName"], found["filterPattern"], found["metricTransformations"]), ("errors", "ERROR", [metric]))
equal("by its metric", len(logs.describe_metric_filters(metricName=metric["metricName"], metricNamespace="Shop")["metricFilters"]), 1)
equal("it is counted", [one["metricFilterCount"] for one in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]], [1])
refused("a bad pattern", "InvalidParameterException", lambda: logs.put_metric_filter(
    logGroupName=group, filterName="bad", filterPattern="{ nope", metricTransformations=[metric]))
refused("a group that is not there", "ResourceNotFoundException", lambda: logs.put_metric_filter(
    logGroupName=group + "-not", filterName="errors", filterPattern="", metricTransformations=[metric]))
put(Namespace="Shop", MetricName=metric["metricName"], Dimensions=[], Threshold=1, AlarmActions=[topic])
pages()
# The last minute is complete.
then = int(time.time() // 60 * 60 - 30) * 1000
lines = [{"timestamp": then + at, "message": text} for at, text in enumerate(["ERROR one", "all is well", "ERROR two"])]
logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=lines)
got = []
until("the alarm on a log", lambda: got.extend(pages()) or "ALARM" in [json.loads(one["Message"])["NewStateValue"] for one in got])
logs.delete_metric_filter(logGroupName=group, filterName="errors")
refused("it is gone", "ResourceNotFoundException", lambda: logs.delete_metric_filter(logGroupName=group, filterName="errors"))
logs.delete_log_group(logGroupName=group)

watch.delete_alarms(AlarmNames=[alarm])
for arn in (topic, locked):
    sns.delete_topic(TopicArn=arn)
sqs.delete_queue(QueueUrl=url)
print("alarms act as on AWS")
