//! The wish that nothing new starts, and why.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::{Error, Kind};

const ASKED: u8 = 1;
const LOCK_LOST: u8 = 2;

/// Set once, seen by everybody who has a clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicU8>);

impl Stop {
    /// Somebody pressed Ctrl-C. `true` when it was set before.
    pub(crate) fn ask(&self) -> bool {
        self.0.swap(ASKED, Ordering::Relaxed) != 0
    }

    /// The lock is somebody else's, or gone: two must not deploy at once.
    pub(super) fn lose_lock(&self) {
        self.0.store(LOCK_LOST, Ordering::Relaxed);
    }

    /// The lock is not ours any more.
    pub(super) fn has_lost_lock(&self) -> bool {
        self.0.load(Ordering::Relaxed) == LOCK_LOST
    }

    /// Nothing new may start.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Why nothing more was done.
    pub(super) fn error(&self) -> Error {
        if self.has_lost_lock() {
            return Error::failed("the lock of this stage was taken from this run, so it stopped")
                .hint("somebody ran `rzap unlock`, or this machine slept or was cut off for a minute: look at `rzap status` before you go on");
        }
        Error::new(Kind::Interrupted, "interrupted: running calls were finished, nothing new was started")
            .hint("run the same command again: it continues where this one stopped")
    }
}
