//! Reading a long time at several places at once, and handing it on in order.
//!
//! A page of `FilterLogEvents` names the next one, so that a million events take hundreds of round trips one after another.
//! But the times of a page tell how much is written, and what comes after it can be asked for by time as well: so a long
//! time is cut into parts of about a page each, and some of them are read ahead. Where so much stands at one
//! millisecond that it cannot be cut, and where few lanes are free, the tokens lead on.

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
    /// Of its next page.
    token: Option<String>,
    begun: bool,
    asking: bool,
    /// There is no further page.
    read: bool,
    /// Read, not handed on.
    held: Option<Vec<Found>>,
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
        Part { number, from, until, token: None, begun: false, asking: false, read: false, held: None }
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
        let begun = self.parts.iter().filter(|part| part.begun).count();
        let wants = |part: &Part| !part.asking && !part.read && part.held.is_none();
        let at = match self.parts.front() {
            Some(first) if wants(first) => 0,
            _ if begun < self.lanes => self.parts.iter().position(|part| !part.begun)?,
            _ => return None,
        };
        if !self.parts[at].begun {
            self.cut(at);
        }
        let part = &mut self.parts[at];
        (part.asking, part.begun) = (true, true);
        Some(Ask { number: part.number, from: part.from, until: part.until, token: part.token.clone() })
    }

    /// Leaves of a part that nobody has asked for so much as a page has.
    fn cut(&mut self, at: usize) {
        let (from, until) = (self.parts[at].from, self.parts[at].until);
        let Some(length) = self.length.filter(|length| self.is_long(from, until, *length)) else { return };
        let end = from.saturating_add(length);
        self.parts[at].until = Some(end);
        let rest = self.part(end.saturating_add(1), until);
        self.parts.insert(at + 1, rest);
    }

    fn is_long(&self, from: i64, until: Option<i64>, length: i64) -> bool {
        let end = until.unwrap_or(self.now).min(self.now);
        self.lanes > 1 && end.saturating_sub(from) > length.saturating_mul(2)
    }

    /// A page came. One of a part that was given up is for nobody.
    pub(super) fn got(&mut self, number: u64, page: Page) {
        let Some(at) = self.parts.iter().position(|part| part.number == number) else { return };
        let Page { events: mut found, token } = page;
        let until = self.parts[at].until;
        let reached = found.last().map(|event| event.timestamp);
        // A page with a token may have any number of events, also none: of such a one nothing follows.
        let bytes: usize = found.iter().map(|event| event.message.len() + EVENT_BYTES).sum();
        let is_full = found.len() >= self.limit / 2 || bytes >= PAGE_BYTES / 2;
        let has_few = found.len() < self.limit / 4 && bytes < PAGE_BYTES / 4;
        let part = &mut self.parts[at];
        (part.asking, part.read) = (false, token.is_none());
        match (reached, token) {
            (Some(reached), Some(token)) if is_full => {
                let span = found.first().map_or(0, |first| reached - first.timestamp);
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a time span in ms")]
                let length = ((span as f64 * PART) as i64).max(1);
                self.length = Some(length);
                if span > 0 && self.is_long(reached, until, length) {
                    // More may stand at the last millisecond than this page has of it: the next part begins with it.
                    found.truncate(found.partition_point(|event| event.timestamp < reached));
                    let rest = self.part(reached, until);
                    self.parts.insert(at + 1, rest);
                    let part = &mut self.parts[at];
                    (part.read, part.until) = (true, Some(reached - 1));
                } else {
                    self.parts[at].token = Some(token);
                }
            }
            (_, Some(token)) => part.token = Some(token),
            (_, None) if has_few => self.length = self.length.map(|length| length.saturating_mul(2)),
            (_, None) => {}
        }
        self.parts[at].held = Some(found);
    }

    /// What comes next, as far as it was read.
    pub(super) fn take(&mut self) -> Option<Vec<Found>> {
        loop {
            let first = self.parts.front_mut()?;
            let held = first.held.take();
            let read = first.read;
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
            (part.asking, part.begun) = (false, part.token.is_some());
        }
    }

    /// The token of a part is no longer good: it is read once more, from `from` on when that is later. `true` when some
    /// of it was handed on.
    pub(super) fn restart(&mut self, number: u64, from: i64) -> bool {
        let is_first = self.parts.front().is_some_and(|first| first.number == number);
        if let Some(part) = self.find(number) {
            (part.asking, part.begun, part.token, part.held) = (false, false, None, None);
            if is_first {
                part.from = part.from.max(from);
            }
        }
        is_first
    }
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
    }

    impl Cloud {
        fn answer(&mut self, ask: &Ask) -> Page {
            self.calls += 1;
            let within = |at: i64| at >= ask.from && ask.until.is_none_or(|until| at <= until);
            let all = self.events.iter().enumerate().filter(|(_, at)| within(**at));
            let begin = ask.token.as_ref().map_or(0, |token| token.parse().expect("a token"));
            let events: Vec<Found> = all.clone().skip(begin).take(self.limit).map(|(id, at)| found(id, *at)).collect();
            let end = begin + events.len();
            Page { token: (end < all.count()).then(|| end.to_string()), events }
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
            limit in 1_usize..40, lanes in 1_usize..6, seed in any::<u64>(),
        ) {
            let mut at = 0;
            let events: Vec<i64> = gaps.iter().map(|gap| { at += gap; at }).collect();
            let count = events.len();
            let mut state = seed | 1;
            let choose = |most: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 40).unwrap() % most
            };
            let mut cloud = Cloud { events, limit, calls: 0 };
            let (shown, most) = read(&mut cloud, lanes, choose);
            prop_assert_eq!(shown, (0..count).collect::<Vec<_>>());
            prop_assert!(most <= lanes);
        }
    }

    #[test]
    fn what_is_written_evenly_is_read_at_all_lanes_with_few_calls_more() {
        let mut cloud = Cloud { events: (0..1_000_000).map(|at| at / 10).collect(), limit: 10_000, calls: 0 };
        let (shown, most) = read(&mut cloud, 4, |_| 1);
        assert_eq!((shown.len(), most), (1_000_000, 4));
        assert!(cloud.calls <= 130, "{}", cloud.calls);
    }

    #[test]
    fn one_lane_follows_the_tokens() {
        let mut cloud = Cloud { events: (0..100_000).collect(), limit: 10_000, calls: 0 };
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
