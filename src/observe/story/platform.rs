//! The lines that Lambda itself writes around an invocation, as text and in its JSON log format.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>

use serde_json::Value;

use super::summary::Summary;

/// What such a line means for the story.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Platform<'a> {
    /// An invocation with this id begins.
    Start(&'a str),
    /// It ended; its figures come.
    End(&'a str),
    Report(&'a str, Box<Summary>),
    /// The environment could not start.
    InitFailed(Box<Summary>),
    /// Nothing that the summary does not say, too.
    Around,
}

/// `START RequestId: …` and the others; `None` for a line of the function's own.
pub(super) fn of_text(message: &str) -> Option<Platform<'_>> {
    // One look at the first byte for the million lines that are none of these.
    match message.as_bytes().first()? {
        b'S' => id_after(message, "START RequestId: ").map(|(id, _)| Platform::Start(id)),
        b'E' => id_after(message, "END RequestId: ")
            .map(|(id, _)| Platform::End(id))
            .or_else(|| message.starts_with("EXTENSION\tName: ").then_some(Platform::Around)),
        b'R' => id_after(message, "REPORT RequestId: ")
            .map(|(id, rest)| Platform::Report(id, Box::new(Summary::of_line(rest, false))))
            .or_else(|| {
                let restored = message.starts_with("RESTORE_START") || message.starts_with("RESTORE_REPORT");
                restored.then_some(Platform::Around)
            }),
        b'I' => match message.strip_prefix("INIT_REPORT ") {
            Some(fields) => Some(init(Summary::of_line(fields, true))),
            None => message.starts_with("INIT_START ").then_some(Platform::Around),
        },
        b'L' => message.starts_with("LOGS\tName: ").then_some(Platform::Around),
        b'T' => message.starts_with("TELEMETRY\tName: ").then_some(Platform::Around),
        b'X' => message.starts_with("XRAY TraceId: ").then_some(Platform::Around),
        _ => None,
    }
}

/// A line of Lambda's JSON format; `None` for an application's.
pub(super) fn of_json(document: &Value) -> Option<Platform<'_>> {
    let kind = document["type"].as_str()?.strip_prefix("platform.")?;
    let record = &document["record"];
    let id = || record["requestId"].as_str();
    match kind {
        "start" => id().map(Platform::Start),
        "end" => id().map(Platform::End),
        "report" => id().map(|id| Platform::Report(id, Box::new(Summary::of_record(record, false)))),
        "initReport" | "restoreReport" => Some(init(Summary::of_record(record, true))),
        "initStart"
        | "initRuntimeDone"
        | "runtimeDone"
        | "restoreStart"
        | "restoreRuntimeDone"
        | "extension"
        | "telemetrySubscription"
        | "logsSubscription" => Some(Platform::Around),
        // `platform.logsDropped` and what is new: somebody should see it.
        _ => None,
    }
}

fn init<'a>(summary: Summary) -> Platform<'a> {
    if summary.failed() { Platform::InitFailed(Box::new(summary)) } else { Platform::Around }
}

/// The id behind `start`, and what follows it.
fn id_after<'a>(message: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    let rest = message.strip_prefix(start)?;
    let end = rest.find([' ', '\t', '\n', '\r']).unwrap_or(rest.len());
    (end > 0).then(|| rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_lines_around_an_invocation() {
        assert_eq!(
            of_text("START RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Version: $LATEST"),
            Some(Platform::Start("8f507cfc-xmpl-4697-b07a-ac58fc914c95"))
        );
        assert_eq!(of_text("END RequestId: 8f507cfc"), Some(Platform::End("8f507cfc")));
        assert!(matches!(of_text("REPORT RequestId: 8f\tDuration: 1.00 ms"), Some(Platform::Report("8f", _))));
        for around in ["INIT_START Runtime Version: python:3.13.v5\tRuntime Version ARN: arn", "XRAY TraceId: 1-5e"] {
            assert_eq!(of_text(around), Some(Platform::Around), "{around}");
        }
        assert!(matches!(of_text("INIT_REPORT Init Duration: 9 ms\tStatus: timeout"), Some(Platform::InitFailed(_))));
        for own in ["START of the day", "Report: fine", "END", "INIT done", ""] {
            assert_eq!(of_text(own), None, "{own}");
        }
    }

    #[test]
    fn the_same_in_json() {
        // The shapes of the page on the log format and of the telemetry schema reference.
        let start = json!({"time": "2023-10-27T19:17:45.586Z", "type": "platform.start",
            "record": {"requestId": "79b4f56e", "version": "$LATEST"}});
        assert_eq!(of_json(&start), Some(Platform::Start("79b4f56e")));
        let report = json!({"time": "2023-10-27T19:17:45.6Z", "type": "platform.report", "record": {
            "requestId": "79b4f56e", "status": "timeout",
            "metrics": {"durationMs": 101.51, "billedDurationMs": 300, "memorySizeMB": 512, "maxMemoryUsedMB": 33,
                "initDurationMs": 116.67}}});
        let Some(Platform::Report("79b4f56e", summary)) = of_json(&report) else { panic!("{report}") };
        assert_eq!((summary.duration, summary.used, summary.init_duration), (101.51, Some(33), Some(116.67)));
        assert!(summary.failed());
        let dropped = json!({"type": "platform.logsDropped", "record": {"droppedRecords": 123}});
        assert_eq!(of_json(&dropped), None);
    }
}
