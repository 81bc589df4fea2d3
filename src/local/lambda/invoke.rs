//! Invocation: which build runs, in which environment, and what comes back.
//!
//! An invocation is a task of its own: a client that hangs up does not stop it, as on AWS.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::super::Local;
use super::super::wire::{Fault, Reply, Request};
use super::ended::{Ended, report};
use super::environment::Environment;
use super::model::{Build, Version, now_ms};
use super::names::FunctionRef;
use super::pool::Slot;
use super::runtime_api::{Job, Part};
use super::sandbox::Plan;
use super::{Lambda, aliases, asynchronous, interpreter, limits, metrics};

/// 6 MB for `RequestResponse`, <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
pub(super) const MOST_SYNCHRONOUS: usize = 6 * 1024 * 1024;
/// 1 MB for Event, the same page.
const MOST_ASYNCHRONOUS: usize = 1024 * 1024;
/// After its answer a runtime asks for the next job at once; only then is it warm for the next call.
const SETTLE: Duration = Duration::from_millis(100);

/// A call of a function.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    /// Any form Lambda takes; an ARN's region wins over `region`.
    pub(crate) function_arn_or_name: String,
    /// A version or alias; may also be part of the ARN.
    pub(crate) qualifier: Option<String>,
    /// For a function that is named without its region.
    pub(crate) region: String,
    /// JSON.
    pub(crate) payload: Bytes,
    /// JSON, not base64.
    pub(crate) client_context: Option<String>,
    /// A UUID; the function sees it as its request id.
    pub(crate) request_id: String,
    /// An `X-Amzn-Trace-Id`; one is made up when there is none.
    pub(crate) trace_id: Option<String>,
}

/// What an invocation came to.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The function's answer, or its error document.
    pub(crate) payload: Bytes,
    /// `Unhandled` when the function failed.
    pub(crate) function_error: Option<String>,
    /// The last 4 KB of its log, START to REPORT.
    pub(crate) log_tail: Vec<u8>,
    /// `$LATEST` or a number.
    pub(crate) executed_version: String,
    /// As the runtime sent it. `application/vnd.awslambda.http-integration-response` means that the
    /// payload is a JSON prelude, eight zero bytes and the body.
    pub(crate) content_type: Option<String>,
}

/// Parts of a streamed answer that wait for whoever takes them slowly.
const WAITING: usize = 16;

/// An invocation whose answer is given on while it is made.
#[derive(Debug)]
pub(crate) struct Streaming {
    /// The version that runs: `$LATEST` or a number.
    pub(super) version: String,
    parts: mpsc::Receiver<Part>,
    outcome: oneshot::Receiver<Result<Outcome, Fault>>,
}

impl Streaming {
    /// The next part. `None` when there is no more: then there is an outcome. A function that does not
    /// stream has no parts at all.
    pub(crate) async fn part(&mut self) -> Option<Part> {
        self.parts.recv().await
    }

    /// What it came to in the end. The payload is what was not streamed: an answer as a whole, or an
    /// error document.
    pub(crate) async fn outcome(self) -> Result<Outcome, Fault> {
        awaited(self.outcome).await
    }
}

/// What will run.
#[derive(Debug, Clone)]
pub(super) struct Target {
    at: FunctionRef,
    /// `$LATEST` or a number.
    version: String,
    build: Build,
    reserved: Option<u32>,
    reserved_in_all: u32,
}

impl Target {
    pub(super) fn of(at: FunctionRef, version: &Version, reserved: Option<u32>, reserved_in_all: u32) -> Self {
        Self { version: version.number.clone(), build: version.running().clone(), reserved, reserved_in_all, at }
    }
}

/// `POST /2015-03-31/functions/{name}/invocations`
pub(super) async fn handle(
    lambda: &Lambda,
    local: &Arc<Local>,
    request: &Request,
    at: &FunctionRef,
) -> Result<Reply, Fault> {
    let kind = request.header("x-amz-invocation-type").unwrap_or("RequestResponse").to_owned();
    let most = if kind == "Event" { MOST_ASYNCHRONOUS } else { MOST_SYNCHRONOUS };
    check_size(request, &kind, most)?;
    let call = call(request, at)?;
    match kind.as_str() {
        "RequestResponse" => {
            let tail = request.header("x-amz-log-type") == Some("Tail");
            run(lambda, local, call).await.map(|outcome| reply(outcome, tail))
        }
        "Event" => {
            asynchronous::enqueue(lambda, local, call)?;
            Ok(Reply::empty(202))
        }
        "DryRun" => target(lambda, &call).map(|_| Reply::empty(204)),
        other => Err(super::body::invalid(
            other,
            "invocationType",
            "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
        )),
    }
}

