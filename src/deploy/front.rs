//! Where a stage answers over HTTP by way of an API.

use std::collections::BTreeSet;

use super::kinds::Any;
use crate::aws::Cloud;

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
