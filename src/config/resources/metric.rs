//! What an alarm looks at: a metric of a function, of a queue, or any other.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>,
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Others, ResourceConfig};
use crate::config::fields::Fields;
use crate::config::keys;
use crate::config::locate::Span;
use crate::config::raw::{Entry, Kind};
use crate::config::suggest;
use crate::config::values::Reader;

/// Our word, CloudWatch's name, and the statistic that says most.
type Known = (&'static str, &'static str, &'static str);

const OF_FUNCTIONS: &[Known] = &[
    ("errors", "Errors", "Sum"),
    ("throttles", "Throttles", "Sum"),
    ("invocations", "Invocations", "Sum"),
    ("duration", "Duration", "Maximum"),
    ("concurrency", "ConcurrentExecutions", "Maximum"),
    ("iterator-age", "IteratorAge", "Maximum"),
    ("dropped", "AsyncEventsDropped", "Sum"),
    ("dead-letter-errors", "DeadLetterErrors", "Sum"),
];

const OF_QUEUES: &[Known] = &[
    ("depth", "ApproximateNumberOfMessagesVisible", "Maximum"),
    ("age", "ApproximateAgeOfOldestMessage", "Maximum"),
    ("in-flight", "ApproximateNumberOfMessagesNotVisible", "Maximum"),
    ("sent", "NumberOfMessagesSent", "Sum"),
    ("deleted", "NumberOfMessagesDeleted", "Sum"),
];

const STATISTICS: [&str; 5] = ["Average", "Sum", "Minimum", "Maximum", "SampleCount"];

/// Dimensions of one metric.
const MOST_DIMENSIONS: usize = 30;

/// What an alarm looks at; names are CloudWatch's.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    OfFunction {
        /// In the config.
        function: String,
        name: &'static str,
    },
    OfQueue {
        /// In the config.
        queue: String,
        /// Its own dead-letter queue is meant.
        dead_letters: bool,
        name: &'static str,
    },
    Any {
        namespace: String,
        name: String,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        dimensions: BTreeMap<String, String>,
    },
}

/// The metric, and the statistic that it is looked at by when nobody says.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<(Metric, String)> {
    match (fields.get("function"), fields.get("queue")) {
        (Some(_), Some(queue)) => {
            reader.problem(&queue.key_span, "an alarm is about a function or a queue", "remove one of them");
            None
        }
        (Some(entry), None) => {
            let function = reader.some_text(entry)?;
            let (name, statistic) = word(reader, fields, OF_FUNCTIONS, "function")?;
            Some((Metric::OfFunction { function, name }, statistic.to_owned()))
        }
        (None, Some(entry)) => {
            let text = reader.some_text(entry)?;
            // `jobs-dlq` is the one beside `jobs`, unless it is a resource itself.
            let (queue, dead_letters) = match text.strip_suffix("-dlq") {
                Some(queue) if !others.contains_key(text.as_str()) => (queue.to_owned(), true),
                _ => (text, false),
            };
            super::must_be(reader, &entry.value.span, &queue, &["queue"], others)?;
            let (name, statistic) = word(reader, fields, OF_QUEUES, "queue")?;
            Some((Metric::OfQueue { queue, dead_letters, name }, statistic.to_owned()))
        }
        (None, None) => any(reader, fields),
    }
}

/// One of the words for a function's or a queue's metrics; the first when there is none.
fn word(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    known: &'static [Known],
    of: &str,
) -> Option<(&'static str, &'static str)> {
    let Some(entry) = fields.get("metric") else {
        return known.first().map(|(_, name, statistic)| (*name, *statistic));
    };
    let word = reader.some_text(entry)?;
    let found = known.iter().find(|(ours, name, _)| *ours == word || *name == word);
    if found.is_none() {
        let words: Vec<&str> = known.iter().map(|(ours, _, _)| *ours).collect();
        let all = || format!("there is {}; any other is named with its namespace", suggest::list(&words));
        let label = suggest::did_you_mean(&word, words.iter().copied(), all);
        reader.problem(&entry.value.span, format!("a {of} has no metric `{word}`"), label);
    }
    found.map(|(_, name, statistic)| (*name, *statistic))
}

/// `metric: { namespace: Shop, name: Orders, dimensions: { Kind: book }, statistic: Sum }`
fn any(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<(Metric, String)> {
    const LIKE: &str = "{ namespace: Shop, name: Orders }";
    let entry = fields.need(reader, "metric", LIKE)?;
    if let Kind::Text(_) = &entry.value.kind {
        let label = format!("add `function: NAME` or `queue: NAME`, or write `metric: {LIKE}`");
        reader.problem(&entry.value.span, "this does not say whose metric it is", label);
        return None;
    }
    let map = keys::map_of(entry, "a map", &mut reader.problems)?;
    let known = ["namespace", "name", "dimensions"];
    let fields = Fields::new(reader, "`metric`", &entry.key_span, vec![map], &known);
    let namespace = fields.need(reader, "namespace", "Shop").and_then(|entry| reader.some_text(entry));
    let name = fields.need(reader, "name", "Orders").and_then(|entry| reader.some_text(entry));
    let dimensions = fields.get("dimensions").map_or(Some(BTreeMap::new()), |entry| dimensions(reader, entry));
    Some((Metric::Any { namespace: namespace?, name: name?, dimensions: dimensions? }, "Sum".to_owned()))
}

fn dimensions(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeMap<String, String>> {
    let map = keys::map_of(entry, "a map of names and values", &mut reader.problems)?;
    if map.0.len() > MOST_DIMENSIONS {
        let label = format!("CloudWatch takes {MOST_DIMENSIONS}");
        reader.problem(&entry.key_span, "a metric with this many dimensions", label);
        return None;
    }
    let read: Vec<Option<(String, String)>> =
        map.0.iter().map(|one| Some((one.key.clone(), reader.spelling(&one.key, &one.value)?.value))).collect();
    read.into_iter().collect()
}

/// `sum`, `Maximum` or `p99`.
pub(super) fn statistic(reader: &mut Reader<'_>, entry: &Entry) -> Option<String> {
    let word = reader.some_text(entry)?;
    if let Some(known) = STATISTICS.iter().find(|known| known.eq_ignore_ascii_case(&word)) {
        return Some((*known).to_owned());
    }
    let percent = word.strip_prefix('p').and_then(|digits| digits.parse::<f64>().ok());
    if percent.is_some_and(|percent| (0.0..=100.0).contains(&percent)) {
        return Some(word);
    }
    let words = STATISTICS.map(str::to_lowercase);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let all = || format!("there is {}, and percentiles like `p99`", suggest::list(&words));
    let label = suggest::did_you_mean(&word, words.iter().copied(), all);
    reader.problem(&entry.value.span, format!("unknown statistic `{word}`"), label);
    None
}

/// Whether the queue whose dead letters are looked at keeps them in one of its own.
pub(super) fn check(
    reader: &mut Reader<'_>,
    at: Option<&Span>,
    queue: &str,
    resources: &BTreeMap<String, ResourceConfig>,
) {
    let Some(ResourceConfig::Queue(config)) = resources.get(queue) else { return };
    let has_own = config.dlq.as_ref().is_some_and(|letters| letters.queue.is_none());
    if let Some(at) = at.filter(|_| !has_own) {
        let label = format!("add `dlq: true` to `{queue}`, or name the queue that its dead letters go to");
        reader.problem(at, format!("`{queue}` has no dead-letter queue of its own"), label);
    }
}
