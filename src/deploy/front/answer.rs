//! What a function behind a front has answered: status and body, read as the front reads it.

use base64::Engine as _;
use serde_json::Value;

use super::prelude;
use crate::config::Http;
use crate::error::{Error, Result};

/// An answer as a client would get it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In their order, names in lower case; a name may come several times.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Reads the payload of a function behind a front; `streams` says whether it may have streamed.
///
/// # Errors
/// Its front would answer 502: this is no answer.
pub(crate) fn of_front(front: Option<Http>, streams: bool, payload: &[u8]) -> Result<Answer> {
    let rest = front == Some(Http::Rest);
    let streamed = streams.then(|| unstreamed(payload)).flatten();
    let payload = streamed.as_deref().unwrap_or(payload);
    let document: Option<Value> = serde_json::from_slice(payload).ok();
    let status = document.as_ref().and_then(|document| status_of(&document["statusCode"]));
    // Formats 1.0 and 2.0 differ in what is no such document: the latter takes it as the body of a 200.
    // <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
    match (status, document) {
        (Some(status), Some(document)) => {
            Ok(Answer { status, headers: headers_of(&document, front), body: body_of(&document) })
        }
        (None, Some(Value::Object(members))) if members.contains_key("statusCode") => Err(malformed()),
        (None, Some(document)) if !rest => {
            let body = document.as_str().map_or_else(|| payload.to_vec(), |text| text.as_bytes().to_vec());
            Ok(Answer { status: 200, headers: vec![type_of(None)], body })
        }
        // A stream without a head of its own.
        (None, None) if streams => Ok(Answer { status: 200, headers: Vec::new(), body: payload.to_vec() }),
        _ => Err(malformed()),
    }
}

fn malformed() -> Error {
    Error::failed("the function did not return what its API expects: clients would get a 502")
}

/// A number, or a text with one.
pub(super) fn status_of(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (100..600).contains(status))
}

/// What the document says of headers and cookies, and the type that fronts add where it says none. A REST API knows no
/// `cookies` and reads `multiValueHeaders` before `headers`.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
pub(super) fn headers_of(document: &Value, front: Option<Http>) -> Vec<(String, String)> {
    let rest = front == Some(Http::Rest);
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let mut pairs: Vec<(String, String)> = Vec::new();
    if rest {
        for (name, values) in document["multiValueHeaders"].as_object().into_iter().flatten() {
            let values = values.as_array().into_iter().flatten().filter_map(text);
            pairs.extend(values.map(|value| (name.to_ascii_lowercase(), value)));
        }
    }
    for (name, value) in document["headers"].as_object().into_iter().flatten() {
        let pair = text(value).map(|value| (name.to_ascii_lowercase(), value));
        pairs.extend(pair.filter(|pair| !pairs.contains(pair)));
    }
    if !rest {
        let cookies = document["cookies"].as_array().into_iter().flatten().filter_map(text);
        pairs.extend(cookies.map(|cookie| ("set-cookie".to_owned(), cookie)));
    }
    if !pairs.iter().any(|(name, _)| name == "content-type") {
        pairs.push(type_of(front));
    }
    pairs
}

/// The type of what says none. AWS's pages do not tell that of an HTTP API: it is as people have met it.
fn type_of(front: Option<Http>) -> (String, String) {
    let kind = if front == Some(Http::Api) { "text/plain; charset=utf-8" } else { "application/json" };
    ("content-type".to_owned(), kind.to_owned())
}

fn body_of(document: &Value) -> Vec<u8> {
    let body = document["body"].as_str().unwrap_or_default();
    if document["isBase64Encoded"] == true {
        return base64::engine::general_purpose::STANDARD.decode(body).unwrap_or_default();
    }
    body.as_bytes().to_vec()
}

/// The document that a web app would have answered with, had it not streamed: where nobody reads a stream.
/// `None` when it is not one of those.
pub(crate) fn unstreamed(payload: &[u8]) -> Option<Vec<u8>> {
    let end = prelude::end(payload)?;
    let mut answer: Value = serde_json::from_slice(&payload[..end]).ok()?;
    let body = &payload[end + prelude::END.len()..];
    let members = answer.as_object_mut()?;
    let text = std::str::from_utf8(body).ok();
    let encoded = || base64::engine::general_purpose::STANDARD.encode(body);
    members.insert("isBase64Encoded".to_owned(), text.is_none().into());
    members.insert("body".to_owned(), text.map_or_else(encoded, str::to_owned).into());
    Some(answer.to_string().into_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_streamed_answer_is_read_like_another_one() {
        let payload = [br#"{"statusCode":201,"headers":{}}"#.as_slice(), &[0; 8], b"made"].concat();
        let document: Value = serde_json::from_slice(&unstreamed(&payload).unwrap()).unwrap();
        assert_eq!((status_of(&document["statusCode"]), body_of(&document)), (Some(201), b"made".to_vec()));
        assert_eq!(unstreamed(b"{}"), None);
    }

    #[test]
    fn what_is_no_proxy_answer_is_one_only_with_format_2() {
        let (rest, second) = (
            |text: &str| of_front(Some(Http::Rest), false, text.as_bytes()),
            |text: &str| of_front(None, false, text.as_bytes()),
        );
        let answer =
            |status, body: &str| Answer { status, headers: vec![type_of(None)], body: body.as_bytes().to_vec() };
        let full = r#"{"statusCode": 201, "body": "YQ==", "isBase64Encoded": true}"#;
        assert_eq!((rest(full).unwrap(), second(full).unwrap()), (answer(201, "a"), answer(201, "a")));
        assert_eq!(second(r#""text""#).unwrap(), answer(200, "text"));
        assert_eq!(second(r#"{"a": 1}"#).unwrap(), answer(200, r#"{"a": 1}"#));
        for bad in [r#""text""#, r#"{"a": 1}"#, "null", "", r#"{"statusCode": "x"}"#] {
            assert!(rest(bad).is_err(), "{bad}");
        }
        assert!(second(r#"{"statusCode": "x"}"#).is_err() && second("no JSON").is_err());
        let bare = Answer { headers: Vec::new(), ..answer(200, "no JSON") };
        assert_eq!(of_front(None, true, b"no JSON").unwrap(), bare, "a stream without a head");
    }

    #[test]
    fn headers_are_read_as_each_format_has_them() {
        let document = serde_json::json!({
            "headers": {"X-One": "a", "Content-Type": "text/plain", "n": 1},
            "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "x-one": ["a", "b"]},
            "cookies": ["c=3"],
        });
        let read = |front| {
            let pairs = headers_of(&document, front).into_iter();
            pairs.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(
            read(Some(Http::Rest)),
            "set-cookie: a=1; set-cookie: b=2; x-one: a; x-one: b; content-type: text/plain; n: 1"
        );
        assert_eq!(read(Some(Http::Api)), "x-one: a; content-type: text/plain; n: 1; set-cookie: c=3");
    }

    #[test]
    fn statuses_are_numbers_or_texts() {
        let read = |text: &str| status_of(&serde_json::from_str(text).unwrap());
        assert_eq!(
            ["200", "\"404\"", "99", "600", "null", "\"ok\""].map(read),
            [Some(200), Some(404), None, None, None, None]
        );
    }
}
