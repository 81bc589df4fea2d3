//! Where a function's code is and what of it Lambda calls: `dir`, `wsgi`, `handler`, `bootstrap`.
//!
//! Looks at the files, so that a wrong name is found here and not by a failing invocation. Reads
//! none of them: what a module contains is the runtime's business.

use std::path::{Component, Path, PathBuf};

use super::limits;
use super::locate::Span;
use super::raw;
use super::stage::Entry;
use super::suggest;
use super::values::Reader;

/// What is called, and how to speak of it.
pub(super) struct Called {
    pub(super) entry: Entry,
    /// The text without values of the environment.
    shown: String,
    span: Span,
}

/// Reads `wsgi`, `handler` or `bootstrap` as far as that goes without knowing runtime and folder.
pub(super) fn called(reader: &mut Reader<'_>, entry: &raw::Entry) -> Option<Called> {
    let filled = reader.text(entry)?;
    let (value, shown, span) = (filled.value, filled.shown, entry.value.span.clone());
    let fault = match entry.key.as_str() {
        "wsgi" => wsgi_fault(&value, &shown),
        "bootstrap" => path_fault(&value),
        _ => handler_fault(&value),
    };
    if let Some((what, label)) = fault {
        reader.problem(&span, format!("`{shown}` {what}"), label);
        return None;
    }
    let entry = match entry.key.as_str() {
        "wsgi" => Entry::Wsgi(value),
        "bootstrap" => Entry::Bootstrap(value),
        _ => Entry::Handler(value),
    };
    Some(Called { entry, shown, span })
}

fn is_dotted_name(text: &str) -> bool {
    text.split('.').all(|part| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part.chars().all(|each| each.is_alphanumeric() || each == '_')
    })
}

