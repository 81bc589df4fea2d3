//! `resources` of type `parameter` and `secret`.

use serde_json::json;

use super::{Folder, errors};

const BASE: &str = "app: shop\nruntime: python3.13\nhandler: app.main\nstages: { dev: }\n";

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

#[test]
fn values_are_read_and_never_shown() {
    let folder = Folder::new();
    let lines = "resources:\n  url: { type: parameter, value: 'https://x' }\n  port: { type: parameter, value: 5432 }\n  \
                 key: { type: parameter, secure: true, value: '${env.TOKEN}' }\n  pepper: { type: parameter, secure: true, generate: true }\n  \
                 db: { type: secret, value: { user: me, password: '${env.TOKEN}' } }\n  plain: secret\n  \
                 other: { type: secret, existing: prod/db }\n  far: { type: parameter, existing: 'arn:aws:ssm:eu-west-1:1:parameter/x' }";
    let project = folder.load(format!("{BASE}{lines}\nuses: [url, db, other]\n")).unwrap();
    let stage = project.stage(None).unwrap();
    let shown = serde_json::to_value(&stage).unwrap();
    let hidden = "(hidden)";
    assert_eq!(
        shown["resources"],
        json!({
            "url": { "type": "parameter", "secure": false, "value": hidden },
            "port": { "type": "parameter", "secure": false, "value": hidden },
            "key": { "type": "parameter", "secure": true, "value": hidden },
            "pepper": { "type": "parameter", "secure": true, "generate": 32 },
            "db": { "type": "secret", "value": hidden },
            "plain": { "type": "secret" },
            "other": { "type": "secret", "existing": "prod/db" },
            "far": { "type": "parameter", "secure": false, "existing": "arn:aws:ssm:eu-west-1:1:parameter/x" },
        })
    );
    assert!(!format!("{stage:?}").contains("s3cret"));
    let value = |name: &str| match &stage.resources[name] {
        crate::config::resources::ResourceConfig::Parameter(it) => it.given.value.clone(),
        crate::config::resources::ResourceConfig::Secret(it) => it.given.value.clone(),
        _ => None,
    };
    let value = |name: &str| value(name).map(|value| value.reveal().to_owned());
    assert_eq!([value("port"), value("key")], [Some("5432".to_owned()), Some("s3cret".to_owned())]);
    assert_eq!(value("db").as_deref(), Some(r#"{"user":"me","password":"s3cret"}"#));
}

#[test]
fn what_is_wrong_with_a_value_is_told_at_its_place() {
    assert_eq!(
        wrong(
            "resources:\n  a: { type: parameter, generate: 20 }\n  b: { type: secret, value: x, generate: 20 }\n  \
             c: { type: secret, existing: prod/db, value: x }\n  d: { type: parameter, value: '' }\n  \
             e: { type: secret, generate: 4 }\n  f: { type: parameter, value: [x] }\n  g: { type: secret, existing: 'a b' }\n  \
             h: { type: parameter, existing: 'arn:aws:sqs:eu-west-1:1:x' }\n  i: { type: secret, secure: true }"
        ),
        [
            "generate | a value that is made up is a secret | add `secure: true`",
            "generate | a value is either given or made up | remove this, or `value`",
            "value | `value` says nothing about what exists already | rzap does not change it: remove this, or `existing`",
            "'' | `value` is empty | leave it out, and set it with `rzap secret set`",
            "4 | `generate` is out of range: rzap allows 16 to 1,024 characters | at least 16",
            "value | `value` needs text | this is a list",
            "'a b' | `a b` is not the name of a secret | like `prod/db`, or the ARN of a secret",
            "'arn:aws:sqs:eu-west-1:1:x' | `arn:aws:sqs:eu-west-1:1:x` is not the name of a parameter | like `/shared/url`, or the ARN of a parameter",
            "secure | a secret has no key `secure` | a secret has `type`, `value`, `generate` and `existing`",
        ]
    );
    let large = wrong(&format!("resources: {{ a: {{ type: parameter, value: {} }} }}", "x".repeat(4097)));
    assert!(large[0].ends_with("| this value has 4097 bytes | Parameter Store allows 4096"), "{large:?}");
    let base = BASE.replace("app: shop", "app: awsome");
    let reserved = errors(&format!("{base}resources: {{ a: {{ type: parameter, value: x }} }}\n"));
    assert!(reserved[0].contains("Parameter Store keeps `/awsome…` for itself"), "{reserved:?}");
    let arn = wrong("resources: { s: secret }\nenv: { X: '${resources.s.arn}' }\nuses: { s: write }");
    assert!(arn.iter().any(|it| it.contains("`s` has no `arn`")), "{arn:?}");
    assert!(arn.iter().any(|it| it.contains("a secret is not used by `write`")), "{arn:?}");
}

#[test]
fn whoever_only_looks_needs_no_secrets() {
    let folder = Folder::new();
    let yaml = format!("{BASE}resources: {{ a: {{ type: secret, value: '${{env.NOPE}}' }} }}\n");
    let project = folder.load(yaml).unwrap();
    assert!(project.stage(None).is_err());
    assert_eq!(project.stage_to_look_at(None).unwrap().resources.len(), 1);
}
