"""A table's stream that calls functions, through boto3 against the local cloud: python dynamodb_trigger.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import json

from lambda_kit import REGION, ROLE, ROLES, client, create, equal, holds, iam, lam, log_lines, logs, made, name, refused, until

db = client("dynamodb")
sqs = client("sqs")
ACTIONS = ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"]
# Says what it was called with, and does what the items ask for.
WORKER = """
import json
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print('EVENT ' + json.dumps(event['Records']), flush=True)
    failed = []
    for record in event['Records']:
        wish = record['dynamodb'].get('NewImage', {}).get('wish', {}).get('S')
        if wish == 'raise':
            raise ValueError('as asked')
        if wish == 'report' and calls < 3:
            failed.append({'itemIdentifier': record['dynamodb']['SequenceNumber']})
    return {'batchItemFailures': failed}
"""


def table(suffix):
    shown = db.create_table(
        TableName=name(suffix), BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    return shown["TableDescription"]["LatestStreamArn"]


def put(suffix, *keys, **more):
    for key in keys:
        db.put_item(TableName=name(suffix), Item={"pk": {"S": key}, **{member: {"S": value} for member, value in more.items()}})


def connect(stream, function, **more):
    more.setdefault("StartingPosition", "TRIM_HORIZON")
    mapping = lam.create_event_source_mapping(EventSourceArn=stream, FunctionName=name(function), **more)
    until("enabled", lambda: lam.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Enabled")
    return mapping


def disconnect(mapping):
    lam.delete_event_source_mapping(UUID=mapping["UUID"])

    def gone():
        try:
            lam.get_event_source_mapping(UUID=mapping["UUID"])
        except lam.exceptions.ResourceNotFoundException:
            return True

    until("the mapping goes", gone)


def batches(function):
    try:
        lines = log_lines(name(function))
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(line[6:]) for line in lines if line.startswith("EVENT ")]


def keys(function):
    return [[record["dynamodb"]["Keys"]["pk"]["S"] for record in batch] for batch in batches(function)]


def seen(function):
    return [key for batch in keys(function) for key in batch]


def worker(suffix):
    create(suffix, {"app.py": WORKER}, Timeout=3)


def what_is_refused():
    worker("first")
    stream = table("first")
    arguments = {"EventSourceArn": stream, "FunctionName": name("first"), "StartingPosition": "LATEST"}
    refuse = lambda what, words, code="InvalidParameterValueException", **more: refused(
        what, code, words, lam.create_event_source_mapping, **{**arguments, **more})
    refuse("a role that may not", "Please ensure the role can perform the GetRecords")
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Resource": "*", "Action": [f"dynamodb:{action}" for action in ACTIONS]},
        {"Effect": "Allow", "Resource": f"arn:aws:sqs:{REGION}:*:lost", "Action": "sqs:SendMessage"}]}
    iam.put_role_policy(RoleName=ROLE.split("/")[1], PolicyName="streams", PolicyDocument=json.dumps(policy))
    refuse("no stream", "Stream not found", EventSourceArn=stream[:-3] + "999")
    refuse("by time", "Unsupported starting position", StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1)
    destination = lambda arn: {"DestinationConfig": {"OnFailure": {"Destination": arn}}}
    refuse("a destination without permission", "permissions to call SendMessage on SQS",
           **destination(f"arn:aws:sqs:{REGION}:000000000000:x"))
    refuse("a bucket", "DestinationConfig", "NotImplemented", **destination("arn:aws:s3:::x"))
    refuse("a window in several lanes", "ParallelizationFactor", TumblingWindowInSeconds=10, ParallelizationFactor=2)


def in_order():
    stream = db.describe_table(TableName=name("first"))["Table"]["LatestStreamArn"]
    numbers = [f"{number:02}" for number in range(25)]
    put("first", *numbers)
    db.update_item(TableName=name("first"), Key={"pk": {"S": "00"}}, UpdateExpression="SET n = :n",
                   ExpressionAttributeValues={":n": {"N": "1"}})
    db.delete_item(TableName=name("first"), Key={"pk": {"S": "00"}})
    mapping = connect(stream, "first", BatchSize=10)
    until("all are there", lambda: len(seen("first")) >= 27)
    equal("in order, each once", seen("first"), [*numbers, "00", "00"])
    holds("in batches", all(len(batch) <= 10 for batch in keys("first")))
    records = [record for batch in batches("first") for record in batch]
    equal("events", [record["eventName"] for record in records[24:]], ["INSERT", "MODIFY", "REMOVE"])
    changed = records[25]
    equal("one of them", {member: changed[member] for member in ("eventSource", "eventSourceARN", "awsRegion", "eventVersion")},
          {"eventSource": "aws:dynamodb", "eventSourceARN": stream, "awsRegion": REGION, "eventVersion": "1.1"})
    equal("images", (changed["dynamodb"]["OldImage"], changed["dynamodb"]["NewImage"]["n"]), ({"pk": {"S": "00"}}, {"N": "1"}))
    put("first", "later")
    until("it goes on", lambda: seen("first")[27:] == ["later"])

    lam.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    until("disabled", lambda: lam.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Disabled")
    put("first", "meanwhile")
    lam.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    until("where it was", lambda: seen("first")[28:] == ["meanwhile"])
    disconnect(mapping)


def failures():
    worker("failing")
    stream = table("failing")
    put("failing", "a", "b")
    put("failing", "bad", wish="raise")
    put("failing", "c")
    mapping = connect(stream, "failing", BisectBatchOnFunctionError=True, MaximumRetryAttempts=1)
    until("the rest is done", lambda: ["c"] in keys("failing"))
    found = keys("failing")
    equal("halved until it is alone, tried twice, given up", found,
          [["a", "b", "bad", "c"], ["a", "b"], ["bad", "c"], ["bad"], ["bad"], ["c"]])
    disconnect(mapping)

    worker("reporting")
    stream = table("reporting")
    put("reporting", "a")
    put("reporting", "b", wish="report")
    put("reporting", "c")
    mapping = connect(stream, "reporting", FunctionResponseTypes=["ReportBatchItemFailures"])
    until("all done", lambda: len(keys("reporting")) >= 3)
    equal("again from the one that failed", keys("reporting"), [["a", "b", "c"], ["b", "c"], ["b", "c"]])
    disconnect(mapping)


def filtered():
    worker("filtered")
    stream = table("filtered")
    patterns = [{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["good"]}}}}]
    mapping = connect(stream, "filtered", FilterCriteria={"Filters": [{"Pattern": json.dumps(one)} for one in patterns]})
    put("filtered", "a", kind="bad")
    put("filtered", "b", "c", kind="good")
    put("filtered", "end", kind="good")
    until("those are there", lambda: "end" in seen("filtered"))
    equal("only those", seen("filtered"), ["b", "c", "end"])
    disconnect(mapping)


def given_up():
    """Who is named for it is told where the records are, not what is in them."""
    queue = sqs.create_queue(QueueName="lost")["QueueUrl"]
    worker("lost")
    stream = table("lost")
    destination = {"OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:000000000000:lost"}}
    mapping = connect(stream, "lost", MaximumRetryAttempts=1, DestinationConfig=destination)
    equal("shown", lam.get_event_source_mapping(UUID=mapping["UUID"])["DestinationConfig"], destination)
    put("lost", "a", "b", wish="raise")
    found = []

    def told():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return sum(one["DDBStreamBatchInfo"]["batchSize"] for one in found) >= 2

    until("it is told", told)
    one = found[0]
    equal("why", (one["requestContext"]["condition"], one["requestContext"]["approximateInvokeCount"], one["version"]),
          ("RetryAttemptsExhausted", 2, "1.0"))
    equal("how", one["responseContext"], {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"})
    holds("whose", one["requestContext"]["functionArn"].endswith(name("lost")))
    info = one["DDBStreamBatchInfo"]
    equal("where", (info["streamArn"], info["shardId"][:8], len(info["startSequenceNumber"]) > 10), (stream, "shardId-", True))
    lam.update_event_source_mapping(UUID=mapping["UUID"], DestinationConfig={"OnFailure": {}})
    until("enabled again", lambda: lam.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Enabled")
    equal("nobody is told any more", lam.get_event_source_mapping(UUID=mapping["UUID"])["DestinationConfig"], {"OnFailure": {}})
    disconnect(mapping)
    sqs.delete_queue(QueueUrl=queue)


ADDER = """
import json
def handler(event, context):
    state = event['state']
    state['keys'] = sorted(state.get('keys', []) + [record['dynamodb']['Keys']['pk']['S'] for record in event['Records']])
    print('EVENT ' + json.dumps([[event['isFinalInvokeForWindow'], len(event['Records']), state['keys'], event['window'],
                                  event['shardId'][:8], event['isWindowTerminatedEarly']]]), flush=True)
    return {'state': state}
