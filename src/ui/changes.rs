//! What a plan has to say of one resource, in words: for the terminal and for a pull request alike.
//!
//! Values come from config files and from the cloud. Whatever is in them, here they become one line of
//! visible characters.

use serde_json::Value;

use super::bytes;
use super::table::short_name;
use crate::deploy::{Action, Change, Difference, Kind, Loss};

/// One line about a resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Detail {
    /// `memory`, `env.LOG_LEVEL`, `policy[0].Action`.
    pub(super) field: String,
    pub(super) what: What,
    /// What else there is to know of it: that it was changed by hand, that it forces a replacement.
    pub(super) marks: Vec<&'static str>,
}

/// What happens to one field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// From one value to another.
    Turns(String, String),
    /// An element of a list.
    Joins(String),
    Leaves(String),
    /// What cannot be said with values.
    Happens(String),
}

/// How the line of a resource begins.
pub(super) fn sign(action: Action) -> &'static str {
    match action {
        Action::Keep => "=",
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "±",
        Action::Delete => "-",
    }
}

/// The resource's name as people read it.
pub(super) fn name(change: &Change) -> String {
    plain(&short_name(&change.name))
}

/// What a person should know who reads only the line of the resource: what it replaces, what is lost.
pub(super) fn remark(change: &Change, all: &[Change]) -> Option<String> {
    let other = |action| all.iter().find(|other| other.action == action && replaces(other, change));
    match change.action {
        Action::Create if change.by_hand => Some("removed by hand".to_owned()),
        Action::Create => {
            let old = other(Action::Delete)?;
            let url = if is_front(old) { ": the URL changes" } else { "" };
            Some(format!("replaces {} {}{url}", old.kind.words(), name(old)))
        }
        Action::Delete => {
            let word = match (other(Action::Create), change.kind) {
                (Some(new), _) => Some(format!("replaced by {} {}", new.kind.words(), name(new))),
                (None, Kind::Function) => Some("with all its versions".to_owned()),
                (None, Kind::StaticFiles) => Some("with the files".to_owned()),
                (None, _) => None,
            };
            // What somebody has to allow has a line of its own.
            let losses = change.losses.iter().filter(|loss| loss.needs.is_none()).map(|loss| plain(&loss.sentence()));
            let all: Vec<String> = word.into_iter().chain(losses).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Action::Keep => Some("kept: no longer in rzap.yaml".to_owned()),
        Action::Replace => Some("deleted, then made anew".to_owned()),
        Action::Update => None,
    }
}

/// What it takes away that somebody has to allow, a line each; of something that is kept, what it holds.
pub(super) fn losses(change: &Change) -> Vec<String> {
    let line = |loss: &Loss| {
        let flag = loss.needs?.as_str();
        Some(match change.action {
            Action::Keep => format!("holds {}; {flag} deletes it", plain(&loss.what)),
            _ => format!("! {} (needs {flag})", plain(&loss.sentence())),
        })
    };
    change.losses.iter().filter_map(line).collect()
}

fn is_front(change: &Change) -> bool {
    matches!(change.kind, Kind::Api | Kind::HttpApi)
}

/// Whether one of two stands where the other stood: an API of the other kind, a layer of other content.
fn replaces(one: &Change, other: &Change) -> bool {
    let part = |change: &Change| change.name.rsplit_once('-').map(|(part, _)| part.to_owned());
    match (one.kind, other.kind) {
        (Kind::Api, Kind::HttpApi) | (Kind::HttpApi, Kind::Api) => true,
        (Kind::Layer, Kind::Layer) => part(one) == part(other),
        _ => false,
    }
}

/// What differs, field by field.
pub(super) fn details(change: &Change) -> Vec<Detail> {
    let size = change.differences.iter().find(|it| it.field == "code_size");
    let rest = change.differences.iter().filter(|it| it.field != "code_size");
    rest.map(|difference| detail(change.kind, difference, size)).collect()
}

fn detail(kind: Kind, difference: &Difference, size: Option<&Difference>) -> Detail {
    let Difference { field, old, new, hidden, .. } = difference;
    let done = match (difference.change, old, new) {
        (Some(Action::Create), ..) | (None, Value::Null, _) => "removed by hand",
        (Some(Action::Delete), ..) | (None, _, Value::Null) => "added by hand",
        _ => "changed by hand",
    };
    let marks = [
        (difference.forces_replacement, "forces the replacement"),
        (difference.by_hand, done),
        (difference.later, "known during the deploy"),
    ];
    let marks: Vec<_> = marks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, words)| words).collect();
    if *hidden {
        let how = match difference.change {
            Some(Action::Create) => "added",
            Some(Action::Delete) => "removed",
            _ => "changed",
        };
        return Detail { field: plain(field), what: What::Happens(format!("{how} (hidden)")), marks };
    }
    if field == "code_sha256" {
        return Detail { field: "code".to_owned(), what: What::Happens(code(size)), marks };
    }
    // A hash says nothing to anybody.
    if (kind, field.as_str()) == (Kind::Stack, "template") {
        return Detail { field: field.clone(), what: What::Happens("changed".to_owned()), marks };
    }
    if let Some(words) = state(kind, field, new) {
        return Detail { field: field.clone(), what: What::Happens(words.to_owned()), marks };
    }
    let shown = |value: &Value| words(kind, field, value);
    let name = plain(&field.trim_end_matches("[]").replace(".Statement[", "["));
    let is_element = field.ends_with(']');
    let what = match (old, new) {
        (Value::Null, new) if is_element => What::Joins(shown(new)),
        (old, Value::Null) if is_element => What::Leaves(shown(old)),
        (old, new) => What::Turns(shown(old), shown(new)),
    };
    // An element as a whole belongs to its list: which one it was says nothing.
    let name = match (&what, name.rfind('[')) {
        (What::Joins(_) | What::Leaves(_), Some(at)) if name.ends_with(']') => name[..at].to_owned(),
        _ => name,
    };
    Detail { field: name, what, marks }
}

