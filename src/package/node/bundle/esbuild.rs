//! esbuild: where it is, what it is told, and what it says.
//!
//! It is the project's own when there is one, so that a package is built by the version the project
//! has been tested with.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use super::super::super::program;
use super::super::install::Target;
use super::super::tree::{self, MODULES};
use super::{Format, map};
use crate::error::{Error, OrFailed, Result};

pub(super) struct Esbuild {
    program: PathBuf,
}

/// What it made.
pub(super) struct Made {
    pub(super) code: Vec<u8>,
    pub(super) map: Vec<u8>,
    /// What an ES module exports. Empty for a `cjs` one.
    pub(super) exports: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// The files it consists of, relative to the project.
    inputs: Vec<String>,
}

impl Made {
    /// The folders of the packages that went in, relative to the project.
    pub(super) fn packages(&self) -> BTreeSet<String> {
        let used = self.inputs.iter().filter_map(|path| tree::package_of(path));
        used.map(|(folder, _)| folder.to_owned()).collect()
    }

    /// A compiled file that would have to go in.
    pub(super) fn native_file(&self) -> Option<&str> {
        self.inputs.iter().map(String::as_str).find(|path| Path::new(path).extension().is_some_and(|end| end == "node"))
    }
}

impl Esbuild {
    /// The one installed in `dir` or above it, else the one on `search_path`.
    pub(super) fn find(dir: &Path, search_path: Option<&OsStr>) -> Result<Self> {
        let own = dir.ancestors().map(|folder| folder.join(MODULES).join(".bin/esbuild")).find(|file| file.is_file());
        own.or_else(|| program::find("esbuild", search_path)).map(|program| Self { program }).ok_or_else(|| {
            let listed =
                super::super::manifest::Manifest::read(dir).ok().flatten().is_some_and(|found| found.lists_esbuild());
            let hint = if listed {
                format!(
                    "package.json lists it: run `npm ci` (or what your package manager calls it) in {}",
                    dir.display()
                )
            } else {
                "run `npm install --save-dev esbuild`".to_owned()
            };
            Error::failed("there is no esbuild to bundle the code with").hint(hint)
        })
    }

    /// Bundles `entry` of the project in `dir`. `outside` is what stays an import. A `draft` takes
    /// native files for empty, to see which packages need them.
    pub(super) async fn run(
        &self,
        dir: &Path,
        entry: &str,
        (module, format): (&str, Format),
        target: &Target,
        outside: &[String],
        draft: bool,
    ) -> Result<Made> {
        let folder = tempfile::tempdir().or_failed(|| "make a temporary folder")?;
        let out = fs::canonicalize(folder.path()).or_failed(|| "find the temporary folder")?;
        let name = module.rsplit('/').next().unwrap_or(module);
        let (file, metafile) = (out.join(format!("{name}.bundle.{}", format.ending())), out.join("meta.json"));
        let mut command = Command::new(&self.program);
        command.arg(format!("./{entry}")).args([
            "--bundle",
            "--platform=node",
            "--sourcemap",
            "--sources-content=false",
        ]);
        command.args(["--log-level=warning", "--color=false", "--charset=utf8"]);
        command.arg(format!("--format={}", format.name())).arg(format!("--target=node{}", target.node));
        command.arg(format!("--outfile={}", file.display())).arg(format!("--metafile={}", metafile.display()));
        command.args(outside.iter().map(|name| format!("--external:{name}")));
        if draft {
            command.arg("--loader:.node=empty");
        }
        let output =
            command.current_dir(dir).env_remove("NODE_OPTIONS").stdin(Stdio::null()).kill_on_drop(true).output();
        let output = output.await.or_failed(|| format!("run {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(refused(entry, &said));
        }
        let read = |file: &Path| fs::read(file).or_failed(|| format!("read what esbuild wrote to {}", file.display()));
        let meta: Value = serde_json::from_slice(&read(&metafile)?).or_failed(|| "read esbuild's metafile")?;
        let outputs = meta["outputs"].as_object().into_iter().flat_map(|outputs| outputs.values());
        let exports = outputs
            .filter(|output| output.get("entryPoint").is_some())
            .filter_map(|output| output["exports"].as_array());
        let mut exports: Vec<String> = exports.flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        exports.sort();
        let inputs = meta["inputs"].as_object().into_iter().flat_map(|inputs| inputs.keys().cloned()).collect();
        let stands = Path::new(module).parent().unwrap_or(Path::new(""));
        let written = file.with_extension(format!("{}.map", format.ending()));
        let map = map::moved(&read(&written)?, &out, dir, stands)?;
        Ok(Made { code: read(&file)?, map, exports, warnings: warnings(&said), inputs })
    }
}

fn refused(entry: &str, said: &str) -> Error {
    let mut error = Error::failed(format!("esbuild cannot bundle {entry}"));
    // The message, then its place, then the line with a pointer under it.
    error.causes =
        said.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).take(12).map(str::to_owned).collect();
    if said.contains("Could not resolve") {
        return error.hint("install what it needs (`npm ci`); a package without files to bundle stays out with `keep: [node_modules/NAME]`");
    }
    if said.contains("Top-level await") {
        return error.hint("make it an ES module: `\"type\": \"module\"` in package.json, or the ending `.mts`");
    }
    error.hint("correct the code, or set `bundle: false` to pack it as it is")
}

fn warnings(said: &str) -> Vec<String> {
    let texts: Vec<&str> =
        said.lines().filter_map(|line| line.split_once("[WARNING] ").map(|(_, text)| text.trim())).collect();
    let mut told: Vec<String> = texts.iter().take(5).map(|text| format!("esbuild: {text}")).collect();
    if texts.len() > told.len() {
        told.push(format!("esbuild: and {} more warnings", texts.len() - told.len()));
    }
    told
}
