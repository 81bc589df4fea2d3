//! One process of a function: started, given jobs, killed with everything it started.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;
use tokio::process::Child;
use tokio::time::{Instant, timeout_at};

use super::console::{Console, Pipe};
use super::pool::Registry;
use super::runtime_api::{Event, Job, RuntimeApi};
use super::sandbox::{self, Plan};

/// What AWS says of a process that ended with status 0.
pub(super) const NO_REASON: &str = "Runtime exited without providing a reason";

/// A worker process with its Runtime API and its output.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    group: Pid,
    api: RuntimeApi,
    pipe: Pipe,
    registry: Arc<Registry>,
    /// Removed with the worker.
    _home: TempDir,
}

/// A function's answer; `error` is the type of a function error.
#[derive(Debug)]
pub(super) struct Answer {
    /// Empty when it was streamed to its end.
    pub(super) payload: Bytes,
    pub(super) error: Option<String>,
    pub(super) content_type: Option<String>,
}

/// Why there is no answer. The worker is of no use any more.
#[derive(Debug)]
pub(super) enum Failure {
    /// The runtime reported that it cannot start: its document and its type.
    Init { document: Bytes, kind: String },
    /// The process ended by itself: how, in the words of AWS.
    Exited(String),
    /// The process could not be started.
    Unstartable(String),
    /// It took too long.
    TimedOut,
}

impl Worker {
    /// Starts a process. It is not ready until [`Self::initialize`] says so.
    pub(super) async fn start(plan: &Plan, console: &Arc<Console>, registry: &Arc<Registry>) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Unstartable(sandbox::refusal(plan, &error));
        let home = tempfile::Builder::new().prefix("worker-").tempdir_in(&plan.scratch).map_err(failed)?;
        std::fs::create_dir(home.path().join("tmp")).map_err(failed)?;
        let api = RuntimeApi::serve().await.map_err(failed)?;
        let (reader, writer) = std::io::pipe().map_err(failed)?;
        let mut command = sandbox::command(plan, &console.stream, api.address, home.path());
        command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
        let child = command.spawn().map_err(failed)?;
        let receiver = tokio::net::unix::pipe::Receiver::from_owned_fd(reader.into()).map_err(failed)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = group.ok_or_else(|| Failure::Exited(NO_REASON.to_owned()))?;
        registry.add(group);
        let pipe = Pipe::follow(receiver, Arc::clone(console));
        Ok(Self { child, group, api, pipe, registry: Arc::clone(registry), _home: home })
    }

    /// Waits until the runtime asks for its first job.
    pub(super) async fn initialize(&mut self, deadline: Instant) -> Result<(), Failure> {
        let event = self.event(deadline).await?;
        // What the start wrote stands before START, as on AWS.
        self.pipe.drain().await;
        match event {
            Event::InitError { document, kind } => Err(Failure::Init { document, kind }),
            // Anything but `next` cannot come: no job was given out.
            _ => Ok(()),
        }
    }

    /// Runs one job. When this returns, all that was written until the answer is in the log.
    pub(super) async fn run(&mut self, job: Job, deadline: Instant) -> Result<Answer, Failure> {
        if self.api.jobs.send(job).await.is_err() {
            return Err(Failure::Exited(NO_REASON.to_owned()));
        }
        loop {
            let answer = |payload, error| Answer { payload, error, content_type: None };
            let answer = match self.event(deadline).await? {
                Event::Ready => continue,
                Event::Response { body, content_type } => Answer { payload: body, error: None, content_type },
                Event::Streamed => answer(Bytes::new(), None),
                Event::Error { document, kind } | Event::InitError { document, kind } => answer(document, Some(kind)),
                Event::TooLarge { most } => {
                    let kind = "Function.ResponseSizeTooLarge";
                    let message =
                        format!("Response payload size exceeded maximum allowed payload size ({most} bytes).");
                    let document = serde_json::json!({ "errorMessage": message, "errorType": kind });
                    answer(document.to_string().into(), Some(kind.to_owned()))
                }
            };
            self.pipe.drain().await;
            return Ok(answer);
        }
    }

    /// Waits until the runtime asks for the next job; `false` when it does not in time.
    pub(super) async fn ready(&mut self, deadline: Instant) -> bool {
        matches!(self.event(deadline).await, Ok(Event::Ready))
    }

    /// Whether an idle worker is still alive.
    pub(super) fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The most memory the process had, in MB, where the system tells.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.group.as_raw_nonzero())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes.div_ceil(1024))
    }

    async fn event(&mut self, deadline: Instant) -> Result<Event, Failure> {
        let waited = timeout_at(deadline, async {
            tokio::select! {
                biased;
                event = self.api.events.recv() => event.ok_or(None),
                status = self.child.wait() => Err(status.ok()),
            }
        })
        .await;
        match waited {
            Ok(Ok(event)) => Ok(event),
            Ok(Err(status)) => {
                // Its last post may be on the way from the server's task to here.
                let last = timeout_at(Instant::now() + Duration::from_millis(20), self.api.events.recv()).await;
                if let Ok(Some(event)) = last
                    && !matches!(event, Event::Ready)
                {
                    return Ok(event);
                }
                self.pipe.drain().await;
                Err(Failure::Exited(status.map_or_else(|| NO_REASON.to_owned(), ended)))
            }
            Err(_) => {
                self.pipe.drain().await;
                Err(Failure::TimedOut)
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.registry.kill(self.group);
    }
}

/// Ends a process group at once. One that is gone already is no error.
pub(super) fn kill_group(group: Pid) {
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) if code != 0 => format!("Runtime exited with error: exit status {code}"),
        (None, Some(signal)) => format!("Runtime exited with error: signal: {}", signal_name(signal)),
        _ => NO_REASON.to_owned(),
    }
}

/// As Go's `syscall.Signal` prints them, because AWS's texts come from there.
fn signal_name(signal: i32) -> String {
    match signal {
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        7 => "bus error".to_owned(),
        8 => "floating point exception".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}
