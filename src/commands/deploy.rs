//! `rzap deploy`: everything in rzap.yaml becomes so.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use super::context::{Context, Locking, owner_of};
use super::gradual::Gradual;
use super::provisioned::new_provisioned_text;
use super::report::{StageReport, new_warm_text};
use crate::aws::Cloud;
use crate::config::{FunctionConfig, Role, StageConfig};
use crate::deploy::{self, Any, Blueprint, Change, Flag, Marks, Outcome, Place, Plan, Release, Split, Terms, Way};
use crate::error::{Error, Kind, Result};
use crate::ui::{self, Progress, Report};

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
    allowed: Allowed,

    #[command(flatten)]
    locking: Locking,
}

/// What nobody has to ask for any more.
#[derive(Debug, clap::Args)]
struct Allowed {
    /// Allow what stops something that answers: an address that goes, a function that is made anew
    #[arg(long)]
    allow_replace: bool,

    /// Delete also what holds data, when it is not in rzap.yaml any more or has to be replaced
    #[arg(long)]
    delete_data: bool,

    /// Do not ask before putting back what was changed by hand
    #[arg(long, short)]
    yes: bool,
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
            let (found, newest, unfinished) = tokio::join!(
                deploy::discover(&cloud, &owner, &stage),
                Release::newest(&cloud, &owner),
                self.gradual.look(&cloud, &stage, &owner)
            );
            Ok((cloud, found?, newest, made_bucket, unfinished?))
        };
        let (packages, (cloud, mut found, newest, made_bucket, unfinished)) =
            tokio::try_join!(context.packages(&stage, None, &progress), look)?;
        let (newest, last) = match newest {
            // A dry run writes nothing down.
            Err(error) if self.dry_run => (0, Err(error)),
            newest => newest?,
        };
        // It only tells changes by hand from others: a stage is not stuck with a record that cannot be read.
        let last = last.unwrap_or_else(|error| {
            context.ui.warn(&format!("changes made by hand cannot be told from others: {error}"));
            None
        });
        // A shift that was killed is nobody's hand.
        let shared = unfinished.iter().flat_map(|unfinished| unfinished.functions(&owner));
        let last = last.map(|last| last.leaving_out(shared));
        let mut settled = None;
        if let Some(unfinished) = unfinished.as_ref().filter(|_| !self.dry_run) {
            settled = Some(self.gradual.settle(context, (&cloud, &owner), unfinished, &progress).await?);
            // Other versions serve now.
            found = deploy::discover(&cloud, &owner, &stage).await?;
        }
        let mut blueprint = deploy::blueprint(&stage, &packages, &Place::of(&cloud))?;
        if self.allowed.delete_data && !stage.protect {
            blueprint.allow_deleting_data();
        }
        let terms = Terms {
            allow_replace: self.allowed.allow_replace,
            delete_data: self.allowed.delete_data,
            protect: stage.protect,
            last: last.as_ref(),
        };
        let plan = deploy::plan_on(&blueprint, &found.found, &terms)?;
        if self.dry_run {
            let mut dry = DryRun::new(&stage, &blueprint, &plan, &terms, self.markdown);
            dry.note.push_str(&self.gradual.note(&stage, unfinished.as_ref(), &dry.changes));
            dry.unfinished = unfinished.map(|unfinished| unfinished.splits);
            return Ok(Box::new(dry));
        }
        plan.check(&terms, &stage.stage)?;
        self.check(&cloud, &stage, &plan).await?;
        self.ask(context, &plan.changes(), last.as_ref())?;
        let again = format!("rzap deploy {}{}", stage.stage, terms.flags());
        let careful = context.interrupt.carefully();
        let remembering = found.remember(&cloud, &owner, &blueprint.resources);
        let way = self.gradual.way(&stage, &again);
        let carrying = carry_out(context, &cloud, &plan, &progress, way);
        let outcome = if found.has_news(&blueprint.resources) {
            remembering.await?;
            carrying.await
        } else {
            // Nothing depends on it: without it the next deploy looks for all kinds, and writes it.
            tokio::join!(remembering, carrying).1
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                if let Some(last) = &last
                    && let Err(error) = last.note_unfinished(&cloud, plan.touched()).await
                {
                    context.ui.detail(&format!("what this run has changed could not be written down: {error}"));
                }
                return Err(error);
            }
        };
        let crowded = deploy::crowded(&plan, &outcome);
        let report = StageReport::of_outcome(&cloud, (&stage.app, &stage.stage), outcome);
        let mut report = report.with_schedules(&blueprint.resources);
        report.changes.splice(0..0, made_bucket);
        report.unfinished = settled;
        report.kept.clone_from(&plan.kept);
        report.left_out.clone_from(&stage.left_out);
        let released = report.released();
        let unchanged = last.as_ref().filter(|_| report.changes.is_empty());
        report.release = Some(match unchanged {
            // A run that was killed after its last change has not written its release: then this one does.
            Some(last) if last.tells_of(&released, report.api.as_ref()) => last.number,
            _ => {
                let made = deploy::settled(&cloud, &blueprint.resources);
                let released = (released, Marks::of(&made));
                report.record(&cloud, &stage.root, (newest, last.as_ref()), started, released).await?
            }
        });
        context.retire(&cloud, &owner, &crowded).await;
        drop(careful);
        let note = notes(&report.changes, &blueprint.resources) + &unset_text(&plan, &stage.stage);
        Ok(Box::new(Done { report, note, took: started.elapsed() }))
    }

    /// Refuses what would fail half way.
    async fn check(&self, cloud: &Cloud, stage: &StageConfig, plan: &Plan) -> Result<()> {
        if self.gradual.way(stage, "").traffic.is_some() {
            deploy::check_shift(plan, &stage.stage)?;
        }
        deploy::check_access_log(cloud, plan).await
    }

    /// Shows what somebody changed by hand and this deploy puts back, always; asks where somebody can answer.
    fn ask(&self, context: &Context, changes: &[Change], last: Option<&Release>) -> Result<()> {
        let drift: Vec<Change> = changes.iter().filter_map(Change::drift).collect();
        let Some(last) = last.filter(|_| !drift.is_empty()) else { return Ok(()) };
        let lines = ui::plan_talk(&drift);
        context.ui.warn(&format!(
            "changed by hand since release {}; this deploy puts it back:\n{}",
            last.number,
            lines.trim_end()
        ));
        if self.allowed.yes || context.ui.confirm("Put it back?")? != Some(false) {
            return Ok(());
        }
        Err(Error::failed("nothing was changed").hint("write into rzap.yaml what is to stay, then deploy again"))
    }
}

