//! A function's answer as an HTTP response, in both payload formats.

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::local::wire::Reply;

/// The members a 1.0 answer may have; others make it malformed.
const MEMBERS: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];

/// Headers of an app that API Gateway renames, because it sets them itself
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html>).
const REMAPPED: [&str; 5] = ["connection", "content-length", "date", "server", "www-authenticate"];

/// Payload format 1.0. `binary`: the client and the API agree on a binary response.
pub(super) fn rest(payload: &[u8], binary: bool) -> Result<Reply, Failure> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(payload) else { return Err(Failure::bad_gateway()) };
    if answer.keys().any(|member| !MEMBERS.contains(&member.as_str())) {
        return Err(Failure::bad_gateway());
    }
    let mut reply = Reply::empty(status(answer.get("statusCode"))?);
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, values) in object(answer.get("multiValueHeaders"))? {
        let Value::Array(values) = values else { return Err(Failure::bad_gateway()) };
        for value in values {
            pairs.push((name.to_ascii_lowercase(), scalar(&value)?));
        }
    }
    for (name, value) in object(answer.get("headers"))? {
        let pair = (name.to_ascii_lowercase(), scalar(&value)?);
        // Named in both, only the values of multiValueHeaders appear.
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    for (name, value) in pairs {
        if name == "transfer-encoding" {
            continue;
        }
        let name = if REMAPPED.contains(&name.as_str()) { format!("x-amzn-remapped-{name}") } else { name };
        append(&mut reply, &name, &value)?;
    }
    if !reply.headers.contains_key("content-type") {
        reply = reply.with("content-type", "application/json");
    }
    let body = body(answer.get("body"))?;
    let encoded = flag(answer.get("isBase64Encoded"))?;
    Ok(reply.body(if binary && encoded { decoded(&body).ok_or_else(Failure::configuration)? } else { body.into() }))
}

/// Payload format 2.0: an answer without `statusCode` is a 200 with the answer itself as its body.
pub(super) fn url(payload: &[u8]) -> Result<Reply, Failure> {
    let parsed: Value = serde_json::from_slice(payload).map_err(|_| Failure::bad_gateway())?;
    let Value::Object(answer) = parsed else { return Ok(inferred(payload)) };
    let Some(code) = answer.get("statusCode") else { return Ok(inferred(payload)) };
    let mut reply = Reply::empty(status(Some(code))?);
    for (name, value) in object(answer.get("headers"))? {
        let name = name.to_ascii_lowercase();
        if !["connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
            append(&mut reply, &name, &scalar(&value)?)?;
        }
    }
    for cookie in answer.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        append(&mut reply, "set-cookie", &scalar(cookie)?)?;
    }
    if !reply.headers.contains_key("content-type") {
        reply = reply.with("content-type", "application/json");
    }
    let body = body(answer.get("body"))?;
    let encoded = flag(answer.get("isBase64Encoded"))?;
    Ok(reply.body(if encoded { decoded(&body).ok_or_else(Failure::bad_gateway)? } else { body.into() }))
}

/// What Lambda streams for a function URL: with this content type a JSON prelude (status, headers,
/// cookies), eight zero bytes and the body; otherwise the body alone.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>
pub(super) fn streamed(payload: &[u8], content_type: Option<&str>) -> Result<Reply, Failure> {
    const PRELUDE: &str = "application/vnd.awslambda.http-integration-response";
    if content_type != Some(PRELUDE) {
        let kind = content_type.unwrap_or("application/octet-stream");
        return Ok(Reply::empty(200).with("content-type", kind).body(Bytes::copy_from_slice(payload)));
    }
    let end = payload.windows(8).position(|window| window == [0; 8]).ok_or_else(Failure::bad_gateway)?;
    let prelude: Value = serde_json::from_slice(&payload[..end]).map_err(|_| Failure::bad_gateway())?;
    let Value::Object(mut prelude) = prelude else { return Err(Failure::bad_gateway()) };
    prelude.entry("statusCode").or_insert_with(|| 200.into());
    prelude.remove("body");
    let head = url(Value::Object(prelude).to_string().as_bytes())?;
    Ok(head.body(Bytes::copy_from_slice(&payload[end + 8..])))
}

