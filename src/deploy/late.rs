//! Values that AWS chooses, in texts that are written before: the outputs of a stack, the ids of user pools.
//!
//! Names are computed, so almost nothing of a stage has to be asked for. What a template gives is not, nor is the id of a
//! user pool; so a text speaks of it by name (law 4) in a marked place: the kind and the name of the thing, and of its
//! outputs which one.
//! There are two moments to fill the places in:
//!
//! - **The plan** ([`standing`]): what stays as it is has the outputs it has. So a stage whose stack does not change is
//!   compared with real values, and a plan that is empty says so.
//! - **The step** itself ([`settle`] with `Cloud::outputs`): whoever has a place left waits for the thing ([`keys`]), and
//!   is compared with what is live once more when it is made so: if the value has not changed, nothing happens.
//!
//! In between a plan shows the place as `${stack.OUTPUT}` or `${NAME.id}` and says that the value comes later.

use std::collections::BTreeMap;

use serde_json::Value;

use super::blueprint::Blueprint;
use super::kinds::{Any, Function, Kind};
use super::plan::same;
use super::resource::{Found, Key, Resource as _};
use crate::aws::{Cloud, Values};
use crate::error::{Error, Result};

/// Around a place: characters that Unicode keeps out of any text, and others than those of the config.
const OPEN: char = '\u{FDD2}';
const CLOSE: char = '\u{FDD3}';

/// The place for an output of a thing.
pub(super) fn place(of: &Key, output: &str) -> String {
    format!("{OPEN}{} {} {output}{CLOSE}", of.kind.word(), of.name)
}

/// What the outputs of a thing are known by.
pub(super) fn thing(of: &Key) -> String {
    format!("{} {}", of.kind.word(), of.name)
}

/// Whether a value speaks of something that is not known yet.
pub(super) fn is_in(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(OPEN),
        Value::Array(items) => items.iter().any(is_in),
        Value::Object(members) => members.values().any(is_in),
        _ => false,
    }
}

/// The same value for people's eyes.
pub(in crate::deploy) fn readable(value: Value) -> Value {
    let shown = |of: &str, output: &str| Ok(written(of, output));
    if is_in(&value) { map(&value, &shown).unwrap_or(value) } else { value }
}

/// How a place looks to people.
fn written(of: &str, output: &str) -> String {
    match of.split_once(' ') {
        Some((kind, name)) if kind != Kind::Stack.word() => format!("${{{name}.{output}}}"),
        _ => format!("${{stack.{output}}}"),
    }
}

/// The things a text waits for.
pub(super) fn keys(text: &str) -> Vec<Key> {
    let places = text.split(OPEN).skip(1).filter_map(|from| from.split_once(CLOSE));
    let key = |(place, _): (&str, &str)| {
        let (kind, rest) = place.split_once(' ')?;
        let kind = Kind::ALL.into_iter().find(|each| each.word() == kind)?;
        Some(Key::new(kind, rest.split_once(' ')?.0))
    };
    places.filter_map(key).collect()
}

/// The outputs of what stays as it is, or keeps them.
pub(super) fn standing(blueprint: &Blueprint, found: &Found<Any>) -> Values {
    let pairs = || {
        let live = |wanted: &Any| found.ours.iter().find(|live| live.key() == wanted.key());
        blueprint.resources.iter().filter_map(move |wanted| Some((wanted, live(wanted)?)))
    };
    let mut known = Values::new();
    // A pool that changes keeps its id.
    for (wanted, live) in pairs() {
        if let (Any::UserPool(wanted), Any::UserPool(live)) = (wanted, live) {
            known.insert(thing(&wanted.key()), wanted.kept_of(live));
        }
    }
    // What a stack is told may be the id of a pool.
    for (wanted, live) in pairs() {
        let Any::Stack(stack) = live else { continue };
        let settled = settle(wanted, &known).ok().flatten();
        if same(settled.as_ref().unwrap_or(wanted), live) {
            known.insert(thing(&live.key()), stack.outputs.clone());
        }
    }
    known
}

