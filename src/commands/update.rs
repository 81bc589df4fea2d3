//! `rzap update`: the same plan narrowed to function code and layers, in as few calls as that takes.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::future::try_join_all;
use serde_json::Value;

use super::context::{Context, Locking, known_functions, owner_of};
use super::gradual::Gradual;
use super::report::StageReport;
use crate::aws::Cloud;
use crate::config::{FunctionConfig, StageConfig};
use crate::deploy::{
    self, Any, Found, Function, Listener, Marks, Outcome, Place, Plan, Release, ReleasedFunction, Resource as _,
    StaticFiles, Stop, Way,
};
use crate::error::{Error, Result};
use crate::package::Package;
use crate::ui::{self, Report};

/// Update the code of functions with its layers, and nothing else
#[derive(Debug, clap::Args)]
pub(crate) struct Update {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Only these functions [default: all]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    #[command(flatten)]
    gradual: Gradual,

    #[command(flatten)]
    locking: Locking,
}

impl Update {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let started = Instant::now();
        let stage = context.stage(self.stage.as_deref())?;
        known_functions(&stage, &self.functions)?;
        let owner = owner_of(&stage);
        let Self { functions, gradual, locking, .. } = self;
        let names: Vec<String> =
            if functions.is_empty() { stage.functions.keys().cloned().collect() } else { functions };
        let progress = context.ui.progress();
        let look = async {
            let _spin = progress.spin("looking at what is live");
            let cloud = context.cloud(&stage).await?;
            let lock = context.lock(&cloud, &owner, &locking, false, &progress);
            let (locked, live) = tokio::join!(lock, Live::find(&cloud, &owner, &names, &stage));
            locked?;
            let unfinished = gradual.look(&cloud, &stage, &owner).await?;
            Ok((cloud, live, unfinished))
        };
        let (packages, (cloud, live, unfinished)) =
            tokio::try_join!(context.packages(&stage, Some(&names), &progress), look)?;
        let scope = Scope { cloud: &cloud, owner: &owner, stage: &stage, names: &names, packages: &packages };
        // What was seen before the lock was held may have changed until it was. To a change of a function that is
        // no harm: it names the revision that was seen, and Lambda takes it for no other. Anything else is looked
        // at again.
        let mut plan = match live {
            Ok(live) => scope.plan(live).await,
            Err(error) => Err(error),
        };
        let mut settled = None;
        if let Some(unfinished) = &unfinished {
            settled = Some(gradual.settle(context, (&cloud, &owner), unfinished, &progress).await?);
        }
        // Once that is settled, other versions serve.
        if settled.is_some() || !plan.as_ref().is_ok_and(|plan| !plan.is_empty()) {
            plan = scope.plan_anew().await;
        }
        let mut plan = plan?;
        let careful = context.interrupt.carefully();
        let listener = progress.of_apply();
        let applying = scope.apply(&mut plan, &listener, &context.interrupt.stop);
        let (applied, before) = tokio::join!(applying, Release::newest(&cloud, &owner));
        let again = format!("rzap update {}", stage.stage);
        let way = gradual.way(&stage, &again);
        let outcome = match applied {
            Ok(()) => scope.finish(&plan, way, &listener, &context.interrupt.stop).await,
            Err(error) => Err(error),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                // Nobody else is to be taken for the one who did it; a stage that is in trouble has more than this.
                if let Ok((_, Ok(Some(last)))) = &before {
                    let _ = last.note_unfinished(&cloud, plan.touched()).await;
                }
                return Err(error);
            }
        };
        let crowded = deploy::crowded(&plan, &outcome);
        let mut report = StageReport::of_outcome(&cloud, (&stage.app, &stage.stage), outcome);
        report.unfinished = settled;
        // A release tells of all functions, those that this run did not look at as they were.
        let (newest, last) = before?;
        let last = last?;
        let mut all = last.as_ref().map(|last| last.functions.clone()).unwrap_or_default();
        all.retain(|name, _| stage.functions.contains_key(name));
        for (name, released) in report.released() {
            let url = all.get(&name).and_then(|before| before.url);
            all.insert(name, ReleasedFunction { url, ..released });
        }
        // A run that was killed after its last change has not written its release: then this one does.
        let untold = last.as_ref().is_some_and(|last| {
            all.iter().any(|(name, now)| last.functions.get(name).map(|told| &told.version) != Some(&now.version))
        });
        if !plan.is_empty() || untold {
            let mut marks = last.as_ref().map(|last| last.marks.clone()).unwrap_or_default();
            if let Some(last) = &last {
                marks.forget(&last.unfinished);
            }
            let marks = marks.after_update(Marks::of(plan.wanted()));
            report.api = last.as_ref().and_then(|last| last.api.clone());
            let before = (newest, last.as_ref());
            report.release = Some(report.record(&cloud, &stage.root, before, started, (all, marks)).await?);
        }
        context.retire(&cloud, &owner, &crowded).await;
        drop(careful);
        Ok(Box::new(Done { report, took: started.elapsed() }))
    }
}

/// What an update is about.
struct Scope<'a> {
    cloud: &'a Cloud,
    owner: &'a deploy::Owner,
    stage: &'a StageConfig,
    names: &'a [String],
    packages: &'a BTreeMap<String, Package>,
}

