//! `access_log:` of a stage.

use super::{Folder, errors};
use crate::config::access_log::AccessLog;

const BASE: &str = "app: a\nruntime: python3.13\nhandler: app.main\n";

fn log(lines: &str) -> Option<AccessLog> {
    let folder = Folder::new();
    folder.write("app.py", "");
    let project = folder.load(format!("{BASE}{lines}\n")).unwrap();
    project.stage(Some("dev")).unwrap().access_log
}

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

#[test]
fn it_is_off_unless_somebody_says_so() {
    assert_eq!(log("http: http\nstages: { dev: }"), None);
    assert_eq!(log("http: http\naccess_log: false\nstages: { dev: }"), None);
    assert_eq!(log("http: http\naccess_log: true\nstages: { dev: { access_log: false } }"), None);
    let routes = "triggers: [{ http: GET /a }]\nstages: { dev: { access_log: true } }";
    assert_eq!(log(routes), Some(AccessLog { retention: 30 }));
}

#[test]
fn it_is_kept_as_long_as_the_other_logs_unless_it_says_otherwise() {
    let kept = |lines: &str| log(&format!("http: rest\nlog_retention: 7\n{lines}\nstages: {{ dev: }}"));
    assert_eq!(kept("access_log: true"), Some(AccessLog { retention: 7 }));
    assert_eq!(kept("access_log: {}"), Some(AccessLog { retention: 7 }));
    assert_eq!(kept("access_log: { retention: 14 }"), Some(AccessLog { retention: 14 }));
}

#[test]
fn what_is_wrong_with_it_is_said() {
    let stages = "stages: { dev: }";
    assert_eq!(
        wrong(&format!("http: url\naccess_log: true\n{stages}")),
        [
            "access_log | this stage has no API whose requests could be logged | function URLs have none: it takes `http: rest`, \
             `http: http` or routes; or write `access_log: false`"
        ]
    );
    assert_eq!(
        wrong(&format!("http: rest\naccess_log: {{ retenton: 14 }}\n{stages}")),
        ["retenton | `access_log` has no key `retenton` | did you mean `retention`?"]
    );
    assert_eq!(
        wrong(&format!("http: rest\naccess_log: {{ retention: 15 }}\n{stages}")),
        ["15 | CloudWatch Logs cannot keep a log for exactly 15 days | the nearest it can is 14"]
    );
    assert_eq!(
        wrong(&format!("http: rest\naccess_log: 14\n{stages}")),
        ["14 | `access_log` needs `true`, or `{ retention: 14 }` | this is a number"]
    );
    let own = "functions: { web: { handler: app.main, http: rest, access_log: true } }";
    assert_eq!(
        errors(&format!("app: a\nruntime: python3.13\n{own}\n{stages}\n")),
        ["access_log | `access_log` cannot stand here | it belongs to the top level or to a stage"]
    );
}
