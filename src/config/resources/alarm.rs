//! `type: alarm` and `type: log_alarm` — a CloudWatch alarm on a metric, or on lines of a function's log.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use serde::Serialize;

use super::metric::{self, Metric};
use super::topic::is_address;
use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::locate::Span;
use crate::config::raw::{Entry, Kind, Node};
use crate::config::stage::FunctionConfig;
use crate::config::suggest;
use crate::config::triggers::Source;
use crate::config::values::Reader;

/// What both have.
macro_rules! keys {
    ($($own:literal),*) => {
        [$($own,)* "statistic", "above", "below", "period", "for", "datapoints", "missing_data", "notify", "notify_recovery"]
    };
}

pub(super) const KEYS: [&str; 12] = keys!("metric", "function", "queue");
pub(super) const LOG_KEYS: [&str; 11] = keys!("function", "pattern");

/// As it stands in `resources:`.
pub(super) const LOG_TYPE: Type = Type {
    word: "log_alarm",
    what: "a log alarm",
    keys: &LOG_KEYS,
    attributes: &["name", "arn"],
    access: &[],
    read: read_log,
};

/// As it stands in `resources:`.
pub(super) const TYPE: Type =
    Type { word: "alarm", what: "an alarm", keys: &KEYS, attributes: &["name", "arn"], access: &[], read };

const CLOUDWATCH: &str = "CloudWatch";
/// Seconds.
const PERIOD: RangeInclusive<i64> = 10..=DAY;
const LENGTH: RangeInclusive<i64> = 10..=7 * DAY;
const DATAPOINTS: RangeInclusive<i64> = 1..=8640;
const HOUR: u32 = 3600;
const DAY: i64 = 86_400;
/// Actions of one state.
const MOST_NOTIFIED: usize = 5;
/// Characters. <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html>
const PATTERN: usize = 1024;

const MISSING: [(&str, &str); 4] =
    [("breaching", "breaching"), ("not-breaching", "notBreaching"), ("ignore", "ignore"), ("missing", "missing")];

/// A CloudWatch alarm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Alarm {
    pub(crate) metric: Metric,
    #[serde(flatten)]
    pub(crate) condition: Condition,
}

/// An alarm on lines of a function's log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LogAlarm {
    /// A function of the app.
    pub(crate) function: String,
    /// A filter pattern of CloudWatch Logs.
    pub(crate) pattern: String,
    #[serde(flatten)]
    pub(crate) condition: Condition,
}

/// When an alarm goes off, and who hears of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Condition {
    /// `Sum`, `Maximum`, …, or a percentile: `p99`.
    pub(crate) statistic: String,
    pub(crate) threshold: f64,
    /// Above the threshold, or below it.
    pub(crate) above: bool,
    /// Seconds that one value is made of.
    pub(crate) period: u32,
    /// Values that are looked at.
    pub(crate) periods: u32,
    /// How many of them have to be beyond the threshold.
    pub(crate) datapoints: u32,
    /// As CloudWatch has it: `breaching`, `notBreaching`, `ignore`, `missing`.
    pub(crate) missing_data: &'static str,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) notify: BTreeSet<Notified>,
    /// They hear of the way back, too.
    pub(crate) notify_recovery: bool,
}

/// Who hears of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notified {
    /// Somebody with an e-mail address.
    Email(String),
    Topic(Source),
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<ResourceConfig> {
    let (metric, statistic) = metric::read(reader, fields, others)?;
    let condition = condition(reader, fields, others, (&statistic, None))?;
    Some(ResourceConfig::Alarm(Alarm { metric, condition }))
}

