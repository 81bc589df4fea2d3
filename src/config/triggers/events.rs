//! `- events: { source: [shop] }` — events of an `EventBridge` bus.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html>

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::Value;

use super::{Source, Trigger, source, trigger_name};
use crate::config::event_pattern;
use crate::config::fields::Fields;
use crate::config::keys;
use crate::config::locate::Span;
use crate::config::raw::{Entry, Kind, Map};
use crate::config::resources::Others;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 10] =
    ["pattern", "bus", "name", "input", "paths", "template", "enabled", "retries", "max_age", "dlq"];

const EVENTBRIDGE: &str = "EventBridge";
/// The bus that every account has.
const DEFAULT_BUS: &str = "default";
const RETRIES: RangeInclusive<i64> = 0..=185;
/// Seconds.
const MAX_AGE: RangeInclusive<i64> = 60..=86_400;
/// What `EventBridge` does when nobody says: 24 hours and 185 times.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html>
const DAY: u32 = 86_400;
const TIMES: u32 = 185;

/// Events of a bus that fit a pattern.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct EventsTrigger {
    /// JSON.
    pub(crate) pattern: Value,
    /// `None` is the bus that every account has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bus: Option<Source>,
    /// Its own name; `None` is one made of the pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// What the function is called with in place of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Input>,
    pub(crate) enabled: bool,
    /// How often a call that Lambda did not take is repeated, 0–185.
    pub(crate) retries: u32,
    /// Seconds for which it is, 60–86,400.
    pub(crate) max_age: u32,
    /// The queue for events that could not be handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dlq: Option<Source>,
}

/// What a function is called with in place of the event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Input {
    /// Always the same.
    Constant(Value),
    /// Made of the event.
    Template {
        /// Where in the event each variable comes from: `$.detail.id`.
        paths: BTreeMap<String, String>,
        /// With `<variable>` where its value goes.
        template: String,
    },
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<Trigger> {
    let pattern = fields.need(reader, "pattern", "{ source: [shop] }");
    let pattern = pattern.and_then(|entry| event_pattern::read(reader, entry));
    let bus = fields.get("bus").map_or(Some(None), |entry| match &entry.value.kind {
        Kind::Text(text) if text == DEFAULT_BUS => Some(None),
        _ => source(reader, entry, (&["event_bus"], "events"), others).map(Some),
    });
    let name = trigger_name(reader, fields, "rule");
    let input = input(reader, fields);
    let enabled = fields.get("enabled").map_or(Some(true), |entry| reader.yes_or_no(entry));
    let retries = fields.whole(reader, "retries", (&RETRIES, "retries"), EVENTBRIDGE).unwrap_or(TIMES);
    let max_age = fields.seconds(reader, "max_age", &MAX_AGE, EVENTBRIDGE).unwrap_or(DAY);
    let dlq =
        fields.get("dlq").map_or(Some(None), |entry| source(reader, entry, (&["queue"], "sqs"), others).map(Some));
    Some(Trigger::Events(EventsTrigger {
        pattern: pattern?,
        bus: bus?,
        name: name?,
        input: input?,
        enabled: enabled?,
        retries,
        max_age,
        dlq: dlq?,
    }))
}

/// Whether a map is a pattern and not a trigger: it has members of events and none of a trigger's keys.
pub(super) fn is_short(map: &Map) -> bool {
    event_pattern::is_pattern(map) && !map.0.iter().any(|entry| KEYS.contains(&entry.key.as_str()))
}

/// Reports triggers of a function that would be one rule.
pub(super) fn check(reader: &mut Reader<'_>, all: &[(&Span, &Trigger)]) {
    let mut before: Vec<&EventsTrigger> = Vec::new();
    for (at, trigger) in all {
        let Trigger::Events(events) = trigger else { continue };
        let same = |it: &&EventsTrigger| {
            it.name == events.name && it.bus == events.bus && (it.name.is_some() || it.pattern == events.pattern)
        };
        if before.iter().any(same) {
            let title = "the function has this `events` trigger already";
            reader.problem(at, title, "give each a `name` of its own");
        }
        before.push(events);
    }
}

/// `input`, or `template` with its `paths`. `None` when that is wrong.
#[expect(clippy::option_option, reason = "wrong and not wanted are two things")]
fn input(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Option<Input>> {
    let (constant, template, paths) = (fields.get("input"), fields.get("template"), fields.get("paths"));
    match (constant, template, paths) {
        (None, None, None) => Some(None),
        (Some(entry), None, None) => Some(Some(Input::Constant(reader.json(entry)?))),
        (Some(entry), ..) => {
            let title = "an `events` trigger has `input` or `template`, not both";
            reader.problem(&entry.key_span, title, "`input` is always the same, `template` is made of the event");
            None
        }
        (None, None, Some(entry)) => {
            let title = "`paths` are for a `template`";
            reader.problem(&entry.key_span, title, "add `template: { id: <id> }`, or remove them");
            None
        }
        (None, Some(entry), paths) => {
            let template = match reader.json(entry)? {
                Value::String(text) => text,
                value => with_bare_variables(&value),
            };
            let paths = paths.map_or(Some(BTreeMap::new()), |entry| variables(reader, entry))?;
            let unknown =
                names_in(&template).find(|name| !name.starts_with("aws.events.") && !paths.contains_key(*name));
            if let Some(name) = unknown {
                let title = format!("the template's `<{name}>` is nowhere defined");
                reader.problem(&entry.key_span, title, format!("add `paths: {{ {name}: $.detail.{name} }}`"));
                return None;
            }
            Some(Some(Input::Template { paths, template }))
        }
    }
}

/// JSON with each text that is nothing but `<variable>` without its quotes: `EventBridge` puts the value there as
/// it is, a text with quotes and a number or an object without.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>
fn with_bare_variables(value: &Value) -> String {
    match value {
        Value::String(text) if is_variable(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(with_bare_variables).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{}:{}", Value::String(key.clone()), with_bare_variables(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn is_variable(text: &str) -> bool {
    text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).is_some_and(is_variable_name)
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|each| each.is_ascii_alphanumeric() || "_-.".contains(each))
}

/// The names of the variables in a template.
fn names_in(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(name, _)| name)
        .filter(|it| is_variable_name(it))
}

fn variables(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeMap<String, String>> {
    let map = keys::map_of(entry, "a map like `{ id: $.detail.id }`", &mut reader.problems)?;
    let mut paths = BTreeMap::new();
    for one in &map.0 {
        if !is_variable_name(&one.key) || one.key.starts_with("aws.") {
            let title = format!("`{}` cannot be the name of a variable", one.key);
            reader.problem(&one.key_span, title, "letters, digits, `_` and `-`; `aws.…` is AWS's own");
            return None;
        }
        let path = reader.some_text(one)?;
        if path != "$" && !path.starts_with("$.") {
            reader.problem(&one.value.span, "this is no path into the event", "like `$.detail.id`");
            return None;
        }
        paths.insert(one.key.clone(), path);
    }
    Some(paths)
}
