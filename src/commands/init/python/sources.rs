//! The project's Python files, read when somebody asks for one, and which file a module is.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::super::survey::{Survey, folder, join, upwards};
use super::syntax::Module;

/// Bytes of Python that are parsed at most.
const MOST: usize = 8 * 1024 * 1024;

/// Modules that are followed from one.
const MOST_REACHED: usize = 300;

/// See the head of this file.
pub(super) struct Sources<'a> {
    pub(super) survey: &'a Survey,
    parsed: RefCell<BTreeMap<String, Option<Rc<Module>>>>,
    left: Cell<usize>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(survey: &'a Survey) -> Self {
        Self { survey, parsed: RefCell::default(), left: Cell::new(MOST) }
    }

    /// The file, read; `None` when it is missing or there was too much to read before it.
    pub(super) fn get(&self, path: &str) -> Option<Rc<Module>> {
        if let Some(known) = self.parsed.borrow().get(path) {
            return known.clone();
        }
        let text = self.survey.text(path);
        self.parse(path, text.as_deref())
    }

    /// The same with the text at hand.
    pub(super) fn parse(&self, path: &str, text: Option<&str>) -> Option<Rc<Module>> {
        let text = text.filter(|text| text.len() <= self.left.get());
        let module = text.and_then(|text| {
            self.left.set(self.left.get() - text.len());
            Module::parse(text).map(Rc::new)
        });
        self.parsed.borrow_mut().insert(path.to_owned(), module.clone());
        module
    }

    /// The file that `name` (`a.b.c`, `.a`, as imported in the file `from`) leads to, and what of the name is
    /// left to be looked for in it.
    pub(super) fn find(&self, from: &str, name: &str) -> Option<(String, Vec<String>)> {
        let dots = name.len() - name.trim_start_matches('.').len();
        let parts: Vec<&str> = name[dots..].split('.').filter(|part| !part.is_empty()).collect();
        if dots > 0 {
            let base = upwards(folder(from)).nth(dots - 1)?;
            return self.below(base, &parts, 0);
        }
        // A package's own folder is not where its modules are looked for.
        let above = upwards(folder(from)).filter(|root| !self.is_package(root));
        let mut roots: Vec<&str> = above.chain(["", "src"]).collect();
        roots.dedup();
        roots.into_iter().find_map(|root| self.below(root, &parts, 1))
    }

    fn below(&self, base: &str, parts: &[&str], least: usize) -> Option<(String, Vec<String>)> {
        (least..=parts.len()).rev().find_map(|length| {
            let path = join(base, &parts[..length].join("/"));
            let path = path.trim_end_matches('/');
            let files = [format!("{path}.py"), join(path, "__init__.py")];
            let file = files.into_iter().find(|file| self.survey.has(file))?;
            Some((file, parts[length..].iter().map(|part| (*part).to_owned()).collect()))
        })
    }

    /// Whether a folder is a package.
    pub(super) fn is_package(&self, folder: &str) -> bool {
        !folder.is_empty() && self.survey.has(&join(folder, "__init__.py"))
    }

    /// Whether the first part of a module's name is something in the folder `root`.
    pub(super) fn has_below(&self, root: &str, first: &str) -> bool {
        let path = join(root, first);
        self.survey.has(&format!("{path}.py")) || self.survey.has_python_below(&path)
    }

    /// `start` and all of the project's modules that it imports, directly or not.
    pub(super) fn reached(&self, start: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![start.to_owned()];
        while let Some(path) = open.pop() {
            if reached.len() >= MOST_REACHED || !reached.insert(path.clone()) {
                continue;
            }
            // Importing `a.b` runs `a/__init__.py` too.
            let packages = upwards(folder(&path)).take_while(|folder| self.is_package(folder));
            open.extend(packages.map(|folder| join(folder, "__init__.py")));
            let Some(module) = self.get(&path) else { continue };
            open.extend(module.imported.iter().filter_map(|import| Some(self.find(&path, &import.name)?.0)));
        }
        reached
    }
}
