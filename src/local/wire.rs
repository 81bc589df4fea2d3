//! What crosses the socket: a request as the services see it, their reply, and a fault in AWS's shape.
//!
//! Services speak different dialects (REST-XML for S3, Query-XML for IAM and STS, REST-JSON for Lambda and
//! API Gateway, JSON 1.1 for Logs, JSON 1.0 or Query-XML for SQS, three at once for `CloudWatch`). They all take a
//! [`Request`] and give a [`Reply`] or a [`Fault`]; the dialect decides only how the fault is written.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

use super::rest::Rest;

/// One HTTP request, read completely, its signature scope taken apart.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "the request id is called that everywhere")]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// As sent, still percent-encoded, without the query.
    pub(crate) path: String,
    /// As sent, without the `?`.
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// From the signature's credential scope; `us-east-1` when the request is not signed.
    pub(crate) region: String,
    /// A fresh UUID, also sent back in `x-amzn-requestid` / `x-amz-request-id`.
    pub(crate) request_id: String,
    /// Peer address, for `sourceIp`.
    pub(crate) peer: std::net::IpAddr,
}

impl Request {
    /// The query, percent-decoded, in order. `+` is a space.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        parse_query(&self.raw_query)
    }

    /// The first value of a query parameter; an empty string when it has no `=`.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The path, split at `/` and percent-decoded, without empty segments.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(percent_decode).collect()
    }

    /// The body as JSON; an empty body is `{}`.
    pub(crate) fn json(&self) -> Result<Value, Fault> {
        if self.body.is_empty() {
            return Ok(Value::Object(Map::new()));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Fault::new(400, "SerializationException", format!("the body is not JSON: {error}")))
    }
}

/// What goes back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What follows `body`, sent as it comes.
    pub(crate) rest: Option<Rest>,
}

impl Reply {
    /// A reply without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            rest: None,
        }
    }

    /// `application/json`.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::empty(status).with("content-type", "application/json").body(value.to_string())
    }

    /// `text/xml`, as the Query and S3 protocols use it.
    pub(crate) fn xml(status: u16, text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self::empty(status).with("content-type", "text/xml").body(text)
    }

    /// Sets a header; a value that HTTP does not allow is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Lets more follow the body, as it comes.
    #[must_use]
    pub(crate) fn followed_by(self, rest: Rest) -> Self {
        Self { rest: Some(rest), ..self }
    }
}

/// An AWS error: status, code, message, and what else its shape carries.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    /// AWS's code, e.g. `ResourceConflictException` or `NoSuchKey`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Further members of the error document: `Type`, `Reason`, `BucketName`, …
    pub(crate) extra: Vec<(&'static str, String)>,
    /// Further headers, e.g. `retry-after`.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Fault {
    /// A fault with AWS's code and message.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), extra: Vec::new(), headers: Vec::new() }
    }

    /// Adds a member to the error document.
    #[must_use]
    pub(crate) fn member(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    /// Adds a header to the error's answer.
    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer to an operation this server does not know: never a silent success.
    pub(crate) fn unsupported(service: &str, what: &str) -> Self {
        Self::new(501, "NotImplemented", format!("{service} {what} is not supported by the local cloud"))
    }

    /// REST-JSON and JSON 1.1: code in `x-amzn-errortype` and `__type`, message in both spellings.
    pub(crate) fn into_json(self) -> Reply {
        let mut document = Map::new();
        document.insert("__type".into(), self.code.into());
        for (name, value) in &self.extra {
            document.insert((*name).into(), value.clone().into());
        }
        document.insert("message".into(), self.message.clone().into());
        document.insert("Message".into(), self.message.into());
        let mut reply = Reply::json(self.status, &Value::Object(document)).with("x-amzn-errortype", self.code);
        for (name, value) in self.headers {
            reply = reply.with(name, value);
        }
        reply
    }

    /// Query protocol (IAM, STS).
    pub(crate) fn into_query_xml(self, request_id: &str) -> Reply {
        let side = if self.status < 500 { "Sender" } else { "Receiver" };
        Reply::xml(
            self.status,
            format!(
                "<ErrorResponse><Error><Type>{side}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
                self.code,
                escape_xml(&self.message),
            ),
        )
    }

    /// S3's error document.
    pub(crate) fn into_s3_xml(self, request_id: &str) -> Reply {
        use std::fmt::Write as _;
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>",
            self.code,
            escape_xml(&self.message),
        );
        for (name, value) in &self.extra {
            let _ = write!(text, "<{name}>{}</{name}>", escape_xml(value));
        }
        let _ = write!(text, "<RequestId>{request_id}</RequestId></Error>");
        let mut reply = Reply::xml(self.status, text);
        for (name, value) in self.headers {
            reply = reply.with(name, value);
        }
        reply
    }
}

/// Text that is safe between tags and in attributes.
pub(crate) fn escape_xml(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

/// Percent-decoding; what is not an escape stays. Bytes that are not UTF-8 become U+FFFD.
pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let byte =
            escape.and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        if let Some(byte) = byte {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encoding as RFC 3986 wants it: everything but letters, digits and `-._~`, and what `keep` holds.
pub(crate) fn percent_encode(text: &str, keep: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// `a=1&b=&c` → `[("a","1"),("b",""),("c","")]`, decoded.
pub(crate) fn parse_query(raw: &str) -> Vec<(String, String)> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(&key.replace('+', " ")), percent_decode(&value.replace('+', " ")))
        })
        .collect()
}
