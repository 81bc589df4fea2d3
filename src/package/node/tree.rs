//! A `node_modules` folder as Node reads it: who finds which package where.
//!
//! Packages are known by their folder relative to the project (`node_modules/a/node_modules/b`).
//! Links are not resolved: what matters is where a package stands when it is packed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use crate::error::Result;

pub(super) const MODULES: &str = "node_modules";

/// The folders of the packages that are needed by `names`, when they are asked for by the project in
/// `root`: them, what they need, and so on. What is not installed is not in it, and neither is what
/// `cpu` (if given) cannot run.
pub(super) fn reached<'a>(
    root: &Path,
    names: impl Iterator<Item = &'a str>,
    cpu: Option<&str>,
) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut open: Vec<PathBuf> = names.filter_map(|name| resolve(root, Path::new(""), name)).collect();
    while let Some(package) = open.pop() {
        if found.contains(&package) {
            continue;
        }
        let manifest = Manifest::read(&root.join(&package))?.unwrap_or_default();
        if cpu.is_some_and(|cpu| !manifest.fits(cpu)) {
            continue;
        }
        let needed =
            manifest.needed().map(|(name, _)| name).chain(manifest.peer_dependencies.keys().map(String::as_str));
        open.extend(needed.filter_map(|name| resolve(root, &package, name)));
        found.insert(package);
    }
    Ok(found)
}

/// Where the code in `from` finds the package `name`
/// (<https://nodejs.org/api/modules.html#loading-from-node_modules-folders>), not above `root`.
fn resolve(root: &Path, from: &Path, name: &str) -> Option<PathBuf> {
    let above = from.ancestors().filter(|folder| !folder.ends_with(MODULES));
    above.map(|folder| folder.join(MODULES).join(name)).find(|package| root.join(package).is_dir())
}

/// The folders of packages that only development needs: reached from `devDependencies` and not from
/// what the project needs at run time. What neither lists, code may still use, so it is not in here.
pub(super) fn only_for_development(root: &Path, manifest: &Manifest) -> Result<BTreeSet<PathBuf>> {
    let needed = manifest.needed().map(|(name, _)| name).chain(manifest.peer_dependencies.keys().map(String::as_str));
    let needed = reached(root, needed, None)?;
    let development = reached(root, manifest.dev_dependencies.keys().map(String::as_str), None)?;
    Ok(development.into_iter().filter(|package| !needed.iter().any(|kept| kept.starts_with(package))).collect())
}

/// The name of the package of the project's `node_modules` that the file at `path` is packed with.
pub(super) fn outermost(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("node_modules/")?;
    let mut slashes = rest.match_indices('/').map(|(at, _)| at);
    let end = if rest.starts_with('@') { slashes.nth(1)? } else { slashes.next()? };
    Some(&rest[..end])
}

/// The folder and the name of the package that the file at `path` belongs to.
pub(super) fn package_of(path: &str) -> Option<(&str, &str)> {
    let start = if path.starts_with("node_modules/") { 0 } else { path.rfind("/node_modules/")? + 1 };
    let start = path.rfind("/node_modules/").map_or(start, |last| last + 1) + MODULES.len() + 1;
    let rest = path.get(start..)?;
    let mut slashes = rest.match_indices('/').map(|(at, _)| at);
    let end = if rest.starts_with('@') { slashes.nth(1)? } else { slashes.next()? };
    Some((&path[..start + end], &rest[..end]))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    fn project(manifests: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (package, text) in manifests {
            let package = folder.path().join(package);
            fs::create_dir_all(&package).unwrap();
            fs::write(package.join("package.json"), text).unwrap();
        }
        folder
    }

    fn names(found: &BTreeSet<PathBuf>) -> Vec<&str> {
        found.iter().map(|path| path.to_str().unwrap()).collect()
    }

    #[test]
    fn only_what_development_alone_needs_is_left_out() {
        let folder = project(&[
            ("", r#"{"dependencies": {"a": "1"}, "devDependencies": {"jest": "1", "gone": "1"}}"#),
            ("node_modules/a", r#"{"dependencies": {"shared": "1", "old": "1"}}"#),
            ("node_modules/a/node_modules/old", r#"{"dependencies": {"deep": "1"}}"#),
            ("node_modules/deep", "{}"),
            ("node_modules/old", "{}"),
            ("node_modules/shared", "{}"),
            (
                "node_modules/jest",
                r#"{"dependencies": {"shared": "1", "old": "1", "@j/core": "1"}, "peerDependencies": {"ts": "1"}}"#,
            ),
            ("node_modules/@j/core", r#"{"dependencies": {"jest": "1"}}"#),
            ("node_modules/unlisted", "{}"),
        ]);
        let manifest = Manifest::read(folder.path()).unwrap().unwrap();
        let found = only_for_development(folder.path(), &manifest).unwrap();
        assert_eq!(names(&found), ["node_modules/@j/core", "node_modules/jest", "node_modules/old"]);
    }

    #[test]
    fn what_the_processor_cannot_run_is_not_reached_and_neither_is_what_only_that_needs() {
        let folder = project(&[
            ("", "{}"),
            ("node_modules/crc", r#"{"optionalDependencies": {"crc-x64": "1", "crc-wasm": "1", "crc-none": "1"}}"#),
            ("node_modules/crc-x64", r#"{"os": ["linux"], "cpu": ["x64"]}"#),
            ("node_modules/crc-wasm", r#"{"cpu": ["wasm32"], "dependencies": {"runtime": "1"}}"#),
            ("node_modules/runtime", "{}"),
        ]);
        let found = |cpu| reached(folder.path(), ["crc"].into_iter(), cpu).unwrap();
        assert_eq!(names(&found(Some("x64"))), ["node_modules/crc", "node_modules/crc-x64"]);
        assert_eq!(names(&found(Some("arm64"))), ["node_modules/crc"]);
        assert_eq!(found(None).len(), 4);
    }

    #[test]
    fn a_file_belongs_to_the_innermost_package() {
        for (path, package) in [
            ("node_modules/a/index.js", Some(("node_modules/a", "a"))),
            ("node_modules/@s/a/lib/x.js", Some(("node_modules/@s/a", "@s/a"))),
            ("node_modules/a/node_modules/@s/b/x.js", Some(("node_modules/a/node_modules/@s/b", "@s/b"))),
            ("web/node_modules/a/x.js", Some(("web/node_modules/a", "a"))),
            ("node_modules/.package-lock.json", None),
            ("src/index.js", None),
            ("my_node_modules/a/x.js", None),
        ] {
            assert_eq!(package_of(path), package, "{path}");
        }
    }
}
