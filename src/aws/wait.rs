//! Waiting, bounded and audible: backoff with jitter, and a way to say what we are waiting for.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    /// Who hears [`say`] in this task. `apply` sets it to the step it is running.
    pub(crate) static LISTENER: Arc<dyn Fn(&str) + Send + Sync>;
}

/// Tells whoever started this task what it is doing right now.
pub(crate) fn say(what: &str) {
    let _ = LISTENER.try_with(|listener| listener(what));
}

/// Sleeps that get longer and end at a deadline.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    most: Duration,
    growth: Growth,
    started: Instant,
    limit: Duration,
}

/// How the sleeps get longer.
#[derive(Debug)]
enum Growth {
    /// By half each time: for what may be in the way for any time, and is not to be asked often.
    Half,
    /// With what has passed: whoever waited for `n` times this sleeps at most an `n`th part too long.
    Share(u32),
}

impl Backoff {
    /// First sleep, longest sleep, and how long to go on in all.
    pub(crate) fn new(first: Duration, most: Duration, limit: Duration) -> Self {
        Self { next: first, most, growth: Growth::Half, started: Instant::now(), limit }
    }

    /// For function states: they change within 0.1 s (an emulator) to minutes (a large image), mostly after two
    /// or three seconds.
    pub(crate) fn state() -> Self {
        let slow = Self::new(Duration::from_millis(100), Duration::from_secs(2), Duration::from_mins(5));
        Self { growth: Growth::Share(20), ..slow }
    }

    /// For a fresh role, which Lambda may refuse for some ten seconds (see AWS re:Post, and
    /// zappa#1361); 90 s is far beyond what was ever reported.
    pub(crate) fn role() -> Self {
        let slow = Self::new(Duration::from_millis(250), Duration::from_secs(3), Duration::from_secs(90));
        Self { growth: Growth::Share(20), ..slow }
    }

    /// For what a service has to make known everywhere, or allows only every few seconds.
    pub(crate) fn propagation() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(3), Duration::from_secs(90))
    }

    /// Sleeps once; `false` when the time is up.
    pub(crate) async fn sleep(&mut self) -> bool {
        let passed = self.started.elapsed();
        let left = self.limit.saturating_sub(passed);
        if left.is_zero() {
            return false;
        }
        if let Growth::Share(parts) = self.growth {
            self.next = self.next.max(passed / parts).min(self.most);
        }
        tokio::time::sleep(self.next.min(left)).await;
        if matches!(self.growth, Growth::Half) {
            self.next = (self.next * 3 / 2).min(self.most);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_at_its_deadline() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2), Duration::from_millis(8));
        let mut sleeps = 0;
        while backoff.sleep().await {
            sleeps += 1;
        }
        assert!((2..=8).contains(&sleeps), "{sleeps}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_sleeps_for_much_longer_than_was_needed() {
        for needed in [1500, 2000, 3000, 8000, 60_000].map(Duration::from_millis) {
            let (mut backoff, started) = (Backoff::state(), Instant::now());
            let mut sleeps = 0;
            while started.elapsed() < needed {
                assert!(backoff.sleep().await);
                sleeps += 1;
            }
            let too_long = started.elapsed().saturating_sub(needed);
            assert!(too_long <= (needed / 15).max(Duration::from_millis(100)), "{needed:?}: {too_long:?}");
            assert!(sleeps <= 100, "{needed:?}: {sleeps}");
        }
    }

    #[tokio::test]
    async fn what_is_said_reaches_the_listener_of_the_task() {
        let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
        let ear = heard.clone();
        let listener: Arc<dyn Fn(&str) + Send + Sync> =
            Arc::new(move |what: &str| ear.lock().expect("lock").push(what.to_owned()));
        say("nobody listens");
        LISTENER.scope(listener, async { say("waiting") }).await;
        assert_eq!(*heard.lock().expect("lock"), ["waiting"]);
    }
}
