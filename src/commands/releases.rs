//! `rzap releases`: what has served a stage, and what serves it now.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, owner_of};
use crate::deploy::{self, Release};
use crate::error::Result;
use crate::ui::{self, Report, Table};

/// List the releases of a stage, newest first, and which one is live
#[derive(Debug, clap::Args)]
pub(crate) struct Releases {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Releases {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        let owner = owner_of(&stage);
        let progress = context.ui.progress();
        let spin = progress.spin("reading the releases");
        let cloud = context.cloud(&stage).await?;
        let mut numbers = Release::numbers(&cloud, &owner).await?;
        let all = numbers.len();
        numbers.truncate(self.limit as usize);
        let releases = Release::read_all(&cloud, &owner, &numbers).await?;
        let names: BTreeSet<&String> = releases.iter().flat_map(|release| release.functions.keys()).collect();
        let (live, shared) = deploy::live_versions(&cloud, &owner, names).await?;
        drop(spin);
        let live = deploy::serving(&releases, &live).map(|release| release.number);
        let older = all - releases.len();
        Ok(Box::new(List { app: stage.app, stage: stage.stage, releases, live, shared, older, now: Timestamp::now() }))
    }
}

struct List {
    app: String,
    stage: String,
    /// Newest first.
    releases: Vec<Release>,
    /// The number of the one that serves.
    live: Option<u64>,
    /// Some traffic goes to other versions.
    shared: bool,
    /// How many are not shown.
    older: usize,
    now: Timestamp,
}

impl Report for List {
    fn text(&self) -> String {
        let Self { app, stage, .. } = self;
        if self.releases.is_empty() {
            return format!("{app} {stage}: no releases; `rzap deploy {stage}` makes the first one\n");
        }
        let mut table = Table::new(["release", "when", "who", "commit", "took", "versions", ""]).right(&[0, 4]);
        for release in &self.releases {
            let versions = release.functions.iter().map(|(name, function)| format!("{name} {}", function.version));
            let live = (self.live == Some(release.number)).then(|| "live".to_owned());
            let back = release.rollback_to.map(|number| format!("back to {number}"));
            table.row([
                release.number.to_string(),
                ui::ago(&release.at, self.now),
                ui::short_arn(&release.by).to_owned(),
                release.commit.clone().unwrap_or_else(|| "–".to_owned()),
                format!("{:.1} s", release.seconds),
                versions.collect::<Vec<_>>().join(", "),
                live.into_iter().chain(back).collect::<Vec<_>>().join(", "),
            ]);
        }
        let mut text = table.text();
        if self.older > 0 {
            text.push_str(&format!("{} older: `--limit` shows more\n", ui::count(self.older)));
        }
        if self.live.is_none() {
            text.push_str("none of these serves as it was released: `rzap status` shows what is live\n");
        }
        if self.shared {
            text.push_str("some traffic goes to newer versions already: `rzap status` shows how much\n");
        }
        text
    }

    fn json(&self) -> Value {
        let releases = self.releases.iter().map(|release| {
            let mut document = release.document();
            document["live"] = json!(self.live == Some(release.number));
            document
        });
        let releases: Vec<Value> = releases.collect();
        json!({"app": self.app, "stage": self.stage, "live": self.live, "releases": releases, "older": self.older, "shared": self.shared})
    }
}
