//! Declared dependencies → their files, installed once and kept.
//!
//! An install is known by everything that decides it (requirements, Python, processor, glibc, the
//! tool and what its environment chooses), so the same project gets the same files again without
//! asking an index; an unpinned version stays what it was until its folder has not been used for a
//! while. Beside the files lies a manifest with their sizes: only what it lists is packed, and when
//! one is missing or has another size, the install is made anew. Files are never changed in place:
//! uv hard-links them from its own cache.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache::{self, Cache};
use super::entry::{Entry, Owner};
use super::installer::Installer;
use super::platform::Platform;
use super::requirements::{Declared, Given};
use crate::error::{Error, OrFailed, Result};

/// Goes up when what is kept of an install changes.
const FORM: &str = "1";

/// One file of an install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) executable: bool,
    /// The distribution or package it belongs to.
    pub(super) of: String,
}

/// The name of the install's folder: a hash of everything that decides it.
pub(super) fn key(declared: &Declared, platform: &Platform, installer: &Installer) -> String {
    let mut hash = Sha256::new();
    let fixed = [("form".to_owned(), FORM.into()), ("platform".to_owned(), platform.to_string().into_bytes())];
    for (name, content) in fixed.into_iter().chain(installer.inputs()).chain(declared.inputs.iter().cloned()) {
        for part in [name.as_bytes(), &content] {
            // With its length in front, no two lists of parts read the same.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hex::encode(hash.finalize())
}

/// The files of the install `key`, if it is there and whole.
pub(super) fn kept(cache: &Cache, key: &str) -> Option<Vec<Entry>> {
    let folder = cache.deps.join(key);
    let manifest: Vec<Kept> = serde_json::from_slice(&fs::read(folder.join("manifest.json")).ok()?).ok()?;
    let entries = manifest.into_iter().map(|kept| {
        let file = folder.join("site").join(&kept.path);
        let whole = fs::symlink_metadata(&file).is_ok_and(|seen| seen.is_file() && seen.len() == kept.size);
        whole.then(|| Entry::file(kept.path, file, kept.size, kept.executable, Owner::Dependency(kept.of)))
    });
    let entries = entries.collect::<Option<Vec<Entry>>>()?;
    cache::touch(&folder);
    Some(entries)
}

/// Installs what is declared in `dir` as `key`, replacing a damaged install of that name.
pub(super) async fn install(
    cache: &Cache,
    key: &str,
    declared: &Declared,
    dir: &Path,
    platform: &Platform,
    installer: &Installer,
) -> Result<Vec<Entry>> {
    let temporary = tempfile::Builder::new()
        .prefix(cache::TEMPORARY)
        .tempdir_in(&cache.deps)
        .or_failed(|| format!("make a folder in {}", cache.deps.display()))?;
    let requirements = match &declared.given {
        Given::File(file) => file.clone(),
        Given::Text(text) => {
            let file = temporary.path().join("requirements.txt");
            fs::write(&file, text).or_failed(|| format!("write {}", file.display()))?;
            file
        }
    };
    let site = temporary.path().join("site");
    installer.install(&requirements, dir, &site, platform).await?;

    let (cache, key) = (cache.clone(), key.to_owned());
    tokio::task::spawn_blocking(move || keep(&cache, &key, temporary.path()))
        .await
        .or_failed(|| "look at the dependencies' files")?
}

/// Lists what was installed and gives it its final name.
fn keep(cache: &Cache, key: &str, unfinished: &Path) -> Result<Vec<Entry>> {
    keep_listed(cache, key, unfinished, &manifest(&unfinished.join("site"))?)
}

/// The same when it is known what is worth packing of `unfinished/site`.
pub(super) fn keep_listed(cache: &Cache, key: &str, unfinished: &Path, manifest: &[Kept]) -> Result<Vec<Entry>> {
    let text = serde_json::to_vec(manifest).or_failed(|| "write the list of dependencies")?;
    let file = unfinished.join("manifest.json");
    fs::write(&file, text).or_failed(|| format!("write {}", file.display()))?;

    let folder = cache.deps.join(key);
    if fs::rename(unfinished, &folder).is_err() {
        // Somebody was quicker, or what stands there is damaged.
        if let Some(entries) = kept(cache, key) {
            return Ok(entries);
        }
        let _ = fs::remove_dir_all(&folder);
        fs::rename(unfinished, &folder).or_failed(|| format!("replace {}", folder.display()))?;
    }
    kept(cache, key).ok_or_else(|| {
        Error::failed(format!("the dependencies in {} changed right after they were installed", folder.display()))
            .hint("run the command again")
    })
}

/// The files below `site` that are worth packing.
fn manifest(site: &Path) -> Result<Vec<Kept>> {
    let mut list = Vec::new();
    if site.is_dir() {
        let owners = owners(site)?;
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let real = site.join(&folder);
            let failed = || format!("list {}", real.display());
            for item in fs::read_dir(&real).or_failed(failed)? {
                let item = item.or_failed(failed)?;
                let path = folder.join(item.file_name());
                let metadata = item.metadata().or_failed(failed)?;
                if is_left_out(&path) {
                    continue;
                }
                if metadata.is_dir() {
                    folders.push(path);
                } else if metadata.is_file() {
                    let path = super::collect::packed_path(&path)?;
                    let of = owners.get(&path).map_or_else(|| first_segment(&path), String::as_str).to_owned();
                    let executable = metadata.permissions().mode() & 0o111 != 0;
                    list.push(Kept { path, size: metadata.len(), executable, of });
                }
            }
        }
    }
    list.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(list)
}

fn first_segment(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// Left out of dependencies: byte code (of the installer's Python), the command scripts `--target`
/// makes (their first line is a path of this machine), uv's lock, and the records of the install
/// itself, which differ between tools and machines. `METADATA` and `entry_points.txt` stay:
/// `importlib.metadata` reads them at run time.
fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let top_level = path.components().count() == 1;
    name == "__pycache__"
        || name.ends_with(".pyc")
        || (top_level && ["bin", ".lock"].contains(&name.as_ref()))
        || (folder.ends_with(".dist-info")
            && [
                "RECORD",
                "RECORD.jws",
                "RECORD.p7s",
                "INSTALLER",
                "REQUESTED",
                "direct_url.json",
                "uv_cache.json",
                "uv_build.json",
            ]
            .contains(&name.as_ref()))
}

/// Path → distribution, from the distributions' own records.
fn owners(site: &Path) -> Result<HashMap<String, String>> {
    let mut owners = HashMap::new();
    for item in fs::read_dir(site).or_failed(|| format!("list {}", site.display()))?.flatten() {
        let folder = item.file_name().to_string_lossy().into_owned();
        let Some((name, _version)) = folder.strip_suffix(".dist-info").and_then(|stem| stem.rsplit_once('-')) else {
            continue;
        };
        let record = fs::read_to_string(item.path().join("RECORD")).unwrap_or_default();
        for line in record.lines() {
            // path,hash,size: from the right, because only the path can hold commas (then quoted).
            let path = line.rsplitn(3, ',').nth(2).unwrap_or(line).trim_matches('"');
            owners.insert(path.to_owned(), name.to_owned());
        }
    }
    Ok(owners)
}

#[cfg(test)]
mod tests;
