//! `triggers:` drawn: one file per kind, one line each in [`of`].

pub(super) mod schedule;
mod sqs;
mod stream;

use serde_json::Value;

use super::Drawing;
use crate::config::FunctionConfig;
use crate::config::triggers::Trigger;
use crate::deploy::kinds::{Any, Kind};
use crate::error::Result;

/// A kind of trigger, as it is drawn.
pub(super) trait Wakes {
    /// What stands between what happens and the function.
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>>;

    /// What the function itself has to be allowed so that it can be woken: nothing, where the service calls it.
    fn statements(&self, _drawing: &Drawing<'_>) -> Result<Vec<Value>> {
        Ok(Vec::new())
    }

    /// The kinds that [`Wakes::wanted`] may have.
    fn kinds(&self) -> &'static [Kind];
}

/// How a trigger is drawn.
pub(super) fn of(trigger: &Trigger) -> &dyn Wakes {
    match trigger {
        Trigger::Schedule(schedule) => schedule,
        Trigger::Sqs(sqs) => sqs,
        Trigger::Dynamodb(dynamodb) => dynamodb,
        Trigger::Kinesis(kinesis) => kinesis,
    }
}
