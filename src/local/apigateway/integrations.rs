//! `PutIntegration`, `GetIntegration`, `DeleteIntegration`, `PutIntegrationResponse`.
//!
//! Every integration type can be stored, because a definition is deployed as a whole; the front serves
//! `AWS_PROXY` with Lambda and `MOCK`, and says so at call time for the others.

use serde_json::Value;

use super::ApiGateway;
use super::input::{Input, shown};
use super::methods::check_status;
use super::model::{Integration, IntegrationResponse, bad_request, not_found, unsupported};
use crate::local::wire::{Fault, Reply, Request};

/// The members `PutIntegration` and `x-amazon-apigateway-integration` share.
pub(super) const MEMBERS: [&str; 10] = [
    "type",
    "httpMethod",
    "uri",
    "connectionType",
    "requestParameters",
    "requestTemplates",
    "passthroughBehavior",
    "contentHandling",
    "timeoutInMillis",
    "cacheNamespace",
];

impl Integration {
    /// Checks the members `PutIntegration` takes; `resource` is the default cache namespace.
    pub(super) fn read(input: &Input, resource: &str) -> Result<Self, Fault> {
        let kind = input.text("type")?.unwrap_or_default().to_ascii_uppercase();
        let uri = input.text("uri")?;
        let http_method = input.text("httpMethod")?;
        match kind.as_str() {
            "AWS" | "AWS_PROXY" => {
                if http_method.as_deref().unwrap_or_default().is_empty() {
                    return Err(bad_request("Enumeration value for HttpMethod must be non-empty"));
                }
                check_arn(uri.as_deref().unwrap_or_default())?;
            }
            "HTTP" | "HTTP_PROXY" => {
                if http_method.as_deref().unwrap_or_default().is_empty() {
                    return Err(bad_request("Enumeration value for HttpMethod must be non-empty"));
                }
                if !uri.as_deref().is_some_and(|uri| uri.starts_with("http://") || uri.starts_with("https://")) {
                    return Err(bad_request("Invalid HTTP endpoint specified for URI"));
                }
            }
            "MOCK" => {}
            "" => return Err(bad_request("Enumeration value for IntegrationType must be non-empty")),
            other => return Err(bad_request(format!("Invalid integration type specified: {other}"))),
        }
        if input.text("connectionType")?.is_some_and(|kind| kind != "INTERNET") {
            return Err(unsupported("connectionType VPC_LINK"));
        }
        let passthrough =
            input.text("passthroughBehavior")?.unwrap_or_else(|| "WHEN_NO_MATCH".into()).to_ascii_uppercase();
        if !["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"].contains(&passthrough.as_str()) {
            return Err(bad_request(format!("Invalid passthrough behavior specified: {passthrough}")));
        }
        let timeout = input.get::<u64>("timeoutInMillis")?.unwrap_or(29_000);
        // 29 s is the default quota of an account and region.
        if !(50..=29_000).contains(&timeout) {
            return Err(bad_request("Timeout should be between 50 ms and 29000 ms"));
        }
        Ok(Self {
            kind,
            http_method,
            uri,
            request_parameters: input.texts("requestParameters")?,
            request_templates: input.texts("requestTemplates")?,
            passthrough_behavior: passthrough,
            content_handling: content_handling(input)?,
            timeout_in_millis: timeout,
            cache_namespace: input.text("cacheNamespace")?.unwrap_or_else(|| resource.to_owned()),
            cache_key_parameters: Vec::new(),
            integration_responses: std::collections::BTreeMap::new(),
        })
    }
}

/// `arn:aws:apigateway:{region}:{service}:path|action/…`
fn check_arn(uri: &str) -> Result<(), Fault> {
    let parts: Vec<&str> = uri.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "apigateway", _, _, action] if partition.starts_with("aws") => {
            if action.starts_with("path/") || action.starts_with("action/") {
                Ok(())
            } else {
                Err(bad_request("AWS ARN for integration must contain path or action"))
            }
        }
        _ => Err(bad_request("Invalid ARN specified in the request")),
    }
}

impl ApiGateway {
    pub(super) fn put_integration(
        &self,
        request: &Request,
        (api, resource, verb): (&str, &str, &str),
    ) -> Result<Reply, Fault> {
        let integration = Integration::read(&Input::read(request, &MEMBERS)?, resource)?;
        self.state.write(|state| {
            let method = state.api_mut(&request.region, api)?.routes.method_mut(resource, verb)?;
            method.method_integration = Some(integration.clone());
            Ok(Reply::json(201, &shown(&integration)))
        })
    }

    pub(super) fn get_integration(
        &self,
        request: &Request,
        (api, resource, verb): (&str, &str, &str),
    ) -> Result<Reply, Fault> {
        self.state.read(|state| {
            let resource = state.api(&request.region, api)?.routes.resource(resource)?;
            let method =
                resource.resource_methods.get(verb).ok_or_else(|| not_found("Invalid Method identifier specified"))?;
            let integration = method.method_integration.as_ref().ok_or_else(no_integration)?;
            Ok(Reply::json(200, &shown(integration)))
        })
    }

    pub(super) fn delete_integration(
        &self,
        request: &Request,
        (api, resource, verb): (&str, &str, &str),
    ) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let method = state.api_mut(&request.region, api)?.routes.method_mut(resource, verb)?;
            method.method_integration.take().ok_or_else(no_integration)?;
            Ok(Reply::empty(204))
        })
    }

    pub(super) fn put_integration_response(
        &self,
        request: &Request,
        (api, resource, verb): (&str, &str, &str),
        status: &str,
    ) -> Result<Reply, Fault> {
        check_status(status)?;
        let members = ["selectionPattern", "responseParameters", "responseTemplates", "contentHandling"];
        let input = Input::read(request, &members)?;
        let response = IntegrationResponse {
            status_code: status.to_owned(),
            selection_pattern: input.text("selectionPattern")?,
            response_parameters: input.texts("responseParameters")?,
            response_templates: templates(input.get("responseTemplates")?.unwrap_or_default())?,
            content_handling: content_handling(&input)?,
        };
        self.state.write(|state| {
            let method = state.api_mut(&request.region, api)?.routes.method_mut(resource, verb)?;
            let integration = method.method_integration.as_mut().ok_or_else(no_integration)?;
            integration.integration_responses.insert(status.to_owned(), response.clone());
            Ok(Reply::json(201, &shown(&response)))
        })
    }
}

/// Text is what a proxy integration gets anyway; the conversion the other way is not served.
pub(super) fn content_handling(input: &Input) -> Result<Option<String>, Fault> {
    match input.text("contentHandling")?.as_deref() {
        None | Some("") => Ok(None),
        Some("CONVERT_TO_TEXT") => Ok(Some("CONVERT_TO_TEXT".into())),
        Some("CONVERT_TO_BINARY") => Err(unsupported("contentHandling CONVERT_TO_BINARY")),
        Some(other) => Err(bad_request(format!("Invalid content handling specified: {other}"))),
    }
}

/// Templates by content type; null is an empty template.
pub(super) fn templates(
    templates: serde_json::Map<String, Value>,
) -> Result<std::collections::BTreeMap<String, String>, Fault> {
    templates
        .into_iter()
        .map(|(kind, template)| match template {
            Value::String(text) => Ok((kind, text)),
            Value::Null => Ok((kind, String::new())),
            _ => Err(bad_request(format!("the template for {kind} is not a text"))),
        })
        .collect()
}

fn no_integration() -> Fault {
    not_found("Invalid Integration identifier specified")
}
