//! Where a rollback goes when nobody says it.

use super::*;
use crate::deploy::marks::Marks;

fn versions(text: &str) -> Versions {
    let pairs = text.split(' ').filter_map(|pair| pair.split_once(':'));
    pairs.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

fn release(number: u64, functions: &str, rollback_to: Option<u64>) -> Release {
    let functions = versions(functions).into_iter().map(|(name, version)| {
        let code_sha256 = String::new();
        (name, ReleasedFunction { version, code_sha256, url: None })
    });
    Release {
        number,
        app: "shop".into(),
        stage: "dev".into(),
        at: String::new(),
        by: String::new(),
        commit: None,
        rzap: String::new(),
        seconds: 0.0,
        functions: functions.collect(),
        api: None,
        rollback_to,
        marks: Marks::default(),
        unfinished: BTreeSet::new(),
    }
}

/// Where it goes while `live` serves, of these releases, the oldest first.
fn before(releases: &[(&str, Option<u64>)], live: &str) -> Option<u64> {
    let all = (1..).zip(releases).map(|(number, (functions, back))| release(number, functions, *back));
    let mut releases: Vec<Release> = all.collect();
    releases.reverse();
    let numbers = releases.iter().map(|release| release.number).collect();
    Records { numbers, releases }.before(&versions(live))
}

#[test]
fn it_goes_to_what_served_before() {
    let three = [("a:1", None), ("a:2 b:1", None), ("a:3 b:1", None)];
    assert_eq!(before(&three, "a:3 b:1"), Some(2));
    assert_eq!(before(&three[..1], "a:1"), None, "there was nothing before");
    // Only the API or a role changed with the third: who wants back wants something else to serve.
    assert_eq!(before(&[("a:1", None), ("a:2", None), ("a:2", None)], "a:2"), Some(1));
}

#[test]
fn a_second_rollback_goes_further_back() {
    let back = [("a:1", None), ("a:2", None), ("a:3", None), ("a:2", Some(2))];
    assert_eq!(before(&back, "a:2"), Some(1));
    // After the next deploy it is the rollback that served before, not what it took back.
    let after = [("a:1", None), ("a:2", None), ("a:3", None), ("a:2", Some(2)), ("a:4", None)];
    assert_eq!(before(&after, "a:4"), Some(4));
}

#[test]
fn what_was_killed_is_brought_to_its_end() {
    let three = [("a:1 b:1", None), ("a:2 b:2", None), ("a:3 b:3", None)];
    assert_eq!(before(&three, "a:2 b:2"), Some(2), "all has moved, but it is not written down");
    assert_eq!(before(&three, "a:2 b:3"), Some(2), "one function has moved");
    // A deploy that was killed: what served before it is the newest that is written down.
    assert_eq!(before(&three, "a:4 b:3"), Some(3));
}
