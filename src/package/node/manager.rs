//! The program of a package manager: where it is, and what it is told.
//!
//! Every manager is told the same: production dependencies only, exactly those of the lock file, for
//! Lambda's platform, as plain folders in `node_modules`, and no install scripts, which would build
//! for this machine and run anybody's code. Where packages come from (registries, certificates,
//! proxies, credentials) stays the user's choice.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tokio::process::Command;

use super::super::program::{self, Ended, Stdout};
use super::lock::{Lock, Manager};
use super::manifest::Manifest;
use crate::error::{Error, OrFailed, Result};

/// npm options that would change what is installed, or where to. `npm run` sets some of them for
/// everything it starts, so they are no choice of the user's.
const CLEARED: &[&str] = &[
    "global",
    "location",
    "prefix",
    "local_prefix",
    "global_prefix",
    "omit",
    "include",
    "only",
    "also",
    "production",
    "dev",
    "optional",
    "os",
    "cpu",
    "libc",
    "arch",
    "platform",
    "target_arch",
    "target_platform",
    "dry_run",
    "force",
    "ignore_scripts",
    "install_links",
    "install_strategy",
    "legacy_bundling",
    "global_style",
    "package_lock",
    "package_lock_only",
    "workspace",
    "workspaces",
    "include_workspace_root",
    "node_linker",
    "modules_dir",
    "lockfile_dir",
    "frozen_lockfile",
];

/// A program that can install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) manager: Manager,
    file: PathBuf,
    /// What comes before the manager's own arguments, when npx runs it.
    first: Vec<String>,
    /// `10.9.3`; when npx runs it, what it fetches: `pnpm@10`.
    pub(super) version: String,
}

impl Program {
    /// The manager of `lock`: of the right generation on `search_path` (the value of `PATH`), else
    /// fetched by npx.
    pub(super) async fn find(
        search_path: Option<&OsStr>,
        lock: &Lock,
        manifest: &Manifest,
        dir: &Path,
    ) -> Result<Self> {
        let manager = lock.manager;
        if let Some(file) = program::find(manager.name(), search_path) {
            let found = Self { manager, file, first: vec![], version: String::new() };
            let version = match found.written_version(manifest, dir) {
                None => found.said_version(dir).await,
                written => written,
            };
            if let Some(version) = version.filter(|version| manager.takes(version)) {
                return Ok(Self { version, ..found });
            }
        }
        let asked = asked(lock, manifest);
        let Some((file, package)) = program::find("npx", search_path).zip(asked) else {
            let install = match manager {
                Manager::Npm => "install Node.js, which brings it (https://nodejs.org)",
                Manager::Pnpm => "install it (https://pnpm.io/installation), or npm, which can fetch it",
                Manager::Classic | Manager::Berry => {
                    "install it (https://yarnpkg.com/getting-started/install), or npm, which can fetch it"
                }
            };
            let what = match manager {
                Manager::Classic => "yarn 1",
                Manager::Berry => "yarn 2 or newer",
                _ => manager.name(),
            };
            return Err(Error::failed(format!("there is no {what} to install from {} with", lock.name)).hint(install));
        };
        let first = ["--yes".to_owned(), format!("--package={package}"), manager.name().to_owned()].to_vec();
        // Fetched only when there is something to install.
        Ok(Self { manager, file, first, version: package })
    }

    /// The version in the `package.json` of the program, which saves starting it. `None` when there is
    /// none, or when the project may make it run as another version.
    fn written_version(&self, manifest: &Manifest, dir: &Path) -> Option<String> {
        let chooses = |file: &str| dir.ancestors().any(|folder| folder.join(file).is_file());
        let is_switched = match self.manager {
            Manager::Npm => false,
            Manager::Pnpm => manifest.package_manager.is_some(),
            Manager::Classic | Manager::Berry => {
                manifest.package_manager.is_some() || chooses(".yarnrc.yml") || chooses(".yarnrc")
            }
        };
        let program = fs::canonicalize(&self.file).ok().filter(|_| !is_switched)?;
        let text = program.ancestors().skip(2).take(1).find_map(|folder| fs::read(folder.join("package.json")).ok())?;
        let package: Value = serde_json::from_slice(&text).ok()?;
        // corepack's stand-ins for the managers have its own version beside them.
        let is_its_own = ["npm", "pnpm", "yarn", "@yarnpkg/cli-dist"].iter().any(|name| package["name"] == *name);
        package["version"].as_str().filter(|_| is_its_own).map(str::to_owned)
    }

