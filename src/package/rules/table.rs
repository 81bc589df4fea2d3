//! rzap's own rules for a project folder, by name: what is left out and why.
//!
//! This is the list that `rzap package --explain` shows. Names and endings are compared exactly as
//! they are written here, wherever in the folder something stands.

use super::super::cache::CACHE_TAG;

/// One rule: what it leaves out, why, and what to do when it should stay.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Short, lower case: `version-control`.
    pub(crate) name: &'static str,
    /// Why this is never what a function needs.
    pub(crate) why: &'static str,
    /// Whole names.
    whole: &'static [&'static str],
    /// How a name begins.
    starts: &'static [&'static str],
    /// How a name ends.
    ends: &'static [&'static str],
    /// Only of what stands directly in a folder of this name.
    within: Option<&'static str>,
    runtime: Runtime,
    /// Files that mark the folder around them, whatever its name.
    pub(super) marks: &'static [&'static str],
}

/// Which runtimes a rule is for.
#[derive(Debug, Clone, Copy, Default)]
enum Runtime {
    #[default]
    Any,
    Python,
    NotPython,
    Node,
}

/// The rules, in the order in which they are asked.
pub(in super::super) const RULES: &[Rule] = &[
    Rule { name: "version-control", why: "the history is no part of the app", whole: &[".git", ".hg", ".svn"], ..NONE },
    Rule {
        name: "rzap",
        why: "it is for rzap, not for the function",
        whole: &[".rzap", "rzap.yaml", "rzap.yml"],
        ..NONE
    },
    Rule {
        name: "system-files",
        why: "operating systems leave it in every folder they show",
        whole: &[".DS_Store", "Thumbs.db", "desktop.ini"],
        ..NONE
    },
    Rule {
        name: "editor-files",
        why: "editors keep settings, swap files and backups beside the code",
        whole: &[".idea", ".vscode"],
        ends: &[".swp", ".swo", "~"],
        ..NONE
    },
    Rule {
        name: "bytecode",
        why: "it belongs to the Python that made it; Lambda's makes its own",
        whole: &["__pycache__"],
        ends: &[".pyc", ".pyo"],
        ..NONE
    },
    Rule {
        name: "tool-caches",
        why: "what tools keep to be faster the next time",
        whole: &[".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox"],
        ..NONE
    },
    Rule {
        name: "virtualenv",
        why: "it is made for this machine; dependencies are installed for Lambda's platform instead",
        whole: &[".venv"],
        marks: &["pyvenv.cfg"],
        ..NONE
    },
    Rule {
        name: "cache-folders",
        why: "the folder says itself that all of it can be made again",
        marks: &[CACHE_TAG],
        ..NONE
    },
    Rule {
        name: "secrets",
        why: "its only purpose is to hold secrets; give them to the function with `env`",
        whole: &[".env", ".envrc", ".aws", ".ssh", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"],
        starts: &[".env."],
        ..NONE
    },
    Rule {
        name: "node-modules",
        why: "a Python function runs no JavaScript",
        whole: &["node_modules"],
        runtime: Runtime::Python,
        ..NONE
    },
    Rule {
        name: "package-manager",
        why: "it decides what is installed, nobody reads it at run time, and it may hold a token for a registry",
        whole: &[
            ".npmrc",
            "package-lock.json",
            "npm-shrinkwrap.json",
            "pnpm-lock.yaml",
            "pnpm-workspace.yaml",
            ".pnpmfile.cjs",
            ".pnpmfile.mjs",
            "yarn.lock",
            ".yarnrc",
            ".yarnrc.yml",
            ".yarn",
            "bun.lock",
            "bun.lockb",
            "bunfig.toml",
        ],
        runtime: Runtime::Node,
        ..NONE
    },
    Rule {
        name: "node-tools",
        why: "links to commands, and what package managers and build tools note for themselves",
        whole: &[".bin", ".cache", ".package-lock.json", ".modules.yaml", ".yarn-integrity"],
        within: Some("node_modules"),
        // With Python all of node_modules is left out.
        runtime: Runtime::NotPython,
        ..NONE
    },
];

/// The project's own `node_modules`, when there is a lock file.
pub(in super::super) const DEVELOPMENT: Rule = Rule {
    name: "development-modules",
    why: "it is made for this machine and holds tools; what the lock file lists is installed for Lambda's platform instead",
    ..NONE
};

/// What the function's own `exclude` leaves out.
pub(in super::super) const EXCLUDE: Rule =
    Rule { name: "exclude", why: "a pattern of yours under `exclude` says so", ..NONE };

/// What is served from S3.
pub(in super::super) const STATIC: Rule =
    Rule { name: "static-files", why: "they are in S3, and the bridge serves them from there", ..NONE };

/// What is no file.
pub(in super::super) const SPECIAL: Rule =
    Rule { name: "special-files", why: "named pipes, sockets and devices cannot be packed", ..NONE };

const NONE: Rule =
    Rule { name: "", why: "", whole: &[], starts: &[], ends: &[], within: None, runtime: Runtime::Any, marks: &[] };

impl Rule {
    /// Whether it is asked for a function on this runtime.
    pub(crate) fn applies(&self, runtime: &str) -> bool {
        match self.runtime {
            Runtime::Any => true,
            Runtime::Python => runtime.starts_with("python"),
            Runtime::NotPython => !runtime.starts_with("python"),
            Runtime::Node => runtime.starts_with("nodejs"),
        }
    }

    /// Whether it leaves out what is called `name` and stands in a folder called `folder`.
    pub(super) fn names(&self, name: &str, folder: Option<&str>) -> bool {
        self.within.is_none_or(|within| folder == Some(within))
            && (self.whole.contains(&name)
                || self.starts.iter().any(|start| name.starts_with(start))
                || self.ends.iter().any(|end| name.ends_with(end)))
    }

    /// What it leaves out, as patterns and in words. Empty when that is not for the rule to say.
    pub(crate) fn what(&self) -> Vec<String> {
        let within = self.within.map_or_else(String::new, |folder| format!("{folder}/"));
        let whole = self.whole.iter().map(|name| format!("{within}{name}"));
        let starts = self.starts.iter().map(|start| format!("{start}*"));
        let ends = self.ends.iter().map(|end| format!("*{end}"));
        let marks = self.marks.iter().map(|mark| format!("folders with a {mark}"));
        whole.chain(starts).chain(ends).chain(marks).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_says_what_and_why_under_a_name_of_its_own() {
        let names: BTreeSet<&str> =
            RULES.iter().chain([&DEVELOPMENT, &EXCLUDE, &STATIC, &SPECIAL]).map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len() + 4);
        for rule in RULES {
            assert!(!rule.what().is_empty() && !rule.why.is_empty(), "{rule:?}");
        }
    }

    #[test]
    fn what_reads_as_patterns() {
        let what = |name: &str| RULES.iter().find(|rule| rule.name == name).map(Rule::what).unwrap_or_default();
        assert_eq!(what("editor-files"), [".idea", ".vscode", "*.swp", "*.swo", "*~"]);
        assert_eq!(what("virtualenv"), [".venv", "folders with a pyvenv.cfg"]);
        assert_eq!(what("node-tools")[0], "node_modules/.bin");
        assert!(what("secrets").contains(&".env.*".to_owned()));
    }
}
