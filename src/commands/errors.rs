//! `rzap errors`: what failed lately, by exception and place, with one request of each to look at.

use std::collections::BTreeMap;

use console::style;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::context::{Context, known_functions, owner_of};
use crate::deploy;
use crate::error::{Error, Result};
use crate::observe::{self, Failure, Failures, Span};
use crate::ui::{self, Report, Ui, age};

/// Show what failed lately, grouped by exception and place
#[derive(Debug, clap::Args)]
pub(crate) struct Errors {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Only these functions [default: all]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// How far back: 30m, 2h, 1d
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = age)]
    since: i64,
}

impl Errors {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        known_functions(&stage, &self.functions)?;
        let owner = owner_of(&stage);
        let wanted = |name: &&String| self.functions.is_empty() || self.functions.contains(*name);
        let log_group = |name: &String| deploy::log_group_name(&deploy::function_name(&owner, name));
        let groups: BTreeMap<String, String> =
            stage.functions.keys().filter(wanted).map(|name| (name.clone(), log_group(name))).collect();
        let progress = context.ui.progress();
        let spin = progress.spin("reading the logs");
        let cloud = context.cloud(&stage).await?;
        let now = Timestamp::now().as_millisecond();
        let window = Span { since: now - self.since, until: now };
        let found = observe::failures(&cloud, &groups, window).await?;
        drop(spin);
        if !found.present {
            return Err(Error::failed(format!("there are no logs of stage `{}` yet", stage.stage))
                .hint(format!("run `rzap deploy {}` first, or check the stage's name and region", stage.stage)));
        }
        Ok(Box::new(List { ui: context.ui, app: stage.app, stage: stage.stage, span: window, found }))
    }
}

struct List {
    ui: Ui,
    app: String,
    stage: String,
    span: Span,
    found: Failures,
}

impl List {
    /// What shows one of them whole.
    fn command(&self, failure: &Failure) -> Option<String> {
        let request = failure.request.as_deref()?;
        // It began before it failed; a little more costs nothing.
        let minutes = (self.span.until - failure.last) / 60_000 + 5;
        let since = if minutes > 120 { format!("{}h", minutes / 60 + 1) } else { format!("{minutes}m") };
        let short = request.get(..8).unwrap_or(request);
        Some(self.ui.command(&format!("rzap tail {} --request {short} --since {since} --no-follow", self.stage)))
    }

    fn one(&self, failure: &Failure) -> String {
        let place = failure.place.as_ref().map_or_else(String::new, |place| {
            let line = place.line.map_or_else(String::new, |line| format!(":{line}"));
            let function = place.function.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
            format!(" at {}{line}{function}", place.file)
        });
        let functions: Vec<&str> = failure.functions.iter().map(String::as_str).collect();
        let when = match failure.count {
            1 => ago(failure.last, self.span.until),
            _ => format!("last {}, first {}", ago(failure.last, self.span.until), ago(failure.first, self.span.until)),
        };
        let kind = style(&failure.kind).red().bold();
        let mut lines = vec![(0, format!("{}× {kind}{place}", ui::count(failure.count)))];
        if !failure.message.is_empty() {
            lines.push((4, failure.message.clone()));
        }
        lines.push((4, style(format!("{}, {when}", functions.join(", "))).dim().to_string()));
        // To be copied: it stays one line.
        let command = self.command(failure).map(|command| format!("    {command}\n")).unwrap_or_default();
        let text: String = lines.iter().map(|(indent, line)| ui::folded(line, *indent)).collect();
        text + &command
    }
}

impl Report for List {
    fn text(&self) -> String {
        let Self { app, stage, found, .. } = self;
        let back = span_text(self.span.until - self.span.since);
        let sum: usize = found.all.iter().map(|failure| failure.count).sum();
        let mut text = match (sum, found.all.len()) {
            (0, _) => format!("{app} {stage}: no failures in the last {back}\n"),
            (1, _) => format!("{app} {stage}: 1 failure in the last {back}\n"),
            (sum, 1) => format!("{app} {stage}: {} failures of 1 kind in the last {back}\n", ui::count(sum)),
            (sum, kinds) => format!("{app} {stage}: {} failures of {kinds} kinds in the last {back}\n", ui::count(sum)),
        };
        for failure in &found.all {
            text.push('\n');
            text.push_str(&self.one(failure));
        }
        if !found.early.is_empty() {
            text.push('\n');
        }
        for (function, from) in &found.early {
            let from = clock(*from);
            let line = format!(
                "{function}: there is more than is read at once; whole only since {from}, what was before may be missing"
            );
            text.push_str(&ui::folded(&line, 0));
        }
        text
    }

    fn json(&self) -> Value {
        let time = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or_default().to_string();
        let failures = self.found.all.iter().map(|failure| {
            let mut document = json!(failure);
            document["first"] = json!(time(failure.first));
            document["last"] = json!(time(failure.last));
            document["command"] = json!(self.command(failure));
            document
        });
        let failures: Vec<Value> = failures.collect();
        let early: BTreeMap<&String, String> =
            self.found.early.iter().map(|(name, from)| (name, time(*from))).collect();
        json!({
            "app": self.app, "stage": self.stage, "since": time(self.span.since), "until": time(self.span.until),
            "complete": early.is_empty(), "read_only_from": early, "failures": failures,
        })
    }
}

/// `24 h`, `30 min`, `3 d`
fn span_text(ms: i64) -> String {
    match ms / 60_000 {
        0 => format!("{} s", ms / 1_000),
        minutes @ 1..120 => format!("{minutes} min"),
        minutes @ 120..2_880 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 1_440),
    }
}

fn ago(then: i64, now: i64) -> String {
    format!("{} ago", span_text((now - then).max(0)))
}

/// A time here, with its day.
fn clock(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .unwrap_or_default()
        .to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_people_do() {
        let minute = 60_000;
        assert_eq!(
            [5_000, minute, 90 * minute, 24 * 60 * minute, 72 * 60 * minute].map(span_text),
            ["5 s", "1 min", "90 min", "24 h", "3 d"]
        );
    }
}
