//! The records of one shard: in memory, and one line each in a file.
//!
//! A line that a killed server left half written is cut off: it was never answered. Records that are older than
//! their stream keeps them go from memory when somebody looks, from the file when it is opened.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::disk;
use crate::local::wire::Fault;

/// A record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// From 1, without gaps.
    #[serde(rename = "p")]
    pub(super) position: i64,
    #[serde(rename = "k")]
    pub(super) key: String,
    /// base64
    #[serde(rename = "d")]
    pub(super) data: String,
    /// When it came, in ms since the epoch.
    #[serde(rename = "t")]
    pub(super) arrived: i64,
}

/// The records of a shard.
#[derive(Debug)]
pub(super) struct Shelf(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    records: VecDeque<Record>,
    /// The position of the next one.
    next: i64,
    file: File,
    end: u64,
    /// Its shard was split or merged since it was opened.
    is_closed: bool,
}

impl Shelf {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let (mut records, mut end, mut line) = (VecDeque::new(), 0, Vec::new());
        let mut reader = BufReader::with_capacity(1 << 16, &file);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            let whole = line.last() == Some(&b'\n');
            let Some(record) = whole.then(|| serde_json::from_slice::<Record>(&line).ok()).flatten() else { break };
            records.push_back(record);
            end += length as u64;
        }
        file.set_len(end)?;
        let next = records.back().map_or(1, |record| record.position + 1);
        Ok(Self(Mutex::new(Inner { records, next, file, end, is_closed: false })))
    }

    /// Appends records (key and data) in one write, and says their first position; `None` when the shard was closed
    /// a moment ago.
    pub(super) fn append(&self, records: Vec<(String, String)>, arrived: i64) -> Result<Option<i64>, Fault> {
        let mut inner = self.lock();
        if inner.is_closed {
            return Ok(None);
        }
        let first = inner.next;
        let mut text = Vec::new();
        let mut fresh = Vec::new();
        for ((key, data), position) in records.into_iter().zip(first..) {
            let record = Record { position, key, data, arrived };
            serde_json::to_writer(&mut text, &record).map_err(|error| disk(&error.into()))?;
            text.push(b'\n');
            fresh.push(record);
        }
        if let Err(error) = inner.file.write_all(&text) {
            // Half a line would hide everything after it.
            let end = inner.end;
            inner.file.set_len(end).map_err(|error| disk(&error))?;
            return Err(disk(&error));
        }
        inner.end += text.len() as u64;
        inner.next += i64::try_from(fresh.len()).unwrap_or_default();
        inner.records.extend(fresh);
        Ok(Some(first))
    }

    /// Takes nothing more, and says the position after the last record.
    pub(super) fn close(&self) -> i64 {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.next
    }

    /// Up to `most` records after a position that came since `oldest`, at most `bytes` of data but always one, and the
    /// position of the last record there is.
    pub(super) fn after(&self, position: i64, most: usize, bytes: usize, oldest: i64) -> (Vec<Record>, i64) {
        let mut inner = self.lock();
        while inner.records.front().is_some_and(|record| record.arrived < oldest) {
            inner.records.pop_front();
        }
        let from = inner.records.partition_point(|record| record.position <= position);
        let mut size = 0;
        let fits = |record: &&Record| {
            let first = size == 0;
            size += record.data.len() + record.key.len();
            first || size <= bytes
        };
        (inner.records.range(from..).take(most).take_while(fits).cloned().collect(), inner.next - 1)
    }

    /// The position before the first record that came at a moment or later.
    pub(super) fn before(&self, moment: i64) -> i64 {
        let inner = self.lock();
        let found = inner.records.iter().find(|record| record.arrived >= moment);
        found.map_or(inner.next - 1, |record| record.position - 1)
    }

    /// The position of the last record.
    pub(super) fn last(&self) -> i64 {
        self.lock().next - 1
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_half_a_line_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1-0.jsonl");
        let shelf = Shelf::open(&path).unwrap();
        let record = |key: &str| (key.to_owned(), "AA==".to_owned());
        assert_eq!(shelf.append(vec![record("a"), record("b")], 100).unwrap(), Some(1));
        assert_eq!(shelf.append(vec![record("c")], 200).unwrap(), Some(3));
        drop(shelf);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"p\": 4,").unwrap();
        let shelf = Shelf::open(&path).unwrap();
        let keys = |position, most, oldest| -> Vec<String> {
            shelf.after(position, most, 1 << 20, oldest).0.into_iter().map(|record| record.key).collect()
        };
        assert_eq!(keys(0, 10, 0), ["a", "b", "c"]);
        assert_eq!(keys(1, 1, 0), ["b"]);
        assert_eq!([shelf.before(150), shelf.before(300), shelf.last()], [2, 3, 3]);
        assert_eq!(keys(0, 10, 150), ["c"], "older ones are gone");
        assert_eq!(shelf.append(vec![record("d")], 300).unwrap(), Some(4));
        assert_eq!(shelf.close(), 5);
        assert_eq!(shelf.append(vec![record("e")], 300).unwrap(), None);
    }
}
