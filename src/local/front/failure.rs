//! What API Gateway answers itself, and the gateway responses an API may put in place of it.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html>

use std::collections::BTreeMap;

use http::HeaderName;
use serde_json::{Value, json};

use super::access_log::Variable;
use super::context::Context;
use crate::local::apigateway::GatewayResponse;
use crate::local::wire::{Reply, percent_decode};

/// An error of the gateway, not of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The gateway response type; empty when it cannot be customised.
    kind: &'static str,
    status: u16,
    /// For `x-amzn-ErrorType`.
    error: &'static str,
    message: String,
}

impl Failure {
    fn new(kind: &'static str, status: u16, error: &'static str, message: impl Into<String>) -> Self {
        Self { kind, status, error, message: message.into() }
    }

    /// No such API or stage, or its endpoint is switched off.
    pub(super) fn forbidden() -> Self {
        Self::new("", 403, "ForbiddenException", "Forbidden")
    }

    /// No such route, or an unsigned request to an `AWS_IAM` one.
    pub(super) fn missing_token() -> Self {
        Self::new(
            "MISSING_AUTHENTICATION_TOKEN",
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
    }

    /// The function may not be invoked, or the integration cannot work.
    pub(super) fn configuration() -> Self {
        Self::new("API_CONFIGURATION_ERROR", 500, "InternalServerErrorException", "Internal server error")
    }

    /// The function failed or its answer has the wrong form.
    pub(super) fn bad_gateway() -> Self {
        Self::new("DEFAULT_5XX", 502, "InternalServerErrorException", "Internal server error")
    }

    /// The function took longer than the integration's timeout.
    pub(super) fn timeout() -> Self {
        Self::new("INTEGRATION_TIMEOUT", 504, "InternalServerErrorException", "Endpoint request timed out")
    }

    /// The body is over 10 MB. This response cannot be customised.
    pub(super) fn body_too_large() -> Self {
        Self::new("", 413, "RequestTooLargeException", "HTTP content length exceeded 10485760 bytes.")
    }

    /// The event is over what Lambda takes.
    pub(super) fn event_too_large() -> Self {
        Self::new("", 413, "RequestTooLargeException", "Request Too Long")
    }

    /// Something AWS would do and this front does not.
    pub(super) fn unsupported(what: &str) -> Self {
        Self::new("", 501, "NotImplemented", format!("{what} is not supported by the local cloud"))
    }

    /// What an access log says of it.
    pub(super) fn variables(&self) -> Vec<Variable> {
        let quoted = Value::from(self.message.as_str()).to_string();
        let mut all = vec![("error.message", self.message.clone()), ("error.messageString", quoted)];
        if !self.kind.is_empty() {
            all.push(("error.responseType", self.kind.to_owned()));
        }
        all
    }

    /// The answer where no API is known.
    pub(super) fn plain(&self, request_id: &str) -> Reply {
        Reply::json(self.status, &json!({ "message": self.message }))
            .with("x-amzn-requestid", request_id)
            .with("x-amzn-errortype", self.error)
    }

    /// The answer as this API wants it: its own response for the type, its default for the class, or AWS's.
    pub(super) fn answer(&self, custom: &BTreeMap<String, GatewayResponse>, context: &Context) -> Reply {
        let class = if self.status < 500 { "DEFAULT_4XX" } else { "DEFAULT_5XX" };
        let response = (!self.kind.is_empty()).then(|| custom.get(self.kind).or_else(|| custom.get(class))).flatten();
        let Some(response) = response else { return self.plain(&context.request_id) };
        let status = response.status_code.as_deref().and_then(|status| status.parse().ok()).unwrap_or(self.status);
        let template = response.response_templates.iter().find(|(kind, _)| *kind == "application/json");
        let mut reply = match template.or_else(|| response.response_templates.iter().next()) {
            Some((kind, template)) => {
                Reply::empty(status).with("content-type", kind).body(self.filled(template, context))
            }
            None => Reply::json(status, &json!({ "message": self.message })),
        };
        for (name, expression) in &response.response_parameters {
            let name = name
                .strip_prefix("gatewayresponse.header.")
                .map(|name| HeaderName::try_from(name.to_ascii_lowercase()));
            if let (Some(Ok(name)), Some(value)) = (name, self.value(expression, context))
                && let Ok(value) = http::HeaderValue::try_from(value)
            {
                reply.headers.insert(name, value);
            }
        }
        reply.with("x-amzn-requestid", &context.request_id).with("x-amzn-errortype", self.error)
    }

    /// Gateway responses know no template language, only variables.
    fn filled(&self, template: &str, context: &Context) -> String {
        let quoted = Value::from(self.message.as_str()).to_string();
        let mut text = template
            .replace("$context.error.messageString", &quoted)
            .replace("$context.error.message", &self.message)
            .replace("$context.error.responseType", self.kind);
        for (name, value) in context.variables() {
            text = text.replace(&format!("$context.{name}"), &value);
        }
        for (name, value) in &context.stage_variables {
            text = text.replace(&format!("$stageVariables.{name}"), value);
        }
        text
    }

    /// `'static text'`, `method.request.header.Name`, `context.name` or `stageVariables.name`.
    fn value(&self, expression: &str, context: &Context) -> Option<String> {
        if let Some(text) = expression.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Some(text.to_owned());
        }
        let (source, name) = expression.split_once('.')?;
        match source {
            "context" if name == "error.message" => Some(self.message.clone()),
            "context" if name == "error.responseType" => Some(self.kind.to_owned()),
            "context" => context.variables().into_iter().find(|(its, _)| *its == name).map(|(_, value)| value),
            "stageVariables" => context.stage_variables.get(name).cloned(),
            "method" => {
                let (place, name) = name.strip_prefix("request.")?.split_once('.')?;
                match place {
                    "header" => context.request.header(name).map(str::to_owned),
                    "querystring" => context.request.param(name),
                    "path" => context
                        .path_parameters
                        .iter()
                        .find(|(its, _)| its == name)
                        .map(|(_, value)| percent_decode(value)),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
