//! Events of `triggers:`: a nightly job puts one on the app's bus, another function gets it, a third hears its log.
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
  orders: event_bus
  done: queue
functions:
  nightly:
    handler: app.nightly
    uses: [orders]
    env: { ORDERS: '${resources.orders.arn}' }
    triggers:
      - schedule: cron(0 2 * * ? *)
  mail:
    handler: app.mail
    uses: [done]
    triggers:
      - events:
          bus: orders
          name: paid
          pattern: { source: [shop], detail-type: [paid], detail: { total: [{ numeric: ['>', 10] }] } }
          paths: { id: $.detail.id, total: $.detail.total }
          template: { order: <id>, total: <total>, text: 'order <id>' }
      - events: { source: [shop.test] }
  alerts:
    handler: app.alerts
    uses: [done]
    triggers:
      - logs: { group: mail, pattern: ERROR }
stages: { dev: {} }
";

/// What each function hears it writes into the queue `done`.
const APP: &str = r#"import base64, gzip, json, os

import boto3

def tell(**what):
    url = os.environ["DONE_QUEUE_URL"]
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(what, sort_keys=True))

def nightly(event, context):
    entry = {"EventBusName": os.environ["ORDERS_BUS"], "Source": "shop", "DetailType": "paid"}
    details = [{"id": "o-1", "total": 5}, {"id": "o-2", "total": 20}]
    entries = [{**entry, "Detail": json.dumps(detail)} for detail in details]
    return boto3.client("events").put_events(Entries=entries)["FailedEntryCount"]

def mail(event, context):
    if event.get("detail-type") == "probe":
        return tell(probe=event["detail"], source=event["source"])
    print("ERROR cannot mail", event["order"], flush=True)
    tell(mail=event)

def alerts(event, context):
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    lines = [one["message"].split("\n")[0] for one in batch["logEvents"]]
    tell(group=batch["logGroup"], kind=batch["messageType"], lines=lines, filters=batch["subscriptionFilters"])
"#;

fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP)
}

/// Waits for as many messages in `done`, which are taken out; sorted.
fn take(cloud: &Cloud, many: usize) -> Vec<Value> {
    let mut found: Vec<String> = Vec::new();
    wait_for("messages", Duration::from_secs(40), || {
        let bodies = cloud.boto(
            "sqs = client('sqs')
url, bodies = sqs.get_queue_url(QueueName='shop-dev-done')['QueueUrl'], []
while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get('Messages'):
    for message in found:
        bodies.append(message['Body'])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
answer(bodies)",
        );
        found.extend(serde_json::from_value::<Vec<String>>(bodies).expect("a list of bodies"));
        (found.len() >= many).then_some(())
    });
    found.sort();
    found.iter().map(|body| serde_json::from_str(body).expect("JSON")).collect()
}

fn put(cloud: &Cloud, bus: &str, source: &str, kind: &str, detail: &Value) {
    let entry = json!({ "EventBusName": bus, "Source": source, "DetailType": kind, "Detail": detail.to_string() });
    cloud.boto(&format!(
        "assert client('events').put_events(Entries=[json.loads({:?})])['FailedEntryCount'] == 0",
        entry.to_string()
    ));
}

/// The rules of both buses with their patterns, targets and tags, the subscriptions, and who may call `mail`.
fn stored(cloud: &Cloud) -> Value {
    cloud.boto(
        "events = client('events')
rules = {}
for bus in ['default', 'shop-dev-orders']:
    for rule in events.list_rules(EventBusName=bus, NamePrefix='shop-dev-')['Rules']:
        [target] = events.list_targets_by_rule(EventBusName=bus, Rule=rule['Name'])['Targets']
        tags = events.list_tags_for_resource(ResourceARN=rule['Arn'])['Tags']
        name = rule['Name'] if rule['Name'].endswith('-paid') else 'other'
        rules[name] = [bus, rule['State'], json.loads(rule['EventPattern']).get('detail-type'),
                       target['Arn'].split(':', 6)[6], len(tags)]
filters = client('logs').describe_subscription_filters(logGroupName='/aws/lambda/shop-dev-mail')['subscriptionFilters']
def permitted(name):
    try:
        policy = json.loads(client('lambda').get_policy(FunctionName=name, Qualifier='live')['Policy'])
    except ClientError:
        return []
    return sorted(one['Principal']['Service'] for one in policy['Statement'])
answer({'rules': rules, 'filters': [[one['filterName'], one['filterPattern']] for one in filters],
        'mail': permitted('shop-dev-mail'), 'alerts': permitted('shop-dev-alerts')})",
    )
}

