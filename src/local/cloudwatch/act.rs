//! What an alarm does when it goes from one state to another: a message to a topic, a call of a function.
//!
//! Each action is in the alarm's history, with why it failed if it did. Others than these two are kept and not
//! carried out, and the history says so.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html>

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::history::Item;
use super::model::{Alarm, Condition, Settings, Statistic, arn, now_ms};
use crate::local::deliver::{Message, deliver};
use crate::local::wire::Fault;
use crate::local::{ACCOUNT, Local};

/// As topics and as functions see the sender.
const TO_TOPICS: &str = "cloudwatch.amazonaws.com";
const TO_FUNCTIONS: &str = "lambda.alarms.cloudwatch.amazonaws.com";

/// Characters of a message's subject.
const SUBJECT: usize = 100;

/// An alarm that is in another state than before.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) region: String,
    pub(super) name: String,
    pub(super) before: Condition,
    /// As it is now.
    pub(super) alarm: Alarm,
}

impl Change {
    /// Carries out the actions of the new state.
    pub(super) fn carry_out(&self, local: &Arc<Local>) {
        let settings = &self.alarm.settings;
        if !settings.actions_enabled {
            return;
        }
        let actions = match self.alarm.condition.value.as_str() {
            "ALARM" => &settings.alarm_actions,
            "OK" => &settings.ok_actions,
            _ => &settings.insufficient_data_actions,
        };
        for action in actions {
            let result = self.act(local, action);
            let item = self.item(action, result.err());
            // That it is not in the history undoes nothing.
            let _ = local.cloudwatch.state.write(|state| {
                state.record(&self.region, item);
                Ok(())
            });
        }
    }

    fn act(&self, local: &Arc<Local>, action: &str) -> Result<(), Fault> {
        match action.split(':').nth(2) {
            Some("sns") => {
                let subject = format!("{}: \"{}\" in {}", self.alarm.condition.value, self.name, place(&self.region));
                let subject = subject.chars().take(SUBJECT).collect();
                local.sns.notify(local, action, TO_TOPICS, (subject, self.message().to_string()))
            }
            Some("lambda") => {
                let (source, region) = (arn(&self.region, &self.name), self.region.clone());
                let body = self.event().to_string();
                deliver(local, action, Message { sender: TO_FUNCTIONS, source, region, body, ..Message::default() })
            }
            _ => Err(Fault::unsupported("cloudwatch", &format!("the action {action}"))),
        }
    }

    /// What topics get.
    fn message(&self) -> Value {
        let Settings { metric, statistic, .. } = &self.alarm.settings;
        let settings = &self.alarm.settings;
        let (kind, statistic_name) = match statistic {
            Statistic::Plain(name) => ("Statistic", screaming(name)),
            Statistic::Extended(name) => ("ExtendedStatistic", name.clone()),
        };
        let dimensions: Vec<Value> =
            metric.dimensions.iter().map(|(name, value)| json!({"value": value, "name": name})).collect();
        let mut trigger = json!({
            "MetricName": metric.name,
            "Namespace": metric.namespace,
            "StatisticType": kind,
            "Unit": settings.unit,
            "Dimensions": dimensions,
            "Period": settings.period,
            "EvaluationPeriods": settings.evaluation_periods,
            "ComparisonOperator": settings.comparison,
            "Threshold": settings.threshold,
            "TreatMissingData": settings.missing_data.as_deref().unwrap_or("missing"),
            "EvaluateLowSampleCountPercentile": settings.low_samples.as_deref().unwrap_or(""),
        });
        trigger[kind] = statistic_name.into();
        if let Some(datapoints) = settings.datapoints_to_alarm {
            trigger["DatapointsToAlarm"] = datapoints.into();
        }
        let condition = &self.alarm.condition;
        json!({
            "AlarmName": self.name,
            "AlarmDescription": settings.description,
            "AWSAccountId": ACCOUNT,
            "AlarmConfigurationUpdatedTimestamp": time(self.alarm.configured),
            "NewStateValue": condition.value,
            "NewStateReason": condition.reason,
            "StateChangeTime": time(condition.transitioned),
            "Region": place(&self.region),
            "AlarmArn": arn(&self.region, &self.name),
            "OldStateValue": self.before.value,
            "OKActions": settings.ok_actions,
            "AlarmActions": settings.alarm_actions,
            "InsufficientDataActions": settings.insufficient_data_actions,
            "Trigger": trigger,
        })
    }

