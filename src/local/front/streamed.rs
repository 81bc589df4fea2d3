//! A function's answer at a URL that streams: the head as soon as it is known, the body as it comes.
//!
//! With the content type [`PRELUDE`] the function sends a JSON document (status, headers, cookies), eight
//! zero bytes and the body; otherwise all of it is the body.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>

use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;

use super::answer;
use super::failure::Failure;
use crate::local::lambda::{Part, Streaming};
use crate::local::rest::{Broken, Rest};
use crate::local::wire::{Fault, Reply};

const PRELUDE: &str = "application/vnd.awslambda.http-integration-response";
const END_OF_PRELUDE: [u8; 8] = [0; 8];
/// A head that is longer is none. AWS does not say where it draws the line.
const MOST_PRELUDE: usize = 1024 * 1024;

/// Waits until the head of the answer is known. A fault says that the function did not run, a failure
/// that it failed before it had said anything that can be passed on.
pub(super) async fn reply(mut stream: Streaming) -> Result<Result<Reply, Failure>, Fault> {
    let mut content_type = None;
    let mut begun = false;
    let mut head = BytesMut::new();
    while let Some(part) = stream.part().await {
        match part {
            Part::Began { content_type: kind } => (begun, content_type) = (true, kind),
            Part::Chunk(bytes) => head.extend_from_slice(&bytes),
        }
        if content_type.as_deref() != Some(PRELUDE) {
            return Ok(Ok(plain(content_type.as_deref(), head.freeze()).followed_by(rest(stream))));
        }
        if let Some((prelude, body)) = split(&head) {
            return Ok(answer::prelude(prelude).map(|reply| reply.body(body).followed_by(rest(stream))));
        }
        if head.len() > MOST_PRELUDE {
            break;
        }
    }
    if begun {
        // The function ended, or goes on, without a head.
        return Ok(Err(Failure::bad_gateway()));
    }
    let outcome = stream.outcome().await?;
    if outcome.function_error.is_some() {
        return Ok(Err(Failure::bad_gateway()));
    }
    Ok(whole(&outcome.payload, outcome.content_type.as_deref()))
}

/// An answer that came at once.
fn whole(payload: &Bytes, content_type: Option<&str>) -> Result<Reply, Failure> {
    if content_type != Some(PRELUDE) {
        return Ok(plain(content_type, payload.clone()));
    }
    let (prelude, body) = split(payload).ok_or_else(Failure::bad_gateway)?;
    answer::prelude(prelude).map(|reply| reply.body(body))
}

fn plain(content_type: Option<&str>, body: Bytes) -> Reply {
    Reply::empty(200).with("content-type", content_type.unwrap_or("application/octet-stream")).body(body)
}

fn split(bytes: &[u8]) -> Option<(&[u8], Bytes)> {
    let end = bytes.windows(END_OF_PRELUDE.len()).position(|window| window == END_OF_PRELUDE)?;
    Some((&bytes[..end], Bytes::copy_from_slice(&bytes[end + END_OF_PRELUDE.len()..])))
}

fn rest(stream: Streaming) -> Rest {
    let parts = unfold(Some(stream), |stream| async move {
        let mut stream = stream?;
        while let Some(part) = stream.part().await {
            if let Part::Chunk(bytes) = part {
                return Some((Ok(bytes), Some(stream)));
            }
        }
        let ended = stream.outcome().await.ok().filter(|outcome| outcome.function_error.is_none());
        ended.is_none().then_some((Err(Broken), None))
    });
    Rest::new(parts)
}
