//! The story of a stage on `MiniStack`, a cloud that others wrote and that really runs code.
//!
//! What `MiniStack` 1.5.33 lacks, and what that means here:
//! - `PutRestApi` is missing: rzap falls back to single calls. `local` tests `PutRestApi`, moto counts it.
//! - Changes of a REST API are live without a deployment, so nothing here proves that we deploy one.
//! - Functions see `MiniStack`'s own Python and packages: that the package is complete is tested in `local`.
//! - The log tail has no START, END and REPORT lines.

use serde_json::json;

use crate::emulator::Emulator;
use crate::http;
use crate::world::World;

#[test]
fn the_whole_story_of_a_stage_on_ministack() {
    let emulator = Emulator::ministack();
    let cloud = emulator.cloud();
    let world = World::new().app("guestbook").at(&emulator.endpoint);

    let first = world.run("deploy dev --json").success();
    assert_eq!(
        first.changes(),
        ["create api", "create artifact", "create bucket", "create function", "create log_group", "create role"]
    );
    let url = first.url();

    let page = http::get(&format!("{url}/"));
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text().contains("Nobody has signed yet."), "{page:?}");
    let signed = http::post_form(&format!("{url}/sign"), "name=Ada&message=Hello");
    assert_eq!(signed.status, 303, "{signed:?}");
    assert_eq!(http::get(&format!("{url}/api/entries")).json()["entries"][0]["name"], "Ada");

    let second = world.run("deploy dev --json").success();
    assert_eq!(second.changes(), [""; 0], "{second}");
    assert_eq!(second.json()["release"], 1);

    world.edit("guestbook.py", "Thank you, {name}!", "Thanks, {name}!");
    let update = world.run("update dev --json").success();
    assert_eq!(update.changes(), ["update function"]);
    assert_eq!(update.json()["functions"][0]["version"], "2");

    cloud.boto("client('lambda').update_function_configuration(FunctionName='guestbook-dev-web', MemorySize=256)");
    let status = world.run("status dev --check --json").failure(3);
    assert_eq!(status.changes(), ["update function"]);
    assert_eq!(
        status.json()["changes"][0]["differences"][0],
        json!({"field": "memory", "old": 256, "new": 512, "hidden": false, "by_hand": true})
    );
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update function"]);
    world.run("status dev --check").success();

    world.run("undeploy dev").failure(2).says(&["--yes"]);
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

#[test]
fn functions_are_invoked_and_their_logs_read_on_ministack() {
    let emulator = Emulator::ministack();
    let world = World::new().app("multi").at(&emulator.endpoint);
    world.run("deploy dev").success();

    let sum = world.args(&["invoke", "dev", "worker", "--payload", r#"{"numbers": [1, 2, 3]}"#]).success();
    assert_eq!(sum.json(), json!({"sum": 6, "count": 3}));
    let failed = world.run("invoke dev worker --logs").failure(1);
    assert_eq!(failed.json()["errorMessage"], "the payload needs a list called `numbers`");
    failed.says(&["ValueError: the payload needs a list called `numbers`", "error: the function `worker` failed"]);
    let tail = world.run("tail dev --no-follow --filter ValueError").success();
    assert!(tail.stdout.contains(" ValueError: the payload needs a list"), "{tail}");
    // Its filter patterns mean something else than AWS's, and its log has no START that names the request.
    let errors = world.run("errors dev --json").success().json();
    assert_eq!(errors["failures"][0]["type"], "ValueError", "{errors}");
    assert_eq!(errors["failures"][0]["functions"], json!(["worker"]));

    // A second app in the same account, and one artifact bucket for both.
    let other = World::new().app("hello-python").at(&emulator.endpoint);
    let url = other.run("deploy dev --json").success().url();
    let answer = http::get(&format!("{url}/there?name=Ada"));
    assert_eq!(answer.json(), json!({"hello": "Ada", "path": "/there", "function": "hello-python-dev-web"}));

    world.run("undeploy dev --yes").success();
    assert_eq!(emulator.cloud().inventory()["functions"], json!(["hello-python-dev-web"]));
    other.run("undeploy dev --yes").success();
    emulator.cloud().is_empty();
}