/// Makes all ready, moves traffic, deletes what is left over. `way` says how.
async fn carry_out(
    context: &Context,
    cloud: &Cloud,
    plan: &Plan,
    progress: &Progress,
    way: Way<'_>,
) -> Result<Outcome> {
    let stop = &context.interrupt.stop;
    let applied = deploy::apply(cloud, plan, &progress.of_apply(), stop).await;
    applied.map_err(|error| match error.kind {
        Kind::Interrupted => error,
        _ => error.hint(format!("traffic was not moved; what is done stays done: `{}` continues from here", way.again)),
    })?;
    let outcome = deploy::turn_over(cloud, plan, way, &progress.of_apply(), stop).await?;
    deploy::prune(cloud, plan, &progress.of_apply(), stop).await?;
    Ok(outcome)
}

/// After a deploy.
struct Done {
    report: StageReport,
    /// What was switched on and costs something, and what is still to do.
    note: String,
    took: std::time::Duration,
}

impl Report for Done {
    fn text(&self) -> String {
        let StageReport { app, stage, changes, kept, url, release, .. } = &self.report;
        let took = ui::duration(self.took);
        let release = release.map(|number| format!(", release {number}")).unwrap_or_default();
        let mut text = if changes.is_empty() {
            format!("{app} {stage}: nothing to change ({took}{release})\n")
        } else {
            let what = ui::summary(changes, ["created", "updated", "replaced", "deleted"]);
            format!("{app} {stage}: {what} ({took}{release})\n")
        };
        text.push_str(&ui::plan_text(kept));
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
    /// What is not in rzap.yaml any more and stays because of what it holds.
    kept: Vec<Change>,
    /// Resources that stay as they are.
    unchanged: usize,
    /// Flags without which the deploy would be refused.
    needs: BTreeSet<Flag>,
    /// It would be refused with any flags: the stage is protected.
    forbidden: bool,
    /// What would be switched on and cost something.
    note: String,
    markdown: bool,
    /// What would be settled first.
    unfinished: Option<Vec<Split>>,
    /// What of rzap.yaml the local cloud does not have.
    left_out: Vec<String>,
}

/// What changes cost that cost something while nobody calls.
fn notes(changes: &[Change], resources: &[Any]) -> String {
    new_warm_text(changes, resources) + &new_provisioned_text(changes, resources)
}

impl DryRun {
    fn new(stage: &StageConfig, blueprint: &Blueprint, plan: &Plan, terms: &Terms<'_>, markdown: bool) -> Self {
        let changes = plan.changes();
        Self {
            app: stage.app.clone(),
            stage: stage.stage.clone(),
            note: notes(&changes, &blueprint.resources) + &brought_text(stage, &changes),
            changes,
            kept: plan.kept.clone(),
            unchanged: plan.unchanged(),
            needs: plan.lacks(terms),
            forbidden: plan.is_forbidden(terms),
            markdown,
            unfinished: None,
            left_out: stage.left_out.clone(),
        }
    }

