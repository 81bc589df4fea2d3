//! Buckets with versions, and what `EventBridge` hears of them: judged by boto3, the AWS CLI and `MiniStack`, and used
//! by an app.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::{Emulator, free_port};
use crate::process::wait_for;
use crate::world::World;

#[test]
fn boto3_finds_versions_in_s3_as_aws_has_them() {
    let world = World::new();
    world.local().script("s3_versions.py");
}

/// What both have, step by step; ids in the order in which they come. `MiniStack` does not name the version `null` in
/// answers about one object. moto 5.2 forgets all versions of a key once versioning is suspended.
const STEPS: &str = r#"
s3, names = client("s3"), {"null": None}
s3.create_bucket(Bucket="many", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
def told(done):
    found = [done.get("VersionId"), done.get("CopySourceVersionId")]
    return [id and names.setdefault(id, f"v{len(names)}") for id in found] + [done.get("DeleteMarker")]
def versioning(status): s3.put_bucket_versioning(Bucket="many", VersioningConfiguration={"Status": status})
def put(body): return told(s3.put_object(Bucket="many", Key="k", Body=body))
def delete(**more): return told(s3.delete_object(Bucket="many", Key="k", **more))
def real(name): return next(id for id, given in names.items() if given == name)
def read(**more):
    try:
        found = s3.get_object(Bucket="many", Key="k", **more)
        return [found["Body"].read().decode(), told(found)[0]]
    except ClientError as error:
        return error.response["Error"]["Code"]
def listed():
    page = s3.list_object_versions(Bucket="many")
    found = [[names[it["VersionId"]], it["IsLatest"], it["Size"]] for it in page.get("Versions", [])]
    return [found, [[names[it["VersionId"]], it["IsLatest"]] for it in page.get("DeleteMarkers", [])]]
steps = [put(b"0"), listed(), versioning("Enabled"), put(b"1"), put(b"22"), read(), read(VersionId="null"), read(VersionId=real("v1")), listed()]
steps += [delete(), read(), listed(), read(VersionId=real("v3")), delete(VersionId=real("v3")), read(), delete(VersionId=real("v2")), read(), listed()]
copy = {"Bucket": "many", "Key": "k", "VersionId": "null"}
steps += [told(s3.copy_object(Bucket="many", Key="k", CopySource=copy)), read(), versioning("Suspended"), put(b"333"), listed()]
steps += [delete(), read(), listed(), s3.get_bucket_versioning(Bucket="many")["Status"]]
answer(steps)
"#;

#[test]
fn versions_are_as_ministack_has_them() {
    let (world, emulator) = (World::new(), Emulator::ministack());
    let ours = world.local().boto(STEPS);
    assert_eq!(ours[9], json!(["v3", null, true]));
    assert_eq!(ours, emulator.cloud().boto(STEPS));
}

#[test]
fn versions_survive_a_restart_and_the_aws_cli_brings_one_back() {
    let world = World::new();
    // Not the port that all others try first: one of them could take it while this cloud is stopped.
    world.run(&format!("local start --port {}", free_port())).success();
    let cloud = world.local();
    let aws = |words: &str| cloud.aws(&words.split_whitespace().collect::<Vec<_>>());
    let json = |words: &str| -> Value { serde_json::from_str(&aws(words)).expect("JSON") };
    std::fs::write(world.root().join("home/one"), "first").expect("a file");
    std::fs::write(world.root().join("home/two"), "second").expect("a file");
    aws("s3 mb s3://papers");
    aws("s3 cp one s3://papers/p");
    aws("s3api put-bucket-versioning --bucket papers --versioning-configuration Status=Enabled");
    aws("s3 cp two s3://papers/p");
    aws("s3 rm s3://papers/p");
    let list = "s3api list-object-versions --bucket papers --output json";
    let before = json(list);
    assert_eq!(before["Versions"].as_array().map(Vec::len), Some(2), "{before}");
    assert_eq!(before["DeleteMarkers"][0]["IsLatest"], true, "{before}");

    world.run("local stop").success();
    world.run("local start").success();
    assert_eq!(json(list), before);
    assert_eq!(json("s3api get-bucket-versioning --bucket papers --output json")["Status"], "Enabled");
    let old = "s3api copy-object --bucket papers --key p --copy-source papers/p?versionId=null --query VersionId --output text";
    let back = aws(old);
    assert_eq!(aws("s3 cp s3://papers/p -"), "first");
    aws(&format!("s3api delete-object --bucket papers --key p --version-id {back}"));
    assert_eq!(json(list), before);
}

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
resources:
  papers: { type: bucket, versioned: true, eventbridge: true }
  heard: queue
functions:
  archive:
    handler: app.archive
    uses: [heard]
    triggers:
      - events: { source: [aws.s3], detail: { bucket: { name: [{ prefix: shop-dev-papers- }] } } }
stages: { dev: {} }
";

const APP: &str = r#"import json, os

import boto3

def archive(event, context):
    what = [event["detail-type"], event["detail"]["object"]["key"]] if "detail" in event else event["Records"][0]["eventName"]
    boto3.client("sqs").send_message(QueueUrl=os.environ["HEARD_QUEUE_URL"], MessageBody=json.dumps(what))
"#;

/// Of the app's bucket.
const BUCKET: &str = "
s3, sqs = client('s3'), client('sqs')
[bucket] = [it['Name'] for it in s3.list_buckets()['Buckets'] if it['Name'].startswith('shop-dev-papers-')]
";

fn boto(cloud: &Cloud, script: &str) -> Value {
    cloud.boto(&format!("{BUCKET}{script}"))
}

/// As many of the things that the function heard, sorted; they are taken out.
fn heard(cloud: &Cloud, many: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    wait_for("the function to hear", Duration::from_mins(1), || {
        let found = boto(
            cloud,
            "url, bodies = sqs.get_queue_url(QueueName='shop-dev-heard')['QueueUrl'], []
while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get('Messages'):
    for message in found:
        bodies.append(message['Body'])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
answer(bodies)",
        );
        all.extend(serde_json::from_value::<Vec<String>>(found).expect("texts"));
        (all.len() >= many).then_some(())
    });
    all.sort();
    all
}

/// Whether `EventBridge` is told, and how many functions are called.
fn told(cloud: &Cloud) -> Value {
    boto(
        cloud,
        "live = s3.get_bucket_notification_configuration(Bucket=bucket)
answer(['EventBridgeConfiguration' in live, len(live.get('LambdaFunctionConfigurations', []))])",
    )
}

fn story(world: &World, cloud: &Cloud) {
    world.run("deploy dev --json").success();
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();
    boto(
        cloud,
        "for body in [b'1', b'22']: s3.put_object(Bucket=bucket, Key='a b', Body=body)
s3.delete_object(Bucket=bucket, Key='a b')",
    );
    let [created, deleted] = ["Created", "Deleted"].map(|what| format!("[\"Object {what}\", \"a b\"]"));
    assert_eq!(heard(cloud, 3), [created.clone(), created, deleted]);

    // A trigger of the bucket beside it, and the one without the other.
    world.edit("rzap.yaml", "    triggers:\n", "    triggers:\n      - s3: { bucket: papers, prefix: in/ }\n");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["create bucket_notification"]);
    assert_eq!(told(cloud), json!([true, 1]));
    world.edit("rzap.yaml", ", eventbridge: true", "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update s3_bucket"]);
    assert_eq!(told(cloud), json!([false, 1]));
    boto(cloud, "s3.put_object(Bucket=bucket, Key='in/c', Body=b'')");
    assert_eq!(heard(cloud, 1), ["\"ObjectCreated:Put\""]);

    // Somebody turned it on by hand: it is said before it is put back.
    boto(
        cloud,
        "live = s3.get_bucket_notification_configuration(Bucket=bucket)
del live['ResponseMetadata']
s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={**live, 'EventBridgeConfiguration': {}})",
    );
    let status = world.run("status dev --check --json").failure(3).json();
    assert!(status.to_string().contains("event_bridge"), "{status}");
    world.run("deploy dev --json").success();
    assert_eq!(told(cloud), json!([false, 1]));

    // Former versions and markers are data, too.
    boto(cloud, "s3.delete_object(Bucket=bucket, Key='in/c')");
    world.run("undeploy dev --yes").failure(2).says(&[
        "needs --delete-data",
        "S3 bucket `shop-dev-papers-",
        "5 objects",
    ]);
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn an_archive_in_the_local_cloud() {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP).file("requirements.txt", "boto3\n");
    let world = world.env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud);
}

#[test]
fn an_archive_on_ministack() {
    let emulator = Emulator::ministack();
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP).at(&emulator.endpoint);
    story(&world, &emulator.cloud());
}
