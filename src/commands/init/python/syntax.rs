//! A Python file as the few facts that say what it is: imports, names and what is bound to them, functions.
//!
//! Made by tree-sitter, which gives what it can of a file that does not parse whole. Nothing is run, and
//! nothing is guessed here: what a name stands for is `apps`' business.

mod everywhere;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Node, ParseOptions, ParseState, Parser};

/// How deep an expression or a block is followed.
const DEEPEST: usize = 40;

/// For one file.
const LONGEST: Duration = Duration::from_secs(1);

/// An expression, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr {
    Name(String),
    Attr(Box<Expr>, String),
    /// What is called, and the arguments with their keywords.
    Call(Box<Expr>, Vec<(Option<String>, Expr)>),
    Text(String),
    List(Vec<Expr>),
    Other,
}

/// `name = value`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) value: Expr,
    pub(super) line: usize,
}

/// A scope: a module, or the body of a function.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// Local name → what it was imported as: `F` → `flask.Flask`, `db` → `.models.db`.
    pub(super) imports: BTreeMap<String, String>,
    /// Modules of `from m import *`.
    pub(super) stars: Vec<String>,
    /// In the order they happen.
    pub(super) bindings: Vec<Binding>,
    /// Calls that are statements of their own.
    pub(super) calls: Vec<(Expr, usize)>,
    /// Only of a function.
    pub(super) returns: Vec<Expr>,
}

/// A function of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) is_async: bool,
    /// The names of all parameters, and how many of them have no default.
    pub(super) parameters: Vec<String>,
    pub(super) required: usize,
    /// What decorates it, as written.
    pub(super) decorators: Vec<Expr>,
    /// The return annotation.
    pub(super) annotation: Option<Expr>,
    pub(super) body: Scope,
    /// It speaks of `statusCode`, `httpMethod` and the like.
    pub(super) is_web: bool,
}

/// Everything known of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) scope: Scope,
    pub(super) functions: Vec<Function>,
    /// Classes and what they derive from.
    pub(super) classes: BTreeMap<String, Vec<Expr>>,
    /// Every module imported anywhere, with leading dots for relative ones; with the names taken from it as
    /// further parts (`a.b.name`).
    pub(super) imported: Vec<Import>,
    /// What it puts into maps under keys that are text, wherever it does: `x.setdefault("key", "value")` and
    /// `x["key"] = "value"`, with the line.
    pub(super) put: Vec<(String, String, usize)>,
    /// Environment variables it reads.
    pub(super) env: Vec<Env>,
    /// The file's lines, for showing one.
    lines: Vec<String>,
}

/// An import, wherever in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) name: String,
    /// Its absence is taken care of: `try: import x / except ImportError`.
    pub(super) optional: bool,
}

/// A read of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Env {
    pub(super) name: String,
    pub(super) line: usize,
    /// Without it, that line fails.
    pub(super) required: bool,
    /// The code says what counts without it.
    pub(super) has_default: bool,
}

impl Expr {
    /// `a.b.c`, when it is nothing but names.
    pub(super) fn dotted(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Attr(base, name) => Some(format!("{}.{name}", base.dotted()?)),
            _ => None,
        }
    }
}

impl Scope {
    /// What a name written here was imported as; the dotted name itself when it is no import.
    pub(super) fn origin(&self, dotted: &str) -> Option<String> {
        let (first, rest) = dotted.split_once('.').map_or((dotted, None), |(first, rest)| (first, Some(rest)));
        let origin = self.imports.get(first)?;
        Some(rest.map_or_else(|| origin.clone(), |rest| format!("{origin}.{rest}")))
    }

    /// What is bound to a name last.
    pub(super) fn last(&self, name: &str) -> Option<&Binding> {
        self.bindings.iter().rev().find(|binding| binding.name == name)
    }
}

impl Module {
    /// Reads a file's text. `None` only when the parser itself fails.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser::new();
        parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
        // Text that is no Python at all can keep a parser busy.
        let started = Instant::now();
        let mut progress = |_: &ParseState| {
            if started.elapsed() < LONGEST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let bytes = text.as_bytes();
        let tree = parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))?;
        let reader = Reader { text };
        let mut module = Self { lines: text.lines().map(str::to_owned).collect(), ..Self::default() };
        reader.block(tree.root_node(), &mut module.scope, &mut Some((&mut module.functions, &mut module.classes)), 0);
        reader.everywhere(tree.root_node(), &mut module);
        Some(module)
    }

    /// A line for people, without blanks around it; lines count from 1.
    pub(super) fn line(&self, line: usize) -> &str {
        self.lines.get(line.saturating_sub(1)).map_or("", |line| line.trim())
    }
}

/// Where a module's functions and classes go; there are none inside a function.
type Definitions<'a> = Option<(&'a mut Vec<Function>, &'a mut BTreeMap<String, Vec<Expr>>)>;

struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
        node.child_by_field_name(name)
    }

    /// The statements of a block, and of the blocks in it that run with it.
    fn block(&self, node: Node<'_>, scope: &mut Scope, definitions: &mut Definitions<'_>, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            match child.kind() {
                "import_statement" | "import_from_statement" => self.import(child, scope),
                "expression_statement" => self.statement(child, scope),
                "return_statement" => scope.returns.extend(child.named_child(0).map(|value| self.expr(value, 0))),
                "function_definition" | "decorated_definition" | "class_definition" => {
                    if let Some((functions, classes)) = definitions {
                        self.definition(child, functions, classes);
                    }
                }
                "if_statement" if self.never_runs(child) => {
                    // `else` of `if __name__ == "__main__"` does run.
                    let mut cursor = child.walk();
                    for other in child.children_by_field_name("alternative", &mut cursor) {
                        self.block(other, scope, definitions, depth + 1);
                    }
                }
                "if_statement" | "try_statement" | "with_statement" | "for_statement" | "while_statement"
                | "else_clause" | "elif_clause" | "except_clause" | "finally_clause" | "block" | "ERROR"
                | "match_statement" | "case_clause" => self.block(child, scope, definitions, depth + 1),
                _ => {}
            }
        }
    }

    /// `if __name__ == "__main__":` and `if TYPE_CHECKING:`
    fn never_runs(&self, statement: Node<'_>) -> bool {
        let condition = Self::field(statement, "condition").map_or("", |condition| self.of(condition));
        (condition.contains("__name__") && condition.contains("__main__")) || condition.ends_with("TYPE_CHECKING")
    }

    fn statement(&self, node: Node<'_>, scope: &mut Scope) {
        let Some(inner) = node.named_child(0) else { return };
        let line = inner.start_position().row + 1;
        match inner.kind() {
            "assignment" => {
                let mut names = Vec::new();
                let mut at = inner;
                // `a = b = value` is an assignment in an assignment.
                let value = loop {
                    names.extend(Self::field(at, "left"));
                    match Self::field(at, "right") {
                        Some(right) if right.kind() == "assignment" => at = right,
                        right => break right,
                    }
                };
                let Some(value) = value.map(|value| self.expr(value, 0)) else { return };
                for name in names.into_iter().filter_map(|name| self.expr(name, 0).dotted()) {
                    scope.bindings.push(Binding { name, value: value.clone(), line });
                }
            }
            "call" => scope.calls.push((self.expr(inner, 0), line)),
            "await" => {
                let awaited = inner.named_child(0).map(|awaited| self.expr(awaited, 0));
                scope.calls.extend(awaited.map(|awaited| (awaited, line)));
            }
            _ => {}
        }
    }

    fn import(&self, node: Node<'_>, scope: &mut Scope) {
        let from = Self::field(node, "module_name").map(|module| self.module_name(module));
        let mut cursor = node.walk();
        for name in node.children_by_field_name("name", &mut cursor) {
            let (dotted, alias) = self.imported_name(name);
            match (&from, alias) {
                (Some(from), alias) => {
                    scope.imports.insert(alias.unwrap_or_else(|| dotted.clone()), below(from, &dotted));
                }
                (None, Some(alias)) => {
                    scope.imports.insert(alias, dotted);
                }
                (None, None) => {
                    // `import a.b` binds `a`.
                    let first = dotted.split('.').next().unwrap_or(&dotted).to_owned();
                    scope.imports.insert(first.clone(), first);
                }
            }
        }
        let mut cursor = node.walk();
        if let Some(from) = from
            && node.named_children(&mut cursor).any(|child| child.kind() == "wildcard_import")
        {
            scope.stars.push(from);
        }
    }

    /// Without the blanks that may stand in it.
    fn module_name(&self, node: Node<'_>) -> String {
        self.of(node).chars().filter(|each| !each.is_whitespace()).collect()
    }

    fn imported_name(&self, node: Node<'_>) -> (String, Option<String>) {
        match (node.kind(), Self::field(node, "name"), Self::field(node, "alias")) {
            ("aliased_import", Some(name), Some(alias)) => (self.module_name(name), Some(self.of(alias).to_owned())),
            _ => (self.module_name(node), None),
        }
    }

    fn definition(&self, node: Node<'_>, functions: &mut Vec<Function>, classes: &mut BTreeMap<String, Vec<Expr>>) {
        let mut decorators = Vec::new();
        let mut inner = node;
        if node.kind() == "decorated_definition" {
            let mut cursor = node.walk();
            let all = node.named_children(&mut cursor).filter(|child| child.kind() == "decorator");
            decorators = all.filter_map(|child| Some(self.expr(child.named_child(0)?, 0))).collect();
            let Some(definition) = Self::field(node, "definition") else { return };
            inner = definition;
        }
        let Some(name) = Self::field(inner, "name").map(|name| self.of(name).to_owned()) else { return };
        if inner.kind() == "class_definition" {
            let bases = Self::field(inner, "superclasses").map(|bases| self.arguments(bases, 0)).unwrap_or_default();
            classes.insert(name, bases.into_iter().map(|(_, base)| base).collect());
            return;
        }
        let (parameters, required) =
            Self::field(inner, "parameters").map(|all| self.parameters(all)).unwrap_or_default();
        let mut body = Scope::default();
        if let Some(block) = Self::field(inner, "body") {
            self.block(block, &mut body, &mut None, 0);
        }
        let text = self.of(inner);
        functions.push(Function {
            name,
            line: inner.start_position().row + 1,
            is_async: inner.child(0).is_some_and(|first| first.kind() == "async"),
            parameters,
            required,
            decorators,
            annotation: Self::field(inner, "return_type").map(|kind| self.annotation(kind)),
            body,
            is_web: ["statusCode", "httpMethod", "rawPath", "requestContext", "queryStringParameters"]
                .iter()
                .any(|word| text.contains(word)),
        });
    }

    fn annotation(&self, node: Node<'_>) -> Expr {
        match self.expr(node.named_child(0).unwrap_or(node), 0) {
            // `-> "Flask"`
            Expr::Text(text) => text.split('.').map(str::to_owned).fold(Expr::Other, |base, name| match base {
                Expr::Other => Expr::Name(name),
                base => Expr::Attr(Box::new(base), name),
            }),
            found => found,
        }
    }

    fn parameters(&self, node: Node<'_>) -> (Vec<String>, usize) {
        let mut cursor = node.walk();
        let (mut names, mut required) = (Vec::new(), 0);
        for child in node.named_children(&mut cursor) {
            let name = Self::field(child, "name").or_else(|| child.named_child(0)).unwrap_or(child);
            match child.kind() {
                "identifier" => {
                    names.push(self.of(child).to_owned());
                    required += 1;
                }
                // `*args: int` is typed, too.
                "typed_parameter" if name.kind() == "identifier" => {
                    names.push(self.of(name).to_owned());
                    required += 1;
                }
                "default_parameter" | "typed_default_parameter" => names.push(self.of(name).to_owned()),
                _ => {}
            }
        }
        (names, required)
    }

    fn expr(&self, node: Node<'_>, depth: usize) -> Expr {
        if depth > DEEPEST {
            return Expr::Other;
        }
        let next = |node| self.expr(node, depth + 1);
        match node.kind() {
            "identifier" => Expr::Name(self.of(node).to_owned()),
            "attribute" => match (Self::field(node, "object"), Self::field(node, "attribute")) {
                (Some(base), Some(name)) => Expr::Attr(Box::new(next(base)), self.of(name).to_owned()),
                _ => Expr::Other,
            },
            "call" => match (Self::field(node, "function"), Self::field(node, "arguments")) {
                (Some(called), Some(given)) => Expr::Call(Box::new(next(called)), self.arguments(given, depth + 1)),
                _ => Expr::Other,
            },
            "string" => self.string(node),
            "list" | "tuple" | "set" => {
                let mut cursor = node.walk();
                Expr::List(node.named_children(&mut cursor).map(next).collect())
            }
            "parenthesized_expression" | "type" | "expression" => node.named_child(0).map_or(Expr::Other, next),
            _ => Expr::Other,
        }
    }

    /// A literal without anything to be filled in.
    fn string(&self, node: Node<'_>) -> Expr {
        let mut cursor = node.walk();
        let mut text = String::new();
        for part in node.named_children(&mut cursor) {
            match part.kind() {
                "string_content" => text.push_str(self.of(part)),
                "interpolation" => return Expr::Other,
                _ => {}
            }
        }
        Expr::Text(text)
    }

    fn arguments(&self, node: Node<'_>, depth: usize) -> Vec<(Option<String>, Expr)> {
        let mut cursor = node.walk();
        let each = |child: Node<'_>| match (child.kind(), Self::field(child, "name"), Self::field(child, "value")) {
            ("keyword_argument", Some(name), Some(value)) => {
                Some((Some(self.of(name).to_owned()), self.expr(value, depth)))
            }
            ("comment", ..) => None,
            _ => Some((None, self.expr(child, depth))),
        };
        node.named_children(&mut cursor).filter_map(each).collect()
    }
}

/// `from . import a` is `.a`, `from .m import a` is `.m.a`.
fn below(from: &str, name: &str) -> String {
    if from.ends_with('.') { format!("{from}{name}") } else { format!("{from}.{name}") }
}

#[cfg(test)]
mod tests;
