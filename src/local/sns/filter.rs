//! Filter policies: which messages a subscription is about.
//!
//! The language is that of event patterns, on a message's attributes or on its body. Of the attributes only text,
//! lists of text and numbers count.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html>

use serde_json::{Map, Value};

use super::invalid;
use super::message::Published;
use crate::local::event_pattern::Pattern;
use crate::local::sqs::{Attribute, Content};
use crate::local::wire::Fault;

/// <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>
const MOST_KEYS: usize = 5;
const MOST_COMBINATIONS: usize = 150;

/// A policy that can be applied.
#[derive(Debug)]
pub(super) struct Filter {
    pattern: Pattern,
    body: bool,
}

impl Filter {
    pub(super) fn read(text: &str, body: bool) -> Result<Self, Fault> {
        let wrong = |what: &str| invalid(format!("FilterPolicy: {what}"));
        let policy: Value = serde_json::from_str(text).map_err(|_| wrong("failed to parse JSON."))?;
        let members = policy.as_object().ok_or_else(|| wrong("Filter policy is not a JSON object"))?;
        if keys(&policy) > MOST_KEYS {
            return Err(wrong("Filter policy can not have more than 5 keys"));
        }
        if combinations(&policy) > MOST_COMBINATIONS {
            return Err(wrong("Filter policy is too complex"));
        }
        let nested = members.iter().any(|(_, value)| value.is_object());
        if nested && !body {
            return Err(wrong("Filter policy scope MessageAttributes does not support nested filter policy"));
        }
        let pattern = Pattern::of(&policy).map_err(|fault| wrong(&fault))?;
        Ok(Self { pattern, body })
    }

    /// Whether a message is for the subscription. A body that is no JSON object is for none that looks at it.
    pub(super) fn lets_through(&self, published: &Published, message: &str) -> bool {
        let event = if self.body {
            serde_json::from_str(message).ok().filter(Value::is_object)
        } else {
            Some(Value::Object(published.attributes.iter().filter_map(value).collect::<Map<_, _>>()))
        };
        event.is_some_and(|event| self.pattern.matches(&event))
    }
}

fn value((name, attribute): (&String, &Attribute)) -> Option<(String, Value)> {
    let Content::Text(text) = &attribute.value else { return None };
    let value = match attribute.kind.as_str() {
        "String.Array" => serde_json::from_str(text).ok()?,
        "Number" => serde_json::from_str(text.trim()).ok().filter(Value::is_number)?,
        _ => Value::from(text.as_str()),
    };
    Some((name.clone(), value))
}

/// Members with values, at any depth.
fn keys(policy: &Value) -> usize {
    let members = policy.as_object().into_iter().flatten();
    members
        .map(|(name, value)| match value {
            Value::Array(several) if name == "$or" => several.iter().map(keys).sum(),
            Value::Object(_) => keys(value),
            _ => 1,
        })
        .sum()
}

/// The values of each key, multiplied.
fn combinations(policy: &Value) -> usize {
    let members = policy.as_object().into_iter().flatten();
    members
        .map(|(name, value)| match value {
            Value::Array(several) if name == "$or" => several.iter().map(combinations).sum(),
            Value::Array(values) => values.len(),
            Value::Object(_) => combinations(value),
            _ => 1,
        })
        .fold(1_usize, usize::saturating_mul)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn published(attributes: &[(&str, &str, &str)]) -> Published {
        let attribute = |(name, kind, text): &(&str, &str, &str)| {
            let value = Attribute { kind: (*kind).to_owned(), value: Content::Text((*text).to_owned()) };
            ((*name).to_owned(), value)
        };
        Published { attributes: attributes.iter().map(attribute).collect(), ..Published::default() }
    }

    #[test]
    fn attributes_decide() {
        let fits = |policy: &str, attributes: &[(&str, &str, &str)]| {
            Filter::read(policy, false).unwrap().lets_through(&published(attributes), "")
        };
        let sport = r#"{"interests": ["rugby", {"prefix": "ten"}]}"#;
        assert!(fits(sport, &[("interests", "String", "rugby")]));
        assert!(fits(sport, &[("interests", "String.Array", r#"["chess", "tennis"]"#)]));
        assert!(!fits(sport, &[("interests", "String", "chess")]));
        assert!(!fits(sport, &[]), "what is not there does not fit");
        let price = r#"{"price": [{"numeric": [">", 100, "<=", 200]}], "kind": [{"anything-but": ["gift"]}]}"#;
        assert!(fits(price, &[("price", "Number", "150.5"), ("kind", "String", "sale")]));
        assert!(!fits(price, &[("price", "String", "150.5"), ("kind", "String", "sale")]));
        assert!(!fits(price, &[("price", "Number", "150"), ("kind", "String", "gift")]));
        assert!(fits(r#"{"store": [{"exists": false}]}"#, &[("price", "Number", "1")]));
    }

    #[test]
    fn the_body_decides() {
        let filter =
            Filter::read(r#"{"order": {"kind": ["book"], "total": [{"numeric": [">=", 10]}]}}"#, true).unwrap();
        let fits = |body: &str| filter.lets_through(&Published::default(), body);
        assert!(fits(r#"{"order": {"kind": "book", "total": 12}}"#));
        assert!(!fits(r#"{"order": {"kind": "book", "total": 2}}"#));
        assert!(!fits("plain text") && !fits("[1]"));
    }

    #[test]
    fn a_policy_is_checked() {
        let refused = |policy: &str| Filter::read(policy, false).unwrap_err().message;
        assert!(refused("nope").contains("failed to parse JSON"));
        assert!(refused(r#"{"a": {"b": ["c"]}}"#).contains("does not support nested"));
        assert!(refused(r#"{"a": [{"near": 1}]}"#).contains("no operator"));
        assert!(refused(r#"{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}"#).contains("more than 5 keys"));
        assert!(refused(&format!(r#"{{"a":{0},"b":{0}}}"#, "[1,2,3,4,5,6,7,8,9,10,11,12,13]")).contains("too complex"));
    }
}
