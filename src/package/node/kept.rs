//! Installed packages, kept under a hash of everything that decides them.
//!
//! Beside the files lies a list of them with their sizes: when one is missing or has another size, the
//! install is made anew.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::cache::{self, Cache};
use super::super::entry::Entry;
use crate::error::{OrFailed, Result};

/// One file of an install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) executable: bool,
    /// The package it belongs to.
    pub(super) of: String,
}

/// The files of the install `key`, if it is there and whole.
pub(super) fn find(cache: &Cache, key: &str) -> Option<Vec<Entry>> {
    let folder = cache.deps.join(key);
    let list: Vec<Kept> = serde_json::from_slice(&fs::read(folder.join("manifest.json")).ok()?).ok()?;
    let site = folder.join("site");
    let entries = list.iter().map(|kept| Entry::kept(&site, &kept.path, kept.size, kept.executable, &kept.of));
    let entries = entries.collect::<Option<Vec<Entry>>>()?;
    cache::touch(&folder);
    Some(entries)
}

/// Keeps `unfinished`, whose folder `site` has the files of `list`, as `key`.
pub(super) fn keep(cache: &Cache, key: &str, unfinished: &Path, list: &[Kept]) -> Result<Vec<Entry>> {
    let text = serde_json::to_vec(list).or_failed(|| "write the list of dependencies")?;
    let file = unfinished.join("manifest.json");
    fs::write(&file, text).or_failed(|| format!("write {}", file.display()))?;
    cache::settle(unfinished, &cache.deps.join(key), || Ok(find(cache, key)))
}
