//! Which files of an install are packed: all but what a rule, `slim` or `drop` leaves out, and what
//! `keep` says in any case. Nothing of this needs a new install.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::rules::Rule;
use super::{Kept, Manifest, slim};
use crate::config::Source;
use crate::error::{Error, Result};
use crate::package::types::LeftOut;

/// The packed files, what is left out, and notes.
type Chosen<'a> = (Vec<&'a Kept>, Vec<LeftOut>, Vec<String>);

/// Chooses from an install what `source` wants packed.
pub(super) fn choose<'a>(manifest: &'a Manifest, source: &Source) -> Result<Chosen<'a>> {
    let rule = |word: &String| Rule::ALL.into_iter().find(|rule| rule.name() == word);
    let off: Vec<Rule> = source.keep.iter().filter_map(rule).collect();
    let keep: Vec<&String> = source.keep.iter().filter(|word| rule(word).is_none()).collect();
    let mut keep = Patterns::new("keep", &keep)?;
    let mut drop = Patterns::new("drop", &source.drop.iter().collect::<Vec<_>>())?;
    let (to_runtime, mut notes) =
        if source.slim { slim::left_to_runtime(&manifest.distributions) } else { Default::default() };

    let mut packed = Vec::new();
    let mut left_out = BTreeMap::<(&'static str, &str, String), (usize, u64)>::new();
    for file in &manifest.files {
        let dropped = drop.matched(&file.path);
        let kept = keep.matched(&file.path).is_some();
        let reason = if kept {
            None
        } else if to_runtime.contains(file.of.as_str()) {
            Some(("slim", top(&file.path).to_owned()))
        } else if let Some(at) = dropped {
            Some(("drop", at))
        } else {
            let remark = file.out.as_ref().filter(|remark| !off.contains(&remark.rule));
            remark.map(|remark| (remark.rule.name(), remark.at.clone()))
        };
        match reason {
            None => packed.push(file),
            Some((rule, at)) => {
                let (files, bytes) = left_out.entry((rule, &file.of, at)).or_default();
                *files += 1;
                *bytes += file.size;
            }
        }
    }
    notes.extend([keep, drop].iter().flat_map(Patterns::unused));
    let left_out = left_out.into_iter().map(|((rule, of, path), (files, unzipped))| LeftOut {
        path,
        rule,
        files,
        unzipped,
        of: Some(of.to_owned()),
    });
    Ok((packed, left_out.collect(), notes))
}

/// The first segment, as a folder if it is one.
fn top(path: &str) -> &str {
    path.find('/').map_or(path, |end| &path[..=end])
}

/// gitignore patterns of one key, and which of them matched something.
struct Patterns {
    key: &'static str,
    compiled: Gitignore,
    lines: Vec<String>,
    used: HashSet<String>,
}

impl Patterns {
    fn new(key: &'static str, lines: &[&String]) -> Result<Self> {
        let mut builder = GitignoreBuilder::new("");
        for line in lines {
            builder.add_line(None, line).map_err(|error| {
                Error::usage(format!("`{line}` under `{key}` is not a gitignore pattern")).because(&error)
            })?;
        }
        let compiled = builder
            .build()
            .map_err(|error| Error::usage(format!("the patterns under `{key}` do not compile")).because(&error))?;
        let lines = lines.iter().map(|line| line.trim().to_owned()).collect();
        Ok(Self { key, compiled, lines, used: HashSet::new() })
    }

    /// What of `path` is matched: the topmost folder around it that is, or the file.
    fn matched(&mut self, path: &str) -> Option<String> {
        if self.lines.is_empty() {
            return None;
        }
        let mut found = None;
        for end in path.match_indices('/').map(|(end, _)| end + 1).chain([path.len()]) {
            let part = &path[..end];
            match self.compiled.matched(Path::new(part.trim_end_matches('/')), part.ends_with('/')) {
                Match::Ignore(glob) => {
                    self.used.insert(glob.original().to_owned());
                    found.get_or_insert(part);
                }
                // `!pattern` takes an earlier line back.
                Match::Whitelist(glob) => {
                    self.used.insert(glob.original().to_owned());
                    found = None;
                }
                Match::None => (),
            }
        }
        found.map(str::to_owned)
    }

