//! `CloudWatch`: metric alarms.
//!
//! Alarms have their settings, a state and a history, as on AWS, and survive a restart. Refused: composite
//! and log alarms, alarms on expressions or anomaly bands, dashboards, streams, and every other operation
//! that is not listed in [`CloudWatch::perform`].
//!
//! Actions are stored and not carried out: [`model::State::enter`] is the one place every change of a state
//! goes through, and where they will start.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html>

mod actions;
mod alarms;
mod check;
mod describe;
mod history;
mod input;
mod model;
mod tags;

use std::path::Path;
use std::sync::Arc;

use self::input::Input;
use self::model::State;
use super::Local;
use super::rpc::{Call, Document};
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::{OrFailed as _, Result};

const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";

/// The service.
#[derive(Debug)]
pub(crate) struct CloudWatch {
    state: Store<State>,
}

impl CloudWatch {
    /// Opens the state in `{home}/cloudwatch`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("cloudwatch");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { state: Store::open(&dir, "alarms")? })
    }

    /// Answers one API call.
    #[expect(clippy::unused_async, reason = "every service is asked the same way")]
    pub(crate) async fn handle(&self, _local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let call = Call::read(&request)?;
        let input = Input::new(&call.input, "");
        let document = self.perform(&call.operation, &input, &request.region)?;
        Ok(call.reply(&document, NAMESPACE, &request.request_id))
    }

    fn perform(&self, operation: &str, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        match operation {
            "PutMetricAlarm" => self.put_alarm(input, region),
            "DescribeAlarms" => self.describe_alarms(input, region),
            "DescribeAlarmsForMetric" => self.describe_alarms_for_metric(input, region),
            "DeleteAlarms" => self.delete_alarms(input, region),
            "SetAlarmState" => self.set_alarm_state(input, region),
            "EnableAlarmActions" => self.enable_actions(input, region, true),
            "DisableAlarmActions" => self.enable_actions(input, region, false),
            "DescribeAlarmHistory" => self.describe_history(input, region),
            "TagResource" => self.tag(input, region),
            "UntagResource" => self.untag(input, region),
            "ListTagsForResource" => self.list_tags(input, region),
            "" => Err(Fault::new(400, "MissingAction", "the request names no Action")),
            operation => Err(Fault::unsupported("cloudwatch", operation)),
        }
    }
}

/// A fault of AWS's model: the code that Query has, and the name of its shape where that is another.
fn fault(status: u16, code: &'static str, shape: &'static str, message: impl Into<String>) -> Fault {
    Fault::new(status, code, message).member("__type", shape)
}

/// `ValidationError`.
fn invalid(message: impl Into<String>) -> Fault {
    fault(400, "ValidationError", "ValidationException", message)
}

/// `InvalidParameterValue`.
fn bad_value(message: impl Into<String>) -> Fault {
    fault(400, "InvalidParameterValue", "InvalidParameterValueException", message)
}
