//! The code folder and the module's name for a file: what has to be on Python's path so that its imports
//! work.

use std::collections::{BTreeMap, BTreeSet};

use super::super::survey::{depth, folder, upwards};
use super::needs;
use super::sources::Sources;

/// How a file is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The code folder; empty for the project's.
    pub(super) dir: String,
    /// `package.module`
    pub(super) module: String,
}

/// Where Python looks when it imports `path`; `None` when it cannot be imported under any name.
pub(super) fn of(sources: &Sources<'_>, path: &str) -> Option<Place> {
    let top = upwards(folder(path)).find(|folder| !sources.is_package(folder))?;
    let places: Vec<Place> =
        upwards(top).filter_map(|dir| Some(Place { dir: dir.to_owned(), module: module(dir, path)? })).collect();
    if places.len() < 2 {
        return places.into_iter().next();
    }
    let imports = local_imports(sources, path);
    let works = |place: &Place| imports.iter().filter(|first| sources.has_below(&place.dir, first)).count();
    let counted: BTreeMap<String, usize> = places.iter().map(|place| (place.dir.clone(), works(place))).collect();
    // Of folders that do equally well: a `src` folder, then one that has its own dependencies, then the
    // project's.
    places.into_iter().max_by_key(|place| {
        let is_src = place.dir == "src" || place.dir.ends_with("/src");
        let declares = !place.dir.is_empty() && needs::declared_in(sources.survey, &place.dir).is_some();
        (counted[&place.dir], is_src, declares, usize::MAX - depth(&place.dir), place.dir.is_empty())
    })
}

/// `a/b/c.py` below `a` is `b.c`.
fn module(dir: &str, path: &str) -> Option<String> {
    let below = if dir.is_empty() { path } else { path.strip_prefix(dir)?.strip_prefix('/')? };
    let stem = below.strip_suffix(".py")?;
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    let is_name = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part.chars().all(|each| each.is_alphanumeric() || each == '_')
    };
    stem.split('/').all(is_name).then(|| stem.replace('/', "."))
}

/// The first parts of what the file, and those of the project it imports, import by full names.
fn local_imports(sources: &Sources<'_>, path: &str) -> BTreeSet<String> {
    let modules = sources.reached(path).into_iter().filter_map(|path| sources.get(&path));
    let mut names = BTreeSet::new();
    for module in modules {
        let absolute = module.imported.iter().filter(|import| !import.name.starts_with('.'));
        names.extend(absolute.filter_map(|import| import.name.split('.').next().map(str::to_owned)));
    }
    names.retain(|name| !needs::is_standard(name));
    names
}
