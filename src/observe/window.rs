//! A stretch of time that ends now, and the periods it is cut into.

use serde::Serialize;

/// Seconds. Multiples of a minute, which is how fine Lambda's metrics are.
const PERIODS: [i64; 12] = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200];
/// Points of a sparkline: as many as are told apart beside a name in 80 columns.
const MOST: i64 = 40;

/// Seconds since the epoch; whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Window {
    pub(crate) since: i64,
    pub(crate) until: i64,
    /// Seconds of one point.
    pub(crate) period: i64,
}

impl Window {
    /// Ms. Minutes are kept for 15 days, and the window has to end before that.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
    pub(crate) const LONGEST: i64 = 14 * 86_400_000;

    /// The last `length` seconds at `now`, the minute under way included.
    pub(crate) fn new(length: i64, now: i64) -> Self {
        let length = (length + 59) / 60 * 60;
        let until = (now + 59).div_euclid(60) * 60;
        let fits = |period: &i64| length.div_euclid(*period) <= MOST;
        let period = PERIODS.into_iter().find(fits).unwrap_or(86_400);
        Self { since: until - length, until, period }
    }

    /// Seconds.
    pub(crate) fn length(&self) -> i64 {
        self.until - self.since
    }

    /// How many points there are.
    pub(crate) fn points(&self) -> usize {
        usize::try_from((self.length() + self.period - 1) / self.period).unwrap_or_default()
    }

    /// The point that a value of this time belongs to.
    pub(crate) fn point(&self, time: i64) -> usize {
        let last = self.points().saturating_sub(1);
        usize::try_from((time - self.since).div_euclid(self.period)).unwrap_or_default().min(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_some_thirty_points() {
        let of = |length: i64| {
            let window = Window::new(length, 1_000_001);
            (window.period, window.points())
        };
        assert_eq!([300, 3600, 3 * 3600, 43_200].map(of), [(60, 5), (120, 30), (300, 36), (1200, 36)]);
        assert_eq!([86_400, 604_800, 14 * 86_400].map(of), [(3600, 24), (21_600, 28), (43_200, 28)]);
        for minutes in 30..=(14 * 1440) {
            let points = of(minutes * 60).1;
            assert!((15..=41).contains(&points), "{minutes} min: {points}");
        }
    }

    #[test]
    fn a_value_falls_into_its_period() {
        let window = Window::new(3600, 1_000_001);
        assert_eq!((window.since, window.until), (996_420, 1_000_020));
        let at = |time| window.point(time);
        // CloudWatch may begin a period before the window does.
        assert_eq!([996_360, 996_420, 996_539, 996_540, 1_000_019, 1_000_021].map(at), [0, 0, 0, 1, 29, 29]);
    }
}
