//! What counts wherever in a file it stands: imports, reads of the environment, texts put under a key.

use tree_sitter::Node;

use super::{Env, Expr, Import, Module, Reader, Scope, below};

impl Reader<'_> {
    /// What counts wherever it stands: imports and reads of the environment.
    pub(super) fn everywhere(&self, root: Node<'_>, module: &mut Module) {
        let mut open = vec![(root, false)];
        while let Some((node, optional)) = open.pop() {
            let mut inside = optional;
            match node.kind() {
                "import_statement" | "import_from_statement" => {
                    self.names(node, optional, &mut module.imported);
                    continue;
                }
                "if_statement" if self.never_runs(node) => {
                    inside = true;
                }
                "try_statement" => {
                    inside |= self.of(node).contains("ImportError") || self.of(node).contains("ModuleNotFound");
                }
                "call" | "subscript" => {
                    module.env.extend(self.env(node, &module.scope));
                    module.put.extend(self.put(node));
                }
                "assignment" => module.put.extend(self.put(node)),
                "class_definition" => module.env.extend(self.settings(node)),
                _ => {}
            }
            let mut cursor = node.walk();
            open.extend(node.named_children(&mut cursor).map(|child| (child, inside)));
        }
        module.env.sort_by(|a, b| (a.line, &a.name).cmp(&(b.line, &b.name)));
    }

    /// The fields without a default of a class derived from pydantic's `BaseSettings`, which takes them from
    /// the environment. <https://docs.pydantic.dev/latest/concepts/pydantic_settings/>
    fn settings(&self, node: Node<'_>) -> Vec<Env> {
        let bases = Self::field(node, "superclasses").map(|bases| self.arguments(bases, 0)).unwrap_or_default();
        let is_settings =
            |base: &Expr| base.dotted().is_some_and(|name| name.rsplit('.').next() == Some("BaseSettings"));
        let Some(body) = Self::field(node, "body").filter(|_| bases.iter().any(|(_, base)| is_settings(base))) else {
            return Vec::new();
        };
        let prefix = self
            .of(body)
            .split("env_prefix")
            .nth(1)
            .and_then(|rest| rest.split(['"', '\'']).nth(1))
            .unwrap_or_default();
        let mut cursor = body.walk();
        let fields = body.named_children(&mut cursor).filter_map(|statement| {
            let field = statement.named_child(0).filter(|field| field.kind() == "assignment")?;
            let kind = Self::field(field, "type").map(|kind| self.of(kind))?;
            let name = Self::field(field, "left").filter(|left| left.kind() == "identifier")?;
            if Self::field(field, "right").is_some() || kind.contains("ClassVar") {
                return None;
            }
            let name = format!("{prefix}{}", self.of(name)).to_uppercase();
            let line = field.start_position().row + 1;
            is_variable(&name).then_some(Env { name, line, required: true, has_default: false })
        });
        fields.collect()
    }

    fn put(&self, node: Node<'_>) -> Option<(String, String, usize)> {
        let line = node.start_position().row + 1;
        if node.kind() == "assignment" {
            let target = Self::field(node, "left").filter(|left| left.kind() == "subscript")?;
            let key = self.expr(Self::field(target, "subscript")?, 0);
            let value = self.expr(Self::field(node, "right")?, 0);
            return if let (Expr::Text(key), Expr::Text(value)) = (key, value) {
                Some((key, value, line))
            } else {
                None
            };
        }
        let called = Self::field(node, "function").filter(|called| called.kind() == "attribute")?;
        if self.of(Self::field(called, "attribute")?) != "setdefault" {
            return None;
        }
        match self.arguments(Self::field(node, "arguments")?, 0).as_slice() {
            [(_, Expr::Text(key)), (_, Expr::Text(value))] => Some((key.clone(), value.clone(), line)),
            _ => None,
        }
    }

    fn names(&self, node: Node<'_>, optional: bool, imported: &mut Vec<Import>) {
        let from = Self::field(node, "module_name").map(|module| self.module_name(module));
        let mut cursor = node.walk();
        for name in node.children_by_field_name("name", &mut cursor) {
            let dotted = self.imported_name(name).0;
            let name = from.as_ref().map_or_else(|| dotted.clone(), |from| below(from, &dotted));
            imported.push(Import { name, optional });
        }
        // `from a import *` names nothing.
        imported.extend(from.map(|name| Import { name, optional }));
    }

    /// `os.environ["X"]`, `os.getenv("X")`, `environ.get("X", "")`, django-environ's `env("X")`, decouple's
    /// `config("X")`.
    fn env(&self, node: Node<'_>, scope: &Scope) -> Option<Env> {
        let line = node.start_position().row + 1;
        // Only asked of the few that matter: looking for a parent begins at the top.
        let is_target = || {
            node.parent().is_some_and(|parent| {
                ["delete_statement", "augmented_assignment"].contains(&parent.kind())
                    || (parent.kind() == "assignment" && Self::field(parent, "left") == Some(node))
            })
        };
        let resolve = |expr: &Expr| {
            let dotted = expr.dotted()?;
            Some(scope.origin(&dotted).unwrap_or(dotted))
        };
        if node.kind() == "subscript" {
            let base = resolve(&self.expr(Self::field(node, "value")?, 0))?;
            let key = self.expr(Self::field(node, "subscript")?, 0);
            let (Expr::Text(name), "os.environ") = (key, base.as_str()) else { return None };
            return (is_variable(&name) && !is_target()).then_some(Env {
                name,
                line,
                required: true,
                has_default: false,
            });
        }
        let Expr::Call(called, given) = self.expr(node, 0) else { return None };
        let called = resolve(&called)?;
        let first = given.iter().find(|(keyword, _)| keyword.is_none())?;
        let Expr::Text(name) = &first.1 else { return None };
        let has_default = given.iter().filter(|(keyword, _)| keyword.is_none()).count() > 1
            || given.iter().any(|(keyword, _)| keyword.as_deref() == Some("default"));
        let of_environ = |name: &str| {
            let bound = scope.last(name)?;
            let Expr::Call(class, _) = &bound.value else { return None };
            resolve(class).filter(|class| class.starts_with("environ."))
        };
        let strict = called == "decouple.config"
            || called.split('.').next().and_then(of_environ).is_some_and(|_| !called.ends_with("read_env"));
        let lax = ["os.getenv", "os.environ.get"].contains(&called.as_str());
        if !(strict || lax) || !is_variable(name) {
            return None;
        }
        Some(Env { name: name.clone(), line, required: strict && !has_default, has_default })
    }
}

fn is_variable(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_')
}
