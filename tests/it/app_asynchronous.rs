//! Asynchronous calls: retries, records, dead letters, and how many calls at once.
//!
//! The local cloud really sends records. `MiniStack` 1.5.33 keeps the settings of an alias, but calls by those of the
//! function (it has none here), and puts a record where AWS puts the bare event; so there only dead letters come, and
//! what is asked of them is what both say. moto 5.2 forgets for which alias the settings are, never changes
//! them, and has neither dead letters nor provisioned concurrency.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::{Emulator, free_port};
use crate::process::wait_for;
use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
resources: { done: queue, failed: queue, letters: queue }
functions:
  audit: { handler: app.audit }
  work:
    handler: app.work
    on_success: done
    on_failure: failed
    dead_letter: letters
    retries: 1
    max_event_age: 1h
    concurrency: { reserved: 5, provisioned: 1 }
stages: { dev: {} }
";

const APP: &str = r#"import os

def work(event, context):
    if event.get("bad"):
        raise ValueError("bad work")
    return {"did": event.get("job"), "by": os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")}

def audit(event, context):
    print("audit", event["requestContext"]["condition"], event["requestPayload"])
"#;

fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP)
}

/// What AWS would say of `work`.
fn stored(cloud: &Cloud) -> Value {
    cloud.boto(
        "lam = client('lambda')
work = {'FunctionName': 'shop-dev-work'}
def asked(call):
    try:
        return call(Qualifier='live', **work)
    except ClientError as error:
        assert error.response['ResponseMetadata']['HTTPStatusCode'] == 404, error
        return {}
function = lam.get_function(**work)
invoke, ready = asked(lam.get_function_event_invoke_config), asked(lam.get_provisioned_concurrency_config)
arn = lambda name: invoke.get('DestinationConfig', {}).get(name, {}).get('Destination', '').split(':', 5)[-1]
answer([arn('OnSuccess'), arn('OnFailure'), invoke.get('MaximumRetryAttempts'), invoke.get('MaximumEventAgeInSeconds'),
        function['Configuration'].get('DeadLetterConfig', {}).get('TargetArn', '').split(':')[-1],
        function.get('Concurrency', {}).get('ReservedConcurrentExecutions'),
        ready.get('RequestedProvisionedConcurrentExecutions'), ready.get('Status')])",
    )
}

/// The bodies of the messages in a queue as JSON; they are taken out.
fn take(cloud: &Cloud, queue: &str) -> Vec<Value> {
    let bodies = cloud.boto(&format!(
        "sqs = client('sqs')
url, bodies = sqs.get_queue_url(QueueName={queue:?})['QueueUrl'], []
while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=['All']).get('Messages'):
    for message in found:
        attributes = {{key: it['StringValue'] for key, it in message.get('MessageAttributes', {{}}).items()}}
        bodies.append({{'body': json.loads(message['Body']), 'attributes': attributes}})
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
answer(bodies)"
    ));
    serde_json::from_value(bodies).expect("a list of messages")
}

/// The next message of a queue.
fn next(cloud: &Cloud, queue: &str) -> Value {
    wait_for(queue, Duration::from_secs(40), || take(cloud, queue).pop())
}

