//! The report that `deploy`, `update` and `status` share: what a stage is now, and what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};

use super::gradual::Settled;
use crate::aws::Cloud;
use crate::deploy::{
    Action, Any, Change, Front, Function, Kind, Marks, Outcome, Release, ReleasedFunction, ServedApi, Share, Url,
};
use crate::error::Result;
use crate::observe::{AS_OF, Cost, SCHEDULER_FREE};
use crate::ui;

/// A stage with its functions.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StageReport {
    pub(crate) app: String,
    pub(crate) stage: String,
    pub(crate) account: String,
    pub(crate) region: String,
    /// Set when the stage does not live on AWS itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// Where the stage answers; null when it has neither an API nor a function URL.
    pub(crate) url: Option<String>,
    pub(crate) functions: Vec<FunctionReport>,
    pub(crate) changes: Vec<Change>,
    /// What is not in rzap.yaml any more and stays because of what it holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) kept: Vec<Change>,
    /// What of rzap.yaml the local cloud does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<String>,
    /// The number of the release that serves.
    pub(crate) release: Option<u64>,
    /// The shift that a killed run had left, and what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unfinished: Option<Settled>,
    /// What a release records of the API.
    #[serde(skip)]
    pub(crate) api: Option<ServedApi>,
}

/// One function of the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FunctionReport {
    /// The name in the config.
    pub(crate) name: String,
    /// The name on AWS.
    pub(crate) function_name: String,
    pub(crate) arn: String,
    /// The version the alias `live` serves; null when there is none yet.
    pub(crate) version: Option<String>,
    /// The version that gets a part of the traffic beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) share: Option<Share>,
    pub(crate) code_sha256: String,
    /// Empty for a container image.
    pub(crate) runtime: String,
    /// The address of the container image; not there for a zip.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) image: String,
    /// MB.
    pub(crate) memory: i32,
    /// In their order: rzap's own by name, others by the ARN of the version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) layers: Vec<String>,
    /// Where it answers: its API's or its own URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// What `keep_warm` takes, where it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep_warm: Option<KeepWarm>,
    /// As AWS calls it: `Active`, `Pending`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    /// When AWS says it was changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<String>,
    /// How its own URL answers.
    #[serde(skip)]
    pub(crate) answers: Url,
}

/// What keeping a function warm takes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct KeepWarm {
    pub(crate) calls_per_month: u32,
    /// US dollars a month, without what the account has free.
    pub(crate) lambda_usd: f64,
    pub(crate) scheduler_usd: f64,
    /// Whose prices, and of when.
    pub(crate) prices: &'static str,
}

/// For how long a warm call is billed, in ms: an assumption. The bridge answers it without the app.
const WARM_MS: f64 = 5.0;

impl StageReport {
    /// From functions and APIs as they are.
    pub(crate) fn new(cloud: &Cloud, (app, stage): (&str, &str), functions: &[Function], fronts: &[Front]) -> Self {
        let report = |function| FunctionReport::new(cloud, function, fronts);
        let mut functions: Vec<_> = functions.iter().map(report).collect();
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        let of_api = fronts.first().map(|front| front.url.clone());
        let url = of_api.or_else(|| functions.iter().find_map(|function| function.url.clone()));
        Self {
            app: app.to_owned(),
            stage: stage.to_owned(),
            account: cloud.account.clone(),
            region: cloud.region.clone(),
            endpoint: cloud.endpoint.clone(),
            url,
            functions,
            changes: Vec::new(),
            kept: Vec::new(),
            left_out: Vec::new(),
            release: None,
            unfinished: None,
            api: None,
        }
    }

    /// From what a plan's execution left behind.
    pub(crate) fn of_outcome(cloud: &Cloud, owner: (&str, &str), outcome: Outcome) -> Self {
        let report = Self::new(cloud, owner, &outcome.functions, &outcome.fronts);
        Self { changes: outcome.changes, api: outcome.api, ..report }
    }

    /// Adds what the schedules among `resources` keep warm.
    pub(crate) fn with_schedules(mut self, resources: &[Any]) -> Self {
        let mut warm = warm_functions(resources);
        for function in &mut self.functions {
            function.keep_warm = warm.remove(&function.function_name).map(|(_, warm)| warm);
        }
        self
    }

    /// What `keep_warm` costs and does, a paragraph per function; nothing where it is off.
    pub(crate) fn warm_text(&self) -> String {
        let warm = self.functions.iter().filter_map(|function| Some((&function.name, function.keep_warm.as_ref()?)));
        warm.map(|(name, warm)| warm.text(name)).collect()
    }

