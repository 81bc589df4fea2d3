//! `events` and `logs` triggers, and event buses.

use serde_json::{Value, json};

use super::{Folder, errors};

const BASE: &str = "app: shop\nruntime: python3.13\nhandler: app.main\nstages: { dev: }\n";
const TWO: &str = "app: shop\nruntime: python3.13\nstages: { dev: }\nfunctions:\n  web: { handler: app.main }\n  \
                   alerts:\n    handler: app.main\n    triggers:\n";

fn triggers(yaml: &str, function: &str) -> Value {
    let project = Folder::new().load(yaml).map(|project| project.stage(None).unwrap()).unwrap();
    serde_json::to_value(project).unwrap()["functions"][function]["triggers"].clone()
}

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

#[test]
fn an_events_trigger_has_a_short_and_a_long_form() {
    let short = triggers(&format!("{BASE}triggers:\n  - events: {{ source: [shop], detail-type: [paid] }}\n"), "main");
    assert_eq!(
        short,
        json!([{ "events": {
            "pattern": { "source": ["shop"], "detail-type": ["paid"] }, "enabled": true, "retries": 185, "max_age": 86400
        } }])
    );
    let full = triggers(
        &format!(
            "{BASE}resources: {{ orders: event_bus, lost: queue }}\ntriggers:\n  - events:\n      bus: orders\n      \
             name: paid\n      pattern: {{ $or: [{{ source: [a] }}, {{ detail: {{ n: [1] }} }}] }}\n      paths: {{ id: \
             $.detail.id }}\n      template: {{ order: <id>, text: 'order <id>', all: [<aws.events.event.json>] }}\n      \
             retries: 3\n      max_age: 2h\n      dlq: lost\n      enabled: false\n  - events: {{ bus: default, pattern: \
             {{ source: [b] }}, input: {{ n: 1 }} }}\n"
        ),
        "main",
    );
    assert_eq!(
        full,
        json!([
            { "events": {
                "pattern": { "$or": [{ "source": ["a"] }, { "detail": { "n": [1] } }] }, "bus": { "own": "orders" },
                "name": "paid",
                "input": { "template": {
                    "paths": { "id": "$.detail.id" },
                    "template": r#"{"order":<id>,"text":"order <id>","all":[<aws.events.event.json>]}"#
                } },
                "enabled": false, "retries": 3, "max_age": 7200, "dlq": { "own": "lost" }
            } },
            { "events": {
                "pattern": { "source": ["b"] }, "input": { "constant": { "n": 1 } }, "enabled": true, "retries": 185,
                "max_age": 86400
            } },
        ])
    );
}

#[test]
fn a_pattern_that_would_never_match_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "triggers:\n  - events: { source: shop }\n  - events: { pattern: { detailType: [paid], source: [shop] } }\n  - \
             events: { pattern: {} }\n  - events: { detail: { a: { b: [] } } }\n  - events: paid\n  - events: { source: [a], \
             bus: default }"
        ),
        [
            "shop | a pattern lists what `source` may be | as a list: `[shop]`",
            "detailType | an event has no `detailType` | did you mean `detail-type`?",
            "pattern | an empty pattern matches nothing | like `{ source: [shop] }`",
            "b | `b` matches nothing | list the values it may have",
            "paid | `events` needs an event pattern, like `{ source: [shop] }` | this is text",
            "events | an `events` trigger needs `pattern` | like `pattern: { source: [shop] }`",
            "source | an `events` trigger has no key `source` | an `events` trigger has `pattern`, `bus`, `name`, `input`, \
             `paths`, `template`, `enabled`, `retries`, `max_age` and `dlq`",
        ]
    );
}

