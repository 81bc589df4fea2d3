//! Interrupted anywhere, the next run continues.

use std::time::Duration;

use serde_json::json;

use crate::http;
use crate::process::wait_for;
use crate::world::World;

/// The lock of a killed deploy stays for a minute. One test waits for that; the others remove it, which
/// anybody may do who knows that nobody deploys.
const UNLOCK: &str = r#"
s3 = client("s3")
for bucket in s3.list_buckets()["Buckets"]:
    for item in every("s3", "list_objects_v2", "Contents", Bucket=bucket["Name"]):
        if item["Key"].endswith("/lock"):
            s3.delete_object(Bucket=bucket["Name"], Key=item["Key"])
"#;

#[test]
fn ctrl_c_stops_a_deploy_cleanly_and_the_next_run_continues() {
    let world = World::new().app("multi");
    let mut deploy = world.start("deploy dev --local");
    assert!(deploy.says("creating the artifact bucket"), "{}", deploy.wait());
    deploy.interrupt();
    let output = deploy.wait();
    assert_eq!(output.code, 130, "{output}");
    output.says(&["interrupted", "hint: run the same command again"]);

    // The lock was given back: nobody has to wait.
    let next = world.run("deploy dev --local --no-wait --json").success();
    assert_eq!(http::get(&format!("{}/", next.url())).status, 200);
    world.run("status dev --local --check").success();
}

#[test]
fn a_deploy_killed_at_any_point_is_finished_by_the_next_one() {
    for moment in [
        "creating the artifact bucket",
        "created   log group",
        "created   role",
        "created   artifact",
        "waiting until it is active",
        "created   function",
        "created   API",
    ] {
        let world = World::new().app("multi");
        let mut deploy = world.start("deploy dev --local");
        assert!(deploy.says(moment), "it never said `{moment}`\n{}", deploy.wait());
        deploy.kill();
        let killed = deploy.wait();
        world.local().boto(UNLOCK);

        let next = world.run("deploy dev --local --json").success();
        let url = next.url();
        assert_eq!(http::get(&format!("{url}/")).json()["stage"], "dev", "after {moment}\n{killed}\n{next}");
        world.run("status dev --local --check").success();
        let twice = world.run("deploy dev --local --json").success();
        assert_eq!(twice.changes(), [""; 0], "after {moment}\n{killed}\n{next}\n{twice}");
        assert_eq!(world.local().inventory()["apis"], json!(["multi-dev"]), "after {moment}\n{killed}\n{next}");
        let undeploy = world.run("undeploy dev --local --yes").success();
        let left = world.local().inventory();
        assert_eq!(left["buckets"], json!([]), "after {moment}\n{killed}\n{next}\n{undeploy}");
        world.local().is_empty();
    }
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
        world.local().boto(UNLOCK);

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
        world.local().boto(UNLOCK);
        world.run("undeploy dev --local --yes").success();
        world.local().is_empty();
    }
}

#[test]
fn the_lock_of_a_killed_deploy_is_taken_over() {
    let world = World::new().app("hello-python");
    let mut deploy = world.start("deploy dev --local");
    assert!(deploy.says("creating the artifact bucket"), "{}", deploy.wait());
    deploy.kill();
    deploy.wait();
    let impatient = world.run("deploy dev --local --no-wait");
    if impatient.code != 0 {
        impatient.says(&["stage `dev` is being deployed by", "hint: "]);
    }
    // At most a minute, when nothing else proves that the holder is gone.
    world.run("deploy dev --local").success();
    world.run("status dev --local --check").success();
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
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it can be killed");
    wait_for("the local cloud to be gone", Duration::from_secs(10), || {
        (world.run("local status --json").json()["running"] == false).then_some(())
    });
    world.run("status dev --local --check").success();
    let url = world.run("status dev --local --json").success().url();
    assert_eq!(http::get(&format!("{url}/")).json()["hello"], "world");
}