/// The resource with every place filled in whose value is known; `None` when it has none.
///
/// # Errors
/// The thing is known and has no such output.
pub(super) fn settle(resource: &Any, known: &Values) -> Result<Option<Any>> {
    let value = |of: &str, output: &str| {
        let Some(outputs) = known.get(of) else { return Ok(format!("{OPEN}{of} {output}{CLOSE}")) };
        match outputs.get(output) {
            Some(value) => Ok(value.clone()),
            // Of a pool the config knows what there is: it is on its way.
            None if of.starts_with(Kind::UserPool.word()) => Ok(format!("{OPEN}{of} {output}{CLOSE}")),
            None => Err(missing(of, output, outputs)),
        }
    };
    match resource {
        Any::Function(function) if function.settings.env.values().any(|value| value.contains(OPEN)) => {
            let mut function: Function = function.clone();
            for text in function.settings.env.values_mut() {
                *text = fill(text, &value)?;
            }
            Ok(Some(Any::Function(function)))
        }
        Any::StateMachine(machine) if is_in(&machine.definition) => {
            let mut machine = machine.clone();
            machine.definition = map(&machine.definition, &value)?;
            Ok(Some(Any::StateMachine(machine)))
        }
        Any::Stack(stack) if stack.parameters.values().any(|value| value.contains(OPEN)) => {
            let filled = stack.parameters.iter().map(|(name, text)| Ok((name.clone(), fill(text, &value)?)));
            Ok(Some(Any::Stack(stack.with_parameters(filled.collect::<Result<_>>()?))))
        }
        Any::Role(role) if is_in(&role.policy) => {
            let mut role = role.clone();
            role.policy = map(&role.policy, &value)?;
            Ok(Some(Any::Role(role)))
        }
        _ => Ok(None),
    }
}

/// The resources with everything filled in that this run has learned: what a release remembers.
pub(crate) fn settled(cloud: &Cloud, resources: &[Any]) -> Vec<Any> {
    let known = cloud.outputs.all();
    let settled = |any: &Any| settle(any, &known).ok().flatten().unwrap_or_else(|| any.clone());
    resources.iter().map(settled).collect()
}

/// What was decided of a resource while it was made so with its places filled in is decided of the one in the plan.
pub(super) fn hand_back(planned: &Any, settled: &Any) {
    if let (Any::Function(to), Any::Function(from)) = (planned, settled) {
        let (to, from) = (&to.decided, &from.decided);
        for (to, from) in [(&to.version, &from.version), (&to.live, &from.live), (&to.url, &from.url)] {
            if let Some(value) = from.get() {
                let _ = to.set(value.clone());
            }
        }
        if let Some(mode) = from.mode.get() {
            let _ = to.mode.set(*mode);
        }
    }
}

fn missing(of: &str, output: &str, outputs: &BTreeMap<String, String>) -> Error {
    let (kind, name) = of.split_once(' ').unwrap_or(("", of));
    let all: Vec<&str> = outputs.keys().map(String::as_str).collect();
    let there = if all.is_empty() { "it has none".to_owned() } else { format!("it has {}", all.join(", ")) };
    Error::usage(format!("the {kind} `{name}` has no output `{output}`; {there}"))
        .hint(format!("write another name in `${{stack.{output}}}`, or add it below `Outputs` in the template"))
}

/// A text with every place replaced by what `value` says of a thing's output.
fn fill(text: &str, value: &dyn Fn(&str, &str) -> Result<String>) -> Result<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(OPEN) {
        filled.push_str(before);
        let (place, after) = from.split_once(CLOSE).unwrap_or((from, ""));
        let (of, output) = place.rsplit_once(' ').unwrap_or((place, ""));
        filled.push_str(&value(of, output)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn map(value: &Value, with: &dyn Fn(&str, &str) -> Result<String>) -> Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(fill(text, with)?),
        Value::Array(items) => Value::Array(items.iter().map(|item| map(item, with)).collect::<Result<_>>()?),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| Ok((key.clone(), map(value, with)?)));
            Value::Object(members.collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stack() -> Key {
        Key::new(Kind::Stack, "shop-dev")
    }

    #[test]
    fn a_place_says_what_it_waits_for_and_is_filled_in() {
        let text = format!("arn:{}/*", place(&stack(), "Table"));
        assert_eq!(keys(&text), [stack()]);
        let (policy, plain) = (json!({"Statement": [{"Resource": text}]}), json!({"Resource": "arn"}));
        assert!(is_in(&policy) && !is_in(&plain));
        assert_eq!(readable(policy.clone())["Statement"][0]["Resource"], "arn:${stack.Table}/*");
        let known = |of: &str, output: &str| Ok(format!("<{of}|{output}>"));
        let filled = map(&policy, &known).expect("filled");
        assert_eq!(filled["Statement"][0]["Resource"], "arn:<stack shop-dev|Table>/*");
        assert!(keys("plain").is_empty());
    }

    #[test]
    fn an_output_that_is_not_there_is_told_with_those_that_are() {
        let outputs = BTreeMap::from([("Bucket".to_owned(), "b".to_owned()), ("Table".to_owned(), "t".to_owned())]);
        let error = missing(&thing(&stack()), "Tabel", &outputs);
        assert_eq!(error.message, "the stack `shop-dev` has no output `Tabel`; it has Bucket, Table");
    }
}
