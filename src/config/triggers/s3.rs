//! `- s3: uploads` — what happens to the objects of a bucket, one of the app's or one that is there already.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Source, Trigger, named, source};
use crate::config::fields::Fields;
use crate::config::raw::{Entry, Kind};
use crate::config::resources::Others;
use crate::config::suggest;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 4] = ["bucket", "events", "prefix", "suffix"];

/// Our words for families of events; AWS's own names are taken, too.
const WORDS: [(&str, &str); 5] = [
    ("created", "s3:ObjectCreated:*"),
    ("removed", "s3:ObjectRemoved:*"),
    ("expired", "s3:LifecycleExpiration:*"),
    ("restored", "s3:ObjectRestore:*"),
    ("tagged", "s3:ObjectTagging:*"),
];

/// What happens to objects of a bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct S3Trigger {
    pub(crate) bucket: Source,
    /// As AWS names them: `s3:ObjectCreated:*`.
    pub(crate) events: BTreeSet<String>,
    /// What keys begin and end with; empty for all.
    pub(crate) prefix: String,
    pub(crate) suffix: String,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<Trigger> {
    let bucket = fields.need(reader, "bucket", "uploads").and_then(|entry| {
        let source = source(reader, entry, (&["bucket"], "s3"), others)?;
        // `arn:aws:s3:::name/key` is an object, `arn:aws:s3:region:account:accesspoint/…` an access point.
        let whole = |arn: &String| arn.contains(":s3:::") && !arn.contains(['/', '*']);
        if matches!(&source, Source::Arn(arn) if !whole(arn)) {
            let label = "needed is that of a bucket, like `arn:aws:s3:::uploads`";
            reader.problem(&entry.value.span, "this ARN is of something in S3 that is no bucket", label);
            return None;
        }
        Some(source)
    });
    let events = match fields.get("events") {
        Some(entry) => events(reader, entry),
        None => Some(BTreeSet::from(["s3:ObjectCreated:*".to_owned()])),
    };
    let mut part = |key| fields.get(key).map_or(Some(String::new()), |entry| reader.some_text(entry));
    let (prefix, suffix) = (part("prefix"), part("suffix"));
    Some(Trigger::S3(S3Trigger { bucket: bucket?, events: events?, prefix: prefix?, suffix: suffix? }))
}

/// One event or a list of them.
fn events(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeSet<String>> {
    let said = match &entry.value.kind {
        Kind::Text(_) => vec![(reader.some_text(entry)?, entry.value.span.clone())],
        Kind::List(items) if !items.is_empty() => {
            let texts = reader.texts(entry)?;
            texts.into_iter().zip(items.iter().map(|item| item.span.clone())).collect()
        }
        _ => {
            reader.wrong_type(&entry.key, &entry.value, "`created`, `removed`, or a list of events");
            return None;
        }
    };
    let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
    let mut events = BTreeSet::new();
    let mut right = true;
    for (text, span) in said {
        // New ones come more often than new versions of rzap: S3 knows which there are.
        let own = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic() || b":*".contains(&byte));
        match WORDS.iter().find(|(word, _)| *word == text) {
            Some((_, event)) => drop(events.insert((*event).to_owned())),
            None if text.starts_with("s3:") && text[3..].contains(':') && own(&text[3..]) => drop(events.insert(text)),
            None => {
                let all =
                    || format!("there is {}, or one of S3's own, like `s3:ObjectCreated:Put`", suggest::list(&known));
                let label = suggest::did_you_mean(&text, known.iter().copied(), all);
                reader.problem(&span, format!("unknown event `{text}`"), label);
                right = false;
            }
        }
    }
    right.then_some(events)
}

/// The triggers of this kind that a stage has, with their functions' names.
#[derive(Debug, Default)]
pub(in crate::config) struct Notified(Vec<(String, S3Trigger)>);

impl Notified {
    /// Reports those that an earlier one overlaps: S3 calls one receiver for an object, and refuses to choose.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>
    pub(in crate::config) fn check(
        &mut self,
        reader: &mut Reader<'_>,
        entry: &Entry,
        name: &str,
        triggers: &[Trigger],
    ) {
        for (at, trigger) in named(entry, triggers) {
            let Trigger::S3(trigger) = trigger else { continue };
            if let Some((other, _)) = self.0.iter().find(|(_, other)| other.overlaps(trigger)) {
                let whose =
                    if other == name { "another trigger of it".to_owned() } else { format!("one of `{other}`") };
                let title = format!("this trigger of `{name}` overlaps {whose}");
                let label = "S3 calls one function for an event: tell them apart by `events`, `prefix` or `suffix`";
                reader.problem(at, title, label);
            }
            self.0.push((name.to_owned(), trigger.clone()));
        }
    }
}

impl S3Trigger {
    /// Whether an event of an object can be both's.
    fn overlaps(&self, other: &Self) -> bool {
        let event = |one: &String, other: &String| {
            let covers =
                |all: &String, one: &String| all.strip_suffix('*').is_some_and(|family| one.starts_with(family));
            one == other || covers(one, other) || covers(other, one)
        };
        let events = self.events.iter().any(|one| other.events.iter().any(|other| event(one, other)));
        let prefix = self.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&self.prefix);
        let suffix = self.suffix.ends_with(&other.suffix) || other.suffix.ends_with(&self.suffix);
        self.bucket == other.bucket && events && prefix && suffix
    }
}
