//! Our own pace for operations that AWS allows only every few seconds.
//!
//! The SDK's retries do not pace: without this, a burst would spend its attempts on being refused.
//! Rates: <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::wait::say;

/// One slot per paced operation; shared by all clones of a `Cloud`.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    /// Emulators have no such limits.
    on: bool,
    slots: Arc<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    create_api: Mutex<Option<Instant>>,
    put_api: Mutex<Option<Instant>>,
    create_deployment: Mutex<Option<Instant>>,
    delete_api: Mutex<Option<Instant>>,
    gateway: Mutex<Option<Instant>>,
    lambda: Mutex<Option<Instant>>,
}

impl Pace {
    /// `on` is false for anything that is not AWS itself.
    pub(crate) fn new(on: bool) -> Self {
        Self { on, slots: Arc::default() }
    }

    /// `CreateRestApi`, `ImportRestApi`: one per 3 s.
    pub(crate) async fn create_api(&self) {
        self.gateway().await;
        self.turn(&self.slots.create_api, Duration::from_secs(3), 1).await;
    }

    /// `PutRestApi`: one per second.
    pub(crate) async fn put_api(&self) {
        self.gateway().await;
        self.turn(&self.slots.put_api, Duration::from_secs(1), 1).await;
    }

    /// `CreateDeployment`: one per 5 s.
    pub(crate) async fn create_deployment(&self) {
        self.gateway().await;
        self.turn(&self.slots.create_deployment, Duration::from_secs(5), 1).await;
    }

    /// `DeleteRestApi`: one per 30 s.
    pub(crate) async fn delete_api(&self) {
        self.gateway().await;
        self.turn(&self.slots.delete_api, Duration::from_secs(30), 1).await;
    }

    /// API Gateway's control plane, REST and HTTP APIs together: 10 requests per second after a burst of
    /// 40. An HTTP API's operations have no rates of their own.
    pub(crate) async fn gateway(&self) {
        self.turn(&self.slots.gateway, Duration::from_millis(100), 40).await;
    }

    /// Lambda's control plane: 15 requests per second together.
    pub(crate) async fn lambda(&self) {
        self.turn(&self.slots.lambda, Duration::from_millis(67), 1).await;
    }

    /// Waits for a turn: one `every` so often, after `burst` that may come at once.
    async fn turn(&self, slot: &Mutex<Option<Instant>>, every: Duration, burst: u32) {
        if !self.on {
            return;
        }
        let mut free_at = slot.lock().await;
        let now = Instant::now();
        let due = free_at.map_or(now, |at| at.max(now));
        *free_at = Some(due + every);
        drop(free_at);
        let start = due.checked_sub(every * (burst - 1)).map_or(now, |start| start.max(now));
        if start > now + Duration::from_secs(1) {
            say("waiting for its turn: AWS limits how often this may be called");
        }
        tokio::time::sleep_until(start).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_spaced_and_the_first_is_free() {
        let pace = Pace::new(true);
        let start = Instant::now();
        for _ in 0..3 {
            pace.create_deployment().await;
        }
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_fills_up_again() {
        let pace = Pace::new(true);
        let start = Instant::now();
        for _ in 0..40 {
            pace.gateway().await;
        }
        assert!(start.elapsed().is_zero(), "{:?}", start.elapsed());
        for _ in 0..10 {
            pace.gateway().await;
        }
        assert_eq!(start.elapsed().as_millis(), 1000);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let start = Instant::now();
        for _ in 0..41 {
            pace.gateway().await;
        }
        assert_eq!(start.elapsed().as_millis(), 100, "not more than a burst is saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn emulators_are_not_paced() {
        let pace = Pace::new(false);
        let start = Instant::now();
        for _ in 0..3 {
            pace.delete_api().await;
        }
        assert!(start.elapsed().is_zero());
    }
}
