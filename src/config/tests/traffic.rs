//! `traffic`, `alarms` and `smoke`.

use std::time::Duration;

use serde_json::json;

use super::{BASE, Folder, errors};
use crate::config::stage::StageConfig;
use crate::config::{Get, Invoke, Smoke, Traffic};

const SEVERAL: &str = "app: shop\nruntime: python3.13\nstages: { dev: }\nfunctions:\n  web: { wsgi: app:app }\n  \
                       api: { handler: app.api, http: url }\n  jobs: { handler: app.jobs }\n";

fn stage(yaml: &str) -> StageConfig {
    Folder::new().load(yaml).unwrap().stage(None).unwrap()
}

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

#[test]
fn traffic_goes_by_canary_or_linear_with_steps_below_all() {
    let traffic = |said: &str| stage(&format!("{BASE}traffic: {said}\n")).traffic;
    let canary = Traffic::Canary { percent: 10, wait: Duration::from_mins(5) };
    assert_eq!(traffic("{ canary: 10%, for: 5m }"), Some(canary));
    assert_eq!(canary.steps(), [(10, Duration::from_mins(5))]);
    let linear = Traffic::Linear { percent: 40, wait: Duration::from_secs(1) };
    assert_eq!(traffic("{ linear: 40, every: 1s }"), Some(linear));
    assert_eq!(linear.steps().iter().map(|(percent, _)| *percent).collect::<Vec<_>>(), [40, 80]);
    let tenths = Traffic::Linear { percent: 10, wait: Duration::from_mins(1) };
    assert_eq!(tenths.steps().len(), 9, "the tenth is all");
    assert_eq!(traffic("at-once"), None);
    let overridden = "app: shop\nruntime: python3.13\nwsgi: app:app\ntraffic: { canary: 1%, for: 1h }\nalarms: [a]\n\
                      stages: { dev: { traffic: at-once } }\n";
    assert_eq!((stage(overridden).traffic, stage(overridden).alarms), (None, vec!["a".to_owned()]));
}

#[test]
fn what_is_wrong_with_traffic_is_told_at_its_place() {
    const LIKE: &str = "like `{ canary: 10%, for: 5m }` or `{ linear: 10%, every: 1m }`";
    let cases = [
        (
            "traffic: fast",
            "fast | unknown way for traffic `fast` | `at-once`, or a map like `{ canary: 10%, for: 5m }`".to_owned(),
        ),
        ("traffic: 10", "10 | `traffic` needs a map, or `at-once` | this is a number".to_owned()),
        ("traffic: {}", format!("traffic | `traffic` has neither `canary` nor `linear` | {LIKE}")),
        ("traffic: { canary: 10% }", format!("canary | `canary` has no `for` | {LIKE}")),
        ("traffic: { canary: 0%, for: 5m }", "0% | `canary` is out of range | 1% to 99%".to_owned()),
        ("traffic: { canary: ten, for: 5m }", "ten | `canary` needs a whole number of percent | like `10%`".to_owned()),
        (
            "traffic: { canary: 5%, for: soon }",
            "soon | `for` needs a time | like `30s`, `5m`, `12h` or `14d`; a bare number is seconds".to_owned(),
        ),
        (
            "traffic: { canary: 5%, for: 25h }",
            "25h | `for` is out of range: a shift allows 1s to 1d | at most 1d".to_owned(),
        ),
        (
            "traffic: { linear: 1%, every: 1h }",
            "1h | this would take more than a day | a shift has 24 hours from its first step to its last".to_owned(),
        ),
        (
            "traffic: { canary: 5%, linear: 5%, for: 1m }",
            "linear | traffic goes either `canary` or `linear` | remove one of them".to_owned(),
        ),
        (
            "traffic: { canary: 5%, for: 1m, fro: 1m }",
            "fro | unknown key `fro` in `traffic` | did you mean `for`?".to_owned(),
        ),
    ];
    for (line, told) in cases {
        assert_eq!(wrong(line), [told], "{line}");
    }
    assert_eq!(
        wrong("traffic: { canary: 5%, every: 1m }"),
        [
            format!("canary | `canary` has no `for` | {LIKE}"),
            format!("every | `every` goes with `linear`, not with `canary` | {LIKE}"),
        ]
    );
}

