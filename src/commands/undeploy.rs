//! `rzap undeploy`: the plan that leaves nothing.

use std::time::Instant;

use serde_json::{Value, json};

use super::context::{Context, Locking, owner_of};
use crate::deploy::{self, Change};
use crate::error::{Error, Result};
use crate::ui::{self, Report};

/// Remove a stage: everything rzap made for it, after asking
#[derive(Debug, clap::Args)]
pub(crate) struct Undeploy {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Delete what holds data, too: buckets with objects, queues with messages
    #[arg(long)]
    delete_data: bool,

    /// Leave the log groups and what is in them
    #[arg(long)]
    keep_logs: bool,

    #[command(flatten)]
    locking: Locking,
}

impl Undeploy {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        let (app, name) = (stage.app.clone(), stage.stage.clone());
        if stage.protect {
            return Err(Error::failed(format!("stage `{name}` is protected"))
                .hint("remove `protect: true` from rzap.yaml if you mean it"));
        }
        let owner = owner_of(&stage);
        let progress = context.ui.progress();
        let spin = progress.spin("looking at what is live");
        let cloud = context.cloud(&stage).await?;
        context.lock(&cloud, &owner, &self.locking, false, &progress).await?;
        let found = deploy::discover(&cloud, &owner, &stage).await?.found;
        drop(spin);
        let mut plan = deploy::teardown(&found, self.keep_logs);
        plan.check_teardown(self.delete_data, &name)?;
        let changes = plan.changes();
        if !changes.is_empty() && !self.yes {
            let count = changes.len();
            context.ui.say(&format!("{app} {name} in {} (account {}), to delete:", cloud.region, cloud.account));
            context.ui.say(ui::plan_talk(&changes).trim_end());
            match context.ui.confirm(&format!("Delete these {count} resources?"))? {
                Some(true) => {}
                Some(false) => return Err(Error::failed("nothing was deleted")),
                None => {
                    return Err(Error::usage("deleting a stage needs a yes, and nobody is there to ask")
                        .hint(format!("`rzap undeploy {name} --yes`")));
                }
            }
        }
        let started = Instant::now();
        let careful = context.interrupt.carefully();
        deploy::prune(&cloud, &plan, &progress.of_apply(), &context.interrupt.stop).await?;
        drop(careful);
        // What others need by now has stayed.
        let changes = plan.changes();
        Ok(Box::new(Gone { app, stage: name, changes, took: started.elapsed() }))
    }
}

struct Gone {
    app: String,
    stage: String,
    changes: Vec<Change>,
    took: std::time::Duration,
}

impl Report for Gone {
    fn text(&self) -> String {
        if self.changes.is_empty() {
            return format!("{} {}: nothing is deployed\n", self.app, self.stage);
        }
        let what = ui::summary(&self.changes, ["created", "updated", "replaced", "deleted"]);
        let mut text = format!("{} {}: {what} ({})\n", self.app, self.stage, ui::duration(self.took));
        for secret in self.changes.iter().filter(|change| change.kind == deploy::Kind::Secret) {
            text.push_str(&format!(
                "secret {} can be restored for {} days; its name is taken until then, for all but a deploy of this stage\n",
                secret.name,
                deploy::RECOVERY
            ));
        }
        text
    }

    fn json(&self) -> Value {
        json!({"app": self.app, "stage": self.stage, "changes": self.changes})
    }
}
