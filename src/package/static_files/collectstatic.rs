//! Django's `collectstatic`, run by the project's own Python into a folder of the cache.
//!
//! The settings are the project's own; only where the files go is changed, in memory. Storages that put
//! hashes into names read their list when the app starts, from where STATIC_ROOT says: there the list
//! is packed, and the files it names are in S3.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::Command;

use super::super::cache;
use super::super::entry::Entry;
use super::super::program::{self, Stdout};
use super::super::types::Step;
use super::super::{Workshop, collect};
use crate::config::{Entry as Called, FunctionConfig};
use crate::error::{Error, OrFailed as _, Result};

/// See the file itself.
const SCRIPT: &str = include_str!("../../../templates/django/collectstatic.py");

/// What was collected.
pub(super) struct Collected {
    /// Has the files in `files`; they go with it.
    pub(super) folder: TempDir,
    /// Below which path the project looks for them.
    pub(super) url: String,
    /// The settings spell it with a slash in front.
    pub(super) is_absolute: bool,
    /// STATIC_ROOT relative to the code folder, when it is in it.
    pub(super) root: Option<String>,
    /// The list of hashed names, where the app looks for it.
    pub(super) manifest: Option<Entry>,
    /// Files whose names carry their content's hash.
    pub(super) hashed: BTreeSet<String>,
}

/// What the script answers.
#[derive(Debug, Deserialize)]
struct Answer {
    url: Option<String>,
    written: String,
    root: Option<PathBuf>,
    manifest: Option<String>,
    hashed: BTreeSet<String>,
}

impl Workshop<'_> {
    /// Collects the static files of a Django project.
    pub(super) async fn collectstatic(&self, function: &FunctionConfig, names: &str) -> Result<Collected> {
        let Called::Django(settings) = &function.entry else {
            return Err(Error::usage("only `django` has static files to collect")
                .hint("say where they are: `static: { dir: static }`"));
        };
        let python = self.python_with(function, "django", names).await?;
        let folder = cache::scratch(&self.cache.statics)?;
        let files = folder.path().join("files");
        let (script, answer) = (folder.path().join("collectstatic.py"), folder.path().join("answer.json"));
        fs::create_dir(&files).or_failed(|| format!("create {}", files.display()))?;
        fs::write(&script, SCRIPT).or_failed(|| format!("write {}", script.display()))?;

        let mut command = Command::new(&python);
        command.arg(&script).arg(&files).arg(&answer).current_dir(&function.source.dir);
        command.envs(&function.env).env("DJANGO_SETTINGS_MODULE", settings).env("PYTHONPATH", &function.source.dir);
        // Nothing is left in the project, and what is said is read as it is written.
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1").env_remove("PYTHONHOME");
        let what = "collectstatic";
        (self.tell)(Step::Building { functions: names.to_owned(), what: what.to_owned() });
        let started = Instant::now();
        let hear = |line: &str| (self.tell)(Step::Said { functions: names.to_owned(), line: line.to_owned() });
        let run = program::run(command, Stdout::Heard, &hear).await;
        let ended = run.or_failed(|| format!("run {}", python.display()))?;
        if !ended.is_success() {
            return Err(ended
                .failure(what)
                .hint(format!(
                    "it ran with {} and the `env` of the stage, in {}",
                    python.display(),
                    function.source.dir.display()
                ))
                .hint("to serve a folder as it is instead: `static: { dir: FOLDER, url: /static/ }`"));
        }
        let said = fs::read(&answer).or_failed(|| "read what collectstatic answered")?;
        let said: Answer = serde_json::from_slice(&said).or_failed(|| "read what collectstatic answered")?;
        let collected = said.of(folder, &files, &function.source.dir)?;
        (self.tell)(Step::Built { functions: names.to_owned(), what: what.to_owned(), took: started.elapsed() });
        Ok(collected)
    }
}

