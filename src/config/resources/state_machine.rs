//! `type: state_machine` — a Step Functions state machine, its definition in a file.
//!
//! `${Name}` in the definition is what `substitutions` says of it, as AWS SAM has it, or one of rzap's own words
//! (`${functions.NAME.arn}`, `${resources.NAME.url}`, `${stage}`). What a state machine is shown in plans, so nothing of
//! the environment may be in it.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html>

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::folder::stays_inside;
use crate::config::interpolate::{self, Outcome};
use crate::config::keys;
use crate::config::locate::Span;
use crate::config::policies;
use crate::config::raw::{Entry, Kind};
use crate::config::reference::Known;
use crate::config::suggest;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 5] = ["definition", "substitutions", "express", "log", "policies"];

/// As it stands in `resources:`.
pub(super) const TYPE: Type = Type {
    word: "state_machine",
    what: "a state machine",
    keys: &KEYS,
    attributes: &["name", "arn"],
    access: &["start"],
    read,
};

/// Bytes. <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const LARGEST: usize = 1_048_576;

/// As Step Functions calls them in capitals. <https://docs.aws.amazon.com/step-functions/latest/dg/cloudwatch-log-level.html>
const LEVELS: [&str; 4] = ["all", "error", "fatal", "off"];

/// A state machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StateMachine {
    /// Relative to the folder of `rzap.yaml`.
    #[serde(rename = "definition")]
    pub(crate) path: PathBuf,
    /// The definition, with all put in but for marked places; `null` when it could not be read.
    #[serde(skip)]
    pub(crate) body: Value,
    /// Short, many, and without a history: an express workflow.
    pub(crate) express: bool,
    /// What goes to its log, in capitals.
    pub(crate) log: String,
    /// IAM statements beyond calling the functions of the definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) policies: Vec<Value>,
    /// ARNs, and names of AWS's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) managed_policies: Vec<String>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<ResourceConfig> {
    let at = fields.need(reader, "definition", "flow.asl.json")?;
    let path = reader.some_text(at)?;
    let express = fields.flag(reader, "express")?;
    let log = match fields.get("log") {
        Some(entry) => level(reader, entry)?,
        // An express workflow has no other history than its log.
        None => if express { "ERROR" } else { "OFF" }.to_owned(),
    };
    with_resources(reader, others, |reader| {
        let substitutions =
            fields.get("substitutions").map_or(Some(BTreeMap::new()), |it| substitutions(reader, it))?;
        let said = match fields.get("policies") {
            Some(entry) => policies::read(reader, entry)?,
            None => policies::Policies::default(),
        };
        let body = body(reader, at, &path, &substitutions)?;
        let (policies, managed_policies) = (said.statements, said.managed);
        let path = PathBuf::from(path);
        Some(ResourceConfig::StateMachine(StateMachine { path, body, express, log, policies, managed_policies }))
    })
}

