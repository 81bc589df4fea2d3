//! The cron dialect against AWS's own examples, against the clock changes, and against counting minutes.

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The first `count` times after `from`, in UTC.
fn times(cron: &str, from: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(cron).unwrap_or_else(|| panic!("{cron} is good"));
    let next = |after: &Timestamp| cron.next(*after, &TimeZone::UTC);
    std::iter::successors(next(&at(from)), next)
        .take(count)
        .map(|time| time.strftime("%Y-%m-%d %H:%M").to_string())
        .collect()
}

#[test]
fn it_does_what_the_documentation_says() {
    let from = "2026-11-21T09:00:00Z";
    let cases: [(&str, &[&str]); 13] = [
        ("0 10 * * ? *", &["2026-11-21 10:00", "2026-11-22 10:00"]),
        ("15 12 * * ? *", &["2026-11-21 12:15", "2026-11-22 12:15"]),
        ("0 18 ? * MON-FRI *", &["2026-11-23 18:00", "2026-11-24 18:00"]),
        ("0 8 1 * ? *", &["2026-12-01 08:00", "2027-01-01 08:00"]),
        ("0/15 * * * ? *", &["2026-11-21 09:15", "2026-11-21 09:30"]),
        ("0/5 8-17 ? * mon-fri *", &["2026-11-23 08:00", "2026-11-23 08:05"]),
        ("15 10 ? * 6L 2022-2027", &["2026-11-27 10:15", "2026-12-25 10:15"]),
        ("0 9 ? * 2#1 *", &["2026-12-07 09:00", "2027-01-04 09:00"]),
        ("0 0 L * ? *", &["2026-11-30 00:00", "2026-12-31 00:00"]),
        ("0 0 ? * L *", &["2026-11-28 00:00", "2026-12-05 00:00"]),
        ("30 20 29 2 ? *", &["2028-02-29 20:30", "2032-02-29 20:30"]),
        // The 1st of August 2027 is a Sunday, the 1st of May a Saturday.
        ("0 0 1W MAY,AUG ? 2027", &["2027-05-03 00:00", "2027-08-02 00:00"]),
        // The 31st of January 2027 is a Sunday; February has none.
        ("0 0 31W 1,2,3 ? 2027", &["2027-01-29 00:00", "2027-03-31 00:00"]),
    ];
    for (cron, expected) in cases {
        assert_eq!(times(cron, from, 2), expected, "{cron}");
    }
}

#[test]
fn what_aws_refuses_is_refused() {
    for cron in [
        "",
        "* * * * *",
        "* * * * ? * *",
        "0 12 * * * *",
        "0 12 ? * ? *",
        "0 12 1 * 2 *",
        "60 * * * ? *",
        "*/60 * * * ? *",
        "* 24 * * ? *",
        "* * 0 * ? *",
        "* * 32 * ? *",
        "* * * 13 ? *",
        "* * ? * 0 *",
        "* * ? * 8 *",
        "* * ? * 3#6 *",
        "* * ? * 3#1,6#3 *",
        "* * LW * ? *",
        "* * 1,15W * ? *",
        "* * * * ? 1969",
        "* * * * ? 2200",
        "5/0 * * * ? *",
        "-1 * * * ? *",
        "+1 * * * ? *",
        "10-5 * * * ? *",
        "0/5, 9-18, ?, *, MON-FRI, *",
        "? * * * ? *",
        "* * * XYZ ? *",
        "1--5 * * * ? *",
        "L * * * ? *",
    ] {
        assert_eq!(Cron::parse(cron), None, "{cron}");
    }
}

#[test]
fn it_ends_with_its_last_year() {
    assert_eq!(times("0 0 1 1 ? 2027-2028", "2026-11-21T09:00:00Z", 9), ["2027-01-01 00:00", "2028-01-01 00:00"]);
    assert_eq!(times("0 0 1 1 ? 1999", "2026-11-21T09:00:00Z", 9), [""; 0]);
    // A day that never comes.
    assert_eq!(times("0 0 31 2 ? *", "2026-11-21T09:00:00Z", 9), [""; 0]);
}

#[test]
fn a_skipped_hour_is_skipped_and_a_doubled_one_happens_once() {
    let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a time zone");
    let cron = Cron::parse("30 2 * * ? *").expect("good");
    let next = |after: &Timestamp| cron.next(*after, &berlin);
    let of = |from: &str, count| -> Vec<String> {
        std::iter::successors(next(&at(from)), next).take(count).map(|time| time.to_string()).collect()
    };
    // On the 28th of March 2027 there is no 02:30.
    assert_eq!(of("2027-03-26T12:00:00Z", 2), ["2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z"]);
    // On the 31st of October 2027 there are two.
    assert_eq!(of("2027-10-30T12:00:00Z", 2), ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]);
    assert_eq!(of("2027-10-31T00:45:00Z", 1), ["2027-11-01T01:30:00Z"]);
}

