//! The house stays as DESIGN drew it: who may import whom, who may print, how large a file may be.
//!
//! Reads the source as text: comments are cut off, then paths that lead to a room are looked for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::tools::repository;

/// Room, what it may import, and what it may not even mention.
const ROOMS: [(&str, &[&str], &[&str]); 10] = [
    ("error", &[], &["tokio", "aws_sdk", "aws_config"]),
    ("config", &["error"], &["tokio", "aws_sdk", "jiff", "std::net", "SystemTime", "Instant::now"]),
    ("package", &["error", "config"], &["aws_sdk", "aws_config"]),
    ("aws", &["error"], &[]),
    ("deploy", &["error", "config", "package", "aws"], &["console::", "indicatif"]),
    ("observe", &["error", "aws"], &["console::", "indicatif"]),
    // It must not share the client's misunderstandings.
    ("local", &["error"], &["aws_config", "aws_sdk", "aws_smithy", "indicatif"]),
    // Of deploy, observe and package only what it shows: changes, events, steps.
    ("ui", &["error", "deploy", "observe", "package"], &["aws_sdk", "tokio::", "std::fs", "std::net"]),
    ("commands", &["error", "config", "package", "aws", "deploy", "observe", "local", "ui"], &["aws_config"]),
    ("main", &["commands", "error", "ui"], &[]),
];

/// The files of `commands` that are no verbs.
const NO_VERBS: [&str; 6] = ["context", "gradual", "provisioned", "remote", "report", "templates"];

/// Lines. Files that need more want to be two; most are near 120.
const LONGEST: usize = 450;

#[derive(Debug)]
struct Source {
    /// `src/deploy/plan.rs`
    path: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// How many `super`s lead from here to the crate's root.
    fn depth(&self) -> usize {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inside.split('/').count()
    }

    /// Line number and code, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
    }

    /// Everything below the crate's root that the code names, with the line: `crate::aws::…`,
    /// `crate::{aws, deploy}`, `super::super::aws::…`.
    fn imports(&self) -> Vec<(usize, String)> {
        let paths = Regex::new(r"\bcrate::(?:([a-z_]+)|\{([^}]*)\})|((?:super::)+)([a-z_]+)").expect("a rule");
        let mut found = Vec::new();
        for (number, line) in self.code() {
            for path in paths.captures_iter(line) {
                if let Some(one) = path.get(1) {
                    found.push((number, one.as_str().to_owned()));
                } else if let Some(group) = path.get(2) {
                    let names = group.as_str().split(',').filter_map(|item| item.trim().split("::").next());
                    found.extend(names.map(|name| (number, name.to_owned())));
                } else if let (Some(supers), Some(name)) = (path.get(3), path.get(4))
                    && supers.as_str().matches("super::").count() >= self.depth()
                    && self.room() != "main"
                {
                    found.push((number, name.as_str().to_owned()));
                }
            }
        }
        found
    }

    fn faults(&self) -> Vec<String> {
        let room = self.room();
        let Some((_, allowed, forbidden)) = ROOMS.iter().find(|(name, ..)| *name == room) else {
            return vec![format!("{}: `{room}` is not a room of DESIGN", self.path)];
        };
        let rooms: BTreeSet<&str> = ROOMS.iter().map(|(name, ..)| *name).collect();
        let mut faults = Vec::new();
        for (number, name) in self.imports() {
            if rooms.contains(name.as_str()) && name != room && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}:{number}: `{room}` must not import `{name}`", self.path));
            }
        }
        for (number, line) in self.code() {
            for word in forbidden.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{number}: `{room}` must not mention `{word}`", self.path));
            }
            let prints = ["println!", "print!", "io::stdout", "io::stderr", "dbg!"];
            if room != "ui" && prints.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{number}: only `ui` prints", self.path));
            }
        }
        faults.extend(self.other_commands());
        let lines = self.text.lines().count();
        if lines > LONGEST {
            faults.push(format!("{}: {lines} lines; more than {LONGEST} want to be two files", self.path));
        }
        if !self.text.starts_with("//!") {
            faults.push(format!("{}: no `//!` header that says what it owns and what it refuses", self.path));
        }
        faults
    }

    /// A command that uses another one.
    fn other_commands(&self) -> Vec<String> {
        let verb = self.path.strip_prefix("src/commands/").map(|file| file.trim_end_matches(".rs"));
        let Some(verb) = verb.filter(|verb| *verb != "mod") else { return Vec::new() };
        let path = Regex::new(r"\b(?:super|crate::commands)::([a-z_]+)").expect("a rule");
        let uses = |(number, line): (usize, &str)| -> Vec<(usize, String)> {
            path.captures_iter(line).map(|found| (number, found[1].to_owned())).collect()
        };
        let other = |name: &str| name != verb && !NO_VERBS.contains(&name) && command_file(name);
        let all = self.code().flat_map(uses).filter(|(_, name)| other(name));
        all.map(|(number, name)| format!("{}:{number}: a command must not import the command `{name}`", self.path))
            .collect()
    }
}

fn command_file(name: &str) -> bool {
    repository().join("src/commands").join(name).with_extension("rs").is_file()
}

#[test]
fn the_house_stays_as_it_was_drawn() {
    let faults: Vec<String> = sources(&repository().join("src")).iter().flat_map(Source::faults).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_room_is_there_and_has_been_read() {
    let sources = sources(&repository().join("src"));
    let rooms: BTreeSet<&str> = sources.iter().map(Source::room).collect();
    let drawn: BTreeSet<&str> = ROOMS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(rooms, drawn);
    // The paths are found that are there for sure.
    let plan = sources.iter().find(|source| source.path == "src/deploy/plan.rs").expect("src/deploy/plan.rs");
    assert!(plan.imports().iter().any(|(_, name)| name == "error"), "{:?}", plan.imports());
}

#[test]
fn a_fault_would_be_found() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: format!("//! A file.\n{text}\n") };
    let faults = |path: &str, text: &str| source(path, text).faults();
    let of_local = ["src/local/s3/put.rs:2: `local` must not import `aws`"];
    assert_eq!(faults("src/local/s3/put.rs", "use crate::aws::Cloud;"), of_local);
    assert_eq!(faults("src/local/s3/put.rs", "use crate::{aws::Cloud, error::Error};"), of_local);
    assert_eq!(faults("src/local/s3/put.rs", "use super::super::super::aws::Cloud;"), of_local);
    assert_eq!(faults("src/local/s3/put.rs", "use super::super::aws::Cloud; // and crate::aws in a comment"), [""; 0]);
    assert_eq!(
        faults("src/commands/tail.rs", "use super::deploy::Deploy;"),
        ["src/commands/tail.rs:2: a command must not import the command `deploy`"]
    );
    assert_eq!(faults("src/config/mod.rs", "fn f() { println!(); }"), ["src/config/mod.rs:2: only `ui` prints"]);
    assert_eq!(faults("src/observe/mod.rs", "use crate::error::Result;"), [""; 0]);
}

fn sources(folder: &Path) -> Vec<Source> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(repository()).unwrap_or(&path).display().to_string();
                all.push(Source { path: name, text: fs::read_to_string(&path).expect("UTF-8") });
            }
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}
