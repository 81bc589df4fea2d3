//! A line to a cloud on which things go wrong: answers get lost, the cloud is busy, rzap dies.
//!
//! It numbers the requests in the order in which they come, and a rule says what happens to each. What it
//! answers itself is in the service's own protocol, which it reads from the signature's scope.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::wait_for;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends before the cloud sees the request.
    Unseen,
    /// The cloud does it, and the connection ends in place of the answer.
    Lost,
    /// The cloud does it, and half of the answer's body arrives.
    Cut,
    /// It takes longer.
    Slow,
    /// 429, `SlowDown` and the like.
    Throttled,
    /// 500.
    Broken,
    /// 503.
    Busy,
    /// The credentials have expired.
    Expired,
    /// A permission is missing.
    Denied,
    /// The answer says that what it tells of was written two minutes ago.
    Old,
    /// The answer does not say when what it tells of was written.
    Undated,
    /// rzap is killed before the cloud sees the request.
    KillBefore,
    /// The cloud does it; rzap is killed before it hears of that.
    KillAfter,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// From 0.
    pub(crate) number: usize,
    pub(crate) method: String,
    /// With the query; `?Action=…` and `#Target` where the path does not say what is asked for.
    pub(crate) path: String,
    service: String,
    /// From 1, after [`Proxy::in_rounds`]; else 0.
    pub(crate) round: usize,
}

impl Call {
    /// Reading calls can be repeated as often as one likes.
    pub(crate) fn changes_something(&self) -> bool {
        let reads = ["Get", "List", "Describe"];
        let said = |verb: &&str| {
            ["Action=", "#", "/operation/"].iter().any(|before| self.path.contains(&format!("{before}{verb}")))
        };
        let reads = reads.iter().any(said);
        !reads && !["GET", "HEAD"].contains(&self.method.as_str())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}: {} {} {}", self.number, self.service, self.method, self.path)
    }
}

type Rule = Box<dyn Fn(&Call) -> Option<Fault> + Send>;

/// A running one; its thread ends with the test's process.
pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    rule: Mutex<Rule>,
    calls: Mutex<Vec<Call>>,
    victim: Mutex<Option<u32>>,
    struck: Mutex<Option<Call>>,
    /// Requests that the cloud is working on.
    open: AtomicUsize,
    rounds: Mutex<Option<Rounds>>,
    /// Seconds by which the cloud's clock is ahead of rzap's.
    ahead: AtomicI64,
    /// Requests that were refused because of that.
    too_skewed: AtomicUsize,
}

/// Requests are held until no more come, and then go on together.
#[derive(Debug, Clone, Copy)]
struct Rounds {
    number: usize,
    last: Instant,
}

/// For so long nothing has to come for a round to be complete.
const QUIET: Duration = Duration::from_millis(250);

type Body = BoxBody<Bytes, std::io::Error>;

