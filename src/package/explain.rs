//! Which rules a package was made by, and what each left out.
//!
//! A walk writes down a folder that is left out as one thing and does not look into it. How much is
//! in there is counted here, when somebody asks.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::rules::{DEVELOPMENT, EXCLUDE, OF_DEPENDENCIES, RULES, Rules, SPECIAL, STATIC, Verdict};
use super::types::{Content, LeftOut, Package};
use crate::config::{FunctionConfig, Layer, Source};

/// One rule and what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Explained {
    /// Its name.
    pub(crate) rule: String,
    /// What it looks at: `project` or `dependencies`.
    pub(crate) of: &'static str,
    pub(crate) why: String,
    /// What it is about, as patterns or in words.
    pub(crate) what: Vec<String>,
    /// The line for `rzap.yaml` with which it stays in; empty when there is none.
    pub(crate) instead: String,
    /// Files it left out.
    pub(crate) files: usize,
    /// Their bytes.
    pub(crate) unzipped: u64,
    /// Each file, or folder as a whole.
    pub(crate) left_out: Vec<LeftOut>,
}

/// Every rule that applies to `function`, what `package` and its layers lack because of it, heaviest
/// first, those that found nothing last. `root` is the project's folder.
pub(crate) fn explain(root: &Path, function: &FunctionConfig, package: &Package) -> Vec<Explained> {
    let (of_dependencies, mut of_project): (Vec<LeftOut>, Vec<LeftOut>) =
        everything(root, function, package).into_iter().partition(|left| left.of.is_some());
    let mut explained: Vec<Explained> = Vec::new();
    for rule in RULES.iter().chain([&DEVELOPMENT, &EXCLUDE, &STATIC, &SPECIAL]) {
        let here = taken(&mut of_project, rule.name);
        let what = if rule.name == EXCLUDE.name { function.source.exclude.clone() } else { rule.what() };
        if !here.is_empty() || (!what.is_empty() && rule.applies(&function.runtime)) {
            explained.push(Explained::new(rule.name, "project", rule.why, what, here));
        }
    }
    let mut rest = of_dependencies;
    rest.extend(of_project);
    let own = package.own_layers().flat_map(|layer| layer.contents.iter());
    let has_dependencies = package.contents.iter().chain(own).any(|content| content.dependency);
    for rule in OF_DEPENDENCIES.iter().filter(|rule| function.runtime.starts_with(rule.runtime)) {
        let here = taken(&mut rest, rule.name);
        let is_asked = match rule.name {
            "slim" => function.source.slim,
            "drop" => !function.source.drop.is_empty(),
            name => has_dependencies && !function.source.keep.iter().any(|kept| kept == name),
        };
        if !here.is_empty() || is_asked {
            explained.push(Explained::new(rule.name, "dependencies", rule.why, vec![rule.what.to_owned()], here));
        }
    }
    while let Some(name) = rest.first().map(|left| left.rule) {
        explained.push(Explained::new(name, "dependencies", "", Vec::new(), taken(&mut rest, name)));
    }
    explained.sort_by_key(|rule| std::cmp::Reverse((rule.files > 0, rule.unzipped)));
    explained
}

/// Takes what the rule left out from `all`.
fn taken(all: &mut Vec<LeftOut>, rule: &str) -> Vec<LeftOut> {
    let (here, rest) = std::mem::take(all).into_iter().partition(|left| left.rule == rule);
    *all = rest;
    here
}

/// What was left out of the code and of the folders that are layers, counted.
fn everything(root: &Path, function: &FunctionConfig, package: &Package) -> Vec<LeftOut> {
    let mut all = counted(&function.source.dir, &package.contents, &package.left_out);
    let folders = function.layers.iter().filter_map(|layer| match layer {
        Layer::Folder(folder) => Some(folder),
        Layer::Arn(_) => None,
    });
    // The automatic layer comes first, and nothing is left out on the way into it.
    let own = package.own_layers().skip(usize::from(function.source.layer));
    for (folder, layer) in folders.zip(own) {
        let counted = counted(&root.join(folder), &layer.contents, &layer.left_out);
        all.extend(
            counted.into_iter().map(|left| LeftOut { path: format!("{}/{}", folder.display(), left.path), ..left }),
        );
    }
    all
}

