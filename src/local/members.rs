//! The members of a JSON request, checked the way a service model says: there, of the right type, in range.
//!
//! For services whose model's faults are a `ValidationException`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::wire::Fault;

/// A request's JSON document and the region it was sent to.
pub(crate) struct Members {
    document: Value,
    pub(crate) region: String,
}

impl Members {
    pub(crate) fn new(document: Value, region: &str) -> Self {
        Self { document, region: region.to_owned() }
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.document.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong_type(name, "a string"))).transpose()
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Fault> {
        match self.text(name)? {
            None => Err(constraint("null", name, "Member must not be null")),
            Some("") => Err(constraint("''", name, "Member must have length greater than or equal to 1")),
            Some(text) => Ok(text),
        }
    }

    /// `false` when it is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Fault> {
        self.get(name).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| wrong_type(name, "a boolean")))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Fault> {
        self.get(name).map(|value| value.as_i64().ok_or_else(|| wrong_type(name, "an integer"))).transpose()
    }

    /// How many to answer with.
    pub(crate) fn limit(&self, name: &str, range: &RangeInclusive<i64>, default: usize) -> Result<usize, Fault> {
        let Some(number) = self.number(name)? else { return Ok(default) };
        if range.contains(&number) {
            return Ok(usize::try_from(number).unwrap_or(default));
        }
        let (words, bound) = if number < *range.start() { ("greater", range.start()) } else { ("less", range.end()) };
        let rule = format!("Member must have value {words} than or equal to {bound}");
        Err(constraint(&format!("'{number}'"), name, &rule))
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        serde_json::from_value(value.clone()).map(Some).map_err(|_| wrong_type(name, "a list of strings"))
    }

    /// A list of structures; empty when it is not there.
    pub(crate) fn list(&self, name: &str) -> Result<&[Value], Fault> {
        let Some(value) = self.get(name) else { return Ok(&[]) };
        value.as_array().map(Vec::as_slice).ok_or_else(|| wrong_type(name, "a list"))
    }

    /// `Tags`: a list of keys and values.
    pub(crate) fn tags(&self) -> Result<BTreeMap<String, String>, Fault> {
        let text = |tag: &Value, name: &str| tag[name].as_str().map(str::to_owned);
        let tags = self.list("Tags")?.iter();
        tags.map(|tag| Some((text(tag, "Key")?, text(tag, "Value").unwrap_or_default())))
            .collect::<Option<_>>()
            .ok_or_else(|| wrong_type("Tags", "a list of keys and values"))
    }

    /// Where a page begins: after the item of this name.
    pub(crate) fn after(&self) -> Result<Option<String>, Fault> {
        let Some(token) = self.text("NextToken")? else { return Ok(None) };
        let bytes = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let invalid = || Fault::new(400, "InvalidNextToken", "The specified token isn't valid.");
        bytes.map(Some).ok_or_else(invalid)
    }
}

/// The first `limit` of the items that come after `after`, and the token for the rest. The items are in the order of
/// their names.
pub(crate) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    after: Option<&str>,
    limit: usize,
) -> (Vec<T>, Option<String>) {
    let mut rest = items.filter(|(name, _)| after.is_none_or(|after| *name > after));
    let mut page = Vec::new();
    let mut last = "";
    for (name, item) in rest.by_ref().take(limit) {
        page.push(item);
        last = name;
    }
    (page, rest.next().map(|_| STANDARD.encode(last)))
}

pub(crate) fn constraint(value: &str, member: &str, rule: &str) -> Fault {
    let mut letters = member.chars();
    let member: String = letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
    invalid(format!("1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {rule}"))
}

pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationException", message)
}

fn wrong_type(member: &str, wanted: &str) -> Fault {
    Fault::new(400, "SerializationException", format!("{member} must be {wanted}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let names = ["a", "b", "c", "d", "e"];
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (some, token) = page(names.iter().map(|name| (*name, *name)), after.as_deref(), 2);
            seen.push(some);
            let Some(token) = token else { break };
            after = Members::new(serde_json::json!({ "NextToken": token }), "").after().unwrap();
        }
        assert_eq!(seen, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    }
}
