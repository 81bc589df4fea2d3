//! `- schedule: rate(5 minutes)` — the clock.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Value, json};

use super::Trigger;
use crate::config::fields::Fields;
use crate::config::names;
use crate::config::resources::Others;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 6] = ["expression", "timezone", "input", "enabled", "name", "retries"];

const RETRIES: RangeInclusive<i64> = 0..=185;

/// A time or times at which the function is called.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ScheduleTrigger {
    /// `rate(5 minutes)`, `cron(0 2 * * ? *)` or `at(2026-12-24T18:00:00)`.
    pub(crate) expression: String,
    /// By the names of the IANA: `Europe/Berlin`.
    pub(crate) timezone: String,
    /// The event; an empty object when nobody says.
    pub(crate) input: Value,
    pub(crate) enabled: bool,
    /// Its own name; `None` is one made of what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// How often a call that Lambda did not take is repeated, 0–185.
    pub(crate) retries: u32,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, _: &Others<'_>) -> Option<Trigger> {
    let expression = fields.need(reader, "expression", "rate(5 minutes)").and_then(|entry| {
        let text = reader.some_text(entry)?;
        let Some(fault) = fault(&text) else { return Some(text) };
        reader.problem(&entry.value.span, format!("`{text}` is no schedule"), fault);
        None
    });
    let timezone = match fields.get("timezone") {
        Some(entry) => reader.some_text(entry).and_then(|zone| {
            // Whether it knows it, the scheduler decides: its list is newer than ours.
            let well = zone.chars().all(|each| each.is_ascii_alphanumeric() || "/_+-".contains(each));
            if !well {
                reader.problem(&entry.value.span, "this is not the name of a time zone", "like `Europe/Berlin`");
            }
            well.then_some(zone)
        }),
        None => Some("UTC".to_owned()),
    };
    let input = fields.get("input").map_or(Some(json!({})), |entry| reader.json(entry));
    let enabled = fields.get("enabled").map_or(Some(true), |entry| reader.yes_or_no(entry));
    let name = fields.get("name").map_or(Some(None), |entry| {
        let name = reader.some_text(entry)?;
        let fault = names::fault(&name, names::RESOURCE);
        if let Some(fault) = &fault {
            reader.problem(&entry.value.span, format!("`{name}` cannot be the name of a schedule"), fault.clone());
        }
        fault.is_none().then_some(Some(name))
    });
    // What a schedule misses it catches up with for a day, as the scheduler itself would.
    let retries = fields.whole(reader, "retries", (&RETRIES, "retries"), "EventBridge Scheduler").unwrap_or(185);
    Some(Trigger::Schedule(ScheduleTrigger {
        expression: expression?,
        timezone: timezone?,
        input: input?,
        enabled: enabled?,
        name: name?,
        retries,
    }))
}

/// What is plainly wrong with an expression; the finer points are the scheduler's to judge.
fn fault(expression: &str) -> Option<String> {
    const LIKE: &str = "like `rate(5 minutes)`, `cron(0 2 * * ? *)` or `at(2026-12-24T18:00:00)`";
    let Some((kind, inner)) = expression.strip_suffix(')').and_then(|rest| rest.split_once('(')) else {
        return Some(LIKE.to_owned());
    };
    match kind {
        "rate" => rate_fault(inner),
        "cron" => {
            let fields = inner.split_whitespace().count();
            (fields != 6).then(|| {
                let hint = if fields == 5 { ": AWS's cron has the year at its end, `*` for every one" } else { "" };
                format!("`cron` has six fields, this has {fields}{hint}")
            })
        }
        "at" => {
            (!is_time(inner)).then(|| "`at` has a date and a time without a zone: `at(2026-12-24T18:00:00)`".to_owned())
        }
        _ => Some(LIKE.to_owned()),
    }
}

/// `2026-12-24T18:00:00` by its looks; which days there are the scheduler knows.
fn is_time(text: &str) -> bool {
    let like = "0000-00-00T00:00:00";
    let fits = |(each, like): (u8, u8)| if like == b'0' { each.is_ascii_digit() } else { each == like };
    text.len() == like.len() && text.bytes().zip(like.bytes()).all(fits)
}

fn rate_fault(inner: &str) -> Option<String> {
    let parts: Vec<&str> = inner.split_whitespace().collect();
    let [number, unit] = parts.as_slice() else {
        return Some("`rate` has a number and a unit: `rate(5 minutes)`".to_owned());
    };
    if !number.parse::<u32>().is_ok_and(|number| number > 0) {
        return Some(format!("`{number}` is not a whole number above 0"));
    }
    let units = ["minute", "minutes", "hour", "hours", "day", "days"];
    (!units.contains(unit)).then(|| "a rate has minutes, hours or days".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plainly_wrong_is_told() {
        for right in [
            "rate(1 minute)",
            "rate(5 minutes)",
            "cron(0 2 * * ? *)",
            "cron(0/5 8-17 ? * MON-FRI *)",
            "at(2026-12-24T18:00:00)",
        ] {
            assert_eq!(fault(right), None, "{right}");
        }
        let wrong = [
            ("every day", "like `rate(5 minutes)`"),
            ("rate(5)", "a number and a unit"),
            ("rate(0 minutes)", "`0` is not a whole number above 0"),
            ("rate(5 seconds)", "minutes, hours or days"),
            ("cron(0 2 * * *)", "the year at its end"),
            ("cron(0 2)", "six fields, this has 2"),
            ("at(2026-12-24)", "a date and a time"),
            ("at(2026-12-24T18:00:00Z)", "a date and a time"),
            ("daily(1)", "like `rate(5 minutes)`"),
        ];
        for (expression, says) in wrong {
            assert!(
                fault(expression).is_some_and(|fault| fault.contains(says)),
                "{expression}: {:?}",
                fault(expression)
            );
        }
    }
}
