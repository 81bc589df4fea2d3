//! The program that installs Python dependencies: `uv`, or `pip` where uv is missing.
//!
//! Both are told everything that decides where and for what they install, so that an active
//! virtualenv or a personal setting cannot: wheels only, for Lambda's Python, processor and glibc.
//! Where packages come from (indexes, certificates, proxies, credentials) stays the user's choice.
//!
//! A distribution without a wheel is built on this machine only where `from_source` allows it, and only
//! by uv: pip cannot install for another platform what it has built. What was built is told, so that
//! its native code can be looked at.

mod failure;
mod find;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;

use self::failure::Culprit;
use super::platform::Platform;
use super::requirements::{Declared, Given, normal_name};
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
pub(in super::super) enum Installer {
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

/// One thing to install.
#[derive(Debug)]
pub(super) struct List {
    pub(super) what: What,
    /// It names everything that is needed: nothing is added to it.
    pub(super) complete: bool,
    /// It has a hash for everything it names.
    pub(super) hashed: bool,
    /// Distributions of it that have no wheel for sure.
    pub(super) build: Vec<String>,
    /// Distributions of it that were built here, normal names.
    pub(super) built: Vec<String>,
}

#[derive(Debug)]
pub(super) enum What {
    /// For `-r`.
    File(PathBuf),
    Wheels(Vec<PathBuf>),
}

/// Where things go, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    /// The installer runs here.
    pub(super) dir: &'a Path,
    pub(super) target: &'a Path,
    pub(super) platform: &'a Platform,
    /// Names of what may be built; `*` is everything.
    pub(super) from_source: &'a [String],
}

impl Order<'_> {
    pub(super) fn may_build(&self, name: &str) -> bool {
        allows(self.from_source, name)
    }
}

/// Whether `from_source` names a distribution.
pub(super) fn allows(from_source: &[String], name: &str) -> bool {
    from_source.iter().any(|allowed| allowed == "*" || normal_name(allowed) == normal_name(name))
}

impl List {
    /// A requirements file that has to be resolved.
    pub(super) fn open(file: PathBuf) -> Self {
        Self { what: What::File(file), complete: false, hashed: false, build: vec![], built: vec![] }
    }

    /// Wheels that were built here, and bring nothing along.
    pub(super) fn wheels(wheels: Vec<PathBuf>) -> Self {
        let name = |wheel: &PathBuf| Some(normal_name(wheel.file_name()?.to_str()?.split('-').next()?));
        let built = wheels.iter().filter_map(name).collect();
        Self { what: What::Wheels(wheels), complete: true, hashed: false, build: vec![], built }
    }

    pub(super) fn add_to(&self, command: &mut Command) {
        match &self.what {
            What::File(file) => command.arg("-r").arg(file),
            What::Wheels(wheels) => command.args(wheels),
        };
        if self.complete {
            command.arg("--no-deps");
        }
        if self.hashed {
            command.arg("--require-hashes");
        }
    }
}

impl Installer {
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
    pub(super) fn caveat(&self, declared: &Declared, platform: &Platform) -> Option<String> {
        let is_judged = matches!(declared.given, Given::File(_) | Given::Text(_));
        match self {
            Self::Pip { python_version, .. } if *python_version != platform.python && is_judged => Some(format!(
                "pip judges environment markers by its own Python {python_version}, not by {}: install uv to have them right",
                platform.python
            )),
            _ => None,
        }
    }

    /// Installs `lists` into the order's target. Returns the normal names of what had to be built here.
    pub(super) async fn install(&self, lists: &[List], order: &Order<'_>) -> Result<Vec<String>> {
        match self {
            Self::Uv { program, .. } => {
                let mut built = Vec::new();
                for list in lists {
                    built.extend(self.install_by_uv(program, list, order).await?);
                    built.extend(list.built.iter().cloned());
                }
                Ok(built)
            }
            Self::Pip { python, .. } => self.install_by_pip(python, lists, order).await,
        }
    }

    /// Wheels first. What has none, and may be built, is asked for once more to be built.
    async fn install_by_uv(&self, program: &Path, list: &List, order: &Order<'_>) -> Result<Vec<String>> {
        let mut built: Vec<String> = list.build.iter().map(|name| normal_name(name)).collect();
        loop {
            let mut install = uv(program, order.platform);
            for name in &built {
                install.args(["--no-binary", name]);
            }
            if !built.is_empty()
                && let Some(python) = self.python(program, order.platform).await
            {
                install.arg("--python").arg(python);
            }
            if list.hashed {
                // The hashes say what is right, whichever index has it.
                install.args(["--index-strategy", "unsafe-best-match"]);
            }
            install.arg("--target").arg(order.target);
            list.add_to(&mut install);
            let Err(stderr) = self.try_run(&mut install, order.dir).await? else { return Ok(built) };
            match Culprit::of(&stderr) {
                Some(Culprit::NoWheel(found) | Culprit::Unknown(found))
                    if order.may_build(&found) && !built.contains(&normal_name(&found)) =>
                {
                    built.push(normal_name(&found));
                }
                _ => return Err(self.failure(&stderr, order.platform)),
            }
        }
    }

    /// A Python of the function's version, if this machine has one: what is built by it can fit.
    async fn python(&self, program: &Path, platform: &Platform) -> Option<String> {
        let mut find = Command::new(program);
        find.args(["python", "find", "--no-python-downloads", "--no-project", "--system", &platform.python]);
        let said = output(&mut find).await.ok().filter(|said| said.status.success())?;
        Some(String::from_utf8(said.stdout).ok()?.trim().to_owned())
    }

