//! The logs of several functions as one stream in time order, for minutes or for days.
//!
//! ```text
//! pace (when) ─► page (FilterLogEvents) ─► ahead (parts) ─► group (rounds, late events) ─► seen (never twice) ─► merge (order) ─► Step
//!                                     live (StartLiveTail) ────┘          line (networks and credentials that go)
//! ```
//!
//! `CloudWatch` Logs gives pages that are empty but not the last, events that arrive late, and refusals. A
//! round of a group looks again at what is recent, and ids tell what was shown: nothing is lost and nothing
//! comes twice. Memory is bounded: some pages, and the ids of the last minutes.

mod ahead;
mod group;
mod hearing;
mod line;
mod live;
mod merge;
mod pace;
mod page;
mod seen;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::future::FutureExt as _;
use serde::Serialize;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use self::group::Group;
use self::line::Line;
use self::live::Live;
use self::pace::Bucket;
use self::page::{Clock, Page, Trouble};
pub(super) use self::page::{is_too_often, trimmed};
use crate::aws::Cloud;
use crate::error::{Error, Result};

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
pub(crate) struct Wanted {
    /// For messages.
    pub(crate) stage: String,
    /// Function name in the config → log group.
    pub(crate) groups: BTreeMap<String, String>,
    /// Ms since 1970, both included.
    pub(crate) since: i64,
    pub(crate) until: Option<i64>,
    /// `CloudWatch`'s filter pattern.
    pub(crate) pattern: Option<String>,
    /// Go on with what comes; until `until`, if that is set.
    pub(crate) follow: bool,
    /// With live sessions.
    pub(crate) live: bool,
}

/// What happens next.
#[derive(Debug)]
pub(crate) enum Step {
    /// In time order, as far as nothing came late.
    Events(Vec<LogEvent>),
    /// Something to say beside the log.
    Notice(Notice),
    /// The credentials have expired: whoever can makes a new connection and calls [`Tail::renew`].
    Renew,
    /// Nothing for now: what was written in parts is to be shown.
    Quiet,
}

/// Something to say beside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) is_warning: bool,
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
}

impl Notice {
    fn warning(text: impl Into<String>) -> Self {
        Self { is_warning: true, text: text.into(), hint: None }
    }

    fn word(text: impl Into<String>) -> Self {
        Self { is_warning: false, text: text.into(), hint: None }
    }
}

/// The most events of one page. <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
const PAGE: usize = 10_000;
/// Ids that are remembered, over all groups.
const REMEMBERED: usize = 400_000;
/// Calls under way at once: of all groups, and for the past of few groups.
const AT_ONCE: usize = 16;
const LANES: usize = 4;
/// How long events wait for others that may be earlier. Live ones come with those of their session.
const HOLD: Duration = Duration::from_millis(300);
const HOLD_LIVE: Duration = Duration::from_millis(100);
/// A round that begins so long after `until` is the last one, ms: events arrive late.
const LATE: i64 = 5_000;
/// Who does not follow does not wait for ever either.
const PATIENCE: Duration = Duration::from_secs(30);
/// What happens all the time is said once in a while.
const SAID_AGAIN: Duration = Duration::from_mins(10);

/// The group's index, the number of the part, and its page.
type Read = (usize, u64, Result<Page, Trouble>);

/// A tail over the log groups of a stage.
pub(crate) struct Tail {
    cloud: Cloud,
    wanted: Wanted,
    groups: Vec<Group>,
    clock: Clock,
    bucket: Bucket,
    /// Calls under way, which go on while what came is shown.
    reads: JoinSet<Read>,
    line: Line,
    live: Option<Live>,
    /// Rounds begin on its beats.
    beat: Instant,
    /// Of live sessions.
    updates: u64,
    notices: VecDeque<Notice>,
    /// All that is there was handed on and said to be.
    quiet: bool,
    renewed: Instant,
    throttled: Option<Instant>,
    sampled: Option<Instant>,
    not_live: Option<Instant>,
    /// Whether any call was ever answered.
    answered: bool,
}

