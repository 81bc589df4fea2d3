//! `- logs: web` — lines of a log group, in batches.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html>

use serde::Serialize;

use super::{Trigger, trigger_name};
use crate::config::fields::Fields;
use crate::config::locate::Span;
use crate::config::raw::Entry;
use crate::config::resources::Others;
use crate::config::suggest;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 3] = ["group", "pattern", "name"];

/// Longest filter pattern, in characters.
const LONGEST: usize = 1024;

/// Subscriptions of one log group, whoever made them.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const MOST: usize = 2;

/// Lines of a log group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LogsTrigger {
    pub(crate) group: Group,
    /// A filter pattern; empty is every line.
    pub(crate) pattern: String,
    /// Its own name, for two of one group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// A log group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Group {
    /// That of a function of the app.
    Of(String),
    /// One that is there already.
    Name(String),
    /// Likewise.
    Arn(String),
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, _: &Others<'_>) -> Option<Trigger> {
    let group = fields.need(reader, "group", "web").and_then(|entry| group(reader, entry));
    let pattern = fields.get("pattern").map_or(Some(String::new()), |entry| {
        let pattern = reader.text(entry)?.value;
        let well = pattern.chars().count() <= LONGEST;
        if !well {
            let title = format!("the pattern is longer than {LONGEST} characters");
            reader.problem(&entry.value.span, title, "match fewer things, or do the rest in the function");
        }
        well.then_some(pattern)
    });
    let name = trigger_name(reader, fields, "subscription");
    Some(Trigger::Logs(LogsTrigger { group: group?, pattern: pattern?, name: name? }))
}

fn group(reader: &mut Reader<'_>, entry: &Entry) -> Option<Group> {
    let text = reader.some_text(entry)?;
    if text.starts_with("arn:") {
        let name = text.split_once(":log-group:").map(|(_, name)| name.strip_suffix(":*").unwrap_or(name));
        if text.split(':').nth(2) == Some("logs") && name.is_some_and(|name| !name.is_empty() && !name.contains(':')) {
            return Some(Group::Arn(text.strip_suffix(":*").unwrap_or(&text).to_owned()));
        }
        let label = "like `arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/other`";
        reader.problem(&entry.value.span, "this is not the ARN of a log group", label);
        return None;
    }
    Some(if text.contains('/') { Group::Name(text) } else { Group::Of(text) })
}

/// Reports what the `logs` triggers of a function and the functions of the app do not agree about.
pub(super) fn check(reader: &mut Reader<'_>, function: &str, all: &[(&Span, &Trigger)], functions: &[&str]) {
    let mut before: Vec<&LogsTrigger> = Vec::new();
    for (at, trigger) in all {
        let Trigger::Logs(logs) = trigger else { continue };
        match &logs.group {
            Group::Of(name) if name == function => {
                let title = format!("`{name}` would be called for what it writes itself, again and again");
                reader.problem(at, title, "subscribe another function to its log");
            }
            Group::Of(name) if !functions.contains(&name.as_str()) => {
                let other = || "any other log group is written with its whole name (`/aws/…`) or as its ARN".to_owned();
                let label = suggest::did_you_mean(name, functions.iter().copied().filter(|it| *it != function), other);
                reader.problem(at, format!("no function `{name}`"), label);
            }
            _ => {}
        }
        let same = || before.iter().filter(|it| it.group == logs.group);
        if same().count() >= MOST {
            let label = "match more in one pattern: `?ERROR ?WARN`";
            reader.problem(at, format!("a log group has at most {MOST} subscriptions"), label);
        } else if logs.name.is_some() && same().any(|it| it.name == logs.name) {
            let title = "the function has a `logs` trigger of this name already";
            reader.problem(at, title, "give each a `name` of its own");
        }
        before.push(logs);
    }
}
