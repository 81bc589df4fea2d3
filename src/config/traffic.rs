//! `traffic:` and `alarms:` — how a stage's traffic goes over to what is new, and what calls it back.
//!
//! Owns the types and how they are written. What is done with them is `deploy::shift`'s business.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::fields;
use super::locate::Span;
use super::precedence::Said;
use super::raw::{Entry, Kind, Map};
use super::suggest;
use super::values::Reader;

/// Seconds a shift may take as a whole: whoever wants more wants two deploys.
const LONGEST: u64 = 24 * 60 * 60;
/// Seconds of one of its steps.
const WAIT: RangeInclusive<i64> = 1..=24 * 60 * 60;

/// Names that one `DescribeAlarms` takes, and characters of a name.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const ALARMS: usize = 100;
const ALARM_NAME: usize = 255;

const LIKE: &str = "like `{ canary: 10%, for: 5m }` or `{ linear: 10%, every: 1m }`";
const LIKE_OR_AT_ONCE: &str = "`at-once`, or a map like `{ canary: 10%, for: 5m }`";

/// How traffic goes over to new versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Traffic {
    /// A share for a while, then all.
    Canary {
        /// 1–99.
        percent: u32,
        #[serde(rename = "for_seconds", serialize_with = "seconds")]
        wait: Duration,
    },
    /// A share more each time, until it is all.
    Linear {
        /// 1–99.
        percent: u32,
        #[serde(rename = "every_seconds", serialize_with = "seconds")]
        wait: Duration,
    },
}

fn seconds<S: Serializer>(wait: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(wait.as_secs())
}

impl Traffic {
    /// Percent for the new versions and for how long, step by step; after the last one it is all.
    pub(crate) fn steps(self) -> Vec<(u32, Duration)> {
        match self {
            Self::Canary { percent, wait } => vec![(percent, wait)],
            Self::Linear { percent, wait } => (1..100)
                .map(|step| step * percent)
                .take_while(|share| *share < 100)
                .map(|share| (share, wait))
                .collect(),
        }
    }
}

/// What counts for a stage: `None` is all at once.
pub(super) fn read(reader: &mut Reader<'_>, said: &Said<'_>) -> Option<Traffic> {
    traffic(reader, said.strongest("traffic")?).flatten()
}

/// The alarms that call traffic back. Without `traffic` nobody would look at them.
pub(super) fn alarms_of(reader: &mut Reader<'_>, said: &Said<'_>) -> Vec<String> {
    let Some(entry) = said.strongest("alarms") else { return Vec::new() };
    let names = alarms(reader, entry).unwrap_or_default();
    if !names.is_empty() && said.strongest("traffic").is_none() {
        let title = "`alarms` does nothing without `traffic`";
        reader.problem(&entry.key_span, title, "they are looked at while traffic moves: say how with `traffic`");
    }
    names
}

/// `{ canary: 10%, for: 5m }`, `{ linear: 10%, every: 1m }`, or `at-once`. `None` when it is wrong.
#[expect(clippy::option_option, reason = "wrong and at once are two things")]
pub(super) fn traffic(reader: &mut Reader<'_>, entry: &Entry) -> Option<Option<Traffic>> {
    match &entry.value.kind {
        Kind::Map(map) => gradual(reader, entry, map).map(Some),
        Kind::Text(_) => {
            let filled = reader.text(entry)?;
            if filled.value == "at-once" {
                return Some(None);
            }
            reader.problem(&entry.value.span, format!("unknown way for traffic `{}`", filled.shown), LIKE_OR_AT_ONCE);
            None
        }
        _ => {
            reader.wrong_type("traffic", &entry.value, "a map, or `at-once`");
            None
        }
    }
}

