//! How `rzap tail` reads, and what `rzap errors` makes of it: a function that logs in every way, on the local cloud.

use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;
use serde_json::{Value, json};

use crate::faulty::{Fault, Proxy};
use crate::world::World;

/// Logs and fails as the event says.
const APP: &str = r#"
import json, logging, os, sys, time, traceback

log = logging.getLogger()
log.setLevel("INFO")
print("the module is loaded")


def save(order):
    raise LookupError(f"order {order} is gone")


def handler(event, context):
    how = event["how"]
    if how == "plain":
        log.warning("it is late")
        print("printed")
    elif how == "json":
        print(json.dumps({"level": "INFO", "message": "Collecting payment", "order": {"id": 7}, "cold_start": True}))
    elif how == "caught":
        try:
            save(event["order"])
        except LookupError:
            traceback.print_exc()
    elif how == "raise":
        save(event["order"])
    elif how == "slow":
        print("waiting")
        time.sleep(30)
    elif how == "exit":
        print("leaving")
        sys.stdout.flush()
        os._exit(3)
"#;

fn deployed() -> World {
    let world = World::new().file("app.py", APP).file(
        "rzap.yaml",
        "app: shop\nruntime: python3.13\nregion: eu-west-1\ntimeout: 2\nhandler: app.handler\nstages: { dev: {} }\n",
    );
    world.run("deploy dev --local").success();
    world
}

fn call(world: &World, event: &Value) {
    world.args(&["invoke", "dev", "--local", "--payload", &event.to_string()]);
}

/// Without what differs in every run.
fn still(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, to) in [
        (r"(?m)^\d\d:\d\d:\d\d\.\d{3}", "14:03:07.123"),
        (r"\b[0-9a-f]{8}\b", "1dc0ffee"),
        (r"\d+(\.\d+)? m?s\b", "9 ms"),
        (r"\d+ of 512 MB", "40 of 512 MB"),
        (r#""[^"]*/app\.py""#, "\"app.py\""),
        (r"-{2}since \d+m", "--since 5m"),
        (", first 9 ms ago", ""),
        // Which Python there is, and its marks below a statement.
        (r"(?m)^.* is not installed here; .*\n", ""),
        (r"(?m)^ +[~^]+\n", ""),
    ] {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, to).into_owned();
    }
    text
}

