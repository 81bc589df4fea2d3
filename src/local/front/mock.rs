//! MOCK integrations, as far as they need no template language.
//!
//! The request template must give `{"statusCode": n}`; the integration response for that status gives
//! headers (`'static'` values) and a body. Templates with variables or directives (`$`, `#`) are VTL
//! and refused.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html>

use http::{HeaderName, HeaderValue};
use regex::Regex;
use serde_json::Value;

use super::failure::Failure;
use crate::local::apigateway::Integration;
use crate::local::wire::{Reply, Request};

/// Answers a request without any backend.
pub(super) fn answer(integration: &Integration, request: &Request) -> Result<Reply, Failure> {
    let kind = request.header("content-type").unwrap_or("application/json");
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let input = match integration.request_templates.get(&kind) {
        Some(template) => constant(template)?.to_owned(),
        // Passed through as it is.
        None => String::from_utf8_lossy(&request.body).into_owned(),
    };
    let parsed: Value = serde_json::from_str(&input).map_err(|_| Failure::configuration())?;
    let status = match &parsed["statusCode"] {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(Failure::configuration()),
    };
    let selects = |pattern: &str| Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(&status));
    let responses = || integration.integration_responses.values();
    let response = responses()
        .find(|response| response.selection_pattern.as_deref().is_some_and(selects))
        .or_else(|| responses().find(|response| response.selection_pattern.as_deref().is_none_or(str::is_empty)))
        .ok_or_else(Failure::configuration)?;
    let mut reply = Reply::empty(response.status_code.parse().map_err(|_| Failure::configuration())?);
    reply = match response.response_templates.iter().next() {
        Some((kind, template)) => reply.with("content-type", kind).body(constant(template)?.to_owned()),
        None => reply.with("content-type", "application/json"),
    };
    for (target, expression) in &response.response_parameters {
        let name = target
            .strip_prefix("method.response.header.")
            .and_then(|name| HeaderName::try_from(name.to_ascii_lowercase()).ok());
        let value = expression.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        let value = value.ok_or_else(|| Failure::unsupported(&format!("the mapping expression {expression}")))?;
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            reply.headers.insert(name, value);
        }
    }
    Ok(reply)
}

fn constant(template: &str) -> Result<&str, Failure> {
    if template.contains(['$', '#']) {
        return Err(Failure::unsupported("a mapping template with variables"));
    }
    Ok(template)
}