/// What a request of the API asks for.
pub(super) fn call(request: &Request, at: &FunctionRef) -> Result<Invocation, Fault> {
    Ok(Invocation {
        function_arn_or_name: at.arn(),
        qualifier: at.qualifier.clone(),
        region: at.region.clone(),
        payload: payload(&request.body)?,
        client_context: request.header("x-amz-client-context").map(client_context).transpose()?,
        request_id: request.request_id.clone(),
        trace_id: request.header("x-amzn-trace-id").map(str::to_owned),
    })
}

pub(super) fn check_size(request: &Request, kind: &str, most: usize) -> Result<(), Fault> {
    let size = request.body.len();
    if size <= most {
        return Ok(());
    }
    let message = format!("{size} byte payload is too large for the {kind} invocation type (limit {most} bytes)");
    Err(Fault::new(413, "RequestEntityTooLargeException", message).member("Type", "User"))
}

fn reply(outcome: Outcome, tail: bool) -> Reply {
    let mut reply = Reply::empty(200)
        .with("content-type", "application/json")
        .with("x-amz-executed-version", &outcome.executed_version);
    if let Some(error) = &outcome.function_error {
        reply = reply.with("x-amz-function-error", error);
    }
    if tail {
        reply = reply.with("x-amz-log-result", STANDARD.encode(&outcome.log_tail));
    }
    reply.body(outcome.payload)
}

/// The event as the function gets it: JSON, and `{}` for nothing.
fn payload(body: &Bytes) -> Result<Bytes, Fault> {
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => Ok(body.clone()),
        Err(error) => Err(unreadable(&format!("Could not parse request body into json: {error}"))),
    }
}

fn client_context(header: &str) -> Result<String, Fault> {
    STANDARD
        .decode(header)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .filter(Value::is_object)
        .map(|context| context.to_string())
        .ok_or_else(|| unreadable("Client context must be a valid Base64-encoded JSON object."))
}

fn unreadable(message: &str) -> Fault {
    Fault::new(400, "InvalidRequestContentException", message).member("Type", "User")
}

/// Runs a function and waits for its answer. A function that fails is an outcome, not a fault.
pub(super) async fn run(lambda: &Lambda, local: &Arc<Local>, call: Invocation) -> Result<Outcome, Fault> {
    let target = target(lambda, &call)?;
    awaited(start(lambda, local, target, call, None)?).await
}

/// Runs a function that may stream its answer.
pub(super) fn stream(lambda: &Lambda, local: &Arc<Local>, call: Invocation) -> Result<Streaming, Fault> {
    let (sender, parts) = mpsc::channel(WAITING);
    let target = target(lambda, &call)?;
    let version = target.version.clone();
    Ok(Streaming { version, parts, outcome: start(lambda, local, target, call, Some(sender))? })
}

type Parts = Option<mpsc::Sender<Part>>;
type Answered = Result<Outcome, Fault>;

fn start(
    lambda: &Lambda,
    local: &Arc<Local>,
    target: Target,
    call: Invocation,
    parts: Parts,
) -> Result<oneshot::Receiver<Answered>, Fault> {
    let slot = lambda.pool.acquire(&target.at, target.reserved, target.reserved_in_all);
    let slot = slot.inspect_err(|_| metrics::throttled(local, &target.at, &target.version, now_ms()))?;
    metrics::concurrency(local, &target.at, now_ms(), lambda.pool.executions(&target.at));
    let (answer, answered) = oneshot::channel();
    tokio::spawn(execute(Arc::clone(local), target, (call, parts), slot, answer));
    Ok(answered)
}

async fn awaited(answer: oneshot::Receiver<Answered>) -> Answered {
    answer.await.unwrap_or_else(|_| Err(Fault::new(500, "ServiceException", "the invocation was broken off")))
}

/// What a call means; a fault when it cannot run.
pub(super) fn target(lambda: &Lambda, call: &Invocation) -> Result<Target, Fault> {
    let region = FunctionRef::region_of(&call.function_arn_or_name, &call.region);
    let at = FunctionRef::parse(&call.function_arn_or_name, &region, call.qualifier.as_deref())?;
    lambda.store.read(|state| {
        let function = state.find(&at)?;
        let routed = aliases::routed(function, at.qualifier.as_deref(), &call.request_id);
        let version = function.version(&at, routed.as_deref().or(at.qualifier.as_deref()))?;
        if version.pending() {
            return Err(version.not_ready());
        }
        Ok(Target::of(at.clone(), version, function.reserved, limits::reserved(state, &at.region)))
    })
}

