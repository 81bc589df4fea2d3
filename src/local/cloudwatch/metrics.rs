//! The metrics and their values, in memory: what was put over the API, and what the services of the local
//! cloud measure themselves.
//!
//! Minutes are kept for a day, the seconds of a high-resolution metric for three hours (AWS: 15 days and
//! three hours). A restart begins anew.

use std::collections::{BTreeMap, btree_map};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bucket::Bucket;
use super::model::Metric;
use crate::local::wire::Fault;

const MINUTES_KEPT: i64 = 86_400;
const SECONDS_KEPT: i64 = 3 * 3600;
/// Metrics of one region.
const MOST: usize = 10_000;

/// All metrics, by region.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    regions: Mutex<BTreeMap<String, BTreeMap<Metric, Series>>>,
}

/// The buckets of a metric.
#[derive(Debug, Default)]
struct Series {
    /// Minutes, and seconds in what came with a storage resolution of 1: start in seconds since the epoch,
    /// and unit.
    minutes: BTreeMap<(i64, String), Bucket>,
    seconds: BTreeMap<(i64, String), Bucket>,
}

/// One datum: when, in ms since the epoch, and what.
pub(super) struct Datum {
    pub(super) metric: Metric,
    pub(super) time: i64,
    pub(super) unit: String,
    pub(super) fine: bool,
    pub(super) bucket: Bucket,
}

impl Metrics {
    /// Takes data in; all or nothing.
    pub(super) fn put(&self, region: &str, data: Vec<Datum>) -> Result<(), Fault> {
        let mut regions = self.lock();
        let series = regions.entry(region.to_owned()).or_default();
        let fresh = data.iter().filter(|datum| !series.contains_key(&datum.metric)).count();
        if series.len() + fresh > MOST {
            return Err(Fault::new(400, "LimitExceeded", format!("the local cloud keeps at most {MOST} metrics")));
        }
        for Datum { metric, time, unit, fine, bucket } in data {
            let second = time.div_euclid(1000);
            let series = series.entry(metric).or_default();
            if fine {
                series.seconds.entry((second, unit.clone())).or_default().merge(&bucket);
            }
            series.minutes.entry((second - second.rem_euclid(60), unit)).or_default().merge(&bucket);
        }
        Ok(())
    }

    /// Puts a gauge in place of what its minute had.
    pub(super) fn replace(&self, region: &str, Datum { metric, time, unit, bucket, .. }: Datum) {
        let mut regions = self.lock();
        let series = regions.entry(region.to_owned()).or_default();
        if series.len() < MOST || series.contains_key(&metric) {
            let second = time.div_euclid(1000);
            series.entry(metric).or_default().minutes.insert((second - second.rem_euclid(60), unit), bucket);
        }
    }

    /// Forgets what is too old. `now` in seconds since the epoch.
    pub(super) fn sweep(&self, now: i64) {
        for series in self.lock().values_mut() {
            series.retain(|_, series| {
                series.minutes = series.minutes.split_off(&(now - MINUTES_KEPT, String::new()));
                series.seconds = series.seconds.split_off(&(now - SECONDS_KEPT, String::new()));
                !series.minutes.is_empty()
            });
        }
    }

    /// What was measured from `from` until before `to` (seconds since the epoch), by unit. Periods below a
    /// minute have high-resolution data only.
    pub(super) fn within(
        &self,
        region: &str,
        metric: &Metric,
        (from, to): (i64, i64),
        fine: bool,
    ) -> Vec<(String, Bucket)> {
        let regions = self.lock();
        let Some(series) = regions.get(region).and_then(|series| series.get(metric)) else { return Vec::new() };
        let buckets = if fine { &series.seconds } else { &series.minutes };
        let mut units: BTreeMap<&String, Bucket> = BTreeMap::new();
        for ((_, unit), bucket) in buckets.range((from, String::new())..(to, String::new())) {
            match units.entry(unit) {
                btree_map::Entry::Vacant(entry) => drop(entry.insert(bucket.clone())),
                btree_map::Entry::Occupied(mut entry) => entry.get_mut().merge(bucket),
            }
        }
        units.into_iter().map(|(unit, bucket)| (unit.clone(), bucket)).collect()
    }

    /// The same in one bucket: of one unit, or of all.
    pub(super) fn bucket(
        &self,
        region: &str,
        metric: &Metric,
        unit: Option<&str>,
        range: (i64, i64),
        fine: bool,
    ) -> Option<Bucket> {
        let found = self.within(region, metric, range, fine);
        let mut wanted = found.into_iter().filter(|(name, _)| unit.is_none_or(|unit| unit == name));
        let (_, mut bucket) = wanted.next()?;
        for (_, other) in wanted {
            bucket.merge(&other);
        }
        Some(bucket)
    }

    /// All metrics of a region, with when each was measured last, in seconds since the epoch.
    pub(super) fn list(&self, region: &str) -> Vec<(Metric, i64)> {
        let regions = self.lock();
        let last = |series: &Series| series.minutes.keys().next_back().map_or(0, |(start, _)| *start);
        regions.get(region).into_iter().flatten().map(|(metric, series)| (metric.clone(), last(series))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<Metric, Series>>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn metric(name: &str) -> Metric {
        Metric { namespace: "n".into(), name: name.into(), dimensions: Vec::new() }
    }

    fn datum(name: &str, second: i64, unit: &str, fine: bool) -> Datum {
        let mut bucket = Bucket::default();
        bucket.add(1.0, 1.0);
        Datum { metric: metric(name), time: second * 1000 + 999, unit: unit.into(), fine, bucket }
    }

    fn count(metrics: &Metrics, unit: Option<&str>, range: (i64, i64), fine: bool) -> Option<f64> {
        metrics.bucket("r", &metric("a"), unit, range, fine).map(|bucket| bucket.count)
    }

    #[test]
    fn data_is_found_by_time_unit_and_resolution() {
        let metrics = Metrics::default();
        let data = [datum("a", 59, "Count", false), datum("a", 60, "Count", true), datum("a", 61, "None", false)];
        metrics.put("r", data.into()).unwrap();
        assert_eq!(count(&metrics, None, (0, 60), false), Some(1.0));
        assert_eq!(count(&metrics, None, (60, 120), false), Some(2.0));
        assert_eq!(count(&metrics, Some("None"), (0, 120), false), Some(1.0));
        assert_eq!(count(&metrics, None, (60, 70), true), Some(1.0));
        assert_eq!(count(&metrics, None, (120, 180), false), None);
        assert_eq!(metrics.within("r", &metric("a"), (0, 120), false).len(), 2);
        assert_eq!(metrics.list("r"), [(metric("a"), 60)]);
        assert!(metrics.list("elsewhere").is_empty());
    }

    #[test]
    fn what_is_old_is_forgotten_and_there_is_a_limit() {
        let metrics = Metrics::default();
        metrics.put("r", vec![datum("a", 0, "None", true), datum("b", 80_000, "None", true)]).unwrap();
        metrics.sweep(90_000);
        assert_eq!(metrics.list("r").len(), 1);
        assert!(metrics.bucket("r", &metric("b"), None, (80_000, 80_001), true).is_some());
        metrics.sweep(80_000 + SECONDS_KEPT + 1);
        assert!(metrics.bucket("r", &metric("b"), None, (80_000, 80_001), true).is_none());
        let many = (0..MOST).map(|number| datum(&format!("m{number}"), 90_000, "None", false)).collect();
        assert_eq!(metrics.put("r", many).unwrap_err().code, "LimitExceeded");
    }
}
