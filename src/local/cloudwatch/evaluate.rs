//! Alarms are looked at every few seconds, over the periods that are complete.
//!
//! AWS does so every minute, and every ten seconds for shorter periods. A state that was set by hand lasts
//! as long as it would at most there.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::bucket::Bucket;
use super::check::percentile;
use super::judge::{MORE, Missing, verdict};
use super::metrics::Metrics;
use super::model::{Alarm, Entered, Settings, Statistic, now_ms};
use super::reason::{Point, told};
use crate::local::Local;

const TICK: Duration = Duration::from_secs(5);
/// After data came in, more may follow at once.
const TOGETHER: Duration = Duration::from_millis(200);

/// Runs until the local cloud is gone.
pub(super) async fn run(local: Weak<Local>, changed: Arc<Notify>) {
    loop {
        {
            let Some(local) = local.upgrade() else { return };
            // What cannot be written now is tried again with the next tick.
            let _ = local.cloudwatch.evaluate(&local, now_ms());
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = changed.notified() => tokio::time::sleep(TOGETHER).await,
        }
    }
}

/// The state an alarm goes into now; `None` when it stays in its own. `now` in ms since the epoch.
pub(super) fn next(alarm: &Alarm, metrics: &Metrics, region: &str, now: i64) -> Option<Entered> {
    let Settings { period, evaluation_periods, .. } = alarm.settings;
    let settings = &alarm.settings;
    if alarm.condition.by_hand.is_some_and(|since| now < since + period.clamp(10, 60) * 1000) {
        return None;
    }
    let of = usize::try_from(evaluation_periods).unwrap_or(usize::MAX);
    let to_alarm = settings.datapoints_to_alarm.and_then(|number| usize::try_from(number).ok()).unwrap_or(of);
    let grid = period.min(60);
    let end = now.div_euclid(1000).div_euclid(grid) * grid;
    let looked_at = i64::try_from(of + MORE).unwrap_or(i64::MAX);
    let starts = (1..=looked_at).rev().map(|back| end - back * period);
    let points: Vec<Option<Point>> = starts
        .map(|start| {
            let unit = settings.unit.as_deref();
            let bucket = metrics.bucket(region, &settings.metric, unit, (start, start + period), period < 60)?;
            let value = value(settings, &bucket)?;
            Some(Point { start, value, samples: bucket.count, breaching: breaches(settings, value) })
        })
        .collect();
    if too_few(settings, &points) {
        return None;
    }
    let flags: Vec<Option<bool>> = points.iter().map(|point| point.as_ref().map(|point| point.breaching)).collect();
    let missing = Missing::named(settings.missing_data.as_deref());
    let state = verdict(&flags, to_alarm, of, missing).state().filter(|state| *state != alarm.condition.value)?;
    let real: Vec<Point> = points.into_iter().flatten().collect();
    Some(told(settings, state, &real[real.len().saturating_sub(of)..], (to_alarm, of), now))
}

fn value(settings: &Settings, bucket: &Bucket) -> Option<f64> {
    match &settings.statistic {
        Statistic::Plain(name) => bucket.statistic(name),
        Statistic::Extended(name) => percentile(name).ok().and_then(|percent| bucket.percentile(percent)),
    }
}

fn breaches(Settings { comparison, threshold, .. }: &Settings, value: f64) -> bool {
    match comparison.as_str() {
        "GreaterThanOrEqualToThreshold" => value >= *threshold,
        "GreaterThanThreshold" => value > *threshold,
        "LessThanOrEqualToThreshold" => value <= *threshold,
        _ => value < *threshold,
    }
}

