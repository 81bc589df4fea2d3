//! `http: http`: the HTTP API of a stage, as clients see it and as other tools do.
//!
//! What `MiniStack` 1.5.33 and moto 5.2.5 lack, and what that means here:
//! - Neither has deployments of their own accord, so nothing here waits for one, as rzap does on AWS.
//! - `MiniStack` takes a second route of the same key, and calls functions without asking for a permission.
//! - moto has no `UpdateStage`, runs nothing and serves nothing.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::faulty::{Fault, Proxy};
use crate::http;
use crate::without_pause::without_pause;
use crate::world::World;

/// What the scripts below work on.
const API: &str = r#"
api = client("apigatewayv2")
one = [item for item in api.get_apis()["Items"] if item["Name"] == "guestbook-dev"][0]
id = one["ApiId"]
routes, integrations = api.get_routes(ApiId=id)["Items"], api.get_integrations(ApiId=id)["Items"]
"#;

/// Something that is changed by hand, and what rzap says of it: field, old, new.
struct Drift {
    script: &'static str,
    differences: &'static str,
}

const DRIFTS: [Drift; 8] = [
    Drift {
        script: "api.update_integration(ApiId=id, IntegrationId=integrations[0]['IntegrationId'], TimeoutInMillis=5000, PayloadFormatVersion='1.0')",
        differences: r#"[["payload_format_version", "1.0", "2.0"], ["timeout_in_millis", 5000, 30000]]"#,
    },
    Drift {
        script: "api.update_integration(ApiId=id, IntegrationId=integrations[0]['IntegrationId'], IntegrationUri=integrations[0]['IntegrationUri'].removesuffix(':live'))",
        differences: r#"[["permitted", false, true], ["routes.$default", "arn:aws:lambda:eu-west-1:000000000000:function:guestbook-dev-web", "guestbook-dev-web"]]"#,
    },
    Drift {
        script: "api.delete_route(ApiId=id, RouteId=routes[0]['RouteId'])",
        differences: r#"[["routes.$default", null, "guestbook-dev-web"]]"#,
    },
    Drift {
        script: "api.create_route(ApiId=id, RouteKey='GET /api/entries', Target=routes[0]['Target'])",
        differences: r#"[["routes.GET /api/entries", "guestbook-dev-web", null]]"#,
    },
    Drift {
        script: "api.update_route(ApiId=id, RouteId=routes[0]['RouteId'], AuthorizationType='AWS_IAM')",
        differences: r#"[["authorization_type", "AWS_IAM", "NONE"]]"#,
    },
    Drift {
        script: "api.delete_stage(ApiId=id, StageName='$default')",
        differences: r#"[["stage", "none", "auto_deploy"]]"#,
    },
    Drift {
        script: "client('lambda').remove_permission(FunctionName='guestbook-dev-web', Qualifier='live', StatementId='rzap-http-' + id)",
        differences: r#"[["permitted", false, true]]"#,
    },
    Drift {
        script: "api.create_integration(ApiId=id, IntegrationType='AWS_PROXY', IntegrationUri=integrations[0]['IntegrationUri'], PayloadFormatVersion='1.0')",
        differences: r#"[["unused_integrations[]", "guestbook-dev-web", null]]"#,
    },
];

/// The local cloud passes nothing on to the internet.
const ELSEWHERE: [Drift; 2] = [
    Drift {
        script: "api.update_integration(ApiId=id, IntegrationId=integrations[0]['IntegrationId'], IntegrationType='HTTP_PROXY', IntegrationMethod='ANY', IntegrationUri='https://example.com')",
        differences: r#"[["permitted", false, true], ["routes.$default", "https://example.com", "guestbook-dev-web"]]"#,
    },
    Drift {
        script: "api.create_integration(ApiId=id, IntegrationType='HTTP_PROXY', IntegrationMethod='ANY', IntegrationUri='https://example.com', PayloadFormatVersion='1.0')",
        differences: r#"[["unused_integrations[]", "https://example.com", null]]"#,
    },
];