    async fn said_version(&self, dir: &Path) -> Option<String> {
        let ended = program::run(self.command(&["--version"], dir, &[]), Stdout::Kept, &|_| ()).await;
        let said = String::from_utf8(ended.ok().filter(Ended::is_success)?.stdout).ok()?;
        let version = said.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        version.starts_with(|first: char| first.is_ascii_digit()).then(|| version.to_owned())
    }

    /// The command line that installs what `cpu` needs.
    fn arguments(&self, cpu: &str) -> Result<Vec<String>> {
        let words = match self.manager {
            Manager::Npm => {
                // https://github.com/npm/cli/releases/tag/v10.3.0: the first that has all three.
                if (major(&self.version), minor(&self.version)) < (10, 3) {
                    return Err(Error::failed(format!("npm {} cannot install for another platform", self.version))
                        .hint("update npm to 10.3 or newer: `npm install --global npm`"));
                }
                format!(
                    "ci --omit=dev --ignore-scripts --install-links=false --install-strategy=hoisted --no-audit --no-fund \
                     --no-update-notifier --no-progress --loglevel=error --os=linux --cpu={cpu} --libc=glibc"
                )
            }
            // The platform stands in the settings: only pnpm 10.14 and newer have options for it.
            Manager::Pnpm => "install --prod --frozen-lockfile --ignore-scripts --reporter=append-only \
                 --config.node-linker=hoisted --config.confirm-modules-purge=false"
                .to_owned(),
            // It knows no other platform than the host's, so it takes all, and what does not fit is
            // left out afterwards.
            Manager::Classic => "install --production=true --frozen-lockfile --ignore-scripts --ignore-platform \
                 --ignore-engines --non-interactive --no-bin-links --no-progress"
                .to_owned(),
            Manager::Berry => "workspaces focus --production".to_owned(),
        };
        Ok(words.split_whitespace().map(str::to_owned).collect())
    }

    /// Installs in `tree`, which has been made ready.
    pub(super) async fn install(&self, tree: &Path, lock: &Lock, cpu: &str) -> Result<()> {
        if !self.first.is_empty() && self.said_version(tree).await.is_none() {
            let (name, package) = (self.manager.name(), &self.version);
            return Err(Error::failed(format!("there is no {name} on the PATH, and npx could not fetch {package}"))
                .hint(format!("install {name} as your team does, or check that npm reaches its registry")));
        }
        if self.manager == Manager::Berry {
            // `focus` installs from a lock file that does not fit package.json without a word.
            self.run(&["install", "--mode=update-lockfile"], tree, &[]).await?;
            let now = fs::read(tree.join(lock.name)).or_failed(|| "read the lock file again")?;
            if resolutions(&now) != resolutions(&lock.content) {
                return Err(stale(lock));
            }
        }
        let words = self.arguments(cpu)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run(&words, tree, &[]).await.map_err(|error| {
            let is_stale = |line: &String| STALE.iter().any(|sign| line.contains(sign));
            if error.causes.iter().any(is_stale) { stale(lock) } else { error }
        })
    }

    /// Runs it in `folder`; what it said is the error's cause.
    pub(super) async fn run(&self, words: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Result<()> {
        let name = self.manager.name();
        let said = Mutex::new(String::new());
        let hear = |line: &str| said.lock().unwrap_or_else(PoisonError::into_inner).push_str(&format!("{line}\n"));
        let ended = program::run(self.command(words, folder, environment), Stdout::Heard, &hear).await;
        if ended.or_failed(|| format!("run {name}"))?.is_success() {
            return Ok(());
        }
        let mut error = Error::failed(format!("{name} could not install the dependencies"));
        error.causes = telling(&said.into_inner().unwrap_or_else(PoisonError::into_inner));
        Err(error.hint(format!(
            "if it cannot reach the registry, check .npmrc{}, proxies and certificates",
            if self.manager == Manager::Berry { " and .yarnrc.yml" } else { "" }
        )))
    }

    fn command(&self, words: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(&self.file);
        command.args(&self.first).args(words).current_dir(folder);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_cleared(name)) {
            command.env_remove(name);
        }
        for name in ["NODE_OPTIONS", "NODE_ENV", "INIT_CWD", "NO_COLOR", "FORCE_COLOR"] {
            command.env_remove(name);
        }
        // yarn has no options for these, and a project's settings would win over a file of ours.
        for (name, value) in [
            ("YARN_ENABLE_SCRIPTS", "false"),
            ("YARN_NODE_LINKER", "node-modules"),
            ("YARN_NM_MODE", "classic"),
            ("YARN_NM_HOISTING_LIMITS", "none"),
            ("YARN_ENABLE_TELEMETRY", "false"),
            ("YARN_ENABLE_COLORS", "false"),
            ("YARN_ENABLE_PROGRESS_BARS", "false"),
            ("YARN_ENABLE_IMMUTABLE_INSTALLS", "false"),
            ("YARN_ENABLE_GLOBAL_CACHE", "true"),
            ("COREPACK_ENABLE_DOWNLOAD_PROMPT", "0"),
            // pnpm asks less in CI, and shows no bars.
            ("CI", "true"),
        ] {
            command.env(name, value);
        }
        command.envs(environment.iter().copied());
        command
    }
}