async fn execute(
    local: Arc<Local>,
    target: Target,
    (call, parts): (Invocation, Parts),
    slot: Slot,
    done: oneshot::Sender<Answered>,
) {
    let lambda = &local.lambda;
    let (mut environment, init) = match lambda.pool.take(&target.build.id) {
        Some(environment) => (environment, None),
        None => match cold(&local, &target, false).await {
            Ok(cold) => cold,
            Err(fault) => return drop(done.send(Err(fault))),
        },
    };
    let console = Arc::clone(&environment.console);
    let id = call.request_id.clone();
    console.begin();
    console.say(&format!("START RequestId: {id} Version: {}", target.version));
    let (began, since) = (Instant::now(), now_ms());
    let limit = Duration::from_secs(target.build.settings.timeout.into());
    let result = environment.run(Job { parts, ..job(&target, call, limit) }, began + limit).await;
    let took = began.elapsed();
    let ended = Ended::of(result, &id, &target.build);
    for line in &ended.lines {
        console.say(line);
    }
    console.say(&format!("END RequestId: {id}"));
    metrics::ran(&local, &target.at, &target.version, since, took.min(limit), ended.answer.error.is_some());
    let memory = (target.build.settings.memory, environment.peak_memory());
    console.say(&report(&id, took.min(limit), init, memory, &ended.status));
    let outcome = Outcome {
        payload: ended.answer.payload,
        function_error: ended.answer.error.map(|_| "Unhandled".to_owned()),
        log_tail: console.tail(),
        executed_version: target.version.clone(),
        content_type: ended.answer.content_type,
    };
    if environment.ready(Instant::now() + SETTLE).await {
        keep(lambda, &target, environment, slot);
        drop(done.send(Ok(outcome)));
    } else {
        // Whatever it does after its answer, it may do until its time is up.
        drop(done.send(Ok(outcome)));
        if environment.ready(began + limit).await {
            keep(lambda, &target, environment, slot);
        }
    }
}

/// Back into the pool, if its build is still there, and only then its place to the next one.
fn keep(lambda: &Lambda, target: &Target, environment: Environment, slot: Slot) {
    let current = lambda.store.read(|state| {
        state.get(&target.at).is_some_and(|function| function.builds().any(|build| build.id == target.build.id))
    });
    if current {
        lambda.pool.put(&target.build.id, environment);
    }
    drop(slot);
}

/// A fresh environment, and how long its initialisation took.
pub(super) async fn cold(
    local: &Arc<Local>,
    target: &Target,
    provisioned: bool,
) -> Result<(Environment, Option<Duration>), Fault> {
    let lambda = &local.lambda;
    let interpreter = lambda.interpreter(&target.build.settings.runtime).await?;
    let plan = Plan {
        region: target.at.region.clone(),
        function: target.at.name.clone(),
        version: target.version.clone(),
        task: lambda.packages.tree(&target.build.code.sha256).await?,
        opt: lambda.packages.opt(target.build.settings.layers.iter().map(|layer| &layer.code)).await?,
        build: target.build.clone(),
        runtime: lambda.folders.runtime.clone(),
        scratch: lambda.folders.scratch.clone(),
        port: local.port,
        interpreter,
        provisioned,
    };
    Ok(Environment::cold(local, plan, &lambda.pool.registry).await)
}

fn job(target: &Target, call: Invocation, limit: Duration) -> Job {
    let now = now_ms();
    let trace = call.trace_id.unwrap_or_else(|| {
        let random = uuid::Uuid::new_v4().simple().to_string();
        format!("Root=1-{:08x}-{};Parent={};Sampled=0", now / 1000, &random[..24], &random[16..])
    });
    Job {
        id: call.request_id,
        payload: call.payload,
        deadline: now.saturating_add(i64::try_from(limit.as_millis()).unwrap_or(i64::MAX)),
        arn: target.at.asked_arn(),
        trace,
        client_context: call.client_context,
        parts: None,
    }
}

impl Lambda {
    /// The interpreter for a runtime, looked for once per run of the server.
    async fn interpreter(&self, runtime: &str) -> Result<Option<interpreter::Interpreter>, Fault> {
        let mut known = self.interpreters.lock().await;
        if let Some(found) = known.get(runtime) {
            return Ok(found.clone());
        }
        let found = interpreter::find(runtime).await.map_err(|message| Fault::new(501, "NotImplemented", message))?;
        known.insert(runtime.to_owned(), found.clone());
        Ok(found)
    }
}
