//! `rzap package`: the deployment packages, built and size-checked, without a cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::Context;
use crate::error::{OrFailed as _, Result};
use crate::package::{self, Package as Built};
use crate::ui::{Report, Table, bytes};

/// Build and size-check the deployment packages
#[derive(Debug, clap::Args)]
pub(crate) struct Package {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// Write {function}.zip into this folder
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
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
                package.file = copy(package, folder, name)?;
            }
        }
        Ok(Box::new(Packages { packages }))
    }
}

fn copy(package: &Built, folder: &Path, name: &str) -> Result<PathBuf> {
    let target = folder.join(format!("{name}.zip"));
    let what = || format!("write {}", target.display());
    // Beside it and renamed: nobody ever sees half a package.
    let temporary = tempfile::NamedTempFile::new_in(folder).or_failed(what)?;
    std::fs::copy(&package.file, temporary.path()).or_failed(what)?;
    temporary.persist(&target).map_err(|error| error.error).or_failed(what)?;
    Ok(target)
}

struct Packages {
    packages: BTreeMap<String, Built>,
}

impl Report for Packages {
    fn text(&self) -> String {
        let mut table = Table::new(["function", "zipped", "unzipped", "files", "package"]).right(&[1, 2, 3]);
        for (name, package) in &self.packages {
            let file = package.file.display().to_string();
            table.row([name.clone(), bytes(package.zipped), bytes(package.unzipped), package.files.to_string(), file]);
        }
        let mut text = table.text();
        let mut seen = BTreeSet::new();
        for package in self.packages.values().filter(|package| seen.insert(&package.sha256)) {
            let heaviest = package.heaviest.iter().take(5).filter(|part| part.unzipped * 20 > package.unzipped);
            let parts: Vec<String> = heaviest.map(|part| format!("{} {}", part.name, bytes(part.unzipped))).collect();
            if package.heaviest.len() > 1 && !parts.is_empty() {
                text.push_str(&format!("heaviest: {}\n", parts.join(", ")));
            }
        }
        text
    }

    fn json(&self) -> Value {
        json!({"packages": self.packages})
    }
}
