//! How the resources of a stage are called on AWS, before any of them is made: names are computed, so
//! their ARNs and URLs are, too.

use std::collections::BTreeMap;

use super::Place;
use super::stores;
use crate::config::StageConfig;
use crate::config::reference;
use crate::config::triggers::Source;
use crate::deploy::resource::Owner;
use crate::error::{Error, Result};

/// The addresses of a stage's resources, by their names in the config.
#[derive(Debug, Default)]
pub(super) struct Addresses(BTreeMap<String, Address>);

/// Where one resource is.
#[derive(Debug, Clone, Default)]
pub(super) struct Address {
    /// The name on AWS.
    pub(super) name: String,
    pub(super) arn: String,
    /// For types that have one.
    pub(super) url: Option<String>,
    /// The environment variables of those who use it, and their values.
    pub(super) variables: Vec<(String, String)>,
}

impl Address {
    /// The environment variable with what a user needs to call it: `JOBS_QUEUE_URL` for `jobs` and `QUEUE_URL`.
    pub(super) fn with_variable(mut self, resource: &str, suffix: &str, value: &str) -> Self {
        let name = format!("{}_{suffix}", resource.to_uppercase().replace('-', "_"));
        self.variables.push((name, value.to_owned()));
        self
    }
}

impl Addresses {
    pub(super) fn of(stage: &StageConfig, owner: &Owner, place: &Place) -> Self {
        let addresses = stage.resources.iter();
        let addresses = addresses.map(|(name, it)| (name.clone(), stores::of(it).address(name, owner, place)));
        Self(addresses.collect())
    }

    /// Of one resource.
    ///
    /// # Errors
    /// There is none of that name: the config should have refused it.
    pub(super) fn get(&self, name: &str) -> Result<&Address> {
        self.0.get(name).ok_or_else(|| Error::failed(format!("the app has no resource `{name}`")))
    }

    /// The ARN of what a trigger or a destination names.
    pub(super) fn arn(&self, source: &Source) -> Result<String> {
        match source {
            Source::Own(name) => self.get(name).map(|address| address.arn.clone()),
            Source::Arn(arn) => Ok(arn.clone()),
        }
    }

    /// A text of the config with every `${resources.…}` put in.
    pub(super) fn fill(&self, text: &str) -> Result<String> {
        reference::fill(text, |name, attribute| {
            let address = self.get(name)?;
            match attribute {
                "name" => Ok(address.name.clone()),
                "arn" => Ok(address.arn.clone()),
                "url" if address.url.is_some() => Ok(address.url.clone().unwrap_or_default()),
                _ => Err(Error::failed(format!("the resource `{name}` has no `{attribute}`"))),
            }
        })
    }
}
