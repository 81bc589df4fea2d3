//! How an invocation ended: the answer to its caller, and the lines in the log that say so.

use std::time::Duration;

use serde_json::json;

use super::model::{Build, iso_time, now_ms};
use super::worker::{Answer, Failure};

/// How an invocation ended: the answer, and what the log says of it.
pub(super) struct Ended {
    pub(super) answer: Answer,
    pub(super) lines: Vec<String>,
    /// Behind REPORT; empty when all is well.
    pub(super) status: String,
}

impl Ended {
    pub(super) fn of(result: Result<Answer, Failure>, id: &str, build: &Build) -> Self {
        let failed = |kind: &str, message: String, lines: Vec<String>, status: &str| {
            let document = json!({ "errorType": kind, "errorMessage": message });
            Self {
                answer: Answer {
                    payload: document.to_string().into(),
                    error: Some(kind.to_owned()),
                    content_type: None,
                },
                lines,
                status: status.to_owned(),
            }
        };
        let told = |kind: &str, reason: &str| {
            let message = format!("RequestId: {id} Error: {reason}");
            let line = format!("{message}\n{kind}");
            failed(kind, message, vec![line], &format!("Status: error\tError Type: {kind}"))
        };
        match result {
            Ok(answer) => Self { answer, lines: Vec::new(), status: String::new() },
            Err(Failure::Init { document, kind }) => {
                let status = format!("Status: error\tError Type: {kind}");
                let answer = Answer { payload: document, error: Some(kind), content_type: None };
                Self { answer, lines: Vec::new(), status }
            }
            Err(Failure::Exited(reason)) => told("Runtime.ExitError", &reason),
            Err(Failure::Unstartable(reason)) => told("Runtime.InvalidEntrypoint", &reason),
            Err(Failure::TimedOut) => {
                let text = format!("Task timed out after {:.2} seconds", f64::from(build.settings.timeout));
                let line = format!("{} {id} {text}\n", iso_time(now_ms()));
                failed("Sandbox.Timedout", format!("RequestId: {id} Error: {text}"), vec![line], "Status: timeout")
            }
        }
    }
}

/// The REPORT line. `memory` is what there is and what was used at most, in MB.
pub(super) fn report(id: &str, took: Duration, init: Option<Duration>, memory: (u32, u64), status: &str) -> String {
    use std::fmt::Write as _;
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    // The init of a managed runtime is billed, too, since August 2025.
    let billed = ms(took + init.unwrap_or_default()).ceil();
    let (size, peak) = memory;
    let mut line = format!(
        "REPORT RequestId: {id}\tDuration: {:.2} ms\tBilled Duration: {billed:.0} ms\tMemory Size: {size} MB\tMax Memory \
         Used: {peak} MB\t",
        ms(took)
    );
    // Writing to a string cannot fail.
    if let Some(init) = init {
        let _ = write!(line, "Init Duration: {:.2} ms\t", ms(init));
    }
    if !status.is_empty() {
        let _ = write!(line, "{status}");
    }
    line
}