/// Whether a file at `path`, relative to the code folder, would go into a package of this function.
pub(crate) fn is_packed(source: &Source, runtime: &str, path: &Path) -> bool {
    let Ok(rules) = Rules::new(source, runtime) else { return true };
    let mut steps: Vec<&Path> = path.ancestors().filter(|step| !step.as_os_str().is_empty()).collect();
    steps.reverse();
    let verdict = steps.iter().fold(Verdict::In, |above, step| {
        let is_folder = *step != path;
        match rules.judge(step, is_folder, above) {
            Verdict::In if is_folder => {
                Rules::marked(&source.dir.join(step)).map_or(Verdict::In, |rule| Verdict::Out(rule.name))
            }
            verdict => verdict,
        }
    });
    !matches!(verdict, Verdict::Out(_))
}

impl Explained {
    fn new(rule: &str, of: &'static str, why: &str, what: Vec<String>, mut left_out: Vec<LeftOut>) -> Self {
        left_out.sort_by(|a, b| b.unzipped.cmp(&a.unzipped).then_with(|| a.path.cmp(&b.path)));
        let first = left_out.first().map(|left| format!("/{}", left.path));
        let instead = match (rule, first) {
            ("special-files", _) | ("drop", None) => String::new(),
            ("slim", _) => "slim: false".to_owned(),
            ("drop", Some(path)) => format!("keep: [{path:?}]"),
            _ if of == "dependencies" => format!("keep: [{rule}]"),
            (_, Some(path)) => format!("include: [{path:?}]"),
            (_, None) => what
                .first()
                .filter(|what| !what.contains(' '))
                .map(|what| format!("include: [{what:?}]"))
                .unwrap_or_default(),
        };
        Self {
            rule: rule.to_owned(),
            of,
            why: why.to_owned(),
            what,
            instead,
            files: left_out.iter().map(|left| left.files).sum(),
            unzipped: left_out.iter().map(|left| left.unzipped).sum(),
            left_out,
        }
    }
}

