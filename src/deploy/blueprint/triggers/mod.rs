//! `triggers:` drawn: one file per kind, one line each in [`of`].

pub(super) mod cognito;
mod events;
pub(super) mod http;
mod logs;
pub(super) mod s3;
pub(super) mod schedule;
mod sns;
mod sqs;
mod stream;

use serde_json::Value;

use super::Drawing;
use crate::config::FunctionConfig;
use crate::config::triggers::Trigger;
use crate::deploy::kinds::{Any, Kind, Sender};
use crate::error::Result;

/// A kind of trigger, as it is drawn.
pub(super) trait Wakes {
    /// What stands between what happens and the function.
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>>;

    /// What the function itself has to be allowed so that it can be woken: nothing, where the service calls it.
    fn statements(&self, _drawing: &Drawing<'_>) -> Result<Vec<Value>> {
        Ok(Vec::new())
    }

    /// The queues of `resources` that a service sends to because of it, each with who that is: their policies let
    /// it in.
    fn sends(&self, _function: &FunctionConfig, _drawing: &Drawing<'_>) -> Result<Vec<(String, Sender)>> {
        Ok(Vec::new())
    }

    /// The kinds that [`Wakes::wanted`] may have.
    fn kinds(&self) -> &'static [Kind];
}

/// How a trigger is drawn.
pub(super) fn of(trigger: &Trigger) -> &dyn Wakes {
    match trigger {
        Trigger::Http(http) => http,
        Trigger::Events(events) => events,
        Trigger::Logs(logs) => logs,
        Trigger::S3(s3) => s3,
        Trigger::Schedule(schedule) => schedule,
        Trigger::Sqs(sqs) => sqs,
        Trigger::Sns(sns) => sns,
        Trigger::Dynamodb(dynamodb) => dynamodb,
        Trigger::Kinesis(kinesis) => kinesis,
        Trigger::Cognito(cognito) => cognito,
    }
}