/// Reads where a text may speak of resources.
fn with_resources<T>(
    reader: &mut Reader<'_>,
    others: &Others<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Option<T> {
    let mut words = reader.words;
    (words.resources, words.outputs) = (Known::These(others), reader.outputs);
    let problems = std::mem::take(&mut reader.problems);
    let Reader { source, root, outputs, masked, .. } = *reader;
    let mut inner = Reader { source, root, words, outputs, problems, masked };
    let read = read(&mut inner);
    reader.problems = inner.problems;
    read
}

fn level(reader: &mut Reader<'_>, entry: &Entry) -> Option<String> {
    let text = reader.spelling(&entry.key, &entry.value)?.value;
    if LEVELS.contains(&text.as_str()) {
        return Some(text.to_uppercase());
    }
    let label = suggest::did_you_mean(&text, LEVELS, || format!("there is {}", suggest::list(&LEVELS)));
    reader.problem(&entry.value.span, format!("unknown log level `{text}`"), label);
    None
}

fn substitutions(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeMap<String, String>> {
    let map = keys::map_of(entry, "a map of names and texts", &mut reader.problems)?;
    let mut read = BTreeMap::new();
    for Entry { key, value, .. } in &map.0 {
        let filled = reader.spelling(key, value)?;
        // What is shown has every other word spelt out, or is a reference to a resource.
        if let Kind::Text(text) = &value.kind
            && interpolate::variables(text).next().is_some()
        {
            let label = "plans show definitions: give it to a function, or keep it in a secret";
            reader.problem(&value.span, "`${env.…}` cannot stand here", label);
        }
        read.insert(key.clone(), filled.value);
    }
    Some(read)
}

/// The definition with everything put in. A file that is not there is reported and `null`.
fn body(reader: &mut Reader<'_>, at: &Entry, path: &str, substitutions: &BTreeMap<String, String>) -> Option<Value> {
    let span = &at.value.span;
    if !stays_inside(path) {
        let title = format!("`{path}` is not inside the project");
        reader.problem(span, title, "write a path relative to `rzap.yaml`, without `..`");
        return None;
    }
    let text = match std::fs::read_to_string(reader.root.join(path)) {
        Ok(text) => text,
        Err(error) => {
            reader.problem_on_disk(span, format!("cannot read `{path}`"), error.to_string());
            return Some(Value::Null);
        }
    };
    let is_json = std::path::Path::new(path).extension().is_some_and(|it| it.eq_ignore_ascii_case("json"));
    let text = put_in(reader, span, &text, (substitutions, is_json))?;
    let parsed = if is_json {
        serde_json::from_str::<Value>(&text).map_err(|error| error.to_string())
    } else {
        serde_yaml::from_str::<Value>(&text).map_err(|error| error.to_string())
    };
    let body = match parsed {
        Ok(body) => body,
        Err(error) => {
            let why = error.lines().next().unwrap_or_default().to_owned();
            reader.problem_on_disk(span, format!("`{path}` cannot be read as {}", kind(is_json)), why);
            return Some(Value::Null);
        }
    };
    if !body["States"].is_object() || !body["StartAt"].is_string() {
        let label = "it has `StartAt` and `States`, in the Amazon States Language";
        reader.problem_on_disk(span, format!("`{path}` is no definition of a state machine"), label);
    } else if text.len() > LARGEST {
        reader.problem_on_disk(span, format!("`{path}` is too large"), "Step Functions allows 1 MiB");
    }
    Some(body)
}

fn kind(is_json: bool) -> &'static str {
    if is_json { "JSON" } else { "YAML" }
}

/// The text with every `${…}` replaced: substitutions first, so that one may be a bare number in JSON.
fn put_in(
    reader: &mut Reader<'_>,
    span: &Span,
    text: &str,
    (substitutions, is_json): (&BTreeMap<String, String>, bool),
) -> Option<String> {
    let mut text = text.to_owned();
    for (name, value) in substitutions {
        let value = if is_json { escaped(value) } else { value.clone() };
        text = text.replace(&format!("${{{name}}}"), &value);
    }
    if let Some(variable) = interpolate::variables(&text).next() {
        let title = format!("the definition speaks of `${{env.{variable}}}`");
        reader.problem_on_disk(span, title, "plans show definitions: give it to a function instead");
        return None;
    }
    match interpolate::fill(&text, reader.words) {
        Outcome::Filled(filled) => Some(filled.value),
        Outcome::Later => None,
        Outcome::Faults(faults) => {
            for fault in faults {
                let known: Vec<&str> = substitutions.keys().map(String::as_str).collect();
                let name = fault.part.trim_start_matches("${").trim_end_matches('}');
                let label = match suggest::nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `${{{near}}}`?"),
                    None if name.contains('.') => fault.label,
                    None => "name it in `substitutions`, or write `$${…}` for the text itself".to_owned(),
                };
                reader.problem_on_disk(
                    span,
                    format!("the definition speaks of `{}`: {}", fault.part, fault.title),
                    label,
                );
            }
            None
        }
    }
}

/// As it stands between the quotes of JSON.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