    fn unused(&self) -> Vec<String> {
        let (key, used) = (self.key, &self.used);
        let unused = self.lines.iter().filter(|line| !line.is_empty() && !used.contains(*line));
        unused.map(|line| format!("`{line}` under `{key}` matches nothing of the Python dependencies")).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::Distribution;
    use super::super::rules::Remark;
    use super::*;

    fn manifest() -> Manifest {
        let file = |path: &str, of: &str, out: Option<(Rule, &str)>| Kept {
            path: path.into(),
            size: 10,
            executable: false,
            of: of.into(),
            out: out.map(|(rule, at)| Remark { rule, at: at.into() }),
        };
        let of = |name: &str| Distribution { name: name.into(), version: "1".into(), needs: vec![] };
        Manifest {
            distributions: vec![of("boto3"), of("lib")],
            files: vec![
                file("boto3/__init__.py", "boto3", None),
                file("boto3/data/a.json", "boto3", None),
                file("lib/__init__.py", "lib", None),
                file("lib/__init__.pyi", "lib", Some((Rule::Stubs, "lib/__init__.pyi"))),
                file("lib/tests/data.json", "lib", Some((Rule::Tests, "lib/tests/"))),
                file("lib/tests/test_a.py", "lib", Some((Rule::Tests, "lib/tests/"))),
            ],
        }
    }

    fn chosen(change: impl FnOnce(&mut Source)) -> (Vec<String>, Vec<String>, Vec<String>) {
        let mut source = Source::default();
        change(&mut source);
        let manifest = manifest();
        let (packed, left_out, notes) = choose(&manifest, &source).unwrap();
        let left_out = left_out.iter().map(|out| format!("{} {} {}×{}", out.rule, out.path, out.files, out.unzipped));
        (packed.iter().map(|file| file.path.clone()).collect(), left_out.collect(), notes)
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rules_apply_and_are_told() {
        let (packed, left_out, notes) = chosen(|_| ());
        assert_eq!(packed, ["boto3/__init__.py", "boto3/data/a.json", "lib/__init__.py"]);
        assert_eq!(left_out, ["stubs lib/__init__.pyi 1×10", "tests lib/tests/ 2×20"]);
        assert_eq!(notes, [""; 0]);
    }

    #[test]
    fn keep_turns_rules_off_by_name_or_holds_files_by_pattern() {
        let (packed, left_out, _) = chosen(|source| source.keep = words(&["tests"]));
        assert!(packed.contains(&"lib/tests/test_a.py".to_owned()));
        assert_eq!(left_out, ["stubs lib/__init__.pyi 1×10"]);
        let (packed, left_out, _) = chosen(|source| source.keep = words(&["lib/tests/*.json"]));
        assert!(packed.contains(&"lib/tests/data.json".to_owned()));
        assert_eq!(left_out, ["stubs lib/__init__.pyi 1×10", "tests lib/tests/ 1×10"]);
    }

    #[test]
    fn drop_goes_further_and_keep_wins_over_it() {
        let (packed, left_out, _) = chosen(|source| source.drop = words(&["boto3/data/", "lib/**"]));
        assert_eq!(packed, ["boto3/__init__.py"]);
        assert!(left_out.contains(&"drop boto3/data/ 1×10".to_owned()), "{left_out:?}");
        let (packed, ..) = chosen(|source| {
            source.drop = words(&["boto3"]);
            source.keep = words(&["boto3/data"]);
        });
        assert_eq!(packed, ["boto3/data/a.json", "lib/__init__.py"]);
        let (packed, ..) = chosen(|source| source.drop = words(&["boto3/**", "!boto3/data/*.json"]));
        assert_eq!(packed, ["boto3/data/a.json", "lib/__init__.py"]);
    }

    #[test]
    fn slim_leaves_what_the_runtime_has() {
        let (packed, left_out, _) = chosen(|source| source.slim = true);
        assert_eq!(packed, ["lib/__init__.py"]);
        assert_eq!(left_out[0], "slim boto3/ 2×20");
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_told() {
        let (.., notes) = chosen(|source| {
            source.drop = words(&["bto3/**", "boto3/data"]);
            source.keep = words(&["test"]);
        });
        assert_eq!(
            notes,
            [
                "`test` under `keep` matches nothing of the Python dependencies",
                "`bto3/**` under `drop` matches nothing of the Python dependencies"
            ]
        );
        let mut source = Source { drop: words(&["{a"]), ..Source::default() };
        assert_eq!(choose(&manifest(), &source).unwrap_err().message, "`{a` under `drop` is not a gitignore pattern");
        source.drop.clear();
        assert!(choose(&manifest(), &source).is_ok());
    }
}
