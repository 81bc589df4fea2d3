//! What `deploy` and `update` share of gradual traffic: their flags, and what becomes of a shift that a run
//! which was killed has left unfinished.

use std::time::Duration;

use serde::Serialize;

use super::context::Context;
use crate::aws::Cloud;
use crate::config::{StageConfig, Traffic};
use crate::deploy::{Action, Change, Kind, Owner, Split, Unfinished, Way};
use crate::error::Result;
use crate::ui::{self, Progress};

/// Flags of the commands that move traffic.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Gradual {
    /// All traffic at once, whatever `traffic` in rzap.yaml says
    #[arg(long)]
    at_once: bool,

    /// What to do with the traffic of a run that was killed while it moved [default: asks, or revert]
    #[arg(long, value_name = "RULE")]
    unfinished: Option<Rule>,
}

/// What becomes of an unfinished shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rule {
    /// All traffic to the new versions
    Finish,
    /// All traffic back to the old ones
    Revert,
}

/// What became of one.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settled {
    rule: Rule,
    functions: Vec<Split>,
}

impl Gradual {
    /// How this run moves traffic; `again` is the command that continues it.
    pub(crate) fn way<'a>(&self, stage: &'a StageConfig, again: &'a str) -> Way<'a> {
        Way { stage, traffic: stage.traffic.filter(|_| !self.at_once), again }
    }

    /// What a dry run says of it, in lines; nothing where all moves at once.
    pub(crate) fn note(&self, stage: &StageConfig, unfinished: Option<&Unfinished>, changes: &[Change]) -> String {
        let mut note = String::new();
        if let Some(unfinished) = unfinished {
            let rule = match self.unfinished {
                Some(Rule::Finish) => "finished: the new versions would get all of it",
                Some(Rule::Revert) | None => {
                    "reverted: the old versions would get all of it (`--unfinished finish` is the other way)"
                }
            };
            note.push_str(&format!("{}\n  first it would be {rule}\n", text(unfinished)));
        }
        let moves = |change: &Change| (change.action, change.kind) == (Action::Update, Kind::Function);
        let traffic = self.way(stage, "").traffic.filter(|_| changes.iter().any(moves));
        let steps = traffic.map(Traffic::steps).unwrap_or_default();
        if let (Some((first, wait)), Some((last, _))) = (steps.first(), steps.last()) {
            let seconds: u64 = steps.iter().map(|(_, wait)| wait.as_secs()).sum();
            let shares = if first == last {
                format!("{first} %")
            } else {
                format!("{first} % … {last} %, {} each", ui::duration(*wait))
            };
            note.push_str(&format!("traffic: {shares}, all after {}\n", ui::duration(Duration::from_secs(seconds))));
        }
        note
    }

    /// Looks for an unfinished shift. Where traffic never moves by steps that would be calls for nothing: a
    /// share that somebody gave by hand ends with the next move.
    pub(crate) async fn look(&self, cloud: &Cloud, stage: &StageConfig, owner: &Owner) -> Result<Option<Unfinished>> {
        if stage.traffic.is_none() && self.unfinished.is_none() {
            return Ok(None);
        }
        Unfinished::find(cloud, owner, stage.functions.keys().collect()).await
    }

    /// Finishes or reverts it: as the flag says, else as the user says, else it goes back, which is what the
    /// run would have done.
    pub(crate) async fn settle(
        &self,
        context: &Context,
        (cloud, owner): (&Cloud, &Owner),
        unfinished: &Unfinished,
        progress: &Progress,
    ) -> Result<Settled> {
        progress.say(&text(unfinished));
        let rule = match self.unfinished {
            Some(rule) => rule,
            None => ask(context)?.unwrap_or(Rule::Revert),
        };
        let careful = context.interrupt.carefully();
        match rule {
            Rule::Finish => {
                unfinished.finish(cloud, owner).await?;
                progress.say("finished: the new versions have all of it");
            }
            Rule::Revert => {
                unfinished.revert(cloud, owner).await?;
                progress.say("reverted: the old versions have all of it");
            }
        }
        drop(careful);
        Ok(Settled { rule, functions: unfinished.splits.clone() })
    }
}

/// What an unfinished shift looks like, without a line end.
pub(crate) fn text(unfinished: &Unfinished) -> String {
    let lines = unfinished.lines().into_iter().map(|line| format!("\n  {line}"));
    format!("traffic stands between two releases, and nobody is moving it:{}", lines.collect::<String>())
}

fn ask(context: &Context) -> Result<Option<Rule>> {
    let options = ["finish: all traffic to the new versions", "revert: all traffic back to the old ones"];
    let chosen = context.ui.choose("finish or revert?", &options.map(str::to_owned))?;
    Ok(chosen.map(|index| if index == 0 { Rule::Finish } else { Rule::Revert }))
}
