//! Killed at any call, the next run ends where an uninterrupted one would have, and clients notice nothing.
//!
//! Every call of a small app's commands has its turn: rzap dies before it reaches the cloud (even numbers) or
//! after the cloud has done it (odd ones). `RZAP_SWEEP=all` does both with each call of each scene.

use serde_json::Value;

use crate::faulty::{Call, Fault};
use crate::scenes::{self, Scene};
use crate::stand::{Stand, every_call, is_whole, same};

fn killed_anywhere(scene: &Scene) {
    every_call(scene, |stand, call, end| {
        let both = [Fault::KillBefore, Fault::KillAfter];
        let faults = if is_whole() { &both[..] } else { &both[call.number % 2..][..1] };
        for fault in faults {
            stand.reset();
            stand.asked(|| killed(stand, scene.command, call, *fault, end));
        }
    });
}

fn killed(stand: &Stand, command: &str, call: &Call, fault: Fault, end: &Value) {
    let number = call.number;
    stand.proxy.rule(move |call| (call.number == number).then_some(fault));
    let run = stand.world().start(command);
    stand.proxy.victim(run.id());
    let killed = run.wait();
    let moment = stand.moment(fault, &killed);
    // There may be one less.
    assert_eq!(killed.code, if stand.proxy.struck().is_some() { 137 } else { 0 }, "{moment}");
    stand.proxy.settle();
    stand.proxy.rule(|_| None);
    // Back is where one comes from: once it is written down, the same command would go on to somewhere else.
    if command == "rollback dev" && releases(&stand.shape()) == releases(end) {
        stand.world().run("unlock dev").success();
    } else {
        let next = stand.world().run(command);
        assert_eq!(next.code, 0, "{moment}\n{next}");
    }
    same(&stand.shape(), end, &moment);
}

/// How many are written down.
fn releases(shape: &Value) -> usize {
    shape["buckets"].to_string().matches("/releases/").count()
}

#[test]
fn a_first_deploy_killed_at_any_call_is_finished_by_the_next_one() {
    killed_anywhere(&scenes::FIRST);
}

#[test]
fn a_new_version_killed_at_any_call_is_finished_by_the_next_deploy() {
    killed_anywhere(&scenes::CHANGE);
}

#[test]
fn an_undeploy_killed_at_any_call_is_finished_by_the_next_one() {
    killed_anywhere(&scenes::UNDEPLOY);
}

#[test]
fn an_update_killed_at_any_call_is_finished_by_the_next_one() {
    killed_anywhere(&scenes::UPDATE);
}

#[test]
fn a_rollback_killed_at_any_call_is_finished_by_the_next_one() {
    killed_anywhere(&scenes::BACK);
    killed_anywhere(&scenes::HTTP_BACK);
}

#[test]
fn a_rollback_to_a_newer_release_killed_at_any_call_is_finished_by_the_next_one() {
    killed_anywhere(&scenes::FORTH);
    killed_anywhere(&scenes::HTTP_FORTH);
}

#[test]
fn schedules_killed_at_any_call_are_finished_by_the_next_run() {
    killed_anywhere(&scenes::WARM_FIRST);
    killed_anywhere(&scenes::WARM_CHANGE);
    killed_anywhere(&scenes::WARM_UNDEPLOY);
}
