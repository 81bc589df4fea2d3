//! A function's answer as the response of an HTTP API, in both payload formats.
//!
//! `isBase64Encoded` is always obeyed: HTTP APIs have no list of binary types. Without a content type of
//! its own a response is `text/plain; charset=utf-8`, and in format 2.0 whatever has no `statusCode`,
//! valid JSON or not, is the body of a 200: so AWS's own test tool has observed it
//! (<https://github.com/aws/aws-lambda-dotnet/blob/master/Tools/LambdaTestTool-v2/src/Amazon.Lambda.TestTool/Extensions/InvokeResponseExtensions.cs>).
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use serde_json::{Map, Value};

use super::answer::{append, body, decoded, flag, inferred, object, scalar, status};
use super::failure::Failure;
use crate::local::wire::Reply;

/// The connection is the gateway's business.
const DROPPED: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

/// Format 2.0.
pub(super) fn v2(payload: &[u8]) -> Result<Reply, Failure> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(payload) else { return Ok(inferred(payload)) };
    if !answer.contains_key("statusCode") {
        return Ok(inferred(payload));
    }
    let mut reply = Reply::empty(status(answer.get("statusCode"))?);
    for cookie in answer.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        append(&mut reply, "set-cookie", &scalar(cookie)?)?;
    }
    for (name, value) in object(answer.get("headers"))? {
        add(&mut reply, &name, &value)?;
    }
    finish(reply, &answer)
}

/// Format 1.0, where the status has to be there.
pub(super) fn v1(payload: &[u8]) -> Result<Reply, Failure> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(payload) else { return Err(Failure::bad_gateway()) };
    let code = answer.get("statusCode").filter(|code| !code.is_null()).ok_or_else(Failure::bad_gateway)?;
    let mut reply = Reply::empty(status(Some(code))?);
    for (name, values) in object(answer.get("multiValueHeaders"))? {
        let Value::Array(values) = values else { return Err(Failure::bad_gateway()) };
        for value in values {
            add(&mut reply, &name, &value)?;
        }
    }
    for (name, value) in object(answer.get("headers"))? {
        let text = scalar(&value)?;
        // Named in both, only the values of multiValueHeaders appear.
        let there =
            reply.headers.get_all(name.to_ascii_lowercase()).iter().any(|one| one.as_bytes() == text.as_bytes());
        if !there {
            add(&mut reply, &name, &value)?;
        }
    }
    finish(reply, &answer)
}

fn add(reply: &mut Reply, name: &str, value: &Value) -> Result<(), Failure> {
    let name = name.to_ascii_lowercase();
    if DROPPED.contains(&name.as_str()) { Ok(()) } else { append(reply, &name, &scalar(value)?) }
}

fn finish(mut reply: Reply, answer: &Map<String, Value>) -> Result<Reply, Failure> {
    if !reply.headers.contains_key("content-type") {
        reply = reply.with("content-type", "text/plain; charset=utf-8");
    }
    let body = body(answer.get("body"))?;
    let encoded = flag(answer.get("isBase64Encoded"))?;
    Ok(reply.body(if encoded { decoded(&body).ok_or_else(Failure::bad_gateway)? } else { body.into() }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn header(reply: &Reply, name: &str) -> Vec<String> {
        reply.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn format_2_infers_what_has_no_status() {
        for payload in [&br#"{"message": "hi"}"#[..], b"\"text\"", b"not json", b"null"] {
            let reply = v2(payload).unwrap();
            assert_eq!((reply.status.as_u16(), &reply.body[..]), (200, payload));
            assert_eq!(header(&reply, "content-type"), ["application/json"]);
        }
        let plain = v2(br#"{"statusCode": 201, "body": "a"}"#).unwrap();
        assert_eq!(header(&plain, "content-type"), ["text/plain; charset=utf-8"]);
    }

    #[test]
    fn cookies_headers_and_binary_bodies_survive() {
        let two = br#"{"statusCode": 200, "cookies": ["a=1", "b=2"], "headers": {"Set-Cookie": "c=3", "X-A": 1}, "body": "aGk=", "isBase64Encoded": true}"#;
        let reply = v2(two).unwrap();
        assert_eq!(
            (header(&reply, "set-cookie"), header(&reply, "x-a")),
            (vec!["a=1".into(), "b=2".into(), "c=3".into()], vec!["1".to_owned()])
        );
        assert_eq!(reply.body, "hi");
        let one = br#"{"statusCode": "200", "multiValueHeaders": {"X-A": ["1", "2"]}, "headers": {"x-a": "2", "X-B": true}, "body": "aGk=", "isBase64Encoded": true}"#;
        let reply = v1(one).unwrap();
        assert_eq!(
            (header(&reply, "x-a"), header(&reply, "x-b")),
            (vec!["1".into(), "2".into()], vec!["true".to_owned()])
        );
        assert_eq!(reply.body, "hi");
    }

    #[test]
    fn malformed_answers_are_failures() {
        for payload in
            [r#"{"statusCode": "x"}"#, r#"{"statusCode": 200, "headers": []}"#, r#"{"statusCode": 200, "body": {}}"#]
        {
            assert!(v2(payload.as_bytes()).is_err() && v1(payload.as_bytes()).is_err(), "{payload}");
        }
        for payload in ["{}", "null", "\"text\"", r#"{"body": "a"}"#] {
            assert!(v1(payload.as_bytes()).is_err(), "{payload}");
        }
    }
}
