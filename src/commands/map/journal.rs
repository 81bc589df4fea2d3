//! What is known of an unfinished run beside its output: which function, which options, and which input.
//!
//! `results.jsonl.unfinished` is there from the first result until the last. Its first line says what the run was;
//! three records of fixed length say how the input was known up to an item that is done. The output itself is what
//! tells which items those are: a record is written before the results it counts, so one of them always fits.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::input::{Mark, Point};
use crate::error::{Error, OrFailed as _, Result};

/// What must be the same for a run to go on where another one ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Of the form of this file.
    pub(super) rzap_map: u32,
    /// An ARN.
    pub(super) function: String,
    pub(super) qualifier: String,
    /// Items of one call; null where they are not batches.
    pub(super) batch: Option<u64>,
    pub(super) ordered: bool,
    pub(super) with_input: bool,
}

/// Bytes of a record, with its line end.
const RECORD: usize = 96;
/// The place of the one that is written only when everything before it is on the disk.
const SAFE: u64 = 2;

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    items: u64,
    mark: String,
}

/// The file, open.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes before the records.
    head: u64,
    written: u64,
}

impl Journal {
    /// `results.jsonl.unfinished`
    pub(super) fn path_for(output: &Path) -> PathBuf {
        let mut name = output.as_os_str().to_owned();
        name.push(".unfinished");
        PathBuf::from(name)
    }

    /// Begins one.
    pub(super) fn create(output: &Path, identity: &Identity) -> Result<Self> {
        let path = Self::path_for(output);
        let what = || format!("write {}", path.display());
        let mut head = serde_json::to_vec(identity).or_failed(what)?;
        head.push(b'\n');
        let file = File::create(&path).or_failed(what)?;
        file.write_all_at(&head, 0).or_failed(what)?;
        Ok(Self { file, head: head.len() as u64, written: 0, path })
    }

    /// The one that an unfinished run has left, with its records.
    pub(super) fn open(output: &Path) -> Result<Option<(Self, Identity, Vec<Point>)>> {
        let path = Self::path_for(output);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).or_failed(|| format!("read {}", path.display())),
        };
        let head = text.lines().next().unwrap_or_default();
        let identity: Identity = serde_json::from_str(head).map_err(|error| {
            Error::failed(format!("{} is not a file of `rzap map`", path.display()))
                .because(&error)
                .hint("`--restart` throws it away, with the results, and begins anew")
        })?;
        let points: Vec<Point> = text.lines().skip(1).filter_map(point).collect();
        let file = File::options().write(true).open(&path).or_failed(|| format!("write {}", path.display()))?;
        Ok(Some((Self { file, head: head.len() as u64 + 1, written: points.len() as u64, path }, identity, points)))
    }

    /// Before the results up to here are written.
    pub(super) fn note(&mut self, point: Point) -> Result<()> {
        self.written += 1;
        self.put(point, self.written % SAFE)
    }

    /// When the results up to here are on the disk.
    pub(super) fn safe(&mut self, point: Point) -> Result<()> {
        self.put(point, SAFE)?;
        self.file.sync_data().or_failed(|| format!("write {}", self.path.display()))
    }

    fn put(&self, point: Point, place: u64) -> Result<()> {
        let what = || format!("write {}", self.path.display());
        let record = Record { items: point.items, mark: hex::encode(point.mark.0) };
        let text = serde_json::to_string(&record).or_failed(what)?;
        let text = format!("{text:width$}\n", width = RECORD - 1);
        self.file.write_all_at(text.as_bytes(), self.head + place * RECORD as u64).or_failed(what)
    }

    /// The run is finished, or has not begun.
    pub(super) fn remove(self) -> Result<()> {
        std::fs::remove_file(&self.path).or_failed(|| format!("remove {}", self.path.display()))
    }
}

/// A record that is whole. One that was never written is a gap of zeros in the file.
fn point(line: &str) -> Option<Point> {
    let record: Record = serde_json::from_str(line.trim_matches(['\0', ' '])).ok()?;
    let mut mark = [0; 16];
    hex::decode_to_slice(record.mark, &mut mark).ok()?;
    Some(Point { items: record.items, mark: Mark(mark) })
}

impl Identity {
    /// What is different, in words.
    pub(super) fn differences(&self, now: &Self) -> Vec<String> {
        let batch = |batch: Option<u64>| batch.map_or_else(|| "none".to_owned(), |batch| batch.to_string());
        let all = [
            ("function", self.function.clone(), now.function.clone()),
            ("--qualifier", self.qualifier.clone(), now.qualifier.clone()),
            ("--batch", batch(self.batch), batch(now.batch)),
            ("--unordered", (!self.ordered).to_string(), (!now.ordered).to_string()),
            ("--with-input", self.with_input.to_string(), now.with_input.to_string()),
        ];
        let differ = all.into_iter().filter(|(_, then, now)| then != now);
        differ.map(|(name, then, now)| format!("{name} was {then} and is {now}")).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_records_that_were_written_last_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.jsonl");
        let identity = Identity {
            rzap_map: 1,
            function: "arn:f".to_owned(),
            qualifier: "live".to_owned(),
            batch: None,
            ordered: true,
            with_input: false,
        };
        assert!(Journal::open(&output).unwrap().is_none());
        let at = |items: u8| Point { items: items.into(), mark: Mark([items; 16]) };
        let mut journal = Journal::create(&output, &identity).unwrap();
        journal.note(at(1)).unwrap();
        let read = |output: &Path| {
            let (journal, identity, mut points) = Journal::open(output).unwrap().unwrap();
            points.sort_by_key(|point| point.items);
            (journal, identity, points)
        };
        assert_eq!(read(&output).2, [at(1)]);
        for items in 2..=5 {
            journal.note(at(items)).unwrap();
        }
        journal.safe(at(3)).unwrap();
        let (journal, known, points) = read(&output);
        assert_eq!(points, [at(3), at(4), at(5)]);
        assert_eq!(known.differences(&identity), [""; 0]);
        let other = Identity { batch: Some(10), ..identity };
        assert_eq!(known.differences(&other), ["--batch was none and is 10"]);
        journal.remove().unwrap();
        assert!(Journal::open(&output).unwrap().is_none());
    }
}
