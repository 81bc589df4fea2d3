//! What a log event says: pure functions from an event to an [`Entry`], and the little state that tells which
//! invocation a line belongs to. Prints nothing and asks nobody.
//!
//! One log stream is one execution environment, and that runs one invocation at a time. So a line without a request id
//! belongs to the request whose START was the last of its stream:
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>.

mod access;
mod clean;
mod join;
mod level;
mod platform;
mod record;
mod sieve;
mod summary;
mod text;
mod trace;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

pub(crate) use self::access::Access;
pub(crate) use self::join::Joiner;
pub(crate) use self::level::Level;
pub(crate) use self::record::Record;
pub(crate) use self::sieve::Sieve;
pub(crate) use self::summary::{Outcome, Summary};
pub(crate) use self::trace::{Crash, Place, crash, has_trace, is_foreign, place_of};
use super::LogEvent;

/// Streams that are remembered; beyond that the quiet ones are forgotten.
const STREAMS: usize = 10_000;
/// Ms: no invocation is longer. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LONGEST: i64 = 15 * 60_000;

/// An event, understood.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) event: LogEvent,
    /// The whole id of the request it belongs to, when that is known.
    pub(crate) request: Option<Arc<str>>,
    pub(crate) reading: Reading,
}

/// What an event is.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// Text; the message begins at this byte of the event's.
    Text {
        level: Option<Level>,
        body: usize,
    },
    Record(Box<Record>),
    Access(Box<Access>),
    /// The end of an invocation.
    Summary(Box<Summary>),
    /// START, END and what else the summary tells, too.
    Frame {
        start: bool,
    },
    /// rzap's own words about the log.
    Note(String),
}

impl Entry {
    /// How bad it is; `None` when it does not say.
    pub(crate) fn level(&self) -> Option<Level> {
        match &self.reading {
            Reading::Text { level, .. } => *level,
            Reading::Record(record) => record.level,
            Reading::Access(access) => access.level(),
            Reading::Summary(summary) => summary.failed().then_some(Level::Error),
            Reading::Frame { .. } | Reading::Note(_) => None,
        }
    }

    /// What it says, of a text.
    pub(crate) fn body(&self) -> &str {
        match &self.reading {
            Reading::Text { body, .. } => self.event.message.get(*body..).unwrap_or_default(),
            _ => &self.event.message,
        }
    }

    /// Whether it tells of a failure.
    pub(crate) fn is_bad(&self) -> bool {
        let by_content = match &self.reading {
            Reading::Text { .. } => has_trace(self.body()),
            Reading::Record(record) => record.kind.is_some(),
            _ => false,
        };
        by_content || self.level().is_some_and(Level::is_bad)
    }
}

/// Which request each stream is busy with.
#[derive(Debug, Default)]
pub(crate) struct Story {
    streams: HashMap<String, Environment>,
}

/// One execution environment.
#[derive(Debug, Default)]
struct Environment {
    request: Option<Arc<str>>,
    /// What the lines said of the end.
    outcome: Option<Outcome>,
    /// Ms: its last line.
    seen: i64,
}

impl Story {
    /// Understands one event. Those of a stream have to come in their order.
    pub(crate) fn read(&mut self, event: LogEvent) -> Entry {
        let (reading, own) = self.reading(&event);
        let environment = match self.streams.get_mut(&event.stream) {
            Some(environment) => environment,
            None => self.streams.entry(event.stream.clone()).or_default(),
        };
        environment.seen = event.timestamp;
        let request = match own {
            // The same id need not be kept once more.
            Some(id) => match &environment.request {
                Some(open) if **open == *id => Some(open.clone()),
                _ => Some(Arc::from(id)),
            },
            None => environment.request.clone(),
        };
        let mut entry = Entry { event, request, reading };
        match &mut entry.reading {
            Reading::Frame { start: true } => {
                environment.request.clone_from(&entry.request);
                environment.outcome = None;
            }
            Reading::Summary(summary) => {
                if let Some(outcome) = environment.outcome.take().filter(|_| !summary.init) {
                    summary.seen(outcome);
                }
                if !summary.init {
                    environment.request = None;
                }
            }
            _ => {}
        }
        if let Some(outcome) = outcome(&entry) {
            environment.outcome = Some(outcome);
        }
        if self.streams.len() > STREAMS {
            self.forget(entry.event.timestamp);
        }
        entry
    }

