//! Interrupted anywhere, the next run continues.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::cloud;
use crate::faulty::{Fault, Proxy};
use crate::http;
use crate::process::wait_for;
use crate::world::World;

#[test]
fn whoever_asks_for_the_end_stops_a_deploy_cleanly_and_the_next_run_continues() {
    // Ctrl-C, a CI job that is cancelled, a terminal that is closed.
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = World::new().app("multi");
        let mut deploy = world.start("deploy dev --local");
        assert!(deploy.says("creating the artifact bucket"), "{}", deploy.wait());
        deploy.signal(signal);
        let output = deploy.wait();
        assert_eq!(output.code, 130, "{signal:?}: {output}");
        output.says(&["interrupted", "hint: run the same command again"]);

        // The lock was given back: nobody has to wait.
        let next = world.run("deploy dev --local --no-wait --json").success();
        assert_eq!(http::get(&format!("{}/", next.url())).status, 200);
        world.run("status dev --local --check").success();
    }
}

#[test]
fn below_nohup_the_end_of_the_terminal_means_nothing() {
    let world = World::new().app("multi").env("RZAP", env!("CARGO_BIN_EXE_rzap"));
    let line = r#"
trap '' HUP
"$RZAP" deploy dev --local 2> said &
until grep -q 'creating the artifact bucket' said; do sleep 0.01; done
kill -HUP $!
wait $!"#;
    world.shell(line).success();
    world.run("status dev --local --check").success();
}

#[test]
fn a_deploy_killed_early_is_finished_by_the_next_one() {
    for moment in ["creating the artifact bucket", "created   log group", "created   role"] {
        killed_at(moment);
    }
}

#[test]
fn a_deploy_killed_late_is_finished_by_the_next_one() {
    for moment in ["created   artifact", "waiting until it is active", "created   function", "created   API"] {
        killed_at(moment);
    }
}

/// Kills a first deploy when it says `moment`. The next one knows that the holder of the lock is gone,
/// because it was a process of this machine.
fn killed_at(moment: &str) {
    let world = World::new().app("multi");
    let mut deploy = world.start("deploy dev --local");
    assert!(deploy.says(moment), "it never said `{moment}`\n{}", deploy.wait());
    deploy.kill();
    let killed = deploy.wait();

    let next = world.run("deploy dev --local --json").success();
    let url = next.url();
    assert_eq!(http::get(&format!("{url}/")).json()["stage"], "dev", "after {moment}\n{killed}\n{next}");
    assert_eq!(next.json()["release"], 1, "after {moment}\n{killed}\n{next}");
    world.run("status dev --local --check").success();
    // A second API or the like would be a change.
    let twice = world.run("deploy dev --local --json").success();
    assert_eq!(twice.changes(), [""; 0], "after {moment}\n{killed}\n{next}\n{twice}");
    let undeploy = world.run("undeploy dev --local --yes").success();
    let left = world.local().inventory();
    assert_eq!(left, cloud::nothing(), "after {moment}\n{killed}\n{next}\n{undeploy}");
}

#[test]
fn a_new_version_killed_on_its_way_is_finished_by_the_next_deploy() {
    for moment in ["looking", "created   artifact", "updated   function"] {
        let world = World::new().app("multi");
        let url = world.run("deploy dev --local --json").success().url();
        world.edit("web/web.py", "\"method\": event", "\"edited\": True, \"method\": event");
        world.edit("rzap.yaml", "timeout: 10", "timeout: 11");
        let mut deploy = world.start("deploy dev --local -v");
        if moment == "looking" {
            assert!(deploy.says("account 000000000000"), "{}", deploy.wait());
        } else {
            assert!(deploy.says(moment), "it never said `{moment}`\n{}", deploy.wait());
        }
        deploy.kill();
        let killed = deploy.wait();
        // Whatever happened, what was live is live: whole, old or new.
        assert_eq!(http::get(&format!("{url}/")).json()["stage"], "dev", "after {moment}\n{killed}");

        let next = world.run("deploy dev --local --json").success();
        assert_eq!(http::get(&format!("{url}/")).json()["edited"], true, "after {moment}\n{killed}\n{next}");
        world.run("status dev --local --check").success();
    }
}