/// What is not a setting but a state, and is wrong while it is no.
fn state(kind: Kind, field: &str, new: &Value) -> Option<&'static str> {
    match (kind, field) {
        _ if *new != Value::Bool(true) => None,
        (Kind::Provisioned, "allocated") => Some("Lambda has given up on it"),
        (Kind::Function, "serving") => Some("the alias `live` does not serve this yet"),
        (Kind::Api | Kind::HttpApi, "permitted") => Some("the permission to call its functions is missing"),
        (Kind::Api, "deployed") => Some("its stage does not serve this yet"),
        _ => None,
    }
}

/// `changed, 1.2 MB → 1.3 MB`
fn code(size: Option<&Difference>) -> String {
    let amount = |value: &Value| value.as_u64().map(bytes);
    match size.map(|size| (amount(&size.old), amount(&size.new))) {
        Some((Some(old), Some(new))) => format!("changed, {old} → {new}"),
        Some((None, Some(new))) => format!("changed, now {new}"),
        _ => "changed".to_owned(),
    }
}

/// A value with its unit.
fn words(kind: Kind, field: &str, value: &Value) -> String {
    match (kind, field, value) {
        (Kind::LogGroup, "retention_days", Value::Null) => return "forever".to_owned(),
        (_, "retention_days" | "artifacts_expire_after_days", Value::Number(days)) => return format!("{days} days"),
        (Kind::Function, "memory" | "ephemeral_storage", Value::Number(size)) => return format!("{size} MB"),
        (Kind::Function, "timeout", Value::Number(time))
        | (Kind::EventInvoke, "max_event_age", Value::Number(time)) => return format!("{time} s"),
        (Kind::Api | Kind::HttpApi, "access_log", Value::Object(log)) => {
            let text = |name: &str| log.get(name).and_then(Value::as_str);
            if let (Some(destination), Some("rzap")) = (text("destination"), text("format")) {
                return plain(destination);
            }
        }
        (_, "bytes" | "size", Value::Number(_)) => {
            if let Some(amount) = value.as_u64() {
                return bytes(amount);
            }
        }
        _ => {}
    }
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => plain(text),
        Value::Object(_) => statement(value).unwrap_or_else(|| plain(&value.to_string())),
        other => plain(&other.to_string()),
    }
}

