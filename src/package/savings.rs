//! What of a package could be left out, with the line for `rzap.yaml` that does it.
//!
//! Only what nothing reads at run time is named, as far as the list of files shows it; where a file
//! could be needed after all (by a dependency that reads sources of translations, say), nothing is
//! said. Every file is counted under one suggestion, so what they save adds up. What the rules for
//! dependencies leave out anyway is not here.

use std::collections::{BTreeSet, HashSet};

use ignore::gitignore::Gitignore;
use serde::Serialize;

use super::rules;
use super::types::Content;
use crate::config::{Entry, FunctionConfig};

/// Less than this is not worth a line of config.
const LEAST: u64 = 100 << 10;

/// Dependencies worth a layer of their own, or a bundle, have more bytes than this.
const MANY: u64 = 1 << 20;

/// One thing to leave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Saving {
    /// The line for `rzap.yaml`: `slim: true`.
    pub(crate) set: String,
    /// Why nothing breaks without it.
    pub(crate) why: String,
    /// How many files that are; 0 when it is not known before it is tried.
    pub(crate) files: usize,
    /// Bytes unpacked; `None` when that is not known, or does not change.
    pub(crate) unzipped: Option<u64>,
    /// Bytes in the zip; `None` when they are not known.
    pub(crate) zipped: Option<u64>,
    /// True when the function gets the same files, but an upload after a change of code is smaller.
    pub(crate) upload_only: bool,
}

/// Files of dependencies that only builds and other systems read.
struct Useless {
    /// As they go under `drop`.
    patterns: &'static [&'static str],
    why: &'static str,
    /// Runtimes that begin so.
    runtime: &'static str,
    /// With one of these dependencies (or one whose name begins so) the files may be read after all.
    unless: &'static [&'static str],
    /// What has to stand beside each such file: another one with this ending.
    beside: Option<&'static str>,
}

const USELESS: &[Useless] = &[
    Useless {
        patterns: &["*.po"],
        why: "sources of translations: programs read the .mo files beside them",
        runtime: "python",
        unless: &["polib", "babel", "translate-toolkit"],
        beside: Some("mo"),
    },
    Useless {
        patterns: &["*.js.map", "*.css.map"],
        why: "source maps: browsers' debuggers read them",
        runtime: "python",
        unless: &[],
        beside: None,
    },
    Useless {
        patterns: &["*.exe", "*.dylib"],
        why: "programs and libraries for Windows and macOS",
        runtime: "",
        unless: &[],
        beside: None,
    },
];

/// What the Python runtimes bring themselves, in the spelling of PEP 503
/// (<https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-dependencies>).
const RUNTIME_BRINGS: &[&str] = &["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"];

/// What `function` could leave out of a package with these files. `packed` says whether their bytes
/// in the zip are known.
pub(crate) fn savings(function: &FunctionConfig, contents: &[Content], packed: bool) -> Vec<Saving> {
    let kept = rules::compile("keep", &function.source.keep).unwrap_or_else(|_| Gitignore::empty());
    let mut left: Vec<&Content> = contents
        .iter()
        .filter(|content| content.dependency && !kept.matched_path_or_any_parents(&content.path, false).is_ignore())
        .collect();
    let mut found = vec![slim(function, &mut left)];
    let names: BTreeSet<String> = left.iter().map(|content| normal(&content.of)).collect();
    found.extend(USELESS.iter().map(|kind| kind.find(function, &names, &mut left)));
    let mut found: Vec<Saving> = found.into_iter().flatten().collect();
    found.retain(|saving| saving.unzipped >= Some(LEAST));
    found.sort_by_key(|saving| std::cmp::Reverse(saving.unzipped));
    found.extend(bundle(function, contents));
    found.extend(layer(function, contents));
    if !packed {
        for saving in &mut found {
            saving.zipped = None;
        }
    }
    found
}

/// A distribution's name as PEP 503 compares it. Names on npm stay what they are.
fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

/// Takes what `wanted` says out of `left`.
fn take(left: &mut Vec<&Content>, set: String, why: String, wanted: impl Fn(&Content) -> bool) -> Option<Saving> {
    let (taken, rest): (Vec<&Content>, Vec<&Content>) = left.iter().partition(|content| wanted(content));
    if taken.is_empty() {
        return None;
    }
    *left = rest;
    Some(Saving {
        set,
        why,
        files: taken.len(),
        unzipped: Some(taken.iter().map(|content| content.unzipped).sum()),
        zipped: Some(taken.iter().map(|content| content.zipped).sum()),
        upload_only: false,
    })
}

