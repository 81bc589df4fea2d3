"""Event source mappings of Lambda through boto3, with SQS at work: python mappings.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import json
import uuid
from collections import Counter

from lambda_kit import REGION, ROLE, ROLES, client, create, equal, holds, iam, lam, log_lines, logs, made, make_role, name, refused, until

sqs = client("sqs")
ACCOUNT = "000000000000"
INVALID = "InvalidParameterValueException"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
         "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"]}]}
iam.put_role_policy(RoleName=ROLE.split("/")[1], PolicyName="queues", PolicyDocument=json.dumps(ALLOW))
# Says what it was called with, and does what the messages ask for.
WORKER = """
import json, os, time
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print('EVENT ' + json.dumps({'records': event['Records'], 'arn': context.invoked_function_arn}), flush=True)
    failed = []
    for record in event['Records']:
        body = record['body']
        if body == 'raise':
            raise ValueError('as asked')
        if body == 'die' and record['attributes']['ApproximateReceiveCount'] == '1':
            os._exit(1)
        if body.startswith('wait '):
            time.sleep(float(body.split()[1]))
        if body.startswith('fail'):
            failed.append({'itemIdentifier': record['messageId']})
        if body == 'nonsense':
            return {'batchItemFailures': [{'foo': 'bar'}]}
    return {'batchItemFailures': failed}
