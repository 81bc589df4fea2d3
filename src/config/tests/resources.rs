//! `resources`, `triggers`, `uses` and references between them.

use serde_json::{Value, json};

use super::{Folder, errors};

const BASE: &str = "app: shop\nruntime: python3.13\nhandler: app.main\nstages: { dev: }\n";

/// The stage as it is resolved, as JSON.
fn stage(lines: &str) -> Value {
    let folder = Folder::new();
    let project = folder.load(format!("{BASE}{lines}\n")).unwrap();
    serde_json::to_value(project.stage(None).unwrap()).unwrap()
}

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

#[test]
fn a_resource_has_a_short_and_a_long_form() {
    let plain = json!({
        "type": "queue", "fifo": false, "content_based_deduplication": false, "retention": 345_600, "delay": 0,
        "max_message_size": 1_048_576,
    });
    assert_eq!(stage("resources: { jobs: queue }")["resources"], json!({ "jobs": plain }));
    assert_eq!(stage("resources: { jobs: { type: queue } }")["resources"], json!({ "jobs": plain }));
    let full = stage(
        "resources:\n  jobs: { type: queue, fifo: true, retention: 14d, delay: 5s, visibility_timeout: 90, dlq: dead }\n  \
         dead: { type: queue, fifo: true }\n  \
         more: { type: queue, dlq: { max_receives: 5 } }",
    );
    let jobs = &full["resources"]["jobs"];
    assert_eq!(
        json!([jobs["fifo"], jobs["retention"], jobs["delay"], jobs["visibility_timeout"], jobs["dlq"]]),
        json!([true, 1_209_600, 5, 90, { "queue": "dead", "max_receives": 3 }])
    );
    assert_eq!(full["resources"]["more"]["dlq"], json!({ "max_receives": 5 }));
}

#[test]
fn a_stage_says_more_about_a_resource() {
    let folder = Folder::new();
    let yaml = "app: shop\nruntime: python3.13\nhandler: app.main\nresources:\n  jobs: { type: queue, delay: 5 }\nstages:\n  \
                dev: { resources: { jobs: { retention: 1h }, extra: queue } }\n  prod: {}\n";
    let project = folder.load(yaml).unwrap();
    let resources = |stage: &str| {
        let stage = serde_json::to_value(project.stage(Some(stage)).unwrap()).unwrap();
        let jobs = &stage["resources"]["jobs"];
        json!([jobs["delay"], jobs["retention"], stage["resources"].as_object().map(serde_json::Map::len)])
    };
    assert_eq!(resources("dev"), json!([5, 3600, 2]));
    assert_eq!(resources("prod"), json!([5, 345_600, 1]));
}

#[test]
fn what_is_wrong_with_a_resource_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources:\n  jobs: queu\n  a: { fifo: true }\n  B: queue\n  c: { type: queue, retension: 1h }\n  \
             d: { type: queue, retention: 30d }\n  e: { type: queue, content_based_deduplication: true }\n  \
             f: { type: queue, dlq: nope }\n  g: 7\n  h: { type: queue, delay: soon }"
        ),
        [
            "queu | unknown type of resource `queu` | did you mean `queue`?",
            "a | nothing says what `a` is | say its type: `queue`, `parameter` and `secret`",
            "B | `B` cannot be the name of a resource | only a-z, 0-9 and `-`; how about `b`?",
            "retension | a queue has no key `retension` | did you mean `retention`?",
            "30d | `retention` is out of range: SQS allows 1m to 14d | at most 14d",
            "content_based_deduplication | `content_based_deduplication` is for FIFO queues | add `fifo: true`, or remove it",
            "nope | no resource `nope` | there is `B`, `c`, `d`, `e`, `f` and `h`",
            "g | nothing says what `g` is | say its type: `queue`, `parameter` and `secret`",
            "soon | `delay` needs a time | like `30s`, `5m`, `12h` or `14d`; a bare number is seconds",
        ]
    );
}

#[test]
fn a_trigger_has_a_short_and_a_long_form() {
    let triggers = |lines: &str| stage(lines)["functions"]["main"]["triggers"].clone();
    let short = triggers("resources: { jobs: queue }\ntriggers:\n  - sqs: jobs\n  - schedule: rate(5 minutes)");
    assert_eq!(
        short,
        json!([
            { "sqs": { "queue": { "own": "jobs" }, "batch": 10, "window": 0, "partial_failures": false, "enabled": true } },
            { "schedule": {
                "expression": "rate(5 minutes)", "timezone": "UTC", "input": {}, "enabled": true, "retries": 185
            } },
        ])
    );
    let full = triggers(
        "triggers:\n  - sqs: { queue: 'arn:aws:sqs:eu-west-1:123456789012:other', batch: 100, window: 5s, max_concurrency: 4, \
         filter: { body: { kind: [order] } }, enabled: false, partial_failures: true }\n  - schedule: { expression: \
         cron(0 2 * * ? *), timezone: Europe/Berlin, name: nightly, input: { depth: 3, all: true } }",
    );
    assert_eq!(
        full,
        json!([
            { "sqs": {
                "queue": { "arn": "arn:aws:sqs:eu-west-1:123456789012:other" }, "batch": 100, "window": 5,
                "partial_failures": true, "max_concurrency": 4, "filter": [{ "body": { "kind": ["order"] } }], "enabled": false
            } },
            { "schedule": {
                "expression": "cron(0 2 * * ? *)", "timezone": "Europe/Berlin", "input": { "depth": 3, "all": true },
                "enabled": true, "name": "nightly", "retries": 185
            } },
        ])
    );
}

