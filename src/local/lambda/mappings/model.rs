//! What is kept of an event source mapping, and how it is shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::super::ACCOUNT;
use super::super::model::now_ms;

/// All mappings by UUID.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) mappings: BTreeMap<String, Mapping>,
}

/// What kind of source calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Sqs,
    Kinesis,
    DynamoDb,
}

impl Kind {
    pub(super) fn of(arn: &str) -> Option<Self> {
        match arn.split(':').nth(2)? {
            "sqs" => Some(Self::Sqs),
            "kinesis" => Some(Self::Kinesis),
            "dynamodb" => Some(Self::DynamoDb),
            _ => None,
        }
    }

    pub(crate) fn is_stream(self) -> bool {
        self != Self::Sqs
    }
}

/// What a mapping is going through until a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Creating,
    Enabling,
    Disabling,
    Updating,
    Deleting,
}

/// One mapping.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mapping {
    pub(crate) uuid: String,
    pub(crate) region: String,
    /// An ARN, with the qualifier it was asked for.
    pub(crate) function: String,
    /// An ARN.
    pub(crate) source: String,
    pub(crate) kind: Kind,
    pub(super) enabled: bool,
    pub(crate) settings: Settings,
    /// ms since the epoch.
    pub(super) modified: i64,
    pub(super) phase: Phase,
    /// When the phase is over, in ms since the epoch.
    pub(super) until: i64,
    /// Fresh with every change.
    pub(crate) revision: String,
    pub(super) tags: BTreeMap<String, String>,
}

/// What a caller can choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) batch_size: usize,
    /// s
    pub(crate) window: u64,
    /// Event patterns, of which one must fit; none lets everything through.
    pub(crate) filters: Vec<String>,
    pub(crate) report_failures: bool,
    pub(crate) most_at_once: Option<usize>,
    /// Only for streams.
    pub(crate) stream: Option<StreamSettings>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamSettings {
    /// `LATEST`, `TRIM_HORIZON` or `AT_TIMESTAMP`
    pub(crate) starting_position: String,
    /// s since the epoch.
    pub(crate) starting_timestamp: Option<f64>,
    pub(crate) bisect: bool,
    /// -1 for no limit.
    pub(crate) most_retries: i64,
    /// s, -1 for no limit.
    pub(crate) most_age: i64,
    pub(crate) parallel: i64,
    /// s
    pub(crate) tumbling: i64,
    /// An ARN.
    pub(crate) on_failure: Option<String>,
}

impl Mapping {
    /// Whether something else is still going on with it.
    pub(super) fn in_transition(&self, now: i64) -> bool {
        self.phase == Phase::Deleting || now < self.until
    }

    /// Whether batches are to be delivered now.
    pub(crate) fn works(&self) -> bool {
        self.enabled && !self.in_transition(now_ms())
    }

    /// Whether it goes as soon as nothing is under way for it.
    pub(crate) fn is_leaving(&self) -> bool {
        self.phase == Phase::Deleting && now_ms() >= self.until
    }

    /// How long its phase still lasts, in ms; `None` when it is over.
    pub(crate) fn settles_in(&self) -> Option<u64> {
        u64::try_from(self.until - now_ms()).ok().filter(|left| *left > 0)
    }

    fn state(&self) -> &'static str {
        match self.phase {
            Phase::Deleting => "Deleting",
            _ if now_ms() >= self.until => {
                if self.enabled {
                    "Enabled"
                } else {
                    "Disabled"
                }
            }
            Phase::Creating => "Creating",
            Phase::Enabling => "Enabling",
            Phase::Disabling => "Disabling",
            Phase::Updating => "Updating",
        }
    }

    /// `EventSourceMappingConfiguration`
    pub(super) fn show(&self) -> Value {
        let Settings { batch_size, window, filters, report_failures, most_at_once, stream } = &self.settings;
        let arn = format!("arn:aws:lambda:{}:{ACCOUNT}:event-source-mapping:{}", self.region, self.uuid);
        #[expect(clippy::cast_precision_loss, reason = "AWS writes times as floats; ms are exact for 285,000 years")]
        let modified = self.modified as f64 / 1000.0;
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("UUID", self.uuid.as_str().into());
        put("BatchSize", (*batch_size).into());
        put("MaximumBatchingWindowInSeconds", (*window).into());
        put("EventSourceArn", self.source.as_str().into());
        put("FunctionArn", self.function.as_str().into());
        put("LastModified", modified.into());
        put("State", self.state().into());
        put("EventSourceMappingArn", arn.into());
        put("FunctionResponseTypes", if *report_failures { json!(["ReportBatchItemFailures"]) } else { json!([]) });
        if !filters.is_empty() {
            let filters: Vec<Value> = filters.iter().map(|pattern| json!({ "Pattern": pattern })).collect();
            put("FilterCriteria", json!({ "Filters": filters }));
        }
        if let Some(most) = most_at_once {
            put("ScalingConfig", json!({ "MaximumConcurrency": most }));
        }
        put("StateTransitionReason", if self.kind.is_stream() { "User action" } else { "USER_INITIATED" }.into());
        if let Some(stream) = stream {
            put("StartingPosition", stream.starting_position.as_str().into());
            if let Some(time) = stream.starting_timestamp {
                put("StartingPositionTimestamp", time.into());
            }
            put("BisectBatchOnFunctionError", stream.bisect.into());
            put("MaximumRetryAttempts", stream.most_retries.into());
            put("MaximumRecordAgeInSeconds", stream.most_age.into());
            put("ParallelizationFactor", stream.parallel.into());
            put("TumblingWindowInSeconds", stream.tumbling.into());
            let target = stream.on_failure.as_ref().map_or_else(|| json!({}), |arn| json!({ "Destination": arn }));
            put("DestinationConfig", json!({ "OnFailure": target }));
            put("LastProcessingResult", "No records processed".into());
        }
        shown.into()
    }
}
