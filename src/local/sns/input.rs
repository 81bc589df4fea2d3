//! The members of a request.

use std::collections::BTreeMap;

use serde_json::Value;

use super::invalid;
use crate::local::wire::Fault;

/// A structure of a request, and the region it was sent to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    members: &'a Value,
    pub(super) region: &'a str,
}

impl<'a> Input<'a> {
    pub(super) fn new(members: &'a Value, region: &'a str) -> Self {
        Self { members, region }
    }

    /// Text that is there; an empty one counts.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.members.get(name).and_then(Value::as_str)
    }

    /// Text that is there and not empty.
    pub(super) fn required(&self, name: &str) -> Result<&'a str, Fault> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| invalid(format!("{name} Reason: no value for required parameter")))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.members.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// The entries of a map; an absent one has none.
    pub(super) fn object(&self, name: &str) -> Vec<(&'a String, &'a Value)> {
        self.members.get(name).and_then(Value::as_object).into_iter().flatten().collect()
    }

    /// A map from strings to strings.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        self.object(name).into_iter().filter_map(text).collect()
    }

    /// The structures of a list; an absent one has none.
    pub(super) fn structures(&self, name: &str) -> Vec<Input<'a>> {
        let items = self.members.get(name).and_then(Value::as_array).into_iter().flatten();
        items.map(|members| Input { members, region: self.region }).collect()
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.members.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
