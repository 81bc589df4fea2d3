//! What lies in one queue and when it may be received: a state machine without clock and disk.
//!
//! Everything that happens is a [`Change`]; a queue is what its changes in their order made of it, so
//! the [`super::journal`] can bring it back. No operation looks at all messages: those that wait, those that are
//! hidden, and those that get old are each in an order of their own. Times are ms since the epoch.
//!
//! ```text
//! Put ─► waiting ─► Hide ─► hidden ─► (timeout, Until) ─► waiting again, at the end
//!          ▲ delay over        └─► Gone
//! ```
//! In a FIFO queue a message may be received when everything before it in its group has gone or may be
//! received too: a group is free when its first message is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::fifo::{Groups, Recent};
use super::message::Message;

/// Names a message in its queue; grows with every message.
pub(super) type Number = u64;

/// What can happen to a queue, as it stands in the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Change {
    /// A message arrives, hidden until a time when it is delayed. What it went through in other queues comes
    /// along, and so does, in a rewritten journal, what it went through here.
    #[serde(rename = "p")]
    Put {
        n: Number,
        m: Box<Message>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delay: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        earlier: Option<Earlier>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        got: Option<Got>,
    },
    /// It was received.
    #[serde(rename = "h")]
    Hide { n: Number, until: i64, got: Got },
    /// Its visibility timeout was changed, or it is kept back while it is carried to another queue.
    #[serde(rename = "u")]
    Until { n: Number, until: i64 },
    /// It was deleted, carried away or has expired.
    #[serde(rename = "g")]
    Gone { n: Number },
    /// All messages were deleted.
    #[serde(rename = "c")]
    Clear,
    /// What a rewritten journal begins with: numbers are never given twice.
    #[serde(rename = "n")]
    Next { n: Number },
    /// A deduplication id that outlives its message.
    #[serde(rename = "d")]
    Seen { key: String, n: Number, id: String, at: i64 },
}

/// How often and how a message was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Got {
    pub(super) times: u32,
    pub(super) first: i64,
    pub(super) last: i64,
    /// Of the last time; what its receipt handle must match.
    pub(super) receipt: String,
}

/// How often, and when first, a message was received in the queues that it was in before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Earlier {
    pub(super) times: u32,
    pub(super) first: i64,
}

/// A message in its queue.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) message: Message,
    pub(super) earlier: Option<Earlier>,
    pub(super) got: Option<Got>,
    place: Place,
}

impl Held {
    /// How often it was received from this queue.
    pub(super) fn times(&self) -> u32 {
        self.got.as_ref().map_or(0, |got| got.times)
    }

    /// The same for all queues that it was in.
    pub(super) fn history(&self) -> Option<Earlier> {
        let here = self.got.as_ref().map(|got| Earlier { times: got.times, first: got.first });
        match (self.earlier, here) {
            (Some(before), Some(here)) => Some(Earlier { times: before.times + here.times, first: before.first }),
            (before, here) => before.or(here),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its turn among those that may be received.
    Waiting(u64),
    Delayed(i64),
    InFlight(i64),
}

/// The three numbers that queue attributes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: usize,
    pub(super) in_flight: usize,
    pub(super) delayed: usize,
}

#[derive(Debug, Default)]
pub(super) struct Contents {
    next: Number,
    held: BTreeMap<Number, Held>,
    /// By turn. In a FIFO queue the groups decide instead.
    waiting: BTreeMap<u64, Number>,
    next_turn: u64,
    hidden: BTreeSet<(i64, Number)>,
    by_age: BTreeSet<(i64, Number)>,
    delayed: usize,
    groups: Option<Groups>,
    recent: Recent,
}

impl Contents {
    pub(super) fn new(fifo: bool) -> Self {
        Self { groups: fifo.then(Groups::default), ..Self::default() }
    }

    /// The number the next message gets.
    pub(super) fn next(&self) -> Number {
        self.next
    }

    pub(super) fn get(&self, number: Number) -> Option<&Held> {
        self.held.get(&number)
    }

    /// Whether it was received and neither came back nor was deleted since.
    pub(super) fn in_flight(&self, number: Number) -> bool {
        self.held.get(&number).is_some_and(|held| matches!(held.place, Place::InFlight(_)))
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            visible: self.held.len() - self.hidden.len(),
            in_flight: self.hidden.len() - self.delayed,
            delayed: self.delayed,
        }
    }

