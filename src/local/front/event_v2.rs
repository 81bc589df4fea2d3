//! The event of a function URL (payload format 2.0).
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

/// What the event says beside the request.
pub(super) struct Caller<'a> {
    /// The URL's id.
    pub(super) id: &'a str,
    /// The URL wants signed requests.
    pub(super) iam: bool,
    pub(super) trace_id: &'a str,
}

/// Builds the event.
pub(super) fn event(local: &Local, request: &Request, address: &Address, caller: &Caller<'_>) -> Value {
    let prefix = (!address.prefix.is_empty()).then_some(address.prefix.as_str());
    let mut headers = Map::new();
    let mut cookies: Vec<Value> = Vec::new();
    for (name, value) in forwarded(request, local.port, caller.trace_id, prefix) {
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
    let signer = if caller.iam { signed_by(request) } else { None };
    let mut context = json!({
        "accountId": signer.as_ref().map_or("anonymous", |_| ACCOUNT),
        "apiId": caller.id,
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": request.method.as_str(),
            "path": address.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.peer.to_string(),
            "userAgent": request.header("user-agent"),
        },
        "requestId": request.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": clf_time(now),
        "timeEpoch": now.as_millisecond(),
    });
    if let Some(key) = signer {
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
        "routeKey": "$default",
        "rawPath": address.path,
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
    if !request.body.is_empty() {
        let text =
            binary::is_text(request.header("content-type")).then(|| std::str::from_utf8(&request.body).ok()).flatten();
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] =
            text.map_or_else(|| base64::engine::general_purpose::STANDARD.encode(&request.body), str::to_owned).into();
    }
    event
}

/// Several values of one name are joined with a comma.
fn join(map: &mut Map<String, Value>, name: String, value: &str) {
    let joined = match map.get(&name).and_then(Value::as_str) {
        Some(before) => format!("{before},{value}"),
        None => value.to_owned(),
    };
    map.insert(name, joined.into());
}
