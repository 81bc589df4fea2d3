//! `triggers:` — what wakes a function: one file per kind, one line each in the list below.
//!
//! A trigger is a map with one key, its kind: `- sqs: jobs` or, in full, `- sqs: { queue: jobs, batch: 10 }`.

mod cognito;
mod dynamodb;
mod events;
mod http;
mod kinesis;
mod logs;
mod s3;
mod schedule;
mod sns;
mod sqs;
mod stream;

use serde::Serialize;

pub(super) use self::cognito::Taken;
pub(crate) use self::cognito::{CognitoTrigger, Pool, slot};
pub(crate) use self::dynamodb::DynamoDbTrigger;
pub(crate) use self::events::{EventsTrigger, Input};
pub(crate) use self::http::HttpTrigger;
pub(super) use self::http::table as routes;
pub(crate) use self::kinesis::KinesisTrigger;
pub(crate) use self::logs::{Group, LogsTrigger};
pub(super) use self::s3::Notified;
pub(crate) use self::s3::S3Trigger;
pub(crate) use self::schedule::ScheduleTrigger;
pub(crate) use self::sns::SnsTrigger;
pub(crate) use self::sqs::SqsTrigger;
pub(crate) use self::stream::{Position, StreamOptions};
use super::fields::Fields;
use super::locate::Span;
use super::names;
use super::raw::{Entry, Kind, Node};
use super::resources::Others;
use super::suggest;
use super::values::Reader;

/// One trigger of a function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trigger {
    Http(HttpTrigger),
    Events(EventsTrigger),
    Logs(LogsTrigger),
    S3(S3Trigger),
    Schedule(ScheduleTrigger),
    Sqs(SqsTrigger),
    Sns(SnsTrigger),
    Dynamodb(DynamoDbTrigger),
    Kinesis(KinesisTrigger),
    Cognito(CognitoTrigger),
}

impl Trigger {
    /// Whether it reads this queue of `resources`.
    pub(crate) fn reads_queue(&self, name: &str) -> bool {
        matches!(self, Self::Sqs(sqs) if matches!(&sqs.queue, Source::Own(queue) if queue == name))
    }

    /// Whether it listens to this topic of `resources`.
    pub(crate) fn hears_topic(&self, name: &str) -> bool {
        matches!(self, Self::Sns(sns) if matches!(&sns.topic, Source::Own(topic) if topic == name))
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

impl Source {
    /// Of what is there already.
    pub(crate) fn arn(&self) -> Option<String> {
        if let Self::Arn(arn) = self { Some(arn.clone()) } else { None }
    }
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
    TriggerKind { word: "http", what: "an `http` trigger", keys: &http::KEYS, read: http::read },
    TriggerKind { word: "s3", what: "an `s3` trigger", keys: &s3::KEYS, read: s3::read },
    TriggerKind { word: "schedule", what: "a `schedule` trigger", keys: &schedule::KEYS, read: schedule::read },
    TriggerKind { word: "sqs", what: "an `sqs` trigger", keys: &sqs::KEYS, read: sqs::read },
    TriggerKind { word: "events", what: "an `events` trigger", keys: &events::KEYS, read: events::read },
    TriggerKind { word: "logs", what: "a `logs` trigger", keys: &logs::KEYS, read: logs::read },
    TriggerKind { word: "sns", what: "an `sns` trigger", keys: &sns::KEYS, read: sns::read },
    TriggerKind { word: "dynamodb", what: "a `dynamodb` trigger", keys: &dynamodb::KEYS, read: dynamodb::read },
    TriggerKind { word: "kinesis", what: "a `kinesis` trigger", keys: &kinesis::KEYS, read: kinesis::read },
    TriggerKind { word: "cognito", what: "a `cognito` trigger", keys: &cognito::KEYS, read: cognito::read },
];

/// The words of all kinds.
pub(super) fn words() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.word).collect()
}

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
    let mut read = Vec::new();
    for item in items {
        let Some(trigger) = one(reader, item, others) else { continue };
        sns::check_once(reader, item, &trigger, &read);
        read.push(trigger);
    }
    read
}

fn one(reader: &mut Reader<'_>, item: &Node, others: &Others<'_>) -> Option<Trigger> {
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
        // What speaks of events and of nothing else is the pattern itself.
        Kind::Map(map) if kind.word == "events" && events::is_short(map) => Fields::short(kind.what, short, trigger),
        Kind::Map(map) => Fields::new(reader, kind.what, &trigger.key_span, vec![map], kind.keys),
        Kind::Null => {
            reader.problem(&trigger.key_span, format!("{} needs `{short}`", kind.what), "");
            return None;
        }
        _ => Fields::short(kind.what, short, trigger),
    };
    (kind.read)(reader, &fields, others)
}

/// Reports what a function's triggers, read from `entry`, and the functions of the app do not agree about.
pub(super) fn check(reader: &mut Reader<'_>, entry: &Entry, (name, all): (&str, &[Trigger]), functions: &[&str]) {
    let all = named(entry, all);
    logs::check(reader, name, &all, functions);
    events::check(reader, &all);
}

/// Each trigger of `entry` that is no route, with the place that names it. None when one of them could not be read: what
/// is wrong with it has been told.
fn named<'a>(entry: &'a Entry, all: &'a [Trigger]) -> Vec<(&'a Span, &'a Trigger)> {
    let Kind::List(items) = &entry.value.kind else { return Vec::new() };
    let kinds = items.iter().filter_map(|item| if let Kind::Map(map) = &item.kind { map.0.first() } else { None });
    let places: Vec<&Span> = kinds.filter(|kind| kind.key != "http").map(|kind| &kind.key_span).collect();
    // A function's own list of routes is among its triggers, too.
    let all: Vec<&Trigger> = all.iter().filter(|trigger| !matches!(trigger, Trigger::Http(_))).collect();
    if places.len() == all.len() { places.into_iter().zip(all).collect() } else { Vec::new() }
}

/// A trigger's own `name`, if it has one. `what` it becomes on AWS: a rule.
#[expect(clippy::option_option, reason = "wrong and not there are two things")]
fn trigger_name(reader: &mut Reader<'_>, fields: &Fields<'_>, what: &str) -> Option<Option<String>> {
    let Some(entry) = fields.get("name") else { return Some(None) };
    let name = reader.some_text(entry)?;
    let Some(fault) = names::fault(&name, names::RESOURCE) else { return Some(Some(name)) };
    reader.problem(&entry.value.span, format!("`{name}` cannot be the name of a {what}"), fault);
    None
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
