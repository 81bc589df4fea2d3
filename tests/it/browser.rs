//! A real browser for the tests: Chromium without a window, from npm, made once and shared.
//!
//! The package brings the browser and the libraries that it needs, so a machine does not have to have
//! one. It is for `x86_64`; elsewhere a `chromium` on the PATH is taken.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use crate::process;
use crate::tools::{TOOLS, finished, on_path, repository};

/// What a look at a page gave.
pub(crate) struct Look {
    /// The values of the `eval` steps.
    pub(crate) values: Vec<Value>,
    /// Errors, console messages, dialogs, requests.
    pub(crate) problems: Vec<String>,
}

/// Opens a file in the browser and takes the steps that `tests/browser/look.mjs` knows.
pub(crate) fn look(page: &Path, steps: &Value) -> Look {
    static BROWSER: LazyLock<PathBuf> = LazyLock::new(make);
    let mut command = node(&BROWSER);
    command.arg(BROWSER.join("look.mjs")).arg(format!("file://{}", page.display()));
    let done = process::Running::start(&mut command, Some(steps.to_string().into())).wait(Duration::from_mins(2));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "the browser could not look at {}:\n{said}", page.display());
    let answer: Value = serde_json::from_slice(&done.stdout).expect("look.mjs answers with JSON");
    let list = |name: &str| answer[name].as_array().expect("a list").clone();
    let problems = list("problems").into_iter().map(|problem| problem.as_str().expect("a text").to_owned());
    Look { problems: problems.collect(), values: list("values") }
}

/// Node in the browser's environment.
fn node(folder: &Path) -> Command {
    let mut command = Command::new(TOOLS.bin("node"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder.join("tmp")).env("TMPDIR", folder.join("tmp"));
    // With it the libraries that the browser needs are unpacked, too.
    command.env("AWS_EXECUTION_ENV", "AWS_Lambda_nodejs22.x");
    if !cfg!(target_arch = "x86_64") {
        let chromium = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| on_path(name));
        command.env("CHROMIUM", chromium.expect("on this processor the tests need `chromium` on the PATH"));
    }
    command
}

/// The folder with `look.mjs` and all it needs.
fn make() -> PathBuf {
    let folder = repository().join(".cache/test-browser");
    fs::create_dir_all(folder.join("tmp")).expect("the folder of the browser can be made");
    let files = ["package.json", "package-lock.json", "look.mjs"];
    let texts = files.map(|name| fs::read(repository().join("tests/browser").join(name)).expect("tests/browser"));
    let mut hasher = DefaultHasher::new();
    (&texts[0], &texts[1], &folder).hash(&mut hasher);
    let marker = folder.join(format!("complete-{:016x}", hasher.finish()));
    let lock = File::create(folder.join("lock")).expect("the lock file can be made");
    lock.lock().expect("the lock can be taken");
    for (name, text) in files.iter().zip(&texts) {
        fs::write(folder.join(name), text).expect("a file");
    }
    if !marker.exists() {
        // An older browser that is unpacked would be taken for this one.
        fs::remove_dir_all(folder.join("tmp"))
            .and_then(|()| fs::create_dir(folder.join("tmp")))
            .expect("an empty folder");
        let npm = fs::canonicalize(TOOLS.bin("node")).expect("node").join("../../lib/node_modules/npm/bin/npm-cli.js");
        let mut install = Command::new(TOOLS.bin("node"));
        install.arg(npm).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
        finished(&mut install, "install tests/browser from npm");
        // Unpacks the browser, before several want to do it at once.
        fs::write(folder.join("empty.html"), "").expect("a file");
        let mut first = node(&folder);
        first.arg(folder.join("look.mjs")).arg(format!("file://{}", folder.join("empty.html").display()));
        let done = process::Running::start(&mut first, Some("[]".into())).wait(Duration::from_mins(2));
        assert!(done.status.success(), "the browser does not start:\n{}", String::from_utf8_lossy(&done.stderr));
        fs::write(&marker, "").expect("the marker can be written");
    }
    folder
}
