//! Where a stage answers over HTTP, and how: its fronts, the events they make of requests ([`event`]) and the
//! answers they make of what functions return ([`answer`], [`prelude`]).

pub(super) mod answer;
mod event;
mod prelude;
mod route;

use std::collections::BTreeSet;

pub(crate) use self::answer::{Answer, of_front, unstreamed};
pub(crate) use self::event::{Asked, event};
pub(crate) use self::prelude::{Head, Prelude};
use super::kinds::{Any, Api, HttpApi, versions};
use super::names::function_name;
use super::resource::{Owner, Resource as _};
use crate::aws::Cloud;
use crate::config::{FunctionConfig, Http};
use crate::error::Result;

/// An API as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Front {
    /// With a `/` at the end.
    pub(crate) url: String,
    /// The functions behind it, by their names on AWS.
    pub(crate) functions: BTreeSet<String>,
}

impl Front {
    /// What a resource answers; nothing when it is no API, or one that has no address yet or is to go.
    pub(crate) fn of(cloud: &Cloud, resource: &Any) -> Option<Self> {
        let (url, routes) = match resource {
            Any::Api(api) if !api.duplicate => (api.url(cloud)?, &api.routes),
            Any::HttpApi(api) if !api.duplicate => (api.url(cloud)?, &api.routes),
            _ => return None,
        };
        Some(Self { url, functions: routes.values().cloned().collect() })
    }
}

/// Where a function answers as the cloud has it now, with a `/` at the end; `None` when it has no front, or its
/// front is not there.
///
/// # Errors
/// The cloud does not say.
pub(crate) async fn address(cloud: &Cloud, owner: &Owner, config: &FunctionConfig) -> Result<Option<String>> {
    let fronts: Vec<Any> = match config.front() {
        Some(Http::Rest) => Api::discover(cloud, owner).await?.ours.into_iter().map(Any::Api).collect(),
        Some(Http::Api) => HttpApi::discover(cloud, owner).await?.ours.into_iter().map(Any::HttpApi).collect(),
        Some(Http::Url) => return versions::address(cloud, &function_name(owner, &config.name)).await,
        None => Vec::new(),
    };
    Ok(fronts.iter().find_map(|any| Front::of(cloud, any)).map(|front| front.url))
}
