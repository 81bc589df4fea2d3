//! Where a stage answers over HTTP by way of an API.

use std::collections::BTreeSet;

use super::kinds::Any;
use crate::aws::Cloud;

/// A function URL as it can be called. The host of an emulator's URL resolves nowhere (or only where
/// `*.localhost` does), so its path form is given.
pub(crate) fn reachable(cloud: &Cloud, url: &str) -> String {
    let id = url.split("://").nth(1).and_then(|rest| rest.split(['.', '/']).next());
    match (&cloud.endpoint, id) {
        (Some(endpoint), Some(id)) if url.contains(".lambda-url.") => format!("{endpoint}/_aws/lambda-url/{id}/"),
        _ => url.to_owned(),
    }
}

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
