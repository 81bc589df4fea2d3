//! Tables of `resources`, and the triggers that read streams.

use serde_json::{Value, json};

use super::{Folder, errors};

const BASE: &str = "app: shop\nruntime: python3.13\nhandler: app.main\nstages: { dev: }\n";

fn stage(lines: &str) -> Value {
    let folder = Folder::new();
    let project = folder.load(format!("{BASE}{lines}\n")).unwrap();
    serde_json::to_value(project.stage(None).unwrap()).unwrap()
}

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

fn table(lines: &str) -> Value {
    stage(&format!("resources: {{ guests: {{ type: table, {lines} }} }}"))["resources"]["guests"].clone()
}

#[test]
fn a_table_needs_a_key_and_no_more() {
    let id = json!({ "name": "id", "type": "string" });
    assert_eq!(table("key: id"), json!({ "type": "table", "key": [id], "pitr": false, "protect": false }));
    let at = json!({ "name": "at", "type": "number" });
    for key in ["{ id: string, at: number }", "{ id: S, at: N }", "[id, at: number]", "[id, { at: N }]"] {
        assert_eq!(table(&format!("key: {key}"))["key"], json!([id, at]), "{key}");
    }
    assert_eq!(table("key: [id, at]")["key"][1]["type"], "string");
}

#[test]
fn a_table_says_all_that_it_has() {
    let full = table(
        "key: [id, at: number], ttl: expires, stream: NEW_IMAGE, pitr: true, protect: true, capacity: { read: 5, write: 2 }, \
         indexes: { by-day: day, by-time: { key: [day, at], project: keys }, some: { key: { day: string }, project: [b, a, b] } }",
    );
    let (day, at) = (json!({ "name": "day", "type": "string" }), json!({ "name": "at", "type": "number" }));
    assert_eq!(
        full["indexes"],
        json!({
            "by-day": { "key": [day], "project": "all" },
            // Its type is said once.
            "by-time": { "key": [day, at], "project": "keys" },
            "some": { "key": [day], "project": { "some": ["a", "b"] } },
        })
    );
    let others = json!([full["ttl"], full["stream"], full["pitr"], full["protect"], full["capacity"]]);
    assert_eq!(others, json!(["expires", "new_image", true, true, { "read": 5, "write": 2 }]));
    assert_eq!(table("key: id, stream: true")["stream"], "new_and_old_images");
    assert_eq!(table("key: id, stream: false")["stream"], "off");
}

#[test]
fn what_is_wrong_with_a_table_is_told_at_its_place() {
    let one = |lines: &str| wrong(&format!("resources: {{ guests: {{ type: table, {lines} }} }}")).join("; ");
    assert_eq!(one("ttl: x"), "guests | a table needs `key` | like `key: id`");
    assert_eq!(
        one("key: [a, b, c]"),
        "key | a key has one attribute or two, not 3 | the partition key, and the sort key if there is one"
    );
    assert_eq!(one("key: [a, a]"), "key | `a` is twice in the key | the sort key is another attribute");
    assert_eq!(
        one("key: { a: text }"),
        "text | a key attribute cannot be a `text` | there is `string`, `number` and `binary`"
    );
    assert_eq!(one("key: { a: numbr }"), "numbr | a key attribute cannot be a `numbr` | did you mean `number`?");
    assert_eq!(
        one("key: { a: string }, indexes: { by-a: { a: number } }"),
        "a | `a` is a string elsewhere | an attribute has one type in all keys of a table"
    );
    assert_eq!(
        one("key: a, ttl: a"),
        "a | `ttl` cannot be an attribute of the key | another attribute has to say when an item expires"
    );
    assert_eq!(
        one("key: a, stream: new_imag"),
        "new_imag | `new_imag` is not what a stream tells | did you mean `new_image`?"
    );
    assert_eq!(one("key: a, capacity: { read: 5 }"), "capacity | `capacity` needs `write` | like `write: 5`");
    assert_eq!(
        one("key: a, indexes: { x: a }"),
        "x | `x` cannot be the name of an index | 3 to 255 of a-z, A-Z, 0-9, `_`, `-` and `.`"
    );
    assert_eq!(
        one("key: a, indexes: { xxx: { key: a, project: most } }"),
        "most | `project` needs `all`, `keys`, or a list of attributes | this is text"
    );
    assert_eq!(
        wrong("resources: { guests: { type: table, key: a, stream: false } }\ntriggers: [{ dynamodb: guests }]"),
        ["false | `main` listens to the stream of `guests` | remove `stream: false`, or the trigger"]
    );
}

