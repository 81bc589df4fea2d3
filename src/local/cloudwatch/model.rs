//! What is kept of an alarm, and how it is shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::Change;
use super::fault;
use super::history::Item;
use crate::local::ACCOUNT;
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// All alarms and what happened to them, by region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    alarms: BTreeMap<String, BTreeMap<String, Alarm>>,
    /// The oldest first. An alarm's history outlives it.
    pub(super) history: BTreeMap<String, Vec<Item>>,
}

/// A metric alarm; times in ms since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub(super) settings: Settings,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) condition: Condition,
    pub(super) configured: i64,
}

/// What `PutMetricAlarm` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) description: Option<String>,
    pub(super) actions_enabled: bool,
    pub(super) ok_actions: Vec<String>,
    pub(super) alarm_actions: Vec<String>,
    pub(super) insufficient_data_actions: Vec<String>,
    pub(super) metric: Metric,
    /// `Sum`, …, or a percentile: `p99.9`.
    pub(super) statistic: Statistic,
    /// s
    pub(super) period: i64,
    pub(super) unit: Option<String>,
    pub(super) evaluation_periods: i64,
    pub(super) datapoints_to_alarm: Option<i64>,
    pub(super) threshold: f64,
    pub(super) comparison: String,
    pub(super) missing_data: Option<String>,
    pub(super) low_samples: Option<String>,
}

/// Which of the two members it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Statistic {
    Plain(String),
    Extended(String),
}

/// What identifies a metric. Its dimensions are sorted: their order does not tell metrics apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Metric {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) dimensions: Vec<(String, String)>,
}

/// The state an alarm is in, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Condition {
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub(super) value: String,
    pub(super) reason: String,
    /// JSON.
    pub(super) data: Option<String>,
    /// When value or reason changed last.
    pub(super) updated: i64,
    /// When the value changed last.
    pub(super) transitioned: i64,
    /// When `SetAlarmState` set it, if that did.
    #[serde(default)]
    pub(super) by_hand: Option<i64>,
}

impl State {
    /// All alarms, each with its region and name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &String, &Alarm)> {
        self.alarms.iter().flat_map(|(region, alarms)| alarms.iter().map(move |(name, alarm)| (region, name, alarm)))
    }

    /// The alarms of a region, by name.
    pub(super) fn of(&self, region: &str) -> impl Iterator<Item = (&String, &Alarm)> {
        self.alarms.get(region).into_iter().flatten()
    }

    pub(super) fn get(&self, region: &str, name: &str) -> Option<&Alarm> {
        self.alarms.get(region)?.get(name)
    }

    pub(super) fn get_mut(&mut self, region: &str, name: &str) -> Option<&mut Alarm> {
        self.alarms.get_mut(region)?.get_mut(name)
    }

    pub(super) fn insert(&mut self, region: &str, name: &str, alarm: Alarm) {
        self.alarms.entry(region.to_owned()).or_default().insert(name.to_owned(), alarm);
    }

    pub(super) fn remove(&mut self, region: &str, name: &str) -> Option<Alarm> {
        self.alarms.get_mut(region)?.remove(name)
    }

    /// Puts an alarm into a state. Every change of a state comes through here; one of its value is given back,
    /// and has actions.
    pub(super) fn enter(&mut self, region: &str, name: &str, entered: Entered) -> Result<Option<Change>, Fault> {
        let now = now_ms();
        let alarm = self.get_mut(region, name).ok_or_else(|| no_alarm(name))?;
        let before = alarm.condition.clone();
        let changed = before.value != entered.value;
        alarm.condition = Condition {
            value: entered.value,
            reason: entered.reason,
            data: entered.data,
            updated: now,
            transitioned: if changed { now } else { before.transitioned },
            by_hand: entered.by_hand,
        };
        if !changed {
            return Ok(None);
        }
        let alarm = alarm.clone();
        self.record(region, Item::state(name, now, &before, &alarm.condition));
        Ok(Some(Change { region: region.to_owned(), name: name.to_owned(), before, alarm }))
    }
}

/// A state to go into.
#[derive(Debug, Clone)]
pub(super) struct Entered {
    pub(super) value: String,
    pub(super) reason: String,
    pub(super) data: Option<String>,
    /// Set by a caller, at this time.
    pub(super) by_hand: Option<i64>,
}

impl Alarm {
    pub(super) fn show(&self, region: &str, name: &str) -> Document {
        let Settings { metric, statistic, .. } = &self.settings;
        let settings = &self.settings;
        let (plain, extended) = match statistic {
            Statistic::Plain(name) => (Some(name), None),
            Statistic::Extended(name) => (None, Some(name)),
        };
        Document::map()
            .with("AlarmName", name)
            .with("AlarmArn", arn(region, name))
            .maybe("AlarmDescription", settings.description.as_ref())
            .with("AlarmConfigurationUpdatedTimestamp", Document::Time(self.configured))
            .with("ActionsEnabled", settings.actions_enabled)
            .with("OKActions", &settings.ok_actions)
            .with("AlarmActions", &settings.alarm_actions)
            .with("InsufficientDataActions", &settings.insufficient_data_actions)
            .with("StateValue", &self.condition.value)
            .with("StateReason", &self.condition.reason)
            .maybe("StateReasonData", self.condition.data.as_ref())
            .with("StateUpdatedTimestamp", Document::Time(self.condition.updated))
            .with("MetricName", &metric.name)
            .with("Namespace", &metric.namespace)
            .maybe("Statistic", plain)
            .maybe("ExtendedStatistic", extended)
            .with("Dimensions", metric.shown_dimensions())
            .with("Period", settings.period)
            .maybe("Unit", settings.unit.as_ref())
            .with("EvaluationPeriods", settings.evaluation_periods)
            .maybe("DatapointsToAlarm", settings.datapoints_to_alarm)
            .with("Threshold", settings.threshold)
            .with("ComparisonOperator", &settings.comparison)
            .maybe("TreatMissingData", settings.missing_data.as_ref())
            .maybe("EvaluateLowSampleCountPercentile", settings.low_samples.as_ref())
            .with("StateTransitionedTimestamp", Document::Time(self.condition.transitioned))
    }
}

impl Condition {
    /// What a new alarm is in.
    pub(super) fn unchecked(now: i64) -> Self {
        Self {
            value: "INSUFFICIENT_DATA".to_owned(),
            reason: "Unchecked: Initial alarm creation".to_owned(),
            data: None,
            updated: now,
            transitioned: now,
            by_hand: None,
        }
    }
}

impl Metric {
    pub(super) fn shown_dimensions(&self) -> Vec<Document> {
        let shown = |(name, value): &(String, String)| Document::map().with("Name", name).with("Value", value);
        self.dimensions.iter().map(shown).collect()
    }
}

/// `arn:aws:cloudwatch:eu-west-1:000000000000:alarm:name`
pub(super) fn arn(region: &str, name: &str) -> String {
    format!("arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:{name}")
}

pub(super) fn no_alarm(name: &str) -> Fault {
    fault(404, "ResourceNotFound", "ResourceNotFound", format!("Alarm with name {name} not found"))
}

/// Now, in ms since the epoch.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
