//! AWS's cron dialect: six fields, `?`, `L`, `W`, `#`, names of months and days.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based>. What that page
//! does not have is refused, also where other crons know it: `LW`, `L-3`, ranges that wrap around.
//! No crate reads this dialect: those that know `?` and `#` count the days of a week from 0 or want seconds.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const YEARS: (i16, i16) = (1970, 2199);

/// A cron expression that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::local) struct Cron {
    minutes: Set,
    hours: Set,
    days: Days,
    months: Set,
    years: Set,
}

/// On which days of a month. Weekdays count from Sunday, 1, to Saturday, 7.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(Set),
    /// `L`
    Last,
    /// `3W`: the day from Monday to Friday that is closest and in the same month.
    Nearest(i8),
    OfWeek(Set),
    /// `6L`: the last one of the month.
    LastOfWeek(i8),
    /// `3#2`: day 3 for the second time in the month.
    Nth(i8, i8),
}

/// The values of a field, in order.
type Set = Vec<i16>;

impl Cron {
    /// Reads what stands between `cron(` and `)`; `None` when AWS would not take it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, of_month, months, of_week, years] = fields[..] else { return None };
        Some(Self {
            minutes: set(minutes, (0, 59), &[])?,
            hours: set(hours, (0, 23), &[])?,
            days: Days::parse(of_month, of_week)?,
            months: set(months, (1, 12), &MONTHS)?,
            years: set(years, YEARS, &[])?,
        })
    }

    /// The first time later than `after`; `None` when there is none before the year 2200.
    ///
    /// A time that the clock skips in spring is skipped, one that it shows twice in autumn happens once.
    /// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time>
    pub(super) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let from = after.to_zoned(zone.clone()).date();
        let years = self.years.iter().filter(|year| **year >= from.year());
        let months = years.flat_map(|year| self.months.iter().map(|month| (*year, *month)));
        let months = months.filter(|(year, month)| (*year, *month) >= (from.year(), from.month().into()));
        for (year, month) in months {
            let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
            for day in first.series(jiff::Span::new().days(1)).take(first.days_in_month().unsigned_abs().into()) {
                if day >= from
                    && self.days.have(day)
                    && let Some(time) = self.times(day, zone).find(|time| *time > after)
                {
                    return Some(time);
                }
            }
        }
        None
    }

    /// All times of a day, in order.
    fn times<'a>(&'a self, day: Date, zone: &'a TimeZone) -> impl Iterator<Item = Timestamp> + 'a {
        let clock = self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
        clock.filter_map(move |(hour, minute)| {
            let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
            let ambiguous = zone.to_ambiguous_timestamp(day.to_datetime(time));
            match ambiguous.offset() {
                AmbiguousOffset::Gap { .. } => None,
                _ => ambiguous.earlier().ok(),
            }
        })
    }
}

impl Days {
    /// One of the two fields says when, the other one is `?`.
    fn parse(of_month: &str, of_week: &str) -> Option<Self> {
        match (of_month, of_week) {
            ("?", "?") => None,
            ("L", "?") => Some(Self::Last),
            (days, "?") => match days.strip_suffix('W') {
                Some(day) => Some(Self::Nearest(number(day, (1, 31), &[])?)),
                None => Some(Self::OfMonth(set(days, (1, 31), &[])?)),
            },
            ("?", "L") => Some(Self::OfWeek(vec![7])),
            ("?", days) => {
                if let Some((day, nth)) = days.split_once('#') {
                    return Some(Self::Nth(number(day, (1, 7), &DAYS)?, number(nth, (1, 5), &[])?));
                }
                match days.strip_suffix('L').map(|day| number(day, (1, 7), &DAYS)) {
                    Some(day) => Some(Self::LastOfWeek(day?)),
                    None => Some(Self::OfWeek(set(days, (1, 7), &DAYS)?)),
                }
            }
            _ => None,
        }
    }

    fn have(&self, date: Date) -> bool {
        let (day, last) = (date.day(), date.days_in_month());
        let of_week = date.weekday().to_sunday_one_offset();
        match self {
            Self::OfMonth(days) => days.contains(&day.into()),
            Self::Last => day == last,
            Self::Nearest(wanted) => nearest(date, *wanted) == Some(day),
            Self::OfWeek(days) => days.contains(&of_week.into()),
            Self::LastOfWeek(wanted) => of_week == *wanted && day + 7 > last,
            Self::Nth(wanted, nth) => of_week == *wanted && (day - 1) / 7 + 1 == *nth,
        }
    }
}

/// The working day closest to `wanted` in the month of `date`, if the month has such a day.
fn nearest(date: Date, wanted: i8) -> Option<i8> {
    let last = date.days_in_month();
    let day = Date::new(date.year(), date.month(), wanted).ok()?;
    Some(match day.weekday().to_sunday_one_offset() {
        7 if wanted == 1 => 3,
        7 => wanted - 1,
        1 if wanted == last => wanted - 2,
        1 => wanted + 1,
        _ => wanted,
    })
}

/// `*`, `5`, `1-5`, `0/15`, `*/15`, `10-30/5`, and lists of them.
fn set(text: &str, range: (i16, i16), names: &[&str]) -> Option<Set> {
    let mut values = Vec::new();
    for item in text.split(',') {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(number::<i16>(step, (1, range.1), &[])?)),
            None => (item, None),
        };
        let (from, to) = match span.split_once('-') {
            _ if span == "*" => range,
            Some((from, to)) => (number(from, range, names)?, number(to, range, names)?),
            None => {
                let one = number(span, range, names)?;
                (one, if step.is_some() { range.1 } else { one })
            }
        };
        if from > to {
            return None;
        }
        values.extend((from..=to).step_by(step.unwrap_or(1).unsigned_abs().into()));
    }
    values.sort_unstable();
    values.dedup();
    Some(values)
}

/// A number in `range`, or one of `names`, whose first one is the range's first number.
fn number<T: TryFrom<i16>>(text: &str, range: (i16, i16), names: &[&str]) -> Option<T> {
    let value = match names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        Some(at) => i16::try_from(at).ok()? + range.0,
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    if (range.0..=range.1).contains(&value) { T::try_from(value).ok() } else { None }
}

#[cfg(test)]
mod tests;
