//! Kinesis of the local cloud as boto3 sees it, in CBOR, and over a restart.

use serde_json::json;

use crate::world::World;

#[test]
fn boto3_finds_streams_and_their_readers_as_aws_has_them() {
    let world = World::new();
    world.local().script("kinesis.py");
}

#[test]
fn streams_outlive_a_restart() {
    let world = World::new();
    world.local().boto(
        "kin = client('kinesis')
kin.create_stream(StreamName='kept', ShardCount=1)
kin.put_record(StreamName='kept', Data=b'before', PartitionKey='a')",
    );
    world.run("local stop").success();
    world.run("local start").success();
    let left = world.local().boto(
        "kin = client('kinesis')
kin.put_record(StreamName='kept', Data=b'after', PartitionKey='a')
start = kin.get_shard_iterator(StreamName='kept', ShardId='shardId-000000000000', ShardIteratorType='TRIM_HORIZON')
answer([record['Data'].decode() for record in kin.get_records(ShardIterator=start['ShardIterator'])['Records']])",
    );
    assert_eq!(left, json!(["before", "after"]));
}

/// What the SDKs for Java send: bytes as they are, names and lists without their lengths, times in ms.
#[test]
fn a_client_may_write_cbor() {
    let world = World::new();
    let answers = world.local().boto(
        r#"
import urllib.request
scope = "AWS4-HMAC-SHA256 Credential=test/20261121/eu-west-1/kinesis/aws4_request, SignedHeaders=host, Signature=0"
def call(operation, body):
    request = urllib.request.Request(os.environ["ENDPOINT"], method="POST", data=body, headers={
        "Content-Type": "application/x-amz-cbor-1.1", "X-Amz-Target": "Kinesis_20131202." + operation, "Authorization": scope})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read()

client("kinesis").create_stream(StreamName="test", ShardCount=1)
put = call("PutRecord", b"\xbfjStreamNamedtestdDataMhello, world!lPartitionKeylpartitionkey\xff")
start = client("kinesis").get_shard_iterator(StreamName="test", ShardId="0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
read = call("GetRecords", b"\xa1mShardIterator" + b"\x78" + bytes([len(start)]) + start.encode())
gone = call("PutRecord", b"\xa3jStreamNamedgonedDataAxlPartitionKeyak")
# Data is a byte string, and the time a whole number of 64 bits under tag 1.
answer([put[:2], b"SequenceNumber" in put[2], read[0], b"\x4dhello, world!" in read[2],
        b"ApproximateArrivalTimestamp\xc1\x1b" in read[2], gone[0], b"ResourceNotFoundException" in gone[2]])
"#,
    );
    let cbor = "application/x-amz-cbor-1.1";
    assert_eq!(answers, json!([[200, cbor], true, 200, true, true, 400, true]));
}
