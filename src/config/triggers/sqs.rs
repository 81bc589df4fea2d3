//! `- sqs: jobs` — messages of a queue, in batches.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html>

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::Value;

use super::{Source, Trigger, source};
use crate::config::fields::Fields;
use crate::config::resources::Others;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 7] =
    ["queue", "batch", "window", "partial_failures", "max_concurrency", "filter", "enabled"];

const LAMBDA: &str = "Lambda";
/// Messages; more than 10 take a window, and a FIFO queue has no more than 10.
const BATCH: RangeInclusive<i64> = 1..=10_000;
const SMALL: u32 = 10;
/// Seconds.
const WINDOW: RangeInclusive<i64> = 0..=300;
const CONCURRENCY: RangeInclusive<i64> = 2..=1000;

/// Messages of a queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SqsTrigger {
    pub(crate) queue: Source,
    /// Messages per call at most, 1–10,000.
    pub(crate) batch: u32,
    /// Seconds to wait for a full batch, 0–300.
    pub(crate) window: u32,
    /// The function says which messages of a batch have failed.
    pub(crate) partial_failures: bool,
    /// Calls at once, 2–1,000; `None` is as many as the account allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_concurrency: Option<u32>,
    /// Event patterns, one of which a message has to match; JSON objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) filter: Vec<Value>,
    pub(crate) enabled: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<Trigger> {
    let queue = fields.need(reader, "queue", "jobs");
    let queue = queue.and_then(|entry| source(reader, entry, (&["queue"], "sqs"), others));
    let batch = fields.whole(reader, "batch", (&BATCH, "messages"), LAMBDA).unwrap_or(SMALL);
    let window = fields.seconds(reader, "window", &WINDOW, LAMBDA).unwrap_or(0);
    if let (true, 0, Some(entry)) = (batch > SMALL, window, fields.get("batch")) {
        let title = format!("a batch of more than {SMALL} messages needs a `window`");
        reader.problem(&entry.value.span, title, "add `window: 5s`, for how long a batch is filled");
    }
    let partial_failures = fields.flag(reader, "partial_failures");
    let max_concurrency = fields.whole(reader, "max_concurrency", (&CONCURRENCY, "calls at once"), LAMBDA);
    let filter = fields.get("filter").map_or(Some(Vec::new()), |entry| reader.event_patterns(entry));
    let enabled = fields.get("enabled").map_or(Some(true), |entry| reader.yes_or_no(entry));
    Some(Trigger::Sqs(SqsTrigger {
        queue: queue?,
        batch,
        window,
        partial_failures: partial_failures?,
        max_concurrency,
        filter: filter?,
        enabled: enabled?,
    }))
}
