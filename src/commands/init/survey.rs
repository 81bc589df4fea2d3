//! What lies in a folder: names only, without what is not the user's own code.
//!
//! Bounded on every side, so that a home folder or a huge repository costs as little as a small one. Reads
//! `.gitignore`, runs nothing, follows no links.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

/// Files and folders looked at; what lies nearer to the top is looked at first when there are more.
const MOST: usize = 20_000;
/// Folders below the project's.
const DEEPEST: usize = 8;
/// As deep as the second look goes when the first one did not reach everything.
const SHALLOW: usize = 2;
/// Bytes of one source file. Longer ones are generated.
const LONGEST: u64 = 512 * 1024;

/// Folders that hold other people's code, what a tool made, or what only tests and documents need.
const SKIPPED: &[&str] = &[
    "__pycache__",
    "__tests__",
    "bower_components",
    "cdk.out",
    "dist-packages",
    "doc",
    "docs",
    "env",
    "migrations",
    "node_modules",
    "site-packages",
    "spec",
    "target",
    "test",
    "testing",
    "tests",
    "vendor",
    "venv",
];

/// The files of a project, as paths relative to it with `/`.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) root: PathBuf,
    files: BTreeSet<String>,
    /// There was more than was looked at.
    pub(super) cut: bool,
}

impl Survey {
    /// Looks around in `root`.
    pub(super) fn of(root: &Path) -> Self {
        Self::within(root, MOST)
    }

    fn within(root: &Path, most: usize) -> Self {
        let (mut files, cut) = walk(root, DEEPEST, most);
        if cut {
            files.extend(walk(root, SHALLOW, most).0);
        }
        Self { root: root.to_owned(), files, cut }
    }

    /// Every file with one of these endings, the ones nearest to the top first.
    pub(super) fn with_endings(&self, endings: &[&str]) -> Vec<&str> {
        let ending = |path: &str| path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending));
        self.nearest_first(|path| ending(path))
    }

    /// Every file of this name, the ones nearest to the top first.
    pub(super) fn named(&self, name: &str) -> Vec<&str> {
        self.nearest_first(|path| file_name(path) == name)
    }

    fn nearest_first(&self, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        let mut found: Vec<&str> = self.files.iter().map(String::as_str).filter(|path| wanted(path)).collect();
        found.sort_by_key(|path| depth(path));
        found
    }

    /// Whether the file is there. Only what is the user's own code counts.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// Whether Python files are somewhere below the folder.
    pub(super) fn has_python_below(&self, folder: &str) -> bool {
        let start = format!("{folder}/");
        let mut below = self.files.range(start.clone()..).take_while(|path| path.starts_with(&start));
        below.any(|path| Path::new(path).extension().is_some_and(|ending| ending == "py"))
    }

    /// The text of a file, also of one that is hidden from the survey; what is no UTF-8 in it is replaced.
    /// `None` when it is missing, unreadable or longer than any source.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let path = self.root.join(path);
        let metadata = fs::metadata(&path).ok()?;
        if !metadata.is_file() || metadata.len() > LONGEST {
            return None;
        }
        let mut bytes = Vec::new();
        fs::File::open(&path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
    }

    /// Whether a file of this name is in the folder, hidden or not.
    pub(super) fn is_file(&self, folder: &str, name: &str) -> bool {
        self.root.join(folder).join(name).is_file()
    }
}

/// How many folders lead to it.
pub(super) fn depth(path: &str) -> usize {
    path.matches('/').count()
}

/// `a/b.py` → `b.py`
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `a/b.py` → `a`; empty for what lies at the top.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `a` and `b.py` → `a/b.py`
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// `folder` and every folder above it, the top (`""`) last.
pub(super) fn upwards(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| (!path.is_empty()).then(|| folder(path)))
}

fn walk(root: &Path, deepest: usize, most: usize) -> (BTreeSet<String>, bool) {
    let mut builder = WalkBuilder::new(root);
    // A project need not be a repository, and what one user's git ignores everywhere says nothing about it.
    builder.require_git(false).git_global(false).follow_links(false).max_depth(Some(deepest));
    builder.filter_entry(|entry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0
            || !is_folder
            || !(SKIPPED.contains(&&*name)
                || entry.path().join("pyvenv.cfg").is_file()
                || entry.path().join("conda-meta").is_dir()
                // An app of its own.
                || entry.path().join("rzap.yaml").is_file())
    });
    let mut files = BTreeSet::new();
    // What cannot be read is not there.
    for (seen, entry) in builder.build().flatten().enumerate() {
        if seen >= most {
            return (files, true);
        }
        if entry.file_type().is_some_and(|kind| kind.is_file())
            && let Some(path) = entry.path().strip_prefix(root).ok().and_then(Path::to_str)
        {
            files.insert(path.to_owned());
        }
    }
    (files, false)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_code_is_not_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "app.py",
            "web/views.py",
            "web/tests/test_views.py",
            "venv/lib/a.py",
            "own/pyvenv.cfg",
            "own/lib/b.py",
            "node_modules/x/index.js",
            "generated/c.py",
            ".hidden/d.py",
            "other/rzap.yaml",
            "other/e.py",
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x = 1\n").unwrap();
        }
        fs::write(dir.path().join(".gitignore"), "generated/\n").unwrap();
        let survey = Survey::of(dir.path());
        assert_eq!(survey.with_endings(&["py", "js"]), ["app.py", "web/views.py"]);
        assert!(!survey.cut && survey.has("app.py") && !survey.has("generated/c.py"));
        assert_eq!(survey.text("generated/c.py").as_deref(), Some("x = 1\n"));
    }

    #[test]
    fn a_long_file_is_not_read_and_a_bad_one_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("long.py"), vec![b'#'; 600 * 1024]).unwrap();
        fs::write(dir.path().join("latin.py"), b"\xef\xbb\xbfname = '\xe9'\r\n").unwrap();
        let survey = Survey::of(dir.path());
        assert_eq!(survey.text("long.py"), None);
        assert_eq!(survey.text("latin.py").as_deref(), Some("name = '\u{fffd}'\r\n"));
        assert_eq!(survey.text("missing.py"), None);
    }

    #[test]
    fn what_lies_at_the_top_is_found_in_any_crowd() {
        let dir = tempfile::tempdir().unwrap();
        for folder in 0..3 {
            let folder = dir.path().join(format!("a/b/c{folder}"));
            fs::create_dir_all(&folder).unwrap();
            (0..10).for_each(|file| fs::write(folder.join(format!("{file}.py")), "").unwrap());
        }
        fs::write(dir.path().join("wsgi.py"), "").unwrap();
        let survey = Survey::within(dir.path(), 12);
        assert!(survey.cut && survey.has("wsgi.py"));
    }

    #[test]
    fn paths_lead_upwards() {
        assert_eq!(upwards("a/b").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(upwards("").collect::<Vec<_>>(), [""]);
        assert_eq!(
            (folder("a/b.py"), file_name("a/b.py"), join("", "b"), depth("a/b.py")),
            ("a", "b.py", "b".into(), 1)
        );
    }
}
