//! `patchOperations`: what the Update calls take.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html>

use serde::Deserialize;

use super::model::bad_request;
use crate::local::wire::{Fault, Request};

#[derive(Debug, Deserialize)]
struct Raw {
    op: Option<String>,
    path: Option<String>,
    value: Option<String>,
}

/// One operation, its path taken apart and unescaped (`~1` is `/`, `~0` is `~`).
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) op: String,
    pub(super) path: Vec<String>,
    pub(super) value: Option<String>,
    text: String,
}

impl Patch {
    /// The operations of a request body.
    pub(super) fn read(request: &Request) -> Result<Vec<Self>, Fault> {
        let mut body = request.json()?;
        let raw: Vec<Raw> = serde_json::from_value(body["patchOperations"].take())
            .map_err(|_| bad_request("Invalid patch document specified. Must be a list of operations"))?;
        raw.into_iter().map(Self::new).collect()
    }

    fn new(raw: Raw) -> Result<Self, Fault> {
        let (Some(op), Some(text)) = (raw.op, raw.path) else {
            return Err(bad_request("Invalid patch document specified: op and path are required"));
        };
        if !["add", "remove", "replace", "move", "copy", "test"].contains(&op.as_str()) {
            return Err(bad_request(format!("Invalid patch operation specified: '{op}'")));
        }
        let Some(inner) = text.strip_prefix('/') else {
            return Err(bad_request(format!("Invalid patch path {text}")));
        };
        let path = inner.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        Ok(Self { op, path, value: raw.value, text })
    }

    /// The path for matching.
    pub(super) fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The value an add or replace must have.
    pub(super) fn value(&self) -> Result<String, Fault> {
        self.value
            .clone()
            .ok_or_else(|| bad_request(format!("Invalid patch operation specified: {} needs a value", self.text)))
    }

    pub(super) fn flag(&self) -> Result<bool, Fault> {
        match self.value()?.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(bad_request(format!("Invalid boolean value '{other}' for {}", self.text))),
        }
    }

    /// The answer to a path or operation nobody serves.
    pub(super) fn refuse(&self) -> Fault {
        bad_request(format!("Invalid patch path '{}' specified for op '{}'", self.text, self.op))
    }
}