fn field(range: (i16, i16)) -> impl Strategy<Value = String> {
    let (low, high) = range;
    let item = prop_oneof![
        (low..=high).prop_map(|one| one.to_string()),
        (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        (low..=high, 1..=high.max(1)).prop_map(|(from, step)| format!("{from}/{step}")),
        (1..=high.max(1)).prop_map(|step| format!("*/{step}")),
    ];
    prop_oneof![1 => Just("*".to_owned()), 3 => prop::collection::vec(item, 1..3).prop_map(|items| items.join(","))]
}

fn days() -> impl Strategy<Value = (String, String)> {
    let none = || "?".to_owned();
    prop_oneof![
        field((1, 31)).prop_map(move |days| (days, none())),
        Just(("L".to_owned(), none())),
        (1..=31).prop_map(move |day| (format!("{day}W"), none())),
        field((1, 7)).prop_map(move |days| (none(), days)),
        (1..=7).prop_map(move |day| (none(), format!("{day}L"))),
        (1..=7, 1..=5).prop_map(move |(day, nth)| (none(), format!("{day}#{nth}"))),
    ]
}

/// Whether a field takes a value, found by another way than `set` goes.
fn takes(field: &str, value: i16, range: (i16, i16)) -> bool {
    field.split(',').any(|item| {
        let (span, step) = item.split_once('/').map_or((item, None), |(span, step)| (span, step.parse().ok()));
        let (from, to) = match span.split_once('-') {
            _ if span == "*" => range,
            Some((from, to)) => (from.parse().unwrap_or(0), to.parse().unwrap_or(0)),
            None => (span.parse().unwrap_or(0), if step.is_some() { range.1 } else { span.parse().unwrap_or(0) }),
        };
        (from..=to).contains(&value) && (value - from) % step.unwrap_or(1) == 0
    })
}

proptest! {
    #[test]
    fn the_next_time_is_the_first_that_counting_minutes_finds(
        minutes in field((0, 59)), hours in field((0, 23)), (of_month, of_week) in days(), start in 0_i64..500_000
    ) {
        let text = format!("{minutes} {hours} {of_month} * {of_week} *");
        let cron = Cron::parse(&text).expect("generated to be good");
        let from = at("2026-01-01T00:00:30Z") + SignedDuration::from_mins(start);
        let found = cron.next(from, &TimeZone::UTC).expect("every month has one, or the next leap year");
        let mut day = from.to_zoned(TimeZone::UTC).date();
        let counted = 'found: loop {
            let last = day.days_in_month();
            let in_month = |other: i8| (1..=last).contains(&other);
            let weekday = |other: i8| date(day.year(), day.month(), other).weekday().to_sunday_one_offset();
            let good = match (of_month.as_str(), of_week.as_str()) {
                ("L", _) => day.day() == last,
                (wanted, "?") if wanted.ends_with('W') => {
                    let wanted: i8 = wanted.trim_end_matches('W').parse().expect("a day");
                    // The working day of the month with the smallest distance.
                    let work = (1..=last).filter(|other| (2..=6).contains(&weekday(*other)));
                    in_month(wanted) && work.min_by_key(|other| (other - wanted).abs()) == Some(day.day())
                }
                (days, "?") => takes(days, day.day().into(), (1, 31)),
                (_, days) if days.ends_with('L') => {
                    let same = weekday(day.day()).to_string() == days.trim_end_matches('L');
                    same && !in_month(day.day() + 7)
                }
                (_, days) if days.contains('#') => {
                    let (wanted, nth) = days.split_once('#').expect("two parts");
                    let before = (1..=day.day()).filter(|other| weekday(*other).to_string() == wanted).count();
                    weekday(day.day()).to_string() == wanted && before.to_string() == nth
                }
                (_, days) => takes(days, weekday(day.day()).into(), (1, 7)),
            };
            if good {
                for minute in 0..24 * 60_i16 {
                    let clock = day.at(i8::try_from(minute / 60).expect("an hour"), i8::try_from(minute % 60).expect("a minute"), 0, 0);
                    let time = clock.to_zoned(TimeZone::UTC).expect("UTC has all").timestamp();
                    if time > from && takes(&hours, minute / 60, (0, 23)) && takes(&minutes, minute % 60, (0, 59)) {
                        break 'found time;
                    }
                }
            }
            day = day.tomorrow().expect("not the end of time");
        };
        prop_assert_eq!(found, counted, "{}", text);
    }
}
