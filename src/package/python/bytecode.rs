//! `bytecode: true`: the byte code of every Python file beside it, so that no cold start compiles.
//!
//! Lambda's code folder cannot be written to, so without this each new process compiles all it imports
//! (Django: two thirds of its import time). The byte code is that of the runtime's Python: its minor version
//! decides the format, so exactly that one has to be on this machine.
//! Kept like installs, dependencies and the project's own files apart: an edit compiles only the latter.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use futures_util::future::try_join_all;
use tokio::process::Command;

use super::super::entry::{Content, Entry, Owner};
use super::super::fingerprint::Fingerprint;
use super::super::program::{self, Stdout};
use super::super::{Step, Workshop, aside, cache};
use crate::config::FunctionConfig;
use crate::error::{Error, OrFailed as _, Result};

const SCRIPT: &str = include_str!("../../../templates/python/compile.py");

/// A change here makes everything anew.
const FORM: &str = "1";

/// A Python that makes byte code for a runtime.
struct Compiler {
    path: PathBuf,
    /// `3.13.1`: another release may write other bytes.
    version: String,
    /// What the byte code's files are named after: `cpython-313`.
    tag: String,
}

impl Workshop<'_> {
    /// Adds the byte code of the Python files among `entries`.
    pub(in crate::package) async fn bytecode(
        &self,
        function: &FunctionConfig,
        entries: Vec<Entry>,
        names: &str,
    ) -> Result<Vec<Entry>> {
        if !function.source.bytecode {
            return Ok(entries);
        }
        let compiler = self.compiler(&function.runtime).await?;
        let sources = |entry: &&Entry| Path::new(&entry.path).extension().is_some_and(|ending| ending == "py");
        let (theirs, own): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().filter(sources).partition(|entry| matches!(entry.owner, Owner::Dependency(_)));
        let mut more = Vec::new();
        for set in [theirs, own] {
            more.extend(self.compiled(&compiler, &set, names).await?);
        }
        // What is there already was meant to be.
        let there: HashSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        more.retain(|made| !there.contains(made.path.as_str()));
        Ok([entries, more].concat())
    }

    async fn compiler(&self, runtime: &str) -> Result<Compiler> {
        const ASK: &str = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.implementation.cache_tag)";
        let wanted = runtime.trim_start_matches("python");
        let search_path = self.search_path.as_deref();
        let environment = [self.root.join(".venv"), self.root.join("venv")].map(|folder| folder.join("bin/python"));
        let named = [format!("python{wanted}"), "python3".to_owned(), "python".to_owned()];
        let found = named.iter().filter_map(|name| program::find(name, search_path));
        let mut candidates: Vec<PathBuf> = found.chain(environment.into_iter().filter(|path| path.is_file())).collect();
        if let Some(uv) = program::find("uv", search_path) {
            let mut command = Command::new(uv);
            command.args(["python", "find", "--no-python-downloads", "--no-project", wanted]);
            // A uv that finds none says so with its exit code.
            let found = program::run(command, Stdout::Kept, &|_| ()).await;
            let found = found.ok().filter(program::Ended::is_success);
            candidates.extend(found.map(|ended| PathBuf::from(String::from_utf8_lossy(&ended.stdout).trim())));
        }
        for path in candidates {
            let mut command = Command::new(&path);
            command.args(["-I", "-S", "-c", ASK]);
            let Ok(ended) = program::run(command, Stdout::Kept, &|_| ()).await else { continue };
            let said = String::from_utf8_lossy(&ended.stdout).into_owned();
            if let Some((version, tag)) = said.trim().split_once(' ')
                && version.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
            {
                return Ok(Compiler { path, version: version.to_owned(), tag: tag.to_owned() });
            }
        }
        Err(Error::failed(format!("`bytecode` needs Python {wanted} on this machine, and there is none"))
            .hint(format!("install it (`uv python install {wanted}`), or remove `bytecode` from rzap.yaml")))
    }

    /// The byte code of `sources`, made when it is not there yet.
    async fn compiled(&self, compiler: &Compiler, sources: &[&Entry], names: &str) -> Result<Vec<Entry>> {
        let jobs: Vec<Entry> = sources.iter().copied().cloned().collect();
        let (version, tag) = (compiler.version.clone(), compiler.tag.clone());
        let (key, jobs) = aside(move || Ok((key(&version, &jobs)?, jobs))).await?;
        let folder = self.cache.deps.join(&key);
        let _turn = self.turn(&key).await;
        if let Some(made) = made(&folder, &jobs, &tag) {
            cache::touch(&folder);
            return Ok(made);
        }
        let what = "byte code".to_owned();
        (self.tell)(Step::Building { functions: names.to_owned(), what });
        let scratch = cache::scratch(&self.cache.deps)?;
        let list = draft(scratch.path(), &jobs, &tag)?;
        let workers = thread::available_parallelism().map_or(1, usize::from);
        try_join_all((0..workers).map(|first| self.compile(compiler, scratch.path(), &list, first, workers))).await?;
        cache::settle(scratch.path(), &folder, || Ok(made(&folder, &jobs, &tag)))
    }

    /// One process that compiles every `step`th line of `list` from `first` on.
    async fn compile(&self, compiler: &Compiler, scratch: &Path, list: &Path, first: usize, step: usize) -> Result<()> {
        let mut command = Command::new(&compiler.path);
        // The order of sets would differ from run to run, and `-I` would not hear of the seed.
        command.args(["-s", "-S", "-B"]).arg(scratch.join("compile.py")).arg(list);
        command.args([first.to_string(), step.to_string()]).env("PYTHONHASHSEED", "0").current_dir(scratch);
        let run = program::run(command, Stdout::Heard, &|_| ()).await;
        let ended = run.or_failed(|| format!("run {}", compiler.path.display()))?;
        if ended.is_success() {
            return Ok(());
        }
        Err(ended.failure(&compiler.path.display().to_string()).context("cannot make byte code"))
    }
}

