//! What was found in a project, and what was decided because of it: the words between those who look and
//! those who write and show.

use std::collections::BTreeMap;

use serde::Serialize;

/// A place in a file of the project. Lines count from 1; 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct At {
    pub(super) file: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) line: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_zero(line: &usize) -> bool {
    *line == 0
}

impl At {
    pub(super) fn new(file: impl Into<String>, line: usize) -> Self {
        Self { file: file.into(), line }
    }

    pub(super) fn shown(&self) -> String {
        if self.line == 0 { self.file.clone() } else { format!("{}:{}", self.file, self.line) }
    }
}

/// Something that could be deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Candidate {
    /// What it is: `Flask`, `Lambda handler`, `Rust`.
    pub(super) what: String,
    /// The key in `rzap.yaml`: `wsgi`, `asgi`, `django`, `handler`, `bootstrap`, `cargo`, `go`.
    pub(super) entry: &'static str,
    pub(super) target: String,
    /// The code folder, where it is not the project's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dir: Option<String>,
    pub(super) at: At,
    /// The line at `at`, for people.
    pub(super) line: String,
    /// It answers HTTP.
    pub(super) is_web: bool,
    /// Why it cannot be deployed as it is, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) obstacle: Option<Obstacle>,
    /// What else led to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) because: Vec<String>,
    /// The more, the more likely it is the one that is meant.
    #[serde(skip)]
    pub(super) score: i32,
    /// Where the thing itself is made: two names of one thing are one candidate.
    #[serde(skip)]
    pub(super) made: At,
}

/// Why something cannot be deployed as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Obstacle {
    pub(super) why: String,
    pub(super) fix: String,
}

impl Candidate {
    /// `wsgi: app:app`
    pub(super) fn entry_line(&self) -> String {
        format!("{}: {}", self.entry, self.target)
    }

    /// Whether `--entry` means this one.
    pub(super) fn is_called(&self, wanted: &str) -> bool {
        let (key, target) = wanted.split_once(": ").unwrap_or(("", wanted));
        let whole = |text: &str| text == target || format!("{}:{text}", self.entry) == target;
        let in_dir = self.dir.as_ref().map(|dir| format!("{dir}/{}", self.target));
        (key.is_empty() || key == self.entry)
            && (whole(&self.target) || in_dir.is_some_and(|text| whole(&text)) || self.at.shown() == target)
    }
}

/// The best first, each thing once: names of the same thing give way to the best of them.
pub(super) fn ranked(mut all: Vec<Candidate>) -> Vec<Candidate> {
    all.sort_by(|a, b| {
        let key = |each: &Candidate| (each.obstacle.is_some(), -each.score);
        key(a).cmp(&key(b)).then_with(|| (&a.dir, &a.target).cmp(&(&b.dir, &b.target)))
    });
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in all {
        if !kept.iter().any(|better| better.made == candidate.made) {
            kept.push(candidate);
        }
    }
    kept
}

/// A value, and what it was decided by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Decided {
    pub(super) value: String,
    pub(super) because: String,
}

/// An environment variable the code reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) at: At,
    /// The code fails without it.
    pub(super) required: bool,
}

/// Everything about the one that is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    pub(super) chosen: Candidate,
    /// `None` for a program, whose runtime is always the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runtime: Option<Decided>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http: Option<Decided>,
    /// Where its dependencies are declared, or that they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dependencies: Option<String>,
    pub(super) env: Vec<Variable>,
    /// Django's static files are served by nothing yet.
    #[serde(skip)]
    pub(super) wants_static: bool,
    /// What would keep it from working, or surprise.
    pub(super) warnings: Vec<String>,
    /// What another tool's config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) carried: Option<Carried>,
    pub(super) others: Vec<Candidate>,
    /// What else lies there that somebody may wonder about.
    pub(super) notes: Vec<String>,
}

/// Another tool's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Carried {
    /// The file they were in.
    pub(super) file: String,
    /// The app's name, when they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<String>,
    /// What they call: `app.app`, or settings of Django.
    #[serde(skip)]
    pub(super) entry: Option<String>,
    /// `python3.12`
    #[serde(skip)]
    pub(super) runtime: Option<String>,
    /// They ask for a function URL.
    #[serde(skip)]
    pub(super) url: bool,
    /// Lines of `rzap.yaml` that all stages have. Values may be secret.
    #[serde(skip)]
    pub(super) shared: Vec<Line>,
    /// Those of single stages.
    #[serde(skip)]
    pub(super) stages: Vec<(String, Vec<Line>)>,
    /// What rzap has no word for, or decides differently: `dev: vpc_config`.
    pub(super) left_out: BTreeMap<String, String>,
}

impl Carried {
    /// Whether they give an environment variable a value, in any stage.
    pub(super) fn sets(&self, name: &str) -> bool {
        let mut lines = self.shared.iter().chain(self.stages.iter().flat_map(|(_, lines)| lines));
        let start = format!("{name}:");
        lines.any(|line| line.key == "env" && line.below.iter().any(|each| each.starts_with(&start)))
    }
}

/// A key of `rzap.yaml` with its value as YAML in one line, or as lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) below: Vec<String>,
}
