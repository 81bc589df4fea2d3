//! What a change takes away that no deploy brings back, and the flag that allows it.
//!
//! Code, configuration and whatever else is made of the project is no loss: the next deploy makes it again. Data
//! is one, and so is a service: an address that clients know, or an answer while something is made anew.

use serde::{Serialize, Serializer};

/// One thing that is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Loss {
    /// With facts. Of data a noun: `12 objects, 3.4 MB`; of a service a sentence: `https://… stops answering for
    /// good`.
    pub(crate) what: String,
    #[serde(skip)]
    is_data: bool,
    /// The flag without which `deploy` refuses; not there where something else has asked already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) needs: Option<Flag>,
}

/// A flag of `deploy` that allows a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flag {
    AllowReplace,
    DeleteData,
}

/// A change that cannot be made in place: the old one is deleted, then a new one made under its name.
///
/// What could stand beside its successor gets a name of its own instead, made of its content (as a layer does):
/// then the plan has a creation and a deletion, and the new one stands before the old one goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The managed fields that force it.
    pub(crate) fields: Vec<&'static str>,
    /// What it takes away besides what any deletion of it does: the time until the new one stands, for one.
    pub(crate) losses: Vec<Loss>,
}

impl Loss {
    /// Something that was stored: `what` is a noun with facts.
    pub(crate) fn of_data(what: impl Into<String>) -> Self {
        Self { what: what.into(), is_data: true, needs: Some(Flag::DeleteData) }
    }

    /// Something that answered: `what` is a sentence with facts.
    pub(crate) fn of_service(what: impl Into<String>) -> Self {
        Self { what: what.into(), is_data: false, needs: Some(Flag::AllowReplace) }
    }

    /// The address of something that is deleted. API Gateway and Lambda choose it anew each time.
    pub(crate) fn of_address(url: &str) -> Self {
        Self::of_service(format!("{url} stops answering for good"))
    }

    /// As a sentence about what it happens to.
    pub(crate) fn sentence(&self) -> String {
        if self.is_data { format!("with {}", self.what) } else { self.what.clone() }
    }
}

impl Flag {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AllowReplace => "--allow-replace",
            Self::DeleteData => "--delete-data",
        }
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
