//! Folders the config speaks of: inside the project, and there.

use std::path::{Component, Path, PathBuf};

use super::locate::Span;
use super::raw;
use super::suggest;
use super::values::Reader;

/// True for a relative path that goes nowhere but down, as far as its text can tell.
pub(super) fn stays_inside(value: &str) -> bool {
    let down = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    !value.is_empty() && Path::new(value).components().all(down)
}

/// The folder of the code, absolute and without links; `.` when the config says nothing.
/// `root` has to be canonical. What is `built` first need not be there yet.
pub(super) fn code(reader: &mut Reader<'_>, root: &Path, entry: Option<&raw::Entry>, built: bool) -> Option<PathBuf> {
    let Some(entry) = entry else { return Some(root.to_owned()) };
    let filled = reader.text(entry)?;
    inside(reader, root, (&filled.value, &filled.shown), &entry.value.span, built)
}

/// The folder of a layer, relative to `root`.
pub(super) fn layer(reader: &mut Reader<'_>, root: &Path, text: &str, span: &Span) -> Option<PathBuf> {
    let found = inside(reader, root, (text, text), span, false)?;
    Some(found.strip_prefix(root).unwrap_or(&found).to_owned())
}

fn inside(
    reader: &mut Reader<'_>,
    root: &Path,
    (value, shown): (&str, &str),
    span: &Span,
    built: bool,
) -> Option<PathBuf> {
    if !stays_inside(value) {
        let title = format!("`{shown}` is not inside the project");
        reader.problem(span, title, "write a path relative to `rzap.yaml`, without `..`");
        return None;
    }
    let Ok(found) = root.join(value).canonicalize() else {
        if built {
            return Some(root.join(value));
        }
        let folders = files(root).into_iter().filter_map(|file| Some(file.parent()?.to_string_lossy().into_owned()));
        let folders: Vec<String> = folders.filter(|folder| !folder.is_empty()).collect();
        let label = suggest::did_you_mean(value, folders.iter().map(String::as_str), || {
            "looked for it next to `rzap.yaml`".to_owned()
        });
        reader.problem_on_disk(span, format!("no folder `{shown}`"), label);
        return None;
    };
    if !found.starts_with(root) {
        let title = format!("`{shown}` leads out of the project");
        reader.problem_on_disk(span, title, "the code has to be below the folder of `rzap.yaml`");
        return None;
    }
    if !found.is_dir() {
        reader.problem_on_disk(span, format!("`{shown}` is not a folder"), "");
        return None;
    }
    Some(found)
}

/// Enough to find a misspelt name, little enough for any folder.
const MOST_FILES: usize = 2_000;
const DEEPEST: usize = 4;

/// Files below `dir`, relative to it, in a fixed order: not the hidden ones and not dependencies.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
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
