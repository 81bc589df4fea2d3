//! `rzap rollback`: back to a release, by moving what serves.

use std::time::Instant;

use serde_json::{Value, json};

use super::context::{Context, Locking, owner_of};
use crate::deploy::{Records, Rollback as Way};
use crate::error::{Kind, Result};
use crate::ui::{self, Report};

/// Go back to a release: its code and configuration serve again, at once
#[derive(Debug, clap::Args)]
pub(crate) struct Rollback {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// The number of the release [default: the one that served before]
    release: Option<u64>,

    /// Show what would move, move nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    locking: Locking,
}

impl Rollback {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let started = Instant::now();
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        let owner = owner_of(&stage);
        let progress = context.ui.progress();
        let spin = progress.spin("looking at what is live");
        let cloud = context.cloud(&stage).await?;
        let lock = async {
            if self.dry_run {
                return Ok(None);
            }
            context.lock(&cloud, &owner, &self.locking, false, &progress).await
        };
        let (records, _) = tokio::try_join!(Records::read(&cloud, &owner, self.release), lock)?;
        let way = records.plan(&cloud, &owner, self.release).await?;
        drop(spin);
        let (app, stage) = (stage.app, stage.stage);
        if self.dry_run || way.is_done() {
            return Ok(Box::new(Done {
                app,
                stage,
                way,
                dry_run: self.dry_run,
                release: None,
                took: started.elapsed(),
            }));
        }
        let careful = context.interrupt.carefully();
        way.apply(&cloud, &owner, &context.interrupt.stop).await.map_err(|error| {
            if error.kind == Kind::Interrupted {
                return error;
            }
            let again = format!("rzap rollback {stage} {}", way.to);
            error.hint(format!("some traffic may have moved already: run `{again}` again, it continues"))
        })?;
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let seconds = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        // Of a shift that ends there is nothing to write: what serves is the newest release as it stands there.
        let release = if way.ends_shift {
            None
        } else {
            let release = way.record(&cloud, at, seconds).await.map_err(|error| {
                error
                    .hint(format!("release {} serves again; `rzap rollback {stage} {}` writes it down", way.to, way.to))
            })?;
            Some(release)
        };
        drop(careful);
        Ok(Box::new(Done { app, stage, way, dry_run: false, release, took: started.elapsed() }))
    }
}

/// After a rollback, or instead of one.
struct Done {
    app: String,
    stage: String,
    way: Way,
    dry_run: bool,
    /// The number of the release that was written.
    release: Option<u64>,
    took: std::time::Duration,
}

impl Report for Done {
    fn text(&self) -> String {
        let Self { app, stage, way, .. } = self;
        let to = way.to;
        let mut text = match self.release {
            Some(release) => {
                format!("{app} {stage}: back at release {to} ({}, release {release})\n", ui::duration(self.took))
            }
            None if way.ends_shift && !self.dry_run => {
                format!("{app} {stage}: all traffic is back at release {to} ({})\n", ui::duration(self.took))
            }
            None if way.is_done() => return format!("{app} {stage}: release {to} is live already, nothing to move\n"),
            None => format!("{app} {stage}: would go back to release {to}\n"),
        };
        for one in &way.moves {
            text.push_str(&format!("  {}: version {} → {}\n", one.function, one.from, one.to));
        }
        if way.api {
            text.push_str("  API: as it was in that release\n");
        }
        for (name, version) in &way.stays {
            text.push_str(&format!("  {name}: stays at version {version}, release {to} did not have it\n"));
        }
        if self.release.is_some() || (way.ends_shift && !self.dry_run) {
            text.push_str(&format!(
                "rzap.yaml and the code differ from it: `rzap deploy {stage}` moves forward again\n"
            ));
        }
        text
    }

    fn json(&self) -> Value {
        let Self { app, stage, way, .. } = self;
        json!({
            "app": app, "stage": stage, "dry_run": self.dry_run, "from": way.from, "to": way.to, "release": self.release,
            "moves": way.moves, "api": way.api, "stays": way.stays,
        })
    }
}