"""
urls = []
mappings = []


def queue(suffix, **attributes):
    more = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if suffix.endswith(".fifo") else {}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    url = sqs.create_queue(QueueName=name(suffix), Attributes={**more, **texts})["QueueUrl"]
    urls.append(url)
    return url


def arn(url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def counts(url):
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return tuple(int(found["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible", "Delayed"))


def send(url, *bodies, **more):
    for start in range(0, len(bodies), 10):
        sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": str(at), "MessageBody": body, **more} for at, body in enumerate(bodies[start:start + 10])])


def bodies(url, wait=0):
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait).get("Messages", [])
    return [message["Body"] for message in found]


def state(mapping):
    return lam.get_event_source_mapping(UUID=mapping["UUID"])["State"]


def connect(url, function, **more):
    mapping = lam.create_event_source_mapping(EventSourceArn=arn(url), FunctionName=function, **more)
    mappings.append(mapping["UUID"])
    if more.get("Enabled", True):
        until("enabled", lambda: state(mapping) == "Enabled")
    return mapping


def disconnect(mapping):
    lam.delete_event_source_mapping(UUID=mapping["UUID"])

    def gone():
        try:
            holds("deleting", state(mapping) == "Deleting")
        except lam.exceptions.ResourceNotFoundException:
            return True

    until("the mapping goes", gone)
    mappings.remove(mapping["UUID"])


def worker(suffix, **more):
    create(suffix, {"app.py": WORKER}, Timeout=3, **more)
    return name(suffix)


def events(function):
    try:
        lines = log_lines(function)
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(line[6:]) for line in lines if line.startswith("EVENT ")]


def batches(function):
    return [[record["body"] for record in event["records"]] for event in events(function)]


def seen(function):
    return [body for batch in batches(function) for body in batch]


def control_plane():
    function, url = worker("control"), queue("control")
    lam.publish_version(FunctionName=function)
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    live = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:live"
    shown = lam.create_event_source_mapping(EventSourceArn=arn(url), FunctionName=f"{function}:live", Tags={"rzap:app": "a"})
    mappings.append(shown["UUID"])
    settled = until("enabled", lambda: state(shown) == "Enabled" and lam.get_event_source_mapping(UUID=shown["UUID"]))
    wanted = {"UUID": shown["UUID"], "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "EventSourceArn": arn(url),
              "FunctionArn": live, "FunctionResponseTypes": [], "StateTransitionReason": "USER_INITIATED",
              "EventSourceMappingArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{shown['UUID']}"}
    for what, found, its_state in [("created", shown, "Creating"), ("settled", settled, "Enabled")]:
        equal(what, {key: value for key, value in found.items() if key not in ("ResponseMetadata", "LastModified")},
              {**wanted, "State": its_state})
    equal("status", shown["ResponseMetadata"]["HTTPStatusCode"], 202)
    # Every way of naming it means the same mapping.
    for named in (f"{function}:live", f"{ACCOUNT}:function:{function}:live", live):
        refused(named, "ResourceConflictException", f"already exists. Please update or delete the existing mapping with UUID {shown['UUID']}",
                lam.create_event_source_mapping, EventSourceArn=arn(url), FunctionName=named)
        listed = lam.list_event_source_mappings(FunctionName=named, EventSourceArn=arn(url))["EventSourceMappings"]
        equal("listed", [item["UUID"] for item in listed], [shown["UUID"]])
    equal("not of the function itself", lam.list_event_source_mappings(FunctionName=function)["EventSourceMappings"], [])
    changed = lam.update_event_source_mapping(
        UUID=shown["UUID"], Enabled=False, MaximumBatchingWindowInSeconds=3, BatchSize=100,
        ScalingConfig={"MaximumConcurrency": 2}, FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]})
    equal("disabling", changed["State"], "Disabling")
    until("disabled", lambda: state(shown) == "Disabled")
    found = lam.get_event_source_mapping(UUID=shown["UUID"])
    equal("changed", {key: found[key] for key in ("BatchSize", "MaximumBatchingWindowInSeconds", "ScalingConfig", "FunctionResponseTypes", "FilterCriteria")},
          {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 3, "ScalingConfig": {"MaximumConcurrency": 2},
           "FunctionResponseTypes": ["ReportBatchItemFailures"], "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}})
    lam.update_event_source_mapping(UUID=shown["UUID"], ScalingConfig={}, FunctionResponseTypes=[], FilterCriteria={}, FunctionName=function)
    until("updated", lambda: state(shown) == "Disabled")
    found = lam.get_event_source_mapping(UUID=shown["UUID"])
    equal("taken away", (found.get("ScalingConfig"), found.get("FilterCriteria"), found["FunctionResponseTypes"], found["BatchSize"]), (None, None, [], 100))
    equal("another function", found["FunctionArn"], live.removesuffix(":live"))
    tagged = shown["EventSourceMappingArn"]
    lam.tag_resource(Resource=tagged, Tags={"x": "y"})
    lam.untag_resource(Resource=tagged, TagKeys=["rzap:app"])
    equal("tags", lam.list_tags(Resource=tagged)["Tags"], {"x": "y"})
    disconnect(shown)
    refused("gone", "ResourceNotFoundException", "The resource you requested does not exist.", lam.get_event_source_mapping, UUID=shown["UUID"])
    refused("its tags", "ResourceNotFoundException", "Event source mapping not found", lam.list_tags, Resource=tagged)


def what_is_refused():
    function, url = name("control"), queue("refusals")
    fifo = queue("refusals.fifo")
    powerless = worker("powerless")
    lam.update_function_configuration(FunctionName=powerless, Role=make_role("powerless", "lambda.amazonaws.com"))
    slow = queue("slow", VisibilityTimeout="2")
    pattern = lambda text: {"FilterCriteria": {"Filters": [{"Pattern": text}]}}
    for what, code, words, more in [
        ("no source", INVALID, "Unrecognized event source.", {"EventSourceArn": None}),
        ("function", INVALID, "Function does not exist", {"FunctionName": name("absent")}),
        ("alias", INVALID, "Function does not exist", {"FunctionName": function + ":absent"}),
        ("queue", INVALID, "SQS Error Code: AWS.SimpleQueueService.NonExistentQueue.", {"EventSourceArn": arn(url) + "-absent"}),
        ("arn", "ValidationException", "'eventSourceArn'", {"EventSourceArn": "queue"}),
        ("rights", INVALID, "does not have permissions to call ReceiveMessage on SQS", {"FunctionName": powerless}),
        ("time", INVALID, "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds", {"EventSourceArn": arn(slow)}),
        ("batch", "ValidationException", "'batchSize'", {"BatchSize": 10001}),
        ("batch without window", INVALID, "Maximum batch window in seconds must be greater than 0", {"BatchSize": 11}),
        ("window", "ValidationException", "'maximumBatchingWindowInSeconds'", {"MaximumBatchingWindowInSeconds": 301}),
        ("fifo window", INVALID, "Batching window is not supported for FIFO queues", {"EventSourceArn": arn(fifo), "MaximumBatchingWindowInSeconds": 1}),
        ("concurrency", "ValidationException", "'scalingConfig.maximumConcurrency'", {"ScalingConfig": {"MaximumConcurrency": 1001}}),
        ("response", "ValidationException", "'functionResponseTypes'", {"FunctionResponseTypes": ["All"]}),
        ("filter", INVALID, "Invalid filter pattern definition.", pattern("text")),
        ("filter value", INVALID, "Invalid filter pattern definition.", pattern('{"body": "x"}')),
        ("destination", INVALID, "Unsupported DestinationConfig parameter for given event source mapping type.",
         {"DestinationConfig": {"OnFailure": {"Destination": arn(url)}}}),
        ("position", INVALID, "Unsupported StartingPosition", {"StartingPosition": "LATEST"}),
        ("stream without position", INVALID, "Value null at 'startingPosition'", {"EventSourceArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/x"}),
        ("stream", "NotImplemented", "not supported by the local cloud",
         {"EventSourceArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/x", "StartingPosition": "LATEST"}),
        ("Kafka", "NotImplemented", "Topics", {"Topics": ["topic"]}),
    ]:
        asked = {"FunctionName": function, "EventSourceArn": arn(url), **more}
        refused(what, code, words, lam.create_event_source_mapping, **{key: value for key, value in asked.items() if value is not None})
    absent = str(uuid.uuid4())
    for call in (lam.get_event_source_mapping, lam.update_event_source_mapping, lam.delete_event_source_mapping):
        refused("absent", "ResourceNotFoundException", "does not exist", call, UUID=absent)
    equal("nothing was made", lam.list_event_source_mappings(FunctionName=function)["EventSourceMappings"], [])


def the_event():
    function, url = worker("event"), queue("event")
    lam.publish_version(FunctionName=function)
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    own = {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="héllo", MessageAttributes=own)
    mapping = connect(url, f"{function}:live")
    (found,) = until("the event", lambda: events(function))
    equal("the alias is called", found["arn"].rsplit(":", 1)[1], "live")
    (record,) = found["records"]
    system = record.pop("attributes")
    holds("a handle", len(record.pop("receiptHandle")) > 20)
    lists = {"stringListValues": [], "binaryListValues": []}
    equal("record", record, {
        "messageId": sent["MessageId"], "body": "héllo", "md5OfBody": sent["MD5OfMessageBody"],
        "messageAttributes": {"n": {"stringValue": "1", "dataType": "Number", **lists}, "b": {"binaryValue": "AA==", "dataType": "Binary", **lists}},
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"], "eventSource": "aws:sqs", "eventSourceARN": arn(url), "awsRegion": REGION})
    equal("system attributes", (sorted(system), system["ApproximateReceiveCount"]),
          (["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"], "1"))
    until("it is deleted", lambda: counts(url) == (0, 0, 0))
    # Disabled: nothing is taken any more, and nothing is lost.
    lam.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    until("disabled", lambda: state(mapping) == "Disabled")
    send(url, "kept")
    equal("it stays", bodies(url, wait=1), ["kept"])
    disconnect(mapping)


def failures():
    function = worker("failures")
    dead = queue("dead")
    # Its process is there: a slow start would look like another failure.
    lam.invoke(FunctionName=function, Payload=b'{"Records": []}')
    url = queue("failing", VisibilityTimeout="4", RedrivePolicy={"deadLetterTargetArn": arn(dead), "maxReceiveCount": 2})
    mapping = connect(url, function, FunctionResponseTypes=["ReportBatchItemFailures"])
    send(url, "good 1", "fail 1", "good 2", "fail 2")
    found = lambda: Counter(seen(function))
    until("what has failed comes back", lambda: found()["fail 1"] >= 2 and found()["fail 2"] >= 2)
    until("and then goes to the dead", lambda: counts(dead)[0] == 2)
    equal("the rest does not", (found()["good 1"], found()["good 2"]), (1, 1))
    equal("its queue is empty", counts(url), (0, 0, 0))
    # An error, an answer that says nothing, and a process that dies fail a batch as a whole.
    lam.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=1)
    until("updated", lambda: state(mapping) == "Enabled")
    send(url, "raise", "nonsense", "die")
    until("each twice", lambda: all(found()[body] >= 2 for body in ("raise", "nonsense", "die")))
    until("two of them are dead", lambda: counts(dead)[0] == 4)
    until("the third was done the second time", lambda: counts(url) == (0, 0, 0))
    equal("the dead", sorted(bodies(dead)), ["fail 1", "fail 2", "nonsense", "raise"])
    disconnect(mapping)


def filtered():
    function, url = worker("filtered"), queue("filtered")
    patterns = [{"body": {"kind": [{"prefix": "a"}]}}, {"body": ["plain"]}]
    mapping = connect(url, function, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]})
    send(url, '{"kind": "ab"}', '{"kind": "b"}', "plain", "other", '{"other": 1}')
    until("all are dealt with", lambda: counts(url) == (0, 0, 0))
    equal("two of five", sorted(seen(function)), ["plain", '{"kind": "ab"}'])
    disconnect(mapping)


def windows_and_limits():
    function, url = worker("window"), queue("window")
    mapping = connect(url, function, BatchSize=50, MaximumBatchingWindowInSeconds=20)
    # More than one receive gives: the batch is full long before the window closes.
    send(url, *[f"m{number}" for number in range(50)])
    until("one batch", lambda: batches(function))
    equal("of fifty", [len(batch) for batch in batches(function)], [50])
    lam.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=1)
    until("updated", lambda: state(mapping) == "Enabled")
    send(url, "few")
    until("a window that closes", lambda: ["few"] in batches(function))
    disconnect(mapping)
    # A function without any room: its messages wait and are delivered later.
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    mapping = connect(url, function)
    send(url, "throttled")
    until("it is tried", lambda: counts(url) == (0, 1, 0))
    equal("in vain", "throttled" in seen(function), False)
    lam.delete_function_concurrency(FunctionName=function)
    until("and then not", lambda: "throttled" in seen(function))
    # A deletion waits for what is under way.
    until("done", lambda: counts(url) == (0, 0, 0))
    send(url, "wait 1")
    until("it runs", lambda: "wait 1" in seen(function))
    disconnect(mapping)
    equal("it was done", counts(url), (0, 0, 0))


def fifo():
    function = worker("ordered")
    url = queue("ordered.fifo")
    for number in range(20):
        for group in "abc":
            sqs.send_message(QueueUrl=url, MessageBody=f"{group}{number}", MessageGroupId=group)
    mapping = connect(url, function, BatchSize=4)
    until("all are done", lambda: counts(url) == (0, 0, 0), 60)
    found = seen(function)
    equal("each once", len(found), 60)
    for group in "abc":
        equal(f"{group} in order", [body for body in found if body[0] == group], [f"{group}{number}" for number in range(20)])
    (record,) = [record for event in events(function) for record in event["records"] if record["body"] == "a0"]
    equal("its group", record["attributes"]["MessageGroupId"], "a")
    holds("its number", len(record["attributes"]["SequenceNumber"]) == 20)
    disconnect(mapping)


def clean_up():
    equal("no mapping is left", mappings, [])
    for function in made:
        lam.delete_function(FunctionName=function)
    for url in set(urls):
        sqs.delete_queue(QueueUrl=url)
    iam.delete_role_policy(RoleName=ROLE.split("/")[1], PolicyName="queues")
    for role in ROLES:
        iam.delete_role(RoleName=role)


for topic in [control_plane, what_is_refused, the_event, failures, filtered, windows_and_limits, fifo, clean_up]:
    topic()
    print(f"mappings: {topic.__name__.replace('_', ' ')}")
