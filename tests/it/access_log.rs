//! `access_log:` and `rzap tail --api`: what requests leave behind, and the settings as other tools see them.
//!
//! What `MiniStack` 1.5.33 and moto 5.2.5 lack, and what that means here:
//! - Neither writes access logs; so their lines are looked at in the local cloud alone.
//! - `MiniStack` has no `DeleteAccessLogSettings` for HTTP APIs, moto no `UpdateStage`: there it is only switched on.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::http;
use crate::world::World;

const GROUP: &str = r#"
logs = client("logs")
answer([(item["logGroupName"], item.get("retentionInDays")) for item in logs.describe_log_groups(logGroupNamePrefix="/aws/apigateway/")["logGroups"]])
"#;

/// What the scripts below work on.
const HTTP: &str = r#"
api = client("apigatewayv2")
at = {"ApiId": api.get_apis()["Items"][0]["ApiId"], "StageName": "$default"}
settings = lambda: api.get_stage(**at).get("AccessLogSettings")
"#;

const REST: &str = r#"
api = client("apigateway")
at = {"restApiId": api.get_rest_apis()["items"][0]["id"], "stageName": "dev"}
settings = lambda: api.get_stage(**at).get("accessLogSettings")
"#;

/// The events of a tail, as they are printed: source, message, request.
fn told(world: &World, arguments: &str) -> Vec<(String, String, Value)> {
    let tail = world.run(&format!("tail dev --no-follow --json {arguments}")).success();
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).expect("a JSON line");
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        (text("function"), text("message"), event["request"].clone())
    };
    tail.stdout.lines().map(event).collect()
}

/// The records of the access log, and the requests they are put to.
fn records(world: &World, arguments: &str) -> Vec<(Value, Value)> {
    let of_api = told(world, arguments).into_iter().filter(|(source, ..)| source == "api");
    of_api.map(|(_, message, request)| (serde_json::from_str(&message).expect("a record"), request)).collect()
}

/// What a status finds to put back: kind of the resource, and fields.
fn drift(world: &World, local: &str) -> (Vec<String>, Vec<String>) {
    let status = world.run(&format!("status dev --check --json {local}")).failure(3);
    let differences = status.json()["changes"][0]["differences"].clone();
    let fields = differences.as_array().into_iter().flatten().map(|it| it["field"].as_str().unwrap_or_default().into());
    (status.changes(), fields.collect())
}

fn role(cloud: &Cloud) {
    cloud.boto(
        "client('apigateway').update_account(patchOperations=[dict(op='replace', path='/cloudwatchRoleArn', \
         value='arn:aws:iam::000000000000:role/apigateway-logs')])",
    );
}