pub(super) fn inferred(payload: &[u8]) -> Reply {
    Reply::empty(200).with("content-type", "application/json").body(Bytes::copy_from_slice(payload))
}

pub(super) fn status(code: Option<&Value>) -> Result<u16, Failure> {
    let code = match code {
        None | Some(Value::Null) => Some(200),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    // An informational response would leave the client waiting for the real one.
    code.and_then(|code| u16::try_from(code).ok())
        .filter(|code| (200..600).contains(code))
        .ok_or_else(Failure::bad_gateway)
}

pub(super) fn object(member: Option<&Value>) -> Result<Map<String, Value>, Failure> {
    match member {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(_) => Err(Failure::bad_gateway()),
    }
}

/// A header value: texts, numbers and booleans as they are written.
pub(super) fn scalar(value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(Failure::bad_gateway()),
    }
}

pub(super) fn body(member: Option<&Value>) -> Result<String, Failure> {
    match member {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(Failure::bad_gateway()),
    }
}

pub(super) fn flag(member: Option<&Value>) -> Result<bool, Failure> {
    match member {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Failure::bad_gateway()),
    }
}

pub(super) fn decoded(body: &str) -> Option<Bytes> {
    base64::engine::general_purpose::STANDARD.decode(body.trim()).ok().map(Bytes::from)
}

pub(super) fn append(reply: &mut Reply, name: &str, value: &str) -> Result<(), Failure> {
    let name = HeaderName::try_from(name).map_err(|_| Failure::bad_gateway())?;
    let value = HeaderValue::from_str(value)
        .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
        .map_err(|_| Failure::bad_gateway())?;
    reply.headers.append(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn values(reply: &Reply, name: &str) -> Vec<String> {
        reply.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn several_cookies_survive_in_both_formats() {
        let one = rest(br#"{"statusCode": 200, "headers": {"Set-Cookie": "b=2"}, "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]}}"#, false);
        assert_eq!(values(&one.unwrap(), "set-cookie"), ["a=1", "b=2"]);
        let two = url(br#"{"statusCode": 200, "cookies": ["a=1", "b=2"]}"#);
        assert_eq!(values(&two.unwrap(), "set-cookie"), ["a=1", "b=2"]);
    }

    #[test]
    fn base64_is_decoded_only_when_client_and_api_agree() {
        let payload = br#"{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}"#;
        assert_eq!(rest(payload, true).unwrap().body, "hi");
        assert_eq!(rest(payload, false).unwrap().body, "aGk=");
        assert_eq!(
            rest(br#"{"statusCode": 200, "body": "?", "isBase64Encoded": true}"#, true).unwrap_err(),
            Failure::configuration()
        );
        assert_eq!(url(payload).unwrap().body, "hi");
    }

    #[test]
    fn a_malformed_proxy_answer_is_a_bad_gateway() {
        for payload in [
            "\"text\"",
            "null",
            r#"{"statusCode": 200, "extra": 1}"#,
            r#"{"statusCode": "abc"}"#,
            r#"{"statusCode": 99}"#,
            r#"{"body": {"a": 1}}"#,
            r#"{"headers": []}"#,
            r#"{"headers": {"a": {}}}"#,
            r#"{"headers": {"a b": "x"}}"#,
        ] {
            assert_eq!(rest(payload.as_bytes(), false).unwrap_err(), Failure::bad_gateway(), "{payload}");
        }
        assert_eq!(rest(b"{}", false).unwrap().status, 200);
    }

    #[test]
    fn what_the_gateway_sets_itself_is_renamed() {
        let reply = rest(br#"{"headers": {"Date": "x", "Server": "y", "X-A": true}}"#, false).unwrap();
        assert_eq!(values(&reply, "x-amzn-remapped-server"), ["y"]);
        assert_eq!((values(&reply, "server").len(), values(&reply, "x-a")), (0, vec!["true".to_owned()]));
    }

    #[test]
    fn a_function_url_infers_the_response() {
        let reply = url(br#"{"message": "hi"}"#).unwrap();
        assert_eq!((reply.status.as_u16(), &reply.body[..]), (200, &br#"{"message": "hi"}"#[..]));
        assert_eq!(url(b"\"text\"").unwrap().body, "\"text\"");
        assert_eq!(url(br#"{"statusCode": 204}"#).unwrap().status, 204);
    }
}