/// `left_out` with numbers of files and bytes where the walk did not look.
fn counted(dir: &Path, contents: &[Content], left_out: &[LeftOut]) -> Vec<LeftOut> {
    // What an `include` brought back from a folder that is left out.
    let packed: HashSet<&str> = contents.iter().map(|content| content.path.as_str()).collect();
    let count = |left: &LeftOut| {
        let mut left = left.clone();
        if left.of.is_none() && left.files == 0 {
            let mut paths = vec![left.path.trim_end_matches('/').to_owned()];
            while let Some(path) = paths.pop() {
                let Ok(metadata) = fs::symlink_metadata(dir.join(&path)) else { continue };
                if metadata.is_dir() {
                    let inside = fs::read_dir(dir.join(&path)).into_iter().flatten().flatten();
                    paths.extend(inside.map(|item| format!("{path}/{}", item.file_name().to_string_lossy())));
                } else if !packed.contains(path.as_str()) {
                    left.files += 1;
                    left.unzipped += if metadata.is_file() { metadata.len() } else { 0 };
                }
            }
        }
        left
    };
    left_out.iter().map(count).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::collect;
    use super::super::tests::function;
    use super::*;
    use crate::config::Entry;

    fn folder(files: &[(&str, usize)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, size) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![b'x'; *size]).unwrap();
        }
        folder
    }

    fn explained(folder: &tempfile::TempDir, exclude: &[&str], include: &[&str]) -> Vec<Explained> {
        let mut web = function("web", Entry::Handler("app.x".into()));
        web.source.dir = folder.path().to_owned();
        web.source.exclude = exclude.iter().map(ToString::to_string).collect();
        web.source.include = include.iter().map(ToString::to_string).collect();
        let found = collect::project(folder.path(), &web.source, &web.runtime).unwrap();
        let contents: Vec<Content> = found.entries.iter().map(|entry| entry.listed(0)).collect();
        let package = Package { contents: contents.into(), left_out: found.left_out.into(), ..Package::default() };
        explain(folder.path(), &web, &package)
    }

    fn of<'a>(explained: &'a [Explained], rule: &str) -> &'a Explained {
        explained.iter().find(|explained| explained.rule == rule).unwrap()
    }

    #[test]
    fn every_rule_says_what_it_left_out() {
        let folder = folder(&[
            ("app.py", 1),
            (".git/HEAD", 10),
            (".git/objects/aa/bb", 100),
            ("data/big.csv", 1000),
            ("a/__pycache__/x.pyc", 5),
            ("b.pyc", 5),
            ("env/pyvenv.cfg", 2),
            ("env/lib/x.py", 7),
        ]);
        let explained = explained(&folder, &["*.csv"], &[]);
        let seen: Vec<_> = explained
            .iter()
            .filter(|rule| rule.files > 0)
            .map(|rule| (rule.rule.as_str(), rule.files, rule.unzipped))
            .collect();
        assert_eq!(
            seen,
            [("exclude", 1, 1000), ("version-control", 2, 110), ("bytecode", 2, 10), ("virtualenv", 2, 9)]
        );
        let git = of(&explained, "version-control");
        assert_eq!((git.left_out[0].path.as_str(), git.instead.as_str()), (".git/", "include: [\"/.git/\"]"));
        let paths: Vec<&str> = of(&explained, "bytecode").left_out.iter().map(|left| left.path.as_str()).collect();
        assert_eq!(paths, ["a/__pycache__/", "b.pyc"]);
        // Those that found nothing are there, too; those that cannot apply are not.
        assert_eq!(of(&explained, "secrets").instead, "include: [\".env\"]");
        assert!(explained.iter().all(|rule| rule.rule != "node-tools" && rule.rule != "special-files"));
    }

    #[test]
    fn rules_for_dependencies_are_told_apart_from_those_for_the_project() {
        let mut web = function("web", Entry::Handler("app.x".into()));
        web.source.keep = vec!["stubs".into()];
        let content = Content { path: "a/x.py".into(), of: "a".into(), dependency: true, unzipped: 1, zipped: 1 };
        let left = |rule, path: &str, of: Option<&str>| LeftOut {
            path: path.into(),
            rule,
            files: 2,
            unzipped: 10,
            of: of.map(str::to_owned),
        };
        let left_out = vec![
            left("bytecode", "x.pyc", None),
            left("bytecode", "a/__pycache__/", Some("a")),
            left("new-rule", "a/y", Some("a")),
        ];
        let package = Package { contents: vec![content].into(), left_out: left_out.into(), ..Package::default() };
        let explained = explain(Path::new("/nowhere"), &web, &package);
        let seen: Vec<_> = explained
            .iter()
            .filter(|rule| rule.files > 0)
            .map(|rule| (rule.rule.as_str(), rule.of, rule.instead.as_str()))
            .collect();
        let expected = [
            ("bytecode", "project", "include: [\"/x.pyc\"]"),
            ("bytecode", "dependencies", "keep: [bytecode]"),
            ("new-rule", "dependencies", "keep: [new-rule]"),
        ];
        assert_eq!(seen, expected);
        let idle = |name: &str| explained.iter().any(|rule| rule.rule == name && rule.of == "dependencies");
        assert!(idle("tests") && !idle("stubs") && !idle("types") && !idle("drop"), "{explained:?}");
    }

    #[test]
    fn what_was_brought_back_is_not_counted() {
        let folder = folder(&[("app.py", 1), ("node_modules/a/x.js", 10), ("node_modules/b/x.js", 100)]);
        let explained = explained(&folder, &[], &["node_modules/a/"]);
        let modules = of(&explained, "node-modules");
        assert_eq!((modules.files, modules.unzipped, modules.left_out.len()), (1, 100, 1));
    }

    #[test]
    fn it_is_known_before_whether_a_file_would_be_packed() {
        let folder = folder(&[("out/CACHEDIR.TAG", 1)]);
        let source = Source { dir: folder.path().to_owned(), exclude: vec!["*.html".into()], ..Source::default() };
        let packed = |path: &str| is_packed(&source, "python3.13", Path::new(path));
        assert_eq!(["a.txt", "a.html", "out/a.txt", ".git/a"].map(packed), [true, false, false, false]);
    }
}
