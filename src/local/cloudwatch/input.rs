//! The members of a request, checked the way the service model says: required, lengths, ranges, choices.
//!
//! Query sends every number and flag as a string, JSON and CBOR as what it is: both are taken.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde_json::Value;

use super::invalid;
use crate::local::wire::Fault;

/// A structure of a request.
#[derive(Debug, Clone)]
pub(super) struct Input<'a> {
    members: &'a Value,
    /// Where it is in the request, with a final dot: empty, or `dimensions.1.member.`
    at: String,
}

impl<'a> Input<'a> {
    pub(super) fn new(members: &'a Value, at: impl Into<String>) -> Self {
        Self { members, at: at.into() }
    }

    /// A member that is there, and not null.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Text of a length.
    pub(super) fn text(&self, name: &str, length: RangeInclusive<usize>) -> Result<Option<String>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| mistyped(name, "a string"))?;
        let count = text.chars().count();
        let rule = if count < *length.start() {
            format!("Member must have length greater than or equal to {}", length.start())
        } else if count > *length.end() {
            format!("Member must have length less than or equal to {}", length.end())
        } else {
            return Ok(Some(text.to_owned()));
        };
        Err(self.constraint(text, name, &rule))
    }

    pub(super) fn required(&self, name: &str, length: RangeInclusive<usize>) -> Result<String, Fault> {
        self.text(name, length)?.ok_or_else(|| self.missing(name))
    }

    /// One of the known words.
    pub(super) fn choice(&self, name: &str, known: &[&str]) -> Result<Option<String>, Fault> {
        let text = self.text(name, 0..=usize::MAX)?;
        match text {
            Some(text) if !known.contains(&text.as_str()) => {
                let rule = format!("Member must satisfy enum value set: [{}]", known.join(", "));
                Err(self.constraint(&text, name, &rule))
            }
            text => Ok(text),
        }
    }

    pub(super) fn whole(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Fault> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_i64(),
        };
        let number = number.ok_or_else(|| mistyped(name, "an integer"))?;
        let rule = if number < *range.start() {
            format!("Member must have value greater than or equal to {}", range.start())
        } else if number > *range.end() {
            format!("Member must have value less than or equal to {}", range.end())
        } else {
            return Ok(Some(number));
        };
        Err(self.constraint(&number.to_string(), name, &rule))
    }

    /// A number; also one that JSON does not have.
    pub(super) fn float(&self, name: &str) -> Result<Option<f64>, Fault> {
        self.get(name).map(|value| number(value).ok_or_else(|| mistyped(name, "a number"))).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
            Some(_) => Err(mistyped(name, "a boolean")),
        }
    }

    /// ms since the epoch, from seconds or from an ISO 8601 text.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let read = match value.as_str() {
            Some(text) => text.parse::<Timestamp>().ok(),
            #[expect(clippy::cast_possible_truncation, reason = "what is too far away is refused right after")]
            None => number(value).and_then(|seconds| Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()),
        };
        read.map(|time| Some(time.as_millisecond())).ok_or_else(|| mistyped(name, "a time"))
    }

    /// The items of a list; an absent one has none.
    pub(super) fn list(&self, name: &str, most: usize) -> Result<&'a [Value], Fault> {
        let items = match self.get(name) {
            None => return Ok(&[]),
            // An empty list in Query.
            Some(Value::String(text)) if text.is_empty() => return Ok(&[]),
            Some(value) => value.as_array().ok_or_else(|| mistyped(name, "a list"))?,
        };
        if items.len() > most {
            let rule = format!("Member must have length less than or equal to {most}");
            return Err(self.constraint(&Value::from(items.clone()).to_string(), name, &rule));
        }
        Ok(items)
    }

    pub(super) fn texts(&self, name: &str, most: usize) -> Result<Vec<String>, Fault> {
        let text = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(|| mistyped(name, "a list of strings"));
        self.list(name, most)?.iter().map(text).collect()
    }

    /// Each of them one of the known words.
    pub(super) fn choices(&self, name: &str, most: usize, known: &[&str]) -> Result<Vec<String>, Fault> {
        let texts = self.texts(name, most)?;
        match texts.iter().find(|text| !known.contains(&text.as_str())) {
            Some(other) => {
                let rule = format!("Member must satisfy enum value set: [{}]", known.join(", "));
                Err(self.constraint(other, name, &rule))
            }
            None => Ok(texts),
        }
    }

    pub(super) fn structure(&self, name: &str) -> Result<Option<Input<'a>>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(value) if value.is_object() => Ok(Some(Input::new(value, format!("{}{}.", self.at, lower(name))))),
            Some(_) => Err(mistyped(name, "a structure")),
        }
    }

    /// The structures of a list.
    pub(super) fn structures(&self, name: &str, most: usize) -> Result<Vec<Input<'a>>, Fault> {
        let items = self.list(name, most)?.iter().enumerate();
        let item = |(index, item): (usize, &'a Value)| {
            let at = format!("{}{}.{}.member.", self.at, lower(name), index + 1);
            if item.is_object() { Ok(Input::new(item, at)) } else { Err(mistyped(name, "a list of structures")) }
        };
        items.map(item).collect()
    }

    /// `Value 'x' at 'alarmName' failed to satisfy constraint: …`
    pub(super) fn constraint(&self, value: &str, name: &str, rule: &str) -> Fault {
        let at = format!("{}{}", self.at, lower(name));
        invalid(format!("1 validation error detected: Value '{value}' at '{at}' failed to satisfy constraint: {rule}"))
    }

    pub(super) fn missing(&self, name: &str) -> Fault {
        let at = format!("{}{}", self.at, lower(name));
        invalid(format!(
            "1 validation error detected: Value null at '{at}' failed to satisfy constraint: Member must not be null"
        ))
    }
}

/// A number, also from its text; `NaN` and the infinities have a text only.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    }
}

/// The name as AWS's validator writes it.
fn lower(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

pub(super) fn mistyped(name: &str, wanted: &str) -> Fault {
    Fault::new(400, "SerializationException", format!("{name} must be {wanted}"))
}
