//! `cloudformation: template.yaml` — what rzap has no word for, in a `CloudFormation` stack beside the functions.
//!
//! The template is sent as it is and never looked into: what is right in one `CloudFormation` says. Of what several
//! places say, the strongest template and capabilities count; parameters are merged by name, as `env` is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fields::Fields;
use super::folder::stays_inside;
use super::keys;
use super::raw::{Entry, Kind, Map, Node};
use super::reference::Known;
use super::resources::Others;
use super::suggest;
use super::values::Reader;

const KEYS: [&str; 3] = ["template", "parameters", "capabilities"];

/// Bytes. <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const LARGEST: usize = 1_048_576;

/// What a template has to be allowed, and how AWS calls it.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
const CAPABILITIES: [(&str, &str); 3] =
    [("iam", "CAPABILITY_IAM"), ("named_iam", "CAPABILITY_NAMED_IAM"), ("auto_expand", "CAPABILITY_AUTO_EXPAND")];

/// The template of the stage's own stack, and what it is given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Template {
    /// Relative to the folder of `rzap.yaml`.
    #[serde(rename = "template")]
    pub(crate) path: PathBuf,
    /// Its text as it is; at most 1 MiB.
    #[serde(skip)]
    pub(crate) body: String,
    /// By name. They may be secrets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, String>,
    /// As AWS calls them: `CAPABILITY_IAM`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) capabilities: Vec<String>,
}

/// Reads it from the places that speak of it, weakest first; `None` when there is none or it is wrong.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    root: &Path,
    places: &[&'a Entry],
    others: &'a Others<'a>,
) -> Option<Template> {
    let first = places.first()?;
    let mut maps: Vec<&Map> = Vec::new();
    let mut short = None;
    for place in places {
        match &place.value.kind {
            Kind::Map(map) => {
                maps.push(map);
                short = map.get("template").or(short);
            }
            Kind::Text(_) => short = Some(*place),
            _ => reader.wrong_type(&place.key, &place.value, "the path of a template, or a map with `template`"),
        }
    }
    let fields = Fields::new(reader, "`cloudformation`", &first.key_span, maps.clone(), &KEYS);
    let Some(at) = short else {
        fields.need(reader, "template", "template.yaml");
        return None;
    };
    let template = reader.some_text(at)?;
    let body = body(reader, root, at, &template);
    let parameters = parameters(reader, &maps, others);
    let capabilities = fields.get("capabilities").map(|entry| capabilities(reader, entry)).unwrap_or_default();
    Some(Template { path: PathBuf::from(template), body: body?, parameters, capabilities })
}

/// The text of the template; empty when it is not there, which is reported.
fn body(reader: &mut Reader<'_>, root: &Path, at: &Entry, template: &str) -> Option<String> {
    let span = &at.value.span;
    if !stays_inside(template) {
        let title = format!("`{template}` is not inside the project");
        reader.problem(span, title, "write a path relative to `rzap.yaml`, without `..`");
        return None;
    }
    let text = match std::fs::read(root.join(template)).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            reader.problem_on_disk(span, format!("`{template}` is not UTF-8"), "save it as UTF-8");
            String::new()
        }
        Err(error) => {
            reader.problem_on_disk(span, format!("cannot read `{template}`"), error.to_string());
            String::new()
        }
    };
    if text.len() > LARGEST {
        let title = format!("`{template}` is larger than CloudFormation allows");
        reader.problem_on_disk(span, title, "at most 1 MiB: put a part of it into a nested stack");
    }
    Some(text)
}

/// All that is said of them, the stronger over the weaker; an empty value takes one away.
fn parameters<'a>(reader: &mut Reader<'a>, maps: &[&'a Map], others: &'a Others<'a>) -> BTreeMap<String, String> {
    let mut merged = BTreeMap::new();
    reader.words.resources = Known::These(others);
    for entry in maps.iter().filter_map(|map| map.get("parameters")) {
        let Some(map) = keys::map_of(entry, "a map of parameters", &mut reader.problems) else { continue };
        for Entry { key, value, .. } in &map.0 {
            let read = match &value.kind {
                Kind::Null => {
                    merged.remove(key);
                    continue;
                }
                // As CloudFormation has lists.
                Kind::List(items) => items.iter().map(|item| spelling(reader, key, item)).collect::<Option<Vec<_>>>(),
                _ => spelling(reader, key, value).map(|one| vec![one]),
            };
            if let Some(read) = read {
                merged.insert(key.clone(), read.join(","));
            }
        }
    }
    reader.words.resources = Known::Refused;
    merged
}

fn spelling(reader: &mut Reader<'_>, key: &str, node: &Node) -> Option<String> {
    let filled = reader.spelling(key, node)?;
    Some(reader.free_text(filled))
}

fn capabilities(reader: &mut Reader<'_>, entry: &Entry) -> Vec<String> {
    let said = reader.texts(entry).unwrap_or_default();
    let words = CAPABILITIES.map(|(word, _)| word);
    let known = |said: &String| {
        let found = CAPABILITIES.iter().find(|(word, aws)| said == word || said == aws);
        if found.is_none() {
            let label = suggest::did_you_mean(said, words, || format!("there is {}", suggest::list(&words)));
            reader.problem(&entry.value.span, format!("unknown capability `{said}`"), label);
        }
        found.map(|(_, aws)| (*aws).to_owned())
    };
    said.iter().filter_map(known).collect()
}
