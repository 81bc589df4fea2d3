//! API Gateway's control plane for HTTP APIs (REST-JSON below `/v2/`).
//!
//! Served are APIs (quick create too), routes, Lambda proxy integrations of both payload formats,
//! deployments, stages with automatic deployment, CORS, tags and import; what the deployed APIs do is
//! `front`. Refused, because accepting it would promise something `front` does not do: WebSocket APIs,
//! other integrations, authorizers, parameter mapping, models, custom domains, VPC links,
//! export, and every operation that is not in [`HttpApis::dispatch`].
//!
//! Of automatic deployments only those are kept that a stage points to.
//!
//! <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/operations.html>

mod apis;
mod deployments;
mod import;
mod integrations;
mod model;
mod openapi;
mod page;
mod routes;
mod stages;
mod tags;

use std::path::Path;
use std::sync::Arc;

use self::model::State;
pub(crate) use self::model::{Cors, Integration, Snapshot};
pub(crate) use self::routes::RouteKey;
use super::Local;
use super::apigateway::AccessLogSettings;
use super::apigateway::model::unsupported;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::{OrFailed as _, Result};

/// The name of the stage that is served without a path segment of its own.
pub(crate) const DEFAULT: &str = "$default";

/// The service.
#[derive(Debug)]
pub(crate) struct HttpApis {
    state: Store<State>,
}

/// A stage as the front serves it.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) region: String,
    /// `$default`, or what the path begins with.
    pub(crate) stage: String,
    pub(crate) snapshot: Snapshot,
    pub(crate) variables: std::collections::BTreeMap<String, String>,
    pub(crate) access_log: Option<AccessLogSettings>,
}

impl HttpApis {
    /// Opens `{home}/apigateway`, which REST APIs live in too.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("apigateway");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { state: Store::open(&dir, "httpapis")? })
    }

    /// Answers one API call.
    #[expect(clippy::unused_async, reason = "services are called alike")]
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        self.dispatch(local, &request)
    }

    /// Whether an HTTP API has this id.
    pub(crate) fn has(&self, api: &str) -> bool {
        self.state.read(|state| state.apis.contains_key(api))
    }

    /// What answers at an API: the stage called like the path's first segment, else `$default`. `None`
    /// when there is no such stage, nothing deployed to it, or the endpoint is switched off.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>
    pub(crate) fn served(&self, api: &str, segment: &str) -> Option<Served> {
        self.state.read(|state| {
            let api = state.apis.get(api).filter(|api| !api.info.disable_execute_api_endpoint)?;
            let stage = api.stages.get(segment).or_else(|| api.stages.get(DEFAULT))?;
            let deployment = api.deployments.get(stage.deployment_id.as_deref()?)?;
            Some(Served {
                region: api.region.clone(),
                stage: stage.stage_name.clone(),
                snapshot: deployment.snapshot.clone(),
                variables: stage.stage_variables.clone(),
                access_log: stage.access_log_settings.clone(),
            })
        })
    }

    fn dispatch(&self, local: &Local, request: &Request) -> Result<Reply, Fault> {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["apis"]) => self.create_api(local, request),
            ("PUT", ["apis"]) => self.import_api(local, request),
            ("GET", ["apis"]) => self.list_apis(local, request),
            ("GET", ["apis", api]) => self.get_api(local, request, api),
            ("PUT", ["apis", api]) => self.reimport_api(local, request, api),
            ("PATCH", ["apis", api]) => self.update_api(local, request, api),
            ("DELETE", ["apis", api]) => self.delete_api(request, api),
            ("DELETE", ["apis", api, "cors"]) => self.delete_cors(request, api),

            ("POST", ["apis", api, "integrations"]) => self.create_integration(request, api),
            ("GET", ["apis", api, "integrations"]) => self.list_integrations(request, api),
            ("GET", ["apis", api, "integrations", id]) => self.get_integration(request, api, id),
            ("PATCH", ["apis", api, "integrations", id]) => self.update_integration(request, api, id),
            ("DELETE", ["apis", api, "integrations", id]) => self.delete_integration(request, api, id),

            ("POST", ["apis", api, "routes"]) => self.create_route(request, api),
            ("GET", ["apis", api, "routes"]) => self.list_routes(request, api),
            ("GET", ["apis", api, "routes", id]) => self.get_route(request, api, id),
            ("PATCH", ["apis", api, "routes", id]) => self.update_route(request, api, id),
            ("DELETE", ["apis", api, "routes", id]) => self.delete_route(request, api, id),

            ("POST", ["apis", api, "stages"]) => self.create_stage(request, api),
            ("GET", ["apis", api, "stages"]) => self.list_stages(request, api),
            ("GET", ["apis", api, "stages", name]) => self.get_stage(request, api, name),
            ("PATCH", ["apis", api, "stages", name]) => self.update_stage(request, api, name),
            ("DELETE", ["apis", api, "stages", name, "accesslogsettings"]) => {
                self.delete_access_log(request, api, name)
            }
            ("DELETE", ["apis", api, "stages", name]) => self.delete_stage(request, api, name),

            ("POST", ["apis", api, "deployments"]) => self.create_deployment(request, api),
            ("GET", ["apis", api, "deployments"]) => self.list_deployments(request, api),
            ("GET", ["apis", api, "deployments", id]) => self.get_deployment(request, api, id),
            ("PATCH", ["apis", api, "deployments", id]) => self.update_deployment(request, api, id),
            ("DELETE", ["apis", api, "deployments", id]) => self.delete_deployment(request, api, id),

            ("GET", ["tags", arn @ ..]) => self.get_tags(request, &arn.join("/")),
            ("POST", ["tags", arn @ ..]) => self.tag(request, &arn.join("/")),
            ("DELETE", ["tags", arn @ ..]) => self.untag(request, &arn.join("/")),
            (verb, _) => Err(unsupported(&format!("{verb} {}", request.path))),
        }
    }
}
