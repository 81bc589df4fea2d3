//! `type: table` — a `DynamoDB` table: keys, indexes, expiry, stream, backups, capacity.
//!
//! Local secondary indexes are not offered: they can be made with their table only, and what they do a global one
//! does, too. <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html>

mod key;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

use self::key::Said;
pub(crate) use self::key::{AttributeType, KeyPart};
use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::keys;
use crate::config::locate::Span;
use crate::config::raw::{Entry, Kind};
use crate::config::stage::FunctionConfig;
use crate::config::suggest;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 7] = ["key", "indexes", "ttl", "stream", "pitr", "capacity", "protect"];

/// As it stands in `resources:`.
pub(super) const TYPE: Type = Type {
    word: "table",
    what: "a table",
    keys: &KEYS,
    attributes: &["name", "arn"],
    access: &["read", "write", "read-write"],
    read,
};

const DYNAMODB: &str = "DynamoDB";
/// Units per second; more takes a raised quota.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
const UNITS: RangeInclusive<i64> = 1..=40_000;
const MOST_INDEXES: usize = 20;
/// Attributes that indexes of one table copy by name.
const MOST_COPIED: usize = 100;
const VIEWS: [&str; 4] = ["keys_only", "new_image", "old_image", "new_and_old_images"];

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Table {
    /// The partition key and, if there is one, the sort key.
    pub(crate) key: Vec<KeyPart>,
    /// Global secondary indexes by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) indexes: BTreeMap<String, Index>,
    /// The attribute with the time, in s since the epoch, after which an item goes by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<String>,
    /// What its stream tells of a change. `None`: nobody said; a trigger that reads it switches it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<Stream>,
    /// Point-in-time recovery.
    pub(crate) pitr: bool,
    /// What is reserved, for the table and for each index; `None` is paid by request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capacity: Option<Capacity>,
    /// Nobody can delete it, whoever tries, until this is taken back.
    pub(crate) protect: bool,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Index {
    pub(crate) key: Vec<KeyPart>,
    pub(crate) project: Projection,
}

/// What of an item an index has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Projection {
    All,
    /// The keys of the index and of the table.
    Keys,
    /// Those and these attributes.
    Some(Vec<String>),
}

/// What is said about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stream {
    Off,
    KeysOnly,
    NewImage,
    OldImage,
    NewAndOldImages,
}

/// Units per second, reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Capacity {
    pub(crate) read: u32,
    pub(crate) write: u32,
}

/// An index before it is known which types its attributes have.
type SaidIndex = (Vec<Said>, Projection);

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, _: &Others<'_>) -> Option<ResourceConfig> {
    let key = fields.need(reader, "key", "id").and_then(|entry| key::read(reader, entry));
    let indexes = fields.get("indexes").map_or(Some(BTreeMap::new()), |entry| indexes(reader, entry));
    let ttl = fields.get("ttl").map(|entry| (entry, reader.some_text(entry)));
    let stream = fields.get("stream").map(|entry| stream(reader, entry));
    let pitr = fields.flag(reader, "pitr");
    let capacity = fields.get("capacity").map(|entry| capacity(reader, entry));
    let protect = fields.flag(reader, "protect");
    let (key, indexes) = (key?, indexes?);
    let types = key::types(reader, key.iter().chain(indexes.values().flat_map(|(key, _)| key)))?;
    if let Some((entry, Some(name))) = &ttl
        && key.iter().any(|part| part.name == *name)
    {
        // An item's key cannot change, so nothing could ever be kept longer; DynamoDB itself does not mind.
        let label = "another attribute has to say when an item expires";
        reader.problem(&entry.value.span, "`ttl` cannot be an attribute of the key", label);
    }
    Some(ResourceConfig::Table(Table {
        key: key::with_types(key, &types),
        indexes: indexes
            .into_iter()
            .map(|(name, (key, project))| (name, Index { key: key::with_types(key, &types), project }))
            .collect(),
        ttl: ttl.map_or(Some(None), |(_, name)| name.map(Some))?,
        stream: stream.map_or(Some(None), |stream| stream.map(Some))?,
        pitr: pitr?,
        capacity: capacity.map_or(Some(None), |capacity| capacity.map(Some))?,
        protect: protect?,
    }))
}

/// Whether its stream is not switched off by hand while a function listens to it.
pub(super) fn check(
    reader: &mut Reader<'_>,
    at: Option<&Span>,
    (name, table): (&str, &Table),
    functions: &BTreeMap<String, FunctionConfig>,
) {
    let (Some(at), Some(Stream::Off)) = (at, table.stream) else { return };
    let reads = |function: &&FunctionConfig| function.triggers.iter().any(|trigger| trigger.reads_table(name));
    if let Some(function) = functions.values().find(reads) {
        let title = format!("`{}` listens to the stream of `{name}`", function.name);
        reader.problem(at, title, "remove `stream: false`, or the trigger");
    }
}

