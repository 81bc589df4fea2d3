//! The bridge between Lambda's events and WSGI has tests of its own, in Python.

use std::time::Duration;

use crate::process;
use crate::tools::{TOOLS, repository};

#[test]
fn the_unit_tests_of_the_bridge_pass() {
    let mut python = TOOLS.command("python3");
    python.args(["-m", "unittest", "-q", "tests/bridge/test_bridge.py"]).current_dir(repository());
    let done = process::run(&mut python, Duration::from_secs(100));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    // A runner that finds nothing is content, too.
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran ")).and_then(|rest| rest.split(' ').next());
    assert!(ran.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count >= 20), "{said}");
}

#[test]
fn the_bridge_answers_like_gunicorn() {
    let mut python = TOOLS.command("python3");
    python.arg("tests/bridge/compare.py").current_dir(repository());
    let done = process::run(&mut python, Duration::from_secs(100));
    let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(done.status.success(), "{}\n{}", said[0], said[1]);
    assert!(said[0].chars().any(|letter| ('1'..='9').contains(&letter)), "it compared nothing: {}", said[0]);
}