/// Deploys, works, changes, and leaves nothing.
fn story(world: &World, cloud: &Cloud) {
    let made = world.run("deploy dev --json").success().changes();
    for change in ["create event_bus", "create rule", "create log_subscription"] {
        assert!(made.iter().any(|made| made == change), "{change}: {made:?}");
    }
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();
    let events = "events.amazonaws.com";
    let wanted = json!({
        "rules": {
            "shop-dev-mail-paid": ["shop-dev-orders", "ENABLED", ["paid"], "shop-dev-mail:live", 2],
            "other": ["default", "ENABLED", null, "shop-dev-mail:live", 2],
        },
        "filters": [["shop-dev-alerts", "ERROR"]],
        "mail": [events, events],
        "alerts": ["logs.amazonaws.com"],
    });
    assert_eq!(stored(cloud), wanted);

    // Two events, one of them is worth a mail; what is written about it is heard.
    world.run("invoke dev nightly").success();
    let heard = json!({
        "group": "/aws/lambda/shop-dev-mail", "kind": "DATA_MESSAGE", "lines": ["ERROR cannot mail o-2"],
        "filters": ["shop-dev-alerts"],
    });
    let mailed = json!({ "mail": { "order": "o-2", "total": 20, "text": "order o-2" } });
    assert_eq!(take(cloud, 2), [heard, mailed]);
    put(cloud, "default", "shop.test", "probe", &json!({ "n": 1 }));
    assert_eq!(take(cloud, 1), [json!({ "probe": { "n": 1 }, "source": "shop.test" })]);

    // A new pattern is the same rule.
    world.edit("rzap.yaml", "detail-type: [paid]", "detail-type: [paid, refunded]");
    world.edit("rzap.yaml", "pattern: ERROR }", "pattern: \"ERROR mail\" }");
    let changed = world.run("deploy dev --json").success().changes();
    assert_eq!(changed, ["update log_subscription", "update rule"]);
    let mut wanted = wanted;
    wanted["rules"]["shop-dev-mail-paid"][2] = json!(["paid", "refunded"]);
    wanted["filters"][0][1] = "ERROR mail".into();
    assert_eq!(stored(cloud), wanted);
    put(cloud, "shop-dev-orders", "shop", "refunded", &json!({ "id": "o-3", "total": 30 }));
    let heard = take(cloud, 2);
    assert_eq!(heard[1]["mail"]["order"], "o-3");

    // What is not in the config any more goes with its permission, and nothing else.
    world.edit("rzap.yaml", "      - events: { source: [shop.test] }\n", "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete rule"]);
    world.edit("rzap.yaml", "    triggers:\n      - logs: { group: mail, pattern: \"ERROR mail\" }\n", "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete log_subscription"]);
    let left = stored(cloud);
    assert_eq!(json!([left["filters"], left["mail"], left["alerts"]]), json!([[], [events], []]));
    assert_eq!(left["rules"], json!({ "shop-dev-mail-paid": wanted["rules"]["shop-dev-mail-paid"] }));
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn a_nightly_job_and_who_hears_of_it_in_the_local_cloud() {
    // boto3 has to be in the package: no runtime brings it there.
    let world = world().file("requirements.txt", "boto3\n").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud);
}

#[test]
fn a_nightly_job_and_who_hears_of_it_on_ministack() {
    let emulator = Emulator::ministack();
    story(&world().at(&emulator.endpoint), &emulator.cloud());
}

/// What somebody changes by hand is seen and put back, and a rule of somebody else is not touched. moto 5.2 knows the
/// tags of rules by their names alone, whatever their bus, so no two may have the same.
#[test]
fn the_control_plane_of_events_on_moto() {
    let emulator = Emulator::moto();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    cloud.boto(
        "client('events').put_rule(Name='shop-dev-mail-theirs', EventPattern=json.dumps({'source': ['theirs']}))",
    );
    world.run("deploy dev --json").success();
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    cloud.boto(
        "events = client('events')
bus = {'EventBusName': 'shop-dev-orders'}
events.put_rule(Name='shop-dev-mail-paid', EventPattern=json.dumps({'source': ['other']}), **bus)
queue = client('sqs').get_queue_attributes(QueueUrl=client('sqs').get_queue_url(QueueName='shop-dev-done')['QueueUrl'],
                                           AttributeNames=['QueueArn'])['Attributes']['QueueArn']
events.put_targets(Rule='shop-dev-mail-paid', Targets=[{'Id': 'theirs', 'Arn': queue}], **bus)
client('lambda').remove_permission(FunctionName='shop-dev-alerts', Qualifier='live', StatementId=json.loads(
    client('lambda').get_policy(FunctionName='shop-dev-alerts', Qualifier='live')['Policy'])['Statement'][0]['Sid'])",
    );
    let changed = world.run("deploy dev --json").success();
    let fields = |kind: &str| -> Vec<String> {
        let all = changed.json()["changes"].as_array().cloned().unwrap_or_default();
        let one = all.into_iter().find(|one| one["kind"] == kind).unwrap_or_default();
        let all = one["differences"].as_array().cloned().unwrap_or_default();
        all.iter().filter_map(|it| it["field"].as_str().map(str::to_owned)).collect()
    };
    let rule = fields("rule");
    assert!(rule.iter().any(|field| field.starts_with("pattern")), "{}", changed.json());
    assert!(rule.iter().any(|field| field.starts_with("other_targets")), "{}", changed.json());
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    let theirs = cloud.boto("answer(client('events').describe_rule(Name='shop-dev-mail-theirs')['EventPattern'])");
    assert_eq!(theirs, json!(r#"{"source": ["theirs"]}"#));
    world.run("undeploy dev --yes --delete-data").success();
    cloud.boto("client('events').delete_rule(Name='shop-dev-mail-theirs')");
    cloud.is_empty();
}
