//! What `rzap map` is measured against: Lambda's Invoke without a function behind it, answered at once or after some
//! milliseconds with the payload it got, and the one call that rzap makes before (STS GetCallerIdentity).
//!
//!     map-bench [MS]     prints its address

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/bench</Arn><UserId>AIDA</UserId>\
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

async fn answer(request: Request<Incoming>, wait: Duration) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_call = request.uri().path().ends_with("/invocations");
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let (kind, body) = if is_call { ("application/json", body) } else { ("text/xml", Bytes::from_static(IDENTITY.as_bytes())) };
    let answer = Response::builder().header("content-type", kind).header("x-amz-executed-version", "1");
    Ok(answer.header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000").body(Full::new(body)).expect("an answer"))
}

#[tokio::main]
async fn main() {
    let wait = Duration::from_millis(std::env::args().nth(1).map_or(0, |ms| ms.parse().expect("milliseconds")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("http://{}", listener.local_addr().expect("an address"));
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let service = hyper::service::service_fn(move |request| answer(request, wait));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
