//! How the resources of a stage are called on AWS, before any of them is made: names are computed, so
//! their ARNs and URLs are, too.

use std::collections::BTreeMap;

use super::Place;
use super::stores;
use crate::config::StageConfig;
use crate::config::reference;
use crate::config::triggers::Source;
use crate::deploy::kinds::Kind;
use crate::deploy::late;
use crate::deploy::names::{ALIAS, function_name, stack_name};
use crate::deploy::resource::{Key, Owner};
use crate::error::{Error, Result};

/// The addresses of a stage's resources, by their names in the config.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    resources: BTreeMap<String, Address>,
    /// The ARNs of the functions' aliases `live`.
    functions: BTreeMap<String, String>,
    /// The stack beside the functions.
    stack: Option<Key>,
}

/// Where one resource is.
#[derive(Debug, Clone, Default)]
pub(super) struct Address {
    /// The name on AWS.
    pub(super) name: String,
    pub(super) arn: String,
    /// For types that have one.
    pub(super) url: Option<String>,
    /// What AWS chooses of it, by the attribute that it is in the config: places to be filled in.
    pub(super) late: BTreeMap<String, String>,
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
        let alias = |name: &String| {
            let what = format!("function:{}:{ALIAS}", function_name(owner, name));
            (name.clone(), place.arn("lambda", &place.region, &what))
        };
        Self {
            resources: addresses.collect(),
            functions: stage.functions.keys().map(alias).collect(),
            stack: stage.cloudformation.as_ref().map(|_| Key::new(Kind::Stack, stack_name(owner))),
        }
    }

    /// Of one resource.
    ///
    /// # Errors
    /// There is none of that name: the config should have refused it.
    pub(super) fn get(&self, name: &str) -> Result<&Address> {
        self.resources.get(name).ok_or_else(|| Error::failed(format!("the app has no resource `{name}`")))
    }

    /// The ARN of what a trigger or a destination names.
    pub(super) fn arn(&self, source: &Source) -> Result<String> {
        match source {
            Source::Own(name) => self.get(name).map(|address| address.arn.clone()),
            Source::Arn(arn) => Ok(arn.clone()),
        }
    }

    /// `NAME.arn`
    fn function(&self, name: &str) -> Result<String> {
        let function = name.strip_suffix(".arn").and_then(|name| self.functions.get(name));
        function.cloned().ok_or_else(|| Error::failed(format!("the app has nothing called `functions.{name}`")))
    }

    /// A text of the config with every `${resources.…}` and `${functions.…}` put in. What the stack gives is a place
    /// that is filled in when it stands.
    pub(super) fn fill(&self, text: &str) -> Result<String> {
        reference::fill(text, |name, attribute| {
            match (name, &self.stack) {
                (reference::STACK, Some(stack)) => return Ok(late::place(stack, attribute)),
                (reference::FUNCTIONS, _) => return self.function(attribute),
                _ => {}
            }
            let address = self.get(name)?;
            match attribute {
                "name" => Ok(address.name.clone()),
                "arn" => Ok(address.arn.clone()),
                "url" if address.url.is_some() => Ok(address.url.clone().unwrap_or_default()),
                _ if address.late.contains_key(attribute) => Ok(address.late[attribute].clone()),
                _ => Err(Error::usage(format!("the resource `{name}` has no `{attribute}`"))),
            }
        })
    }
}
