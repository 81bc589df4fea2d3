//! The bridge between Lambda's events and web applications has tests of its own, in Python.

use std::time::Duration;

use crate::process;
use crate::tools::{TOOLS, repository};

#[test]
fn the_unit_tests_of_the_bridge_pass() {
    let mut python = TOOLS.command("python3");
    // Each test's bridge has an event loop for the life of the process, as on Lambda.
    python.args(["-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "-q", "-s", "tests/bridge"]);
    let done = process::run(python.current_dir(repository()), Duration::from_secs(100));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    // A runner that finds nothing is content, too.
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran ")).and_then(|rest| rest.split(' ').next());
    assert!(ran.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count >= 130), "{said}");
}

#[test]
fn the_bridge_answers_like_gunicorn_and_uvicorn() {
    let mut python = TOOLS.command("python3");
    python.arg("tests/bridge/compare.py").current_dir(repository());
    let done = process::run(&mut python, Duration::from_mins(5));
    let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(done.status.success(), "{}\n{}", said[0], said[1]);
    let last = said[0].lines().last().unwrap_or_default();
    let compared = last.split(", ").nth(1).and_then(|part| part.split(' ').next()?.parse::<u32>().ok());
    assert!(compared.is_some_and(|compared| compared > 5000), "it compared too little: {}", said[0]);
}
