//! `PutMetricData`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>

use serde_json::Value;

use super::bucket::Bucket;
use super::input::{self, Input};
use super::metrics::Datum;
use super::model::{Metric, now_ms};
use super::{CloudWatch, bad_value, check, fault};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Metrics in one request, and values in one of them.
const MOST_DATA: usize = 1000;
const MOST_VALUES: usize = 150;
/// "Values must be in the range of -2^360 to 2^360."
const EXTREME: f64 = 2.348_542_582_773_833_2e108;
const HOUR: i64 = 3_600_000;

impl CloudWatch {
    pub(super) fn put_data(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        let namespace = check::namespace(input)?.ok_or_else(|| input.missing("Namespace"))?;
        if namespace.starts_with("AWS/") {
            return Err(bad_value(format!("The value {namespace} for parameter Namespace is invalid.")));
        }
        if input.get("EntityMetricData").is_some() {
            return Err(Fault::unsupported("cloudwatch", "PutMetricData with EntityMetricData"));
        }
        let data = input.structures("MetricData", MOST_DATA)?;
        if data.is_empty() {
            let message = "The parameter MetricData is required.";
            return Err(fault(400, "MissingParameter", "MissingRequiredParameterException", message));
        }
        let now = now_ms();
        let data = data.iter().enumerate().map(|(at, given)| datum(given, at + 1, &namespace, now));
        let data = data.collect::<Result<Vec<_>, _>>()?;
        self.metrics.put(region, data)?;
        Ok(Document::Nothing)
    }

    /// Takes in what a service of the local cloud measures itself: value, unit and dimensions of a metric,
    /// at a time in ms since the epoch. What there is no room for is left out: nobody waits for it.
    pub(crate) fn measure(&self, region: &str, namespace: &str, time: i64, measured: Vec<Measured>) {
        let datum = |one: Measured| {
            let mut bucket = Bucket::default();
            bucket.add(one.value, 1.0);
            let mut dimensions: Vec<_> =
                one.dimensions.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            dimensions.sort();
            let metric = Metric { namespace: namespace.to_owned(), name: one.name.to_owned(), dimensions };
            Datum { metric, time, unit: one.unit.to_owned(), fine: false, bucket }
        };
        let _ = self.metrics.put(region, measured.into_iter().map(datum).collect());
    }
}

/// One value that a service has measured.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) dimensions: Vec<(&'static str, String)>,
}

fn datum(given: &Input<'_>, number: usize, namespace: &str, now: i64) -> Result<Datum, Fault> {
    let at = format!("MetricData.member.{number}");
    let time = given.time("Timestamp")?.unwrap_or(now);
    // AWS: two weeks back and two hours ahead.
    if time < now - 14 * 24 * HOUR || time > now + 2 * HOUR {
        let message = "must specify a time within the past two weeks and no more than two hours in the future";
        return Err(bad_value(format!("The parameter {at}.Timestamp {message}.")));
    }
    if time < now - 24 * HOUR {
        return Err(Fault::unsupported("cloudwatch", "PutMetricData with data that is older than a day"));
    }
    let resolution = given.whole("StorageResolution", 1..=60)?;
    if resolution.is_some_and(|resolution| resolution != 1 && resolution != 60) {
        return Err(bad_value(format!("The parameter {at}.StorageResolution must be 1 or 60.")));
    }
    Ok(Datum {
        metric: Metric {
            namespace: namespace.to_owned(),
            name: given.required("MetricName", 1..=255)?,
            dimensions: check::dimensions(given)?,
        },
        time,
        unit: given.choice("Unit", &check::UNITS)?.unwrap_or_else(|| "None".to_owned()),
        fine: resolution == Some(1),
        bucket: bucket(given, &at)?,
    })
}

/// `Value`, `Values` with `Counts`, or `StatisticValues`.
fn bucket(given: &Input<'_>, at: &str) -> Result<Bucket, Fault> {
    let mut bucket = Bucket::default();
    let value = given.float("Value")?;
    let values = given.numbers("Values", MOST_VALUES)?;
    let counts = given.numbers("Counts", MOST_VALUES)?;
    let set = given.structure("StatisticValues")?;
    let exclusive = |one: &str, other: &str| {
        let message =
            format!("The parameters {at}.{one} and {at}.{other} are mutually exclusive and you have specified both.");
        fault(400, "InvalidParameterCombination", "InvalidParameterCombinationException", message)
    };
    match (value, values.is_empty(), set) {
        (Some(_), false, _) => return Err(exclusive("Value", "Values")),
        (Some(_), _, Some(_)) => return Err(exclusive("Value", "StatisticValues")),
        (None, false, Some(_)) => return Err(exclusive("Values", "StatisticValues")),
        (Some(value), true, None) => bucket.add(sound(value, &format!("{at}.Value"))?, 1.0),
        (None, false, None) => {
            if !counts.is_empty() && counts.len() != values.len() {
                let message = format!("The parameters {at}.Values and {at}.Counts must be of the same size.");
                return Err(bad_value(message));
            }
            for (index, value) in values.into_iter().enumerate() {
                let times = counts.get(index).copied().unwrap_or(1.0);
                if sound(times, &format!("{at}.Counts"))? <= 0.0 {
                    return Err(bad_value(format!("The value {times} for parameter {at}.Counts is invalid.")));
                }
                bucket.add(sound(value, &format!("{at}.Values"))?, times);
            }
        }
        (None, true, Some(set)) => {
            let number = |name: &str| {
                let value = set.float(name)?.ok_or_else(|| set.missing(name))?;
                sound(value, &format!("{at}.StatisticValues.{name}"))
            };
            let (count, least, most) = (number("SampleCount")?, number("Minimum")?, number("Maximum")?);
            if count <= 0.0 || least > most {
                return Err(bad_value(format!("The parameter {at}.StatisticValues is not a set of values.")));
            }
            bucket.add_set(count, number("Sum")?, least, most);
        }
        (None, true, None) => {
            let message = format!(
                "At least one of the parameters {at}.Value, {at}.Values and {at}.StatisticValues must be specified."
            );
            return Err(fault(400, "MissingParameter", "MissingRequiredParameterException", message));
        }
    }
    Ok(bucket)
}

fn sound(value: f64, at: &str) -> Result<f64, Fault> {
    if value.is_finite() && value.abs() <= EXTREME {
        return Ok(value);
    }
    Err(bad_value(format!("The value {value} for parameter {at} is invalid.")))
}

impl Input<'_> {
    fn numbers(&self, name: &str, most: usize) -> Result<Vec<f64>, Fault> {
        let number = |item: &Value| input::number(item).ok_or_else(|| input::mistyped(name, "a list of numbers"));
        self.list(name, most)?.iter().map(number).collect()
    }
}