    /// What functions get.
    fn event(&self) -> Value {
        let settings = &self.alarm.settings;
        let (Statistic::Plain(statistic) | Statistic::Extended(statistic)) = &settings.statistic;
        let dimensions: serde_json::Map<String, Value> =
            settings.metric.dimensions.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let state = |condition: &Condition| {
            let mut shown = json!({
                "value": condition.value,
                "reason": condition.reason,
                "timestamp": time(condition.updated),
            });
            if let Some(data) = &condition.data {
                shown["reasonData"] = data.as_str().into();
            }
            shown
        };
        let mut configuration = json!({"metrics": [{
            "id": "m1",
            "metricStat": {
                "metric": {
                    "namespace": settings.metric.namespace,
                    "name": settings.metric.name,
                    "dimensions": dimensions,
                },
                "period": settings.period,
                "stat": statistic,
            },
            "returnData": true,
        }]});
        if let Some(description) = &settings.description {
            configuration["description"] = description.as_str().into();
        }
        json!({
            "source": "aws.cloudwatch",
            "alarmArn": arn(&self.region, &self.name),
            "accountId": ACCOUNT,
            "time": time(self.alarm.condition.transitioned),
            "region": self.region,
            "alarmData": {
                "alarmName": self.name,
                "state": state(&self.alarm.condition),
                "previousState": state(&self.before),
                "configuration": configuration,
            },
        })
    }

    fn item(&self, action: &str, fault: Option<Fault>) -> Item {
        let (summary, error) = match fault {
            None => (format!("Successfully executed action {action}"), Value::Null),
            Some(fault) => {
                let summary = format!("Failed to execute action {action}. Received error: \"{}\"", fault.message);
                (summary, fault.message.into())
            }
        };
        let state = if error.is_null() { "Succeeded" } else { "Failed" };
        let data = json!({
            "actionState": state,
            "stateUpdateTimestamp": self.alarm.condition.updated,
            "notificationResource": action,
            "error": error,
        });
        Item::action(&self.name, now_ms(), summary, data.to_string())
    }
}

/// `SampleCount` → `SAMPLE_COUNT`
fn screaming(name: &str) -> String {
    let part = |(at, one): (usize, char)| {
        let gap = if at > 0 && one.is_ascii_uppercase() { "_" } else { "" };
        format!("{gap}{}", one.to_ascii_uppercase())
    };
    name.chars().enumerate().map(part).collect()
}

/// What AWS calls a region in messages for people, of the ones most are in.
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
fn place(region: &str) -> &str {
    match region {
        "us-east-1" => "US East (N. Virginia)",
        "us-east-2" => "US East (Ohio)",
        "us-west-1" => "US West (N. California)",
        "us-west-2" => "US West (Oregon)",
        "eu-west-1" => "EU (Ireland)",
        "eu-west-2" => "EU (London)",
        "eu-west-3" => "EU (Paris)",
        "eu-central-1" => "EU (Frankfurt)",
        "eu-north-1" => "EU (Stockholm)",
        "ap-southeast-1" => "Asia Pacific (Singapore)",
        "ap-southeast-2" => "Asia Pacific (Sydney)",
        "ap-northeast-1" => "Asia Pacific (Tokyo)",
        "ap-south-1" => "Asia Pacific (Mumbai)",
        "sa-east-1" => "South America (Sao Paulo)",
        other => other,
    }
}

/// `2026-11-21T02:52:00.000+0000`
fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}
