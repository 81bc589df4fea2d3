//! `tail` under stress: refusals, late events, lost connections, samples. Nothing is lost and nothing comes twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::faulty::{Fault, Proxy};
use crate::output::Output;
use crate::world::{Running, World};

const GROUPS: [&str; 2] = ["/aws/lambda/multi-dev-web", "/aws/lambda/multi-dev-worker"];

/// The log groups of `multi`, without the functions: what a tail reads.
fn groups() -> (World, Cloud) {
    let world = World::new().app("multi");
    let cloud = world.local();
    for group in GROUPS {
        cloud.aws(&["logs", "create-log-group", "--log-group-name", group, "--region", "eu-west-1"]);
    }
    (world, cloud)
}

/// A world that reaches the same cloud through a line on which things go wrong.
fn behind(proxy: &Proxy) -> World {
    World::new().app("multi").at(&proxy.endpoint)
}

fn write(cloud: &Cloud, count: usize, seconds: &str) {
    cloud.script_with("log_writer.py", &[&count.to_string(), seconds, GROUPS[0], GROUPS[1]]);
}

/// One event, now.
fn say(cloud: &Cloud, group: &str, message: &str) {
    cloud.boto(&format!(
        "logs = client('logs')\n\
         try:\n    logs.create_log_stream(logGroupName={group:?}, logStreamName='one')\n\
         except logs.exceptions.ResourceAlreadyExistsException:\n    pass\n\
         logs.put_log_events(logGroupName={group:?}, logStreamName='one',\n\
         \x20                   logEvents=[dict(timestamp=int(time.time() * 1000), message={message:?})])\n\
         answer(None)"
    ));
}

/// Waits for the last events, and for those that are late by a minute.
#[track_caller]
fn all_came(tail: &mut Running<'_>, count: usize) {
    let batch = (count / 20).clamp(1, 1_000);
    for group in GROUPS {
        let late = (batch..2 * batch).chain(count - batch..count).map(|number| number.to_string());
        for last in late.chain(["done".to_owned()]) {
            assert!(tail.says(&format!("\"{group} {last}\"")), "{group} {last}");
        }
    }
}

/// How often each message was shown.
#[track_caller]
fn shown(output: &Output) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in output.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
        *counts.entry(event["message"].as_str().expect("a message").to_owned()).or_default() += 1;
    }
    counts
}

/// Every event once.
#[track_caller]
fn complete(output: &Output, count: usize) {
    let counts = shown(output);
    let lost: Vec<String> = GROUPS
        .iter()
        .flat_map(|group| (0..count).map(move |number| format!("{group} {number}")))
        .filter(|message| !counts.contains_key(message))
        .collect();
    let doubled = counts.values().filter(|count| **count > 1).count();
    let first = &lost[..lost.len().min(5)];
    assert_eq!((lost.len(), doubled), (0, 0), "{first:?}\n{}", output.stderr);
}

/// `RZAP_TAIL_EVENTS=50000`: so many per group, in place of the few of an ordinary run.
fn events() -> usize {
    std::env::var("RZAP_TAIL_EVENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_500)
}

#[test]
fn nothing_is_lost_or_doubled_under_throttling_and_late_arrival() {
    let (_world, cloud) = groups();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = behind(&proxy);
    proxy.rule(|call| match (call.path.ends_with("#FilterLogEvents"), call.number % 7) {
        (true, 2 | 3) => Some(Fault::Throttled),
        (true, 4) if call.number % 3 == 0 => Some(Fault::Lost),
        (true, 5) if call.number % 3 == 0 => Some(Fault::Busy),
        (true, 6) => Some(Fault::Slow),
        _ => None,
    });
    let mut tail = world.start("tail dev --json");
    let count = events();
    write(&cloud, count, "8");
    all_came(&mut tail, count);
    say(&cloud, GROUPS[0], "the end");
    assert!(tail.says("the end"));
    tail.interrupt();
    let output = tail.wait();
    complete(&output, count);
    assert_eq!(output.stderr.matches("reading more slowly").count(), 1, "{}", output.stderr);
}

#[test]
fn what_is_there_comes_in_time_order_over_all_pages_and_ends_by_itself() {
    let (_world, cloud) = groups();
    let count = events();
    write(&cloud, count, "0");
    let world = behind(&Proxy::start(&cloud.endpoint));
    for line in ["tail dev --no-follow --json", "tail dev --since 2h --until now --json"] {
        let output = world.run(line).success();
        complete(&output, count);
        let times: Vec<i64> = output
            .stdout
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).expect("JSON")["timestamp"].as_i64().expect("a time")
            })
            .collect();
        assert!(times.is_sorted());
    }
}

/// Events of one group, a millisecond apart in fives, written in batches.
const PAST: usize = 45_000;

