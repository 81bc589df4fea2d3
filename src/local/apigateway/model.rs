//! What is kept of a REST API. The serialised form of the inner types is the wire form.
//!
//! A deployment owns a copy of everything the front needs, so a change is live only once it is
//! deployed. <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html>

#![expect(clippy::struct_field_names, reason = "the members are named as on the wire")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::access_log::AccessLogSettings;
use crate::local::wire::Fault;

pub(crate) type Texts = BTreeMap<String, String>;

/// Everything API Gateway remembers, by API id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) apis: BTreeMap<String, Api>,
}

impl State {
    /// An API of this region.
    pub(super) fn api(&self, region: &str, id: &str) -> Result<&Api, Fault> {
        self.apis.get(id).filter(|api| api.region == region).ok_or_else(no_api)
    }

    pub(super) fn api_mut(&mut self, region: &str, id: &str) -> Result<&mut Api, Fault> {
        self.apis.get_mut(id).filter(|api| api.region == region).ok_or_else(no_api)
    }
}

fn no_api() -> Fault {
    not_found("Invalid API identifier specified")
}

/// One REST API with all that hangs on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Api {
    pub(super) region: String,
    pub(super) info: Info,
    pub(super) routes: Routes,
    pub(super) deployments: BTreeMap<String, Deployment>,
    pub(super) stages: BTreeMap<String, Stage>,
}

/// The members of `RestApi`; times in s since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) created_date: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// From the last import, until the next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
    pub(super) api_key_source: String,
    pub(super) endpoint_configuration: EndpointConfiguration,
    pub(super) tags: Texts,
    pub(super) disable_execute_api_endpoint: bool,
    pub(super) root_resource_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointConfiguration {
    pub(super) types: Vec<String>,
    pub(super) ip_address_type: String,
}

/// What a deployment takes a copy of.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Routes {
    /// By resource id.
    pub(crate) resources: BTreeMap<String, Resource>,
    pub(crate) binary_media_types: Vec<String>,
    /// By response type, e.g. `DEFAULT_4XX`.
    pub(crate) gateway_responses: BTreeMap<String, GatewayResponse>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resource {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path_part: Option<String>,
    /// Starts with `/`.
    pub(crate) path: String,
    /// By HTTP method, or `ANY`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resource_methods: BTreeMap<String, Method>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Method {
    pub(crate) http_method: String,
    /// `NONE` or `AWS_IAM`.
    pub(crate) authorization_type: String,
    pub(crate) api_key_required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation_name: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_parameters: BTreeMap<String, bool>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_models: Texts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) method_responses: BTreeMap<String, MethodResponse>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) method_integration: Option<Integration>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodResponse {
    pub(crate) status_code: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) response_parameters: BTreeMap<String, bool>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) response_models: Texts,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Integration {
    /// `AWS_PROXY`, `MOCK`, `HTTP_PROXY`, …
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http_method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uri: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_parameters: Texts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_templates: Texts,
    pub(crate) passthrough_behavior: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_handling: Option<String>,
    /// ms
    pub(crate) timeout_in_millis: u64,
    pub(crate) cache_namespace: String,
    pub(crate) cache_key_parameters: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) integration_responses: BTreeMap<String, IntegrationResponse>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntegrationResponse {
    pub(crate) status_code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) selection_pattern: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) response_parameters: Texts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) response_templates: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_handling: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayResponse {
    pub(crate) response_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status_code: Option<String>,
    #[serde(default)]
    pub(crate) response_parameters: Texts,
    #[serde(default)]
    pub(crate) response_templates: Texts,
    pub(crate) default_response: bool,
}

/// A snapshot; times in s since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) description: Option<String>,
    pub(super) created: i64,
    pub(super) routes: Routes,
}

/// A stage; times in s since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stage {
    pub(super) stage_name: String,
    pub(super) deployment_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) cache_cluster_enabled: bool,
    pub(super) cache_cluster_status: String,
    pub(super) method_settings: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) access_log_settings: Option<AccessLogSettings>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) variables: Texts,
    pub(super) tracing_enabled: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tags: Texts,
    pub(super) created_date: i64,
    pub(super) last_updated_date: i64,
}