/// moto cannot.
const MANUAL: Drift = Drift {
    script: "api.update_stage(ApiId=id, StageName='$default', AutoDeploy=False)",
    differences: r#"[["stage", "manual", "auto_deploy"]]"#,
};

/// Changes something by hand, looks what rzap says of it, and has it put back. What were not put back would
/// show with the next one.
#[track_caller]
fn drifts(world: &World, cloud: &Cloud, local: &str, drift: &Drift) {
    cloud.boto(&format!("{API}{}", drift.script));
    let status = world.run(&format!("status dev --check --json {local}")).failure(3);
    assert_eq!(status.changes(), ["update http_api"], "{}", drift.script);
    let differences = status.json()["changes"][0]["differences"].as_array().expect("differences").clone();
    let said: Vec<Value> = differences.iter().map(|it| json!([it["field"], it["old"], it["new"]])).collect();
    // moto's account is another one.
    let expected = drift.differences.replace("000000000000", status.json()["account"].as_str().unwrap_or_default());
    assert_eq!(Value::from(said), serde_json::from_str::<Value>(&expected).expect("JSON"), "{}", drift.script);
    assert_eq!(world.run(&format!("deploy dev --json {local}")).success().changes(), ["update http_api"]);
}

/// What is there of the API, without what is made up by the cloud.
fn seen(cloud: &Cloud) -> Value {
    cloud.boto(&format!(
        r#"{API}
stage = api.get_stage(ApiId=id, StageName="$default")
policy = json.loads(client("lambda").get_policy(FunctionName="guestbook-dev-web", Qualifier="live")["Policy"])
names = {{integration["IntegrationId"]: "the integration" for integration in integrations}}
target = lambda route: names[route["Target"].split("/")[1]]
answer({{
    "api": [one["ProtocolType"], one["Description"], one["Tags"]],
    "routes": [[route["RouteKey"], route["AuthorizationType"], target(route)] for route in routes],
    "integrations": [[it["IntegrationType"], it["IntegrationUri"].split(":", 5)[5], it["PayloadFormatVersion"], it["TimeoutInMillis"]] for it in integrations],
    "stage": stage["AutoDeploy"],
    "statements": [[it["Sid"].replace(id, "ID"), it["Action"], it["Principal"]["Service"],
                    it["Condition"]["ArnLike"]["AWS:SourceArn"].split(":", 5)[5].replace(id, "ID")] for it in policy["Statement"]],
}})
"#
    ))
}

/// As it should be.
fn whole() -> Value {
    let tags = json!({"rzap:app": "guestbook", "rzap:stage": "dev"});
    json!({
        "api": ["HTTP", "guestbook dev (made by rzap)", tags],
        "routes": [["$default", "NONE", "the integration"]],
        "integrations": [["AWS_PROXY", "function:guestbook-dev-web:live", "2.0", 30000]],
        "stage": true,
        "statements": [["rzap-http-ID", "lambda:InvokeFunction", "apigateway.amazonaws.com", "ID/*/*"]],
    })
}

/// Signs the guestbook and reads it.
#[track_caller]
fn used(url: &str, name: &str) {
    let page = http::get(&format!("{url}/"));
    assert_eq!(page.status, 200, "{page:?}");
    let signed = http::post_form(&format!("{url}/sign"), &format!("name={name}&message=Gr%C3%BC%C3%9Fe"));
    assert_eq!(signed.status, 303, "{signed:?}");
    let cookies = signed.headers("set-cookie");
    assert!(cookies.len() == 1 && cookies[0].starts_with("session="), "{signed:?}");
    let cookie = cookies[0].split(';').next().unwrap_or_default();
    let back = http::request("GET", &format!("{url}/"), &[("cookie", cookie)], "");
    assert!(back.text().contains(&format!("Thank you, {name}!")), "{}", back.text());
    let entries = http::get(&format!("{url}/api/entries?twice=1&twice=2")).json();
    assert_eq!((&entries["entries"][0]["name"], &entries["entries"][0]["message"]), (&json!(name), &json!("Grüße")));
    assert_eq!(http::get(&format!("{url}/there/is/nothing")).status, 404);
}

