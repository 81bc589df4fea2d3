//! Install scripts of dependencies, which run only when the user names the package.
//!
//! They run for the platform of the function as far as they can be told: `prebuild-install`,
//! `node-pre-gyp` and the like download what fits; a compiler makes what fits this machine, and that
//! is refused when it is another.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::super::elf;
use super::super::entry::{Content, Entry};
use super::super::program::{self, Stdout};
use super::install::Target;
use super::manifest::Manifest;
use super::tree::{self, MODULES};
use crate::error::{Error, OrFailed, Result};

/// Runs the install scripts of the packages in `names` (`*`: of all) that are installed in `place`.
pub(super) async fn run(names: &[String], place: &Path, target: &Target, npm: Option<&Path>) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let all = names.iter().any(|name| name == "*");
    let chosen: Vec<&String> = names.iter().filter(|name| !all && place.join(MODULES).join(name).is_dir()).collect();
    if !all && chosen.is_empty() {
        return Ok(());
    }
    let npm = npm.ok_or_else(|| {
        Error::failed("there is no npm to run install scripts with")
            .hint("install Node.js, which brings it (https://nodejs.org)")
    })?;
    let mut command = Command::new(npm);
    command.args(["rebuild", "--ignore-scripts=false", "--foreground-scripts", "--no-update-notifier"]).args(&chosen);
    for (name, value) in [("platform", "linux"), ("arch", target.cpu), ("libc", "glibc")] {
        // The first spelling is prebuild-install's, the second node-pre-gyp's.
        command.env(format!("npm_config_{name}"), value).env(format!("npm_config_target_{name}"), value);
    }
    command.env("npm_config_target", format!("{}.0.0", target.node)).env_remove("NODE_OPTIONS");
    command.current_dir(place);
    let ended = program::run(command, Stdout::Heard, &|_| ()).await.or_failed(|| "run npm")?;
    if !ended.is_success() {
        let mut error =
            ended.failure("npm rebuild").context(format!("the install scripts of {} failed", names.join(", ")));
        error.causes.iter_mut().for_each(|line| *line = program::masked(line));
        return Err(error.hint("take the package out of `from_source` if it works without"));
    }
    let built = if all {
        vec![place.join(MODULES)]
    } else {
        chosen.iter().map(|name| place.join(MODULES).join(name)).collect()
    };
    for folder in built {
        if let Some(file) = foreign(&folder, target)? {
            let shown = file.strip_prefix(place).unwrap_or(&file).display().to_string();
            return Err(Error::failed(format!(
                "{shown} was built for this machine, the function runs on Linux on {}",
                target.cpu
            ))
            .hint("package it on such a machine, or take a package that brings ready binaries"));
        }
    }
    Ok(())
}

/// A compiled module in `build/` of a package in `folder` that the function cannot load.
fn foreign(folder: &Path, target: &Target) -> Result<Option<PathBuf>> {
    let failed = || format!("look through {}", folder.display());
    for item in fs::read_dir(folder).or_failed(failed)? {
        let item = item.or_failed(failed)?;
        let (path, kind) = (item.path(), item.file_type().or_failed(failed)?);
        let found = if kind.is_dir() {
            foreign(&path, target)?
        } else {
            let is_built =
                path.iter().any(|segment| segment == "build") && path.extension().is_some_and(|end| end == "node");
            (kind.is_file() && is_built && !loads(&path, target)).then_some(path)
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Whether Lambda's Node can load this file: an ELF file for its processor.
fn loads(file: &Path, target: &Target) -> bool {
    let machine = if target.cpu == "arm64" { elf::AARCH64 } else { elf::X86_64 };
    elf::read(file).ok().flatten().is_some_and(|elf| elf.machine == machine)
}

/// The packages among `entries` that have a native part nobody has built: neither they nor a
/// package for the platform beside them bring it.
pub(super) fn unbuilt(entries: &[Entry], target: &Target) -> Vec<String> {
    let mut names = Vec::new();
    for entry in entries {
        let Some(package) = entry.path.strip_suffix("/binding.gyp") else { continue };
        let Some((folder, name)) = tree::package_of(&entry.path).filter(|(folder, _)| *folder == package) else {
            continue;
        };
        let is_module = |path: &str| Path::new(path).extension().is_some_and(|ending| ending == "node");
        let is_native = |other: &Entry| match &other.content {
            Content::File(file) if is_module(&other.path) && other.path.starts_with(&format!("{folder}/")) => {
                loads(file, target)
            }
            _ => false,
        };
        if entries.iter().any(is_native) {
            continue;
        }
        let manifest = match &entry.content {
            Content::File(file) => file.parent().and_then(|folder| Manifest::read(folder).ok().flatten()),
            Content::Text(_) => None,
        };
        let optional = manifest.unwrap_or_default().optional_dependencies;
        let is_brought =
            |other: &Entry| tree::package_of(&other.path).is_some_and(|(_, name)| optional.contains_key(name));
        if !entries.iter().any(is_brought) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The packages among `entries` that say of themselves that they are for another platform.
pub(super) fn foreign_packages(entries: &[Entry], target: &Target) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in entries {
        let Some(package) = entry.path.strip_suffix("/package.json") else { continue };
        let own = tree::package_of(&entry.path).filter(|(folder, _)| *folder == package);
        if let (Some((_, name)), Content::File(file)) = (own, &entry.content)
            && let Some(folder) = file.parent()
            && Manifest::read(folder)?.is_some_and(|manifest| !manifest.fits(target.cpu))
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// npm on `search_path`.
pub(super) fn npm(search_path: Option<&OsString>) -> Option<PathBuf> {
    program::find("npm", search_path.map(OsString::as_os_str))
}
