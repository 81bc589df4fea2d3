//! Event patterns: which events a rule, a filter or a subscription is about.
//!
//! The language of `EventBridge`, which Lambda's filter criteria and others share: a pattern has the shape of the
//! events it is about, and lists at its ends say what a value may be ([`leaf`]). All members must fit, one
//! entry of a list is enough; members that lie in one element of an array must fit in the same element.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html>
//!
//! Other than AWS this takes wildcards of any complexity and numbers of any size.

mod leaf;

use std::borrow::Cow;

use serde_json::{Map, Value};

use self::leaf::Leaf;

/// A pattern that was read and can be applied.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Node);

#[derive(Debug, Clone)]
struct Node {
    members: Vec<(String, Wanted)>,
    /// Of each `$or`, one alternative must fit.
    alternatives: Vec<Vec<Node>>,
}

#[derive(Debug, Clone)]
enum Wanted {
    Below(Node),
    Any(Vec<Leaf>),
}

impl Pattern {
    /// Reads a pattern. The error says what is wrong with it, as the end of a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        Self::of(&value)
    }

    /// The same for a pattern that is JSON already.
    pub(crate) fn of(value: &Value) -> Result<Self, String> {
        let members = value.as_object().ok_or("it is not an object")?;
        Node::read(members).map(Self)
    }

    /// Whether the pattern is about this event.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.0.fits(Some(event))
    }

    /// Whether it asks for something below this member of the event, and not for the member's own value.
    pub(crate) fn looks_into(&self, member: &str) -> bool {
        self.0.looks_into(member)
    }
}

impl Node {
    fn read(given: &Map<String, Value>) -> Result<Self, String> {
        if given.is_empty() {
            return Err("it has an empty object".to_owned());
        }
        let mut node = Self { members: Vec::new(), alternatives: Vec::new() };
        for (name, value) in given {
            match value {
                Value::Array(list) if name == "$or" && list.len() > 1 && list.iter().all(Value::is_object) => {
                    let each = list.iter().filter_map(Value::as_object).map(Self::read);
                    node.alternatives.push(each.collect::<Result<_, _>>()?);
                }
                Value::Object(below) => node.members.push((name.clone(), Wanted::Below(Self::read(below)?))),
                Value::Array(list) if list.is_empty() => return Err(format!("the list of \"{name}\" is empty")),
                Value::Array(list) => {
                    let leaves = list.iter().map(Leaf::read).collect::<Result<_, _>>();
                    let leaves = leaves.map_err(|error: String| format!("\"{name}\": {error}"))?;
                    node.members.push((name.clone(), Wanted::Any(leaves)));
                }
                _ => return Err(format!("\"{name}\" must be an object or an array")),
            }
        }
        Ok(node)
    }

    fn fits(&self, event: Option<&Value>) -> bool {
        let members = match event {
            Some(Value::Array(list)) if !list.is_empty() => return list.iter().any(|one| self.fits(Some(one))),
            Some(Value::Object(members)) => Some(members),
            // Nothing here: only what must not exist can fit.
            _ => None,
        };
        let found = |name: &str| members.and_then(|members| look_up(members, name));
        self.members.iter().all(|(name, wanted)| match wanted {
            Wanted::Below(node) => node.fits(found(name).as_deref()),
            Wanted::Any(leaves) => fits_one(leaves, found(name).as_deref()),
        }) && self.alternatives.iter().all(|nodes| nodes.iter().any(|node| node.fits(event)))
    }

    fn looks_into(&self, member: &str) -> bool {
        let dotted = |name: &str| name.strip_prefix(member).is_some_and(|rest| rest.starts_with('.'));
        self.members.iter().any(|(name, wanted)| dotted(name) || (name == member && matches!(wanted, Wanted::Below(_))))
            || self.alternatives.iter().flatten().any(|node| node.looks_into(member))
    }
}

fn fits_one(leaves: &[Leaf], value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(list)) if !list.is_empty() => list.iter().any(|one| fits_one(leaves, Some(one))),
        // What has members, or no elements, is no value.
        None | Some(Value::Object(_) | Value::Array(_)) => leaves.iter().any(Leaf::fits_nothing),
        Some(value) => leaves.iter().any(|leaf| leaf.fits(value)),
    }
}

/// A member of an object. Dots join names, in patterns as in events: `{"a": {"b": 1}}` and `{"a.b": 1}` are one.
fn look_up<'a>(members: &'a Map<String, Value>, name: &str) -> Option<Cow<'a, Value>> {
    if let Some(found) = members.get(name) {
        return Some(Cow::Borrowed(found));
    }
    let split = name.match_indices('.').find_map(|(at, _)| {
        let below = members.get(&name[..at])?.as_object()?;
        look_up(below, &name[at + 1..])
    });
    if split.is_some() {
        return split;
    }
    let below: Map<String, Value> = members
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(name)?.strip_prefix('.')?.to_owned(), value.clone())))
        .collect();
    (!below.is_empty()).then(|| Cow::Owned(Value::Object(below)))
}

#[cfg(test)]
mod tests;
