//! `rzap tail`: the logs of all functions of a stage, merged in time order.

mod look;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, Zoned};

use self::look::Look;
use super::context::{Context, known_functions, owner_of};
use crate::config::StageConfig;
use crate::deploy::{self, Owner};
use crate::error::{Error, Result};
use crate::observe::{self, LogEvent, Notice, Step, Wanted};
use crate::ui::{Nothing, Report, Ui, When, when};

/// What the access log is called among the functions.
const API: &str = "api";

/// Show the logs of all functions of a stage, in time order, and follow them
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Only these functions [default: all]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// The API's access log, too; with functions named, beside theirs
    #[arg(long)]
    api: bool,

    /// From when on: 10m, 2h, yesterday, 14:00, "2026-11-20 14:00", 2026-11-20T14:00:00Z
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = when)]
    since: When,

    /// Until when, in the same words; a time that has passed ends it
    #[arg(long, value_name = "TIME", value_parser = when)]
    until: Option<When>,

    /// CloudWatch's filter pattern, e.g. ERROR or '{ $.level = "error" }'
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,

    /// Have AWS send new events by Live Tail sessions, which it charges for by the minute
    #[arg(long, conflicts_with = "no_follow")]
    live: bool,

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
        let (since, until) = self.times()?;
        let owner = owner_of(&stage);
        let wanted = |name: &&String| self.functions.is_empty() || self.functions.contains(*name);
        let mut groups: BTreeMap<String, String> = stage
            .functions
            .keys()
            .filter(wanted)
            .map(|name| (name.clone(), deploy::log_group_name(&deploy::function_name(&owner, name))))
            .collect();
        if self.api {
            let group = api_group(&stage, &owner)?;
            // A function of that name keeps it: it has no space in its name.
            let source = if stage.functions.contains_key(API) { "access log" } else { API };
            groups.insert(source.to_owned(), group);
        }
        let mut printer = self.look.printer(context.ui, groups.keys());
        let past = until.is_some_and(|until| until <= Timestamp::now().as_millisecond());
        let wanted = Wanted {
            stage: stage.stage.clone(),
            groups,
            since,
            until,
            pattern: self.filter,
            follow: !self.no_follow && !past,
            live: self.live,
        };
        let mut tail = observe::Tail::new(context.cloud(&stage).await?, wanted);
        let mut hints = BTreeSet::new();
        loop {
            let step = tail.next().await.inspect_err(|_| printer.end())?;
            let Some(step) = step else { break };
            match step {
                Step::Events(events) => {
                    for event in events {
                        let missing = hint(&event, &mut hints);
                        printer.print(event);
                        if let Some(missing) = missing {
                            printer.pause();
                            context.ui.hint(&missing);
                        }
                    }
                }
                Step::Notice(notice) => {
                    printer.pause();
                    say(context.ui, &notice);
                }
                // What is in its way was said: the log cannot be read.
                Step::Renew => {
                    if let Ok(cloud) = context.cloud(&stage).await {
                        tail.renew(cloud);
                    }
                }
                Step::Quiet => printer.pause(),
            }
        }
        printer.end();
        Ok(Box::new(Nothing))
    }

    /// From when until when, ms since 1970.
    fn times(&self) -> Result<(i64, Option<i64>)> {
        let now = Zoned::now();
        let since = self.since.at(&now)?;
        let until = self.until.as_ref().map(|until| until.at(&now)).transpose()?;
        if until.is_some_and(|until| until < since) {
            return Err(Error::usage("--until is before --since").hint("without --since, it begins 10 minutes ago"));
        }
        Ok((since, until))
    }
}

/// The log group of the stage's access log.
fn api_group(stage: &StageConfig, owner: &Owner) -> Result<String> {
    if stage.access_log.is_none() {
        let error = Error::usage(format!("stage `{}` has no access log", stage.stage));
        return Err(error.hint(format!(
            "add `access_log: true` to rzap.yaml and run `rzap deploy {}`; function URLs have none",
            stage.stage
        )));
    }
    Ok(deploy::access_log_name(owner))
}

/// What to add so that a module is found: once for each function.
fn hint(event: &LogEvent, said: &mut BTreeSet<(String, String)>) -> Option<String> {
    // Most lines can be told from such a text by a word.
    const WORDS: [&str; 6] = ["odule", "package '", "import name", "ELF", "shared object", "required by"];
    if !WORDS.iter().any(|word| event.message.contains(word)) {
        return None;
    }
    let hint = observe::hint(&event.message)?;
    said.insert((event.function.clone(), hint.clone())).then(|| format!("{}: {hint}", event.function))
}

fn say(ui: Ui, notice: &Notice) {
    if notice.is_warning {
        ui.warn(&notice.text);
    } else {
        ui.say(&notice.text);
    }
    if let Some(hint) = &notice.hint {
        ui.hint(hint);
    }
}