impl Tail {
    /// Reads nothing yet.
    pub(crate) fn new(cloud: Cloud, wanted: Wanted) -> Self {
        let most = (REMEMBERED / wanted.groups.len().max(1)).min(60_000);
        let live = wanted.live && wanted.follow;
        let group =
            |(source, name): (&String, &String)| Group::new(source.clone(), name.clone(), wanted.since, most, live);
        let now = Instant::now();
        let clock = Clock::default();
        // An endpoint of one's own has rates of its own: it will say so.
        let quota = if cloud.pace.is_on() { pace::quota(&cloud.region) } else { 200.0 };
        Self {
            groups: wanted.groups.iter().map(group).collect(),
            bucket: Bucket::new(quota),
            reads: JoinSet::new(),
            line: Line::new(),
            live: live.then(|| Live::new(wanted.pattern.clone(), clock.clone())),
            clock,
            beat: now,
            updates: 0,
            notices: VecDeque::new(),
            quiet: true,
            renewed: now,
            throttled: None,
            sampled: None,
            not_live: None,
            answered: false,
            cloud,
            wanted,
        }
    }

    /// What happens next; `None` at the end, which a tail that follows does not have.
    ///
    /// # Errors
    /// AWS refused for good; none of the log groups is there; nothing answers and nobody follows.
    pub(crate) async fn next(&mut self) -> Result<Option<Step>> {
        loop {
            if let Some(notice) = self.line.slept() {
                self.notices.push_back(notice);
                self.catch_up();
            }
            if let Some(notice) = self.notices.pop_front() {
                return Ok(Some(Step::Notice(notice)));
            }
            let mut wake = self.start_reads();
            let hold = if self.live.is_some() { HOLD_LIVE } else { HOLD };
            let (events, until) = merge::take(&mut self.groups, hold);
            if !events.is_empty() {
                self.quiet = false;
                return Ok(Some(Step::Events(events)));
            }
            if self.is_done() {
                return Ok(None);
            }
            if self.line.needs_credentials() && self.renewed.elapsed() > Duration::from_secs(5) {
                self.renewed = Instant::now();
                return Ok(Some(Step::Renew));
            }
            if !std::mem::replace(&mut self.quiet, true) {
                return Ok(Some(Step::Quiet));
            }
            wake = until.map_or(wake, |until| wake.min(until.max(Instant::now() + Duration::from_millis(5))));
            if let Some(at) = self.tend_live() {
                wake = wake.min(at);
            }
            let heard = match &mut self.live {
                Some(live) => live.hear().left_future(),
                None => std::future::pending().right_future(),
            };
            tokio::select! {
                Some(read) = self.reads.join_next() => self.came(read)?,
                heard = heard => self.heard(heard)?,
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// A new connection, with credentials that may be better.
    pub(crate) fn renew(&mut self, cloud: Cloud) {
        self.cloud = cloud;
        if let Some(live) = &mut self.live {
            live.reopen();
        }
    }

    /// Begins what is due, the group that waited longest first. Returns when there is something to do again.
    fn start_reads(&mut self) -> Instant {
        let now = Instant::now();
        let limit = self.page_size();
        for at in 0..self.groups.len() {
            let started = self.groups[at].started();
            if self.groups[at].advance(limit) {
                self.plan(at, started);
            }
        }
        let mut wake = now + Duration::from_secs(5);
        if let Some(retry) = self.line.retry() {
            // One call at a time looks whether the cloud answers again.
            if retry > now || !self.reads.is_empty() {
                return if retry > now { retry } else { wake };
            }
        }
        let lanes = (LANES / self.groups.len().max(1)).max(1);
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by_key(|at| self.groups[*at].asked);
        for at in order {
            if self.has_ended(&self.groups[at]) {
                continue;
            }
            if !self.groups[at].is_reading() && self.groups[at].due > now {
                wake = wake.min(self.groups[at].due);
                continue;
            }
            while self.reads.len() < AT_ONCE && self.groups[at].events.len() <= limit {
                if let Err(at) = self.bucket.ready() {
                    return wake.min(at);
                }
                let (until, pattern) = (self.wanted.until, self.wanted.pattern.as_deref());
                let question = self.groups[at].question(self.clock.now(), until, pattern, (limit, lanes));
                let Some((number, question)) = question else { break };
                self.bucket.take();
                let (cloud, clock) = (self.cloud.clone(), self.clock.clone());
                self.reads.spawn(async move { (at, number, page::read(&cloud, clock, question).await) });
                if self.line.retry().is_some() {
                    return wake;
                }
            }
        }
        wake
    }

    /// Many groups have smaller pages, so that all of them together stay small.
    fn page_size(&self) -> usize {
        (8 * PAGE / self.groups.len().max(1)).clamp(1_000, PAGE)
    }

    fn came(&mut self, read: Result<Read, JoinError>) -> Result<()> {
        match read {
            Ok((at, number, read)) => self.read(at, number, read),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// One group's call is over.
    fn read(&mut self, at: usize, number: u64, read: Result<Page, Trouble>) -> Result<()> {
        let trouble = match read {
            Ok(page) => {
                self.works();
                self.groups[at].got(number, page);
                return Ok(());
            }
            Err(trouble) => trouble,
        };
        match trouble {
            Trouble::Missing => {
                self.works();
                let started = self.groups[at].started();
                self.groups[at].missing(self.clock.now());
                self.plan(at, started);
                if self.groups.iter().all(|group| !group.present && group.rounds > 0)
                    && self.groups.iter().all(|group| group.heard.is_none() && group.rounds == 1)
                {
                    return Err(self.nothing_there());
                }
            }
            Trouble::Throttled => {
                self.works();
                self.groups[at].failed(number);
                self.bucket.refused();
                if again(&mut self.throttled) {
                    let text = "AWS limits how often logs may be read (ThrottlingException): reading more slowly";
                    self.notices.push_back(Notice::word(text));
                }
            }
            Trouble::Token => self.groups[at].restart(number),
            Trouble::Fatal(error) => return Err(error),
            Trouble::Expired(error) => self.lost((at, number), error, true)?,
            Trouble::Passing(error) => self.lost((at, number), error, false)?,
        }
        Ok(())
    }

    fn lost(&mut self, (at, number): (usize, u64), error: Error, expired: bool) -> Result<()> {
        self.groups[at].failed(number);
        let for_ever = !self.wanted.follow && (expired || self.line.down_for().is_some_and(|down| down > PATIENCE));
        if !self.answered || for_ever {
            return Err(error);
        }
        self.notices.extend(self.line.failed(&error, expired));
        Ok(())
    }

    /// Something was answered.
    fn works(&mut self) {
        self.answered = true;
        let (was_down, notice) = self.line.answered();
        if was_down {
            self.notices.extend(notice);
            self.catch_up();
        }
    }

    fn catch_up(&mut self) {
        self.groups.iter_mut().for_each(Group::hurry);
        if let Some(live) = &mut self.live {
            live.reopen();
        }
    }

    /// When the next round of a group begins.
    fn plan(&mut self, at: usize, started: Option<Instant>) {
        let now = Instant::now();
        let covered = self.live.as_ref().is_some_and(|live| live.covers(at));
        let group = &mut self.groups[at];
        let next = started.unwrap_or(now) + pace::interval(group.quiet(), covered, group.present);
        group.due = pace::on_beat(self.beat, next, now);
    }

    /// Whether a group needs no more rounds.
    fn has_ended(&self, group: &Group) -> bool {
        !group.is_reading()
            && group.rounds > 0
            && (!self.wanted.follow
                || self.wanted.until.is_some_and(|until| group.completed().is_some_and(|at| at > until + LATE)))
    }

    fn is_done(&self) -> bool {
        self.reads.is_empty() && self.groups.iter().all(|group| group.events.is_empty() && self.has_ended(group))
    }

    fn nothing_there(&self) -> Error {
        let stage = &self.wanted.stage;
        Error::failed(format!("there are no logs of stage `{stage}` yet"))
            .hint(format!("run `rzap deploy {stage}` first, or check the stage's name and region"))
    }
}

/// Whether it is time to say it again.
fn again(said: &mut Option<Instant>) -> bool {
    let due = said.is_none_or(|at| at.elapsed() > SAID_AGAIN);
    if due {
        *said = Some(Instant::now());
    }
    due
}