#[test]
fn what_is_wrong_with_a_trigger_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources: { jobs: queue }\ntriggers:\n  - sqs: job\n  - skedule: rate(1 day)\n  - schedule: every day\n  - \
             sqs: { queue: jobs, batch: 50 }\n  - schedule: { timezone: UTC }\n  - sqs\n  - sqs: 'arn:aws:sns:eu-west-1:1:t'\n  \
             - schedule: cron(0 2 * * *)"
        ),
        [
            "job | no resource `job` | did you mean `jobs`?",
            "skedule | unknown kind of trigger `skedule` | did you mean `schedule`?",
            "every day | `every day` is no schedule | like `rate(5 minutes)`, `cron(0 2 * * ? *)` or `at(2026-12-24T18:00:00)`",
            "50 | a batch of more than 10 messages needs a `window` | add `window: 5s`, for how long a batch is filled",
            "schedule | a `schedule` trigger needs `expression` | like `expression: rate(5 minutes)`",
            "sqs | a trigger is a map with one key, its kind | one of `http`, `schedule` and `sqs` with what it listens to",
            "'arn:aws:sns:eu-west-1:1:t' | this ARN is of something else | needed is one of the service `sqs`, like `arn:aws:sqs:…`",
            "cron(0 2 * * *) | `cron(0 2 * * *)` is no schedule | `cron` has six fields, this has 5: AWS's cron has the year at its end, `*` for every one",
        ]
    );
}

#[test]
fn messages_stay_hidden_while_they_are_worked_on() {
    let hidden = |seconds: u32| {
        format!(
            "timeout: 60\nresources: {{ jobs: {{ type: queue, visibility_timeout: {seconds} }} }}\ntriggers: [{{ sqs: jobs }}]"
        )
    };
    let short = "59 | `visibility_timeout` is shorter than the timeout of `main` | at least 60 s; AWS recommends six times that";
    assert_eq!(wrong(&hidden(59)), [short]);
    assert_eq!(stage(&hidden(60))["resources"]["jobs"]["visibility_timeout"], 60);
}

#[test]
fn a_function_says_what_it_uses() {
    let uses =
        |lines: &str| stage(&format!("resources: {{ jobs: queue }}\n{lines}"))["functions"]["main"]["uses"].clone();
    assert_eq!(uses("uses: [jobs]"), json!({ "jobs": "send" }));
    assert_eq!(uses("uses: { jobs: send-receive }"), json!({ "jobs": "send-receive" }));
    assert_eq!(
        wrong("resources: { jobs: queue }\nuses: { jobs: sned, job: send }"),
        [
            "sned | a queue is not used by `sned` | did you mean `send`?",
            "job | no resource `job` | did you mean `jobs`?",
        ]
    );
}

#[test]
fn a_text_may_speak_of_resources_where_it_can() {
    let env = |value: &str| {
        let stage = stage(&format!("resources: {{ jobs: queue }}\nenv: {{ AT: '{value}' }}"));
        stage["functions"]["main"]["env"]["AT"].as_str().unwrap().to_owned()
    };
    // Whoever knows the account fills it in.
    assert_eq!(env("${resources.jobs.arn}/*"), "\u{FDD0}jobs.arn\u{FDD1}/*");
    assert_eq!(env("$${resources.jobs.arn}"), "${resources.jobs.arn}");
    assert_eq!(
        wrong(
            "resources: { jobs: queue }\ndescription: ${resources.jobs.arn}\nenv: { AA: '${resources.job.arn}', BB: \
             '${resources.jobs.urn}', CC: '${resources.jobs}' }"
        ),
        [
            "${resources.jobs.arn} | `${resources.…}` cannot stand here | only `env` and `policies` may speak of resources",
            "${resources.job.arn} | no resource `job` | did you mean `jobs`?",
            "${resources.jobs.urn} | `jobs` has no `urn` | did you mean `arn`?",
            "${resources.jobs} | this does not say what of `jobs` | there is `name`, `arn` and `url`",
        ]
    );
}
