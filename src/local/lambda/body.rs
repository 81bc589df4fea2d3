//! Reading a request's JSON members: each is of the asked type, or absent, or the request is refused.
//!
//! AWS treats an explicit `null` like an absent member; so does this.

use serde_json::{Map, Value};

use super::super::wire::{Fault, Request};

/// The members of a request document.
#[derive(Debug, Clone)]
pub(super) struct Body(Map<String, Value>);

impl Body {
    /// The request's body; it must be a JSON object or empty.
    pub(super) fn of(request: &Request) -> Result<Self, Fault> {
        match request.json()? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(mistyped("the body", "an object")),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(mistyped(name, "a string")),
        }
    }

    pub(super) fn required(&self, name: &str, at: &str) -> Result<String, Fault> {
        self.text(name)?.ok_or_else(|| invalid("null", at, "Member must not be null"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Fault> {
        match self.member(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| mistyped(name, "an integer")),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.member(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(mistyped(name, "a boolean")),
        }
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Fault> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Self(members.clone()))),
            Some(_) => Err(mistyped(name, "an object")),
        }
    }

    /// A list of strings.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let texts = value.as_array().and_then(|list| list.iter().map(|one| one.as_str().map(str::to_owned)).collect());
        texts.map(Some).ok_or_else(|| mistyped(name, "a list of strings"))
    }

    /// The members as string pairs, for maps like `Tags` and `Variables`.
    pub(super) fn pairs(&self) -> Result<Vec<(String, String)>, Fault> {
        self.0
            .iter()
            .map(|(key, value)| match value {
                Value::String(text) => Ok((key.clone(), text.clone())),
                _ => Err(mistyped(key, "a string")),
            })
            .collect()
    }

    /// A member as it came, unless it is absent, `null`, or an empty string, list or object: what AWS
    /// takes for "not asked for".
    pub(super) fn asked(&self, name: &str) -> Option<&Value> {
        self.member(name).filter(|value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(members) => !members.values().all(is_empty),
            _ => true,
        })
    }

    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// `InvalidParameterValueException`, the code for what Lambda itself checks.
pub(super) fn refused(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameterValueException", message).member("Type", "User")
}

/// `ValidationException` in the words of AWS's request validator.
pub(super) fn invalid(value: &str, at: &str, constraint: &str) -> Fault {
    let value = if value == "null" { value.to_owned() } else { format!("'{value}'") };
    Fault::new(
        400,
        "ValidationException",
        format!("1 validation error detected: Value {value} at '{at}' failed to satisfy constraint: {constraint}"),
    )
}

/// `ResourceNotFoundException`.
pub(super) fn missing(message: impl Into<String>) -> Fault {
    Fault::new(404, "ResourceNotFoundException", message).member("Type", "User")
}

/// `ResourceConflictException`.
pub(super) fn conflict(message: impl Into<String>) -> Fault {
    Fault::new(409, "ResourceConflictException", message).member("Type", "User")
}

/// `PreconditionFailedException`, for a `RevisionId` that is not the current one.
pub(super) fn stale() -> Fault {
    Fault::new(
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve \
         the latest Revision Id",
    )
    .member("Type", "User")
}

fn mistyped(name: &str, wanted: &str) -> Fault {
    Fault::new(400, "SerializationException", format!("{name} must be {wanted}"))
}
