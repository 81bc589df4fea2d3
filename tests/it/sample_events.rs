//! `rzap event`: what it prints has the members of what the local cloud really sends.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http;
use crate::process::wait_for;
use crate::world::World;

/// The paths of all members; of a list its first element. Headers are the client's.
fn members(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) if !path.to_lowercase().ends_with("headers") => {
                for (name, value) in members {
                    let path = format!("{path}.{name}");
                    walk(value, &path, found);
                    found.insert(path);
                }
            }
            Value::Array(items) => items.first().into_iter().for_each(|first| walk(first, path, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(value, "", &mut found);
    found
}

fn sample(world: &World, words: &str) -> Value {
    world.run(&format!("event {words} --json")).success().json()
}

#[test]
fn samples_have_the_members_of_real_events() {
    const APP: &str = "import json, os, boto3

def web(event, context):
    return {'statusCode': 200, 'body': json.dumps(event)}

def hear(event, context):
    boto3.client('sqs').send_message(QueueUrl=os.environ['DONE_QUEUE_URL'], MessageBody=json.dumps(event))
";
    const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
resources: { done: queue, jobs: queue }
functions:
  web: { handler: app.web, http: rest }
  page: { handler: app.web, http: url }
  hear:
    handler: app.hear
    uses: { done: send, jobs: send }
    triggers: [{ sqs: jobs }, { events: { source: [shop] } }, { logs: { group: web, pattern: START } }]
stages: { dev: {} }
";
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP).file("requirements.txt", "boto3\n");
    let world = world.env("RZAP_LOCAL", "1");
    let cloud = world.local();
    let functions = world.run("deploy dev --json").success().json()["functions"].clone();
    let url = |name: &str| {
        let all = functions.as_array().expect("functions").iter();
        all.clone().find(|one| one["name"] == name).and_then(|one| one["url"].as_str()).expect("a URL").to_owned()
    };
    for (words, name) in [("http --path /a?x=1", "web"), ("url --path /a?x=1", "page")] {
        let answer = http::get(&format!("{}a?x=1", url(name)));
        let real: Value = serde_json::from_str(&answer.text()).expect("the event");
        assert_eq!(members(&sample(&world, words)), members(&real), "{words}: {real:#}");
    }
    // That was written to the log of `web`.
    // Lines may come in several parts, so what is waited for is told by one of its members.
    let heard = |what: &str, member: &str| -> Value {
        let mut found = Value::Null;
        wait_for(what, Duration::from_secs(40), || {
            let all = cloud.boto(
                "sqs = client('sqs')
found = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName='shop-dev-done')['QueueUrl']).get('Messages', [])
for one in found:
    sqs.delete_message(QueueUrl=sqs.get_queue_url(QueueName='shop-dev-done')['QueueUrl'], ReceiptHandle=one['ReceiptHandle'])
answer([json.loads(one['Body']) for one in found])",
            );
            found = all.as_array()?.iter().find(|one| one.get(member).is_some())?.clone();
            Some(())
        });
        found
    };
    assert_eq!(members(&sample(&world, "logs")), members(&heard("lines", "awslogs")));
    cloud.boto(
        "sqs = client('sqs')
sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName='shop-dev-jobs')['QueueUrl'], MessageBody='hello')",
    );
    assert_eq!(members(&sample(&world, "sqs --queue shop-dev-jobs")), members(&heard("a message", "Records")));
    let detail = json!({ "id": "1" }).to_string();
    let entry = json!([{ "Source": "shop", "DetailType": "paid", "Detail": detail }]).to_string();
    cloud.boto(&format!("client('events').put_events(Entries=json.loads({entry:?}))"));
    assert_eq!(members(&sample(&world, "events")), members(&heard("an event", "detail")));
    // A trigger that is fired by hand goes by way of its service.
    let fired = world.run("local trigger dev hear events --message {\"id\":\"1\"}").success();
    fired.says(&["fired an event on default of shop: {\"id\":\"1\"}"]);
    assert_eq!(members(&sample(&world, "events")), members(&heard("a sample", "detail")));
    world.run("undeploy dev --yes --delete-data").success();
}

#[test]
fn a_sample_says_what_it_is_asked_for() {
    let world = World::new();
    let s3 = sample(&world, "s3 --bucket up --key in/a+b.jpg --region eu-west-1");
    let record = &s3["Records"][0];
    assert_eq!(json!([record["awsRegion"], record["s3"]["bucket"]["arn"]]), json!(["eu-west-1", "arn:aws:s3:::up"]));
    assert_eq!(record["s3"]["object"]["key"], "in/a%2Bb.jpg");
    assert_eq!(sample(&world, "sqs --body a --body b")["Records"].as_array().map(Vec::len), Some(2));
    let removed = sample(&world, "dynamodb --event REMOVE");
    assert!(removed["Records"][0]["dynamodb"].get("NewImage").is_none(), "{removed}");
    assert_eq!(sample(&world, r#"schedule --input {"n":1}"#), json!({ "n": 1 }));
    assert_eq!(sample(&world, "http --payload 2.0 --method POST --body x")["requestContext"]["http"]["method"], "POST");
    assert_eq!(sample(&world, "cognito --user bob")["userName"], "bob");
    assert_eq!(sample(&world, "sns --message hi")["Records"][0]["Sns"]["Message"], "hi");
    assert_eq!(sample(&world, "kinesis --data hi")["Records"][0]["kinesis"]["data"], "aGk=");
    world.run("event events --detail no").failure(2);
}
