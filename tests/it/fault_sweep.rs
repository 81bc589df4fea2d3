//! Whatever goes wrong with one call, rzap gets over it, or says what is wrong and continues the next time.
//!
//! Every call of a small app's commands meets one of the faults, by turns, and every call that changes something
//! loses its answer, too. `RZAP_SWEEP=all` tries all faults with all calls of each scene.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::faulty::{Call, Fault};
use crate::output::Output;
use crate::scenes::{self, Scene};
use crate::stand::{Stand, every_call, is_whole, same};

/// No two after each other are of one sort.
const FAULTS: [Fault; 8] = [
    Fault::Unseen,
    Fault::Throttled,
    Fault::Denied,
    Fault::Broken,
    Fault::Cut,
    Fault::Busy,
    Fault::Expired,
    Fault::Lost,
];

/// `turn` is the fault of the first call.
fn faults_anywhere(scene: &Scene, turn: usize) {
    every_call(scene, |stand, call, end| {
        let mut faults = vec![FAULTS[(call.number + turn) % FAULTS.len()]];
        if is_whole() {
            faults = FAULTS.into_iter().chain([Fault::Slow]).collect();
        } else if call.changes_something() && faults != [Fault::Lost] {
            faults.push(Fault::Lost);
        }
        for fault in faults {
            let number = call.number;
            stand.reset();
            stand.asked(|| broken(stand, scene.command, fault, end, move |call| call.number == number));
        }
    });
}

/// The first call of that kind goes wrong.
fn broken(stand: &Stand, command: &str, fault: Fault, end: &Value, is: impl Fn(&Call) -> bool + Send + 'static) {
    let (run, moment) = faulty(stand, command, fault, is);
    // What comes after the work never fails it: a lock that stays is taken over.
    let locks = stand.proxy.struck().is_some_and(|call| call.path.contains("/dev/lock?"));
    stand.proxy.rule(|_| None);
    match run.code {
        0 if locks => {}
        0 => same(&stand.shape(), end, &moment),
        _ => says_why(&run, fault, &moment),
    }
    // Back is where one comes from: when it is done, the same command would go on to somewhere else.
    if command == "rollback dev" && run.code == 0 {
        stand.world().run("unlock dev").success();
    } else {
        let next = stand.world().run(command);
        assert_eq!(next.code, 0, "{moment}\n{next}");
    }
    same(&stand.shape(), end, &moment);
}

/// Runs the command with the fault.
fn faulty(stand: &Stand, command: &str, fault: Fault, is: impl Fn(&Call) -> bool + Send + 'static) -> (Output, String) {
    let done = AtomicBool::new(false);
    stand.proxy.rule(move |call| (is(call) && !done.swap(true, Ordering::SeqCst)).then_some(fault));
    let run = stand.world().run(command);
    let moment = stand.moment(fault, &run);
    (run, moment)
}

/// The right exit code, what went wrong, and what to do.
fn says_why(run: &Output, fault: Fault, moment: &str) {
    let access = matches!(fault, Fault::Denied | Fault::Expired);
    assert_eq!(run.code, if access { 4 } else { 1 }, "{moment}");
    assert!(run.stderr.contains("error: ") && run.stderr.contains("hint: "), "{moment}");
}

#[test]
fn a_first_deploy_gets_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::FIRST, 0);
}

#[test]
fn a_new_version_gets_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::CHANGE, 3);
}

#[test]
fn an_undeploy_gets_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::UNDEPLOY, 6);
}

#[test]
fn an_update_gets_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::UPDATE, 1);
}

#[test]
fn a_rollback_gets_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::BACK, 2);
    faults_anywhere(&scenes::HTTP_BACK, 5);
}

#[test]
fn a_rollback_to_a_newer_release_gets_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::FORTH, 4);
    faults_anywhere(&scenes::HTTP_FORTH, 7);
}

#[test]
fn schedules_get_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::WARM_FIRST, 1);
    faults_anywhere(&scenes::WARM_CHANGE, 2);
    faults_anywhere(&scenes::WARM_UNDEPLOY, 3);
}

/// The same but for what is measured; or a part of it, which says that there is more.
fn as_true(said: &Value, good: &Value, moment: &str) {
    let steady = |document: &Value| {
        let mut document = document.clone();
        for member in ["window", "cost", "alarms", "queues", "certificates", "missing"] {
            document[member] = Value::Null;
        }
        for function in document["functions"].as_array_mut().into_iter().flatten() {
            for member in ["metrics", "cold_starts", "cost"] {
                function[member] = Value::Null;
            }
        }
        document
    };
    let (said_steady, good_steady) = (steady(said), steady(good));
    if said["missing"].as_array().is_none_or(Vec::is_empty) {
        return assert_eq!(said_steady, good_steady, "{moment}");
    }
    // Without the API nobody knows a function's address, without the release nobody whose change it was.
    let known = |list: &str, of: &Value| -> Vec<Value> {
        let all = of[list].as_array().into_iter().flatten();
        all.map(|it| ["action", "kind", "name", "version", "code_sha256"].map(|member| it[member].clone()).into())
            .collect()
    };
    for list in ["changes", "functions"] {
        let good = known(list, &good_steady);
        assert!(known(list, &said_steady).iter().all(|one| good.contains(one)), "{list}: {moment}");
    }
    for sure in ["drift", "in_sync"] {
        assert!(said[sure].is_null() || said[sure] == good[sure], "{sure}: {moment}");
    }
}

