//! The logs of several functions as one stream in time order.
//!
//! CloudWatch Logs gives no order across streams, pages that are empty but not the last, and events
//! that arrive late. So each round reads from a little before the newest event seen, and ids tell
//! what was shown already: nothing is lost and nothing comes twice.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures_util::future::try_join_all;
use serde::Serialize;

use crate::aws::{Cloud, code, explain, is_code};
use crate::error::{Error, Result};

/// How far before the newest event a round looks again, ms: late events are rarely later.
const OVERLAP: i64 = 15_000;
/// Pause between rounds: shortest after something came, longest after silence.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(3);

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogEvent {
    /// Milliseconds since 1970, UTC.
    pub(crate) timestamp: i64,
    /// The function's name in the config.
    pub(crate) function: String,
    /// Without the line end.
    pub(crate) message: String,
    pub(crate) stream: String,
}

/// What to read.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// Ms since 1970.
    pub(crate) since: i64,
    /// CloudWatch's filter pattern.
    pub(crate) pattern: Option<String>,
}

/// A tail over the log groups of a stage.
#[derive(Debug)]
pub(crate) struct Tail {
    groups: Vec<Group>,
    pattern: Option<String>,
    pause: Duration,
    throttled: bool,
}

#[derive(Debug)]
struct Group {
    function: String,
    name: String,
    /// Ms: the next round starts here.
    from: i64,
    /// Ids of shown events with their time, from `from` on.
    shown: HashMap<String, i64>,
    /// Whether the group was there in the last round.
    present: bool,
}

impl Tail {
    /// `groups`: function name in the config → log group.
    pub(crate) fn new(groups: BTreeMap<String, String>, filter: Filter) -> Self {
        let groups = groups.into_iter().map(|(function, name)| Group {
            function,
            name,
            from: filter.since,
            shown: HashMap::new(),
            present: true,
        });
        Self { groups: groups.collect(), pattern: filter.pattern, pause: SHORTEST, throttled: false }
    }

    /// Everything new since the last round, in time order.
    ///
    /// # Errors
    /// AWS refused; not when a group is missing (see [`Tail::missing`]) or the rate is exceeded.
    pub(crate) async fn round(&mut self, cloud: &Cloud) -> Result<Vec<LogEvent>> {
        let pattern = self.pattern.as_deref();
        let rounds = self.groups.iter_mut().map(|group| group.round(cloud, pattern));
        let parts = try_join_all(rounds).await?;
        let throttled = parts.iter().any(|part| part.throttled);
        self.throttled = throttled;
        let mut events: Vec<LogEvent> = parts.into_iter().flat_map(|part| part.events).collect();
        // Stable: within one millisecond a stream's lines stay in the order they were written.
        events.sort_by_key(|event| event.timestamp);
        self.pause = match (throttled, events.is_empty()) {
            (true, _) => (self.pause * 2).min(LONGEST),
            (false, true) => (self.pause * 5 / 4).min(LONGEST),
            (false, false) => SHORTEST,
        };
        Ok(events)
    }

    /// True when the last round ended before everything was read, because the rate was exceeded.
    pub(crate) fn throttled(&self) -> bool {
        self.throttled
    }

    /// Waits as long as is polite before the next round.
    pub(crate) async fn rest(&self) {
        tokio::time::sleep(self.pause).await;
    }

    /// Log groups that are not there.
    pub(crate) fn missing(&self) -> Vec<&str> {
        self.groups.iter().filter(|group| !group.present).map(|group| group.name.as_str()).collect()
    }
}

struct Part {
    events: Vec<LogEvent>,
    throttled: bool,
}

impl Group {
    async fn round(&mut self, cloud: &Cloud, pattern: Option<&str>) -> Result<Part> {
        let mut events = Vec::new();
        let mut throttled = false;
        let mut token = None;
        loop {
            let call = cloud.logs.filter_log_events().log_group_name(&self.name).start_time(self.from);
            let page = call.set_filter_pattern(pattern.map(str::to_owned)).set_next_token(token).send().await;
            let page = match page {
                Ok(page) => page,
                Err(error) if code(&error) == Some("ResourceNotFoundException") => {
                    self.present = false;
                    break;
                }
                Err(error) if is_code(&error, &["ThrottlingException", "LimitExceededException"]) => {
                    throttled = true;
                    break;
                }
                Err(error) if code(&error) == Some("InvalidParameterException") => {
                    return Err(explain(format!("read the log group `{}`", self.name))(error)
                        .hint("is the filter pattern right? a phrase with special characters needs double quotes inside: --filter '\"a-b\"'"));
                }
                Err(error) => return Err(explain(format!("read the log group `{}`", self.name))(error)),
            };
            self.present = true;
            events.extend(page.events().iter().filter_map(|event| self.take(event)));
            // An empty page may have a next one; only a missing token ends it.
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        if !throttled {
            self.forget();
        }
        Ok(Part { events, throttled })
    }

    fn take(&mut self, event: &aws_sdk_cloudwatchlogs::types::FilteredLogEvent) -> Option<LogEvent> {
        let timestamp = event.timestamp()?;
        let stream = event.log_stream_name().unwrap_or_default().to_owned();
        let message = event.message().unwrap_or_default().trim_end_matches(['\n', '\r']).to_owned();
        // Some emulators give no ids; then stream, time and text stand in for one.
        let id = event.event_id().map_or_else(|| format!("{stream}/{timestamp}/{message}"), str::to_owned);
        let known = self.shown.insert(id, timestamp).is_some();
        (!known).then(|| LogEvent { timestamp, function: self.function.clone(), message, stream })
    }

    /// Moves the start of the next round and drops what it will not meet again.
    fn forget(&mut self) {
        let Some(newest) = self.shown.values().max() else { return };
        self.from = self.from.max(newest - OVERLAP);
        let from = self.from;
        self.shown.retain(|_, timestamp| *timestamp >= from);
    }
}

impl Tail {
    /// The error when none of the log groups is there.
    pub(crate) fn nothing_there(stage: &str) -> Error {
        Error::failed(format!("there are no logs of stage `{stage}` yet"))
            .hint(format!("run `rzap deploy {stage}` first, or check the stage's name and region"))
    }
}
