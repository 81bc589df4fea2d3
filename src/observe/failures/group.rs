//! Failures that are the same: one exception at one place, or without a place one message, numbers and ids aside.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::observe::LogEvent;
use crate::observe::story::{Crash, Entry, Level, Outcome, Place, Reading, crash, place_of};

/// Streams whose last failure is remembered.
const STREAMS: usize = 10_000;

/// One kind of failure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failure {
    /// The type of the exception, or `Task timed out`; of a line that only says that something is wrong, its level.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The innermost frame of the app's own code.
    pub(crate) place: Option<Place>,
    /// The first line of the latest.
    pub(crate) message: String,
    pub(crate) count: usize,
    /// Ms since 1970.
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) functions: BTreeSet<String>,
    /// That of the latest whose request is known.
    pub(crate) request: Option<String>,
    /// The latest.
    #[serde(skip)]
    pub(crate) example: LogEvent,
}

/// What makes two failures the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: String,
    /// The place, or where there is none the message.
    which: Result<Place, String>,
}

/// Failures by what they are.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: HashMap<Key, Failure>,
    /// Stream → when it last failed, ms.
    failed: HashMap<String, i64>,
}

impl Groups {
    /// Counts an entry if it tells of a failure.
    pub(super) fn take(&mut self, entry: &Entry) {
        let event = &entry.event;
        if let Reading::Summary(summary) = &entry.reading {
            // REPORT says once more what a line of its invocation said.
            #[expect(clippy::cast_possible_truncation, reason = "ms of at most 15 minutes")]
            let took = (summary.duration + summary.init_duration.unwrap_or_default()) as i64;
            let begun = event.timestamp - took - 1_000;
            if self.failed.get(&event.stream).is_some_and(|failed| *failed >= begun) {
                return;
            }
        }
        let Some(crash) = told(entry) else { return };
        if self.failed.len() > STREAMS {
            self.failed.clear();
        }
        self.failed.insert(event.stream.clone(), event.timestamp);
        let failure = Failure {
            kind: crash.kind,
            place: crash.place,
            message: crash.message,
            count: 1,
            first: event.timestamp,
            last: event.timestamp,
            functions: BTreeSet::from([event.function.clone()]),
            request: entry.request.as_deref().map(str::to_owned),
            example: event.clone(),
        };
        self.add(failure);
    }

    pub(super) fn merge(&mut self, other: Self) {
        other.all.into_values().for_each(|failure| self.add(failure));
    }

    /// Adds what may be the same as another since its place is known.
    pub(super) fn add(&mut self, new: Failure) {
        let which = new.place.clone().ok_or_else(|| normal(&new.message));
        let key = Key { kind: new.kind.clone(), which };
        let Some(known) = self.all.get_mut(&key) else {
            self.all.insert(key, new);
            return;
        };
        known.count += new.count;
        known.first = known.first.min(new.first);
        known.functions.extend(new.functions);
        if new.last >= known.last {
            known.last = new.last;
            known.message = new.message;
            // A request that is known is better than one that has to be looked for.
            if new.request.is_some() || known.request.is_none() {
                known.request = new.request;
                known.example = new.example;
            }
        }
    }

    /// What happens most comes first, then what happened last.
    pub(super) fn sorted(self) -> Vec<Failure> {
        let mut all: Vec<Failure> = self.all.into_values().collect();
        all.sort_by(|a, b| (b.count, b.last, &a.kind, &a.place).cmp(&(a.count, a.last, &b.kind, &b.place)));
        all
    }
}

/// The failure that an entry tells of.
pub(super) fn told(entry: &Entry) -> Option<Crash> {
    match &entry.reading {
        Reading::Text { level, .. } => {
            let body = entry.body().trim();
            let found = crash(body);
            // An exception's name without a level is a line that a program printed of it.
            if !(entry.is_bad() || (level.is_none() && found.is_some())) {
                return None;
            }
            Some(found.unwrap_or_else(|| only_said(*level, body)))
        }
        Reading::Record(record) if entry.is_bad() => {
            let trace = record.trace.as_deref();
            let found = trace.and_then(crash);
            let place = found.as_ref().and_then(|crash| crash.place.clone()).or_else(|| trace.and_then(place_of));
            let place = place.or_else(|| record.fields.iter().find_map(|(name, value)| location(name, value)));
            let message = record.message.lines().next().unwrap_or_default();
            let kind = record.kind.clone().or_else(|| found.as_ref().map(|crash| crash.kind.clone()));
            let Some(kind) = kind else {
                return Some(Crash { place, ..only_said(record.level, message) });
            };
            // `KeyError: 'x'` has the type in front already.
            let message = message.strip_prefix(&format!("{kind}: ")).unwrap_or(message);
            let message = if message.is_empty() {
                found.map(|crash| crash.message).unwrap_or_default()
            } else {
                message.to_owned()
            };
            Some(Crash { kind, message, place })
        }
        Reading::Summary(summary) if summary.failed() => {
            let (kind, message) = match &summary.outcome {
                Outcome::TimedOut => {
                    ("Task timed out", format!("Task timed out after {:.2} seconds", summary.duration / 1000.0))
                }
                Outcome::OutOfMemory => ("out of memory", "all memory was used, and the process was ended".to_owned()),
                Outcome::Exited => ("Runtime.ExitError", "the process ended by itself".to_owned()),
                Outcome::Failed(Some(kind)) => (kind.as_str(), "the invocation failed".to_owned()),
                Outcome::Failed(None) | Outcome::Done => ("error", "the invocation failed".to_owned()),
            };
            Some(Crash { kind: kind.to_owned(), message, place: None })
        }
        _ => None,
    }
}

/// A line without an exception.
fn only_said(level: Option<Level>, text: &str) -> Crash {
    let kind = level.unwrap_or(Level::Error).word().to_owned();
    Crash { kind, message: text.lines().next().unwrap_or_default().trim_end().to_owned(), place: None }
}

/// Powertools' `location`: `collect.handler:10`; Lambda's: `/var/task/app.py:handler:17`.
fn location(name: &str, value: &str) -> Option<Place> {
    let (front, line) = value.rsplit_once(':').filter(|_| name == "location")?;
    let (file, function) = front.rsplit_once(':').or_else(|| front.rsplit_once('.'))?;
    let file = file.strip_prefix("/var/task/").unwrap_or(file).to_owned();
    Some(Place { file, line: Some(line.parse().ok()?), function: Some(function.to_owned()) })
}

/// The message without what differs each time: numbers, ids, addresses.
fn normal(message: &str) -> String {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    let mut out = String::new();
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let hex = word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let varies = digits > 0 && (digits * 2 > word.len() || hex || word.starts_with("0x") || word.len() >= 20);
        // `15` and `15.5` are alike.
        if varies {
            if !out.ends_with(['…']) && !out.ends_with("….") {
                out.push('…');
            }
        } else {
            out.push_str(word);
        }
        word.clear();
    };
    for letter in message.chars() {
        if is_part(letter) {
            word.push(letter);
        } else {
            end(&mut word, &mut out);
            out.push(letter);
        }
    }
    end(&mut word, &mut out);
    out.replace("….", "…")
}

#[cfg(test)]
mod tests;