fn slim(function: &FunctionConfig, left: &mut Vec<&Content>) -> Option<Saving> {
    if function.source.slim || !function.runtime.starts_with("python") {
        return None;
    }
    let brought = |content: &Content| RUNTIME_BRINGS.contains(&normal(&content.of).as_str());
    let names: BTreeSet<String> =
        left.iter().filter(|content| brought(content)).map(|content| normal(&content.of)).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    take(left, "slim: true".to_owned(), format!("the runtime itself brings {names}, in versions of its own"), brought)
}

impl Useless {
    fn find(&self, function: &FunctionConfig, names: &BTreeSet<String>, left: &mut Vec<&Content>) -> Option<Saving> {
        let is_read = |name: &String| self.unless.iter().any(|reader| name.starts_with(reader));
        if !function.runtime.starts_with(self.runtime) || names.iter().any(is_read) {
            return None;
        }
        let patterns: Vec<String> = self.patterns.iter().map(ToString::to_string).collect();
        let matcher = rules::compile("drop", &patterns).ok()?;
        let useless = |content: &Content| matcher.matched_path_or_any_parents(&content.path, false).is_ignore();
        if let Some(ending) = self.beside {
            let all: HashSet<&str> = left.iter().map(|content| content.path.as_str()).collect();
            let is_alone = |content: &Content| {
                let stem = content.path.rsplit_once('.').map_or(content.path.as_str(), |(stem, _)| stem);
                !all.contains(format!("{stem}.{ending}").as_str())
            };
            if left.iter().any(|content| useless(content) && is_alone(content)) {
                return None;
            }
        }
        // Only those that are there: a line of config is read again and again.
        let used = |pattern: &&String| {
            let one = rules::compile("drop", std::slice::from_ref(*pattern)).unwrap_or_else(|_| Gitignore::empty());
            left.iter().any(|content| one.matched_path_or_any_parents(&content.path, false).is_ignore())
        };
        let used: Vec<String> = patterns.iter().filter(used).map(|pattern| format!("{pattern:?}")).collect();
        take(left, format!("drop: [{}]", used.join(", ")), self.why.to_owned(), useless)
    }
}

/// Bundling, for Node projects that do not decide about it. How much it saves shows when it is done.
/// Native modules and WebAssembly are read as files, which a bundle does not have.
fn bundle(function: &FunctionConfig, contents: &[Content]) -> Option<Saving> {
    let read_as_file = |content: &&Content| [".node", ".wasm"].iter().any(|ending| content.path.ends_with(ending));
    let fits = function.runtime.starts_with("nodejs")
        && function.source.bundle.is_none()
        && weight(contents) > MANY
        && !contents.iter().any(|content| read_as_file(&content));
    fits.then(|| Saving {
        set: "bundle: true".to_owned(),
        why: "esbuild packs only what is imported (try it: what a dependency reads as a file is not in a bundle)"
            .to_owned(),
        files: 0,
        unzipped: None,
        zipped: None,
        upload_only: false,
    })
}

/// A layer for the dependencies of a Python function. Not for Node, where a bundle does more.
fn layer(function: &FunctionConfig, contents: &[Content]) -> Option<Saving> {
    const MOST_LAYERS: usize = 5;
    let fits = function.runtime.starts_with("python")
        && (function.entry.is_web() || matches!(function.entry, Entry::Handler(_)))
        && !function.source.layer
        && function.layers.len() < MOST_LAYERS
        && weight(contents) > MANY;
    let dependencies = || contents.iter().filter(|content| content.dependency);
    fits.then(|| Saving {
        set: "layer: auto".to_owned(),
        why: "an update of code uploads only the project's own files".to_owned(),
        files: dependencies().count(),
        unzipped: None,
        zipped: Some(dependencies().map(|content| content.zipped).sum()),
        upload_only: true,
    })
}

/// Bytes of all dependencies, unpacked.
fn weight(contents: &[Content]) -> u64 {
    contents.iter().filter(|content| content.dependency).map(|content| content.unzipped).sum()
}

#[cfg(test)]
mod tests;
