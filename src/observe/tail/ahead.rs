//! Reading a long time at several places at once, and handing it on in order.
//!
//! A page of `FilterLogEvents` names the next one, so that a million events take hundreds of round trips one after another.
//! But the times of a page tell how much is written, and a time can be asked for as well: so a long time is cut into parts
//! of about a page each, and some of them are read ahead.
//!
//! A part is read to the end of its tokens, always: AWS says that events are sorted, and people have seen a page go
//! on where the one before had left something out (<https://github.com/aws/aws-sdk-js/issues/3994>). So a page that
//! turns out to be the first of many only says how much there is, and its time is asked for once more.

use std::collections::VecDeque;

use super::page::{Found, Page};

/// So much of a page's time a part has: one page does better than two.
const PART: f64 = 0.8;
/// A page is full with so many bytes, events counted as `PutLogEvents` does.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
const PAGE_BYTES: usize = 1 << 20;
const EVENT_BYTES: usize = 26;

/// What is to be read from a time on.
#[derive(Debug)]
pub(super) struct Ahead {
    /// In the order of time, without a gap; what was handed on is gone.
    parts: VecDeque<Part>,
    /// Parts that are read at once.
    lanes: usize,
    /// Events of a page, at most.
    limit: usize,
    /// Ms of a part, once a page has told how much is written.
    length: Option<i64>,
    /// Ms: after it there is hardly anything.
    now: i64,
    /// The next part's number.
    next: u64,
}

#[derive(Debug)]
struct Part {
    number: u64,
    /// Ms, both included.
    from: i64,
    until: Option<i64>,
    /// It has its length, and is not cut.
    sized: bool,
    /// Of its next page.
    token: Option<String>,
    state: State,
    /// Read, not handed on.
    held: Option<Vec<Found>>,
    /// Pages that it took so far.
    fill: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has asked for it.
    New,
    Asking,
    /// There is another page.
    Begun,
    Read,
}

/// A call to make.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// The part's.
    pub(super) number: u64,
    pub(super) from: i64,
    pub(super) until: Option<i64>,
    pub(super) token: Option<String>,
}

impl Ahead {
    /// From `from` on, with pages of up to `limit` events. `now`: AWS's clock, ms. Numbers begin with `number`, so that
    /// an answer to what was given up is known as such.
    pub(super) fn new(
        (from, until): (i64, Option<i64>),
        now: i64,
        (lanes, limit): (usize, usize),
        number: u64,
    ) -> Self {
        let mut ahead = Self { parts: VecDeque::new(), lanes, limit, length: None, now, next: number };
        let part = ahead.part(from, until);
        ahead.parts.push_back(part);
        ahead
    }

    fn part(&mut self, from: i64, until: Option<i64>) -> Part {
        let number = self.next;
        self.next += 1;
        Part { number, from, until, sized: false, token: None, state: State::New, held: None, fill: 0.0 }
    }