#[test]
fn the_past_is_read_at_several_places_and_comes_whole_and_in_order() {
    let (_world, cloud) = groups();
    let group = GROUPS[0];
    cloud.boto(&format!(
        "logs = client('logs')\n\
         now = int(time.time() * 1000) - 60_000\n\
         for stream in range(3):\n    logs.create_log_stream(logGroupName={group:?}, logStreamName=f's{{stream}}')\n\
         for start in range(0, {PAST}, 5_000):\n    logs.put_log_events(logGroupName={group:?}, logStreamName=f's{{start // 5_000 % 3}}',\n\
         \x20       logEvents=[dict(timestamp=now + n // 5, message=f'{{n:05}} ' + 'x' * 60) for n in range(start, start + 5_000)])\n\
         answer(None)"
    ));
    let proxy = Proxy::start(&cloud.endpoint);
    let world = behind(&proxy);
    proxy.rule(|call| match (call.path.ends_with("#FilterLogEvents"), call.number % 11) {
        (true, 3) => Some(Fault::Throttled),
        (true, 5) => Some(Fault::Busy),
        (true, 7) => Some(Fault::Cut),
        (true, 9) => Some(Fault::Slow),
        _ => None,
    });
    // Following reads the same past the same way.
    for (line, follows) in [("tail dev web --no-follow --json", false), ("tail dev web --json", true)] {
        let mut tail = world.start(line);
        if follows {
            assert!(tail.says(&format!("\"{:05} ", PAST - 1)));
            tail.interrupt();
        }
        let output = tail.wait();
        let numbers = output.stdout.lines().map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            event["message"].as_str().and_then(|text| text[..5].parse::<usize>().ok()).expect("a number")
        });
        let numbers: Vec<usize> = numbers.collect();
        let wrong = numbers.iter().enumerate().find(|(at, number)| at != *number);
        assert_eq!((numbers.len(), wrong), (PAST, None), "{line}\n{}", output.stderr);
    }
}

#[test]
fn a_connection_that_is_lost_is_said_once_and_what_came_meanwhile_is_shown() {
    let (_world, cloud) = groups();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = behind(&proxy);
    say(&cloud, GROUPS[0], "before");
    let mut tail = world.start("tail dev --json");
    assert!(tail.says("before"));
    let gone = Arc::new(AtomicBool::new(true));
    let switch = gone.clone();
    proxy.rule(move |_| switch.load(Ordering::SeqCst).then_some(Fault::Unseen));
    assert!(tail.says("connection lost"));
    say(&cloud, GROUPS[1], "in between");
    gone.store(false, Ordering::SeqCst);
    assert!(tail.says("the connection is back after") && tail.says("in between"));
    tail.interrupt();
    let output = tail.wait();
    for said in ["connection lost", "the connection is back"] {
        assert_eq!(output.stderr.matches(said).count(), 1, "{}", output.stderr);
    }
    assert_eq!(shown(&output)["in between"], 1, "{output}");
}

#[test]
fn credentials_that_expire_are_waited_for() {
    let (_world, cloud) = groups();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = behind(&proxy);
    say(&cloud, GROUPS[0], "before");
    let mut tail = world.start("tail dev --json");
    assert!(tail.says("before"));
    let expired = Arc::new(AtomicBool::new(true));
    let switch = expired.clone();
    proxy.rule(move |_| switch.load(Ordering::SeqCst).then_some(Fault::Expired));
    assert!(tail.says("the credentials have expired") && tail.says("hint: the credentials have expired: run"));
    say(&cloud, GROUPS[1], "in between");
    expired.store(false, Ordering::SeqCst);
    assert!(tail.says("there are new credentials after") && tail.says("in between"));
    tail.interrupt();
    assert_eq!(shown(&tail.wait())["in between"], 1);
}

#[test]
fn a_log_group_that_comes_later_or_again_is_picked_up() {
    let (world, cloud) = groups();
    let delete = |group| cloud.aws(&["logs", "delete-log-group", "--log-group-name", group, "--region", "eu-west-1"]);
    let create = |group| cloud.aws(&["logs", "create-log-group", "--log-group-name", group, "--region", "eu-west-1"]);
    delete(GROUPS[1]);
    say(&cloud, GROUPS[0], "the first");
    let mut tail = world.start("tail dev --local --json");
    assert!(tail.says("the first"));
    create(GROUPS[1]);
    say(&cloud, GROUPS[1], "came later");
    assert!(tail.says("came later"));
    delete(GROUPS[0]);
    create(GROUPS[0]);
    say(&cloud, GROUPS[0], "came again");
    assert!(tail.says("came again"));
    tail.interrupt();
    let output = tail.wait();
    assert!(shown(&output).values().all(|count| *count == 1), "{output}");
    assert_eq!(output.stderr, "");
}

