//! What becomes of events that nobody waits for: `on_success`, `on_failure`, `dead_letter`, `retries`, `max_event_age`.
//!
//! Asynchronous are the calls of schedules, buckets, topics and buses, and `rzap invoke --async`. An empty value
//! takes away what a function would have from further up.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html>

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::fields;
use super::locate::Span;
use super::precedence::Said;
use super::raw::{Entry, Kind};
use super::resources::{self, Others, ResourceConfig};
use super::suggest;
use super::triggers::Source;
use super::values::Reader;

/// <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html>
const RETRIES: RangeInclusive<i64> = 0..=2;
/// Seconds.
const AGE: RangeInclusive<i64> = 60..=21_600;

/// Resources and services that take an invocation record, and, where it is one of a failure, a bucket.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
const TAKES_RECORDS: Takes =
    Takes { types: &["queue", "topic", "event_bus"], services: &["sqs", "sns", "events", "lambda"] };
const TAKES_FAILURES: Takes =
    Takes { types: &["queue", "topic", "event_bus", "bucket"], services: &["sqs", "sns", "events", "lambda", "s3"] };
/// <https://docs.aws.amazon.com/lambda/latest/api/API_DeadLetterConfig.html>
const TAKES_LETTERS: Takes = Takes { types: &["queue", "topic"], services: &["sqs", "sns"] };

/// What may be named.
struct Takes {
    types: &'static [&'static str],
    services: &'static [&'static str],
}

impl Takes {
    fn functions(&self) -> bool {
        self.services.contains(&"lambda")
    }
}

/// How a function's asynchronous calls go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Asynchronous {
    /// Gets a record of every call that succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_success: Option<Destination>,
    /// Gets a record of every call that is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<Destination>,
    /// Gets the bare event of every call that is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter: Option<Source>,
    /// How often a call is tried again, 0–2; `None` is Lambda's own 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retries: Option<u32>,
    /// Seconds an event may wait, 60–21,600; `None` is Lambda's own six hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_event_age: Option<u32>,
}

/// Where a record of a call goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Destination {
    /// A resource of the app, by its name in the config.
    Own(String),
    /// A function of the app, by its name in the config.
    Function(String),
    /// Something that is there already, by its ARN.
    Arn(String),
}

impl Asynchronous {
    /// Whether anything is said that is kept beside the function, and not in its settings.
    pub(crate) fn is_configured(&self) -> bool {
        *self != Self { dead_letter: self.dead_letter.clone(), ..Self::default() }
    }
}

/// What the app has that can be named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) others: &'a Others<'a>,
    pub(super) resources: &'a BTreeMap<String, ResourceConfig>,
    /// The names of all functions.
    pub(super) functions: &'a [&'a str],
}

/// Reads what is said of one function.
pub(super) fn read(reader: &mut Reader<'_>, said: &Said<'_>, name: &str, around: Around<'_>) -> Asynchronous {
    let find = |key| said.strongest(key).filter(|entry: &&Entry| entry.value.kind != Kind::Null);
    let on_success = find("on_success").and_then(|entry| destination(reader, entry, &TAKES_RECORDS, name, around));
    let on_failure = find("on_failure").and_then(|entry| destination(reader, entry, &TAKES_FAILURES, name, around));
    let dead_letter = find("dead_letter").and_then(|entry| destination(reader, entry, &TAKES_LETTERS, name, around));
    Asynchronous {
        on_success,
        on_failure,
        dead_letter: dead_letter.and_then(|destination| match destination {
            Destination::Own(name) => Some(Source::Own(name)),
            Destination::Arn(arn) => Some(Source::Arn(arn)),
            Destination::Function(_) => None,
        }),
        retries: find("retries").and_then(|entry| retries(reader, entry)),
        max_event_age: find("max_event_age").and_then(|entry| max_event_age(reader, entry)),
    }
}

/// How often a failed call is tried again.
pub(super) fn retries(reader: &mut Reader<'_>, entry: &Entry) -> Option<u32> {
    if entry.value.kind == Kind::Null {
        return None;
    }
    reader.whole(entry, &RETRIES, "retries")
}

