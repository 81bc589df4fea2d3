//! `rzap tail`: the logs of all functions of a stage, merged in time order.

use std::collections::{BTreeMap, BTreeSet};

use console::{Color, style};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::context::{Context, known_functions, owner_of};
use crate::deploy;
use crate::error::{Kind, Result};
use crate::observe::{self, Filter, LogEvent};
use crate::ui::{Report, Ui, age};

/// Show the logs of all functions of a stage, in time order, and follow them
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Only these functions [default: all]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// From when on: 30s, 10m, 2h, 1d
    #[arg(long, value_name = "AGE", default_value = "10m", value_parser = age)]
    since: i64,

    /// CloudWatch's filter pattern, e.g. ERROR or '{ $.level = "error" }'
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,

    /// Print what is there and end
    #[arg(long)]
    no_follow: bool,
}

impl Tail {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        known_functions(&stage, &self.functions)?;
        let owner = owner_of(&stage);
        let wanted = |name: &&String| self.functions.is_empty() || self.functions.contains(*name);
        let groups: BTreeMap<String, String> = stage
            .functions
            .keys()
            .filter(wanted)
            .map(|name| (name.clone(), deploy::log_group_name(&deploy::function_name(&owner, name))))
            .collect();
        let count = groups.len();
        let printer = Printer::new(context.ui, groups.keys());
        let cloud = context.cloud(&stage).await?;
        let since = Timestamp::now().as_millisecond() - self.since;
        let mut tail = observe::Tail::new(groups, Filter { since, pattern: self.filter });
        let mut hints = BTreeSet::new();
        let mut first = true;
        loop {
            match tail.round(&cloud).await {
                Ok(events) => {
                    for event in &events {
                        printer.print(event);
                        if let Some(hint) = observe::hint(&event.message)
                            && hints.insert((event.function.clone(), hint.clone()))
                        {
                            context.ui.hint(&format!("{}: {hint}", event.function));
                        }
                    }
                }
                // Who follows for days meets a network that is gone for a while.
                Err(error) if !first && !self.no_follow && error.kind == Kind::Failed => {
                    context.ui.warn(&format!("{error}; trying again"));
                }
                Err(error) => return Err(error),
            }
            if first && tail.missing().len() == count {
                return Err(observe::Tail::nothing_there(&stage.stage));
            }
            first = false;
            if self.no_follow && !tail.throttled() {
                return Ok(Box::new(Nothing));
            }
            tail.rest().await;
        }
    }
}

/// Lays out one event per line.
struct Printer {
    ui: Ui,
    /// Function → its colour; the names are padded to the longest.
    colours: BTreeMap<String, Color>,
    width: usize,
}

impl Printer {
    fn new<'a>(ui: Ui, functions: impl Iterator<Item = &'a String>) -> Self {
        let palette = [Color::Cyan, Color::Magenta, Color::Green, Color::Yellow, Color::Blue];
        let colours: BTreeMap<String, Color> = functions.cloned().zip(palette.into_iter().cycle()).collect();
        let width = colours.keys().map(String::len).max().unwrap_or(0);
        Self { ui, colours, width }
    }

    fn print(&self, event: &LogEvent) {
        if self.ui.is_json() {
            return self.ui.json_line(event);
        }
        let time = Timestamp::from_millisecond(event.timestamp).unwrap_or_default().to_zoned(TimeZone::system());
        let colour = self.colours.get(&event.function).copied().unwrap_or(Color::White);
        let name = style(format!("{:width$}", event.function, width = self.width)).fg(colour);
        let time = style(time.strftime("%H:%M:%S%.3f")).dim();
        let frame = ["START RequestId", "END RequestId", "REPORT RequestId", "INIT_START", "INIT_REPORT"];
        let quiet = frame.iter().any(|start| event.message.starts_with(start));
        let mut text = String::new();
        // A runtime keeps an event of several lines together by ending them with CR.
        for line in event.message.trim_end_matches('\r').split(['\n', '\r']) {
            let line = if quiet { style(line.replace('\t', "  ")).dim().to_string() } else { line.to_owned() };
            text.push_str(&format!("{time} {name} {line}\n"));
        }
        self.ui.data(text.as_bytes());
    }
}

/// Everything was said on the way.
struct Nothing;

impl Report for Nothing {
    fn text(&self) -> String {
        String::new()
    }

    fn json(&self) -> Value {
        Value::Null
    }
}
