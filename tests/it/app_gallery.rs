//! Buckets of `resources:` and what they call: the gallery, and a bucket that was there before.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::picture::{Picture, jpeg_size};
use crate::process::wait_for;
use crate::webapps;
use crate::world::World;

const PATIENCE: Duration = Duration::from_mins(4);

/// Where the app's buckets are: their names have the account in them.
const NAMES: &str = "
s3 = client('s3')
account = client('sts').get_caller_identity()['Account']
def bucket(name, app='gallery'): return f'{app}-dev-{name}-{account}-eu-west-1'
def keys(name): return [it['Key'] for it in every('s3', 'list_objects_v2', 'Contents', Bucket=bucket(name))]
";

fn boto(cloud: &Cloud, script: &str) -> Value {
    cloud.boto(&format!("{NAMES}{script}"))
}

fn thumbnails(cloud: &Cloud) -> Value {
    boto(cloud, "answer(keys('thumbnails'))")
}

/// Uploads images, several at once, and looks at what came of them.
fn story(world: &World, cloud: &Cloud) {
    let deployed = world.run("deploy dev --json").success();
    let made = deployed.changes();
    assert_eq!(made.iter().filter(|made| *made == "create s3_bucket").count(), 2, "{made:?}");
    assert_eq!(made.iter().filter(|made| *made == "create bucket_notification").count(), 1, "{made:?}");
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();
    assert_eq!(
        boto(
            cloud,
            "block = s3.get_public_access_block(Bucket=bucket('uploads'))['PublicAccessBlockConfiguration']
tags = {tag['Key']: tag['Value'] for tag in s3.get_bucket_tagging(Bucket=bucket('uploads'))['TagSet']}
answer([all(block.values()), len(block), tags['rzap:app'], tags['rzap:stage']])"
        ),
        json!([true, 4, "gallery", "dev"])
    );

    let picture = Picture::new(300, 100, |_, _| [255, 0, 0]).png(None);
    let file = world.root().join("red.png");
    fs::write(&file, &picture).expect("a file");
    boto(
        cloud,
        &format!(
            "from concurrent.futures import ThreadPoolExecutor
body = open('{}', 'rb').read()
names = [f'in/many/{{at}}.png' for at in range(4)] + ['in/My Photo (1) + ü.png', 'in/upright.jpg', 'out/never.png', 'in/a.gif']
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda name: s3.put_object(Bucket=bucket('uploads'), Key=name, Body=body), names))
s3.put_object(Bucket=bucket('uploads'), Key='in/broken.png', Body=b'no image')
s3.copy_object(Bucket=bucket('uploads'), Key='in/copy.png', CopySource={{'Bucket': bucket('uploads'), 'Key': 'in/many/0.png'}})",
            file.display()
        ),
    );
    let mut all: Vec<String> = (0..4).map(|at| format!("many/{at}.jpeg")).collect();
    all.extend(["My Photo (1) + ü.jpeg", "upright.jpeg", "copy.jpeg"].map(str::to_owned));
    all.sort();
    wait_for("the thumbnails", PATIENCE, || (thumbnails(cloud) == json!(all)).then_some(()));
    let small = world.root().join("small.jpeg");
    boto(cloud, &format!("s3.download_file(bucket('thumbnails'), 'many/3.jpeg', '{}')", small.display()));
    assert_eq!(jpeg_size(&fs::read(&small).expect("a picture")), (128, 43));

    boto(cloud, "for at in range(4): s3.delete_object(Bucket=bucket('uploads'), Key=f'in/many/{at}.png')");
    all.retain(|key| !key.starts_with("many/"));
    wait_for("the thumbnails to go", PATIENCE, || (thumbnails(cloud) == json!(all)).then_some(()));

    // One trigger goes, the others stay.
    world.edit("rzap.yaml", "      - s3: { bucket: uploads, prefix: in/, suffix: .jpg }\n", "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update bucket_notification"]);
    assert!(world.run("deploy dev --json").success().changes().is_empty());

    // What is in the buckets goes when somebody says so, and with all of it.
    let refused = world.run("undeploy dev --yes").failure(2);
    refused.says(&["needs --delete-data", "S3 bucket `gallery-dev-thumbnails-", "with 3 objects, ", "--delete-data`"]);
    assert_eq!(thumbnails(cloud), json!(all));
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn the_gallery_in_the_local_cloud() {
    let world = webapps::app("gallery").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud);
}

#[test]
fn the_gallery_on_ministack() {
    let emulator = Emulator::ministack();
    story(&webapps::app("gallery").at(&emulator.endpoint), &emulator.cloud());
}

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
functions:
  one:
    handler: app.main
    triggers:
      - s3: { bucket: 'arn:aws:s3:::others', prefix: in/, suffix: .jpg }
      - s3: { bucket: 'arn:aws:s3:::others', events: [removed], prefix: in/ }
  two:
    handler: app.main
    triggers:
      - s3: { bucket: 'arn:aws:s3:::others', prefix: docs/ }
stages: { dev: {} }
";

