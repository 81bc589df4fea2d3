//! `policies:` — IAM statements in IAM's own words, and managed policies by ARN or name.
//!
//! Checks what would make IAM refuse the whole policy and nothing of what a statement grants.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use serde_json::Value;

use super::raw::{Entry, Kind, Map, Node};
use super::role;
use super::suggest;
use super::values::Reader;

/// Keys of a statement in a policy that hangs on a role (so no `Principal`).
const STATEMENT: [&str; 7] = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// What a function may do besides its logs, what it uses and what wakes it.
#[derive(Debug, Default)]
pub(super) struct Policies {
    pub(super) statements: Vec<Value>,
    /// ARNs, and names of AWS's own with their paths: `AmazonS3ReadOnlyAccess`, `service-role/…`.
    pub(super) managed: Vec<String>,
}

/// Managed policies of a role, when AWS was asked for more than ten.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MANAGED: usize = 25;

/// Reads the statements as JSON objects. Numbers and `true` keep their spelling as text, which is
/// how IAM's grammar has them, so that an account id keeps its leading zeros.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Option<Policies> {
    let Kind::List(items) = &entry.value.kind else {
        reader.wrong_type(&entry.key, &entry.value, "a list of IAM statements and managed policies");
        return None;
    };
    let mut policies = Policies::default();
    let mut well = true;
    for item in items {
        if matches!(item.kind, Kind::Text(_)) {
            match managed(reader, item) {
                Some(policy) if policies.managed.contains(&policy) => {}
                Some(policy) => policies.managed.push(policy),
                None => well = false,
            }
        } else {
            match statement(reader, item) {
                Some(statement) => policies.statements.push(statement),
                None => well = false,
            }
        }
    }
    if policies.managed.len() > MANAGED {
        let title = format!("`policies` names {} managed policies", policies.managed.len());
        reader.problem(&entry.key_span, title, format!("a role can have {MANAGED} at most"));
        well = false;
    }
    well.then_some(policies)
}

/// The ARN of a managed policy, or the name of one of AWS's own.
fn managed(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let filled = reader.spelling("policies", node)?;
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-/".contains(letter);
    let name = &filled.value;
    let is_name = !name.is_empty() && name.chars().all(legal) && !name.starts_with('/') && !name.ends_with('/');
    if is_name || role::is_iam(name, "policy/") {
        return Some(filled.value);
    }
    let title = format!("`{}` is not the name of a managed policy", filled.shown);
    reader.problem(&node.span, title, "like `AmazonS3ReadOnlyAccess`, or `arn:aws:iam::123456789012:policy/NAME`");
    None
}

fn statement(reader: &mut Reader<'_>, node: &Node) -> Option<Value> {
    let Kind::Map(map) = &node.kind else {
        reader.wrong_type(
            "policies",
            node,
            "maps with `Effect`, `Action` and `Resource`, or names of managed policies",
        );
        return None;
    };
    for Entry { key, key_span, .. } in &map.0 {
        if key == "Principal" || key == "NotPrincipal" {
            let title = format!("`{key}` cannot stand in a function's own policy");
            reader.problem(key_span, title, "the principal is always the function's role");
        } else if !STATEMENT.contains(&key.as_str()) {
            let label = suggest::did_you_mean(key, STATEMENT, || "an IAM statement has no such key".to_owned());
            reader.problem(key_span, format!("unknown key `{key}`"), label);
        }
    }
    effect(reader, map, node);
    for (key, negated) in [("Action", "NotAction"), ("Resource", "NotResource")] {
        match (map.get(key), map.get(negated)) {
            (None, None) => reader.problem(&node.span, format!("this statement has no `{key}`"), ""),
            (Some(_), Some(second)) => {
                let title = format!("a statement has either `{key}` or `{negated}`");
                reader.problem(&second.key_span, title, "remove one of them");
            }
            (Some(only), None) | (None, Some(only)) => some_texts(reader, only),
        }
    }
    if let Some(Entry { key, value, .. }) = map.get("Condition")
        && !matches!(value.kind, Kind::Map(_))
    {
        reader.wrong_type(key, value, "a map");
    }
    json(reader, "policies", node)
}

fn effect(reader: &mut Reader<'_>, map: &Map, node: &Node) {
    match map.get("Effect") {
        None => reader.problem(&node.span, "this statement has no `Effect`", "add `Effect: Allow`"),
        Some(entry) => {
            let known = ["Allow", "Deny"];
            if let Some(effect) = reader.text(entry)
                && !known.contains(&effect.value.as_str())
            {
                let label = suggest::did_you_mean(&effect.value, known, || "either `Allow` or `Deny`".to_owned());
                reader.problem(&entry.value.span, format!("unknown effect `{}`", effect.shown), label);
            }
        }
    }
}

/// `Action` and `Resource`: one text or several, at least one.
fn some_texts(reader: &mut Reader<'_>, entry: &Entry) {
    match &entry.value.kind {
        Kind::Text(text) if !text.is_empty() => {}
        Kind::List(items) if !items.is_empty() => {
            for item in items.iter().filter(|item| !matches!(item.kind, Kind::Text(_))) {
                reader.not_text(&entry.key, item);
            }
        }
        Kind::Text(_) | Kind::List(_) => reader.problem(&entry.key_span, format!("`{}` is empty", entry.key), ""),
        _ => reader.wrong_type(&entry.key, &entry.value, "text or a list of texts"),
    }
}

fn json(reader: &mut Reader<'_>, key: &str, node: &Node) -> Option<Value> {
    match &node.kind {
        Kind::Map(map) => {
            let mut object = serde_json::Map::new();
            for entry in &map.0 {
                object.insert(entry.key.clone(), json(reader, &entry.key, &entry.value)?);
            }
            Some(Value::Object(object))
        }
        Kind::List(items) => items.iter().map(|item| json(reader, key, item)).collect::<Option<_>>().map(Value::Array),
        _ => reader.spelling(key, node).map(|filled| Value::String(reader.free_text(filled))),
    }
}
