"""Kinesis of the local cloud through boto3: python kinesis.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import json
import time

from lambda_kit import REGION, ROLE, ROLES, client, create, equal, holds, iam, lam, log_lines, logs, made, name, refused, until

kin = client("kinesis")
MOST = 2**128 - 1
# Says what it was called with, and does what the records ask for.
WORKER = """
import base64, json
def handler(event, context):
    print('EVENT ' + json.dumps(event['Records']), flush=True)
    for record in event['Records']:
        if base64.b64decode(record['kinesis']['data']) == b'raise':
            raise ValueError('as asked')
"""


def shards(stream, **more):
    return kin.list_shards(StreamName=stream, **more)["Shards"]


def read(stream, shard, kind="TRIM_HORIZON", **more):
    token = kin.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]
    return kin.get_records(ShardIterator=token)


def streams():
    kin.create_stream(StreamName="clicks", ShardCount=2, Tags={"team": "a"})
    refused("a second one", "ResourceInUseException", "already exists", kin.create_stream, StreamName="clicks", ShardCount=1)
    shown = kin.describe_stream(StreamName="clicks")["StreamDescription"]
    arn = f"arn:aws:kinesis:{REGION}:000000000000:stream/clicks"
    equal("described", [shown[key] for key in ("StreamARN", "StreamStatus", "RetentionPeriodHours", "HasMoreShards", "EncryptionType")],
          [arn, "ACTIVE", 24, False, "NONE"])
    ranges = [(int(one["HashKeyRange"]["StartingHashKey"]), int(one["HashKeyRange"]["EndingHashKey"])) for one in shown["Shards"]]
    equal("all hash keys", (ranges[0][0], ranges[0][1] + 1, ranges[1][1]), (0, ranges[1][0], MOST))
    holds("made now", abs(shown["StreamCreationTimestamp"].timestamp() - time.time()) < 100)
    summary = kin.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
    equal("summed up", (summary["OpenShardCount"], summary["StreamModeDetails"]), (2, {"StreamMode": "PROVISIONED"}))

    kin.create_stream(StreamName="busy", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    equal("on demand", len(shards("busy")), 4)
    equal("listed", kin.list_streams()["StreamNames"], ["busy", "clicks"])
    page = kin.list_streams(Limit=1)
    equal("in pages", (page["StreamNames"], page["HasMoreStreams"], kin.list_streams(NextToken=page["NextToken"])["StreamNames"]),
          (["busy"], True, ["clicks"]))
    kin.get_waiter("stream_exists").wait(StreamName="busy")
    kin.delete_stream(StreamName="busy")
    refused("gone", "ResourceNotFoundException", "not found", kin.describe_stream, StreamName="busy")

    kin.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
    refused("less than before", "InvalidArgumentException", "48", kin.increase_stream_retention_period,
            StreamName="clicks", RetentionPeriodHours=24)
    kin.decrease_stream_retention_period(StreamName="clicks", RetentionPeriodHours=24)
    kin.add_tags_to_stream(StreamName="clicks", Tags={"env": "dev"})
    kin.remove_tags_from_stream(StreamName="clicks", TagKeys=["team"])
    equal("tags", kin.list_tags_for_stream(StreamName="clicks")["Tags"], [{"Key": "env", "Value": "dev"}])
    equal("tags by ARN", kin.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "env", "Value": "dev"}])
    refused("more shards at once", "NotImplemented", "UpdateShardCount", kin.update_shard_count,
            StreamName="clicks", TargetShardCount=4, ScalingType="UNIFORM_SCALING")


def records():
    one = kin.put_record(StreamName="clicks", Data=b"\x00\xff one", PartitionKey="a")
    more = kin.put_records(StreamName="clicks", Records=[
        {"Data": str(number).encode(), "PartitionKey": "a"} for number in range(5)] + [
        {"Data": b"low", "PartitionKey": "x", "ExplicitHashKey": "0"}, {"Data": b"high", "PartitionKey": "x", "ExplicitHashKey": str(MOST)}])
    equal("none failed", more["FailedRecordCount"], 0)
    holds("one key, one shard", {item["ShardId"] for item in more["Records"][:5]} == {one["ShardId"]})
    equal("by hash key", [item["ShardId"] for item in more["Records"][5:]], ["shardId-000000000000", "shardId-000000000001"])
    numbers = [one["SequenceNumber"]] + [item["SequenceNumber"] for item in more["Records"][:5]]
    holds("growing", numbers == sorted(numbers, key=int) and len(set(numbers)) == 6)
    shard = one["ShardId"]
    found = read("clicks", shard)
    mine = [record for record in found["Records"] if record["PartitionKey"] == "a"]
    equal("in order", [record["Data"] for record in mine], [b"\x00\xff one", b"0", b"1", b"2", b"3", b"4"])
    equal("numbered as told", [record["SequenceNumber"] for record in mine], numbers)
    equal("up to date", found["MillisBehindLatest"], 0)
    equal("nothing more", kin.get_records(ShardIterator=found["NextShardIterator"])["Records"], [])
    at = read("clicks", shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[3])["Records"]
    after = read("clicks", shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[3])["Records"]
    equal("from a number on", [at[0]["Data"], after[0]["Data"]], [b"2", b"3"])
    equal("from now on", read("clicks", shard, "LATEST")["Records"], [])
    equal("by time", [len(read("clicks", shard, "AT_TIMESTAMP", Timestamp=moment)["Records"]) > 0
                      for moment in (time.time() - 100, time.time() + 100)], [True, False])
    token = kin.get_shard_iterator(StreamName="clicks", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    page = kin.get_records(ShardIterator=token, Limit=2)
    equal("a page", len(page["Records"]), 2)
    holds("behind", page["MillisBehindLatest"] >= 0 and kin.get_records(ShardIterator=page["NextShardIterator"])["Records"])
    refused("nonsense", "InvalidArgumentException", "Invalid ShardIterator", kin.get_records, ShardIterator="AAAA")
    refused("a number of nowhere", "InvalidArgumentException", "invalid", kin.get_shard_iterator, StreamName="clicks", ShardId=shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="1")
    refused("no such shard", "ResourceNotFoundException", "does not exist", kin.get_shard_iterator, StreamName="clicks",
            ShardId="shardId-000000000009", ShardIteratorType="LATEST")
    refused("too much", "ValidationException", "1048576", kin.put_record, StreamName="clicks", Data=b"x" * 1048577, PartitionKey="a")


def splits():
    old = read("clicks", "shardId-000000000000")
    half = int(shards("clicks")[0]["HashKeyRange"]["EndingHashKey"]) // 2
    kin.split_shard(StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(half))
    all_shards = shards("clicks")
    equal("children", [(one["ShardId"][-1], one.get("ParentShardId", "-")[-1]) for one in all_shards],
          [("0", "-"), ("1", "-"), ("2", "0"), ("3", "0")])
    holds("closed", "EndingSequenceNumber" in all_shards[0]["SequenceNumberRange"])
    equal("open ones", [one["ShardId"][-1] for one in shards("clicks", ShardFilter={"Type": "AT_LATEST"})], ["1", "2", "3"])
    ended = kin.get_records(ShardIterator=old["NextShardIterator"])
    holds("it ends", "NextShardIterator" not in ended)
    equal("and says with what", [child["ShardId"][-1] for child in ended["ChildShards"]], ["2", "3"])
    put = kin.put_record(StreamName="clicks", Data=b"new", PartitionKey="x", ExplicitHashKey=str(half))
    equal("goes on", put["ShardId"][-1], "3")
    kin.merge_shards(StreamName="clicks", ShardToMerge="shardId-000000000002", AdjacentShardToMerge="shardId-000000000003")
    last = shards("clicks")[-1]
    equal("merged", (last["ParentShardId"][-1], last["AdjacentParentShardId"][-1]), ("2", "3"))
    refused("apart", "ResourceInUseException", "closed", kin.merge_shards, StreamName="clicks",
            ShardToMerge="shardId-000000000002", AdjacentShardToMerge="shardId-000000000004")
    page = kin.list_shards(StreamName="clicks", MaxResults=2)
    equal("in pages", len(page["Shards"]) + len(kin.list_shards(NextToken=page["NextToken"])["Shards"]), 5)


def batches(function):
    try:
        lines = log_lines(name(function))
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(line[6:]) for line in lines if line.startswith("EVENT ")]


def keys(function):
    return [[record["kinesis"]["partitionKey"] for record in batch] for batch in batches(function)]


def seen(function):
    return [key for batch in keys(function) for key in batch]


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


def functions():
    kin.create_stream(StreamName="events", ShardCount=1)
    stream = f"arn:aws:kinesis:{REGION}:000000000000:stream/events"
    create("reader", {"app.py": WORKER}, Timeout=3)
    arguments = {"EventSourceArn": stream, "FunctionName": name("reader"), "StartingPosition": "LATEST"}
    refused("a role that may not", "InvalidParameterValueException", "Please ensure the role can perform the GetRecords",
            lam.create_event_source_mapping, **arguments)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
        f"kinesis:{action}" for action in ("GetRecords", "GetShardIterator", "DescribeStream", "ListShards", "ListStreams")]}]}
    iam.put_role_policy(RoleName=ROLE.split("/")[1], PolicyName="streams", PolicyDocument=json.dumps(policy))
    refused("no stream", "InvalidParameterValueException", "Stream not found", lam.create_event_source_mapping,
            **{**arguments, "EventSourceArn": stream + "x"})

    put = lambda key, data=b"{}", **more: kin.put_record(StreamName="events", Data=data, PartitionKey=key, **more)
    for key in "abc":
        put(key)
    mapping = connect(stream, "reader", BatchSize=2)
    until("all are there", lambda: len(seen("reader")) >= 3)
    equal("in order, each once", seen("reader"), ["a", "b", "c"])
    holds("in batches", all(len(batch) <= 2 for batch in keys("reader")))
    record = batches("reader")[0][0]
    own = record.pop("kinesis")
    equal("an event", record, {
        "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventName": "aws:kinesis:record", "awsRegion": REGION,
        "eventID": f"shardId-000000000000:{own['sequenceNumber']}", "eventSourceARN": stream, "invokeIdentityArn": ROLE})
    equal("its data", (own["data"], own["kinesisSchemaVersion"]), ("e30=", "1.0"))

    # A key's records stay in their order over a split.
    kin.split_shard(StreamName="events", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    put("d", ExplicitHashKey="0")
    put("e", ExplicitHashKey=str(MOST))
    until("the children are read", lambda: {"d", "e"} <= set(seen("reader")))
    equal("each once", sorted(seen("reader")), ["a", "b", "c", "d", "e"])
    disconnect(mapping)

    create("chosen", {"app.py": WORKER}, Timeout=3)
    patterns = [{"data": {"kind": ["good"]}}, {"partitionKey": ["key"]}]
    mapping = connect(stream, "chosen", StartingPosition="LATEST", MaximumRetryAttempts=0,
                      FilterCriteria={"Filters": [{"Pattern": json.dumps(one)} for one in patterns]})
    # A shard that was not looked at yet begins with what comes later.
    def begun():
        put("key", b"begin", ExplicitHashKey="0")
        return "key" in seen("chosen")

    until("it reads", begun)
    for key, data in [("p", b'{"kind": "bad"}'), ("q", b'{"kind": "good"}'), ("key", b"raise"), ("r", b"plain"), ("s", b'{"kind": "good"}')]:
        put(key, data, ExplicitHashKey="0")
    until("the last is there", lambda: "s" in seen("chosen"))
    equal("only those", [key for key in dict.fromkeys(seen("chosen"))], ["key", "q", "s"])
    disconnect(mapping)


def clean_up():
    for function in made:
        lam.delete_function(FunctionName=function)
    for stream in kin.list_streams()["StreamNames"]:
        kin.delete_stream(StreamName=stream)
    iam.delete_role_policy(RoleName=ROLE.split("/")[1], PolicyName="streams")
    for role in ROLES:
        iam.delete_role(RoleName=role)


for topic in [streams, records, splits, functions, clean_up]:
    topic()
    print(f"kinesis: {topic.__name__}")