#[test]
fn the_log_reads_like_a_story() {
    let world = deployed();
    for how in ["plain", "json", "caught", "raise"] {
        call(&world, &json!({"how": how, "order": 7}));
    }
    let tail = world.run("tail dev --local --no-follow").success();
    insta::assert_snapshot!(still(&tail.stdout), @r#"
    14:03:07.123 main                the module is loaded
    14:03:07.123 main WARN  1dc0ffee it is late
    14:03:07.123 main       1dc0ffee printed
    14:03:07.123 main       1dc0ffee └ 9 ms, billed 9 ms, 40 of 512 MB, cold start 9 ms
    14:03:07.123 main INFO  1dc0ffee Collecting payment  order.id=7 cold_start=true
    14:03:07.123 main       1dc0ffee └ 9 ms, billed 9 ms, 40 of 512 MB
    14:03:07.123 main       1dc0ffee Traceback (most recent call last):
                                       File "app.py", line 22, in handler
                                         save(event["order"])
                                       File "app.py", line 10, in save
                                         raise LookupError(f"order {order} is gone")
                                     LookupError: order 7 is gone
    14:03:07.123 main       1dc0ffee └ 9 ms, billed 9 ms, 40 of 512 MB
    14:03:07.123 main ERROR 1dc0ffee LookupError: order 7 is gone
                                     Traceback (most recent call last):
                                       File "app.py", line 26, in handler
                                         save(event["order"])
                                       File "app.py", line 10, in save
                                         raise LookupError(f"order {order} is gone")
    14:03:07.123 main ERROR 1dc0ffee └ failed after 9 ms: LookupError, billed 9 ms, 40 of 512 MB
    "#);
    // Whole, with the lines that have no id, and no other invocation's.
    let errors = world.run("tail dev --local --no-follow --errors").success();
    insta::assert_snapshot!(still(&errors.stdout), @r#"
    14:03:07.123 main       1dc0ffee Traceback (most recent call last):
                                       File "app.py", line 22, in handler
                                         save(event["order"])
                                       File "app.py", line 10, in save
                                         raise LookupError(f"order {order} is gone")
                                     LookupError: order 7 is gone
    14:03:07.123 main       1dc0ffee └ 9 ms, billed 9 ms, 40 of 512 MB
    14:03:07.123 main ERROR 1dc0ffee LookupError: order 7 is gone
                                     Traceback (most recent call last):
                                       File "app.py", line 26, in handler
                                         save(event["order"])
                                       File "app.py", line 10, in save
                                         raise LookupError(f"order {order} is gone")
    14:03:07.123 main ERROR 1dc0ffee └ failed after 9 ms: LookupError, billed 9 ms, 40 of 512 MB
    "#);
    let lines: Vec<Value> = world
        .run("tail dev --local --no-follow --json --grep printed|Collecting")
        .success()
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let id = lines[0]["request"].as_str().expect("the line is told its request");
    let one = world.run(&format!("tail dev --local --no-follow --request {}", &id[..8])).success().stdout;
    assert!(["module is loaded", "it is late", "printed", "└ "].iter().all(|part| one.contains(part)), "{one}");
    assert!(!one.contains("Collecting"), "{one}");
    let raw = world.run("tail dev --local --no-follow --raw --request 0000").success().stdout;
    assert_eq!(raw, "");
    let raw = world.run("tail dev --local --no-follow --raw").success().stdout;
    assert!(raw.lines().any(|line| line == "printed") && raw.contains("\nREPORT RequestId: "), "{raw}");
}

#[test]
fn what_is_no_pattern_and_no_id_is_said() {
    let world = World::new().app("hello-python");
    insta::assert_snapshot!(world.run("tail dev --local --grep (").failure(2).err(), @r"
    error: invalid value '(' for '--grep <REGEX>': `(` is no regular expression: regex parse error:
        (
        ^
    error: unclosed group

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(world.run("tail dev --local --request a/b").failure(2).err(), @r"
    error: invalid value 'a/b' for '--request <ID>': `a/b` is no request id: write it, or its beginning, as the lines have it

    For more information, try '--help'.
    ");
}

#[test]
fn what_failed_is_put_together_by_exception_and_place() {
    let world = deployed();
    insta::assert_snapshot!(world.run("errors dev --local").success().out(), @r"
    shop dev: no failures in the last 24 h
    ");
    call(&world, &json!({"how": "plain"}));
    for order in [7, 8] {
        call(&world, &json!({"how": "raise", "order": order}));
    }
    call(&world, &json!({"how": "caught", "order": 9}));
    call(&world, &json!({"how": "slow"}));
    call(&world, &json!({"how": "exit"}));
    let errors = world.run("errors dev --local").success();
    insta::assert_snapshot!(still(&errors.stdout), @r"
    shop dev: 5 failures of 3 kinds in the last 24 h

    3× LookupError at app.py:10 in save
        order 9 is gone
        main, last 9 ms ago
        rzap tail dev --request 1dc0ffee --since 5m --no-follow --local

    1× Runtime.ExitError
        Runtime exited with error: exit status 3
        main, 9 ms ago
        rzap tail dev --request 1dc0ffee --since 5m --no-follow --local

    1× Task timed out
        Task timed out after 2.00 seconds
        main, 9 ms ago
        rzap tail dev --request 1dc0ffee --since 5m --no-follow --local
    ");

    let document = world.run("errors dev web --local --since 1h --json").failure(2);
    document.says(&["no function `web`"]);
    let document = world.run("errors dev --local --since 1h --json").success().json();
    assert_eq!(document["complete"], true, "{document}");
    let failure = &document["failures"][0];
    assert_eq!((&failure["type"], &failure["count"]), (&json!("LookupError"), &json!(3)), "{document}");
    assert_eq!(failure["place"]["function"], "save");
    // The command that it names shows that invocation.
    let command = failure["command"].as_str().and_then(|command| command.strip_prefix("rzap ")).expect("a command");
    let shown = world.run(command).success().stdout;
    assert!(shown.contains("LookupError: order 9 is gone") && !shown.contains("order 7"), "{shown}");
}

#[test]
fn errors_says_what_it_has_read_when_aws_lets_it_read_no_more() {
    let world = World::new().app("hello-python");
    let cloud = world.local();
    cloud.boto(
        "logs = client('logs')\n\
         group = '/aws/lambda/hello-python-dev-web'\n\
         logs.create_log_group(logGroupName=group)\n\
         logs.create_log_stream(logGroupName=group, logStreamName='s')\n\
         now = int(time.time() * 1000) - 60_000\n\
         for start in range(0, 11_000, 5_500):\n    logs.put_log_events(logGroupName=group, logStreamName='s', \
         logEvents=[dict(timestamp=now + n, message=f'[ERROR] ValueError: number {n}') for n in range(start, start + 5_500)])\n\
         answer(None)",
    );
    let proxy = Proxy::start(&cloud.endpoint);
    let world = world.at(&proxy.endpoint);
    // The first page comes, the second never does.
    let pages = AtomicUsize::new(0);
    proxy.rule(move |call| {
        let page = call.path.ends_with("#FilterLogEvents");
        (page && pages.fetch_add(1, Ordering::SeqCst) > 0).then_some(Fault::Throttled)
    });
    let errors = world.run("errors dev --json").success().json();
    assert_eq!((&errors["complete"], &errors["failures"][0]["count"]), (&json!(false), &json!(10_000)), "{errors}");
    assert!(errors["read_only_from"]["web"].is_string(), "{errors}");
}
