//! The members of a request body. What a member asks for and nothing serves is refused, not dropped.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::model::{Texts, bad_request, unsupported};
use crate::local::wire::{Fault, Reply, Request};

/// A JSON object of which every member must be asked for.
pub(in crate::local) struct Input(Map<String, Value>);

impl Input {
    /// Reads the body. Members outside `known` are refused unless they are null, false or empty.
    pub(in crate::local) fn read(request: &Request, known: &[&str]) -> Result<Self, Fault> {
        Self::from(request.json()?, known, "")
    }

    /// The same for an object inside a document; `place` is put in front of the refused member.
    pub(in crate::local) fn from(value: Value, known: &[&str], place: &str) -> Result<Self, Fault> {
        let Value::Object(members) = value else { return Err(bad_request("Invalid request input")) };
        for (name, value) in &members {
            let says_nothing = match value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(items) => items.is_empty(),
                Value::Object(members) => members.is_empty(),
                Value::String(text) => text.is_empty(),
                _ => false,
            };
            if !says_nothing && !known.contains(&name.as_str()) {
                return Err(unsupported(&format!("member `{place}{name}`")));
            }
        }
        Ok(Self(members))
    }

    /// A member of a given type; null is absent.
    pub(in crate::local) fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(|error| Fault::new(400, "SerializationException", format!("{name}: {error}"))),
        }
    }

    pub(in crate::local) fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        self.get(name)
    }

    pub(in crate::local) fn required(&self, name: &str) -> Result<String, Fault> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| bad_request(format!("{name} must be specified")))
    }

    pub(in crate::local) fn texts(&self, name: &str) -> Result<Texts, Fault> {
        self.get(name).map(Option::unwrap_or_default)
    }

    pub(in crate::local) fn flags(&self, name: &str) -> Result<BTreeMap<String, bool>, Fault> {
        self.get(name).map(Option::unwrap_or_default)
    }
}

/// A page of a list: `limit` (25 by default, at most 500) items after `position`, which is the last
/// item's key of the page before.
pub(in crate::local) fn page<T>(
    request: &Request,
    items: Vec<(String, T)>,
    show: impl Fn(T) -> Value,
) -> Result<Reply, Fault> {
    let limit = match request.param("limit") {
        None => 25,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|limit| (1..=500).contains(limit))
            .ok_or_else(|| bad_request("Invalid page limit specified: it must be between 1 and 500"))?,
    };
    let position = match request.param("position") {
        None => None,
        Some(text) => {
            let decoded = hex::decode(&text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let place = decoded.and_then(|key| items.iter().position(|(its, _)| *its == key));
            Some(place.ok_or_else(|| bad_request("Invalid position parameter specified"))?)
        }
    };
    let start = position.map_or(0, |at| at + 1);
    let more = items.len() > start + limit;
    let page: Vec<(String, T)> = items.into_iter().skip(start).take(limit).collect();
    let mut output = Map::new();
    if let Some((last, _)) = page.last().filter(|_| more) {
        output.insert("position".into(), hex::encode(last).into());
    }
    output.insert("item".into(), page.into_iter().map(|(_, item)| show(item)).collect());
    Ok(Reply::json(200, &Value::Object(output)))
}

/// A value of ours as JSON.
pub(in crate::local) fn shown(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
