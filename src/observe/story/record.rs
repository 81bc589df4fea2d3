//! A log record in JSON, whoever wrote it: the message first, its level, its request, the traceback as lines, and the
//! rest as fields.
//!
//! Known are Lambda's own format, Powertools, structlog, pino, bunyan, winston and tracing-subscriber. What the line
//! says elsewhere already (time, function, memory, process) is no field.

use serde_json::{Map, Value};

use super::level::Level;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Record {
    pub(crate) level: Option<Level>,
    pub(crate) message: String,
    /// Name and value; what is nested has a path for a name: `http.status`.
    pub(crate) fields: Vec<(String, String)>,
    /// Lines.
    pub(crate) trace: Option<String>,
    /// The type of the exception.
    pub(crate) kind: Option<String>,
    /// A function's last words, written by the runtime itself.
    pub(crate) unhandled: bool,
}

/// Where a message may stand, best first. tracing-subscriber puts it below `fields`.
const MESSAGES: [&str; 5] = ["message", "msg", "event", "errorMessage", "log"];
const LEVELS: [&str; 7] = ["level", "log_level", "levelname", "severity", "lvl", "loglevel", "log.level"];
/// <https://docs.aws.amazon.com/powertools/python/latest/core/logger/#lambda-context-keys> has the second.
const REQUESTS: [&str; 7] = [
    "requestId",
    "function_request_id",
    "aws_request_id",
    "awsRequestId",
    "AWSRequestId",
    "lambda_request_id",
    "request_id",
];
const TRACES: [&str; 9] =
    ["stackTrace", "stack_trace", "exception", "stack", "traceback", "exc_info", "stacktrace", "trace", "exc_text"];
/// Said by the columns, by the summary, or the same in every line.
const SAID: [&str; 16] = [
    "timestamp",
    "time",
    "@timestamp",
    "ts",
    "asctime",
    "datetime",
    "function_name",
    "function_arn",
    "function_memory_size",
    "functionName",
    "functionVersion",
    "memoryLimitInMB",
    "pid",
    "hostname",
    "v",
    "sampling_rate",
];

/// Reads a record, with the id of its request. `None` when it is not that of a logger: it has no message.
pub(super) fn read(mut document: Map<String, Value>) -> Option<(Record, Option<String>)> {
    // tracing: {"timestamp", "level", "fields": {"message", …}, "target", "span", "spans"}
    if let Some(Value::Object(fields)) = document.get_mut("fields").filter(|fields| fields.get("message").is_some()) {
        let fields = std::mem::take(fields);
        document.shift_remove("fields");
        // The innermost span is the last of `spans`.
        if document.contains_key("span") {
            document.shift_remove("spans");
        }
        let mut whole: Map<String, Value> = fields;
        whole.append(&mut document);
        document = whole;
    }
    let mut record = Record { level: take_level(&mut document), ..Record::default() };
    let request = REQUESTS.iter().find_map(|name| match document.get(*name) {
        Some(Value::String(_)) => match document.shift_remove(*name) {
            Some(Value::String(id)) => Some(id),
            _ => None,
        },
        _ => None,
    });
    let logged = MESSAGES[..3].iter().any(|name| document.contains_key(*name));
    record.error(&mut document);
    let message = MESSAGES.iter().find_map(|name| Some((*name, document.shift_remove(*name)?)));
    match message {
        Some((_, Value::String(text))) if record.message.is_empty() => record.message = text,
        // The exception says the same once more, or the message is another.
        Some((_, Value::String(text))) if record.message.ends_with(&text) => {}
        Some((_, Value::String(text))) => record.message = format!("{text}: {}", record.message),
        Some((name, Value::Object(inner))) => record.nested(name, inner),
        Some((_, other)) => record.message = other.to_string(),
        None if record.message.is_empty() && record.trace.is_none() => return None,
        None => {}
    }
    record.unhandled = !logged && record.kind.is_some();
    for (name, value) in document {
        if !SAID.contains(&name.as_str()) {
            flatten(&name, value, 0, &mut record.fields);
        }
    }
    Some((record, request))
}

impl Record {
    /// Takes what tells of an exception.
    fn error(&mut self, document: &mut Map<String, Value>) {
        // pino and winston: {"err": {"type", "message", "stack"}}
        for name in ["err", "error"] {
            let is_error =
                document.get(name).is_some_and(|inner| inner.get("stack").or(inner.get("message")).is_some());
            if is_error && let Some(Value::Object(inner)) = document.shift_remove(name) {
                self.nested_error(name, inner);
            }
        }
        for name in TRACES {
            let found = document.get(name).and_then(trace_text);
            if let Some((kind, text)) = found {
                document.shift_remove(name);
                self.kind = self.kind.take().or(kind);
                if self.trace.is_none() {
                    self.trace = Some(text);
                }
            }
        }
        let mut take = |names: &[&str]| {
            names.iter().find_map(|name| match document.get(*name) {
                Some(Value::String(_)) => {
                    document.shift_remove(*name).and_then(|value| value.as_str().map(str::to_owned))
                }
                _ => None,
            })
        };
        let kind = take(&["errorType", "exception_name", "error_type"]);
        if let Some(kind) = kind {
            let text = take(&["errorMessage"]).unwrap_or_default();
            // `KeyError: 'x'`, as a traceback's end says it.
            self.message = if text.is_empty() { kind.clone() } else { format!("{kind}: {text}") };
            self.kind = Some(kind);
        }
        if self.kind.is_none() {
            self.kind = self.trace.as_deref().and_then(super::trace::crash).map(|crash| crash.kind);
        }
        if self.kind.is_some() && self.level.is_none() {
            self.level = Some(Level::Error);
        }
    }

