//! One GET over HTTP or HTTPS, as any client of the app would send it: not signed, no redirects followed.
//!
//! The client is the SDK's own, so no second one comes into the tree.

use std::time::Duration;

use aws_sdk_lambda::config::http::HttpRequest;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use http_body_util::BodyExt as _;

use crate::error::{Error, OrFailed as _, Result};

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends it and reads the whole answer; `limit` is for both together.
///
/// # Errors
/// Nobody answered, or not in time. Any status is an answer.
pub(crate) async fn get(url: &str, limit: Duration) -> Result<Got> {
    // Without the query, which may hold a token.
    let what = || format!("get {}", url.split('?').next().unwrap_or(url));
    let mut request = HttpRequest::get(url).or_failed(what)?;
    let agent = concat!("rzap/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().insert("user-agent", agent);
    let client = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build();
    let work = async {
        let answer = client.call(request).await.or_failed(what)?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await;
        let body = body.map_err(|error| Error::failed(format!("failed to {}", what())).because(&*error))?;
        Ok(Got { status, body: body.to_bytes().to_vec() })
    };
    let late = || Error::failed(format!("failed to {}: no answer within {} s", what(), limit.as_secs()));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}
