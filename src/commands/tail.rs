//! `rzap tail`: the logs of all functions of a stage, merged in time order.

mod look;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use self::look::Look;
use super::context::{Context, known_functions, owner_of};
use crate::deploy;
use crate::error::{Kind, Result};
use crate::observe::{self, Filter};
use crate::ui::{Report, age};

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

    #[command(flatten)]
    look: Look,
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
        let mut printer = self.look.printer(context.ui, groups.keys());
        let cloud = context.cloud(&stage).await?;
        let since = Timestamp::now().as_millisecond() - self.since;
        let mut tail = observe::Tail::new(groups, Filter { since, pattern: self.filter });
        let mut hints = BTreeSet::new();
        let mut first = true;
        loop {
            match tail.round(&cloud).await {
                Ok(events) => {
                    for event in events {
                        let hint = observe::hint(&event.message).map(|hint| (event.function.clone(), hint));
                        printer.print(event);
                        if let Some((function, hint)) = hint
                            && hints.insert((function.clone(), hint.clone()))
                        {
                            context.ui.hint(&format!("{function}: {hint}"));
                        }
                    }
                    printer.pause();
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
                printer.end();
                return Ok(Box::new(Nothing));
            }
            tail.rest().await;
        }
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