    /// The reading, and the request id that the event itself has.
    fn reading(&self, event: &LogEvent) -> (Reading, Option<String>) {
        let message = event.message.as_str();
        if message.starts_with('{')
            && let Ok(Value::Object(document)) = serde_json::from_str(message)
            && let Some(found) = of_json(document)
        {
            return found;
        }
        if let Some(line) = platform::of_text(message) {
            return of_platform(line);
        }
        let head = text::head(message);
        // Node's runtime: `…⇥ERROR⇥Invoke Error ⇥{"errorType": …}`
        if head.level.is_some_and(Level::is_bad)
            && message.ends_with('}')
            && let Some((said, json)) = message[head.body..].split_once("\t{")
            && let Ok(Value::Object(document)) = serde_json::from_str(&format!("{{{json}"))
            && let Some((mut record, _)) = record::read(document)
        {
            let said = said.trim_end();
            record.message =
                if record.message.is_empty() { said.to_owned() } else { format!("{said}: {}", record.message) };
            record.level = head.level;
            let unhandled = ["Invoke Error", "Uncaught Exception", "Unhandled Promise Rejection"];
            record.unhandled = unhandled.contains(&said);
            return (Reading::Record(Box::new(record)), head.request.map(str::to_owned));
        }
        (Reading::Text { level: head.level, body: head.body }, self.unless_open(event, head.request))
    }

    /// An id that is not the one its stream is busy with: what is known is not allocated for each line.
    fn unless_open(&self, event: &LogEvent, id: Option<&str>) -> Option<String> {
        let open = || self.streams.get(&event.stream).and_then(|environment| environment.request.as_deref());
        id.filter(|id| open() != Some(id)).map(str::to_owned)
    }

    fn forget(&mut self, now: i64) {
        let quiet = now - LONGEST;
        self.streams.retain(|_, environment| environment.seen >= quiet);
        // All busy: those that wait for nothing.
        if self.streams.len() > STREAMS {
            self.streams.retain(|_, environment| environment.request.is_some());
        }
        if self.streams.len() > STREAMS {
            self.streams.clear();
        }
    }
}

fn of_json(document: serde_json::Map<String, Value>) -> Option<(Reading, Option<String>)> {
    let document = Value::Object(document);
    if let Some(line) = platform::of_json(&document) {
        return Some(of_platform(line));
    }
    let Value::Object(document) = document else { return None };
    match access::read(document) {
        Ok((access, request)) => Some((Reading::Access(Box::new(access)), request)),
        Err(document) => {
            let (record, request) = record::read(document)?;
            Some((Reading::Record(Box::new(record)), request))
        }
    }
}

fn of_platform(line: platform::Platform<'_>) -> (Reading, Option<String>) {
    use platform::Platform;
    match line {
        Platform::Start(id) => (Reading::Frame { start: true }, Some(id.to_owned())),
        Platform::End(id) => (Reading::Frame { start: false }, Some(id.to_owned())),
        Platform::Report(id, summary) => (Reading::Summary(summary), Some(id.to_owned())),
        Platform::InitFailed(summary) => (Reading::Summary(summary), None),
        Platform::Around => (Reading::Frame { start: false }, None),
    }
}

/// What a line says of the end of its invocation, which REPORT as text does not for an exception.
fn outcome(entry: &Entry) -> Option<Outcome> {
    match &entry.reading {
        Reading::Record(record) if record.unhandled => Some(Outcome::Failed(record.kind.clone())),
        Reading::Text { level: Some(Level::Error), .. } => {
            let (message, body) = (entry.event.message.as_str(), entry.body());
            if body.starts_with("Task timed out after ") {
                return Some(Outcome::TimedOut);
            }
            if body.contains("Runtime exited with") || body.contains("Runtime exited without") {
                return message.starts_with("RequestId: ").then_some(Outcome::Exited);
            }
            // Python's runtime writes a space where its logger writes a tab.
            let last_words = message.starts_with("[ERROR] ") && trace::kind_at(first_line(body)).is_some();
            last_words.then(|| Outcome::Failed(crash(body).map(|crash| crash.kind)))
        }
        _ => None,
    }
}

fn first_line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
