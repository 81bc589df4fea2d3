//! An answer before it is written: it knows what is a time and what is a list, which the protocols write
//! differently.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::local::xml::Element;

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document {
    /// No output at all, as opposed to an empty structure.
    Nothing,
    Flag(bool),
    Whole(i64),
    Float(f64),
    Text(String),
    /// Base64 where bytes cannot stand as they are.
    Bytes(Vec<u8>),
    /// ms since the epoch.
    Time(i64),
    List(Vec<Document>),
    /// A structure: its members in order.
    Map(Vec<(String, Document)>),
    /// A map from strings, which Query writes as entries.
    Pairs(Vec<(String, Document)>),
}

impl Document {
    /// An empty structure.
    pub(crate) fn map() -> Self {
        Self::Map(Vec::new())
    }

    /// The structure with one more member.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Self>) -> Self {
        if let Self::Map(members) = &mut self {
            members.push((name.to_owned(), value.into()));
        }
        self
    }

    /// The same, when there is a value.
    #[must_use]
    pub(crate) fn maybe(self, name: &str, value: Option<impl Into<Self>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// JSON 1.0: times in seconds since the epoch. Numbers that JSON does not have are strings.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Nothing => Value::Object(Map::new()),
            Self::Flag(flag) => (*flag).into(),
            Self::Whole(number) => (*number).into(),
            Self::Float(number) => match serde_json::Number::from_f64(*number) {
                Some(number) => number.into(),
                None => number_text(*number).into(),
            },
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(bytes) => STANDARD.encode(bytes).into(),
            Self::Time(ms) => seconds(*ms).into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(members) | Self::Pairs(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
            }
        }
    }

    /// Query: the children of the result element; `None` when there is no result.
    pub(super) fn to_xml(&self) -> Option<Vec<Element>> {
        match self {
            Self::Map(members) => Some(members.iter().map(|(name, value)| value.element(name)).collect()),
            _ => None,
        }
    }

    fn element(&self, name: &str) -> Element {
        match self {
            Self::Nothing => Element::leaf(name, ""),
            Self::Flag(flag) => Element::leaf(name, flag.to_string()),
            Self::Whole(number) => Element::leaf(name, number.to_string()),
            Self::Float(number) => Element::leaf(name, number_text(*number)),
            Self::Text(text) => Element::leaf(name, text.as_str()),
            Self::Bytes(bytes) => Element::leaf(name, STANDARD.encode(bytes)),
            Self::Time(ms) => Element::leaf(name, iso(*ms)),
            Self::List(items) => Element::new(name, items.iter().map(|item| item.element("member")).collect()),
            Self::Map(members) => Element::new(name, members.iter().map(|(name, value)| value.element(name)).collect()),
            Self::Pairs(pairs) => {
                let entry = |(key, value): &(String, Self)| {
                    Element::new("entry", vec![Element::leaf("key", key.as_str()), value.element("value")])
                };
                Element::new(name, pairs.iter().map(entry).collect())
            }
        }
    }
}

/// Seconds since the epoch.
#[expect(clippy::cast_precision_loss, reason = "ms fit 53 bits for the next 200,000 years")]
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// `2026-11-21T02:52:00.000Z`.
fn iso(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// As all protocols spell it: `1.5`, `NaN`, `Infinity`.
fn number_text(number: f64) -> String {
    if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        number.to_string()
    }
}

impl From<bool> for Document {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Document {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<f64> for Document {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Document {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Document {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Document {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&Vec<String>> for Document {
    fn from(texts: &Vec<String>) -> Self {
        Self::List(texts.iter().map(Self::from).collect())
    }
}

impl From<Vec<Document>> for Document {
    fn from(items: Vec<Document>) -> Self {
        Self::List(items)
    }
}
