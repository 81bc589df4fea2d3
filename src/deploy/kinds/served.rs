//! What of a stage's API a release writes down, so that a rollback can serve it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Any;
use crate::aws::Cloud;

/// An API as a release served it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ServedApi {
    /// A REST API: its stage serves one deployment, which stays when others follow.
    Rest { id: String, deployment: String },
    /// An HTTP API: `$default` → the function's name on AWS.
    Http { id: String, routes: BTreeMap<String, String> },
}

/// Where a stage of a REST API answers, with a `/` at the end.
pub(super) fn rest_url(cloud: &Cloud, id: &str, stage: &str) -> String {
    match &cloud.endpoint {
        // `{id}.execute-api.localhost` does not resolve everywhere; this path does.
        Some(endpoint) => format!("{endpoint}/_aws/execute-api/{id}/{stage}/"),
        None => format!("https://{id}.execute-api.{}.{}/{stage}/", cloud.region, suffix(cloud)),
    }
}

/// The same of the stage `$default` of an HTTP API.
pub(super) fn http_url(cloud: &Cloud, id: &str) -> String {
    match &cloud.endpoint {
        Some(endpoint) => format!("{endpoint}/_aws/execute-api/{id}/"),
        None => format!("https://{id}.execute-api.{}.{}/", cloud.region, suffix(cloud)),
    }
}

fn suffix(cloud: &Cloud) -> &'static str {
    if cloud.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}

impl ServedApi {
    /// Where it answered.
    pub(crate) fn url(&self, cloud: &Cloud, stage: &str) -> String {
        match self {
            Self::Rest { id, .. } => rest_url(cloud, id, stage),
            Self::Http { id, .. } => http_url(cloud, id),
        }
    }

    /// Of a resource as it is wanted and as it was found; nothing when it is no API, or not known well enough.
    pub(crate) fn of(wanted: &Any, live: Option<&Any>) -> Option<Self> {
        match wanted {
            Any::Api(api) => {
                // A deployment of this run, or the one that stayed.
                let was = live.and_then(|live| if let Any::Api(live) = live { live.deployment.get() } else { None });
                let deployment = api.deployment.get().or(was)?;
                Some(Self::Rest { id: api.id.get()?.clone(), deployment: deployment.clone() })
            }
            Any::HttpApi(api) => Some(Self::Http { id: api.id.get()?.clone(), routes: api.routes.clone() }),
            _ => None,
        }
    }
}
