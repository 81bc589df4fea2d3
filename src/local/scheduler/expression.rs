//! Schedule expressions: `rate(…)`, `cron(…)`, `at(…)`, and the times they mean.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::cron::Cron;

/// An expression that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::local) enum Expression {
    /// Again and again after this many seconds. A day is 24 hours, whatever the clock does.
    Rate(i64),
    Cron(Cron),
    /// Once, at this time of the schedule's time zone.
    At(DateTime),
}

impl Expression {
    /// Reads an expression; `None` when AWS would not take it.
    pub(in crate::local) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('(')?;
        let inner = rest.strip_suffix(')')?;
        match kind {
            "rate" => rate(inner).map(Self::Rate),
            "cron" => Cron::parse(inner).map(Self::Cron),
            "at" => {
                let time = DateTime::strptime("%Y-%m-%dT%H:%M:%S", inner).ok()?;
                // `strptime` also takes `2026-1-2T3:4:5`.
                (inner.len() == 19).then_some(Self::At(time))
            }
            _ => None,
        }
    }

    /// True when it means one time only.
    pub(in crate::local) fn is_once(&self) -> bool {
        matches!(self, Self::At(_))
    }

    /// The first time later than `after`. A rate counts from `anchor`, which is its first time itself.
    pub(in crate::local) fn next(&self, after: Timestamp, anchor: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Rate(seconds) => {
                if after < anchor {
                    return Some(anchor);
                }
                let passed = after.duration_since(anchor).as_secs() / seconds;
                let to_next = SignedDuration::from_secs(seconds.checked_mul(passed.checked_add(1)?)?);
                anchor.checked_add(to_next).ok()
            }
            Self::Cron(cron) => cron.next(after, zone),
            Self::At(time) => {
                let time = zone.to_ambiguous_timestamp(*time).compatible().ok()?;
                (time > after).then_some(time)
            }
        }
    }
}

/// `5 minutes`, in seconds. AWS takes `1 minutes` as well as `1 minute`.
fn rate(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let [value, unit] = parts[..] else { return None };
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let value: i64 = if digits { value.parse().ok()? } else { return None };
    if value > 0 { value.checked_mul(seconds) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        for text in [
            "rate(5 seconds)",
            "rate(0 minutes)",
            "rate(-1 minutes)",
            "rate(1.5 hours)",
            "rate(5)",
            "rate(5 minutes",
            "rate 5 minutes",
            "every(5 minutes)",
            "at(2026-11-21 10:00:00)",
            "at(2026-11-21T10:00)",
            "at(2026-11-21T10:00:00Z)",
            "at(2026-1-2T3:4:5)",
            "at(2026-02-30T10:00:00)",
            "cron(* * * * *)",
            "5 minutes",
            "",
        ] {
            assert_eq!(Expression::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_counts_from_its_anchor() {
        let rate = Expression::parse("rate(5 minutes)").expect("good");
        let anchor = at("2026-11-21T10:00:07Z");
        let next = |after: &str| rate.next(at(after), anchor, &TimeZone::UTC).map(|time| time.to_string());
        assert_eq!(next("2026-11-21T09:00:00Z").as_deref(), Some("2026-11-21T10:00:07Z"));
        assert_eq!(next("2026-11-21T10:00:07Z").as_deref(), Some("2026-11-21T10:05:07Z"));
        assert_eq!(next("2026-11-21T11:59:00Z").as_deref(), Some("2026-11-21T12:00:07Z"));
    }

    #[test]
    fn once_is_once_and_in_its_time_zone() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a time zone");
        let once = Expression::parse("at(2026-07-01T10:00:00)").expect("good");
        let next = |after: &str| once.next(at(after), at(after), &berlin).map(|time| time.to_string());
        assert!(once.is_once());
        assert_eq!(next("2026-07-01T07:59:59Z").as_deref(), Some("2026-07-01T08:00:00Z"));
        assert_eq!(next("2026-07-01T08:00:00Z"), None);
    }
}
