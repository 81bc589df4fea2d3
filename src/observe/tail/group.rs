//! One log group: where its next round begins, what it has read and not yet handed on.
//!
//! A round reads all pages from a time on. It begins a little before the newest event, because events arrive
//! late; every half minute it begins much earlier, for those that are very late. What was in the way of a
//! round, for seconds or for days, the next one makes up for: it begins where the last complete one did.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::LogEvent;
use super::ahead::{Ahead, Ask};
use super::page::{Found, Page, Question};
use super::seen::Seen;

/// Ms by which a round begins before the newest event, and by which it does every [`DEEP_EVERY`]. Where so much is
/// written that this would be more than a page, it is less: a second call each second is worth more elsewhere.
const OVERLAP: i64 = 10_000;
const LEAST_OVERLAP: i64 = 1_000;
const MUCH: usize = 5_000;
const DEEP: i64 = 180_000;
const DEEP_EVERY: Duration = Duration::from_secs(30);
/// Not more often, also when something is known to be missing.
const DEEP_AGAIN: Duration = Duration::from_secs(5);
/// Ms: a silent group is looked at from here on only, so that a pattern that fits nothing is not searched for in
/// all that was written since it last did.
const SILENT: i64 = 120_000;
/// Ms: so far ahead of AWS's clock the time of an event may be and still count as now.
const AHEAD: i64 = 2_000;

/// The state of one log group.
#[derive(Debug)]
pub(super) struct Group {
    /// The function's name in the config, or what else the group belongs to.
    pub(super) source: String,
    pub(super) name: String,
    /// In time order; from the front they are handed on.
    pub(super) events: VecDeque<LogEvent>,
    /// When the last of them came.
    pub(super) arrived: Instant,
    /// When the last event came at all.
    pub(super) heard: Option<Instant>,
    /// Whether the group was there when it was last asked for.
    pub(super) present: bool,
    pub(super) due: Instant,
    /// When it last was asked.
    pub(super) asked: Option<Instant>,
    round: Option<Round>,
    /// Of the next part that is read: none has the number of another.
    number: u64,
    /// Rounds that were completed.
    pub(super) rounds: u64,
    since: i64,
    /// Ms: the newest event, no later than the round's beginning.
    newest: i64,
    /// Ms: when the last complete round began.
    complete: Option<i64>,
    /// Ms: when it last was not there.
    asked_in_vain: i64,
    deep_at: Instant,
    deep_was: Instant,
    overlap: i64,
    seen: Seen,
}

/// Reading from a time on to the end.
#[derive(Debug)]
struct Round {
    /// Ms, AWS's clock.
    began: i64,
    started: Instant,
    parts: Ahead,
    /// More than what came since the last one: then order is worth waiting for.
    bulk: bool,
    deep: bool,
    /// Events that came, also those that were shown before.
    count: usize,
}

impl Group {
    /// From `since` (ms) on; at most so many ids are remembered.
    pub(super) fn new(source: String, name: String, since: i64, most: usize, live: bool) -> Self {
        let now = Instant::now();
        Self {
            source,
            name,
            events: VecDeque::new(),
            arrived: now,
            heard: None,
            present: true,
            due: now,
            asked: None,
            round: None,
            number: 0,
            rounds: 0,
            since,
            newest: i64::MIN,
            complete: None,
            asked_in_vain: i64::MIN,
            deep_at: now + DEEP_EVERY,
            deep_was: now,
            overlap: OVERLAP,
            seen: Seen::new(since, most, live),
        }
    }

    /// In a round, between two pages or before the first.
    pub(super) fn is_reading(&self) -> bool {
        self.round.is_some()
    }

    /// In a round that has much to read.
    pub(super) fn is_bulk(&self) -> bool {
        self.round.as_ref().is_some_and(|round| round.bulk)
    }

    /// Ms: when the last complete round began. A group that is not there has had its round, too.
    pub(super) fn completed(&self) -> Option<i64> {
        self.complete.or((!self.present).then_some(self.asked_in_vain))
    }

