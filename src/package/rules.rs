//! What of a project folder is packed: rzap's own rules, then `exclude`, then `include`.
//!
//! Later rules win. A folder that is left out is not entered, unless an `include` pattern could
//! bring something in it back. The patterns are gitignore syntax on paths relative to the code
//! folder; `.gitignore` files themselves are not read, because what is kept out of a repository
//! (built assets, generated code) is often just what has to be deployed.

mod dependencies;
mod table;

use std::ffi::OsStr;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

pub(super) use self::dependencies::OF_DEPENDENCIES;
pub(crate) use self::table::Rule;
pub(super) use self::table::{DEVELOPMENT, EXCLUDE, RULES, SPECIAL, STATIC};
use crate::config::Source;
use crate::error::{Error, Result};

/// What the rules say about one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    In,
    /// Left out by the rule of this name.
    Out(&'static str),
    /// An `include` pattern named it or a folder above it: the user knows what is in there.
    Forced,
}

/// The rules of one function's code folder.
pub(super) struct Rules {
    exclude: Gitignore,
    include: Gitignore,
    runtime: String,
}

impl Rules {
    /// Compiles the patterns of `source` for a function on `runtime`.
    pub(super) fn new(source: &Source, runtime: &str) -> Result<Self> {
        Ok(Self {
            exclude: compile("exclude", &source.exclude)?,
            include: compile("include", &source.include)?,
            runtime: runtime.to_owned(),
        })
    }

    /// What happens to `path` (relative to the code folder), when `above` was said of the folder
    /// it stands in.
    pub(super) fn judge(&self, path: &Path, is_dir: bool, above: Verdict) -> Verdict {
        let name = path.file_name().unwrap_or_default();
        let mut verdict = above;
        if verdict == Verdict::In
            && let Some(rule) = self.litter(name, path.parent().and_then(Path::file_name))
        {
            verdict = Verdict::Out(rule.name);
        }
        if verdict == Verdict::In && self.exclude.matched(path, is_dir).is_ignore() {
            verdict = Verdict::Out(EXCLUDE.name);
        }
        match self.include.matched(path, is_dir) {
            ignore::Match::Ignore(_) => Verdict::Forced,
            // `!pattern` in `include` takes back an earlier line: the other rules apply again.
            ignore::Match::Whitelist(_) if verdict == Verdict::Forced => Verdict::In,
            ignore::Match::Whitelist(_) | ignore::Match::None => verdict,
        }
    }

    /// True when a folder that is left out may still hold something that goes in.
    pub(super) fn can_come_back(&self) -> bool {
        self.include.num_ignores() > 0
    }

    /// The rule by which this folder's content says that it is a virtualenv or a cache.
    pub(super) fn marked(folder: &Path) -> Option<&'static Rule> {
        RULES.iter().find(|rule| rule.marks.iter().any(|mark| folder.join(mark).is_file()))
    }

    /// The rule that leaves this name out everywhere, also behind a link of another name.
    pub(super) fn litter(&self, name: &OsStr, folder: Option<&OsStr>) -> Option<&'static Rule> {
        let (name, folder) = (name.to_string_lossy(), folder.map(OsStr::to_string_lossy));
        RULES.iter().find(|rule| rule.applies(&self.runtime) && rule.names(&name, folder.as_deref()))
    }
}

/// `patterns`, which stand under `key`, ready to be matched.
pub(super) fn compile(key: &str, patterns: &[String]) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| {
            Error::usage(format!("`{pattern}` under `{key}` is not a gitignore pattern")).because(&error)
        })?;
    }
    builder.build().map_err(|error| Error::usage(format!("the patterns under `{key}` do not compile")).because(&error))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn rules(exclude: &[&str], include: &[&str], runtime: &str) -> Rules {
        let list = |lines: &[&str]| lines.iter().map(ToString::to_string).collect();
        Rules::new(
            &Source { dir: "/x".into(), exclude: list(exclude), include: list(include), ..Source::default() },
            runtime,
        )
        .unwrap()
    }

    fn judge(rules: &Rules, path: &str) -> Verdict {
        rules.judge(Path::new(path), false, Verdict::In)
    }

    #[test]
    fn litter_is_left_out_everywhere_and_what_looks_like_it_is_not() {
        let rules = rules(&[], &[], "python3.13");
        for path in
            [".git", "a/.git", "a/b.pyc", ".env", ".env.local", "x/.envrc", "notes.txt~", "node_modules", "rzap.yaml"]
        {
            assert!(matches!(judge(&rules, path), Verdict::Out(_)), "{path}");
        }
        for path in ["app.py", "tests/test_app.py", "requirements.txt", "environment.py", "ca.pem", ".gitignore"] {
            assert_eq!(judge(&rules, path), Verdict::In, "{path}");
        }
    }

    #[test]
    fn node_keeps_its_modules_but_not_their_command_links() {
        let rules = rules(&[], &[], "nodejs22.x");
        assert_eq!(judge(&rules, "node_modules"), Verdict::In);
        assert_eq!(judge(&rules, "node_modules/.bin"), Verdict::Out("node-tools"));
        assert_eq!(judge(&rules, "src/.bin"), Verdict::In);
    }

    #[test]
    fn patterns_follow_gitignore_and_include_wins() {
        let rules = rules(&["/docs/", "*.csv", "!keep.csv"], &[".env.example", "data/", "!data/raw"], "python3.13");
        assert_eq!(rules.judge(Path::new("docs"), true, Verdict::In), Verdict::Out("exclude"));
        assert_eq!(rules.judge(Path::new("a/docs"), true, Verdict::In), Verdict::In);
        assert_eq!(judge(&rules, "a/x.csv"), Verdict::Out("exclude"));
        assert_eq!(judge(&rules, "a/keep.csv"), Verdict::In);
        assert_eq!(judge(&rules, ".env.example"), Verdict::Forced);
        assert_eq!(rules.judge(Path::new("data"), true, Verdict::In), Verdict::Forced);
        // Inside a folder that `include` names, nothing is litter any more …
        assert_eq!(rules.judge(Path::new("data/x.csv"), false, Verdict::Forced), Verdict::Forced);
        // … but what it takes back is judged like the rest from there on.
        assert_eq!(rules.judge(Path::new("data/raw"), true, Verdict::Forced), Verdict::In);
    }

    #[test]
    fn a_pattern_that_does_not_parse_is_named() {
        let source = Source { dir: "/x".into(), exclude: vec!["{a".into()], ..Source::default() };
        let error = Rules::new(&source, "python3.13").err().unwrap();
        assert!(error.message.contains("`{a` under `exclude`"), "{error}");
    }
}
