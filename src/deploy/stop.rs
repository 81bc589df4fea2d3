//! The wish that nothing new starts, and why.

use tokio::sync::watch;

use crate::error::{Error, Kind};

/// Why, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Wish {
    #[default]
    None,
    Asked,
    LockLost,
}

/// Set once, seen by everybody who has a clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(watch::Sender<Wish>);

impl Stop {
    /// Somebody pressed Ctrl-C. `true` when it was set before.
    pub(crate) fn ask(&self) -> bool {
        self.0.send_replace(Wish::Asked) != Wish::None
    }

    /// The lock is somebody else's, or gone: two must not deploy at once.
    pub(super) fn lose_lock(&self) {
        self.0.send_replace(Wish::LockLost);
    }

    /// The lock is not ours any more.
    pub(super) fn has_lost_lock(&self) -> bool {
        *self.0.borrow() == Wish::LockLost
    }

    /// Nothing new may start.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow() != Wish::None
    }

    /// Resolves when nothing new may start.
    pub(super) async fn set(&self) {
        // It fails only when the sender is gone, and that is `self`.
        let _ = self.0.subscribe().wait_for(|wish| *wish != Wish::None).await;
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
