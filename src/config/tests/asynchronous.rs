//! What becomes of asynchronous calls, and how many calls at once.

use serde_json::{Value, json};

use super::{Folder, errors};

const BASE: &str = "app: shop
runtime: python3.13
resources: { failed: queue, strict: { type: queue, fifo: true } }
stages: { dev: }
functions:
  audit: { handler: app.audit }
  work:
    handler: app.work
";

/// What `work` has, of the keys that are about this.
fn work(lines: &str) -> Value {
    let folder = Folder::new();
    let project = folder.load(format!("{BASE}{lines}\n")).unwrap();
    let stage = serde_json::to_value(project.stage(None).unwrap()).unwrap();
    let work = &stage["functions"]["work"];
    let keys = ["on_success", "on_failure", "dead_letter", "retries", "max_event_age", "concurrency"];
    keys.iter().filter(|key| !work[key].is_null()).map(|key| ((*key).to_owned(), work[key].clone())).collect()
}

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

#[test]
fn a_function_says_where_its_records_go() {
    assert_eq!(
        work(
            "    on_success: audit\n    on_failure: failed\n    dead_letter: arn:aws:sns:eu-west-1:123456789012:letters\n    \
             retries: 0\n    max_event_age: 5m\n    concurrency: { reserved: 5, provisioned: 2 }"
        ),
        json!({
            "on_success": { "function": "audit" }, "on_failure": { "own": "failed" },
            "dead_letter": { "arn": "arn:aws:sns:eu-west-1:123456789012:letters" },
            "retries": 0, "max_event_age": 300, "concurrency": { "reserved": 5, "provisioned": 2 },
        })
    );
    assert_eq!(
        work("    on_failure: arn:aws:s3:::records\n    on_success: { function: audit }\n    concurrency: 0"),
        json!({
            "on_success": { "function": "audit" }, "on_failure": { "arn": "arn:aws:s3:::records" },
            "concurrency": { "reserved": 0 },
        })
    );
    assert_eq!(work(""), json!({}));
}

#[test]
fn what_all_functions_have_one_may_do_without() {
    assert_eq!(work("on_failure: failed\nretries: 1"), json!({ "on_failure": { "own": "failed" }, "retries": 1 }));
    let without = "    on_failure:\n    retries:\n    concurrency:\non_failure: failed\nretries: 1\nconcurrency: 3";
    assert_eq!(work(without), json!({}));
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "    on_success: faild\n    on_failure: strict\n    dead_letter: audit\n    retries: 3\n    max_event_age: 7h\n    \
             concurrency: { reserved: 1, provisioned: 2 }"
        ),
        [
            "faild | no resource or function `faild` | did you mean `failed`?",
            "strict | `on_failure` cannot be FIFO | Lambda sends to standard queues and topics only",
            "audit | no resource `audit` | there is `failed` and `strict`",
            "3 | `retries` is out of range: Lambda allows 0 to 2 retries | at most 2",
            "7h | `max_event_age` is out of range: Lambda allows 1m to 6h | at most 6h",
            "2 | more is provisioned (2) than reserved (1) | at most 1, or reserve more",
        ]
    );
    assert_eq!(
        wrong(
            "    on_success: arn:aws:s3:::records\n    on_failure: arn:aws:sqs:eu-west-1:123456789012:jobs.fifo\n    \
             dead_letter: { function: audit }\n    concurrency: many"
        ),
        [
            "arn:aws:s3:::records | `on_success` cannot be this ARN | needed is one of `sqs`, `sns`, `events` and `lambda`",
            "arn:aws:sqs:eu-west-1:123456789012:jobs.fifo | `on_failure` cannot be FIFO | Lambda sends to standard queues \
             and topics only",
            "function | `dead_letter` has no key `function` | write the name of a resource, or an ARN",
            "many | `concurrency` needs a number, or `{ reserved: 5, provisioned: 2 }` | this is text",
        ]
    );
    assert_eq!(
        wrong("    on_failure: work"),
        ["work | `on_failure` of `work` is `work` itself: it would call itself without end | take it away there: \
          `on_failure:` with nothing behind it"]
    );
}
