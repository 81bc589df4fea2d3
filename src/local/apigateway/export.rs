//! `GetExport`: the deployed definition of a stage as `OpenAPI` 3.0, in JSON or YAML.

use serde_json::{Map, Value, json};

use super::ApiGateway;
use super::input::shown;
use super::model::{Api, Integration, Method, Routes, bad_request, not_found, unsupported};
use crate::local::wire::{Fault, Reply, Request};

/// `extensions=`: what is written beside plain `OpenAPI`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extensions {
    None,
    Integrations,
    /// `apigateway`: integrations, gateway responses and media types.
    All,
}

impl ApiGateway {
    pub(super) fn export(&self, request: &Request, api: &str, stage: &str, kind: &str) -> Result<Reply, Fault> {
        match kind {
            "oas30" => {}
            "swagger" => return Err(unsupported("export type swagger")),
            _ => return Err(bad_request("Unsupported export type")),
        }
        let extensions = match request.param("extensions").as_deref() {
            None => Extensions::None,
            Some("integrations") => Extensions::Integrations,
            Some("apigateway") => Extensions::All,
            Some(other) => return Err(unsupported(&format!("export with extensions={other}"))),
        };
        let document = self.state.read(|state| {
            let api = state.api(&request.region, api)?;
            api.export(stage, extensions)
        })?;
        let yaml = request.header("accept").is_some_and(|accept| accept.starts_with("application/yaml"));
        let (name, kind, body) = if yaml {
            let text = serde_yaml::to_string(&document).map_err(|error| bad_request(error.to_string()))?;
            ("yaml", "application/yaml", text)
        } else {
            (
                "json",
                "application/json",
                serde_json::to_string_pretty(&document).map_err(|error| bad_request(error.to_string()))?,
            )
        };
        Ok(Reply::empty(200)
            .with("content-type", kind)
            .with(
                "content-disposition",
                format!("attachment; filename=\"oas30_{}.{name}\"", jiff::Timestamp::now().as_second()),
            )
            .body(body))
    }
}

impl Api {
    fn export(&self, stage: &str, extensions: Extensions) -> Result<Value, Fault> {
        let stage = self.stages.get(stage).ok_or_else(|| not_found("Invalid stage identifier specified"))?;
        let deployment = self
            .deployments
            .get(&stage.deployment_id)
            .ok_or_else(|| not_found("Invalid Deployment identifier specified"))?;
        let info = &self.info;
        let mut document = json!({
            "openapi": "3.0.1",
            "info": {
                "title": info.name,
                // Without a version AWS writes the time of the export's deployment.
                "version": info.version.clone().unwrap_or_else(|| jiff::Timestamp::from_second(deployment.created).unwrap_or_default().to_string()),
            },
            "servers": [{
                "url": format!("https://{}.execute-api.{}.amazonaws.com/{{basePath}}", info.id, self.region),
                "variables": { "basePath": { "default": format!("/{}", stage.stage_name) } },
            }],
            "paths": paths(&deployment.routes, extensions),
            "components": {},
        });
        if let Some(description) = &info.description {
            document["info"]["description"] = description.clone().into();
        }
        if extensions == Extensions::All {
            if !deployment.routes.binary_media_types.is_empty() {
                document["x-amazon-apigateway-binary-media-types"] = shown(&deployment.routes.binary_media_types);
            }
            let responses: Map<String, Value> = deployment
                .routes
                .gateway_responses
                .iter()
                .map(|(kind, response)| {
                    (
                        kind.clone(),
                        json!({
                            "statusCode": response.status_code,
                            "responseParameters": response.response_parameters,
                            "responseTemplates": response.response_templates,
                        }),
                    )
                })
                .collect();
            if !responses.is_empty() {
                document["x-amazon-apigateway-gateway-responses"] = Value::Object(responses);
            }
        }
        Ok(document)
    }
}

fn paths(routes: &Routes, extensions: Extensions) -> Value {
    let mut resources: Vec<_> =
        routes.resources.values().filter(|resource| !resource.resource_methods.is_empty()).collect();
    resources.sort_by(|a, b| a.path.cmp(&b.path));
    let operations = |methods: &std::collections::BTreeMap<String, Method>| -> Map<String, Value> {
        methods
            .iter()
            .map(|(verb, method)| {
                let word =
                    if verb == "ANY" { "x-amazon-apigateway-any-method".to_owned() } else { verb.to_ascii_lowercase() };
                (word, operation(method, extensions))
            })
            .collect()
    };
    resources
        .into_iter()
        .map(|resource| (resource.path.clone(), Value::Object(operations(&resource.resource_methods))))
        .collect::<Map<_, _>>()
        .into()
}

fn operation(method: &Method, extensions: Extensions) -> Value {
    let mut out = json!({});
    if let Some(name) = &method.operation_name {
        out["operationId"] = name.clone().into();
    }
    let parameters: Vec<Value> = method
        .request_parameters
        .iter()
        .filter_map(|(expression, required)| {
            let (place, name) = expression.strip_prefix("method.request.")?.split_once('.')?;
            let place = if place == "querystring" { "query" } else { place };
            Some(json!({ "name": name, "in": place, "required": required, "schema": { "type": "string" } }))
        })
        .collect();
    if !parameters.is_empty() {
        out["parameters"] = parameters.into();
    }
    let responses = method
        .method_responses
        .keys()
        .map(|status| (status.clone(), json!({ "description": format!("{status} response"), "content": {} })));
    out["responses"] = responses.collect::<Map<_, _>>().into();
    if extensions != Extensions::None
        && let Some(one) = &method.method_integration
    {
        out["x-amazon-apigateway-integration"] = integration(one);
    }
    if method.authorization_type != "NONE" {
        out["x-amazon-apigateway-auth"] = json!({ "type": method.authorization_type });
    }
    out
}

fn integration(integration: &Integration) -> Value {
    let mut out = shown(integration);
    out["type"] = integration.kind.to_ascii_lowercase().into();
    out["passthroughBehavior"] = integration.passthrough_behavior.to_ascii_lowercase().into();
    if let Some(members) = out.as_object_mut() {
        for internal in ["integrationResponses", "cacheNamespace", "cacheKeyParameters"] {
            members.remove(internal);
        }
    }
    let responses = integration.integration_responses.values().map(|response| {
        let mut value = shown(response);
        if let Some(members) = value.as_object_mut() {
            members.remove("selectionPattern");
        }
        (response.selection_pattern.clone().unwrap_or_else(|| "default".into()), value)
    });
    let responses: Map<String, Value> = responses.collect();
    if !responses.is_empty() {
        out["responses"] = Value::Object(responses);
    }
    out
}
