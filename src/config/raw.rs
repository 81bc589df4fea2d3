//! The text of `rzap.yaml` as a tree that remembers where everything stands.
//!
//! YAML ends here: what leaves is maps, lists and scalars with their spans and their original
//! spelling (`1.10` and `0123` keep their text, `no` is text). Owns no word of rzap's vocabulary.
//! Duplicate keys are reported and the first one counts, so that one of them does not hide
//! whatever else is wrong.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Options, Spanned};

use super::locate::{Problems, Span, without_trailing_space};
use super::syntax;

/// A value and the bytes it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The scalar itself. For a map, a list or nothing: the key it belongs to, since underlining
    /// half a file helps nobody.
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Null,
    Text(String),
    /// The value and how it was spelt (`True`).
    Bool(bool, String),
    /// The value when it is a whole number, and how it was spelt (`1.10`).
    Number(Option<i64>, String),
    Map(Map),
    List(Vec<Node>),
}

/// The entries of a map in file order; keys are unique.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Map(pub(super) Vec<Entry>);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

impl Map {
    /// The entry under this key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }
}

impl Node {
    /// What this is, for "this is …".
    pub(super) fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "empty",
            Kind::Text(_) => "text",
            Kind::Bool(..) => "true or false",
            Kind::Number(..) => "a number",
            Kind::Map(_) => "a map",
            Kind::List(_) => "a list",
        }
    }
}

/// Reads the tree. `None` when the text is not YAML at all; then, as for duplicate keys and keys
/// that are not text, `problems` says what is wrong. An empty file is `Kind::Null`.
pub(super) fn parse(source: &str, problems: &mut Problems) -> Option<Node> {
    let parsed = match serde_yaml::from_str_with_options::<Parsed>(source, options(DuplicateKeyPolicy::Error)) {
        Err(error) if syntax::is_duplicate(&error) => {
            syntax::report_duplicates(source, &error, problems);
            serde_yaml::from_str_with_options(source, options(DuplicateKeyPolicy::FirstWins))
        }
        parsed => parsed,
    };
    match parsed {
        Ok(parsed) => Some(Reader { source, problems }.node(parsed, None)),
        Err(error) => {
            syntax::report(source, &error, problems);
            None
        }
    }
}

/// Far above any config written by hand, far below what could fill memory by aliases of aliases.
const MAX_NODES: usize = 50_000;

fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_yaml::options! {
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
        budget: serde_yaml::budget! { max_nodes: MAX_NODES },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: MAX_NODES },
    }
}

/// What serde hands over: values with locations, numbers still without their spelling.
struct Parsed(Spanned<Value>);

enum Value {
    Null,
    Text(String),
    Bool(bool),
    Number(Option<i64>),
    Map(Vec<(Parsed, Parsed)>),
    List(Vec<Parsed>),
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(Some(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(i64::try_from(value).ok()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number(None))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }
}

/// Turns what serde found into nodes: locations into byte spans, numbers back into their text.
struct Reader<'a> {
    source: &'a str,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    /// `key` is the span of the key this value stands under.
    fn node(&mut self, Parsed(parsed): Parsed, key: Option<&Span>) -> Node {
        // `defined`, not `referenced`: behind an alias or a merge the line to change is the
        // anchored one.
        let own = syntax::span(self.source, &parsed.defined);
        let text = || self.source.get(own.clone()).unwrap_or_default().to_owned();
        let kind = match parsed.value {
            Value::Text(text) => Kind::Text(text),
            Value::Bool(value) => Kind::Bool(value, text()),
            Value::Number(whole) => Kind::Number(whole, text()),
            Value::Null => Kind::Null,
            Value::List(items) => {
                let anchor = key.unwrap_or(&own);
                Kind::List(items.into_iter().map(|item| self.item(item, anchor)).collect())
            }
            Value::Map(entries) => Kind::Map(self.map(entries)),
        };
        let span = match (&kind, key) {
            (Kind::Null | Kind::Map(_) | Kind::List(_), Some(key)) => key.clone(),
            (Kind::Map(Map(entries)), None) if own.is_empty() => {
                entries.first().map_or(own, |entry| entry.key_span.clone())
            }
            (Kind::List(items), None) if own.is_empty() => items.first().map_or(own, |item| item.span.clone()),
            _ => without_trailing_space(self.source, own),
        };
        Node { kind, span }
    }

    /// An element of the list under `key`.
    fn item(&mut self, item: Parsed, key: &Span) -> Node {
        let mut node = self.node(item, None);
        if node.span.is_empty() {
            node.span = key.clone();
        }
        node
    }

    fn map(&mut self, entries: Vec<(Parsed, Parsed)>) -> Map {
        let mut map = Map::default();
        for (key, value) in entries {
            let key = self.node(key, None);
            let value = self.node(value, Some(&key.span));
            match key.kind {
                Kind::Text(text) | Kind::Number(_, text) | Kind::Bool(_, text) => {
                    map.0.push(Entry { key: text, key_span: key.span, value });
                }
                Kind::Null | Kind::Map(_) | Kind::List(_) => {
                    let title = format!("a key has to be text, this one is {}", key.describe());
                    self.problems.add(&key.span, title, "to write `{` or `[` as text, put it in quotes");
                }
            }
        }
        map
    }
}