/// What the bucket calls, by the last part of whom, with prefix and suffix; and who may be called.
const CALLS: &str = "
def seen():
    found = s3.get_bucket_notification_configuration(Bucket='others')
    calls = []
    for kind, arn in [('LambdaFunctionConfigurations', 'LambdaFunctionArn'), ('QueueConfigurations', 'QueueArn')]:
        for entry in found.get(kind, []):
            rules = sorted([r['Name'].lower(), r['Value']] for r in entry.get('Filter', {}).get('Key', {}).get('FilterRules', []))
            calls.append([entry[arn].split(':', 5)[5], entry['Events'], dict(rules)])
    return sorted(calls, key=str)
def may(function):
    try: policy = json.loads(client('lambda').get_policy(FunctionName=function, Qualifier='live')['Policy'])
    except Exception: return []
    return [[it['Principal']['Service'], it['Condition']['ArnLike']['AWS:SourceArn']] for it in policy['Statement']]
";

/// A bucket that is somebody else's, with a queue it sends to and a function it calls.
fn existing(world: &World, cloud: &Cloud) {
    let look = |script: &str| boto(cloud, &format!("{CALLS}{script}"));
    look(
        "s3.create_bucket(Bucket='others', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})
queue = client('sqs').create_queue(QueueName='theirs')
s3.put_bucket_notification_configuration(Bucket='others', NotificationConfiguration={'QueueConfigurations': [
    {'Id': 'theirs', 'QueueArn': f'arn:aws:sqs:eu-west-1:{account}:theirs', 'Events': ['s3:ObjectCreated:Put'],
     'Filter': {'Key': {'FilterRules': [{'Name': 'prefix', 'Value': 'logs/'}]}}}]})",
    );
    let theirs = json!(["theirs", ["s3:ObjectCreated:Put"], { "prefix": "logs/" }]);
    let call = |function: &str, event: &str, filter: Value| {
        json!([format!("function:shop-dev-{function}:live"), [event], filter])
    };
    let created = call("one", "s3:ObjectCreated:*", json!({ "prefix": "in/", "suffix": ".jpg" }));
    let removed = call("one", "s3:ObjectRemoved:*", json!({ "prefix": "in/" }));
    let docs = call("two", "s3:ObjectCreated:*", json!({ "prefix": "docs/" }));
    let granted = json!([["s3.amazonaws.com", "arn:aws:s3:::others"]]);

    world.run("deploy dev").success();
    assert_eq!(look("answer(seen())"), json!([created, removed, docs, theirs]));
    assert_eq!(look("answer([may('shop-dev-one'), may('shop-dev-two')])"), json!([granted, granted]));
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");

    // A change of one, and by hand: a permission that somebody took back, an entry that somebody removed.
    world.edit("rzap.yaml", "prefix: docs/", "prefix: texts/");
    look(
        "policy = json.loads(client('lambda').get_policy(FunctionName='shop-dev-one', Qualifier='live')['Policy'])
client('lambda').remove_permission(FunctionName='shop-dev-one', Qualifier='live', StatementId=policy['Statement'][0]['Sid'])
found = s3.get_bucket_notification_configuration(Bucket='others')
found.pop('ResponseMetadata')
found['LambdaFunctionConfigurations'] = [it for it in found['LambdaFunctionConfigurations'] if 'shop-dev-one' not in it['LambdaFunctionArn']]
s3.put_bucket_notification_configuration(Bucket='others', NotificationConfiguration=found)",
    );
    let changed = world.run("deploy dev --json").success();
    assert_eq!(changed.changes(), ["update bucket_notification"], "{changed}");
    let texts = call("two", "s3:ObjectCreated:*", json!({ "prefix": "texts/" }));
    assert_eq!(look("answer(seen())"), json!([created, removed, texts, theirs]));
    assert_eq!(look("answer(may('shop-dev-one'))"), granted);

    // A function goes, and what called it; then all that is ours.
    world.edit(
        "rzap.yaml",
        "  two:\n    handler: app.main\n    triggers:\n      - s3: { bucket: 'arn:aws:s3:::others', prefix: texts/ }\n",
        "",
    );
    world.run("deploy dev").success();
    assert_eq!(look("answer(seen())"), json!([created, removed, theirs]));
    // Without a trigger the bucket is not in the config any more: the permission remembers it.
    world.edit("rzap.yaml", "    triggers:\n      - s3: { bucket: 'arn:aws:s3:::others', prefix: in/, suffix: .jpg }\n      - s3: { bucket: 'arn:aws:s3:::others', events: [removed], prefix: in/ }\n", "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete bucket_notification"]);
    assert_eq!(look("answer([seen(), may('shop-dev-one')])"), json!([[theirs], []]));
    world.run("undeploy dev --yes --delete-data").success();
    look(
        "s3.delete_bucket(Bucket='others')\nclient('sqs').delete_queue(QueueUrl=client('sqs').get_queue_url(QueueName='theirs')['QueueUrl'])",
    );
    cloud.is_empty();
}

fn shop() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", "def main(event, context):\n    print(event)\n")
}

#[test]
fn what_others_have_in_a_bucket_stays_in_the_local_cloud() {
    let world = shop().env("RZAP_LOCAL", "1");
    let cloud = world.local();
    existing(&world, &cloud);
}

#[test]
fn what_others_have_in_a_bucket_stays_on_ministack() {
    let emulator = Emulator::ministack();
    existing(&shop().at(&emulator.endpoint), &emulator.cloud());
}
