"""DynamoDB Streams and expiry through boto3, against the local cloud: python dynamodb_streams.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import re
import sys
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
NAME = "s-" + uuid.uuid4().hex[:8]
SETTINGS = {
    "endpoint_url": ENDPOINT, "region_name": "eu-west-1", "aws_access_key_id": "test", "aws_secret_access_key": "test",
    "config": Config(retries={"total_max_attempts": 1}),
}
db = boto3.client("dynamodb", **SETTINGS)
streams = boto3.client("dynamodbstreams", **SETTINGS)
table = boto3.resource("dynamodb", **SETTINGS).Table(NAME)


def equal(what, found, wanted):
    if found != wanted:
        sys.exit(f"streams: {what}\n  found  {found!r}\n  wanted {wanted!r}")


def holds(what, condition):
    if not condition:
        sys.exit(f"streams: {what}: does not hold")


def refused(what, code, call, **arguments):
    try:
        found = call(**arguments)
    except ClientError as error:
        return equal(f"{what}: code ({error})", error.response["Error"]["Code"], code)
    sys.exit(f"streams: {what}: should be refused with {code}, answered {found!r}")


def make(view):
    made = db.create_table(
        TableName=NAME, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
    )["TableDescription"]
    db.get_waiter("table_exists").wait(TableName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return made["LatestStreamArn"]


def shard(arn):
    (only,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    return only


def iterator(arn, kind="TRIM_HORIZON", **more):
    return streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard(arn)["ShardId"], ShardIteratorType=kind, **more)["ShardIterator"]


def read(place, **more):
    answer = streams.get_records(ShardIterator=place, **more)
    return answer["Records"], answer["NextShardIterator"]


def changes():
    arn = make("NEW_AND_OLD_IMAGES")
    holds("the ARN", re.fullmatch(
        rf"arn:aws:dynamodb:eu-west-1:000000000000:table/{NAME}/stream/\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}", arn))
    shown = db.describe_table(TableName=NAME)["Table"]
    equal("of the table", (shown["LatestStreamArn"], shown["LatestStreamLabel"]), (arn, arn.split("/")[-1]))
    equal("listed", [one["StreamArn"] for one in streams.list_streams(TableName=NAME)["Streams"]], [arn])
    holds("among all", arn in [one["StreamArn"] for one in streams.list_streams(Limit=100)["Streams"]])
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    equal("described", (described["StreamStatus"], described["StreamViewType"], described["TableName"], described["KeySchema"]),
          ("ENABLED", "NEW_AND_OLD_IMAGES", NAME, [{"AttributeName": "pk", "KeyType": "HASH"}]))
    holds("a shard's id", re.fullmatch(r"shardId-\d{20}-[0-9a-f]{8}", shard(arn)["ShardId"]))
    holds("an open shard has no end", "EndingSequenceNumber" not in shard(arn)["SequenceNumberRange"])

    start, latest = iterator(arn), iterator(arn, "LATEST")
    table.put_item(Item={"pk": "a", "n": 1})
    table.put_item(Item={"pk": "a", "n": 1})
    table.update_item(Key={"pk": "a"}, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": 2})
    table.delete_item(Key={"pk": "a"})
    table.delete_item(Key={"pk": "a"})
    db.transact_write_items(TransactItems=[
        {"Put": {"TableName": NAME, "Item": {"pk": {"S": key}}}} for key in ("b", "c")])
    records, onward = read(start)
    names = [(one["eventName"], one["dynamodb"]["Keys"]["pk"]["S"]) for one in records]
    # "If a write does not change an item, no record is written" (Streams developer guide).
    equal("what happened", names, [("INSERT", "a"), ("MODIFY", "a"), ("REMOVE", "a"), ("INSERT", "b"), ("INSERT", "c")])
    change = records[1]
    equal("images", (change["dynamodb"]["OldImage"]["n"], change["dynamodb"]["NewImage"]["n"]), ({"N": "1"}, {"N": "2"}))
    equal("source", (change["eventSource"], change["awsRegion"], change["eventVersion"]), ("aws:dynamodb", "eu-west-1", "1.1"))
    equal("view", change["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES")
    holds("size", change["dynamodb"]["SizeBytes"] > 0)
    holds("no image before", "OldImage" not in records[0]["dynamodb"] and "NewImage" not in records[2]["dynamodb"])
    holds("nobody's deed", all("userIdentity" not in one for one in records))
    numbers = [one["dynamodb"]["SequenceNumber"] for one in records]
    holds("numbers grow", numbers == sorted(numbers, key=int) and len(set(numbers)) == 5)
    holds("from the shard's first", int(shard(arn)["SequenceNumberRange"]["StartingSequenceNumber"]) <= int(numbers[0]))
    equal("ids are unique", len({one["eventID"] for one in records}), 5)
    equal("the latest iterator is as old as it is", len(read(latest)[0]), 5)
    equal("nothing more", read(onward)[0], [])
    table.put_item(Item={"pk": "d"})
    equal("onward", [one["dynamodb"]["Keys"]["pk"]["S"] for one in read(onward)[0]], ["d"])
    equal("at", read(iterator(arn, "AT_SEQUENCE_NUMBER", SequenceNumber=numbers[3]))[0][0]["eventID"], records[3]["eventID"])
    equal("after", read(iterator(arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[3]))[0][0]["eventID"], records[4]["eventID"])
    some, place = read(start, Limit=2)
    equal("in pieces", [one["eventID"] for one in some + read(place)[0]][:5], [one["eventID"] for one in records])

    refused("no shard", "ResourceNotFoundException", streams.get_shard_iterator, StreamArn=arn,
            ShardId="shardId-00000000000000000000-00000000", ShardIteratorType="LATEST")
    refused("no number", "ValidationException", streams.get_shard_iterator, StreamArn=arn,
            ShardId=shard(arn)["ShardId"], ShardIteratorType="AT_SEQUENCE_NUMBER")
    refused("no iterator", "ValidationException", streams.get_records, ShardIterator="nonsense")
    refused("no stream", "ResourceNotFoundException", streams.describe_stream, StreamArn=arn[:-1] + "x")
    table.update_item(Key={"pk": "x" * 1000}, UpdateExpression="SET x = :x", ExpressionAttributeValues={":x": "x" * 390_000})
    for at in range(3):
        table.update_item(Key={"pk": "x" * 1000}, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": at})
    records, onward = read(iterator(arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[4]))
    holds("at most 1 MB at once", 1 <= len(records) < 5)
    while records:
        last, (records, onward) = records[-1], read(onward)
    equal("all the same", last["dynamodb"]["NewImage"]["n"], {"N": "2"})
    return arn


def expiry(arn):
    db.update_time_to_live(TableName=NAME, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    shown = db.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]
    equal("expiry", (shown["TimeToLiveStatus"], shown["AttributeName"]), ("ENABLED", "until"))
    onward = iterator(arn, "LATEST")
    now = int(time.time())
    table.put_item(Item={"pk": "old", "until": now - 60})
    table.put_item(Item={"pk": "later", "until": now + 3600})
    table.put_item(Item={"pk": "words", "until": "soon"})
    removed, deadline = [], time.monotonic() + 60
    while not removed and time.monotonic() < deadline:
        records, onward = read(onward)
        removed = [one for one in records if one["eventName"] == "REMOVE"]
        time.sleep(0.2)
    equal("what expired", [one["dynamodb"]["OldImage"]["pk"]["S"] for one in removed], ["old"])
    equal("who did it", removed[0]["userIdentity"], {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"})
    left = {item["pk"] for item in table.scan(ProjectionExpression="pk")["Items"]}
    holds("what did not", "old" not in left and {"later", "words"} <= left)


def other_views(arn):
    db.update_table(TableName=NAME, StreamSpecification={"StreamEnabled": False})
    equal("off", streams.list_streams(TableName=NAME)["Streams"], [])
    table.put_item(Item={"pk": "unseen"})
    for view, images in (("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"})):
        new = db.update_table(TableName=NAME, StreamSpecification={"StreamEnabled": True, "StreamViewType": view})
        new = new["TableDescription"]["LatestStreamArn"]
        holds("another stream", new != arn)
        refused("the one before", "ResourceNotFoundException", streams.describe_stream, StreamArn=arn)
        table.put_item(Item={"pk": "seen", "view": view})
        records, _ = read(iterator(new))
        equal(f"a new stream begins empty ({view})", len(records), 1)
        equal(view, {key for key in records[0]["dynamodb"] if key.endswith("Image")}, images)
        db.update_table(TableName=NAME, StreamSpecification={"StreamEnabled": False})
        arn = new


arn = changes()
expiry(arn)
other_views(arn)
db.delete_table(TableName=NAME)
again = make("KEYS_ONLY")
equal("a new table's stream begins empty", read(iterator(again))[0], [])
db.delete_table(TableName=NAME)
refused("without its table", "ResourceNotFoundException", streams.describe_stream, StreamArn=again)
print("streams: as on AWS")
