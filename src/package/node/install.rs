//! What the lock file says → its files, installed for Lambda's platform and kept.
//!
//! The project's own `node_modules` is for its developers: with tools, and for their machine. So the
//! production dependencies are installed apart, in a copy of the few files that decide about them,
//! and are known by the content of these. Nothing else of the copy is kept; it may hold credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::aside;
use super::super::cache::{self, Cache};
use super::super::collect::packed_path;
use super::super::entry::Entry;
use super::super::fingerprint::Fingerprint;
use super::kept::{self, Kept};
use super::lock::{Lock, Manager};
use super::manager::Program;
use super::manifest::Manifest;
use super::tree::{self, MODULES};
use super::{local, scripts};
use crate::error::{Error, OrFailed, Result};

/// Goes up when what is kept of an install changes.
const FORM: &str = "1";

/// Files beside `package.json` that have a say in what is installed.
const SETTINGS: [&str; 6] =
    [".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs", ".pnpmfile.mjs"];

/// Folders that they may point to.
const SETTINGS_FOLDERS: [&str; 4] = [".yarn/patches", ".yarn/plugins", ".yarn/releases", "patches"];

/// Where the dependencies will run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The 22 of `nodejs22.x`.
    pub(super) node: u32,
    /// In Node's spelling: `x64`, `arm64`.
    pub(super) cpu: &'static str,
}

/// Everything that decides an install.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) manifest: Manifest,
    pub(super) lock: Lock,
    /// The folder of `package.json`, relative to the project.
    at: PathBuf,
    /// What the install reads: path relative to the project → file.
    files: BTreeMap<PathBuf, PathBuf>,
    /// Packages whose install scripts run; `*` is all.
    built: Vec<String>,
}

impl Declared {
    /// Reads what decides about the dependencies of the project in `dir`, which lies in `root`; both
    /// are canonical.
    pub(super) fn read(root: &Path, dir: &Path, manifest: Manifest, lock: Lock, built: &[String]) -> Result<Self> {
        let mut files = local::files(root, dir, &manifest)?;
        let at = dir.strip_prefix(root).unwrap_or(Path::new("")).to_owned();
        for name in ["package.json", lock.name].into_iter().chain(SETTINGS) {
            if dir.join(name).is_file() {
                files.insert(at.join(name), dir.join(name));
            }
        }
        for folder in SETTINGS_FOLDERS.map(|name| dir.join(name)).iter().filter(|folder| folder.is_dir()) {
            local::folder(root, folder, &mut files)?;
        }
        Ok(Self { manifest, lock, at, files, built: built.to_vec() })
    }

    /// The name of the install's folder: a hash of everything that decides it.
    pub(super) fn key(&self, target: &Target, program: &Program) -> Result<String> {
        let mut print = Fingerprint::default();
        let node = target.node.to_string();
        for part in ["node", FORM, target.cpu, &node, program.manager.name(), &program.version, &self.built.join(",")] {
            print.add(part.as_bytes());
        }
        for (path, file) in &self.files {
            // Where the project lies does not matter.
            let path = path.strip_prefix(&self.at).map_or_else(|_| path.clone(), |inside| Path::new("./").join(inside));
            print.add(path.as_os_str().as_encoded_bytes());
            print.add(&fs::read(file).or_failed(|| format!("read {}", file.display()))?);
        }
        Ok(print.hex())
    }

    /// Installs as `key`, replacing a damaged install of that name.
    pub(super) async fn install(
        self,
        cache: &Cache,
        key: &str,
        target: &Target,
        program: &Program,
        npm: Option<&Path>,
    ) -> Result<Vec<Entry>> {
        let temporary = cache::scratch(&cache.deps)?;
        let tree = temporary.path().join("tree");
        let place = tree.join(&self.at);
        self.lay_out(&tree, target, program)?;
        program.install(&place, &self.lock, target.cpu).await?;
        scripts::run(&self.built, &place, target, npm).await?;

        let (cache, key, target) = (cache.clone(), key.to_owned(), target.clone());
        aside(move || {
            let list = self.take(&tree, &temporary.path().join("site"), &target)?;
            kept::keep(&cache, &key, temporary.path(), &list)
        })
        .await
    }

    /// Puts the files that the install reads into `tree`.
    fn lay_out(&self, tree: &Path, target: &Target, program: &Program) -> Result<()> {
        let place = tree.join(&self.at);
        fs::create_dir_all(&place).or_failed(|| format!("make the folder {}", place.display()))?;
        for (path, file) in &self.files {
            let copy = tree.join(path);
            let failed = || format!("copy {} to {}", file.display(), copy.display());
            fs::create_dir_all(copy.parent().unwrap_or(tree)).or_failed(failed)?;
            if path.file_name().is_some_and(|name| name == ".npmrc") {
                // It may hold a token: a link takes it nowhere.
                symlink(file, &copy).or_failed(failed)?;
            } else {
                fs::copy(file, &copy).or_failed(failed)?;
            }
        }
        let platform = json!({"os": ["linux"], "cpu": [target.cpu], "libc": ["glibc"]});
        let set = |file: &str, keys: &[&str]| set(&place.join(file), keys, &platform);
        match program.manager {
            Manager::Npm | Manager::Classic => Ok(()),
            // In `package.json` up to pnpm 10, in the workspace's settings since then
            // (https://pnpm.io/settings#supportedarchitectures).
            Manager::Pnpm => {
                set("package.json", &["pnpm", "supportedArchitectures"])?;
                set("pnpm-workspace.yaml", &["supportedArchitectures"])
            }
            // https://yarnpkg.com/configuration/yarnrc#supportedArchitectures
            Manager::Berry => set(".yarnrc.yml", &["supportedArchitectures"]),
        }
    }

