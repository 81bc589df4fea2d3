//! Poetry's way to write down one dependency, the same in `pyproject.toml` and in old locks: a
//! constraint, a table with one, or a list of such tables for different platforms.

use pep508_rs::ExtraName;
use toml::Value;

use super::super::platform::Platform;
use super::constraint::Constraint;
use crate::error::{Error, Result};

/// One way to fulfil a dependency.
pub(super) struct Wish<'a> {
    pub(super) name: &'a str,
    value: &'a Value,
}

impl<'a> Wish<'a> {
    /// All the ways `value` lists for `name`.
    pub(super) fn all(name: &'a str, value: &'a Value) -> Vec<Self> {
        match value {
            Value::Array(items) => items.iter().map(|value| Self { name, value }).collect(),
            value => vec![Self { name, value }],
        }
    }

    /// The text under `key`, when it is written as a table.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.value.get(key)?.as_str()
    }

    /// Only there for an extra.
    pub(super) fn is_optional(&self) -> bool {
        self.value.get("optional").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The extras of it that are wanted.
    pub(super) fn extras(&self) -> Vec<&'a str> {
        let list = self.value.get("extras").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The versions that will do.
    pub(super) fn constraint(&self) -> Result<Constraint> {
        let text = self.value.as_str().or_else(|| self.get("version")).unwrap_or("*");
        Constraint::parse(text).map_err(|error| error.context(format!("cannot read which {} is wanted", self.name)))
    }

    /// Whether it is wanted on `platform`, when these extras are asked of what has it.
    pub(super) fn applies(&self, platform: &Platform, extras: &[ExtraName]) -> Result<bool> {
        Ok(self.get("platform").is_none_or(|system| system == "linux")
            && self.get("python").map_or(Ok(true), |text| suits(text, platform))?
            && self.get("markers").map_or(Ok(true), |marker| platform.fulfils(marker, extras))?)
    }
}

/// Whether a constraint on Python allows the one of `platform`.
pub(super) fn suits(text: &str, platform: &Platform) -> Result<bool> {
    let constraint = Constraint::parse(text).map_err(|error| error.context("cannot read which Python is wanted"))?;
    let version = |text: String| text.parse().map_err(|_| Error::failed(format!("`{text}` is no version of Python")));
    // `3.13` alone means all of 3.13 to those who write it.
    Ok(constraint.allows(&version(format!("{}.99", platform.python))?)
        || constraint.allows(&version(platform.python.clone())?))
}
