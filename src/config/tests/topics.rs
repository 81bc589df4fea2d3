//! `topic`, `alarm`, `log_alarm`, and the `sns` trigger.

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
fn a_topic_has_a_short_and_a_long_form() {
    let topics = |lines: &str| stage(lines)["resources"]["news"].clone();
    let plain = json!({ "type": "topic", "fifo": false, "content_based_deduplication": false });
    assert_eq!(topics("resources: { news: topic }"), plain);
    let full = topics(
        "resources:\n  news: { type: topic, display_name: News, encrypted: false, subscribe: [a@example.com, \
         'https://example.com/hook', jobs] }\n  jobs: queue",
    );
    assert_eq!(
        full,
        json!({
            "type": "topic", "fifo": false, "content_based_deduplication": false, "display_name": "News", "encrypted": false,
            "subscribe": [{ "email": "a@example.com" }, { "https": "https://example.com/hook" }, { "queue": "jobs" }],
        })
    );
}

#[test]
fn what_is_wrong_with_a_topic_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources:\n  a: { type: topic, content_based_deduplication: true }\n  b: { type: topic, subscribe: ['http://x.y'] \
             }\n  c: { type: topic, subscribe: somebody }\n  d: { type: topic, subscribe: [a] }\n  e: { type: topic, fifo: true, \
             subscribe: a@example.com }\ntriggers:\n  - sns: f\n  - sns: e\n  - sns: { topic: a, filter: { kind: order } }\n  - sns: \
             { topic: a, filter: { order: { kind: [a] } } }\n  - sns: { topic: a, filter_scope: body }\n  - sns: \
             'arn:aws:sns:eu-west-1:1:t.fifo'\nuses: [a]"
        ),
        [
            "content_based_deduplication | `content_based_deduplication` is for FIFO topics | add `fifo: true`, or remove it",
            "'http://x.y' | messages would go over the network unencrypted | write an `https://` URL",
            "somebody | nobody can be reached as `somebody` | an e-mail address, an `https://` URL, or the name of a queue of `resources`",
            "a | `a` is a resource of type `topic` | needed is one of type `queue`",
            "true | a FIFO topic does not call functions, and `main` has it as a trigger | subscribe a queue to it (`subscribe: [NAME]`), and read that with `sqs`",
            "a@example.com | a FIFO topic delivers to queues only | name queues of `resources`",
            "f | no resource `f` | there is `a`, `b`, `c`, `d` and `e`",
            "filter | `kind` in a filter policy needs a list of values | like `[order]`",
            "filter | `order` in a filter policy needs a list of values | only the body has members within members: add `filter_scope: body`",
            "filter_scope | `filter_scope` does nothing without `filter` | add one, or remove it",
            "'arn:aws:sns:eu-west-1:1:t.fifo' | a FIFO topic does not call functions | subscribe a queue to it (`subscribe: [NAME]`), and read that with `sqs`",
        ]
    );
}

#[test]
fn a_trigger_hears_a_topic() {
    let triggers = |lines: &str| stage(lines)["functions"]["main"]["triggers"].clone();
    let short = triggers("resources: { news: topic }\ntriggers: [{ sns: news }]");
    assert_eq!(short, json!([{ "sns": { "topic": { "own": "news" }, "filter_body": false } }]));
    let full = triggers(
        "resources: { lost: queue }\ntriggers:\n  - sns: { topic: 'arn:aws:sns:eu-west-1:123456789012:t', filter: { order: { kind: \
         [book] } }, filter_scope: body, dlq: lost }",
    );
    assert_eq!(
        full,
        json!([{ "sns": {
            "topic": { "arn": "arn:aws:sns:eu-west-1:123456789012:t" }, "filter": { "order": { "kind": ["book"] } },
            "filter_body": true, "dlq": { "own": "lost" },
        } }])
    );
    let twice = "resources: { news: topic }\ntriggers:\n  - sns: news\n  - sns: { topic: news, filter: { a: [b] } }";
    assert_eq!(
        wrong(twice),
        ["sns | a function hears a topic once | one filter can have several values: put them into one `sns` trigger"]
    );
}

