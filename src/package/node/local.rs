//! Dependencies that are folders or archives of the project itself: `file:`, `link:`, `portal:`.
//!
//! The install does not run in the project, so they are copied to where it runs, at the same place
//! relative to `package.json`. What they consist of counts as what is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::manifest::Manifest;
use crate::error::{Error, OrFailed, Result};

/// Left out of local packages: what is installed into them is not what they are.
const NOT_COPIED: [&str; 3] = ["node_modules", ".git", ".rzap"];

/// The files that `manifest` in `dir` asks for by path, by their path relative to `root`, with what
/// they are on disk. `root` and `dir` are canonical.
pub(super) fn files(root: &Path, dir: &Path, manifest: &Manifest) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut seen = vec![dir.to_owned()];
    let mut open = wanted(dir, manifest);
    while let Some((name, said)) = open.pop() {
        let missing = || format!("find {}, which package.json names for {name}", said.display());
        let place = fs::canonicalize(&said).or_failed(missing)?;
        let Ok(inside) = place.strip_prefix(root) else {
            return Err(Error::failed(format!("{name} ({}) lies outside the project {}", said.display(), root.display()))
                .hint("move rzap.yaml to the folder that holds both and name the code folder with `dir`, or set `bundle: true`"));
        };
        if seen.contains(&place) {
            continue;
        }
        if place.is_dir() {
            if let Some(manifest) = Manifest::read(&place)? {
                open.extend(wanted(&place, &manifest));
            }
            folder(root, &place, &mut found)?;
        } else {
            found.insert(inside.to_owned(), place.clone());
        }
        seen.push(place);
    }
    Ok(found)
}

/// Name and place of what `manifest` asks for by path.
fn wanted(dir: &Path, manifest: &Manifest) -> Vec<(String, PathBuf)> {
    let local = |(name, spec): (&str, &Value)| {
        let spec = spec.as_str()?;
        let path = ["file:", "link:", "portal:"].iter().find_map(|kind| spec.strip_prefix(kind));
        let path = path.or_else(|| (spec.starts_with('.') || spec.starts_with('/')).then_some(spec))?;
        // yarn adds where from: `file:./x#./x::locator=…`
        let path = path.split(['#', '?']).next().unwrap_or(path);
        Some((name.to_owned(), plain(&dir.join(path))))
    };
    manifest.needed().filter_map(local).collect()
}

/// `path` without `.` and `..`.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// Everything in `folder`, by its path relative to `root`.
pub(super) fn folder(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, PathBuf>) -> Result<()> {
    let failed = || format!("list {}", folder.display());
    for item in fs::read_dir(folder).or_failed(failed)? {
        let item = item.or_failed(failed)?;
        let (path, kind) = (item.path(), item.file_type().or_failed(failed)?);
        if NOT_COPIED.iter().any(|name| item.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            self::folder(root, &path, found)?;
        } else if fs::canonicalize(&path).is_ok_and(|real| real.is_file() && real.starts_with(root))
            && let Ok(inside) = path.strip_prefix(root)
        {
            found.insert(inside.to_owned(), path.clone());
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn local_packages_and_theirs_are_found_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let write = |path: &str, text: &str| {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        };
        let specs = r#"{"dependencies": {"a": "file:../shared/a", "t": "./t.tgz", "ms": "^2", "g": "git+ssh://x/y"},
            "devDependencies": {"d": "file:../gone"}}"#;
        write("web/package.json", specs);
        write("web/t.tgz", "");
        write("shared/a/package.json", r#"{"dependencies": {"b": "link:../b", "web": "file:../../web"}}"#);
        write("shared/a/lib/x.js", "");
        write("shared/a/node_modules/ms/index.js", "");
        write("shared/b/b.js", "");
        let dir = root.join("web");
        let found = |specs: &str| files(&root, &dir, &serde_json::from_str(specs).unwrap());
        let names: Vec<PathBuf> = found(specs).unwrap().into_keys().collect();
        let expected = ["shared/a/lib/x.js", "shared/a/package.json", "shared/b/b.js", "web/t.tgz"];
        assert_eq!(names, expected.map(PathBuf::from));
        let error = found(r#"{"dependencies": {"x": "file:../../"}}"#).unwrap_err();
        assert!(error.message.contains("lies outside the project"), "{error}");
        assert!(found(r#"{"dependencies": {"x": "file:gone"}}"#).unwrap_err().message.contains("failed to find"));
    }
}
