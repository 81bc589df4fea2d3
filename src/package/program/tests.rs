//! Real shells.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;

use super::*;

/// A folder with executable scripts, to be used as `PATH`.
pub(in crate::package) fn programs(scripts: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in scripts {
        let file = folder.path().join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn sh(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

#[tokio::test]
async fn lines_leave_in_order_and_stdout_can_be_kept() {
    let heard = Mutex::new(Vec::new());
    let hear = |line: &str| heard.lock().unwrap().push(line.to_owned());
    let script = "echo one; echo two >&2; printf '10%%\\r20%%\\rthree\\n\\n'; printf 'four'";
    let ended = run(sh(script), Stdout::Heard, &hear).await.unwrap();
    assert!(ended.is_success() && ended.stdout.is_empty());
    assert_eq!(heard.lock().unwrap().drain(..).collect::<Vec<_>>(), ["one", "two", "three", "four"]);

    let ended = run(sh("echo data; echo talk >&2"), Stdout::Kept, &hear).await.unwrap();
    assert_eq!(ended.stdout, b"data\n");
    assert_eq!(*heard.lock().unwrap(), ["talk"]);
}

#[tokio::test]
async fn a_failure_says_how_and_what_was_said_last() {
    let script = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; exit 3";
    let error = run(sh(script), Stdout::Heard, &|_| ()).await.unwrap().failure("make");
    assert_eq!(error.message, "`make` ended with exit code 3");
    assert_eq!((error.causes.len(), error.causes[0].as_str(), error.causes[19].as_str()), (20, "line 11", "line 30"));
    let error = run(sh("kill -9 $$"), Stdout::Heard, &|_| ()).await.unwrap().failure("make");
    assert_eq!(error.message, "`make` was ended by signal 9");
    assert!(run(Command::new("/nowhere"), Stdout::Heard, &|_| ()).await.is_err());
}

#[tokio::test]
async fn what_it_leaves_in_the_background_holds_nobody_up() {
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let script = format!("sleep 60 & echo $! > {}/pid; echo done", folder.path().display());
    assert!(run(sh(&script), Stdout::Heard, &|_| ()).await.unwrap().is_success());
    assert!(started.elapsed() < Duration::from_secs(30));
    let pid: i32 = std::fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap();
    rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// The program's own children, and those that do not want to go, are gone when nobody waits any more.
#[tokio::test]
async fn nothing_is_left_of_what_nobody_waits_for() {
    let (said, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let hear = |line: &str| said.send(line.to_owned()).unwrap();
    for script in ["sleep 60 & echo $$; wait", "trap '' TERM; (trap '' TERM; sleep 60) & echo $$; wait; sleep 60"] {
        let group = tokio::select! {
            _ = run(sh(script), Stdout::Heard, &hear) => unreachable!("it waits for a minute"),
            line = hears.recv() => Pid::from_raw(line.unwrap().parse().unwrap()).unwrap(),
        };
        // A killed process takes its moment.
        let mut tries = 0;
        while !alive(group).is_empty() {
            tries += 1;
            assert!(tries < 1_000, "still there of `{script}`: {:?}", alive(group));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The group's processes. (Those that only wait for being waited for do not count.)
fn alive(group: Pid) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    let of_group = |stat: &String| {
        // `pid (name) state parent group …`
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.next() != Some("Z") && fields.nth(1) == Some(&group.as_raw_nonzero().to_string())
    };
    stats.filter(of_group).collect()
}

#[test]
fn only_executables_are_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    for dir in [&a, &b] {
        std::fs::create_dir(dir).unwrap();
        std::fs::write(dir.join("go"), "").unwrap();
    }
    std::fs::set_permissions(b.join("go"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::join_paths([&a, &b]).unwrap();
    assert_eq!(find("go", Some(&path)), Some(b.join("go")));
    assert_eq!((find("cargo", Some(&path)), find("go", None)), (None, None));
}