    /// When the round began.
    pub(super) fn started(&self) -> Option<Instant> {
        self.round.as_ref().map(|round| round.started)
    }

    /// The next call, if there is one to make; begins a round when there is none. `clock`: AWS's, ms.
    pub(super) fn question(
        &mut self,
        clock: i64,
        until: Option<i64>,
        pattern: Option<&str>,
        (limit, lanes): (usize, usize),
    ) -> Option<(u64, Question)> {
        let now = Instant::now();
        if self.round.is_none() {
            let deep = now >= self.deep_at;
            let from = self.begin(clock, deep);
            // After a pause, what was written in it is sorted; else a page is all there is.
            let bulk = self.complete.is_none_or(|complete| clock - complete > 30_000);
            self.seen.again();
            // A floor that rose above `until` leaves nothing to ask for, which AWS would not take.
            let from = until.map_or(from, |until| from.min(until)).max(0);
            let parts = Ahead::new((from, until), clock, (lanes, limit), self.number);
            self.round = Some(Round { began: clock, started: now, parts, bulk, deep, count: 0 });
        }
        let Ask { number, from, until, token } = self.round.as_mut()?.parts.ask()?;
        self.asked = Some(now);
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        Some((
            number,
            Question { group: self.name.clone(), from, until, pattern: pattern.map(str::to_owned), token, limit },
        ))
    }

    /// Ms: where a round begins.
    fn begin(&self, clock: i64, deep: bool) -> i64 {
        let Some(complete) = self.complete else {
            return self.since;
        };
        let reached = self.newest.max(clock - SILENT).min(complete);
        let back = if deep { DEEP } else { self.overlap };
        (reached - back).max(self.seen.floor())
    }

    /// A page came, of the part with this number.
    pub(super) fn got(&mut self, number: u64, page: Page) {
        self.present = true;
        if let Some(round) = self.round.as_mut() {
            round.bulk |= page.token.is_some();
            round.parts.got(number, page);
        }
    }

    /// Takes what came, in its order, as long as no more than `most` events wait. `true` when that completes the round.
    pub(super) fn advance(&mut self, most: usize) -> bool {
        while self.events.len() <= most
            && let Some(round) = self.round.as_mut()
        {
            if let Some(found) = round.parts.take() {
                let began = round.began;
                round.count += found.len();
                self.take(found, began);
            } else if round.parts.is_done() {
                self.complete();
                return true;
            } else {
                return false;
            }
        }
        false
    }

    fn take(&mut self, found: Vec<Found>, began: i64) {
        let mut came = false;
        let sorted_after = self.events.back().map(|event| event.timestamp);
        let mut in_order = true;
        // What is read for the first time nobody has seen, whatever was forgotten meanwhile.
        let first = self.complete.is_none();
        for Found { id, timestamp, stream, message } in found {
            if timestamp <= began + AHEAD {
                self.newest = self.newest.max(timestamp);
            }
            let event = LogEvent { timestamp, function: self.source.clone(), message, stream };
            let floor = if first { self.since } else { self.seen.floor() };
            if self.seen.in_page(&event, id.as_deref(), floor) {
                came = true;
                in_order &= sorted_after.is_none_or(|last| last <= timestamp);
                self.events.push_back(event);
            }
        }
        self.came(came, in_order, Instant::now());
    }

    fn complete(&mut self) {
        let Some(Round { began, parts, deep, count, .. }) = self.round.take() else { return };
        let now = Instant::now();
        self.number = parts.next_number();
        self.rounds += 1;
        self.complete = Some(began);
        if deep || self.rounds == 1 {
            self.deep_was = now;
            self.deep_at = now + DEEP_EVERY;
        }
        self.overlap = match count {
            _ if deep => self.overlap,
            count if count > MUCH => (self.overlap / 2).max(LEAST_OVERLAP),
            count if count < MUCH / 4 => (self.overlap * 2).min(OVERLAP),
            _ => self.overlap,
        };
        let reached = self.newest.max(began - SILENT).min(began);
        self.seen.raise(reached - DEEP);
    }

