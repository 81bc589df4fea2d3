//! `pyproject.toml` without a lock: what it lists is resolved anew for each install.
//!
//! What rzap cannot see (dependencies that only the build tool knows, sources of one's own) is an
//! error with the command that makes a lock of it.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::super::platform::Platform;
use super::table::Wish;
use super::{Declared, Given, normal_name, not_a_wheel, text, toml, uv_config};
use crate::error::{Error, Result};

/// The file, read.
pub(super) struct Pyproject {
    pub(super) file: PathBuf,
    pub(super) table: Table,
}

impl Pyproject {
    /// The one of `dir`, if there is one.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>> {
        let file = dir.join("pyproject.toml");
        if !file.is_file() {
            return Ok(None);
        }
        Ok(Some(Self { table: toml(&file)?, file }))
    }

    /// What stands at `path`.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(key))
    }

    /// The texts in the list at `path`.
    pub(super) fn list(&self, path: &[&str]) -> Vec<&str> {
        self.at(path).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// True when the build tool decides the dependencies.
    pub(super) fn is_dynamic(&self) -> bool {
        self.list(&["project", "dynamic"]).contains(&"dependencies")
    }

    /// Poetry's own table of dependencies, without Python itself.
    pub(super) fn poetry(&self) -> impl Iterator<Item = (&str, &Value)> {
        let table = self.at(&["tool", "poetry", "dependencies"]).and_then(Value::as_table);
        table.into_iter().flatten().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| *name != "python")
    }

    fn error(&self, why: &str, command: &str) -> Error {
        Error::failed(format!("{}: {why}", self.file.display()))
            .hint(format!("run `{command}`: rzap reads that file first"))
    }
}

/// See [`super::declared`].
pub(super) fn declared(dir: &Path, platform: &Platform, may_build: &dyn Fn(&str) -> bool) -> Result<Option<Declared>> {
    let Some(pyproject) = Pyproject::read(dir)? else { return Ok(None) };
    let lines = if pyproject.is_dynamic() && pyproject.poetry().next().is_none() {
        return dynamic(dir, &pyproject);
    } else if pyproject.at(&["project", "dependencies"]).is_some() {
        project(&pyproject)?
    } else {
        poetry(&pyproject, platform, may_build)?
    };
    if lines.is_empty() {
        return Ok(None);
    }
    let text = lines.join("\n") + "\n";
    let mut inputs = vec![("pyproject.toml".to_owned(), text.clone().into_bytes())];
    inputs.extend(uv_config(dir)?);
    Ok(Some(Declared { given: Given::Text(text), inputs, notes: vec![] }))
}

/// `[project] dependencies`
fn project(pyproject: &Pyproject) -> Result<Vec<String>> {
    let dependencies = pyproject.list(&["project", "dependencies"]);
    // A package with a source of its own, fetched by its name from the public index, could be
    // somebody else's.
    let sources = pyproject.at(&["tool", "uv", "sources"]).and_then(Value::as_table);
    let redirected = sources
        .into_iter()
        .flat_map(Table::keys)
        .find(|source| dependencies.iter().any(|dependency| normal_name(dependency) == normal_name(source)));
    if let Some(name) = redirected {
        return Err(pyproject.error(
            &format!("`{name}` has its own source under [tool.uv.sources], and there is no uv.lock"),
            "uv lock",
        ));
    }
    if let Some(local) = dependencies.iter().find(|line| text::local_path(line).is_some()) {
        return Err(pyproject.error(&format!("`{local}` is a local path, and there is no lock"), "uv lock"));
    }
    Ok(dependencies.into_iter().map(str::to_owned).collect())
}

/// setuptools can take them from files
/// (<https://setuptools.pypa.io/en/latest/userguide/pyproject_config.html#dynamic-metadata>).
fn dynamic(dir: &Path, pyproject: &Pyproject) -> Result<Option<Declared>> {
    let path = ["tool", "setuptools", "dynamic", "dependencies", "file"];
    let mut files = pyproject.list(&path);
    files.extend(pyproject.at(&path).and_then(Value::as_str));
    if files.is_empty() {
        return Err(pyproject.error(
            "the dependencies are `dynamic`, so only the build tool knows them",
            "uv pip compile pyproject.toml -o requirements.txt",
        ));
    }
    text::declared(dir, &files.iter().map(|file| dir.join(file)).collect::<Vec<_>>())
}

/// `[tool.poetry.dependencies]`, as requirements for `platform`.
fn poetry(pyproject: &Pyproject, platform: &Platform, may_build: &dyn Fn(&str) -> bool) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (name, value) in pyproject.poetry() {
        for wish in Wish::all(name, value) {
            if wish.is_optional() || !wish.applies(platform, &[])? {
                continue;
            }
            let extras = wish.extras();
            let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
            let lock =
                |why: &str| pyproject.error(&format!("`{name}` {why}, and there is no poetry.lock"), "poetry lock");
            if let Some(url) = wish.get("git") {
                if !may_build(name) {
                    return Err(not_a_wheel(name, url));
                }
                let at = ["rev", "tag", "branch"].iter().find_map(|key| wish.get(key));
                let at = at.map_or_else(String::new, |at| format!("@{at}"));
                lines.push(format!("{name}{extras} @ git+{url}{at}"));
            } else if let Some(url) = wish.get("url") {
                lines.push(format!("{name}{extras} @ {url}"));
            } else if wish.get("path").or(wish.get("file")).is_some() {
                return Err(lock("is a local path"));
            } else if wish.get("source").is_some() {
                return Err(lock("has its own source"));
            } else {
                let versions = wish.constraint()?.requirement();
                lines
                    .push(format!("{name}{extras}{}", versions.ok_or_else(|| lock("has several ranges of versions"))?));
            }
        }
    }
    Ok(lines)
}
