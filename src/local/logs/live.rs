//! `StartLiveTail`: what is written, to whoever listens, once a second.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html>: a session
//! sees what is ingested after it began; an update has at most 500 events, and says when that is a sample;
//! after three hours it ends. What a client does not read is kept by the sockets only: AWS's ten updates
//! that wait are not copied.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::input::{Input, constraint, group_of, missing};
use super::pattern::Pattern;
use super::{Logs, group_arn, invalid, now};
use crate::local::ACCOUNT;
use crate::local::eventstream::{self, CONTENT_TYPE};
use crate::local::rest::Rest;
use crate::local::wire::{Fault, Reply};

/// Events of one update.
const MOST: usize = 500;
const EVERY: Duration = Duration::from_secs(1);
/// How long a session lasts.
const LASTS: Duration = Duration::from_hours(3);
/// Sessions at once in an account and region.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const MOST_SESSIONS: usize = 15;
/// Log groups of one session.
const MOST_GROUPS: usize = 10;

/// All open sessions.
#[derive(Debug, Default)]
pub(super) struct Live(Mutex<Vec<Listener>>);

/// A session, and whether its client is still there.
#[derive(Debug)]
struct Listener {
    session: Arc<Session>,
    client: Weak<()>,
}

#[derive(Debug)]
struct Session {
    region: String,
    groups: Vec<String>,
    streams: Vec<String>,
    prefixes: Vec<String>,
    pattern: Pattern,
    waiting: Mutex<Waiting>,
}

/// What the next update has.
#[derive(Debug, Default)]
struct Waiting {
    events: Vec<Value>,
    /// Also those that are not in the sample.
    matched: usize,
}

impl Live {
    /// Tells all who listen to this region, group and stream.
    pub(super) fn written(&self, (region, group, stream): (&str, &str, &str), events: &[(i64, String)]) {
        let mut listeners = self.listeners();
        if listeners.is_empty() {
            return;
        }
        listeners.retain(|listener| listener.client.strong_count() > 0);
        for listener in listeners.iter() {
            listener.session.written((region, group, stream), events);
        }
    }

    /// The session is kept here only: it ends with the local cloud.
    fn open(&self, session: Session) -> Result<(Weak<Session>, Arc<()>), Fault> {
        let mut listeners = self.listeners();
        listeners.retain(|listener| listener.client.strong_count() > 0);
        if listeners.iter().filter(|listener| listener.session.region == session.region).count() == MOST_SESSIONS {
            let message = format!("The account has {MOST_SESSIONS} Live Tail sessions, the most there can be.");
            return Err(Fault::new(400, "LimitExceededException", message));
        }
        let (session, client) = (Arc::new(session), Arc::new(()));
        let (weak, watched) = (Arc::downgrade(&session), Arc::downgrade(&client));
        listeners.push(Listener { session, client: watched });
        Ok((weak, client))
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn read(input: &Input<'_>) -> Result<Self, Fault> {
        let identifiers = input.texts("logGroupIdentifiers")?.ok_or_else(|| missing("logGroupIdentifiers"))?;
        if identifiers.is_empty() || identifiers.len() > MOST_GROUPS {
            let rule = "Member must have length between 1 and 10, inclusive";
            return Err(constraint("[...]", "logGroupIdentifiers", rule));
        }
        if let Some(name) = identifiers.iter().find(|name| !name.starts_with("arn:") || name.ends_with('*')) {
            return Err(invalid(format!("{name} is not the ARN of a log group; it must not end with an asterisk.")));
        }
        let groups = identifiers.iter().map(|identifier| group_of(identifier, input.region));
        let streams = input.texts("logStreamNames")?.unwrap_or_default();
        let prefixes = input.texts("logStreamNamePrefixes")?.unwrap_or_default();
        if !streams.is_empty() && !prefixes.is_empty() {
            return Err(invalid("logStreamNames and logStreamNamePrefixes cannot both be specified."));
        }
        if identifiers.len() > 1 && !(streams.is_empty() && prefixes.is_empty()) {
            return Err(invalid("Log streams can be named for one log group only."));
        }
        Ok(Self {
            region: input.region.to_owned(),
            groups: groups.collect::<Result<_, _>>()?,
            streams,
            prefixes,
            pattern: Pattern::parse(input.text("logEventFilterPattern")?.unwrap_or_default()).map_err(invalid)?,
            waiting: Mutex::default(),
        })
    }

    fn written(&self, (region, group, stream): (&str, &str, &str), events: &[(i64, String)]) {
        let named = self.streams.is_empty() || self.streams.iter().any(|name| name == stream);
        let begins = self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| stream.starts_with(prefix));
        if self.region != region || !self.groups.iter().any(|name| name == group) || !named || !begins {
            return;
        }
        let ingested = now();
        let mut waiting = self.waiting();
        for (timestamp, message) in events.iter().filter(|(_, message)| self.pattern.matches(message)) {
            waiting.push(|| {
                json!({
                    "logStreamName": stream,
                    "logGroupIdentifier": format!("{ACCOUNT}:{group}"),
                    "message": message,
                    "timestamp": timestamp,
                    "ingestionTime": ingested,
                })
            });
        }
    }