/// A policy's statement as a sentence: `Allow s3:GetObject on arn:aws:s3:::photos/*`.
fn statement(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let mut text = format!("{} ", fields.get("Effect")?.as_str()?);
    if let Some(sid) = fields.get("Sid").and_then(Value::as_str) {
        text.insert_str(0, &format!("{sid}: "));
    }
    let list = |value: &Value| match value {
        Value::String(one) => Some(one.clone()),
        Value::Array(all) => Some(all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    };
    text.push_str(&fields.get("Action").and_then(list)?);
    if let Some(resources) = fields.get("Resource") {
        text.push_str(&format!(" on {}", list(resources)?));
    }
    // Whatever else is in it must not go unseen.
    for (name, value) in fields {
        if !matches!(name.as_str(), "Effect" | "Sid" | "Action" | "Resource") {
            text.push_str(&format!(", {name} {value}"));
        }
    }
    Some(plain(&text))
}

/// One line of characters that can be seen and do nothing: no line ends, no escapes of a terminal, nothing
/// that reverses the direction of writing (<https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>).
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let acts =
            matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if letter.is_control() || acts {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

/// Cuts what is longer than `width` columns, with a `…` in its place.
pub(super) fn cut(text: &str, width: usize) -> String {
    console::truncate_str(text, width.max(1), "…").into_owned()
}

/// Two values cut so that both together have no more than `width` columns, and still differ where they do: of
/// a long common beginning only a `…` stays.
pub(super) fn cut_both(old: &str, new: &str, width: usize) -> (String, String) {
    let long = |text: &str| console::measure_text_width(text);
    if long(old) + long(new) <= width {
        return (old.to_owned(), new.to_owned());
    }
    let common = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
    // Some of it is shown, so that one knows where one is.
    let skip = common.saturating_sub(8);
    let tail = |text: &str| {
        if skip < 8 { text.to_owned() } else { format!("…{}", text.chars().skip(skip).collect::<String>()) }
    };
    let (old, new) = (tail(old), tail(new));
    let half = width / 2;
    // What one does not need the other may have.
    let (left, right) = (width - long(&new).min(half), width - long(&old).min(half));
    (cut(&old, left), cut(&new, right))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_two_long_values_the_part_that_differs_is_shown() {
        let arn = |version: u32| format!("arn:aws:lambda:eu-west-1:123456789012:layer:{}:{version}", "x".repeat(60));
        assert_eq!(cut_both(&arn(7), &arn(8), 220), (arn(7), arn(8)));
        assert_eq!(cut_both(&arn(7), &arn(8), 40), ("…xxxxxxx:7".to_owned(), "…xxxxxxx:8".to_owned()));
        let (old, new) = cut_both("short", &"y".repeat(100), 40);
        assert_eq!((old.as_str(), console::measure_text_width(&new)), ("short", 35));
        assert!(new.ends_with('…'), "{new}");
        for width in 0..9 {
            // However little room there is.
            cut_both(&arn(7), &"ü".repeat(90), width);
        }
    }

    #[test]
    fn nothing_of_a_statement_goes_unseen() {
        let sentence = |value: Value| words(Kind::Role, "policy.Statement[0]", &value);
        assert_eq!(
            sentence(
                json!({"Sid": "Read", "Effect": "Deny", "Action": ["a", "b"], "Resource": "*", "Condition": {"Bool": {"x": "y"}}})
            ),
            r#"Read: Deny a, b on *, Condition {"Bool":{"x":"y"}}"#
        );
        assert_eq!(
            sentence(
                json!({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
            ),
            r#"Allow sts:AssumeRole, Principal {"Service":"lambda.amazonaws.com"}"#
        );
        // What is no such sentence is shown as it is.
        assert_eq!(sentence(json!({"Effect": "Allow", "NotAction": "a"})), r#"{"Effect":"Allow","NotAction":"a"}"#);
        assert_eq!(sentence(json!({"Effect": "Allow", "Action": 7})), r#"{"Effect":"Allow","Action":7}"#);
    }
}
