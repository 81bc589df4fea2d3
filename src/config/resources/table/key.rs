//! The key of a table or of an index: its partition key and, if there is one, its sort key.
//!
//! `key: id` · `key: [customer, at]` · `key: { customer: string, at: number }` · `key: [customer, { at: number }]`:
//! the first is the partition key, and what has no type is a string, unless the same attribute has one elsewhere.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::locate::Span;
use crate::config::raw::{Entry, Kind, Node};
use crate::config::suggest;
use crate::config::values::Reader;

const WANTED: &str = "an attribute, `[partition, sort]`, or `{ partition: string, sort: number }`";
const LONGEST: usize = 255;
const WORDS: [&str; 3] = ["string", "number", "binary"];

/// One attribute of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KeyPart {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: AttributeType,
}

/// The same as it was said.
pub(super) struct Said {
    pub(super) name: String,
    kind: Option<AttributeType>,
    at: Span,
}

/// The types of attributes by their names.
pub(super) type Types = BTreeMap<String, AttributeType>;

/// What a key attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AttributeType {
    String,
    Number,
    Binary,
}

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Option<Vec<Said>> {
    let parts: Option<Vec<Said>> = match &entry.value.kind {
        Kind::Text(_) => Some(vec![plain(reader, &entry.key, &entry.value)?]),
        Kind::Map(map) => map.0.iter().map(|entry| typed(reader, entry)).collect(),
        Kind::List(items) => items
            .iter()
            .map(|item| match &item.kind {
                Kind::Map(map) if map.0.len() == 1 => typed(reader, map.0.first()?),
                _ => plain(reader, &entry.key, item),
            })
            .collect(),
        _ => {
            reader.wrong_type(&entry.key, &entry.value, WANTED);
            None
        }
    };
    let parts = parts?;
    if !(1..=2).contains(&parts.len()) {
        let title = format!("a key has one attribute or two, not {}", parts.len());
        reader.problem(&entry.value.span, title, "the partition key, and the sort key if there is one");
        return None;
    }
    if let [one, other] = parts.as_slice()
        && one.name == other.name
    {
        let title = format!("`{}` is twice in the key", one.name);
        reader.problem(&entry.value.span, title, "the sort key is another attribute");
        return None;
    }
    Some(parts)
}

/// The one type of every attribute, in all keys together.
pub(super) fn types<'a>(reader: &mut Reader<'_>, all: impl Iterator<Item = &'a Said>) -> Option<Types> {
    let mut types = Types::new();
    let mut fine = true;
    for said in all {
        let Some(kind) = said.kind else { continue };
        let first = *types.entry(said.name.clone()).or_insert(kind);
        if first != kind {
            let title = format!("`{}` is a {} elsewhere", said.name, first.word());
            reader.problem(&said.at, title, "an attribute has one type in all keys of a table");
            fine = false;
        }
    }
    fine.then_some(types)
}

/// A key with the types of its attributes.
pub(super) fn with_types(said: Vec<Said>, types: &Types) -> Vec<KeyPart> {
    let kind = |name: &str| types.get(name).copied().unwrap_or(AttributeType::String);
    said.into_iter().map(|said| KeyPart { kind: kind(&said.name), name: said.name }).collect()
}

fn plain(reader: &mut Reader<'_>, key: &str, node: &Node) -> Option<Said> {
    let name = reader.text_at(key, node)?.value;
    part(reader, &node.span, name, None)
}

fn typed(reader: &mut Reader<'_>, entry: &Entry) -> Option<Said> {
    let word = reader.some_text(entry)?;
    let kind = match word.as_str() {
        "string" | "S" => AttributeType::String,
        "number" | "N" => AttributeType::Number,
        "binary" | "B" => AttributeType::Binary,
        other => {
            let label = suggest::did_you_mean(other, WORDS, || format!("there is {}", suggest::list(&WORDS)));
            reader.problem(&entry.value.span, format!("a key attribute cannot be a `{other}`"), label);
            return None;
        }
    };
    part(reader, &entry.key_span, entry.key.clone(), Some(kind))
}

fn part(reader: &mut Reader<'_>, span: &Span, name: String, kind: Option<AttributeType>) -> Option<Said> {
    if name.is_empty() || name.len() > LONGEST {
        reader.problem(span, "this cannot be the name of a key attribute", format!("1 to {LONGEST} bytes"));
        return None;
    }
    Some(Said { name, kind, at: span.clone() })
}

impl AttributeType {
    fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Binary => "binary",
        }
    }

    /// As `DynamoDB` spells it.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::String => "S",
            Self::Number => "N",
            Self::Binary => "B",
        }
    }
}
