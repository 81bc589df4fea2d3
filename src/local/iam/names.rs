//! What IAM's parameters may look like: names, paths, tags, markers.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::form::{Form, invalid};
use super::super::wire::Fault;
use super::super::xml::Element;

/// `parameter` as a name of at most `max` characters of `[\w+=,.@-]`.
pub(super) fn name<'a>(form: &'a Form, parameter: &str, max: usize) -> Result<&'a str, Fault> {
    let name = form.require(parameter)?;
    let field = lower_first(parameter);
    if name.is_empty() || name.len() > max {
        let (bound, word) = if name.is_empty() { (1, "greater") } else { (max, "less") };
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at '{field}' failed to satisfy constraint: Member must have length {word} than or equal to {bound}"
        )));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(invalid(format!(
            "The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )));
    }
    Ok(name)
}

/// `Path`, `/` when it is not given: `/` or `/…/` of at most 512 printable characters.
pub(super) fn path(form: &Form) -> Result<String, Fault> {
    let path = form.get("Path").unwrap_or("/");
    let shaped = path == "/" || (path.len() > 2 && path.starts_with('/') && path.ends_with('/'));
    if !shaped || path.len() > 512 || !path.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Err(invalid(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        ));
    }
    Ok(path.to_owned())
}

/// `Tags.member.N`, checked; at most 50.
pub(super) fn tags(form: &Form) -> Result<BTreeMap<String, String>, Fault> {
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    for mut member in form.members("Tags") {
        let (Some(key), Some(value)) = (member.remove("Key"), member.remove("Value")) else {
            return Err(invalid("each of Tags must have a Key and a Value"));
        };
        let legal = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || !key.chars().chain(value.chars()).all(legal)
        {
            return Err(invalid(format!(
                "tag `{key}`: keys have 1 to 128 characters and values at most 256, of letters, digits, spaces and _.:/=+-@"
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Fault::new(400, "InvalidInput", "Tag keys must not begin with aws:"));
        }
        // IAM's tag keys are not case-sensitive.
        if tags.keys().any(|other| other.eq_ignore_ascii_case(&key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Fault::new(400, "InvalidInput", message));
        }
        tags.insert(key, value);
    }
    within_50(&tags)?;
    Ok(tags)
}

pub(super) fn within_50(tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    match tags.len() {
        ..=50 => Ok(()),
        count => {
            Err(Fault::new(409, "LimitExceeded", format!("Cannot exceed quota for TagsPerRole: 50, found {count}")))
        }
    }
}

/// `<Tags><member><Key/><Value/></member>…</Tags>`
pub(super) fn tag_elements<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Element {
    let member = |(key, value): (&String, &String)| {
        Element::new("member", vec![Element::leaf("Key", key), Element::leaf("Value", value)])
    };
    Element::new("Tags", tags.into_iter().map(member).collect())
}

/// One page of `items` (sorted by key), after `Marker` and of at most `MaxItems`: the list element
/// `name`, `IsTruncated`, and `Marker` when there is more.
pub(super) fn page<T>(
    form: &Form,
    name: &str,
    items: impl IntoIterator<Item = (String, T)>,
    show: impl Fn(T) -> Element,
) -> Result<Vec<Element>, Fault> {
    let limit = form.number("MaxItems", 1..=1_000)?.unwrap_or(100) as usize;
    let after = form.get("Marker").map(|marker| {
        STANDARD
            .decode(marker)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| invalid("Invalid Marker."))
    });
    let after = after.transpose()?;
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).peekable();
    let mut members = Vec::new();
    let mut last = String::new();
    while let Some((key, item)) = rest.next_if(|_| members.len() < limit) {
        members.push(show(item));
        last = key;
    }
    let more = rest.peek().is_some();
    let mut result = vec![Element::new(name, members), Element::leaf("IsTruncated", more.to_string())];
    if more {
        result.push(Element::leaf("Marker", STANDARD.encode(last)));
    }
    Ok(result)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}
