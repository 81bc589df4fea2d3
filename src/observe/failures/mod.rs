//! The failures of a stage's functions in a span of time, read from their logs and put together by exception and place.
//!
//! `CloudWatch` Logs hands out only events that may tell of one; what they say is judged here. It reads the newest
//! hours first, so that what is left out, when there is too much, is the oldest. Changes nothing.

mod example;
mod group;

use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use futures_util::{StreamExt as _, stream};

use super::LogEvent;
use super::story::{Joiner, Story};
use super::tail::{is_too_often, trimmed};
use crate::aws::{Cloud, code, explain};
use crate::error::Result;

pub(crate) use self::group::Failure;
use self::group::Groups;

/// What an event that tells of a failure has in it: the words of all runtimes and loggers. Terms are parts of words
/// and tell capitals from small letters; `?` means any of them.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
const PATTERN: &str = "?ERROR ?Error ?error ?Exception ?exception ?Traceback ?FATAL ?fatal ?CRITICAL ?critical ?panic \
                       ?\"Task timed out\" ?\"Status: timeout\" ?\"Runtime exited\" ?\"\\\"level\\\":50\" ?\"\\\"level\\\":60\"";
/// Ms: the first part that is read, and how much longer each one before it is.
const FIRST: i64 = 3_600_000;
const GROWTH: i64 = 8;
/// Bounds for one function: pages, each up to 10,000 events or 1 MB, and events.
const PAGES: usize = 60;
const EVENTS: usize = 50_000;
/// Functions that are read at once: `FilterLogEvents` is allowed 5 to 25 times a second.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const AT_ONCE: usize = 4;

/// From when to when, ms since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) since: i64,
    pub(crate) until: i64,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Failures {
    /// What happens most comes first.
    pub(crate) all: Vec<Failure>,
    /// Functions whose logs were not read back to the beginning, with the time from which on they were, ms.
    pub(crate) early: BTreeMap<String, i64>,
    /// Whether any of the log groups is there.
    pub(crate) present: bool,
}

/// Reads the failures. `groups`: function name in the config → log group.
///
/// # Errors
/// AWS refused; not when a group is missing or the rate is exceeded.
pub(crate) async fn failures(cloud: &Cloud, groups: &BTreeMap<String, String>, span: Span) -> Result<Failures> {
    let mut found = read_all(cloud, groups, span, Some(PATTERN)).await?;
    // Another cloud's patterns may mean something else.
    if found.all.is_empty() && cloud.endpoint.is_some() {
        found = read_all(cloud, groups, span, None).await?;
    }
    example::complete(cloud, groups, &mut found.all).await;
    let mut all = Groups::default();
    found.all.into_iter().for_each(|failure| all.add(failure));
    found.all = all.sorted();
    Ok(found)
}

async fn read_all(
    cloud: &Cloud,
    groups: &BTreeMap<String, String>,
    span: Span,
    pattern: Option<&str>,
) -> Result<Failures> {
    let reads = groups.iter().map(|(function, name)| read(cloud, function, name, span, pattern));
    let parts: Vec<Result<Part>> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
    let mut found = Failures { all: Vec::new(), early: BTreeMap::new(), present: false };
    let mut all = Groups::default();
    for part in parts {
        let part = part?;
        found.present |= part.present;
        if let Some(from) = part.whole_from {
            found.early.insert(part.function, from);
        }
        all.merge(part.groups);
    }
    found.all = all.sorted();
    Ok(found)
}

/// One function's.
struct Part {
    function: String,
    groups: Groups,
    present: bool,
    /// Set when it was not all read: what is later was.
    whole_from: Option<i64>,
}

async fn read(cloud: &Cloud, function: &str, name: &str, span: Span, pattern: Option<&str>) -> Result<Part> {
    let mut part = Part { function: function.to_owned(), groups: Groups::default(), present: true, whole_from: None };
    let (mut pages, mut events) = (0, 0);
    for (from, to) in slices(span) {
        // Each part has its own state: between two, time does not go on.
        let (mut joiner, mut story) = (Joiner::default(), Story::default());
        let mut token = None;
        loop {
            let call = cloud.logs.filter_log_events().log_group_name(name).start_time(from).end_time(to);
            let page = call.set_filter_pattern(pattern.map(str::to_owned)).set_next_token(token).send().await;
            let page = match page {
                Ok(page) => page,
                Err(error) if code(&error) == Some("ResourceNotFoundException") => {
                    part.present = false;
                    return Ok(part);
                }
                // The SDK has tried again for a while.
                Err(error) if is_too_often(&error) => {
                    part.whole_from = Some(to);
                    break;
                }
                Err(error) => return Err(explain(format!("read the log group `{name}`"))(error)),
            };
            pages += 1;
            events += page.events().len();
            for event in page.events() {
                let event = event_of(function, event);
                joiner.take(event, &mut |event| part.groups.take(&story.read(event)));
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
            if pages >= PAGES || events >= EVENTS {
                part.whole_from = Some(to);
                break;
            }
        }
        joiner.pause(&mut |event| part.groups.take(&story.read(event)));
        if part.whole_from.is_some() {
            break;
        }
    }
    Ok(part)
}

fn event_of(function: &str, event: &FilteredLogEvent) -> LogEvent {
    LogEvent {
        timestamp: event.timestamp().unwrap_or_default(),
        function: function.to_owned(),
        message: trimmed(event.message().unwrap_or_default().to_owned()),
        stream: event.log_stream_name().unwrap_or_default().to_owned(),
    }
}

/// The span in parts, the newest and shortest first; both ends of each belong to it.
fn slices(span: Span) -> Vec<(i64, i64)> {
    let (mut to, mut length, mut slices) = (span.until, FIRST, Vec::new());
    while to >= span.since {
        let from = (to - length + 1).max(span.since);
        slices.push((from, to));
        to = from - 1;
        length = length.saturating_mul(GROWTH);
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_cover_the_span_and_none_is_read_twice() {
        let hour = 3_600_000;
        assert_eq!(slices(Span { since: 0, until: hour / 2 }), [(0, hour / 2)]);
        let day = slices(Span { since: 0, until: 24 * hour });
        assert_eq!(day.len(), 3, "{day:?}");
        assert_eq!((day[0].1, day[2].0), (24 * hour, 0));
        assert!(day.windows(2).all(|pair| pair[1].1 == pair[0].0 - 1), "{day:?}");
        assert!(slices(Span { since: 1, until: 0 }).is_empty());
    }

    #[test]
    fn the_pattern_is_within_what_is_allowed() {
        assert!(PATTERN.len() < 1024);
    }
}