    /// The document, always with all its keys.
    pub(crate) fn document(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|error| json!({"error": error.to_string()}))
    }

    /// What a release records of the functions.
    pub(crate) fn released(&self) -> BTreeMap<String, ReleasedFunction> {
        let functions = self.functions.iter().map(|function| {
            let released = ReleasedFunction {
                version: function.version.clone().unwrap_or_default(),
                code_sha256: function.code_sha256.clone(),
                url: Some(function.answers),
            };
            (function.name.clone(), released)
        });
        functions.collect()
    }

    /// Writes down the release of this moment, which follows on `last`, and returns its number. That is the number
    /// of the newest release, and that release where it could be read: what stood beside it is settled now.
    pub(crate) async fn record(
        &self,
        cloud: &Cloud,
        root: &Path,
        (newest, last): (u64, Option<&Release>),
        started: Instant,
        (functions, marks): (BTreeMap<String, ReleasedFunction>, Marks),
    ) -> Result<u64> {
        let seconds = started.elapsed().as_secs_f64();
        let release = Release {
            number: 0,
            app: self.app.clone(),
            stage: self.stage.clone(),
            at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            by: cloud.caller.clone(),
            commit: commit_of(root).await,
            rzap: env!("CARGO_PKG_VERSION").to_owned(),
            seconds: (seconds * 10.0).round() / 10.0,
            functions,
            api: self.api.clone(),
            rollback_to: None,
            marks,
            unfinished: BTreeSet::new(),
        };
        let number = release.write(cloud, Some(newest)).await?;
        if let Some(last) = last {
            last.forget_unfinished(cloud).await;
        }
        Ok(number)
    }
}

/// By its name on AWS, each function that one of the schedules keeps warm, with its name in the config.
fn warm_functions(resources: &[Any]) -> BTreeMap<String, (String, KeepWarm)> {
    let schedules = resources.iter().filter_map(|any| match any {
        Any::Schedule(schedule) => schedule.warms(),
        _ => None,
    });
    let function = |name: &str| {
        resources.iter().find_map(|any| match any {
            Any::Function(function) if function.name == name => Some(function),
            _ => None,
        })
    };
    let all = schedules.filter_map(|(name, calls)| {
        let function = function(name)?;
        let settings = &function.settings;
        let cost = Cost::of_calls(calls, settings.memory, settings.arch == "arm64", WARM_MS);
        let warm =
            KeepWarm { calls_per_month: calls, lambda_usd: cost.lambda, scheduler_usd: cost.scheduler, prices: AS_OF };
        Some((name.to_owned(), (function.short_name.clone(), warm)))
    });
    all.collect()
}

/// What `keep_warm` costs and does, when it is one of these changes that switches it on.
pub(crate) fn new_warm_text(changes: &[Change], resources: &[Any]) -> String {
    let made = |change: &Change| (change.action, change.kind) == (Action::Create, Kind::Schedule);
    if !changes.iter().any(made) {
        return String::new();
    }
    warm_functions(resources).into_values().map(|(name, warm)| warm.text(&name)).collect()
}

impl KeepWarm {
    fn text(&self, function: &str) -> String {
        let Self { calls_per_month, lambda_usd, scheduler_usd, prices } = self;
        let total = (lambda_usd + scheduler_usd).max(0.01);
        format!(
            "keep_warm {function}: {} calls a month, about ${total:.2} (Lambda ${lambda_usd:.4}, if each takes {WARM_MS} ms; \
             Scheduler ${scheduler_usd:.4}, after {SCHEDULER_FREE} free calls; {prices})\n  \
             it keeps one process warm, not several, and a deploy still starts cold\n",
            ui::count(*calls_per_month as usize)
        )
    }
}

impl FunctionReport {
    fn new(cloud: &Cloud, function: &Function, fronts: &[Front]) -> Self {
        let own = function.decided.url.get().filter(|_| function.url.is_open()).cloned();
        let front = fronts.iter().find(|front| front.functions.contains(&function.name));
        Self {
            name: function.short_name.clone(),
            function_name: function.name.clone(),
            arn: cloud.function_arn(&function.name),
            version: function.decided.version.get().cloned(),
            share: None,
            code_sha256: function.settings.code_sha256.clone(),
            runtime: function.settings.runtime.clone(),
            image: function.settings.image.clone(),
            memory: function.settings.memory,
            layers: function.settings.layers.clone(),
            url: own.or_else(|| front.map(|front| front.url.clone())),
            state: function.decided.state.clone(),
            modified: function.decided.modified.clone(),
            keep_warm: None,
            answers: function.url,
        }
    }
}

/// The git commit of a folder, if it is a checkout and git is there.
async fn commit_of(root: &Path) -> Option<String> {
    let mut git = tokio::process::Command::new("git");
    git.args(["rev-parse", "--short=12", "HEAD"]).current_dir(root).kill_on_drop(true);
    let output = git.stdin(std::process::Stdio::null()).output().await.ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}