"""


def windows():
    create("windows", {"app.py": ADDER}, Timeout=3)
    stream = table("windows")
    mapping = connect(stream, "windows", TumblingWindowInSeconds=2, BatchSize=2)
    put("windows", "a", "b", "c")
    finals = lambda: [call for [call] in batches("windows") if call[0]]
    until("the last window is closed", lambda: sum(len(call[2]) for call in finals()) >= 3)
    equal("every record in one window", sorted(key for call in finals() for key in call[2]), ["a", "b", "c"])
    calls = [call for [call] in batches("windows")]
    holds("nothing comes with the last call", all(call[1] == 0 for call in finals()))
    holds("at most two at once", all(call[1] <= 2 for call in calls))
    holds("windows of two seconds", all(int(call[3]["start"][17:19]) % 2 == 0 and call[3]["start"] < call[3]["end"] for call in calls))
    equal("in a shard, and in time", {(call[4], call[5]) for call in calls}, {("shardId-", False)})
    disconnect(mapping)


# Waits for the other lane: two calls at once are the only way that both can end.
MEETER = """
import json, os, time
def handler(event, context):
    keys = [record['dynamodb']['Keys']['pk']['S'] for record in event['Records']]
    print('EVENT ' + json.dumps(event['Records']), flush=True)
    here = os.path.join('MEETING', str(os.getpid()))
    open(here, 'w').close()
    for _ in range(100):
        if len(os.listdir('MEETING')) >= 2:
            return
        time.sleep(0.05)
    raise ValueError('alone')
"""


def lanes():
    import tempfile
    create("lanes", {"app.py": MEETER.replace("MEETING", tempfile.mkdtemp())}, Timeout=10)
    stream = table("lanes")
    numbers = [f"{number:02}" for number in range(16)]
    put("lanes", *numbers)
    mapping = connect(stream, "lanes", ParallelizationFactor=2)
    until("all are there", lambda: len(seen("lanes")) >= 16)
    equal("each once", sorted(seen("lanes")), numbers)
    holds("each lane in order", all(batch == sorted(batch) for batch in keys("lanes")))
    equal("two calls", len(keys("lanes")), 2)
    disconnect(mapping)


def clean_up():
    for function in made:
        lam.delete_function(FunctionName=function)
    for suffix in ("first", "failing", "reporting", "filtered", "lost", "windows", "lanes"):
        db.delete_table(TableName=name(suffix))
    iam.delete_role_policy(RoleName=ROLE.split("/")[1], PolicyName="streams")
    for role in ROLES:
        iam.delete_role(RoleName=role)


for topic in [what_is_refused, in_order, failures, filtered, given_up, windows, lanes, clean_up]:
    topic()
    print(f"trigger: {topic.__name__.replace('_', ' ')}")
