//! `rzap.yaml`: found, read, checked as a whole, and resolved into one stage's `StageConfig`.
//!
//! ```text
//! bytes ─► raw (a tree with spans) ─► check (everything wrong, at once) ─► resolve ─► StageConfig
//!            └ syntax                   └ keys, names                       └ precedence, values, limits,
//!                                                                             interpolate, policies, code
//! ```
//!
//! Owns the schema: `keys` has the words, `precedence` says which place wins, `resolve` the defaults.
//! Reads the project's folder, and the environment only for the variables the file names. Refuses
//! to know AWS, the clock or the network, and prints nothing.

pub(crate) mod access_log;
pub(crate) mod asynchronous;
mod check;
pub(crate) mod cloudformation;
mod code;
pub(crate) mod concurrency;
mod event_pattern;
mod fields;
mod folder;
mod image;
mod interpolate;
mod keys;
mod limits;
mod local;
mod locate;
mod names;
mod packing;
mod policies;
mod precedence;
mod raw;
pub(crate) mod reference;
mod resolve;
pub(crate) mod resources;
mod role;
mod routes;
mod smoke;
pub(crate) mod stage;
pub(crate) mod suggest;
mod syntax;
mod traffic;
pub(crate) mod triggers;
mod uses;
mod values;
mod web;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, OrFailed as _, Result};

pub(crate) use asynchronous::Destination;
use locate::{FILE, Problems};
use raw::{Kind, Map};
use resolve::{File, Purpose};
pub(crate) use role::Role;
pub(crate) use smoke::{Get, Invoke, Smoke};
pub(crate) use stage::{Arch, Entry, FunctionConfig, Http, Image, Layer, Source, StageConfig, StaticFiles, Web};
pub(crate) use traffic::Traffic;

/// Bytes. No config needs more, and a wrong file should not fill memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// One app: its checked `rzap.yaml`, from which any stage can be resolved.
pub(crate) struct Project {
    /// The folder of `rzap.yaml`, absolute and without links.
    pub(crate) root: PathBuf,
    source: String,
    top: Map,
    stages: Map,
    /// The environment variables the file mentions, as far as they are set. Maybe secret.
    env: BTreeMap<String, String>,
}

/// Says nothing of the file's content: it may hold values of the environment.
impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Project").field("root", &self.root).finish_non_exhaustive()
    }
}

/// The nearest folder with an `rzap.yaml`: `start` or one above it.
pub(crate) fn find(start: &Path) -> Result<PathBuf> {
    let start = start
        .canonicalize()
        .map_err(|error| Error::usage(format!("cannot open the folder `{}`", start.display())).because(&error))?;
    for folder in start.ancestors() {
        if folder.join(FILE).is_file() {
            return Ok(folder.to_owned());
        }
        let misnamed = folder.join("rzap.yml");
        if misnamed.is_file() {
            return Err(Error::usage(format!("the config is called `{FILE}`, not `rzap.yml`")).hint(format!(
                "mv {} {}",
                misnamed.display(),
                folder.join(FILE).display()
            )));
        }
    }
    Err(Error::usage(format!("no `{FILE}` here or in any folder above `{}`", start.display()))
        .hint("run `rzap init` to write one, or name the folder with `--project DIR`"))
}

