//! Topics of `resources:`, the functions that hear them, and what becomes of messages that they could not be given.
//!
//! The local cloud and `MiniStack` really deliver; moto says what was stored.

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
  news: { type: topic, display_name: Shop news, subscribe: [archive] }
  archive: queue
  told: queue
  lost: queue
functions:
  web:
    handler: app.web
    timeout: 20
    uses: { news: publish }
  herald:
    handler: app.tell
    timeout: 20
    uses: { told: send }
    triggers:
      - sns: { topic: news, filter: { kind: [sale, { prefix: new- }] }, dlq: lost }
stages: { dev: {} }
";

/// `web` publishes what it is called with; `herald` says what it heard.
const APP: &str = r#"import json, os

import boto3

def web(event, context):
    kinds = {"kind": {"DataType": "String", "StringValue": event["kind"]}} if "kind" in event else {}
    return boto3.client("sns").publish(TopicArn=os.environ["NEWS_TOPIC_ARN"], Message=event["text"], Subject="News",
                                       MessageAttributes=kinds)["MessageId"]

def tell(event, context):
    [record] = event["Records"]
    heard = [record["EventSource"], record["Sns"]["Subject"], record["Sns"]["Message"], record["Sns"]["TopicArn"].split(":")[-1]]
    boto3.client("sqs").send_message(QueueUrl=os.environ["TOLD_QUEUE_URL"], MessageBody=json.dumps(heard))
"#;

fn world() -> World {
    // boto3 has to be in the package: no local runtime brings it there.
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP).file("requirements.txt", "boto3\n")
}

/// The messages of a queue as JSON, sorted; they are taken out.
fn take(cloud: &Cloud, queue: &str) -> Vec<Value> {
    let bodies = cloud.boto(&format!(
        "sqs = client('sqs')
url, bodies = sqs.get_queue_url(QueueName={queue:?})['QueueUrl'], []
while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get('Messages'):
    for message in found:
        bodies.append(json.loads(message['Body']))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
answer(sorted(bodies, key=str))"
    ));
    bodies.as_array().cloned().unwrap_or_default()
}

fn wait_for_messages(cloud: &Cloud, queue: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    wait_for(queue, Duration::from_mins(1), || {
        found.extend(take(cloud, queue));
        (found.len() >= count).then_some(())
    });
    found.sort_by_key(Value::to_string);
    found
}

/// Who is subscribed to the topic: protocol and the end of the endpoint; and the function's subscription.
const SUBSCRIBED: &str = r#"
sns = client("sns")
[topic] = [item["TopicArn"] for item in every("sns", "list_topics", "Topics")]
all = every("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic)
[arn] = [item["SubscriptionArn"] for item in all if item["Protocol"] == "lambda"] or [None]
found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"] if arn else {}
answer({"all": sorted([item["Protocol"], item["Endpoint"].split(":")[-1]] for item in all), "arn": arn,
        "filter": json.loads(found.get("FilterPolicy") or "{}"), "scope": found.get("FilterPolicyScope"),
        "dead": json.loads(found.get("RedrivePolicy") or "{}").get("deadLetterTargetArn", "").split(":")[-1]})
"#;

/// Whom the queue of the dead letters lets send, and how many statements a function's policy has.
const PERMITTED: &str = r#"
sqs = client("sqs")
url = sqs.get_queue_url(QueueName="shop-dev-lost")["QueueUrl"]
policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {}).get("Policy")
senders = [[one["Principal"]["Service"], one["Action"], one["Condition"]["ArnEquals"]["aws:SourceArn"].split(":")[-1]]
           for one in json.loads(policy)["Statement"]] if policy else []
try:
    statements = json.loads(client("lambda").get_policy(FunctionName="shop-dev-herald", Qualifier="live")["Policy"])["Statement"]
    granted = [one["Principal"]["Service"] for one in statements]
except client("lambda").exceptions.ResourceNotFoundException:
    granted = []
answer([senders, granted])
"#;