    /// Events of a live session, sorted.
    pub(super) fn live(&mut self, events: impl Iterator<Item = (i64, String, String)>) {
        let sorted_after = self.events.back().map(|event| event.timestamp);
        let (mut came, mut in_order) = (false, true);
        for (timestamp, stream, message) in events {
            let event = LogEvent { timestamp, function: self.source.clone(), message, stream };
            // Older than what is asked for: nothing could tell that it was shown. It is new to this session.
            if self.seen.in_session(&event) {
                came = true;
                in_order &= sorted_after.is_none_or(|last| last <= timestamp);
                self.events.push_back(event);
            }
        }
        self.came(came, in_order, Instant::now());
    }

    fn came(&mut self, came: bool, in_order: bool, now: Instant) {
        if came {
            self.arrived = now;
            self.heard = Some(now);
        }
        if !in_order {
            // Stable: within one millisecond a stream's lines stay as they were written.
            self.events.make_contiguous().sort_by_key(|event| event.timestamp);
        }
    }

    /// There is no such group now. What it will have, when it is there, is looked for from where this one ended.
    pub(super) fn missing(&mut self, clock: i64) {
        self.present = false;
        let round = self.round.take();
        self.number = round.as_ref().map_or(self.number, |round| round.parts.next_number());
        let began = round.map_or(clock, |round| round.began);
        self.rounds += 1;
        // What was there before counts as read; a new group of the name has newer events. One that never was there
        // may have been filled by the time it is found: its first round is as `since` says.
        self.complete = self.complete.map(|_| began);
        self.asked_in_vain = began;
    }

    /// The call failed; the round goes on with the next one.
    pub(super) fn failed(&mut self, number: u64) {
        if let Some(round) = self.round.as_mut() {
            round.parts.failed(number);
        }
    }

    /// The page's token is no longer good: from the newest event on once more.
    pub(super) fn restart(&mut self, number: u64) {
        let from = self.newest.saturating_sub(OVERLAP).max(self.seen.floor());
        if let Some(round) = self.round.as_mut()
            && round.parts.restart(number, from)
        {
            self.seen.again();
        }
    }

    /// Something did not come that may be late: soon looks back far.
    pub(super) fn look_back(&mut self) {
        self.deep_at = self.deep_at.min(self.deep_was + DEEP_AGAIN);
    }

    /// For how long nothing came; of a group from which nothing ever came, less than a minute.
    pub(super) fn quiet(&self) -> Duration {
        self.heard.map_or(Duration::from_secs(20), |heard| heard.elapsed())
    }

