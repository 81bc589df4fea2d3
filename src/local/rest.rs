//! What follows the head of a reply while it is already on its way to the client.

use std::fmt;

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt as _};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;

use super::wire::Reply;

/// The rest of a body, in parts.
pub(crate) struct Rest(BoxStream<'static, Result<Bytes, Broken>>);

/// There was to be more. The connection is broken off, which is all that HTTP/1.1 has to tell a client
/// that a body in chunks is not complete. <https://www.rfc-editor.org/rfc/rfc9112#section-8>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response ended before it was complete")
    }
}

impl std::error::Error for Broken {}

impl Rest {
    /// From a stream of parts.
    pub(crate) fn new(parts: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static) -> Self {
        Self(parts.boxed())
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

type Parts = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Broken>>>;

/// A reply's body as it goes to the socket.
pub(super) type Body = Either<Full<Bytes>, Parts>;

/// The reply as the socket sends it.
pub(super) fn response(reply: Reply) -> http::Response<Body> {
    let body = match reply.rest {
        None => Either::Left(Full::new(reply.body)),
        Some(Rest(rest)) => {
            let first = futures_util::stream::iter((!reply.body.is_empty()).then_some(Ok(reply.body)));
            Either::Right(StreamBody::new(first.chain(rest).map(|part| part.map(Frame::data)).boxed()))
        }
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
