//! A queue on disk: one file of changes, appended to, rewritten when most of it is history.
//!
//! A line is one [`Change`] as JSON. What a killed server left half written at the end is cut off: it was
//! never answered. Rewriting costs no more than the appends before it did.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use super::contents::{Change, Contents};

/// Bytes of history that are not worth a rewrite.
const SLACK: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    end: u64,
    /// Size at which the next rewrite is due.
    full: u64,
}

impl Journal {
    /// Reads the file, or begins it, and brings the queue back.
    pub(super) fn open(path: &Path, fifo: bool) -> io::Result<(Self, Contents)> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut contents = Contents::new(fifo);
        let mut end = 0;
        let mut line = Vec::new();
        let mut reader = BufReader::with_capacity(1 << 16, &file);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            let whole = line.last() == Some(&b'\n');
            let Some(change) = whole.then(|| serde_json::from_slice(&line).ok()).flatten() else { break };
            contents.apply(change);
            end += length as u64;
        }
        file.set_len(end)?;
        let full = SLACK + 2 * end;
        Ok((Self { path: path.to_owned(), file, end, full }, contents))
    }

    /// Appends changes in one write; on an error none of them is there.
    pub(super) fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let text = encode(changes)?;
        if let Err(error) = self.file.write_all(&text) {
            // Half a line would hide everything after it.
            self.file.set_len(self.end)?;
            return Err(error);
        }
        self.end += text.len() as u64;
        Ok(())
    }

    /// Whether most of the file is history.
    pub(super) fn is_full(&self) -> bool {
        self.end > self.full
    }

    /// Writes the file anew with nothing but what leads to `contents`.
    pub(super) fn rewrite(&mut self, contents: &Contents) -> io::Result<()> {
        let text = encode(&contents.replay())?;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut fresh = tempfile::NamedTempFile::new_in(dir)?;
        fresh.write_all(&text)?;
        fresh.persist(&self.path).map_err(|error| error.error)?;
        self.file = OpenOptions::new().read(true).append(true).open(&self.path)?;
        self.end = text.len() as u64;
        self.full = SLACK + 2 * self.end;
        Ok(())
    }
}

fn encode(changes: &[Change]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for change in changes {
        serde_json::to_writer(&mut text, change)?;
        text.push(b'\n');
    }
    Ok(text)
}
