//! What is read of a Python file, also of a broken one.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn module(text: &str) -> Module {
    Module::parse(text).unwrap()
}

#[test]
fn names_are_known_by_what_they_were_imported_as() {
    let text = "import flask\nimport a.b\nimport numpy as np\nfrom flask import (Flask as F,\n  jsonify)\nfrom . import db\nfrom ..core.base import make\nfrom bottle import *\n";
    let scope = module(text).scope;
    for (name, origin) in [
        ("flask.Flask", "flask.Flask"),
        ("a.b.c", "a.b.c"),
        ("np.array", "numpy.array"),
        ("F", "flask.Flask"),
        ("jsonify", "flask.jsonify"),
        ("db.session", ".db.session"),
        ("make", "..core.base.make"),
    ] {
        assert_eq!(scope.origin(name).as_deref(), Some(origin), "{name}");
    }
    assert_eq!(scope.origin("unknown"), None);
    assert_eq!(scope.stars, ["bottle"]);
}

#[test]
fn what_runs_on_import_is_read_and_nothing_else() {
    let text = "
'''
docstring = Flask()
'''
if TYPE_CHECKING:
    hidden = 1
try:
    first: Flask = Flask(__name__)
except ImportError:
    first = None
if __name__ == '__main__':
    never = Flask()
    first.run()
else:
    second = third = make()
with open('x') as f:
    fourth = make()
class C:
    inner = Flask()
def f():
    local = Flask()
    return local
run(first)
";
    let module = module(text);
    let names: Vec<_> = module.scope.bindings.iter().map(|binding| binding.name.as_str()).collect();
    assert_eq!(names, ["first", "first", "second", "third", "fourth"]);
    assert_eq!(module.scope.calls.len(), 1);
    assert_eq!(module.functions[0].body.bindings[0].name, "local");
    assert_eq!(module.functions[0].body.returns, [Expr::Name("local".into())]);
}

#[test]
fn functions_say_what_they_need() {
    let text = "
def none(): pass
def some(a, b: int, *args, c=1, d: str = 'x', **kw): pass
async def later(): pass
@app.route('/')
def page() -> 'flask.Flask': pass
def typed(*args: int, **kw: str) -> Flask: pass
";
    let functions = module(text).functions;
    let shown: Vec<_> = functions.iter().map(|f| (f.name.as_str(), f.required, f.is_async)).collect();
    assert_eq!(
        shown,
        [("none", 0, false), ("some", 2, false), ("later", 0, true), ("page", 0, false), ("typed", 0, false)]
    );
    assert_eq!(functions[1].parameters, ["a", "b", "c", "d"]);
    assert_eq!(functions[3].decorators.len(), 1);
    assert_eq!(functions[3].annotation.as_ref().unwrap().dotted().unwrap(), "flask.Flask");
    assert_eq!(functions[4].annotation.as_ref().unwrap().dotted().unwrap(), "Flask");
}

#[test]
fn a_broken_file_gives_what_it_can() {
    let text = "from flask import Flask\napp = Flask(__name__)\n\n@app.get('/')\ndef index(:\n    return 'x'\n\nprint 'python 2'\nother = Flask(__name__)\n";
    let module = module(text);
    assert!(module.scope.last("app").is_some(), "{module:?}");
    assert_eq!(module.scope.origin("Flask").unwrap(), "flask.Flask");
    let windows = Module::parse("from flask import Flask\r\napp = Flask(\r\n  __name__,\r\n)\r\n").unwrap();
    assert_eq!((windows.scope.last("app").unwrap().line, windows.line(2)), (2, "app = Flask("));
    for garbage in ["", "\0\0", "((((((", "\u{fffd}", "def", "import", "from . import", "x = ", "@"] {
        assert!(Module::parse(garbage).is_some(), "{garbage:?}");
    }
}

#[test]
fn an_endless_expression_ends() {
    let deep = format!("x = {}1{}\n", "f(".repeat(20_000), ")".repeat(20_000));
    assert!(module(&deep).scope.last("x").is_some());
    let chain = format!("x = a{}\n", ".b".repeat(20_000));
    assert_eq!(module(&chain).scope.bindings.len(), 1);
    let nested: String = (0..200).map(|level| format!("{}if x:\n", " ".repeat(level))).collect();
    let _ = module(&format!("{nested}{}pass\n", " ".repeat(200)));
}

#[test]
fn reads_of_the_environment_are_seen() {
    let text = "
import os, environ
from os import environ as e, getenv
from decouple import config
A = os.environ['AA']
B = e.get('BB')
C = getenv('CC', 'default')
os.environ['SET'] = '1'
env = environ.Env()
D = env('DD')
E = env.str('EE', default='')
F = config('FF', default='x')
G = config('GG')
H = {}['HH']
def f():
    return os.environ.get('II', None)
# os.environ['COMMENT']
";
    let found: Vec<_> =
        module(text).env.into_iter().map(|env| (env.name, env.line, env.required, env.has_default)).collect();
    let env = |name: &str, line, required, default| (name.to_owned(), line, required, default);
    assert_eq!(
        found,
        [
            env("AA", 5, true, false),
            env("BB", 6, false, false),
            env("CC", 7, false, true),
            env("DD", 10, true, false),
            env("EE", 11, false, true),
            env("FF", 12, false, true),
            env("GG", 13, true, false),
            env("II", 16, false, true),
        ]
    );
}

#[test]
fn settings_of_pydantic_are_reads_of_the_environment() {
    let text = "from pydantic_settings import BaseSettings, SettingsConfigDict\nclass Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='SHOP_')\n    database_url: str\n    debug: bool = False\n    def x(self): pass\nclass Other:\n    name: str\n";
    let found: Vec<_> = module(text).env.into_iter().map(|env| (env.name, env.line, env.required)).collect();
    assert_eq!(found, [("SHOP_DATABASE_URL".to_owned(), 4, true)]);
}

#[test]
fn imports_are_seen_wherever_they_stand() {
    let text = "import a.b\nfrom c import d\nfrom .e import f\ndef g():\n    import h\ntry:\n    import i\nexcept ImportError:\n    i = None\n";
    let imported = module(text).imported;
    let required: Vec<_> = imported.iter().filter(|each| !each.optional).map(|each| each.name.as_str()).collect();
    for name in ["a.b", "c.d", ".e.f", "h"] {
        assert!(required.contains(&name), "{name}: {required:?}");
    }
    assert!(imported.iter().any(|each| each.name == "i" && each.optional));
}
