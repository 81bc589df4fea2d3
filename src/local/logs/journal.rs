//! The events of one log stream: an append-only JSON-lines file and, in memory, where each event is.
//!
//! A million events stay usable because nothing is ever rewritten: an event costs one line on disk and
//! 40 bytes here, a page reads only the lines it returns. A line torn by a killed process is cut off
//! when the file is opened again; it had not been confirmed.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Timestamp in ms and number within the stream: the order of a stream's events.
pub(crate) type Position = (i64, u64);

/// Where an event is and when it was, times in ms since the epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) timestamp: i64,
    pub(crate) ingested: i64,
    /// Counts a stream's events in the order of their arrival, from 0; never changes.
    pub(crate) sequence: u64,
    offset: u64,
    length: u32,
}

impl Entry {
    pub(crate) fn position(&self) -> Position {
        (self.timestamp, self.sequence)
    }
}

/// Which end of a range to read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    t: i64,
    i: i64,
    #[serde(borrow)]
    m: Cow<'a, str>,
}

/// One stream's events.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    /// Sorted by position.
    entries: Vec<Entry>,
    end: u64,
    bytes: u64,
    last_ingested: Option<i64>,
}

impl Journal {
    /// Reads the file's index; a missing file is an empty stream.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let mut journal = Self { path, entries: Vec::new(), end: 0, bytes: 0, last_ingested: None };
        let file = match OpenOptions::new().read(true).write(true).open(&journal.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(journal),
            Err(error) => return Err(error),
        };
        let mut reader = BufReader::with_capacity(1 << 16, &file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            let whole = line.last() == Some(&b'\n');
            let Some(parsed) = whole.then(|| serde_json::from_slice::<Line<'_>>(&line).ok()).flatten() else {
                break;
            };
            journal.note(parsed.t, parsed.i, parsed.m.len(), length);
        }
        file.set_len(journal.end)?;
        journal.entries.sort_unstable_by_key(Entry::position);
        Ok(journal)
    }

    /// Appends events (timestamp in ms, message) in one write.
    pub(crate) fn append(&mut self, now: i64, events: &[(i64, String)]) -> io::Result<u64> {
        // Events are ordered by ingestion after timestamp, so a clock set back must not reorder them.
        let ingested = self.last_ingested.map_or(now, |last| last.max(now));
        let mut text = Vec::new();
        let mut lengths = Vec::with_capacity(events.len());
        for (timestamp, message) in events {
            let before = text.len();
            serde_json::to_writer(&mut text, &Line { t: *timestamp, i: ingested, m: Cow::Borrowed(message) })?;
            text.push(b'\n');
            lengths.push(text.len() - before);
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        if let Err(error) = file.write_all(&text) {
            // Half a batch on disk would shift every later event.
            file.set_len(self.end)?;
            return Err(error);
        }
        let known = self.entries.len();
        for ((timestamp, message), length) in events.iter().zip(lengths) {
            self.note(*timestamp, ingested, message.len(), length);
        }
        // Events nearly always come in order: then only the new ones are looked at.
        if !self.entries[known.saturating_sub(1)..].is_sorted_by_key(Entry::position) {
            self.entries.sort_by_key(Entry::position);
        }
        Ok(known as u64)
    }

    fn note(&mut self, timestamp: i64, ingested: i64, message: usize, line: usize) {
        let sequence = self.entries.len() as u64;
        self.entries.push(Entry {
            timestamp,
            ingested,
            sequence,
            offset: self.end,
            length: u32::try_from(line).unwrap_or(u32::MAX),
        });
        self.end += line as u64;
        // CloudWatch Logs counts 26 bytes of overhead per event (PutLogEvents, "maximum batch size").
        self.bytes += message as u64 + 26;
        self.last_ingested = Some(ingested);
    }

    /// The timestamps of the earliest and the latest event.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        Some((self.entries.first()?.timestamp, self.entries.last()?.timestamp))
    }

    /// When the newest event arrived.
    pub(crate) fn last_ingested(&self) -> Option<i64> {
        self.last_ingested
    }

    /// UTF-8 bytes of all messages, plus 26 per event.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Up to `count` events of `range` with their messages, nearest to the chosen end first.
    pub(crate) fn read(
        &self,
        range: &Range<Position>,
        direction: Direction,
        count: usize,
    ) -> io::Result<Vec<(Entry, String)>> {
        let start = self.entries.partition_point(|entry| entry.position() < range.start);
        let end = self.entries.partition_point(|entry| entry.position() < range.end).max(start);
        let wanted: Vec<Entry> = match direction {
            Direction::Forward => self.entries[start..end].iter().take(count).copied().collect(),
            Direction::Backward => self.entries[start..end].iter().rev().take(count).copied().collect(),
        };
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let file = File::open(&self.path)?;
        let first = wanted.iter().map(|entry| entry.offset).min().unwrap_or_default();
        let last = wanted.iter().map(|entry| entry.offset + u64::from(entry.length)).max().unwrap_or_default();
        let needed: u64 = wanted.iter().map(|entry| u64::from(entry.length)).sum();
        let mut buffer = Vec::new();
        // Events nearly always lie in the file as they are read: then one read is enough for all.
        let at_once = last - first <= 2 * needed;
        if at_once {
            buffer.resize(usize::try_from(last - first).unwrap_or(usize::MAX), 0);
            file.read_exact_at(&mut buffer, first)?;
        }
        wanted
            .into_iter()
            .map(|entry| {
                let length = entry.length as usize;
                let start = if at_once { usize::try_from(entry.offset - first).unwrap_or(usize::MAX) } else { 0 };
                if !at_once {
                    buffer.resize(length, 0);
                    file.read_exact_at(&mut buffer, entry.offset)?;
                }
                let bytes = buffer.get(start..start + length).ok_or(io::ErrorKind::UnexpectedEof)?;
                let line: Line<'_> = serde_json::from_slice(bytes)?;
                Ok((entry, line.m.into_owned()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const ALL: Range<Position> = (i64::MIN, 0)..(i64::MAX, 0);

    fn texts(journal: &Journal, range: Range<Position>, direction: Direction, count: usize) -> Vec<String> {
        journal.read(&range, direction, count).unwrap().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn events_come_back_in_time_order_whatever_order_they_came_in() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path().join("1.jsonl")).unwrap();
        journal.append(100, &[(10, "b".into()), (20, "d\n\"é".into())]).unwrap();
        journal.append(90, &[(5, "a".into()), (10, "c".into())]).unwrap();
        assert_eq!(texts(&journal, ALL, Direction::Forward, 9), ["a", "b", "c", "d\n\"é"]);
        assert_eq!(texts(&journal, ALL, Direction::Backward, 2), ["d\n\"é", "c"]);
        assert_eq!(texts(&journal, (10, 1)..(20, 0), Direction::Forward, 9), ["c"]);
        assert_eq!((journal.span(), journal.last_ingested()), (Some((5, 20)), Some(100)));
    }

    #[test]
    fn a_torn_line_is_cut_off_and_what_was_confirmed_keeps_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.jsonl");
        Journal::open(path.clone()).unwrap().append(1, &[(1, "one".into()), (2, "two".into())]).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"t\":3,\"i\"").unwrap();
        let mut journal = Journal::open(path).unwrap();
        journal.append(3, &[(3, "three".into())]).unwrap();
        assert_eq!(texts(&journal, ALL, Direction::Forward, 9), ["one", "two", "three"]);
        assert_eq!(journal.read(&ALL, Direction::Backward, 1).unwrap()[0].0.sequence, 2);
    }
}
