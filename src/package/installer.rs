//! The program that installs Python dependencies: `uv`, or `pip` where uv is missing.
//!
//! Both are told everything that decides where and for what they install, so that an active
//! virtualenv or a personal setting cannot: wheels only, for Lambda's Python, processor and glibc.
//! Where packages come from (indexes, certificates, proxies, credentials) stays the user's choice.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use tokio::process::Command;

use super::platform::Platform;
use crate::error::{Error, OrFailed, Result};

/// Variables that would change what is installed, or for whom. `rzap` decides those.
const CLEARED: &[&str] = &[
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_PYTHON",
    "PIP_PYTHON_VERSION",
    "PIP_PLATFORM",
    "PIP_IMPLEMENTATION",
    "PIP_ABI",
    "PIP_NO_BINARY",
    "PIP_ONLY_BINARY",
    "PIP_PREFER_BINARY",
    "PIP_NO_DEPS",
    "PIP_REQUIREMENT",
    "PIP_EDITABLE",
    "PIP_SRC",
    "PIP_DRY_RUN",
    "PIP_REPORT",
    "PIP_LOG",
    "PIP_UPGRADE",
    "PIP_FORCE_REINSTALL",
    "PIP_IGNORE_INSTALLED",
    "PIP_IGNORE_REQUIRES_PYTHON",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_PROJECT_ENVIRONMENT",
    "UV_WORKING_DIR",
    "UV_NO_BINARY",
    "UV_NO_BINARY_PACKAGE",
    "UV_NO_BUILD",
    "UV_NO_BUILD_PACKAGE",
    "UV_COMPILE_BYTECODE",
    "UV_NO_DEPS",
    "UV_LINK_MODE",
];

/// Parts of the names of variables that choose where packages come from, or which versions. They
/// stay, and a cached install is known by them.
const CHOOSING: &[&str] =
    &["INDEX", "FIND_LINKS", "CONSTRAINT", "OVERRIDE", "_PRE", "RESOLUTION", "NEWER", "TORCH", "CONFIG_FILE"];

/// A program that can install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Installer {
    Uv {
        program: PathBuf,
        version: String,
    },
    /// `python` runs pip; markers like `python_version` are judged by its own version.
    Pip {
        python: PathBuf,
        version: String,
        python_version: String,
    },
}

impl Installer {
    /// The best one on `search_path` (the value of `PATH`).
    pub(super) async fn find(search_path: Option<&OsStr>) -> Result<Self> {
        if let Some(program) = on_path("uv", search_path)
            && let Some(said) = version_of(Command::new(&program).arg("--version")).await
        {
            return Ok(Self::Uv { program, version: said });
        }
        for name in ["python3", "python"] {
            let Some(python) = on_path(name, search_path) else { continue };
            if let Some(said) = version_of(Command::new(&python).args(["-m", "pip", "--version"])).await
                && let Some((version, python_version)) = pip_version(&said)
            {
                return Ok(Self::Pip { python, version, python_version });
            }
        }
        Err(Error::failed("there is neither uv nor pip to install the Python dependencies with")
            .hint("install uv: `curl -LsSf https://astral.sh/uv/install.sh | sh` (https://docs.astral.sh/uv)"))
    }

    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Uv { .. } => "uv",
            Self::Pip { .. } => "pip",
        }
    }

    /// Everything about it and its environment that can change what gets installed.
    pub(super) fn inputs(&self) -> Vec<(String, Vec<u8>)> {
        let version = match self {
            Self::Uv { version, .. } => version.clone(),
            Self::Pip { version, python_version, .. } => format!("{version} on {python_version}"),
        };
        let mut inputs = vec![(self.name().to_owned(), version.into_bytes())];
        let mut chosen: Vec<(String, OsString)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| is_choosing(name))
            .collect();
        chosen.sort();
        for (name, value) in chosen {
            // Constraints are files: their content counts too.
            let file = std::fs::read(&value).unwrap_or_default();
            inputs.push((name, [value.as_encoded_bytes(), &file].join(&0)));
        }
        inputs
    }

    /// What the user should know about installing for `platform` with this program.
    pub(super) fn caveat(&self, platform: &Platform) -> Option<String> {
        match self {
            Self::Pip { python_version, .. } if *python_version != platform.python => Some(format!(
                "pip judges environment markers by its own Python {python_version}, not by {}: install uv to have them right",
                platform.python
            )),
            _ => None,
        }
    }

    /// Installs what `requirements` lists into `target`, running in `dir`.
    pub(super) async fn install(
        &self,
        requirements: &Path,
        dir: &Path,
        target: &Path,
        platform: &Platform,
    ) -> Result<()> {
        match self {
            Self::Uv { program, .. } => {
                let mut install = uv(program, platform);
                install.arg("--target").arg(target).arg("-r").arg(requirements);
                self.run(&mut install, dir, platform).await
            }
            Self::Pip { python, .. } => {
                // `pip install` holds a package's required Python against pip's own and passes over
                // what only Lambda's can run; `pip download` asks for the right one.
                let wheels = tempfile::tempdir_in(target.parent().unwrap_or(target))
                    .or_failed(|| format!("make a folder beside {}", target.display()))?;
                let mut download = pip(python, "download", platform);
                download.arg("--dest").arg(wheels.path()).arg("-r").arg(requirements);
                self.run(&mut download, dir, platform).await?;
                let wheels = files(wheels.path()).or_failed(|| "list what pip downloaded")?;
                if wheels.is_empty() {
                    return Ok(());
                }
                let mut install = pip(python, "install", platform);
                install.args(["--no-index", "--no-deps", "--ignore-requires-python", "--no-compile"]);
                install.arg("--target").arg(target).args(wheels);
                self.run(&mut install, dir, platform).await
            }
        }
    }

    async fn run(&self, command: &mut Command, dir: &Path, platform: &Platform) -> Result<()> {
        let output = output(command.current_dir(dir)).await.or_failed(|| format!("run {}", self.name()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.failure(&String::from_utf8_lossy(&output.stderr), platform))
    }

    fn failure(&self, stderr: &str, platform: &Platform) -> Error {
        let mut error = match culprit(stderr) {
            Some(Culprit::NoWheel(name)) => Error::failed(format!("{name} has no wheel for {platform}"))
                .hint("take a version or a sibling of it that has one (psycopg2 → psycopg2-binary), or another Python in `runtime`"),
            Some(Culprit::Unknown(name)) => Error::failed(format!("there is no {name} for {platform} in the index"))
                .hint("check its spelling and version, and that it has a wheel (rzap builds nothing from source)"),
            None => Error::failed(format!("{} could not install the dependencies", self.name())),
        };
        let lines: Vec<&str> = stderr
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("Using CPython"))
            .collect();
        error.causes.extend(lines[lines.len().saturating_sub(8)..].iter().map(|line| masked(line)));
        if stderr.contains("invalid value") && stderr.contains("--python-platform") {
            return error.hint("this uv is too old to know the platform: run `uv self update`");
        }
        if error.hints.is_empty() {
            return error
                .hint("if it cannot reach the index, check UV_INDEX_URL or PIP_INDEX_URL, proxies and certificates");
        }
        error
    }
}

