//! The interpreter for a runtime, among those installed here.
//!
//! Asked for `python3.13` it looks on the PATH, then where pyenv, uv, mise and asdf put theirs, and
//! otherwise takes the nearest version with a warning that goes to the function's log. A candidate
//! counts only if it runs without the host's environment: that sorts out the version managers' shims.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// Something that runs `.py` or `.js`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    pub(super) path: PathBuf,
    /// `3.13.0` or `22.11.0`
    pub(super) version: String,
    /// What the log says when it is not the version asked for.
    pub(super) warning: Option<String>,
}

/// A language by where and how its interpreters are found.
struct Language {
    name: &'static str,
    /// Below the home folder: where folders named by version are, and what leads from there to the
    /// interpreter.
    installs: &'static [(&'static str, &'static str)],
    /// Makes the interpreter print its version.
    probe: &'static [&'static str],
}

const PYTHON: Language = Language {
    name: "python3",
    installs: &[
        (".pyenv/versions", "bin/python3"),
        (".local/share/uv/python", "bin/python3"),
        (".local/share/mise/installs/python", "bin/python3"),
        (".asdf/installs/python", "bin/python3"),
    ],
    probe: &["-I", "-S", "-c", "import sys; print('.'.join(map(str, sys.version_info[:3])))"],
};

const NODE: Language = Language {
    name: "node",
    installs: &[
        (".nvm/versions/node", "bin/node"),
        (".local/share/fnm/node-versions", "installation/bin/node"),
        (".local/share/mise/installs/node", "bin/node"),
        (".asdf/installs/nodejs", "bin/node"),
        (".volta/tools/image/node", "bin/node"),
    ],
    probe: &["--version"],
};

/// The interpreter for a managed runtime; `None` for `provided.*`, which brings its own.
/// Fails with a sentence when there is none at all.
pub(super) async fn find(runtime: &str) -> Result<Option<Interpreter>, String> {
    let (language, wanted) = if let Some(minor) = runtime.strip_prefix("python3.") {
        (PYTHON, vec![3, number(minor)])
    } else if let Some(major) = runtime.strip_prefix("nodejs") {
        (NODE, vec![number(major)])
    } else {
        return Ok(None);
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let candidates = candidates(&language, &wanted, &folders, home.as_deref());
    let mut nearest: Option<(u32, PathBuf, String)> = None;
    for candidate in candidates {
        let Some(version) = probe(&candidate, language.probe).await else { continue };
        let distance = distance(&version, &wanted);
        if nearest.as_ref().is_none_or(|(best, ..)| distance < *best) {
            nearest = Some((distance, candidate, version));
        }
        if distance == 0 {
            break;
        }
    }
    let (distance, path, version) = nearest.ok_or_else(|| {
        format!(
            "{runtime} cannot run here: no {} was found on the PATH or where version managers put it",
            language.name
        )
    })?;
    let shown = if language.name == "node" { "Node" } else { "Python" };
    let warning =
        (distance > 0).then(|| format!("rzap: {runtime} is not installed here; running with {shown} {version}"));
    Ok(Some(Interpreter { path, version, warning }))
}

fn number(text: &str) -> u32 {
    text.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Executables worth asking: the exact version first, then everything else.
fn candidates(language: &Language, wanted: &[u32], folders: &[PathBuf], home: Option<&Path>) -> Vec<PathBuf> {
    let dotted = wanted.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let mut exact = Vec::new();
    let mut others = Vec::new();
    for folder in folders {
        if language.name == "python3" {
            exact.push(folder.join(format!("python{dotted}")));
            others.extend((9..=15).rev().map(|minor| folder.join(format!("python3.{minor}"))));
            others.push(folder.join("python3"));
        } else {
            exact.push(folder.join(language.name));
        }
    }
    for (below, tail) in language.installs {
        let Some(base) = home.map(|home| home.join(below)) else { continue };
        let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
        let mut names: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        names.sort();
        for folder in names.into_iter().rev() {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let version = name.trim_start_matches("cpython-").trim_start_matches('v');
            let matches =
                version.strip_prefix(&dotted).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()));
            if matches { &mut exact } else { &mut others }.push(folder.join(tail));
        }
    }
    exact.extend(others);
    exact.retain(|path| path.is_file());
    exact.dedup();
    exact
}

/// 0 is what was asked for; another major version is further away than any minor one.
fn distance(version: &str, wanted: &[u32]) -> u32 {
    let parts = version.split('.').map(number).chain(std::iter::repeat(0));
    wanted.iter().zip(parts).fold(0, |sum, (wanted, part)| sum * 1000 + wanted.abs_diff(part))
}

/// The version an executable reports when it is run as a worker would run it.
async fn probe(path: &Path, arguments: &[&str]) -> Option<String> {
    let run = Command::new(path)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(10), run).await.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.trim().trim_start_matches('v');
    (output.status.success() && version.starts_with(|first: char| first.is_ascii_digit())).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_exact_version_is_asked_first() {
        let home = tempfile::tempdir().unwrap();
        for version in ["3.9.18", "3.13.0", "3.1.5"] {
            let bin = home.path().join(".pyenv/versions").join(version).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            std::fs::write(bin.join("python3"), "").unwrap();
        }
        let found = candidates(&PYTHON, &[3, 13], &[], Some(home.path()));
        assert_eq!(found.len(), 3);
        assert!(found[0].to_string_lossy().contains("3.13.0"));
        let found = candidates(&PYTHON, &[3, 1], &[], Some(home.path()));
        assert!(found[0].to_string_lossy().contains("3.1.5"));
    }

    #[test]
    fn nearer_is_nearer() {
        assert_eq!(distance("3.13.0", &[3, 13]), 0);
        assert!(distance("3.12.1", &[3, 13]) < distance("3.9.1", &[3, 13]));
        assert!(distance("3.9.1", &[3, 13]) < distance("2.7.18", &[3, 13]));
        assert_eq!(distance("22.11.0", &[22]), 0);
    }
}
