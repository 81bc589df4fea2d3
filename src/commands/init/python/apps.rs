//! What in the project is a web application or a Lambda handler, by following names through the files.
//!
//! Imports decide, not names: `F()` is a Flask app where `F` was imported as `flask.Flask`, a function is a
//! factory when what it returns is an application, and `app` of another file is looked up there.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::frameworks::{self, Framework, PYRAMID, Protocol};
use super::sources::Sources;
use super::syntax::{Expr, Function, Module, Scope};

/// How many names, calls and files are followed from one expression.
const DEEPEST: usize = 12;

/// An application: whose, what it speaks, and where it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct App {
    pub(super) framework: &'static Framework,
    pub(super) protocol: Result<Protocol, &'static str>,
    /// File and line of the call that makes it.
    pub(super) made: (String, usize),
    /// Attributes that were already followed: `app.server` of Dash.
    pub(super) is_inner: bool,
}

/// Where an expression stands: the scopes from the inside out, each with the line up to which its names
/// are bound.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    module: &'a Module,
    inner: Option<&'a Scope>,
    /// Bindings from this line on have not happened.
    before: usize,
    /// The line that is being looked at.
    line: usize,
    depth: usize,
}

impl<'a> Place<'a> {
    fn of_module(path: &'a str, module: &'a Module, line: usize) -> Self {
        Self { path, module, inner: None, before: line, line, depth: 0 }
    }

    fn deeper(self) -> Option<Self> {
        (self.depth < DEEPEST).then(|| Self { depth: self.depth + 1, ..self })
    }

    /// What a name means here, as imported; through `import *` only for the frameworks.
    fn origin(&self, dotted: &str) -> Option<String> {
        let scopes = self.inner.into_iter().chain([&self.module.scope]);
        let found = scopes.clone().find_map(|scope| scope.origin(dotted));
        found.or_else(|| {
            let stars = scopes.flat_map(|scope| &scope.stars);
            let mut names = stars.map(|star| format!("{star}.{dotted}"));
            names.find(|name| frameworks::made_by(name).is_some() || frameworks::serves(name))
        })
    }
}

