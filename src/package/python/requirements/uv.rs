//! `uv.lock`: what of it decides an install, and whether it still fits `pyproject.toml`. What is in it
//! for one platform is uv's to say: `uv export` is asked when an install is due.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pep440_rs::VersionSpecifiers;
use pep508_rs::{Requirement, VersionOrUrl};
use toml::{Table, Value};

use super::super::super::fingerprint::Fingerprint;
use super::super::platform::Platform;
use super::poetry::is_pypi;
use super::pyproject::Pyproject;
use super::table::suits;
use super::text::{is_wheel, local_path};
use super::{Declared, Given, Locked, Pin, normal_name, outdated, text, toml, uv_config, wrong_python};
use crate::error::{Error, OrFailed, Result};

/// A project with a lock.
pub(super) struct Place {
    /// The folder of the lock.
    root: PathBuf,
    /// The project: `root`, or a workspace's member below it.
    project: PathBuf,
    lock: Table,
}

/// The lock of the project in `dir`, or of the workspace it is a member of.
pub(super) fn find(dir: &Path) -> Result<Option<Place>> {
    if !dir.join("pyproject.toml").is_file() {
        return Ok(None);
    }
    for root in dir.ancestors() {
        let file = root.join("uv.lock");
        if !file.is_file() {
            continue;
        }
        let place = Place { root: root.to_owned(), project: dir.to_owned(), lock: toml(&file)? };
        return Ok((root == dir || place.package().is_some()).then_some(place));
    }
    Ok(None)
}

/// Where packages are from, besides the public index. The lines of an export do not say it.
fn indexes(lock: &Table) -> BTreeSet<String> {
    let registries = packages(lock).filter_map(|package| package.get("source")?.get("registry")?.as_str());
    registries.filter(|url| url.contains("://") && !is_pypi(url)).map(str::to_owned).collect()
}

fn packages(lock: &Table) -> impl Iterator<Item = &Table> {
    lock.get("package").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

impl Place {
    /// The project's own entry.
    fn package(&self) -> Option<&Table> {
        packages(&self.lock)
            .find(|package| folder(package).is_some_and(|path| same(&self.root.join(path), &self.project)))
    }
}

/// The folder a package is built from.
fn folder(package: &Table) -> Option<&str> {
    let source = package.get("source")?;
    ["editable", "directory", "virtual"].iter().find_map(|kind| source.get(kind)?.as_str())
}

fn same(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// See [`super::declared`].
pub(super) fn declared(place: &Place, platform: &Platform) -> Result<Option<Declared>> {
    let Some(pyproject) = Pyproject::read(&place.project)? else { return Ok(None) };
    let dependencies = pyproject.list(&["project", "dependencies"]);
    if dependencies.is_empty() && !pyproject.is_dynamic() {
        return Ok(None);
    }
    if !pyproject.is_dynamic() && !fits(place, &dependencies)? {
        return Err(outdated("uv.lock", "pyproject.toml", "uv lock"));
    }
    if let Some(wants) = place.lock.get("requires-python").and_then(Value::as_str)
        && !suits(wants, platform)?
    {
        return Err(wrong_python("uv.lock", wants, platform));
    }
    let mut inputs = vec![
        ("uv.lock".to_owned(), text(&place.root.join("uv.lock"))?.into_bytes()),
        ("pyproject.toml".to_owned(), text(&pyproject.file)?.into_bytes()),
    ];
    inputs.extend(uv_config(&place.root)?);
    for path in packages(&place.lock).filter_map(folder) {
        let folder = place.root.join(path);
        // The project itself is packed as the files it is, and a virtual one is none.
        if !same(&folder, &place.project) && folder.is_dir() {
            inputs.push(folder_input(&place.root, &folder)?);
        }
    }
    Ok(Some(Declared { given: Given::UvLock(place.root.clone()), inputs, notes: vec![] }))
}

/// Whether the lock was made for these dependencies: names, extras and versions. (Markers uv rewrites.)
fn fits(place: &Place, dependencies: &[&str]) -> Result<bool> {
    let Some(locked) = place.package().and_then(|package| package.get("metadata")?.get("requires-dist")?.as_array())
    else {
        // uv writes none for a project without dependencies.
        return Ok(place.package().is_none());
    };
    let of_extra =
        |item: &&Value| item.get("marker").and_then(Value::as_str).is_some_and(|marker| marker.contains("extra =="));
    let mut locked: Vec<String> = locked.iter().filter(|item| !of_extra(item)).map(locked_wish).collect();
    let mut asked: Vec<String> = dependencies.iter().map(|line| asked_wish(line)).collect::<Result<_>>()?;
    locked.sort();
    locked.dedup();
    asked.sort();
    asked.dedup();
    // A source of one's own takes the place of the versions.
    Ok(locked.len() == asked.len()
        && locked.iter().zip(&asked).all(|(locked, asked)| match locked.strip_suffix('*') {
            Some(start) => asked.starts_with(start),
            None => locked == asked,
        }))
}

fn wish(name: &str, mut extras: Vec<String>, versions: &str) -> String {
    extras.sort();
    format!("{}[{}]{versions}", normal_name(name), extras.join(","))
}

fn locked_wish(item: &Value) -> String {
    let get = |key: &str| item.get(key).and_then(Value::as_str);
    let extras = item.get("extras").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let own = ["editable", "directory", "virtual", "git", "url", "path", "index"].iter().any(|key| get(key).is_some());
    let versions =
        get("specifier").map_or_else(String::new, |text| text.parse().map_or(text.to_owned(), |all| sorted(&all)));
    wish(get("name").unwrap_or_default(), extras.map(normal_name).collect(), if own { "*" } else { &versions })
}

fn asked_wish(line: &str) -> Result<String> {
    let requirement: Requirement = line.parse().map_err(|error: pep508_rs::Pep508Error| {
        Error::failed(format!("`{line}` is no requirement")).because(&error)
    })?;
    let versions = match requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(versions)) => sorted(&versions),
        _ => String::new(),
    };
    let extras = requirement.extras.iter().map(|extra| normal_name(extra.as_ref())).collect();
    Ok(wish(requirement.name.as_ref(), extras, &versions))
}

