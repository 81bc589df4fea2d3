//! Which installer there is. Asking pip for its version takes as long as packing a small function, so
//! answers are remembered, by the program's path, size and time.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use tokio::process::Command;

use super::super::super::{cache, program};
use super::{Installer, output};
use crate::error::{Error, Result};

/// The name of the file with the answers.
const MEMORY: &str = "installers.json";

impl Installer {
    /// The best one on `search_path` (the value of `PATH`). What programs said of themselves is kept in
    /// the folder `memory`.
    pub(in crate::package) async fn find(search_path: Option<&OsStr>, memory: &Path) -> Result<Self> {
        let mut memory = Memory::open(memory);
        if let Some(program) = program::find("uv", search_path)
            && let Some(version) = memory.ask(&program, &["--version"]).await
        {
            return Ok(Self::Uv { program, version });
        }
        for name in ["python3", "python"] {
            let Some(python) = program::find(name, search_path) else { continue };
            if let Some(said) = memory.ask(&python, &["-m", "pip", "--version"]).await
                && let Some((version, python_version)) = pip_version(&said)
            {
                return Ok(Self::Pip { python, version, python_version });
            }
        }
        Err(Error::failed("there is neither uv nor pip to install the Python dependencies with")
            .hint("install uv: `curl -LsSf https://astral.sh/uv/install.sh | sh` (https://docs.astral.sh/uv)"))
    }
}

/// Program (with its size and time) → what it said. Best effort.
struct Memory {
    file: PathBuf,
    answers: BTreeMap<String, String>,
}

impl Memory {
    fn open(folder: &Path) -> Self {
        let file = folder.join(MEMORY);
        let answers = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { file, answers }
    }

    /// The first line `program` prints, when it runs at all.
    async fn ask(&mut self, program: &Path, arguments: &[&str]) -> Option<String> {
        let key = identity(program);
        if let Some(said) = key.as_ref().and_then(|key| self.answers.get(key)) {
            return Some(said.clone());
        }
        let output = output(Command::new(program).args(arguments)).await.ok().filter(|said| said.status.success())?;
        let said = String::from_utf8(output.stdout).ok()?.lines().next()?.to_owned();
        if let Some(key) = key {
            // A newer build of the program takes the place of the older one's answer.
            self.answers.retain(|known, _| known.split('\n').next() != key.split('\n').next());
            self.answers.insert(key, said.clone());
            self.keep();
        }
        Some(said)
    }

    fn keep(&self) {
        if let Ok(text) = serde_json::to_vec(&self.answers) {
            cache::replace(&self.file, &text);
        }
    }
}

/// What a program is known by; `None` when its answer can change while it stays the same. Scripts and
/// the multi-tools of version managers answer for whatever Python the folder or the environment chooses.
fn identity(program: &Path) -> Option<String> {
    let real = fs::canonicalize(program).ok()?;
    let name = real.file_name()?.to_str()?;
    if !(name.starts_with("python") || name == "uv") {
        return None;
    }
    let mut start = [0; 2];
    fs::File::open(&real).ok()?.read_exact(&mut start).ok()?;
    let metadata = fs::metadata(&real).ok()?;
    let time = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    (start != *b"#!").then(|| format!("{}\n{}\n{}\n{time}", program.display(), real.display(), metadata.len()))
}

/// `pip 23.2.1 from /… (python 3.11)` → (`23.2.1`, `3.11`)
fn pip_version(said: &str) -> Option<(String, String)> {
    let version = said.strip_prefix("pip ")?.split(' ').next()?;
    let python = said.rsplit_once("(python ")?.1.strip_suffix(')')?;
    Some((version.to_owned(), python.to_owned()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_is_asked_once_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        // A program that is no script: this machine's `echo`, under a name of its own.
        let program = folder.path().join("python3");
        let echo = program::find("echo", std::env::var_os("PATH").as_deref()).unwrap();
        fs::copy(fs::canonicalize(echo).unwrap(), &program).unwrap();
        let ask = async |words: &'static [&'static str]| Memory::open(folder.path()).ask(&program, words).await;
        // Busybox's echo would look at the name it is called by: then there is nothing to remember.
        if ask(&["one"]).await.is_some() {
            assert_eq!(ask(&["two"]).await.unwrap(), "one");
            fs::File::open(&program).unwrap().set_modified(UNIX_EPOCH).unwrap();
            assert_eq!(ask(&["two"]).await.unwrap(), "two");
            assert_eq!(Memory::open(folder.path()).answers.len(), 1);
        }
    }

    #[test]
    fn scripts_and_other_names_are_asked_each_time() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("python3"), "#!/bin/sh\n").unwrap();
        assert_eq!(identity(&folder.path().join("python3")), None);
        fs::write(folder.path().join("mise"), "\x7fELF").unwrap();
        std::os::unix::fs::symlink("mise", folder.path().join("uv")).unwrap();
        assert_eq!(identity(&folder.path().join("uv")), None);
    }

    #[test]
    fn pips_own_words_are_read() {
        let said = "pip 23.2.1 from /x/site-packages/pip (python 3.11)";
        assert_eq!(pip_version(said), Some(("23.2.1".into(), "3.11".into())));
        assert_eq!(pip_version("no pip"), None);
    }
}
