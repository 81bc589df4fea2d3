//! `rzap status` for somebody who may not see everything, and on clouds that others wrote.

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::faulty::{Fault, Proxy};
use crate::status::world;
use crate::world::World;

/// What is not shown, with the permission for it.
fn missing(status: &Value) -> Vec<(String, Value)> {
    let all = status["missing"].as_array().expect("what is missing");
    all.iter().map(|gap| (gap["what"].as_str().unwrap_or_default().to_owned(), gap["action"].clone())).collect()
}

#[test]
fn a_part_that_may_not_be_seen_is_left_out_and_named() {
    let world = world();
    world.run("deploy dev --local").success();
    let proxy = Proxy::start(&world.local().endpoint);
    let world = world.at(&proxy.endpoint);
    let without = |parts: &'static [&'static str]| {
        proxy.rule(move |call| parts.iter().any(|part| call.to_string().contains(part)).then_some(Fault::Denied));
    };
    without(&["GetMetricData", "FilterLogEvents", "#GetQueueUrl"]);
    let status = world.run("status dev --json").success().json();
    let action = |action: &str| json!(action);
    assert_eq!(
        missing(&status),
        [
            ("cold starts".to_owned(), action("logs:FilterLogEvents")),
            ("metrics".to_owned(), action("cloudwatch:GetMetricData")),
            ("queues".to_owned(), action("sqs:GetQueueAttributes")),
        ]
    );
    assert_eq!((&status["queues"], &status["functions"][0]["metrics"]), (&Value::Null, &Value::Null));
    assert_eq!((&status["in_sync"], &status["alarms"][0]["name"]), (&json!(true), &json!("shop-dev-failing")));

    // Roles may not be looked at: all else is compared, and nobody says that they are missing.
    without(&["iam POST", "GetMetricData"]);
    let text = world.run("status dev").success();
    assert!(text.stdout.contains("\nas rzap.yaml says, as far as it may be seen\n\nnot shown:\n  metrics (cloudwatch:GetMetricData is missing)\n  roles ("), "{text}");
    let status = world.run("status dev --json").success().json();
    assert_eq!((&status["changes"], &status["in_sync"], &status["drift"]), (&json!([]), &Value::Null, &Value::Null));
    // Who checks wants to know, and not half of it.
    world.run("status dev --check").failure(4);

    without(&[
        "s3 GET",
        "s3 HEAD",
        "iam POST",
        "lambda GET",
        "logs POST",
        "apigateway GET",
        "monitoring POST",
        "sqs POST",
    ]);
    world.run("status dev --no-drift").failure(4).says(&["rzap policy --deployer"]);
    world.run("status").failure(4).says(&["rzap policy --deployer"]);
    without(&["lambda GET"]);
    let stages = world.run("status --json").success().json();
    assert_eq!(missing(&stages), [("functions".to_owned(), action("lambda:ListFunctions"))]);
    assert_eq!((&stages["stages"][0]["stage"], &stages["stages"][0]["functions"]), (&json!("dev"), &Value::Null));
}

/// `MiniStack` enforces policies, but for those about metrics: one that may only look at functions sees those.
#[test]
fn whoever_may_see_only_functions_sees_those() {
    let emulator = Emulator::strict_ministack();
    let app = || World::new().app("guestbook");
    let all = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    let policy = |statements: &Value| json!({"Version": "2012-10-17", "Statement": statements});
    let world = app().with_policy(&emulator, &policy(&all));
    world.run("deploy dev").success();
    let full = world.run("status dev --json").success().json();
    assert_eq!(full["in_sync"], true, "{full}");
    let some = json!([{"Effect": "Allow", "Action": ["lambda:*"], "Resource": "*"}]);
    let text = policy(&some).to_string();
    emulator
        .cloud()
        .boto(&format!("client('iam').put_user_policy(UserName='ci', PolicyName='ci', PolicyDocument={text:?})"));
    let status = world.run("status dev --no-drift --json").success().json();
    assert_eq!((&status["functions"][0]["name"], &status["functions"][0]["state"]), (&json!("web"), &json!("Active")));
    let missing = missing(&status);
    for part in ["roles", "artifact buckets", "release"] {
        assert!(missing.iter().any(|(what, _)| what == part), "{part}: {status}");
    }
    assert!(missing.contains(&("cold starts".to_owned(), json!("logs:FilterLogEvents"))), "{status}");
}

/// The certificates of custom domains: moto knows domains, and `MiniStack` the protocol in which metrics are asked for.
#[test]
fn a_certificate_that_is_about_to_expire_is_said() {
    let (moto, measured) = (Emulator::moto(), Emulator::ministack());
    let world = World::new().app("guestbook").at(&moto.endpoint).env("AWS_ENDPOINT_URL_CLOUDWATCH", &measured.endpoint);
    // moto maps only HTTP APIs.
    world.edit("rzap.yaml", "http: rest", "http: http");
    world.run("deploy dev").success();
    moto.cloud().boto(
        "v2 = client('apigatewayv2')
[api] = v2.get_apis()['Items']
for name in ['shop.example.com', 'other.example.com']:
    v2.create_domain_name(DomainName=name, DomainNameConfigurations=[{'CertificateArn': 'arn:aws:acm:eu-west-1:1:certificate/1'}])
v2.create_api_mapping(DomainName='shop.example.com', ApiId=api['ApiId'], Stage='$default')",
    );
    measured.cloud().boto(
        "client('cloudwatch').put_metric_data(Namespace='AWS/CertificateManager', MetricData=[{'MetricName': 'DaysToExpiry', \
         'Value': 12, 'Dimensions': [{'Name': 'CertificateArn', 'Value': 'arn:aws:acm:eu-west-1:1:certificate/1'}]}])",
    );
    let status = world.run("status dev --no-drift --json").success().json();
    let found = status["certificates"].as_array().unwrap_or_else(|| panic!("{status}"));
    assert_eq!(found.len(), 1, "{status}");
    assert_eq!((&found[0]["domain"], &found[0]["days_left"]), (&json!("shop.example.com"), &json!(12.0)));
    let text = world.run("status dev --no-drift").success().out();
    assert!(text.contains("! the certificate of shop.example.com expires in 12 days"), "{text}");
}