/// How the managers say that the lock file does not fit `package.json`.
const STALE: [&str; 4] = [
    "can only install packages when your package.json and",
    "lockfile needs to be updated",
    "specifiers in the lockfile don't match",
    "ERR_PNPM_OUTDATED_LOCKFILE",
];

fn stale(lock: &Lock) -> Error {
    Error::failed(format!("{} does not fit package.json", lock.name))
        .hint(format!("run `{} install`, which brings it up to date, and commit it", lock.manager.name()))
}

/// What a yarn lock file of the newer kind decides: which version stands for which wish.
fn resolutions(lock: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(lock);
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with('"') || line.trim_start().starts_with("resolution:"))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

/// The package (with a version) that npx fetches for the manager; npm cannot fetch itself.
fn asked(lock: &Lock, manifest: &Manifest) -> Option<String> {
    let chosen = manifest.package_manager.as_deref().and_then(|chosen| chosen.split_once('@'));
    let version = chosen.filter(|(name, _)| *name == lock.manager.name()).map(|(_, version)| version);
    // `9.1.0+sha512.…`: the hash is corepack's.
    let version = version.and_then(|version| version.split('+').next());
    let text = String::from_utf8_lossy(&lock.content);
    let format = text.lines().find_map(|line| line.strip_prefix("lockfileVersion:"));
    Some(match lock.manager {
        Manager::Npm => return None,
        Manager::Pnpm => {
            let of_format = match format.unwrap_or_default().trim().trim_matches(['\'', '"']).split('.').next() {
                Some("5") => "7",
                Some("6") => "8",
                _ => "10",
            };
            format!("pnpm@{}", version.unwrap_or(of_format))
        }
        Manager::Classic => format!("yarn@{}", version.filter(|version| major(version) == 1).unwrap_or("1.22.22")),
        Manager::Berry => format!("@yarnpkg/cli-dist@{}", version.filter(|version| major(version) > 1).unwrap_or("4")),
    })
}

fn number(version: &str, place: usize) -> u32 {
    version.split(['.', '-', '+']).nth(place).and_then(|part| part.parse().ok()).unwrap_or(0)
}

pub(super) fn major(version: &str) -> u32 {
    number(version, 0)
}

fn minor(version: &str) -> u32 {
    number(version, 1)
}

fn is_cleared(name: &OsString) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    let option = name.strip_prefix("npm_config_").or_else(|| name.strip_prefix("pnpm_config_"));
    name.starts_with("npm_package_")
        || name.starts_with("npm_lifecycle_")
        || option.is_some_and(|option| CLEARED.contains(&option.replace('-', "_").as_str()))
}

/// The lines of what a manager said that tell what went wrong, at most eight.
fn telling(said: &str) -> Vec<String> {
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    // npm explains itself, then shows its manual.
    let lines = lines.split(|line| *line == "npm error Usage:").next().unwrap_or_default();
    let is_talk = |line: &&&str| {
        !line.is_empty()
            && **line != "npm error"
            && !["npm warn", "npm notice", "Progress:", "warning ", "info "].iter().any(|talk| line.starts_with(talk))
            && !line.contains("A complete log of this run can be found in")
    };
    let told: Vec<&&str> = lines.iter().filter(is_talk).collect();
    // npm's stack of causes stands at the front; yarn and pnpm end with what stopped them.
    let from = if said.contains("npm error") { 0 } else { told.len().saturating_sub(8) };
    told[from..].iter().take(8).map(|line| program::masked(line)).collect()
}

#[cfg(test)]
mod tests;
