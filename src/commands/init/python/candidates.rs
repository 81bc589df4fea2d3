//! From files to candidates: every application and handler with the name under which it can be called.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::found::{At, Candidate, Obstacle};
use super::super::survey::{depth, file_name, folder};
use super::apps::App;
use super::frameworks::{self, Protocol};
use super::place::{self, Place};
use super::sources::Sources;
use super::syntax::{Expr, Function, Module};

/// Folders whose code shows something rather than being it.
const ASIDE: &[&str] = &[
    "benchmarks",
    "demo",
    "demos",
    "example",
    "examples",
    "fixtures",
    "sample",
    "samples",
    "scripts",
    "snippets",
    "tools",
];

/// Everything that could be deployed in these files.
pub(super) fn all(sources: &Sources<'_>, paths: &[&str]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut mounted = BTreeSet::new();
    for path in paths {
        let Some(module) = sources.get(path) else { continue };
        mounted.extend(sources.mounted(path, &module));
        let file = File { sources, path, module: &module, place: None };
        file.candidates(&mut found);
    }
    for candidate in &mut found {
        if mounted.contains(&(candidate.made.file.clone(), candidate.made.line)) {
            candidate.score -= 25;
        }
    }
    found
}

struct File<'a> {
    sources: &'a Sources<'a>,
    path: &'a str,
    module: &'a Rc<Module>,
    place: Option<Place>,
}

