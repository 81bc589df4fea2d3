//! Roles that were made in this run: one asks whether Lambda can use it yet, the others wait for that answer.
//!
//! IAM takes some seconds until a role is known everywhere. If all functions of a large stage tried on their own,
//! they would use up Lambda's rate with refused calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fresh(Arc<Mutex<BTreeMap<String, Arc<Turn<bool>>>>>);

/// The turn to try it.
#[derive(Debug)]
pub(crate) struct Probe(OwnedMutexGuard<bool>);

impl Fresh {
    /// The role of this name was made a moment ago.
    pub(crate) fn made(&self, role: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(role.to_owned(), Arc::default());
    }

    /// Waits for the turn to try the role with this ARN; `None` when it need not be tried out: it was there before,
    /// or somebody could use it already.
    pub(crate) async fn probe(&self, arn: &str) -> Option<Probe> {
        let role = arn.rsplit('/').next().unwrap_or_default();
        let turn = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(role).cloned()?;
        let usable = turn.lock_owned().await;
        (!*usable).then_some(Probe(usable))
    }
}

impl Probe {
    /// Lambda took it.
    pub(crate) fn passed(mut self) {
        *self.0 = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_tries_until_it_works_and_then_all_go() {
        let fresh = Fresh::default();
        assert!(fresh.probe("arn:aws:iam::1:role/old").await.is_none());
        fresh.made("new");
        let tries = AtomicUsize::new(0);
        let one = async || {
            let probe = fresh.probe("arn:aws:iam::1:role/new").await;
            let was_first = probe.is_some();
            if let Some(probe) = probe {
                tries.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(std::time::Duration::from_secs(8)).await;
                probe.passed();
            }
            was_first
        };
        let first = join_all((0..50).map(|_| one())).await;
        assert_eq!(first.iter().filter(|first| **first).count(), 1);
        assert_eq!(tries.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_it_to_the_next() {
        let fresh = Fresh::default();
        fresh.made("new");
        drop(fresh.probe("role/new").await.expect("the first one tries"));
        assert!(fresh.probe("role/new").await.is_some());
    }
}
