//! The members of a request, checked the way the service model says: required, patterns, ranges.

use std::collections::BTreeMap;

use serde_json::Value;

use super::invalid;
use crate::local::wire::Fault;

/// A request's JSON document and the region it was sent to.
pub(crate) struct Input<'a> {
    document: Value,
    pub(crate) region: &'a str,
}

impl<'a> Input<'a> {
    pub(crate) fn new(document: Value, region: &'a str) -> Self {
        Self { document, region }
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.document.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong_type(name, "a string"))).transpose()
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.get(name).map(|value| value.as_bool().ok_or_else(|| wrong_type(name, "a boolean"))).transpose()
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Fault> {
        self.get(name).map(|value| value.as_i64().ok_or_else(|| wrong_type(name, "an integer"))).transpose()
    }

    /// `limit`, between 1 and `most`; absent is `most`.
    pub(crate) fn limit(&self, most: usize) -> Result<usize, Fault> {
        match self.number("limit")? {
            None => Ok(most),
            Some(limit) if limit < 1 => {
                Err(constraint(&limit.to_string(), "limit", "Member must have value greater than or equal to 1"))
            }
            Some(limit) => usize::try_from(limit).ok().filter(|limit| *limit <= most).ok_or_else(|| {
                constraint(&limit.to_string(), "limit", &format!("Member must have value less than or equal to {most}"))
            }),
        }
    }

    /// A time in ms since the epoch.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, Fault> {
        match self.number(name)? {
            Some(time) if time < 0 => {
                Err(constraint(&time.to_string(), name, "Member must have value greater than or equal to 0"))
            }
            time => Ok(time),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        serde_json::from_value(value.clone()).map(Some).map_err(|_| wrong_type(name, "a list of strings"))
    }

    pub(crate) fn map(&self, name: &str) -> Result<BTreeMap<String, String>, Fault> {
        let Some(value) = self.get(name) else { return Ok(BTreeMap::new()) };
        serde_json::from_value(value.clone()).map_err(|_| wrong_type(name, "a map of strings"))
    }

    /// `logGroupName`, well-formed.
    pub(crate) fn group_name(&self) -> Result<&str, Fault> {
        let name = self.required("logGroupName")?;
        checked_group_name(name, "logGroupName").map(|()| name)
    }

    /// The group named by exactly one of `logGroupName` and `logGroupIdentifier` (a name or an ARN).
    pub(crate) fn group_by_name_or_identifier(&self) -> Result<String, Fault> {
        match (self.text("logGroupName")?, self.text("logGroupIdentifier")?) {
            (Some(_), None) => self.group_name().map(str::to_owned),
            (None, Some(identifier)) => group_of(identifier, self.region),
            (Some(_), Some(_)) => Err(invalid("LogGroupName and LogGroupIdentifier cannot both be specified.")),
            (None, None) => Err(missing("logGroupName")),
        }
    }

    /// A stream name or prefix in `member`, well-formed.
    pub(crate) fn stream_name(&self, member: &str) -> Result<&str, Fault> {
        let name = self.required(member)?;
        checked_stream_name(name, member).map(|()| name)
    }
}

/// The group name in an identifier: a name, or an ARN in this region.
pub(crate) fn group_of(identifier: &str, region: &str) -> Result<String, Fault> {
    let name = if identifier.starts_with("arn:") {
        let prefix = super::group_arn(region, "");
        // Another account or region: nothing there is known here.
        identifier.strip_prefix(&prefix).ok_or_else(super::no_group)?
    } else {
        identifier
    };
    checked_group_name(name, "logGroupIdentifier").map(|()| name.to_owned())
}

fn checked_group_name(name: &str, member: &str) -> Result<(), Fault> {
    length(name, member, 512)?;
    if name.chars().all(|char| char.is_ascii_alphanumeric() || ".-_/#".contains(char)) {
        return Ok(());
    }
    Err(constraint(name, member, "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"))
}

pub(crate) fn checked_stream_name(name: &str, member: &str) -> Result<(), Fault> {
    length(name, member, 512)?;
    if name.contains([':', '*']) {
        return Err(constraint(name, member, "Member must satisfy regular expression pattern: [^:*]*"));
    }
    Ok(())
}

fn length(text: &str, member: &str, most: usize) -> Result<(), Fault> {
    match text.chars().count() {
        0 => Err(constraint(text, member, "Member must have length greater than or equal to 1")),
        count if count > most => {
            Err(constraint(text, member, &format!("Member must have length less than or equal to {most}")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn constraint(value: &str, member: &str, rule: &str) -> Fault {
    invalid(format!("1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"))
}

pub(crate) fn missing(member: &str) -> Fault {
    invalid(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

fn wrong_type(member: &str, wanted: &str) -> Fault {
    Fault::new(400, "SerializationException", format!("{member} must be {wanted}"))
}