    fn update(&self) -> Bytes {
        let Waiting { mut events, matched } = std::mem::take(&mut *self.waiting());
        events.sort_by_key(|event| event["timestamp"].as_i64());
        let sampled = matched > events.len();
        event("sessionUpdate", &json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": events }))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Beyond the most, every event has the same chance to be in the sample: its place among all is drawn.
    fn push(&mut self, event: impl FnOnce() -> Value) {
        self.matched += 1;
        if self.events.len() < MOST {
            return self.events.push(event());
        }
        let mixed = (self.matched as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let place = usize::try_from(mixed).unwrap_or_default() % self.matched;
        if let Some(slot) = self.events.get_mut(place) {
            *slot = event();
        }
    }
}

impl Logs {
    pub(super) fn start_live_tail(&self, input: &Input<'_>) -> Result<Reply, Fault> {
        let session = Session::read(input)?;
        for name in &session.groups {
            if self.group(input.region, name, |group| group.class != "STANDARD")? {
                return Err(invalid(format!(
                    "Live Tail supports the Standard log class only, which {name} is not in."
                )));
            }
        }
        let arns: Vec<String> = session.groups.iter().map(|name| group_arn(input.region, name)).collect();
        let start = json!({
            "requestId": uuid::Uuid::new_v4().to_string(),
            "sessionId": uuid::Uuid::new_v4().to_string(),
            "logGroupIdentifiers": arns,
            "logStreamNames": session.streams,
            "logStreamNamePrefixes": session.prefixes,
            "logEventFilterPattern": input.text("logEventFilterPattern")?.unwrap_or_default(),
        });
        let (session, client) = self.live.open(session)?;
        // In this protocol the members outside of the stream come as its first message, here none.
        // <https://smithy.io/2.0/spec/streaming.html#initial-response-messages>
        let head = [event("initial-response", &json!({})), event("sessionStart", &start)].concat();
        let ticker = Ticker { session, _client: client, ticks: None, ends: Instant::now() + LASTS };
        let updates = unfold(Some(ticker), |ticker| async {
            let mut ticker = ticker?;
            let update = ticker.next().await?;
            Some((Ok(update), (Instant::now() < ticker.ends).then_some(ticker)))
        });
        Ok(Reply::empty(200).with("content-type", CONTENT_TYPE).body(head).followed_by(Rest::new(updates)))
    }
}

/// A session as its connection sees it.
struct Ticker {
    session: Weak<Session>,
    _client: Arc<()>,
    ticks: Option<Interval>,
    ends: Instant,
}

impl Ticker {
    /// The next message; `None` when the local cloud is gone.
    async fn next(&mut self) -> Option<Bytes> {
        let ticks = self.ticks.get_or_insert_with(|| {
            let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        ticks.tick().await;
        if Instant::now() >= self.ends {
            let message = json!({ "message": "The session was open for three hours, the most it can be." });
            return Some(eventstream::exception("SessionTimeoutException", message.to_string().as_bytes()));
        }
        self.session.upgrade().map(|session| session.update())
    }
}

fn event(kind: &str, payload: &Value) -> Bytes {
    eventstream::event(kind, "application/json", payload.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(pattern: &str) -> Session {
        Session {
            region: "eu-west-1".into(),
            groups: vec!["/one".into()],
            streams: Vec::new(),
            prefixes: Vec::new(),
            pattern: Pattern::parse(pattern).expect("a pattern"),
            waiting: Mutex::default(),
        }
    }

    #[test]
    fn a_session_hears_its_groups_and_what_fits_its_pattern() {
        let live = Live::default();
        let (session, _client) = live.open(session("ERROR")).expect("a session");
        let events = [(1, "ERROR one".to_owned()), (2, "fine".to_owned())];
        for place in [("eu-west-1", "/one", "s"), ("eu-west-1", "/two", "s"), ("us-east-1", "/one", "s")] {
            live.written(place, &events);
        }
        let session = session.upgrade().expect("it is open");
        let waiting = session.waiting();
        assert_eq!(waiting.events.iter().map(|event| &event["message"]).collect::<Vec<_>>(), ["ERROR one"]);
    }

    #[test]
    fn more_than_an_update_holds_is_sampled_over_the_whole() {
        let session = session("");
        let events: Vec<(i64, String)> = (0..5_000).map(|at| (at, at.to_string())).collect();
        session.written(("eu-west-1", "/one", "s"), &events);
        let waiting = session.waiting();
        assert_eq!((waiting.events.len(), waiting.matched), (MOST, 5_000));
        let late = waiting.events.iter().filter(|event| event["timestamp"].as_i64() >= Some(2_500)).count();
        assert!((150..=350).contains(&late), "{late}");
    }

    #[test]
    fn a_client_that_hung_up_makes_room() {
        let live = Live::default();
        let open: Vec<_> = (0..MOST_SESSIONS).map(|_| live.open(session("")).expect("a session")).collect();
        assert_eq!(live.open(session("")).expect_err("one too many").code, "LimitExceededException");
        drop(open);
        assert!(live.open(session("")).is_ok());
    }
}
