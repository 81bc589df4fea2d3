//! Event patterns of `EventBridge` as they stand in `rzap.yaml`: what is plainly wrong with one.
//!
//! A rule that never matches is a mistake that nobody sees: `source: shop` in place of `[shop]`, `detailType` in
//! place of `detail-type`. What a list may hold besides plain values AWS checks when the rule is made.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html>

use super::raw::{Entry, Kind, Map, Node};
use super::suggest;
use super::values::Reader;
use serde_json::Value;

/// What every event has at its top. <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>
const FIELDS: [&str; 10] =
    ["source", "detail-type", "detail", "resources", "account", "region", "time", "id", "version", "replay-name"];

/// Longest pattern, in characters. <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html>
const LONGEST: usize = 4096;

/// Alternatives, at any level.
const OR: &str = "$or";

/// Whether a map speaks of events: then it is a pattern by itself.
pub(super) fn is_pattern(map: &Map) -> bool {
    map.0.iter().any(|entry| entry.key == OR || FIELDS.contains(&entry.key.as_str()))
}

/// The pattern as JSON, checked.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Option<Value> {
    let Kind::Map(map) = &entry.value.kind else {
        reader.wrong_type(&entry.key, &entry.value, "an event pattern, like `{ source: [shop] }`");
        return None;
    };
    if map.0.is_empty() {
        reader.problem(&entry.key_span, "an empty pattern matches nothing", "like `{ source: [shop] }`");
        return None;
    }
    let mut well = true;
    for field in map.0.iter().filter(|field| field.key != OR && !FIELDS.contains(&field.key.as_str())) {
        let all = || format!("an event has {}", suggest::list(&FIELDS));
        let label = suggest::did_you_mean(&field.key, FIELDS, all);
        reader.problem(&field.key_span, format!("an event has no `{}`", field.key), label);
        well = false;
    }
    well &= members(reader, map);
    let pattern = reader.json(entry)?;
    if pattern.to_string().chars().count() > LONGEST {
        let title = format!("the pattern is longer than {LONGEST} characters");
        reader.problem(&entry.key_span, title, "match fewer things, or do the rest in the function");
        return None;
    }
    well.then_some(pattern)
}

fn members(reader: &mut Reader<'_>, map: &Map) -> bool {
    let mut well = true;
    for entry in &map.0 {
        well &= match &entry.value.kind {
            Kind::List(items) if entry.key == OR && items.iter().all(|item| matches!(item.kind, Kind::Map(_))) => {
                items.iter().filter_map(map_of).all(|map| members(reader, map))
            }
            Kind::List(items) if !items.is_empty() => true,
            Kind::Map(below) if !below.0.is_empty() => members(reader, below),
            Kind::List(_) | Kind::Map(_) | Kind::Null => {
                reader.problem(
                    &entry.key_span,
                    format!("`{}` matches nothing", entry.key),
                    "list the values it may have",
                );
                false
            }
            Kind::Text(_) | Kind::Bool(..) | Kind::Number(..) => {
                let label = format!("as a list: `[{}]`", spelt(&entry.value));
                reader.problem(&entry.value.span, format!("a pattern lists what `{}` may be", entry.key), label);
                false
            }
        };
    }
    well
}

fn map_of(node: &Node) -> Option<&Map> {
    if let Kind::Map(map) = &node.kind { Some(map) } else { None }
}

/// A scalar as it stands in the file.
fn spelt(node: &Node) -> &str {
    match &node.kind {
        Kind::Text(text) | Kind::Bool(_, text) | Kind::Number(_, text) => text,
        _ => "",
    }
}
