//! Routes of an API that lead to several functions.

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::http;
use crate::without_pause::without_pause;
use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
functions:
  orders:
    handler: app.orders
    http:
      - GET /orders/{id}
      - POST /orders
  web: { handler: app.web, http: API }
stages: { dev: {} }
";

const APP: &str = "import json

def answer(name, event):
    method = event.get('httpMethod') or event['requestContext']['http']['method']
    return {'statusCode': 200, 'body': json.dumps([name, method, (event.get('pathParameters') or {}).get('id')])}

def orders(event, context):
    return answer('orders', event)

def web(event, context):
    return answer('web', event)
";

fn world(api: &str) -> World {
    World::new().file("rzap.yaml", &CONFIG.replace("API", api)).file("app.py", APP)
}

/// Which function answers, to which method and with which `{id}`.
fn ask(url: &str, method: &str, path: &str) -> String {
    let answer = http::request(method, &format!("{url}{path}"), &[], "");
    format!("{} {}", answer.status, answer.text())
}

/// Deploys, asks, moves a route and removes one, and leaves nothing.
fn story(world: &World, cloud: &Cloud, api: &str) {
    let url = world.run("deploy dev --json").success().url();
    assert_eq!(ask(&url, "GET", "/orders/7"), r#"200 ["orders", "GET", "7"]"#);
    assert_eq!(ask(&url, "POST", "/orders"), r#"200 ["orders", "POST", null]"#);
    // What has another method is everything else, and so is what lies beside.
    assert_eq!(ask(&url, "GET", "/orders"), r#"200 ["web", "GET", null]"#);
    assert!(ask(&url, "PUT", "/orders/7").starts_with(r#"200 ["web", "PUT""#));
    assert!(ask(&url, "GET", "/about/us").starts_with(r#"200 ["web", "GET""#));
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");

    world.edit("rzap.yaml", "      - POST /orders\n", "      - GET /orders/{id}/lines\n");
    without_pause(&format!("{url}/orders/7"), 2, |_| {
        let changes = world.run("deploy dev --json").success().changes();
        assert!(changes.len() == 1 && changes[0].ends_with("api"), "{changes:?}");
    });
    assert_eq!(ask(&url, "POST", "/orders"), r#"200 ["web", "POST", null]"#);
    assert_eq!(ask(&url, "GET", "/orders/8/lines"), r#"200 ["orders", "GET", "8"]"#);

    // Without a route the function is called by nobody. An HTTP API's permission goes with the last one; that of a REST
    // API stays for the deployments that a rollback may go back to.
    world.edit("rzap.yaml", "    http:\n      - GET /orders/{id}\n      - GET /orders/{id}/lines\n", "");
    world.run("deploy dev --json").success();
    assert!(ask(&url, "GET", "/orders/7").starts_with(r#"200 ["web", "GET""#));
    let statements = cloud.boto(
        "try:
    answer(client('lambda').get_policy(FunctionName='shop-dev-orders', Qualifier='live')['Policy'])
except ClientError:
    answer('')",
    );
    assert_eq!(statements.as_str().unwrap_or_default().contains("apigateway"), api == "rest", "{statements}");
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

fn local(api: &str) {
    let world = world(api).env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud, api);
}

fn ministack(api: &str) {
    let emulator = Emulator::ministack();
    story(&world(api).at(&emulator.endpoint), &emulator.cloud(), api);
}

#[test]
fn routes_of_a_rest_api_lead_to_several_functions_in_the_local_cloud() {
    local("rest");
}

#[test]
fn routes_of_an_http_api_lead_to_several_functions_in_the_local_cloud() {
    local("http");
}

#[test]
fn routes_of_a_rest_api_lead_to_several_functions_on_ministack() {
    ministack("rest");
}

#[test]
fn routes_of_an_http_api_lead_to_several_functions_on_ministack() {
    ministack("http");
}
