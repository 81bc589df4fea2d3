//! What is kept of an HTTP API. The serialised form of the inner types is the wire form; times are
//! ISO 8601.
//!
//! A deployment owns a copy of everything the front needs, so a change is live once it is deployed, by
//! hand or by a stage that deploys automatically.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html>

#![expect(clippy::struct_field_names, reason = "the members are named as on the wire")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::local::apigateway::AccessLogSettings;
use crate::local::apigateway::model::{bad_request, fresh_id, not_found};
use crate::local::wire::Fault;

pub(super) type Texts = BTreeMap<String, String>;

/// All HTTP APIs, by id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) apis: BTreeMap<String, Api>,
}

impl State {
    /// An API of this region.
    pub(super) fn api(&self, region: &str, id: &str) -> Result<&Api, Fault> {
        self.apis.get(id).filter(|api| api.region == region).ok_or_else(|| no_api(id))
    }

    pub(super) fn api_mut(&mut self, region: &str, id: &str) -> Result<&mut Api, Fault> {
        self.apis.get_mut(id).filter(|api| api.region == region).ok_or_else(|| no_api(id))
    }
}

fn no_api(id: &str) -> Fault {
    not_found(format!("Invalid API identifier specified {}:{id}", crate::local::ACCOUNT))
}

/// One HTTP API with all that hangs on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Api {
    pub(super) region: String,
    pub(super) info: Info,
    /// As configured; what is served is a deployment's.
    pub(super) snapshot: Snapshot,
    pub(super) deployments: BTreeMap<String, Deployment>,
    pub(super) stages: BTreeMap<String, Stage>,
}

/// The members of `Api`, without its endpoint, which depends on the port, and its CORS configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info {
    pub(super) api_id: String,
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    pub(super) created_date: String,
    pub(super) disable_execute_api_endpoint: bool,
    pub(super) tags: Texts,
    /// From the last import, until the next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// What a deployment takes a copy of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// By route id.
    pub(crate) routes: BTreeMap<String, Route>,
    /// By integration id.
    pub(crate) integrations: BTreeMap<String, Integration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<Cors>,
}

/// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html#apis-apiid-model-cors>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cors {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allow_credentials: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) allow_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) allow_methods: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) allow_origins: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) expose_headers: Vec<String>,
    /// s
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Route {
    /// Made by quick create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_gateway_managed: Option<bool>,
    pub(super) api_key_required: bool,
    /// `NONE` or `AWS_IAM`.
    pub(crate) authorization_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operation_name: Option<String>,
    pub(super) route_id: String,
    /// `$default` or `METHOD /path`.
    pub(crate) route_key: String,
    /// `integrations/{id}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Integration {
    /// Made by quick create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_gateway_managed: Option<bool>,
    pub(super) connection_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) integration_id: String,
    pub(super) integration_method: String,
    pub(super) integration_type: String,
    /// The function's ARN, or the ARN by which API Gateway invokes it.
    pub(crate) integration_uri: String,
    /// `1.0` or `2.0`.
    pub(crate) payload_format_version: String,
    /// ms
    pub(crate) timeout_in_millis: u64,
}

/// A deployment as it is shown, and its snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deployment {
    pub(super) shown: DeploymentInfo,
    pub(super) snapshot: Snapshot,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeploymentInfo {
    pub(super) auto_deployed: bool,
    pub(super) created_date: String,
    pub(super) deployment_id: String,
    pub(super) deployment_status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) access_log_settings: Option<AccessLogSettings>,
    /// Made by quick create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_gateway_managed: Option<bool>,
    pub(super) auto_deploy: bool,
    pub(super) created_date: String,
    /// Kept and shown; the front does not throttle or measure.
    pub(super) default_route_settings: serde_json::Map<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deployment_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_deployment_status_message: Option<String>,
    pub(super) last_updated_date: String,
    pub(super) route_settings: serde_json::Map<String, serde_json::Value>,
    pub(super) stage_name: String,
    pub(super) stage_variables: Texts,
    pub(super) tags: Texts,
}

impl Api {
    /// Takes a snapshot; its id.
    pub(super) fn deploy(&mut self, description: Option<String>, automatic: bool) -> Result<String, Fault> {
        if self.snapshot.routes.is_empty() {
            return Err(bad_request("Unable to deploy API because no routes exist in this API"));
        }
        let shown = DeploymentInfo {
            auto_deployed: automatic,
            created_date: now(),
            deployment_id: fresh_id(6),
            deployment_status: "DEPLOYED".into(),
            description: description.filter(|text| !text.is_empty()),
        };
        let id = shown.deployment_id.clone();
        self.deployments.insert(id.clone(), Deployment { shown, snapshot: self.snapshot.clone() });
        Ok(id)
    }

    /// To be called after every change to what is served: brings it to the stages that deploy
    /// automatically. One that cannot be deployed stays as it is and says why.
    pub(super) fn changed(&mut self) {
        if !self.stages.values().any(|stage| stage.auto_deploy) {
            return;
        }
        let outcome =
            self.deploy(Some("Automatic deployment triggered by changes to the Api configuration".into()), true);
        for stage in self.stages.values_mut().filter(|stage| stage.auto_deploy) {
            stage.last_deployment_status_message = Some(match &outcome {
                Ok(id) => {
                    stage.deployment_id = Some(id.clone());
                    format!("Successfully deployed stage with deployment ID '{id}'")
                }
                Err(fault) => format!("Deployment attempt failed: {}", fault.message),
            });
            stage.last_updated_date = now();
        }
        self.prune();
    }

    /// Forgets the automatic deployments that no stage points to any more.
    pub(super) fn prune(&mut self) {
        let stages = &self.stages;
        let used = |id: &str| stages.values().any(|stage| stage.deployment_id.as_deref() == Some(id));
        self.deployments.retain(|id, deployment| !deployment.shown.auto_deployed || used(id));
    }
}

/// This moment, `2026-11-21T09:30:00Z`.
pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