/// "For percentiles between 0.5 and 1.00, this setting is used when there are fewer than 10/(1-percentile)
/// data points during the evaluation period", and 10/percentile below that.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html>
fn too_few(settings: &Settings, points: &[Option<Point>]) -> bool {
    let Statistic::Extended(name) = &settings.statistic else { return false };
    let (Some("ignore"), Ok(percent)) = (settings.low_samples.as_deref(), percentile(name)) else { return false };
    let share = percent / 100.0;
    let samples: f64 = points.iter().skip(MORE).flatten().map(|point| point.samples).sum();
    samples > 0.0 && samples < 10.0 / if share >= 0.5 { 1.0 - share } else { share }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::local::cloudwatch::metrics::Datum;
    use crate::local::cloudwatch::model::{Condition, Metric};

    const NOW: i64 = 600_000;

    fn metric() -> Metric {
        Metric { namespace: "n".into(), name: "m".into(), dimensions: Vec::new() }
    }

    fn alarm(comparison: &str, threshold: f64) -> Alarm {
        let settings = Settings {
            description: None,
            actions_enabled: true,
            ok_actions: Vec::new(),
            alarm_actions: Vec::new(),
            insufficient_data_actions: Vec::new(),
            metric: metric(),
            statistic: Statistic::Plain("Sum".into()),
            period: 60,
            unit: None,
            evaluation_periods: 1,
            datapoints_to_alarm: None,
            threshold,
            comparison: comparison.into(),
            missing_data: None,
            low_samples: None,
        };
        Alarm { settings, tags: std::collections::BTreeMap::new(), condition: Condition::unchecked(0), configured: 0 }
    }

    fn with(values: &[(i64, f64)]) -> Metrics {
        let metrics = Metrics::default();
        for (second, value) in values {
            let mut bucket = Bucket::default();
            bucket.add(*value, 1.0);
            let datum = Datum { metric: metric(), time: second * 1000, unit: "Count".into(), fine: true, bucket };
            metrics.put("r", vec![datum]).unwrap();
        }
        metrics
    }

    fn state(alarm: &Alarm, metrics: &Metrics) -> Option<String> {
        next(alarm, metrics, "r", NOW).map(|entered| entered.value)
    }

    #[test]
    fn the_last_complete_period_decides_by_the_comparison() {
        let metrics = with(&[(480, 9.0), (540, 1.0), (599, 1.0), (600, 50.0)]);
        for (comparison, threshold, wanted) in [
            ("GreaterThanThreshold", 2.0, "OK"),
            ("GreaterThanThreshold", 1.9, "ALARM"),
            ("GreaterThanOrEqualToThreshold", 2.0, "ALARM"),
            ("LessThanThreshold", 2.0, "OK"),
            ("LessThanThreshold", 2.1, "ALARM"),
            ("LessThanOrEqualToThreshold", 2.0, "ALARM"),
        ] {
            assert_eq!(state(&alarm(comparison, threshold), &metrics).as_deref(), Some(wanted), "{comparison}");
        }
    }

    #[test]
    fn an_alarm_that_stays_what_it_is_goes_nowhere() {
        let metrics = with(&[(540, 3.0)]);
        let mut alarm = alarm("GreaterThanThreshold", 2.0);
        assert_eq!(state(&alarm, &Metrics::default()), None);
        alarm.condition.value = "ALARM".into();
        assert_eq!(state(&alarm, &metrics), None);
        assert_eq!(state(&alarm, &Metrics::default()).as_deref(), Some("INSUFFICIENT_DATA"));
        alarm.settings.missing_data = Some("ignore".into());
        assert_eq!(state(&alarm, &Metrics::default()), None);
        alarm.settings.missing_data = Some("notBreaching".into());
        assert_eq!(state(&alarm, &Metrics::default()).as_deref(), Some("OK"));
    }

    #[test]
    fn a_state_set_by_hand_lasts_a_while() {
        let metrics = with(&[(540, 3.0)]);
        let mut alarm = alarm("GreaterThanThreshold", 2.0);
        alarm.condition.by_hand = Some(NOW - 59_000);
        assert_eq!(state(&alarm, &metrics), None);
        alarm.condition.by_hand = Some(NOW - 60_000);
        assert_eq!(state(&alarm, &metrics).as_deref(), Some("ALARM"));
    }

    #[test]
    fn short_periods_percentiles_and_units() {
        let metrics = with(&[(585, 1.0), (586, 2.0), (595, 30.0)]);
        let mut alarm = alarm("GreaterThanThreshold", 20.0);
        alarm.settings.period = 10;
        assert_eq!(state(&alarm, &metrics).as_deref(), Some("ALARM"));
        alarm.settings.statistic = Statistic::Extended("p50".into());
        alarm.settings.period = 60;
        assert_eq!(state(&alarm, &metrics).as_deref(), Some("OK"));
        alarm.settings.low_samples = Some("ignore".into());
        assert_eq!(state(&alarm, &metrics), None);
        alarm.settings.low_samples = None;
        alarm.settings.unit = Some("Seconds".into());
        assert_eq!(state(&alarm, &metrics), None);
    }

    #[test]
    fn the_reason_names_the_datapoints() {
        let entered = next(&alarm("GreaterThanThreshold", 2.0), &with(&[(540, 3.0)]), "r", NOW).unwrap();
        assert_eq!(
            entered.reason,
            "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (01/01/70 00:09:00)] was greater than the \
             threshold (2.0) (minimum 1 datapoint for OK -> ALARM transition)."
        );
        let data: serde_json::Value = serde_json::from_str(&entered.data.unwrap()).unwrap();
        assert_eq!(data["recentDatapoints"], serde_json::json!([3.0]));
        assert_eq!(data["evaluatedDatapoints"][0]["timestamp"], "1970-01-01T00:09:00.000+0000");
        let mut quiet = alarm("GreaterThanThreshold", 2.0);
        quiet.settings.missing_data = Some("breaching".into());
        let entered = next(&quiet, &Metrics::default(), "r", NOW).unwrap();
        assert_eq!(
            entered.reason,
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching]."
        );
    }
}
