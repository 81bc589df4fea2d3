"""SNS through boto3: python sns.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import json

from lambda_kit import client, equal, holds, name, until
from lambda_kit import refused as refused_with

sns, sqs = client("sns"), client("sqs")
NAMES = []


def refused(what, code, call):
    refused_with(what, code, "", call)


def topic(suffix, **attributes):
    more = {"FifoTopic": "true"} if suffix.endswith(".fifo") else {}
    arn = sns.create_topic(Name=name(suffix), Attributes={**more, **attributes})["TopicArn"]
    NAMES.append(arn)
    return arn


def queue(suffix, **attributes):
    more = {"FifoQueue": "true"} if suffix.endswith(".fifo") else {}
    url = sqs.create_queue(QueueName=name(suffix), Attributes={**more, **attributes})["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def take(url):
    found = []
    while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"],
                                      AttributeNames=["All"]).get("Messages"):
        for message in more:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found += more
    return found


def text(value, kind="String"):
    return {"DataType": kind, "StringValue": value}


def attributes(arn):
    return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


# Topics.
news = topic("news", DisplayName="News")
equal("the same topic", sns.create_topic(Name=name("news"), Attributes={"DisplayName": "News"})["TopicArn"], news)
refused("another one of its name", "InvalidParameter",
        lambda: sns.create_topic(Name=name("news"), Attributes={"DisplayName": "Other"}))
refused("a bad name", "InvalidParameter", lambda: sns.create_topic(Name="a b"))
refused("a FIFO topic without its suffix", "InvalidParameter",
        lambda: sns.create_topic(Name=name("x"), Attributes={"FifoTopic": "true"}))
found = sns.get_topic_attributes(TopicArn=news)["Attributes"]
equal("its attributes", (found["DisplayName"], found["TopicArn"], found["SubscriptionsConfirmed"]), ("News", news, "0"))
holds("its policy", json.loads(found["Policy"])["Statement"])
sns.set_topic_attributes(TopicArn=news, AttributeName="DisplayName", AttributeValue="More")
equal("a changed attribute", sns.get_topic_attributes(TopicArn=news)["Attributes"]["DisplayName"], "More")
refused("an unknown attribute", "InvalidParameter",
        lambda: sns.set_topic_attributes(TopicArn=news, AttributeName="Color", AttributeValue="red"))
missing = news + "-not"
refused("a topic that is not there", "NotFound", lambda: sns.get_topic_attributes(TopicArn=missing))
holds("it is listed", news in [one["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for one in page["Topics"]])
sns.tag_resource(ResourceArn=news, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
sns.untag_resource(ResourceArn=news, TagKeys=["a"])
equal("its tags", sns.list_tags_for_resource(ResourceArn=news)["Tags"], [{"Key": "b", "Value": "2"}])
refused("tags of nothing", "ResourceNotFound", lambda: sns.list_tags_for_resource(ResourceArn=missing))

# Subscriptions.
inbox, inbox_arn = queue("inbox")
mail = sns.subscribe(TopicArn=news, Protocol="email", Endpoint="a@example.com")["SubscriptionArn"]
equal("an address has to confirm", mail, "pending confirmation")
first = sns.subscribe(TopicArn=news, Protocol="sqs", Endpoint=inbox_arn)["SubscriptionArn"]
equal("once more", sns.subscribe(TopicArn=news, Protocol="sqs", Endpoint=inbox_arn)["SubscriptionArn"], first)
refused("the same with other attributes", "InvalidParameter",
        lambda: sns.subscribe(TopicArn=news, Protocol="sqs", Endpoint=inbox_arn, Attributes={"RawMessageDelivery": "true"}))
refused("a bad endpoint", "InvalidParameter", lambda: sns.subscribe(TopicArn=news, Protocol="sqs", Endpoint="nope"))
refused("a bad protocol", "InvalidParameter", lambda: sns.subscribe(TopicArn=news, Protocol="pigeon", Endpoint="x"))
listed = sns.list_subscriptions_by_topic(TopicArn=news)["Subscriptions"]
equal("both are listed", sorted((one["Protocol"], one["SubscriptionArn"]) for one in listed),
      [("email", "PendingConfirmation"), ("sqs", first)])
found = sns.get_topic_attributes(TopicArn=news)["Attributes"]
equal("and counted", (found["SubscriptionsConfirmed"], found["SubscriptionsPending"]), ("1", "1"))
equal("its attributes", (attributes(first)["Protocol"], attributes(first)["PendingConfirmation"]), ("sqs", "false"))

# A message in its envelope, with attributes and a subject.
sent = sns.publish(TopicArn=news, Message="hello", Subject="greeting", MessageAttributes={
    "kind": text("sale"), "price": text("12.5", "Number"), "blob": {"DataType": "Binary", "BinaryValue": b"\x00\x01"}})
[message] = take(inbox)
body = json.loads(message["Body"])
equal("the envelope", (body["Type"], body["MessageId"], body["TopicArn"], body["Subject"], body["Message"]),
      ("Notification", sent["MessageId"], news, "greeting", "hello"))
equal("its attributes", body["MessageAttributes"], {
    "kind": {"Type": "String", "Value": "sale"}, "price": {"Type": "Number", "Value": "12.5"},
    "blob": {"Type": "Binary", "Value": "AAE="}})
holds("a time and a way out", body["Timestamp"].endswith("Z") and first in body["UnsubscribeURL"])
refused("nothing", "InvalidParameter", lambda: sns.publish(TopicArn=news, Message=""))
refused("too much", "InvalidParameter", lambda: sns.publish(TopicArn=news, Message="x" * 262145))
refused("to nobody", "NotFound", lambda: sns.publish(TopicArn=missing, Message="x"))
refused("a price that is none", "ParameterValueInvalid",
        lambda: sns.publish(TopicArn=news, Message="x", MessageAttributes={"price": text("cheap", "Number")}))

# One message for each protocol.
sns.publish(TopicArn=news, MessageStructure="json", Message=json.dumps({"default": "all", "sqs": "queues"}))
equal("its own message", [json.loads(one["Body"])["Message"] for one in take(inbox)], ["queues"])
refused("without a default", "InvalidParameter",
        lambda: sns.publish(TopicArn=news, MessageStructure="json", Message=json.dumps({"sqs": "queues"})))

# Raw, and filtered by attributes.
for key, value in (("RawMessageDelivery", "true"), ("FilterPolicy", json.dumps({"kind": ["sale", {"prefix": "new-"}]}))):
    sns.set_subscription_attributes(SubscriptionArn=first, AttributeName=key, AttributeValue=value)
equal("the scope when nobody says", attributes(first)["FilterPolicyScope"], "MessageAttributes")
for kind in ("sale", "old", "new-in"):
    sns.publish(TopicArn=news, Message=kind, MessageAttributes={"kind": text(kind)})
sns.publish(TopicArn=news, Message="list", MessageAttributes={"kind": text('["old", "sale"]', "String.Array")})
sns.publish(TopicArn=news, Message="nothing")
got = take(inbox)
equal("those it is about", sorted(one["Body"] for one in got), ["list", "new-in", "sale"])
equal("their attributes come along", {one["Body"]: one["MessageAttributes"]["kind"]["StringValue"] for one in got}["sale"], "sale")

# By the body.
refused("members within members", "InvalidParameter", lambda: sns.set_subscription_attributes(
    SubscriptionArn=first, AttributeName="FilterPolicy", AttributeValue=json.dumps({"order": {"kind": ["book"]}})))
for key, value in (("FilterPolicyScope", "MessageBody"), ("FilterPolicy", json.dumps({"order": {"kind": ["book"], "total": [{"numeric": [">=", 10]}]}}))):
    sns.set_subscription_attributes(SubscriptionArn=first, AttributeName=key, AttributeValue=value)
for kind, total in (("book", 12), ("book", 2), ("hat", 99)):
    sns.publish(TopicArn=news, Message=json.dumps({"order": {"kind": kind, "total": total}}))
sns.publish(TopicArn=news, Message="no JSON")
equal("by the body", [json.loads(one["Body"])["order"]["total"] for one in take(inbox)], [12])
sns.set_subscription_attributes(SubscriptionArn=first, AttributeName="FilterPolicy", AttributeValue="{}")
holds("a filter goes", "FilterPolicy" not in attributes(first))

# A batch.
answer = sns.publish_batch(TopicArn=news, PublishBatchRequestEntries=[
    {"Id": "a", "Message": "1", "MessageAttributes": {"kind": text("x")}}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "3"}])
equal("what went", [one["Id"] for one in answer["Successful"]], ["a", "c"])
equal("what did not", [(one["Id"], one["Code"], one["SenderFault"]) for one in answer["Failed"]], [("b", "InvalidParameter", True)])
equal("what arrived", sorted(one["Body"] for one in take(inbox)), ["1", "3"])
refused("an empty batch", "EmptyBatchRequest", lambda: sns.publish_batch(TopicArn=news, PublishBatchRequestEntries=[]))
twice = [{"Id": "a", "Message": "1"}, {"Id": "a", "Message": "2"}]
refused("an id twice", "BatchEntryIdsNotDistinct", lambda: sns.publish_batch(TopicArn=news, PublishBatchRequestEntries=twice))
many = [{"Id": str(at), "Message": "1"} for at in range(11)]
refused("eleven", "TooManyEntriesInBatchRequest", lambda: sns.publish_batch(TopicArn=news, PublishBatchRequestEntries=many))

# A queue that is gone, and a function that never was: to the dead letters.
lost, lost_arn = queue("lost")
gone, gone_arn = queue("gone")
redrive = json.dumps({"deadLetterTargetArn": lost_arn})
second = sns.subscribe(TopicArn=news, Protocol="sqs", Endpoint=gone_arn, Attributes={"RedrivePolicy": redrive})["SubscriptionArn"]
function = "arn:aws:lambda:eu-west-1:000000000000:function:" + name("nobody")
sns.subscribe(TopicArn=news, Protocol="lambda", Endpoint=function, Attributes={"RedrivePolicy": redrive})
sqs.delete_queue(QueueUrl=gone)
sns.publish(TopicArn=news, Message="where to?")
letters = []


def two():
    letters.extend(take(lost))
    return len(letters) == 2


until("two dead letters", two)
equal("what they say", [json.loads(one["Body"])["Message"] for one in letters], ["where to?"] * 2)
holds("and why", all(one["MessageAttributes"]["ErrorMessage"]["StringValue"] for one in letters))
sns.unsubscribe(SubscriptionArn=second)
sns.unsubscribe(SubscriptionArn=second)
refused("it is gone", "NotFound", lambda: attributes(second))
take(inbox)

# FIFO: once, in order, to queues only.
line = topic("line.fifo", ContentBasedDeduplication="true")
ordered, ordered_arn = queue("ordered.fifo")
sns.subscribe(TopicArn=line, Protocol="sqs", Endpoint=ordered_arn, Attributes={"RawMessageDelivery": "true"})
refused("no functions", "InvalidParameter", lambda: sns.subscribe(TopicArn=line, Protocol="lambda", Endpoint=function))
refused("a FIFO queue behind a standard topic", "InvalidParameter",
        lambda: sns.subscribe(TopicArn=news, Protocol="sqs", Endpoint=ordered_arn))
refused("a group is needed", "InvalidParameter", lambda: sns.publish(TopicArn=line, Message="x"))
numbers = [sns.publish(TopicArn=line, Message=str(at), MessageGroupId="g") for at in range(5)]
again = sns.publish(TopicArn=line, Message="0", MessageGroupId="g")
equal("what is known is answered as before", again["SequenceNumber"], numbers[0]["SequenceNumber"])
holds("the numbers grow", [one["SequenceNumber"] for one in numbers] == sorted(one["SequenceNumber"] for one in numbers))
got = []
until("all five", lambda: got.extend(take(ordered)) or len(got) == 5)
equal("in order, once", [one["Body"] for one in got], list("01234"))

# What is not there says so.
refused("SMS", "NotImplemented", lambda: sns.publish(PhoneNumber="+3531234567", Message="x"))

for arn in NAMES:
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
for url in (inbox, lost, ordered):
    sqs.delete_queue(QueueUrl=url)
equal("nothing is left", [one for one in sns.list_subscriptions()["Subscriptions"] if one["TopicArn"] in NAMES], [])
print("SNS is as AWS has it")
