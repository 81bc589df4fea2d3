//! `rzap package`: the deployment packages, built and size-checked, without a cloud; what weighs most
//! in them, what rules left out, and a page to look at it all.

mod page;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::context::Context;
use crate::config::StageConfig;
use crate::error::{OrFailed as _, Result};
use crate::package::{
    self, Content, Explained, MOST_UNZIPPED, OwnLayer, Package as Built, PackagedLayer, Saving, Weight,
};
use crate::ui::Report;

/// How many folders are named.
const FOLDERS: usize = 8;

/// Build and size-check the deployment packages
#[derive(Debug, clap::Args)]
pub(crate) struct Package {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Write {function}.zip, and the zips of layers, into this folder
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Show which rules left what out, and how to have it in (with -v: every path)
    #[arg(long)]
    explain: bool,

    /// Write a page with a treemap of the packages
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

impl Package {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage(self.stage.as_deref())?;
        let progress = context.ui.progress();
        let mut packages = context.packages(&stage, None, &progress).await?;
        if let Some(folder) = &self.output {
            // A package in the project would be packed into the next one.
            if !folder.exists() {
                std::fs::create_dir_all(folder).or_failed(|| format!("create the folder {}", folder.display()))?;
                package::mark(folder);
            } else if !package::is_marked(folder)
                && let Ok(real) = folder.canonicalize()
                && let Ok(inside) = real.strip_prefix(&stage.root)
            {
                let inside = inside.display();
                context.ui.warn(&format!(
                    "`{inside}` lies in the project: leave it out of the next package with `exclude: [/{inside}/]`"
                ));
            }
            for (name, package) in &mut packages {
                package.file = copy(&package.file, folder, name)?;
                for layer in &mut package.layers {
                    if let PackagedLayer::Own(layer) = layer {
                        let hash = layer.sha256.get(..16).unwrap_or_default();
                        layer.file = copy(&layer.file, folder, &format!("layer-{}-{hash}", layer.part))?;
                    }
                }
            }
        }
        let weighed = weigh(&stage, &packages, self.explain || self.report.is_some());
        if let Some(file) = &self.report {
            page::write(file, &stage, &weighed)?;
            if let Some(pattern) = would_be_packed(&stage, file) {
                context.ui.warn(&format!(
                    "{} lies in the project: leave it out of the next package with `exclude: [{pattern}]`",
                    file.display()
                ));
            }
        }
        let explain = self.explain.then_some(context.ui.is_verbose());
        Ok(Box::new(Packages { built: packages, weighed, explain, report: self.report }))
    }
}

fn copy(zip: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let target = folder.join(format!("{name}.zip"));
    let what = || format!("write {}", target.display());
    // Beside it and renamed: nobody ever sees half a package.
    let temporary = tempfile::NamedTempFile::new_in(folder).or_failed(what)?;
    std::fs::copy(zip, temporary.path()).or_failed(what)?;
    temporary.persist(&target).map_err(|error| error.error).or_failed(what)?;
    Ok(target)
}

/// The pattern that leaves `file` out, when it lies where a function's code is.
fn would_be_packed(stage: &StageConfig, file: &Path) -> Option<String> {
    let real = file.canonicalize().ok()?;
    stage.functions.values().find_map(|function| {
        let inside = real.strip_prefix(function.source.dir.canonicalize().ok()?).ok()?;
        package::is_packed(&function.source, &function.runtime, inside).then(|| format!("/{}", inside.display()))
    })
}

/// One package and the functions that share it.
#[derive(Debug, Serialize)]
struct Weighed {
    functions: Vec<String>,
    sha256: String,
    /// Bytes unpacked and in the zip, without layers.
    unzipped: u64,
    zipped: u64,
    /// The layers that rzap zips.
    layers: Vec<Below>,
    /// What Lambda allows unpacked, layers included.
    limit: u64,
    /// Of the code and its layers, heaviest first, as are the folders.
    parts: Vec<Weight>,
    folders: Vec<Weight>,
    savings: Vec<Saving>,
    #[serde(skip)]
    explained: Vec<Explained>,
    #[serde(skip)]
    package: Built,
}

/// A layer below a package.
#[derive(Debug, Serialize)]
struct Below {
    name: String,
    unzipped: u64,
    zipped: u64,
    files: usize,
    #[serde(skip)]
    contents: Arc<Vec<Content>>,
}

impl Weighed {
    /// Bytes unpacked, with layers.
    fn all(&self) -> u64 {
        self.unzipped + self.layers.iter().map(|layer| layer.unzipped).sum::<u64>()
    }
}

/// The distinct ones of `packages`. What rules left out is counted only when it is `wanted`.
fn weigh(stage: &StageConfig, packages: &BTreeMap<String, Built>, wanted: bool) -> Vec<Weighed> {
    let mut weighed: Vec<Weighed> = Vec::new();
    for (name, package) in packages {
        let Some(function) = stage.functions.get(name) else { continue };
        // Functions that were packed together share the list.
        if let Some(same) = weighed.iter_mut().find(|other| Arc::ptr_eq(&other.package.contents, &package.contents)) {
            same.functions.push(name.clone());
            continue;
        }
        let layers: Vec<Below> = package.own_layers().map(below).collect();
        let mut everything = package.contents.to_vec();
        everything.extend(layers.iter().flat_map(|layer| layer.contents.iter().cloned()));
        weighed.push(Weighed {
            functions: vec![name.clone()],
            sha256: package.sha256.clone(),
            unzipped: package.unzipped,
            zipped: package.zipped,
            limit: MOST_UNZIPPED,
            parts: package::parts(&everything),
            folders: package::folders(&everything, FOLDERS),
            savings: package::savings(function, &everything, true),
            layers,
            explained: if wanted { package::explain(&stage.root, function, package) } else { Vec::new() },
            package: package.clone(),
        });
    }
    weighed
}

fn below(layer: &OwnLayer) -> Below {
    Below {
        name: layer.part.clone(),
        unzipped: layer.unzipped,
        zipped: layer.zipped,
        files: layer.files,
        contents: layer.contents.clone(),
    }
}

struct Packages {
    built: BTreeMap<String, Built>,
    weighed: Vec<Weighed>,
    /// Wanted, and whether with every path.
    explain: Option<bool>,
    report: Option<PathBuf>,
}

impl Report for Packages {
    fn text(&self) -> String {
        let one = |weighed: &Weighed| match self.explain {
            Some(all) => text::explained(weighed, all),
            None => text::weighed(weighed, &self.built),
        };
        let mut text = self.weighed.iter().map(one).collect::<Vec<_>>().join("\n");
        if let Some(report) = &self.report {
            text.push_str(&format!("\nreport: {}\n", report.display()));
        }
        text
    }

    fn json(&self) -> Value {
        let mut document = json!({"packages": self.built, "weights": self.weighed});
        if self.explain.is_some() {
            let explained = self.weighed.iter();
            document["explained"] =
                explained.map(|weighed| json!({"functions": weighed.functions, "rules": weighed.explained})).collect();
        }
        if let Some(report) = &self.report {
            document["report"] = json!(report);
        }
        document
    }
}
