//! Plain HTTP for tests: one request at a time, no redirects followed, cookies only when given.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// A header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All headers of a name: there may be several cookies.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

/// GET.
pub(crate) fn get(url: &str) -> Answer {
    request("GET", url, &[], "")
}

/// POST of a form.
pub(crate) fn post_form(url: &str, form: &str) -> Answer {
    request("POST", url, &[("content-type", "application/x-www-form-urlencoded")], form)
}

/// Any request. Fails the test when nothing answers within 60 s.
pub(crate) fn request(method: &str, url: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
    try_request(method, url, headers, body).unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// Any request.
pub(crate) fn try_request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Result<Answer, String> {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_ref()))).map_err(|error| error.to_string())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let call = async {
            let answer = client.request(request).await.map_err(|error| format!("{error:?}"))?;
            let (head, body) = answer.into_parts();
            let bytes = body.collect().await.map_err(|error| error.to_string())?.to_bytes().to_vec();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, bytes })
        };
        tokio::time::timeout(Duration::from_mins(1), call).await.map_err(|_| "no answer within 60 s".to_owned())?
    })
}
