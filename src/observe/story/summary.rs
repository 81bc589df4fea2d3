//! The end of an invocation in figures: what Lambda's REPORT line, or `platform.report` in its JSON format, says.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html#python-logging-output> has the fields of the
//! line, <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report> those of JSON.

use serde_json::Value;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The type of the error, where it is known.
    Failed(Option<String>),
    TimedOut,
    OutOfMemory,
    /// The process ended by itself.
    Exited,
}

/// One invocation, or with [`Summary::init`] an initialisation that went wrong before any.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    pub(crate) outcome: Outcome,
    /// Not an invocation, but the start of the environment.
    pub(crate) init: bool,
    /// Milliseconds, like all below.
    pub(crate) duration: f64,
    pub(crate) billed: Option<f64>,
    /// There only when this invocation was a cold start.
    pub(crate) init_duration: Option<f64>,
    /// `SnapStart` brought the environment back instead of starting it.
    pub(crate) restore_duration: Option<f64>,
    /// MB.
    pub(crate) memory: Option<u64>,
    /// MB: the most that was used.
    pub(crate) used: Option<u64>,
    /// The id of the X-Ray trace, when it was sampled.
    pub(crate) xray: Option<String>,
}

impl Summary {
    fn empty(init: bool) -> Self {
        Self {
            outcome: Outcome::Done,
            init,
            duration: 0.0,
            billed: None,
            init_duration: None,
            restore_duration: None,
            memory: None,
            used: None,
            xray: None,
        }
    }

    /// `fields` are what stands behind `REPORT RequestId: …` or `INIT_REPORT`, divided by tabs.
    pub(super) fn of_line(fields: &str, init: bool) -> Self {
        let mut summary = Self::empty(init);
        let (mut status, mut kind, mut trace, mut sampled) = (None, None, None, false);
        for field in fields.split(['\t', '\n', '\r']) {
            let Some((name, value)) = field.split_once(": ") else { continue };
            let value = value.trim();
            match name.trim_start() {
                "Duration" => summary.duration = number(value).unwrap_or_default(),
                "Billed Duration" => summary.billed = number(value),
                "Memory Size" => summary.memory = whole(value),
                "Max Memory Used" => summary.used = whole(value),
                "Init Duration" if init => summary.duration = number(value).unwrap_or_default(),
                "Init Duration" => summary.init_duration = number(value),
                "Restore Duration" => summary.restore_duration = number(value),
                "Status" => status = Some(value),
                "Error Type" => kind = Some(value),
                "XRAY TraceId" => trace = Some(value),
                "Sampled" => sampled = value == "true",
                _ => {}
            }
        }
        summary.xray = trace.filter(|_| sampled).map(str::to_owned);
        summary.judge(status, kind);
        summary
    }

    /// `record` is that of a `platform.report`, `platform.initReport` or `platform.restoreReport`.
    pub(super) fn of_record(record: &Value, init: bool) -> Self {
        let metrics = &record["metrics"];
        let text = |value: &'_ Value| value.as_str().map(str::to_owned);
        let mut summary = Self {
            duration: metrics["durationMs"].as_f64().unwrap_or_default(),
            billed: metrics["billedDurationMs"].as_f64(),
            init_duration: metrics["initDurationMs"].as_f64(),
            restore_duration: metrics["restoreDurationMs"].as_f64(),
            memory: metrics["memorySizeMB"].as_u64(),
            used: metrics["maxMemoryUsedMB"].as_u64(),
            ..Self::empty(init)
        };
        // `Root=1-…;Parent=…;Sampled=1`
        summary.xray = record["tracing"]["value"]
            .as_str()
            .filter(|value| value.ends_with("Sampled=1"))
            .and_then(|value| value.split(';').find_map(|part| part.strip_prefix("Root=")).map(str::to_owned));
        let (status, kind) = (text(&record["status"]), text(&record["errorType"]));
        summary.judge(status.as_deref(), kind.as_deref());
        summary
    }

    fn judge(&mut self, status: Option<&str>, kind: Option<&str>) {
        self.outcome = match (status, kind) {
            (Some("timeout"), _) | (_, Some("Sandbox.Timedout")) => Outcome::TimedOut,
            (_, Some("Runtime.OutOfMemory")) => Outcome::OutOfMemory,
            (_, Some("Runtime.ExitError")) => Outcome::Exited,
            (None | Some("success"), None) => Outcome::Done,
            (_, kind) => Outcome::Failed(kind.map(str::to_owned)),
        };
        self.settle();
    }

    /// What the lines before said of it, which the figures do not always.
    pub(super) fn seen(&mut self, outcome: Outcome) {
        // A type that a traceback names says more than `error`.
        if matches!(self.outcome, Outcome::Done | Outcome::Failed(_)) {
            self.outcome = outcome;
            self.settle();
        }
    }

    /// A process that used all memory did not end by its own will.
    fn settle(&mut self) {
        let full = self.used.zip(self.memory).is_some_and(|(used, memory)| used >= memory);
        if full && self.outcome == Outcome::Exited {
            self.outcome = Outcome::OutOfMemory;
        }
    }

    pub(crate) fn failed(&self) -> bool {
        self.outcome != Outcome::Done
    }
}

/// `12.34 ms` → 12.34
fn number(value: &str) -> Option<f64> {
    value.split(' ').next()?.parse().ok()
}

/// `128 MB` → 128
fn whole(value: &str) -> Option<u64> {
    value.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_line_in_figures() {
        // From the page above, with the X-Ray line that active tracing adds.
        let line = "\tDuration: 15.74 ms\tBilled Duration: 147 ms\tMemory Size: 128 MB\tMax Memory Used: 56 MB\tInit \
                    Duration: 130.49 ms\t\nXRAY TraceId: 1-5e34a614-10bdxmplf1fb44f07bc535a1\tSegmentId: \
                    07f5xmpl2d1f6f85\tSampled: true\t";
        let summary = Summary::of_line(line, false);
        assert_eq!((summary.duration, summary.billed, summary.init_duration), (15.74, Some(147.0), Some(130.49)));
        assert_eq!((summary.used, summary.memory, summary.failed()), (Some(56), Some(128), false));
        assert_eq!(summary.xray.as_deref(), Some("1-5e34a614-10bdxmplf1fb44f07bc535a1"));
    }

    #[test]
    fn how_it_ended_is_told_from_status_type_and_memory() {
        let of = |text: &str| Summary::of_line(text, false).outcome;
        assert_eq!(of("\tDuration: 3000.00 ms\tStatus: timeout"), Outcome::TimedOut);
        assert_eq!(
            of("\tMemory Size: 128 MB\tMax Memory Used: 44 MB\tStatus: error\tError Type: Runtime.ExitError"),
            Outcome::Exited
        );
        assert_eq!(
            of("\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.ExitError"),
            Outcome::OutOfMemory
        );
        let init = Summary::of_line(
            " Init Duration: 1.5 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError",
            true,
        );
        assert_eq!(init.outcome, Outcome::Failed(Some("Runtime.ImportModuleError".to_owned())));
    }
}