#[test]
fn live_sessions_show_everything_also_what_aws_leaves_out_of_its_sample() {
    let (world, cloud) = groups();
    say(&cloud, GROUPS[0], "before");
    let mut tail = world.start("tail dev --local --live --json");
    assert!(tail.says("before"));
    say(&cloud, GROUPS[1], "alone");
    assert!(tail.says("alone"));
    let count = events();
    write(&cloud, count, "1");
    all_came(&mut tail, count);
    say(&cloud, GROUPS[0], "the end");
    assert!(tail.says("the end"));
    tail.interrupt();
    let output = tail.wait();
    complete(&output, count);
    assert!(output.stderr.contains("more than 500 events a second"), "{}", output.stderr);
}

#[test]
fn live_takes_the_filter_to_aws() {
    let (world, cloud) = groups();
    say(&cloud, GROUPS[0], "ERROR before");
    let mut tail = world.start("tail dev --local --live --filter ERROR --json");
    assert!(tail.says("ERROR before"));
    say(&cloud, GROUPS[0], "fine");
    say(&cloud, GROUPS[1], "ERROR after");
    assert!(tail.says("ERROR after"));
    tail.interrupt();
    let mut messages: Vec<String> = shown(&tail.wait()).into_keys().collect();
    messages.sort();
    assert_eq!(messages, ["ERROR after", "ERROR before"]);
}

#[test]
fn live_sessions_of_a_cloud_that_others_wrote_are_read_as_well() {
    let ministack = Emulator::ministack();
    let world = World::new().app("multi").at(&ministack.endpoint);
    let cloud = ministack.cloud();
    for group in GROUPS {
        cloud.aws(&["logs", "create-log-group", "--log-group-name", group, "--region", "eu-west-1"]);
    }
    say(&cloud, GROUPS[0], "before");
    let mut tail = world.start("tail dev --live --json");
    assert!(tail.says("before"));
    for (group, message) in [(GROUPS[1], "after"), (GROUPS[0], "later"), (GROUPS[0], "the end")] {
        say(&cloud, group, message);
        assert!(tail.says(message));
    }
    tail.interrupt();
    let output = tail.wait();
    let counts = shown(&output);
    assert!(counts.len() == 4 && counts.values().all(|count| *count == 1), "{output}");
    assert_eq!(output.stderr, "");
}

#[test]
fn a_live_session_that_ends_is_opened_again_and_nothing_comes_twice() {
    let (world, cloud) = groups();
    say(&cloud, GROUPS[0], "before");
    let mut tail = world.start("tail dev --local --live --json");
    assert!(tail.says("before"));
    for message in ["one", "two"] {
        say(&cloud, GROUPS[1], message);
        assert!(tail.says(&format!("\"{message}\"")));
    }
    world.run("local stop").success();
    assert!(tail.says("connection lost"));
    let cloud = world.local();
    say(&cloud, GROUPS[1], "three");
    assert!(tail.says("the connection is back") && tail.says("three"));
    say(&cloud, GROUPS[0], "the end");
    assert!(tail.says("the end"));
    tail.interrupt();
    let output = tail.wait();
    let counts = shown(&output);
    assert!(counts.len() == 5 && counts.values().all(|count| *count == 1), "{output}");
}

#[test]
fn more_groups_than_a_session_takes_have_several() {
    let names: Vec<String> = (0..12).map(|number| format!("f{number:02}")).collect();
    let functions: String = names.iter().map(|name| format!("  {name}: {{ handler: app.handler }}\n")).collect();
    let config =
        format!("app: wide\nruntime: python3.13\nregion: eu-west-1\nfunctions:\n{functions}stages: {{ dev: {{}} }}\n");
    let world = World::new().file("rzap.yaml", &config).file("app.py", "def handler(event, context):\n    pass\n");
    let cloud = world.local();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = world.at(&proxy.endpoint);
    let group = |name: &String| format!("/aws/lambda/wide-dev-{name}");
    for name in &names {
        cloud.aws(&["logs", "create-log-group", "--log-group-name", &group(name), "--region", "eu-west-1"]);
    }
    say(&cloud, &group(&names[0]), "before");
    let mut tail = world.start("tail dev --live --json");
    assert!(tail.says("before"));
    for name in &names {
        let message = format!("of {name}");
        say(&cloud, &group(name), &message);
        assert!(tail.says(&message), "{message}");
    }
    tail.interrupt();
    let output = tail.wait();
    let counts = shown(&output);
    assert!(counts.len() == 13 && counts.values().all(|count| *count == 1), "{output}");
    let sessions = proxy.calls().iter().filter(|call| call.path.ends_with("#StartLiveTail")).count();
    assert_eq!((sessions, output.stderr.as_str()), (2, ""));
}

#[test]
fn times_that_make_no_sense_are_refused() {
    let world = World::new().app("multi");
    insta::assert_snapshot!(world.args(&["tail", "dev", "--local", "--since", "1h", "--until", "2h"]).failure(2).err(), @r"
    error: --until is before --since
    hint: without --since, it begins 10 minutes ago
    ");
}
