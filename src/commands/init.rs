//! `rzap init`: a project that deploys as it is. Never overwrites.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::Context;
use super::templates::{ALL, APP, Template};
use crate::error::{Error, OrFailed as _, Result};
use crate::ui::Report;

/// Write a project that deploys as it is
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// The folder [default: this one]
    dir: Option<PathBuf>,

    /// What to start from; asked for on a terminal
    #[arg(long, short, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(ALL.iter().map(|template| clap::builder::PossibleValue::new(template.name).help(template.about))))]
    template: Option<String>,
}

impl Init {
    pub(crate) fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let dir = self.dir.unwrap_or_else(|| PathBuf::from("."));
        let template = match &self.template {
            Some(name) => ALL.iter().find(|template| template.name == name),
            None => ask(context)?,
        };
        let Some(template) = template else {
            let names: Vec<&str> = ALL.iter().map(|template| template.name).collect();
            return Err(Error::usage("which template?").hint(format!("--template {}", names.join("|"))));
        };
        let taken: Vec<String> = template
            .files
            .iter()
            .filter(|(path, ..)| dir.join(path).symlink_metadata().is_ok())
            .map(|(path, ..)| (*path).to_owned())
            .collect();
        if !taken.is_empty() {
            return Err(Error::usage(format!(
                "`{}` already has {}: nothing was written",
                dir.display(),
                taken.join(", ")
            ))
            .hint("name a new folder: `rzap init NAME`"));
        }
        std::fs::create_dir_all(&dir).or_failed(|| format!("create the folder {}", dir.display()))?;
        let app = app_name(&dir);
        for (path, text, executable) in template.files {
            write(&dir.join(path), &text.replace(APP, &app), *executable)?;
        }
        Ok(Box::new(Written {
            dir,
            app,
            template: template.name,
            files: template.files.iter().map(|file| file.0).collect(),
        }))
    }
}

fn ask(context: &Context) -> Result<Option<&'static Template>> {
    let options: Vec<String> = ALL.iter().map(|template| format!("{:<10} {}", template.name, template.about)).collect();
    Ok(context.ui.choose("What to start from", &options)?.and_then(|index| ALL.get(index)))
}

/// The folder's name, made fit for an app's: 1–40 of `[a-z0-9-]`, a letter first.
fn app_name(dir: &Path) -> String {
    let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let folder = full.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let fit = |letter: char| if letter.is_ascii_lowercase() || letter.is_ascii_digit() { letter } else { '-' };
    let name: String = folder.chars().map(fit).collect();
    let name = name.trim_matches(|letter: char| letter == '-' || letter.is_ascii_digit());
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    let mut name = parts.join("-");
    name.truncate(40);
    let name = name.trim_end_matches('-');
    if name.is_empty() { "app".to_owned() } else { name.to_owned() }
}

fn write(path: &Path, text: &str, executable: bool) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let what = || format!("write {}", path.display());
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).or_failed(what)?;
    }
    // `create_new`: whatever appeared in the meantime is not ours to replace.
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(if executable { 0o755 } else { 0o644 });
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).or_failed(what)
}

struct Written {
    dir: PathBuf,
    app: String,
    template: &'static str,
    files: Vec<&'static str>,
}

impl Report for Written {
    fn text(&self) -> String {
        let here = self.dir == Path::new(".");
        let mut text = format!("wrote the app `{}` into {}\n", self.app, self.dir.display());
        for file in &self.files {
            text.push_str(&format!("  {file}\n"));
        }
        text.push_str("\nnext:\n");
        if !here {
            text.push_str(&format!("  cd {}\n", self.dir.display()));
        }
        text.push_str("  rzap deploy dev --local    # runs on this machine, no AWS account needed\n");
        text.push_str("  rzap deploy dev            # runs on AWS\n");
        text
    }

    fn json(&self) -> Value {
        json!({"dir": self.dir, "app": self.app, "template": self.template, "files": self.files})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_gives_a_name_an_app_may_have() {
        let names = ["My App", "2024-report", "über_api", "---", "a--b"].map(|folder| app_name(Path::new(folder)));
        assert_eq!(names, ["my-app", "report", "ber-api", "app", "a-b"]);
        assert_eq!(app_name(Path::new(&"x".repeat(90))).len(), 40);
    }
}