impl File<'_> {
    fn candidates(mut self, found: &mut Vec<Candidate>) {
        let before = found.len();
        self.objects(found);
        self.factories(found);
        self.handlers(found);
        self.bottle(found);
        if found.len() == before {
            return;
        }
        self.place = place::of(self.sources, self.path);
        // What has no name cannot be called.
        let Some(place) = &self.place else { return found.truncate(before) };
        for candidate in &mut found[before..] {
            let separator = if candidate.entry == "handler" { '.' } else { ':' };
            candidate.target = format!("{}{separator}{}", place.module, candidate.target);
            candidate.dir = (!place.dir.is_empty()).then(|| place.dir.clone());
        }
    }

    /// How likely it is that something in this file is what is deployed.
    fn base(&self, entry: &str) -> i32 {
        let stem = file_name(self.path).trim_end_matches(".py");
        let by_name = match stem {
            _ if stem == entry => 15,
            "wsgi" | "asgi" => 8,
            "app" | "main" | "application" | "__init__" => 3,
            "server" | "run" | "api" | "index" | "lambda_function" | "handler" => 2,
            _ => 0,
        };
        let aside = folder(self.path).split('/').any(|part| ASIDE.contains(&part));
        let deep = i32::try_from(depth(self.path)).unwrap_or(i32::MAX / 8);
        by_name - 2 * deep - if aside { 40 } else { 0 }
    }

    fn of_app(&self, app: &App, name: &str, line: usize, score: i32) -> Candidate {
        let (entry, obstacle) = match app.protocol {
            Ok(protocol) => (protocol.key(), None),
            Err(fix) => (
                "wsgi",
                Some(Obstacle { why: format!("{} apps are not supported", app.framework.name), fix: fix.to_owned() }),
            ),
        };
        let attribute = app.framework.attribute.filter(|_| !app.is_inner);
        Candidate {
            what: app.framework.name.to_owned(),
            entry,
            target: attribute.map_or_else(|| name.to_owned(), |attribute| format!("{name}.{attribute}")),
            dir: None,
            at: At::new(self.path, line),
            line: self.module.line(line).to_owned(),
            is_web: true,
            obstacle,
            because: Vec::new(),
            score: score + self.base(entry),
            made: At::new(app.made.0.clone(), app.made.1),
        }
    }

    /// Names at the top of the module, and what `wsgi.py` imports to hand it on.
    fn objects(&self, found: &mut Vec<Candidate>) {
        let mut seen = BTreeSet::new();
        for binding in self.module.scope.bindings.iter().rev() {
            if binding.name.contains('.') || !seen.insert(&binding.name) {
                continue;
            }
            if let Some(app) = self.sources.app(self.path, self.module, &binding.name) {
                found.push(self.of_app(&app, &binding.name, binding.line, 80 + by_name(&binding.name)));
            } else if let Some((adapter, app)) = self.sources.adapted(self.path, self.module, &binding.name) {
                // The application is a candidate of its own; only one without a name needs its handler.
                if app.is_none() {
                    let mut candidate = self.of_handler(&binding.name, binding.line, 62);
                    candidate.is_web = true;
                    candidate.because.push(format!("{adapter} makes it one"));
                    found.push(candidate);
                }
            } else if ["handler", "lambda_handler"].contains(&binding.name.as_str())
                && matches!(binding.value, Expr::Call(..))
            {
                found.push(self.of_handler(&binding.name, binding.line, 40));
            }
        }
        let hands_on = ["wsgi.py", "asgi.py", "passenger_wsgi.py"].contains(&file_name(self.path));
        for name in self.module.scope.imports.keys().filter(|name| ["app", "application"].contains(&name.as_str())) {
            if !seen.contains(name)
                && let Some(app) = self.sources.app(self.path, self.module, name)
            {
                let line = (1..).take(400).find(|line| {
                    let text = self.module.line(*line);
                    text.contains("import") && text.contains(name.as_str())
                });
                found.push(self.of_app(&app, name, line.unwrap_or(1), if hands_on { 80 } else { 55 }));
            }
        }
    }

    fn factories(&self, found: &mut Vec<Candidate>) {
        for function in &self.module.functions {
            let is_fixture = function.decorators.iter().any(|each| {
                let called = if let Expr::Call(called, _) = each { called } else { each };
                called.dotted().is_some_and(|name| name.ends_with("fixture") || name.contains("route"))
            });
            if function.name.starts_with("test") || is_fixture {
                continue;
            }
            let Some(app) = self.sources.made(self.path, self.module, function) else { continue };
            let usual = ["create_app", "make_app", "build_app", "app_factory", "create_application", "main"];
            let score = if usual.contains(&function.name.as_str()) { 70 } else { 60 };
            let score = if function.name.starts_with('_') { 30 } else { score };
            let mut candidate = self.of_app(&app, &format!("{}()", function.name), function.line, score);
            if let Some(attribute) = app.framework.attribute.filter(|_| !app.is_inner) {
                // `module:factory().server` cannot be said.
                candidate.target = format!("{}()", function.name);
                candidate.obstacle = Some(Obstacle {
                    why: format!(
                        "`{}` gives a {} whose application is its `.{attribute}`",
                        function.name, app.framework.name
                    ),
                    fix: format!("add `server = {}().{attribute}` at the end of {}", function.name, self.path),
                });
            }
            if candidate.obstacle.is_none() {
                candidate.obstacle = self.needs(function, app.protocol.unwrap_or(Protocol::Wsgi));
            }
            found.push(candidate);
        }
    }

    /// What keeps a factory from being called without arguments.
    fn needs(&self, function: &Function, protocol: Protocol) -> Option<Obstacle> {
        let name = &function.name;
        if function.required == 0 && !function.is_async {
            return None;
        }
        let module = place::of(self.sources, self.path).map(|place| place.module).unwrap_or_default();
        let file = format!("{}.py", protocol.key());
        let given = function.parameters.iter().take(function.required).cloned().collect::<Vec<_>>().join(", ");
        let why = if function.is_async {
            format!("`async def {name}` has to be awaited, and an app has to be there when its module is imported")
        } else {
            let (s, verb) = if function.required == 1 { ("", "needs a value") } else { ("s", "need values") };
            format!("the parameter{s} `{given}` of `{name}` {verb}, and rzap calls it without arguments")
        };
        let fix = if name == "main" && given == "global_config" {
            format!(
                "add a file {file} with `from {module} import main` and `app = main({{}})` (or pyramid.paster's `get_app(\"production.ini\")`), then `rzap init` again"
            )
        } else {
            format!(
                "add a file {file} with `from {module} import {name}` and `app = {name}(…)`, then `rzap init` again"
            )
        };
        Some(Obstacle { why, fix })
    }

    fn of_handler(&self, name: &str, line: usize, score: i32) -> Candidate {
        let at = At::new(self.path, line);
        Candidate {
            what: "Lambda handler".to_owned(),
            entry: "handler",
            target: name.to_owned(),
            dir: None,
            line: self.module.line(line).to_owned(),
            is_web: false,
            obstacle: None,
            because: Vec::new(),
            score: score + self.base("handler"),
            made: at.clone(),
            at,
        }
    }

    /// `def lambda_handler(event, context)`
    fn handlers(&self, found: &mut Vec<Candidate>) {
        for function in &self.module.functions {
            let [event, context] = function.parameters.as_slice() else { continue };
            let event = event.trim_matches('_');
            let context = context.trim_matches('_');
            let by_parameters = (event == "event" || event == "evt") && ["context", "ctx", ""].contains(&context);
            let score = match function.name.as_str() {
                "lambda_handler" => 66,
                "handler" => 64,
                _ if by_parameters => 50,
                _ => continue,
            };
            if function.is_async || function.required == 0 || function.name.starts_with('_') {
                continue;
            }
            let mut candidate = self.of_handler(&function.name, function.line, score);
            let resolver = self.module.imported.iter().find(|import| {
                let name = import.name.rsplit('.').next().unwrap_or_default();
                import.name.starts_with("aws_lambda_powertools.") && name.ends_with("Resolver")
            });
            candidate.is_web = function.is_web || resolver.is_some();
            found.push(candidate);
        }
    }

    /// Routes on Bottle's default application, which has no name of its own.
    fn bottle(&self, found: &mut Vec<Candidate>) {
        let scope = &self.module.scope;
        let star = scope.stars.iter().any(|star| star == "bottle");
        if !(star || scope.imports.values().any(|origin| origin.split('.').next() == Some("bottle"))) {
            return;
        }
        let verbs = ["route", "get", "post", "put", "delete", "patch"];
        let origin = |dotted: &str| {
            let found = scope.origin(dotted);
            found.or_else(|| star.then(|| format!("bottle.{dotted}")))
        };
        let routed = self.module.functions.iter().find(|function| {
            function.decorators.iter().any(|each| {
                let called = if let Expr::Call(called, _) = each { called } else { each };
                let origin = called.dotted().and_then(|dotted| origin(&dotted));
                origin.and_then(|origin| origin.strip_prefix("bottle.").map(|verb| verbs.contains(&verb))) == Some(true)
            })
        });
        let Some(function) = routed else { return };
        let made = (self.path.to_owned(), 0);
        let app = App { framework: &frameworks::BOTTLE, protocol: Ok(Protocol::Wsgi), made, is_inner: false };
        let imported =
            |wanted: &str| scope.imports.iter().find(|(_, origin)| *origin == wanted).map(|(name, _)| name.clone());
        let named =
            imported("bottle.default_app").or_else(|| imported("bottle").map(|name| format!("{name}.default_app")));
        let named = named.or_else(|| star.then(|| "default_app".to_owned()));
        let mut candidate =
            self.of_app(&app, &format!("{}()", named.as_deref().unwrap_or("default_app")), function.line, 60);
        candidate.because.push("its routes are on Bottle's default application".to_owned());
        if named.is_none() {
            candidate.obstacle = Some(Obstacle {
                why: "the routes are on Bottle's default application, and no name of the module leads to it".to_owned(),
                fix: format!("add `app = bottle.default_app()` (with `import bottle`) at the end of {}", self.path),
            });
        }
        found.push(candidate);
    }
}

/// Which of several names of applications is the one for servers.
fn by_name(name: &str) -> i32 {
    match name {
        "application" | "asgi_app" | "wsgi_app" => 2,
        "app" => 1,
        _ if name.starts_with('_') => -30,
        _ => -8,
    }
}