/// Deploys, changes one thing after the other, and leaves nothing.
fn control(world: &World, cloud: &Cloud) {
    let made = world.run("deploy dev --json").success().changes();
    for change in ["create topic", "create subscription"] {
        assert!(made.iter().any(|made| made == change), "{change}: {made:?}");
    }
    assert_eq!(world.run("deploy dev --json").success().changes(), [] as [&str; 0], "it is as it should be");
    world.run("status dev --check").success();
    let before = cloud.boto(SUBSCRIBED);
    assert_eq!(before["all"], json!([["lambda", "live"], ["sqs", "shop-dev-archive"]]));
    assert_eq!(before["filter"], json!({ "kind": ["sale", { "prefix": "new-" }] }));
    assert_eq!(before["dead"], "shop-dev-lost");
    let sender = json!(["sns.amazonaws.com", "sqs:SendMessage", "shop-dev-news"]);
    assert_eq!(cloud.boto(PERMITTED), json!([[sender], ["sns.amazonaws.com"]]));
}

/// The filter, the dead letters and the trigger change one by one, each on the same subscription.
fn changes(world: &World, cloud: &Cloud) {
    let arn = cloud.boto(SUBSCRIBED)["arn"].clone();
    world.edit(
        "rzap.yaml",
        "filter: { kind: [sale, { prefix: new- }] }, dlq: lost",
        "filter: { a: { b: [1] } }, filter_scope: body",
    );
    let changed = world.run("deploy dev --json").success().changes();
    assert_eq!(changed, ["update queue", "update subscription"]);
    let found = cloud.boto(SUBSCRIBED);
    assert_eq!(
        json!([found["arn"], found["filter"], found["scope"], found["dead"]]),
        json!([arn, { "a": { "b": [1] } }, "MessageBody", ""])
    );
    assert_eq!(cloud.boto(PERMITTED), json!([[], ["sns.amazonaws.com"]]));
    world.edit(
        "rzap.yaml",
        "      - sns: { topic: news, filter: { a: { b: [1] } }, filter_scope: body }",
        "      - sns: news",
    );
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update subscription"]);
    let found = cloud.boto(SUBSCRIBED);
    assert_eq!(json!([found["arn"], found["filter"]]), json!([arn, {}]));

    // What somebody else has subscribed stays when what is ours goes.
    cloud.boto(
        "[topic] = [item['TopicArn'] for item in every('sns', 'list_topics', 'Topics')]
client('sns').subscribe(TopicArn=topic, Protocol='sqs', Endpoint=topic.replace(':sns:', ':sqs:').replace('shop-dev-news', 'shop-dev-told'))",
    );
    world.edit("rzap.yaml", "    triggers:\n      - sns: news\n", "");
    world.edit("rzap.yaml", ", subscribe: [archive] }", " }");
    let changed = world.run("deploy dev --json").success().changes();
    assert_eq!(changed, ["delete subscription", "update queue", "update topic"]);
    assert_eq!(cloud.boto(SUBSCRIBED)["all"], json!([["sqs", "shop-dev-told"]]));
    assert_eq!(cloud.boto(PERMITTED), json!([[], []]));
    assert_eq!(world.run("deploy dev --json").success().changes(), [] as [&str; 0]);
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

fn story(world: &World, cloud: &Cloud) {
    control(world, cloud);
    for event in [
        r#"{"text": "half price", "kind": "sale"}"#,
        r#"{"text": "boring", "kind": "old"}"#,
        r#"{"text": "hats", "kind": "new-in"}"#,
    ] {
        world.args(&["invoke", "dev", "web", "--payload", event]).success();
    }
    let told = wait_for_messages(cloud, "shop-dev-told", 2);
    let heard = |text: &str| json!(["aws:sns", "News", text, "shop-dev-news"]);
    assert_eq!(told, [heard("half price"), heard("hats")], "the filter");
    let archived = wait_for_messages(cloud, "shop-dev-archive", 3);
    let mut texts: Vec<_> = archived.iter().map(|one| one["Message"].as_str().unwrap_or_default()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["boring", "half price", "hats"]);
    assert_eq!(archived[0]["Type"], "Notification");
    changes(world, cloud);
}

#[test]
fn a_topic_and_who_hears_it_in_the_local_cloud() {
    let world = world().env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud);
}

#[test]
fn a_topic_and_who_hears_it_on_ministack() {
    let emulator = Emulator::ministack();
    story(&world().at(&emulator.endpoint), &emulator.cloud());
}

#[test]
fn the_control_plane_of_topics_on_moto() {
    let emulator = Emulator::moto();
    let world = world().at(&emulator.endpoint);
    control(&world, &emulator.cloud());
    changes(&world, &emulator.cloud());
}
