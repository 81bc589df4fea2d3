//! `triggers:` — what wakes a function: one file per kind, one line each in the list below.
//!
//! A trigger is a map with one key, its kind: `- sqs: jobs` or, in full, `- sqs: { queue: jobs, batch: 10 }`.

mod dynamodb;
mod kinesis;
mod schedule;
mod sqs;
mod stream;

use serde::Serialize;

pub(crate) use self::dynamodb::DynamoDbTrigger;
pub(crate) use self::kinesis::KinesisTrigger;
pub(crate) use self::schedule::ScheduleTrigger;
pub(crate) use self::sqs::SqsTrigger;
pub(crate) use self::stream::{Position, StreamOptions};
use super::fields::Fields;
use super::raw::{Entry, Kind, Node};
use super::resources::Others;
use super::suggest;
use super::values::Reader;

/// One trigger of a function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trigger {
    Schedule(ScheduleTrigger),
    Sqs(SqsTrigger),
    Dynamodb(DynamoDbTrigger),
    Kinesis(KinesisTrigger),
}

impl Trigger {
    /// Whether it reads this queue of `resources`.
    pub(crate) fn reads_queue(&self, name: &str) -> bool {
        matches!(self, Self::Sqs(sqs) if matches!(&sqs.queue, Source::Own(queue) if queue == name))
    }

    /// Whether it reads the stream of this table of `resources`.
    pub(crate) fn reads_table(&self, name: &str) -> bool {
        matches!(self, Self::Dynamodb(it) if matches!(&it.table, Source::Own(table) if table == name))
    }
}

/// Something of the account that a trigger or a permission speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// A resource of the app, by its name in the config.
    Own(String),
    /// Something that is there already, by its ARN.
    Arn(String),
}

/// A kind of trigger.
struct TriggerKind {
    word: &'static str,
    /// With its article: "an `sqs` trigger".
    what: &'static str,
    /// Its keys; the first is the one that the short form gives.
    keys: &'static [&'static str],
    read: fn(&mut Reader<'_>, &Fields<'_>, &Others<'_>) -> Option<Trigger>,
}

const KINDS: &[TriggerKind] = &[
    TriggerKind { word: "schedule", what: "a `schedule` trigger", keys: &schedule::KEYS, read: schedule::read },
    TriggerKind { word: "sqs", what: "an `sqs` trigger", keys: &sqs::KEYS, read: sqs::read },
    TriggerKind { word: "dynamodb", what: "a `dynamodb` trigger", keys: &dynamodb::KEYS, read: dynamodb::read },
    TriggerKind { word: "kinesis", what: "a `kinesis` trigger", keys: &kinesis::KEYS, read: kinesis::read },
];

/// The keys of a trigger that reads a stream: that of the stream, and those of how it is read.
const fn with_stream_keys(main: &'static str) -> [&'static str; 13] {
    let mut keys = [main; 13];
    let mut at = 0;
    while at < stream::KEYS.len() {
        keys[at + 1] = stream::KEYS[at];
        at += 1;
    }
    keys
}

/// Reads a function's triggers; those that are wrong are reported and left out.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry, others: &Others<'_>) -> Vec<Trigger> {
    let items: &[Node] = match &entry.value.kind {
        Kind::List(items) => items,
        Kind::Null => &[],
        _ => {
            reader.wrong_type(&entry.key, &entry.value, "a list, like `- schedule: rate(5 minutes)`");
            &[]
        }
    };
    items.iter().filter_map(|item| one(reader, item, others)).collect()
}

fn one(reader: &mut Reader<'_>, item: &Node, others: &Others<'_>) -> Option<Trigger> {
    let words = || KINDS.iter().map(|kind| kind.word).collect::<Vec<_>>();
    let trigger = match &item.kind {
        Kind::Map(map) if map.0.len() == 1 => map.0.first()?,
        _ => {
            let label = format!("one of {} with what it listens to", suggest::list(&words()));
            reader.problem(&item.span, "a trigger is a map with one key, its kind", label);
            return None;
        }
    };
    let Some(kind) = KINDS.iter().find(|kind| kind.word == trigger.key) else {
        let all = || format!("there is {}", suggest::list(&words()));
        let label = suggest::did_you_mean(&trigger.key, words(), all);
        reader.problem(&trigger.key_span, format!("unknown kind of trigger `{}`", trigger.key), label);
        return None;
    };
    let short = kind.keys.first().copied().unwrap_or_default();
    let fields = match &trigger.value.kind {
        Kind::Map(map) => Fields::new(reader, kind.what, &trigger.key_span, vec![map], kind.keys),
        Kind::Null => {
            reader.problem(&trigger.key_span, format!("{} needs `{short}`", kind.what), "");
            return None;
        }
        _ => Fields::short(kind.what, short, trigger),
    };
    (kind.read)(reader, &fields, others)
}

/// A resource of one of these types, or the ARN of something that is there already.
pub(super) fn source(
    reader: &mut Reader<'_>,
    entry: &Entry,
    (types, service): (&[&str], &str),
    others: &Others<'_>,
) -> Option<Source> {
    let text = reader.some_text(entry)?;
    if text.starts_with("arn:") {
        if text.split(':').nth(2) == Some(service) && text.split(':').count() >= 6 {
            return Some(Source::Arn(text));
        }
        let label = format!("needed is one of the service `{service}`, like `arn:aws:{service}:…`");
        reader.problem(&entry.value.span, "this ARN is of something else", label);
        return None;
    }
    super::resources::must_be(reader, &entry.value.span, &text, types, others)?;
    Some(Source::Own(text))
}
