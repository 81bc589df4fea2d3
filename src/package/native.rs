//! Rust and Go projects → the `bootstrap` of their functions.
//!
//! cargo and go keep what they have built themselves and know best what is out of date, so they are
//! asked every time. Only the program goes into the package, with what `include` names.

mod cargo;
mod go;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::{Mutex, OnceCell};

use super::bootstrap;
use super::cache;
use super::entry::Entry as File;
use super::program::{self, Ended, Stdout};
use super::types::Step;
use crate::config::{Arch, Entry, FunctionConfig};
use crate::error::{Error, OrFailed, Result};

/// What building takes: where programs are looked for, and who hears of it.
pub(super) struct Site<'a> {
    pub(super) search_path: Option<&'a OsStr>,
    pub(super) tell: &'a (dyn Fn(Step) + Send + Sync),
    /// A folder for what is needed until the packages are written.
    pub(super) scratch: &'a Path,
}

impl Site<'_> {
    /// Runs `command`, shown as `what`, for `functions`.
    pub(super) async fn run(&self, command: Command, stdout: Stdout, what: &str, functions: &str) -> Result<Ended> {
        let (functions, started) = (functions.to_owned(), Instant::now());
        (self.tell)(Step::Building { functions: functions.clone(), what: what.to_owned() });
        let hear = |line: &str| (self.tell)(Step::Said { functions: functions.clone(), line: line.to_owned() });
        let ended = program::run(command, stdout, &hear).await.or_failed(|| format!("run `{what}`"))?;
        if ended.is_success() {
            let took = started.elapsed();
            (self.tell)(Step::Built { functions, what: what.to_owned(), took });
        }
        Ok(ended)
    }
}

/// The programs of one run of rzap.
pub(super) struct Programs<'a> {
    functions: Vec<&'a FunctionConfig>,
    /// By project, processor and runtime.
    cargo: Mutex<BTreeMap<Project<'a>, Built>>,
    /// What go built; removed with this.
    go: Mutex<Vec<TempDir>>,
}

type Project<'a> = (&'a Path, Arch, &'a str);

/// What cargo built, by function; made once.
type Built = Arc<OnceCell<BTreeMap<String, PathBuf>>>;

impl<'a> Programs<'a> {
    /// For all functions that are packaged.
    pub(super) fn of(functions: impl Iterator<Item = &'a FunctionConfig>) -> Self {
        Self { functions: functions.collect(), cargo: Mutex::default(), go: Mutex::default() }
    }

    /// Builds the program of `function` (which stands for those called `names`) and puts it among
    /// `entries`.
    pub(super) async fn place(
        &self,
        entries: &mut Vec<File>,
        function: &'a FunctionConfig,
        names: &str,
        site: &Site<'_>,
    ) -> Result<()> {
        let file = match &function.entry {
            Entry::Cargo(_) => self.cargo(function, site).await?,
            Entry::Go(path) => self.go(function, path, names, site).await?,
            _ => return Ok(()),
        };
        let missing = |error: &std::io::Error| {
            Error::failed(format!("cannot read {}, which was just built", file.display())).because(error)
        };
        let bytes = bootstrap::check(&file, &function.runtime, function.arch, missing)?;
        bootstrap::put(entries, "the program", file, bytes)
    }

    /// One call builds all binaries of a project.
    async fn cargo(&self, function: &'a FunctionConfig, site: &Site<'_>) -> Result<PathBuf> {
        let key = |function: &'a FunctionConfig| {
            let is_cargo = matches!(function.entry, Entry::Cargo(_));
            is_cargo.then_some((function.source.dir.as_path(), function.arch, function.runtime.as_str()))
        };
        let Some(wanted) = key(function) else { return Err(Error::failed("this is no Rust project")) };
        let cell = self.cargo.lock().await.entry(wanted).or_default().clone();
        let built = cell.get_or_try_init(|| {
            let same: Vec<&FunctionConfig> =
                self.functions.iter().copied().filter(|other| key(other) == Some(wanted)).collect();
            async move { cargo::build(&same, site).await }
        });
        let built = built.await?.get(&function.name).cloned();
        built.ok_or_else(|| Error::failed(format!("cargo built nothing for the function `{}`", function.name)))
    }

    async fn go(&self, function: &FunctionConfig, path: &str, names: &str, site: &Site<'_>) -> Result<PathBuf> {
        let folder = cache::scratch(site.scratch)?;
        let file = folder.path().join(bootstrap::NAME);
        self.go.lock().await.push(folder);
        go::build(function, path, &file, names, site).await?;
        Ok(file)
    }
}