    /// Asks as soon as possible.
    pub(super) fn hurry(&mut self) {
        self.due = self.due.min(Instant::now());
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn found(id: i64, timestamp: i64) -> Found {
        Found { id: Some(id.to_string()), timestamp, stream: "s".into(), message: id.to_string() }
    }

    fn page(events: Vec<Found>, token: Option<&str>) -> Page {
        Page { events, token: token.map(str::to_owned) }
    }

    fn shown(group: &mut Group) -> Vec<String> {
        group.events.drain(..).map(|event| event.message).collect()
    }

    const START: i64 = 1_700_000_000_000;

    fn ask(group: &mut Group, clock: i64) -> (u64, Question) {
        group.question(clock, None, None, (10, 1)).unwrap()
    }

    /// A call that is answered. Whether that completes the round.
    fn answer(group: &mut Group, clock: i64, page: Page) -> bool {
        let (number, _) = ask(group, clock);
        group.got(number, page);
        group.advance(10_000)
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_looks_back_and_shows_what_was_late_once() {
        let mut group = Group::new("web".into(), "/web".into(), START, 1_000, false);
        assert_eq!(ask(&mut group, START + 60_000).1.from, START);
        group.got(0, page(vec![found(1, START + 50_000)], None));
        assert!(group.advance(10_000));
        let (number, next) = ask(&mut group, START + 61_000);
        assert_eq!(next.from, START + 40_000);
        group.got(number, page(vec![found(2, START + 45_000), found(1, START + 50_000)], None));
        assert!(group.advance(10_000));
        assert_eq!(shown(&mut group), ["2", "1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn every_half_minute_a_round_looks_back_for_minutes() {
        let mut group = Group::new("web".into(), "/web".into(), START, 1_000, false);
        answer(&mut group, START + 600_000, page(vec![found(1, START + 600_000)], None));
        tokio::time::sleep(Duration::from_secs(31)).await;
        let (number, deep) = ask(&mut group, START + 631_000);
        assert_eq!(deep.from, START + 600_000 - DEEP);
        group.got(number, page(vec![found(2, START + 500_000), found(1, START + 600_000)], None));
        assert!(group.advance(10_000));
        assert_eq!(ask(&mut group, START + 632_000).1.from, START + 590_000);
        assert_eq!(shown(&mut group), ["2", "1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_pause_the_round_begins_where_the_last_complete_one_did() {
        let mut group = Group::new("web".into(), "/web".into(), START, 1_000, false);
        answer(&mut group, START + 1_000, page(vec![], None));
        let (number, _) = ask(&mut group, START + 2_000);
        group.failed(number);
        let (number, hour) = ask(&mut group, START + 3_600_000);
        assert_eq!(hour.from, START, "the failed round goes on");
        group.got(number, page(vec![], None));
        assert!(group.advance(10_000));
        let next = ask(&mut group, START + 2 * 3_600_000).1;
        assert!(next.from <= START + 2_000 && group.is_bulk(), "{next:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_in_the_future_does_not_hide_the_present() {
        let mut group = Group::new("web".into(), "/web".into(), START, 1_000, false);
        answer(&mut group, START + 1_000, page(vec![found(1, START + 7_000_000)], None));
        assert!(ask(&mut group, START + 2_000).1.from <= START + 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_no_longer_good_loses_and_doubles_nothing() {
        let mut group = Group::new("web".into(), "/web".into(), START, 1_000, false);
        let events = (0..100).map(|at| found(at, START + at * 500)).collect();
        assert!(!answer(&mut group, START + 90_000, page(events, Some("next"))));
        let (number, next) = ask(&mut group, START + 90_000);
        assert_eq!(next.token.as_deref(), Some("next"));
        group.restart(number);
        let (number, again) = ask(&mut group, START + 90_000);
        assert_eq!((again.token, again.from), (None, START + 49_500 - OVERLAP));
        group.got(number, page((79..140).map(|at| found(at, START + at * 500)).collect(), None));
        assert!(group.advance(10_000));
        assert_eq!(shown(&mut group), (0..140).map(|at| at.to_string()).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_ahead_waits_for_its_turn() {
        let mut group = Group::new("web".into(), "/web".into(), START, 1_000, false);
        let question = |group: &mut Group| group.question(START + 100_000, None, None, (10, 3));
        let (first, _) = question(&mut group).unwrap();
        assert!(question(&mut group).is_none(), "nobody knows yet how much there is");
        group.got(first, page((0..10).map(|at| found(at, START + at * 1_000)).collect(), Some("next")));
        assert!(!group.advance(0) && group.events.is_empty());
        let (first, again) = question(&mut group).unwrap();
        let (second, its) = question(&mut group).unwrap();
        let (third, beyond) = question(&mut group).unwrap();
        assert_eq!((again.from, again.until, its.from), (START, Some(START + 8_999), START + 9_000));
        assert_eq!((its.until, beyond.from), (Some(START + 16_200), START + 16_201));
        group.got(first, page((0..9).map(|at| found(at, START + at * 1_000)).collect(), None));
        group.advance(0);
        assert_eq!(shown(&mut group).len(), 9);
        group.got(third, page(vec![found(17, START + 17_000)], None));
        assert!(!group.advance(0) && group.events.is_empty());
        group.got(second, page(vec![found(9, START + 9_000), found(16, START + 16_000)], None));
        group.advance(0);
        assert_eq!(shown(&mut group), ["9", "16"]);
        group.advance(0);
        assert_eq!(shown(&mut group), ["17"]);
    }
}