/// A binary answer arrives as it was.
#[track_caller]
fn pictured(url: &str) {
    let picture = http::get(&format!("{url}/favicon.ico"));
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")), "{picture:?}");
    assert!(picture.bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{picture:?}");
}

/// The story of a stage that is reached through an HTTP API.
fn story(world: &World, cloud: &Cloud, local: &str) {
    world.edit("rzap.yaml", "http: rest", "http: http");
    let deploy = format!("deploy dev --json {local}");
    let first = world.run(&deploy).success();
    assert_eq!(
        first.changes(),
        ["create artifact", "create bucket", "create function", "create http_api", "create log_group", "create role"]
    );
    let url = first.url();
    assert_eq!(first.json()["functions"][0]["url"], format!("{url}/"));
    used(&url, "Ada");
    pictured(&url);
    assert_eq!(seen(cloud), whole());
    let second = world.run(&deploy).success();
    assert_eq!((second.changes(), second.url()), (vec![], url.clone()));
    let shown = world.run(&format!("status dev {local}")).success();
    assert!(shown.stdout.contains(&format!("{url}/\n")), "{shown}");

    let elsewhere = ELSEWHERE.iter().filter(|_| local.is_empty());
    for drift in DRIFTS.iter().chain([&MANUAL]).chain(elsewhere) {
        drifts(world, cloud, local, drift);
        assert_eq!(http::get(&format!("{url}/api/entries")).status, 200, "{}", drift.script);
    }
    world.run(&format!("status dev --check {local}")).success();
    assert_eq!(seen(cloud), whole());

    // As a creating call leaves one whose answer is lost and that is repeated.
    cloud.boto(&format!(
        "{API}api.create_api(Name='guestbook-dev', ProtocolType='HTTP', Tags={{'rzap:app': 'guestbook', 'rzap:stage': 'dev'}})\n\
         api.create_api(Name='guestbook-dev', ProtocolType='HTTP', Tags={{'rzap:app': 'guestbook', 'rzap:stage': 'prod'}})"
    ));
    let tidied = world.run(&deploy).success();
    assert_eq!((tidied.changes(), tidied.url()), (vec!["delete http_api".to_owned()], url.clone()));
    used(&url, "Grace");
    let left = cloud.boto(&format!("{API}answer([item['Tags']['rzap:stage'] for item in api.get_apis()['Items']])"));
    assert_eq!(left, json!(["dev", "prod"]), "another stage's is nobody's but its own");
    cloud.boto("api = client('apigatewayv2')\n[api.delete_api(ApiId=it['ApiId']) for it in api.get_apis()['Items'] if it['Tags']['rzap:stage'] == 'prod']");

    fronts(world, cloud, local);
    world.run(&format!("undeploy dev --yes {local}")).success();
    cloud.is_empty();
}

/// From each front to each other, and nothing of the former stays.
fn fronts(world: &World, cloud: &Cloud, local: &str) {
    let statements = || {
        cloud.boto(
            r#"
policy = json.loads(client("lambda").get_policy(FunctionName="guestbook-dev-web", Qualifier="live")["Policy"])
answer(sorted({statement["Sid"][:9] for statement in policy["Statement"]}))
"#,
        )
    };
    let mut from = "http";
    for (to, changes, left) in [
        ("rest", &["create api", "delete http_api"][..], json!(["rzap-api-"])),
        ("http", &["create http_api", "delete api"], json!(["rzap-http"])),
        ("url", &["delete http_api", "update function"], json!(["rzap-url", "rzap-url-"])),
        ("http", &["create http_api", "update function"], json!(["rzap-http"])),
    ] {
        world.edit("rzap.yaml", &format!("http: {from}"), &format!("http: {to}"));
        let changed = world.run(&format!("deploy dev --allow-replace --json {local}")).success();
        assert_eq!(changed.changes(), changes, "{from} → {to}");
        used(&changed.url(), to);
        assert_eq!(statements(), left, "{from} → {to}");
        world.run(&format!("status dev --check {local}")).success();
        from = to;
    }
    assert_eq!(seen(cloud), whole());
}

#[test]
fn the_whole_story_of_an_http_api_on_ministack() {
    let emulator = Emulator::ministack();
    let world = World::new().app("guestbook").at(&emulator.endpoint);
    story(&world, &emulator.cloud(), "");
}

#[test]
fn the_whole_story_of_an_http_api_on_the_local_cloud() {
    let world = World::new().app("guestbook");
    story(&world, &world.local(), "--local");
}

#[test]
fn the_control_plane_of_an_http_api_on_moto() {
    let emulator = Emulator::moto();
    let cloud = emulator.cloud();
    let world = World::new().app("guestbook").at(&emulator.endpoint);
    world.edit("rzap.yaml", "http: rest", "http: http");
    // What a run leaves that was killed when it had made the API.
    cloud.boto(
        "client('apigatewayv2').create_api(Name='guestbook-dev', ProtocolType='HTTP', \
         Description='guestbook dev (made by rzap)', Tags={'rzap:app': 'guestbook', 'rzap:stage': 'dev'})",
    );
    let first = world.run("deploy dev --json").success();
    assert!(first.changes().contains(&"update http_api".to_owned()), "{first}");
    assert_eq!(cloud.inventory()["http apis"], json!(["guestbook-dev"]));
    assert_eq!(seen(&cloud), whole());
    assert_eq!(world.run("deploy dev --json").success().changes(), [""; 0]);
    for drift in DRIFTS.iter().chain(&ELSEWHERE) {
        drifts(&world, &cloud, "", drift);
    }
    world.run("status dev --check").success();
    assert_eq!(seen(&cloud), whole());
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

#[test]
fn an_api_whose_creation_got_no_answer_is_not_made_twice() {
    let emulator = Emulator::ministack();
    let proxy = Proxy::start(&emulator.endpoint);
    proxy.once("POST", "/v2/apis", Fault::Lost);
    let world = World::new().file("rzap.yaml", TWO).file("app.py", WHO).at(&proxy.endpoint);
    let lost = world.run("deploy dev").failure(1);
    lost.says(&["failed to create the HTTP API `two-dev`", "hint: run rzap again: it finds what was made"]);
    assert_eq!(emulator.cloud().inventory()["http apis"], json!(["two-dev"]));
    let next = world.run("deploy dev --json").success();
    assert!(next.changes().contains(&"update http_api".to_owned()), "{next}");
    assert_eq!(emulator.cloud().inventory()["http apis"], json!(["two-dev"]));
    assert_eq!(http::get(&format!("{}/", next.url())).text(), "one 2.0");
    world.run("status dev --check").success();
}

#[test]
fn what_got_no_answer_is_there_once() {
    for path in ["/integrations", "/routes", "/stages", "/policy"] {
        let world = World::new().file("rzap.yaml", TWO).file("app.py", WHO);
        let cloud = world.local();
        let proxy = Proxy::start(&cloud.endpoint);
        proxy.once("POST", path, Fault::Lost);
        let proxied = world.at(&proxy.endpoint);
        let deployed = proxied.run("deploy dev --json").success();
        assert!(proxy.struck().is_some(), "{path}");
        assert_eq!(http::get(&format!("{}/", deployed.url())).text(), "one 2.0", "{path}");
        let parts = cloud.boto(
            r#"
api = client("apigatewayv2")
id = api.get_apis()["Items"][0]["ApiId"]
answer([len(ask(ApiId=id)["Items"]) for ask in (api.get_routes, api.get_integrations, api.get_stages)])
"#,
        );
        assert_eq!(parts, json!([1, 1, 1]), "{path}");
        proxied.run("status dev --check").success();
        proxied.run("undeploy dev --yes").success();
        cloud.is_empty();
    }
}

#[test]
fn a_deploy_that_was_killed_when_it_had_an_api_is_finished_by_the_next_one() {
    let world = World::new().file("rzap.yaml", TWO).file("app.py", WHO);
    let mut deploy = world.start("deploy dev --local");
    assert!(deploy.says("created   HTTP API"), "{}", deploy.wait());
    deploy.kill();
    let killed = deploy.wait();
    let next = world.run("deploy dev --local --json").success();
    assert_eq!(http::get(&format!("{}/", next.url())).text(), "one 2.0", "{killed}\n{next}");
    assert_eq!(world.local().inventory()["http apis"], json!(["two-dev"]), "{killed}\n{next}");
    world.run("status dev --local --check").success();
    assert_eq!(world.run("deploy dev --local --json").success().changes(), [""; 0]);
    world.run("undeploy dev --local --yes").success();
    world.local().is_empty();
}

/// Two functions that say who they are.
const TWO: &str = "app: two
runtime: python3.13
region: eu-west-1
functions:
  one: { handler: app.one, http: http }
  two: { handler: app.two }
stages: { dev: {} }
";

const WHO: &str = r#"
def one(event, context):
    return {"statusCode": 200, "body": "one " + event.get("version", "1.0")}
def two(event, context):
    return {"statusCode": 200, "body": "two " + event.get("version", "1.0")}
"#;

#[test]
fn clients_see_no_error_while_the_route_moves_to_another_function() {
    let world = World::new().file("rzap.yaml", TWO).file("app.py", WHO);
    let first = world.run("deploy dev --local --json").success();
    let url = first.url();
    assert_eq!(first.json()["functions"][0]["url"], format!("{url}/"));
    assert_eq!(first.json()["functions"][1]["url"], Value::Null);
    let answers = without_pause(&url, 2, |asked| {
        asked.until("200 one 2.0");
        world.edit("rzap.yaml", "app.one, http: http }", "app.one }");
        world.edit("rzap.yaml", "app.two }", "app.two, http: http }");
        let moved = world.run("deploy dev --local --json").success();
        assert_eq!((moved.changes(), moved.url()), (vec!["update http_api".to_owned()], url.clone()));
        asked.until("200 two 2.0");
    });
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["200 one 2.0", "200 two 2.0"], "{answers:?}");
    let left = world.local().boto(
        r#"
from botocore.exceptions import ClientError
def statements(name):
    try:
        policy = client("lambda").get_policy(FunctionName=name, Qualifier="live")["Policy"]
    except client("lambda").exceptions.ResourceNotFoundException:
        return []
    return [statement["Sid"][:9] for statement in json.loads(policy)["Statement"]]
answer([statements("two-dev-one"), statements("two-dev-two")])
"#,
    );
    assert_eq!(left, json!([[], ["rzap-http"]]), "the permission went with the route");
}

#[test]
fn the_former_front_serves_until_all_is_ready() {
    let world = World::new().file("rzap.yaml", TWO).file("app.py", WHO);
    let mut from = "http: http";
    for to in ["http: url", "http: rest", "http: url", "http: http"] {
        let url = world.run("deploy dev --local --json").success().url();
        let before = http::get(&format!("{url}/")).text();
        // Everything but this can be made.
        world.edit(
            "rzap.yaml",
            "stages:",
            "  three: { image: 000000000000.dkr.ecr.eu-west-1.amazonaws.com/three:1 }\nstages:",
        );
        world.edit("rzap.yaml", from, to);
        let failed = world.run("deploy dev --local --allow-replace").failure(1);
        failed.says(&["traffic was not moved"]);
        assert_eq!(http::get(&format!("{url}/")).text(), before, "{from} → {to}\n{failed}");
        world.edit("rzap.yaml", "  three: { image: 000000000000.dkr.ecr.eu-west-1.amazonaws.com/three:1 }\n", "");
        let url = world.run("deploy dev --local --json --allow-replace").success().url();
        assert_eq!(http::get(&format!("{url}/")).status, 200, "{from} → {to}");
        world.run("status dev --local --check").success();
        from = to;
    }
    world.run("undeploy dev --local --yes").success();
    world.local().is_empty();
}