impl Sources<'_> {
    /// The application that a module's name is bound to, if it is one.
    pub(super) fn app(&self, path: &str, module: &Module, name: &str) -> Option<App> {
        self.named(Place::of_module(path, module, usize::MAX), name)
    }

    /// The application a function returns.
    pub(super) fn made(&self, path: &str, module: &Module, function: &Function) -> Option<App> {
        self.factory(Place::of_module(path, module, usize::MAX), function)
    }

    /// The name of the adapter by which a name is a Lambda handler, and the application in it when that has
    /// a name at the top of the module.
    pub(super) fn adapted(&self, path: &str, module: &Module, name: &str) -> Option<(&'static str, Option<App>)> {
        let binding = module.scope.last(name)?;
        let Expr::Call(called, given) = &binding.value else { return None };
        let place = Place::of_module(path, module, binding.line);
        let adapter = frameworks::adapter(&place.origin(&called.dotted()?)?)?;
        let named = given.first().filter(|(_, value)| value.dotted().is_some());
        Some((adapter, named.and_then(|(_, value)| self.resolve(place, value))))
    }

    /// The lines of a module on which importing it starts a server.
    pub(super) fn serving(&self, path: &str, module: &Module) -> Option<usize> {
        module.scope.calls.iter().find_map(|(call, line)| {
            let Expr::Call(called, _) = call else { return None };
            let place = Place::of_module(path, module, *line);
            let by_name =
                called.dotted().and_then(|dotted| place.origin(&dotted)).is_some_and(|o| frameworks::serves(&o));
            let by_app = || match &**called {
                Expr::Attr(base, method) => method == "run" && self.resolve(place, base).is_some(),
                _ => false,
            };
            (by_name || by_app()).then_some(*line)
        })
    }

    /// Where the applications are made that this module hands to another one's `mount`.
    pub(super) fn mounted(&self, path: &str, module: &Module) -> BTreeSet<(String, usize)> {
        let mut found = BTreeSet::new();
        let bodies = module.functions.iter().map(|function| (Some(&function.body), &function.body.calls));
        for (inner, calls) in bodies.chain([(None, &module.scope.calls)]) {
            for (call, line) in calls {
                let Expr::Call(called, given) = call else { continue };
                let Expr::Attr(_, method) = &**called else { continue };
                if !["mount", "mount_app", "register_blueprint"].contains(&method.as_str()) {
                    continue;
                }
                let place = Place { inner, ..Place::of_module(path, module, *line) };
                found.extend(given.iter().filter_map(|(_, value)| Some(self.resolve(place, value)?.made)));
            }
        }
        found
    }

    /// What a dotted name stands for.
    fn named(&self, place: Place<'_>, dotted: &str) -> Option<App> {
        let place = place.deeper()?;
        let bound = |scope: &Scope, before: usize| {
            scope.bindings.iter().rev().find(|binding| binding.name == dotted && binding.line < before).cloned()
        };
        let (binding, inner) = match place.inner {
            Some(inner) => match bound(inner, place.before) {
                Some(binding) => (Some(binding), Some(inner)),
                // The module was read to its end before the function is called.
                None => (bound(&place.module.scope, usize::MAX), None),
            },
            None => (bound(&place.module.scope, place.before), None),
        };
        if let Some(binding) = binding {
            let place = Place { inner, before: binding.line, line: binding.line, ..place };
            return self.resolve(place, &binding.value).or_else(|| self.wrapped(place, dotted, &binding.value));
        }
        if let Some(origin) = place.origin(dotted) {
            return self.elsewhere(place, &origin, |place, name| self.named(place, name));
        }
        let (base, attribute) = dotted.rsplit_once('.')?;
        Self::attribute(self.named(place, base)?, attribute)
    }

    /// Looks an imported name up in the file it comes from.
    fn elsewhere(&self, place: Place<'_>, origin: &str, look: impl Fn(Place<'_>, &str) -> Option<App>) -> Option<App> {
        let (path, rest) = self.find(place.path, origin)?;
        if path == place.path || rest.is_empty() {
            return None;
        }
        let module: Rc<Module> = self.get(&path)?;
        let there = Place { depth: place.depth, ..Place::of_module(&path, &module, usize::MAX) };
        look(there, &rest.join("."))
    }

    fn attribute(app: App, attribute: &str) -> Option<App> {
        let known = ["wsgi_app", "asgi_app", "application", "app"].contains(&attribute);
        let inner = app.framework.attribute == Some(attribute);
        (known || inner).then_some(App { is_inner: app.is_inner || inner, ..app })
    }

    /// The application an expression gives.
    fn resolve(&self, place: Place<'_>, expr: &Expr) -> Option<App> {
        let place = place.deeper()?;
        match expr {
            Expr::Name(_) | Expr::Attr(..) => match expr.dotted() {
                Some(dotted) => self.named(place, &dotted),
                None => match expr {
                    Expr::Attr(base, attribute) => Self::attribute(self.resolve(place, base)?, attribute),
                    _ => None,
                },
            },
            Expr::Call(called, given) => self.called(place, called, given),
            _ => None,
        }
    }

    fn called(&self, place: Place<'_>, called: &Expr, given: &[(Option<String>, Expr)]) -> Option<App> {
        if let Expr::Attr(_, method) = called
            && method == "make_wsgi_app"
            && place.module.imported.iter().any(|import| import.name.starts_with("pyramid"))
        {
            return Some(app(&PYRAMID, place));
        }
        let dotted = called.dotted()?;
        let Some(origin) = place.origin(&dotted) else {
            return self.callable(place, &dotted);
        };
        if let Some(framework) = frameworks::made_by(&origin) {
            return Some(app(framework, place));
        }
        if let Some(protocol) = frameworks::between(&origin) {
            let inner = given.first().and_then(|(_, value)| self.resolve(place, value))?;
            return Some(App { protocol: Ok(protocol), ..inner });
        }
        self.elsewhere(place, &origin, |place, name| self.callable(place, name))
    }

    /// What calling a function or a class of this very module gives.
    fn callable(&self, place: Place<'_>, name: &str) -> Option<App> {
        let place = place.deeper()?;
        if let Some(function) = place.module.functions.iter().rev().find(|function| function.name == name) {
            return self.factory(place, function);
        }
        if let Some(bases) = place.module.classes.get(name) {
            return bases.iter().find_map(|base| self.called(place, base, &[]));
        }
        // Imported there and handed on.
        let origin = place.module.scope.origin(name)?;
        match frameworks::made_by(&origin) {
            Some(framework) => Some(app(framework, place)),
            None => self.elsewhere(place, &origin, |place, name| self.callable(place, name)),
        }
    }

    fn factory(&self, place: Place<'_>, function: &Function) -> Option<App> {
        let place = place.deeper()?;
        let inside = Place { inner: Some(&function.body), before: usize::MAX, line: function.line, ..place };
        let returned = function.body.returns.iter().find_map(|value| self.resolve(inside, value));
        returned.or_else(|| {
            let origin = inside.origin(&function.annotation.as_ref()?.dotted()?)?;
            Some(app(frameworks::made_by(&origin)?, inside))
        })
    }

    /// `app = Middleware(app)`: what is bound to such a name is an application as long as it is given one.
    fn wrapped(&self, place: Place<'_>, name: &str, value: &Expr) -> Option<App> {
        let Expr::Call(called, given) = value else { return None };
        let origin = called.dotted().and_then(|dotted| place.origin(&dotted));
        let adapter = origin.as_deref().is_some_and(|origin| frameworks::adapter(origin).is_some());
        let again = given.iter().any(|(_, value)| *value == Expr::Name(name.to_owned()));
        if adapter || !(again || ["app", "application", "asgi_app", "wsgi_app"].contains(&name)) {
            return None;
        }
        given.iter().find_map(|(_, value)| self.resolve(place, value))
    }
}

fn app(framework: &'static Framework, place: Place<'_>) -> App {
    App { framework, protocol: framework.protocol, made: (place.path.to_owned(), place.line), is_inner: false }
}
