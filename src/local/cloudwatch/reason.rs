//! Why an alarm is in its state, in AWS's words.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>

use jiff::Timestamp;
use serde_json::{Value, json};

use super::model::{Entered, Settings, Statistic};

/// A datapoint that was judged.
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// Of its period, in seconds since the epoch.
    pub(super) start: i64,
    pub(super) value: f64,
    pub(super) samples: f64,
    pub(super) breaching: bool,
}

/// The state with its reason and its data. `now` in ms since the epoch.
pub(super) fn told(
    settings: &Settings,
    state: &str,
    points: &[Point],
    (to_alarm, of): (usize, usize),
    now: i64,
) -> Entered {
    let reason = match state {
        "INSUFFICIENT_DATA" => format!("Insufficient Data: {}.", counted(of - points.len(), "datapoint", "unknown")),
        _ if points.is_empty() => {
            let word = if state == "ALARM" { "Breaching" } else { "NonBreaching" };
            let filled = counted(of, "missing datapoint", &format!("treated as [{word}]"));
            let periods = if of == 1 { "period" } else { "periods" };
            format!("Threshold Crossed: no datapoints were received for {of} {periods} and {filled}.")
        }
        _ => crossed(settings, state == "ALARM", points, to_alarm, of),
    };
    Entered { value: state.to_owned(), reason, data: Some(data(settings, points, now).to_string()), by_hand: None }
}

fn crossed(settings: &Settings, alarm: bool, points: &[Point], to_alarm: usize, of: usize) -> String {
    let meant: Vec<&Point> = points.iter().filter(|point| point.breaching == alarm).collect();
    let shown: Vec<String> =
        meant.iter().rev().map(|point| format!("{:?} ({})", point.value, short(point.start))).collect();
    let verb = if meant.len() == 1 { "was" } else { "were" };
    let not = if alarm { "" } else { "not " };
    let comparison = match settings.comparison.as_str() {
        "GreaterThanOrEqualToThreshold" => "greater than or equal to",
        "GreaterThanThreshold" => "greater than",
        "LessThanOrEqualToThreshold" => "less than or equal to",
        _ => "less than",
    };
    let (least, transition) = if alarm { (to_alarm, "OK -> ALARM") } else { (of - to_alarm + 1, "ALARM -> OK") };
    let points = if least == 1 { "datapoint" } else { "datapoints" };
    format!(
        "Threshold Crossed: {} out of the last {of} datapoints [{}] {verb} {not}{comparison} the threshold ({:?}) \
         (minimum {least} {points} for {transition} transition).",
        meant.len(),
        shown.join(", "),
        settings.threshold,
    )
}

/// `1 datapoint was unknown`, `2 datapoints were unknown`
fn counted(count: usize, noun: &str, rest: &str) -> String {
    if count == 1 { format!("1 {noun} was {rest}") } else { format!("{count} {noun}s were {rest}") }
}

/// `StateReasonData`.
fn data(settings: &Settings, points: &[Point], now: i64) -> Value {
    let statistic = match &settings.statistic {
        Statistic::Plain(name) | Statistic::Extended(name) => name,
    };
    let evaluated: Vec<Value> = points
        .iter()
        .rev()
        .map(|point| json!({ "timestamp": long(point.start * 1000), "sampleCount": point.samples, "value": point.value }))
        .collect();
    let mut data = json!({
        "version": "1.0",
        "queryDate": long(now),
        "statistic": statistic,
        "period": settings.period,
        "recentDatapoints": points.iter().map(|point| point.value).collect::<Vec<_>>(),
        "threshold": settings.threshold,
        "evaluatedDatapoints": evaluated,
    });
    if let Some(first) = points.first() {
        data["startDate"] = long(first.start * 1000).into();
    }
    // No more than the member may have; the datapoints are told in the reason, too.
    if data.to_string().len() > 4000 {
        data["evaluatedDatapoints"] = json!([]);
        data["recentDatapoints"] = json!([]);
    }
    data
}

/// `21/11/26 02:52:00`
fn short(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().strftime("%d/%m/%y %H:%M:%S").to_string()
}

/// `2026-11-21T02:52:00.000+0000`
fn long(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}
