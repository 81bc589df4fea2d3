//! The Lambda Runtime API, one small HTTP server per worker.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. It hands jobs to `next` and turns
//! what the runtime posts into [`Event`]s; it decides nothing. A streamed response goes to whoever waits
//! for its parts, and is collected where nobody does. Extensions and telemetry are refused with 404.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// 6 MB and what AWS grants for the envelope: the figure in its error text.
pub(super) const MOST_RESPONSE: usize = 6_291_556;
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>
const MOST_STREAMED: usize = 200 * 1024 * 1024;

/// A piece of a streamed answer.
#[derive(Debug)]
pub(crate) enum Part {
    /// The runtime has begun to answer; it said what kind of content that will be.
    Began {
        content_type: Option<String>,
    },
    Chunk(Bytes),
}

/// One invocation, as `next` gives it out.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) payload: Bytes,
    /// ms since the epoch.
    pub(super) deadline: i64,
    pub(super) arn: String,
    pub(super) trace: String,
    /// JSON, already decoded.
    pub(super) client_context: Option<String>,
    /// Where the parts of a streamed answer go; `None` when it is wanted as a whole.
    pub(super) parts: Option<mpsc::Sender<Part>>,
}

/// What the runtime did.
#[derive(Debug)]
pub(super) enum Event {
    /// It asked for work.
    Ready,
    /// It could not start: its error document and its type.
    InitError { document: Bytes, kind: String },
    /// It answered the job.
    Response { body: Bytes, content_type: Option<String> },
    /// It has streamed its answer to the end.
    Streamed,
    /// It answered with more than may be answered, in bytes.
    TooLarge { most: usize },
    /// It answered the job with an error: the document and its type.
    Error { document: Bytes, kind: String },
}

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) events: mpsc::UnboundedReceiver<Event>,
    server: JoinHandle<()>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Exchange {
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    events: mpsc::UnboundedSender<Event>,
    /// The job that was given out and is not answered yet.
    current: Mutex<Option<Current>>,
}

struct Current {
    id: String,
    parts: Option<mpsc::Sender<Part>>,
}

impl RuntimeApi {
    /// Listens on a free loopback port.
    pub(super) async fn serve() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (jobs, job_queue) = mpsc::channel(1);
        let (event_sender, events) = mpsc::unbounded_channel();
        let exchange = Arc::new(Exchange {
            jobs: tokio::sync::Mutex::new(job_queue),
            events: event_sender,
            current: Mutex::default(),
        });
        let server = tokio::spawn(async move {
            // In a set, so that the connections end with the server.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let exchange = Arc::clone(&exchange);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&exchange), request));
                    // A connection that breaks is the runtime's end, and that is noticed elsewhere.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, jobs, events, server })
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(
    exchange: Arc<Exchange>,
    request: hyper::Request<Incoming>,
) -> Result<Answer, std::convert::Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    Ok(match (&head.method, segments.as_slice()) {
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => next(&exchange).await,
        (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => init_error(&exchange, &head.headers, body).await,
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
            response(&exchange, id, &head.headers, body).await
        }
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
            error(&exchange, id, &head.headers, body).await
        }
        (_, ["2020-01-01", "extension", ..] | ["2022-07-01", "telemetry", ..]) => {
            refusal(StatusCode::NOT_FOUND, "NotSupported", "extensions are not supported by the local cloud")
        }
        _ => refusal(StatusCode::NOT_FOUND, "NotFound", "no such operation of the Lambda Runtime API"),
    })
}

async fn next(exchange: &Exchange) -> Answer {
    // The receiver of events is gone only when the worker is being thrown away.
    let _ = exchange.events.send(Event::Ready);
    let Some(job) = exchange.jobs.lock().await.recv().await else {
        return refusal(StatusCode::GONE, "Shutdown", "the worker is being stopped");
    };
    let current = Current { id: job.id.clone(), parts: job.parts };
    *exchange.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(current);
    let mut answer = Response::new(Full::new(job.payload));
    let headers = answer.headers_mut();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.insert(name, value);
        }
    };
    put("content-type", "application/json");
    put("lambda-runtime-aws-request-id", &job.id);
    put("lambda-runtime-deadline-ms", &job.deadline.to_string());
    put("lambda-runtime-invoked-function-arn", &job.arn);
    put("lambda-runtime-trace-id", &job.trace);
    if let Some(context) = &job.client_context {
        put("lambda-runtime-client-context", context);
    }
    answer
}

