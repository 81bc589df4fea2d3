//! `invoke --http`: through each kind of front and past it, an answer looks the same.

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::world::World;

const CONFIG: &str = "app: doors
runtime: python3.13
region: eu-west-1
timeout: 20
functions:
  rest: { handler: app.web, http: rest }
  api: { handler: app.web, http: http }
  own: { handler: app.web, http: url }
  job: { handler: app.web }
  orders: { handler: app.web, http: [\"GET /orders/{id}\"] }
stages: { dev: {} }
";

const APP: &str = r#"
import base64, json

def web(event, context):
    first = event.get("version") != "2.0"
    method = event["httpMethod"] if first else event["requestContext"]["http"]["method"]
    path = event["path"] if first else event["rawPath"]
    headers = {name.lower(): value for name, value in event["headers"].items()}
    cookies = headers.get("cookie", "").split("; ") if first else event.get("cookies", [])
    body = event.get("body") or ""
    if event["isBase64Encoded"]:
        body = base64.b64decode(body).decode()
    if path == "/crash":
        raise KeyError("at work")
    if path == "/bytes":
        text = base64.b64encode(bytes(range(256))).decode()
        return {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": text, "isBase64Encoded": True}
    if path == "/moved":
        return {"statusCode": 302, "headers": {"location": "there?x=1"}}
    said = [method, path, event.get("queryStringParameters"), headers.get("x-id"), cookies, body,
            headers.get("content-type"), event.get("pathParameters") if "orders" in path else None]
    answer = {"statusCode": 404 if path == "/nothing" else 200, "body": json.dumps(said)}
    answer.update({"multiValueHeaders": {"set-cookie": ["a=1", "b=2"]}} if first else {"cookies": ["a=1", "b=2"]})
    return answer
"#;

fn world() -> World {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP);
    world.run("deploy dev --local").success();
    world
}

#[test]
fn a_request_looks_the_same_through_each_front_and_past_it() {
    let world = world();
    for function in ["rest", "api", "own"] {
        for way in [&[] as &[&str], &["--direct"]] {
            let ask = |more: &[&str]| {
                let words = ["invoke", "dev", function, "--local"];
                world.args(&[words.as_slice(), more, way].concat())
            };
            let headers = ["-H", "x-id: 7", "-H", "Cookie: c=1; d=2", "-d", r#"{"n": 1}"#];
            let posted = ask(&[&["--http", "post", "/a?x=1"], headers.as_slice()].concat()).success();
            let query = json!({"x": "1"});
            let expected = json!(["POST", "/a", query, "7", ["c=1", "d=2"], "{\"n\": 1}", "application/json", null]);
            assert_eq!(posted.json(), expected, "{posted}");
            assert_eq!(posted.stderr, "", "{posted}");
            // A form is binary to some fronts and text to others; the function reads the same.
            let form = ask(&["--http", "/f", "-d", "a=1"]).success().json();
            assert_eq!(
                (&form[0], &form[5], &form[6]),
                (&json!("POST"), &json!("a=1"), &json!("application/x-www-form-urlencoded"))
            );

            let whole = ask(&["--http", "/", "-i"]).success();
            let (head, body) = whole.stdout.split_once("\n\n").expect("a head");
            assert_eq!(head.lines().next(), Some("HTTP 200 OK"), "{whole}");
            let kind = if function == "api" { "text/plain; charset=utf-8" } else { "application/json" };
            for line in ["set-cookie: a=1", "set-cookie: b=2", &format!("content-type: {kind}")] {
                assert!(head.lines().any(|there| there == line), "{line}\n{whole}");
            }
            assert!(body.starts_with(r#"["GET", "/""#), "{whole}");

            let missing = ask(&["--http", "/nothing?token=x"]).failure(1);
            assert_eq!(missing.json()[1], "/nothing");
            assert_eq!(missing.stderr, "error: GET /nothing answered 404 Not Found\n");

            let moved = ask(&["--http", "/moved"]).success();
            assert!(moved.stderr.starts_with("GET /moved: 302 Found to there?x=1"), "{moved}");

            let crashed = ask(&["--http", "/crash"]).failure(1);
            let said = match (function, way) {
                (_, ["--direct"]) => "cause: KeyError: 'at work'",
                // As AWS has it: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html
                ("api", _) => "GET /crash answered 500 Internal Server Error",
                _ => "GET /crash answered 502 Bad Gateway",
            };
            crashed.says(&[said, &format!("rzap tail dev {function} --local")]);

            // Without binary media types a REST API answers with the base64 itself.
            if function != "rest" {
                let file = world.root().join("tmp/bytes");
                ask(&["--http", "/bytes", "-o", file.to_str().expect("a path")]).success().says(&["256 B written to "]);
                assert_eq!(std::fs::read(file).expect("the file"), (0..=255).collect::<Vec<u8>>());
            }
        }
        let line = format!("invoke dev {function} --local --http /moved --location");
        let there = world.run(&line).success();
        assert_eq!((&there.json()[1], &there.json()[2]), (&json!("/there"), &json!({"x": "1"})));
    }
}

#[test]
fn programs_get_one_document() {
    let world = world();
    let line = "invoke dev own --local --json --http";
    let document = world.run(&format!("{line} /a")).success().json();
    let url = document["url"].as_str().expect("a URL");
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/a"), "{url}");
    assert_eq!((&document["through"], &document["status"]), (&json!("url"), &json!(200)));
    assert_eq!(document["headers"]["set-cookie"], json!(["a=1", "b=2"]));
    let body: Value = serde_json::from_str(document["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(body[1], "/a");

    let document = world.run(&format!("{line} /nothing --direct --logs")).failure(1).json();
    assert_eq!((&document["through"], &document["status"]), (&json!("function"), &json!(404)));
    assert_eq!((&document["version"], &document["url"]), (&json!("1"), &Value::Null));
    assert!(document["log"].as_str().is_some_and(|log| log.contains("REPORT RequestId")), "{document}");

    let document = world.run(&format!("{line} /bytes")).success().json();
    assert_eq!(document["is_base64_encoded"], true);
    assert!(document["body"].as_str().is_some_and(|body| body.starts_with("AAECAwQF")), "{document}");
    let document = world.run(&format!("{line} /crash --direct")).failure(1).json();
    assert!(document["error"]["message"].as_str().is_some_and(|text| text.contains("`own` failed")), "{document}");
}

#[test]
fn a_function_without_a_front_gets_the_event_of_a_url() {
    let world = world();
    let answer = world.run("invoke dev job --local --http DELETE /x").success().json();
    assert_eq!((&answer[0], &answer[1]), (&json!("DELETE"), &json!("/x")));
    let routed = world.run("invoke dev orders --local --http /orders/7").success().json();
    assert_eq!(routed[7], json!({"id": "7"}));
    assert_eq!(world.run("invoke dev orders --local --http /orders/7 --direct").success().json(), routed);
    let old = world.run("invoke dev own --local --http / --direct --qualifier 9").failure(1);
    old.says(&["function:doors-dev-own:9"]);
}

#[test]
fn what_is_no_request_is_said() {
    let world = world();
    let said = |line: &str| world.run(&format!("invoke {line} --local")).failure(2).err();
    insta::assert_snapshot!(said("--http /x dev"), @r"
    error: `/x` is no HTTP method
    hint: like `--http /path`, `--http POST /path`; the stage and the function stand before it
    ");
    insta::assert_snapshot!(said("dev own --http users"), @r"
    error: `users` is no path of a request
    hint: like `--http /path`, `--http POST /path`; the stage and the function stand before it
    ");
    insta::assert_snapshot!(said("dev own --http / -H token"), @r"
    error: what `-H` says of `token` is no header
    hint: like `-H 'accept: text/html'`
    ");
    insta::assert_snapshot!(said("dev own -i"), @r"
    error: `--include` is for requests and streams
    hint: add `--http` or `--stream`
    ");
    insta::assert_snapshot!(said("dev --http /"), @r"
    error: which function?
    hint: name one: `api`, `orders`, `own` and `rest`
    ");
    insta::assert_snapshot!(said("dev own --http / --logs"), @r"
    error: `--logs` does nothing here: what is in front passes no log on
    hint: with `--direct` the function itself is called; `rzap tail dev --local` shows all logs
    ");
    insta::assert_snapshot!(said("dev own --http / --qualifier 1"), @r"
    error: `--qualifier` does nothing here: what is in front calls the alias `live`
    hint: with `--direct` the function itself is called
    ");
    insta::assert_snapshot!(world.run("invoke dev orders --local --direct --http /else").failure(1).err(), @r"
    error: none of the routes of `orders` takes GET /else
    hint: its routes are in rzap.yaml, under `functions.orders`
    ");
    world.run("undeploy dev --local --yes").success();
    insta::assert_snapshot!(world.run("invoke dev own --local --http /").failure(1).err(), @r"
    error: `own` of stage `dev` has no address
    hint: is it deployed? `rzap status dev --local` shows it, `rzap deploy dev --local` deploys it
    ");
}

#[test]
fn a_terminal_is_shown_what_can_be_read() {
    let world = world().env("RZAP", env!("CARGO_BIN_EXE_rzap")).env("TERM", "xterm").env("NO_COLOR", "1");
    let pty = |line: &str| {
        let python = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
        world
            .shell(&format!("python3 -c '{python}' \"$RZAP\" invoke dev own --local {line}"))
            .stdout
            .replace("\r\n", "\n")
    };
    let page = pty("--http /x");
    assert!(page.starts_with("[\n  \"GET\",\n  \"/x\",\n") && page.ends_with("\n]\n"), "{page}");
    let page = pty("--http /bytes -i");
    assert!(page.contains("content-type: image/png\n"), "{page}");
    assert!(
        page.ends_with("warning: 256 B that are no text are not shown: `-o FILE` or a pipe takes them\n"),
        "{page}"
    );
}

#[test]
fn requests_reach_functions_on_ministack_too() {
    let emulator = Emulator::ministack();
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP).at(&emulator.endpoint);
    world.run("deploy dev").success();
    for function in ["rest", "api", "own", "job"] {
        let answer = world.args(&["invoke", "dev", function, "--http", "PUT", "/a", "-d", "[1]"]).success().json();
        assert_eq!((&answer[0], &answer[1], &answer[5]), (&json!("PUT"), &json!("/a"), &json!("[1]")), "{function}");
    }
    world.run("invoke dev rest --http /nothing").failure(1).says(&["answered 404 Not Found"]);
    assert_eq!(world.run("invoke dev rest --http /b --direct").success().json()[1], "/b");
}