    fn find(&mut self, number: u64) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.number == number)
    }

    /// The number that no part has yet.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// All was read and handed on.
    pub(super) fn is_done(&self) -> bool {
        self.parts.is_empty()
    }

    /// What to ask for next, the earliest first: page after page of the first part, of the others a page ahead.
    pub(super) fn ask(&mut self) -> Option<Ask> {
        let under_way = self.parts.iter().filter(|part| part.state != State::New).count();
        let at = match self.parts.front() {
            Some(first) if first.state == State::Begun && first.held.is_none() => 0,
            _ if under_way < self.lanes => self.parts.iter().position(|part| part.state == State::New)?,
            _ => return None,
        };
        if self.parts[at].state == State::New && !self.parts[at].sized {
            self.cut(at);
        }
        let part = &mut self.parts[at];
        part.state = State::Asking;
        Some(Ask { number: part.number, from: part.from, until: part.until, token: part.token.clone() })
    }

    /// Leaves of a part that nobody has asked for so much as a page has.
    fn cut(&mut self, at: usize) {
        let (from, until) = (self.parts[at].from, self.parts[at].until);
        let Some(length) = self.length.filter(|length| self.is_long(from, until, *length)) else { return };
        self.divide(at, from.saturating_add(length), until);
    }

    /// The part ends at `end`, and what comes after is another one.
    fn divide(&mut self, at: usize, end: i64, until: Option<i64>) {
        (self.parts[at].until, self.parts[at].sized) = (Some(end), true);
        let rest = self.part(end.saturating_add(1), until);
        self.parts.insert(at + 1, rest);
    }

    fn is_long(&self, from: i64, until: Option<i64>, length: i64) -> bool {
        let end = until.unwrap_or(self.now).min(self.now);
        self.lanes > 1 && end.saturating_sub(from) > length.saturating_mul(2)
    }

    /// How full a page is: 1.0 has as much as AWS gives at once.
    #[expect(clippy::cast_precision_loss, reason = "no more than a page")]
    fn fill(&self, found: &[Found]) -> f64 {
        let bytes: usize = found.iter().map(|event| event.message.len() + EVENT_BYTES).sum();
        (found.len() as f64 / self.limit as f64).max(bytes as f64 / PAGE_BYTES as f64)
    }

    /// A page came. One of a part that was given up is for nobody.
    pub(super) fn got(&mut self, number: u64, page: Page) {
        let Some(at) = self.parts.iter().position(|part| part.number == number) else { return };
        let Page { events: found, token } = page;
        let fill = self.fill(&found);
        let part = &mut self.parts[at];
        part.fill += fill;
        let (until, sized, whole) = (part.until, part.sized, part.fill);
        let (is_first, has_more) = (part.token.is_none(), token.is_some());
        // Lumps make no difference.
        if sized && !has_more && !(0.4..=1.0).contains(&whole) {
            self.length = self.length.map(|length| scaled(length, (PART / whole).clamp(0.5, 2.0)));
        }
        // A page with a token may have any number of events, also none: of such a one nothing follows.
        if let (Some(first), Some(last), true) = (found.first(), found.last(), is_first && has_more && fill >= 0.5) {
            let (first, last) = (first.timestamp, last.timestamp);
            let length = scaled(last - first, PART);
            if first < last && self.is_long(last, until, length) {
                // More may stand at the last millisecond than this page has of it.
                self.length = Some(length);
                self.divide(at, last - 1, until);
                (self.parts[at].state, self.parts[at].fill) = (State::New, 0.0);
                return;
            }
        }
        let part = &mut self.parts[at];
        part.state = if token.is_some() { State::Begun } else { State::Read };
        (part.token, part.held) = (token, Some(found));
    }

    /// What comes next, as far as it was read.
    pub(super) fn take(&mut self) -> Option<Vec<Found>> {
        loop {
            let first = self.parts.front_mut()?;
            let held = first.held.take();
            let read = first.state == State::Read;
            if read {
                self.parts.pop_front();
            }
            if held.is_some() || !read {
                return held;
            }
        }
    }

    /// The call failed, and has to be made again.
    pub(super) fn failed(&mut self, number: u64) {
        if let Some(part) = self.find(number) {
            part.state = if part.token.is_some() { State::Begun } else { State::New };
        }
    }

    /// The token of a part is no longer good: it is read once more, from `from` on when that is later. `true` when some
    /// of it was handed on.
    pub(super) fn restart(&mut self, number: u64, from: i64) -> bool {
        let is_first = self.parts.front().is_some_and(|first| first.number == number);
        if let Some(part) = self.find(number) {
            (part.state, part.token, part.held, part.fill) = (State::New, None, None, 0.0);
            if is_first {
                part.from = part.from.max(from);
            }
        }
        is_first
    }
}