async fn init_error(exchange: &Exchange, headers: &HeaderMap, body: Incoming) -> Answer {
    let Ok(body) = Limited::new(body, MOST_RESPONSE).collect().await else {
        return too_large(MOST_RESPONSE);
    };
    let _ = exchange.events.send(Event::InitError { document: body.to_bytes(), kind: error_type(headers) });
    accepted()
}

async fn response(exchange: &Exchange, id: &str, headers: &HeaderMap, body: Incoming) -> Answer {
    if !exchange.is_current(id) {
        return unknown_job();
    }
    let streamed = headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming");
    if let (true, Some(parts)) = (streamed, exchange.parts()) {
        return stream(exchange, parts, headers, body).await;
    }
    let body = match Limited::new(body, MOST_RESPONSE).collect().await {
        Ok(body) => body,
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            exchange.finish(Event::TooLarge { most: MOST_RESPONSE });
            return too_large(MOST_RESPONSE);
        }
        // The runtime went away in the middle; its exit is noticed.
        Err(_) => return refusal(StatusCode::BAD_REQUEST, "BrokenBody", "the response ended too early"),
    };
    let failure = body.trailers().and_then(stream_failure);
    let answered = || Event::Response { body: body.to_bytes(), content_type: content_type(headers) };
    exchange.finish(failure.unwrap_or_else(answered));
    accepted()
}

/// Hands a response on while it is made. Whoever waited may have gone: the function is heard out, as on
/// AWS. Whoever takes the parts slowly makes the function slow.
async fn stream(exchange: &Exchange, parts: mpsc::Sender<Part>, headers: &HeaderMap, mut body: Incoming) -> Answer {
    let _ = parts.send(Part::Began { content_type: content_type(headers) }).await;
    let mut size = 0;
    let mut failure = None;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return refusal(StatusCode::BAD_REQUEST, "BrokenBody", "the response ended too early");
        };
        match frame.into_data() {
            Ok(data) => {
                size += data.len();
                if size > MOST_STREAMED {
                    exchange.finish(Event::TooLarge { most: MOST_STREAMED });
                    return too_large(MOST_STREAMED);
                }
                let _ = parts.send(Part::Chunk(data)).await;
            }
            Err(frame) => failure = frame.trailers_ref().and_then(stream_failure),
        }
    }
    exchange.finish(failure.unwrap_or(Event::Streamed));
    accepted()
}

/// A stream that fails halfway says so behind its body, the document in base64.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>
fn stream_failure(trailers: &HeaderMap) -> Option<Event> {
    let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let kind = text("lambda-runtime-function-error-type")?;
    let sent = text("lambda-runtime-function-error-body").and_then(|body| STANDARD.decode(body).ok());
    let document = sent.filter(|body| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok());
    let document = document.unwrap_or_else(|| {
        let document = serde_json::json!({ "errorType": kind, "errorMessage": "the response stream failed" });
        document.to_string().into_bytes()
    });
    Some(Event::Error { document: document.into(), kind })
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get("content-type").and_then(|text| text.to_str().ok()).map(str::to_owned)
}

async fn error(exchange: &Exchange, id: &str, headers: &HeaderMap, body: Incoming) -> Answer {
    if !exchange.is_current(id) {
        return unknown_job();
    }
    let Ok(body) = Limited::new(body, MOST_RESPONSE).collect().await else {
        exchange.finish(Event::TooLarge { most: MOST_RESPONSE });
        return too_large(MOST_RESPONSE);
    };
    exchange.finish(Event::Error { document: body.to_bytes(), kind: error_type(headers) });
    accepted()
}

impl Exchange {
    fn is_current(&self, id: &str) -> bool {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().is_some_and(|current| current.id == id)
    }

    /// Taken, so that the parts end with the response.
    fn parts(&self) -> Option<mpsc::Sender<Part>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.parts.take()
    }

    fn finish(&self, event: Event) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let _ = self.events.send(event);
    }
}

fn error_type(headers: &HeaderMap) -> String {
    let kind = headers.get("lambda-runtime-function-error-type").and_then(|kind| kind.to_str().ok());
    kind.unwrap_or("Runtime.Unknown").to_owned()
}

fn json(status: StatusCode, document: &serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::new(document.to_string().into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    answer
}

fn accepted() -> Answer {
    json(StatusCode::ACCEPTED, &serde_json::json!({ "status": "OK" }))
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Answer {
    json(status, &serde_json::json!({ "errorType": kind, "errorMessage": message }))
}

fn unknown_job() -> Answer {
    refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
}

fn too_large(most: usize) -> Answer {
    let message = format!("Exceeded maximum allowed payload size ({most} bytes).");
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}
