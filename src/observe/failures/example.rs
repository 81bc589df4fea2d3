//! The rest of an example: the pattern hands out single events, and a text line has no request id of its own. What
//! stands around it in its stream says both.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};

use super::group::{Failure, told};
use crate::aws::Cloud;
use crate::observe::LogEvent;
use crate::observe::story::{Entry, Joiner, Reading, Story};

/// Failures that are looked up: the first of the list.
const EXAMPLES: usize = 40;
/// Events around one: the latest that many up to a moment after it. `GetLogEvents` reads backwards.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>
const AROUND: i32 = 1_000;
/// Ms after it: a traceback is written at once, and REPORT soon.
const AFTER: i64 = 2_000;
const AT_ONCE: usize = 4;

/// Fills in request and place where they are not known. What cannot be read stays as it is: the list is right
/// without it.
pub(super) async fn complete(cloud: &Cloud, groups: &BTreeMap<String, String>, failures: &mut [Failure]) {
    let lacking =
        failures.iter_mut().take(EXAMPLES).filter(|failure| failure.request.is_none() || failure.place.is_none());
    let reads = lacking.map(|failure| async {
        let Some(group) = groups.get(&failure.example.function) else { return };
        let example = &failure.example;
        let call = cloud.logs.get_log_events().log_group_name(group).log_stream_name(&example.stream);
        let call = call.end_time(example.timestamp + AFTER).start_from_head(false).limit(AROUND);
        let Ok(page) = call.send().await else { return };
        let events = page.events().iter().map(|event| LogEvent {
            timestamp: event.timestamp().unwrap_or_default(),
            function: example.function.clone(),
            message: event.message().unwrap_or_default().trim_end_matches(['\n', '\r']).to_owned(),
            stream: example.stream.clone(),
        });
        learn(failure, events.collect());
    });
    stream::iter(reads).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Learns from the events around the example, in their order.
fn learn(failure: &mut Failure, events: Vec<LogEvent>) {
    let (mut joiner, mut story, mut entries) = (Joiner::default(), Story::default(), Vec::new());
    for event in events {
        joiner.take(event, &mut |event| entries.push(story.read(event)));
    }
    joiner.pause(&mut |event| entries.push(story.read(event)));
    let first = failure.example.message.lines().next().unwrap_or_default();
    let is_it =
        |entry: &Entry| entry.event.timestamp <= failure.example.timestamp && entry.event.message.contains(first);
    let Some(at) = entries.iter().rposition(is_it) else { return };
    let Some((entry, later)) = entries.get(at).zip(entries.get(at + 1..)) else { return };
    if failure.request.is_none() {
        // Its START is far away, or the environment was starting: then what follows names the request.
        let next = || later.iter().find_map(|entry| entry.request.as_deref());
        failure.request = entry.request.as_deref().or_else(next).map(str::to_owned);
    }
    if failure.place.is_none()
        && !matches!(entry.reading, Reading::Summary(_))
        && let Some(crash) = told(entry).filter(|crash| crash.place.is_some())
    {
        failure.place = crash.place;
        failure.kind = crash.kind;
        failure.message = crash.message;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::observe::story::tests::event;

    fn lacking(timestamp: i64, message: &str) -> Failure {
        Failure {
            kind: "ValueError".to_owned(),
            place: None,
            message: String::new(),
            count: 1,
            first: timestamp,
            last: timestamp,
            functions: BTreeSet::new(),
            request: None,
            example: event(timestamp, "a", message),
        }
    }

    #[test]
    fn what_stands_around_an_event_names_its_request_and_place() {
        let around = || {
            vec![
                event(1, "a", "START RequestId: ONE Version: 3"),
                event(2, "a", "Traceback (most recent call last):"),
                event(2, "a", "  File \"/var/task/a.py\", line 3, in f"),
                event(2, "a", "ValueError: no"),
                event(3, "a", "END RequestId: ONE"),
            ]
        };
        let mut failure = lacking(2, "ValueError: no");
        learn(&mut failure, around());
        assert!(failure.request.as_deref().is_some_and(|id| id.starts_with("79b4f56e")), "{failure:?}");
        assert!(failure.place.is_some_and(|place| place.file == "a.py" && place.line == Some(3)));
        // The START is out of reach.
        let mut failure = lacking(2, "ValueError: no");
        learn(&mut failure, around().split_off(3));
        assert!(failure.request.is_some_and(|id| id.starts_with("79b4f56e")));
        // It is not there any more.
        let mut failure = lacking(2, "ValueError: other");
        learn(&mut failure, around());
        assert_eq!(failure.request, None);
    }
}
