//! What a run of rzap gave, and the same with everything that differs from run to run replaced.

use std::fmt;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// One finished run.
pub(crate) struct Output {
    pub(crate) line: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Texts to replace, longest first.
    pub(crate) known: Vec<(String, &'static str)>,
    /// The local cloud's log: worth seeing when something failed.
    pub(crate) log: PathBuf,
}

impl Output {
    /// Fails the test unless the exit code is 0.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.exits(0)
    }

    /// Fails the test unless rzap failed with this exit code.
    #[track_caller]
    pub(crate) fn failure(self, code: i32) -> Self {
        assert_ne!(code, 0, "a failure is not 0");
        self.exits(code)
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self}"))
    }

    /// Fails the test unless stderr has all of these.
    #[track_caller]
    pub(crate) fn says(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(self.stderr.contains(text), "stderr does not say `{text}`\n{self}");
        }
        self
    }

    /// The changes of a `--json` document, as `action kind`, sorted.
    #[track_caller]
    pub(crate) fn changes(&self) -> Vec<String> {
        let document = self.json();
        let changes = document["changes"].as_array().unwrap_or_else(|| panic!("no changes\n{self}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut all: Vec<String> =
            changes.iter().map(|change| format!("{} {}", text(&change["action"]), text(&change["kind"]))).collect();
        all.sort();
        all
    }

    /// The stage's URL of a `--json` document, without a slash at its end.
    #[track_caller]
    pub(crate) fn url(&self) -> String {
        let document = self.json();
        let url = document["url"].as_str().unwrap_or_else(|| panic!("no url\n{self}"));
        url.trim_end_matches('/').to_owned()
    }

    /// stdout, normalised.
    pub(crate) fn out(&self) -> String {
        self.normal(&self.stdout)
    }

    /// stderr, normalised.
    pub(crate) fn err(&self) -> String {
        self.normal(&self.stderr)
    }

    fn normal(&self, text: &str) -> String {
        static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            let rules = [
                (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
                (r"\b[0-9a-f]{64}\b", "[sha256]"),
                (r"\b[0-9a-f]{12}….zip", "[sha256]….zip"),
                (r"[A-Za-z0-9+/]{43}=", "[base64 sha256]"),
                (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC|\+0000)?", "[time]"),
                (r"\b\d+ (s|min|h|d) ago\b", "[ago]"),
                (r"\b\d\d:\d\d:\d\d\.\d{3}\b", "[clock]"),
                (r"\b\d+\.\d s\b", "[s]"),
                // Grows and shrinks with new releases of dependencies.
                (r"\bin \d+ files\b", "in [n] files"),
                (r"\b\d+\.\d+ (kB|MB)\b", "[size]"),
                (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
                (r"/_aws/execute-api/[a-z0-9]+/", "/_aws/execute-api/[id]/"),
                (r"/_aws/lambda-url/[a-z0-9]+/", "/_aws/lambda-url/[id]/"),
            ];
            rules.iter().map(|(rule, with)| (Regex::new(rule).expect("a rule"), *with)).collect()
        });
        let mut text = text.to_owned();
        for (known, with) in &self.known {
            text = text.replace(known, with);
        }
        for (rule, with) in RULES.iter() {
            text = rule.replace_all(&text, *with).into_owned();
        }
        text
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, code, stdout, stderr, .. } = self;
        writeln!(f, "$ rzap {line}\n--- exit {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")?;
        match std::fs::read_to_string(&self.log) {
            Ok(log) if !log.trim().is_empty() => writeln!(f, "--- log of the local cloud\n{log}"),
            _ => Ok(()),
        }
    }
}
