//! Alarms of `resources:`: a consumer that fails, its dead letters, and who hears of them (`fixtures/parcels`).
//!
//! `MiniStack` looks at alarms only when somebody puts data, and measures no queues: there the test puts what SQS
//! would. moto says what was stored.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::World;

/// What the alarm on the dead letters says of itself.
const ALARM: &str = r#"
[alarm] = client("cloudwatch").describe_alarms(AlarmNames=["parcels-dev-undeliverable"])["MetricAlarms"]
answer({"state": alarm["StateValue"], "metric": [alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"][0]["Value"]],
        "actions": [arn.split(":")[-1] for arn in alarm["AlarmActions"] + alarm["OKActions"]],
        "missing": alarm.get("TreatMissingData")})
"#;

/// What is in the pager's queue: each message is the alarm's, in the envelope of SNS. They are taken out.
const PAGES: &str = r#"
sqs, pages = client("sqs"), []
url = sqs.get_queue_url(QueueName="parcels-dev-pager")["QueueUrl"]
while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
    for message in found:
        body = json.loads(message["Body"])
        page = json.loads(body["Message"])
        pages.append([body["Type"], body["TopicArn"].split(":")[-1], body["Subject"].split(" in ")[0], page["AlarmName"],
                      page["NewStateValue"], page["Trigger"]["MetricName"]])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
answer(pages)
"#;

/// What SQS would tell CloudWatch of the dead letters, told by us.
const MEASURE: &str = r#"
sqs = client("sqs")
url = sqs.get_queue_url(QueueName="parcels-dev-parcels-dlq")["QueueUrl"]
found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[{
    "MetricName": "ApproximateNumberOfMessagesVisible", "Value": int(found["ApproximateNumberOfMessages"]),
    "Dimensions": [{"Name": "QueueName", "Value": "parcels-dev-parcels-dlq"}]}])
"#;

fn state(cloud: &Cloud) -> String {
    cloud.boto(ALARM)["state"].as_str().unwrap_or_default().to_owned()
}

fn send(cloud: &Cloud, bodies: &[&str]) {
    cloud.boto(&format!(
        "sqs = client('sqs')
url = sqs.get_queue_url(QueueName='parcels-dev-parcels')['QueueUrl']
for body in {bodies:?}: sqs.send_message(QueueUrl=url, MessageBody=body)"
    ));
}

/// A page about the alarm on dead letters.
fn page(state: &str) -> Value {
    let subject = format!("{state}: \"parcels-dev-undeliverable\"");
    let metric = "ApproximateNumberOfMessagesVisible";
    json!(["Notification", "parcels-dev-incidents", subject, "parcels-dev-undeliverable", state, metric])
}

/// A message that nobody can handle ends with a page; once it is taken away, so does the alarm.
fn story(world: &World, cloud: &Cloud, measure: impl Fn(&Cloud)) {
    let made = world.run("deploy dev --json").success().changes();
    for change in ["create topic", "create alarm", "create metric_filter"] {
        assert!(made.iter().any(|made| made == change), "{change}: {made:?}");
    }
    assert_eq!(world.run("deploy dev --json").success().changes(), [] as [&str; 0], "it is as it should be");
    world.run("status dev --check").success();
    let alarm = cloud.boto(ALARM);
    let metric = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "parcels-dev-parcels-dlq"];
    assert_eq!(alarm["metric"], json!(metric));
    assert_eq!(alarm["actions"], json!(["parcels-dev-incidents", "parcels-dev-incidents"]));
    assert_eq!(alarm["missing"], "notBreaching");

    send(cloud, &["Baker Street 221b", "nowhere 1", "Elm Street 3"]);
    wait_for("the alarm", Duration::from_mins(2), || {
        measure(cloud);
        (state(cloud) == "ALARM").then_some(())
    });
    let mut pages = Vec::new();
    wait_for("the page", Duration::from_secs(30), || {
        pages.extend(cloud.boto(PAGES).as_array().cloned().unwrap_or_default());
        pages.contains(&page("ALARM")).then_some(())
    });

    cloud.boto(
        "sqs = client('sqs')
sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName='parcels-dev-parcels-dlq')['QueueUrl'])",
    );
    // `MiniStack` looks back for a minute from now, so that is how long it takes there.
    wait_for("the end of the alarm", Duration::from_secs(100), || {
        measure(cloud);
        (state(cloud) == "OK").then_some(())
    });
    wait_for("the page that all is well", Duration::from_secs(30), || {
        pages.extend(cloud.boto(PAGES).as_array().cloned().unwrap_or_default());
        pages.contains(&page("OK")).then_some(())
    });

    // A change of what an alarm says leaves the state as it is; one that is not in the config any more goes.
    world.edit("rzap.yaml", "above: 0, notify", "above: 9, for: 3m, datapoints: 2, notify");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update alarm"]);
    let complaints = "  complaints: { type: log_alarm, function: courier, pattern: '\"cannot deliver\"', above: 3, for: 5m, notify: \
                      incidents }\n";
    world.edit("rzap.yaml", complaints, "");
    let gone = world.run("deploy dev --json").success().changes();
    assert_eq!(gone, ["delete alarm", "delete metric_filter"]);
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn a_failing_consumer_ends_in_an_alarm_in_the_local_cloud() {
    let world = World::new().app("parcels").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud, |_| {});
}

#[test]
fn a_failing_consumer_ends_in_an_alarm_on_ministack() {
    let emulator = Emulator::ministack();
    let world = World::new().app("parcels").at(&emulator.endpoint);
    story(&world, &emulator.cloud(), |cloud| drop(cloud.boto(MEASURE)));
}