#[test]
fn what_wakes_functions_gets_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::WOKEN_FIRST, 5);
}

#[test]
fn other_triggers_get_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::WOKEN_CHANGE, 0);
}

#[test]
fn the_end_of_all_triggers_gets_over_a_fault_of_any_call() {
    faults_anywhere(&scenes::WOKEN_UNDEPLOY, 2);
}

#[test]
fn a_reading_command_says_the_truth_or_fails_whatever_goes_wrong() {
    // What is said of the time is of one run.
    let reading = [
        ("status dev --json", 0),
        ("status dev --check --json", 3),
        ("deploy dev --dry-run --json", 0),
        ("releases dev --json", 0),
        ("rollback dev 1 --dry-run --json", 0),
        ("unlock dev --json", 0),
    ];
    let stand = Stand::new(&scenes::READ);
    let before = stand.shape();
    for (command, code) in reading {
        stand.proxy.rule(|_| None);
        let good = stand.world().run(command);
        assert_eq!(good.code, code, "{good}");
        let calls = stand.proxy.calls().len();
        for number in 0..calls {
            let faults = if is_whole() { FAULTS.to_vec() } else { vec![FAULTS[number % FAULTS.len()]] };
            for fault in faults {
                let (run, moment) = faulty(&stand, command, fault, move |call| call.number == number);
                if run.code == code {
                    as_true(&run.json(), &good.json(), &moment);
                } else {
                    says_why(&run, fault, &moment);
                    assert!(run.json()["error"].is_object(), "{moment}");
                }
            }
        }
    }
    stand.proxy.rule(|_| None);
    same(&stand.shape(), &before, "after reading");
}

/// Where it once went wrong: calls side by side come in any order, so the sweep may miss them.
#[test]
fn what_the_sweep_has_found_stays_mended() {
    let found = [
        // A second release, a second version of a layer, a second deployment, a second HTTP API, a history that
        // stays for ever.
        (&scenes::FIRST, "/releases/1.json?x-id=PutObject", Fault::Lost),
        (&scenes::FIRST, "lambda POST /2018-10-31/layers/", Fault::Lost),
        (&scenes::FIRST, "/deployments", Fault::Lost),
        (&scenes::CHANGE, "apigateway GET /v2/apis", Fault::Expired),
        (&scenes::UNDEPLOY, "?list-type=2&prefix=sweep%2Fdev%2F", Fault::Denied),
    ];
    for (scene, part, fault) in found {
        let stand = Stand::new(scene);
        stand.world().run(scene.command).success();
        let end = stand.shape();
        stand.reset();
        stand.asked(|| broken(&stand, scene.command, fault, &end, move |call| call.to_string().contains(part)));
    }
}

/// A call that goes wrong whenever it is made, and what rzap says of it.
struct Lasting {
    command: &'static str,
    /// What the call's text has in it.
    call: &'static str,
    fault: Fault,
    says: [&'static str; 2],
}

const LASTING: [Lasting; 6] = [
    Lasting {
        command: "deploy dev",
        call: "lambda GET /2015-03-31/functions",
        fault: Fault::Broken,
        says: ["failed to list the functions", "hint: the service itself is in trouble"],
    },
    Lasting {
        command: "deploy dev",
        call: ".zip",
        fault: Fault::Throttled,
        says: ["SlowDown", "hint: AWS limits how often"],
    },
    Lasting {
        command: "deploy dev",
        call: "#CreateLogGroup",
        fault: Fault::Unseen,
        says: ["failed to create the log group", "hint: "],
    },
    Lasting {
        command: "deploy dev",
        call: "lambda POST /2018-10-31/layers",
        fault: Fault::Unseen,
        says: ["failed to publish the layer", "hint: "],
    },
    Lasting {
        command: "undeploy dev --yes",
        call: "Action=DeleteRole",
        fault: Fault::Busy,
        says: ["failed to delete the policy `rzap` of the role", "hint: the service itself is in trouble"],
    },
    Lasting {
        command: "undeploy dev --yes",
        call: "/policy/rzap-api-",
        fault: Fault::Throttled,
        says: ["failed to remove a permission of the function", "hint: AWS limits how often"],
    },
];

#[test]
fn what_does_not_get_better_is_given_up_with_a_hint_and_continued_later() {
    // They mostly sleep between their attempts.
    std::thread::scope(|scope| {
        for Lasting { command, call: part, fault, says } in LASTING {
            scope.spawn(move || {
                let goes = command.starts_with("undeploy");
                let stand = Stand::new(if goes { &scenes::UNDEPLOY } else { &scenes::FIRST });
                stand.proxy.rule(move |call| call.to_string().contains(part).then_some(fault));
                stand.world().run(command).failure(1).says(&says);
                stand.proxy.rule(|_| None);
                stand.world().run(command).success();
                assert_eq!(stand.shape()["functions"].as_array().map_or(0, Vec::len) > 0, !goes);
            });
        }
    });
}
