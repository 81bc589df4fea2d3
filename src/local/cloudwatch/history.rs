//! What happened to alarms: made, changed, deleted, and from state to state.
//!
//! AWS keeps 30 days; here it is the newest thousand of a region.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::input::Input;
use super::model::{Condition, State};
use super::{CloudWatch, describe};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Of one region.
const KEPT: usize = 1000;

const TYPES: [&str; 5] =
    ["ConfigurationUpdate", "StateUpdate", "Action", "AlarmContributorStateUpdate", "AlarmContributorAction"];

/// One thing that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Item {
    alarm: String,
    /// ms since the epoch.
    time: i64,
    /// `ConfigurationUpdate`, `StateUpdate` or `Action`.
    kind: String,
    summary: String,
    /// JSON.
    data: String,
}

impl Item {
    /// `what` is `created`, `updated` or `deleted`.
    pub(super) fn configuration(alarm: &str, time: i64, what: &str) -> Self {
        let kind = match what {
            "created" => "Create",
            "deleted" => "Delete",
            _ => "Update",
        };
        Self {
            alarm: alarm.to_owned(),
            time,
            kind: "ConfigurationUpdate".to_owned(),
            summary: format!("Alarm \"{alarm}\" {what}"),
            data: json!({ "version": "1.0", "type": kind }).to_string(),
        }
    }

    pub(super) fn state(alarm: &str, time: i64, old: &Condition, new: &Condition) -> Self {
        let shown = |condition: &Condition| {
            let mut shown = json!({ "stateValue": condition.value, "stateReason": condition.reason });
            let data = condition.data.as_deref().and_then(|data| serde_json::from_str::<serde_json::Value>(data).ok());
            if let Some(data) = data {
                shown["stateReasonData"] = data;
            }
            shown
        };
        Self {
            alarm: alarm.to_owned(),
            time,
            kind: "StateUpdate".to_owned(),
            summary: format!("Alarm updated from {} to {}", old.value, new.value),
            data: json!({ "version": "1.0", "oldState": shown(old), "newState": shown(new) }).to_string(),
        }
    }

    /// `data` is JSON.
    pub(super) fn action(alarm: &str, time: i64, summary: String, data: String) -> Self {
        Self { alarm: alarm.to_owned(), time, kind: "Action".to_owned(), summary, data }
    }

    fn show(&self) -> Document {
        Document::map()
            .with("AlarmName", &self.alarm)
            .with("AlarmType", "MetricAlarm")
            .with("Timestamp", Document::Time(self.time))
            .with("HistoryItemType", &self.kind)
            .with("HistorySummary", &self.summary)
            .with("HistoryData", &self.data)
    }
}

impl State {
    /// Adds to the history.
    pub(super) fn record(&mut self, region: &str, item: Item) {
        let items = self.history.entry(region.to_owned()).or_default();
        items.push(item);
        if items.len() > KEPT {
            items.drain(..items.len() - KEPT);
        }
    }
}

impl CloudWatch {
    /// The newest first, unless `ScanBy` says otherwise.
    pub(super) fn describe_history(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        let name = input.text("AlarmName", 1..=255)?;
        let kind = input.choice("HistoryItemType", &TYPES)?;
        let (from, to) = (input.time("StartDate")?, input.time("EndDate")?);
        let order = input.choice("ScanBy", &["TimestampDescending", "TimestampAscending"])?;
        let types = describe::types(input)?;
        if input.get("AlarmContributorId").is_some() {
            return Err(Fault::unsupported("cloudwatch", "contributors of alarms"));
        }
        let wanted = |item: &&Item| {
            types.metric
                && name.as_ref().is_none_or(|name| item.alarm == *name)
                && kind.as_ref().is_none_or(|kind| item.kind == *kind)
                && from.is_none_or(|from| item.time >= from)
                && to.is_none_or(|to| item.time <= to)
        };
        let mut items: Vec<Item> =
            self.state.read(|state| state.history.get(region).into_iter().flatten().filter(wanted).cloned().collect());
        if order.as_deref() != Some("TimestampAscending") {
            items.reverse();
        }
        // A page continues at a place, counted from the end that does not grow.
        let shown = items.iter().enumerate().map(|(at, item)| (format!("{at:08}"), item.show())).collect();
        describe::page(input, "AlarmHistoryItems", Document::map(), shown, describe::Pages::Told)
    }
}
