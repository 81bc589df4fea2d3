//! `rzap init`: a project that deploys as it is, from a template or from what is there. Never overwrites.
//!
//! ```text
//! folder ─► survey (names) ─► python, node, program (candidates) ─► one of them ─► Found ─► yaml, report
//! ```
//!
//! An existing project is read and never run, and gets an `rzap.yaml` and nothing else.

mod found;
mod node;
mod program;
mod python;
mod report;
mod survey;
mod write;
mod yaml;
mod zappa;

use std::path::{Path, PathBuf};

use self::found::{At, Candidate, Carried, Decided, Found, ranked};
use self::python::Python;
use self::report::{FromTemplate, Recognised, listed};
use self::survey::Survey;
use self::write::{app_name, write};
use super::context::Context;
use super::templates::{ALL, APP, Template};
use crate::config;
use crate::error::{Error, OrFailed as _, Result};
use crate::ui::Report;

/// Write an rzap.yaml for the project that is there, or start a new one from a template
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// The folder [default: this one]
    dir: Option<PathBuf>,

    /// What to start a new project from; asked for on a terminal
    #[arg(long, short, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(ALL.iter().map(|template| clap::builder::PossibleValue::new(template.name).help(template.about))))]
    template: Option<String>,

    /// Which app of an existing project, when it has several: `shop.web:app`, `mysite.settings`, `jobs.handler`
    #[arg(long, value_name = "APP", conflicts_with = "template")]
    entry: Option<String>,

    /// Show the rzap.yaml for an existing project and write nothing
    #[arg(long, conflicts_with = "template")]
    dry_run: bool,
}

/// Of candidates that are this much less likely than the best one, nobody is asked.
const CLEAR: i32 = 30;

/// What is counted when no app is found: a folder without any of it is where a new project starts.
const SOURCES: [&str; 12] = ["py", "js", "mjs", "cjs", "ts", "mts", "rs", "go", "java", "rb", "php", "cs"];

/// Other tools' configs, which are not read.
const OTHERS: [(&str, &str); 6] = [
    ("serverless.yml", "the Serverless Framework"),
    ("serverless.yaml", "the Serverless Framework"),
    ("template.yaml", "AWS SAM or CloudFormation"),
    ("template.yml", "AWS SAM or CloudFormation"),
    ("samconfig.toml", "AWS SAM"),
    ("cdk.json", "AWS CDK"),
];