    /// What the deploy would say to this.
    fn verdict(&self) -> String {
        let stage = &self.stage;
        if self.forbidden {
            return format!("refused: stage {stage} is protected (`protect: true` in rzap.yaml), whatever the flags\n");
        }
        let flags: Vec<&str> = self.needs.iter().map(|flag| flag.as_str()).collect();
        if flags.is_empty() { String::new() } else { format!("refused without {}\n", flags.join(" and ")) }
    }
}

/// Which secrets have no value yet, and how they get one.
fn unset_text(plan: &Plan, stage: &str) -> String {
    let line = |name: String| format!("secret {name} has no value yet: `rzap secret set {stage} {name}`\n");
    deploy::without_value(plan).into_iter().map(line).collect()
}

/// Which functions run as a role of somebody else's, though the config asks for something that a role has to allow.
fn brought_text(stage: &StageConfig, changes: &[Change]) -> String {
    let asks = |function: &&FunctionConfig| !function.uses.is_empty() || !function.triggers.is_empty();
    let line = |function: &FunctionConfig| match &function.role {
        Role::Arn(arn) => {
            Some(format!("{} runs as {arn}: rzap does not change what that role may do\n", function.name))
        }
        Role::Own | Role::Shared => None,
    };
    if changes.is_empty() { String::new() } else { stage.functions.values().filter(asks).filter_map(line).collect() }
}

impl Report for DryRun {
    fn text(&self) -> String {
        let Self { app, stage, changes, kept, unchanged, note, markdown, .. } = self;
        let title = if changes.is_empty() {
            "nothing to change".to_owned()
        } else {
            let kept = if *unchanged > 0 { format!(", {unchanged} unchanged") } else { String::new() };
            format!("{}{kept}", ui::summary(changes, ["to create", "to update", "to replace", "to delete"]))
        };
        let lines: Vec<Change> = changes.iter().chain(kept).cloned().collect();
        let note = format!("{note}{}", self.verdict());
        if *markdown {
            return ui::plan_markdown((app, stage), &title, &lines, &note);
        }
        format!("{app} {stage}: {title}\n{}{note}", ui::plan_text(&lines))
    }

    fn json(&self) -> Value {
        let mut document = json!({
            "app": self.app,
            "stage": self.stage,
            "dry_run": true,
            "changes": self.changes,
            "kept": self.kept,
            "unchanged": self.unchanged,
            "needs": self.needs,
            "refused": self.forbidden || !self.needs.is_empty(),
        });
        if !self.left_out.is_empty() {
            document["left_out"] = json!(self.left_out);
        }
        if let Some(splits) = &self.unfinished {
            document["unfinished"] = json!({ "functions": splits });
        }
        document
    }
}
