//! What `rzap init` says: what it found and why, what it decided, what it could not know, what is next.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::found::{Candidate, Found};
use crate::ui::Report;

/// Columns a line may have.
const WIDTH: usize = 80;

/// A new project from a template.
pub(super) struct FromTemplate {
    pub(super) dir: PathBuf,
    pub(super) app: String,
    pub(super) template: &'static str,
    pub(super) files: Vec<&'static str>,
}

impl Report for FromTemplate {
    fn text(&self) -> String {
        let mut text = format!("wrote the app `{}` into {}\n", self.app, self.dir.display());
        for file in &self.files {
            text.push_str(&format!("  {file}\n"));
        }
        text + &next(&self.dir)
    }

    fn json(&self) -> Value {
        json!({"dir": self.dir, "app": self.app, "template": self.template, "files": self.files})
    }
}

fn next(dir: &Path) -> String {
    let mut text = "\nnext:\n".to_owned();
    if dir != Path::new(".") {
        text.push_str(&format!("  cd {}\n", dir.display()));
    }
    text.push_str("  rzap deploy dev --local    # runs on this machine, no AWS account needed\n");
    text.push_str("  rzap deploy dev            # runs on AWS\n");
    text
}

/// An `rzap.yaml` for an existing project.
pub(super) struct Recognised {
    pub(super) dir: PathBuf,
    pub(super) app: String,
    pub(super) found: Found,
    /// The text of `rzap.yaml`, when it was only asked for.
    pub(super) dry_run: Option<String>,
}

impl Recognised {
    /// Everything but the file itself.
    pub(super) fn talk(&self) -> String {
        let found = &self.found;
        let chosen = &found.chosen;
        let mut text = String::new();
        let mut row = |label: &str, value: &str| wrap(&mut text, &format!("  {label:<13}"), value);
        row("found", &format!("{} in {}", chosen.what, chosen.at.shown()));
        if !chosen.line.is_empty() && chosen.at.line > 0 {
            row("", &format!("  {}", cut(&chosen.line, WIDTH - 19)));
        }
        for because in &chosen.because {
            row("", because);
        }
        row("runs", &chosen.entry_line());
        if let Some(dir) = &chosen.dir {
            row("code folder", dir);
        }
        if let Some(runtime) = &found.runtime {
            row("runtime", &format!("{} ({})", runtime.value, runtime.because));
        }
        match &found.http {
            Some(http) => row("http", &format!("{} ({})", http.value, http.because)),
            None => row("http", "none: nothing in the code says that it answers HTTP"),
        }
        if let Some(dependencies) = &found.dependencies {
            row("dependencies", dependencies);
        }
        if let Some(carried) = &found.carried {
            row("settings", &format!("taken over from {}", carried.file));
        }
        for note in &found.notes {
            row("note", note);
        }
        self.not_known(&mut text);
        text
    }

    fn not_known(&self, text: &mut String) {
        let found = &self.found;
        if !found.env.is_empty() {
            text.push_str("\nnot known: values of environment variables (see `env` in rzap.yaml)\n");
            for variable in &found.env {
                let needed = if variable.required { ", fails without it" } else { "" };
                text.push_str(&format!("  {:<24} {}{needed}\n", variable.name, variable.at.shown()));
            }
        }
        if let Some(carried) = found.carried.as_ref().filter(|carried| !carried.left_out.is_empty()) {
            text.push_str(&format!("\nnot taken over from {}:\n", carried.file));
            for (key, why) in &carried.left_out {
                wrap(text, &format!("  {key:<24} "), why);
            }
        }
        if !found.warnings.is_empty() {
            text.push_str("\nbefore it works:\n");
            found.warnings.iter().for_each(|warning| wrap(text, "  - ", warning));
        }
        if !found.others.is_empty() {
            text.push_str("\nthere is also:\n");
            found.others.iter().for_each(|other| text.push_str(&listed(other)));
            text.push_str("  (take one of them with `rzap init --entry NAME`)\n");
        }
    }
}

impl Report for Recognised {
    fn text(&self) -> String {
        if let Some(yaml) = &self.dry_run {
            return yaml.clone();
        }
        let file = self.dir.join("rzap.yaml");
        let file = file.strip_prefix(".").unwrap_or(&file);
        format!("wrote {} for the app `{}`\n\n{}{}", file.display(), self.app, self.talk(), next(&self.dir))
    }

    fn json(&self) -> Value {
        let mut document = json!({
            "dir": self.dir,
            "app": self.app,
            "files": if self.dry_run.is_some() { vec![] } else { vec!["rzap.yaml"] },
            "found": self.found,
        });
        if let Some(yaml) = &self.dry_run {
            document["yaml"] = yaml.as_str().into();
        }
        document
    }
}

/// One of several, in a line.
pub(super) fn listed(candidate: &Candidate) -> String {
    let dir = candidate.dir.as_ref().map_or_else(String::new, |dir| format!(" in {dir}"));
    let flaw = if candidate.obstacle.is_some() { ", not as it is" } else { "" };
    let (name, about) = (candidate.entry_line(), format!("{} at {}{dir}{flaw}", candidate.what, candidate.at.shown()));
    let gap = if 31 + about.chars().count() > WIDTH || name.chars().count() > 28 { "\n      " } else { " " };
    format!("  {name:<28}{gap}{about}\n")
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// `lead` and `value`, whose further lines begin below its first.
fn wrap(text: &mut String, lead: &str, value: &str) {
    let indent = lead.chars().count();
    let mut line = lead.to_owned();
    let mut used = indent;
    let leading = value.len() - value.trim_start().len();
    line.push_str(&value[..leading]);
    used += leading;
    let mut first = true;
    for word in value.split_whitespace() {
        let width = word.chars().count();
        if !first && used + 1 + width > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(indent);
            used = indent;
            first = true;
        }
        if !first {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += width;
        first = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_below_its_beginning() {
        let mut text = String::new();
        wrap(&mut text, "  - ", &"word ".repeat(30));
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= WIDTH && line.starts_with("    ") | line.starts_with("  - "))
        );
        assert_eq!(text.lines().count(), 2);
        let mut text = String::new();
        wrap(&mut text, "  x ", &"y".repeat(100));
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüä", 3), "äö…");
    }
}
