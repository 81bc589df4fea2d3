//! How many calls had to wait for a new process. No metric says so; the line that ends a call does, when it began
//! with a start: `REPORT RequestId: … Init Duration: 123.45 ms`, or the same as JSON.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html>
//!
//! `FilterLogEvents` costs nothing but is allowed only some times a second, and reads through all that was logged. So
//! a few pages are read for a short while; then there were at least so many.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::tail::is_too_often;
use super::window::Window;
use crate::aws::{Cloud, explain, is_code};
use crate::error::Result;

const PATTERN: &str = "?\"Init Duration\" ?initDurationMs";
/// For one function, and for all of them.
const PAGES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(2);
/// Functions at once: 5 calls a second are allowed in the smallest regions.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const PARALLEL: usize = 4;

/// Of one function.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct ColdStarts {
    pub(crate) count: u64,
    /// There may be more: not all of the log was read.
    pub(crate) at_least: bool,
    /// What they took together, ms. It is billed.
    #[serde(skip)]
    pub(crate) took: f64,
}

/// `groups`: function → its log group. A group that is not there has no lines.
pub(crate) async fn cold_starts(
    cloud: &Cloud,
    groups: &BTreeMap<String, String>,
    window: &Window,
) -> Result<BTreeMap<String, ColdStarts>> {
    let deadline = Instant::now() + PATIENCE;
    let counts = groups.iter().map(|(name, group)| async move {
        Ok::<_, crate::error::Error>((name.clone(), count(cloud, group, window, deadline).await?))
    });
    stream::iter(counts).buffer_unordered(PARALLEL).try_collect().await
}

async fn count(cloud: &Cloud, group: &str, window: &Window, deadline: Instant) -> Result<ColdStarts> {
    let mut found = ColdStarts::default();
    let mut token = None;
    for _ in 0..PAGES {
        let call = cloud.logs.filter_log_events().log_group_name(group).filter_pattern(PATTERN);
        let call = call.start_time(window.since * 1000).end_time(window.until * 1000).set_next_token(token);
        let page = match tokio::time::timeout_at(deadline, call.send()).await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) if is_code(&error, &["ResourceNotFoundException"]) => return Ok(found),
            // Somebody else reads as well: no reason to read on.
            Ok(Err(error)) if is_too_often(&error) => break,
            Ok(Err(error)) => return Err(explain(format!("read the log group `{group}`"))(error)),
            Err(_) => break,
        };
        for took in page.events().iter().filter_map(|event| init(event.message()?)) {
            found.count += 1;
            found.took += took;
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
    }
    found.at_least = true;
    Ok(found)
}

/// How long the start took that a line tells of, ms; `None` for any other line.
fn init(line: &str) -> Option<f64> {
    let line = line.trim();
    if line.starts_with("REPORT ") {
        let (_, rest) = line.split_once("Init Duration: ")?;
        return rest.split_whitespace().next()?.parse().ok();
    }
    let value: Value = serde_json::from_str(line).ok()?;
    value["record"]["metrics"]["initDurationMs"].as_f64().filter(|_| value["type"] == "platform.report")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_that_ends_a_call_tells_of_its_start() {
        let report = "REPORT RequestId: 1-2\tDuration: 3.10 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t\
                      Max Memory Used: 40 MB\tInit Duration: 112.50 ms\t\n";
        let json = r#"{"time":"t","type":"platform.report","record":{"requestId":"1-2","metrics":{"durationMs":3.1,"initDurationMs":90.25}}}"#;
        assert_eq!([init(report), init(json)], [Some(112.5), Some(90.25)]);
        let warm = "REPORT RequestId: 1-2\tDuration: 3.10 ms\tBilled Duration: 4 ms";
        for line in [warm, "my own Init Duration: 5 ms", r#"{"initDurationMs": 5}"#, ""] {
            assert_eq!(init(line), None, "{line}");
        }
    }
}