/// Deploys, changes, takes away; `calls` is what happens in between.
fn story(world: &World, cloud: &Cloud, calls: impl FnOnce(&World, &Cloud)) {
    let deployed = world.run("deploy dev --json").success();
    for change in ["create event_invoke_config", "create provisioned_concurrency"] {
        assert!(deployed.changes().iter().any(|made| made == change), "{deployed}");
    }
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();
    assert_eq!(stored(cloud), json!(["shop-dev-done", "shop-dev-failed", 1, 3600, "shop-dev-letters", 5, 1, "READY"]));
    calls(world, cloud);

    world.edit("rzap.yaml", "on_failure: failed", "on_failure: audit");
    world.edit("rzap.yaml", "    on_success: done\n", "");
    world.edit("rzap.yaml", "{ reserved: 5, provisioned: 1 }", "{ reserved: 7, provisioned: 2 }");
    let changed = world.run("deploy dev --json").success();
    let all = ["update event_invoke_config", "update function", "update provisioned_concurrency", "update role"];
    assert_eq!(changed.changes(), all);
    assert_eq!(stored(cloud), json!(["", "function:shop-dev-audit:live", 1, 3600, "shop-dev-letters", 7, 2, "READY"]));

    for line in ["on_failure: audit", "dead_letter: letters", "retries: 1", "max_event_age: 1h"] {
        world.edit("rzap.yaml", &format!("    {line}\n"), "");
    }
    world.edit("rzap.yaml", "    concurrency: { reserved: 7, provisioned: 2 }\n", "");
    let changed = world.run("deploy dev --json").success();
    let all = ["delete event_invoke_config", "delete provisioned_concurrency", "update function", "update role"];
    assert_eq!(changed.changes(), all);
    assert_eq!(stored(cloud), json!(["", "", null, null, "", null, null, null]), "nothing is left of it");

    // Off: a legal number.
    world.edit("rzap.yaml", "    handler: app.work\n", "    handler: app.work\n    concurrency: 0\n");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update function"]);
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn records_and_dead_letters_in_the_local_cloud() {
    let world = world().env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud, |world, cloud| {
        // It was started before anybody called it.
        let first = world.args(&["invoke", "dev", "work", "-p", r#"{"job": 1}"#]).success();
        assert_eq!(first.json(), json!({"did": 1, "by": "provisioned-concurrency"}));

        world.args(&["invoke", "dev", "work", "--async", "-p", r#"{"job": 2}"#]).success();
        let done = next(cloud, "shop-dev-done")["body"].clone();
        let arn = "arn:aws:lambda:eu-west-1:000000000000:function:shop-dev-work:live";
        let context = json!({
            "requestId": done["requestContext"]["requestId"], "functionArn": arn, "condition": "Success",
            "approximateInvokeCount": 1,
        });
        assert_eq!((&done["version"], &done["requestContext"]), (&json!("1.0"), &context));
        assert_eq!((&done["requestPayload"], &done["responsePayload"]["did"]), (&json!({"job": 2}), &json!(2)));
        assert_eq!(done["responseContext"], json!({"statusCode": 200, "executedVersion": "1"}));

        world.args(&["invoke", "dev", "work", "--async", "-p", r#"{"bad": true}"#]).success();
        let failed = next(cloud, "shop-dev-failed")["body"].clone();
        assert_eq!(failed["requestContext"]["condition"], "RetriesExhausted", "{failed}");
        assert_eq!(failed["requestContext"]["approximateInvokeCount"], 2, "{failed}");
        assert_eq!(failed["responseContext"]["functionError"], "Unhandled");
        assert_eq!(failed["responsePayload"]["errorMessage"], "bad work");
        let letter = next(cloud, "shop-dev-letters");
        assert_eq!(letter["body"], json!({"bad": true}), "the bare event");
        assert_eq!(letter["attributes"]["ErrorMessage"], "bad work");
        assert_eq!(letter["attributes"]["RequestID"], failed["requestContext"]["requestId"]);
    });
}

#[test]
fn records_go_to_a_function_and_a_bucket_and_at_once_when_it_is_off() {
    let world = World::new().file("app.py", APP).env("RZAP_LOCAL", "1");
    let cloud = world.local();
    cloud.boto(
        "client('s3').create_bucket(Bucket='records', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})",
    );
    let world = world.file(
        "rzap.yaml",
        "app: shop\nruntime: python3.12\nregion: eu-west-1\nfunctions:\n  audit: { handler: app.audit }\n  \
         work: { handler: app.work, on_success: audit, on_failure: 'arn:aws:s3:::records', concurrency: 1 }\n\
         stages: { dev: {} }\n",
    );
    world.run("deploy dev").success();
    world.args(&["invoke", "dev", "work", "--async", "-p", r#"{"job": 3}"#]).success();
    wait_for("the audit", Duration::from_secs(40), || {
        let tail = world.run("tail dev audit --no-follow").success();
        tail.stdout.contains(" Success {'job': 3}").then_some(())
    });
    world.edit("rzap.yaml", "concurrency: 1", "concurrency: 0");
    world.run("deploy dev").success();
    world.args(&["invoke", "dev", "work"]).failure(1).says(&["Rate Exceeded"]);
    world.args(&["invoke", "dev", "work", "--async", "-p", r#"{"job": 4}"#]).success();
    let record = wait_for("the record", Duration::from_secs(40), || {
        let found = cloud.boto(
            "s3 = client('s3')
found = [item['Key'] for item in every('s3', 'list_objects_v2', 'Contents', Bucket='records')]
answer([[key.rsplit('/', 4)[0], json.load(s3.get_object(Bucket='records', Key=key)['Body'])] for key in found])",
        );
        found.as_array().and_then(|found| found.first().cloned())
    });
    assert_eq!(record[0], "aws/lambda/async/shop-dev-work");
    assert_eq!(record[1]["requestContext"]["condition"], "ZeroReservedConcurrency", "{record}");
    assert_eq!((&record[1]["requestPayload"], record[1].get("responsePayload")), (&json!({"job": 4}), None));
}

#[test]
fn records_and_dead_letters_on_ministack() {
    let emulator = Emulator::ministack();
    story(&world().at(&emulator.endpoint), &emulator.cloud(), |world, cloud| {
        world.args(&["invoke", "dev", "work", "--async", "-p", r#"{"bad": true}"#]).success();
        let letter = next(cloud, "shop-dev-letters")["body"].clone();
        assert_eq!(letter["requestPayload"], json!({"bad": true}), "{letter}");
    });
}

#[test]
fn settings_of_asynchronous_calls_on_moto() {
    let emulator = Emulator::moto();
    let world = world().at(&emulator.endpoint);
    world.edit("rzap.yaml", "{ reserved: 5, provisioned: 1 }", "5");
    world.edit("rzap.yaml", "    dead_letter: letters\n", "");
    world.run("deploy dev").success();
    assert_eq!(world.run("deploy dev --json").success().changes(), [""; 0]);
    emulator.cloud().boto(
        "client('lambda').put_function_concurrency(FunctionName='shop-dev-work', ReservedConcurrentExecutions=9)",
    );
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update function"]);
    world.run("undeploy dev --yes --delete-data").success();
    emulator.cloud().is_empty();
}

#[test]
fn a_function_of_the_local_cloud_is_woken_now() {
    let app = "def nightly(event, context):\n    print('depth', event['depth'])\n    return event['depth'] + 1\n\n\n\
               def work(event, context):\n    [record] = event['Records']\n    print('got', record['body'])\n    \
               assert record['body'] != 'bad'\n";
    let config = "app: shop\nruntime: python3.12\nregion: eu-west-1\nresources: { jobs: queue }\nfunctions:\n  \
                  nightly:\n    handler: app.nightly\n    triggers:\n      - schedule: { expression: rate(1 day), input: { depth: 3 } }\n      \
                  - schedule: { expression: rate(2 days), name: bad, input: {} }\n  \
                  work: { handler: app.work, triggers: [{ sqs: jobs }] }\nstages: { dev: {} }\n";
    let world = World::new().file("rzap.yaml", config).file("app.py", app);
    let _cloud = world.local();
    world.run("deploy dev --local").success();
    world.run("local trigger dev nightly").failure(2).says(&["which trigger of `nightly`?", "1 (schedule)"]);
    let fired = world.run("local trigger dev nightly 1").success();
    assert_eq!(fired.stdout, "4\n", "{fired}");
    fired.says(&["fired rate(1 day) with {\"depth\":3}"]);
    world.run("local trigger dev nightly bad").failure(1).says(&[
        "KeyError",
        "the function `nightly` failed",
        "REPORT",
    ]);

    let sent = world.args(&["local", "trigger", "dev", "work", "-m", "hello"]).success();
    sent.says(&["fired a message to shop-dev-jobs: hello"]);
    let bad = world.args(&["local", "trigger", "dev", "work", "sqs", "--message", "bad", "--json"]).failure(1);
    let log = bad.json()["log"].as_str().unwrap_or_default().to_owned();
    assert!(log.contains("got bad") && log.contains("AssertionError"), "{bad}");
    world.run("local trigger dev nightly sqs").failure(2).says(&["has no trigger `sqs`"]);
}

/// The event is in the middle of its run when the server ends.
#[test]
fn an_event_survives_a_restart_of_the_local_cloud() {
    let app = "import os, pathlib, time\ndef work(event, context):\n    pathlib.Path(event['began']).touch()\n    \
               while not os.path.exists(event['go']):\n        time.sleep(0.02)\n    return 'through'\n";
    let config = "app: shop\nruntime: python3.12\nregion: eu-west-1\nresources: { done: queue }\nhandler: app.work\ntimeout: 60\n\
                  on_success: done\nretries: 0\nstages: { dev: {} }\n";
    let world = World::new().file("rzap.yaml", config).file("app.py", app);
    // Not the port that all others try first: one of them could take it while this cloud is gone.
    world.run(&format!("local start --port {}", free_port())).success();
    let cloud = world.local();
    world.run("deploy dev --local").success();
    let (began, go) = (world.root().join("began"), world.root().join("go"));
    let event = json!({"began": began, "go": go}).to_string();
    world.args(&["invoke", "dev", "--local", "--async", "-p", &event]).success();
    wait_for("the run", Duration::from_secs(40), || began.exists().then_some(()));
    world.run("local stop").success();
    std::fs::write(&go, "").expect("a file");
    world.run("local start").success();
    let done = next(&cloud, "shop-dev-done")["body"].clone();
    assert_eq!(
        (&done["responsePayload"], &done["requestContext"]["approximateInvokeCount"]),
        (&json!("through"), &json!(1))
    );
}
