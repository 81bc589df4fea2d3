//! The event of a REST API's Lambda proxy integration (payload format 1.0).
//!
//! Header names are written `Like-This`: API Gateway passes them on as the client wrote them, which
//! the HTTP library below does not keep.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::binary;
use super::context::{Context, signed_by};
use crate::local::ACCOUNT;

/// Builds the event.
pub(super) fn event(context: &Context, iam: bool, binary_types: &[String]) -> Value {
    let request = &context.request;
    let headers: Vec<(String, String)> =
        context.forwarded_headers().into_iter().map(|(name, value)| (title_case(&name), value)).collect();
    let query = request.query();
    let binary = !request.body.is_empty()
        && binary::listed(binary_types, Some(request.header("content-type").unwrap_or("application/json")));
    let body = match (request.body.is_empty(), binary) {
        (true, _) => Value::Null,
        (false, true) => base64::engine::general_purpose::STANDARD.encode(&request.body).into(),
        (false, false) => String::from_utf8_lossy(&request.body).into(),
    };
    let domain = context.domain();
    let signer = if iam { signed_by(request) } else { None };
    json!({
        "resource": context.resource_path,
        "path": context.path,
        "httpMethod": request.method.as_str(),
        "headers": single(&headers),
        "multiValueHeaders": multiple(&headers),
        "queryStringParameters": single(&query),
        "multiValueQueryStringParameters": multiple(&query),
        "pathParameters": single(&context.path_parameters),
        "stageVariables": if context.stage_variables.is_empty() { Value::Null } else { json!(context.stage_variables) },
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": context.api,
            "deploymentId": context.deployment,
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "extendedRequestId": context.extended_id,
            "httpMethod": request.method.as_str(),
            "identity": context.identity(signer.as_deref()),
            "path": context.full_path(),
            "protocol": "HTTP/1.1",
            "requestId": context.request_id,
            "requestTime": context.clf_time(),
            "requestTimeEpoch": context.time.as_millisecond(),
            "resourceId": context.resource_id,
            "resourcePath": context.resource_path,
            "stage": context.stage,
        },
        "body": body,
        "isBase64Encoded": binary,
    })
}

/// Of several values the last; null when there are none.
pub(super) fn single(pairs: &[(String, String)]) -> Value {
    let map: Map<String, Value> = pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

/// All values by name; null when there are none.
pub(super) fn multiple(pairs: &[(String, String)]) -> Value {
    let mut map = Map::new();
    for (name, value) in pairs {
        if let Value::Array(values) = map.entry(name.clone()).or_insert_with(|| json!([])) {
            values.push(value.clone().into());
        }
    }
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

fn title_case(name: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}
