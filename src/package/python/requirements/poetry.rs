//! `poetry.lock`: the main group, for one platform.
//!
//! Since lock version 2.1 (Poetry 2.0) each package says in which groups and under which markers it is
//! installed; before, that has to be found out by walking from the main dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pep508_rs::ExtraName;
use serde::Deserialize;
use toml::Value;

use super::super::platform::Platform;
use super::pyproject::Pyproject;
use super::table::{Wish, suits};
use super::{Declared, Given, Locked, Pin, fresh, normal_name, not_a_wheel, outdated, text, wrong_python};
use crate::error::{Error, OrFailed, Result};

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    lock_version: String,
    python_versions: Option<String>,
    #[serde(default)]
    content_hash: String,
    /// Lock version 1: the files of all packages.
    #[serde(default)]
    files: BTreeMap<String, Vec<File>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    optional: bool,
    groups: Option<Vec<String>>,
    /// One marker, or one for each group.
    markers: Option<Value>,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
    /// Extra → `name (constraint)`.
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct File {
    hash: String,
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    resolved_reference: Option<String>,
    subdirectory: Option<String>,
}

/// See [`super::declared`].
pub(super) fn declared(dir: &Path, platform: &Platform, may_build: &dyn Fn(&str) -> bool) -> Result<Option<Declared>> {
    let file = dir.join("poetry.lock");
    let content = text(&file)?;
    let lock: Lock = toml::from_str(&content).or_failed(|| format!("read {} as a poetry.lock", file.display()))?;
    let pyproject = Pyproject::read(dir)?
        .ok_or_else(|| Error::failed(format!("there is no pyproject.toml beside {}", file.display())))?;
    if !fresh::poetry(&pyproject.table).contains(&lock.metadata.content_hash) {
        return Err(outdated("poetry.lock", "pyproject.toml", "poetry lock"));
    }
    if let Some(wants) = lock.metadata.python_versions.as_deref()
        && !suits(wants, platform)?
    {
        return Err(wrong_python("poetry.lock", wants, platform));
    }
    let wanted = match lock.metadata.lock_version.split_once('.') {
        Some(("2", "0") | ("1", _)) => Walk::new(&lock, platform).all(&pyproject)?,
        Some(("2", _)) => marked(&lock, platform)?,
        _ => {
            return Err(Error::failed(format!(
                "poetry.lock has version {}, which this rzap does not know",
                lock.metadata.lock_version
            ))
            .hint("run `poetry export -o requirements.txt` (poetry-plugin-export): rzap takes that file first"));
        }
    };
    let mut locked = Locked::default();
    for package in wanted {
        add(package, &lock, dir, may_build, &mut locked)?;
    }
    if locked.pins.is_empty() && locked.folders.is_empty() {
        return Ok(None);
    }
    let mut inputs = vec![("poetry.lock".to_owned(), locked.texts().concat().into_bytes())];
    for folder in &locked.folders {
        inputs.push(super::uv::folder_input(dir, folder)?);
    }
    Ok(Some(Declared { given: Given::Locked(locked), inputs, notes: vec![] }))
}

/// The packages whose own groups and markers say that they are wanted.
fn marked<'a>(lock: &'a Lock, platform: &Platform) -> Result<Vec<&'a Package>> {
    let mut wanted = Vec::new();
    for package in &lock.package {
        let main = package.groups.as_ref().is_none_or(|groups| groups.iter().any(|group| group == "main"));
        let marker = package.markers.as_ref();
        let marker = marker.and_then(|markers| markers.as_str().or_else(|| markers.get("main")?.as_str()));
        let left_out = package.optional && marker.is_none();
        if main && !left_out && platform.fulfils(marker.unwrap_or_default(), &[])? {
            wanted.push(package);
        }
    }
    Ok(wanted)
}

/// From the main dependencies to everything they need.
struct Walk<'a> {
    lock: &'a Lock,
    platform: &'a Platform,
    by_name: BTreeMap<String, Vec<usize>>,
    /// Package → extras asked of it.
    found: BTreeMap<usize, BTreeSet<String>>,
}

