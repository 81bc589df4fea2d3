//! Live sessions: `StartLiveTail` for up to ten log groups each, opened again when they end.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html>. A session
//! gives what is ingested while it is open, without ids, once a second, at most 500 events. So it is never
//! trusted alone: pages fill in what came before it opened, what a sample left out, and what got lost.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::config::http::HttpRequest;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::types::{LiveTailSessionLogEvent, LiveTailSessionUpdate, StartLiveTailResponseStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::page::{Clock, trimmed};
use crate::aws::{Cloud, code, explain, is_code};
use crate::error::Error;

/// Log groups of one session.
const GROUPS: usize = 10;
/// AWS ends a session after three hours; before that a new one is opened.
const LASTS: Duration = Duration::from_mins(175);
/// An update comes every second, also when nothing was written: after so long the connection is dead.
const DEAD: Duration = Duration::from_secs(6);
/// Ms: what was ingested so long before a session began is not its own. Pages have it.
const BEFORE: i64 = 2_000;
/// Before a session is opened again: the first time, and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// All sessions of a tail.
#[derive(Debug)]
pub(super) struct Live {
    sessions: Vec<Session>,
    pattern: Option<String>,
    clock: Clock,
    sender: mpsc::Sender<Said>,
    receiver: mpsc::Receiver<Said>,
    /// Opened so far.
    count: u64,
}

#[derive(Debug)]
struct Session {
    /// Indexes of the tail's groups.
    groups: Vec<usize>,
    number: u64,
    task: Option<Task>,
    open: bool,
    /// Ms, AWS's clock: when it was open.
    began: i64,
    opened: Instant,
    heard: Instant,
    /// When to open it, and how long to wait the next time.
    at: Instant,
    pause: Duration,
}

/// A task that ends with its owner.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a session's task tells.
#[derive(Debug)]
struct Said {
    number: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Began,
    Update(LiveTailSessionUpdate),
    Ended(Option<Refusal>),
}

/// Why a session could not be opened or ended early.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    /// A permission is missing.
    pub(super) denied: bool,
    /// There is no such operation here.
    pub(super) unknown: bool,
}

/// One event: time (ms), group's name or ARN, stream, message.
pub(super) type Event = (i64, String, String, String);

/// What the tail has to know.
#[derive(Debug)]
pub(super) enum Heard {
    /// These groups are covered from now on; what came before has to be read.
    Began(Vec<usize>),
    Update {
        groups: Vec<usize>,
        events: Vec<Event>,
        sampled: bool,
    },
    Ended(Vec<usize>, Option<Refusal>),
}

impl Live {
    pub(super) fn new(pattern: Option<String>, clock: Clock) -> Self {
        let (sender, receiver) = mpsc::channel(16);
        Self { sessions: Vec::new(), pattern, clock, sender, receiver, count: 0 }
    }

    /// Whether a session that is open has this group.
    pub(super) fn covers(&self, group: usize) -> bool {
        self.sessions.iter().any(|session| session.open && session.groups.contains(&group))
    }

    /// Opens what is to be opened, for these groups (index, name), and gives up what is dead. Returns when there is
    /// something to do again.
    pub(super) fn tend(&mut self, cloud: &Cloud, present: &[(usize, String)]) -> Instant {
        let now = Instant::now();
        for session in &mut self.sessions {
            // A log group that is gone would keep its session from opening.
            let before = session.groups.len();
            session.groups.retain(|group| present.iter().any(|(index, _)| index == group));
            let old = session.task.is_some() && now >= session.opened + LASTS;
            let dead = session.task.is_some() && now >= session.heard + DEAD;
            if before != session.groups.len() || old || dead {
                session.close(now);
            }
        }
        for (index, _) in present {
            if self.sessions.iter().any(|session| session.groups.contains(index)) {
                continue;
            }
            match self.sessions.iter_mut().find(|session| session.groups.len() < GROUPS) {
                Some(session) => {
                    session.groups.push(*index);
                    session.close(now);
                }
                None => self.sessions.push(Session::new(*index, now)),
            }
        }
        let mut next = now + DEAD;
        for session in &mut self.sessions {
            if session.task.is_none() && session.at <= now && !session.groups.is_empty() {
                self.count += 1;
                let named = |index: &usize| present.iter().find(|(it, _)| it == index).map(|(_, name)| name);
                let arns = session.groups.iter().filter_map(named).map(|name| cloud.log_group_arn(name)).collect();
                let listen = listen(cloud.clone(), arns, self.pattern.clone(), self.count, self.sender.clone());
                session.number = self.count;
                session.task = Some(Task(tokio::spawn(listen)));
                (session.opened, session.heard) = (now, now + DEAD);
            }
            next = next.min(match session.task {
                Some(_) => (session.heard + DEAD).min(session.opened + LASTS),
                None => session.at,
            });
        }
        next
    }

    /// All connections are taken for dead.
    pub(super) fn reopen(&mut self) {
        let now = Instant::now();
        for session in &mut self.sessions {
            session.close(now);
        }
    }