#[test]
fn an_http_api_writes_down_every_request_and_tail_shows_it() {
    let world = World::new().app("hello-python");
    let cloud = world.local();
    insta::assert_snapshot!(world.run("tail dev --api --local").failure(2).err(), @r"
    error: stage `dev` has no access log
    hint: add `access_log: true` to rzap.yaml and run `rzap deploy dev --local`; function URLs have none
    ");
    world.edit("rzap.yaml", "http: url", "http: http\naccess_log: { retention: 14 }");
    let deployed = world.run("deploy dev --json --local").success();
    assert_eq!(deployed.changes().iter().filter(|change| *change == "create log_group").count(), 2);
    assert_eq!(cloud.boto(GROUP), json!([["/aws/apigateway/hello-python-dev", 14]]));
    world.run("status dev --check --local").success();

    let url = deployed.url();
    let answer = http::get(&format!("{url}/greet/a%22b?name=Ada"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let told_all = told(&world, "--api --local");
    let greeting =
        told_all.iter().find(|(_, message, _)| message.contains("greeting Ada")).expect("the function's line");
    let [(record, request)] = &records(&world, "--api --local")[..] else { panic!("{told_all:?}") };
    assert_eq!(request, &greeting.2, "the line of the API belongs to the invocation");
    assert_eq!(record["integrationRequestId"], *request);
    assert_eq!(record["requestId"].as_str(), answer.header("apigw-requestid"));
    assert_eq!(record["responseLength"], answer.bytes.len().to_string());
    let shown = ["ip", "httpMethod", "path", "routeKey", "status", "integrationError", "error"].map(|it| &record[it]);
    assert_eq!(shown, ["127.0.0.1", "GET", "/greet/a\"b", "$default", "200", "-", "-"]);
    for number in ["requestTimeEpoch", "responseLatency"] {
        assert!(record[number].as_str().is_some_and(|text| text.parse::<u64>().is_ok()), "{record}");
    }

    // It is no function, and is asked for.
    assert!(told(&world, "--local").iter().all(|(source, ..)| source == "web"));
    assert!(told(&world, "web --local").iter().all(|(source, ..)| source == "web"));
    assert_eq!(records(&world, "web --api --local").len(), 1);
    let text = world.run("tail dev --api --no-follow --local").success().stdout;
    assert!(text.lines().any(|line| line.contains(" api ") && line.contains("GET /greet/a\"b")), "{text}");

    // One that fails says why.
    world.edit(
        "app.py",
        "def handler(event, context):",
        "def handler(event, context):\n    raise ValueError('no \"greeting\"')",
    );
    world.run("update dev --local").success();
    assert_eq!(http::get(&format!("{url}/")).status, 500);
    let records = records(&world, "--api --local");
    let (record, _) = records.last().expect("a record");
    assert_eq!((&record["status"], &record["error"]), (&json!("500"), &json!("Internal Server Error")));
    let why = "The Lambda function returned the following error: no \"greeting\". Check your Lambda function code and try again.";
    assert_eq!(record["integrationError"], why);
    let errors = world.run("tail dev --api --errors --no-follow --local").success().stdout;
    assert!(errors.contains("ValueError") && errors.contains("GET /") && !errors.contains("/greet"), "{errors}");
}

#[test]
fn a_rest_api_writes_down_every_request_until_it_is_switched_off() {
    let world = World::new().app("guestbook");
    let cloud = world.local();
    let first = world.run("deploy dev --json --local").success();
    world.edit("rzap.yaml", "http: rest", "http: rest\naccess_log: true");
    assert_eq!(world.run("deploy dev --json --local").success().changes(), ["create log_group", "update api"]);
    assert_eq!(cloud.boto(GROUP), json!([["/aws/apigateway/guestbook-dev", 30]]));
    let deployments = "answer(len(api.get_deployments(restApiId=at['restApiId'])['items']))";
    assert_eq!(cloud.boto(&format!("{REST}{deployments}")), 1, "another log is no other deployment");

    let url = first.url();
    let answer = http::get(&format!("{url}/api/entries"));
    let missing = http::get(&format!("{url}/nothing"));
    let all = records(&world, "--api --local");
    let [(entries, request), (nothing, _)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(entries["requestId"].as_str(), answer.header("x-amzn-requestid"));
    assert_eq!((entries["integrationRequestId"].clone(), request.is_string()), (request.clone(), true));
    assert_eq!((&entries["resourcePath"], &entries["status"]), (&json!("/{proxy+}"), &json!("200")));
    assert!(entries["path"].as_str().is_some_and(|path| path.ends_with("/dev/api/entries")), "{entries}");
    assert_eq!(entries["responseLength"], answer.bytes.len().to_string());
    assert_eq!(nothing["status"], missing.status.to_string());

    // Somebody changes it by hand.
    cloud.boto(&format!(
        "{REST}api.update_stage(**at, patchOperations=[dict(op='replace', path='/accessLogSettings/format', value='$context.requestId $context.what')])"
    ));
    assert_eq!(drift(&world, "--local"), (vec!["update api".to_owned()], vec!["access_log.format".to_owned()]));
    http::get(&format!("{url}/api/entries"));
    let lines = told(&world, "--api --local");
    assert!(lines.iter().any(|(source, line, _)| source == "api" && line.ends_with(" -")), "{lines:?}");
    assert_eq!(world.run("deploy dev --json --local").success().changes(), ["update api"]);
    world.run("status dev --check --local").success();

    // Off again; what was written stays until the stage goes.
    world.edit("rzap.yaml", "access_log: true", "access_log: false");
    assert_eq!(world.run("deploy dev --json --local").success().changes(), ["update api"]);
    assert_eq!(cloud.boto(&format!("{REST}answer(settings())")), Value::Null);
    world.run("status dev --check --local").success();
    world.run("undeploy dev --yes --local").success();
    cloud.is_empty();
}

#[test]
fn what_nobody_would_write_is_refused_by_the_local_cloud() {
    let world = World::new().app("guestbook");
    let cloud = world.local();
    world.run("deploy dev --local").success();
    let refused = cloud.boto(&format!(
        "{REST}
def set(destination, format):
    try:
        api.update_stage(**at, patchOperations=[
            dict(op='replace', path='/accessLogSettings/destinationArn', value=destination),
            dict(op='replace', path='/accessLogSettings/format', value=format)])
    except Exception as error:
        return error.response['Error']['Code']
arn = 'arn:aws:logs:eu-west-1:000000000000:log-group:a'
answer([set(arn, '$context.status'), set('a', '$context.requestId'), set('arn:aws:firehose:eu-west-1:000000000000:deliverystream/amazon-apigateway-a', '$context.requestId'), settings()])"
    ));
    assert_eq!(refused, json!(["BadRequestException", "BadRequestException", "NotImplemented", null]));
}

#[test]
fn a_rest_api_needs_the_accounts_role_and_says_so_before_anything_changes() {
    for emulator in [Emulator::ministack(), Emulator::moto()] {
        let cloud = emulator.cloud();
        let world = World::new().app("guestbook").at(&emulator.endpoint);
        world.edit("rzap.yaml", "http: rest", "http: rest\naccess_log: true");
        let refused = world.run("deploy dev").failure(1);
        refused.says(&[
            "`access_log` needs a role that lets API Gateway write logs",
            "nothing of the stage was changed",
            "hint: then `aws apigateway update-account --region eu-west-1",
            "hint: or use `http: http`",
        ]);
        let there = cloud.inventory();
        assert_eq!((&there["functions"], &there["log groups"], &there["apis"]), (&json!([]), &json!([]), &json!([])));
        role(&cloud);
        world.run("deploy dev").success();
        let found = cloud.boto(&format!("{REST}answer(settings())"));
        assert!(
            found["destinationArn"]
                .as_str()
                .is_some_and(|arn| arn.ends_with(":log-group:/aws/apigateway/guestbook-dev")),
            "{found}"
        );
        assert!(found["format"].as_str().is_some_and(|format| format.contains("$context.integration.requestId")));
        world.edit("rzap.yaml", "access_log: true", "access_log: false");
        world.run("deploy dev").success();
        let off = cloud.boto(&format!("{REST}answer((settings() or {{}}).get('destinationArn'))"));
        assert_eq!(off, Value::Null);
        world.run("undeploy dev --yes").success();
        cloud.is_empty();
    }
}

#[test]
fn the_settings_of_an_http_api_are_those_that_others_read() {
    for emulator in [Emulator::ministack(), Emulator::moto()] {
        let cloud = emulator.cloud();
        let world = World::new().app("guestbook").at(&emulator.endpoint);
        world.edit("rzap.yaml", "http: rest", "http: http\naccess_log: true");
        world.run("deploy dev").success();
        let found = cloud.boto(&format!("{HTTP}answer(settings())"));
        assert!(
            found["DestinationArn"]
                .as_str()
                .is_some_and(|arn| arn.ends_with(":log-group:/aws/apigateway/guestbook-dev")),
            "{found}"
        );
        assert!(found["Format"].as_str().is_some_and(|format| format.contains("$context.routeKey")), "{found}");
        world.run("status dev --check").success();
        assert_eq!(world.run("deploy dev --json").success().changes(), [""; 0]);
        world.run("undeploy dev --yes --keep-logs").success();
        let left = json!(["/aws/apigateway/guestbook-dev", "/aws/lambda/guestbook-dev-web"]);
        assert_eq!(cloud.inventory()["log groups"], left);
    }
}

#[test]
fn an_http_api_without_a_log_any_more_has_none() {
    let world = World::new().app("hello-python");
    let cloud = world.local();
    world.edit("rzap.yaml", "http: url", "http: http\naccess_log: true");
    world.run("deploy dev --local").success();
    cloud.boto(&format!("{HTTP}api.delete_access_log_settings(**at)"));
    assert_eq!(drift(&world, "--local").0, ["update http_api"]);
    assert_eq!(world.run("deploy dev --json --local").success().changes(), ["update http_api"]);
    world.run("status dev --check --local").success();
    world.edit("rzap.yaml", "access_log: true", "access_log: false");
    assert_eq!(world.run("deploy dev --json --local").success().changes(), ["update http_api"]);
    assert_eq!(cloud.boto(&format!("{HTTP}answer(settings())")), Value::Null);
    world.run("status dev --check --local").success();
    world.run("undeploy dev --yes --local").success();
    cloud.is_empty();
}