pub(super) fn read_log(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<ResourceConfig> {
    let function = fields.need(reader, "function", "web").and_then(|entry| reader.some_text(entry));
    let pattern = fields.need(reader, "pattern", "ERROR").and_then(|entry| {
        let pattern = reader.some_text(entry)?;
        if pattern.chars().count() > PATTERN {
            let title = format!("`pattern` has more than {PATTERN} characters");
            reader.problem(&entry.value.span, title, "CloudWatch Logs takes no more");
            return None;
        }
        Some(pattern)
    });
    // One line is enough when nobody says how many.
    let condition = condition(reader, fields, others, ("Sum", Some(0.0)));
    Some(ResourceConfig::LogAlarm(LogAlarm { function: function?, pattern: pattern?, condition: condition? }))
}

fn condition(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    others: &Others<'_>,
    (statistic, least): (&str, Option<f64>),
) -> Option<Condition> {
    let statistic = match fields.get("statistic") {
        Some(entry) => metric::statistic(reader, entry)?,
        None => statistic.to_owned(),
    };
    let (threshold, above) = match (fields.get("above"), fields.get("below"), least) {
        (Some(_), Some(below), _) => {
            reader.problem(&below.key_span, "an alarm has either `above` or `below`", "remove one of them");
            return None;
        }
        (Some(entry), None, _) => (number(reader, entry)?, true),
        (None, Some(entry), _) => (number(reader, entry)?, false),
        (None, None, Some(least)) => (least, true),
        (None, None, None) => {
            fields.need(reader, "above", "0");
            return None;
        }
    };
    let (period, periods, datapoints) = times(reader, fields)?;
    let missing_data = match fields.get("missing_data") {
        Some(entry) => missing_data(reader, entry)?,
        // Nothing measured is nothing wrong, where what is wrong is too much of something.
        None if above => "notBreaching",
        None => "missing",
    };
    let notify = fields.get("notify").map_or(Some(BTreeSet::new()), |entry| notified(reader, entry, others));
    let notify_recovery = fields.flag(reader, "notify_recovery");
    Some(Condition {
        statistic,
        threshold,
        above,
        period,
        periods,
        datapoints,
        missing_data,
        notify: notify?,
        notify_recovery: notify_recovery?,
    })
}

/// `period`, how many of them `for` is, and how many of those have to be beyond the threshold.
fn times(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<(u32, u32, u32)> {
    let period = match fields.get("period") {
        Some(entry) => {
            let period = fields.seconds(reader, "period", &PERIOD, CLOUDWATCH)?;
            if !matches!(period, 10 | 20 | 30) && period % 60 != 0 {
                let title = "`period` must be 10 s, 20 s, 30 s or whole minutes";
                reader.problem(&entry.value.span, title, "like `1m`");
                return None;
            }
            period
        }
        None => 60,
    };
    let Some(entry) = fields.get("for") else {
        let datapoints = fields.whole(reader, "datapoints", (&(1..=1), "datapoints"), "one period");
        return Some((period, 1, datapoints.unwrap_or(1)));
    };
    let length = fields.seconds(reader, "for", &LENGTH, CLOUDWATCH)?;
    if length % period != 0 {
        let label = format!("a multiple of {period} s; `period` says how long one is");
        reader.problem(&entry.value.span, "`for` must be whole periods", label);
        return None;
    }
    // "EvaluationPeriods * Period": a day, or seven for periods of at least an hour.
    if period < HOUR && i64::from(length) > DAY {
        let title = "`for` is more than a day";
        reader.problem(&entry.value.span, title, "CloudWatch takes up to 7d when `period` is at least 1h");
        return None;
    }
    let periods = length / period;
    let datapoints = fields.whole(reader, "datapoints", (&DATAPOINTS, "datapoints"), CLOUDWATCH);
    if let (Some(entry), Some(number)) = (fields.get("datapoints"), datapoints)
        && number > periods
    {
        let title = format!("`datapoints` is more than the {periods} that are looked at");
        reader.problem(&entry.value.span, title, format!("at most {periods}"));
        return None;
    }
    Some((period, periods, datapoints.unwrap_or(periods)))
}

fn number(reader: &mut Reader<'_>, entry: &Entry) -> Option<f64> {
    let number = match &entry.value.kind {
        Kind::Number(_, text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
        _ => None,
    };
    if number.is_none() {
        reader.wrong_type(&entry.key, &entry.value, "a number");
    }
    number
}

fn missing_data(reader: &mut Reader<'_>, entry: &Entry) -> Option<&'static str> {
    let word = reader.some_text(entry)?;
    let found = MISSING.iter().find(|(known, aws)| *known == word || *aws == word).map(|(_, aws)| *aws);
    if found.is_none() {
        let words = MISSING.map(|(known, _)| known);
        let label = suggest::did_you_mean(&word, words, || format!("there is {}", suggest::list(&words)));
        reader.problem(&entry.value.span, format!("missing data is not treated as `{word}`"), label);
    }
    found
}

/// An address, a topic, or a list of both.
fn notified(reader: &mut Reader<'_>, entry: &Entry, others: &Others<'_>) -> Option<BTreeSet<Notified>> {
    let items: &[Node] = match &entry.value.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(&entry.value),
    };
    if items.len() > MOST_NOTIFIED {
        let title = format!("`notify` has {} entries", items.len());
        reader.problem(&entry.key_span, title, format!("at most {MOST_NOTIFIED}: a topic can have many subscribers"));
        return None;
    }
    let read: Vec<Option<Notified>> = items
        .iter()
        .map(|item| {
            let text = reader.text_at(&entry.key, item)?.value;
            if is_address(&text) {
                return Some(Notified::Email(text));
            }
            if text.starts_with("arn:") {
                if text.split(':').nth(2) == Some("sns") && text.split(':').count() == 6 {
                    return Some(Notified::Topic(Source::Arn(text)));
                }
                reader.problem(&item.span, "this ARN is of something else", "needed is one of an SNS topic");
                return None;
            }
            if !others.contains_key(text.as_str()) {
                let label = "an e-mail address, a topic of `resources`, or the ARN of one";
                reader.problem(&item.span, format!("nobody can be reached as `{text}`"), label);
                return None;
            }
            super::must_be(reader, &item.span, &text, &["topic"], others)?;
            Some(Notified::Topic(Source::Own(text)))
        })
        .collect();
    read.into_iter().collect()
}

/// Whether the functions that alarms speak of are there.
pub(super) fn check(
    reader: &mut Reader<'_>,
    at: Option<&Span>,
    function: &str,
    functions: &BTreeMap<String, FunctionConfig>,
) {
    let Some(at) = at.filter(|_| !functions.contains_key(function)) else { return };
    let names: Vec<&str> = functions.keys().map(String::as_str).collect();
    let label =
        suggest::did_you_mean(function, names.iter().copied(), || format!("there is {}", suggest::list(&names)));
    reader.problem(at, format!("no function `{function}`"), label);
}

impl ResourceConfig {
    /// Of an alarm of either type.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        match self {
            Self::Alarm(alarm) => Some(&alarm.condition),
            Self::LogAlarm(alarm) => Some(&alarm.condition),
            _ => None,
        }
    }
}

impl Condition {
    /// Whether it publishes to this topic of `resources`.
    pub(crate) fn notifies(&self, topic: &str) -> bool {
        self.notify.iter().any(|one| matches!(one, Notified::Topic(Source::Own(name)) if name == topic))
    }
}
