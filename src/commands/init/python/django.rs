//! Django projects: `manage.py`, or a `wsgi.py` that names settings, and what in the settings matters on
//! Lambda.

use super::super::found::{At, Candidate, Obstacle};
use super::super::survey::{depth, folder, join};
use super::sources::Sources;
use super::syntax::{Expr, Module};

const SETTINGS: &str = "DJANGO_SETTINGS_MODULE";

/// The Django projects of these files.
pub(super) fn all(sources: &Sources<'_>, paths: &[&str]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for path in sources.survey.named("manage.py") {
        let Some(module) = sources.get(path) else { continue };
        if !module.imported.iter().any(|import| import.name.starts_with("django")) {
            continue;
        }
        found.push(project(sources, paths, path, &module));
    }
    for path in paths.iter().filter(|path| path.ends_with("wsgi.py") || path.ends_with("asgi.py")) {
        let Some(module) = sources.get(path) else { continue };
        let Some((settings, line)) = named(&module) else { continue };
        let dir = dir_of(path, &settings);
        if found.iter().all(|known| known.dir.as_deref().unwrap_or_default() != dir)
            && is_there(sources, &dir, &settings)
        {
            found.push(candidate(&dir, settings, At::new(*path, line), module.line(line)));
        }
    }
    found
}

/// The project of a `manage.py`.
fn project(sources: &Sources<'_>, paths: &[&str], manage: &str, module: &Module) -> Candidate {
    let dir = folder(manage);
    let here = |path: &&&str| dir.is_empty() || path.starts_with(&format!("{dir}/"));
    let mut named_by =
        named(module).map(|(settings, line)| (settings, At::new(manage, line), module.line(line).to_owned()));
    // What the server is told counts more than what a developer runs with.
    let servers = paths.iter().filter(here).filter(|path| path.ends_with("wsgi.py") || path.ends_with("asgi.py"));
    for path in servers.filter(|path| folder(folder(path)) == dir) {
        if let Some(server) = sources.get(path)
            && let Some((settings, line)) = named(&server)
            && is_there(sources, dir, &settings)
        {
            named_by = Some((settings, At::new(*path, line), server.line(line).to_owned()));
            break;
        }
    }
    let usable = named_by.as_ref().is_some_and(|(settings, ..)| is_there(sources, dir, settings));
    if !usable {
        let guess = paths.iter().filter(here).find(|path| {
            let module = path.ends_with("settings.py").then(|| sources.get(path)).flatten();
            module.is_some_and(|module| module.scope.last("ROOT_URLCONF").is_some())
        });
        let below = guess.map(|path| path.strip_prefix(dir).unwrap_or(path).trim_start_matches('/'));
        if let (Some(path), Some(below)) = (guess, below) {
            let settings = below.trim_end_matches(".py").replace('/', ".");
            let line = sources.get(path).and_then(|module| module.scope.last("ROOT_URLCONF").map(|found| found.line));
            let shown =
                line.map(|line| sources.get(path).map(|module| module.line(line).to_owned()).unwrap_or_default());
            return candidate(dir, settings, At::new(*path, line.unwrap_or(0)), &shown.unwrap_or_default());
        }
    }
    let (found, why) = if let Some((settings, at, line)) = named_by {
        let why = (!usable).then(|| format!("there is no module `{settings}`"));
        (candidate(dir, settings, at, &line), why)
    } else {
        let why = format!("{manage} does not say which settings module the project has");
        (candidate(dir, String::new(), At::new(manage, 1), module.line(1)), Some(why))
    };
    let fix = "write `django: NAME.OF.SETTINGS` into an rzap.yaml of your own".to_owned();
    Candidate { obstacle: why.map(|why| Obstacle { why, fix }), ..found }
}

fn candidate(dir: &str, settings: String, at: At, line: &str) -> Candidate {
    let deep = i32::try_from(depth(&join(dir, "x"))).unwrap_or_default();
    Candidate {
        what: "Django".to_owned(),
        entry: "django",
        target: settings,
        dir: (!dir.is_empty()).then(|| dir.to_owned()),
        made: at.clone(),
        at,
        line: line.to_owned(),
        is_web: true,
        obstacle: None,
        because: Vec::new(),
        score: 100 - 3 * deep,
    }
}

/// `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")`, anywhere in the file.
fn named(module: &Module) -> Option<(String, usize)> {
    let mut set: Vec<_> = module.put.iter().filter(|(key, ..)| key == SETTINGS).collect();
    set.sort_by_key(|(.., line)| *line);
    set.first().map(|(_, settings, line)| (settings.clone(), *line))
}

/// The folder from which `settings` is found, for a file in one of its packages.
fn dir_of(path: &str, settings: &str) -> String {
    let first = settings.split('.').next().unwrap_or(settings);
    let mut at = folder(path);
    while !at.is_empty() && at != first && !at.ends_with(&format!("/{first}")) {
        at = folder(at);
    }
    folder(at).to_owned()
}

/// Whether the settings module is a file below `dir`.
fn is_there(sources: &Sources<'_>, dir: &str, settings: &str) -> bool {
    file(sources, dir, settings).is_some()
}

fn file(sources: &Sources<'_>, dir: &str, settings: &str) -> Option<String> {
    let path = join(dir, &settings.replace('.', "/"));
    [format!("{path}.py"), format!("{path}/__init__.py")].into_iter().find(|file| sources.survey.has(file))
}

/// Whether `path` is settings for something else than `settings`: beside them in a folder of settings, and not
/// imported by them.
pub(super) fn is_other(sources: &Sources<'_>, dir: &str, settings: &str, path: &str) -> bool {
    let Some(own) = file(sources, dir, settings) else { return false };
    let beside = folder(&own) == folder(path) && folder(path).ends_with("settings");
    beside && !sources.reached(&own).contains(path)
}

/// What the settings say that matters on Lambda.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Sentences for people.
    pub(super) warnings: Vec<String>,
    /// Static files are served by nothing yet.
    pub(super) wants_static: bool,
}

/// Reads the settings module, and those of the project that it takes names from.
pub(super) fn settings(sources: &Sources<'_>, dir: &str, name: &str) -> Settings {
    let mut found = Settings::default();
    let Some(start) = file(sources, dir, name) else { return found };
    let mut whitenoise = false;
    let mut hosts = None;
    for path in std::iter::once(start.clone()).chain(sources.reached(&start).into_iter().filter(|path| *path != start))
    {
        let (Some(module), Some(text)) = (sources.get(&path), sources.survey.text(&path)) else { continue };
        if let (None, Some(binding)) = (&hosts, module.scope.last("ALLOWED_HOSTS")) {
            hosts = Some((At::new(path.as_str(), binding.line), binding.value == Expr::List(Vec::new())));
        }
        found.wants_static |= text.contains("django.contrib.staticfiles");
        whitenoise |= text.to_lowercase().contains("whitenoise");
    }
    found.wants_static &= !whitenoise;
    match hosts {
        Some((at, true)) => found.warnings.push(format!(
            "{}: `ALLOWED_HOSTS = []`: Django answers 400 on every host but localhost. Add the one rzap shows \
             (`.on.aws` for function URLs, `.amazonaws.com` for APIs)",
            at.shown()
        )),
        Some(_) => {}
        None => found
            .warnings
            .push(format!("{start} sets no ALLOWED_HOSTS: Django answers 400 on every host but localhost")),
    }
    found
}