/// Reads `rzap.yaml` in `root` and checks all of it, every stage included; one error carries
/// everything that is wrong. `environment` is asked only for the variables the file names.
///
/// Two things alone do not fail here, since reading the logs of `prod` takes neither the secrets of
/// `prod` nor its code: a variable of the environment that is not set, and a module or executable
/// that is not there. `Project::stage` insists on them for one stage, `Project::check` on the files
/// of all.
pub(crate) fn load(root: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Project> {
    let root = root
        .canonicalize()
        .map_err(|error| Error::usage(format!("cannot open the folder `{}`", root.display())).because(&error))?;
    let source = read(&root)?;
    parse(root, source, environment)
}

/// Checks a text as the `rzap.yaml` of a folder that has none yet: every stage, and the files it names.
pub(crate) fn check_text(root: &Path, text: &str) -> Result<()> {
    let root = root.canonicalize().or_failed(|| format!("open the folder {}", root.display()))?;
    let project = parse(root, text.to_owned(), &|_| None)?;
    project.check()?;
    project.stage_names().iter().try_for_each(|name| project.stage(Some(name)).map(drop))
}

fn parse(root: PathBuf, source: String, environment: &dyn Fn(&str) -> Option<String>) -> Result<Project> {
    let mut problems = Problems::default();
    let top = match raw::parse(&source, &mut problems).map(|node| (node.kind, node.span)) {
        Some((Kind::Map(top), _)) if !top.0.is_empty() => top,
        Some((Kind::Null | Kind::Map(_), _)) => {
            return Err(Error::usage(format!("`{FILE}` is empty")).hint("run `rzap init` for one to start from"));
        }
        Some((_, span)) => {
            problems.add(&span, "the file has to be a map of keys", "start with `app: NAME`");
            Map::default()
        }
        None => Map::default(),
    };
    let stages = match top.get("stages") {
        Some(entry) => keys::map_of(entry, "a map of stages", &mut problems).cloned().unwrap_or_default(),
        None => Map::default(),
    };
    let env = mentioned(&top, environment);
    let project = Project { root, source, top, stages, env };
    if !project.top.0.is_empty() {
        check::file(project.file(), &mut problems);
    }
    problems.forgive_disk();
    problems.into_result(&project.source)?;
    Ok(project)
}

/// The text of the file, without a byte order mark.
fn read(root: &Path) -> Result<String> {
    let path = root.join(FILE);
    let failed = |error: std::io::Error| Error::usage(format!("cannot read `{}`", path.display())).because(&error);
    let mut bytes = Vec::new();
    std::fs::File::open(&path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::usage(format!("`{FILE}` is larger than 1 MiB")));
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Error::usage(format!("`{FILE}` is UTF-16")).hint("save it as UTF-8"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].split(|&byte| byte == b'\n').count();
        Error::usage(format!("`{FILE}` is not UTF-8: line {line} has a byte that cannot be read"))
            .hint("save it as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The environment variables that any text of the file names.
fn mentioned(map: &Map, environment: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open: Vec<&Kind> = map.0.iter().map(|entry| &entry.value.kind).collect();
    while let Some(kind) = open.pop() {
        match kind {
            Kind::Map(map) => open.extend(map.0.iter().map(|entry| &entry.value.kind)),
            Kind::List(items) => open.extend(items.iter().map(|item| &item.kind)),
            Kind::Text(text) => {
                let set = interpolate::variables(text).filter_map(|name| Some((name.to_owned(), environment(name)?)));
                found.extend(set);
            }
            Kind::Null | Kind::Bool(..) | Kind::Number(..) => {}
        }
    }
    found
}

impl Project {
    fn file(&self) -> File<'_> {
        File { source: &self.source, root: &self.root, top: &self.top, stages: &self.stages, env: &self.env }
    }

    /// The stages in file order, patterns (`pr-*`) among them.
    pub(crate) fn stage_names(&self) -> Vec<String> {
        self.stages.0.iter().map(|stage| stage.key.clone()).collect()
    }

    /// Everything that is wrong, the files of every stage included.
    pub(crate) fn check(&self) -> Result<()> {
        let mut problems = Problems::default();
        check::file(self.file(), &mut problems);
        problems.into_result(&self.source)
    }

    /// The stage of this name, resolved for a deploy. Its own entry counts first, then the longest
    /// pattern that matches. Without a name it is the only stage there is.
    pub(crate) fn stage(&self, name: Option<&str>) -> Result<StageConfig> {
        self.resolve(name, Purpose::Deploy)
    }

    /// The same for people's eyes: what comes from the environment may be secret and stays
    /// `${env.NAME}`.
    pub(crate) fn stage_to_show(&self, name: Option<&str>) -> Result<StageConfig> {
        self.resolve(name, Purpose::Show)
    }

    /// The same for looking at what is deployed. Names, region and profile are right; the code may
    /// be missing, and variables that are not set are left out of `env`. Not to be deployed.
    pub(crate) fn stage_to_look_at(&self, name: Option<&str>) -> Result<StageConfig> {
        self.resolve(name, Purpose::Look)
    }

    fn resolve(&self, name: Option<&str>, purpose: Purpose) -> Result<StageConfig> {
        let (declared, name) = self.declared(name)?;
        let mut problems = Problems::default();
        let config = resolve::stage(self.file(), declared, name, purpose, &mut problems);
        problems.into_result(&self.source)?;
        match config {
            Some(config) => Ok(config),
            // Something is not known without the environment; a deploy's error says what.
            None if purpose == Purpose::Look => self.resolve(Some(name), Purpose::Deploy),
            None => Err(Error::failed(format!("cannot resolve stage `{name}`"))),
        }
    }

    /// The key of the entry that stands for a stage: its own name, or the pattern that matches it. `None` when the file
    /// knows no such stage.
    pub(crate) fn entry_of(&self, name: &str) -> Option<String> {
        self.declared(Some(name)).ok().map(|(entry, _)| entry.key.clone())
    }

    /// The entry a stage's name stands for, and the name.
    fn declared<'a>(&'a self, name: Option<&'a str>) -> Result<(&'a raw::Entry, &'a str)> {
        let all: Vec<&str> = self.stages.0.iter().map(|stage| stage.key.as_str()).collect();
        let name = match (name, all.as_slice()) {
            (Some(name), _) => name,
            (None, &[only]) if !names::is_pattern(only) => only,
            (None, _) => {
                return Err(Error::usage("which stage?").hint(format!("name one: {}", suggest::list(&all))));
            }
        };
        let exact = self.stages.get(name).filter(|stage| !names::is_pattern(&stage.key));
        let patterns = self.stages.0.iter().filter(|stage| names::is_pattern(&stage.key));
        let fitting = patterns.filter(|stage| names::matches(&stage.key, name));
        // Of equally long patterns the first in the file.
        let Some(declared) = exact.or_else(|| fitting.rev().max_by_key(|stage| stage.key.len())) else {
            let near = suggest::did_you_mean(name, all.iter().copied(), || format!("there is {}", suggest::list(&all)));
            return Err(Error::usage(format!("no stage `{name}`")).hint(near));
        };
        match names::fault(name, names::STAGE) {
            Some(fault) => Err(Error::usage(format!("`{name}` cannot be the name of a stage")).hint(fault)),
            None => Ok((declared, name)),
        }
    }
}

#[cfg(test)]
mod tests;
