//! Our own pace for operations that AWS allows only so often.
//!
//! The SDK's retries do not pace: without this, a burst would spend its attempts on being refused. What AWS
//! lets through at once, after a pause, it says only of API Gateway; of the others it is guessed, and low.
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
    get_function: Mutex<Option<Instant>>,
    get_policy: Mutex<Option<Instant>>,
    create_log_group: Mutex<Option<Instant>>,
    put_retention: Mutex<Option<Instant>>,
    log_tags: Mutex<Option<Instant>>,
}

impl Pace {
    /// `on` is false for anything that is not AWS itself.
    pub(crate) fn new(on: bool) -> Self {
        Self { on, slots: Arc::default() }
    }

    /// Whether AWS's rates count here.
    pub(crate) fn is_on(&self) -> bool {
        self.on
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

    /// Lambda's control plane: 15 requests per second together, without the two that follow.
    pub(crate) async fn lambda(&self) {
        self.turn(&self.slots.lambda, Duration::from_millis(67), 5).await;
    }

    /// `GetFunction`: 100 per second.
    pub(crate) async fn get_function(&self) {
        self.turn(&self.slots.get_function, Duration::from_millis(10), 20).await;
    }

    /// Lambda's `GetPolicy`: 15 per second.
    pub(crate) async fn get_policy(&self) {
        self.turn(&self.slots.get_policy, Duration::from_millis(67), 5).await;
    }

    /// `CloudWatch` Logs' `CreateLogGroup`: 10 per second (from practice, not from a page; so are the next two).
    pub(crate) async fn create_log_group(&self) {
        self.turn(&self.slots.create_log_group, Duration::from_millis(100), 5).await;
    }

    /// `PutRetentionPolicy`: 10 per second.
    pub(crate) async fn put_retention(&self) {
        self.turn(&self.slots.put_retention, Duration::from_millis(100), 5).await;
    }

    /// `CloudWatch` Logs' `ListTagsForResource`: 10 per second.
    pub(crate) async fn log_tags(&self) {
        self.turn(&self.slots.log_tags, Duration::from_millis(100), 5).await;
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