/// For how long an event may wait, in seconds.
pub(super) fn max_event_age(reader: &mut Reader<'_>, entry: &Entry) -> Option<u32> {
    if entry.value.kind == Kind::Null {
        return None;
    }
    fields::seconds(reader, entry, &AGE, "Lambda")
}

/// A name of the app, `{ function: NAME }` where it could be both, or an ARN.
fn destination(
    reader: &mut Reader<'_>,
    entry: &Entry,
    takes: &Takes,
    own: &str,
    around: Around<'_>,
) -> Option<Destination> {
    let at = &entry.value.span;
    if let Kind::Map(map) = &entry.value.kind {
        let [only] = map.0.as_slice() else {
            reader.wrong_type(&entry.key, &entry.value, "a name, an ARN, or `{ function: NAME }`");
            return None;
        };
        if only.key != "function" || !takes.functions() {
            let title = format!("`{}` has no key `{}`", entry.key, only.key);
            reader.problem(&only.key_span, title, "write the name of a resource, or an ARN");
            return None;
        }
        let name = reader.some_text(only)?;
        if !around.functions.contains(&name.as_str()) {
            unknown(reader, &only.value.span, &name, takes, around);
            return None;
        }
        return function(reader, (&entry.key, &only.value.span), name, own);
    }
    let text = reader.some_text(entry)?;
    if text.starts_with("arn:") {
        return arn(reader, entry, text, takes);
    }
    let is_function = takes.functions() && around.functions.contains(&text.as_str());
    match (around.others.contains_key(text.as_str()), is_function) {
        (true, true) => {
            let label =
                format!("for the function write `{}: {{ function: {text} }}`, or rename one of them", entry.key);
            reader.problem(at, format!("`{text}` is a resource and a function"), label);
            None
        }
        (false, true) => function(reader, (&entry.key, at), text, own),
        (true, false) => {
            resources::must_be(reader, at, &text, takes.types, around.others)?;
            if around.resources.get(&text).is_some_and(ResourceConfig::is_fifo) {
                no_fifo(reader, at, &entry.key);
                return None;
            }
            Some(Destination::Own(text))
        }
        (false, false) => {
            unknown(reader, at, &text, takes, around);
            None
        }
    }
}

fn function(reader: &mut Reader<'_>, (key, at): (&str, &Span), name: String, own: &str) -> Option<Destination> {
    if name != own {
        return Some(Destination::Function(name));
    }
    let label = format!("take it away there: `{key}:` with nothing behind it");
    reader.problem(at, format!("`{key}` of `{own}` is `{own}` itself: it would call itself without end"), label);
    None
}

fn arn(reader: &mut Reader<'_>, entry: &Entry, text: String, takes: &Takes) -> Option<Destination> {
    let service = text.split(':').nth(2).unwrap_or_default();
    if !takes.services.contains(&service) || text.split(':').count() < 6 {
        let label = format!("needed is one of {}", suggest::list(takes.services));
        reader.problem(&entry.value.span, format!("`{}` cannot be this ARN", entry.key), label);
        return None;
    }
    if text.strip_suffix(".fifo").is_some() {
        no_fifo(reader, &entry.value.span, &entry.key);
        return None;
    }
    Some(Destination::Arn(text))
}

/// "This can happen if your configuration includes an unsupported destination type, such as an Amazon SQS FIFO queue":
/// it would fail with every event. <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn no_fifo(reader: &mut Reader<'_>, at: &Span, key: &str) {
    reader.problem(at, format!("`{key}` cannot be FIFO"), "Lambda sends to standard queues and topics only");
}

fn unknown(reader: &mut Reader<'_>, at: &Span, name: &str, takes: &Takes, around: Around<'_>) {
    let fitting = around.others.iter().filter(|(_, word)| takes.types.contains(word)).map(|(name, _)| *name);
    let functions = around.functions.iter().copied().filter(|_| takes.functions());
    let all: Vec<&str> = fitting.chain(functions).collect();
    let what = if takes.functions() { "no resource or function" } else { "no resource" };
    let label = suggest::did_you_mean(name, all.iter().copied(), || match all.as_slice() {
        [] => format!("add it: `resources: {{ {name}: queue }}`"),
        some => format!("there is {}", suggest::list(some)),
    });
    reader.problem(at, format!("{what} `{name}`"), label);
}
