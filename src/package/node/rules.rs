//! What of Node dependencies is left out: what Node never reads.
//!
//! Licences stay, and so does everything that code could open at run time. A rule is turned off by
//! its name under `keep`; a pattern there keeps single files, and one under `drop` leaves more out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::super::entry::{Entry, Owner};
use super::super::types::LeftOut;
use super::tree::package_of;
use crate::config::Source;
use crate::error::{Error, Result};

/// Packages of the project's own `node_modules` that only its development needs.
pub(super) const DEVELOPMENT: &str = "dev-dependencies";

/// Name and what it takes: the file's path inside its package, and the package's name.
type Rule = (&'static str, fn(&str, &str) -> bool);

const RULES: [Rule; 5] = [
    ("types", types),
    ("typescript", typescript),
    ("source-maps", source_maps),
    ("docs", docs),
    ("other-platforms", other_platforms),
];

/// Declarations: for compilers and editors only.
fn types(path: &str, package: &str) -> bool {
    let endings = [".d.ts", ".d.mts", ".d.cts", ".d.ts.map", ".d.mts.map", ".d.cts.map"];
    package != "typescript" && endings.iter().any(|ending| path.ends_with(ending))
}

/// Sources: Node refuses TypeScript in `node_modules`
/// (<https://nodejs.org/api/typescript.html#type-stripping-in-dependencies>).
fn typescript(path: &str, package: &str) -> bool {
    let endings = [".ts", ".mts", ".cts", ".tsx"];
    package != "typescript" && !types(path, package) && endings.iter().any(|ending| path.ends_with(ending))
}

/// Read by Node only for stack traces under `--enable-source-maps`, and it goes on without.
fn source_maps(path: &str, _: &str) -> bool {
    [".js.map", ".mjs.map", ".cjs.map"].iter().any(|ending| path.ends_with(ending))
}

/// What a package's front page shows.
fn docs(path: &str, _: &str) -> bool {
    let name = path.to_lowercase();
    let stem = name.strip_suffix(".md").or_else(|| name.strip_suffix(".markdown")).unwrap_or(&name);
    ["readme", "changelog", "changes", "history", "contributing", "code_of_conduct", "security"].contains(&stem)
}

/// Ready binaries of another platform, where they lie beside the right one
/// (<https://github.com/prebuild/prebuildify>: `prebuilds/{platform}-{arch}/`).
fn other_platforms(path: &str, _: &str) -> bool {
    let mut segments = path.split('/');
    let Some((platform, _)) = segments
        .next()
        .filter(|first| *first == "prebuilds")
        .and(segments.next())
        .and_then(|name| name.split_once('-'))
    else {
        return false;
    };
    platform != "linux" || path.ends_with(".musl.node")
}

/// Takes out of `entries` what the rules leave out of `node_modules`. `development`: the folders of
/// packages that only development needs. `cpu`: in Node's spelling.
pub(super) fn apply(
    entries: Vec<Entry>,
    source: &Source,
    development: &BTreeSet<PathBuf>,
    cpu: &str,
) -> Result<(Vec<Entry>, Vec<LeftOut>)> {
    let known = |name: &&String| RULES.iter().any(|(rule, _)| rule == name) || *name == DEVELOPMENT;
    let off: Vec<&String> = source.keep.iter().filter(known).collect();
    let is_on = |rule: &str| !off.iter().any(|name| *name == rule);
    let keep = compile("keep", source.keep.iter().filter(|name| !known(name)))?;
    let drop = compile("drop", source.drop.iter())?;
    let judge = |entry: &Entry| -> Option<&'static str> {
        let path = entry.path.as_str();
        if entry.owner == Owner::Included {
            return None;
        }
        let (folder, package) = package_of(path)?;
        if keep.matched_path_or_any_parents(path, false).is_ignore() {
            return None;
        }
        if drop.matched_path_or_any_parents(path, false).is_ignore() {
            return Some("drop");
        }
        let of_development = || Path::new(folder).ancestors().any(|folder| development.contains(folder));
        if is_on(DEVELOPMENT) && of_development() {
            return Some(DEVELOPMENT);
        }
        let inside = &path[folder.len() + 1..];
        if is_on("other-platforms") && of_other_processor(inside, cpu) {
            return Some("other-platforms");
        }
        RULES.iter().find(|(name, takes)| is_on(name) && takes(inside, package)).map(|(name, _)| *name)
    };
    let mut kept = Vec::with_capacity(entries.len());
    let mut left_out = BTreeMap::<(String, &'static str), LeftOut>::new();
    for entry in entries {
        let Some(rule) = judge(&entry) else {
            kept.push(entry);
            continue;
        };
        // Of a whole package the folder is told, of others every file.
        let path = match package_of(&entry.path) {
            Some((folder, _)) if rule == DEVELOPMENT => format!("{folder}/"),
            _ => entry.path.clone(),
        };
        let told = left_out.entry((path, rule)).or_insert_with_key(|(path, rule)| LeftOut {
            path: path.clone(),
            rule,
            files: 0,
            unzipped: 0,
            of: package_of(&entry.path).map(|(_, name)| name.to_owned()),
        });
        told.files += 1;
        told.unzipped += entry.size;
    }
    Ok((kept, left_out.into_values().collect()))
}

/// `prebuilds/linux-arm64/…` for a function on `x64`. One folder may be for several: `linux-x64+arm64`.
fn of_other_processor(path: &str, cpu: &str) -> bool {
    let name = path.strip_prefix("prebuilds/linux-").and_then(|rest| rest.split('/').next());
    name.is_some_and(|name| !name.split('+').any(|each| each == cpu))
}

/// `keep` patterns that name a package: it is not bundled but packed with its files.
pub(super) fn keeps_package(source: &Source, name: &str) -> Result<bool> {
    let keep = compile("keep", source.keep.iter())?;
    Ok(keep.matched_path_or_any_parents(format!("node_modules/{name}"), true).is_ignore())
}

fn compile<'a>(key: &str, patterns: impl Iterator<Item = &'a String>) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| {
            Error::usage(format!("`{pattern}` under `{key}` is neither a rule nor a gitignore pattern")).because(&error)
        })?;
    }
    builder.build().map_err(|error| Error::usage(format!("the patterns under `{key}` do not compile")).because(&error))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn applied(paths: &[&str], keep: &[&str], drop: &[&str]) -> (Vec<String>, Vec<(String, &'static str)>) {
        let list = |lines: &[&str]| lines.iter().map(ToString::to_string).collect();
        let source = Source { keep: list(keep), drop: list(drop), ..Source::default() };
        let entry = |path: &&str| Entry::file((*path).into(), "/x".into(), 10, false, Owner::Project);
        let development = [PathBuf::from("node_modules/jest")].into_iter().collect();
        let (kept, left_out) = apply(paths.iter().map(entry).collect(), &source, &development, "arm64").unwrap();
        let left_out = left_out.into_iter().map(|each| (format!("{} {}", each.path, each.files), each.rule));
        (kept.into_iter().map(|entry| entry.path).collect(), left_out.collect())
    }

    #[test]
    fn what_node_never_reads_is_left_out_of_packages_and_nothing_of_the_project() {
        let stays = [
            "README.md",
            "src/a.d.ts",
            "prebuilds/win32-x64/a.node",
            "web/package-lock.json",
            "node_modules/a/LICENSE",
            "node_modules/a/docs/readme.md",
            "node_modules/a/index.js",
            "node_modules/a/lib/security.js",
            "node_modules/a/data.map",
            "node_modules/a/prebuilds/linux-arm64/node.napi.node",
            "node_modules/a/prebuilds/linux-x64+arm64/a.node",
            "node_modules/typescript/lib/lib.d.ts",
        ];
        assert_eq!(applied(&stays, &[], &[]), (stays.map(str::to_owned).to_vec(), vec![]));
        for (path, rule) in [
            ("node_modules/a/index.d.ts", "types"),
            ("node_modules/a/index.d.cts.map", "types"),
            ("node_modules/a/src/index.ts", "typescript"),
            ("node_modules/a/index.js.map", "source-maps"),
            ("node_modules/@s/a/README.md", "docs"),
            ("node_modules/a/CHANGELOG", "docs"),
            ("node_modules/a/prebuilds/win32-x64/a.node", "other-platforms"),
            ("node_modules/a/prebuilds/linux-x64/a.node", "other-platforms"),
            ("node_modules/a/prebuilds/linux-arm64/node.napi.musl.node", "other-platforms"),
        ] {
            assert_eq!(applied(&[path], &[], &[]), (vec![], vec![(format!("{path} 1"), rule)]), "{path}");
            assert_eq!(applied(&[path], &[rule], &[]).0, [path], "{path} without {rule}");
        }
    }

    #[test]
    fn a_development_package_goes_as_a_whole() {
        let paths = ["node_modules/jest/a.js", "node_modules/jest/b.d.ts", "node_modules/jest/node_modules/c/c.js"];
        let told = [
            ("node_modules/jest/ 2".to_owned(), DEVELOPMENT),
            ("node_modules/jest/node_modules/c/ 1".to_owned(), DEVELOPMENT),
        ];
        assert_eq!(applied(&paths, &[], &[]), (vec![], told.to_vec()));
        assert_eq!(applied(&paths, &[DEVELOPMENT], &[]).0.len(), 2);
    }

    #[test]
    fn patterns_keep_and_drop() {
        let paths = ["node_modules/a/x.d.ts", "node_modules/b/x.d.ts", "node_modules/b/data/big.json", "data/big.json"];
        let (kept, left_out) = applied(&paths, &["node_modules/a/"], &["**/data/"]);
        assert_eq!(kept, ["node_modules/a/x.d.ts", "data/big.json"]);
        assert_eq!(left_out.iter().map(|(_, rule)| *rule).collect::<Vec<_>>(), ["drop", "types"]);
    }
}
