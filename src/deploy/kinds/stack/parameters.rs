//! Which parameters the config has given a stack, as a tag remembers it: `1f2e Name=03ab Other=9c11`.
//!
//! The names tell what was given from what has its default in the template. The 16 bits of a hash tell another value of
//! a parameter that the template hides; nobody can read a password out of them. The first ones are of all together.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::HIDDEN;

/// Characters of a tag's value.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html>
const LONGEST: usize = 256;

/// What was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given(String);

impl Given {
    pub(super) fn of(parameters: &BTreeMap<String, String>) -> Self {
        let mut text = hash(&format!("{parameters:?}"));
        for (name, value) in parameters {
            let each = format!(" {name}={}", mark(name, value));
            // Of very many the last ones are not known to be given: one that is removed keeps its value.
            if text.len() + each.len() <= LONGEST {
                text.push_str(&each);
            }
        }
        Self(text)
    }

    pub(super) fn read(tag: &str) -> Self {
        Self(tag.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn all(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// The mark of a parameter, if it is known to be given.
    fn mark_of(&self, name: &str) -> Option<&str> {
        self.0.split(' ').skip(1).filter_map(|each| each.split_once('=')).find(|(each, _)| *each == name).map(|it| it.1)
    }

    /// What of the `live` parameters is compared with the `wanted` ones: those that were given, or are to be. A hidden
    /// one is what is wanted, unless something else was given.
    pub(super) fn seen(
        &self,
        wanted: &BTreeMap<String, String>,
        before: &Self,
        live: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let given = |name: &String| wanted.contains_key(name) || before.mark_of(name).is_some();
        let is_same = |name: &str, wanted: &str| match before.mark_of(name) {
            Some(before) => before == mark(name, wanted),
            None => before.all() == self.all(),
        };
        let value = |name: &String, value: &String| match wanted.get(name) {
            Some(wanted) if value == HIDDEN && is_same(name, wanted) => wanted.clone(),
            _ => value.clone(),
        };
        live.iter().filter(|(name, _)| given(name)).map(|(name, it)| (name.clone(), value(name, it))).collect()
    }
}

fn mark(name: &str, value: &str) -> String {
    hash(&format!("{name}={value}"))
}

fn hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..2])
}
