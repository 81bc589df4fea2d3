//! `InvokeWithResponseStream`: the parts of an answer as events, as they come.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html>. AWS does not say what
//! exactly `ErrorCode` and `ErrorDetails` are: here they are `Unhandled`, as `Invoke` has it in its header,
//! and the error document. An error before the first part is also the payload, as with `Invoke`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::unfold;
use serde_json::{Map, Value};

use super::super::rest::{Broken, Rest};
use super::super::wire::{Fault, Reply, Request};
use super::super::{Local, eventstream};
use super::Lambda;
use super::invoke::{self, Outcome, Streaming};
use super::names::FunctionRef;
use super::runtime_api::Part;

/// A payload goes into messages of this size: clients of event streams take 16 MB at most.
const MOST_CHUNK: usize = 1024 * 1024;

/// `POST /2021-11-15/functions/{name}/response-streaming-invocations`
pub(super) async fn handle(
    lambda: &Lambda,
    local: &Arc<Local>,
    request: &Request,
    at: &FunctionRef,
) -> Result<Reply, Fault> {
    let kind = request.header("x-amz-invocation-type").unwrap_or("RequestResponse");
    invoke::check_size(request, kind, invoke::MOST_SYNCHRONOUS)?;
    let call = invoke::call(request, at)?;
    match kind {
        "RequestResponse" => {}
        "DryRun" => return invoke::target(lambda, &call).map(|_| Reply::empty(204)),
        other => {
            let allowed = "Member must satisfy enum value set: [RequestResponse, DryRun]";
            return Err(super::body::invalid(other, "invocationType", allowed));
        }
    }
    let tail = request.header("x-amz-log-type") == Some("Tail");
    let mut stream = invoke::stream(lambda, local, call)?;
    let reply = Reply::empty(200)
        .with("content-type", eventstream::CONTENT_TYPE)
        .with("x-amz-executed-version", &stream.version);
    // Nothing is said before the function does something: what cannot be run is refused as with `Invoke`.
    match stream.part().await {
        Some(first) => Ok(reply.body(chunk(first)).followed_by(rest(stream, tail))),
        None => stream.outcome().await.map(|outcome| reply.body(whole(&outcome, tail))),
    }
}

/// The parts that are still to come, and the end.
fn rest(stream: Streaming, tail: bool) -> Rest {
    let events = unfold(Some(stream), move |stream| async move {
        let mut stream = stream?;
        if let Some(part) = stream.part().await {
            return Some((Ok(chunk(part)), Some(stream)));
        }
        let last = stream.outcome().await.map(|outcome| complete(&outcome, tail)).map_err(|_| Broken);
        Some((last, None))
    });
    Rest::new(events)
}

fn chunk(part: Part) -> Bytes {
    match part {
        Part::Began { .. } => Bytes::new(),
        Part::Chunk(bytes) => eventstream::event("PayloadChunk", "application/octet-stream", &bytes),
    }
}

/// An answer that was not streamed.
fn whole(outcome: &Outcome, tail: bool) -> Bytes {
    let chunks = outcome.payload.chunks(MOST_CHUNK);
    let chunks = chunks.map(|bytes| eventstream::event("PayloadChunk", "application/octet-stream", bytes));
    let messages: Vec<Bytes> = chunks.chain([complete(outcome, tail)]).collect();
    messages.concat().into()
}

fn complete(outcome: &Outcome, tail: bool) -> Bytes {
    let mut end = Map::new();
    let mut put = |name: &str, value: String| end.insert(name.to_owned(), Value::from(value));
    if let Some(error) = &outcome.function_error {
        put("ErrorCode", error.clone());
        put("ErrorDetails", String::from_utf8_lossy(&outcome.payload).into_owned());
    }
    if tail {
        put("LogResult", STANDARD.encode(&outcome.log_tail));
    }
    eventstream::event("InvokeComplete", "application/json", Value::Object(end).to_string().as_bytes())
}