    /// Moves the installed packages out of `tree` into `site`, as plain files, and lists them.
    fn take(&self, tree: &Path, site: &Path, target: &Target) -> Result<Vec<Kept>> {
        let place = tree.join(&self.at);
        let modules = place.join(MODULES);
        fs::create_dir_all(site).or_failed(|| format!("make the folder {}", site.display()))?;
        if !modules.is_dir() {
            return Ok(vec![]);
        }
        let real = fs::canonicalize(tree).or_failed(|| format!("find {}", tree.display()))?;
        unlink(&modules, &real)?;
        let needed = self.manifest.needed().map(|(name, _)| name);
        let reached = match self.lock.manager {
            Manager::Classic => Some(tree::reached(&place, needed, Some(target.cpu))?),
            _ => None,
        };
        fs::rename(&modules, site.join(MODULES)).or_failed(|| format!("move {}", modules.display()))?;
        fs::remove_dir_all(tree).or_failed(|| format!("remove {}", tree.display()))?;
        let mut list = Vec::new();
        listed(site, Path::new(MODULES), reached.as_ref(), &mut list)?;
        list.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(list)
    }
}

/// Sets a key of a JSON or YAML file, which is written as JSON: that is YAML, too.
fn set(file: &Path, keys: &[&str], value: &Value) -> Result<()> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.or_failed(|| format!("read {}", file.display()))?,
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut settings: Value = if text.trim().is_empty() {
        json!({})
    } else if name.ends_with(".json") {
        serde_json::from_str(&text).or_failed(|| format!("read {name}"))?
    } else {
        serde_yaml::from_str(&text).or_failed(|| format!("read {name}"))?
    };
    let not_a_map = || Error::failed(format!("{name} is not a map of settings"));
    let mut inner = &mut settings;
    for key in keys {
        inner = inner.as_object_mut().ok_or_else(not_a_map)?.entry(*key).or_insert_with(|| json!({}));
    }
    *inner = value.clone();
    // Without it, pnpm 9 takes the file for a broken workspace.
    if name == "pnpm-workspace.yaml" {
        settings.as_object_mut().ok_or_else(not_a_map)?.entry("packages").or_insert_with(|| json!(["."]));
    }
    fs::write(file, settings.to_string()).or_failed(|| format!("write {}", file.display()))
}

/// Replaces links in `folder` to other folders of `tree` (local packages) by what they point at.
fn unlink(folder: &Path, tree: &Path) -> Result<()> {
    let failed = || format!("look through {}", folder.display());
    for item in fs::read_dir(folder).or_failed(failed)? {
        let item = item.or_failed(failed)?;
        let (path, kind) = (item.path(), item.file_type().or_failed(failed)?);
        if kind.is_dir() && item.file_name() == ".bin" {
            fs::remove_dir_all(&path).or_failed(failed)?;
        } else if kind.is_dir() {
            unlink(&path, tree)?;
        } else if kind.is_symlink() {
            let Ok(target) = fs::canonicalize(&path) else {
                fs::remove_file(&path).or_failed(failed)?;
                continue;
            };
            let shown = path.strip_prefix(tree).unwrap_or(&path).display().to_string();
            if !target.starts_with(tree) || fs::canonicalize(folder).is_ok_and(|at| at.starts_with(&target)) {
                return Err(Error::failed(format!("{shown} is a link that cannot be packed"))
                    .hint("a local dependency must lie in the project and not lead back to what depends on it; or set `bundle: true`"));
            }
            fs::remove_file(&path).or_failed(failed)?;
            if target.is_dir() {
                copy(&target, &path)?;
                unlink(&path, tree)?;
            } else {
                fs::copy(&target, &path).or_failed(failed)?;
            }
        }
    }
    Ok(())
}

/// Copies a folder; links stay links, to the same thing.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("copy {}", from.display());
    fs::create_dir_all(to).or_failed(failed)?;
    for item in fs::read_dir(from).or_failed(failed)? {
        let item = item.or_failed(failed)?;
        let (path, kind) = (item.path(), item.file_type().or_failed(failed)?);
        let target = to.join(item.file_name());
        if kind.is_dir() {
            copy(&path, &target)?;
        } else if kind.is_symlink() {
            if let Ok(real) = fs::canonicalize(&path) {
                symlink(real, &target).or_failed(failed)?;
            }
        } else {
            fs::copy(&path, &target).or_failed(failed)?;
        }
    }
    Ok(())
}

/// The files below `folder` of `site`, of the packages in `reached` when given. What stands beside
/// the packages (`.package-lock.json`, `.modules.yaml`, `.pnpm`) is the install's own.
pub(super) fn listed(
    site: &Path,
    folder: &Path,
    reached: Option<&BTreeSet<PathBuf>>,
    list: &mut Vec<Kept>,
) -> Result<()> {
    let real = site.join(folder);
    let failed = || format!("list {}", real.display());
    for item in fs::read_dir(&real).or_failed(failed)? {
        let item = item.or_failed(failed)?;
        let path = folder.join(item.file_name());
        let metadata = item.metadata().or_failed(failed)?;
        if folder.ends_with(MODULES) && item.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if metadata.is_dir() {
            listed(site, &path, reached, list)?;
        } else if metadata.is_file() {
            let path = packed_path(&path)?;
            let Some((package, _)) = tree::package_of(&path) else { continue };
            if reached.is_some_and(|reached| !reached.contains(Path::new(package))) {
                continue;
            }
            let of = tree::outermost(&path).unwrap_or(package).to_owned();
            let executable = metadata.permissions().mode() & 0o111 != 0;
            list.push(Kept { path, size: metadata.len(), executable, of });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
