//! Which dependencies a Python folder declares, as the text an installer is given and that a
//! cached install is known by.
//!
//! `requirements.txt` decides; without one, `[project] dependencies` of `pyproject.toml`. Lock files
//! and other tools' own tables are not read: where leaving them aside would install something else
//! than the user has, this is an error with the command that exports them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, OrFailed, Result};

/// The dependencies of one folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) given: Given,
    /// Everything that decides what will be installed, as (name, content).
    pub(super) inputs: Vec<(String, Vec<u8>)>,
    pub(super) notes: Vec<String>,
}

/// What the installer's `-r` gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given {
    File(PathBuf),
    /// To be written to a file first.
    Text(String),
}

/// The dependencies declared in `dir`; `None` when there are none.
pub(super) fn declared(dir: &Path) -> Result<Option<Declared>> {
    let requirements = dir.join("requirements.txt");
    if requirements.is_file() {
        return from_requirements(dir, requirements);
    }
    let pyproject = dir.join("pyproject.toml");
    if pyproject.is_file() {
        return from_pyproject(dir, &pyproject);
    }
    if dir.join("Pipfile").is_file() {
        return Err(Error::failed("the dependencies are in a Pipfile, which rzap does not read yet")
            .hint("run `pipenv requirements > requirements.txt`; an empty requirements.txt means none"));
    }
    Ok(None)
}

fn from_requirements(dir: &Path, file: PathBuf) -> Result<Option<Declared>> {
    let mut reader = Reader { dir, seen: BTreeSet::new(), inputs: vec![], any: false };
    reader.file(&file)?;
    let (any, mut inputs) = (reader.any, reader.inputs);
    inputs.extend(uv_config(dir)?);
    Ok(any.then_some(Declared { given: Given::File(file), inputs, notes: vec![] }))
}

fn from_pyproject(dir: &Path, file: &Path) -> Result<Option<Declared>> {
    let table: toml::Table = text(file)?
        .parse()
        .map_err(|error: toml::de::Error| Error::failed(format!("{} is not TOML", file.display())).because(&error))?;
    let at = |path: &[&str]| {
        path.iter()
            .try_fold(None, |at: Option<&toml::Value>, key| {
                Some(Some(at.map_or_else(|| table.get(*key), |value| value.get(key))?))
            })
            .flatten()
    };
    let list = |path: &[&str]| -> Vec<&str> {
        at(path).and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str).collect()
    };
    let export = |why: &str, command: &str| {
        Err(Error::failed(format!("{}: {why}", file.display()))
            .hint(format!("run `{command}`: rzap takes requirements.txt first; an empty one means none")))
    };

    if list(&["project", "dynamic"]).contains(&"dependencies") {
        return export(
            "the dependencies are `dynamic`, so only the build tool knows them",
            "uv pip compile pyproject.toml -o requirements.txt",
        );
    }
    let dependencies = list(&["project", "dependencies"]);
    if dependencies.is_empty() {
        // Poetry lists `python` itself there.
        let poetry = at(&["tool", "poetry", "dependencies"]).and_then(toml::Value::as_table);
        if poetry.is_some_and(|table| table.keys().any(|name| name != "python")) {
            return export(
                "the dependencies are in Poetry's own table, which rzap does not read yet",
                "poetry export -o requirements.txt",
            );
        }
        return Ok(None);
    }
    // A package with a source of its own, fetched by its name from the public index, could be
    // somebody else's.
    let sources = at(&["tool", "uv", "sources"]).and_then(toml::Value::as_table);
    let redirected = sources
        .into_iter()
        .flat_map(toml::Table::keys)
        .find(|source| dependencies.iter().any(|dependency| normal_name(dependency) == normal_name(source)));
    if let Some(name) = redirected {
        return export(
            &format!("`{name}` has its own source under [tool.uv.sources]"),
            "uv export --no-emit-project -o requirements.txt",
        );
    }
    if let Some(local) = dependencies.iter().find(|line| local_path(line).is_some()) {
        return export(&format!("`{local}` is a local path"), "uv build --wheel");
    }
    let notes = ["uv.lock", "poetry.lock", "pdm.lock"]
        .into_iter()
        .filter(|lock| dir.join(lock).is_file())
        .map(|lock| format!("{lock} is not read: dependencies come from pyproject.toml (a requirements.txt with exact versions wins)"))
        .collect();
    let text = dependencies.join("\n") + "\n";
    let mut inputs = vec![("pyproject.toml".to_owned(), text.clone().into_bytes())];
    inputs.extend(uv_config(dir)?);
    Ok(Some(Declared { given: Given::Text(text), inputs, notes }))
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

