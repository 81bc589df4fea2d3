//! The config seen from outside: text in, `StageConfig` or a list of errors out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod access_log;
mod asynchronous;
mod beside;
mod buckets;
mod code;
mod errors;
mod events;
mod fuzz;
mod packing;
mod pools;
mod resources;
mod routes;
mod secrets;
mod stages;
mod tables;
mod topics;
mod traffic;
mod web;

use std::path::Path;

use tempfile::TempDir;

use super::{Project, load};
use crate::error::{Error, Kind, Result};

/// A Flask app with one stage; tests add lines to it.
const BASE: &str = "app: shop\nruntime: python3.13\nwsgi: app:app\nstages: { dev: }\n";

/// A project folder with some code in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for file in
            ["app.py", "src/guest/__init__.py", "src/jobs.py", "index.ts", "main.mjs", "lib/deep.js", "tool", "run"]
        {
            folder.write(file, "");
        }
        folder.executable("run");
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    #[cfg(unix)]
    fn executable(&self, file: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(self.path().join(file), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[cfg(not(unix))]
    fn executable(&self, _: &str) {}

    /// Loads with `TOKEN=s3cret` and `EMPTY=` set and nothing else.
    fn load(&self, yaml: impl AsRef<[u8]>) -> Result<Project> {
        self.write("rzap.yaml", yaml);
        load(self.path(), &|name| match name {
            "TOKEN" => Some("s3cret".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }
}

/// Loads and checks everything.
fn project(yaml: &str) -> Result<(Folder, Project)> {
    let folder = Folder::new();
    let project = folder.load(yaml)?;
    project.check()?;
    Ok((folder, project))
}

/// Underlined text, title and label of each problem; the message too when there is no snippet.
fn told(error: &Error) -> Vec<String> {
    assert_eq!(error.kind, Kind::Usage, "{error:?}");
    if error.snippets.is_empty() {
        return vec![format!("{error} | {}", error.hints.join(" | "))];
    }
    let snippets = error.snippets.iter();
    snippets.map(|at| format!("{} | {} | {}", &at.source[at.span.clone()], at.title, at.label)).collect()
}

fn errors(yaml: &str) -> Vec<String> {
    match project(yaml) {
        Ok(_) => panic!("no error in\n{yaml}"),
        Err(error) => told(&error),
    }
}
