//! Reading single values: the right type, inside AWS's limits, every `${…}` replaced.
//!
//! Every reader reports what is wrong and then answers `None`, so that reading goes on and all
//! errors of the file come out together. `None` without a report means: not known yet.

use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::Value;

use super::interpolate::{self, Filled, Outcome, Words};
use super::limits;
use super::locate::{Problems, Span};
use super::raw::{Entry, Kind, Map, Node};
use super::reference::Outputs;
use super::stage::{Arch, Http};
use super::suggest;

/// Reads values and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) source: &'a str,
    /// The folder of `rzap.yaml`, canonical.
    pub(super) root: &'a Path,
    pub(super) words: Words<'a>,
    /// What `words` has to say of the stack's outputs where they may stand.
    pub(super) outputs: Outputs,
    pub(super) problems: Problems,
    /// Leave `${env.NAME}` as it is in what only people will read.
    pub(super) masked: bool,
}

impl Reader<'_> {
    /// Reports something wrong.
    pub(super) fn problem(&mut self, span: &Span, title: impl Into<String>, label: impl Into<String>) {
        self.problems.add(span, title, label);
    }

    /// Reports something wrong with the files the config speaks of.
    pub(super) fn problem_on_disk(&mut self, span: &Span, title: impl Into<String>, label: impl Into<String>) {
        self.problems.add_on_disk(span, title, label);
    }

    /// The text itself, or the one to show.
    pub(super) fn free_text(&self, filled: Filled) -> String {
        if self.masked { filled.shown } else { filled.value }
    }

    /// Reports a value of the wrong type.
    pub(super) fn wrong_type(&mut self, key: &str, node: &Node, wanted: &str) {
        self.wrong_type_because(key, node, wanted, &format!("this is {}", node.describe()));
    }

    fn wrong_type_because(&mut self, key: &str, node: &Node, wanted: &str, label: &str) {
        self.problem(&node.span, format!("`{key}` needs {wanted}"), label);
    }

    /// Reports what is no whole number, though it may look like one.
    fn not_a_number(&mut self, entry: &Entry, wanted: &str) {
        match &entry.value.kind {
            Kind::Text(text) if text.parse::<f64>().is_ok() => {
                self.wrong_type_because(&entry.key, &entry.value, wanted, "this is text: remove the quotes");
            }
            _ => self.wrong_type(&entry.key, &entry.value, wanted),
        }
    }

    /// Reports what is no text, though quotes may make it one.
    pub(super) fn not_text(&mut self, key: &str, node: &Node) {
        match &node.kind {
            Kind::Number(..) | Kind::Bool(..) => {
                let label = format!("this is {}: put it in quotes", node.describe());
                self.wrong_type_because(key, node, "text", &label);
            }
            _ => self.wrong_type(key, node, "text"),
        }
    }

    /// Text with everything put in.
    pub(super) fn text(&mut self, entry: &Entry) -> Option<Filled> {
        self.text_at(&entry.key, &entry.value)
    }

    pub(super) fn text_at(&mut self, key: &str, node: &Node) -> Option<Filled> {
        if let Kind::Text(text) = &node.kind {
            return self.fill(text, &node.span);
        }
        self.not_text(key, node);
        None
    }

    /// Any scalar as the text it was written as, with everything put in.
    pub(super) fn spelling(&mut self, key: &str, node: &Node) -> Option<Filled> {
        match &node.kind {
            Kind::Bool(_, text) | Kind::Number(_, text) => Some(Filled { value: text.clone(), shown: text.clone() }),
            _ => self.text_at(key, node),
        }
    }

    fn fill(&mut self, text: &str, span: &Span) -> Option<Filled> {
        match interpolate::fill(text, self.words) {
            Outcome::Filled(filled) => Some(filled),
            Outcome::Later => None,
            Outcome::Faults(faults) => {
                for fault in faults {
                    let span = self.part(span, &fault.part);
                    self.problem(&span, fault.title, fault.label);
                }
                None
            }
        }
    }

    /// Where `part` stands inside `span`; all of `span` when it is not spelt there as such (a folded
    /// line, say).
    fn part(&self, span: &Span, part: &str) -> Span {
        let found = self.source.get(span.clone()).and_then(|text| text.find(part));
        found.map_or_else(|| span.clone(), |at| span.start + at..span.start + at + part.len())
    }

    /// A whole number in a range of Lambda's, in `unit`.
    pub(super) fn whole(&mut self, entry: &Entry, range: &RangeInclusive<i64>, unit: &str) -> Option<u32> {
        self.within(entry, range, unit, "Lambda")
    }

    /// A whole number in a range, in `unit`; `who` of AWS has it.
    pub(super) fn within(&mut self, entry: &Entry, range: &RangeInclusive<i64>, unit: &str, who: &str) -> Option<u32> {
        let Kind::Number(Some(number), _) = entry.value.kind else {
            self.not_a_number(entry, &format!("a whole number of {unit}"));
            return None;
        };
        if range.contains(&number) {
            return u32::try_from(number).ok();
        }
        let (low, high) = (limits::grouped(*range.start()), limits::grouped(*range.end()));
        let title = format!("`{}` is out of range: {who} allows {low} to {high} {unit}", entry.key);
        let label = if number < *range.start() { format!("at least {low}") } else { format!("at most {high}") };
        self.problem(&entry.value.span, title, label);
        None
    }

    /// `true` or `false`.
    pub(super) fn yes_or_no(&mut self, entry: &Entry) -> Option<bool> {
        match &entry.value.kind {
            Kind::Bool(value, _) => Some(*value),
            Kind::Text(text) if ["yes", "on", "no", "off"].contains(&text.to_lowercase().as_str()) => {
                let title = format!("`{}` needs true or false", entry.key);
                let right = ["yes", "on"].contains(&text.to_lowercase().as_str());
                self.problem(&entry.value.span, title, format!("did you mean `{right}`?"));
                None
            }
            _ => {
                self.wrong_type(&entry.key, &entry.value, "true or false");
                None
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, entry: &Entry) -> Option<Vec<String>> {
        let Kind::List(items) = &entry.value.kind else {
            self.wrong_type(&entry.key, &entry.value, "a list of texts");
            return None;
        };
        let read: Vec<_> = items.iter().map(|item| self.spelling(&entry.key, item)).collect();
        read.into_iter().map(|text| Some(text?.value)).collect()
    }

    /// A list of gitignore patterns.
    pub(super) fn patterns(&mut self, entry: &Entry) -> Option<Vec<String>> {
        let patterns = self.texts(entry)?;
        let Kind::List(items) = &entry.value.kind else { return None };
        for (pattern, item) in patterns.iter().zip(items) {
            if ignore::gitignore::GitignoreBuilder::new("").add_line(None, pattern).is_err() {
                self.problem(&item.span, "this is not a gitignore pattern", "a `{` needs its `}`");
            }
        }
        Some(patterns)
    }

    /// Any value as JSON: what looks like a number or a truth value is one.
    pub(super) fn json(&mut self, entry: &Entry) -> Option<Value> {
        self.json_at(&entry.key, &entry.value)
    }

    fn json_at(&mut self, key: &str, node: &Node) -> Option<Value> {
        Some(match &node.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value, _) => Value::from(*value),
            // What JSON cannot spell (`.5`, `0x10`) stays what it was read as: a whole number, or text.
            Kind::Number(whole, text) => {
                let spelled = serde_json::from_str::<Value>(text).ok().filter(Value::is_number);
                spelled.or(whole.map(Value::from)).unwrap_or_else(|| Value::from(text.as_str()))
            }
            Kind::Text(_) => {
                let filled = self.text_at(key, node)?;
                Value::String(self.free_text(filled))
            }
            Kind::List(items) => Value::Array(items.iter().map(|item| self.json_at(key, item)).collect::<Option<_>>()?),
            Kind::Map(map) => {
                let members =
                    map.0.iter().map(|entry| Some((entry.key.clone(), self.json_at(&entry.key, &entry.value)?)));
                Value::Object(members.collect::<Option<_>>()?)
            }
        })
    }

    /// One event pattern or several: JSON objects, as `EventBridge` and Lambda's event filters have them.
    pub(super) fn event_patterns(&mut self, entry: &Entry) -> Option<Vec<Value>> {
        const WANTED: &str = "an event pattern, like `{ body: { kind: [order] } }`, or a list of them";
        let patterns = match self.json(entry)? {
            Value::Array(several) if !several.is_empty() => several,
            one => vec![one],
        };
        if patterns.iter().all(|pattern| pattern.as_object().is_some_and(|pattern| !pattern.is_empty())) {
            return Some(patterns);
        }
        self.wrong_type(&entry.key, &entry.value, WANTED);
        None
    }

    /// For how many days the log is kept.
    pub(super) fn log_retention(&mut self, entry: &Entry) -> Option<i32> {
        let Kind::Number(Some(days), _) = entry.value.kind else {
            self.not_a_number(entry, "a whole number of days");
            return None;
        };
        if limits::RETENTION.contains(&days) {
            return i32::try_from(days).ok();
        }
        let title = format!("CloudWatch Logs cannot keep a log for exactly {} days", limits::grouped(days));
        self.problem(&entry.value.span, title, format!("the nearest it can is {}", limits::nearest_retention(days)));
        None
    }

    /// `x86_64` or `arm64`.
    pub(super) fn arch(&mut self, entry: &Entry) -> Option<Arch> {
        let filled = self.text(entry)?;
        let known = [Arch::X86_64, Arch::Arm64];
        let found = known.into_iter().find(|arch| arch.as_str() == filled.value);
        if found.is_none() {
            let label = match filled.value.as_str() {
                "amd64" | "x86-64" | "x64" => "AWS calls it `x86_64`".to_owned(),
                "aarch64" => "AWS calls it `arm64`".to_owned(),
                _ => "either `x86_64` or `arm64`".to_owned(),
            };
            self.problem(&entry.value.span, format!("unknown architecture `{}`", filled.shown), label);
        }
        found
    }

    /// A runtime by AWS's name. Any that could be one is taken, so that a new one needs no new rzap.
    pub(super) fn runtime(&mut self, entry: &Entry) -> Option<String> {
        let Kind::Text(_) = entry.value.kind else {
            let label = match &entry.value.kind {
                Kind::Number(_, version) if version.starts_with("3.") => format!("did you mean `python{version}`?"),
                _ => format!("this is {}", entry.value.describe()),
            };
            self.wrong_type_because(&entry.key, &entry.value, "a runtime, like `python3.13`", &label);
            return None;
        };
        let filled = self.text(entry)?;
        let well = filled.value.starts_with(|first: char| first.is_ascii_lowercase())
            && filled.value.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '.');
        if !well {
            let title = format!("`{}` is not the name of a runtime", filled.shown);
            self.problem(&entry.value.span, title, "like `python3.13`, `nodejs22.x`, `provided.al2023`");
        }
        well.then_some(filled.value)
    }

    /// What a person reads in the console.
    pub(super) fn description(&mut self, entry: &Entry) -> Option<String> {
        let filled = self.text(entry)?;
        let length = filled.value.chars().count();
        if length > limits::DESCRIPTION {
            let title = format!("this description has {length} characters");
            self.problem(&entry.value.span, title, format!("Lambda allows {}", limits::DESCRIPTION));
            return None;
        }
        Some(self.free_text(filled))
    }

    /// How a function is reached over HTTP.
    pub(super) fn http(&mut self, entry: &Entry) -> Option<Http> {
        if matches!(entry.value.kind, Kind::Map(_) | Kind::List(_)) {
            self.wrong_type(&entry.key, &entry.value, "`rest`, `http`, `url`, or a list of routes like `GET /orders`");
            return None;
        }
        let filled = self.text(entry)?;
        match filled.value.as_str() {
            "rest" => return Some(Http::Rest),
            "http" => return Some(Http::Api),
            "url" => return Some(Http::Url),
            _ => {
                let label = suggest::did_you_mean(&filled.value, ["rest", "http", "url"], || {
                    "use `rest`, `http` or `url`".to_owned()
                });
                self.problem(&entry.value.span, format!("unknown kind of HTTP front `{}`", filled.shown), label);
            }
        }
        None
    }

    /// Variables in file order; `None` as a value takes an inherited one away. What cannot be read
    /// is left out.
    pub(super) fn env(&mut self, entry: &Entry) -> Vec<(String, Option<String>)> {
        let Kind::Map(Map(variables)) = &entry.value.kind else {
            if entry.value.kind != Kind::Null {
                self.wrong_type(&entry.key, &entry.value, "a map of names and values");
            }
            return Vec::new();
        };
        let mut read = Vec::new();
        for Entry { key, key_span, value } in variables {
            if let Some(fault) = limits::env_name_fault(key) {
                self.problem(key_span, format!("`{key}` cannot be an environment variable of a function"), fault);
            }
            if value.kind == Kind::Null {
                read.push((key.clone(), None));
            } else if let Some(filled) = self.spelling(key, value) {
                read.push((key.clone(), Some(self.free_text(filled))));
            }
        }
        read
    }

    /// The region, in AWS's spelling.
    pub(super) fn region(&mut self, entry: &Entry) -> Option<String> {
        let filled = self.text(entry)?;
        let well = super::names::is_region(&filled.value);
        if !well {
            let title = format!("`{}` is not the name of a region", filled.shown);
            self.problem(&entry.value.span, title, "like `eu-west-1`");
        }
        well.then_some(filled.value)
    }

    /// A line for a shell.
    pub(super) fn command(&mut self, entry: &Entry) -> Option<String> {
        let filled = self.text(entry)?;
        if filled.value.trim().is_empty() {
            self.problem(&entry.value.span, format!("`{}` is empty", entry.key), "write a command, like `make`");
            return None;
        }
        // It is shown while it runs, and a secret in it would be.
        if filled.value != filled.shown {
            let title = format!("`{}` has the environment already", entry.key);
            self.problem(&entry.value.span, title, "write `$NAME` in place of `${env.NAME}`");
            return None;
        }
        Some(filled.value)
    }

    /// Text that is not empty.
    pub(super) fn some_text(&mut self, entry: &Entry) -> Option<String> {
        let filled = self.text(entry)?;
        if filled.value.is_empty() {
            self.problem(&entry.value.span, format!("`{}` is empty", entry.key), "");
        }
        (!filled.value.is_empty()).then_some(filled.value)
    }
}