    async fn install_by_pip(&self, python: &Path, lists: &[List], order: &Order<'_>) -> Result<Vec<String>> {
        // `pip install` holds a package's required Python against pip's own and passes over
        // what only Lambda's can run; `pip download` asks for the right one.
        let wheels = tempfile::tempdir_in(order.target.parent().unwrap_or(order.target))
            .or_failed(|| format!("make a folder beside {}", order.target.display()))?;
        for list in lists {
            let mut download = pip(python, "download", order.platform);
            download.arg("--dest").arg(wheels.path());
            list.add_to(&mut download);
            if let Err(stderr) = self.try_run(&mut download, order.dir).await? {
                let error = self.failure(&stderr, order.platform);
                let named = list.build.first().cloned().or_else(|| Some(Culprit::of(&stderr)?.name().to_owned()));
                return Err(match named.filter(|name| order.may_build(name)) {
                    Some(name) => {
                        error.hint(format!("to build {name} from source as `from_source` allows, install uv"))
                    }
                    None => error,
                });
            }
        }
        let wheels = files(wheels.path()).or_failed(|| "list what pip downloaded")?;
        if wheels.is_empty() {
            return Ok(vec![]);
        }
        let mut install = pip(python, "install", order.platform);
        install.args(["--no-index", "--no-deps", "--ignore-requires-python", "--no-compile"]);
        install.arg("--target").arg(order.target).args(wheels);
        match self.try_run(&mut install, order.dir).await? {
            Ok(_) => Ok(vec![]),
            Err(stderr) => Err(self.failure(&stderr, order.platform)),
        }
    }

    /// What the lock in `dir` holds without development, as a requirements file.
    pub(super) async fn export(&self, dir: &Path, platform: &Platform) -> Result<String> {
        let program = self.uv_for("read uv.lock")?;
        let mut export = Command::new(program);
        export.args(["export", "--quiet", "--no-progress", "--color", "never", "--frozen", "--no-default-groups"]);
        export.args(["--no-emit-project", "--no-header", "--no-annotate"]);
        self.try_run(&mut export, dir).await?.map_err(|stderr| {
            self.failure(&stderr, platform).context(format!("cannot read the uv.lock of {}", dir.display()))
        })
    }

    /// Builds the package in `folder` and puts its wheel into `out`.
    pub(super) async fn build(&self, folder: &Path, out: &Path, platform: &Platform) -> Result<()> {
        let program = self.uv_for(&format!("build {}", folder.display()))?;
        let mut build = Command::new(program);
        build.args(["build", "--wheel", "--no-progress", "--color", "never", "--out-dir"]).arg(out).arg(folder);
        let ended = self.try_run(&mut build, folder).await?;
        ended.map(drop).map_err(|stderr| {
            self.failure(&stderr, platform).context(format!("cannot build the package in {}", folder.display()))
        })
    }

    /// Commands that make an empty virtualenv in `folder`, in the order they are worth trying: a Python of the
    /// function's version is best, any other better than none.
    pub(super) fn environments(&self, folder: &Path, platform: &Platform) -> Vec<Command> {
        let commands = match self {
            Self::Uv { .. } => [platform.python.as_str(), ">=3.9"]
                .map(|version| vec!["venv", "--quiet", "--no-project", "--clear", "--python", version])
                .to_vec(),
            Self::Pip { .. } => vec![vec!["-m", "venv", "--clear"]],
        };
        let command = |words: Vec<&str>| {
            let mut command = Command::new(self.program());
            command.args(words).arg(folder);
            command
        };
        commands.into_iter().map(command).collect()
    }

    /// Installs into the virtualenv of `python`; what to install follows.
    pub(super) fn installing_into(&self, python: &Path) -> Command {
        match self {
            Self::Uv { program, .. } => {
                let mut command = Command::new(program);
                // It is started at every build; without byte code it would compile all of it each time.
                command.args(["pip", "install", "--compile-bytecode", "--quiet", "--no-progress", "--color", "never"]);
                command.arg("--python").arg(python);
                command
            }
            Self::Pip { .. } => {
                let mut command = Command::new(python);
                command.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
                command.env("PIP_USER", "0");
                command
            }
        }
    }

    /// What is run: uv, or the Python that has pip.
    fn program(&self) -> &Path {
        match self {
            Self::Uv { program, .. } => program,
            Self::Pip { python, .. } => python,
        }
    }

    /// uv itself, for what only uv can do.
    pub(super) fn uv_for(&self, what: &str) -> Result<&Path> {
        match self {
            Self::Uv { program, .. } => Ok(program),
            Self::Pip { .. } => Err(Error::failed(format!("it takes uv to {what}, and there is only pip"))
                .hint("install uv: `pip install uv`, or see https://docs.astral.sh/uv")),
        }
    }

    /// Its stdout when it succeeds, else its stderr.
    pub(super) async fn try_run(&self, command: &mut Command, dir: &Path) -> Result<Result<String, String>> {
        let output = output(command.current_dir(dir)).await.or_failed(|| format!("run {}", self.name()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
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

pub(super) async fn output(command: &mut Command) -> io::Result<Output> {
    for name in CLEARED {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).kill_on_drop(true).output().await
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|item| Ok(item?.path())).collect()
}

fn is_choosing(name: &str) -> bool {
    (name.starts_with("PIP_") || name.starts_with("UV_"))
        && !CLEARED.contains(&name)
        && CHOOSING.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests;
