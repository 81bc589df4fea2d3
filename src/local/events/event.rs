//! An event: what a sender says of it, and what everybody gets to see.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::local::ACCOUNT;

/// An event as its sender has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Event {
    /// `aws.s3`
    pub(crate) source: String,
    /// `Object Created`
    pub(crate) detail_type: String,
    /// ARNs.
    pub(crate) resources: Vec<String>,
    /// An object.
    pub(crate) detail: Value,
    /// When it happened; now when nobody says.
    pub(crate) time: Option<Timestamp>,
}

impl Event {
    /// From a JSON object with `source`, `detail-type`, `detail` and perhaps `resources`.
    pub(super) fn of_json(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let resources = value["resources"].as_array().into_iter().flatten();
        Some(Self {
            source: text("source")?,
            detail_type: text("detail-type")?,
            resources: resources.filter_map(|arn| arn.as_str().map(str::to_owned)).collect(),
            detail: value.get("detail").filter(|detail| detail.is_object())?.clone(),
            time: None,
        })
    }

    /// The whole event, with an id of its own.
    pub(super) fn dated(self, region: &str) -> Value {
        let time = self.time.unwrap_or_else(Timestamp::now);
        json!({
            "version": "0",
            "id": uuid::Uuid::new_v4().to_string(),
            "detail-type": self.detail_type,
            "source": self.source,
            "account": ACCOUNT,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": region,
            "resources": self.resources,
            "detail": self.detail,
        })
    }
}