#[test]
fn alarms_are_names_and_want_traffic() {
    let with = stage(&format!("{BASE}traffic: {{ canary: 5%, for: 1m }}\nalarms: [b, a, b]\n"));
    assert_eq!(with.alarms, ["b", "a"], "one is not asked for twice");
    let title = "`alarms` does nothing without `traffic`";
    let told = format!("alarms | {title} | they are looked at while traffic moves: say how with `traffic`");
    assert_eq!(wrong("alarms: [a]"), [told]);
    let arn = "\"arn:aws:cloudwatch:x\" | this cannot be the name of an alarm | write its name, not its ARN";
    assert_eq!(wrong("traffic: at-once\nalarms: [\"arn:aws:cloudwatch:x\"]"), [arn]);
}

#[test]
fn checks_are_short_or_long() {
    let get = |path: &str, function: &str| Get {
        path: path.to_owned(),
        function: function.to_owned(),
        status: None,
        contains: None,
    };
    assert_eq!(stage(&format!("{BASE}smoke: [GET /health]\n")).smoke, [Smoke::Get(get("/health", "web"))]);
    let long = "smoke:\n  - { get: \"/a?b=1\", status: 204, contains: x, function: api }\n  \
                - { invoke: jobs, payload: { n: 1, ok: true, list: [1.5, null], text: \"${stage}\" }, contains: done }\n  \
                - { invoke: jobs }\n";
    let payload = json!({ "n": 1, "ok": true, "list": [1.5, null], "text": "dev" });
    let invoke = |payload, contains| Smoke::Invoke(Invoke { function: "jobs".to_owned(), payload, contains });
    assert_eq!(
        stage(&format!("{SEVERAL}{long}")).smoke,
        [
            Smoke::Get(Get { status: Some(204), contains: Some("x".to_owned()), ..get("/a?b=1", "api") }),
            invoke(payload, Some("done".to_owned())),
            invoke(json!({}), None),
        ]
    );
}

#[test]
fn what_is_wrong_with_a_check_is_told_at_its_place() {
    const LIKE: &str = "like `GET /health`, `{ get: /health, status: 200 }` or `{ invoke: worker, payload: {} }`";
    let cases = [
        ("smoke: GET /", "GET / | `smoke` needs a list of checks | this is text".to_owned()),
        ("smoke: [POST /]", format!("POST / | this is not a check | {LIKE}")),
        ("smoke: [GET health]", "GET health | this is not a path of the app | it begins with `/`".to_owned()),
        ("smoke: [{ get: /, status: 42 }]", "42 | `status` needs an HTTP status | 100 to 599".to_owned()),
        ("smoke: [{ status: 200 }]", format!("status | this check has neither `get` nor `invoke` | {LIKE}")),
        (
            "smoke: [{ get: /, contain: x }]",
            "contain | unknown key `contain` in a check | did you mean `contains`?".to_owned(),
        ),
        ("smoke: [{ invoke: wep }]", "wep | no function `wep` | did you mean `web`?".to_owned()),
        (
            "smoke: [{ get: /, invoke: web }]",
            "invoke | a check is either `get` or `invoke` | make two of it".to_owned(),
        ),
    ];
    for (line, told) in cases {
        assert_eq!(wrong(line), [told], "{line}");
    }
    let several = errors(&format!("{SEVERAL}smoke: [GET /]\n"));
    assert_eq!(several.len(), 1);
    assert!(several[0].starts_with("GET / | several functions are reached over HTTP | add `function:`"), "{several:?}");
    let job = errors(&format!("{SEVERAL}smoke: [{{ get: /, function: jobs }}]\n"));
    assert_eq!(job, ["jobs | `jobs` is not reached over HTTP | it has no `http`: use `invoke`"]);
    let own =
        errors("app: a\nruntime: python3.13\nstages: { dev: }\nfunctions:\n  web: { wsgi: app:app, smoke: [GET /] }\n");
    assert_eq!(own, ["smoke | `smoke` cannot stand here | it belongs to the top level or to a stage"]);
}

#[test]
fn secrets_of_checks_are_not_shown() {
    let folder = Folder::new();
    let yaml = format!(
        "{BASE}smoke: [{{ invoke: web, payload: {{ key: \"${{env.TOKEN}}\" }}, contains: \"${{env.TOKEN}}\" }}]\n"
    );
    let project = folder.load(yaml).unwrap();
    let shown = serde_json::to_string(&project.stage_to_show(None).unwrap()).unwrap();
    assert!(!shown.contains("s3cret") && shown.contains("${env.TOKEN}"), "{shown}");
}
