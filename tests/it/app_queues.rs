//! Queues of `resources:`, what reads them, and schedules of `triggers:`.
//!
//! The local cloud and `MiniStack` really call the functions; moto says what was stored.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
resources:
  jobs: { type: queue, visibility_timeout: 6s, dlq: { max_receives: 2 } }
  done: queue
functions:
  worker:
    handler: app.work
    timeout: 1
    uses: { done: send }
    env: { JOBS: '${resources.jobs.arn}' }
    triggers:
      - sqs: { queue: jobs, batch: 5, partial_failures: true }
  nightly:
    handler: app.nightly
    triggers:
      - schedule: rate(1 hour)
      - schedule: { expression: cron(0 2 * * ? *), timezone: Europe/Berlin, name: night, input: { depth: 3 } }
stages: { dev: {} }
";

/// A worker that passes each job on, but for the bad ones.
const APP: &str = r#"import json, os, urllib.request

import boto3

def work(event, context):
    sqs, failed = boto3.client("sqs"), []
    for record in event["Records"]:
        if record["body"] == "bad":
            failed.append({"itemIdentifier": record["messageId"]})
        else:
            body = f"{record['body']} {record['eventSourceARN'] == os.environ['JOBS']}"
            sqs.send_message(QueueUrl=os.environ["DONE_QUEUE_URL"], MessageBody=body)
    return {"batchItemFailures": failed}

def nightly(event, context):
    print(event)
"#;

fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP)
}

/// The bodies of the messages in a queue, sorted; they are taken out.
fn take(cloud: &Cloud, queue: &str) -> Vec<String> {
    let bodies = cloud.boto(&format!(
        "sqs = client('sqs')
url, bodies = sqs.get_queue_url(QueueName={queue:?})['QueueUrl'], []
while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get('Messages'):
    for message in found:
        bodies.append(message['Body'])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
answer(sorted(bodies))"
    ));
    serde_json::from_value(bodies).expect("a list of bodies")
}

fn send(cloud: &Cloud, queue: &str, bodies: &[&str]) {
    cloud.boto(&format!(
        "sqs = client('sqs')
url = sqs.get_queue_url(QueueName={queue:?})['QueueUrl']
for body in {bodies:?}: sqs.send_message(QueueUrl=url, MessageBody=body)"
    ));
}

/// What is set of the mapping of `worker` and of the queue `jobs`.
fn stored(cloud: &Cloud) -> Value {
    cloud.boto(
        "[mapping] = client('lambda').list_event_source_mappings(FunctionName='shop-dev-worker:live')['EventSourceMappings']
sqs = client('sqs')
url = sqs.get_queue_url(QueueName='shop-dev-jobs')['QueueUrl']
attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['All'])['Attributes']
answer([mapping['UUID'], mapping['BatchSize'], mapping['FunctionArn'].split(':')[-1], attributes['VisibilityTimeout'],
        attributes['DelaySeconds'], json.loads(attributes['RedrivePolicy'])['maxReceiveCount']])",
    )
}

/// Deploys, works, changes, and leaves nothing.
fn story(world: &World, cloud: &Cloud) {
    let deployed = world.run("deploy dev --json").success();
    let made = deployed.changes();
    for change in ["create queue", "create event_source_mapping", "create schedule"] {
        assert!(made.iter().any(|made| made == change), "{change}: {made:?}");
    }
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();

    send(cloud, "shop-dev-jobs", &["a", "b", "bad", "c"]);
    let mut done = Vec::new();
    wait_for("the jobs", Duration::from_secs(40), || {
        done.extend(take(cloud, "shop-dev-done"));
        (done.len() >= 3).then_some(())
    });
    done.sort();
    assert_eq!(done, ["a True", "b True", "c True"]);
    wait_for("the dead letter", Duration::from_mins(1), || (take(cloud, "shop-dev-jobs-dlq") == ["bad"]).then_some(()));

    let before = stored(cloud);
    assert_eq!(before, json!([before[0], 5, "live", "6", "0", before[5]]));
    world.edit("rzap.yaml", "batch: 5", "batch: 7");
    world.edit("rzap.yaml", "visibility_timeout: 6s", "visibility_timeout: 9s, delay: 1s");
    let changed = world.run("deploy dev --json").success().changes();
    assert_eq!(changed, ["update event_source_mapping", "update queue"]);
    assert_eq!(stored(cloud), json!([before[0], 7, "live", "9", "1", before[5]]), "the same mapping");

    // What is not in the config any more goes, and nothing else.
    world.edit("rzap.yaml", "      - schedule: rate(1 hour)\n", "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete schedule"]);
    // A job that took long may have been done twice.
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn a_queue_and_its_worker_in_the_local_cloud() {
    // boto3 has to be in the package: no runtime brings it there.
    let world = world().file("requirements.txt", "boto3\n").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud);
}