    /// Waits for what a session says.
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            let Some(said) = self.receiver.recv().await else { std::future::pending().await };
            let now = Instant::now();
            // A session that was given up may have said something before it ended.
            let Some(session) = self.sessions.iter_mut().find(|it| it.number == said.number && it.task.is_some())
            else {
                continue;
            };
            session.heard = now;
            let groups = session.groups.clone();
            match said.what {
                What::Began => {
                    session.open = true;
                    session.began = self.clock.now();
                    return Heard::Began(groups);
                }
                What::Update(update) => {
                    session.pause = PAUSE;
                    return heard(groups, update, session.began - BEFORE);
                }
                What::Ended(why) => {
                    session.close(now);
                    session.at = now + session.pause;
                    session.pause = (session.pause * 2).min(LONGEST);
                    return Heard::Ended(groups, why);
                }
            }
        }
    }
}

impl Session {
    fn new(group: usize, now: Instant) -> Self {
        let (opened, heard, at) = (now, now, now);
        Self { groups: vec![group], number: 0, task: None, open: false, began: 0, opened, heard, at, pause: PAUSE }
    }

    /// To be opened again at once: never two at a time, so that nothing comes from both.
    fn close(&mut self, now: Instant) {
        self.task = None;
        self.open = false;
        self.at = now;
    }
}

/// `since`, ms: what was ingested earlier may have been in the session before this one, and shown. It is left to pages,
/// which know events by their ids.
fn heard(groups: Vec<usize>, update: LiveTailSessionUpdate, since: i64) -> Heard {
    let sampled = update.session_metadata.is_some_and(|metadata| metadata.sampled);
    let is_its_own = |event: &LiveTailSessionLogEvent| event.ingestion_time.is_none_or(|at| at >= since);
    let events = update.session_results.unwrap_or_default().into_iter().filter(is_its_own).filter_map(|event| {
        let message = trimmed(event.message.unwrap_or_default());
        let group = event.log_group_identifier.unwrap_or_default();
        Some((event.timestamp?, group, event.log_stream_name.unwrap_or_default(), message))
    });
    let mut events: Vec<Event> = events.collect();
    events.sort_by_key(|(timestamp, ..)| *timestamp);
    Heard::Update { groups, events, sampled }
}

/// The name in an identifier: `NAME`, `ACCOUNT:NAME` or an ARN, which may end with `:*`.
pub(super) fn name_of(identifier: &str) -> &str {
    identifier.trim_end_matches(":*").rsplit(':').next().unwrap_or_default()
}

/// One session from its beginning to its end.
async fn listen(cloud: Cloud, arns: Vec<String>, pattern: Option<String>, number: u64, to: mpsc::Sender<Said>) {
    let ended = session(&cloud, arns, pattern, number, &to).await.err();
    let _ = to.send(Said { number, what: What::Ended(ended) }).await;
}

async fn session(
    cloud: &Cloud,
    arns: Vec<String>,
    pattern: Option<String>,
    number: u64,
    to: &mpsc::Sender<Said>,
) -> Result<(), Refusal> {
    let what = "follow the logs live";
    let call = cloud.logs.start_live_tail().set_log_group_identifiers(Some(arns));
    let call = call.set_log_event_filter_pattern(pattern).customize().mutate_request(without_prefix);
    let call = call.config_override(Builder::new().retry_config(RetryConfig::disabled()));
    let mut stream = call
        .send()
        .await
        .map_err(|error| {
            let denied = code(&error).is_some_and(|code| code.contains("AccessDenied"));
            let unknown = is_code(&error, &["NotImplemented", "UnknownOperationException", "InvalidAction"])
                || error.raw_response().is_some_and(|answer| matches!(answer.status().as_u16(), 404 | 501));
            Refusal { error: explain(what)(error), denied, unknown }
        })?
        .response_stream;
    loop {
        let message = stream.recv().await;
        let message =
            message.map_err(|error| Refusal { error: explain(what)(error), denied: false, unknown: false })?;
        let what = match message {
            Some(StartLiveTailResponseStream::SessionStart(_)) => What::Began,
            Some(StartLiveTailResponseStream::SessionUpdate(update)) => What::Update(update),
            Some(_) => continue,
            None => return Ok(()),
        };
        if to.send(Said { number, what }).await.is_err() {
            return Ok(());
        }
    }
}

/// The SDK puts `stream-` before the host, also where an endpoint was given, which has no such name.
fn without_prefix(request: &mut HttpRequest) {
    let stripped = request.uri().split_once("://").and_then(|(scheme, rest)| {
        let rest = rest.strip_prefix("stream-")?;
        // AWS's own: logs.eu-west-1.amazonaws.com, also of other partitions and with two stacks.
        (!rest.starts_with("logs.") && !rest.starts_with("logs-fips.")).then(|| format!("{scheme}://{rest}"))
    });
    if let Some(uri) = stripped {
        // It was a URI with the prefix, and is one without.
        let _ = request.set_uri(uri);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(uri: &str) -> String {
        let mut request = HttpRequest::empty();
        request.set_uri(uri.to_owned()).expect("a URI");
        without_prefix(&mut request);
        request.uri().to_owned()
    }

    #[test]
    fn only_aws_has_hosts_with_the_prefix() {
        assert_eq!(uri("http://stream-127.0.0.1:4599/"), "http://127.0.0.1:4599/");
        for kept in ["https://stream-logs.eu-west-1.amazonaws.com/", "http://localhost:1/"] {
            assert_eq!(uri(kept), kept);
        }
    }

    #[test]
    fn a_group_is_known_by_any_of_its_identifiers() {
        for identifier in ["/a", "123456789012:/a", "arn:aws:logs:eu-west-1:123456789012:log-group:/a:*"] {
            assert_eq!(name_of(identifier), "/a");
        }
    }
}
