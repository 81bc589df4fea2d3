//! What `cargo metadata` says of a project: its binaries and where they are built.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::process::Command;

use crate::error::{Error, OrFailed, Result};
use crate::package::program::{self, Stdout};

/// <https://doc.rust-lang.org/cargo/commands/cargo-metadata.html#json-format>
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    pub(super) target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) name: String,
    kind: Vec<String>,
}

impl Target {
    pub(super) fn is_binary(&self) -> bool {
        self.kind.iter().any(|kind| kind == "bin")
    }
}

/// One binary of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Binary {
    /// Its package's id.
    pub(super) package: String,
    pub(super) name: String,
}

/// cargo's arguments for building just these.
pub(super) fn arguments(binaries: &BTreeSet<&Binary>) -> Vec<String> {
    let packages: BTreeSet<&str> = binaries.iter().map(|binary| binary.package.as_str()).collect();
    let names: BTreeSet<&str> = binaries.iter().map(|binary| binary.name.as_str()).collect();
    let packages = packages.into_iter().flat_map(|package| ["--package", package]);
    packages.chain(names.into_iter().flat_map(|name| ["--bin", name])).map(str::to_owned).collect()
}

impl Metadata {
    /// Asks cargo about the project in `dir`. Nothing is downloaded.
    pub(super) async fn read(cargo: &Path, dir: &Path) -> Result<Self> {
        let mut command = Command::new(cargo);
        command.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(dir);
        let ended = program::run(command, Stdout::Kept, &|_| ()).await.or_failed(|| "run cargo")?;
        if !ended.is_success() {
            return Err(ended.failure("cargo metadata").context(format!("cargo cannot read {}", dir.display())));
        }
        serde_json::from_slice(&ended.stdout).or_failed(|| "read what `cargo metadata` says")
    }

    /// The binary called `wanted`; without a name the one called like the function, or the only one.
    /// In a workspace those of the package in `dir` come first.
    pub(super) fn binary(&self, dir: &Path, wanted: Option<&str>, function: &str) -> Result<Binary> {
        let of = |package: &Package| {
            let binaries = package.targets.iter().filter(|target| target.is_binary());
            let binary = |target: &Target| Binary { package: package.id.clone(), name: target.name.clone() };
            binaries.map(binary).collect::<Vec<_>>()
        };
        let manifest = dir.join("Cargo.toml");
        let own: Vec<Binary> =
            self.packages.iter().filter(|package| package.manifest_path == manifest).flat_map(of).collect();
        let all: Vec<Binary> = self.packages.iter().flat_map(of).collect();
        let called = |name: &str| own.iter().chain(&all).find(|binary| binary.name == name).cloned();
        let near = if own.is_empty() { &all } else { &own };
        let names = || near.iter().map(|binary| binary.name.as_str()).collect::<Vec<_>>().join(", ");
        match (wanted.or(Some(function)).and_then(called), wanted, near.as_slice()) {
            (Some(found), ..) => Ok(found),
            (None, _, []) => Err(Error::failed(format!("the Rust project in {} has no binary", dir.display()))
                .hint("it needs a `src/main.rs`, or a `[[bin]]` in its Cargo.toml")),
            (None, Some(wanted), _) => {
                Err(Error::failed(format!("the Rust project in {} has no binary `{wanted}`", dir.display()))
                    .hint(format!("it has: {}", names())))
            }
            (None, None, [only]) => Ok(only.clone()),
            (None, None, [_, ..]) => {
                Err(Error::failed(format!("the Rust project in {} has several binaries: {}", dir.display(), names()))
                    .hint(format!("say which one `{function}` is: `cargo: {}`", near[0].name)))
            }
        }
    }

    /// Whether the project says itself what becomes of symbols in a release.
    pub(super) fn speaks_of_symbols(&self) -> bool {
        let manifest = std::fs::read_to_string(self.workspace_root.join("Cargo.toml")).unwrap_or_default();
        let manifest = manifest.parse::<toml::Table>().unwrap_or_default();
        let release = manifest.get("profile").and_then(|profile| profile.get("release"));
        release.is_some_and(|release| ["strip", "debug"].iter().any(|key| release.get(key).is_some()))
    }
}