impl Init {
    pub(crate) fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let dir = self.dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let mut looked = String::new();
        if self.template.is_none() {
            if dir.join("rzap.yaml").symlink_metadata().is_ok() {
                return Err(Error::usage(format!("`{}` already has an rzap.yaml: nothing was written", dir.display()))
                    .hint("`rzap validate` shows what it says; remove it to have it written anew"));
            }
            match self.recognise(&dir, context)? {
                Ok(recognised) => return Ok(Box::new(recognised)),
                Err(nothing) => looked = nothing,
            }
        }
        let template = match &self.template {
            Some(name) => ALL.iter().find(|template| template.name == name),
            None => ask(context)?,
        };
        let Some(template) = template else {
            let names: Vec<&str> = ALL.iter().map(|template| template.name).collect();
            return Err(
                Error::usage(format!("{looked}which template?")).hint(format!("--template {}", names.join("|")))
            );
        };
        from_template(dir, template)
    }

    /// What is in the folder, with its `rzap.yaml`. Without an app in it: what was looked at, or nothing for
    /// a folder without code.
    fn recognise(&self, dir: &Path, context: &Context) -> Result<Result<Recognised, String>> {
        if !dir.is_dir() {
            return Ok(Err(String::new()));
        }
        let root = dir.canonicalize().or_failed(|| format!("open the folder {}", dir.display()))?;
        let survey = Survey::of(&root);
        let python = Python::new(&survey);
        let mut all = python.candidates();
        all.extend(node::candidates(&survey));
        all.extend(program::candidates(&survey));
        let carried = zappa::read(&survey);
        if let Some(carried) = &carried {
            prefer(&mut all, carried, &survey);
        }
        let ranked = ranked(all.clone());
        if ranked.is_empty() && self.entry.is_none() {
            let files = survey.with_endings(&SOURCES).len();
            let cut = if survey.cut { " (of a folder too large to look through)" } else { "" };
            let s = if files == 1 { "" } else { "s" };
            let looked = format!("no app was recognised in {files} source file{s}{cut}; ");
            return Ok(Err(if files == 0 { String::new() } else { looked }));
        }
        let chosen = self.choose(&ranked, &all, context)?;
        let others = ranked.into_iter().filter(|other| other.made != chosen.made).collect();
        let found = decide(&survey, &python, chosen, others, carried);
        let app = found.carried.as_ref().and_then(|carried| carried.app.clone()).unwrap_or_else(|| app_name(dir));
        let text = yaml::text(&app, &found);
        config::check_text(&root, &text).map_err(|error| {
            error
                .context("the rzap.yaml for this project would not be valid; nothing was written")
                .hint("this is a fault of rzap: please report it with the lines above")
        })?;
        let mut recognised = Recognised { dir: dir.to_owned(), app, found, dry_run: None };
        if self.dry_run {
            recognised.dry_run = Some(text);
            context.ui.say(&recognised.talk());
        } else {
            write(&dir.join("rzap.yaml"), &text, false)?;
        }
        Ok(Ok(recognised))
    }

    /// The one to deploy: the one that is named, or the best; asked for when several are about as good.
    fn choose(&self, ranked: &[Candidate], all: &[Candidate], context: &Context) -> Result<Candidate> {
        let list = |shown: &[Candidate]| {
            shown
                .iter()
                .map(|each| listed(each).lines().map(str::trim).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        let chosen = if let Some(wanted) = &self.entry {
            let named = ranked.iter().chain(all).find(|candidate| candidate.is_called(wanted));
            named.cloned().ok_or_else(|| {
                let error = Error::usage(format!("no app `{wanted}` was recognised here"));
                let known = list(ranked).into_iter().fold(error, |error, line| error.hint(format!("there is {line}")));
                known.hint(format!("or write an rzap.yaml with `wsgi: {wanted}` or `asgi: {wanted}` yourself"))
            })?
        } else {
            let best = ranked.first().ok_or_else(|| Error::failed("nothing was recognised"))?;
            let close: Vec<Candidate> = ranked
                .iter()
                .filter(|other| other.obstacle.is_none() && other.score + CLEAR >= best.score)
                .cloned()
                .collect();
            let asked = if close.len() > 1 { context.ui.choose("Which one is the app", &list(&close))? } else { None };
            asked.and_then(|index| close.get(index)).unwrap_or(best).clone()
        };
        match &chosen.obstacle {
            None => Ok(chosen),
            Some(obstacle) => {
                let error = Error::usage(format!(
                    "{} in {} cannot be deployed as it is: {}",
                    chosen.what,
                    chosen.at.shown(),
                    obstacle.why
                ));
                Err(error.hint(&obstacle.fix))
            }
        }
    }
}

/// Everything else about the one that was chosen.
fn decide(
    survey: &Survey,
    python: &Python<'_>,
    chosen: Candidate,
    others: Vec<Candidate>,
    carried: Option<Carried>,
) -> Found {
    let dir = chosen.dir.clone().unwrap_or_default();
    let because = |value: &str, because: &str| Decided { value: value.to_owned(), because: because.to_owned() };
    let is_python = ["wsgi", "asgi", "django"].contains(&chosen.entry)
        || Path::new(&chosen.at.file).extension().is_some_and(|ending| ending == "py");
    let carried = carried.filter(|_| is_python);
    let http = match &carried {
        _ if !chosen.is_web => None,
        Some(carried) if carried.url => Some(because("url", "as with Zappa")),
        Some(_) => Some(because("rest", "as with Zappa: paths begin with the stage")),
        None => Some(because("url", "paths stay as they are; `rest` and `http` are APIs")),
    };
    let notes = OTHERS.iter().filter(|(file, _)| survey.has(file));
    let notes = notes.map(|(file, tool)| format!("{file} of {tool} is there; it is not read")).collect();
    let mut found = Found {
        chosen,
        runtime: None,
        http,
        dependencies: None,
        env: Vec::new(),
        wants_static: false,
        warnings: Vec::new(),
        carried,
        others,
        notes,
    };
    if is_python {
        let details = python.details(&found.chosen);
        let of_zappa = found.carried.as_ref().and_then(|carried| carried.runtime.clone());
        let of_zappa = of_zappa.filter(|runtime| runtime.starts_with("python3."));
        found.runtime = Some(of_zappa.map_or(details.runtime, |runtime| because(&runtime, "as with Zappa")));
        found.dependencies = Some(details.dependencies);
        found.env = details.env;
        found.env.retain(|variable| !found.carried.as_ref().is_some_and(|carried| carried.sets(&variable.name)));
        found.warnings = details.warnings;
        found.wants_static = details.wants_static;
    } else if found.chosen.entry == "handler" {
        found.runtime = Some(node::runtime(survey, &dir));
    }
    found
}

/// What another tool's settings call is what is meant.
fn prefer(all: &mut Vec<Candidate>, carried: &Carried, survey: &Survey) {
    let Some(entry) = &carried.entry else { return };
    let (module, object) = entry.rsplit_once('.').unwrap_or((entry, ""));
    let target = format!("{module}:{object}");
    let said = format!("{} names it", carried.file);
    let mut known = false;
    for candidate in all.iter_mut() {
        if candidate.target == target || candidate.target == *entry {
            candidate.score += 1_000;
            candidate.because.push(said.clone());
            known = true;
        }
    }
    let file = |name: &str| {
        let path = name.replace('.', "/");
        [format!("{path}.py"), format!("{path}/__init__.py")].into_iter().find(|file| survey.has(file))
    };
    let settings = file(entry);
    let django = settings.is_some();
    let Some(file) = settings.or_else(|| file(module)).filter(|_| !known) else { return };
    let at = At::new(file, 0);
    all.push(Candidate {
        what: if django { "Django".to_owned() } else { "WSGI app".to_owned() },
        entry: if django { "django" } else { "wsgi" },
        target: if django { entry.clone() } else { target },
        dir: None,
        line: String::new(),
        is_web: true,
        obstacle: None,
        because: vec![said],
        score: 1_000,
        made: at.clone(),
        at,
    });
}

fn ask(context: &Context) -> Result<Option<&'static Template>> {
    let options: Vec<String> = ALL.iter().map(|template| format!("{:<11} {}", template.name, template.about)).collect();
    Ok(context.ui.choose("What to start from", &options)?.and_then(|index| ALL.get(index)))
}

fn from_template(dir: PathBuf, template: &'static Template) -> Result<Box<dyn Report>> {
    let taken: Vec<String> = template
        .files
        .iter()
        .filter(|(path, ..)| dir.join(path).symlink_metadata().is_ok())
        .map(|(path, ..)| (*path).to_owned())
        .collect();
    if !taken.is_empty() {
        return Err(Error::usage(format!("`{}` already has {}: nothing was written", dir.display(), taken.join(", ")))
            .hint("name a new folder: `rzap init NAME`"));
    }
    std::fs::create_dir_all(&dir).or_failed(|| format!("create the folder {}", dir.display()))?;
    let app = app_name(&dir);
    for (path, text, executable) in template.files {
        write(&dir.join(path), &text.replace(APP, &app), *executable)?;
    }
    let files = template.files.iter().map(|file| file.0).collect();
    Ok(Box::new(FromTemplate { dir, app, template: template.name, files }))
}