#[test]
fn a_queue_and_its_worker_on_ministack() {
    let emulator = Emulator::ministack();
    story(&world().at(&emulator.endpoint), &emulator.cloud());
}

/// moto 5.2 forgets which alias a mapping calls, so there is none here.
#[test]
fn the_control_plane_of_queues_on_moto() {
    let emulator = Emulator::moto();
    let world = world().at(&emulator.endpoint);
    world.edit("rzap.yaml", "    triggers:\n      - sqs: { queue: jobs, batch: 5, partial_failures: true }\n", "");
    world.run("deploy dev --json").success();
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    // By hand: what is seen is put back.
    emulator.cloud().boto(
        "sqs = client('sqs')
url = sqs.get_queue_url(QueueName='shop-dev-jobs')['QueueUrl']
sqs.set_queue_attributes(QueueUrl=url, Attributes={'DelaySeconds': '9', 'RedrivePolicy': ''})",
    );
    let changed = world.run("deploy dev --json").success();
    assert_eq!(changed.changes(), ["update queue"]);
    let differences = changed.json()["changes"][0]["differences"].as_array().cloned().unwrap_or_default();
    let fields: Vec<_> = differences
        .iter()
        .map(|it| (it["field"].as_str().unwrap_or_default().to_owned(), it["by_hand"] == true))
        .collect();
    assert!(fields.contains(&("delay".to_owned(), true)), "{differences:?}");
    assert!(fields.iter().any(|(field, by_hand)| field.starts_with("dead_letters") && *by_hand), "{differences:?}");
    assert!(world.run("deploy dev --json").success().changes().is_empty());

    // A queue with messages in it does not go without being told to; one without does.
    emulator.cloud().boto(
        "sqs = client('sqs')
sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName='shop-dev-done')['QueueUrl'], MessageBody='keep me')",
    );
    world.edit("rzap.yaml", "  done: queue\n", "");
    world.edit("rzap.yaml", "    uses: { done: send }\n", "");
    let kept = world.run("deploy dev --json").success().json();
    assert_eq!(kept["kept"][0]["name"], "shop-dev-done", "{kept}");
    // What is kept keeps what it stands on: here the queue for its dead letters.
    let names = |kept: &Value| -> Vec<String> {
        let all = kept["kept"].as_array().into_iter().flatten();
        all.map(|it| it["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    emulator.cloud().boto(
        "sqs = client('sqs')
sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName='shop-dev-jobs')['QueueUrl'], MessageBody='keep me')",
    );
    world.edit("rzap.yaml", "  jobs: { type: queue, visibility_timeout: 6s, dlq: { max_receives: 2 } }\n", "");
    world.edit("rzap.yaml", "    env: { JOBS: '${resources.jobs.arn}' }\n", "");
    let kept = world.run("deploy dev --json").success().json();
    assert_eq!(names(&kept), ["shop-dev-done", "shop-dev-jobs", "shop-dev-jobs-dlq"], "{kept}");
    let gone = world.run("deploy dev --delete-data --json").success().changes();
    assert_eq!(gone, ["delete queue", "delete queue", "delete queue"]);
    world.run("undeploy dev --yes --delete-data").success();
    emulator.cloud().is_empty();
}
