//! The members of a request, checked the way the service model says.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::model::{DEFAULT, Place, bus_of, no_bus};
use crate::local::wire::Fault;

/// A request's JSON document and the region it was sent to.
pub(super) struct Input<'a> {
    document: Value,
    pub(super) region: &'a str,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

impl<'a> Input<'a> {
    pub(super) fn new(document: Value, region: &'a str) -> Self {
        Self { document, region }
    }

    /// A member that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.document.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| unreadable(name))).transpose()
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name)?.ok_or_else(|| null(&camel(name)))
    }

    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        self.get(name).map(|value| serde_json::from_value(value.clone()).map_err(|_| unreadable(name))).transpose()
    }

    /// Refuses members that are known and do nothing here.
    pub(super) fn without(&self, names: &[&str]) -> Result<(), Fault> {
        match names.iter().find(|name| self.get(name).is_some()) {
            Some(name) => Err(Fault::unsupported("EventBridge", name)),
            None => Ok(()),
        }
    }

    /// A name of a bus (`slashes`) or a rule in `member`, well-formed.
    pub(super) fn name(&self, member: &str, most: usize, slashes: bool) -> Result<&str, Fault> {
        let name = self.required(member)?;
        let (length, member) = (name.chars().count(), camel(member));
        if length == 0 || length > most {
            let bound = if length == 0 { "greater than or equal to 1" } else { "less than or equal to" };
            let most = if length == 0 { String::new() } else { format!(" {most}") };
            return Err(constraint(name, &member, &format!("Member must have length {bound}{most}")));
        }
        if name.chars().all(|one| one.is_ascii_alphanumeric() || ".-_".contains(one) || (slashes && one == '/')) {
            return Ok(name);
        }
        let set = if slashes { r"[/\.\-_A-Za-z0-9]+" } else { r"[\.\-_A-Za-z0-9]+" };
        Err(constraint(name, &member, &format!("Member must satisfy regular expression pattern: {set}")))
    }

    /// `EventBusName`, a name or an ARN; `default` when nobody says.
    pub(super) fn bus(&self) -> Result<String, Fault> {
        bus_name(self.text("EventBusName")?, self.region)
    }

    /// The rule named in `member` on the bus of the request.
    pub(super) fn rule(&self, member: &str) -> Result<Place, Fault> {
        let rule = self.name(member, 64, false)?.to_owned();
        Ok(Place { region: self.region.to_owned(), bus: self.bus()?, rule })
    }

    pub(super) fn tags(&self) -> Result<BTreeMap<String, String>, Fault> {
        let tags: Vec<Tag> = self.read("Tags")?.unwrap_or_default();
        let mut map = BTreeMap::new();
        for Tag { key, value } in tags {
            if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
                return Err(constraint(&key, "tags.member.key", "Member must have length less than or equal to 128"));
            }
            if key.to_ascii_lowercase().starts_with("aws:") {
                return Err(invalid(format!("Tag key {key} is reserved.")));
            }
            map.insert(key, value);
        }
        Ok(map)
    }

    /// One page of `items` by their names: `Limit` and `NextToken` in, `NextToken` out.
    pub(super) fn page(&self, member: &str, items: Vec<(String, Value)>) -> Result<Value, Fault> {
        let most: i64 = self.read("Limit")?.unwrap_or(100);
        if !(1..=100).contains(&most) {
            let rule = "Member must have value less than or equal to 100";
            return Err(constraint(&most.to_string(), "limit", rule));
        }
        let most = usize::try_from(most).unwrap_or(100);
        let after = self.text("NextToken")?.map(|token| {
            let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            name.ok_or_else(|| invalid("The NextToken is invalid."))
        });
        let after = after.transpose()?;
        let mut items: Vec<_> =
            items.into_iter().filter(|(name, _)| after.as_ref().is_none_or(|after| name > after)).collect();
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = items.len() > most;
        items.truncate(most);
        let mut page = Map::new();
        if let Some((last, _)) = items.last().filter(|_| more) {
            page.insert("NextToken".into(), URL_SAFE_NO_PAD.encode(last).into());
        }
        page.insert(member.to_owned(), items.into_iter().map(|(_, item)| item).collect());
        Ok(page.into())
    }
}

/// The name of a bus that was named or not, by its name or its ARN.
pub(super) fn bus_name(given: Option<&str>, region: &str) -> Result<String, Fault> {
    match given {
        None => Ok(DEFAULT.to_owned()),
        // Another account or region: nothing there is known here.
        Some(arn) if arn.starts_with("arn:") => match bus_of(arn) {
            Some((there, name)) if there == region => Ok(name),
            _ => Err(no_bus(arn)),
        },
        Some(name) => Ok(name.to_owned()),
    }
}

/// `ValidationException`
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationException", message)
}

pub(super) fn constraint(value: &str, member: &str, rule: &str) -> Fault {
    invalid(format!("1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"))
}

fn null(member: &str) -> Fault {
    let rule = "failed to satisfy constraint: Member must not be null";
    invalid(format!("1 validation error detected: Value null at '{member}' {rule}"))
}

fn unreadable(member: &str) -> Fault {
    Fault::new(400, "SerializationException", format!("{member} cannot be read"))
}

fn camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
