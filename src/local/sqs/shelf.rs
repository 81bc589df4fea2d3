//! A queue that is in use: its contents and its journal under one lock, and a bell for those who wait.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::contents::{Change, Contents};
use super::fault::disk;
use super::journal::Journal;
use crate::local::wire::Fault;

#[derive(Debug)]
pub(super) struct Shelf {
    inner: Mutex<Inner>,
    /// Rings whenever there may be something to receive that was not there before.
    pub(super) changed: Notify,
}

#[derive(Debug)]
pub(super) struct Inner {
    contents: Contents,
    journal: Journal,
}

impl Shelf {
    pub(super) fn open(path: &Path, fifo: bool) -> io::Result<Self> {
        let (journal, contents) = Journal::open(path, fifo)?;
        Ok(Self { inner: Mutex::new(Inner { contents, journal }), changed: Notify::new() })
    }

    /// The queue as it is `now`, with messages older than `retention` s gone.
    pub(super) fn at(&self, now: i64, retention: i64) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.contents.tick(now, retention.saturating_mul(1000));
        inner
    }
}

impl Inner {
    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Makes changes, on disk first.
    pub(super) fn record(&mut self, changes: Vec<Change>) -> Result<(), Fault> {
        if changes.is_empty() {
            return Ok(());
        }
        self.journal.append(&changes).map_err(|error| disk(&error))?;
        for change in changes {
            self.contents.apply(change);
        }
        if self.journal.is_full() {
            // A long journal says the same; the next change tries again.
            let _ = self.journal.rewrite(&self.contents);
        }
        Ok(())
    }
}
