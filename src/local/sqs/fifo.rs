//! What only FIFO queues have: message groups in their order, and deduplication ids of the last minutes.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::contents::Number;

/// How long a deduplication id counts, in ms.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>
const INTERVAL: i64 = 5 * 60 * 1000;

/// The message groups of a queue.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<String, Group>,
    /// Free groups by their first message: the one that has waited longest is served first.
    free: BTreeMap<Number, String>,
}

#[derive(Debug, Default)]
struct Group {
    order: BTreeSet<Number>,
    /// Under which number it stands in `free`.
    listed: Option<Number>,
}

impl Groups {
    pub(super) fn add(&mut self, group: &str, number: Number) {
        if let Some(there) = self.groups.get_mut(group) {
            there.order.insert(number);
        } else {
            let fresh = Group { order: BTreeSet::from([number]), listed: None };
            self.groups.insert(group.to_owned(), fresh);
        }
    }

    /// Forgets a message. The caller looks whether the group is free now.
    pub(super) fn remove(&mut self, group: &str, number: Number) {
        if let Some(there) = self.groups.get_mut(group) {
            there.order.remove(&number);
        }
    }

    /// Looks whether a group is free; `waits` says whether a message may be received for itself.
    pub(super) fn refresh(&mut self, group: &str, waits: impl Fn(Number) -> bool) {
        let Some(there) = self.groups.get_mut(group) else { return };
        let head = there.order.first().copied();
        let wanted = head.filter(|head| waits(*head));
        if there.listed != wanted {
            if let Some(listed) = there.listed.take() {
                self.free.remove(&listed);
            }
            if let Some(head) = wanted {
                self.free.insert(head, group.to_owned());
            }
            there.listed = wanted;
        }
        if head.is_none() {
            self.groups.remove(group);
        }
    }

    /// As many as possible of one group, then of the next.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html>
    pub(super) fn receivable(&self, most: usize, waits: impl Fn(Number) -> bool) -> Vec<Number> {
        let of = |group: &String| self.groups.get(group).into_iter().flat_map(|group| &group.order).copied();
        self.free.values().flat_map(|group| of(group).take_while(|number| waits(*number))).take(most).collect()
    }
}

/// Deduplication keys of the last five minutes, also those of messages that have gone.
#[derive(Debug, Default)]
pub(super) struct Recent {
    keys: HashMap<String, (Number, String, i64)>,
    by_age: VecDeque<(i64, String)>,
}

impl Recent {
    pub(super) fn add(&mut self, key: String, number: Number, id: String, at: i64) {
        self.by_age.push_back((at, key.clone()));
        self.keys.insert(key, (number, id, at));
    }

    pub(super) fn get(&self, key: &str) -> Option<(Number, &str)> {
        self.keys.get(key).map(|(number, id, _)| (*number, id.as_str()))
    }

    pub(super) fn forget_before(&mut self, now: i64) {
        while let Some((at, key)) = self.by_age.front()
            && at.saturating_add(INTERVAL) <= now
        {
            // The key may have come again since.
            if self.keys.get(key).is_some_and(|(.., last)| last == at) {
                self.keys.remove(key);
            }
            self.by_age.pop_front();
        }
    }

    /// In the order of their age.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, Number, &str, i64)> {
        self.by_age.iter().filter_map(|(at, key)| {
            let (number, id, last) = self.keys.get(key)?;
            (last == at).then_some((key.as_str(), *number, id.as_str(), *at))
        })
    }
}
