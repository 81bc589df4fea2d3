//! What `PutMetricAlarm` takes: one metric, a statistic, a fixed threshold.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use super::input::Input;
use super::model::{Metric, Settings, Statistic};
use super::{bad_value, invalid};
use crate::local::wire::Fault;

pub(super) const STATISTICS: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];

const COMPARISONS: [&str; 7] = [
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
];

const MISSING_DATA: [&str; 4] = ["breaching", "notBreaching", "ignore", "missing"];

pub(super) const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// Alarms on what is not one metric with a fixed threshold.
const UNSUPPORTED: [&str; 6] = [
    "Metrics",
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
];

const DAY: i64 = 86_400;

/// The settings a request asks for.
pub(super) fn settings(input: &Input<'_>) -> Result<Settings, Fault> {
    for member in UNSUPPORTED {
        if input.get(member).is_some_and(|value| value.as_array().is_none_or(|items| !items.is_empty())) {
            return Err(Fault::unsupported("cloudwatch", &format!("PutMetricAlarm with {member}")));
        }
    }
    let comparison = input.choice("ComparisonOperator", &COMPARISONS)?;
    let comparison = comparison.ok_or_else(|| input.missing("ComparisonOperator"))?;
    if comparison.contains("Upper") || comparison.contains("Lower") {
        return Err(Fault::unsupported("cloudwatch", "an anomaly detection band as threshold"));
    }
    let (statistic, extended) = (input.choice("Statistic", &STATISTICS)?, input.text("ExtendedStatistic", 1..=255)?);
    let statistic = match (statistic, extended) {
        (Some(statistic), None) => Statistic::Plain(statistic),
        (None, Some(extended)) => Statistic::Extended(percentile(&extended).map(|_| extended)?),
        (Some(_), Some(_)) => return Err(invalid("Exactly one of Statistic or ExtendedStatistic must be specified")),
        (None, None) => return Err(invalid("One of Statistic or ExtendedStatistic must be specified")),
    };
    let threshold = input.float("Threshold")?.ok_or_else(|| input.missing("Threshold"))?;
    if !threshold.is_finite() {
        return Err(invalid("Threshold must be a finite number"));
    }
    let (period, evaluation_periods, datapoints_to_alarm) = periods(input)?;
    Ok(Settings {
        description: input.text("AlarmDescription", 0..=1024)?,
        actions_enabled: input.flag("ActionsEnabled")?.unwrap_or(true),
        ok_actions: actions(input, "OKActions")?,
        alarm_actions: actions(input, "AlarmActions")?,
        insufficient_data_actions: actions(input, "InsufficientDataActions")?,
        metric: metric(input)?,
        statistic,
        period,
        unit: input.choice("Unit", &UNITS)?,
        evaluation_periods,
        datapoints_to_alarm,
        threshold,
        comparison,
        missing_data: missing_data(input)?,
        low_samples: low_samples(input)?,
    })
}

/// `Period`, `EvaluationPeriods` and `DatapointsToAlarm`.
fn periods(input: &Input<'_>) -> Result<(i64, i64, Option<i64>), Fault> {
    let whole = |name| input.whole(name, 1..=i64::from(i32::MAX));
    let period = whole("Period")?.ok_or_else(|| input.missing("Period"))?;
    if !matches!(period, 10 | 20 | 30) && period % 60 != 0 {
        return Err(invalid("Period must be 10, 20, 30, or a multiple of 60"));
    }
    let periods = whole("EvaluationPeriods")?.ok_or_else(|| input.missing("EvaluationPeriods"))?;
    // Seven days for periods of at least an hour, one day otherwise.
    let (most, words) = if period >= 3600 { (7 * DAY, "7 days") } else { (DAY, "a day") };
    if period.saturating_mul(periods) > most {
        return Err(invalid(format!(
            "Metrics cannot be checked across more than {words} (EvaluationPeriods * Period must be <= {most})."
        )));
    }
    let datapoints = whole("DatapointsToAlarm")?;
    if datapoints.is_some_and(|datapoints| datapoints > periods) {
        return Err(invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods"));
    }
    Ok((period, periods, datapoints))
}

/// `Namespace`, `MetricName` and `Dimensions`, all of them required but the last.
pub(super) fn metric(input: &Input<'_>) -> Result<Metric, Fault> {
    Ok(Metric {
        namespace: namespace(input)?.ok_or_else(|| input.missing("Namespace"))?,
        name: input.required("MetricName", 1..=255)?,
        dimensions: dimensions(input)?,
    })
}

pub(super) fn namespace(input: &Input<'_>) -> Result<Option<String>, Fault> {
    match input.text("Namespace", 1..=255)? {
        Some(text) if text.starts_with(':') => {
            let rule = "Member must satisfy regular expression pattern: [^:].*";
            Err(input.constraint(&text, "Namespace", rule))
        }
        namespace => Ok(namespace),
    }
}

pub(super) fn dimensions(input: &Input<'_>) -> Result<Vec<(String, String)>, Fault> {
    let pair =
        |dimension: Input<'_>| Ok((dimension.required("Name", 1..=255)?, dimension.required("Value", 1..=1024)?));
    let mut dimensions: Vec<_> =
        input.structures("Dimensions", 30)?.into_iter().map(pair).collect::<Result<_, Fault>>()?;
    dimensions.sort();
    if dimensions.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(bad_value("The parameter Dimensions must not name a dimension twice."));
    }
    Ok(dimensions)
}

/// The percent of `p99.9`. AWS's other extended statistics (trimmed means and the like) are not known.
pub(super) fn percentile(text: &str) -> Result<f64, Fault> {
    let digits =
        text.strip_prefix('p').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    let percent = digits.and_then(|digits| digits.parse().ok()).filter(|percent| (0.0..=100.0).contains(percent));
    let trimmed = ["tm", "wm", "tc", "ts", "pr", "TM(", "WM(", "TC(", "TS(", "PR(", "IQM"];
    match percent {
        Some(percent) => Ok(percent),
        None if trimmed.iter().any(|prefix| text.to_ascii_lowercase().starts_with(&prefix.to_ascii_lowercase())) => {
            Err(Fault::unsupported("cloudwatch", &format!("the statistic {text}")))
        }
        None => Err(bad_value(format!("The value {text} for parameter ExtendedStatistic is not supported."))),
    }
}

fn missing_data(input: &Input<'_>) -> Result<Option<String>, Fault> {
    match input.text("TreatMissingData", 1..=255)? {
        Some(text) if !MISSING_DATA.contains(&text.as_str()) => Err(invalid(format!(
            "Option {text} is not supported. Supported options for parameter TreatMissingData are breaching, \
             notBreaching, ignore and missing."
        ))),
        text => Ok(text),
    }
}

fn low_samples(input: &Input<'_>) -> Result<Option<String>, Fault> {
    match input.text("EvaluateLowSampleCountPercentile", 1..=255)? {
        Some(text) if text != "evaluate" && text != "ignore" => Err(invalid(format!(
            "Option {text} is not supported. Supported options for parameter EvaluateLowSampleCountPercentile are \
             evaluate and ignore."
        ))),
        text => Ok(text),
    }
}

fn actions(input: &Input<'_>, name: &str) -> Result<Vec<String>, Fault> {
    let actions = input.texts(name, 5)?;
    match actions.iter().find(|arn| !arn.starts_with("arn:") || arn.split(':').count() < 6 || arn.len() > 1024) {
        Some(arn) => Err(invalid(format!("Invalid arn syntax: {arn}"))),
        None => Ok(actions),
    }
}