#[test]
fn an_alarm_says_what_it_looks_at_and_when_it_goes_off() {
    let alarm = |lines: &str| {
        stage(&format!("resources:\n  jobs: {{ type: queue, dlq: true }}\n  a: {lines}"))["resources"]["a"].clone()
    };
    let of_function = alarm(
        "{ type: alarm, function: main, above: 5, period: 5m, notify: [ops@example.com, 'arn:aws:sns:eu-west-1:1:t'] }",
    );
    assert_eq!(
        of_function,
        json!({
            "type": "alarm", "metric": { "of_function": { "function": "main", "name": "Errors" } }, "statistic": "Sum",
            "threshold": 5.0, "above": true, "period": 300, "periods": 1, "datapoints": 1, "missing_data": "notBreaching",
            "notify": [{ "email": "ops@example.com" }, { "topic": { "arn": "arn:aws:sns:eu-west-1:1:t" } }], "notify_recovery": false,
        })
    );
    let of_queue = alarm(
        "{ type: alarm, queue: jobs-dlq, metric: age, above: 3600, for: 10m, datapoints: 3, statistic: average }",
    );
    assert_eq!(
        json!([of_queue["metric"], of_queue["statistic"], of_queue["periods"], of_queue["datapoints"]]),
        json!([{ "of_queue": { "queue": "jobs", "dead_letters": true, "name": "ApproximateAgeOfOldestMessage" } }, "Average", 10, 3])
    );
    let any = alarm(
        "{ type: alarm, metric: { namespace: Shop, name: Orders, dimensions: { Kind: book } }, below: 0.5, period: 1h, for: 2d, statistic: p99 }",
    );
    assert_eq!(
        json!([any["metric"], any["statistic"], any["above"], any["periods"], any["missing_data"]]),
        json!([{ "any": { "namespace": "Shop", "name": "Orders", "dimensions": { "Kind": "book" } } }, "p99", false, 48, "missing"])
    );
    let log = alarm("{ type: log_alarm, function: main, pattern: ERROR }");
    assert_eq!(json!([log["pattern"], log["statistic"], log["threshold"]]), json!(["ERROR", "Sum", 0.0]));
}

#[test]
fn what_is_wrong_with_an_alarm_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources:\n  jobs: queue\n  line: { type: topic, fifo: true }\n  a: { type: alarm, function: man, above: 1 }\n  b: { \
             type: alarm, function: main, metric: eror, above: 1 }\n  c: { type: alarm, queue: jobs-dlq, above: 1 }\n  d: { type: alarm, \
             metric: errors, above: 1 }\n  e: { type: alarm, function: main }\n  f: { type: alarm, function: main, above: 1, below: 2 }\n  \
             g: { type: alarm, function: main, above: 1, for: 90 }\n  h: { type: alarm, function: main, above: 1, period: 45 }\n  i: { \
             type: alarm, function: main, above: 1, for: 2d }\n  j: { type: alarm, function: main, above: 1, notify: jobs }\n  k: { type: \
             alarm, function: main, above: 1, notify: line }\n  l: { type: log_alarm, pattern: x }\n  m: { type: alarm, queue: jobs, above: \
             many }\nuses: [a]"
        ),
        [
            "true | an alarm does not publish to a FIFO topic, and `k` should | remove `fifo`, or name another topic",
            "man | no function `man` | did you mean `main`?",
            "eror | a function has no metric `eror` | did you mean `errors`?",
            "jobs-dlq | `jobs` has no dead-letter queue of its own | add `dlq: true` to `jobs`, or name the queue that its dead letters go to",
            "errors | this does not say whose metric it is | add `function: NAME` or `queue: NAME`, or write `metric: { namespace: Shop, name: Orders }`",
            "e | an alarm needs `above` | like `above: 0`",
            "below | an alarm has either `above` or `below` | remove one of them",
            "90 | `for` must be whole periods | a multiple of 60 s; `period` says how long one is",
            "45 | `period` must be 10 s, 20 s, 30 s or whole minutes | like `1m`",
            "2d | `for` is more than a day | CloudWatch takes up to 7d when `period` is at least 1h",
            "jobs | `jobs` is a resource of type `queue` | needed is one of type `topic`",
            "l | a log alarm needs `function` | like `function: web`",
            "many | `above` needs a number | this is text",
            "a | `a` is nothing that functions use | it is of type `alarm`",
        ]
    );
}
