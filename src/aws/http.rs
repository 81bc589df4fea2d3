//! One request over HTTP or HTTPS, as any client of the app would send it: not signed, no redirects followed, nothing
//! repeated. The answer's body is read while it comes.
//!
//! The client is the SDK's own, so no second one comes into the tree.

use std::time::Duration;

use aws_sdk_lambda::config::http::{HttpRequest, HttpResponse};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use crate::error::{Error, OrFailed as _, Result};

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: String,
    pub(crate) url: String,
    /// A name may come several times. `user-agent` is added where it is not said.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What comes back.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) status: u16,
    /// Names in lower case; a name may come several times.
    pub(crate) headers: Vec<(String, String)>,
    answer: HttpResponse,
    what: String,
    /// By when all of it has to be there, and how long that was from the beginning.
    until: (Instant, Duration),
}

/// Sends it and reads the answer's head; `limit` is for the body, too.
///
/// # Errors
/// The URL or a header is none, nobody answered, or not in time. Any status is an answer.
pub(crate) async fn send(outgoing: Outgoing, limit: Duration) -> Result<Incoming> {
    // Without the query, which may hold a token.
    let url = outgoing.url.split('?').next().unwrap_or_default();
    let what = format!("{} {url}", outgoing.method.to_ascii_lowercase());
    let said = || what.clone();
    let mut request = HttpRequest::new(outgoing.body.into());
    request.set_method(&outgoing.method).or_failed(said)?;
    request.set_uri(outgoing.url.as_str()).or_failed(said)?;
    for (name, value) in outgoing.headers {
        request.headers_mut().try_append(name, value).or_failed(said)?;
    }
    if !request.headers().contains_key("user-agent") {
        request.headers_mut().insert("user-agent", concat!("rzap/", env!("CARGO_PKG_VERSION")));
    }
    let until = (Instant::now() + limit, limit);
    let client = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build();
    let answer = tokio::time::timeout_at(until.0, client.call(request)).await;
    let answer = answer.map_err(|_| late(&what, limit))?.or_failed(said)?;
    let headers = answer.headers().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Ok(Incoming { status: answer.status().as_u16(), headers: headers.collect(), answer, what, until })
}

fn late(what: &str, limit: Duration) -> Error {
    Error::failed(format!("failed to {what}: no answer within {} s", limit.as_secs()))
}

impl Incoming {
    /// The next part of the body; `None` at its end.
    ///
    /// # Errors
    /// The connection broke, or the time is up.
    pub(crate) async fn part(&mut self) -> Result<Option<Bytes>> {
        let (until, limit) = self.until;
        loop {
            let frame = tokio::time::timeout_at(until, self.answer.body_mut().frame()).await;
            match frame.map_err(|_| late(&self.what, limit))? {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    // Trailers are nobody's data.
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => {
                    return Err(
                        Error::failed(format!("failed to {}: the answer broke off", self.what)).because(&*error)
                    );
                }
            }
        }
    }

    /// All of the body that is still to come.
    ///
    /// # Errors
    /// Those of [`Self::part`].
    pub(crate) async fn whole(mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(part) = self.part().await? {
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(said, _)| said == name).map(|(_, value)| value.as_str())
    }
}
