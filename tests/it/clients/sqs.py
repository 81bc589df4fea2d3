"""SQS through boto3, and the Query protocol by hand: python sqs.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import hashlib
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml

from lambda_kit import ENDPOINT, REGION, ROLES, client, equal, holds, iam, name, refused, until

sqs = client("sqs")
ACCOUNT = "000000000000"
NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
INVALID = "InvalidParameterValue"
urls = []


def queue(suffix, **attributes):
    more = {} if not suffix.endswith(".fifo") else {"FifoQueue": "true"}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    url = sqs.create_queue(QueueName=name(suffix), Attributes={**more, **texts})["QueueUrl"]
    urls.append(url)
    return url


def arn(url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def attributes(url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})


def counts(url):
    kinds = ("", "NotVisible", "Delayed")
    found = attributes(url)
    return tuple(int(found["ApproximateNumberOfMessages" + kind]) for kind in kinds)


def send(url, body, **more):
    return sqs.send_message(QueueUrl=url, MessageBody=body, **more)


def receive(url, most=10, wait=0, **more):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, WaitTimeSeconds=wait, **more).get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def delete(url, message):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def queues():
    url = queue("plain", VisibilityTimeout="40")
    equal("url", url, f"{ENDPOINT}/{ACCOUNT}/{name('plain')}")
    equal("again", sqs.create_queue(QueueName=name("plain"), Attributes={"VisibilityTimeout": "40"})["QueueUrl"], url)
    equal("by default", sqs.create_queue(QueueName=name("plain"))["QueueUrl"], url)
    refused("differently", "QueueAlreadyExists", "different value for attribute DelaySeconds", sqs.create_queue,
            QueueName=name("plain"), Attributes={"DelaySeconds": "5"})
    equal("its url", sqs.get_queue_url(QueueName=name("plain"))["QueueUrl"], url)
    found = attributes(url)
    equal("made now", found.pop("CreatedTimestamp"), found.pop("LastModifiedTimestamp"))
    equal("attributes", found, {
        "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name('plain')}", "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0", "DelaySeconds": "0",
        "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true", "VisibilityTimeout": "40"})
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy, "KmsMasterKeyId": "alias/aws/sqs", "DelaySeconds": "0"})
    found = attributes(url, "Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    equal("encrypted", found, {"Policy": policy, "KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "false",
                               "KmsDataKeyReusePeriodSeconds": "300"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": "", "SqsManagedSseEnabled": "true"})
    equal("set back", attributes(url, "Policy", "KmsMasterKeyId"), {})
    for what, code, words, changes in [
        ("range", "InvalidAttributeValue", "VisibilityTimeout", {"VisibilityTimeout": "43201"}),
        ("number", "InvalidAttributeValue", "DelaySeconds", {"DelaySeconds": "soon"}),
        ("unknown", "InvalidAttributeName", "Unknown Attribute Colour.", {"Colour": "red"}),
        ("kind", "InvalidAttributeName", "Unknown Attribute FifoQueue.", {"FifoQueue": "true"}),
        ("both", "InvalidAttributeName", "one type of server-side encryption", {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}),
        ("policy", "InvalidAttributeValue", "Policy", {"Policy": "no JSON"}),
    ]:
        refused(what, code, words, sqs.set_queue_attributes, QueueUrl=url, Attributes=changes)
    refused("name", INVALID, "alphanumeric", sqs.create_queue, QueueName="a b")
    refused("fifo name", INVALID, "must end with .fifo", sqs.create_queue, QueueName="a", Attributes={"FifoQueue": "true"})
    refused("content ids", "InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication.", sqs.create_queue,
            QueueName=name("std"), Attributes={"ContentBasedDeduplication": "true"})
    refused("scope", "InvalidAttributeName", "only when FifoQueue is set to true", sqs.create_queue,
            QueueName=name("std"), Attributes={"DeduplicationScope": "queue"})
    response = refused("absent", NO_QUEUE, "The specified queue does not exist.", sqs.get_queue_url, QueueName="absent")
    equal("its newer name", response["Error"]["QueryErrorCode"], "QueueDoesNotExist")
    refused("other account", NO_QUEUE, "does not exist", sqs.list_queue_tags, QueueUrl=f"{ENDPOINT}/111111111111/{name('plain')}")
    refused("other region", NO_QUEUE, "does not exist", client("sqs", "us-east-1").list_queue_tags, QueueUrl=url)
    refused("attribute", "InvalidAttributeName", "Unknown Attribute Colour.", sqs.get_queue_attributes, QueueUrl=url,
            AttributeNames=["Colour"])

    sqs.tag_queue(QueueUrl=url, Tags={"rzap:app": "a", "x": ""})
    sqs.untag_queue(QueueUrl=url, TagKeys=["x", "y"])
    equal("tags", sqs.list_queue_tags(QueueUrl=url)["Tags"], {"rzap:app": "a"})
    tagged = sqs.create_queue(QueueName=name("tagged"), tags={"a": "b"})["QueueUrl"]
    urls.append(tagged)
    equal("tags from the start", sqs.list_queue_tags(QueueUrl=tagged)["Tags"], {"a": "b"})

    listed = [queue(f"list-{number}") for number in range(5)]
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=name("list"), PaginationConfig={"PageSize": 2})
    equal("pages", [page["QueueUrls"] for page in pages], [listed[:2], listed[2:4], listed[4:]])
    holds("no token unasked", "NextToken" not in sqs.list_queues(QueueNamePrefix=name("list")))
    equal("none", sqs.list_queues(QueueNamePrefix=name("nothing")).get("QueueUrls"), None)
    sqs.delete_queue(QueueUrl=listed[0])
    refused("deleted", NO_QUEUE, "", send, url=listed[0], body="x")
    # Its name is free at once, and nothing of it is left.
    equal("anew", counts(queue("list-0")), (0, 0, 0))
    refused("permissions", "NotImplemented", "not supported by the local cloud", sqs.remove_permission, QueueUrl=url, Label="x")


def messages():
    url = queue("messages", VisibilityTimeout="30")
    own = {"Number": {"DataType": "Number", "StringValue": "4.2"}, "Text.x": {"DataType": "String.label", "StringValue": "é"},
           "Bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    # boto3 itself compares the digests of bodies and attributes.
    sent = send(url, "héllo <&>\n", MessageAttributes=own, MessageSystemAttributes=trace)
    equal("digest", sent["MD5OfMessageBody"], hashlib.md5("héllo <&>\n".encode()).hexdigest())
    holds("digest of system attributes", len(sent["MD5OfMessageSystemAttributes"]) == 32)
    (found,) = receive(url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    equal("same", (found["MessageId"], found["Body"], found["MessageAttributes"]), (sent["MessageId"], "héllo <&>\n", own))
    equal("digests", (found["MD5OfBody"], found["MD5OfMessageAttributes"]), (sent["MD5OfMessageBody"], sent["MD5OfMessageAttributes"]))
    equal("system attributes", sorted(found["Attributes"]),
          ["AWSTraceHeader", "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"])
    equal("counts", (found["Attributes"]["ApproximateReceiveCount"], counts(url)), ("1", (0, 1, 0)))
    equal("hidden", receive(url), [])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = receive(url, MessageAttributeNames=["Num.*", "No"], AttributeNames=["ApproximateReceiveCount"])
    equal("again", (list(again["MessageAttributes"]), again["Attributes"]), (["Number"], {"ApproximateReceiveCount": "2"}))
    holds("another handle", again["ReceiptHandle"] != found["ReceiptHandle"])
    # An older handle is taken, but does nothing; a deletion that is repeated succeeds.
    delete(url, found)
    equal("still there", counts(url), (0, 1, 0))
    delete(url, again)
    delete(url, again)
    equal("gone", counts(url), (0, 0, 0))
    refused("visibility of the deleted", INVALID, "does not exist or is not available", sqs.change_message_visibility,
            QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=5)
    refused("no handle", "ReceiptHandleIsInvalid", "not a valid receipt handle", sqs.delete_message, QueueUrl=url, ReceiptHandle="x")
    refused("timeout", INVALID, "between 0 and 43200", sqs.receive_message, QueueUrl=url, VisibilityTimeout=43201)
    refused("too many", INVALID, "Must be between 1 and 10, if provided.", receive, url=url, most=11)
    refused("too long", INVALID, "Must be >= 0 and <= 20, if provided.", receive, url=url, wait=21)
    refused("empty", "MissingParameter", "MessageBody", send, url=url, body="")
    refused("characters", "InvalidMessageContents", "Invalid characters", send, url=url, body="\x00")
    for what, words, bad in [
        ("reserved", "AWS.", {"aws.x": {"DataType": "String", "StringValue": "x"}}),
        ("no value", "must contain a non-empty value of type 'String'", {"x": {"DataType": "String", "StringValue": ""}}),
        ("type", "invalid message attribute type", {"x": {"DataType": "Date", "StringValue": "x"}}),
        ("number", "number", {"x": {"DataType": "Number", "StringValue": "x"}}),
    ]:
        refused(what, INVALID, words, send, url=url, body="x", MessageAttributes=bad)
    largest = 1024 * 1024
    send(url, "x" * largest)
    equal("1 MiB", len(receive(url)[0]["Body"]), largest)
    refused("more", INVALID, "Message must be shorter than 1048576 bytes.", send, url=url, body="x" * largest,
            MessageAttributes={"x": {"DataType": "String", "StringValue": "x"}})
    sqs.purge_queue(QueueUrl=url)
    equal("purged", counts(url), (0, 0, 0))
    send(url, "later", DelaySeconds=1)
    equal("delayed", counts(url), (0, 0, 1))
    equal("in time", bodies(receive(url, wait=5)), ["later"])
    short = queue("short", VisibilityTimeout="1", ReceiveMessageWaitTimeSeconds="20")
    send(short, "back")
    (first,) = receive(short)
    # The queue's own waiting time is long enough for it to come back.
    (second,) = sqs.receive_message(QueueUrl=short)["Messages"]
    equal("came back", (first["MessageId"], second["Body"]), (second["MessageId"], "back"))


def batches():
    url = queue("batches")
    entry = lambda number, **more: {"Id": f"e{number}", "MessageBody": f"b{number}", **more}
    done = sqs.send_message_batch(QueueUrl=url, Entries=[entry(number) for number in range(9)] + [entry(9, DelaySeconds=901)])
    equal("sent", [item["Id"] for item in done["Successful"]], [f"e{number}" for number in range(9)])
    equal("not sent", [(item["Id"], item["Code"], item["SenderFault"]) for item in done["Failed"]], [("e9", INVALID, True)])
    found = receive(url)
    equal("all", sorted(bodies(found)), [f"b{number}" for number in range(9)])
    handles = [{"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in enumerate(found)]
    done = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[{**one, "VisibilityTimeout": 0} for one in handles[:2]])
    equal("released", (len(done["Successful"]), counts(url)), (2, (2, 7, 0)))
    done = sqs.delete_message_batch(QueueUrl=url, Entries=handles[2:] + [{"Id": "x", "ReceiptHandle": "y"}])
    equal("deleted", (len(done["Successful"]), [item["Code"] for item in done["Failed"]]), (7, ["ReceiptHandleIsInvalid"]))
    equal("left", counts(url), (2, 0, 0))
    code = "AWS.SimpleQueueService."
    for what, kind, words, entries in [
        ("empty", "EmptyBatchRequest", "at least one SendMessageBatchRequestEntry", []),
        ("eleven", "TooManyEntriesInBatchRequest", "You have sent 11.", [entry(number) for number in range(11)]),
        ("twice", "BatchEntryIdsNotDistinct", "Id e1 repeated.", [entry(1), entry(1)]),
        ("id", "InvalidBatchEntryId", "A batch entry id can only contain", [{"Id": "a.b", "MessageBody": "x"}]),
        ("size", "BatchRequestTooLong", "You have sent 1048577 bytes.",
         [{"Id": "a", "MessageBody": "x" * 1048576}, {"Id": "b", "MessageBody": "y"}]),
    ]:
        refused(what, code + kind, words, sqs.send_message_batch, QueueUrl=url, Entries=entries)


def long_polling():
    url = queue("polled")
    found = []
    waiting = threading.Thread(target=lambda: found.extend(receive(url, wait=20)))
    waiting.start()
    send(url, "at last")
    waiting.join(15)
    equal("as soon as it is there", bodies(found), ["at last"])
    delete(url, found[0])
    # Who hangs up gets nothing: the next one does.
    try:
        urllib.request.urlopen(signed({"Action": "ReceiveMessage", "WaitTimeSeconds": "20"}, url), timeout=0.5)
        holds("it waited", False)
    except (TimeoutError, urllib.error.URLError):
        pass
    send(url, "not lost")
    equal("for somebody who is there", bodies(receive(url, wait=5)), ["not lost"])


def dead_letters():
    dead = queue("dead")
    url = queue("alive", RedrivePolicy={"deadLetterTargetArn": arn(dead), "maxReceiveCount": 2})
    own = {"x": {"DataType": "String", "StringValue": "y"}}
    sent = send(url, "poison", MessageAttributes=own)
    for attempt in range(2):
        equal(f"attempt {attempt}", bodies(receive(url, VisibilityTimeout=0)), ["poison"])
    equal("no third", receive(url), [])
    equal("moved", (counts(url), counts(dead)), ((0, 0, 0), (1, 0, 0)))
    (found,) = receive(dead, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], VisibilityTimeout=0)
    equal("the same message", (found["MessageId"], found["MessageAttributes"]), (sent["MessageId"], own))
    equal("its past", (found["Attributes"]["ApproximateReceiveCount"], found["Attributes"]["DeadLetterQueueSourceArn"]), ("3", arn(url)))
    equal("sources", sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [url])
    equal("no sources", sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"], [])

    refused("no dead letters", INVALID, "must be configured as a Dead Letter Queue", sqs.start_message_move_task, SourceArn=arn(url))
    refused("absent", "ResourceNotFoundException", "DestinationArn", sqs.start_message_move_task, SourceArn=arn(dead),
            DestinationArn=arn(url) + "-absent")
    sqs.start_message_move_task(SourceArn=arn(dead))
    task = lambda: sqs.list_message_move_tasks(SourceArn=arn(dead))["Results"][0]
    until("the task ends", lambda: task()["Status"] == "COMPLETED")
    equal("task", (task()["ApproximateNumberOfMessagesMoved"], task()["ApproximateNumberOfMessagesToMove"], task()["SourceArn"]),
          (1, 1, arn(dead)))
    (back,) = receive(url, MessageSystemAttributeNames=["All"])
    holds("a new message", back["MessageId"] != sent["MessageId"] and back["Attributes"]["ApproximateReceiveCount"] == "1")
    for number in range(5):
        send(dead, str(number))
    other = queue("other")
    handle = sqs.start_message_move_task(SourceArn=arn(dead), DestinationArn=arn(other), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    refused("two at once", INVALID, "already a task running", sqs.start_message_move_task, SourceArn=arn(dead))
    until("it has begun", lambda: counts(other)[0] >= 1)
    sqs.cancel_message_move_task(TaskHandle=handle)
    equal("cancelled", task()["Status"], "CANCELLED")
    refused("no task", INVALID, "TaskHandle", sqs.cancel_message_move_task, TaskHandle="x")

    for what, words, policy in [
        ("absent", "does not exist", {"deadLetterTargetArn": arn(dead) + "-absent", "maxReceiveCount": 1}),
        ("count", "valid values are from 1 to 1000", {"deadLetterTargetArn": arn(dead), "maxReceiveCount": 0}),
        ("no count", "maxReceiveCount", {"deadLetterTargetArn": arn(dead)}),
        ("no target", "deadLetterTargetArn", {"maxReceiveCount": 1}),
        ("kind", "same type", {"deadLetterTargetArn": arn(queue("dead.fifo")), "maxReceiveCount": 1}),
        ("unwilling", "redriveAllowPolicy", {"deadLetterTargetArn": arn(queue("deny", RedriveAllowPolicy={"redrivePermission": "denyAll"})),
                                             "maxReceiveCount": 1}),
    ]:
        refused(what, INVALID, words, sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    equal("no policy", attributes(url, "RedrivePolicy"), {})


def fifo():
    url = queue("first.fifo", ContentBasedDeduplication="true")
    equal("attributes", {key: attributes(url)[key] for key in ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")},
          {"FifoQueue": "true", "ContentBasedDeduplication": "true", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"})
    sent = [send(url, f"{group}{number}", MessageGroupId=group) for number in range(3) for group in "ab"]
    numbers = [item["SequenceNumber"] for item in sent]
    holds("numbers grow", numbers == sorted(numbers) and len(set(numbers)) == 6 and {len(n) for n in numbers} == {20})
    twice = send(url, "a0", MessageGroupId="c")
    equal("known by its content", (twice["MessageId"], twice["SequenceNumber"]), (sent[0]["MessageId"], sent[0]["SequenceNumber"]))
    first = receive(url, most=2, MessageSystemAttributeNames=["All"])
    equal("in order", bodies(first), ["a0", "a1"])
    found = first[0]["Attributes"]
    equal("its id", (found["MessageGroupId"], found["MessageDeduplicationId"], found["SequenceNumber"]),
          ("a", hashlib.sha256(b"a0").hexdigest(), sent[0]["SequenceNumber"]))
    equal("the other group", bodies(receive(url)), ["b0", "b1", "b2"])
    equal("nothing else", receive(url), [])
    delete(url, first[0])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"], VisibilityTimeout=0)
    rest = receive(url)
    equal("the rest", bodies(rest), ["a1", "a2"])
    refused("an old handle", INVALID, "The receipt handle has expired.", sqs.delete_message, QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"])
    refused("no group", "MissingParameter", "MessageGroupId", send, url=url, body="x")
    refused("delay", INVALID, "not valid for this queue type", send, url=url, body="x", MessageGroupId="a", DelaySeconds=2)
    refused("attempts", "NotImplemented", "ReceiveRequestAttemptId", sqs.receive_message, QueueUrl=url, ReceiveRequestAttemptId="x")
    refused("kind", "InvalidAttributeValue", "Modifying queue type is not supported", sqs.set_queue_attributes, QueueUrl=url,
            Attributes={"FifoQueue": "false"})

    plain = queue("plain.fifo")
    refused("no id", INVALID, "MessageDeduplicationId provided explicitly", send, url=plain, body="x", MessageGroupId="a")
    refused("no id in a batch", INVALID, "MessageDeduplicationId provided explicitly", sqs.send_message_batch, QueueUrl=plain,
            Entries=[{"Id": "a", "MessageBody": "x", "MessageGroupId": "g"}])
    refused("bad group", INVALID, "1 to 128 in length", send, url=plain, body="x", MessageGroupId="a b", MessageDeduplicationId="1")
    done = sqs.send_message_batch(QueueUrl=plain, Entries=[
        {"Id": str(at), "MessageBody": f"{at}", "MessageGroupId": "g", "MessageDeduplicationId": key} for at, key in enumerate("xyx")])
    equal("known within the batch", done["Successful"][0]["MessageId"], done["Successful"][2]["MessageId"])
    got = receive(plain)
    equal("once", bodies(got), ["0", "1"])
    sqs.delete_message_batch(QueueUrl=plain, Entries=[{"Id": str(at), "ReceiptHandle": it["ReceiptHandle"]} for at, it in enumerate(got)])
    send(plain, "late", MessageGroupId="g", MessageDeduplicationId="x")
    equal("known after it is gone", receive(plain), [])

    scoped = queue("scoped.fifo", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in "ab":
        send(scoped, group, MessageGroupId=group, MessageDeduplicationId="same")
    equal("one per group", sorted(bodies(receive(scoped))), ["a", "b"])
    refused("limit without scope", "InvalidAttributeValue", "FifoThroughputLimit", sqs.set_queue_attributes, QueueUrl=plain,
            Attributes={"FifoThroughputLimit": "perMessageGroupId"})
    # Standard queues take a group for fairness, and no deduplication id.
    fair = queue("fair")
    send(fair, "x", MessageGroupId="tenant")
    equal("fair", receive(fair, AttributeNames=["MessageGroupId"])[0]["Attributes"], {"MessageGroupId": "tenant"})
    refused("id of a standard queue", INVALID, "not valid for this queue type", send, url=fair, body="x", MessageDeduplicationId="1")


def signed(parameters, url=ENDPOINT + "/"):
    """A request as clients sent it before the JSON protocol: a form, to the queue's own URL."""
    scope = f"test/20261121/{REGION}/sqs/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    body = urllib.parse.urlencode({"Version": "2012-11-05", **parameters}).encode()
    return urllib.request.Request(url, body, headers)


