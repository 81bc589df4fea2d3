//! What a target gets of an event: the event, a part of it, a constant, or a template filled in.
//!
//! In a template a variable that stands where a JSON value can stand is written as JSON; within quotes its text is
//! put in as it is, and what is no text without its own quotes. A path that leads nowhere is an empty text.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::model::{Content, Place};
use super::path;

/// What the target is sent.
pub(super) fn content(content: &Content, event: &Value, place: &Place) -> String {
    match content {
        Content::Event => event.to_string(),
        Content::Constant(text) => text.clone(),
        Content::Path(text) => {
            let part = path::parse(text).and_then(|steps| path::find(event, &steps));
            part.unwrap_or(Value::Null).to_string()
        }
        Content::Template { paths, template } => fill(template, |name| value(name, paths, event, place)),
    }
}

/// The value of a variable; `None` when there is no such variable.
fn value(name: &str, paths: &BTreeMap<String, String>, event: &Value, place: &Place) -> Option<Value> {
    Some(match name {
        "aws.events.rule-arn" => place.arn().into(),
        "aws.events.rule-name" => place.rule.as_str().into(),
        "aws.events.event.ingestion-time" => Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into(),
        "aws.events.event.json" => event.clone(),
        "aws.events.event" => {
            let mut bare = event.clone();
            if let Some(members) = bare.as_object_mut() {
                members.shift_remove("detail");
            }
            bare
        }
        name => {
            let found = path::parse(paths.get(name)?).and_then(|steps| path::find(event, &steps));
            found.unwrap_or_else(|| Value::String(String::new()))
        }
    })
}

/// A template with its variables put in.
fn fill(template: &str, value: impl Fn(&str) -> Option<Value>) -> String {
    // Without quotes and brackets it is no JSON, and everything is text.
    let plain = !template.contains('"') && !template.trim_start().starts_with(['{', '[']) && !alone(template);
    let (mut filled, mut quoted, mut rest) = (String::new(), false, template);
    while let Some(next) = rest.chars().next() {
        let after = &rest[next.len_utf8()..];
        match next {
            '\\' if quoted => {
                let escaped = after.chars().next();
                filled.push(next);
                filled.extend(escaped);
                rest = &after[escaped.map_or(0, char::len_utf8)..];
                continue;
            }
            '"' => quoted = !quoted,
            '<' => {
                let found = after.split_once('>').and_then(|(name, after)| Some((value(name)?, after)));
                if let Some((value, after)) = found {
                    filled.push_str(&match value {
                        Value::String(text) if quoted || plain => text,
                        other if quoted => other.to_string().replace('"', ""),
                        other => other.to_string(),
                    });
                    rest = after;
                    continue;
                }
            }
            _ => {}
        }
        filled.push(next);
        rest = after;
    }
    filled
}

/// Whether a template is one variable and nothing else.
fn alone(template: &str) -> bool {
    let inner = template.trim().strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inner.is_some_and(|name| !name.contains(['<', '>']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_is_filled_in() {
        let event = json!({"id": "1", "detail": {"name": "ann", "n": 2, "list": ["a"], "o": {"k": "v"}}});
        let place = Place { region: "eu-west-1".into(), bus: "default".into(), rule: "paid".into() };
        let filled = |template: &str| {
            let path = |name: &str| (name.to_owned(), format!("$.detail.{name}"));
            let paths = ["name", "n", "list", "o", "none"].map(path).into_iter().collect();
            content(&Content::Template { paths, template: template.into() }, &event, &place)
        };
        assert_eq!(filled(r#"{"who": <name>, "n": <n>, "l": <list>}"#), r#"{"who": "ann", "n": 2, "l": ["a"]}"#);
        assert_eq!(filled(r#"{"who": "<name> (<n>)", "o": "<o>"}"#), r#"{"who": "ann (2)", "o": "{k:v}"}"#);
        assert_eq!(filled(r#""<name> said \"<n>\"""#), r#""ann said \"2\"""#);
        assert_eq!(filled("{\"who\":<name>}"), r#"{"who":"ann"}"#);
        assert_eq!(filled("<name> is <n>"), "ann is 2");
        assert_eq!(filled("<name>"), "\"ann\"");
        assert_eq!(filled(r#"{"a": "<none>", "b": "<unknown>"}"#), r#"{"a": "", "b": "<unknown>"}"#);
        assert_eq!(
            filled(r#"{"r": "<aws.events.rule-name>", "e": <aws.events.event>}"#),
            r#"{"r": "paid", "e": {"id":"1"}}"#
        );
        assert_eq!(content(&Content::Path("$.detail.o".into()), &event, &place), r#"{"k":"v"}"#);
        assert_eq!(content(&Content::Constant("7".into()), &event, &place), "7");
    }
}
