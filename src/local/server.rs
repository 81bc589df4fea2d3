//! The socket: loopback only, HTTP/1.1, one task per request.
//!
//! It reads a request completely, takes the transfer encodings off, and hands it to [`route`]; a panic
//! in a service becomes a 500 and nothing else. `/_rzap/health`, `/_rzap/stop` and `/_rzap/reset` are
//! its own; the last two only leave an [`Order`] for whoever runs the server.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use super::route::{self, Scope};
use super::wire::{Fault, Reply, Request};
use super::{Local, caller, chunked, front, guard, rest};
use crate::error::Result;

/// More than any part of an upload this server is meant for (a package is at most 250 MB).
const MAX_BODY: usize = 300_000_000;

/// What a client asked of the server itself.
pub(crate) enum Order {
    Stop,
    /// Forget everything, then say how it went.
    Reset(oneshot::Sender<Result<()>>),
}

/// A running server.
pub(crate) struct Server {
    state_dir: PathBuf,
    orders: mpsc::Sender<Order>,
    /// `None` while the state is being replaced, and once the server is stopping.
    current: RwLock<Option<Generation>>,
}

/// One opening of the state, and the signal that ends all work on it.
struct Generation {
    local: Arc<Local>,
    end: watch::Sender<bool>,
}

impl Server {
    /// A server without state yet; its orders arrive on the receiver.
    pub(crate) fn new(state_dir: PathBuf) -> (Arc<Self>, mpsc::Receiver<Order>) {
        let (orders, receiver) = mpsc::channel(8);
        (Arc::new(Self { state_dir, orders, current: RwLock::new(None) }), receiver)
    }

    /// Serves `local` from now on.
    pub(crate) fn install(&self, local: Arc<Local>) {
        let generation = Generation { local, end: watch::Sender::new(false) };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(generation);
    }

