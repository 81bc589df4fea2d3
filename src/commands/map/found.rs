//! What an earlier run has written: which items are done, which of them failed, where to go on.
//!
//! Only whole lines count, and of a batch only whole batches: what was torn when the run died is cut off.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use super::line::Written;
use super::tally::Tally;
use crate::error::{Error, OrFailed as _, Result};

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// All items before this one are done.
    pub(super) front: u64,
    /// And these beyond it.
    pub(super) beyond: BTreeSet<u64>,
    /// Bytes of the output that are good.
    pub(super) length: u64,
    pub(super) tally: Tally,
}

/// The lines of one batch, until they are all there.
#[derive(Debug, Default)]
struct Group {
    number: u64,
    lines: Vec<Written>,
    items: u64,
}

/// Reads an output from its start. `batch` items are one call.
pub(super) fn read(file: &File, path: &Path, batch: u64) -> Result<Found> {
    let mut lines = BufReader::with_capacity(1 << 20, file);
    let mut found = Found::default();
    let mut group = Group::default();
    let (mut text, mut at, mut number) = (Vec::new(), 0_u64, 0_u64);
    loop {
        text.clear();
        let length = lines.read_until(b'\n', &mut text).or_failed(|| format!("read {}", path.display()))? as u64;
        let written = serde_json::from_slice::<Written>(&text).ok().filter(|_| text.ends_with(b"\n"));
        let Some(written) = written else {
            // The end, or what was being written when it came.
            let is_last = lines.fill_buf().or_failed(|| format!("read {}", path.display()))?.is_empty();
            if is_last {
                return Ok(found);
            }
            return Err(Error::failed(format!("line {} of {} is not one of `rzap map`'s", number + 1, path.display()))
                .hint("`--restart` throws the results away and begins anew"));
        };
        number += 1;
        let of = written.index / batch;
        if group.lines.is_empty() || group.number != of {
            group = Group { number: of, ..Group::default() };
        }
        at += length;
        group.items += written.count;
        group.lines.push(written);
        if group.items >= batch {
            for line in group.lines.drain(..) {
                found.take(&line);
            }
            found.length = at;
        }
    }
}

impl Found {
    fn take(&mut self, line: &Written) {
        match &line.error {
            Some(error) => self.tally.failed(line.index, line.count, &error.kind, &error.message),
            None => self.tally.succeeded(line.count),
        }
        self.beyond.extend(line.index..line.index + line.count);
        while self.beyond.remove(&self.front) {
            self.front += 1;
        }
    }

    pub(super) fn has(&self, index: u64) -> bool {
        index < self.front || self.beyond.contains(&index)
    }

    /// Items that are done.
    pub(super) fn items(&self) -> u64 {
        self.front + self.beyond.len() as u64
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn found(text: &str, batch: u64) -> Result<Found> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(&file.reopen().unwrap(), Path::new("out.jsonl"), batch)
    }

    #[test]
    fn whole_lines_count_and_a_torn_one_is_cut_off() {
        let text = "{\"index\":0,\"output\":1}\n{\"index\":1,\"error\":{\"type\":\"E\",\"message\":\"m\"}}\n";
        for torn in ["", "{\"index\":2,", "{\"index\":2,\"output\":3}", "\0\0\0\0"] {
            let found = found(&format!("{text}{torn}"), 1).unwrap();
            assert_eq!((found.front, found.length), (2, text.len() as u64), "{torn:?}");
            assert_eq!((found.tally.succeeded, found.tally.failed), (1, 1));
            assert!(found.has(1) && !found.has(2));
        }
        let error = found("{\"index\":0,\"output\":1}\nmine\n{\"index\":1,\"output\":1}\n", 1).unwrap_err();
        assert_eq!(error.message, "line 2 of out.jsonl is not one of `rzap map`'s");
    }

    #[test]
    fn without_an_order_there_are_gaps() {
        let text = "{\"index\":0,\"output\":1}\n{\"index\":3,\"output\":1}\n{\"index\":2,\"output\":1}\n";
        let found = found(text, 1).unwrap();
        assert_eq!((found.front, found.items()), (1, 3));
        assert!(!found.has(1) && found.has(2) && found.has(3));
    }

    #[test]
    fn of_a_batch_all_lines_count_or_none() {
        let first = "{\"index\":0,\"count\":2,\"output\":1}\n";
        let second = "{\"index\":2,\"output\":1}\n{\"index\":3,\"output\":1}\n";
        let half = "{\"index\":4,\"output\":1}\n";
        let found = found(&format!("{first}{second}{half}"), 2).unwrap();
        assert_eq!((found.front, found.length), (4, (first.len() + second.len()) as u64));
        assert_eq!(found.tally.succeeded, 4);
    }
}