impl Answer {
    fn of(self, folder: TempDir, files: &Path, code: &Path) -> Result<Collected> {
        let url = url(self.url.as_deref().unwrap_or_default())?;
        let code = code.canonicalize().or_failed(|| format!("find {}", code.display()))?;
        let inside = self.root.as_deref().and_then(|root| root.strip_prefix(&code).ok());
        let root = inside.map(collect::packed_path).transpose()?.filter(|root| !root.is_empty());
        let manifest = match (&self.manifest, &root) {
            (None, _) => None,
            (Some(name), Some(root)) => {
                let (path, file) = (format!("{root}/{name}"), files.join(name));
                let text = fs::read_to_string(&file).or_failed(|| format!("read {}", file.display()))?;
                Some(Entry::generated(&path, &text))
            }
            (Some(name), None) => {
                let has =
                    self.root.as_ref().map_or_else(|| "is not set".to_owned(), |root| format!("is {}", root.display()));
                return Err(Error::failed(format!(
                    "STATIC_ROOT {has}: the app would look for {name}, the list of hashed names, where the package has nothing"
                ))
                .hint("set it to a folder of the project in the settings: `STATIC_ROOT = BASE_DIR / \"staticfiles\"`"));
            }
        };
        let is_absolute = self.written.starts_with('/');
        Ok(Collected { folder, url, is_absolute, root, manifest, hashed: self.hashed })
    }
}

/// The path behind STATIC_URL.
fn url(said: &str) -> Result<String> {
    let path = said.trim_matches('/');
    let wrong = |why: &str| {
        Error::failed(format!("STATIC_URL is `{said}`: {why}"))
            .hint("write `STATIC_URL = \"static/\"` in the settings, or remove `static` from rzap.yaml")
    };
    if said.contains("://") || said.starts_with("//") {
        return Err(wrong("the files are asked for elsewhere"));
    }
    if path.is_empty() {
        return Err(wrong("every path would be a static file's"));
    }
    Ok(format!("/{path}/"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn answer(url: &str, root: Option<&Path>, manifest: Option<&str>) -> Answer {
        Answer {
            url: Some(url.to_owned()),
            written: url.to_owned(),
            root: root.map(Path::to_owned),
            manifest: manifest.map(str::to_owned),
            hashed: BTreeSet::new(),
        }
    }

    #[test]
    fn a_url_is_a_path_of_the_app() {
        assert_eq!(url("/static/").unwrap(), "/static/");
        assert_eq!(url("assets/v1").unwrap(), "/assets/v1/");
        for elsewhere in ["https://cdn.example.com/static/", "//cdn.example.com/static/"] {
            assert!(url(elsewhere).unwrap_err().message.contains("asked for elsewhere"), "{elsewhere}");
        }
        for nothing in ["", "/"] {
            assert!(url(nothing).unwrap_err().message.contains("every path"), "{nothing}");
        }
    }

    #[test]
    fn the_list_of_hashed_names_is_packed_where_the_app_looks() {
        let project = tempfile::tempdir().unwrap();
        let code = project.path().canonicalize().unwrap();
        let of = |answer: Answer| {
            let folder = tempfile::tempdir().unwrap();
            let files = folder.path().to_owned();
            fs::write(files.join("staticfiles.json"), "{}").unwrap();
            answer.of(folder, &files, &code)
        };
        let inside = code.join("build/static");
        let collected = of(answer("/s/", Some(&inside), Some("staticfiles.json"))).unwrap();
        assert_eq!(collected.root.as_deref(), Some("build/static"));
        assert_eq!(collected.manifest.unwrap().path, "build/static/staticfiles.json");
        for (root, has) in [(Some(Path::new("/var/www")), "is /var/www"), (None, "is not set"), (Some(&*code), "is /")]
        {
            let error = of(answer("/s/", root, Some("staticfiles.json"))).err().unwrap();
            assert!(error.message.starts_with(&format!("STATIC_ROOT {has}")), "{error}");
            // Without such a list nobody reads anything there.
            let collected = of(answer("/s/", root, None)).unwrap();
            assert!(collected.root.is_none() && collected.manifest.is_none());
        }
    }
}