fn indexes(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeMap<String, SaidIndex>> {
    let map = keys::map_of(entry, "a map of indexes, like `{ by-day: { key: day } }`", &mut reader.problems)?;
    if map.0.len() > MOST_INDEXES {
        let title = format!("{} indexes: {DYNAMODB} allows {MOST_INDEXES}", map.0.len());
        reader.problem(&entry.key_span, title, "remove some");
    }
    let (mut all, mut copied, mut whole) = (BTreeMap::new(), 0, true);
    for one in &map.0 {
        let shape = (3..=255).contains(&one.key.len())
            && one.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if !shape {
            let title = format!("`{}` cannot be the name of an index", one.key);
            reader.problem(&one.key_span, title, "3 to 255 of a-z, A-Z, 0-9, `_`, `-` and `.`");
        }
        match index(reader, one) {
            Some(index) => {
                if let Projection::Some(names) = &index.1 {
                    copied += names.len();
                }
                all.insert(one.key.clone(), index);
            }
            None => whole = false,
        }
    }
    if copied > MOST_COPIED {
        let title = format!("the indexes name {copied} attributes to copy: {DYNAMODB} allows {MOST_COPIED} in all");
        reader.problem(&entry.key_span, title, "`project: all` copies every attribute");
    }
    whole.then_some(all)
}

/// `by-day: day`, or `by-day: { key: [day, at], project: keys }`.
fn index(reader: &mut Reader<'_>, entry: &Entry) -> Option<SaidIndex> {
    let is_full =
        matches!(&entry.value.kind, Kind::Map(map) if map.get("key").is_some() || map.get("project").is_some());
    let fields = if is_full {
        let map = keys::map_of(entry, "a map", &mut reader.problems)?;
        Fields::new(reader, "an index", &entry.key_span, vec![map], &["key", "project"])
    } else {
        Fields::short("an index", "key", entry)
    };
    let key = fields.need(reader, "key", "day").and_then(|entry| key::read(reader, entry));
    let project = fields.get("project").map_or(Some(Projection::All), |entry| projection(reader, entry));
    Some((key?, project?))
}

fn projection(reader: &mut Reader<'_>, entry: &Entry) -> Option<Projection> {
    match &entry.value.kind {
        Kind::Text(word) if word == "all" => Some(Projection::All),
        Kind::Text(word) if word == "keys" => Some(Projection::Keys),
        Kind::List(items) if !items.is_empty() => {
            let mut names = reader.texts(entry)?;
            names.sort();
            names.dedup();
            Some(Projection::Some(names))
        }
        _ => {
            reader.wrong_type(&entry.key, &entry.value, "`all`, `keys`, or a list of attributes");
            None
        }
    }
}

/// `true` has everything; functions that want less can say so.
fn stream(reader: &mut Reader<'_>, entry: &Entry) -> Option<Stream> {
    let Kind::Text(word) = &entry.value.kind else {
        let on = reader.yes_or_no(entry)?;
        return Some(if on { Stream::NewAndOldImages } else { Stream::Off });
    };
    Some(match word.to_lowercase().as_str() {
        "keys_only" => Stream::KeysOnly,
        "new_image" => Stream::NewImage,
        "old_image" => Stream::OldImage,
        "new_and_old_images" => Stream::NewAndOldImages,
        other => {
            let all = || format!("`true`, `false`, {}", suggest::list(&VIEWS));
            let label = suggest::did_you_mean(other, VIEWS, all);
            reader.problem(&entry.value.span, format!("`{word}` is not what a stream tells"), label);
            return None;
        }
    })
}

fn capacity(reader: &mut Reader<'_>, entry: &Entry) -> Option<Capacity> {
    let map = keys::map_of(entry, "a map, like `{ read: 5, write: 5 }`", &mut reader.problems)?;
    let fields = Fields::new(reader, "`capacity`", &entry.key_span, vec![map], &["read", "write"]);
    let [read, write] = ["read", "write"].map(|key| {
        fields.need(reader, key, "5").and_then(|entry| reader.within(entry, &UNITS, "units per second", DYNAMODB))
    });
    Some(Capacity { read: read?, write: write? })
}

impl Stream {
    /// As `DynamoDB` spells it; `None` is off.
    pub(crate) fn view(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::KeysOnly => Some("KEYS_ONLY"),
            Self::NewImage => Some("NEW_IMAGE"),
            Self::OldImage => Some("OLD_IMAGE"),
            Self::NewAndOldImages => Some("NEW_AND_OLD_IMAGES"),
        }
    }
}
