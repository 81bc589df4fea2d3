//! `${resources.NAME.ATTRIBUTE}` and `${stack.OUTPUT}`: what of the app's own resources a text may speak of.
//!
//! Which account and region a stage lives in the config does not know. So a reference is checked here and
//! stays in the text as a marked place, which whoever draws the blueprint fills in.

use super::resources::{self, Others};
use super::suggest;
use crate::error::Result;

/// Around a reference in a resolved text: characters that Unicode keeps out of any text.
const OPEN: char = '\u{FDD0}';
const CLOSE: char = '\u{FDD1}';

/// What stands for the companion stack where a resource's name would; no resource is called so.
pub(crate) const STACK: &str = "@stack";
/// What stands for the functions; their attribute is `NAME.arn`.
pub(crate) const FUNCTIONS: &str = "@functions";

/// Whether `${stack.…}` may stand in a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outputs {
    /// Not looked at while only the single values are checked.
    Later,
    /// Not in this place.
    Refused,
    /// The stage has no stack.
    None,
    /// Which there are only the stack knows.
    These,
}

/// What `${resources.…}` may name in a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known<'a> {
    /// Not looked at while only the single values are checked.
    Later,
    /// None: not in this place.
    Refused,
    These(&'a Others<'a>),
}

/// The marked place for `NAME.ATTRIBUTE`, `None` when that is not known yet; or what is wrong with it, as
/// title and label.
pub(super) fn mark(name: &str, known: Known<'_>) -> std::result::Result<Option<String>, (String, String)> {
    let resources = match known {
        Known::Later => return Ok(None),
        Known::Refused => {
            let label = "only `env` and `policies` may speak of resources".to_owned();
            return Err(("`${resources.…}` cannot stand here".to_owned(), label));
        }
        Known::These(resources) => resources,
    };
    let (name, attribute) = name.split_once('.').unwrap_or((name, ""));
    let Some(word) = resources.get(name) else { return Err(resources::missing(name, resources)) };
    let attributes = resources::type_of(word).map_or(&[][..], |kind| kind.attributes);
    if !attributes.iter().any(|known| is_one(known, attribute)) {
        let all = || format!("there is {}", suggest::list(attributes));
        let label = suggest::did_you_mean(attribute, attributes.iter().copied(), all);
        let title = match attribute {
            "" => format!("this does not say what of `{name}`"),
            _ => format!("`{name}` has no `{attribute}`"),
        };
        return Err((title, label));
    }
    Ok(Some(format!("{OPEN}{name}.{attribute}{CLOSE}")))
}

/// Whether an attribute is what a type calls it: for `clients.NAME.id` any name will do.
fn is_one(known: &str, attribute: &str) -> bool {
    match known.split_once("NAME") {
        None => known == attribute,
        Some((head, tail)) => {
            let name = attribute.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
            name.is_some_and(|name| !name.is_empty() && !name.contains('.'))
        }
    }
}

/// The marked place for `NAME.arn` of a function, as [`mark`] does it; it stands where a resource may.
pub(super) fn mark_function(
    name: &str,
    known: Known<'_>,
    functions: &[&str],
) -> std::result::Result<Option<String>, (String, String)> {
    match known {
        Known::Later => return Ok(None),
        Known::Refused => {
            let label = "only `env`, `policies` and definitions may speak of functions".to_owned();
            return Err(("`${functions.…}` cannot stand here".to_owned(), label));
        }
        Known::These(_) => {}
    }
    let (function, attribute) = name.split_once('.').unwrap_or((name, ""));
    if !functions.contains(&function) {
        let all = || format!("the app has {}", suggest::list(functions));
        let label = suggest::did_you_mean(function, functions.iter().copied(), all);
        return Err((format!("no function `{function}`"), label));
    }
    if attribute != "arn" {
        return Err((
            format!("this does not say what of `{function}`"),
            "there is `arn`, of its alias `live`".to_owned(),
        ));
    }
    Ok(Some(format!("{OPEN}{FUNCTIONS}.{name}{CLOSE}")))
}

/// The marked place for an output of the companion stack, `None` when that is not known yet; or what is wrong with
/// it, as title and label.
pub(super) fn mark_output(name: &str, outputs: Outputs) -> std::result::Result<Option<String>, (String, String)> {
    let wrong = |title: &str, label: &str| Err((title.to_owned(), label.to_owned()));
    match outputs {
        Outputs::Later => Ok(None),
        Outputs::Refused => {
            wrong("`${stack.…}` cannot stand here", "only `env` and `policies` may speak of the stack's outputs")
        }
        Outputs::None => {
            wrong("there is no stack to have outputs", "add `cloudformation: TEMPLATE`, whose stack has this output")
        }
        // <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html>
        Outputs::These if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            wrong("this is not the name of an output", "letters and digits, as below `Outputs` in the template")
        }
        Outputs::These => Ok(Some(format!("{OPEN}{STACK}.{name}{CLOSE}"))),
    }
}

/// What a text speaks of: names of resources, [`STACK`] or [`FUNCTIONS`], and what of each.
pub(crate) fn parts(text: &str) -> Vec<(&str, &str)> {
    let marked = text.split(OPEN).skip(1).filter_map(|from| from.split_once(CLOSE));
    marked.map(|(name, _)| name.split_once('.').unwrap_or((name, ""))).collect()
}

/// The text with every marked place replaced by what `value` says of a resource's attribute.
///
/// # Errors
/// The first of `value`'s.
pub(crate) fn fill(text: &str, value: impl Fn(&str, &str) -> Result<String>) -> Result<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(OPEN) {
        filled.push_str(before);
        let (name, after) = from.split_once(CLOSE).unwrap_or((from, ""));
        let (name, attribute) = name.split_once('.').unwrap_or((name, ""));
        filled.push_str(&value(name, attribute)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_places_are_filled_in() {
        let value = |name: &str, attribute: &str| Ok(format!("<{name}:{attribute}>"));
        let text = format!("a {OPEN}jobs.arn{CLOSE}/* {OPEN}up.name{CLOSE}");
        assert_eq!(fill(&text, value).expect("filled"), "a <jobs:arn>/* <up:name>");
        assert_eq!(fill("plain ${resources.jobs.arn}", value).expect("filled"), "plain ${resources.jobs.arn}");
    }
}
