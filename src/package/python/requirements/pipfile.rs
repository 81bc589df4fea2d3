//! `Pipfile.lock`: its `default` section, which holds everything that is needed and nothing for
//! development.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::super::platform::Platform;
use super::poetry::is_pypi;
use super::{Declared, Given, Locked, Pin, fresh, not_a_wheel, outdated, text, toml};
use crate::error::{OrFailed, Result};

#[derive(Deserialize)]
struct Lock {
    #[serde(rename = "_meta")]
    meta: Meta,
    #[serde(default)]
    default: BTreeMap<String, Item>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    hash: Hash,
    #[serde(default)]
    requires: Requires,
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Deserialize, Default)]
struct Hash {
    sha256: Option<String>,
}

#[derive(Deserialize, Default)]
struct Requires {
    python_version: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    url: String,
}

/// One package; a git revision, a file and a folder stand in for a version.
#[derive(Deserialize)]
struct Item {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    #[serde(default)]
    markers: String,
    git: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    subdirectory: Option<String>,
    file: Option<String>,
    path: Option<String>,
}

/// See [`super::declared`].
pub(super) fn declared(dir: &Path, platform: &Platform, may_build: &dyn Fn(&str) -> bool) -> Result<Option<Declared>> {
    let file = dir.join("Pipfile.lock");
    let lock: Lock =
        serde_json::from_str(&text(&file)?).or_failed(|| format!("read {} as a Pipfile.lock", file.display()))?;
    let pipfile = dir.join("Pipfile");
    if let Some(known) = &lock.meta.hash.sha256
        && pipfile.is_file()
        && !fresh::pipfile(&toml(&pipfile)?).contains(known)
    {
        return Err(outdated("Pipfile.lock", "the Pipfile", "pipenv lock"));
    }
    let mut locked = Locked::default();
    for (name, item) in &lock.default {
        if platform.fulfils(&item.markers, &[])? {
            add(name, item, dir, may_build, &mut locked)?;
        }
    }
    if locked.pins.is_empty() && locked.folders.is_empty() {
        return Ok(None);
    }
    locked.indexes = lock.meta.sources.into_iter().map(|source| source.url).filter(|url| !is_pypi(url)).collect();
    let mut inputs = vec![("Pipfile.lock".to_owned(), locked.texts().concat().into_bytes())];
    for folder in &locked.folders {
        inputs.push(super::uv::folder_input(dir, folder)?);
    }
    let other = lock.meta.requires.python_version.filter(|version| *version != platform.python);
    let note =
        |version| format!("Pipfile.lock was made for Python {version}, and the function runs on {}", platform.python);
    Ok(Some(Declared { given: Given::Locked(locked), inputs, notes: other.map(note).into_iter().collect() }))
}

fn add(name: &str, item: &Item, dir: &Path, may_build: &dyn Fn(&str) -> bool, locked: &mut Locked) -> Result<()> {
    let mut hashes = item.hashes.clone();
    let requirement = if let Some(url) = &item.git {
        if !may_build(name) {
            return Err(not_a_wheel(name, url));
        }
        hashes.clear();
        let at = item.reference.as_ref().map_or_else(String::new, |at| format!("@{at}"));
        let inside = item.subdirectory.as_ref().map_or_else(String::new, |path| format!("#subdirectory={path}"));
        format!("{name} @ git+{url}{at}{inside}")
    } else if let Some(path) = item.path.as_ref().or(item.file.as_ref()) {
        let local = dir.join(path);
        if local.is_dir() {
            locked.folders.push(local);
            return Ok(());
        }
        if !text::is_wheel(path) && !may_build(name) {
            return Err(not_a_wheel(name, path));
        }
        let url = if path.contains("://") { path.clone() } else { format!("file://{}", local.display()) };
        format!("{name} @ {url}")
    } else {
        // pipenv leaves `*` where it could not lock for its own platform.
        let version = item.version.as_deref().filter(|version| *version != "*").unwrap_or_default();
        format!("{name}{version}")
    };
    locked.pins.push(Pin { requirement, hashes });
    Ok(())
}