def query(action, url=ENDPOINT + "/", **parameters):
    """(status, document) without the namespace."""
    try:
        answer = urllib.request.urlopen(signed({"Action": action, **parameters}, url))
    except urllib.error.HTTPError as error:
        answer = error
    text = answer.read().decode()
    holds(f"{action}: namespace", "http://queue.amazonaws.com/doc/2012-11-05/" in text)
    return answer.status, xml.fromstring(text.replace(' xmlns="http://queue.amazonaws.com/doc/2012-11-05/"', ""))


def query_protocol():
    pairs = {"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "33", "Tag.1.Key": "a", "Tag.1.Value": "b"}
    status, made = query("CreateQueue", QueueName=name("query"), **pairs)
    url = made.findtext("CreateQueueResult/QueueUrl")
    urls.append(url)
    equal("made", (status, url), (200, f"{ENDPOINT}/{ACCOUNT}/{name('query')}"))
    equal("seen by the other protocol", (attributes(url)["VisibilityTimeout"], sqs.list_queue_tags(QueueUrl=url)["Tags"]), ("33", {"a": "b"}))
    _, shown = query("GetQueueAttributes", url, **{"AttributeName.1": "VisibilityTimeout"})
    equal("attribute", [(it.findtext("Name"), it.findtext("Value")) for it in shown.iter("Attribute")], [("VisibilityTimeout", "33")])
    own = {"MessageAttribute.1.Name": "x", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "é &"}
    _, sent = query("SendMessage", url, MessageBody="a <b> é", **own)
    (same,) = receive(url, MessageAttributeNames=["All"], VisibilityTimeout=0)
    equal("digests", (sent.findtext(".//MD5OfMessageBody"), sent.findtext(".//MD5OfMessageAttributes")),
          (same["MD5OfBody"], same["MD5OfMessageAttributes"]))
    entry = "SendMessageBatchRequestEntry"
    _, done = query("SendMessageBatch", url, **{f"{entry}.1.Id": "1", f"{entry}.1.MessageBody": "second", f"{entry}.2.Id": "2"})
    equal("batch", ([it.findtext("Id") for it in done.iter("SendMessageBatchResultEntry")],
                    [(it.findtext("Id"), it.findtext("Code"), it.findtext("SenderFault")) for it in done.iter("BatchResultErrorEntry")]),
          (["1"], [("2", "MissingParameter", "true")]))
    _, got = query("ReceiveMessage", url, MaxNumberOfMessages="10", **{"AttributeName.1": "All", "MessageAttributeName.1": "All"})
    found = {it.findtext("Body"): it for it in got.iter("Message")}
    equal("bodies", sorted(found), ["a <b> é", "second"])
    equal("own attribute", found["a <b> é"].findtext("MessageAttribute/Value/StringValue"), "é &")
    holds("system attributes", "SenderId" in [it.findtext("Name") for it in found["second"].iter("Attribute")])
    entry = "DeleteMessageBatchRequestEntry"
    handles = {f"{entry}.{at}.{key}": value for at, it in enumerate(found.values(), 1)
               for key, value in (("Id", str(at)), ("ReceiptHandle", it.findtext("ReceiptHandle")))}
    _, done = query("DeleteMessageBatch", url, **handles)
    equal("deleted", (len(list(done.iter("DeleteMessageBatchResultEntry"))), counts(url)), (2, (0, 0, 0)))
    status, empty = query("ReceiveMessage", url)
    equal("nothing", (status, len(empty.find("ReceiveMessageResult"))), (200, 0))
    status, fault = query("GetQueueUrl", QueueName="absent")
    equal("fault", (status, fault.findtext("Error/Code"), fault.findtext("Error/Type")), (400, NO_QUEUE, "Sender"))
    status, _ = query("DeleteQueue", QueueUrl=url)
    equal("gone", (status, query("GetQueueUrl", QueueName=name("query"))[0]), (200, 400))
    urls.remove(url)


def clean_up():
    for url in set(urls):
        sqs.delete_queue(QueueUrl=url)
    for role in ROLES:
        iam.delete_role(RoleName=role)
    equal("nothing is left", sqs.list_queues(QueueNamePrefix=name("")).get("QueueUrls"), None)


for topic in [queues, messages, batches, long_polling, dead_letters, fifo, query_protocol, clean_up]:
    topic()
    print(f"sqs: {topic.__name__.replace('_', ' ')}")
