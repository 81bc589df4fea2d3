//! Declared dependencies → their files, installed once and kept.
//!
//! An install is known by everything that decides it (requirements or lock, Python, processor, glibc,
//! the tool and what its environment chooses, what may be built), so the same project gets the same
//! files again without asking an index; an unpinned version stays what it was until its folder has not
//! been used for a while. Beside the files lies a manifest with their sizes and what the rules say of
//! them: only what it lists is packed, and when one is missing or has another size, the install is made
//! anew. Files are never changed in place: uv hard-links them from its own cache.

mod choice;
mod imports;
mod lists;
mod native;
mod rules;
mod slim;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(super) use self::lists::lists;
use self::rules::Remark;
use super::super::aside;
use super::super::cache::{self, Cache};
use super::super::collect::Listing;
use super::super::entry::Entry;
use super::super::fingerprint::Fingerprint;
use super::installer::{Installer, Order};
use super::platform::Platform;
use super::requirements::{Declared, normal_name};
use crate::config::Source;
use crate::error::{OrFailed, Result};

/// Goes up when what is kept of an install changes.
const FORM: &str = "2";

/// What is known of an install.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    distributions: Vec<Distribution>,
    /// In the order of their paths.
    files: Vec<Kept>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Distribution {
    name: String,
    version: String,
    /// Requirements on what the runtime brings itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    needs: Vec<String>,
}

/// One file of an install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    path: String,
    size: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
    /// The distribution it belongs to.
    of: String,
    /// The rule that leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<Remark>,
}

/// The name of the install's folder: a hash of everything that decides it.
pub(super) fn key(declared: &Declared, platform: &Platform, installer: &Installer, from_source: &[String]) -> String {
    let mut print = Fingerprint::default();
    let fixed = [
        ("form".to_owned(), FORM.into()),
        ("platform".to_owned(), platform.to_string().into_bytes()),
        ("from_source".to_owned(), from_source.join(" ").into_bytes()),
    ];
    for (name, content) in fixed.into_iter().chain(installer.inputs()).chain(declared.inputs.iter().cloned()) {
        print.add(name.as_bytes());
        print.add(&content);
    }
    print.hex()
}

/// What `source` wants packed of the install `key`; `None` when it is not there or not whole.
pub(super) fn kept(cache: &Cache, key: &str, source: &Source) -> Result<Option<Listing>> {
    let folder = cache.deps.join(key);
    let manifest = fs::read(folder.join("manifest.json")).ok();
    let Some(manifest) = manifest.and_then(|text| serde_json::from_slice::<Manifest>(&text).ok()) else {
        return Ok(None);
    };
    let (packed, left_out, notes) = choice::choose(&manifest, source)?;
    let site = folder.join("site");
    let entries = packed.into_iter();
    let entries = entries.map(|kept| Entry::kept(&site, &kept.path, kept.size, kept.executable, &kept.of));
    let entries = entries.collect::<Option<Vec<Entry>>>();
    cache::touch(&folder);
    Ok(entries.map(|entries| Listing { entries, notes, left_out }))
}

/// Installs what is declared in the folder of `source` as `key`, replacing a damaged install of that
/// name.
pub(super) async fn install(
    cache: &Cache,
    key: &str,
    declared: &Declared,
    source: &Source,
    platform: &Platform,
    installer: &Installer,
) -> Result<Listing> {
    let temporary = cache::scratch(&cache.deps)?;
    let site = temporary.path().join("site");
    let order = Order { dir: &source.dir, target: &site, platform, from_source: &source.from_source };
    let lists = lists(declared, temporary.path(), installer, &order).await?;
    let built = installer.install(&lists, &order).await?;

    let (cache, key, source, platform) = (cache.clone(), key.to_owned(), source.clone(), platform.clone());
    aside(move || keep(&cache, &key, temporary.path(), &built, &source, &platform)).await
}

/// Lists what was installed and gives it its final name.
fn keep(
    cache: &Cache,
    key: &str,
    unfinished: &Path,
    built: &[String],
    source: &Source,
    platform: &Platform,
) -> Result<Listing> {
    let site = unfinished.join("site");
    let manifest = manifest(&site, platform)?;
    for file in manifest.files.iter().filter(|file| built.contains(&normal_name(&file.of))) {
        native::check(&site, &file.path, &file.of, platform)?;
    }
    let text = serde_json::to_vec(&manifest).or_failed(|| "write the list of dependencies")?;
    let file = unfinished.join("manifest.json");
    fs::write(&file, text).or_failed(|| format!("write {}", file.display()))?;

    cache::settle(unfinished, &cache.deps.join(key), || kept(cache, key, source))
}

/// What lies below `site`.
fn manifest(site: &Path, platform: &Platform) -> Result<Manifest> {
    if !site.is_dir() {
        return Ok(Manifest::default());
    }
    let mut owners = HashMap::new();
    let distributions = distributions(site, platform, &mut owners)?;
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let real = site.join(&folder);
        let failed = || format!("list {}", real.display());
        for item in fs::read_dir(&real).or_failed(failed)? {
            let item = item.or_failed(failed)?;
            let path = folder.join(item.file_name());
            let metadata = item.metadata().or_failed(failed)?;
            // uv's own lock on the folder.
            if path == Path::new(".lock") {
                continue;
            }
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_file() {
                let path = super::super::collect::packed_path(&path)?;
                let of = owners.get(&path).map_or_else(|| owner_by_folder(&path), Clone::clone);
                let executable = metadata.permissions().mode() & 0o111 != 0;
                files.push(Kept { path, size: metadata.len(), executable, of, out: None });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    rules::remark(site, &mut files)?;
    Ok(Manifest { distributions, files })
}

/// The distribution whose records lie there, or the first segment.
fn owner_by_folder(path: &str) -> String {
    let first = path.split('/').next().unwrap_or(path);
    let named = first.strip_suffix(".dist-info").and_then(|stem| stem.rsplit_once('-'));
    named.map_or(first, |(name, _)| name).to_owned()
}

/// The distributions in `site`; `owners` learns which file belongs to which, from their own records.
fn distributions(site: &Path, platform: &Platform, owners: &mut HashMap<String, String>) -> Result<Vec<Distribution>> {
    let mut all = Vec::new();
    for item in fs::read_dir(site).or_failed(|| format!("list {}", site.display()))?.flatten() {
        let folder = item.file_name().to_string_lossy().into_owned();
        let Some((name, version)) = folder.strip_suffix(".dist-info").and_then(|stem| stem.rsplit_once('-')) else {
            continue;
        };
        let record = fs::read_to_string(item.path().join("RECORD")).unwrap_or_default();
        for line in record.lines() {
            // path,hash,size: from the right, because only the path can hold commas (then quoted).
            let path = line.rsplitn(3, ',').nth(2).unwrap_or(line).trim_matches('"');
            owners.insert(path.trim_start_matches("../").to_owned(), name.to_owned());
        }
        let needs = slim::needs(&item.path(), platform)?;
        all.push(Distribution { name: name.to_owned(), version: version.to_owned(), needs });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

#[cfg(test)]
mod tests;
