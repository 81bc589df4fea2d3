//! `triggers:` and `uses:` drawn: what wakes a function, and what it may do because of that.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Place;
use super::addresses::Addresses;
use crate::config::FunctionConfig;
use crate::config::triggers::{ScheduleTrigger, Trigger};
use crate::deploy::kinds::{Any, EventSource, Schedule};
use crate::deploy::names::{ALIAS, function_name, schedule_name};
use crate::deploy::resource::Owner;
use crate::error::Result;

/// What the triggers of a function need besides it.
pub(super) fn wanted(function: &FunctionConfig, owner: &Owner, addresses: &Addresses) -> Result<Vec<Any>> {
    let name = function_name(owner, &function.name);
    let mut all = Vec::new();
    for trigger in &function.triggers {
        match trigger {
            Trigger::Sqs(sqs) => {
                all.push(Any::EventSource(EventSource::of_queue(owner, &name, addresses.arn(&sqs.queue)?, sqs)));
            }
            // With the others of the stage, see `schedules`.
            Trigger::Schedule(_) => {}
        }
    }
    Ok(all)
}

/// The schedules of a function's triggers. `target` and `role` are ARNs.
pub(super) fn schedules(function: &FunctionConfig, owner: &Owner, target: &str, role: &str) -> Vec<Schedule> {
    let schedules = function.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Schedule(schedule) => Some(schedule),
        Trigger::Sqs(_) => None,
    });
    schedules
        .map(|schedule| {
            let own = schedule.name.clone().unwrap_or_else(|| digest(schedule));
            let name = schedule_name(owner, &function.name, &own);
            Schedule::of_trigger(name, owner.clone(), schedule, target.to_owned(), role.to_owned())
        })
        .collect()
}

/// What a schedule without a name is told from the function's others by: when it is, and what it says.
fn digest(schedule: &ScheduleTrigger) -> String {
    let said = format!("{} {} {}", schedule.expression, schedule.timezone, schedule.input);
    hex::encode(&Sha256::digest(said.as_bytes())[..4])
}

/// What a function may do because of its triggers and of what it uses: exact actions on exact ARNs.
pub(super) fn statements(function: &FunctionConfig, addresses: &Addresses) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for trigger in &function.triggers {
        match trigger {
            Trigger::Sqs(sqs) => all.push(allow(RECEIVE, &[addresses.arn(&sqs.queue)?])),
            Trigger::Schedule(_) => {}
        }
    }
    for (name, access) in &function.uses {
        all.extend(super::uses::statements(addresses.get(name)?, access));
    }
    // Two triggers of one queue, or a trigger and a use, may say the same.
    let mut once: Vec<Value> = Vec::new();
    for statement in all {
        if !once.contains(&statement) {
            once.push(statement);
        }
    }
    Ok(once)
}

/// What Lambda does with a queue in the function's name.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions>
const RECEIVE: &[&str] = &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

pub(super) fn allow(actions: &[&str], resources: &[String]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

/// The ARN of a function's alias.
pub(super) fn alias(function: &FunctionConfig, owner: &Owner, place: &Place) -> String {
    let what = format!("function:{}:{ALIAS}", function_name(owner, &function.name));
    place.arn("lambda", &place.region, &what)
}

/// Whether one of its triggers is the clock.
pub(super) fn has_schedule(function: &FunctionConfig) -> bool {
    function.triggers.iter().any(|trigger| matches!(trigger, Trigger::Schedule(_)))
}
