//! `DynamoDB` of the local cloud as boto3 and the AWS CLI see it, over restarts, and beside moto and `MiniStack`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::World;

#[test]
fn boto3_finds_tables_and_items_as_aws_has_them() {
    let world = World::new();
    world.local().script("dynamodb.py");
}

#[test]
fn boto3_finds_streams_and_expiry_as_aws_has_them() {
    let world = World::new();
    world.local().script("dynamodb_streams.py");
}

#[test]
fn a_stream_calls_functions_as_on_aws() {
    let world = World::new();
    world.local().script("dynamodb_trigger.py");
}

/// Who is right where they differ is written in the script, call by call.
#[test]
fn every_difference_from_moto_and_ministack_is_judged() {
    let world = World::new();
    let (moto, ministack) = (Emulator::moto(), Emulator::ministack());
    let others = [format!("moto={}", moto.endpoint), format!("ministack={}", ministack.endpoint)];
    world.local().script_with("dynamodb_compare.py", &others.each_ref().map(String::as_str));
}

#[test]
fn tables_outlive_a_restart_and_a_kill() {
    let world = World::new();
    let cloud = world.local();
    cloud.boto(
        r#"
db = client("dynamodb")
db.create_table(TableName="kept", BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
db.put_item(TableName="kept", Item={"pk": {"S": "before"}})
db.update_continuous_backups(TableName="kept", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
"#,
    );
    world.run("local stop").success();
    world.run("local start").success();
    let cloud = world.local();
    let status = world.run("local status --json").success().json();
    cloud.boto(r#"client("dynamodb").put_item(TableName="kept", Item={"pk": {"S": "after"}})"#);
    let pid = status["pid"].as_u64().and_then(|pid| i32::try_from(pid).ok()).expect("a process id");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("the local cloud is killed");
    wait_for("the local cloud to be gone", Duration::from_secs(10), || {
        (world.run("local status --json").json()["running"] == false).then_some(())
    });
    world.run("local start").success();
    let left = world.local().boto(
        r#"
db, streams = client("dynamodb"), client("dynamodbstreams")
arn = streams.list_streams(TableName="kept")["Streams"][0]["StreamArn"]
shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
backups = db.describe_continuous_backups(TableName="kept")["ContinuousBackupsDescription"]
answer({
    "items": sorted(item["pk"]["S"] for item in db.scan(TableName="kept")["Items"]),
    "records": [record["dynamodb"]["Keys"]["pk"]["S"] for record in streams.get_records(ShardIterator=start)["Records"]],
    "recovery": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
})
"#,
    );
    assert_eq!(left, json!({ "items": ["after", "before"], "records": ["before", "after"], "recovery": "ENABLED" }));
    world.run("local reset").success();
    assert_eq!(world.local().boto(r#"answer(client("dynamodb").list_tables()["TableNames"])"#), json!([]));
}

#[test]
fn the_aws_cli_makes_a_table_and_reads_its_items() {
    let world = World::new();
    let cloud = world.local();
    let table = ["--table-name", "films"];
    let json = |arguments: &[&str]| -> Value {
        let text = cloud.aws(&[&["dynamodb"], arguments, &table].concat());
        serde_json::from_str(&text).unwrap_or(Value::Null)
    };
    let keys = ["--attribute-definitions", "AttributeName=title,AttributeType=S", "--key-schema"];
    let made =
        [&["create-table"], &keys[..], &["AttributeName=title,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST"]];
    assert_eq!(json(&made.concat())["TableDescription"]["TableStatus"], "CREATING");
    json(&["wait", "table-exists"]);
    json(&["put-item", "--item", r#"{"title": {"S": "Metropolis"}, "year": {"N": "1927"}}"#]);
    let update = ["update-item", "--key", r#"{"title": {"S": "Metropolis"}}"#, "--update-expression", "ADD seen :one"];
    let values = ["--expression-attribute-values", r#"{":one": {"N": "1"}}"#, "--return-values", "ALL_NEW"];
    let updated = json(&[&update[..], &values[..]].concat());
    assert_eq!(updated["Attributes"], json!({"title": {"S": "Metropolis"}, "year": {"N": "1927"}, "seen": {"N": "1"}}));
    let found = json(&["scan", "--projection-expression", "title", "--return-consumed-capacity", "TOTAL"]);
    assert_eq!((&found["Count"], &found["Items"]), (&json!(1), &json!([{"title": {"S": "Metropolis"}}])));
    json(&["delete-table"]);
    assert_eq!(cloud.aws(&["dynamodb", "list-tables", "--query", "TableNames"]), "[]");
}
