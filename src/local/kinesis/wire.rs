//! How a client of Kinesis writes: JSON 1.1, or the CBOR that the SDKs for Java speak.
//!
//! In that CBOR bytes are bytes, and a time is a number of ms under tag 1; in JSON bytes are base64, and a time is a
//! number of s.

use serde_json::Value;

use crate::local::rpc::{self, Document};
use crate::local::wire::{Fault, Reply, Request};

const CBOR: &str = "application/x-amz-cbor-1.1";
const JSON: &str = "application/x-amz-json-1.1";

/// What an operation comes to.
pub(super) type Answer = Result<Document, Fault>;

/// The form of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Cbor,
}

impl Form {
    pub(super) fn of(request: &Request) -> Self {
        let is_cbor = request.header("content-type").is_some_and(|kind| kind.starts_with(CBOR));
        if is_cbor { Self::Cbor } else { Self::Json }
    }

    /// The members of a call; bytes are base64.
    pub(super) fn read(self, request: &Request) -> Result<Value, Fault> {
        match self {
            Self::Json => request.json(),
            Self::Cbor => rpc::read_cbor(&request.body),
        }
    }

    pub(super) fn reply(self, answer: Answer) -> Reply {
        match (self, answer) {
            (Self::Json, Ok(Document::Nothing)) => Reply::empty(200).with("content-type", JSON),
            (Self::Json, Ok(document)) => Reply::json(200, &document.to_json()).with("content-type", JSON),
            (Self::Json, Err(fault)) => fault.into_json().with("content-type", JSON),
            (Self::Cbor, Ok(Document::Nothing)) => Reply::empty(200).with("content-type", CBOR),
            (Self::Cbor, Ok(document)) => {
                Reply::empty(200).with("content-type", CBOR).body(rpc::write_aws_cbor(&document))
            }
            (Self::Cbor, Err(fault)) => {
                let document = Document::map().with("__type", fault.code).with("message", fault.message);
                let reply = Reply::empty(fault.status).with("content-type", CBOR).with("x-amzn-errortype", fault.code);
                reply.body(rpc::write_aws_cbor(&document))
            }
        }
    }
}

/// A time in ms: JSON has it in s, CBOR in ms. Nobody asks for the time before 1973 in ms, nor after the year 5000.
pub(super) fn time(value: &Value) -> Option<i64> {
    let number = value.as_f64()?;
    let ms = if number.abs() < 1e11 { number * 1000.0 } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "ms since the epoch")]
    Some(ms as i64)
}