type Fault = Option<(&'static str, String)>;

fn wsgi_fault(value: &str, shown: &str) -> Fault {
    match (value.split_once(':'), value.rsplit_once('.')) {
        (Some((module, object)), _) if is_dotted_name(module) && is_dotted_name(object) => None,
        // Nothing from the environment may show up in a suggestion.
        (None, Some((module, object))) if is_dotted_name(value) && value == shown => {
            Some(("has no `:` between module and object", format!("did you mean `{module}:{object}`?")))
        }
        _ => Some(("is not a WSGI application", "write `module:object`, like `app:app`".to_owned())),
    }
}

fn handler_fault(value: &str) -> Fault {
    if value.is_empty() || value.contains(char::is_whitespace) {
        return Some(("is not a handler", "write `file.function`, like `jobs.nightly`".to_owned()));
    }
    if value.len() > limits::HANDLER {
        return Some(("is too long for a handler", format!("Lambda allows {} characters", limits::HANDLER)));
    }
    path_fault(value)
}

fn path_fault(value: &str) -> Fault {
    let label = || "write a path relative to the code folder, without `..`".to_owned();
    (!stays_inside(value)).then(|| ("is not inside the code folder", label()))
}

/// True for a relative path that goes nowhere but down, as far as its text can tell.
fn stays_inside(value: &str) -> bool {
    let down = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    !value.is_empty() && Path::new(value).components().all(down)
}

/// The folder of the code, absolute and without links; `.` when the config says nothing.
/// `root` has to be canonical.
pub(super) fn dir(reader: &mut Reader<'_>, root: &Path, entry: Option<&raw::Entry>) -> Option<PathBuf> {
    let Some(entry) = entry else { return Some(root.to_owned()) };
    let filled = reader.text(entry)?;
    let span = &entry.value.span;
    if !stays_inside(&filled.value) {
        let title = format!("`{}` is not inside the project", filled.shown);
        reader.problem(span, title, "write a path relative to `rzap.yaml`, without `..`");
        return None;
    }
    let Ok(found) = root.join(&filled.value).canonicalize() else {
        let folders = files(root).into_iter().filter_map(|file| Some(file.parent()?.to_string_lossy().into_owned()));
        let folders: Vec<String> = folders.filter(|folder| !folder.is_empty()).collect();
        let label = suggest::did_you_mean(&filled.value, folders.iter().map(String::as_str), || {
            "looked for it next to `rzap.yaml`".to_owned()
        });
        reader.problem_on_disk(span, format!("no folder `{}`", filled.shown), label);
        return None;
    };
    if !found.starts_with(root) {
        let title = format!("`{}` leads out of the project", filled.shown);
        reader.problem_on_disk(span, title, "the code has to be below the folder of `rzap.yaml`");
        return None;
    }
    if !found.is_dir() {
        reader.problem_on_disk(span, format!("`{}` is not a folder", filled.shown), "");
        return None;
    }
    Some(found)
}

/// The runtime that goes with what is called. `set` is what the config says, if anything, and
/// whether it says so for this function alone.
pub(super) fn runtime(
    reader: &mut Reader<'_>,
    called: &Called,
    set: Option<(String, &raw::Entry, bool)>,
    function: (&str, &Span),
) -> Option<String> {
    const OS_ONLY: &str = "provided.al2023";
    let Some((runtime, entry, own)) = set else {
        if matches!(called.entry, Entry::Bootstrap(_)) {
            return Some(OS_ONLY.to_owned());
        }
        let title = format!("function `{}` has no `runtime`", function.0);
        reader.problem(function.1, title, "add it here or at the top level: `runtime: python3.13`");
        return None;
    };
    let os_only = runtime.starts_with("provided");
    let span = &entry.value.span;
    match &called.entry {
        Entry::Bootstrap(_) if os_only => Some(runtime),
        // The others' language at the top level says nothing about a ready executable.
        Entry::Bootstrap(_) if !own => Some(OS_ONLY.to_owned()),
        Entry::Bootstrap(_) => {
            reader.problem(span, "`bootstrap` needs an OS-only runtime", format!("remove it, or write `{OS_ONLY}`"));
            None
        }
        Entry::Wsgi(_) if !runtime.starts_with("python") => {
            reader.problem(span, "`wsgi` needs a Python runtime", "like `python3.13`");
            None
        }
        Entry::Handler(_) if os_only => {
            let title = "an OS-only runtime runs a `bootstrap`, not a `handler`";
            reader.problem(&called.span, title, "write `bootstrap: PATH` instead of `handler:`");
            None
        }
        Entry::Wsgi(_) | Entry::Handler(_) => Some(runtime),
    }
}

/// Reports when the file behind what is called is not there. Languages rzap does not know are
/// believed.
pub(super) fn check_file(reader: &mut Reader<'_>, called: &Called, runtime: &str, dir: &Path, root: &Path) {
    match &called.entry {
        Entry::Bootstrap(path) => check_bootstrap(reader, called, &dir.join(path), root),
        Entry::Wsgi(text) => {
            let (module, object) = text.split_once(':').unwrap_or((text, ""));
            check_module(reader, called, PYTHON, dir, (module, &format!(":{object}")));
        }
        Entry::Handler(text) if runtime.starts_with("python") => match text.rsplit_once('.') {
            Some((module, function)) if !text.contains(':') => {
                check_module(reader, called, PYTHON, dir, (module, &format!(".{function}")));
            }
            _ => not_a_handler(reader, called, text),
        },
        Entry::Handler(text) if runtime.starts_with("nodejs") => {
            // Node's runtime splits at the first dot of the last path segment.
            let name_at = text.rfind('/').map_or(0, |slash| slash + 1);
            match text[name_at..].split_once('.') {
                Some((file, function)) => {
                    let module = &text[..name_at + file.len()];
                    check_module(reader, called, NODE, dir, (module, &format!(".{function}")));
                }
                None => not_a_handler(reader, called, text),
            }
        }
        Entry::Handler(_) => {}
    }
}

fn not_a_handler(reader: &mut Reader<'_>, called: &Called, text: &str) {
    let label = match text.split_once(':') {
        Some((module, function)) if called.shown == text => format!("did you mean `{module}.{function}`?"),
        _ => "write `file.function`, like `jobs.nightly`".to_owned(),
    };
    reader.problem(&called.span, format!("`{}` is not a handler", called.shown), label);
}

fn check_bootstrap(reader: &mut Reader<'_>, called: &Called, path: &Path, root: &Path) {
    let shown = &called.shown;
    let fault = match path.canonicalize() {
        Err(_) => Some((format!("no file `{shown}`"), "build it before rzap packages it".to_owned())),
        Ok(found) if !found.starts_with(root) => {
            let label = "the executable has to be below the folder of `rzap.yaml`";
            Some((format!("`{shown}` leads out of the project"), label.to_owned()))
        }
        Ok(found) if !found.is_file() => Some((format!("`{shown}` is not a file"), String::new())),
        Ok(found) if !is_executable(&found) => {
            Some((format!("`{shown}` is not executable"), format!("run `chmod +x {shown}`")))
        }
        Ok(_) => None,
    };
    if let Some((title, label)) = fault {
        reader.problem_on_disk(&called.span, title, label);
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// Without executable bits nothing can be said.
#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}

/// How a language finds a module's file.
#[derive(Clone, Copy)]
struct Language {
    /// Appended to the module's path, in the order the runtime tries them.
    endings: &'static [&'static str],
    dots_are_folders: bool,
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html>
const PYTHON: Language = Language { endings: &[".py", "/__init__.py"], dots_are_folders: true };

/// <https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html>
const NODE: Language = Language { endings: &[".js", ".mjs", ".cjs", "/index.js"], dots_are_folders: false };

/// `name` is the module and what follows it in the text (`.function`, `:object`).
fn check_module(reader: &mut Reader<'_>, called: &Called, language: Language, dir: &Path, name: (&str, &str)) {
    let path = if language.dots_are_folders { name.0.replace('.', "/") } else { name.0.to_owned() };
    if language.endings.iter().any(|ending| dir.join(format!("{path}{ending}")).is_file()) {
        return;
    }
    if called.shown.contains("${") {
        let title = format!("`{}` names a file that is not there", called.shown);
        reader.problem_on_disk(&called.span, title, "looked for it in the code folder");
        return;
    }
    let looked: Vec<String> = language.endings.iter().map(|ending| format!("{path}{ending}")).collect();
    let title = format!("`{}` names a file that is not there", called.shown);
    let label = similar(&path, language, dir, name).unwrap_or_else(|| match dir.file_name() {
        Some(folder) => format!("looked for {} in `{}`", suggest::list(&looked), folder.to_string_lossy()),
        None => format!("looked for {}", suggest::list(&looked)),
    });
    reader.problem_on_disk(&called.span, title, label);
}

/// What the user may have meant, from the files that are there.
fn similar(path: &str, language: Language, dir: &Path, name: (&str, &str)) -> Option<String> {
    if !language.dots_are_folders && dir.join(format!("{path}.ts")).is_file() {
        return Some(format!("there is `{path}.ts`: Lambda runs JavaScript, compile it first"));
    }
    let found: Vec<(String, String)> = files(dir)
        .into_iter()
        .filter_map(|file| {
            let file = file.to_string_lossy().into_owned();
            // The longest first: `guest/__init__.py` is the module `guest`.
            let module = language.endings.iter().rev().find_map(|ending| file.strip_suffix(ending))?.to_owned();
            Some((module, file))
        })
        .collect();
    let deeper = format!("/{path}");
    if let Some((module, file)) = found.iter().find(|(module, _)| module.ends_with(&deeper)) {
        return Some(format!("there is `{file}`: set `dir: {}`", &module[..module.len() - deeper.len()]));
    }
    let near = suggest::nearest(path, found.iter().map(|(module, _)| module.as_str()))?;
    let near =
        if language.dots_are_folders && !name.0.contains('/') { near.replace('/', ".") } else { near.to_owned() };
    Some(format!("did you mean `{near}{}`?", name.1))
}

/// Enough to find a misspelt name, little enough for any folder.
const MOST_FILES: usize = 2_000;
const DEEPEST: usize = 4;

/// Files below `dir`, relative to it, in a fixed order: not the hidden ones and not dependencies.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        // Only suggestions are made of this: what cannot be read is not suggested.
        let Ok(entries) = folder.read_dir() else { continue };
        let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let skipped = name.starts_with('.') || ["node_modules", "__pycache__", "venv", "target"].contains(&&*name);
            if skipped || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                if depth < DEEPEST {
                    folders.push((path, depth + 1));
                }
            } else if let Ok(relative) = path.strip_prefix(dir) {
                files.push(relative.to_owned());
            }
        }
        if files.len() > MOST_FILES {
            break;
        }
    }
    files.sort();
    files
}
