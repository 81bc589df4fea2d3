//! Parameters of the Query protocol as the structure they stand for: `A.member.2.B=x` is member `B` of the
//! second item of the list `A`, and `A.entry.1.key=k` with `A.entry.1.value=v` is an entry of the map `A`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::unreadable;
use crate::local::wire::{Fault, Request, parse_query};

/// Deeper than any input.
const MAX_DEPTH: usize = 32;

/// A parameter's value and what is below its name.
#[derive(Debug, Default)]
struct Node {
    text: Option<String>,
    below: BTreeMap<String, Node>,
}

/// The operation and its input: every plain value is a string.
pub(super) fn read(request: &Request) -> Result<(String, Value), Fault> {
    let body = String::from_utf8_lossy(&request.body);
    let mut root = Node::default();
    for (name, text) in request.query().into_iter().chain(parse_query(&body)) {
        if name.split('.').count() > MAX_DEPTH {
            return Err(unreadable("a parameter is nested too deeply"));
        }
        let node = name.split('.').fold(&mut root, |node, part| node.below.entry(part.to_owned()).or_default());
        node.text = Some(text);
    }
    let operation = root.below.remove("Action").and_then(|node| node.text).unwrap_or_default();
    root.below.remove("Version");
    Ok((operation, root.into_structure()))
}

impl Node {
    fn into_structure(self) -> Value {
        Value::Object(self.below.into_iter().map(|(name, node)| (name, node.into_value())).collect())
    }

    fn into_value(mut self) -> Value {
        if self.below.is_empty() {
            return self.text.unwrap_or_default().into();
        }
        let only = self.below.len() == 1;
        if only && let Some(items) = self.below.remove("member") {
            return items.into_items().into_iter().map(Self::into_value).collect();
        }
        if only && let Some(entries) = self.below.remove("entry") {
            let entry = |mut node: Self| {
                // SNS writes its message attributes with capitals, and says so in its model.
                let mut part = |names: [&str; 2]| names.iter().find_map(|name| node.below.remove(*name));
                Some((part(["key", "Name"])?.text?, part(["value", "Value"])?.into_value()))
            };
            return Value::Object(entries.into_items().into_iter().filter_map(entry).collect::<Map<_, _>>());
        }
        self.into_structure()
    }

    /// What is below numbers, in their order.
    fn into_items(self) -> Vec<Self> {
        let numbered = self.below.into_iter().filter_map(|(number, node)| Some((number.parse::<u32>().ok()?, node)));
        numbered.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}
