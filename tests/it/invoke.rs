//! `invoke` and `tail` on the local cloud: the answer exactly, the failure clearly, the log in order.

use std::time::Duration;

use serde_json::json;

use crate::process::wait_for;
use crate::world::World;

/// The worker of `multi` adds numbers up, or fails.
fn deployed() -> World {
    let world = World::new().app("multi");
    world.run("deploy dev --local").success();
    world
}

#[test]
fn the_answer_comes_exactly_and_the_payload_from_anywhere() {
    let world = deployed();
    let argument = world.args(&["invoke", "dev", "worker", "--local", "--payload", r#"{"numbers": [1, 2]}"#]).success();
    assert_eq!(argument.stdout, r#"{"sum": 3, "count": 2}"#);
    assert_eq!(argument.stderr, "");

    world.write("event.json", r#"{"numbers": [40, 2]}"#);
    assert_eq!(world.run("invoke dev worker --local --payload @event.json").success().json()["sum"], 42);
    let piped = world.with_stdin("invoke dev worker --local --payload -", r#"{"numbers": [7]}"#).success();
    assert_eq!(piped.json()["sum"], 7);

    let document = world.with_stdin("invoke dev worker --local --payload - --json", r#"{"numbers": [7]}"#).success();
    let expected = json!({
        "status": 200, "payload": {"sum": 7, "count": 1}, "function_error": null, "version": "1", "log": null, "hint": null
    });
    assert_eq!(document.json(), expected);
}

#[test]
fn a_function_that_fails_is_exit_1_with_its_answer_and_its_log() {
    let world = deployed();
    let failed = world.run("invoke dev worker --local --logs").failure(1);
    assert_eq!(failed.json()["errorType"], "ValueError");
    failed.says(&[
        "START RequestId: ",
        "ValueError: the payload needs",
        "REPORT RequestId: ",
        "error: the function `worker` failed",
    ]);
    let document = world.run("invoke dev worker --local --json").failure(1);
    assert_eq!(document.json()["function_error"], "Unhandled");
}

#[test]
fn what_cannot_be_invoked_is_said() {
    let world = deployed();
    insta::assert_snapshot!(world.run("invoke dev --local").failure(2).err(), @r"
    error: which function?
    hint: name one: `web` and `worker`
    ");
    insta::assert_snapshot!(world.run("invoke dev wroker --local").failure(2).err(), @r"
    error: no function `wroker` in stage `dev`
    hint: did you mean `worker`?
    ");
    insta::assert_snapshot!(world.run("invoke dev worker --local --payload nonsense").failure(2).err(), @r#"
    error: the payload from --payload is not JSON
      cause: expected ident at line 1 column 2
    hint: a text is JSON only in quotes: --payload '"text"'
    "#);
    insta::assert_snapshot!(world.run("invoke dev worker --local --payload @nowhere.json").failure(1).err(), @r"
    error: failed to read the payload from nowhere.json
      cause: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(world.run("invoke prod worker --local").failure(1).err(), @r"
    error: failed to call `worker` of stage `prod`
      cause: ResourceNotFoundException: Function not found: arn:aws:lambda:eu-west-1:000000000000:function:multi-prod-worker:live
    hint: is it deployed? `rzap status prod --local` shows it, `rzap deploy prod --local` deploys it
    ");
    insta::assert_snapshot!(world.run("invoke dev worker --local --qualifier 7").failure(1).err(), @r"
    error: failed to call `worker` of stage `dev`
      cause: ResourceNotFoundException: Function not found: arn:aws:lambda:eu-west-1:000000000000:function:multi-dev-worker:7
    hint: is it deployed? `rzap status dev --local` shows it, `rzap deploy dev --local` deploys it
    ");
}

#[test]
fn an_asynchronous_call_runs_later() {
    let world = deployed();
    let event = r#"{"numbers": [1]}"#;
    let sent = world.args(&["invoke", "dev", "worker", "--local", "--async", "--payload", event]).success();
    assert_eq!(sent.stdout, "", "{sent}");
    wait_for("the call to run", Duration::from_secs(20), || {
        let log = world.run("tail dev worker --local --no-follow");
        (log.code == 0 && log.stdout.contains("batch of 10")).then_some(())
    });
}

#[test]
fn the_logs_of_all_functions_come_in_time_order() {
    let world = World::new().app("multi");
    insta::assert_snapshot!(world.run("tail dev --local --no-follow").failure(1).err(), @r"
    error: there are no logs of stage `dev` yet
    hint: run `rzap deploy dev --local` first, or check the stage's name and region
    ");
    world.edit(
        "web/web.py",
        "    if event[\"path\"]",
        "    print('web was asked', event[\"path\"])\n    if event[\"path\"]",
    );
    let url = world.run("deploy dev --local --json").success().url();
    for round in 0..3 {
        crate::http::get(&format!("{url}/{round}"));
        world.args(&["invoke", "dev", "worker", "--local", "--payload", r#"{"numbers": [1]}"#]).success();
    }
    let tail = world.run("tail dev --local --no-follow").success();
    let times: Vec<&str> = tail.stdout.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert!(times.is_sorted(), "{tail}");
    let said: Vec<&str> = tail
        .stdout
        .lines()
        .filter(|line| line.contains("web was asked") || line.contains("batch of 10"))
        .map(|line| if line.contains(" web ") { "web" } else { "worker" })
        .collect();
    assert_eq!(said, ["web", "worker", "web", "worker", "web", "worker"], "{tail}");

    let only = world.run("tail dev web --local --no-follow --filter asked --json").success();
    let events: Vec<serde_json::Value> =
        only.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let messages: Vec<&str> = events.iter().filter_map(|event| event["message"].as_str()).map(str::trim_end).collect();
    assert_eq!(messages[..3], ["web was asked /0", "web was asked /1", "web was asked /2"], "{only}");
}

#[test]
fn a_followed_log_shows_what_happens_later_and_ends_with_ctrl_c() {
    let world = deployed();
    let invoke = ["invoke", "dev", "worker", "--local", "--payload", r#"{"numbers": [1]}"#];
    world.args(&invoke).success();
    let mut tail = world.start("tail dev --local");
    assert!(tail.says("batch of 10"), "{}", tail.wait());
    world.run("invoke dev worker --local").failure(1);
    assert!(tail.says("ValueError: the payload needs"), "{}", tail.wait());
    tail.interrupt();
    let output = tail.wait();
    assert_eq!(output.code, 130, "{output}");
}

#[test]
fn a_module_that_is_missing_is_told_with_what_brings_it() {
    let world = World::new().app("hello-python");
    world.edit("app.py", "import json\n", "import json\n\nimport yaml\n");
    world.run("deploy dev --local").success();
    let hint = "the module `yaml` comes with the distribution `PyYAML`: add it to the dependencies";
    let invoked = world.run("invoke dev --local").failure(1);
    invoked.says(&["Unable to import module 'app': No module named 'yaml'", &format!("hint: {hint}")]);
    let document = world.run("invoke dev --local --json").failure(1).json();
    assert!(document["hint"].as_str().is_some_and(|text| text.starts_with(hint)), "{document}");
    let tail = world.run("tail dev --local --no-follow").success();
    assert_eq!(tail.stderr.matches("hint: web: the module `yaml`").count(), 1, "once is enough\n{tail}");
}
