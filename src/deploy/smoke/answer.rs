//! What a function behind a front has answered: status and body, read as the front reads it.

use base64::Engine as _;
use serde_json::Value;

use crate::error::{Error, Result};

/// An answer as a client would get it, as far as checks look.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Reads the payload of a function behind a front: of a REST API, or one with format 2.0; `streams` says whether
/// it may have streamed.
///
/// # Errors
/// Its front would answer 502: this is no answer.
pub(super) fn of_front(rest: bool, streams: bool, payload: &[u8]) -> Result<Answer> {
    let streamed = streams.then(|| unstreamed(payload)).flatten();
    let payload = streamed.as_deref().unwrap_or(payload);
    let document: Option<Value> = serde_json::from_slice(payload).ok();
    let status = document.as_ref().and_then(|document| status_of(&document["statusCode"]));
    // Formats 1.0 and 2.0 differ in what is no such document: the latter takes it as the body of a 200.
    // <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
    match (status, document) {
        (Some(status), Some(document)) => Ok(Answer { status, body: body_of(&document) }),
        (None, Some(Value::Object(members))) if members.contains_key("statusCode") => Err(malformed()),
        (None, Some(document)) if !rest => {
            let body = document.as_str().map_or_else(|| payload.to_vec(), |text| text.as_bytes().to_vec());
            Ok(Answer { status: 200, body })
        }
        // A stream without a head of its own.
        (None, None) if streams => Ok(Answer { status: 200, body: payload.to_vec() }),
        _ => Err(malformed()),
    }
}

fn malformed() -> Error {
    Error::failed("the function did not return what its API expects: clients would get a 502")
}

/// A number, or a text with one.
fn status_of(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (100..600).contains(status))
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
    const END_OF_HEAD: [u8; 8] = [0; 8];
    let end = payload.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD)?;
    let mut answer: Value = serde_json::from_slice(&payload[..end]).ok()?;
    let body = &payload[end + END_OF_HEAD.len()..];
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
        let (rest, second) =
            (|text: &str| of_front(true, false, text.as_bytes()), |text: &str| of_front(false, false, text.as_bytes()));
        let answer = |status, body: &str| Answer { status, body: body.as_bytes().to_vec() };
        let full = r#"{"statusCode": 201, "body": "YQ==", "isBase64Encoded": true}"#;
        assert_eq!((rest(full).unwrap(), second(full).unwrap()), (answer(201, "a"), answer(201, "a")));
        assert_eq!(second(r#""text""#).unwrap(), answer(200, "text"));
        assert_eq!(second(r#"{"a": 1}"#).unwrap(), answer(200, r#"{"a": 1}"#));
        for bad in [r#""text""#, r#"{"a": 1}"#, "null", "", r#"{"statusCode": "x"}"#] {
            assert!(rest(bad).is_err(), "{bad}");
        }
        assert!(second(r#"{"statusCode": "x"}"#).is_err() && second("no JSON").is_err());
        assert_eq!(of_front(false, true, b"no JSON").unwrap(), answer(200, "no JSON"), "a stream without a head");
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
