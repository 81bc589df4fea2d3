//! Python projects: which web applications and handlers there are, and everything a deploy of one of them
//! depends on. By reading source and declarations; nothing of the project is run.

mod apps;
mod candidates;
mod django;
mod frameworks;
mod needs;
mod place;
mod sources;
mod syntax;
#[cfg(test)]
mod tests;
mod version;

use std::collections::BTreeSet;

use regex::Regex;

use self::sources::Sources;
use super::found::{Candidate, Decided, Variable};
use super::survey::{Survey, file_name, folder};

/// Bytes of Python that are looked through for candidates, the files nearest to the top first.
const MOST: usize = 64 * 1024 * 1024;

/// What was found out about the code of one candidate.
pub(super) struct Details {
    pub(super) runtime: Decided,
    pub(super) dependencies: String,
    pub(super) env: Vec<Variable>,
    pub(super) warnings: Vec<String>,
    /// Django's static files are served by nothing yet.
    pub(super) wants_static: bool,
}

/// The project's Python, looked at.
pub(super) struct Python<'a> {
    sources: Sources<'a>,
    paths: Vec<&'a str>,
}

impl<'a> Python<'a> {
    /// Looks at the Python files of the survey.
    pub(super) fn new(survey: &'a Survey) -> Self {
        let paths = survey.with_endings(&["py"]).into_iter().filter(|path| !is_test(path)).collect();
        Self { sources: Sources::new(survey), paths }
    }

    /// Everything that could be deployed.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let survey = self.sources.survey;
        let Ok(words) = Regex::new(frameworks::TELLING) else { return Vec::new() };
        let mut left = MOST;
        let telling: Vec<&str> = self
            .paths
            .iter()
            .copied()
            .filter(|path| {
                let text = survey.text(path).filter(|_| left > 0);
                left = left.saturating_sub(text.as_ref().map_or(0, String::len));
                let tells = text.as_deref().is_some_and(|text| words.is_match(text));
                tells && self.sources.parse(path, text.as_deref()).is_some()
            })
            .collect();
        let projects = django::all(&self.sources, &telling);
        let of_django = |candidate: &Candidate| {
            projects.iter().any(|project| {
                let dir = project.dir.as_deref().unwrap_or_default();
                candidate.what == "Django" && (dir.is_empty() || candidate.at.file.starts_with(&format!("{dir}/")))
            })
        };
        let apps = candidates::all(&self.sources, &telling).into_iter().filter(|candidate| !of_django(candidate));
        let mut found: Vec<Candidate> = apps.collect();
        found.extend(projects);
        self.started(&mut found);
        found
    }

    /// What the project says itself that it starts: `gunicorn shop.wsgi:app` in a Procfile.
    fn started(&self, found: &mut [Candidate]) {
        let Ok(target) = Regex::new(
            r"(?:gunicorn|uvicorn|hypercorn|daphne|waitress-serve|granian|uwsgi|fastapi|FLASK_APP)[^\n]*?[\s=\x22'\[,]([A-Za-z_][\w.]*)(?::([A-Za-z_][\w.]*(?:\(\))?))",
        ) else {
            return;
        };
        for name in ["Procfile", "Dockerfile", "docker-compose.yml", "compose.yaml", ".flaskenv", "app.yaml"] {
            let Some(text) = self.sources.survey.text(name) else { continue };
            for said in target.captures_iter(&text) {
                let named = format!("{}:{}", &said[1], &said[2]);
                for candidate in found.iter_mut().filter(|candidate| candidate.target == named) {
                    candidate.score += 30;
                    candidate.because.push(format!("{name} starts it"));
                }
            }
        }
    }

    /// What a deploy of the candidate depends on.
    pub(super) fn details(&self, candidate: &Candidate) -> Details {
        let (sources, survey) = (&self.sources, self.sources.survey);
        let dir = candidate.dir.as_deref().unwrap_or_default();
        let (runtime, warning) = version::runtime(survey, dir);
        let mut warnings: Vec<String> = warning.into_iter().collect();
        let below = |path: &&str| dir.is_empty() || path.starts_with(&format!("{dir}/"));
        let is_django = candidate.entry == "django";
        // Django finds apps by names in its settings.
        let reached: BTreeSet<String> = if is_django {
            self.paths
                .iter()
                .copied()
                .filter(below)
                .filter(|path| {
                    file_name(path) != "manage.py" && !django::is_other(sources, dir, &candidate.target, path)
                })
                .map(str::to_owned)
                .collect()
        } else {
            sources.reached(&candidate.at.file)
        };
        for path in [&candidate.at.file, &candidate.made.file].into_iter().collect::<BTreeSet<_>>() {
            if let Some(module) = sources.get(path)
                && let Some(line) = sources.serving(path, &module)
            {
                warnings.push(format!(
                    "{path}:{line}: `{}` starts a server when the module is imported: put it below \
                     `if __name__ == \"__main__\":`",
                    module.line(line)
                ));
            }
        }
        let mut wants_static = false;
        if is_django {
            let settings = django::settings(sources, dir, &candidate.target);
            wants_static = settings.wants_static;
            warnings.extend(settings.warnings);
        }
        warnings.extend(needs::read_only_databases(sources, &reached));
        let dependencies = self.dependencies(dir, &reached, &mut warnings);
        Details { runtime, dependencies, env: needs::variables(sources, &reached), warnings, wants_static }
    }

    fn dependencies(&self, dir: &str, reached: &BTreeSet<String>, warnings: &mut Vec<String>) -> String {
        let survey = self.sources.survey;
        match needs::declared(survey, dir) {
            Some((file, None)) => return file,
            Some((file, Some(fault))) => {
                warnings.push(format!("{file}: {fault}"));
                return file;
            }
            None => {}
        }
        let imported = needs::third_party(&self.sources, dir, reached);
        if imported.is_empty() {
            return "none needed".to_owned();
        }
        let names = imported.into_iter().collect::<Vec<_>>().join(", ");
        let unread = needs::unread(survey);
        let elsewhere = unread.first().map_or_else(String::new, |file| format!(" ({file} is not read)"));
        warnings.push(format!(
            "nothing declares what the code imports{elsewhere}: {names}. List it in requirements.txt, for example with \
             `pip freeze > requirements.txt` where the app runs"
        ));
        "none declared".to_owned()
    }
}

/// By the names that test runners look for, and files that only build tools run.
fn is_test(path: &str) -> bool {
    let name = file_name(path);
    let stem = name.trim_end_matches(".py");
    stem.starts_with("test_")
        || stem.ends_with("_test")
        || ["conftest", "tests", "setup", "noxfile", "fabfile", "tasks_test"].contains(&stem)
        || folder(path).split('/').any(|part| part.starts_with('.'))
}
