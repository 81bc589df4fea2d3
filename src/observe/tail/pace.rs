//! How often `CloudWatch` Logs is asked: one scheduler for all log groups of an account and region.
//!
//! A bucket of calls at AWS's rate, that empties faster than it fills when AWS throttles and fills again when
//! it does not; and an interval per group that follows its traffic. Rounds start on a common beat, so that
//! what several groups wrote at the same time arrives at the same time.

use std::time::Duration;

use tokio::time::Instant;

/// Calls of `FilterLogEvents` a second in an account and region, which cannot be raised.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
pub(super) fn quota(region: &str) -> f64 {
    match region {
        "us-east-1" => 25.0,
        "ap-northeast-3" | "ap-southeast-3" | "ca-west-1" | "eu-central-1" | "il-central-1" => 5.0,
        _ => 10.0,
    }
}

/// Others look at their logs, too: so much of the quota is ours.
const SHARE: f64 = 0.8;
/// What is left of the rate after a refusal.
const AFTER_REFUSAL: f64 = 0.5;
/// The slowest, calls a second.
const SLOWEST: f64 = 0.2;
/// From the slowest to the whole rate in about so many seconds without a refusal.
const RECOVERY: f64 = 30.0;

/// Calls that may be made.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Calls a second: at most, and now.
    most: f64,
    rate: f64,
    calls: f64,
    filled: Instant,
    refused: Option<Instant>,
}

impl Bucket {
    /// Full, for so many calls a second.
    pub(super) fn new(quota: f64) -> Self {
        let most = (quota * SHARE).max(1.0);
        Self { most, rate: most, calls: most, filled: Instant::now(), refused: None }
    }

    /// Whether there is a call in it, or when there will be one.
    pub(super) fn ready(&mut self) -> Result<(), Instant> {
        self.fill();
        if self.calls >= 1.0 {
            return Ok(());
        }
        Err(Instant::now() + Duration::from_secs_f64((1.0 - self.calls) / self.rate) + Duration::from_millis(1))
    }

    /// Takes one call out.
    pub(super) fn take(&mut self) {
        self.calls -= 1.0;
    }

    /// AWS said that this is too often. Calls that were under way together are refused together: that counts once.
    pub(super) fn refused(&mut self) {
        self.fill();
        let now = Instant::now();
        if self.refused.is_none_or(|at| now - at > Duration::from_millis(500)) {
            self.rate = (self.rate * AFTER_REFUSAL).max(SLOWEST);
            self.refused = Some(now);
        }
        self.calls = self.calls.min(0.0);
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let passed = (now - self.filled).as_secs_f64();
        self.filled = now;
        self.rate = (self.rate + self.most * passed / RECOVERY).min(self.most);
        self.calls = (self.calls + self.rate * passed).min(self.rate.max(1.0));
    }
}

/// From one round to the next: `sam logs`, the quickest of those that poll, asks every second or so.
const BEAT: Duration = Duration::from_millis(1_100);
/// From an update of a live session, which come every second, to a round: half-way to the next one it helps most. One
/// update in [`LEFT_OUT`] has none, which is hardly felt, and the calls of a minute stay below sixty.
pub(super) const AFTER_UPDATE: Duration = Duration::from_millis(500);
pub(super) const LEFT_OUT: u64 = 12;
/// From one round to the next beside a session, at least.
pub(super) const NOT_BEFORE: Duration = Duration::from_millis(900);
/// For so long after an event a group counts as busy.
pub(super) const BUSY: Duration = Duration::from_secs(3);
/// Of a group that a live session covers: only to be sure.
const COVERED: Duration = Duration::from_secs(15);

/// How long after the beginning of a round of a group the next one begins. `quiet`: for how long nothing came.
pub(super) fn interval(quiet: Duration, covered: bool, present: bool) -> Duration {
    let quiet = quiet.as_secs();
    // What a session says brings its group's next round forward.
    if covered {
        return COVERED;
    }
    let beats = match quiet {
        0..15 if present => 1,
        15..60 if present => 2,
        60..600 if present => 3,
        _ => 5,
    };
    beats * BEAT
}

/// The beat that is nearest to `at`, and not before `now`.
pub(super) fn on_beat(origin: Instant, at: Instant, now: Instant) -> Instant {
    let after = |count: u128| origin + BEAT * u32::try_from(count).unwrap_or(u32::MAX);
    let beats = |time: Duration| time.as_millis() / BEAT.as_millis();
    let nearest = after(beats(at.saturating_duration_since(origin) + BEAT / 2));
    if nearest >= now { nearest } else { after(beats(now - origin) + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls that get through in so many seconds.
    async fn calls(bucket: &mut Bucket, seconds: u64) -> usize {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut count = 0;
        loop {
            match bucket.ready() {
                Ok(()) => {
                    bucket.take();
                    count += 1;
                }
                Err(at) if at < end => tokio::time::sleep_until(at).await,
                Err(_) => {
                    tokio::time::sleep_until(end).await;
                    return count;
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_than_our_share_of_the_quota() {
        for (region, most) in [("us-east-1", 20), ("eu-central-1", 4), ("eu-west-1", 8)] {
            let mut bucket = Bucket::new(quota(region));
            let count = calls(&mut bucket, 60).await;
            assert!((most * 60..=most * 61 + 1).contains(&count), "{region}: {count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_slows_down_and_time_heals() {
        let mut bucket = Bucket::new(10.0);
        calls(&mut bucket, 5).await;
        for _ in 0..3 {
            bucket.refused();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let slow = calls(&mut bucket, 2).await;
        assert!((1..=7).contains(&slow), "{slow}");
        tokio::time::sleep(Duration::from_mins(1)).await;
        calls(&mut bucket, 1).await;
        let healed = calls(&mut bucket, 10).await;
        assert!((78..=90).contains(&healed), "{healed}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_refusals_at_once_count_once_and_it_never_stops() {
        let mut bucket = Bucket::new(10.0);
        for _ in 0..20 {
            bucket.refused();
        }
        assert!((bucket.rate - 4.0).abs() < 0.1, "{}", bucket.rate);
        for _ in 0..60 {
            bucket.refused();
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        assert!(bucket.rate >= SLOWEST);
        assert!(calls(&mut bucket, 20).await >= 1);
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_of_all_groups_fall_on_the_same_beats() {
        let origin = Instant::now();
        tokio::time::sleep(Duration::from_millis(3_340)).await;
        let now = Instant::now();
        let due =
            [3_300, 3_900, 4_100, 4_900].map(|at| on_beat(origin, origin + Duration::from_millis(at), now) - origin);
        assert_eq!(due, [BEAT * 4; 4]);
    }

    #[test]
    fn the_interval_follows_the_traffic() {
        let of = |quiet| interval(Duration::from_secs(quiet), false, true);
        assert_eq!([0, 10, 20, 100, 1_000].map(of), [1, 1, 2, 3, 5].map(|beats| BEAT * beats));
        assert_eq!(interval(Duration::from_secs(2), true, true), COVERED);
    }
}
