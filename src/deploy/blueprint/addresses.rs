//! How the resources of a stage are called on AWS, before any of them is made: names are computed, so
//! their ARNs and URLs are, too.

use std::collections::BTreeMap;

use super::Place;
use crate::config::StageConfig;
use crate::config::reference;
use crate::config::resources::ResourceConfig;
use crate::config::triggers::Source;
use crate::deploy::names::resource_name;
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
    /// The environment variable of those who use it, and its value.
    pub(super) variable: (String, String),
}

impl Addresses {
    pub(super) fn of(stage: &StageConfig, owner: &Owner, place: &Place) -> Self {
        let address = |(name, resource): (&String, &ResourceConfig)| (name.clone(), of(name, resource, owner, place));
        Self(stage.resources.iter().map(address).collect())
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

fn of(name: &str, resource: &ResourceConfig, owner: &Owner, place: &Place) -> Address {
    let variable =
        |suffix: &str, value: &str| (format!("{}_{suffix}", name.to_uppercase().replace('-', "_")), value.to_owned());
    match resource {
        ResourceConfig::Queue(queue) => {
            let name = resource_name(owner, name, if queue.fifo { ".fifo" } else { "" }, QUEUE);
            let url = format!("{}/{}/{name}", place.service_url("sqs"), place.account);
            let arn = place.arn("sqs", &place.region, &name);
            Address { arn, variable: variable("QUEUE_URL", &url), url: Some(url), name }
        }
    }
}

/// Longest name of a queue, `.fifo` included.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>
pub(super) const QUEUE: usize = 80;
