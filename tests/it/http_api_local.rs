//! HTTP APIs of the local cloud: through the AWS CLI, over a restart, and next to `MiniStack`'s.
//!
//! What `MiniStack` 1.5.33 does otherwise than AWS, so that it is no second opinion on it:
//! - a named stage is missing in `rawPath`; `pathParameters` is null where AWS leaves it out; `cookies`,
//!   `stageVariables` and `domainPrefix` are missing, cookies stay a header;
//! - every integration gets format 2.0, the integration's timeout and the function's policy are ignored,
//!   and a function's error is 502 where AWS has 500;
//! - every OPTIONS request counts as a preflight one, refused with 403 where AWS leaves headers out;
//! - `%25` stays in `rawPath`, where AWS decodes twice;
//! - the default content type of a response is `application/json`, and quick create makes nothing.

use std::fs;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::{Emulator, free_port};
use crate::http;
use crate::world::World;

/// A function that answers with its event, or with what it is told to answer; an API in front of it.
const API: &str = r#"
CODE = """
import base64, json
def handler(event, context):
    if event["rawPath"] == "/answer":
        body = event["body"]
        return json.loads(base64.b64decode(body) if event["isBase64Encoded"] else body)
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}
role = client("iam").create_role(RoleName="echo", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
functions, api = client("lambda"), client("apigatewayv2")
for _ in range(40):
    try:
        arn = functions.create_function(FunctionName="echo", Role=role, Runtime="python3.13", Handler="app.handler",
                                        Timeout=10, Code={"ZipFile": package(app__py=CODE)})["FunctionArn"]
        break
    except ClientError as error:
        if "role" not in error.response["Error"]["Message"]:
            raise
        time.sleep(0.25)
functions.get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
functions.add_permission(FunctionName="echo", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
id = api.create_api(Name="echo", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["https://a.example"], "AllowMethods": ["POST"]})["ApiId"]
target = api.create_integration(ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0")["IntegrationId"]
for key in ("GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}"):
    api.create_route(ApiId=id, RouteKey=key, Target=f"integrations/{target}")
api.create_stage(ApiId=id, StageName="$default", AutoDeploy=True)
answer(id)
"#;

/// Method, path with query, headers, body.
type Sent = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const JSON: (&str, &str) = ("content-type", "application/json");

/// An API called `echo`, reached by its host name.
struct Echo {
    endpoint: String,
    host: String,
}

impl Echo {
    fn new(cloud: &Cloud) -> Self {
        let id = cloud.boto(API);
        let port = cloud.endpoint.rsplit(':').next().unwrap_or_default();
        let host = format!("{}.execute-api.localhost:{port}", id.as_str().unwrap_or_default());
        Self { endpoint: cloud.endpoint.clone(), host }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> http::Answer {
        let all: Vec<_> = [("host", self.host.as_str())].into_iter().chain(headers.iter().copied()).collect();
        http::request(method, &format!("{}{path}", self.endpoint), &all, body)
    }
}

#[test]
fn the_aws_cli_drives_http_apis() {
    let world = World::new();
    world.local().script("http_cli.py");
}

#[test]
fn http_apis_survive_a_restart_and_a_state_without_them_is_read() {
    let world = World::new();
    // Not the port that all others try first: one of them could take it while this cloud is stopped.
    world.run(&format!("local start --port {}", free_port())).success();
    let echo = Echo::new(&world.local());
    world.local().boto("client('apigateway').create_rest_api(name='older')");
    let before = world.local().boto("answer(client('apigatewayv2').get_apis()['Items'])");
    assert_eq!(echo.send("GET", "/x", &[], "").json()["rawPath"], "/x");

    world.run("local stop").success();
    world.run("local start").success();
    assert_eq!(world.local().boto("answer(client('apigatewayv2').get_apis()['Items'])"), before);
    assert_eq!(echo.send("GET", "/x", &[], "").json()["routeKey"], "ANY /{proxy+}");

    // As an older rzap left it: REST APIs only.
    world.run("local stop").success();
    fs::remove_file(world.root().join("state/cloud/apigateway/httpapis.json")).expect("the state of HTTP APIs");
    world.run("local start").success();
    let left = world.local().boto(
        "answer([client('apigatewayv2').get_apis()['Items'], [one['name'] for one in client('apigateway').get_rest_apis()['items']]])",
    );
    assert_eq!(left, json!([[], ["older"]]));
    world.local().boto("client('apigatewayv2').create_api(Name='new', ProtocolType='HTTP')");
}

#[test]
fn http_apis_serve_as_ministack_does_where_that_is_right() {
    let world = World::new();
    let emulator = Emulator::ministack();
    let (ours, theirs) = (Echo::new(&world.local()), Echo::new(&emulator.cloud()));

    let requests: [Sent; 13] = [
        ("GET", "/pets/dog/1", &[("user-agent", "it/1")], ""),
        ("GET", "/pets/dog/a%20b?x=1&x=2&y=%C3%A9&p=a+b&q=a%2Bb&z=", &[("accept", "text/html"), ("x-one", "1")], ""),
        ("GET", "/pets/cat/%C3%BC/2/", &[], ""),
        ("POST", "/pets/dog/1", &[JSON], "{\"a\": \"é\"}"),
        ("POST", "/x", &[("content-type", "text/plain; charset=utf-8")], "héllo"),
        ("POST", "/x", &[("content-type", "application/xml")], "<a/>"),
        ("POST", "/x", &[("content-type", "application/x-www-form-urlencoded")], "a=1"),
        ("PUT", "/x", &[("content-type", "image/svg+xml")], "<svg/>"),
        ("PATCH", "/x", &[("content-type", "application/vnd.api+json")], "{}"),
        ("DELETE", "/a/b/c", &[], ""),
        ("POST", "/x", &[], "no type"),
        ("GET", "/a%2Fb?redirect=https%3A%2F%2Fexample.com%2F", &[], ""),
        ("GET", "/pets/dog/1?", &[], ""),
    ];
    for (method, path, headers, body) in requests {
        let ours = ours.send(method, path, headers, body);
        let theirs = theirs.send(method, path, headers, body);
        assert_eq!((ours.status, theirs.status), (200, 200), "{method} {path}: {ours:?} {theirs:?}");
        assert_eq!(comparable(&ours.json()), comparable(&theirs.json()), "{method} {path}");
        for answer in [&ours, &theirs] {
            assert_eq!(answer.header("apigw-requestid").map(str::len), Some(16), "{answer:?}");
        }
    }

    let lost = |echo: &Echo| {
        let answer = echo.send("GET", "/", &[], "");
        (answer.status, answer.json())
    };
    assert_eq!(lost(&ours), (404, json!({"message": "Not Found"})));
    assert_eq!(lost(&ours), lost(&theirs));

    for answer in [
        json!({"statusCode": 201, "headers": {"content-type": "text/html", "x-one": "1"}, "body": "<p>é</p>"}),
        json!({"statusCode": 302, "cookies": ["a=1; Path=/", "b=2"], "headers": {"location": "/", "content-type": "text/plain"}}),
        json!({"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "AP8=", "isBase64Encoded": true}),
        json!({"hello": "there"}),
    ] {
        let came = |echo: &Echo| {
            let origin = ("origin", "https://a.example");
            let came = echo.send("POST", "/answer", &[JSON, origin], &answer.to_string());
            let text = |name: &str| came.headers(name).join("|");
            let names = ["content-type", "x-one", "set-cookie", "location", "access-control-allow-origin"].map(text);
            let body = serde_json::from_slice::<Value>(&came.bytes).unwrap_or_else(|_| json!(came.bytes));
            (came.status, names, body)
        };
        assert_eq!(came(&ours), came(&theirs), "{answer}");
    }

    let asks = [("origin", "https://a.example"), ("access-control-request-method", "POST")];
    let preflight = |echo: &Echo| {
        let answer = echo.send("OPTIONS", "/answer", &asks, "");
        let text = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        (answer.status, ["access-control-allow-origin", "access-control-allow-methods", "vary"].map(text))
    };
    assert_eq!(preflight(&ours), preflight(&theirs));
}

/// What of an event does not depend on where it was made, and what both have.
fn comparable(event: &Value) -> Value {
    let context = &event["requestContext"];
    let members = [
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "queryStringParameters",
        "pathParameters",
        "body",
        "isBase64Encoded",
    ];
    let headers = ["accept", "content-type", "user-agent", "x-one"];
    let http = ["method", "path", "protocol", "sourceIp"];
    let about = ["routeKey", "stage"];
    json!({
        // What is null with one and missing with the other is the same here.
        "event": (members.map(|member| &event[member])),
        "headers": (headers.map(|name| &event["headers"][name])),
        "http": (http.map(|member| &context["http"][member])),
        "context": (about.map(|member| &context[member])),
        "account": (context["accountId"].as_str().map(str::len)),
        "domain": (context["domainName"].as_str().is_some_and(|name| name.ends_with(".execute-api.localhost"))),
    })
}