    /// When the oldest message was sent.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.by_age.first().map(|(sent, _)| *sent)
    }

    /// Message number and id of an earlier message with this deduplication key.
    pub(super) fn seen(&self, key: &str) -> Option<(Number, &str)> {
        self.recent.get(key)
    }

    /// When the next hidden message may be received again.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.hidden.first().map(|(until, _)| *until)
    }

    /// Lets time pass: hidden messages come back, messages older than `retention` ms go.
    pub(super) fn tick(&mut self, now: i64, retention: i64) {
        while let Some(&(until, number)) = self.hidden.first()
            && until <= now
        {
            self.show(number);
        }
        while let Some(&(sent, number)) = self.by_age.first()
            && sent.saturating_add(retention) <= now
        {
            self.apply(Change::Gone { n: number });
        }
        self.recent.forget_before(now);
    }

    /// Up to `most` messages that may be received now, in the order in which they would be.
    pub(super) fn receivable(&self, most: usize) -> Vec<Number> {
        match &self.groups {
            None => self.waiting.values().take(most).copied().collect(),
            Some(groups) => groups.receivable(most, |number| waits(&self.held, number)),
        }
    }

    /// Makes it so.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Put { n, m, delay, earlier, got } => self.put(n, *m, delay, (earlier, got)),
            Change::Hide { n, until, got } => {
                if let Some(held) = self.held.get_mut(&n) {
                    held.got = Some(got);
                    self.hide(n, Place::InFlight(until));
                }
            }
            Change::Until { n, until } => self.hide(n, Place::InFlight(until)),
            Change::Gone { n } => self.remove(n),
            Change::Clear => {
                let groups = self.groups.is_some();
                let (next, recent) = (self.next, std::mem::take(&mut self.recent));
                *self = Self { next, recent, ..Self::new(groups) };
            }
            Change::Next { n } => self.next = self.next.max(n),
            Change::Seen { key, n, id, at } => self.recent.add(key, n, id, at),
        }
    }

    fn put(
        &mut self,
        number: Number,
        message: Message,
        delay: Option<i64>,
        (earlier, got): (Option<Earlier>, Option<Got>),
    ) {
        self.next = self.next.max(number + 1);
        self.by_age.insert((message.sent, number));
        if let (Some(groups), Some(group)) = (&mut self.groups, &message.group) {
            groups.add(group, number);
        }
        let place = Place::Waiting(self.turn(number));
        self.held.insert(number, Held { message, earlier, got, place });
        match delay {
            Some(until) => self.hide(number, Place::Delayed(until)),
            None => self.refresh(number),
        }
    }

    /// The next turn, taken.
    fn turn(&mut self, number: Number) -> u64 {
        self.next_turn += 1;
        if self.groups.is_none() {
            self.waiting.insert(self.next_turn, number);
        }
        self.next_turn
    }

    fn hide(&mut self, number: Number, place: Place) {
        let (Place::Delayed(until) | Place::InFlight(until)) = place else { return };
        if !self.held.contains_key(&number) {
            return;
        }
        self.leave(number);
        self.hidden.insert((until, number));
        self.delayed += usize::from(matches!(place, Place::Delayed(_)));
        if let Some(held) = self.held.get_mut(&number) {
            held.place = place;
        }
        self.refresh(number);
    }

    fn show(&mut self, number: Number) {
        self.leave(number);
        let turn = self.turn(number);
        if let Some(held) = self.held.get_mut(&number) {
            held.place = Place::Waiting(turn);
        }
        self.refresh(number);
    }

    fn remove(&mut self, number: Number) {
        self.leave(number);
        let Some(held) = self.held.remove(&number) else { return };
        self.by_age.remove(&(held.message.sent, number));
        if let (Some(groups), Some(group)) = (&mut self.groups, &held.message.group) {
            groups.remove(group, number);
            groups.refresh(group, |number| waits(&self.held, number));
        }
    }

    /// Takes it out of the order it stands in.
    fn leave(&mut self, number: Number) {
        let Some(place) = self.held.get(&number).map(|held| held.place) else { return };
        match place {
            Place::Waiting(turn) => drop(self.waiting.remove(&turn)),
            Place::Delayed(until) => {
                self.hidden.remove(&(until, number));
                self.delayed -= 1;
            }
            Place::InFlight(until) => drop(self.hidden.remove(&(until, number))),
        }
    }

    /// Looks again whether the message's group is free.
    fn refresh(&mut self, number: Number) {
        let Some(groups) = &mut self.groups else { return };
        let Some(group) = self.held.get(&number).and_then(|held| held.message.group.clone()) else { return };
        groups.refresh(&group, |number| waits(&self.held, number));
    }

    /// The changes that lead here from an empty queue.
    pub(super) fn replay(&self) -> Vec<Change> {
        let mut changes = vec![Change::Next { n: self.next }];
        changes.extend(self.recent.all().map(|(key, n, id, at)| Change::Seen {
            key: key.to_owned(),
            n,
            id: id.to_owned(),
            at,
        }));
        for (&n, held) in &self.held {
            let Held { message, earlier, got, place } = held.clone();
            let delay = if let Place::Delayed(until) = place { Some(until) } else { None };
            changes.push(Change::Put { n, m: Box::new(message), delay, earlier, got });
            if let Place::InFlight(until) = place {
                changes.push(Change::Until { n, until });
            }
        }
        changes
    }
}

fn waits(held: &BTreeMap<Number, Held>, number: Number) -> bool {
    held.get(&number).is_some_and(|held| matches!(held.place, Place::Waiting(_)))
}

#[cfg(test)]
mod tests;