#[test]
fn what_is_wrong_with_an_events_trigger_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources: { orders: event_bus, jobs: queue }\ntriggers:\n  - events: { pattern: { source: [a] }, bus: order }\n  - \
             events: { pattern: { source: [b] }, bus: jobs }\n  - events: { pattern: { source: [c] }, input: 1, template: x }\n  - \
             events: { pattern: { source: [d] }, template: 'is <id>' }\n  - events: { pattern: { source: [e] }, paths: { a: $.a } \
             }\n  - events: { pattern: { source: [f] }, paths: { a: detail.a }, template: <a> }\n  - events: { pattern: { source: \
             [g] }, retries: 200 }"
        ),
        [
            "order | no resource `order` | did you mean `orders`?",
            "jobs | `jobs` is a resource of type `queue` | needed is one of type `event_bus`",
            "input | an `events` trigger has `input` or `template`, not both | `input` is always the same, `template` is \
             made of the event",
            "template | the template's `<id>` is nowhere defined | add `paths: { id: $.detail.id }`",
            "paths | `paths` are for a `template` | add `template: { id: <id> }`, or remove them",
            "detail.a | this is no path into the event | like `$.detail.id`",
            "200 | `retries` is out of range: EventBridge allows 0 to 185 retries | at most 185",
        ]
    );
    let same = wrong("triggers:\n  - events: { source: [a] }\n  - events: { source: [a] }");
    assert_eq!(same, ["events | the function has this `events` trigger already | give each a `name` of its own"]);
}

#[test]
fn a_logs_trigger_hears_another_function_or_any_group() {
    let yaml = format!(
        "{TWO}      - logs: web\n      - logs: {{ group: /aws/lambda/other, pattern: '?ERROR ?WARN', name: bad }}\n      - \
         logs: {{ group: 'arn:aws:logs:eu-west-1:123456789012:log-group:audit:*' }}\n"
    );
    assert_eq!(
        triggers(&yaml, "alerts"),
        json!([
            { "logs": { "group": { "of": "web" }, "pattern": "" } },
            { "logs": { "group": { "name": "/aws/lambda/other" }, "pattern": "?ERROR ?WARN", "name": "bad" } },
            { "logs": { "group": { "arn": "arn:aws:logs:eu-west-1:123456789012:log-group:audit" }, "pattern": "" } },
        ])
    );
}

#[test]
fn what_is_wrong_with_a_logs_trigger_is_told_at_its_place() {
    let wrong = |lines: &str| errors(&format!("{TWO}{lines}\n"));
    assert_eq!(
        wrong("      - logs: alerts\n      - logs: wbe\n      - logs: audit"),
        [
            "logs | `alerts` would be called for what it writes itself, again and again | subscribe another function to its log",
            "logs | no function `wbe` | did you mean `web`?",
            "logs | no function `audit` | any other log group is written with its whole name (`/aws/…`) or as its ARN",
        ]
    );
    assert_eq!(
        wrong("      - logs: 'arn:aws:sqs:eu-west-1:1:q'\n      - logs: { pattern: x }"),
        [
            "'arn:aws:sqs:eu-west-1:1:q' | this is not the ARN of a log group | like \
             `arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/other`",
            "logs | a `logs` trigger needs `group` | like `group: web`",
        ]
    );
    assert_eq!(
        wrong("      - logs: { group: web, pattern: a }\n      - logs: { group: web, pattern: b }\n      - logs: web"),
        ["logs | a log group has at most 2 subscriptions | match more in one pattern: `?ERROR ?WARN`"]
    );
}

#[test]
fn an_event_bus_is_used_by_putting() {
    let yaml = format!("{BASE}resources: {{ orders: event_bus }}\nuses: [orders]\n");
    let stage = serde_json::to_value(Folder::new().load(yaml).unwrap().stage(None).unwrap()).unwrap();
    assert_eq!(stage["resources"], json!({ "orders": { "type": "event_bus" } }));
    assert_eq!(stage["functions"]["main"]["uses"], json!({ "orders": "put" }));
    assert_eq!(
        wrong("resources: { orders: { type: event_bus, fifo: true } }"),
        ["fifo | an event bus has no key `fifo` | an event bus has `type`"]
    );
}
