//! One execution environment: a log stream and the process behind it.
//!
//! Its life is AWS's: initialised within 10 s; when that fails, once more inside the first invocation
//! and on that invocation's time. <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Local;
use super::console::Console;
use super::model::{formatted, now_ms};
use super::pool::{Registry, Ticket};
use super::runtime_api::Job;
use super::sandbox::Plan;
use super::worker::{Answer, Failure, NO_REASON, Worker};

/// "The Init phase is limited to 10 seconds."
const MOST_INIT: Duration = Duration::from_secs(10);

/// An environment. Without a worker it starts one when it is used.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) console: Arc<Console>,
    worker: Option<Worker>,
    plan: Plan,
    registry: Arc<Registry>,
    /// One of those that are ready at any time.
    pub(super) ticket: Option<Ticket>,
}

impl Environment {
    /// Makes an environment and tries to initialise it. How long that took is billed with the first
    /// invocation, unless it failed: then it is tried again there.
    pub(super) async fn cold(local: &Arc<Local>, plan: Plan, registry: &Arc<Registry>) -> (Self, Option<Duration>) {
        let stream = format!("{}/[{}]{}", formatted(now_ms(), "%Y/%m/%d"), plan.version, uuid::Uuid::new_v4().simple());
        let console = Console::new(local, &plan.region, &plan.build.settings.log_group, stream);
        let version = plan.interpreter.as_ref().map_or("", |interpreter| interpreter.version.as_str());
        let runtime = plan
            .build
            .settings
            .runtime
            .trim_end_matches(|last: char| last.is_ascii_digit() || last == '.' || last == 'x');
        console.say(&match version {
            "" => format!("INIT_START Runtime Version: {}:local", plan.build.settings.runtime),
            version => format!("INIT_START Runtime Version: {runtime}:{version}"),
        });
        if let Some(warning) = plan.interpreter.as_ref().and_then(|interpreter| interpreter.warning.as_deref()) {
            console.say(warning);
        }
        let mut environment = Self { console, worker: None, plan, registry: Arc::clone(registry), ticket: None };
        let began = Instant::now();
        let started = environment.start(began + MOST_INIT).await;
        let took = began.elapsed();
        let Err(failure) = started else { return (environment, Some(took)) };
        let status = match failure {
            Failure::TimedOut => "timeout".to_owned(),
            Failure::Init { kind, .. } => format!("error\tError Type: {kind}"),
            Failure::Exited(_) => "error\tError Type: Runtime.ExitError".to_owned(),
            Failure::Unstartable(_) => "error\tError Type: Runtime.InvalidEntrypoint".to_owned(),
        };
        let took = took.as_secs_f64() * 1000.0;
        environment.console.say(&format!("INIT_REPORT Init Duration: {took:.2} ms\tPhase: init\tStatus: {status}"));
        (environment, None)
    }

    async fn start(&mut self, deadline: Instant) -> Result<(), Failure> {
        let mut worker = Worker::start(&self.plan, &self.console, &self.registry).await?;
        worker.initialize(deadline).await?;
        self.worker = Some(worker);
        Ok(())
    }

    /// Runs one job until `deadline`. After a failure the process is gone.
    pub(super) async fn run(&mut self, job: Job, deadline: Instant) -> Result<Answer, Failure> {
        if self.worker.is_none() {
            self.start(deadline).await?;
        }
        let Some(worker) = self.worker.as_mut() else {
            return Err(Failure::Exited(NO_REASON.to_owned()));
        };
        let answer = worker.run(job, deadline).await;
        if answer.is_err() {
            self.worker = None;
        }
        answer
    }

    /// Waits until the runtime asks for more; `false` when it did not until `deadline`.
    pub(super) async fn ready(&mut self, deadline: Instant) -> bool {
        match self.worker.as_mut() {
            Some(worker) => worker.ready(deadline).await,
            None => false,
        }
    }

    pub(super) fn alive(&mut self) -> bool {
        self.worker.as_mut().is_some_and(Worker::alive)
    }

    /// In MB; 0 when the process is gone or the system does not tell.
    pub(super) fn peak_memory(&self) -> u64 {
        self.worker.as_ref().and_then(Worker::peak_memory).unwrap_or(0)
    }
}
