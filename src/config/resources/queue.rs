//! `type: queue` — an SQS queue.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::keys;
use crate::config::locate::Span;
use crate::config::raw::{Entry, Kind};
use crate::config::stage::FunctionConfig;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 7] =
    ["fifo", "content_based_deduplication", "visibility_timeout", "retention", "delay", "max_message_size", "dlq"];

/// As it stands in `resources:`.
pub(super) const TYPE: Type = Type {
    word: "queue",
    what: "a queue",
    keys: &KEYS,
    attributes: &["name", "arn", "url"],
    access: &["send", "receive", "send-receive"],
    read,
};

const SQS: &str = "SQS";
/// Seconds.
const VISIBILITY: RangeInclusive<i64> = 0..=43_200;
const RETENTION: RangeInclusive<i64> = 60..=1_209_600;
const DELAY: RangeInclusive<i64> = 0..=900;
/// Bytes; 1 MiB since August 2025.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
const SIZE: RangeInclusive<i64> = 1024..=1_048_576;
const RECEIVES: RangeInclusive<i64> = 1..=1000;

/// SQS keeps a message for this long when nobody says; a dead letter is kept as long as can be. Seconds.
const FOUR_DAYS: u32 = 345_600;
const FOURTEEN_DAYS: u32 = 1_209_600;
/// How often a message is tried before it is a dead letter.
const TRIES: u32 = 3;

/// An SQS queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Queue {
    /// Ordered within a message group, each message once.
    pub(crate) fifo: bool,
    /// A FIFO queue takes the hash of the body in place of a deduplication id.
    pub(crate) content_based_deduplication: bool,
    /// Seconds a received message is hidden, 0–43,200. `None`: six times the longest timeout of the
    /// functions that consume it, or SQS's own 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) visibility_timeout: Option<u32>,
    /// Seconds a message is kept, 60–1,209,600.
    pub(crate) retention: u32,
    /// Seconds each message waits at first, 0–900.
    pub(crate) delay: u32,
    /// Bytes, 1,024–1,048,576.
    pub(crate) max_message_size: u32,
    /// Where messages go that nobody could handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dlq: Option<DeadLetters>,
}

/// What becomes of messages that nobody could handle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct DeadLetters {
    /// A queue of `resources`; `None` is one of its own beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    /// How often a message is received before it goes there, 1–1,000.
    pub(crate) max_receives: u32,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<ResourceConfig> {
    let fifo = fields.flag(reader, "fifo")?;
    let deduplicates = fields.flag(reader, "content_based_deduplication")?;
    if let (true, false, Some(entry)) = (deduplicates, fifo, fields.get("content_based_deduplication")) {
        let title = "`content_based_deduplication` is for FIFO queues";
        reader.problem(&entry.key_span, title, "add `fifo: true`, or remove it");
    }
    let visibility_timeout = fields.seconds(reader, "visibility_timeout", &VISIBILITY, SQS);
    let retention = fields.seconds(reader, "retention", &RETENTION, SQS);
    let delay = fields.seconds(reader, "delay", &DELAY, SQS);
    let size = fields.whole(reader, "max_message_size", (&SIZE, "bytes"), SQS);
    let dlq = match fields.get("dlq") {
        Some(entry) => dead_letters(reader, entry, others)?,
        None => None,
    };
    Some(ResourceConfig::Queue(Queue {
        fifo,
        content_based_deduplication: deduplicates,
        visibility_timeout,
        retention: retention.unwrap_or(FOUR_DAYS),
        delay: delay.unwrap_or(0),
        max_message_size: size.unwrap_or(1_048_576),
        dlq,
    }))
}

/// Whether its messages stay hidden for as long as the functions that read it may run: Lambda makes no mapping
/// otherwise.
pub(super) fn check(
    reader: &mut Reader<'_>,
    at: Option<&Span>,
    (name, queue): (&str, &Queue),
    functions: &BTreeMap<String, FunctionConfig>,
) {
    let (Some(at), Some(hidden)) = (at, queue.visibility_timeout) else { return };
    let reads = |function: &&FunctionConfig| function.triggers.iter().any(|trigger| trigger.reads_queue(name));
    let longest = functions.values().filter(reads).max_by_key(|function| function.timeout);
    if let Some(function) = longest.filter(|function| function.timeout > hidden) {
        let title = format!("`visibility_timeout` is shorter than the timeout of `{}`", function.name);
        reader.problem(at, title, format!("at least {} s; AWS recommends six times that", function.timeout));
    }
}

/// `dlq: true`, `dlq: NAME`, or `dlq: { queue: NAME, max_receives: 5 }`. `None` when it is wrong.
#[expect(clippy::option_option, reason = "wrong and not wanted are two things")]
fn dead_letters(reader: &mut Reader<'_>, entry: &Entry, others: &Others<'_>) -> Option<Option<DeadLetters>> {
    let (queue, max_receives) = match &entry.value.kind {
        Kind::Bool(false, _) => return Some(None),
        Kind::Bool(true, _) => (None, None),
        Kind::Text(_) => (Some(named(reader, entry, others)?), None),
        Kind::Map(_) => {
            let map = keys::map_of(entry, "a map", &mut reader.problems)?;
            let fields = Fields::new(reader, "`dlq`", &entry.key_span, vec![map], &["queue", "max_receives"]);
            let queue = match fields.get("queue") {
                Some(entry) => Some(named(reader, entry, others)?),
                None => None,
            };
            (queue, fields.whole(reader, "max_receives", (&RECEIVES, "times"), SQS))
        }
        _ => {
            reader.wrong_type(&entry.key, &entry.value, "`true`, the name of a queue, or a map");
            return None;
        }
    };
    Some(Some(DeadLetters { queue, max_receives: max_receives.unwrap_or(TRIES) }))
}

/// The name of another queue of the app.
fn named(reader: &mut Reader<'_>, entry: &Entry, others: &Others<'_>) -> Option<String> {
    let name = reader.some_text(entry)?;
    super::must_be(reader, &entry.value.span, &name, &["queue"], others)?;
    Some(name)
}

impl Queue {
    /// The dead-letter queue that stands beside one.
    pub(crate) fn of_dead_letters(&self) -> Self {
        Self {
            fifo: self.fifo,
            content_based_deduplication: self.content_based_deduplication,
            visibility_timeout: None,
            retention: FOURTEEN_DAYS,
            delay: 0,
            max_message_size: self.max_message_size,
            dlq: None,
        }
    }
}
