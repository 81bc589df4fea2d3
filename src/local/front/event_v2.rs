//! Payload format 2.0: the event of a function URL, and what an HTTP API's has in common with it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::address::{Address, host};
use super::binary;
use super::context::{clf_time, forwarded, signed_by};
use crate::local::wire::Request;
use crate::local::{ACCOUNT, Local};

/// What the event of a URL says beside the request.
pub(super) struct Caller<'a> {
    /// The URL's id.
    pub(super) id: &'a str,
    /// The URL wants signed requests.
    pub(super) iam: bool,
    pub(super) trace_id: &'a str,
}

/// Builds the event of a URL.
pub(super) fn event(local: &Local, request: &Request, address: &Address, caller: &Caller<'_>) -> Value {
    let prefix = (!address.prefix.is_empty()).then_some(address.prefix.as_str());
    let signer = if caller.iam { signed_by(request) } else { None };
    let told = Told {
        account: signer.as_ref().map_or("anonymous", |_| ACCOUNT),
        api: caller.id,
        path: &address.path,
        route_key: "$default",
        stage: "$default",
        request_id: &request.request_id,
        headers: forwarded(request, local.port, caller.trace_id, prefix),
        text: binary::is_text(request.header("content-type")),
        signer,
    };
    build(request, told)
}

/// What an event says beside the request.
pub(super) struct Told<'a> {
    pub(super) account: &'a str,
    pub(super) api: &'a str,
    pub(super) path: &'a str,
    pub(super) route_key: &'a str,
    pub(super) stage: &'a str,
    pub(super) request_id: &'a str,
    /// As the function gets them, cookies too.
    pub(super) headers: Vec<(String, String)>,
    /// The body is text by its type.
    pub(super) text: bool,
    /// The access key of a signed request, where that is wanted.
    pub(super) signer: Option<String>,
}

/// Builds an event.
pub(super) fn build(request: &Request, told: Told<'_>) -> Value {
    let mut headers = Map::new();
    let mut cookies: Vec<Value> = Vec::new();
    for (name, value) in told.headers {
        if name == "cookie" {
            cookies.extend(value.split(';').map(|cookie| cookie.trim().into()));
        } else {
            join(&mut headers, name, &value);
        }
    }
    let mut query = Map::new();
    for (name, value) in request.query() {
        join(&mut query, name, &value);
    }
    let now = Timestamp::now();
    let domain = host(request).unwrap_or_else(|| "localhost".into());
    let mut context = json!({
        "accountId": told.account,
        "apiId": told.api,
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": request.method.as_str(),
            "path": told.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.peer.to_string(),
            "userAgent": request.header("user-agent"),
        },
        "requestId": told.request_id,
        "routeKey": told.route_key,
        "stage": told.stage,
        "time": clf_time(now),
        "timeEpoch": now.as_millisecond(),
    });
    if let Some(key) = told.signer {
        context["authorizer"] = json!({ "iam": {
            "accessKey": key,
            "accountId": ACCOUNT,
            "callerId": key,
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": format!("arn:aws:iam::{ACCOUNT}:root"),
            "userId": key,
        }});
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": told.route_key,
        "rawPath": told.path,
        "rawQueryString": request.raw_query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": false,
    });
    // Members that are empty are left out.
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = query.into();
    }
    if let Some((text, encoded)) = body(request, told.text) {
        event["isBase64Encoded"] = encoded.into();
        event["body"] = text.into();
    }
    event
}

/// The body, and whether it is base64; what is text by its type may still not be UTF-8.
pub(super) fn body(request: &Request, text: bool) -> Option<(String, bool)> {
    if request.body.is_empty() {
        return None;
    }
    match text.then(|| std::str::from_utf8(&request.body).ok()).flatten() {
        Some(text) => Some((text.to_owned(), false)),
        None => Some((base64::engine::general_purpose::STANDARD.encode(&request.body), true)),
    }
}

/// Several values of one name are joined with a comma.
fn join(map: &mut Map<String, Value>, name: String, value: &str) {
    let joined = match map.get(&name).and_then(Value::as_str) {
        Some(before) => format!("{before},{value}"),
        None => value.to_owned(),
    };
    map.insert(name, joined.into());
}
