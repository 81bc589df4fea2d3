//! What clients of a running stage see while it changes, and packages that travel in parts.

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::http;
use crate::without_pause::without_pause;
use crate::world::World;

/// Answers with its generation at the start and at the end, and takes its time in between.
const APP: &str = r#"import time
GENERATION = "g1"
def handler(event, context):
    first = GENERATION
    time.sleep(0.01)
    return {"statusCode": 200, "body": first + " " + GENERATION}
"#;

const CONFIG: &str = "app: traffic
runtime: python3.13
region: eu-west-1
handler: app.handler
http: rest
stages: { dev: {} }
";

#[test]
fn clients_see_no_error_and_no_mix_while_code_and_configuration_change() {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP);
    let url = world.run("deploy dev --local --json").success().url();
    let answers = without_pause(&url, 3, |asked| {
        let changes = [("update dev --local", "g2"), ("update dev --local", "g3"), ("deploy dev --local", "g4")];
        for (index, (command, generation)) in changes.into_iter().enumerate() {
            let before = format!("g{}", index + 1);
            world.edit("app.py", &format!("\"{before}\""), &format!("\"{generation}\""));
            if command.starts_with("deploy") {
                world.edit("rzap.yaml", "http: rest", "http: rest\nmemory: 640");
            }
            world.run(command).success();
            asked.until(&format!("200 {generation} {generation}"));
        }
    });
    let kinds: Vec<&str> = answers.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["200 g1 g1", "200 g2 g2", "200 g3 g3", "200 g4 g4"], "{answers:?}");
}

#[test]
fn a_front_that_changes_leaves_no_permission_behind() {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP);
    world.run("deploy dev --local").success();
    let statements = || {
        world.local().boto(
            r#"
import json
policy = json.loads(client("lambda").get_policy(FunctionName="traffic-dev-web", Qualifier="live")["Policy"])
ids = sorted(statement["Sid"] for statement in policy["Statement"])
answer([id[:9] for id in ids])
"#,
        )
    };
    assert_eq!(statements(), json!(["rzap-api-"]));
    world.edit("rzap.yaml", "http: rest", "http: url");
    let changed = world.run("deploy dev --local --json --allow-replace").success();
    assert_eq!(changed.changes(), ["delete api", "update function"]);
    assert_eq!(statements(), json!(["rzap-url", "rzap-url-"]));
    assert_eq!(http::get(changed.json()["url"].as_str().expect("a URL")).text(), "g1 g1");
    world.edit("rzap.yaml", "http: url", "http: rest");
    let back = world.run("deploy dev --local --json --allow-replace").success();
    assert_eq!(back.changes(), ["create api", "update function"]);
    assert_eq!(statements(), json!(["rzap-api-"]));
}

#[test]
fn an_update_of_one_function_is_a_release_of_all() {
    let world = World::new().app("multi");
    world.run("deploy dev --local").success();
    world.edit("worker/worker.py", "def handler", "# changed\ndef handler");
    let updated = world.run("update dev worker --local --json").success().json();
    assert_eq!((&updated["release"], &updated["functions"][0]["version"]), (&json!(2), &json!("2")));
    let status = world.run("status dev --local --json").success().json();
    let released = &status["last_release"]["functions"];
    assert_eq!((&released["web"]["version"], &released["worker"]["version"]), (&json!("1"), &json!("2")));
    let again = world.run("deploy dev --local --json").success();
    assert_eq!(again.changes(), [""; 0]);
    assert_eq!(again.json()["release"], 2, "nothing changed, so there is no new release");
}

#[test]
fn a_package_of_several_parts_arrives_whole() {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP);
    world.write_bytes("noise.bin", &noise(24 * 1024 * 1024));
    let packaged = &world.run("package dev --json").success().json()["packages"]["web"];
    assert!(
        packaged["zipped"].as_u64().is_some_and(|bytes| bytes > 9 * 1024 * 1024),
        "one part is no test: {packaged}"
    );
    let deployed = world.run("deploy dev --local --json").success().json();
    assert_eq!(deployed["functions"][0]["code_sha256"], packaged["code_sha256"]);
    assert_eq!(http::get(deployed["url"].as_str().expect("a URL")).text(), "g1 g1");

    // A larger one, now that the stage stands: its parts are on their way before anybody has looked around.
    world.write_bytes("more.bin", &noise(64 * 1024 * 1024));
    // And no other run has made it: a package that is kept is there, and need not be hurried.
    world.write("run.txt", &format!("{:?}", std::time::SystemTime::now()));
    let updated = world.run("update dev --local -v").success();
    assert!(updated.stderr.contains("it went up ahead of time"), "{}", updated.stderr);
    let packaged = &world.run("package dev --json").success().json()["packages"]["web"];
    let now = world.run("status dev --local --json").success().json();
    assert_eq!(now["functions"][0]["code_sha256"], packaged["code_sha256"]);
    assert_eq!(http::get(deployed["url"].as_str().expect("a URL")).text(), "g1 g1");
    for file in ["more.bin", "run.txt"] {
        std::fs::remove_file(world.project().join(file)).expect("a file of ours");
    }
    let packaged = &world.run("package dev --json").success().json()["packages"]["web"];

    // The same upload to a server that somebody else wrote.
    let emulator = Emulator::ministack();
    let elsewhere = world.keys().at(&emulator.endpoint);
    let deployed = elsewhere.run("deploy dev --json").success().json();
    assert_eq!(deployed["functions"][0]["code_sha256"], packaged["code_sha256"]);
    let changes: Vec<Value> = deployed["changes"].as_array().cloned().unwrap_or_default();
    assert!(changes.iter().any(|change| change["kind"] == json!("artifact")), "{changes:?}");
}

/// Bytes that do not compress, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut eight = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(|_| eight()).collect()
}
