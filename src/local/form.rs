//! The Query protocol of IAM and STS: parameters in, `<ActionResponse>` out, the latter for SQS too.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html>

use std::collections::BTreeMap;

use super::wire::{Fault, Reply, Request, parse_query};
use super::xml::Element;

/// The parameters of one call.
#[derive(Debug)]
pub(crate) struct Form {
    values: BTreeMap<String, String>,
}

impl Form {
    /// From the body, and the query for a call by GET.
    pub(crate) fn read(request: &Request) -> Self {
        let body = String::from_utf8_lossy(&request.body);
        Self { values: request.query().into_iter().chain(parse_query(&body)).collect() }
    }

    /// The operation's name, empty when there is none.
    pub(crate) fn action(&self) -> &str {
        self.get("Action").unwrap_or_default()
    }

    /// A parameter as it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A parameter the operation cannot do without.
    pub(crate) fn require(&self, name: &str) -> Result<&str, Fault> {
        self.get(name).ok_or_else(|| {
            invalid(format!("1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"))
        })
    }

    /// A whole number within `range`.
    pub(crate) fn number(&self, name: &str, range: std::ops::RangeInclusive<u32>) -> Result<Option<u32>, Fault> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(invalid(format!(
                "1 validation error detected: Value '{text}' at '{name}' failed to satisfy constraint: Member must have value between {} and {}",
                range.start(),
                range.end(),
            ))),
        }
    }

    /// `Name.member.1`, `Name.member.2`, … each with the parameters below it (`""` for a plain value).
    pub(crate) fn members(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let prefix = format!("{name}.member.");
        let mut members: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
        for (key, value) in &self.values {
            let Some(rest) = key.strip_prefix(&prefix) else { continue };
            let (number, field) = rest.split_once('.').unwrap_or((rest, ""));
            if let Ok(number) = number.parse() {
                members.entry(number).or_default().insert(field.to_owned(), value.clone());
            }
        }
        members.into_values().collect()
    }
}

/// The fault of a parameter that breaks a constraint.
pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationError", message)
}

/// `<{action}Response><{action}Result>…</…><ResponseMetadata>…`; without a result element when `result` is `None`.
pub(crate) fn respond(action: &str, namespace: &str, request_id: &str, result: Option<Vec<Element>>) -> Reply {
    let mut children: Vec<Element> =
        result.map(|result| Element::new(format!("{action}Result"), result)).into_iter().collect();
    children.push(Element::new("ResponseMetadata", vec![Element::leaf("RequestId", request_id)]));
    Reply::xml(200, Element::new(format!("{action}Response"), children).document(namespace))
}