impl Proxy {
    /// Passes everything on until a rule says otherwise.
    pub(crate) fn start(endpoint: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            upstream: endpoint.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http(),
            rule: Mutex::new(Box::new(|_| None)),
            calls: Mutex::default(),
            victim: Mutex::default(),
            struck: Mutex::default(),
            open: AtomicUsize::new(0),
            rounds: Mutex::default(),
            ahead: AtomicI64::new(0),
            too_skewed: AtomicUsize::new(0),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, serving));
        });
        Self { endpoint: format!("http://{address}"), shared }
    }

    /// Numbers from 0 again, and does from now on what `rule` says.
    pub(crate) fn rule(&self, rule: impl Fn(&Call) -> Option<Fault> + Send + 'static) {
        *lock(&self.shared.rule) = Box::new(rule);
        lock(&self.shared.calls).clear();
        *lock(&self.shared.victim) = None;
        *lock(&self.shared.struck) = None;
    }

    /// From now on all requests are held until no more come, and then go on together: that is a round. Who asks in
    /// a later one has waited for an answer of this one; so the rounds are the calls one after another.
    pub(crate) fn in_rounds(&self) {
        lock(&self.shared.calls).clear();
        *lock(&self.shared.rounds) = Some(Rounds { number: 1, last: Instant::now() });
    }

    /// Does it to the first request of this kind. `path` is what its path ends with.
    pub(crate) fn once(&self, method: &'static str, path: &'static str, fault: Fault) {
        let done = AtomicBool::new(false);
        self.rule(move |call| {
            let is = call.method == method && call.path.split(['?', '#']).next().is_some_and(|it| it.ends_with(path));
            (is && !done.swap(true, Ordering::SeqCst)).then_some(fault)
        });
    }

    /// From now on the cloud's clock is `ahead` seconds ahead, and what is signed by another one is refused.
    pub(crate) fn clock(&self, ahead: i64) {
        self.shared.ahead.store(ahead, Ordering::SeqCst);
        self.shared.too_skewed.store(0, Ordering::SeqCst);
    }

    /// How many requests were refused because they were signed by another clock.
    pub(crate) fn too_skewed(&self) -> usize {
        self.shared.too_skewed.load(Ordering::SeqCst)
    }

    /// Whom the rule may kill.
    pub(crate) fn victim(&self, pid: u32) {
        *lock(&self.shared.victim) = Some(pid);
    }

    /// The first call to which the rule has done something.
    pub(crate) fn struck(&self) -> Option<Call> {
        lock(&self.shared.struck).clone()
    }

    /// What came since the rule was set.
    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// Waits until the cloud has done what a killed run had asked for.
    pub(crate) fn settle(&self) {
        wait_for("the last answers", Duration::from_mins(1), || {
            (self.shared.open.load(Ordering::SeqCst) == 0).then_some(())
        });
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        let service = service_fn(move |request| answer(shared.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// An error of this function ends the connection.
async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, std::io::Error> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let (call, fault) = {
        let mut calls = lock(&shared.calls);
        let round = enter_round(&shared);
        let call = Call { round, ..describe(calls.len(), &head, &body) };
        calls.push(call.clone());
        let fault = lock(&shared.rule)(&call);
        (call, fault)
    };
    leave_round(&shared, call.round).await;
    if fault.is_some() {
        lock(&shared.struck).get_or_insert_with(|| call.clone());
    }
    let ahead = SignedDuration::from_secs(shared.ahead.load(Ordering::SeqCst));
    if ahead != SignedDuration::ZERO && is_too_skewed(&head, ahead) {
        shared.too_skewed.fetch_add(1, Ordering::SeqCst);
        let code = match call.service.as_str() {
            "s3" => "RequestTimeTooSkewed",
            "iam" | "sts" => "SignatureDoesNotMatch",
            _ => "InvalidSignatureException",
        };
        let mut answer = refuse(&call, 403, code);
        answer.headers_mut().insert(header::DATE, date(Timestamp::now() + ahead));
        return Ok(answer);
    }
    match fault {
        Some(Fault::Unseen) => return Err(gone()),
        Some(Fault::KillBefore) => {
            kill(&shared).await;
            return Err(gone());
        }
        Some(Fault::Slow) => tokio::time::sleep(Duration::from_millis(300)).await,
        Some(Fault::Throttled | Fault::Broken | Fault::Busy | Fault::Expired | Fault::Denied) => {
            return Ok(refusal(&call, fault.unwrap_or(Fault::Broken)));
        }
        _ => {}
    }
    // Hop by hop; the body goes on whole.
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::EXPECT] {
        head.headers.remove(name);
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = format!("{}{path}", shared.upstream).parse().map_err(std::io::Error::other)?;
    // A task of its own: that rzap hangs up must not keep the cloud from doing it.
    let client = shared.client.clone();
    shared.open.fetch_add(1, Ordering::SeqCst);
    let working = shared.clone();
    let forwarded = tokio::spawn(async move {
        let answer = match client.request(Request::from_parts(head, Full::new(body))).await {
            Ok(answer) => {
                let (head, body) = answer.into_parts();
                // A live session: it ends when somebody hangs up.
                if head.headers.get(header::CONTENT_TYPE).is_some_and(|it| it == "application/vnd.amazon.eventstream") {
                    Ok((head, Err(body)))
                } else {
                    body.collect().await.map(|body| (head, Ok(body.to_bytes()))).map_err(std::io::Error::other)
                }
            }
            Err(error) => Err(std::io::Error::other(error)),
        };
        working.open.fetch_sub(1, Ordering::SeqCst);
        answer
    });
    let (mut head, body) = forwarded.await.map_err(std::io::Error::other)??;
    head.headers.remove(header::TRANSFER_ENCODING);
    let bytes = match body {
        Ok(bytes) => bytes,
        Err(events) => return Ok(Response::from_parts(head, events.map_err(std::io::Error::other).boxed())),
    };
    if ahead != SignedDuration::ZERO {
        head.headers.insert(header::DATE, date(Timestamp::now() + ahead));
        later(&mut head.headers, ahead);
    }
    match fault {
        Some(Fault::Old) => {
            later(&mut head.headers, SignedDuration::from_mins(-2));
            Ok(Response::from_parts(head, whole(bytes)))
        }
        Some(Fault::Undated) => {
            head.headers.remove(header::LAST_MODIFIED);
            Ok(Response::from_parts(head, whole(bytes)))
        }
        Some(Fault::KillAfter) => {
            kill(&shared).await;
            Err(gone())
        }
        Some(Fault::Lost) => Err(gone()),
        Some(Fault::Cut) if bytes.is_empty() => Err(gone()),
        Some(Fault::Cut) => {
            head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
            let half = bytes.slice(..bytes.len() / 2);
            let parts = stream::iter([Ok(Frame::data(half)), Err(gone())]);
            Ok(Response::from_parts(head, StreamBody::new(parts).boxed()))
        }
        _ => Ok(Response::from_parts(head, whole(bytes))),
    }
}

/// The round that a request is in.
fn enter_round(shared: &Shared) -> usize {
    lock(&shared.rounds).as_mut().map_or(0, |rounds| {
        rounds.last = Instant::now();
        rounds.number
    })
}

/// Waits until the round is complete.
async fn leave_round(shared: &Shared, round: usize) {
    loop {
        let until = match lock(&shared.rounds).as_mut() {
            Some(rounds) if rounds.number == round && rounds.last.elapsed() < QUIET => rounds.last + QUIET,
            Some(rounds) if rounds.number == round => {
                rounds.number += 1;
                return;
            }
            _ => return,
        };
        tokio::time::sleep_until(until.into()).await;
    }
}

/// As HTTP writes it.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

fn date(at: Timestamp) -> HeaderValue {
    HeaderValue::try_from(at.strftime(HTTP_DATE).to_string()).expect("a header")
}

/// Moves what an answer says of when its object was written.
fn later(headers: &mut HeaderMap, by: SignedDuration) {
    let modified = headers.get(header::LAST_MODIFIED).and_then(|value| value.to_str().ok());
    let modified = modified.and_then(|text| DateTime::strptime(HTTP_DATE, text).ok());
    let modified = modified.and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    if let Some(modified) = modified {
        headers.insert(header::LAST_MODIFIED, date(modified.timestamp() + by));
    }
}

/// AWS takes what was signed within 15 minutes of its own time.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationTimeStamp>
fn is_too_skewed(head: &http::request::Parts, ahead: SignedDuration) -> bool {
    let signed = head.headers.get("x-amz-date").and_then(|value| value.to_str().ok()).expect("a signature");
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", signed).expect("a time");
    let signed = signed.to_zoned(TimeZone::UTC).expect("a time of UTC").timestamp();
    let off = (Timestamp::now() + ahead).duration_since(signed);
    off.abs() > SignedDuration::from_mins(15)
}

fn gone() -> std::io::Error {
    std::io::ErrorKind::ConnectionReset.into()
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed()
}

/// Kills whoever is to be killed, as soon as it is known who that is.
async fn kill(shared: &Shared) {
    let pid = loop {
        let pid = *lock(&shared.victim);
        if let Some(pid) = pid {
            break pid;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    let _ = kill_process(pid, Signal::KILL);
}

fn describe(number: usize, head: &http::request::Parts, body: &Bytes) -> Call {
    let mut path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let service = scope(&head.headers);
    if let Some(target) = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        path = format!("{path}#{}", target.rsplit('.').next().unwrap_or_default());
    }
    if QUERY.contains(&service.as_str()) {
        let form = String::from_utf8_lossy(body);
        path = format!("{path}?{}", form.split('&').next().unwrap_or_default());
    }
    Call { number, method: head.method.to_string(), path, service, round: 0 }
}

/// `Credential=KEY/20260101/eu-west-1/lambda/aws4_request` → `lambda`.
fn scope(headers: &HeaderMap) -> String {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header.split('/').nth(3).unwrap_or("none").to_owned()
}

/// What the service would answer. The codes are those of each service's list of common errors, for example
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> and
/// <https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html>.
fn refusal(call: &Call, fault: Fault) -> Response<Body> {
    let service = call.service.as_str();
    let (status, code) = match (fault, service) {
        (Fault::Throttled, "s3") => (503, "SlowDown"),
        (Fault::Throttled, "iam" | "sts" | "sns") => (400, "Throttling"),
        (Fault::Throttled, "logs") => (400, "ThrottlingException"),
        (Fault::Throttled, _) => (429, "TooManyRequestsException"),
        (Fault::Broken, "s3") => (500, "InternalError"),
        (Fault::Broken, "lambda") => (500, "ServiceException"),
        (Fault::Broken, _) => (500, "InternalFailure"),
        (Fault::Expired, "s3" | "iam" | "sts" | "sns") => (400, "ExpiredToken"),
        (Fault::Expired, _) => (403, "ExpiredTokenException"),
        (Fault::Denied, "s3" | "iam" | "sts") => (403, "AccessDenied"),
        (Fault::Denied, _) => (403, "AccessDeniedException"),
        (_, _) => (503, "ServiceUnavailable"),
    };
    refuse(call, status, code)
}

/// In the service's own protocol.
fn refuse(call: &Call, status: u16, code: &str) -> Response<Body> {
    let service = call.service.as_str();
    let message = "the test says so";
    if service == "monitoring" {
        return refuse_in_cbor(status, code, message);
    }
    let text = match service {
        _ if call.method == "HEAD" => String::new(),
        "s3" => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        _ if QUERY.contains(&service) => format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>0</RequestId></ErrorResponse>"
        ),
        // RPC in CBOR is told from JSON by this header, in both directions.
        "monitoring" => {
            let mut body = minicbor::Encoder::new(Vec::new());
            body.map(2).and_then(|body| body.str("__type")?.str(code)?.str("message")?.str(message)).expect("CBOR");
            let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/cbor");
            let answer = answer.header("smithy-protocol", "rpc-v2-cbor").header("x-amzn-errortype", code);
            return answer.body(whole(body.into_writer().into())).expect("an answer");
        }
        _ => format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}"),
    };
    let is_xml = service == "s3" || QUERY.contains(&service);
    let kind = if is_xml { "application/xml" } else { "application/json" };
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, kind);
    answer.header("x-amzn-errortype", code).body(whole(text.into())).expect("an answer")
}

/// Services whose requests are forms and whose answers are XML.
const QUERY: [&str; 3] = ["iam", "sts", "sns"];
/// CloudWatch speaks RPC v2. <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>
fn refuse_in_cbor(status: u16, code: &str, message: &str) -> Response<Body> {
    // A map of two; texts of up to 255 bytes.
    let mut body = vec![0xa2];
    for text in ["__type", code, "message", message] {
        body.extend([0x78, u8::try_from(text.len()).expect("a short text")]);
        body.extend(text.as_bytes());
    }
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/cbor");
    answer.header("smithy-protocol", "rpc-v2-cbor").body(whole(body.into())).expect("an answer")
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
