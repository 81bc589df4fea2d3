//! Times as people write them: `10m`, `yesterday`, `14:00`, `2026-11-20 14:00`, RFC 3339.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

use super::age;
use crate::error::Error;

/// A time, not yet told which day it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// Ms before now.
    Ago(i64),
    /// The last time that it was so late, in the zone of this machine.
    Clock(Time),
    /// Days before today, and when.
    Day(i64, Time),
    /// In the zone of this machine.
    Civil(DateTime),
    Instant(Timestamp),
}

/// Reads a time; for clap.
///
/// # Errors
/// `Usage`, with what can be written.
pub(crate) fn when(text: &str) -> Result<When, Error> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let found = match lower.as_str() {
        "now" => Some(When::Ago(0)),
        _ => relative(&lower)
            .or_else(|| day(&lower))
            .or_else(|| clock(&lower).map(When::Clock))
            .or_else(|| absolute(text)),
    };
    found.ok_or_else(|| {
        Error::usage(format!(
            "`{text}` is no time: write 10m, 2h, yesterday, 14:00, \"2026-11-20 14:00\" or 2026-11-20T14:00:00Z"
        ))
    })
}

/// `10m`, `10m ago`, `2 hours ago`
fn relative(text: &str) -> Option<When> {
    let text = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim() {
        "second" | "seconds" | "secs" => "s",
        "minute" | "minutes" | "mins" => "m",
        "hour" | "hours" => "h",
        "day" | "days" => "d",
        "week" | "weeks" => "w",
        unit => unit,
    };
    // `20261120` is no age of eight months.
    (digits < 8).then(|| age(&format!("{number}{unit}")).ok().map(When::Ago)).flatten()
}

/// `today`, `yesterday`, `yesterday 14:00`
fn day(text: &str) -> Option<When> {
    let (day, rest) = text.split_once(' ').unwrap_or((text, ""));
    let ago = match day {
        "today" => 0,
        "yesterday" => 1,
        _ => return None,
    };
    let time = if rest.is_empty() { Time::midnight() } else { clock(rest.trim())? };
    Some(When::Day(ago, time))
}

/// `14:00`, `14:00:05`
fn clock(text: &str) -> Option<Time> {
    let fits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.') && text.contains(':');
    let padded = if text.find(':') == Some(1) { format!("0{text}") } else { text.to_owned() };
    fits.then(|| padded.parse().ok()).flatten()
}

fn absolute(text: &str) -> Option<When> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(When::Instant(instant));
    }
    let fits = text.len() >= 10 && text.as_bytes()[4] == b'-';
    fits.then(|| text.parse().ok().map(When::Civil)).flatten()
}

impl When {
    /// Ms since 1970.
    ///
    /// # Errors
    /// `Usage`: there was no such time, or it is out of range.
    pub(crate) fn at(&self, now: &Zoned) -> Result<i64, Error> {
        let zone: &TimeZone = now.time_zone();
        let civil = |time: DateTime| time.to_zoned(zone.clone()).map(|zoned| zoned.timestamp());
        let found = match self {
            Self::Ago(age) => Ok(now.timestamp() - jiff::SignedDuration::from_millis(*age)),
            Self::Clock(time) => {
                let today = now.date().to_datetime(*time);
                if today > now.datetime() { civil(today.saturating_sub(1.day())) } else { civil(today) }
            }
            Self::Day(ago, time) => civil(now.date().saturating_sub(ago.days()).to_datetime(*time)),
            Self::Civil(time) => civil(*time),
            Self::Instant(instant) => Ok(*instant),
        };
        let found = found.map_err(|error| Error::usage("there is no such time").because(&error))?;
        Ok(found.as_millisecond().max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> String {
        let now: Zoned = "2026-11-21T13:30:00+01:00[Europe/Berlin]".parse().expect("a time");
        let found = when(text).and_then(|when| when.at(&now));
        found.map_or_else(|error| error.message, |ms| Timestamp::from_millisecond(ms).expect("a time").to_string())
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("10m", "2026-11-21T12:20:00Z"),
            ("2h", "2026-11-21T10:30:00Z"),
            ("2 hours ago", "2026-11-21T10:30:00Z"),
            ("1 day ago", "2026-11-20T12:30:00Z"),
            ("90", "2026-11-21T12:28:30Z"),
            ("now", "2026-11-21T12:30:00Z"),
            ("today", "2026-11-20T23:00:00Z"),
            ("yesterday", "2026-11-19T23:00:00Z"),
            ("Yesterday 14:00", "2026-11-20T13:00:00Z"),
            ("9:00", "2026-11-21T08:00:00Z"),
            // Later than now: the last time it was so late.
            ("14:00", "2026-11-20T13:00:00Z"),
            ("2026-11-20 14:00", "2026-11-20T13:00:00Z"),
            ("2026-11-20T14:00:05", "2026-11-20T13:00:05Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            ("2026-11-20T14:00:00Z", "2026-11-20T14:00:00Z"),
            ("2026-11-20T14:00:00+05:00", "2026-11-20T09:00:00Z"),
            // The clock goes back on this night, and forward on that.
            ("2026-07-01 12:00", "2026-07-01T10:00:00Z"),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_time() {
        for text in ["soon", "", "25:00", "10x", "-5m", "2026-13-01", "20261120", "yesterday noon", "é0000-00-00"] {
            assert!(at(text).contains("is no time: write 10m"), "{text}: {}", at(text));
        }
    }
}
