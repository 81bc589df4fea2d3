//! `type: bucket` — an S3 bucket: private and encrypted, with how long its objects live, who may read it from a page
//! and whether `EventBridge` hears of it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>

use std::ops::RangeInclusive;

use serde::Serialize;

use super::{Others, ResourceConfig, Type};
use crate::config::fields::{self, Fields};
use crate::config::keys;
use crate::config::raw::{Entry, Kind};
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 5] = ["versioned", "expire", "expire_versions", "cors", "eventbridge"];

/// As it stands in `resources:`.
pub(super) const TYPE: Type = Type {
    word: "bucket",
    what: "a bucket",
    keys: &KEYS,
    attributes: &["name", "arn"],
    access: &["read", "write", "read-write"],
    read,
};

const CORS_KEYS: [&str; 5] = ["origins", "methods", "headers", "expose", "max_age"];

const S3: &str = "S3";
const DAY: u32 = 86_400;
/// Seconds; S3 counts whole days, and up to 2³¹ of them. More than a hundred years nobody means.
const EXPIRE: RangeInclusive<i64> = 86_400..=3_153_600_000;
/// Seconds a browser remembers an answer; what they take at most.
/// <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Access-Control-Max-Age>
const MAX_AGE: RangeInclusive<i64> = 0..=86_400;
/// An hour.
const REMEMBERED: u32 = 3600;
/// "The valid methods". <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html>
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];
/// What a page does that uploads and shows files.
const USUAL_METHODS: [&str; 4] = ["GET", "HEAD", "PUT", "POST"];

/// An S3 bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Bucket {
    /// What is overwritten or deleted is kept as an older version.
    pub(crate) versioned: bool,
    /// Days after which objects go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expire: Option<u32>,
    /// Days after which older versions go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expire_versions: Option<u32>,
    /// Which pages of other origins may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<Cors>,
    /// The default bus of `EventBridge` is told what happens to its objects, for `events` triggers.
    pub(crate) eventbridge: bool,
}

/// What pages of other origins may do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Cors {
    /// `https://shop.example`, with one `*` at most in each.
    pub(crate) origins: Vec<String>,
    pub(crate) methods: Vec<String>,
    /// Headers a request may have.
    pub(crate) headers: Vec<String>,
    /// Headers of an answer that a page may read.
    pub(crate) expose: Vec<String>,
    /// Seconds a browser remembers all this.
    pub(crate) max_age: u32,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, _: &Others<'_>) -> Option<ResourceConfig> {
    let versioned = fields.flag(reader, "versioned")?;
    let expire = fields.get("expire").map_or(Some(None), |entry| days(reader, entry).map(Some))?;
    let older = fields.get("expire_versions");
    let expire_versions = older.map_or(Some(None), |entry| days(reader, entry).map(Some))?;
    if let (false, Some(entry)) = (versioned, older) {
        let title = "`expire_versions` is for versioned buckets";
        reader.problem(&entry.key_span, title, "add `versioned: true`, or remove it");
    }
    let cors = fields.get("cors").map_or(Some(None), |entry| cors(reader, entry).map(Some))?;
    let eventbridge = fields.flag(reader, "eventbridge")?;
    Some(ResourceConfig::Bucket(Bucket { versioned, expire, expire_versions, cors, eventbridge }))
}

/// Whole days.
fn days(reader: &mut Reader<'_>, entry: &Entry) -> Option<u32> {
    if let Kind::Number(Some(number), _) = entry.value.kind {
        let title = format!("`{}` needs a time in days", entry.key);
        reader.problem(&entry.value.span, title, format!("like `{number}d`"));
        return None;
    }
    let seconds = fields::seconds(reader, entry, &EXPIRE, S3)?;
    if seconds % DAY != 0 {
        let title = format!("`{}` is not a number of whole days", entry.key);
        reader.problem(&entry.value.span, title, "S3 counts in days: like `30d`");
        return None;
    }
    Some(seconds / DAY)
}

/// `cors: https://shop.example`, a list of such, or a map.
fn cors(reader: &mut Reader<'_>, entry: &Entry) -> Option<Cors> {
    let usual = |origins| Cors {
        origins,
        methods: USUAL_METHODS.map(str::to_owned).into(),
        headers: vec!["*".to_owned()],
        expose: vec!["ETag".to_owned()],
        max_age: REMEMBERED,
    };
    let Kind::Map(_) = &entry.value.kind else { return origins(reader, entry).map(usual) };
    let map = keys::map_of(entry, "a map", &mut reader.problems)?;
    let fields = Fields::new(reader, "`cors`", &entry.key_span, vec![map], &CORS_KEYS);
    let origins = fields.need(reader, "origins", "https://shop.example").and_then(|entry| origins(reader, entry))?;
    let Cors { origins, methods, headers, expose, .. } = usual(origins);
    let mut list = |key: &str, otherwise: Vec<String>| match fields.get(key) {
        Some(entry) => texts(reader, entry),
        None => Some(otherwise),
    };
    let headers = list("headers", headers)?;
    let expose = list("expose", expose)?;
    let methods = list("methods", methods)?;
    if let (Some(wrong), Some(entry)) =
        (methods.iter().find(|method| !METHODS.contains(&method.as_str())), fields.get("methods"))
    {
        let label = format!("S3 has {}", crate::config::suggest::list(&METHODS));
        reader.problem(&entry.value.span, format!("`{wrong}` is not a method that S3 allows to pages"), label);
    }
    let max_age = fields.seconds(reader, "max_age", &MAX_AGE, "a browser").unwrap_or(REMEMBERED);
    Some(Cors { origins, methods, headers, expose, max_age })
}

fn origins(reader: &mut Reader<'_>, entry: &Entry) -> Option<Vec<String>> {
    let origins = texts(reader, entry)?;
    let fits = |origin: &String| {
        let whole = origin == "*" || origin.contains("://") && !origin.ends_with('/');
        whole && origin.matches('*').count() <= 1
    };
    if let Some(wrong) = origins.iter().find(|origin| !fits(origin)) {
        let title = format!("`{wrong}` is not an origin");
        reader.problem(
            &entry.value.span,
            title,
            "like `https://shop.example` or `https://*.shop.example`, without a path",
        );
        return None;
    }
    Some(origins)
}

/// One text or a list of them.
fn texts(reader: &mut Reader<'_>, entry: &Entry) -> Option<Vec<String>> {
    match &entry.value.kind {
        Kind::Text(_) => Some(vec![reader.some_text(entry)?]),
        Kind::List(items) if items.is_empty() => {
            reader.problem(&entry.value.span, format!("`{}` is empty", entry.key), "name some, or remove it");
            None
        }
        _ => reader.texts(entry),
    }
}
