//! `rzap map`: every item once, in order, whatever happens on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::faulty::{Fault, Proxy};
use crate::process::wait_for;
use crate::world::World;

const CONFIG: &str = "\
app: sums
runtime: python3.13
region: eu-west-1
timeout: 60
functions:
  double: { handler: app.handler }
stages: { dev: {} }
";

/// Doubles numbers. What ran is written down in a folder, one letter for each time; `gate` is a file to wait for.
const APP: &str = r#"
import os, time

def one(event):
    if not isinstance(event, dict):
        return event * 2
    if "ran" in event:
        with open(os.path.join(event["ran"], str(event["n"])), "a") as file:
            file.write("x")
    while "gate" in event and not os.path.exists(event["gate"]):
        time.sleep(0.005)
    if event["n"] < 0:
        raise ValueError(f"{event['n']} is below 0")
    if "large" in event:
        return "x" * event["large"]
    return {"n": event["n"] * 2}

def handler(event, context):
    if isinstance(event, list) and len(event) == 3:
        return [one(item) for item in event]
    return sum(event) if isinstance(event, list) else one(event)
"#;

fn deployed() -> World {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP);
    world.run("deploy dev --local").success();
    world
}

/// Items that leave a trace; the ones that wait are named.
fn items(world: &World, count: usize, waiting: &[usize]) -> (PathBuf, PathBuf) {
    let (ran, gate) = (world.root().join("ran"), world.root().join("gate"));
    let _ = fs::remove_dir_all(&ran);
    fs::create_dir(&ran).expect("a folder");
    let line = |n: usize| {
        let mut item = json!({"n": n, "ran": ran});
        if waiting.contains(&n) {
            item["gate"] = json!(gate);
        }
        format!("{item}\n")
    };
    world.write("items.jsonl", &(0..count).map(line).collect::<String>());
    (ran, gate)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Whole lines of the output so far.
fn written(world: &World) -> usize {
    fs::read(world.project().join("out.jsonl")).map_or(0, |text| text.split(|byte| *byte == b'\n').count() - 1)
}

fn times(ran: &Path, item: usize) -> usize {
    fs::read(ran.join(item.to_string())).map_or(0, |text| text.len())
}

/// All items are there, in order, each with its own answer.
#[track_caller]
fn is_complete(world: &World, count: usize) {
    let lines = lines(&world.read("out.jsonl"));
    let expected: Vec<Value> = (0..count).map(|n| json!({"index": n, "output": {"n": n * 2}})).collect();
    let without: Vec<Value> = lines
        .into_iter()
        .map(|mut line| {
            line.as_object_mut().expect("an object").remove("attempts");
            line
        })
        .collect();
    assert_eq!(without, expected);
    assert!(!world.project().join("out.jsonl.unfinished").exists());
}

/// How fast it was is another matter.
fn without_rate(text: &str) -> String {
    let rate = Regex::new(r"[\d.,]+/s").expect("a rule");
    rate.replace_all(text, "[n]/s").into_owned()
}

const MAP: &str = "map dev double --local --input items.jsonl --output out.jsonl --concurrency 4";

#[test]
fn every_line_is_called_and_the_results_are_in_order() {
    let world = deployed();
    let (ran, _) = items(&world, 60, &[]);
    let done = world.run(MAP).success();
    assert!(done.stdout.starts_with("60 items done, in "), "{done}");
    is_complete(&world, 60);
    assert!((0..60).all(|item| times(&ran, item) == 1));

    // A finished output is nothing to go on with.
    insta::assert_snapshot!(world.run(MAP).failure(2).err(), @r"
    error: out.jsonl has something in it already
    hint: name another `--output`; `--restart` throws away what is in it
    ");
    let document = world.run(&format!("{MAP} --restart --unordered --json")).success().json();
    assert_eq!((&document["items"], &document["failed"], &document["calls"]), (&json!(60), &json!(0), &json!(60)));
    let mut unordered = lines(&world.read("out.jsonl"));
    unordered.sort_by_key(|line| line["index"].as_u64());
    assert_eq!(unordered[59], json!({"index": 59, "output": {"n": 118}}));
    assert_eq!(unordered.len(), 60);
}

#[test]
fn it_is_a_filter_too() {
    let world = deployed();
    let piped = world.with_stdin("map dev double --local --input - --with-input", "1\n\n\"ab\"\r\n[]\n").success();
    let expected = "{\"index\":0,\"input\":1,\"output\":2}\n{\"index\":1,\"input\":\"ab\",\"output\":\"abab\"}\n{\"index\":2,\"input\":[],\"output\":0}\n";
    assert_eq!(piped.stdout, expected, "{piped}");
    piped.says(&["3 items done, in "]);
    assert_eq!(world.with_stdin("map dev double --local --input -", "").success().stdout, "");
    // What is right before a wrong line is done.
    let wrong = world.with_stdin("map dev double --local --input - --output part.jsonl", "1\n2\nthree\n4\n").failure(2);
    insta::assert_snapshot!(without_rate(&wrong.err()), @r"
    2 items done, in [s] ([n]/s)
    error: line 3 of stdin is not JSON
      cause: expected ident at column 2
    hint: each line is one JSON value; `jq -c '.[]' array.json > items.jsonl` makes such a file of an array
    hint: the same command does the rest: what is done is not run again
    ");
    assert_eq!(world.read("part.jsonl"), "{\"index\":0,\"output\":2}\n{\"index\":1,\"output\":4}\n");
    let mended = "map dev double --local --input - --output part.jsonl --json";
    let document = world.with_stdin(mended, "1\n2\n3\n4\n").success().json();
    assert_eq!((&document["items"], &document["resumed"], &document["calls"]), (&json!(4), &json!(2), &json!(2)));
    assert_eq!(lines(&world.read("part.jsonl"))[3], json!({"index": 3, "output": 8}));
}

#[test]
fn what_cannot_be_run_is_said_before_anything_runs() {
    let world = deployed();
    let (ran, _) = items(&world, 3, &[]);
    world.write("items.jsonl", &format!("{}{{\"n\": \n", world.read("items.jsonl")));
    insta::assert_snapshot!(world.run(MAP).failure(2).err(), @r"
    error: line 4 of items.jsonl is not JSON
      cause: EOF while parsing a value at column 5
    hint: each line is one JSON value; `jq -c '.[]' array.json > items.jsonl` makes such a file of an array
    ");
    assert!((0..3).all(|item| times(&ran, item) == 0), "nothing ran");
    assert!(!world.project().join("out.jsonl").exists() && !world.project().join("out.jsonl.unfinished").exists());
    insta::assert_snapshot!(world.run("map dev double --local --input nowhere.jsonl").failure(1).err(), @r"
    error: failed to read nowhere.jsonl
      cause: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(world.run("map dev double --local --input . --output -").failure(2).err(), @r"
    error: . is a folder
    hint: `--input` is a file, or -
    ");
    insta::assert_snapshot!(world.run("map dev double --local --input items.jsonl --json").failure(2).err(), @r"
    error: results and the document of --json cannot both go to stdout
    hint: name a file: `--output results.jsonl`
    ");
    let same = world.run("map dev double --local --input items.jsonl --output ./items.jsonl --restart").failure(2);
    same.says(&["error: input and output are the same file"]);
    // What there is goes only for an input that is right.
    world.write("old.jsonl", "old\n");
    world.run("map dev double --local --input items.jsonl --output old.jsonl --restart").failure(2);
    assert_eq!(world.read("old.jsonl"), "old\n");
    items(&world, 3, &[]);
    insta::assert_snapshot!(world.run(&format!("{MAP} --qualifier 9")).failure(1).err(), @r"
    error: failed to call `double` of stage `dev`
      cause: ResourceNotFoundException: Function not found: arn:aws:lambda:eu-west-1:000000000000:function:sums-dev-double:9
    hint: is it deployed? `rzap status dev --local` shows it, `rzap deploy dev --local` deploys it
    ");
    assert!(!world.project().join("out.jsonl").exists());
}

#[test]
fn items_that_fail_are_results_like_others() {
    let world = deployed();
    world.write("items.jsonl", "{\"n\": 1}\n{\"n\": -1}\n{\"n\": 1, \"large\": 6300000}\n{\"n\": -2}\n{\"n\": 2}\n");
    let failed = world.run(&format!("{MAP} --retries 1")).failure(1);
    insta::assert_snapshot!(without_rate(&failed.out()), @r"
    5 items done, 3 failed, in [s] ([n]/s)
    3 calls repeated after a failure

    failed  error                          first index  message
         2  ValueError                               1  -1 is below 0
         1  Function.ResponseSizeTooLarge            2  Response payload size exceeded maximum allowed payload size (6291556 bytes).
    ");
    let mut lines = lines(&world.read("out.jsonl"));
    assert_eq!(
        (&lines[0], &lines[4]),
        (&json!({"index": 0, "output": {"n": 2}}), &json!({"index": 4, "output": {"n": 4}}))
    );
    assert!(lines[1]["error"]["request_id"].take().is_string());
    let error = json!({"source": "function", "type": "ValueError", "message": "-1 is below 0", "request_id": null});
    assert_eq!(lines[1], json!({"index": 1, "error": error, "attempts": 2}));
    assert_eq!(lines[2]["error"]["type"], "Function.ResponseSizeTooLarge", "{}", lines[2]);

    let slowly = MAP.replace("--concurrency 4", "--concurrency 1 --fail-fast --retries 0 --restart");
    let stopped = world.run(&slowly).failure(1);
    stopped.says(&[
        "error: stopped because an item failed",
        "2 items done, 1 failed, in ",
        "the same command does the rest",
    ]);
    assert_eq!(written(&world), 2);
    let rest = world.run(&format!("{MAP} --retries 0 --json")).failure(1).json();
    assert_eq!(
        (&rest["items"], &rest["resumed"], &rest["failed"], &rest["calls"]),
        (&json!(5), &json!(2), &json!(3), &json!(3))
    );
    assert_eq!(rest["errors"][0]["index"], 1);
}

#[test]
fn a_payload_that_lambda_does_not_take_fails_alone() {
    let world = deployed();
    let large = "x".repeat(6 * 1024 * 1024);
    world.write("items.jsonl", &format!("1\n\"{large}\"\n3\n"));
    world.run(MAP).failure(1);
    let lines = lines(&world.read("out.jsonl"));
    assert_eq!((&lines[0]["output"], &lines[2]["output"]), (&json!(2), &json!(6)));
    assert_eq!(lines[1]["error"]["source"], "input");
    assert_eq!(lines[1]["error"]["message"], "6291458 bytes are more than the 6291456 that Lambda takes");
}

#[test]
fn batches_are_taken_apart_where_the_answer_allows_it() {
    let world = deployed();
    let numbers: String = (0..8).map(|n| format!("{n}\n")).collect();
    world.write("items.jsonl", &numbers);
    let document = world.run(&format!("{MAP} --batch 3 --json")).success().json();
    assert_eq!((&document["items"], &document["calls"]), (&json!(8), &json!(3)));
    let mut expected: Vec<Value> = (0..6).map(|n| json!({"index": n, "output": n * 2})).collect();
    // The last one has two items, and the function answers with their sum.
    expected.push(json!({"index": 6, "count": 2, "output": 13}));
    assert_eq!(lines(&world.read("out.jsonl")), expected);
}

#[test]
fn a_run_that_was_killed_is_finished_by_the_same_command() {
    for batch in [1, 3] {
        let world = deployed();
        let (ran, gate) = items(&world, 90, &[60]);
        let line = if batch == 1 { MAP.to_owned() } else { format!("{MAP} --batch {batch}") };
        let mut running = world.start(&line);
        wait_for("thirty results", Duration::from_mins(1), || (written(&world) >= 30).then_some(()));
        running.kill();
        running.wait();
        let before = written(&world);
        assert!((30..=60).contains(&before), "{before}");
        assert!(world.project().join("out.jsonl.unfinished").exists());
        // What it was writing when it died.
        let text = format!("{}{{\"index\":{before},\"outp", world.read("out.jsonl"));
        world.write("out.jsonl", &text);

        fs::write(&gate, "").expect("a file");
        let rest = world.run(&line).success();
        rest.says(&["going on after "]);
        is_complete(&world, 90);
        assert!((0..before / batch * batch).all(|item| times(&ran, item) == 1), "done is done: {rest}");
        assert!((0..90).all(|item| times(&ran, item) >= 1));
    }
}

#[test]
fn without_an_order_the_rest_is_found_just_as_well() {
    let world = deployed();
    let (ran, gate) = items(&world, 40, &[5]);
    let line = format!("{MAP} --unordered");
    let mut running = world.start(&line);
    wait_for("the others", Duration::from_mins(1), || (written(&world) == 39).then_some(()));
    running.kill();
    running.wait();
    fs::write(&gate, "").expect("a file");
    let document = world.run(&format!("{line} --json")).success().json();
    assert_eq!((&document["resumed"], &document["calls"]), (&json!(39), &json!(1)));
    assert!((0..40).all(|item| times(&ran, item) == 1 + usize::from(item == 5)));
    let mut indexes: Vec<u64> =
        lines(&world.read("out.jsonl")).iter().filter_map(|line| line["index"].as_u64()).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..40).collect::<Vec<_>>());
}

#[test]
fn ctrl_c_finishes_what_was_begun_and_no_item_runs_twice() {
    let world = deployed();
    let (ran, gate) = items(&world, 80, &[20]);
    let mut running = world.start(MAP);
    wait_for("twenty results", Duration::from_mins(1), || (written(&world) >= 20).then_some(()));
    running.interrupt();
    assert!(running.says("stopping: running calls are finished"));
    fs::write(&gate, "").expect("a file");
    let stopped = running.wait();
    assert_eq!(stopped.code, 130, "{stopped}");
    stopped.says(&["error: interrupted: ", " items are done", "hint: the same command does the rest"]);
    let before = written(&world);
    assert!((0..80).all(|item| times(&ran, item) == usize::from(item < before)), "{before}: {stopped}");

    world.run(MAP).success();
    is_complete(&world, 80);
    assert!((0..80).all(|item| times(&ran, item) == 1));
}

#[test]
fn another_input_or_another_command_is_not_gone_on_with() {
    let world = deployed();
    let (_, gate) = items(&world, 20, &[10]);
    let mut running = world.start(MAP);
    wait_for("ten results", Duration::from_mins(1), || (written(&world) >= 10).then_some(()));
    insta::assert_snapshot!(world.run(MAP).failure(1).err(), @r"
    error: another `rzap map` is writing out.jsonl
    hint: wait until it has ended, or name another `--output`
    ");
    running.kill();
    running.wait();
    fs::write(&gate, "").expect("a file");

    insta::assert_snapshot!(world.run(&format!("{MAP} --batch 2 --with-input")).failure(2).err(), @r"
    error: out.jsonl was begun by another command
      cause: --batch was none and is 2, --with-input was false and is true
    hint: go on with the same options, or name another `--output`
    hint: `--restart` throws the results away and begins anew
    ");
    let text = world.read("items.jsonl");
    world.edit("items.jsonl", "{\"n\":0,", "{\"n\":7,");
    insta::assert_snapshot!(world.run(MAP).failure(2).err(), @r"
    error: items.jsonl has changed
      cause: the first 10 items are not those that the unfinished run has done
    hint: what is done must stay as it was; what comes after it may change
    hint: `--restart` throws the results away and begins anew
    ");
    assert!(written(&world) >= 10, "nothing is lost");
    // What comes after that which is done may change, and grow.
    world.write("items.jsonl", &text.replace("{\"n\":19,", "{\"n\":19, ").replace("{\"n\":18,", "{\"n\": 18,"));
    world.write("items.jsonl", &format!("{}{{\"n\": 20}}\n", world.read("items.jsonl")));
    world.run(MAP).success();
    is_complete(&world, 21);
}

#[test]
fn whatever_the_line_does_no_item_is_lost() {
    let world = deployed();
    let proxy = Proxy::start(&world.local().endpoint);
    let world = world.at(&proxy.endpoint);
    let faults =
        [Fault::Throttled, Fault::Lost, Fault::Throttled, Fault::Busy, Fault::Cut, Fault::Broken, Fault::Unseen];
    proxy.rule(move |call| {
        let is_call = call.path.contains("/invocations");
        (is_call && call.number % 5 == 2).then(|| faults[call.number / 5 % faults.len()])
    });
    let (ran, _) = items(&world, 150, &[]);
    let line = MAP.replace(" --local", "");
    let document = world.run(&format!("{line} --retries 10 --json")).success().json();
    is_complete(&world, 150);
    assert!((0..150).all(|item| times(&ran, item) >= 1));
    assert!(document["throttles"].as_u64() > Some(5) && document["retries"].as_u64() > Some(5), "{document}");

    // Being throttled is no attempt.
    let once = Proxy::start(&world.local().endpoint);
    once.rule(|call| (call.path.contains("/invocations") && call.number % 2 == 1).then_some(Fault::Throttled));
    let world = world.at(&once.endpoint);
    items(&world, 40, &[]);
    let document = world.run(&format!("{line} --retries 0 --restart --json")).success().json();
    assert_eq!((&document["calls"], &document["retries"]), (&json!(40), &json!(0)));
    assert!(document["throttles"].as_u64() >= Some(20), "{document}");
    is_complete(&world, 40);
}

#[test]
fn credentials_that_expire_stop_it_and_nothing_fails_of_that() {
    let world = deployed();
    let proxy = Proxy::start(&world.local().endpoint);
    let world = world.at(&proxy.endpoint);
    proxy.rule(|call| (call.number > 30).then_some(Fault::Expired));
    items(&world, 60, &[]);
    let line = MAP.replace(" --local", "");
    let stopped = world.run(&line).failure(4);
    stopped.says(&["the credentials have expired", "the same command does the rest"]);
    assert!(!world.read("out.jsonl").contains("error"), "{stopped}");
    assert!(written(&world) > 0);
    proxy.rule(|_| None);
    world.run(&line).success();
    is_complete(&world, 60);
}

#[test]
fn a_function_that_may_run_twice_at_once_is_not_called_more_often() {
    let world = deployed();
    world.local().boto(
        "client('lambda').put_function_concurrency(FunctionName='sums-dev-double', ReservedConcurrentExecutions=2)\nanswer(1)",
    );
    items(&world, 100, &[]);
    let line = MAP.replace("--concurrency 4", "--concurrency 50");
    let document = world.run(&format!("{line} --retries 0 --json")).success().json();
    is_complete(&world, 100);
    assert!(document["throttles"].as_u64() > Some(0), "{document}");
}

#[test]
fn another_cloud_gives_the_same() {
    let emulator = Emulator::ministack();
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP).at(&emulator.endpoint);
    world.run("deploy dev").success();
    let numbers: String = (0..30).map(|n| format!("{{\"n\": {}}}\n", if n == 7 { -7 } else { n })).collect();
    world.write("items.jsonl", &numbers);
    let line = MAP.replace(" --local", "");
    let document = world.run(&format!("{line} --retries 0 --json")).failure(1).json();
    assert_eq!((&document["items"], &document["failed"]), (&json!(30), &json!(1)));
    let lines = lines(&world.read("out.jsonl"));
    // MiniStack has a type of its own for it.
    assert_eq!(lines[7]["error"]["message"], "-7 is below 0", "{}", lines[7]);
    let right = (0..30).filter(|n| *n != 7).all(|n| lines[n] == json!({"index": n, "output": {"n": n * 2}}));
    assert!(right, "{lines:?}");
}
