//! What of the dependencies' files is not worth packing: the rules, each with a name by which `keep`
//! in rzap.yaml turns it off.
//!
//! | rule | leaves out | but not |
//! |---|---|---|
//! | `bytecode` | `__pycache__`, and `*.pyc` beside its source: it is the installer's Python's | byte code that is all there is |
//! | `tests` | folders `tests` and `test` that hold tests | what other code of the dependencies imports from them |
//! | `records` | in `*.dist-info`: `RECORD`, `INSTALLER` and the like, bills of material | what `importlib.metadata` reads, licences |
//! | `scripts` | the command scripts in `bin/`; their first line is a path of this machine | |
//! | `stubs` | `*.pyi` | those of a distribution that reads its stubs at run time |
//! | `sources` | C, C++, Cython and Fortran sources, headers, static libraries | files that its Python code names |
//!
//! The rules are applied when an install is kept, and only as remarks beside its files: `keep`, `drop`
//! and `slim` choose from it without installing anew.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Kept;
use super::imports::Scan;
use crate::error::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Rule {
    Bytecode,
    Tests,
    Records,
    Scripts,
    Stubs,
    Sources,
}

impl Rule {
    pub(super) const ALL: [Self; 6] =
        [Self::Bytecode, Self::Tests, Self::Records, Self::Scripts, Self::Stubs, Self::Sources];

    /// As `keep` names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bytecode => "bytecode",
            Self::Tests => "tests",
            Self::Records => "records",
            Self::Scripts => "scripts",
            Self::Stubs => "stubs",
            Self::Sources => "sources",
        }
    }
}

/// A rule's remark on a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remark {
    pub(super) rule: Rule,
    /// What is left out as a whole: this file, or a folder (it ends in `/`).
    pub(super) at: String,
}

/// Files of an install itself, which differ between tools and machines.
const RECORDS: [&str; 8] = [
    "RECORD",
    "RECORD.jws",
    "RECORD.p7s",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "uv_cache.json",
    "uv_build.json",
];

/// What only a compiler reads.
pub(super) const SOURCES: [&str; 17] =
    ["a", "c", "cc", "cpp", "cu", "cuh", "cxx", "f", "f90", "h", "hh", "hpp", "hxx", "inc", "pxd", "pxi", "pyx"];

/// Puts a remark on every file of `site` that a rule leaves out.
pub(super) fn remark(site: &Path, files: &mut [Kept]) -> Result<()> {
    let scan = Scan::of(site, files)?;
    let paths: HashSet<String> = files.iter().map(|file| file.path.clone()).collect();
    let remarks: HashMap<usize, Remark> =
        files.iter().enumerate().filter_map(|(index, file)| Some((index, judge(file, &paths, &scan)?))).collect();
    for (index, remark) in remarks {
        files[index].out = Some(remark);
    }
    Ok(())
}

fn judge(file: &Kept, paths: &HashSet<String>, scan: &Scan) -> Option<Remark> {
    let path = file.path.as_str();
    let remark = |rule, at: &str| Some(Remark { rule, at: at.to_owned() });
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(end) = path.find("__pycache__/") {
        return remark(Rule::Bytecode, &path[..end + "__pycache__/".len()]);
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    if ["pyc", "pyo"].contains(&ending) && paths.contains(format!("{folder}/{stem}.py").trim_start_matches('/')) {
        return remark(Rule::Bytecode, path);
    }
    if let Some(at) = scan.test(path) {
        return remark(Rule::Tests, at);
    }
    if let Some((info, inside)) = path.split_once(".dist-info/") {
        if RECORDS.contains(&inside) {
            return remark(Rule::Records, path);
        }
        return if inside.starts_with("sboms/") {
            remark(Rule::Records, &format!("{info}.dist-info/sboms/"))
        } else {
            None
        };
    }
    if path.starts_with("bin/") {
        return remark(Rule::Scripts, "bin/");
    }
    if ending == "pyi" && !scan.reads_stubs(&file.of) {
        return remark(Rule::Stubs, path);
    }
    let is_source = SOURCES.contains(&ending.to_ascii_lowercase().as_str());
    (is_source && !scan.names(&file.of, name)).then(|| Remark { rule: Rule::Sources, at: path.to_owned() })
}
