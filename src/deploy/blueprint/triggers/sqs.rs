//! Messages of a queue: Lambda reads them in the function's name.

use serde_json::Value;

use super::Wakes;
use crate::config::FunctionConfig;
use crate::config::triggers::SqsTrigger;
use crate::deploy::blueprint::{Drawing, allow};
use crate::deploy::kinds::{Any, EventSource, Kind};
use crate::deploy::names::function_name;
use crate::error::Result;

/// What Lambda does with a queue in the function's name.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions>
const RECEIVE: &[&str] = &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

impl Wakes for SqsTrigger {
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let (name, queue) = (function_name(&drawing.owner, &function.name), drawing.addresses.arn(&self.queue)?);
        Ok(vec![Any::EventSource(EventSource::of_queue(&drawing.owner, &name, queue, self))])
    }

    fn statements(&self, drawing: &Drawing<'_>) -> Result<Vec<Value>> {
        Ok(vec![allow(RECEIVE, &[drawing.addresses.arn(&self.queue)?])])
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::EventSource]
    }
}
