//! `smoke:` — requests and invocations that have to succeed before traffic moves, and after.
//!
//! Owns the type and how it is written. The answers are judged in `deploy::smoke`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::locate::Span;
use super::precedence::Said;
use super::raw::{Entry, Kind, Map, Node};
use super::stage::FunctionConfig;
use super::suggest;
use super::values::Reader;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Smoke {
    Get(Get),
    Invoke(Invoke),
}

/// A request to a function that is reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Get {
    /// Below the function's own URL or its API's: begins with `/`, may have a query.
    pub(crate) path: String,
    /// The name in the config of a function with `http`.
    pub(crate) function: String,
    /// What it has to answer; without one anything below 400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// What the body has to contain. Maybe secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contains: Option<String>,
}

/// An invocation that has to end without an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Invoke {
    /// The name in the config.
    pub(crate) function: String,
    /// The event. Maybe secret.
    pub(crate) payload: Value,
    /// What the answer has to contain, as text. Maybe secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contains: Option<String>,
}

impl Smoke {
    /// The function it asks, by its name in the config.
    pub(crate) fn function(&self) -> &str {
        match self {
            Self::Get(get) => &get.function,
            Self::Invoke(invoke) => &invoke.function,
        }
    }
}

/// What was written, before anybody knows the functions.
struct Written<'a> {
    /// Where to point.
    span: &'a Span,
    function: Option<(String, &'a Span)>,
    what: What,
}

enum What {
    Get { path: String, status: Option<u16>, contains: Option<String> },
    Invoke { payload: Value, contains: Option<String> },
}

const LIKE: &str = "like `GET /health`, `{ get: /health, status: 200 }` or `{ invoke: worker, payload: {} }`";

/// The checks of a stage with these functions; what is wrong is reported.
pub(super) fn of_stage(
    reader: &mut Reader<'_>,
    said: &Said<'_>,
    functions: Option<&BTreeMap<String, FunctionConfig>>,
) -> Vec<Smoke> {
    let Some(written) = said.strongest("smoke").and_then(|entry| read(reader, entry)) else { return Vec::new() };
    let Some(functions) = functions else { return Vec::new() };
    written.into_iter().filter_map(|check| assign(reader, check, functions)).collect()
}

/// Looks at the checks alone.
pub(super) fn check(reader: &mut Reader<'_>, entry: &Entry) {
    drop(read(reader, entry));
}

fn read<'a>(reader: &mut Reader<'_>, entry: &'a Entry) -> Option<Vec<Written<'a>>> {
    let Kind::List(items) = &entry.value.kind else {
        reader.wrong_type("smoke", &entry.value, "a list of checks");
        return None;
    };
    let read: Vec<_> = items.iter().map(|item| one(reader, item)).collect();
    read.into_iter().collect()
}

fn one<'a>(reader: &mut Reader<'_>, node: &'a Node) -> Option<Written<'a>> {
    let Kind::Map(map) = &node.kind else {
        let Kind::Text(_) = &node.kind else {
            reader.wrong_type("smoke", node, "checks as text or maps");
            return None;
        };
        let text = reader.spelling("smoke", node)?;
        let Some(path) = text.value.strip_prefix("GET ").map(str::trim) else {
            reader.problem(&node.span, "this is not a check", LIKE);
            return None;
        };
        let path = good_path(reader, &node.span, path)?;
        let what = What::Get { path, status: None, contains: None };
        return Some(Written { span: &node.span, function: None, what });
    };
    match (map.get("get"), map.get("invoke")) {
        (Some(_), Some(second)) => {
            reader.problem(&second.key_span, "a check is either `get` or `invoke`", "make two of it");
            None
        }
        (Some(get), None) => request(reader, map, get),
        (None, Some(invoke)) => invocation(reader, map, invoke),
        (None, None) => {
            let span = map.0.first().map_or(&node.span, |entry| &entry.key_span);
            reader.problem(span, "this check has neither `get` nor `invoke`", LIKE);
            None
        }
    }
}

fn request<'a>(reader: &mut Reader<'_>, map: &'a Map, get: &'a Entry) -> Option<Written<'a>> {
    let known = unknown(reader, map, &["get", "status", "contains", "function"]);
    let path = reader.text(get).and_then(|path| good_path(reader, &get.value.span, &path.value));
    let status = match map.get("status") {
        Some(entry) => Some(status(reader, entry)?),
        None => None,
    };
    let contains = contains(reader, map)?;
    let function = match map.get("function") {
        Some(entry) => Some((reader.some_text(entry)?, &entry.value.span)),
        None => None,
    };
    let what = What::Get { path: path?, status, contains };
    known.then_some(Written { span: &get.value.span, function, what })
}

