//! The states of alarms, by their names.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;

use crate::aws::{Cloud, explain};
use crate::error::Result;

/// Names in one call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const AT_ONCE: usize = 100;

/// One alarm.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AlarmState {
    pub(crate) name: String,
    /// `OK`, `ALARM`, `INSUFFICIENT_DATA`.
    pub(crate) state: String,
    /// Since when it is in it; RFC 3339.
    pub(crate) since: Option<String>,
    pub(crate) reason: String,
}

/// The alarms of these names that there are; those in `ALARM` first.
pub(crate) async fn alarms(cloud: &Cloud, names: &[String]) -> Result<Vec<AlarmState>> {
    let calls = names.chunks(AT_ONCE).map(|names| {
        let call = cloud.cloudwatch.describe_alarms().set_alarm_names(Some(names.to_vec())).max_records(100);
        call.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm).send()
    });
    let answers = try_join_all(calls).await.map_err(explain("look at the alarms"))?;
    let mut all = Vec::new();
    for answer in &answers {
        let metric = answer.metric_alarms().iter().map(|it| {
            let since = it.state_transitioned_timestamp().or(it.state_updated_timestamp());
            AlarmState::new(it.alarm_name(), it.state_value(), since, it.state_reason())
        });
        let composite = answer.composite_alarms().iter().map(|it| {
            let since = it.state_transitioned_timestamp().or(it.state_updated_timestamp());
            AlarmState::new(it.alarm_name(), it.state_value(), since, it.state_reason())
        });
        all.extend(metric.chain(composite));
    }
    all.sort_by_key(|alarm: &AlarmState| (alarm.state != "ALARM", alarm.name.clone()));
    Ok(all)
}

impl AlarmState {
    fn new(name: Option<&str>, state: Option<&StateValue>, since: Option<&DateTime>, reason: Option<&str>) -> Self {
        Self {
            name: name.unwrap_or_default().to_owned(),
            state: state.map(StateValue::as_str).unwrap_or_default().to_owned(),
            since: since.and_then(|since| Timestamp::from_second(since.secs()).ok()).map(|since| since.to_string()),
            reason: reason.unwrap_or_default().to_owned(),
        }
    }
}