fn sorted(versions: &VersionSpecifiers) -> String {
    let mut parts: Vec<String> = versions.iter().map(ToString::to_string).collect();
    parts.sort();
    parts.join(",")
}

/// What `uv export` printed for the lock in `root`. Its paths are relative to `root`.
pub(in crate::package) fn exported(root: &Path, said: &str, may_build: &dyn Fn(&str) -> bool) -> Result<Locked> {
    let lock = toml(&root.join("uv.lock"))?;
    let mut locked = Locked { indexes: indexes(&lock), ..Locked::default() };
    for line in said.replace("\\\n", " ").lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = line.split(" --hash=").map(str::trim);
        let requirement = words.next().unwrap_or_default();
        let path = requirement.strip_prefix("-e ").unwrap_or(requirement);
        if let Some(path) = local_path(path).filter(|_| !requirement.contains(" @ ")) {
            let path = root.join(path);
            if path.is_dir() {
                locked.folders.push(path);
            } else {
                locked.pins.push(Pin { requirement: path.display().to_string(), hashes: vec![] });
            }
            continue;
        }
        if let Some((name, url)) = requirement.split_once(" @ ") {
            let address = url.split([' ', '#']).next().unwrap_or(url);
            if !is_wheel(address) && !may_build(name) {
                return Err(super::not_a_wheel(name, address));
            }
        }
        locked.pins.push(Pin { requirement: requirement.to_owned(), hashes: words.map(str::to_owned).collect() });
    }
    Ok(locked)
}

/// What a folder that is built holds, as an input of the install.
pub(super) fn folder_input(root: &Path, folder: &Path) -> Result<(String, Vec<u8>)> {
    let mut print = Fingerprint::default();
    let walk = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .sort_by_file_name(Ord::cmp)
        .filter_entry(|entry| {
            let name = entry.file_name().to_string_lossy();
            let made = ["__pycache__", "node_modules", "build", "dist", "target"].contains(&name.as_ref());
            let litter = entry.depth() > 0 && (name.starts_with('.') || made || name.ends_with(".egg-info"));
            !litter && !entry.path().join("pyvenv.cfg").is_file()
        })
        .build();
    for item in walk {
        let item = item.or_failed(|| format!("list {}", folder.display()))?;
        if item.file_type().is_some_and(|kind| kind.is_file()) {
            let content = fs::read(item.path()).or_failed(|| format!("read {}", item.path().display()))?;
            let name = item.path().strip_prefix(folder).unwrap_or(item.path());
            print.add(name.as_os_str().as_encoded_bytes());
            print.add(&content);
        }
    }
    let name = folder.strip_prefix(root).unwrap_or(folder);
    Ok((name.to_string_lossy().into_owned(), print.bytes().to_vec()))
}
