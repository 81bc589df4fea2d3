//! A data stream that is there already, and a function that reads it: on the local cloud and on `MiniStack`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::World;

const CONFIG: &str = "app: site
runtime: python3.12
region: eu-west-1
functions:
  reader:
    handler: app.read
    timeout: 10
    triggers:
      - kinesis: { stream: 'arn:aws:kinesis:eu-west-1:000000000000:stream/clicks', batch: 5, filter: { data: { kind: [good] } } }
stages: { dev: {} }
";

const APP: &str = "import base64

def read(event, context):
    for record in event['Records']:
        print('GOT', record['kinesis']['partitionKey'], base64.b64decode(record['kinesis']['data']).decode())
";

fn put(cloud: &Cloud, keys: &[&str], kind: &str) {
    cloud.boto(&format!(
        "for key in {keys:?}:
    client('kinesis').put_record(StreamName='clicks', PartitionKey=key, Data=json.dumps({{'kind': {kind:?}}}))"
    ));
}

/// What was read so far, in its order.
fn read(cloud: &Cloud) -> Value {
    cloud.boto(
        "try:
    log = every('logs', 'filter_log_events', 'events', logGroupName='/aws/lambda/site-dev-reader', filterPattern='GOT')
except ClientError: log = []
answer([event['message'].split()[1] for event in sorted(log, key=lambda event: event['timestamp'])])",
    )
}

fn mapping(cloud: &Cloud) -> Value {
    cloud.boto(
        "[one] = client('lambda').list_event_source_mappings(FunctionName='site-dev-reader:live')['EventSourceMappings']
answer([one['UUID'], one['BatchSize'], one['StartingPosition'], one.get('BisectBatchOnFunctionError')])",
    )
}

/// `measured`: whether the cloud tells how old records are.
fn story(world: &World, cloud: &Cloud, measured: bool) {
    cloud.boto("client('kinesis').create_stream(StreamName='clicks', ShardCount=1)");
    put(cloud, &["a"], "good");
    let made = world.run("deploy dev --json").success().changes();
    assert!(made.contains(&"create event_source_mapping".to_owned()), "{made:?}");
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    put(cloud, &["x"], "bad");
    put(cloud, &["b", "c"], "good");
    let wanted = json!(["a", "b", "c"]);
    wait_for("the records", Duration::from_mins(2), || (read(cloud) == wanted).then_some(()));

    let before = mapping(cloud);
    assert_eq!(json!([before[1], before[2]]), json!([5, "TRIM_HORIZON"]));
    world.edit("rzap.yaml", "batch: 5", "batch: 6, bisect: true, starting_position: latest");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update event_source_mapping"]);
    // Where it began cannot be changed, and it goes on where it was.
    assert_eq!(mapping(cloud), json!([before[0], 6, "TRIM_HORIZON", true]));
    put(cloud, &["d"], "good");
    let wanted = json!(["a", "b", "c", "d"]);
    wait_for("one more", Duration::from_mins(2), || (read(cloud) == wanted).then_some(()));

    if measured {
        let status = world.run("status dev --no-drift --json").success().json();
        let ages = status["functions"]
            .as_array()
            .expect("functions")
            .iter()
            .filter_map(|it| it["metrics"]["iterator_age_ms"].as_f64());
        assert_eq!(ages.filter(|age| *age >= 0.0).count(), 1, "{status}");
    }

    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
    assert_eq!(cloud.boto("answer(client('kinesis').list_streams()['StreamNames'])"), json!(["clicks"]), "not ours");
}

#[test]
fn records_of_a_data_stream_reach_a_function_in_the_local_cloud() {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP).env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud, true);
}

#[test]
fn records_of_a_data_stream_reach_a_function_on_ministack() {
    let emulator = Emulator::ministack();
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP).at(&emulator.endpoint);
    story(&world, &emulator.cloud(), false);
}