fn invocation<'a>(reader: &mut Reader<'_>, map: &'a Map, invoke: &'a Entry) -> Option<Written<'a>> {
    let known = unknown(reader, map, &["invoke", "payload", "contains"]);
    let function = reader.some_text(invoke)?;
    let payload = match map.get("payload") {
        Some(entry) => reader.json(entry)?,
        None => Value::Object(serde_json::Map::new()),
    };
    let what = What::Invoke { payload, contains: contains(reader, map)? };
    known.then_some(Written { span: &invoke.value.span, function: Some((function, &invoke.value.span)), what })
}

fn unknown(reader: &mut Reader<'_>, map: &Map, known: &[&str]) -> bool {
    let wrong = map.0.iter().filter(|entry| !known.contains(&entry.key.as_str()));
    let wrong: Vec<&Entry> = wrong.collect();
    for entry in &wrong {
        let all = || format!("it has {}", suggest::list(known));
        let label = suggest::did_you_mean(&entry.key, known.iter().copied(), all);
        reader.problem(&entry.key_span, format!("unknown key `{}` in a check", entry.key), label);
    }
    wrong.is_empty()
}

fn status(reader: &mut Reader<'_>, entry: &Entry) -> Option<u16> {
    if let Kind::Number(Some(number @ 100..=599), _) = entry.value.kind {
        return u16::try_from(number).ok();
    }
    reader.problem(&entry.value.span, "`status` needs an HTTP status", "100 to 599");
    None
}

#[expect(clippy::option_option, reason = "wrong and not there are two things")]
fn contains(reader: &mut Reader<'_>, map: &Map) -> Option<Option<String>> {
    let Some(entry) = map.get("contains") else { return Some(None) };
    let filled = reader.text(entry)?;
    if filled.value.is_empty() {
        reader.problem(&entry.value.span, "`contains` is empty", "every answer contains nothing");
        return None;
    }
    Some(Some(reader.free_text(filled)))
}

fn good_path(reader: &mut Reader<'_>, span: &Span, path: &str) -> Option<String> {
    let fault = if !path.starts_with('/') {
        "it begins with `/`"
    } else if path.contains('#') {
        "what follows a `#` is never sent"
    } else if !path.chars().all(|each| each.is_ascii_graphic()) {
        "anything but visible ASCII has to be percent-encoded"
    } else {
        return Some(path.to_owned());
    };
    reader.problem(span, "this is not a path of the app", fault);
    None
}

/// Which function is meant.
fn assign(
    reader: &mut Reader<'_>,
    written: Written<'_>,
    functions: &BTreeMap<String, FunctionConfig>,
) -> Option<Smoke> {
    if let Some((name, span)) = &written.function
        && !functions.contains_key(name)
    {
        let known: Vec<&str> = functions.keys().map(String::as_str).collect();
        let all = || format!("the app has {}", suggest::list(&known));
        let label = suggest::did_you_mean(name, known.iter().copied(), all);
        reader.problem(span, format!("no function `{name}`"), label);
        return None;
    }
    let function = written.function;
    match written.what {
        What::Invoke { payload, contains } => {
            let (function, _) = function?;
            Some(Smoke::Invoke(Invoke { function, payload, contains }))
        }
        What::Get { path, status, contains } => {
            let function = front(reader, written.span, function, functions)?;
            Some(Smoke::Get(Get { path, function, status, contains }))
        }
    }
}

/// The function that answers a request: the named one, or the only one that is reached over HTTP.
fn front(
    reader: &mut Reader<'_>,
    at: &Span,
    named: Option<(String, &Span)>,
    functions: &BTreeMap<String, FunctionConfig>,
) -> Option<String> {
    let open = functions.values().filter(|function| function.front().is_some());
    let open: Vec<&str> = open.map(|function| function.name.as_str()).collect();
    match (named, open.as_slice()) {
        (Some((name, _)), open) if open.contains(&name.as_str()) => Some(name),
        (Some((name, span)), _) => {
            reader.problem(span, format!("`{name}` is not reached over HTTP"), "it has no `http`: use `invoke`");
            None
        }
        (None, [only]) => Some((*only).to_owned()),
        (None, []) => {
            reader.problem(at, "nothing here is reached over HTTP", "no function has `http`: use `invoke`");
            None
        }
        (None, several) => {
            let label = format!("add `function:` with one of {}", suggest::list(several));
            reader.problem(at, "several functions are reached over HTTP", label);
            None
        }
    }
}
