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
            let number = call.number;
            stand.asked(|| killed(stand, scene.command, *fault, end, move |call| call.number == number));
        }
    });
}

fn killed(stand: &Stand, command: &str, fault: Fault, end: &Value, is: impl Fn(&Call) -> bool + Send + 'static) {
    stand.proxy.rule(move |call| is(call).then_some(fault));
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

#[test]
fn what_wakes_functions_killed_at_any_call_is_finished_by_the_next_run() {
    killed_anywhere(&scenes::WOKEN_FIRST);
}

#[test]
fn other_triggers_killed_at_any_call_are_finished_by_the_next_deploy() {
    killed_anywhere(&scenes::WOKEN_CHANGE);
}

#[test]
fn the_end_of_all_triggers_killed_at_any_call_is_finished_by_the_next_undeploy() {
    killed_anywhere(&scenes::WOKEN_UNDEPLOY);
}

/// Where it once went wrong: calls side by side come in any order, so the sweep may miss them.
#[test]
fn what_the_sweep_has_found_stays_mended() {
    let found = [
        // A release that nobody writes, a layer that nobody has, an integration or a permission that nobody needs.
        (&scenes::UPDATE, "s3 PUT", "/releases/2.json?x-id=PutObject", Fault::KillBefore),
        (&scenes::UPDATE, "lambda DELETE", "/2018-10-31/layers/", Fault::KillBefore),
        (&scenes::HTTP_BACK, "apigateway PATCH", "/routes/", Fault::KillAfter),
        (&scenes::HTTP_BACK, "lambda DELETE", "/policy/rzap-http-", Fault::KillBefore),
    ];
    for (scene, method, part, fault) in found {
        let stand = Stand::new(scene);
        stand.world().run(scene.command).success();
        let end = stand.shape();
        stand.reset();
        stand.asked(|| {
            killed(&stand, scene.command, fault, &end, move |call| {
                let text = call.to_string();
                text.contains(method) && text.contains(part)
            });
        });
        assert!(stand.proxy.calls().len() > 5, "the next run has begun");
    }
}
