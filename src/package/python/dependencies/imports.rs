//! One look at all Python sources of an install: which test folders are imported by other code, and
//! which of their own files a distribution reads by name.
//!
//! Imports are found by their form in the text, in strings too (`"numpy.tests"`): a sentence in a
//! docstring that looks like one only keeps something that could go.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::Kept;
use super::rules::SOURCES;
use crate::error::{Error, OrFailed, Result};

/// What the sources said.
pub(super) struct Scan {
    /// Test folder (ends in `/`) → whether other code imports from it.
    folders: BTreeMap<String, bool>,
    /// Modules in test folders that are imported.
    imported: BTreeSet<String>,
    /// Distributions that read `.pyi` files.
    stubs: HashSet<String>,
    /// (Distribution, file name) of the sources that Python code names.
    named: HashSet<(String, String)>,
}

impl Scan {
    /// Reads the Python files among `files`, which lie in `site`.
    pub(super) fn of(site: &Path, files: &[Kept]) -> Result<Self> {
        let folders = test_folders(files).into_iter().map(|folder| (folder, false)).collect();
        let mut scan = Self { folders, imported: BTreeSet::new(), stubs: HashSet::new(), named: HashSet::new() };
        let mut sources = HashMap::<&str, HashSet<&[u8]>>::new();
        for file in files {
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            if name.rsplit_once('.').is_some_and(|(_, ending)| SOURCES.contains(&ending)) {
                sources.entry(&file.of).or_default().insert(name.as_bytes());
            }
        }
        let patterns = Patterns::get()?;
        let python: Vec<&Kept> = files.iter().filter(|file| is_python(&file.path)).collect();
        let mut waiting: Vec<&Kept> = Vec::new();
        for file in python {
            if scan.folder_of(&file.path).is_some() {
                waiting.push(file);
                continue;
            }
            let text = read(site, file)?;
            scan.look(patterns, &file.path, &text);
            if patterns.stub.is_match(&text) {
                scan.stubs.insert(file.of.clone());
            }
            if let Some(names) = sources.get(file.of.as_str()) {
                let found = patterns.source.find_iter(&text).filter(|found| names.contains(found.as_bytes()));
                let found = found.map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
                scan.named.extend(found.map(|name| (file.of.clone(), name)));
            }
        }
        // What stays of a test folder imports, too.
        loop {
            let (stays, rest): (Vec<&Kept>, _) = waiting.into_iter().partition(|file| scan.test(&file.path).is_none());
            if stays.is_empty() {
                return Ok(scan);
            }
            for file in stays {
                scan.look(patterns, &file.path, &read(site, file)?);
            }
            waiting = rest;
        }
    }

    /// The part of a test folder that `path` is left out with: the folder, or the file alone.
    pub(super) fn test<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        let (folder, is_imported) = self.folder_of(path)?;
        if !is_imported {
            return Some(folder);
        }
        (is_test(path) && !self.imported.contains(&module(path))).then_some(path)
    }

    /// Whether code of the distribution reads `.pyi` files.
    pub(super) fn reads_stubs(&self, of: &str) -> bool {
        self.stubs.contains(of)
    }

    /// Whether code of the distribution names a file.
    pub(super) fn names(&self, of: &str, name: &str) -> bool {
        self.named.contains(&(of.to_owned(), name.to_owned()))
    }

    fn folder_of(&self, path: &str) -> Option<(&str, bool)> {
        path.match_indices('/').find_map(|(end, _)| {
            let (folder, is_imported) = self.folders.get_key_value(&path[..=end])?;
            Some((folder.as_str(), *is_imported))
        })
    }

    /// Takes down what the Python file at `path` imports from test folders.
    fn look(&mut self, patterns: &Patterns, path: &str, text: &[u8]) {
        if self.folders.is_empty() {
            return;
        }
        let package = package(path);
        let utf8 = |found: Option<regex::bytes::Match<'_>>| {
            found.map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned()).unwrap_or_default()
        };
        for found in patterns.import.captures_iter(text) {
            if let Some(list) = found.get(4) {
                for name in names(list.as_bytes()) {
                    self.mark(&name);
                }
                continue;
            }
            let from = absolute(&package, utf8(found.get(1)).len(), &utf8(found.get(2)));
            self.mark(&from);
            for name in found.get(3).map(|list| names(list.as_bytes())).unwrap_or_default() {
                self.mark(&if from.is_empty() { name } else { format!("{from}.{name}") });
            }
        }
        for found in patterns.text.captures_iter(text) {
            let said = utf8(found.get(1));
            let rest = said.trim_start_matches('.');
            self.mark(&absolute(&package, said.len() - rest.len(), rest));
        }
    }

    fn mark(&mut self, target: &str) {
        let path = format!("{}/", target.replace('.', "/"));
        let Some(folder) = self.folder_of(&path).map(|(folder, _)| folder.to_owned()) else { return };
        self.folders.insert(folder, true);
        self.imported.insert(target.to_owned());
    }
}

