//! `rzap status` without a stage: all stages of the app, also those that others or branches have deployed, and those
//! of rzap.yaml that nobody has.
//!
//! Stages live where the config says: its accounts and regions are looked at, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::{Cloud, is_denied};
use crate::commands::context::Context;
use crate::config::{Project, StageConfig};
use crate::deploy::{self, Deployed, Functions, Release};
use crate::error::{Error, Result};
use crate::observe::Gap;
use crate::ui::{self, Report, Table};

/// One stage.
struct Row {
    stage: String,
    region: String,
    account: String,
    release: Option<Release>,
    number: u64,
    url: Option<String>,
    /// `None` when functions may not be listed.
    functions: Option<usize>,
    /// The entry of rzap.yaml that stands for it: its own, or a pattern.
    config: Option<String>,
}

struct Stages {
    app: String,
    rows: Vec<Row>,
    gaps: Vec<Gap>,
    now: Timestamp,
}

pub(super) async fn list(context: &Context) -> Result<Box<dyn Report>> {
    let project = context.project()?;
    let progress = context.ui.progress();
    let _spin = progress.spin("looking for stages");
    let mut places: Vec<(StageConfig, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    for name in project.stage_names() {
        // A pattern's place does not depend on what stands for the star.
        let stage = context.stage_to_look_at(Some(&name.replace('*', "x")))?;
        if seen.insert(context.place_of(&stage)) {
            places.push((stage, name));
        }
    }
    let looks = join_all(places.iter().map(|(stage, _)| place(context, stage))).await;
    let mut list = Stages { app: String::new(), rows: Vec::new(), gaps: Vec::new(), now: Timestamp::now() };
    let (mut failed, mut read): (Vec<Error>, usize) = (Vec::new(), 0);
    for ((stage, _), look) in places.iter().zip(looks) {
        list.app.clone_from(&stage.app);
        match look {
            Ok(place) => {
                read += 1;
                list.add(&project, place);
            }
            Err(error) => {
                let region = context.region(stage);
                list.gaps.push(Gap::new(format!("stages in {region}"), Some("s3:ListBucket"), &error));
                failed.push(error);
            }
        }
    }
    if let (0, Some(error)) = (read, failed.into_iter().next()) {
        return Err(if is_denied(&error) { super::blind(error) } else { error });
    }
    list.add_missing(context, &project)?;
    list.rows.sort_by(|a, b| (&a.stage, &a.region).cmp(&(&b.stage, &b.region)));
    Ok(Box::new(list))
}

/// What one account has in one region.
struct Found {
    cloud: Cloud,
    stages: Vec<Deployed>,
    functions: Result<Functions>,
}

async fn place(context: &Context, stage: &StageConfig) -> Result<Found> {
    let cloud = context.cloud(stage).await?;
    let stages = deploy::deployed(&cloud, &stage.app).await?;
    let functions = deploy::functions_of(&cloud, &stage.app, &stages).await;
    Ok(Found { cloud, stages, functions })
}

impl Stages {
    fn add(&mut self, project: &Project, Found { cloud, stages, functions }: Found) {
        let mut counts = match functions {
            Ok(counts) => Some(counts),
            Err(error) => {
                self.gaps.push(Gap::new("functions", Some("lambda:ListFunctions"), &error));
                None
            }
        };
        let row = |stage: String, release: Option<Release>, number, counts: &mut Option<BTreeMap<String, usize>>| {
            let url = release.as_ref().and_then(|release| release.api.as_ref()).map(|api| api.url(&cloud, &stage));
            Row {
                region: cloud.region.clone(),
                account: cloud.account.clone(),
                url,
                functions: counts.as_mut().map(|counts| counts.remove(&stage).unwrap_or_default()),
                config: project.entry_of(&stage),
                release,
                number,
                stage,
            }
        };
        for Deployed { stage, release, number } in stages {
            self.rows.push(row(stage, release, number, &mut counts));
        }
        // Functions without a release: a first deploy that did not get to its end.
        let rest: Vec<String> = counts.iter().flat_map(|counts| counts.keys().cloned()).collect();
        for stage in rest {
            self.rows.push(row(stage, None, 0, &mut counts));
        }
    }

    /// Stages that the config names and that are nowhere.
    fn add_missing(&mut self, context: &Context, project: &Project) -> Result<()> {
        for name in project.stage_names().into_iter().filter(|name| !name.contains('*')) {
            if self.rows.iter().any(|row| row.stage == name) {
                continue;
            }
            let stage = context.stage_to_look_at(Some(&name))?;
            self.rows.push(Row {
                region: context.region(&stage),
                account: String::new(),
                release: None,
                number: 0,
                url: None,
                functions: Some(0),
                config: Some(name.clone()),
                stage: name,
            });
        }
        Ok(())
    }
}

impl Row {
    fn is_deployed(&self) -> bool {
        self.number > 0 || self.functions.is_some_and(|count| count > 0)
    }

    /// `3`, or why there is none.
    fn release_text(&self) -> String {
        match (self.number, self.is_deployed()) {
            (0, true) => "unfinished".to_owned(),
            (0, false) => "not deployed".to_owned(),
            (number, _) => number.to_string(),
        }
    }

    fn json(&self) -> Value {
        let release = self.release.as_ref();
        json!({
            "stage": self.stage,
            "region": self.region,
            "account": Some(&self.account).filter(|account| !account.is_empty()),
            "deployed": self.is_deployed(),
            "release": Some(self.number).filter(|number| *number > 0),
            "at": release.map(|it| &it.at),
            "by": release.map(|it| &it.by),
            "commit": release.and_then(|it| it.commit.as_ref()),
            "url": self.url,
            "functions": self.functions,
            "config": self.config,
        })
    }
}

impl Report for Stages {
    fn text(&self) -> String {
        let dash = || "–".to_owned();
        let mut table = Table::new(["stage", "region", "release", "when", "who", "commit", "functions", "rzap.yaml"]);
        table = table.right(&[6]);
        for row in &self.rows {
            let release = row.release.as_ref();
            table.row([
                row.stage.clone(),
                row.region.clone(),
                row.release_text(),
                release.map_or_else(dash, |it| ui::ago(&it.at, self.now)),
                release.map_or_else(dash, |it| ui::short_arn(&it.by).to_owned()),
                release.and_then(|it| it.commit.clone()).map_or_else(dash, |commit| commit.chars().take(7).collect()),
                row.functions.map_or_else(dash, |count| count.to_string()),
                row.config.clone().unwrap_or_else(|| "no".to_owned()),
            ]);
        }
        let mut text = format!("{}\n\n{}", self.app, table.text());
        let example = self.rows.iter().find(|row| row.is_deployed() && row.config.is_some());
        if let Some(row) = example {
            text.push_str(&format!("\n`rzap status {}` shows one of them\n", row.stage));
        }
        text + &super::text::gaps(&self.gaps)
    }

    fn json(&self) -> Value {
        let stages: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({"app": self.app, "stages": stages, "missing": self.gaps})
    }
}
