//! `rzap unlock`: for the lock of a run that does not give it back.

use serde_json::{Value, json};

use super::context::{Context, owner_of};
use crate::deploy::{Holder, Pulse};
use crate::error::{Error, Result};
use crate::ui::Report;

/// Remove the lock of a stage: at once when who held it is gone, otherwise after asking
#[derive(Debug, clap::Args)]
pub(crate) struct Unlock {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Do not ask, even when who holds it is at work
    #[arg(long, short)]
    yes: bool,
}

/// What can happen when the holder is at work.
const RISK: &str = "a run whose lock is removed notices within 15 s and starts nothing more, but what it has under \
                    way goes on: a deploy that starts before it has stopped may mix its changes with that run's";

impl Unlock {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        let owner = owner_of(&stage);
        let progress = context.ui.progress();
        let spin = progress.spin("looking at the lock");
        let cloud = context.cloud(&stage).await?;
        let holder = Holder::find(&cloud, &owner).await?;
        drop(spin);
        let (app, stage) = (stage.app, stage.stage);
        let Some(holder) = holder else {
            return Ok(Box::new(Unlocked { app, stage, holder: None, removed: false }));
        };
        let forced = holder.pulse == Pulse::Alive;
        if forced && !self.yes {
            let locked = format!("stage `{stage}` is locked by {}", holder.who());
            if context.ui.can_ask() {
                context.ui.say(&format!("{locked}: {}\n{RISK}", life(&holder)));
            }
            match context.ui.confirm("Remove the lock all the same?")? {
                Some(true) => {}
                Some(false) => return Err(Error::failed("the lock was not removed")),
                None => {
                    let error = Error::failed(format!("{locked}, and that run is at work: {}", life(&holder)));
                    let error = Error { details: Some(Box::new(json!({ "holder": holder }))), ..error };
                    return Err(error
                        .hint("wait for it to end, or stop it there with Ctrl-C: it gives the lock back")
                        .hint(format!("`rzap unlock {stage} --yes` removes it all the same; {RISK}")));
                }
            }
        }
        let removed = holder.remove(&cloud, &owner, forced).await?;
        Ok(Box::new(Unlocked { app, stage, holder: Some(holder), removed }))
    }
}

/// Why the holder counts as gone, or does not.
fn life(holder: &Holder) -> String {
    let heartbeat = holder.silent_for.map(|seconds| format!("its last heartbeat was {seconds} s ago"));
    match holder.pulse {
        Pulse::Dead => "its process on this machine is gone".to_owned(),
        Pulse::Silent | Pulse::Alive => heartbeat.unwrap_or_else(|| "nobody can tell its last heartbeat".to_owned()),
    }
}

/// What was there, and what is now.
struct Unlocked {
    app: String,
    stage: String,
    holder: Option<Holder>,
    removed: bool,
}

impl Report for Unlocked {
    fn text(&self) -> String {
        let Self { app, stage, holder, removed } = self;
        match holder {
            None => format!("{app} {stage}: not locked\n"),
            Some(holder) if !removed => {
                format!("{app} {stage}: not locked any more\n  it was held by {}\n", holder.who())
            }
            Some(holder) => {
                format!("{app} {stage}: unlocked\n  it was held by {}: {}\n", holder.who(), life(holder))
            }
        }
    }

    fn json(&self) -> Value {
        json!({"app": self.app, "stage": self.stage, "removed": self.removed, "holder": self.holder})
    }
}
