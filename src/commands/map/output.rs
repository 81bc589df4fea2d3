//! Where the results go: a file that a later run can go on with, or a stream that nobody comes back to.
//!
//! One run at a time: the file is locked. Results are written as they come and are on the disk two seconds later: a
//! killed run loses none that was written, a power cut the last two seconds of them; either way the next run does them
//! again. The writing has a thread of its own.

use std::fs::{File, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

use super::found::{self, Found};
use super::input::Point;
use super::journal::{Identity, Journal};
use crate::error::{Error, OrFailed as _, Result};
use crate::ui::Ui;

/// How long results may be on their way to the disk.
const SYNC: Duration = Duration::from_secs(2);
/// Bytes that are written at once, where they come that fast.
const BLOCK: usize = 256 * 1024;

/// Lines, and what is done once they are written.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) text: Vec<u8>,
    pub(super) front: Point,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) enum Output {
    Stdout(Ui),
    /// A pipe, a device.
    Stream(File, PathBuf),
    File(Kept),
}

/// A file that a later run can go on with.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    file: File,
    journal: Journal,
    /// It was not there before.
    is_new: bool,
    noted: u64,
}

/// An output, and what an earlier run has left in it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) output: Output,
    pub(super) found: Found,
    /// How the input must look.
    pub(super) expected: Option<Point>,
}

impl Output {
    /// `-` is stdout. A file must be empty, or of an unfinished run like this one, or go with `restart`.
    pub(super) fn open(path: &str, identity: &Identity, restart: bool, ui: Ui) -> Result<Opened> {
        let plain = |output| Opened { output, found: Found::default(), expected: None };
        if path == "-" {
            return Ok(plain(Self::Stdout(ui)));
        }
        let path = PathBuf::from(path);
        let what = || format!("open {}", path.display());
        let is_new = !path.exists();
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).or_failed(what)?;
        if !file.metadata().or_failed(what)?.is_file() {
            return Ok(plain(Self::Stream(file, path)));
        }
        lock(&file, &path)?;
        let is_empty = file.metadata().or_failed(what)?.len() == 0;
        if restart || is_empty {
            file.set_len(0).or_failed(what)?;
            let journal = Journal::create(&path, identity)?;
            return Ok(plain(Self::File(Kept { path, file, journal, is_new, noted: 0 })));
        }
        let Some((journal, then, points)) = Journal::open(&path)? else {
            return Err(Error::usage(format!("{} has something in it already", path.display()))
                .hint("name another `--output`; `--restart` throws away what is in it"));
        };
        let differences = then.differences(identity);
        if !differences.is_empty() {
            let mut error = Error::usage(format!("{} was begun by another command", path.display()));
            error.causes.push(differences.join(", "));
            return Err(error.hint("go on with the same options, or name another `--output`").hint(RESTART));
        }
        let found = found::read(&file, &path, identity.batch.unwrap_or(1))?;
        file.set_len(found.length).or_failed(what)?;
        file.seek(SeekFrom::End(0)).or_failed(what)?;
        let expected = points.into_iter().filter(|point| point.items <= found.front).max_by_key(|point| point.items);
        let kept = Kept { path, file, journal, is_new: false, noted: found.front };
        Ok(Opened { output: Self::File(kept), found, expected })
    }

    /// Writes what comes until nothing more comes, and gives the output back.
    pub(super) fn write_all(mut self, mut blocks: Receiver<Block>) -> (Self, Result<()>) {
        let mut written = || -> Result<()> {
            let mut synced = Instant::now();
            let mut last = None;
            while let Some(mut block) = blocks.blocking_recv() {
                while block.text.len() < BLOCK
                    && let Ok(mut more) = blocks.try_recv()
                {
                    block.text.append(&mut more.text);
                    block.front = more.front;
                }
                self.write(&block)?;
                last = Some(block.front);
                if synced.elapsed() >= SYNC {
                    self.sync(block.front)?;
                    synced = Instant::now();
                }
            }
            last.map_or(Ok(()), |front| self.sync(front))
        };
        let result = written();
        (self, result)
    }

    fn write(&mut self, block: &Block) -> Result<()> {
        match self {
            Self::Stdout(ui) => {
                ui.data(&block.text);
                Ok(())
            }
            Self::Stream(file, path) => file.write_all(&block.text).or_failed(|| format!("write {}", path.display())),
            Self::File(kept) => {
                if block.front.items > kept.noted {
                    kept.journal.note(block.front)?;
                    kept.noted = block.front.items;
                }
                kept.file.write_all(&block.text).or_failed(|| format!("write {}", kept.path.display()))
            }
        }
    }

    fn sync(&mut self, front: Point) -> Result<()> {
        let Self::File(kept) = self else { return Ok(()) };
        kept.file.sync_data().or_failed(|| format!("write {}", kept.path.display()))?;
        if front.items > 0 { kept.journal.safe(front) } else { Ok(()) }
    }

    /// Every item is done: nothing is left to go on with.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::File(kept) => kept.journal.remove(),
            _ => Ok(()),
        }
    }

    /// The run ends before its input does. What has no results leaves nothing behind.
    pub(super) fn leave(self) -> Result<()> {
        let Self::File(kept) = self else { return Ok(()) };
        if kept.file.metadata().is_ok_and(|file| file.len() > 0) {
            return Ok(());
        }
        if kept.is_new {
            std::fs::remove_file(&kept.path).or_failed(|| format!("remove {}", kept.path.display()))?;
        }
        kept.journal.remove()
    }

    /// Whether the same command goes on where this one ended.
    pub(super) fn can_go_on(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

pub(super) const RESTART: &str = "`--restart` throws the results away and begins anew";

/// For as long as the file is open; the system gives it back when the process is gone.
fn lock(file: &File, path: &Path) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(Error::failed(format!("another `rzap map` is writing {}", path.display()))
                .hint("wait until it has ended, or name another `--output`"))
        }
        Err(TryLockError::Error(error)) => Err(error).or_failed(|| format!("lock {}", path.display())),
    }
}
