//! CloudWatch alarms that say whether a shift may go on: looked at, never changed.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::names::alarm_name;
use super::resource::Owner;
use crate::aws::{Cloud, explain};
use crate::config::StageConfig;
use crate::error::{Error, Result};

/// The names on AWS of the alarms that call a stage's traffic back: those of its own `resources`, and others.
pub(crate) fn of_stage(stage: &StageConfig) -> Vec<String> {
    let owner = Owner::of(stage);
    let own = |name: &String| stage.resources.get(name).is_some_and(|it| it.condition().is_some());
    stage.alarms.iter().map(|name| if own(name) { alarm_name(&owner, name) } else { name.clone() }).collect()
}

/// Looks at all of them in one call. Only `ALARM` stops anything: `INSUFFICIENT_DATA` is what an alarm says of
/// a version that nobody has called yet.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-concepts.html>
///
/// # Errors
/// One of them is in `ALARM` or does not exist, or they could not be looked at: then nobody knows.
pub(super) async fn check(cloud: &Cloud, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    // Without the types, composite alarms are left out; without a maximum there are 50.
    // <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
    let call = cloud.cloudwatch.describe_alarms().set_alarm_names(Some(names.to_vec())).max_records(100);
    let call = call.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
    let found = call.send().await.map_err(explain("look at the alarms of the stage"))?;
    let metric =
        found.metric_alarms().iter().map(|alarm| (alarm.alarm_name(), alarm.state_value(), alarm.state_reason()));
    let composite =
        found.composite_alarms().iter().map(|alarm| (alarm.alarm_name(), alarm.state_value(), alarm.state_reason()));
    let states: BTreeMap<&str, _> =
        metric.chain(composite).filter_map(|(name, state, reason)| Some((name?, (state, reason)))).collect();
    let missing: Vec<&String> = names.iter().filter(|name| !states.contains_key(name.as_str())).collect();
    if !missing.is_empty() {
        let error = Error::failed(format!("there is no alarm {} in {}", quoted(&missing), cloud.region));
        return Err(error.hint("`alarms` in rzap.yaml names CloudWatch alarms of the stage's own region and account"));
    }
    let firing: Vec<&String> = names
        .iter()
        .filter(|name| states.get(name.as_str()).is_some_and(|(state, _)| *state == Some(&StateValue::Alarm)))
        .collect();
    if firing.is_empty() {
        return Ok(());
    }
    let (what, are) = if firing.len() == 1 { ("alarm", "is") } else { ("alarms", "are") };
    let mut error = Error::failed(format!("the {what} {} {are} in ALARM", quoted(&firing)))
        .hint("what has to go out in spite of it goes with `--at-once`");
    let reasons = firing.iter().filter_map(|name| states.get(name.as_str())?.1);
    error.causes.extend(reasons.filter(|reason| !reason.is_empty()).map(str::to_owned));
    Err(error)
}

fn quoted(names: &[&String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
