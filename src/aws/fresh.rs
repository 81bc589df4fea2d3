//! Roles that were made in this run: one asks whether Lambda can use its role yet, the others wait for that answer.
//!
//! IAM takes some seconds until a role is known everywhere. If all functions of a large stage tried on their own,
//! each with a role of its own, they would use up Lambda's rate with refused calls. How long it took for one is how long
//! it will take for the others: whose role was made later waits that much longer before it is tried.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until};

/// Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fresh {
    /// When which role was made.
    made: Arc<Mutex<BTreeMap<String, Instant>>>,
    /// How long it took until the first of them could be used.
    took: Arc<Turn<Option<Duration>>>,
}

/// The turn to try it.
#[derive(Debug)]
pub(crate) struct Probe(OwnedMutexGuard<Option<Duration>>, Instant);

impl Fresh {
    /// The role of this name was made a moment ago.
    pub(crate) fn made(&self, role: &str) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(role.to_owned(), Instant::now());
    }

    /// Waits for the turn to try the role with this ARN; `None` when it need not be tried out: it was there before,
    /// or one that was made like it could be used already.
    pub(crate) async fn probe(&self, arn: &str) -> Option<Probe> {
        let role = arn.rsplit('/').next().unwrap_or_default();
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(role).copied()?;
        let turn = Arc::clone(&self.took).lock_owned().await;
        let Some(took) = *turn else { return Some(Probe(turn, made)) };
        drop(turn);
        sleep_until(made + took).await;
        None
    }
}

impl Probe {
    /// Lambda took it.
    pub(crate) fn passed(mut self) {
        *self.0 = Some(self.1.elapsed());
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
        fresh.made("newer");
        let tries = AtomicUsize::new(0);
        let one = async |role: &str| {
            let probe = fresh.probe(&format!("arn:aws:iam::1:role/a/b/{role}")).await;
            let was_first = probe.is_some();
            if let Some(probe) = probe {
                tries.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(8)).await;
                probe.passed();
            }
            was_first
        };
        let first = join_all((0..50).map(|index| one(if index % 2 == 0 { "new" } else { "newer" }))).await;
        assert_eq!(first.iter().filter(|first| **first).count(), 1);
        assert_eq!(tries.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_made_later_is_tried_later() {
        let fresh = Fresh::default();
        fresh.made("old");
        tokio::time::sleep(Duration::from_secs(8)).await;
        fresh.made("new");
        fresh.probe("role/old").await.expect("the first one tries").passed();
        let before = Instant::now();
        assert!(fresh.probe("role/new").await.is_none());
        assert_eq!(before.elapsed().as_secs(), 8);
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_it_to_the_next() {
        let fresh = Fresh::default();
        fresh.made("new");
        drop(fresh.probe("role/new").await.expect("the first one tries"));
        assert!(fresh.probe("role/new").await.is_some());
    }
}
