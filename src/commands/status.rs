//! `rzap status`: what is live, how it does, and what differs from rzap.yaml.
//!
//! Everything about the stage is asked for side by side ([`look`]). What one may not see is left out and named.
//! Building packages to compare the code takes longer than all of that: what is live is shown first.

mod look;
mod numbers;
mod report;
mod stages;
mod text;
mod watch;

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::future::{Either, select};
use jiff::Timestamp;

use self::look::{Seen, look};
use self::report::{Drift, Live};
use super::context::{Context, owner_of};
use crate::config::StageConfig;
use crate::deploy::{self, Any, Found, Function, Place, Terms};
use crate::error::{Error, Result};
use crate::observe::Window;
use crate::package::{Package, PackagedLayer};
use crate::ui::{self, Report};

/// Show what is live, how it does and what differs from rzap.yaml; without a stage, all stages of the app
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// The stage; without one all stages of the app are listed, also those of others
    stage: Option<String>,

    /// Exit with 3 when something differs; looks at nothing else
    #[arg(long, conflicts_with_all = ["window", "watch", "no_drift"])]
    check: bool,

    /// How far back invocations, errors and durations go: 10m, 1h, 7d [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = window)]
    window: Option<i64>,

    /// Do not compare with rzap.yaml, which may have to build packages
    #[arg(long)]
    no_drift: bool,

    /// Look again every so many seconds, until Ctrl-C; does not compare with rzap.yaml
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,
}

/// Seconds.
const HOUR: i64 = 3600;

/// Seconds, at least a minute.
fn window(text: &str) -> std::result::Result<i64, String> {
    match ui::age(text) {
        Ok(ms @ 60_000..=Window::LONGEST) => Ok(ms / 1000),
        Ok(_) => Err("between 1m and 14d: CloudWatch keeps minutes for 15 days".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The window that ends now.
fn window_now(length: i64) -> Window {
    Window::new(length, Timestamp::now().as_second())
}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let about_one = self.check || self.no_drift || self.window.is_some() || self.watch.is_some();
        if self.stage.is_none() && !about_one {
            return stages::list(context).await;
        }
        let length = self.window.unwrap_or(HOUR);
        if let Some(seconds) = self.watch {
            let stage = context.stage_to_look_at(self.stage.as_deref())?;
            return watch::watch(context, &stage, length, std::time::Duration::from_secs(seconds)).await;
        }
        let name = self.stage.as_deref();
        let stage = if self.no_drift { context.stage_to_look_at(name)? } else { context.stage(name)? };
        // Whoever checks in CI needs neither numbers nor the permission for them.
        let window = (!self.check).then(|| window_now(length));
        let progress = context.ui.progress();
        let live = async {
            let _spin = progress.spin("looking at what is live");
            let cloud = context.cloud_to_look_at(&stage).await?;
            look(cloud, &stage, window).await
        };
        if self.no_drift {
            return Ok(Box::new(Live::new(&stage, live.await?)));
        }
        let silent = progress.silent();
        let packages = pin!(context.packages(&stage, None, &silent));
        let (packages, mut live) = match select(packages, pin!(live)).await {
            Either::Left((packages, live)) => (packages, Live::new(&stage, live.await?)),
            Either::Right((live, packages)) => {
                let mut live = Live::new(&stage, live?);
                if !self.check && !context.ui.is_json() {
                    live.say_now(context.ui);
                }
                let _spin = progress.spin("comparing with rzap.yaml");
                (packages.await, live)
            }
        };
        if self.check {
            live.seen.insist()?;
        }
        let built = packages.is_ok();
        let packages = match packages {
            Ok(packages) => packages,
            // Without `--check` it is better to show what can be compared than nothing at all.
            Err(error) if !self.check => {
                context.ui.warn(&format!("the code cannot be compared: {error}"));
                as_deployed(&stage, &live.seen.found)
            }
            Err(error) => return Err(error),
        };
        live.compare(drift(&stage, &live.seen, &packages, built)?, self.check);
        Ok(Box::new(live))
    }
}

/// What differs from rzap.yaml, as far as it may be seen.
fn drift(stage: &StageConfig, seen: &Seen, packages: &BTreeMap<String, Package>, built: bool) -> Result<Drift> {
    let owner = owner_of(stage);
    let blueprint = deploy::blueprint(stage, packages, &Place::of(&seen.cloud))?;
    // A shift that is under way, or was killed, is nobody's hand.
    let shared = seen.unfinished.iter().flat_map(|unfinished| unfinished.functions(&owner));
    let last = seen.release.clone().map(|release| release.leaving_out(shared));
    let terms = Terms { protect: stage.protect, last: last.as_ref(), ..Terms::default() };
    let plan = deploy::plan_on(&blueprint, &seen.found, &terms)?;
    let mut changes = plan.changes();
    // Layers are code: what could not be built cannot be missing or too much. Nor can what may not be looked for.
    changes.retain(|change| built || change.kind != deploy::Kind::Layer);
    changes.retain(|change| seen.refused.iter().all(|(kind, _)| *kind != change.kind));
    Ok(Drift { changes, kept: plan.kept, is_whole: seen.refused.is_empty() && seen.knows_release })
}

fn live_functions(found: &Found<Any>) -> Vec<Function> {
    let functions = found.ours.iter().filter_map(|any| match any {
        Any::Function(function) => Some(function.clone()),
        _ => None,
    });
    functions.collect()
}

/// Stands in for packages that could not be built, or that nobody needs: the code counts as unchanged.
fn as_deployed(stage: &StageConfig, found: &Found<Any>) -> BTreeMap<String, Package> {
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

/// What fails when nothing at all could be read.
fn blind(error: Error) -> Error {
    error.hint("`rzap policy --deployer` prints what whoever runs rzap needs")
}
