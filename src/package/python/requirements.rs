//! Which dependencies a Python folder declares, as what an installer is given and what a cached
//! install is known by.
//!
//! They may stand in the code folder or above it, up to the folder of `rzap.yaml`: where the code is in
//! `src` (<https://packaging.python.org/en/latest/discussions/src-layout-vs-flat-layout/>) or a Django
//! project in a folder of its own, they do. The nearest ones count.
//!
//! The first of these that is there decides, and a note names those beside it that are not read:
//!
//! 1. `requirements.txt`: whoever wrote or exported one for a deploy means it. An empty one means none.
//! 2. `uv.lock`, of the folder itself or of the workspace it is a member of, exported by uv.
//! 3. `poetry.lock` of all versions, its main group.
//! 4. `pylock.toml` (PEP 751), read by uv.
//! 5. `Pipfile.lock`, its `default` section.
//! 6. `pyproject.toml` without a lock: `[project] dependencies`, the files setuptools takes them from,
//!    or Poetry's own table.
//!
//! Dependency groups are for development and stay out, and so are extras of the project. A lock that
//! does not fit the file it was made from is an error: what would be deployed is not what was asked
//! for. Markers are held against Lambda's platform, not against this machine.

mod constraint;
mod fresh;
mod locked;
mod pipfile;
mod poetry;
mod pyproject;
mod table;
mod text;
mod uv;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(super) use self::locked::{Locked, Pin};
pub(super) use self::text::is_wheel;
pub(super) use self::uv::exported;
use super::platform::Platform;
use crate::error::{Error, Result};

/// The dependencies of one folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) given: Given,
    /// Everything that decides what will be installed, as (name, content).
    pub(super) inputs: Vec<(String, Vec<u8>)>,
    pub(super) notes: Vec<String>,
}

/// What the installer gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// A requirements file, to be resolved.
    File(PathBuf),
    /// The same, to be written to a file first.
    Text(String),
    /// Nothing is left to be resolved.
    Locked(Locked),
    /// `uv.lock` in this folder: uv is asked for its content when an install is due.
    UvLock(PathBuf),
    /// A `pylock.toml`.
    Pylock(PathBuf),
}

/// The locks, in the order they are looked for.
const LOCKS: [&str; 5] = ["uv.lock", "poetry.lock", "pylock.toml", "Pipfile.lock", "pdm.lock"];

/// The dependencies of the code in `dir`, and the folder that declares them: `dir` or the nearest one above
/// it inside `root`. An empty `requirements.txt` on the way means none.
pub(super) fn nearest(
    dir: &Path,
    root: &Path,
    platform: &Platform,
    may_build: &dyn Fn(&str) -> bool,
) -> Result<Option<(PathBuf, Declared)>> {
    for folder in dir.ancestors().take_while(|folder| folder.starts_with(root)) {
        if let Some(declared) = declared(folder, platform, may_build)? {
            return Ok(Some((folder.to_owned(), declared)));
        }
        if folder.join("requirements.txt").is_file() {
            break;
        }
    }
    Ok(None)
}

/// The dependencies declared in `dir` for `platform`; `None` when there are none. `may_build` says
/// which distributions may come without a wheel.
pub(super) fn declared(dir: &Path, platform: &Platform, may_build: &dyn Fn(&str) -> bool) -> Result<Option<Declared>> {
    let there = |name: &str| dir.join(name).is_file();
    let (used, found) = if there("requirements.txt") {
        ("requirements.txt", text::declared(dir, &[dir.join("requirements.txt")])?)
    } else if let Some(place) = uv::find(dir)? {
        ("uv.lock", uv::declared(&place, platform)?)
    } else if there("poetry.lock") {
        ("poetry.lock", poetry::declared(dir, platform, may_build)?)
    } else if there("pylock.toml") {
        ("pylock.toml", Some(pylock(dir)?))
    } else if there("Pipfile.lock") {
        ("Pipfile.lock", pipfile::declared(dir, platform, may_build)?)
    } else {
        ("pyproject.toml", pyproject::declared(dir, platform, may_build)?)
    };
    if found.is_none() && used == "pyproject.toml" && there("Pipfile") {
        return Err(Error::failed("the Pipfile has no Pipfile.lock beside it")
            .hint("run `pipenv lock`: rzap installs what the lock says"));
    }
    let unread: Vec<&str> = LOCKS.into_iter().filter(|lock| *lock != used && there(lock)).collect();
    Ok(found.map(|mut declared| {
        if !unread.is_empty() {
            let (them, verb) = (unread.join(" and "), if unread.len() > 1 { "are" } else { "is" });
            declared.notes.push(format!("dependencies come from {used}; {them} {verb} not read"));
        }
        declared
    }))
}

fn pylock(dir: &Path) -> Result<Declared> {
    let file = dir.join("pylock.toml");
    let inputs = vec![("pylock.toml".to_owned(), text(&file)?.into_bytes())];
    Ok(Declared { given: Given::Pylock(file), inputs, notes: vec![] })
}

/// uv reads `uv.toml` or `[tool.uv]` of the folder it runs in: indexes, constraints, overrides.
fn uv_config(dir: &Path) -> Result<Option<(String, Vec<u8>)>> {
    let own = dir.join("uv.toml");
    if own.is_file() {
        return Ok(Some(("uv.toml".to_owned(), text(&own)?.into_bytes())));
    }
    let Ok(pyproject) = fs::read_to_string(dir.join("pyproject.toml")) else { return Ok(None) };
    let table = pyproject.parse::<toml::Table>().ok();
    let uv = table.as_ref().and_then(|table| table.get("tool")?.get("uv"));
    Ok(uv.map(|uv| ("tool.uv".to_owned(), uv.to_string().into_bytes())))
}

/// A lock that was made from something else than what stands beside it.
fn outdated(lock: &str, source: &str, command: &str) -> Error {
    Error::failed(format!("{lock} does not fit {source}: its dependencies changed after it was written"))
        .hint(format!("run `{command}`"))
}

/// A lock for other Pythons than the function's.
fn wrong_python(lock: &str, wants: &str, platform: &Platform) -> Error {
    Error::failed(format!("{lock} is for Python {wants}, and the function runs on {}", platform.python))
        .hint("set `runtime` to a Python the lock is for, or widen what the project asks for and lock again")
}

/// Something a lock takes from where there are no wheels.
fn not_a_wheel(name: &str, from: &str) -> Error {
    Error::failed(format!("{name} comes from {from} and would have to be built; rzap installs ready wheels only"))
        .hint(format!("allow it with `from_source: [{name}]` in rzap.yaml"))
}

/// PEP 503's normal form of the name at the start of a requirement.
pub(super) fn normal_name(requirement: &str) -> String {
    let end =
        requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(requirement.len());
    let parts: Vec<&str> = requirement[..end].split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    parts.join("-").to_ascii_lowercase()
}

fn toml(file: &Path) -> Result<toml::Table> {
    let failed = |error: toml::de::Error| Error::failed(format!("{} is not TOML", file.display())).because(&error);
    text(file)?.parse().map_err(failed)
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| {
        let said = Error::failed(format!("cannot read {}", file.display())).because(&error);
        if error.kind() == io::ErrorKind::InvalidData { said.hint("save it as UTF-8") } else { said }
    })
}

#[cfg(test)]
mod tests;
