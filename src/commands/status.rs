//! `rzap status`: what is live, and what differs from rzap.yaml.

use serde_json::{Value, json};

use super::context::{Context, owner_of};
use super::report::{FunctionReport, StageReport};
use crate::config::StageConfig;
use crate::deploy::{self, Any, Change, Found, Front, Function, Place, Release, Share, Terms, Unfinished};
use crate::error::{Error, Kind, Result};
use crate::package::{Package, PackagedLayer};
use crate::ui::{self, Report, Table};

/// Show what is live and what differs from rzap.yaml
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Exit with 3 when something differs
    #[arg(long)]
    check: bool,
}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage(self.stage.as_deref())?;
        let owner = owner_of(&stage);
        let progress = context.ui.progress();
        let look = async {
            let _spin = progress.spin("looking at what is live");
            let cloud = context.cloud(&stage).await?;
            let (found, release, unfinished) = tokio::try_join!(
                deploy::discover(&cloud, &owner, &stage),
                Release::latest(&cloud, &owner),
                Unfinished::find(&cloud, &owner, stage.functions.keys().collect())
            )?;
            Ok::<_, Error>((cloud, found.found, release, unfinished))
        };
        let silent = progress.silent();
        let (packages, live) = tokio::join!(context.packages(&stage, None, &silent), look);
        let (cloud, found, release, unfinished) = live?;
        let built = packages.is_ok();
        let packages = match packages {
            Ok(packages) => packages,
            // Without `--check` it is better to show what can be compared than nothing at all.
            Err(error) if !self.check => {
                context.ui.warn(&format!("the code cannot be compared: {error}"));
                as_deployed(&stage, &found)
            }
            Err(error) => return Err(error),
        };
        let blueprint = deploy::blueprint(&stage, &packages, &Place::of(&cloud))?;
        // A shift that is under way, or was killed, is nobody's hand.
        let shared = unfinished.iter().flat_map(|unfinished| unfinished.functions(&owner));
        let last = release.clone().map(|release| release.leaving_out(shared));
        let terms = Terms { protect: stage.protect, last: last.as_ref(), ..Terms::default() };
        let plan = deploy::plan_on(&blueprint, &found, &terms)?;
        let fronts: Vec<Front> = found.ours.iter().filter_map(|any| Front::of(&cloud, any)).collect();
        let report = StageReport::new(&cloud, (&stage.app, &stage.stage), &live_functions(&found), &fronts);
        let mut report = report.with_schedules(&found.ours);
        for function in &mut report.functions {
            function.share = unfinished.as_ref().and_then(|unfinished| unfinished.share_of(&function.name));
        }
        report.changes = plan.changes();
        // Layers are code: what could not be built cannot be missing or too much.
        report.changes.retain(|change| built || change.kind != deploy::Kind::Layer);
        report.kept.clone_from(&plan.kept);
        report.left_out.clone_from(&stage.left_out);
        report.release = release.as_ref().map(|release| release.number);
        Ok(Box::new(Live { report, release, check: self.check }))
    }
}

/// `3`, or `3 (90 %), 4 (10 %)`.
fn versions(function: &FunctionReport) -> String {
    let version = function.version.as_deref().unwrap_or("–");
    let Some(Share { version: other, percent }) = &function.share else { return version.to_owned() };
    format!("{version} ({} %), {other} ({percent} %)", 100.0 - percent)
}

fn on_the_way(stage: &str) -> String {
    format!(
        "traffic is on its way from one release to the next: a deploy moves it right now, or was killed while it did; \
         then `rzap deploy {stage} --unfinished finish` or `… revert` goes on, and `rzap rollback {stage}` goes back"
    )
}

fn live_functions(found: &Found<Any>) -> Vec<Function> {
    let functions = found.ours.iter().filter_map(|any| match any {
        Any::Function(function) => Some(function.clone()),
        _ => None,
    });
    functions.collect()
}

