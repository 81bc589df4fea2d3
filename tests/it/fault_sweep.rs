//! Whatever goes wrong with one call, rzap gets over it, or says what is wrong and continues the next time.
//!
//! Every call of a small app's commands meets one of the faults, by turns, and every call that changes something
//! loses its answer, too. `RZAP_SWEEP=all` tries all faults with all calls.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::crash_sweep::{Stand, Start, every_call, is_whole, same};
use crate::faulty::{Call, Fault};

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
fn faults_anywhere(start: Start, changed: bool, command: &str, turn: usize) {
    every_call(start, changed, command, |stand, call, end| {
        let mut faults = vec![FAULTS[(call.number + turn) % FAULTS.len()]];
        if is_whole() {
            faults = FAULTS.into_iter().chain([Fault::Slow]).collect();
        } else if call.changes_something() && faults != [Fault::Lost] {
            faults.push(Fault::Lost);
        }
        for fault in faults {
            let number = call.number;
            broken(stand, command, fault, end, move |call| call.number == number);
        }
    });
}

/// The first call of that kind goes wrong.
fn broken(stand: &Stand, command: &str, fault: Fault, end: &Value, is: impl Fn(&Call) -> bool + Send + 'static) {
    stand.reset();
    let done = AtomicBool::new(false);
    stand.proxy.rule(move |call| (is(call) && !done.swap(true, Ordering::SeqCst)).then_some(fault));
    let run = stand.world().run(command);
    let moment = stand.moment(fault, &run);
    // What comes after the work never fails it: a lock that stays is taken over.
    let locks = stand.proxy.struck().is_some_and(|call| call.path.contains("/dev/lock?"));
    stand.proxy.rule(|_| None);
    match run.code {
        0 if locks => {}
        0 => same(&stand.shape(), end, &moment),
        code => {
            let access = matches!(fault, Fault::Denied | Fault::Expired);
            assert_eq!(code, if access { 4 } else { 1 }, "{moment}");
            assert!(run.stderr.contains("error: ") && run.stderr.contains("hint: "), "{moment}");
            if !command.starts_with("undeploy") {
                stand.serves(&moment);
            }
        }
    }
    let next = stand.world().run(command);
    assert_eq!(next.code, 0, "{moment}\n{next}");
    same(&stand.shape(), end, &moment);
}

#[test]
fn a_first_deploy_gets_over_a_fault_of_any_call() {
    faults_anywhere(Start::Nothing, false, "deploy dev", 0);
}

#[test]
fn a_new_version_gets_over_a_fault_of_any_call() {
    faults_anywhere(Start::Deployed, true, "deploy dev", 3);
}

#[test]
fn an_undeploy_gets_over_a_fault_of_any_call() {
    faults_anywhere(Start::Deployed, false, "undeploy dev --yes", 6);
}

/// Where it once went wrong: calls side by side come in any order, so the sweep may miss them.
#[test]
fn what_the_sweep_has_found_stays_mended() {
    let found = [
        // A second release, a second version of a layer, a second HTTP API, a history that stays for ever.
        (Start::Nothing, "deploy dev", "/releases/1.json?x-id=PutObject", Fault::Lost),
        (Start::Nothing, "deploy dev", "lambda POST /2018-10-31/layers/", Fault::Lost),
        (Start::Deployed, "deploy dev", "apigateway GET /v2/apis", Fault::Expired),
        (Start::Deployed, "undeploy dev --yes", "?list-type=2&prefix=sweep%2Fdev%2F", Fault::Denied),
    ];
    for (start, command, part, fault) in found {
        let stand = Stand::new(start, start == Start::Deployed);
        stand.world().run(command).success();
        let end = stand.shape();
        broken(&stand, command, fault, &end, move |call| call.to_string().contains(part));
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
                let start = if command.starts_with("undeploy") { Start::Deployed } else { Start::Nothing };
                let stand = Stand::new(start, false);
                stand.proxy.rule(move |call| call.to_string().contains(part).then_some(fault));
                stand.world().run(command).failure(1).says(&says);
                stand.proxy.rule(|_| None);
                stand.world().run(command).success();
                assert_eq!(stand.shape()["functions"].as_array().map_or(0, Vec::len) > 0, start == Start::Nothing);
            });
        }
    });
}
