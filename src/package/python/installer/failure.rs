//! What an installer complains about, said so that it helps.

use std::sync::LazyLock;

use regex::Regex;

use super::super::super::program;
use super::Installer;
use crate::error::Error;
use crate::package::python::platform::Platform;
use crate::package::python::requirements::normal_name;

impl Installer {
    /// What is made of an installer's stderr.
    pub(super) fn failure(&self, stderr: &str, platform: &Platform) -> Error {
        let mut error = match Culprit::of(stderr) {
            Some(Culprit::NoWheel(name)) => Error::failed(format!("{name} has no wheel for {platform}")).hint(format!(
                "take a version or a sibling of it that has one (psycopg2 → psycopg2-binary) or another Python in \
                 `runtime`, or allow to build it: `from_source: [{}]`",
                normal_name(&name)
            )),
            Some(Culprit::Unknown(name)) => Error::failed(format!("there is no {name} for {platform} in the index"))
                .hint("check its spelling and version, and that it has a wheel (what may be built without is named in `from_source`)"),
            Some(Culprit::Foreign(wheel)) => {
                Error::failed(format!("{wheel}, built on this machine, does not fit {platform}")).hint(format!(
                    "it has native code: build on {} with Python {}, or take a version that has a wheel",
                    platform.machine(),
                    platform.python
                ))
            }
            Some(Culprit::Unbuildable(name)) => Error::failed(format!("{name} cannot be built on this machine"))
                .hint("its build may need a compiler or headers; or take a version that has a wheel"),
            None => Error::failed(format!("{} could not install the dependencies", self.name())),
        };
        let lines: Vec<&str> = stderr
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("Using CPython"))
            .collect();
        error.causes.extend(lines[lines.len().saturating_sub(8)..].iter().map(|line| program::masked(line)));
        if stderr.contains("invalid value") && stderr.contains("--python-platform") {
            return error.hint("this uv is too old to know the platform: run `uv self update`");
        }
        if stderr.contains("Hash mismatch") || stderr.contains("DO NOT MATCH THE HASHES") {
            return error
                .hint("a file in the index is not the one that was locked: find out why before you lock again");
        }
        if error.hints.is_empty() {
            return error
                .hint("if it cannot reach the index, check UV_INDEX_URL or PIP_INDEX_URL, proxies and certificates");
        }
        error
    }
}

/// Which package an installer complains about, in the words of uv 0.5–0.13 and pip 20–26.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Culprit {
    NoWheel(String),
    /// No such package or version, or (pip does not tell them apart) no wheel of it.
    Unknown(String),
    /// A wheel that was built here and cannot run there.
    Foreign(String),
    Unbuildable(String),
}

type Kind = fn(String) -> Culprit;

impl Culprit {
    /// What `stderr` says.
    pub(super) fn of(stderr: &str) -> Option<Self> {
        static KINDS: LazyLock<Vec<(Regex, Kind)>> = LazyLock::new(|| {
            let kinds: [(&str, Kind); 4] = [
                (
                    r"Wheels are required for `([^`]+)`|(?:versions of )?(\S+) (?:has|have) no (?:usable )?wheels|Building source distributions for `([^`]+)` is disabled",
                    Culprit::NoWheel,
                ),
                (
                    r"(\S+) was not found in the|there (?:is|are) no versions? of (\S+)|No matching distribution found for (\S+)",
                    Culprit::Unknown,
                ),
                (r"The built wheel `([^`]+)` is not compatible", Culprit::Foreign),
                (r"Failed to (?:download and )?build `([^`]+)`", Culprit::Unbuildable),
            ];
            kinds.into_iter().filter_map(|(pattern, kind)| Some((Regex::new(pattern).ok()?, kind))).collect()
        });
        KINDS.iter().find_map(|(pattern, kind)| {
            let found = pattern.captures(stderr)?;
            let name = found.iter().skip(1).flatten().next()?;
            Some(kind(name.as_str().trim_end_matches([',', '.', ';']).to_owned()))
        })
    }

    /// The package.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::NoWheel(name) | Self::Unknown(name) | Self::Foreign(name) | Self::Unbuildable(name) => name,
        }
    }
}
