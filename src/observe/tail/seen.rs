//! What was shown already: nothing comes twice, whichever way it comes.
//!
//! `FilterLogEvents` gives ids, live sessions do not. So a live event is known by stream, time and text, and
//! how often that was shown: shown is as much as the way that has more of it. Memory is bounded: below the
//! floor nothing is kept, and nothing is asked for any more.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::LogEvent;

/// The events of one log group that were shown and may come again.
#[derive(Debug)]
pub(super) struct Seen {
    hasher: RandomState,
    /// Hash of an id → its time. With 64 bits and some ten thousand of them, none is taken for another.
    ids: HashMap<u64, i64>,
    /// Came live and not yet by a page, and the other way round: time, and how many.
    live_only: HashMap<u64, (i64, u32)>,
    page_only: HashMap<u64, (i64, u32)>,
    /// Without live sessions the two above are not kept.
    live: bool,
    /// Ms: what is older is no longer known.
    floor: i64,
    most: usize,
    /// Events without an id, at this time: the same text may stand there twice.
    unnamed: (i64, HashMap<u64, u32>),
}

impl Seen {
    /// For events from `floor` (ms) on, at most so many of them.
    pub(super) fn new(floor: i64, most: usize, live: bool) -> Self {
        Self {
            hasher: RandomState::new(),
            ids: HashMap::new(),
            live_only: HashMap::new(),
            page_only: HashMap::new(),
            live,
            floor,
            most,
            unnamed: (i64::MIN, HashMap::new()),
        }
    }

    /// A round begins that looks at the same time once more.
    pub(super) fn again(&mut self) {
        self.unnamed = (i64::MIN, HashMap::new());
    }

    /// Whether an event of a page is to be shown. Within a round, they come in time order; what nevertheless comes from
    /// before `floor` (ms) counts as shown.
    pub(super) fn in_page(&mut self, event: &LogEvent, id: Option<&str>, floor: i64) -> bool {
        if event.timestamp < floor {
            return false;
        }
        let id = if let Some(id) = id {
            self.hasher.hash_one(id)
        } else {
            let content = self.content(event);
            let nth = self.nth(event.timestamp, content);
            self.hasher.hash_one((content, nth))
        };
        if self.ids.insert(id, event.timestamp).is_some() {
            return false;
        }
        if self.ids.len() > self.most {
            self.shrink();
        }
        if !self.live {
            return true;
        }
        let content = self.content(event);
        if less(&mut self.live_only, content) {
            return false;
        }
        more(&mut self.page_only, content, event.timestamp);
        true
    }

    /// Whether an event of a live session is to be shown.
    pub(super) fn in_session(&mut self, event: &LogEvent) -> bool {
        let content = self.content(event);
        if less(&mut self.page_only, content) {
            return false;
        }
        more(&mut self.live_only, content, event.timestamp);
        true
    }

    /// Ms: nothing older is to be asked for.
    pub(super) fn floor(&self) -> i64 {
        self.floor
    }

    /// Forgets what is older.
    pub(super) fn raise(&mut self, floor: i64) {
        if floor <= self.floor {
            return;
        }
        self.floor = floor;
        self.ids.retain(|_, at| *at >= floor);
        self.live_only.retain(|_, (at, _)| *at >= floor);
        self.page_only.retain(|_, (at, _)| *at >= floor);
    }

    /// Keeps the newer half.
    fn shrink(&mut self) {
        let mut times: Vec<i64> = self.ids.values().copied().collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let floor = *median;
        self.raise(floor);
        // Nearly all at the same time: they cannot be forgotten.
        if self.ids.len() > self.most / 4 * 3 {
            self.most = self.ids.len() * 2;
        }
    }

    /// How often this was there before, at this time and in this round.
    fn nth(&mut self, timestamp: i64, content: u64) -> u32 {
        if self.unnamed.0 != timestamp {
            self.unnamed = (timestamp, HashMap::new());
        }
        let count = self.unnamed.1.entry(content).or_default();
        *count += 1;
        *count
    }

    fn content(&self, event: &LogEvent) -> u64 {
        let parts: (&str, i64, &str) = (&event.stream, event.timestamp, &event.message);
        self.hasher.hash_one(parts)
    }
}

fn more(counts: &mut HashMap<u64, (i64, u32)>, content: u64, at: i64) {
    counts.entry(content).or_insert((at, 0)).1 += 1;
}

/// Takes one away; `false` when there is none.
fn less(counts: &mut HashMap<u64, (i64, u32)>, content: u64) -> bool {
    let Some((_, count)) = counts.get_mut(&content) else { return false };
    *count -= 1;
    if *count == 0 {
        counts.remove(&content);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(timestamp: i64, message: &str) -> LogEvent {
        LogEvent { timestamp, function: "web".into(), message: message.into(), stream: "s".into() }
    }

    #[test]
    fn an_id_is_shown_once_and_equal_texts_as_often_as_they_are_there() {
        let mut seen = Seen::new(0, 100, false);
        assert!(seen.in_page(&event(1, "a"), Some("1"), 0) && seen.in_page(&event(1, "a"), Some("2"), 0));
        assert!(!seen.in_page(&event(1, "a"), Some("1"), 0));
        let mut unnamed = Seen::new(0, 100, false);
        assert!(unnamed.in_page(&event(1, "a"), None, 0) && unnamed.in_page(&event(1, "a"), None, 0));
        unnamed.again();
        assert!(!unnamed.in_page(&event(1, "a"), None, 0) && !unnamed.in_page(&event(1, "a"), None, 0));
        assert!(unnamed.in_page(&event(1, "a"), None, 0), "a third one is new");
    }

    #[test]
    fn pages_and_sessions_together_show_what_the_fuller_one_has() {
        let mut seen = Seen::new(0, 100, true);
        // Live first, then the page; a second one that the sample left out.
        assert!(seen.in_session(&event(1, "a")));
        assert!(!seen.in_page(&event(1, "a"), Some("1"), 0));
        assert!(seen.in_page(&event(1, "a"), Some("2"), 0));
        // The page first, then live.
        assert!(seen.in_page(&event(2, "b"), Some("3"), 0));
        assert!(!seen.in_session(&event(2, "b")));
        assert!(seen.in_session(&event(2, "b")), "one more than the page had");
        assert!(!seen.in_page(&event(2, "b"), Some("4"), 0));
    }

    #[test]
    fn memory_is_bounded_and_what_was_forgotten_is_not_shown_again() {
        let mut seen = Seen::new(0, 1_000, false);
        for at in 0..100_000 {
            assert!(seen.in_page(&event(at, "x"), Some(&at.to_string()), 0));
            assert!(seen.ids.len() <= 1_000);
        }
        assert!(seen.floor() > 98_000);
        let floor = seen.floor();
        assert!(!seen.in_page(&event(5, "x"), Some("5"), floor));
        assert!(seen.in_page(&event(6, "late"), Some("late"), 0), "a first reading that goes back in time");
    }
}