#[test]
fn a_stream_is_read_as_it_is_said() {
    let trigger = |lines: &str| {
        let lines = format!("resources: {{ guests: {{ type: table, key: id }}, lost: queue }}\ntriggers:\n  - {lines}");
        stage(&lines)["functions"]["main"]["triggers"][0].clone()
    };
    let plain = json!({
        "table": { "own": "guests" }, "starting_position": "trim_horizon", "batch": 100, "window": 0, "bisect": false,
        "parallel": 1, "partial_failures": false, "enabled": true,
    });
    assert_eq!(trigger("dynamodb: guests"), json!({ "dynamodb": plain }));
    assert_eq!(
        trigger(
            "dynamodb: { table: guests, starting_position: latest, batch: 10, window: 5s, bisect: true, parallel: 1, max_age: 1h, \
             retries: 0, tumbling_window: 1m, on_failure: lost, filter: { eventName: [INSERT] }, partial_failures: true, \
             enabled: false }"
        ),
        json!({ "dynamodb": {
            "table": { "own": "guests" }, "starting_position": "latest", "batch": 10, "window": 5, "bisect": true,
            "parallel": 1, "max_age": 3600, "retries": 0, "tumbling_window": 60, "on_failure": { "own": "lost" },
            "filter": [{ "eventName": ["INSERT"] }], "partial_failures": true, "enabled": false,
        } })
    );
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
    let kinesis = trigger(&format!("kinesis: {{ stream: '{arn}', starting_position: '2026-11-21T18:00:00Z' }}"));
    assert_eq!(kinesis["kinesis"]["stream"], arn);
    assert_eq!(kinesis["kinesis"]["starting_position"], json!({ "at": 1_795_284_000 }));
}

#[test]
fn what_is_wrong_with_the_reading_of_a_stream_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources: { guests: { type: table, key: id }, jobs: queue }\ntriggers:\n  - dynamodb: jobs\n  - dynamodb: { table: \
             guests, starting_position: 'now', max_age: 5s }\n  - dynamodb: \
             'arn:aws:dynamodb:eu-west-1:123456789012:table/other'\n  - kinesis: clicks\n  - dynamodb: { table: guests, \
             on_failure: guests }\n  - dynamodb: { table: guests, on_failure: 'arn:aws:sqs:eu-west-1:123456789012:x.fifo' }\n  \
             - dynamodb: { table: guests, parallel: 11, retrie: 1 }"
        ),
        [
            "jobs | `jobs` is a resource of type `queue` | needed is one of type `table`",
            "'now' | `now` is no position in a stream | there is `trim_horizon` and `latest`",
            "5s | `max_age` is out of range: Lambda allows 1m to 7d | at least 1m",
            "'arn:aws:dynamodb:eu-west-1:123456789012:table/other' | this is the ARN of a table, and only a stream can be read \
             | give the one of its stream: `aws dynamodb describe-table` shows it as `LatestStreamArn`",
            "clicks | `clicks` is not the ARN of a data stream | like `arn:aws:kinesis:eu-west-1:123456789012:stream/clicks`",
            "guests | `guests` is a resource of type `table` | needed is one of type `queue` and `topic`",
            "'arn:aws:sqs:eu-west-1:123456789012:x.fifo' | failed records cannot go there | needed is one of a standard queue \
             or a standard topic, like `arn:aws:sqs:…`",
            "11 | `parallel` is out of range: Lambda allows 1 to 10 batches of a shard at once | at most 10",
            "retrie | a `dynamodb` trigger has no key `retrie` | did you mean `retries`?",
        ]
    );
}