fn uv(program: &Path, platform: &Platform) -> Command {
    let mut command = Command::new(program);
    command.args(["pip", "install", "--no-progress", "--color", "never", "--only-binary", ":all:"]);
    command.args(["--python-version", &platform.python, "--python-platform", &platform.uv_name()]);
    command
}

fn pip(python: &Path, verb: &str, platform: &Platform) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", verb, "--quiet", "--no-input", "--no-color", "--progress-bar", "off"]);
    command.args(["--disable-pip-version-check", "--only-binary=:all:", "--implementation", "cp"]);
    command.args(["--python-version", &platform.python]);
    for abi in platform.pip_abis() {
        command.args(["--abi", &abi]);
    }
    for tag in platform.pip_platforms() {
        command.args(["--platform", &tag]);
    }
    // A personal pip.conf may say `user = true` or ask for a virtualenv; with a target, neither fits.
    command.env("PIP_USER", "0").env("PIP_REQUIRE_VIRTUALENV", "0").env("PIP_ROOT_USER_ACTION", "ignore");
    command
}

async fn output(command: &mut Command) -> io::Result<Output> {
    for name in CLEARED {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).kill_on_drop(true).output().await
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|item| Ok(item?.path())).collect()
}

/// The first line it prints, when it runs at all.
async fn version_of(command: &mut Command) -> Option<String> {
    let output = output(command).await.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(str::to_owned)
}

/// `pip 23.2.1 from /… (python 3.11)` → (`23.2.1`, `3.11`)
fn pip_version(said: &str) -> Option<(String, String)> {
    let version = said.strip_prefix("pip ")?.split(' ').next()?;
    let python = said.rsplit_once("(python ")?.1.strip_suffix(')')?;
    Some((version.to_owned(), python.to_owned()))
}

fn on_path(name: &str, search_path: Option<&OsStr>) -> Option<PathBuf> {
    std::env::split_paths(search_path?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn is_choosing(name: &str) -> bool {
    (name.starts_with("PIP_") || name.starts_with("UV_"))
        && !CLEARED.contains(&name)
        && CHOOSING.iter().any(|part| name.contains(part))
}

#[derive(Debug, PartialEq, Eq)]
enum Culprit {
    NoWheel(String),
    /// No such package or version, or (pip does not tell them apart) no wheel of it.
    Unknown(String),
}

/// Which package an installer complains about, in the words of uv 0.5–0.13 and pip 20–26.
fn culprit(stderr: &str) -> Option<Culprit> {
    static NO_WHEEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"Wheels are required for `([^`]+)`|(?:versions of )?(\S+) (?:has|have) no (?:usable )?wheels").ok()
    });
    static UNKNOWN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(\S+) was not found in the|there (?:is|are) no versions? of (\S+)|No matching distribution found for (\S+)").ok()
    });
    let named = |pattern: &LazyLock<Option<Regex>>| {
        let found = pattern.as_ref()?.captures(stderr)?;
        let name = found.iter().skip(1).flatten().next()?;
        Some(name.as_str().trim_end_matches([',', '.', ';']).to_owned())
    };
    named(&NO_WHEEL).map(Culprit::NoWheel).or_else(|| named(&UNKNOWN).map(Culprit::Unknown))
}

/// `line` without the user name and password a URL in it may carry.
pub(super) fn masked(line: &str) -> String {
    static CREDENTIALS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"://[^/@\s]+@").ok());
    CREDENTIALS.as_ref().map_or_else(String::new, |regex| regex.replace_all(line, "://****@").into_owned())
}

#[cfg(test)]
mod tests;
