//! `rzap deploy`: everything in rzap.yaml becomes so.

use std::time::Instant;

use serde_json::{Value, json};

use super::context::{Context, Locking, owner_of};
use super::gradual::Gradual;
use super::report::{StageReport, new_warm_text};
use crate::deploy::{self, Change, Place, Release, Split};
use crate::error::{Kind, Result};
use crate::ui::{self, Report};

/// Deploy a stage: package, create or update what differs, switch traffic
#[derive(Debug, clap::Args)]
pub(crate) struct Deploy {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Show what would change, change nothing
    #[arg(long)]
    dry_run: bool,

    /// The dry run as Markdown, for a comment in a pull request
    #[arg(long, requires = "dry_run", conflicts_with = "json")]
    markdown: bool,

    #[command(flatten)]
    gradual: Gradual,

    #[command(flatten)]
    locking: Locking,
}

impl Deploy {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let started = Instant::now();
        let stage = context.stage(self.stage.as_deref())?;
        let owner = owner_of(&stage);
        let progress = context.ui.progress();
        let look = async {
            let _spin = progress.spin("looking at what is live");
            let cloud = context.cloud(&stage).await?;
            let made_bucket =
                if self.dry_run { None } else { context.lock(&cloud, &owner, &self.locking, true, &progress).await? };
            let (found, unfinished) =
                tokio::try_join!(deploy::discover(&cloud, &owner), self.gradual.look(&cloud, &stage, &owner))?;
            Ok((cloud, found, made_bucket, unfinished))
        };
        let (packages, (cloud, mut found, made_bucket, unfinished)) =
            tokio::try_join!(context.packages(&stage, None, &progress), look)?;
        let mut settled = None;
        if let Some(unfinished) = unfinished.as_ref().filter(|_| !self.dry_run) {
            settled = Some(self.gradual.settle(context, (&cloud, &owner), unfinished, &progress).await?);
            // Other versions serve now.
            found = deploy::discover(&cloud, &owner).await?;
        }
        let blueprint = deploy::blueprint(&stage, &packages, &Place::of(&cloud))?;
        let plan = deploy::plan(&blueprint, &found)?;
        if self.dry_run {
            let changes = plan.changes();
            let note = new_warm_text(&changes, &blueprint.resources);
            let note = format!("{note}{}", self.gradual.note(&stage, unfinished.as_ref(), &changes));
            let unfinished = unfinished.map(|unfinished| unfinished.splits);
            let (app, stage, markdown, unchanged) = (stage.app, stage.stage, self.markdown, plan.unchanged());
            return Ok(Box::new(DryRun { app, stage, changes, unchanged, note, markdown, unfinished }));
        }
        let careful = context.interrupt.carefully();
        let applied = deploy::apply(&cloud, &plan, &progress.of_apply(), &context.interrupt.stop).await;
        applied.map_err(|error| match error.kind {
            Kind::Interrupted => error,
            _ => error.hint(format!(
                "traffic was not moved; what is done stays done: `rzap deploy {}` continues from here",
                stage.stage
            )),
        })?;
        let way = self.gradual.way(&stage, "deploy");
        let outcome = deploy::turn_over(&cloud, &plan, way, &progress.of_apply(), &context.interrupt.stop).await?;
        deploy::prune(&cloud, &plan, &progress.of_apply(), &context.interrupt.stop).await?;
        let crowded = deploy::crowded(&plan, &outcome);
        let report = StageReport::of_outcome(&cloud, (&stage.app, &stage.stage), outcome);
        let mut report = report.with_schedules(&blueprint.resources);
        report.changes.splice(0..0, made_bucket);
        report.unfinished = settled;
        let latest = if report.changes.is_empty() { Release::latest(&cloud, &owner).await? } else { None };
        let released = report.released();
        report.release = Some(match latest {
            // A run that was killed after its last change has not written its release: then this one does.
            Some(latest) if latest.tells_of(&released, report.api.as_ref()) => latest.number,
            _ => report.record(&cloud, &stage.root, started, released).await?,
        });
        context.retire(&cloud, &owner, &crowded).await;
        drop(careful);
        let note = new_warm_text(&report.changes, &blueprint.resources);
        Ok(Box::new(Done { report, note, took: started.elapsed() }))
    }
}

/// After a deploy.
struct Done {
    report: StageReport,
    /// What was switched on and costs something.
    note: String,
    took: std::time::Duration,
}

impl Report for Done {
    fn text(&self) -> String {
        let StageReport { app, stage, changes, url, release, .. } = &self.report;
        let took = ui::duration(self.took);
        let release = release.map(|number| format!(", release {number}")).unwrap_or_default();
        let mut text = if changes.is_empty() {
            format!("{app} {stage}: nothing to change ({took}{release})\n")
        } else {
            let what = ui::summary(changes, ["created", "updated", "deleted"]);
            format!("{app} {stage}: {what} ({took}{release})\n")
        };
        if let Some(url) = url {
            text.push_str(&format!("{url}\n"));
        }
        text.push_str(&self.note);
        text
    }

    fn json(&self) -> Value {
        self.report.document()
    }
}

/// Instead of a deploy.
struct DryRun {
    app: String,
    stage: String,
    changes: Vec<Change>,
    /// Resources that stay as they are.
    unchanged: usize,
    /// What would be switched on and cost something.
    note: String,
    markdown: bool,
    /// What would be settled first.
    unfinished: Option<Vec<Split>>,
}

impl Report for DryRun {
    fn text(&self) -> String {
        let Self { app, stage, changes, unchanged, note, markdown, .. } = self;
        let title = if changes.is_empty() {
            "nothing to change".to_owned()
        } else {
            let kept = if *unchanged > 0 { format!(", {unchanged} unchanged") } else { String::new() };
            format!("{}{kept}", ui::summary(changes, ["to create", "to update", "to delete"]))
        };
        if *markdown {
            return ui::plan_markdown((app, stage), &title, changes, note);
        }
        format!("{app} {stage}: {title}\n{}{note}", ui::plan_text(changes))
    }

    fn json(&self) -> Value {
        let mut document = json!({
            "app": self.app,
            "stage": self.stage,
            "dry_run": true,
            "changes": self.changes,
            "unchanged": self.unchanged,
        });
        if let Some(splits) = &self.unfinished {
            document["unfinished"] = json!({ "functions": splits });
        }
        document
    }
}