#[test]
fn an_undeploy_killed_on_its_way_is_finished_by_the_next_one() {
    for moment in ["deleted   API", "deleted   function", "deleted   role", "deleted   log group"] {
        let world = World::new().app("multi");
        world.run("deploy dev --local").success();
        let mut undeploy = world.start("undeploy dev --local --yes");
        assert!(undeploy.says(moment), "it never said `{moment}`\n{}", undeploy.wait());
        undeploy.kill();
        undeploy.wait();
        world.run("undeploy dev --local --yes").success();
        world.local().is_empty();
    }
}

#[test]
fn nobody_waits_for_the_lock_of_a_killed_deploy_of_this_machine() {
    let world = World::new().app("hello-python");
    let mut deploy = world.start("deploy dev --local");
    assert!(deploy.says("creating the artifact bucket"), "{}", deploy.wait());
    deploy.kill();
    deploy.wait();
    world.run("deploy dev --local --no-wait").success();
    world.run("status dev --local --check").success();
}

/// Somebody on another machine deploys, or did until the machine went down.
const LOCK: &str = r#"
client("s3").put_object(Bucket="rzap-000000000000-eu-west-1", Key="hello-python/dev/lock", Body=json.dumps({
    "id": "1", "by": "arn:aws:iam::000000000000:user/ada", "host": "far-away", "pid": 1, "since": "2026-01-01T00:00:00Z", "beat": 0,
}))
"#;

#[test]
fn a_deploy_waits_for_another_machine_and_goes_on_when_that_is_done() {
    let world = World::new().app("hello-python");
    world.run("deploy dev --local").success();
    world.local().boto(LOCK);
    let refused = world.run("deploy dev --local --quiet --no-wait").failure(1);
    insta::assert_snapshot!(refused.err(), @r"
    error: stage `dev` is being deployed by arn:aws:iam::000000000000:user/ada on far-away (process 1), since [time]
    hint: wait for it to end; a crashed one is taken over a minute after its last sign of life
    ");

    let mut waiting = world.start("deploy dev --local");
    assert!(waiting.says("is being deployed by arn:aws:iam::000000000000:user/ada on far-away"), "{}", waiting.wait());
    world
        .local()
        .boto(r#"client("s3").delete_object(Bucket="rzap-000000000000-eu-west-1", Key="hello-python/dev/lock")"#);
    waiting.wait().success();
}

#[test]
fn a_machine_that_shows_no_life_for_a_minute_loses_its_lock() {
    for fault in [Fault::Old, Fault::Undated] {
        let world = World::new().app("hello-python");
        world.run("deploy dev --local").success();
        let local = world.local();
        local.boto(LOCK);
        let proxy = Proxy::start(&local.endpoint);
        proxy.rule(move |call| (call.method == "GET" && call.path.contains("/dev/lock?")).then_some(fault));
        let world = world.at(&proxy.endpoint);
        // Where the store does not say how old it is, one has to watch it for that minute.
        let patience = if fault == Fault::Old { " --no-wait" } else { "" };
        let output = world.run(&format!("deploy dev{patience}")).success();
        output.says(&["the other one is gone: taking over"]);
        assert!(!local.inventory()["objects"].to_string().contains("lock"));
    }
}

#[test]
fn two_deploys_at_once_come_one_after_the_other() {
    let world = World::new().app("multi");
    let (first, second) = (world.start("deploy dev --local"), world.start("deploy dev --local"));
    for output in [first.wait(), second.wait()] {
        output.success();
    }
    world.run("status dev --local --check").success();
    assert_eq!(world.local().inventory()["apis"], json!(["multi-dev"]));
}

#[test]
fn a_local_cloud_that_was_killed_is_started_again_with_its_state() {
    let world = World::new().app("hello-python");
    world.run("deploy dev --local").success();
    let pid = world.run("local status --json").success().json()["pid"].as_i64().expect("a process id");
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(pid, Signal::KILL).expect("it can be killed");
    wait_for("the local cloud to be gone", Duration::from_secs(10), || {
        (world.run("local status --json").json()["running"] == false).then_some(())
    });
    world.run("status dev --local --check").success();
    let url = world.run("status dev --local --json").success().url();
    assert_eq!(http::get(&format!("{url}/")).json()["hello"], "world");
}
