//! Where a function's code is and what of it Lambda calls: `dir`, `wsgi`, `asgi`, `django`, `handler`,
//! `bootstrap`, `cargo`, `go`.
//!
//! Looks at the files, so that a wrong name is found here and not by a failing invocation. Reads
//! none of them: what a module contains is the runtime's business.

use std::path::Path;

use super::folder::{files, stays_inside};
use super::image;
use super::limits;
use super::locate::Span;
use super::raw::{self, Kind};
use super::stage::Entry;
use super::suggest;
use super::values::Reader;

/// What is called, and how to speak of it.
pub(super) struct Called {
    pub(super) entry: Entry,
    /// The text without values of the environment.
    shown: String,
    span: Span,
    /// The config or the folder says it; nothing more is asked of what stands in.
    known: bool,
}

/// Reads what is called as far as that goes without knowing runtime and folder.
pub(super) fn called(reader: &mut Reader<'_>, entry: &raw::Entry) -> Option<Called> {
    let span = entry.value.span.clone();
    match (entry.key.as_str(), &entry.value.kind) {
        ("image", _) => {
            let image = image::read(reader, entry)?;
            return Some(Called { shown: image.uri.clone(), entry: Entry::Image(image), span, known: true });
        }
        ("cargo", Kind::Bool(true, _)) => {
            return Some(Called { entry: Entry::Cargo(None), shown: String::new(), span, known: true });
        }
        ("go", Kind::Bool(true, _)) => {
            return Some(Called { entry: Entry::Go(".".to_owned()), shown: String::new(), span, known: true });
        }
        _ => {}
    }
    let filled = reader.text(entry)?;
    let (value, shown, span) = (filled.value, filled.shown, entry.value.span.clone());
    let fault = match entry.key.as_str() {
        "wsgi" => app_fault(&value, &shown, "is not a WSGI application"),
        "asgi" => app_fault(&value, &shown, "is not an ASGI application"),
        "django" => django_fault(&value),
        "bootstrap" | "go" => path_fault(&value),
        "cargo" => binary_fault(&value),
        _ => handler_fault(&value),
    };
    if let Some((what, label)) = fault {
        reader.problem(&span, format!("`{shown}` {what}"), label);
        return None;
    }
    let entry = match entry.key.as_str() {
        "wsgi" => Entry::Wsgi(value),
        "asgi" => Entry::Asgi(value),
        "django" => Entry::Django(value),
        "bootstrap" => Entry::Bootstrap(value),
        "cargo" => Entry::Cargo(Some(value)),
        "go" => Entry::Go(value),
        _ => Entry::Handler(value),
    };
    Some(Called { entry, shown, span, known: true })
}

fn is_dotted_name(text: &str) -> bool {
    text.split('.').all(|part| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part.chars().all(|each| each.is_alphanumeric() || each == '_')
    })
}

