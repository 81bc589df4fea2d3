//! What a resource kind has to say about itself, and the four laws that stand in for a state file.
//!
//! 1. Names are computed ([`super::names`]), never random.
//! 2. The creating call itself carries the identity: never create first and tag afterwards.
//! 3. [`Resource::converge`] works from any half-made state; a second run after a crash continues.
//! 4. Resources refer to each other by name and look the other up when applied.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::kinds::Kind;
use super::loss::{Loss, Replacement};
use super::needs::Need;
use crate::aws::Cloud;
use crate::config::StageConfig;
use crate::error::{Error, Result};

/// Whose resources these are. Everything rzap makes carries both as tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) app: String,
    pub(crate) stage: String,
}

impl Owner {
    /// The tag keys.
    pub(crate) const APP: &str = "rzap:app";
    pub(crate) const STAGE: &str = "rzap:stage";

    /// Of a stage of an app.
    pub(crate) fn of(stage: &StageConfig) -> Self {
        Self { app: stage.app.clone(), stage: stage.stage.clone() }
    }

    /// The tags every resource of this stage carries.
    pub(crate) fn tags(&self) -> [(String, String); 2] {
        [(Self::APP.into(), self.app.clone()), (Self::STAGE.into(), self.stage.clone())]
    }

    /// True when these tags say that a thing is ours.
    pub(crate) fn owns<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
        let tags: BTreeMap<_, _> = tags.into_iter().collect();
        tags.get(Self::APP) == Some(&self.app.as_str()) && tags.get(Self::STAGE) == Some(&self.stage.as_str())
    }
}

/// A resource's identity within a stage: its kind and its computed name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// The error for a name that is taken by something rzap did not make.
    pub(crate) fn not_ours(&self, owner: &Owner) -> Error {
        let error = Error::failed(format!(
            "the {self} exists, but does not belong to stage `{}` of app `{}`: rzap does not touch it",
            owner.stage, owner.app
        ));
        error.hint(match self.kind {
            Kind::Bucket => {
                "its name comes from the account and the region: empty and remove it, or use another region"
            }
            _ => "rename the app, the stage or the function in rzap.yaml, or remove that resource yourself",
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind.words(), self.name)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What looking around found.
#[derive(Debug, Clone)]
pub(crate) struct Found<T> {
    /// Carries our tags (or, where a thing cannot be tagged, our computed name).
    pub(crate) ours: Vec<T>,
    /// Has a name we might want, but is not ours.
    pub(crate) foreign: Vec<Key>,
}

impl<T> Found<T> {
    pub(crate) fn none() -> Self {
        Self { ours: Vec::new(), foreign: Vec::new() }
    }

    pub(crate) fn ours(ours: Vec<T>) -> Self {
        Self { ours, foreign: Vec::new() }
    }

    pub(crate) fn map<U>(self, wrap: impl Fn(T) -> U) -> Found<U> {
        Found { ours: self.ours.into_iter().map(wrap).collect(), foreign: self.foreign }
    }
}

impl<T> FromIterator<Found<T>> for Found<T> {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        let mut all = Self::none();
        for part in parts {
            all.ours.extend(part.ours);
            all.foreign.extend(part.foreign);
        }
        all
    }
}

/// When a live resource that the blueprint does not name goes away. What holds data goes only when somebody
/// allows it ([`Resource::losses`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orphan {
    /// With the next deploy.
    Delete,
    /// Only when the whole stage goes: it holds something worth keeping until then.
    WithStage,
    /// Not at all: another stage or app needs it.
    Keep,
}

/// One kind of resource: it can find itself, make itself so, and remove itself.
///
/// What serialises is managed and compared; `#[serde(skip)]` marks what the cloud decides.
pub(crate) trait Resource: Serialize + Sized {
    /// Kind and computed name.
    fn key(&self) -> Key;

    /// The instances (not kinds) that must stand before this one can.
    fn after(&self) -> Vec<Key>;

    /// What whoever runs rzap has to be allowed so that all below can make its calls: actions on ARNs, as narrow as
    /// names allow. `rzap policy --deployer` is the sum of it.
    fn needs() -> Vec<Need>;

    /// All of this kind that belong to the stage, and names that are taken by others.
    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>>;

    /// What goes when it is deleted and no deploy brings back: data, an address. Asked of what was found, while
    /// planning: it makes no calls.
    fn losses(&self) -> Vec<Loss> {
        Vec::new()
    }

    /// The same of a change in place of `live` into this one.
    fn change_losses(&self, _live: &Self) -> Vec<Loss> {
        Vec::new()
    }

    /// Why `live` cannot become this one in place, if it cannot; it is then deleted and made anew.
    fn replacement(&self, _live: &Self) -> Option<Replacement> {
        None
    }

    /// What is left of this live one when what it stands on is replaced: a permission given on a function goes with
    /// the function.
    #[must_use]
    fn without(self, _replaced: &Key) -> Self {
        self
    }

    /// The command that gives it what it cannot be made without, where the config does not.
    fn lacks(&self) -> Option<String> {
        None
    }

    /// Whether a release remembers its fields, so that a change by hand shows. False for what comes and goes by
    /// itself.
    fn is_marked(&self) -> bool {
        true
    }

    /// What of `live` is compared with this one: what serialises, unless others share it.
    fn seen_of(&self, live: &Self) -> Value {
        serde_json::to_value(live).unwrap_or(Value::Null)
    }

    /// Makes it so, whatever is there already.
    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()>;

    /// Removes it; being gone already is fine.
    async fn delete(&self, cloud: &Cloud) -> Result<()>;

    /// What happens to a live one that the config no longer mentions.
    fn orphan(&self) -> Orphan {
        Orphan::Delete
    }
}
