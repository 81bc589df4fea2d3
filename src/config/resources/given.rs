//! The value of a parameter or a secret: in the config, made up once, or set apart from it.
//!
//! Whatever it is, it never shows: [`Hidden`] is all that the other rooms get to see of it.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Serialize, Serializer};

use crate::config::fields::Fields;
use crate::config::raw::{Entry, Kind};
use crate::config::values::Reader;

/// Characters of a value that is made up. Secrets Manager's own generator goes up to 4,096.
const LENGTHS: RangeInclusive<i64> = 16..=1024;
/// With `generate: true`: 190 bits.
pub(crate) const LENGTH: u32 = 32;

/// A text that no output shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whoever keeps it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

/// What the config says of a value: at most one of the two. Neither: somebody sets it, and no deploy changes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Given {
    /// Empty while a stage is only looked at and the environment that has it is not at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Hidden>,
    /// Characters of a value that the first deploy makes up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generate: Option<u32>,
}

/// The keys `value` and `generate`. `who` allows `most` bytes; with `maps` a value may be a map, kept as JSON.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, (who, most): (&str, usize), maps: bool) -> Given {
    let value = fields.get("value");
    let generate = fields.get("generate").filter(|entry| !matches!(entry.value.kind, Kind::Bool(false, _)));
    if let (Some(_), Some(entry)) = (value, generate) {
        reader.problem(&entry.key_span, "a value is either given or made up", "remove this, or `value`");
    }
    let generate = generate.and_then(|entry| match entry.value.kind {
        Kind::Bool(true, _) => Some(LENGTH),
        _ => reader.within(entry, &LENGTHS, "characters", "rzap"),
    });
    // Not known yet is not wrong: whoever only looks at a stage need not have its secrets.
    let text = value.map(|entry| (entry, text(reader, entry, maps)));
    if let Some((entry, Some(text))) = &text {
        if text.is_empty() {
            reader.problem(&entry.value.span, "`value` is empty", "leave it out, and set it with `rzap secret set`");
        }
        if text.len() > most {
            let title = format!("this value has {} bytes", text.len());
            reader.problem(&entry.value.span, title, format!("{who} allows {most}"));
        }
    }
    Given { value: text.map(|(_, text)| Hidden::new(text.unwrap_or_default())), generate }
}

fn text(reader: &mut Reader<'_>, entry: &Entry, maps: bool) -> Option<String> {
    match &entry.value.kind {
        Kind::Map(_) if maps => reader.json(entry).map(|value| value.to_string()),
        Kind::Null | Kind::Map(_) | Kind::List(_) => {
            let wanted = if maps { "text or a map" } else { "text" };
            reader.wrong_type(&entry.key, &entry.value, wanted);
            None
        }
        _ => reader.spelling(&entry.key, &entry.value).map(|filled| filled.value),
    }
}

/// What is not rzap's: `existing: NAME`, beside which no other key says anything.
pub(super) fn existing(reader: &mut Reader<'_>, fields: &Fields<'_>, keys: &[&str]) -> Option<String> {
    let entry = fields.get("existing")?;
    let others = keys.iter().filter(|key| **key != "existing").filter_map(|key| fields.get(key));
    for other in others {
        let title = format!("`{}` says nothing about what exists already", other.key);
        reader.problem(&other.key_span, title, "rzap does not change it: remove this, or `existing`");
    }
    reader.some_text(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_text_does_not_show() {
        let given = Given { value: Some(Hidden::new("hunter2")), generate: None };
        let shown = format!("{given:?} {}", serde_json::to_string(&given).expect("JSON"));
        assert!(shown.contains("(hidden)") && !shown.contains("hunter2"), "{shown}");
    }
}
