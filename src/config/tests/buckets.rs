//! Buckets among `resources`, and the triggers that listen to one.

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

#[test]
fn a_bucket_has_a_short_and_a_long_form() {
    let bucket = |said: &str| stage(&format!("resources: {{ uploads: {said} }}"))["resources"]["uploads"].clone();
    assert_eq!(bucket("bucket"), json!({ "type": "bucket", "versioned": false, "eventbridge": false }));
    assert_eq!(
        bucket(
            "{ type: bucket, versioned: true, expire: 30d, expire_versions: 7d, cors: 'https://shop.example', eventbridge: true }"
        ),
        json!({
            "type": "bucket", "versioned": true, "expire": 30, "expire_versions": 7, "eventbridge": true,
            "cors": {
                "origins": ["https://shop.example"], "methods": ["GET", "HEAD", "PUT", "POST"], "headers": ["*"],
                "expose": ["ETag"], "max_age": 3600,
            },
        })
    );
    let cors =
        bucket("{ type: bucket, cors: { origins: ['https://*.shop.example'], methods: [GET], max_age: 5m } }")["cors"]
            .clone();
    assert_eq!(
        json!([cors["origins"], cors["methods"], cors["max_age"]]),
        json!([["https://*.shop.example"], ["GET"], 300])
    );
}

#[test]
fn what_is_wrong_with_a_bucket_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources:\n  a: { type: bucket, expire: 30 }\n  b: { type: bucket, expire: 36h }\n  c: { type: bucket, \
             expire_versions: 7d }\n  d: { type: bucket, cors: shop.example }\n  e: { type: bucket, cors: { origins: '*', \
             methods: [PATCH] } }\n  f: { type: bucket, cors: { methods: [GET] } }\n  g: { type: bucket, public: true }\n\
             uses: { a: send }"
        ),
        [
            "30 | `expire` needs a time in days | like `30d`",
            "36h | `expire` is not a number of whole days | S3 counts in days: like `30d`",
            "expire_versions | `expire_versions` is for versioned buckets | add `versioned: true`, or remove it",
            "shop.example | `shop.example` is not an origin | like `https://shop.example` or `https://*.shop.example`, without a path",
            "methods | `PATCH` is not a method that S3 allows to pages | S3 has `GET`, `PUT`, `HEAD`, `POST` and `DELETE`",
            "cors | `cors` needs `origins` | like `origins: https://shop.example`",
            "public | a bucket has no key `public` | a bucket has `type`, `versioned`, `expire`, `expire_versions`, `cors` and `eventbridge`",
            "send | a bucket is not used by `send` | there is `read`, `write` and `read-write`",
        ]
    );
}

#[test]
fn a_trigger_of_a_bucket_has_a_short_and_a_long_form() {
    let triggers = |lines: &str| stage(lines)["functions"]["main"]["triggers"].clone();
    assert_eq!(
        triggers("resources: { uploads: bucket }\ntriggers: [{ s3: uploads }]"),
        json!([{ "s3": { "bucket": { "own": "uploads" }, "events": ["s3:ObjectCreated:*"], "prefix": "", "suffix": "" } }])
    );
    assert_eq!(
        triggers(
            "triggers:\n  - s3: { bucket: 'arn:aws:s3:::others', events: [removed, 's3:ObjectCreated:Put'], prefix: in/, \
             suffix: .jpg }\n  - s3: { bucket: 'arn:aws:s3:::others', events: created, prefix: out/ }"
        ),
        json!([
            { "s3": {
                "bucket": { "arn": "arn:aws:s3:::others" }, "events": ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"],
                "prefix": "in/", "suffix": ".jpg",
            } },
            { "s3": {
                "bucket": { "arn": "arn:aws:s3:::others" }, "events": ["s3:ObjectCreated:*"], "prefix": "out/", "suffix": "",
            } },
        ])
    );
}

#[test]
fn what_is_wrong_with_a_trigger_of_a_bucket_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources: { uploads: bucket, jobs: queue }\ntriggers:\n  - s3: jobs\n  - s3: 'arn:aws:s3:::others/in/'\n  \
             - s3: { bucket: uploads, events: [create] }\n  - s3: { bucket: uploads, events: [s3:Put] }\n  - s3: { \
             bucket: uploads, event: created }\n  - s3: { prefix: in/ }\n  - s3: upload"
        ),
        [
            "jobs | `jobs` is a resource of type `queue` | needed is one of type `bucket`",
            "'arn:aws:s3:::others/in/' | this ARN is of something in S3 that is no bucket | needed is that of a bucket, like `arn:aws:s3:::uploads`",
            "create | unknown event `create` | did you mean `created`?",
            "s3:Put | unknown event `s3:Put` | there is `created`, `removed`, `expired`, `restored` and `tagged`, or one of S3's own, like `s3:ObjectCreated:Put`",
            "event | an `s3` trigger has no key `event` | did you mean `events`?",
            "s3 | an `s3` trigger needs `bucket` | like `bucket: uploads`",
            "upload | no resource `upload` | did you mean `uploads`?",
        ]
    );
}

#[test]
fn two_triggers_of_a_bucket_do_not_overlap() {
    let with = |first: &str, second: &str| {
        format!(
            "app: shop\nruntime: python3.13\nresources: {{ uploads: bucket, others: bucket }}\nfunctions:\n  one: {{ \
             handler: app.main, triggers: [{{ s3: {first} }}] }}\n  two: {{ handler: app.main, triggers: [{{ s3: {second} }}] \
             }}\nstages: {{ dev: }}\n"
        )
    };
    let label = "S3 calls one function for an event: tell them apart by `events`, `prefix` or `suffix`";
    for (first, second) in [
        ("uploads", "uploads"),
        ("{ bucket: uploads, prefix: in/ }", "{ bucket: uploads, prefix: in/photos/ }"),
        ("{ bucket: uploads, suffix: .jpg }", "{ bucket: uploads, prefix: in/ }"),
        ("{ bucket: uploads, events: 's3:ObjectCreated:Put' }", "uploads"),
    ] {
        let expected = format!("s3 | this trigger of `two` overlaps one of `one` | {label}");
        assert_eq!(errors(&with(first, second)), [expected]);
    }
    // Its own routes are no part of that list.
    let routed = with("uploads", "uploads").replace("app.main, triggers", "app.main, http: [GET /a], triggers");
    let found = errors(&routed.replacen("GET /a", "GET /b", 1));
    assert_eq!(found, [format!("s3 | this trigger of `two` overlaps one of `one` | {label}")]);
    for (first, second) in [
        ("uploads", "others"),
        ("{ bucket: uploads, prefix: in/ }", "{ bucket: uploads, prefix: out/ }"),
        ("{ bucket: uploads, suffix: .jpg }", "{ bucket: uploads, suffix: .png }"),
        ("uploads", "{ bucket: uploads, events: removed }"),
        ("{ bucket: uploads, events: 's3:ObjectCreated:Put' }", "{ bucket: uploads, events: 's3:ObjectCreated:Copy' }"),
    ] {
        let folder = Folder::new();
        let project = folder.load(with(first, second)).unwrap();
        assert!(project.check().is_ok(), "{first} {second}");
    }
}
