//! The members of a request, whichever protocol brought them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fault::{missing, no_queue};
use crate::local::ACCOUNT;
use crate::local::wire::{Fault, percent_decode};

/// A document, and the region it was sent to.
#[derive(Debug, Clone)]
pub(super) struct Input {
    document: Value,
    pub(super) region: String,
    /// The access key of whoever sends.
    pub(super) sender: String,
    /// Where queue URLs begin, as the client reached us: `http://localhost:4599`.
    pub(super) base: String,
}

impl Input {
    pub(super) fn new(document: Value, region: String, sender: String, base: String) -> Self {
        Self { document, region, sender, base }
    }

    /// The same caller with an entry of its batch.
    pub(super) fn entry(&self, document: Value) -> Self {
        Self { document, ..self.clone_without_document() }
    }

    fn clone_without_document(&self) -> Self {
        let Self { region, sender, base, .. } = self;
        Self { document: Value::Null, region: region.clone(), sender: sender.clone(), base: base.clone() }
    }

    /// A member that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.document.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong_type(name, "a string"))).transpose()
    }

    /// A text that is there and not empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
    }

    /// A whole number; the Query protocol writes it as text.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Fault> {
        let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
        self.get(name).map(|value| number(value).ok_or_else(|| wrong_type(name, "an integer"))).transpose()
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Fault> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        serde_json::from_value(value.clone()).map_err(|_| wrong_type(name, "a list of strings"))
    }

    pub(super) fn map(&self, name: &str) -> Result<BTreeMap<String, String>, Fault> {
        let Some(value) = self.get(name) else { return Ok(BTreeMap::new()) };
        serde_json::from_value(value.clone()).map_err(|_| wrong_type(name, "a map of strings"))
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Fault> {
        self.get(name).map(|value| value.as_object().ok_or_else(|| wrong_type(name, "a map"))).transpose()
    }

    pub(super) fn list(&self, name: &str) -> Result<&[Value], Fault> {
        let Some(value) = self.get(name) else { return Ok(&[]) };
        value.as_array().map(Vec::as_slice).ok_or_else(|| wrong_type(name, "a list"))
    }

    /// The name in `QueueUrl`: any URL of ours, its path, or just the name.
    pub(super) fn queue(&self) -> Result<String, Fault> {
        let url = self.required("QueueUrl")?;
        let mut parts = url.trim_end_matches('/').rsplit('/');
        let name = parts.next().map(percent_decode).unwrap_or_default();
        match parts.next() {
            None | Some(ACCOUNT) => Ok(name),
            Some(_) => Err(no_queue()),
        }
    }
}

fn wrong_type(name: &str, wanted: &str) -> Fault {
    Fault::new(400, "SerializationException", format!("{name} must be {wanted}"))
}