    /// Node's runtime gives what was logged as the message: `{"message": {"errorType", "errorMessage", "stackTrace"}}`.
    fn nested(&mut self, name: &str, mut inner: Map<String, Value>) {
        self.error(&mut inner);
        let text = MESSAGES.iter().find_map(|name| match inner.get(*name) {
            Some(Value::String(_)) => inner.shift_remove(*name).and_then(|text| text.as_str().map(str::to_owned)),
            _ => None,
        });
        if let Some(text) = text.filter(|_| self.message.is_empty()) {
            self.message = text;
        }
        let prefix = if self.message.is_empty() { "" } else { name };
        for (key, value) in inner {
            let path = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            flatten(&path, value, 1, &mut self.fields);
        }
    }

    fn nested_error(&mut self, name: &str, mut inner: Map<String, Value>) {
        let mut text = |names: &[&str]| {
            names.iter().find_map(|name| match inner.get(*name) {
                Some(Value::String(_)) => inner.shift_remove(*name).and_then(|text| text.as_str().map(str::to_owned)),
                _ => None,
            })
        };
        let trace = text(&["stack"]);
        let kind = text(&["type", "name"]).or_else(|| super::trace::crash(trace.as_deref()?).map(|crash| crash.kind));
        let message = text(&["message"]).unwrap_or_default();
        self.kind = kind.or_else(|| Some("Error".to_owned()));
        match trace {
            // The stack begins with the type and the message.
            Some(trace) => self.trace = Some(trace),
            None => self.fields.push((name.to_owned(), quoted(&message))),
        }
        for (key, value) in inner {
            flatten(&format!("{name}.{key}"), value, 1, &mut self.fields);
        }
    }
}

fn take_level(document: &mut Map<String, Value>) -> Option<Level> {
    LEVELS.iter().find_map(|name| {
        let level = match document.get(*name)? {
            Value::String(word) => Level::named(word),
            Value::Number(number) => Level::numbered(number.as_u64()?),
            _ => None,
        }?;
        document.shift_remove(*name);
        Some(level)
    })
}

/// The lines of a traceback in whatever form, with the exception's type where that says it.
fn trace_text(value: &Value) -> Option<(Option<String>, String)> {
    match value {
        Value::String(text) if text.contains('\n') => Some((None, text.trim_end().to_owned())),
        // Lambda: ["  File …, line 3, in f\n    x\n", …]; Node: ["Error: x", "    at …"].
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            let lines = items.iter().filter_map(Value::as_str).map(|line| line.trim_end_matches('\n'));
            Some((None, lines.collect::<Vec<_>>().join("\n")))
        }
        // structlog's dict_tracebacks: [{"exc_type", "exc_value", "frames": [{"filename", "lineno", "name"}]}]
        Value::Array(items) => {
            let traces: Vec<(String, String)> = items.iter().filter_map(frames).collect();
            // The first is the exception itself; its causes follow.
            let kind = traces.first().map(|(kind, _)| kind.clone())?;
            let texts: Vec<String> = traces.into_iter().rev().map(|(_, text)| text).collect();
            Some((Some(kind), texts.join("\n\n")))
        }
        // Powertools' `stack_trace`: {"type", "value", "module", "frames": [{"file", "line", "function", "statement"}]}
        Value::Object(_) => frames(value).map(|(kind, text)| (Some(kind), text)),
        _ => None,
    }
}

/// A traceback of frames as Python would print it.
fn frames(value: &Value) -> Option<(String, String)> {
    let text = |value: &Value, names: &[&str]| {
        let found = names.iter().find_map(|name| value.get(*name))?;
        Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
    };
    let kind = text(value, &["exc_type", "type"])?;
    let frames = value.get("frames")?.as_array()?;
    let mut lines = vec!["Traceback (most recent call last):".to_owned()];
    for frame in frames {
        let file = text(frame, &["filename", "file"])?;
        let line = text(frame, &["lineno", "line"]).unwrap_or_default();
        let name = text(frame, &["name", "function"]).unwrap_or_default();
        lines.push(format!("  File \"{file}\", line {line}, in {name}"));
        if let Some(statement) =
            text(frame, &["statement", "line"]).filter(|text| text.parse::<u32>().is_err() && !text.is_empty())
        {
            lines.push(format!("    {}", statement.trim()));
        }
    }
    lines.push(format!("{kind}: {}", text(value, &["exc_value", "value"]).unwrap_or_default()));
    Some((kind, lines.join("\n")))
}

/// Nested three deep by path; what is deeper, and lists, as compact JSON.
fn flatten(name: &str, value: Value, depth: usize, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(inner) if depth < 3 && !inner.is_empty() => {
            for (key, value) in inner {
                flatten(&format!("{name}.{key}"), value, depth + 1, fields);
            }
        }
        Value::String(text) => fields.push((name.to_owned(), quoted(&text))),
        other => fields.push((name.to_owned(), other.to_string())),
    }
}

/// In quotes where it would not be clear where the value ends.
pub(super) fn quoted(text: &str) -> String {
    let clear = !text.is_empty()
        && !text.contains(|letter: char| letter.is_whitespace() || letter == '"' || letter.is_control());
    if clear { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

#[cfg(test)]
mod tests;