impl Scope<'_> {
    async fn plan(&self, Live { functions: live, layers }: Live) -> Result<Plan> {
        let Self { cloud, owner, stage, packages, .. } = self;
        let images = stage.images();
        let blueprint = deploy::code_only(owner, &live, packages, &images, &Place::of(cloud))?;
        let replaced = replaced_layers(cloud, owner, stage, &blueprint, &layers).await?;
        // Looking at them is worth its call only when they may have changed.
        let serves = blueprint.resources.iter().any(|any| matches!(any, Any::StaticFiles(_)));
        let files = if serves { StaticFiles::discover(cloud, owner).await?.ours } else { Vec::new() };
        let found = live.into_iter().map(Any::Function).chain(replaced.into_iter().map(Any::Layer));
        let found = found.chain(files.into_iter().map(Any::StaticFiles));
        let plan = deploy::plan(&blueprint, &Found::ours(found.collect()))?;
        plan.check_in_place(&stage.stage)?;
        Ok(plan)
    }

    async fn plan_anew(&self) -> Result<Plan> {
        self.plan(Live::find(self.cloud, self.owner, self.names, self.stage).await?).await
    }

    /// Makes all ready. What has changed since the plan was made is looked at once more.
    async fn apply(&self, plan: &mut Plan, listener: &Listener, stop: &Stop) -> Result<()> {
        let mut applied = deploy::apply(self.cloud, plan, listener, stop).await;
        if applied.as_ref().is_err_and(|error| has_cause(error, "PreconditionFailedException")) {
            *plan = self.plan_anew().await?;
            applied = deploy::apply(self.cloud, plan, listener, stop).await;
        }
        applied.map_err(|error| {
            let gone = has_cause(&error, "NoSuchBucket");
            let hint = || format!("the artifact bucket is missing: run `rzap deploy {}`", self.stage.stage);
            if gone { error.hint(hint()) } else { error }
        })
    }

    /// Moves traffic, deletes what is left over.
    async fn finish(&self, plan: &Plan, way: Way<'_>, listener: &Listener, stop: &Stop) -> Result<Outcome> {
        let outcome = deploy::turn_over(self.cloud, plan, way, listener, stop).await?;
        deploy::prune(self.cloud, plan, listener, stop).await?;
        Ok(outcome)
    }
}

fn has_cause(error: &Error, code: &str) -> bool {
    error.causes.iter().any(|cause| cause.contains(code))
}

/// What an update looks at.
struct Live {
    functions: Vec<Function>,
    /// The stage's layers, where the functions have some: also those that an update which was killed has left behind.
    layers: Vec<deploy::Layer>,
}

impl Live {
    async fn find(cloud: &Cloud, owner: &deploy::Owner, names: &[String], stage: &StageConfig) -> Result<Self> {
        let functions = names.iter().map(|name| live_function(cloud, owner, name, stage.functions.get(name)));
        let functions = try_join_all(functions).await?;
        let own =
            functions.iter().flat_map(|function| &function.settings.layers).any(|layer| !layer.starts_with("arn:"));
        let layers = if own { deploy::Layer::discover(cloud, owner).await?.ours } else { Vec::new() };
        Ok(Self { functions, layers })
    }
}

async fn live_function(
    cloud: &Cloud,
    owner: &deploy::Owner,
    name: &str,
    config: Option<&FunctionConfig>,
) -> Result<Function> {
    let full = deploy::function_name(owner, name);
    let found = Function::read_code(cloud, owner, &full).await?;
    if let Some(key) = found.foreign.first() {
        return Err(key.not_ours(owner));
    }
    let function = found.ours.into_iter().next().map(|function| Function { short_name: name.to_owned(), ..function });
    let function = function.ok_or_else(|| {
        Error::failed(format!("the function `{name}` of stage `{}` is not deployed", owner.stage))
            .hint(format!("run `rzap deploy {}` first; `update` changes code only", owner.stage))
    })?;
    if let Some(config) = config {
        function.check_code_only(cloud, config).await?;
    }
    Ok(function)
}

/// The layers that nobody has any more when the blueprint is carried out.
async fn replaced_layers(
    cloud: &Cloud,
    owner: &deploy::Owner,
    stage: &StageConfig,
    blueprint: &deploy::Blueprint,
    published: &[deploy::Layer],
) -> Result<Vec<deploy::Layer>> {
    let replaced = deploy::replaced_layers(blueprint, published, &[]);
    if replaced.is_empty() {
        return Ok(replaced);
    }
    // Only now do the other functions matter.
    let known = |name: &str| {
        blueprint.resources.iter().any(|any| matches!(any, Any::Function(function) if function.short_name == name))
    };
    let others = stage.functions.keys().filter(|name| !known(name));
    let others =
        others.map(|name| async move { Function::read_code(cloud, owner, &deploy::function_name(owner, name)).await });
    let others: Vec<Function> = try_join_all(others).await?.into_iter().flat_map(|found| found.ours).collect();
    Ok(deploy::replaced_layers(blueprint, published, &others))
}

struct Done {
    report: StageReport,
    took: std::time::Duration,
}

impl Report for Done {
    fn text(&self) -> String {
        let StageReport { app, stage, changes, functions, .. } = &self.report;
        let took = ui::duration(self.took);
        let updated =
            |name: &str| changes.iter().any(|change| change.kind == deploy::Kind::Function && change.name == name);
        let mut lines = String::new();
        for function in functions.iter().filter(|function| updated(&function.function_name)) {
            let version = function.version.as_deref().unwrap_or("?");
            lines.push_str(&format!("{app} {stage}: {} is version {version} ({took})\n", function.name));
        }
        if lines.is_empty() { format!("{app} {stage}: the code is up to date ({took})\n") } else { lines }
    }

    fn json(&self) -> Value {
        self.report.document()
    }
}
