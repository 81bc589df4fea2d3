//! What the triggers that read a stream have in common: `dynamodb` and `kinesis`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html>

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::Value;

use super::Source;
use crate::config::fields::Fields;
use crate::config::raw::Entry;
use crate::config::resources::{Others, must_be};
use crate::config::values::Reader;

/// The keys, after the one of the stream itself.
pub(super) const KEYS: [&str; 12] = [
    "starting_position",
    "batch",
    "window",
    "bisect",
    "parallel",
    "max_age",
    "retries",
    "tumbling_window",
    "on_failure",
    "filter",
    "partial_failures",
    "enabled",
];

const LAMBDA: &str = "Lambda";
/// Records.
const BATCH: RangeInclusive<i64> = 1..=10_000;
/// Seconds.
const WINDOW: RangeInclusive<i64> = 0..=300;
const TUMBLING: RangeInclusive<i64> = 1..=900;
/// "The minimum valid value for maximum record age is 60s."
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>
const AGE: RangeInclusive<i64> = 60..=604_800;
const PARALLEL: RangeInclusive<i64> = 1..=10;
const RETRIES: RangeInclusive<i64> = 0..=10_000;
/// Lambda's own.
const USUAL_BATCH: u32 = 100;

/// How a stream is read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StreamOptions {
    /// Counts once: when the mapping is made.
    pub(crate) starting_position: Position,
    /// Records per call at most, 1–10,000.
    pub(crate) batch: u32,
    /// Seconds to wait for a full batch, 0–300.
    pub(crate) window: u32,
    /// A batch that failed is halved before it is tried again.
    pub(crate) bisect: bool,
    /// Batches of one shard at once, 1–10.
    pub(crate) parallel: u32,
    /// Seconds, 60–604,800; older records are given up. `None`: never, before the stream itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<u32>,
    /// How often a batch that failed is tried again, 0–10,000. `None`: until its records expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retries: Option<u32>,
    /// Seconds, 1–900, over which the function carries its state on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tumbling_window: Option<u32>,
    /// Where it is told of records that were given up: a queue or a topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<Source>,
    /// Event patterns, one of which a record has to match; JSON objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) filter: Vec<Value>,
    /// The function says from which record on a batch has failed.
    pub(crate) partial_failures: bool,
    pub(crate) enabled: bool,
}

/// Where in a stream a new mapping begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Position {
    /// With the oldest record there is.
    TrimHorizon,
    /// With what comes from now on.
    Latest,
    /// At a moment, in s since the epoch. Kinesis only.
    At(i64),
}

/// Reads the options. `by_time`: a moment may be the starting position.
pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    others: &Others<'_>,
    by_time: bool,
) -> Option<StreamOptions> {
    let position =
        fields.get("starting_position").map_or(Some(Position::TrimHorizon), |it| position(reader, it, by_time));
    let batch = fields.whole(reader, "batch", (&BATCH, "records"), LAMBDA).unwrap_or(USUAL_BATCH);
    let window = fields.seconds(reader, "window", &WINDOW, LAMBDA).unwrap_or(0);
    let bisect = fields.flag(reader, "bisect");
    let parallel = fields.whole(reader, "parallel", (&PARALLEL, "batches of a shard at once"), LAMBDA).unwrap_or(1);
    let max_age = fields.seconds(reader, "max_age", &AGE, LAMBDA);
    let retries = fields.whole(reader, "retries", (&RETRIES, "retries"), LAMBDA);
    let tumbling_window = fields.seconds(reader, "tumbling_window", &TUMBLING, LAMBDA);
    if let (Some(_), true, Some(entry)) = (tumbling_window, parallel > 1, fields.get("parallel")) {
        // Its state goes from one batch of a shard to the next.
        reader.problem(&entry.value.span, "`parallel` does not go with `tumbling_window`", "remove one of them");
    }
    let on_failure = fields.get("on_failure").map(|entry| receiver(reader, entry, others));
    let filter = fields.get("filter").map_or(Some(Vec::new()), |entry| reader.event_patterns(entry));
    let partial_failures = fields.flag(reader, "partial_failures");
    let enabled = fields.get("enabled").map_or(Some(true), |entry| reader.yes_or_no(entry));
    Some(StreamOptions {
        starting_position: position?,
        batch,
        window,
        bisect: bisect?,
        parallel,
        max_age,
        retries,
        tumbling_window,
        on_failure: on_failure.map_or(Some(None), |source| source.map(Some))?,
        filter: filter?,
        partial_failures: partial_failures?,
        enabled: enabled?,
    })
}

fn position(reader: &mut Reader<'_>, entry: &Entry, by_time: bool) -> Option<Position> {
    let text = reader.some_text(entry)?;
    match text.to_lowercase().as_str() {
        "trim_horizon" => return Some(Position::TrimHorizon),
        "latest" => return Some(Position::Latest),
        _ => {}
    }
    let moment = seconds(&text).filter(|_| by_time);
    if moment.is_none() {
        let label = if by_time {
            "there is `trim_horizon`, `latest`, or a moment like `2026-11-21T18:00:00Z`"
        } else {
            "there is `trim_horizon` and `latest`"
        };
        reader.problem(&entry.value.span, format!("`{text}` is no position in a stream"), label);
    }
    moment.map(Position::At)
}

/// `2026-11-21T18:00:00Z` in s since the epoch. Howard Hinnant's way of counting days: years that begin in March have
/// their odd day at their end.
fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |part: &str, between: char| -> Option<[i64; 3]> {
        let digits = part.split(between).all(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()));
        let read: Vec<i64> = part.split(between).filter_map(|it| it.parse().ok()).collect();
        read.try_into().ok().filter(|_| digits)
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    let leap = i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let longest = match month {
        2 => 28 + leap,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let fits = (1970..=9999).contains(&year) && (1..=longest).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let march = if month > 2 { year } else { year - 1 };
    let (century, of_century) = (march / 400, march % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = century * 146_097 + of_century * 365 + of_century / 4 - of_century / 100 + of_year - 719_468;
    fits.then_some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// A queue or a topic, of `resources` or by its ARN. "Standard Amazon SQS queue or standard Amazon SNS topic".
fn receiver(reader: &mut Reader<'_>, entry: &Entry, others: &Others<'_>) -> Option<Source> {
    let text = reader.some_text(entry)?;
    if !text.starts_with("arn:") {
        must_be(reader, &entry.value.span, &text, &["queue", "topic"], others)?;
        return Some(Source::Own(text));
    }
    let service = text.split(':').nth(2).unwrap_or_default();
    if !["sqs", "sns"].contains(&service) || text.split(':').count() != 6 || text.rsplit('.').next() == Some("fifo") {
        let label = "needed is one of a standard queue or a standard topic, like `arn:aws:sqs:…`";
        reader.problem(&entry.value.span, "failed records cannot go there", label);
        return None;
    }
    Some(Source::Arn(text))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn moments_are_counted_in_seconds() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T23:59:59Z"), Some(951_868_799));
        assert_eq!(seconds("2026-11-21T18:00:00Z"), Some(1_795_284_000));
        for wrong in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21",
            "now",
            "-1-1-1T0:0:0Z",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
