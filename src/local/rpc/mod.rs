//! Services that are one address with named operations, in the three protocols their clients choose from:
//! Smithy RPC v2 with CBOR, AWS JSON 1.0 and Query.
//!
//! A [`Call`] is the same whatever it came in: the operation and its members as JSON, where the Query
//! protocol leaves every number and flag a string. A [`Document`] leaves in the protocol of its call.
//! <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>,
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

mod cbor;
mod document;
mod query;

use serde_json::Value;

use super::form;
use super::wire::{Fault, Reply, Request};
pub(crate) use document::Document;

/// What a request may have when it is unpacked, in bytes. `PutMetricData` takes 1 MB.
const MOST_UNPACKED: usize = 16 * 1024 * 1024;

/// How a client writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Cbor,
    Json,
    Query,
}

/// One call of an operation.
#[derive(Debug)]
pub(crate) struct Call {
    protocol: Protocol,
    pub(crate) operation: String,
    /// An object.
    pub(crate) input: Value,
}

impl Protocol {
    /// The protocol a request seems to be written in.
    pub(crate) fn of(request: &Request) -> Self {
        if request.header("smithy-protocol").is_some() {
            Self::Cbor
        } else if request.header("x-amz-target").is_some() {
            Self::Json
        } else {
            Self::Query
        }
    }

    /// The fault as its client reads it. A member `__type` is the name of its shape where that is not
    /// its code: clients of the newer protocols find the code of the Query protocol in a header.
    /// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>
    pub(crate) fn refuse(self, fault: Fault, request_id: &str) -> Reply {
        let side = if fault.status < 500 { "Sender" } else { "Receiver" };
        let compatible = format!("{};{side}", fault.code);
        match self {
            Self::Query => fault.into_query_xml(request_id),
            Self::Json => {
                let reply = fault.into_json().with("content-type", "application/x-amz-json-1.0");
                reply.with("x-amzn-query-error", compatible)
            }
            Self::Cbor => {
                let shape = fault.extra.iter().find(|(name, _)| *name == "__type").map(|(_, shape)| shape.clone());
                let mut document = Document::map()
                    .with("__type", shape.unwrap_or_else(|| fault.code.to_owned()))
                    .with("message", fault.message);
                for (name, value) in fault.extra.into_iter().filter(|(name, _)| *name != "__type") {
                    document = document.with(name, value);
                }
                cbor_reply(fault.status, &document).with("x-amzn-query-error", compatible)
            }
        }
    }
}

impl Call {
    /// Reads a request; one that cannot be read is a `SerializationException`.
    pub(crate) fn read(request: &Request) -> Result<Self, Fault> {
        let body = match request.header("content-encoding") {
            Some("gzip") => unpacked(&request.body)?.into(),
            _ => request.body.clone(),
        };
        let protocol = Protocol::of(request);
        let (operation, input) = match protocol {
            Protocol::Cbor => {
                let segments = request.segments();
                let [.., marker, operation] = segments.as_slice() else { return Err(unreadable("no operation")) };
                if marker != "operation" {
                    return Err(unreadable("the path must be /service/NAME/operation/NAME"));
                }
                (operation.clone(), cbor::decode(&body)?)
            }
            Protocol::Json => {
                let target = request.header("x-amz-target").unwrap_or_default();
                let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
                (operation, Request { body, ..request.clone() }.json()?)
            }
            Protocol::Query => query::read(&Request { body, ..request.clone() })?,
        };
        if !input.is_object() {
            return Err(unreadable("the input must be a structure"));
        }
        Ok(Self { protocol, operation, input })
    }

    /// The answer; [`Document::Nothing`] for an operation that has none. `namespace` is that of the Query
    /// protocol's XML.
    pub(crate) fn reply(&self, document: &Document, namespace: &str, request_id: &str) -> Reply {
        match self.protocol {
            Protocol::Cbor if *document == Document::Nothing => {
                Reply::empty(200).with("smithy-protocol", "rpc-v2-cbor")
            }
            Protocol::Cbor => cbor_reply(200, document),
            Protocol::Json => {
                let kind = "application/x-amz-json-1.0";
                Reply::empty(200).with("content-type", kind).body(document.to_json().to_string())
            }
            Protocol::Query => form::respond(&self.operation, namespace, request_id, document.to_xml()),
        }
    }
}

fn cbor_reply(status: u16, document: &Document) -> Reply {
    let reply = Reply::empty(status).with("content-type", "application/cbor").with("smithy-protocol", "rpc-v2-cbor");
    reply.body(cbor::encode(document))
}

/// CBOR into JSON, for services that have it as a form of JSON 1.1.
pub(crate) fn read_cbor(body: &[u8]) -> Result<Value, Fault> {
    cbor::decode(body)
}

/// The CBOR that goes with it: a time is a whole number of ms.
pub(crate) fn write_aws_cbor(document: &Document) -> Vec<u8> {
    cbor::encode_with(document, cbor::Times::Milliseconds)
}

/// Clients pack large requests of some operations.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-compression.html>
fn unpacked(body: &[u8]) -> Result<Vec<u8>, Fault> {
    let trailer = body.last_chunk::<4>().ok_or_else(|| unreadable("the body is not gzip"))?;
    let size = usize::try_from(u32::from_le_bytes(*trailer)).unwrap_or(usize::MAX);
    if size > MOST_UNPACKED {
        return Err(Fault::new(413, "RequestEntityTooLarge", "the unpacked body is too large"));
    }
    let mut out = vec![0; size];
    let mut unpacker = libdeflater::Decompressor::new();
    let written = unpacker.gzip_decompress(body, &mut out).map_err(|_| unreadable("the body is not gzip"))?;
    out.truncate(written);
    Ok(out)
}

fn unreadable(message: impl Into<String>) -> Fault {
    Fault::new(400, "SerializationException", message)
}

#[cfg(test)]
mod tests;
