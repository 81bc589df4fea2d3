//! What is kept of streams besides their records: shards with their ranges of hash keys, and who their parents are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::argument;
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// All streams by region and name, and the number the next one gets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) next: u64,
    pub(super) regions: BTreeMap<String, BTreeMap<String, Stream>>,
}

/// A stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stream {
    /// Unique for ever; names the files and stands in iterators.
    pub(super) number: u64,
    /// ms since the epoch.
    pub(super) created: i64,
    pub(super) on_demand: bool,
    /// h
    pub(super) retention: i64,
    pub(super) tags: BTreeMap<String, String>,
    /// A shard's number is its place.
    pub(super) shards: Vec<Shard>,
}

/// A shard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Shard {
    /// First and last hash key.
    pub(super) range: (u128, u128),
    /// The shard it was split off, or those it was merged of.
    pub(super) parents: Vec<usize>,
    /// ms since the epoch.
    pub(super) created: i64,
    /// When it was split or merged, in ms since the epoch, and the position after its last record.
    pub(super) closed: Option<(i64, i64)>,
}

impl Index {
    pub(super) fn find(&self, region: &str, name: &str) -> Option<&Stream> {
        self.regions.get(region)?.get(name)
    }
}

impl Stream {
    pub(super) fn new(number: u64, count: usize, on_demand: bool, created: i64) -> Self {
        let size = u128::MAX / count as u128;
        let shard = |at: usize| {
            let first = size * at as u128 + u128::from(at > 0);
            let last = if at + 1 == count { u128::MAX } else { size * (at + 1) as u128 };
            Shard { range: (first, last), parents: Vec::new(), created, closed: None }
        };
        let shards = (0..count).map(shard).collect();
        Self { number, created, on_demand, retention: 24, tags: BTreeMap::new(), shards }
    }

    /// The open shards with their numbers.
    pub(super) fn open(&self) -> impl Iterator<Item = (usize, &Shard)> {
        self.shards.iter().enumerate().filter(|(_, shard)| shard.closed.is_none())
    }

    /// The open shard that a hash key belongs to.
    pub(super) fn shard_for(&self, hash: u128) -> Option<usize> {
        self.open().find(|(_, shard)| (shard.range.0..=shard.range.1).contains(&hash)).map(|(at, _)| at)
    }

    pub(super) fn children(&self, shard: usize) -> impl Iterator<Item = usize> {
        self.shards.iter().enumerate().filter(move |(_, it)| it.parents.contains(&shard)).map(|(at, _)| at)
    }

    /// 56 digits that grow with the shard's number and the position.
    pub(super) fn sequence(&self, shard: usize, position: i64) -> String {
        format!("49{:012}{shard:020}{position:022}", self.created / 1000)
    }

    /// The position that a sequence number of this shard stands for.
    pub(super) fn position(&self, shard: usize, number: &str) -> Option<i64> {
        let start = self.sequence(shard, 0);
        let digits = number.strip_prefix(&start[..34])?;
        (digits.len() == 22).then(|| digits.parse().ok()).flatten()
    }

    /// `Shard`
    pub(super) fn show(&self, number: usize) -> Document {
        let Some(shard) = self.shards.get(number) else { return Document::map() };
        let parents: Vec<String> = shard.parents.iter().map(|parent| shard_id(*parent)).collect();
        let end = shard.closed.map(|(_, end)| self.sequence(number, end));
        let numbers = Document::map().with("StartingSequenceNumber", self.sequence(number, 0));
        Document::map()
            .with("ShardId", shard_id(number))
            .maybe("ParentShardId", parents.first())
            .maybe("AdjacentParentShardId", parents.get(1))
            .with("HashKeyRange", shard.show_range())
            .with("SequenceNumberRange", numbers.maybe("EndingSequenceNumber", end))
    }
}

impl Shard {
    pub(super) fn show_range(&self) -> Document {
        let (first, last) = self.range;
        Document::map().with("StartingHashKey", first.to_string()).with("EndingHashKey", last.to_string())
    }
}

pub(super) fn shard_id(number: usize) -> String {
    format!("shardId-{number:012}")
}

/// The number of a shard: clients may leave zeros out.
pub(super) fn shard_number(id: &str) -> Result<usize, Fault> {
    let number = id.strip_prefix("shardId-").unwrap_or(id).parse().ok();
    number.ok_or_else(|| argument(format!("{id} is not the id of a shard.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_key_has_one_shard() {
        for count in [1, 2, 3, 7] {
            let stream = Stream::new(1, count, false, 1_700_000_000_000);
            let mut next = 0;
            for (_, shard) in stream.open() {
                assert_eq!(shard.range.0, next);
                next = shard.range.1.wrapping_add(1);
            }
            assert_eq!(next, 0, "the last one ends with the last key");
            assert_eq!(stream.shard_for(u128::MAX), Some(count - 1));
            assert_eq!(stream.shard_for(0), Some(0));
        }
    }

    #[test]
    fn sequence_numbers_grow_and_are_read_back() {
        let stream = Stream::new(1, 2, false, 1_700_000_000_000);
        let numbers = [stream.sequence(0, 1), stream.sequence(0, 10), stream.sequence(1, 0)];
        assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 56), "{numbers:?}");
        assert_eq!(stream.position(0, &numbers[1]), Some(10));
        assert_eq!(stream.position(1, &numbers[1]), None, "of another shard");
        assert_eq!(stream.position(0, "49"), None);
    }
}