struct Patterns {
    /// `from ..a import (b, c)` (dots, module, names) or `import a, b` (names).
    import: Regex,
    /// A dotted name of a test folder, or of something in one, in quotes.
    text: Regex,
    stub: Regex,
    source: Regex,
}

impl Patterns {
    fn get() -> Result<&'static Self> {
        static PATTERNS: LazyLock<Result<Patterns, regex::Error>> = LazyLock::new(|| {
            let name = r"(?-u:[A-Za-z0-9_\-]+)";
            Ok(Patterns {
                import: Regex::new(
                    r"(?m)(?:^|[;:])[ \t]*(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]*import\b[ \t]*(\([^)]*\)|(?:[^\n#;\\]|\\\r?\n)*)|import[ \t]+((?:[^\n#;\\]|\\\r?\n)+))",
                )?,
                text: Regex::new(r#"["']((?:\.+|\.*[\w.]*\.)tests?(?:\.[\w.]+)?)["']"#)?,
                stub: Regex::new(r"(?-u)\.pyi\b|attach_stub")?,
                source: Regex::new(&format!(r"(?-u){name}\.(?:{})\b", SOURCES.join("|")))?,
            })
        });
        PATTERNS.as_ref().map_err(|error| Error::failed("the patterns for imports do not compile").because(error))
    }
}

fn is_python(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "py")
}

/// The topmost folders called `tests` or `test` that really hold tests.
fn test_folders(files: &[Kept]) -> BTreeSet<String> {
    let tests = files.iter().filter(|file| is_test(&file.path));
    let folders = tests.filter_map(|file| {
        let names = file.path.match_indices('/');
        names.map(|(end, _)| &file.path[..=end]).find(|folder| {
            let name = folder.trim_end_matches('/').rsplit('/').next();
            name == Some("tests") || name == Some("test")
        })
    });
    folders.map(str::to_owned).collect()
}

/// By the names that test runners look for.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some(stem) = name.strip_suffix(".py") else { return false };
    stem.starts_with("test_") || stem.ends_with("_test") || stem == "conftest"
}

/// `a/b/c.py` → `a.b.c`
fn module(path: &str) -> String {
    let stem = path.strip_suffix(".py").unwrap_or(path);
    stem.strip_suffix("/__init__").unwrap_or(stem).replace('/', ".")
}

/// What relative imports in the file start from.
fn package(path: &str) -> String {
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.replace('/', "."))
}

/// The module that `dots` dots and a name mean in `package`.
fn absolute(package: &str, dots: usize, name: &str) -> String {
    if dots == 0 {
        return name.to_owned();
    }
    let parts: Vec<&str> = package.split('.').filter(|part| !part.is_empty()).collect();
    let above = &parts[..parts.len().saturating_sub(dots - 1)];
    above.iter().copied().chain(name.split('.').filter(|part| !part.is_empty())).collect::<Vec<_>>().join(".")
}

/// `(a as b, c)` → `a`, `c`
fn names(list: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(list);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let plain: String = lines.collect::<Vec<_>>().join(" ").replace(['(', ')', '\\'], " ");
    plain.split(',').filter_map(|item| Some(item.split_whitespace().next()?.to_owned())).collect()
}

fn read(site: &Path, file: &Kept) -> Result<Vec<u8>> {
    fs::read(site.join(&file.path)).or_failed(|| format!("read {} of {}", file.path, file.of))
}
