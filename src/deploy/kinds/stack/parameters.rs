//! Which parameters the config has given a stack, as a tag remembers it: `1f2e Name Other`.
//!
//! The names tell what was given from what has its default in the template. The 16 bits of a hash before them tell
//! another value of a parameter that the template hides; nobody can read a password out of them.

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
        let hash = Sha256::digest(format!("{parameters:?}"));
        let mut text = hex::encode(&hash[..2]);
        for name in parameters.keys() {
            // Of very many the last ones are not known to be given: one that is removed keeps its value.
            if text.len() + 1 + name.len() <= LONGEST {
                text.push(' ');
                text.push_str(name);
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

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').skip(1)
    }

    /// What of the `live` parameters is compared with the `wanted` ones: those that were given, or are to be. A hidden
    /// one is what is wanted, unless something else was given.
    pub(super) fn seen(
        &self,
        wanted: &BTreeMap<String, String>,
        before: &Self,
        live: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let given = |name: &String| wanted.contains_key(name) || before.names().any(|given| given == name);
        let value = |name: &String, value: &String| match wanted.get(name) {
            Some(wanted) if value == HIDDEN && self == before => wanted.clone(),
            _ => value.clone(),
        };
        live.iter().filter(|(name, _)| given(name)).map(|(name, it)| (name.clone(), value(name, it))).collect()
    }
}