type Fault = Option<(&'static str, String)>;

/// `module:object`, or `module:factory()` for what makes the application.
fn app_fault(value: &str, shown: &str, what: &'static str) -> Fault {
    let name = value.strip_suffix("()").unwrap_or(value);
    match (name.split_once(':'), value.rsplit_once('.')) {
        (Some((module, object)), _) if is_dotted_name(module) && is_dotted_name(object) => None,
        // Nothing from the environment may show up in a suggestion.
        (None, Some((module, object))) if is_dotted_name(value) && value == shown => {
            Some(("has no `:` between module and object", format!("did you mean `{module}:{object}`?")))
        }
        _ => Some((what, "write `module:object`, like `app:app`".to_owned())),
    }
}

fn django_fault(value: &str) -> Fault {
    let label = || "write the dotted name of the settings, like `mysite.settings`".to_owned();
    (!is_dotted_name(value)).then(|| ("is not a settings module", label()))
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

/// What the code folder itself says about a function nobody said more about.
pub(super) fn recognised(dir: &Path, named_at: &Span) -> Option<Called> {
    let entry = if dir.join("Cargo.toml").is_file() {
        Entry::Cargo(None)
    } else if dir.join("go.mod").is_file() {
        Entry::Go(".".to_owned())
    } else {
        return None;
    };
    Some(Called { entry, shown: String::new(), span: named_at.clone(), known: true })
}

/// Stands in where nothing says what is called: the problem has been reported, or the code is not
/// at hand and not needed.
pub(super) fn unknown(named_at: &Span) -> Called {
    let entry = Entry::Bootstrap("bootstrap".to_owned());
    Called { entry, shown: String::new(), span: named_at.clone(), known: false }
}

fn binary_fault(value: &str) -> Fault {
    let well = !value.is_empty()
        && !value.starts_with('-')
        && value.chars().all(|each| each.is_alphanumeric() || each == '-' || each == '_');
    (!well).then(|| ("is not the name of a binary", "write its name in Cargo.toml, or `cargo: true`".to_owned()))
}

fn path_fault(value: &str) -> Fault {
    let label = || "write a path relative to the code folder, without `..`".to_owned();
    (!stays_inside(value)).then(|| ("is not inside the code folder", label()))
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
    let is_program = matches!(called.entry, Entry::Bootstrap(_) | Entry::Cargo(_) | Entry::Go(_));
    if let Entry::Image(_) = called.entry {
        if let Some((_, entry, true)) = set {
            reader.problem(&entry.value.span, "an image brings its own runtime", "remove this line");
        }
        return Some(String::new());
    }
    if !called.known {
        return Some(set.map(|(runtime, ..)| runtime).unwrap_or_default());
    }
    let Some((runtime, entry, own)) = set else {
        if is_program {
            return Some(OS_ONLY.to_owned());
        }
        let title = format!("function `{}` has no `runtime`", function.0);
        reader.problem(function.1, title, "add it here or at the top level: `runtime: python3.13`");
        return None;
    };
    let os_only = runtime.starts_with("provided");
    let span = &entry.value.span;
    match &called.entry {
        _ if is_program && os_only => Some(runtime),
        // The others' language at the top level says nothing about an executable.
        _ if is_program && !own => Some(OS_ONLY.to_owned()),
        Entry::Bootstrap(_) | Entry::Cargo(_) | Entry::Go(_) => {
            let what = match called.entry {
                Entry::Cargo(_) => "a Rust program",
                Entry::Go(_) => "a Go program",
                _ => "`bootstrap`",
            };
            let title = format!("{what} needs an OS-only runtime");
            reader.problem(span, title, format!("remove it, or write `{OS_ONLY}`"));
            None
        }
        entry if entry.is_web() && !runtime.starts_with("python") => {
            let word = entry.web().map_or("wsgi", |(word, _)| word);
            reader.problem(span, format!("`{word}` needs a Python runtime"), "like `python3.13`");
            None
        }
        Entry::Handler(_) if os_only => {
            let title = "an OS-only runtime runs a `bootstrap`, not a `handler`";
            reader.problem(&called.span, title, "write `bootstrap: PATH` instead of `handler:`");
            None
        }
        Entry::Wsgi(_) | Entry::Asgi(_) | Entry::Django(_) | Entry::Handler(_) | Entry::Image(_) => Some(runtime),
    }
}

/// Reports when the file behind what is called is not there. Languages rzap does not know are
/// believed. `bundle`: Node's code may be TypeScript.
pub(super) fn check_file(
    reader: &mut Reader<'_>,
    called: &Called,
    (runtime, bundle): (&str, bool),
    dir: &Path,
    root: &Path,
) {
    let node = if bundle { BUNDLED } else { NODE };
    match &called.entry {
        _ if !called.known => {}
        Entry::Bootstrap(path) => check_bootstrap(reader, called, &dir.join(path), root),
        Entry::Django(module) => check_module(reader, called, PYTHON, dir, (module, "")),
        Entry::Wsgi(text) | Entry::Asgi(text) => {
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
                    check_module(reader, called, node, dir, (module, &format!(".{function}")));
                }
                None => not_a_handler(reader, called, text),
            }
        }
        Entry::Cargo(_) => check_project(reader, called, dir, "Cargo.toml"),
        Entry::Go(_) => check_project(reader, called, dir, "go.mod"),
        Entry::Handler(_) | Entry::Image(_) => {}
    }
}

fn check_project(reader: &mut Reader<'_>, called: &Called, dir: &Path, manifest: &str) {
    // Go looks for its module upwards, and a package of a workspace has a manifest of its own.
    let found = if manifest == "go.mod" {
        dir.ancestors().any(|folder| folder.join(manifest).is_file())
    } else {
        dir.join(manifest).is_file()
    };
    if !found {
        reader.problem_on_disk(&called.span, format!("no {manifest} in the code folder"), "set `dir` to where it is");
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

/// The same with what esbuild takes besides.
const BUNDLED: Language = Language {
    endings: &[".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", "/index.js", "/index.ts"],
    dots_are_folders: false,
};

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
        return Some(format!("there is `{path}.ts`: Lambda runs JavaScript, set `bundle: true`"));
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
