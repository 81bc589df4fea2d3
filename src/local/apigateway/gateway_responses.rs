//! `PutGatewayResponse`, GetGatewayResponse(s), `DeleteGatewayResponse`.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>

use super::ApiGateway;
use super::input::{Input, page, shown};
use super::methods::check_status;
use super::model::{GatewayResponse, Routes, Texts, bad_request, not_found};
use crate::local::wire::{Fault, Reply, Request};

/// Every type with the status it has by default.
const TYPES: [(&str, Option<&str>); 21] = [
    ("ACCESS_DENIED", Some("403")),
    ("API_CONFIGURATION_ERROR", Some("500")),
    ("AUTHORIZER_CONFIGURATION_ERROR", Some("500")),
    ("AUTHORIZER_FAILURE", Some("500")),
    ("BAD_REQUEST_BODY", Some("400")),
    ("BAD_REQUEST_PARAMETERS", Some("400")),
    ("DEFAULT_4XX", None),
    ("DEFAULT_5XX", None),
    ("EXPIRED_TOKEN", Some("403")),
    ("INTEGRATION_FAILURE", Some("504")),
    ("INTEGRATION_TIMEOUT", Some("504")),
    ("INVALID_API_KEY", Some("403")),
    ("INVALID_SIGNATURE", Some("403")),
    ("MISSING_AUTHENTICATION_TOKEN", Some("403")),
    ("QUOTA_EXCEEDED", Some("429")),
    ("REQUEST_TOO_LARGE", Some("413")),
    ("RESOURCE_NOT_FOUND", Some("404")),
    ("THROTTLED", Some("429")),
    ("UNAUTHORIZED", Some("401")),
    ("UNSUPPORTED_MEDIA_TYPE", Some("415")),
    ("WAF_FILTERED", Some("403")),
];

impl GatewayResponse {
    /// Checks a customised response.
    pub(super) fn custom(
        kind: &str,
        status: Option<String>,
        parameters: Texts,
        templates: Texts,
    ) -> Result<Self, Fault> {
        if !TYPES.iter().any(|(known, _)| *known == kind) {
            return Err(bad_request(format!("Invalid response type specified: {kind}")));
        }
        if let Some(status) = &status {
            check_status(status)?;
        }
        if let Some(bad) = parameters.keys().find(|name| !name.starts_with("gatewayresponse.header.")) {
            return Err(bad_request(format!("Invalid mapping expression parameter specified: {bad}")));
        }
        Ok(Self {
            response_type: kind.to_owned(),
            status_code: status,
            response_parameters: parameters,
            response_templates: templates,
            default_response: false,
        })
    }

    fn default(kind: &str, status: Option<&str>) -> Self {
        Self {
            response_type: kind.to_owned(),
            status_code: status.map(str::to_owned),
            response_parameters: Texts::new(),
            response_templates: Texts::from([(
                "application/json".into(),
                r#"{"message":$context.error.messageString}"#.into(),
            )]),
            default_response: true,
        }
    }
}

fn find(routes: &Routes, kind: &str) -> Result<GatewayResponse, Fault> {
    let (kind, status) = TYPES
        .iter()
        .find(|(known, _)| *known == kind)
        .ok_or_else(|| not_found("Invalid Gateway Response type specified"))?;
    Ok(routes.gateway_responses.get(*kind).cloned().unwrap_or_else(|| GatewayResponse::default(kind, *status)))
}

impl ApiGateway {
    pub(super) fn put_gateway_response(&self, request: &Request, api: &str, kind: &str) -> Result<Reply, Fault> {
        let input = Input::read(request, &["statusCode", "responseParameters", "responseTemplates"])?;
        let response = GatewayResponse::custom(
            kind,
            input.text("statusCode")?,
            input.texts("responseParameters")?,
            input.texts("responseTemplates")?,
        )?;
        self.state.write(|state| {
            let routes = &mut state.api_mut(&request.region, api)?.routes;
            routes.gateway_responses.insert(kind.to_owned(), response.clone());
            Ok(Reply::json(201, &shown(&response)))
        })
    }

    pub(super) fn get_gateway_response(&self, request: &Request, api: &str, kind: &str) -> Result<Reply, Fault> {
        self.state.read(|state| Ok(Reply::json(200, &shown(&find(&state.api(&request.region, api)?.routes, kind)?))))
    }

    pub(super) fn list_gateway_responses(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let all: Vec<(String, GatewayResponse)> = self.state.read(|state| {
            let routes = &state.api(&request.region, api)?.routes;
            TYPES.iter().map(|(kind, _)| Ok(((*kind).to_owned(), find(routes, kind)?))).collect::<Result<_, Fault>>()
        })?;
        page(request, all, |response| shown(&response))
    }

    pub(super) fn delete_gateway_response(&self, request: &Request, api: &str, kind: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let routes = &mut state.api_mut(&request.region, api)?.routes;
            routes
                .gateway_responses
                .remove(kind)
                .ok_or_else(|| not_found("Invalid Gateway Response type specified"))?;
            Ok(Reply::empty(202))
        })
    }
}