/// Stands in for packages that could not be built: the code counts as unchanged.
fn as_deployed(stage: &StageConfig, found: &Found<Any>) -> std::collections::BTreeMap<String, Package> {
    let functions = live_functions(found);
    let of = |name: &String| {
        let live = functions.iter().find(|function| &function.short_name == name);
        let settings = live.map(|live| &live.settings);
        Package {
            code_sha256: settings.map(|it| it.code_sha256.clone()).unwrap_or_default(),
            handler: settings.map(|it| it.handler.clone()).unwrap_or_default(),
            layers: settings.iter().flat_map(|it| &it.layers).cloned().map(PackagedLayer::Arn).collect(),
            ..Package::default()
        }
    };
    stage.functions.keys().map(|name| (name.clone(), of(name))).collect()
}

struct Live {
    report: StageReport,
    release: Option<Release>,
    check: bool,
}

impl Report for Live {
    fn text(&self) -> String {
        let StageReport { app, stage, region, account, endpoint, url, functions, changes, kept, .. } = &self.report;
        let place = endpoint.as_ref().map_or_else(|| format!("account {account}"), |endpoint| format!("at {endpoint}"));
        let mut text = format!("{app} {stage}  {region}, {place}\n");
        if let Some(url) = url {
            text.push_str(&format!("{url}\n"));
        }
        if let Some(release) = &self.release {
            let commit = release.commit.as_ref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
            let back = release.rollback_to.map(|to| format!(", back to release {to}")).unwrap_or_default();
            text.push_str(&format!("release {} of {} by {}{commit}{back}\n", release.number, release.at, release.by));
        }
        if functions.is_empty() {
            text.push_str("nothing is deployed\n");
        } else {
            let mut table =
                Table::new(["function", "state", "version", "runtime", "memory", "last change"]).right(&[2, 4]);
            for function in functions {
                table.row([
                    function.name.clone(),
                    function.state.clone().unwrap_or_else(|| "–".to_owned()),
                    versions(function),
                    if function.image.is_empty() { function.runtime.clone() } else { "image".to_owned() },
                    format!("{} MB", function.memory),
                    function.modified.as_deref().map_or_else(|| "–".to_owned(), readable_time),
                ]);
            }
            text.push('\n');
            text.push_str(&table.text());
        }
        if functions.iter().any(|function| function.share.is_some()) {
            text.push_str(&format!("\n{}\n", on_the_way(stage)));
        }
        let warm = self.report.warm_text();
        if !warm.is_empty() {
            text.push_str(&format!("\n{warm}"));
        }
        if changes.is_empty() {
            text.push_str("\nas rzap.yaml says\n");
        }
        let words = ["missing", "different", "to be replaced", "too many"];
        let drift: Vec<Change> = changes.iter().filter_map(Change::drift).collect();
        let pending: Vec<Change> = changes.iter().filter_map(Change::pending).collect();
        if let Some(release) = self.release.as_ref().filter(|_| !drift.is_empty()) {
            let (what, lines) = (ui::summary(&drift, words), ui::plan_text(&drift));
            text.push_str(&format!(
                "\nchanged by hand since release {}: {what} (`rzap deploy {stage}` puts it back)\n{lines}",
                release.number
            ));
        }
        if !pending.is_empty() {
            let (what, lines) = (ui::summary(&pending, words), ui::plan_text(&pending));
            text.push_str(&format!("\ndiffers from rzap.yaml: {what}\n{lines}"));
        }
        if !kept.is_empty() {
            text.push_str(&format!("\nnot in rzap.yaml any more\n{}", ui::plan_text(kept)));
        }
        text
    }

    fn json(&self) -> Value {
        let mut document = self.report.document();
        document["last_release"] = json!(self.release.as_ref().map(Release::document));
        document["drift"] = json!(self.report.changes.iter().any(|change| change.drift().is_some()));
        document["in_sync"] = json!(self.report.changes.is_empty());
        document
    }

    fn exit(&self) -> Option<Kind> {
        (self.check && !self.report.changes.is_empty()).then_some(Kind::Pending)
    }
}

/// `2026-11-21T02:52:00.000+0000` → `2026-11-21 02:52:00 UTC`
fn readable_time(text: &str) -> String {
    match text.strip_suffix("+0000").and_then(|text| text.split('.').next()) {
        Some(time) => format!("{} UTC", time.replace('T', " ")),
        None => text.to_owned(),
    }
}
