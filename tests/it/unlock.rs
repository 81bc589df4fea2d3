//! Taking away the lock of a run that does not give it back.

use std::time::Duration;

use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::{Running, World};

/// An app whose packaging takes for as long as there is a file `wait`.
fn slow(world: World) -> World {
    world
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .file("rzap.yaml", "app: slow\nregion: eu-west-1\nruntime: python3.13\nhandler: app.handler\nbuild: sh build.sh\nstages: { dev: }\n")
        .file("app.py", "def handler(event, context):\n    return 'done'\n")
        .file("build.sh", "while [ -e wait ]; do sleep 0.05; done\n")
        .file("wait", "")
}

/// A deploy that is at work and holds the lock.
fn holder(world: &World) -> Running<'_> {
    let running = world.start("deploy dev");
    wait_for("the stage to be locked", Duration::from_secs(30), || (world.run("unlock dev").code == 1).then_some(()));
    running
}

/// What has just been built need not wait again.
fn go_on(world: &World) {
    std::fs::remove_file(world.project().join("wait")).expect("it waits");
}

#[test]
fn a_stage_that_is_not_locked_stays_so() {
    let world = World::new().app("hello-python").env("RZAP_LOCAL", "1");
    insta::assert_snapshot!(world.run("unlock dev").success().out(), @"hello-python dev: not locked");
    world.run("deploy dev").success();
    insta::assert_snapshot!(world.run("unlock dev --json").success().out(), @r#"
    {
      "app": "hello-python",
      "stage": "dev",
      "removed": false,
      "holder": null
    }
    "#);
}

#[test]
fn the_lock_of_a_killed_deploy_is_removed_at_once() {
    let world = slow(World::new()).env("RZAP_LOCAL", "1");
    let mut deploy = holder(&world);
    deploy.kill();
    deploy.wait();
    let unlocked = world.run("unlock dev").success();
    let text = unlocked.out();
    assert!(text.starts_with("slow dev: unlocked\n  it was held by arn:aws:"), "{unlocked}");
    assert!(text.ends_with(", since [time]: its process on this machine is gone\n"), "{unlocked}");
    assert_eq!(world.run("unlock dev").success().stdout, "slow dev: not locked\n");
    go_on(&world);
    world.run("deploy dev --no-wait").success();
}

#[test]
fn the_lock_of_a_deploy_at_work_is_removed_only_with_a_yes_and_that_one_stops() {
    let world = slow(World::new()).env("RZAP_LOCAL", "1");
    let deploy = holder(&world);
    stops(&world, deploy);
}

#[test]
fn it_is_the_same_on_ministack() {
    let emulator = Emulator::ministack();
    let world = slow(World::new()).at(&emulator.endpoint);
    let mut deploy = holder(&world);
    deploy.kill();
    deploy.wait();
    world.run("unlock dev").success();
    let deploy = holder(&world);
    stops(&world, deploy);
}

/// Unlocks the stage in the middle of a deploy, which does nothing more.
fn stops(world: &World, mut deploy: Running<'_>) {
    let refused = world.run("unlock dev --json").failure(1);
    let holder = &refused.json()["error"]["details"]["holder"];
    assert_eq!((&holder["pulse"], holder["silent_for"].is_u64()), (&"alive".into(), true), "{refused}");
    refused.says(&["stage `dev` is locked by arn:aws:", "that run is at work", "`rzap unlock dev --yes"]);

    let unlocked = world.run("unlock dev --yes --json").success().json();
    assert_eq!((&unlocked["removed"], &unlocked["holder"]["host"]), (&true.into(), &holder["host"]));
    assert!(deploy.says("the lock of this stage was taken from this run"), "{}", deploy.wait());
    go_on(world);
    let stopped = deploy.wait().failure(1);
    stopped.says(&["error: the lock of this stage was taken from this run, so it stopped", "rzap unlock"]);

    // It has made nothing, and has no lock to give back.
    assert_eq!(world.run("unlock dev").success().stdout, "slow dev: not locked\n");
    let next = world.run("deploy dev --no-wait --json").success();
    assert!(next.changes().contains(&"create function".to_owned()), "{next}");
}

/// A lock that somebody on another machine has written just now.
fn put_lock(world: &World, id: &str) {
    world.local().boto(&format!(
        r#"client("s3").put_object(Bucket="rzap-000000000000-eu-west-1", Key="hello-python/dev/lock", Body=json.dumps({{
            "id": "{id}", "by": "arn:aws:iam::000000000000:user/ada", "host": "far-away-{id}", "pid": 1,
            "since": "2026-01-01T00:00:00Z", "beat": 0,
        }}))"#
    ));
}

/// Asks for a yes on a terminal, tells so with a file, and says yes when there is another file.
const TERMINAL: &str = r#"
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(os.environ["RZAP"], ["rzap", "unlock", "dev"])
said = b""
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    said += more
    if b"all the same?" in said and not os.path.exists("asked"):
        open("asked", "w").close()
        while not os.path.exists("taken"):
            time.sleep(0.01)
        os.write(terminal, b"y")
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn a_lock_that_changes_hands_while_somebody_thinks_about_it_stays() {
    let world = World::new().app("hello-python").env("RZAP_LOCAL", "1").env("TERM", "xterm");
    let world = world.env("RZAP", env!("CARGO_BIN_EXE_rzap")).file("terminal.py", TERMINAL);
    world.run("deploy dev").success();
    for (next, code) in [("2", 1), ("1", 0)] {
        put_lock(&world, "1");
        let output = std::thread::scope(|scope| {
            let unlock = scope.spawn(|| world.shell("rm -f asked taken; python3 terminal.py"));
            wait_for("the question", Duration::from_secs(30), || world.project().join("asked").exists().then_some(()));
            put_lock(&world, next);
            world.write("taken", "");
            unlock.join().expect("it ends")
        });
        assert_eq!(output.code, code, "{output}");
        let refused = output.stdout.contains("the lock has changed hands: now it is held by");
        assert_eq!(refused, next == "2", "{output}");
        let left = world.local().inventory()["objects"].to_string().contains("hello-python/dev/lock");
        assert_eq!(left, next == "2", "{output}");
    }
}