/// Reads a requirements file and everything it includes.
struct Reader<'a> {
    dir: &'a Path,
    seen: BTreeSet<PathBuf>,
    inputs: Vec<(String, Vec<u8>)>,
    /// A line asks for a package.
    any: bool,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path) -> Result<()> {
        let text = text(file)?;
        // By its real path: files that include each other through `..` would never look the same.
        if !self.seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())) {
            return Ok(());
        }
        self.inputs.push((self.name(file), text.clone().into_bytes()));
        let joined = text.trim_start_matches('\u{feff}').replace("\\\r\n", "").replace("\\\n", "");
        joined.lines().try_for_each(|line| self.line(file, line))
    }

    fn line(&mut self, file: &Path, line: &str) -> Result<()> {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let folder = file.parent().unwrap_or(self.dir);
        if let Some(value) = option(line, "-r", "--requirement").or_else(|| option(line, "-c", "--constraint")) {
            return if value.contains("://") { Ok(()) } else { self.file(&folder.join(value)) };
        }
        if let Some(value) = option(line, "-f", "--find-links") {
            return self.find_links(value);
        }
        if option(line, "-e", "--editable").is_some() {
            return Err(self.not_a_wheel(file, line));
        }
        if line.starts_with('-') {
            return Ok(());
        }
        self.any = true;
        let Some(path) = local_path(line) else { return Ok(()) };
        if !is_wheel(path) {
            return Err(self.not_a_wheel(file, line));
        }
        let path = self.dir.join(path);
        let wheel = fs::read(&path).or_failed(|| format!("read {}, named in {}", path.display(), file.display()))?;
        self.inputs.push((self.name(&path), wheel));
        Ok(())
    }

    /// A local folder of wheels: which ones there are can decide what is chosen.
    fn find_links(&mut self, value: &str) -> Result<()> {
        let folder = self.dir.join(value.strip_prefix("file://").unwrap_or(value));
        if value.contains("://") && !value.starts_with("file://") || !folder.is_dir() {
            return Ok(());
        }
        let mut names = Vec::new();
        for item in fs::read_dir(&folder).or_failed(|| format!("list {}", folder.display()))? {
            let item = item.or_failed(|| format!("list {}", folder.display()))?;
            let size = item.metadata().map_or(0, |metadata| metadata.len());
            names.push(format!("{} {size}", item.file_name().to_string_lossy()));
        }
        names.sort();
        self.inputs.push((self.name(&folder), names.join("\n").into_bytes()));
        Ok(())
    }

    /// Relative to the folder: the same project elsewhere has the same inputs.
    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.dir).unwrap_or(path).to_string_lossy().into_owned()
    }

    fn not_a_wheel(&self, file: &Path, line: &str) -> Error {
        Error::failed(format!(
            "`{line}` in {} would have to be built; rzap installs ready wheels only",
            self.name(file)
        ))
        .hint(
            "put that package's folder next to your code and drop the line, or name a wheel of it (`uv build --wheel`)",
        )
    }
}

/// The value of `short X`, `shortX`, `long X` or `long=X`.
fn option<'a>(line: &'a str, short: &str, long: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(long).filter(|rest| rest.starts_with(['=', ' ', '\t']));
    let rest = rest.or_else(|| line.strip_prefix(short).filter(|_| !line.starts_with("--")));
    rest.map(|rest| rest.trim_start_matches(['=', ' ', '\t']).trim().trim_matches(['"', '\'']))
}

/// The path in a requirement that names one: `./lib`, `wheels/x.whl[extra]`, `x @ file:///lib`.
fn local_path(line: &str) -> Option<&str> {
    let line = line.split(" --").next()?.split(" ;").next()?.trim();
    if let Some((_, path)) = line.split_once("file:") {
        return Some(path.strip_prefix("//").unwrap_or(path));
    }
    let path = line.split('[').next()?.split(';').next()?.trim();
    let is_path = path.starts_with(['.', '/', '~']) || path.contains('/') || is_wheel(path);
    (is_path && !line.contains("://")).then_some(path)
}

fn is_wheel(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "whl")
}

/// PEP 503's normal form of the name at the start of a requirement.
fn normal_name(requirement: &str) -> String {
    let end =
        requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(requirement.len());
    let parts: Vec<&str> = requirement[..end].split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    parts.join("-").to_ascii_lowercase()
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| {
        let said = Error::failed(format!("cannot read {}", file.display())).because(&error);
        if error.kind() == io::ErrorKind::InvalidData { said.hint("save it as UTF-8") } else { said }
    })
}

#[cfg(test)]
mod tests;