impl Routes {
    /// An API's routes when it is new: the root resource and nothing else.
    pub(super) fn new(root: &str) -> Self {
        let root = Resource {
            id: root.to_owned(),
            parent_id: None,
            path_part: None,
            path: "/".into(),
            resource_methods: BTreeMap::new(),
        };
        Self { resources: BTreeMap::from([(root.id.clone(), root)]), ..Self::default() }
    }

    pub(super) fn resource(&self, id: &str) -> Result<&Resource, Fault> {
        self.resources.get(id).ok_or_else(|| not_found("Invalid Resource identifier specified"))
    }

    pub(super) fn resource_mut(&mut self, id: &str) -> Result<&mut Resource, Fault> {
        self.resources.get_mut(id).ok_or_else(|| not_found("Invalid Resource identifier specified"))
    }

    pub(super) fn method_mut(&mut self, resource: &str, method: &str) -> Result<&mut Method, Fault> {
        self.resource_mut(resource)?
            .resource_methods
            .get_mut(method)
            .ok_or_else(|| not_found("Invalid Method identifier specified"))
    }

    /// Adds a resource under the rules of `CreateResource`.
    pub(super) fn add(&mut self, parent: &str, part: &str) -> Result<Resource, Fault> {
        let variable = |part: &str| part.starts_with('{');
        check_part(part)?;
        let parent = self.resource(parent)?.clone();
        if let Some(greedy) = parent.path_part.as_deref().filter(|part| part.ends_with("+}")) {
            return Err(bad_request(format!(
                "Cannot create a child of a resource with a greedy path variable: {greedy}"
            )));
        }
        for sibling in self.resources.values().filter(|resource| resource.parent_id.as_deref() == Some(&parent.id)) {
            let theirs = sibling.path_part.as_deref().unwrap_or_default();
            if theirs == part {
                return Err(conflict(format!("Another resource with the same parent already has this name: {part}")));
            }
            if variable(theirs) && variable(part) {
                return Err(bad_request(format!(
                    "A sibling ({theirs}) of this resource already has a variable path part -- only one is allowed"
                )));
            }
        }
        let resource = Resource {
            id: fresh_id(6),
            path: format!("{}/{part}", parent.path.trim_end_matches('/')),
            parent_id: Some(parent.id),
            path_part: Some(part.to_owned()),
            resource_methods: BTreeMap::new(),
        };
        self.resources.insert(resource.id.clone(), resource.clone());
        Ok(resource)
    }

    /// Removes a resource and all below it.
    pub(super) fn remove(&mut self, id: &str) {
        self.resources.remove(id);
        let children: Vec<String> = self
            .resources
            .values()
            .filter(|resource| resource.parent_id.as_deref() == Some(id))
            .map(|resource| resource.id.clone())
            .collect();
        for child in children {
            self.remove(&child);
        }
    }
}

fn check_part(part: &str) -> Result<(), Fault> {
    let plain = |text: &str| {
        !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || "._-:,~@$&'()*;=!%".contains(char))
    };
    let name =
        |text: &str| !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || "._-$".contains(char));
    let good = match part.strip_prefix('{').map(|text| text.strip_suffix('}')) {
        None => plain(part),
        Some(Some(inside)) => name(inside.strip_suffix('+').unwrap_or(inside)),
        Some(None) => false,
    };
    if good {
        return Ok(());
    }
    Err(bad_request(
        "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.",
    ))
}

/// A random id in API Gateway's alphabet.
pub(in crate::local) fn fresh_id(length: usize) -> String {
    const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    uuid::Uuid::new_v4()
        .as_bytes()
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .take(length)
        .collect()
}

/// Seconds since the epoch.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

pub(in crate::local) fn not_found(message: impl Into<String>) -> Fault {
    Fault::new(404, "NotFoundException", message)
}

pub(in crate::local) fn bad_request(message: impl Into<String>) -> Fault {
    Fault::new(400, "BadRequestException", message)
}

pub(in crate::local) fn conflict(message: impl Into<String>) -> Fault {
    Fault::new(409, "ConflictException", message)
}

pub(in crate::local) fn unsupported(what: &str) -> Fault {
    Fault::unsupported("API Gateway", what)
}