    /// Ends all work on the state and lets go of it; waits at most 5 s for stragglers.
    pub(crate) async fn retire(&self) {
        let generation = self.current.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Generation { local, end }) = generation else { return };
        let deadline = Instant::now() + Duration::from_secs(5);
        local.scheduler.stop();
        local.events.stop();
        local.cloudwatch.stop();
        local.dynamodb.stop();
        local.triggers.stop();
        // What does not end in time is abandoned: its requests end here, its processes with ours.
        let _ = tokio::time::timeout(Duration::from_secs(4), local.lambda.stop()).await;
        end.send_replace(true);
        while Arc::strong_count(&local) > 1 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn current(&self) -> Option<(Arc<Local>, watch::Receiver<bool>)> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|generation| (Arc::clone(&generation.local), generation.end.subscribe()))
    }

    /// Accepts connections until `closing` is true, then lets open requests finish for 2 s.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener, mut closing: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file descriptors, most likely: give those in use a moment to come back.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            if !peer.ip().is_loopback() {
                continue;
            }
            let _ = stream.set_nodelay(true);
            let server = Arc::clone(&self);
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(server.respond(request, peer).await) }
            });
            let connection = graceful.watch(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            // A connection that breaks is the client's business; there is nobody left to tell.
            tokio::spawn(async move { drop(connection.await) });
        }
        drop(listener);
        let _ = tokio::time::timeout(Duration::from_secs(2), graceful.shutdown()).await;
    }

    async fn respond(self: Arc<Self>, incoming: http::Request<Incoming>, peer: SocketAddr) -> Response<rest::Body> {
        let request_id = uuid::Uuid::new_v4().to_string();
        let mut reply = match self.reply(incoming, peer.ip(), &request_id).await {
            Ok(reply) | Err(reply) => reply,
        };
        // AWS spells the id differently in S3 and elsewhere; clients read the one they know.
        for name in ["x-amzn-requestid", "x-amz-request-id"] {
            if let (false, Ok(value)) = (reply.headers.contains_key(name), HeaderValue::try_from(&request_id)) {
                reply.headers.insert(HeaderName::from_static(name), value);
            }
        }
        rest::response(reply)
    }

    /// The service's answer, or, as `Err`, the refusal before any service saw the request.
    async fn reply(&self, incoming: http::Request<Incoming>, peer: IpAddr, request_id: &str) -> Result<Reply, Reply> {
        let (parts, body) = incoming.into_parts();
        let mut request = Request {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            raw_query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: Bytes::new(),
            region: "us-east-1".to_owned(),
            request_id: request_id.to_owned(),
            peer,
        };
        if !guard::host_allowed(&request.headers) {
            let message = "the local cloud answers only to localhost, 127.0.0.1, [::1] and *.localhost as Host";
            return Err(Fault::new(403, "AccessDenied", message).into_json());
        }
        let scope = Scope::read(&request.headers, &request.raw_query);
        // A page may show an object by its link: that changes nothing, and the page cannot read it.
        let shows_object = route::is_s3(scope.as_ref().ok().and_then(Option::as_ref))
            && matches!(request.method, Method::GET | Method::HEAD);
        if guard::is_foreign_page(&request.headers) && !shows_object && !front::claims(&request) {
            let message = "web pages of other sites may not use the local cloud";
            return Err(Fault::new(403, "AccessDenied", message).into_json());
        }
        if request.path.starts_with("/_rzap/") {
            return self.control(&request).await.map_err(Fault::into_json);
        }
        let (scope, fault) = match scope {
            Ok(scope) => (scope, None),
            Err(fault) => (None, Some(fault)),
        };
        if let Some(scope) = &scope {
            request.region.clone_from(&scope.region);
        }
        let body = read_body(body).await;
        request.body = body.map_err(|fault| route::dialect(&request, scope.as_ref()).refuse(fault, request_id))?;
        let dialect = route::dialect(&request, scope.as_ref());
        if let Some(fault) = fault {
            return Err(dialect.refuse(fault, request_id));
        }
        if route::is_s3(scope.as_ref()) && chunked::is_chunked(&request.headers) {
            request.body = chunked::decode(&mut request.headers, &request.body)
                .map_err(|fault| dialect.refuse(fault, request_id))?;
        }
        let Some((local, mut end)) = self.current() else {
            return Err(dialect.refuse(unavailable(), request_id));
        };
        // Its own task: a client that hangs up must not leave a service's work half done, and a panic
        // must not take the connection with it.
        let (_connection, answer) = caller::with_caller(async move {
            tokio::select! {
                reply = route::answer(&local, request, scope) => Some(reply),
                _ = end.wait_for(|end| *end) => None,
            }
        });
        match tokio::spawn(answer).await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(dialect.refuse(unavailable(), request_id)),
            Err(_) => {
                let message =
                    "the local cloud failed to answer; this is a bug in rzap, see its log (rzap local status)";
                Err(dialect.refuse(Fault::new(500, "InternalFailure", message), request_id))
            }
        }
    }

    async fn control(&self, request: &Request) -> Result<Reply, Fault> {
        let allowed = request.header("x-rzap") == Some("1");
        let refused = Fault::new(403, "AccessDenied", "this needs the header `x-rzap: 1`");
        match (&request.method, request.path.as_str()) {
            (&Method::GET, "/_rzap/health") => Ok(Reply::json(
                200,
                &json!({
                    "status": "ok",
                    "version": env!("CARGO_PKG_VERSION"),
                    "pid": std::process::id(),
                    "state_dir": self.state_dir,
                }),
            )),
            (&Method::POST, "/_rzap/stop" | "/_rzap/reset") if !allowed => Err(refused),
            (&Method::POST, "/_rzap/stop") => {
                self.order(Order::Stop).await?;
                Ok(Reply::json(202, &json!({ "status": "stopping" })))
            }
            (&Method::POST, "/_rzap/reset") => {
                let (done, result) = oneshot::channel();
                self.order(Order::Reset(done)).await?;
                match result.await {
                    Ok(Ok(())) => Ok(Reply::json(200, &json!({ "status": "reset" }))),
                    Ok(Err(error)) => Err(Fault::new(500, "InternalFailure", error.to_string())),
                    Err(_) => Err(unavailable()),
                }
            }
            (_, path) => Err(Fault::new(404, "NotFoundException", format!("no {} {path} here", request.method))),
        }
    }

    async fn order(&self, order: Order) -> Result<(), Fault> {
        self.orders.send(order).await.map_err(|_| unavailable())
    }
}

/// Binds loopback on `port` (0: any free one); the IPv6 listener is there when the machine has IPv6.
pub(crate) async fn bind(port: u16) -> std::io::Result<(Vec<TcpListener>, u16)> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = v4.local_addr()?.port();
    // Clients that resolve `localhost` to ::1 first fall back to 127.0.0.1 when this is missing.
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await;
    Ok((std::iter::once(v4).chain(v6).collect(), port))
}

async fn read_body(body: Incoming) -> Result<Bytes, Fault> {
    let too_large =
        || Fault::new(413, "EntityTooLarge", format!("the local cloud takes bodies of at most {MAX_BODY} bytes"));
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Fault::new(400, "IncompleteBody", "the request's body ended early")),
    }
}

fn unavailable() -> Fault {
    Fault::new(503, "ServiceUnavailable", "the local cloud is stopping or being reset").header("retry-after", "1")
}

/// One request to a server on 127.0.0.1 and its answer; what takes longer than `limit` is an error.
pub(crate) async fn call(port: u16, method: Method, path: &str, limit: Duration) -> std::io::Result<(u16, Bytes)> {
    let exchange = async {
        let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        let mut request = http::Request::new(Full::<Bytes>::default());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(std::io::Error::other)?;
        *request.headers_mut() = HeaderMap::from_iter([
            (http::header::HOST, HeaderValue::from_static("127.0.0.1")),
            (HeaderName::from_static("x-rzap"), HeaderValue::from_static("1")),
        ]);
        let response = sender.send_request(request).await.map_err(std::io::Error::other)?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(std::io::Error::other)?;
        Ok((status, body.to_bytes()))
    };
    tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}