/// At least a millisecond.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a time span in ms")]
fn scaled(length: i64, by: f64) -> i64 {
    ((length as f64 * by) as i64).max(1)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(id: usize, timestamp: i64) -> Found {
        Found { id: Some(id.to_string()), timestamp, stream: "s".into(), message: String::new() }
    }

    /// A cloud that gives pages of `limit` events, and what is asked of it.
    struct Cloud {
        events: Vec<i64>,
        limit: usize,
        calls: usize,
        /// Pages of one question do not come in order.
        mixed: bool,
    }

    impl Cloud {
        fn new(events: Vec<i64>, limit: usize) -> Self {
            Self { events, limit, calls: 0, mixed: false }
        }

        fn answer(&mut self, ask: &Ask) -> Page {
            self.calls += 1;
            let within = |at: i64| at >= ask.from && ask.until.is_none_or(|until| at <= until);
            let mut all: Vec<(usize, i64)> =
                self.events.iter().copied().enumerate().filter(|(_, at)| within(*at)).collect();
            if self.mixed {
                all.sort_by_key(|(id, _)| (id % 3, *id));
            }
            let begin: usize = ask.token.as_ref().map_or(0, |token| token.parse().expect("a token"));
            let end = all.len().min(begin + self.limit);
            let mut events: Vec<Found> = all[begin..end].iter().map(|(id, at)| found(*id, *at)).collect();
            events.sort_by_key(|event| event.timestamp);
            Page { token: (end < all.len()).then(|| end.to_string()), events }
        }
    }

    /// All ids in the order in which they are handed on, and the most calls that were under way at once. `choose` says
    /// which of them is answered next.
    fn read(cloud: &mut Cloud, lanes: usize, mut choose: impl FnMut(usize) -> usize) -> (Vec<usize>, usize) {
        let now = cloud.events.last().copied().unwrap_or_default();
        let mut ahead = Ahead::new((0, None), now, (lanes, cloud.limit), 7);
        let (mut shown, mut under_way, mut most) = (Vec::new(), Vec::new(), 0);
        while !ahead.is_done() {
            while let Some(ask) = ahead.ask() {
                under_way.push(ask);
            }
            most = most.max(under_way.len());
            let ask = under_way.remove(choose(under_way.len()) % under_way.len());
            match choose(9) {
                0 => ahead.failed(ask.number),
                _ => ahead.got(ask.number, cloud.answer(&ask)),
            }
            while let Some(held) = ahead.take() {
                shown.extend(held.iter().map(|event| event.id.as_deref().unwrap().parse::<usize>().unwrap()));
            }
        }
        (shown, most)
    }

    proptest! {
        #[test]
        fn everything_comes_once_and_in_order(
            gaps in prop::collection::vec(prop_oneof![4 => 0_i64..3, 2 => Just(0), 1 => 0_i64..5_000], 0..400),
            limit in 1_usize..40, lanes in 1_usize..6, seed in any::<u64>(), mixed in any::<bool>(),
        ) {
            let mut at = 0;
            let events: Vec<i64> = gaps.iter().map(|gap| { at += gap; at }).collect();
            let count = events.len();
            let mut state = seed | 1;
            let choose = |most: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 40).unwrap() % most
            };
            let mut cloud = Cloud { mixed, ..Cloud::new(events, limit) };
            let (mut shown, most) = read(&mut cloud, lanes, choose);
            if mixed {
                shown.sort_unstable();
            }
            prop_assert_eq!(shown, (0..count).collect::<Vec<_>>());
            prop_assert!(most <= lanes);
        }
    }

    #[test]
    fn what_is_written_evenly_is_read_at_all_lanes_with_few_calls_more() {
        let mut cloud = Cloud::new((0..1_000_000).map(|at| at / 10).collect(), 10_000);
        let (shown, most) = read(&mut cloud, 4, |_| 1);
        assert_eq!((shown.len(), most), (1_000_000, 4));
        assert!(cloud.calls <= 135, "{}", cloud.calls);
    }

    #[test]
    fn what_is_written_in_lumps_and_ever_less_is_read_with_few_calls_more() {
        let lumps = (0..1_000_000).map(|at| at / 5_000 * 25).collect();
        let less = (0..1_000_000_i64).map(|at| at * at / 1_000_000).collect();
        for events in [lumps, less] {
            let mut cloud = Cloud::new(events, 10_000);
            assert_eq!(read(&mut cloud, 4, |_| 1).0.len(), 1_000_000);
            assert!(cloud.calls <= 200, "{}", cloud.calls);
        }
    }

    #[test]
    fn one_lane_follows_the_tokens() {
        let mut cloud = Cloud::new((0..100_000).collect(), 10_000);
        let (shown, most) = read(&mut cloud, 1, |_| 1);
        assert_eq!((shown.len(), most, cloud.calls), (100_000, 1, 10));
    }

    #[test]
    fn a_part_whose_token_is_no_longer_good_is_read_again() {
        let mut ahead = Ahead::new((0, Some(100)), 100, (1, 10), 0);
        let first = ahead.ask().unwrap();
        ahead.got(first.number, Page { events: vec![found(1, 50)], token: Some("t".into()) });
        assert_eq!(ahead.take().unwrap().len(), 1);
        let second = ahead.ask().unwrap();
        assert_eq!(second.token.as_deref(), Some("t"));
        assert!(ahead.restart(second.number, 40));
        assert_eq!(ahead.ask(), Some(Ask { number: 0, from: 40, until: Some(100), token: None }));
    }
}