/// What decides the byte code: the Python, and of each file its name and content. A dependency's file never
/// changes under its name.
fn key(version: &str, sources: &[Entry]) -> Result<String> {
    let mut print = Fingerprint::default();
    for part in ["bytecode", FORM, SCRIPT, version] {
        print.add(part.as_bytes());
    }
    for entry in sources {
        print.add(entry.path.as_bytes());
        match (&entry.content, &entry.owner) {
            (Content::Text(text), _) => print.add(text),
            (Content::File(path), Owner::Dependency(_)) => print.add(path.as_os_str().as_encoded_bytes()),
            (Content::File(path), _) => {
                print.add(&fs::read(path).or_failed(|| format!("read {}", path.display()))?);
            }
        }
    }
    Ok(print.hex())
}

/// Writes what the compiler needs into `scratch`; the list of its jobs.
fn draft(scratch: &Path, sources: &[Entry], tag: &str) -> Result<PathBuf> {
    let mut list = String::new();
    let texts = scratch.join("source");
    for (index, entry) in sources.iter().enumerate() {
        let source = match &entry.content {
            Content::File(path) => path.clone(),
            Content::Text(text) => {
                let path = texts.join(format!("{index}.py"));
                let written = fs::create_dir_all(&texts).and_then(|()| fs::write(&path, text));
                written.or_failed(|| format!("write {}", path.display()))?;
                path
            }
        };
        // As Lambda sees it; the import sets it right wherever it is.
        let name = format!("/var/task/{}", entry.path);
        let job = serde_json::json!([source, scratch.join("made").join(target(&entry.path, tag)), name]);
        list.push_str(&format!("{job}\n"));
    }
    let file = scratch.join("list");
    for (file, text) in [(&file, list.as_str()), (&scratch.join("compile.py"), SCRIPT), (&scratch.join("done"), "")] {
        fs::write(file, text).or_failed(|| format!("write {}", file.display()))?;
    }
    Ok(file)
}

/// `a/b.py` → `a/__pycache__/b.cpython-313.pyc`
fn target(source: &str, tag: &str) -> String {
    let (folder, name) = source.rsplit_once('/').map_or(("", source), |(folder, name)| (folder, name));
    let name = name.strip_suffix(".py").unwrap_or(name);
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}__pycache__/{name}.{tag}.pyc")
}

/// The byte code in `folder`; `None` when nothing was made there. What could not be compiled has none.
fn made(folder: &Path, sources: &[Entry], tag: &str) -> Option<Vec<Entry>> {
    folder.join("done").is_file().then(|| {
        let entry = |source: &Entry| {
            let path = target(&source.path, tag);
            let file = folder.join("made").join(&path);
            let size = fs::metadata(&file).ok()?.len();
            Some(Entry::file(path, file, size, false, source.owner.clone()))
        };
        sources.iter().filter_map(entry).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_code_stands_where_python_looks_for_it() {
        assert_eq!(target("app.py", "cpython-313"), "__pycache__/app.cpython-313.pyc");
        assert_eq!(target("a/b/__init__.py", "cpython-313"), "a/b/__pycache__/__init__.cpython-313.pyc");
    }
}