fn gradual(reader: &mut Reader<'_>, entry: &Entry, map: &Map) -> Option<Traffic> {
    for part in &map.0 {
        let known = ["canary", "for", "linear", "every"];
        if !known.contains(&part.key.as_str()) {
            let label = suggest::did_you_mean(&part.key, known, || LIKE.to_owned());
            reader.problem(&part.key_span, format!("unknown key `{}` in `traffic`", part.key), label);
        }
    }
    let (kind, time) = match (map.get("canary"), map.get("linear")) {
        (Some(_), Some(second)) => {
            reader.problem(&second.key_span, "traffic goes either `canary` or `linear`", "remove one of them");
            return None;
        }
        (Some(canary), None) => (canary, "for"),
        (None, Some(linear)) => (linear, "every"),
        (None, None) => {
            reader.problem(&entry.key_span, "`traffic` has neither `canary` nor `linear`", LIKE);
            return None;
        }
    };
    let percent = percent(reader, kind);
    let other = if time == "for" { "every" } else { "for" };
    if let Some(wrong) = map.get(other) {
        let home = if other == "for" { "canary" } else { "linear" };
        let title = format!("`{other}` goes with `{home}`, not with `{}`", kind.key);
        reader.problem(&wrong.key_span, title, LIKE);
    }
    let Some(wait) = map.get(time) else {
        reader.problem(&kind.key_span, format!("`{}` has no `{time}`", kind.key), LIKE);
        return None;
    };
    let (percent, span) = (percent?, &wait.value.span);
    let wait = Duration::from_secs(fields::seconds(reader, wait, &WAIT, "a shift")?.into());
    let traffic = if time == "for" { Traffic::Canary { percent, wait } } else { Traffic::Linear { percent, wait } };
    let whole: u64 = traffic.steps().iter().map(|(_, wait)| wait.as_secs()).sum();
    if whole > LONGEST {
        reader.problem(span, "this would take more than a day", "a shift has 24 hours from its first step to its last");
        return None;
    }
    Some(traffic)
}

/// `10%`, or `10`.
fn percent(reader: &mut Reader<'_>, entry: &Entry) -> Option<u32> {
    let filled = reader.spelling(&entry.key, &entry.value)?;
    let number = filled.value.strip_suffix('%').unwrap_or(&filled.value).trim_end().parse::<u32>();
    match number {
        Ok(percent @ 1..=99) => Some(percent),
        Ok(_) => {
            reader.problem(&entry.value.span, format!("`{}` is out of range", entry.key), "1% to 99%");
            None
        }
        Err(_) => {
            let title = format!("`{}` needs a whole number of percent", entry.key);
            reader.problem(&entry.value.span, title, "like `10%`");
            None
        }
    }
}

/// The names of alarms, metric or composite ones.
pub(super) fn alarms(reader: &mut Reader<'_>, entry: &Entry) -> Option<Vec<String>> {
    let Kind::List(items) = &entry.value.kind else {
        reader.wrong_type(&entry.key, &entry.value, "a list of the names of CloudWatch alarms");
        return None;
    };
    if items.len() > ALARMS {
        let title = format!("`alarms` has {} names", items.len());
        reader.problem(&entry.key_span, title, format!("at most {ALARMS}: a composite alarm can stand for several"));
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    let mut well = true;
    for item in items {
        match reader.spelling(&entry.key, item) {
            Some(name) => {
                well &= name_is_good(reader, &item.span, &name.value);
                // Twice the same would be asked for twice.
                if !names.contains(&name.value) {
                    names.push(name.value);
                }
            }
            None => well = false,
        }
    }
    well.then_some(names)
}

fn name_is_good(reader: &mut Reader<'_>, span: &Span, name: &str) -> bool {
    let fault = match name.chars().count() {
        0 => "it is empty",
        1..=ALARM_NAME if name.starts_with("arn:") => "write its name, not its ARN",
        1..=ALARM_NAME => return true,
        _ => "it has more than 255 characters",
    };
    reader.problem(span, "this cannot be the name of an alarm", fault);
    false
}
