//! How full queues are, for those who watch them.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::{Entry, Sqs, now};

/// Of one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gauges {
    pub(crate) region: String,
    pub(crate) queue: String,
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
    pub(crate) delayed: usize,
    /// Of its oldest message, s.
    pub(crate) age: i64,
}

impl Sqs {
    /// Of the queues in use, and of those of `watched` (region and name), which are read from the disk for it.
    pub(crate) fn gauges(&self, watched: &BTreeSet<(String, String)>) -> Vec<Gauges> {
        let all: Vec<(String, String, Entry)> = self.index.read(|index| {
            let of = |(region, queues): (&String, &std::collections::BTreeMap<String, Entry>)| {
                let region = region.clone();
                queues
                    .iter()
                    .map(move |(name, entry)| (region.clone(), name.clone(), entry.clone()))
                    .collect::<Vec<_>>()
            };
            index.regions.iter().flat_map(of).collect()
        });
        let in_use: BTreeSet<u64> =
            self.shelves.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        let mut found = Vec::new();
        for (region, queue, entry) in all {
            if !in_use.contains(&entry.number) && !watched.contains(&(region.clone(), queue.clone())) {
                continue;
            }
            // Deleted since, or the disk refuses: then nobody knows how full it is.
            let Ok(open) = self.shelf(&entry) else { continue };
            let now = now();
            let inner = open.at(now, entry.number("MessageRetentionPeriod"));
            let counts = inner.contents().counts();
            let age = inner.contents().oldest().map_or(0, |sent| (now - sent).max(0) / 1000);
            let (visible, in_flight, delayed) = (counts.visible, counts.in_flight, counts.delayed);
            found.push(Gauges { region, queue, visible, in_flight, delayed, age });
        }
        found
    }
}
