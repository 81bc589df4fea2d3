//! `CloudWatch`: metrics, and alarms on them.
//!
//! Alarms have their settings, a state and a history, as on AWS, and survive a restart; metrics are in memory
//! ([`metrics`]). Lambda's own metrics come in through [`CloudWatch::measure`]. Refused: composite and log
//! alarms, expressions, anomaly bands, dashboards, streams, and every other operation that is not listed in
//! [`CloudWatch::perform`].
//!
//! [`model::State::enter`] is the one place every change of a state goes through; the actions that hang on it are
//! carried out after ([`act`]).
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html>

mod act;
mod actions;
mod alarms;
mod bucket;
mod check;
mod describe;
mod evaluate;
mod gather;
mod history;
mod input;
mod judge;
mod metrics;
mod model;
mod put;
mod read;
mod reason;
mod tags;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;

use self::input::Input;
use self::metrics::Metrics;
use self::model::{State, now_ms};
pub(crate) use self::put::Measured;
use super::Local;
use super::background::Background;
use super::rpc::{Call, Document};
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::{OrFailed as _, Result};

const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";

/// The service.
#[derive(Debug)]
pub(crate) struct CloudWatch {
    state: Store<State>,
    metrics: Metrics,
    /// Alarms or data have changed.
    changed: Arc<Notify>,
    clock: Background,
}

impl CloudWatch {
    /// Opens the state in `{home}/cloudwatch`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("cloudwatch");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        let state = Store::open(&dir, "alarms")?;
        Ok(Self { state, metrics: Metrics::default(), changed: Arc::default(), clock: Background::default() })
    }

    /// Starts to evaluate alarms.
    pub(crate) fn start(&self, local: &Arc<Local>) {
        self.clock.start(evaluate::run(Arc::downgrade(local), Arc::clone(&self.changed)));
    }

    /// Stops it: no alarm changes its state any more.
    pub(crate) fn stop(&self) {
        self.clock.stop();
    }

    /// Puts every alarm into the state that its metric says. `now` in ms since the epoch.
    fn evaluate(&self, local: &Arc<Local>, now: i64) -> Result<(), Fault> {
        self.gather(local, now);
        self.metrics.sweep(now.div_euclid(1000));
        let changes: Vec<_> = self.state.read(|state| {
            let next = |(region, name, alarm): (&String, &String, &model::Alarm)| {
                let entered = evaluate::next(alarm, &self.metrics, region, now)?;
                Some((region.clone(), name.clone(), alarm.configured, entered))
            };
            state.all().filter_map(next).collect()
        });
        if changes.is_empty() {
            return Ok(());
        }
        let entered = self.state.write(|state| {
            let mut all = Vec::new();
            for (region, name, configured, entered) in changes {
                // What was changed or set by hand since is evaluated with the next tick.
                let same = |alarm: &model::Alarm| {
                    alarm.configured == configured && alarm.condition.by_hand.is_none_or(|since| since < now)
                };
                if state.get(&region, &name).is_some_and(same) {
                    all.extend(state.enter(&region, &name, entered)?);
                }
            }
            Ok(all)
        })?;
        for change in entered {
            change.carry_out(local);
        }
        Ok(())
    }

    /// Answers one API call.
    #[expect(clippy::unused_async, reason = "every service is asked the same way")]
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let call = Call::read(&request)?;
        let input = Input::new(&call.input, "");
        let document = self.perform(local, &call.operation, &input, &request.region)?;
        if matches!(call.operation.as_str(), "PutMetricAlarm" | "PutMetricData") {
            self.changed.notify_one();
        }
        Ok(call.reply(&document, NAMESPACE, &request.request_id))
    }

    fn perform(&self, local: &Arc<Local>, operation: &str, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        match operation {
            "PutMetricAlarm" => self.put_alarm(input, region),
            "DescribeAlarms" => self.describe_alarms(input, region),
            "DescribeAlarmsForMetric" => self.describe_alarms_for_metric(input, region),
            "DeleteAlarms" => self.delete_alarms(input, region),
            "SetAlarmState" => self.set_alarm_state(local, input, region),
            "EnableAlarmActions" => self.enable_actions(input, region, true),
            "DisableAlarmActions" => self.enable_actions(input, region, false),
            "DescribeAlarmHistory" => self.describe_history(input, region),
            "PutMetricData" => self.put_data(input, region),
            "GetMetricStatistics" => self.get_statistics(input, region),
            "GetMetricData" => self.get_data(local, input, region),
            "ListMetrics" => self.list_metrics(input, region, now_ms().div_euclid(1000)),
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