impl<'a> Walk<'a> {
    fn new(lock: &'a Lock, platform: &'a Platform) -> Self {
        let mut by_name = BTreeMap::<String, Vec<usize>>::new();
        for (index, package) in lock.package.iter().enumerate() {
            by_name.entry(normal_name(&package.name)).or_default().push(index);
        }
        Self { lock, platform, by_name, found: BTreeMap::new() }
    }

    fn all(mut self, pyproject: &Pyproject) -> Result<Vec<&'a Package>> {
        let mut open = Vec::new();
        for (name, value) in pyproject.poetry() {
            for wish in Wish::all(name, value) {
                if !wish.is_optional() && wish.applies(self.platform, &[])? {
                    open.extend(self.visit(&wish)?);
                }
            }
        }
        while let Some(index) = open.pop() {
            let package = &self.lock.package[index];
            let names = self.found.get(&index).cloned().unwrap_or_default();
            let extras: Vec<ExtraName> = names.iter().filter_map(|name| name.parse().ok()).collect();
            for (name, value) in &package.dependencies {
                let asked = package.extras.iter().filter(|(extra, _)| names.contains(&normal_name(extra)));
                let for_extra = asked.flat_map(|(_, list)| list).any(|line| normal_name(line) == normal_name(name));
                for wish in Wish::all(name, value) {
                    if (!wish.is_optional() || for_extra) && wish.applies(self.platform, &extras)? {
                        open.extend(self.visit(&wish)?);
                    }
                }
            }
        }
        Ok(self.found.keys().map(|index| &self.lock.package[*index]).collect())
    }

    /// The package that fulfils `wish`, when it or the extras asked of it are new.
    fn visit(&mut self, wish: &Wish<'_>) -> Result<Option<usize>> {
        let missing = || {
            Error::failed(format!("poetry.lock has no {} that fits what asks for it", wish.name))
                .hint("run `poetry lock`")
        };
        let candidates = self.by_name.get(&normal_name(wish.name)).ok_or_else(missing)?;
        let index = match candidates.as_slice() {
            [only] => *only,
            several => {
                let constraint = wish.constraint()?;
                let fits = |index: &&usize| {
                    self.lock.package[**index].version.parse().is_ok_and(|version| constraint.allows(&version))
                };
                *several.iter().find(fits).ok_or_else(missing)?
            }
        };
        let is_new = !self.found.contains_key(&index);
        let extras = self.found.entry(index).or_default();
        let before = extras.len();
        extras.extend(wish.extras().into_iter().map(normal_name));
        Ok((is_new || extras.len() > before).then_some(index))
    }
}

fn add(
    package: &Package,
    lock: &Lock,
    dir: &Path,
    may_build: &dyn Fn(&str) -> bool,
    locked: &mut Locked,
) -> Result<()> {
    let name = package.name.as_str();
    let files = if package.files.is_empty() { lock.metadata.files.get(name) } else { Some(&package.files) };
    let mut hashes: Vec<String> = files.into_iter().flatten().map(|file| file.hash.clone()).collect();
    let requirement = match &package.source {
        None => format!("{name}=={}", package.version),
        Some(source) => match source.kind.as_str() {
            "legacy" => {
                if !is_pypi(&source.url) {
                    locked.indexes.insert(source.url.clone());
                }
                format!("{name}=={}", package.version)
            }
            "directory" => {
                locked.folders.push(dir.join(&source.url));
                return Ok(());
            }
            "git" if may_build(name) => {
                hashes.clear();
                let at = source.resolved_reference.as_ref().map_or_else(String::new, |at| format!("@{at}"));
                let inside = source.subdirectory.as_ref();
                let inside = inside.map_or_else(String::new, |path| format!("#subdirectory={path}"));
                format!("{name} @ git+{}{at}{inside}", source.url)
            }
            "url" if text::is_wheel(&source.url) || may_build(name) => format!("{name} @ {}", source.url),
            "file" if text::is_wheel(&source.url) || may_build(name) => {
                format!("{name} @ file://{}", dir.join(&source.url).display())
            }
            _ => return Err(not_a_wheel(name, &source.url)),
        },
    };
    locked.pins.push(Pin { requirement, hashes });
    Ok(())
}

pub(super) fn is_pypi(url: &str) -> bool {
    url.trim_end_matches('/') == "https://pypi.org/simple"
}
