//! A change or the end of one trigger touches that one alone: everything else stays as it is, and what reads a queue or a
//! stream stays the same mapping, so that nothing is read twice and nothing is missed.

use serde_json::{Value, json};

use crate::scenes;
use crate::shape;
use crate::world::World;

/// What is another one afterwards; the releases in the artifact bucket are not looked at.
fn touched(before: &Value, after: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let parts = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for (name, was) in parts(before).iter().filter(|(name, _)| *name != "wakers" && *name != "buckets") {
        if after[name] != *was {
            all.push(name.clone());
        }
    }
    for (name, was) in parts(&before["wakers"]) {
        if after["wakers"][&name] != was {
            all.push(name);
        }
    }
    let settings = |shape: &Value| {
        let buckets = shape["buckets"].as_array().cloned().unwrap_or_default();
        json!(buckets.iter().map(|bucket| [&bucket["name"], &bucket["settings"]]).collect::<Vec<_>>())
    };
    if settings(before) != settings(after) {
        all.push("bucket settings".to_owned());
    }
    all.sort();
    all
}

/// One edit, what rzap says it does, and what is another one then.
type Step = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const CHANGES: [Step; 6] = [
    ("- sqs: jobs", "- sqs: { queue: jobs, batch: 5 }", &["update event_source_mapping"], &["mappings"]),
    ("prefix: in/ }", "prefix: out/ }", &["update bucket_notification"], &["bucket settings"]),
    ("- sns: news", "- sns: { topic: news, filter: { kind: [sale] } }", &["update subscription"], &["subscriptions"]),
    ("- dynamodb: guests", "- dynamodb: { table: guests, batch: 7 }", &["update event_source_mapping"], &["mappings"]),
    ("pattern: { source: [shop] }", "pattern: { source: [shop, bar] }", &["update rule"], &["rules"]),
    ("group: web, pattern: ERROR", "group: web, pattern: WARN", &["update log_subscription"], &["log subscriptions"]),
];

/// With its permission, which is in the function's policy, and what only it needed.
const REMOVALS: [Step; 6] = [
    (
        "      - logs: { group: web, pattern: WARN }\n",
        "",
        &["delete log_subscription"],
        &["functions", "log subscriptions"],
    ),
    (
        "      - events: { bus: orders, name: paid, pattern: { source: [shop, bar] } }\n",
        "",
        &["delete rule"],
        &["functions", "rules"],
    ),
    (
        "    triggers:\n      - dynamodb: { table: guests, batch: 7 }\n",
        "",
        &["delete event_source_mapping", "update role", "update table"],
        &["mappings", "roles", "tables"],
    ),
    (
        "      - sns: { topic: news, filter: { kind: [sale] } }\n",
        "",
        &["delete subscription"],
        &["functions", "subscriptions"],
    ),
    (
        "      - s3: { bucket: uploads, prefix: out/ }\n",
        "",
        &["delete bucket_notification"],
        &["bucket settings", "functions"],
    ),
    (
        "    triggers:\n      - sqs: { queue: jobs, batch: 5 }\n",
        "",
        // How long it hides a message follows from who reads it.
        &["delete event_source_mapping", "update queue", "update role"],
        &["mappings", "queues", "roles"],
    ),
];

#[test]
fn a_change_or_the_end_of_one_trigger_touches_that_one_alone() {
    let world = World::new().file("rzap.yaml", scenes::WOKEN).env("RZAP_LOCAL", "1");
    for name in ["web", "old"] {
        world.write(&format!("{name}/{name}.py"), "def handler(event, context):\n    pass\n");
    }
    world.run("deploy dev").success();
    let cloud = world.local();
    let mappings = || {
        let all = cloud.boto(
            "answer({it['EventSourceArn'].split('/stream/')[0]: it['UUID'] for it in every('lambda', 'list_event_source_mappings', 'EventSourceMappings')
        if it['State'] != 'Deleting'})",
        );
        all.as_object().cloned().expect("a map")
    };
    let all = mappings();
    assert_eq!(all.len(), 2);
    for (old, new, says, is) in CHANGES.into_iter().chain(REMOVALS) {
        let before = shape::of(&cloud.endpoint);
        world.edit("rzap.yaml", old, new);
        let changes = world.run("deploy dev --json").success().changes();
        assert_eq!(changes, says, "{old}");
        let after = shape::of(&cloud.endpoint);
        assert_eq!(touched(&before, &after), is, "{old}");
        for (source, id) in mappings() {
            assert_eq!(all[&source], id, "{old}: {source}");
        }
    }
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}
