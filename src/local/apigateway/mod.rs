//! API Gateway's control plane for REST APIs (REST-JSON).
//!
//! Served are APIs, resources, methods, integrations, gateway responses, deployments, stages, tags,
//! import and export; what the deployed APIs do is `front`. Refused, because accepting it would promise
//! something `front` does not do: authorizers, API keys and usage plans, models and request validation,
//! resource policies, caches, canaries, VPC links, custom domains, and every operation
//! that is not in [`ApiGateway::dispatch`].
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html>

mod access_log;
mod apis;
mod deployments;
mod export;
mod gateway_responses;
pub(in crate::local) mod import;
pub(in crate::local) mod input;
mod integrations;
mod methods;
pub(in crate::local) mod model;
pub(in crate::local) mod openapi;
mod patch;
mod resources;
pub(in crate::local) mod stages;
pub(in crate::local) mod tags;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

pub(crate) use self::access_log::AccessLogSettings;
pub(crate) use self::model::{GatewayResponse, Integration, Method, Routes};
use self::model::{State, Texts, unsupported};
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use super::{ACCOUNT, Local};
use crate::error::{OrFailed as _, Result};

/// The service.
#[derive(Debug)]
pub(crate) struct ApiGateway {
    state: Store<State>,
}

/// A stage as the front serves it.
#[derive(Debug, Clone)]
pub(crate) struct Deployed {
    pub(crate) region: String,
    pub(crate) deployment: String,
    pub(crate) routes: Routes,
    pub(crate) variables: Texts,
    pub(crate) access_log: Option<AccessLogSettings>,
    /// The default endpoint is switched off.
    pub(crate) disabled: bool,
}

impl ApiGateway {
    /// Opens `{home}/apigateway`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("apigateway");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { state: Store::open(&dir, "restapis")? })
    }

    /// Answers one API call.
    #[expect(clippy::unused_async, reason = "services are called alike")]
    pub(crate) async fn handle(&self, _local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        self.dispatch(&request)
    }

    /// Whether a REST API has this id.
    pub(in crate::local) fn has(&self, api: &str) -> bool {
        self.state.read(|state| state.apis.contains_key(api))
    }

    /// The snapshot a stage points to.
    pub(crate) fn deployed(&self, api: &str, stage: &str) -> Option<Deployed> {
        self.state.read(|state| {
            let api = state.apis.get(api)?;
            let stage = api.stages.get(stage)?;
            let deployment = api.deployments.get(&stage.deployment_id)?;
            Some(Deployed {
                region: api.region.clone(),
                deployment: deployment.id.clone(),
                routes: deployment.routes.clone(),
                variables: stage.variables.clone(),
                access_log: stage.access_log_settings.clone(),
                disabled: api.info.disable_execute_api_endpoint,
            })
        })
    }

    fn dispatch(&self, request: &Request) -> Result<Reply, Fault> {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["account"]) => Ok(Reply::json(200, &account())),
            ("GET", ["tags", arn @ ..]) => self.get_tags(request, &arn.join("/")),
            ("PUT", ["tags", arn @ ..]) => self.tag(request, &arn.join("/")),
            ("DELETE", ["tags", arn @ ..]) => self.untag(request, &arn.join("/")),

            ("POST", ["restapis"]) if request.param("mode").as_deref() == Some("import") => self.import_api(request),
            ("POST", ["restapis"]) => self.create_api(request),
            ("GET", ["restapis"]) => self.list_apis(request),
            ("GET", ["restapis", api]) => self.get_api(request, api),
            ("PUT", ["restapis", api]) => self.put_api(request, api),
            ("PATCH", ["restapis", api]) => self.update_api(request, api),
            ("DELETE", ["restapis", api]) => self.delete_api(request, api),

            ("GET", ["restapis", api, "gatewayresponses"]) => self.list_gateway_responses(request, api),
            ("GET", ["restapis", api, "gatewayresponses", kind]) => self.get_gateway_response(request, api, kind),
            ("PUT", ["restapis", api, "gatewayresponses", kind]) => self.put_gateway_response(request, api, kind),
            ("DELETE", ["restapis", api, "gatewayresponses", kind]) => self.delete_gateway_response(request, api, kind),

            ("GET", ["restapis", api, "deployments"]) => self.list_deployments(request, api),
            ("POST", ["restapis", api, "deployments"]) => self.create_deployment(request, api),
            ("GET", ["restapis", api, "deployments", id]) => self.get_deployment(request, api, id),
            ("DELETE", ["restapis", api, "deployments", id]) => self.delete_deployment(request, api, id),

            ("GET", ["restapis", api, "stages"]) => self.list_stages(request, api),
            ("POST", ["restapis", api, "stages"]) => self.create_stage(request, api),
            ("GET", ["restapis", api, "stages", stage]) => self.get_stage(request, api, stage),
            ("PATCH", ["restapis", api, "stages", stage]) => self.update_stage(request, api, stage),
            ("DELETE", ["restapis", api, "stages", stage]) => self.delete_stage(request, api, stage),
            ("GET", ["restapis", api, "stages", stage, "exports", kind]) => self.export(request, api, stage, kind),

            ("GET", ["restapis", api, "resources"]) => self.list_resources(request, api),
            ("GET", ["restapis", api, "resources", id]) => self.get_resource(request, api, id),
            ("POST", ["restapis", api, "resources", parent]) => self.create_resource(request, api, parent),
            ("DELETE", ["restapis", api, "resources", id]) => self.delete_resource(request, api, id),

            (verb, ["restapis", api, "resources", resource, "methods", method, rest @ ..]) => {
                self.dispatch_method(request, verb, (api, resource, method), rest)
            }
            (verb, _) => Err(unsupported(&format!("{verb} {}", request.path))),
        }
    }

    fn dispatch_method(
        &self,
        request: &Request,
        verb: &str,
        at: (&str, &str, &str),
        rest: &[&str],
    ) -> Result<Reply, Fault> {
        match (verb, rest) {
            ("PUT", []) => self.put_method(request, at),
            ("GET", []) => self.get_method(request, at),
            ("DELETE", []) => self.delete_method(request, at),
            ("PUT", ["responses", status]) => self.put_method_response(request, at, status),
            ("PUT", ["integration"]) => self.put_integration(request, at),
            ("GET", ["integration"]) => self.get_integration(request, at),
            ("DELETE", ["integration"]) => self.delete_integration(request, at),
            ("PUT", ["integration", "responses", status]) => self.put_integration_response(request, at, status),
            (verb, _) => Err(unsupported(&format!("{verb} {}", request.path))),
        }
    }
}

/// `GetAccount`, with the default throttle of an account. REST APIs write logs as a role of the account; here nobody
/// has to set one, so it is there from the start.
fn account() -> Value {
    json!({
        "cloudwatchRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/apigateway-logs"),
        "throttleSettings": { "burstLimit": 5000, "rateLimit": 10000.0 },
        "features": ["UsagePlans"],
        "apiKeyVersion": "4",
    })
}
