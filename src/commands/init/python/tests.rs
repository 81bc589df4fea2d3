//! What is recognised in small projects, and what is not.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::found::{Candidate, ranked};
use super::super::survey::Survey;
use super::{Details, Python};

struct Project(tempfile::TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn found(&self) -> Vec<Candidate> {
        ranked(Python::new(&Survey::of(self.0.path())).candidates())
    }

    fn details(&self) -> Details {
        let survey = Survey::of(self.0.path());
        let python = Python::new(&survey);
        let found = ranked(python.candidates());
        python.details(&found[0])
    }
}

fn found(files: &[(&str, &str)]) -> Vec<Candidate> {
    Project::new(files).found()
}

/// The best candidate as `what: key: target @ dir`.
fn best(files: &[(&str, &str)]) -> String {
    let all = found(files);
    let Some(first) = all.first() else { return "nothing".to_owned() };
    let dir = first.dir.as_ref().map_or_else(String::new, |dir| format!(" in {dir}"));
    let flaw = if first.obstacle.is_some() { " !" } else { "" };
    format!("{} {}{dir}{flaw}", first.what, first.entry_line())
}

#[test]
fn each_framework_is_known_by_its_import() {
    for (text, expected) in [
        ("from flask import Flask\napp = Flask(__name__)\n", "Flask wsgi: app:app"),
        ("import flask\nweb = flask.Flask(__name__)\n", "Flask wsgi: app:web"),
        ("import flask as f\napp: f.Flask = f.Flask(__name__)\n", "Flask wsgi: app:app"),
        ("from flask import Flask as F, jsonify\napp = application = F(__name__)\n", "Flask wsgi: app:application"),
        ("from flask import *\napp = Flask(__name__)\n", "Flask wsgi: app:app"),
        ("from flask import Flask\nclass Shop(Flask): pass\napp = Shop(__name__)\n", "Flask wsgi: app:app"),
        ("from fastapi import FastAPI\napp = FastAPI()\n", "FastAPI asgi: app:app"),
        ("from starlette.applications import Starlette\napp = Starlette(debug=True)\n", "Starlette asgi: app:app"),
        ("from quart import Quart\napp = Quart(__name__)\n", "Quart asgi: app:app"),
        ("import falcon\napp = falcon.App()\n", "Falcon wsgi: app:app"),
        ("import falcon.asgi\napp = falcon.asgi.App()\n", "Falcon asgi: app:app"),
        ("from falcon.asgi import App\napi = App()\n", "Falcon asgi: app:api"),
        ("from bottle import Bottle\napp = Bottle()\n", "Bottle wsgi: app:app"),
        ("import bottle\napp = bottle.default_app()\n", "Bottle wsgi: app:app"),
        ("from dash import Dash\napp = Dash()\n", "Dash wsgi: app:app.server"),
        ("from dash import Dash\napp = Dash()\nserver = app.server\n", "Dash wsgi: app:app.server"),
        ("from litestar import Litestar\napp = Litestar([])\n", "Litestar asgi: app:app"),
        (
            "from pyramid.config import Configurator\nwith Configurator() as config:\n    app = config.make_wsgi_app()\n",
            "Pyramid wsgi: app:app",
        ),
        ("from chalice import Chalice\napp = Chalice(app_name='x')\n", "Chalice wsgi: app:app !"),
        ("from aiohttp import web\napp = web.Application()\n", "aiohttp wsgi: app:app !"),
        ("def lambda_handler(event, context):\n    return {}\n", "Lambda handler handler: app.lambda_handler"),
        ("def handler(event, _context): pass\n", "Lambda handler handler: app.handler"),
        ("def nightly(event, context): pass\n", "Lambda handler handler: app.nightly"),
    ] {
        assert_eq!(best(&[("app.py", text)]), expected, "{text}");
    }
}

#[test]
fn factories_are_called_without_arguments() {
    for (text, expected) in [
        (
            "from flask import Flask\ndef create_app(config=None):\n    app = Flask(__name__)\n    return app\n",
            "Flask wsgi: app:create_app()",
        ),
        (
            "def create_app(*, debug=False, **kw):\n    from flask import Flask\n    return Flask('x')\n",
            "Flask wsgi: app:create_app()",
        ),
        ("from fastapi import FastAPI\ndef build() -> FastAPI:\n    return _assemble()\n", "FastAPI asgi: app:build()"),
        (
            "from flask import Flask\ndef make():\n    app = Flask('x')\n    return app\napp = make()\n",
            "Flask wsgi: app:app",
        ),
        ("from flask import Flask\ndef create_app(config):\n    return Flask('x')\n", "Flask wsgi: app:create_app() !"),
        (
            "from flask import Flask\ndef create_app(*, config):\n    return Flask('x')\n",
            "Flask wsgi: app:create_app() !",
        ),
        ("from quart import Quart\nasync def create_app():\n    return Quart('x')\n", "Quart asgi: app:create_app() !"),
        (
            "from pyramid.config import Configurator\ndef main(global_config, **settings):\n    config = Configurator(settings=settings)\n    return config.make_wsgi_app()\n",
            "Pyramid wsgi: app:main() !",
        ),
        (
            "from pyramid.config import Configurator\ndef main(global_config=None, **settings):\n    with Configurator(settings=settings) as config:\n        app = config.make_wsgi_app()\n    return app\n",
            "Pyramid wsgi: app:main()",
        ),
    ] {
        assert_eq!(best(&[("app.py", text)]), expected, "{text}");
    }
}

#[test]
fn names_lead_through_files() {
    let package = [
        ("shop/__init__.py", "from flask import Flask\ndef create_app():\n    app = Flask(__name__)\n    return app\n"),
        ("wsgi.py", "from shop import create_app\napp = create_app()\n"),
    ];
    assert_eq!(best(&package), "Flask wsgi: wsgi:app");
    assert_eq!(best(&package[..1]), "Flask wsgi: shop:create_app()");
    let handed_on = [
        ("shop/web.py", "from flask import Flask\napp = Flask(__name__)\n"),
        ("shop/__init__.py", ""),
        ("wsgi.py", "from shop.web import app as application\n"),
    ];
    assert_eq!(best(&handed_on), "Flask wsgi: wsgi:application");
    assert_eq!(found(&handed_on).len(), 1, "one app under two names");
    let relative = [
        ("api/__init__.py", "from .main import make\napp = make()\n"),
        ("api/main.py", "from .base import Base\ndef make():\n    return Base()\n"),
        ("api/base.py", "from fastapi import FastAPI\nclass Base(FastAPI):\n    pass\n"),
    ];
    assert_eq!(best(&relative), "FastAPI asgi: api:app");
    let circular = [("a.py", "from b import app\n"), ("b.py", "from a import app\napp = app\n")];
    assert_eq!(best(&circular), "nothing");
}

#[test]
fn decoys_are_none() {
    for (path, text) in [
        ("app.py", "if __name__ == '__main__':\n    from flask import Flask\n    app = Flask(__name__)\n"),
        ("tests/app.py", "from flask import Flask\napp = Flask(__name__)\n"),
        ("test_app.py", "from flask import Flask\napp = Flask(__name__)\n"),
        ("conftest.py", "from flask import Flask\napp = Flask(__name__)\n"),
        ("venv/app.py", "from flask import Flask\napp = Flask(__name__)\n"),
        ("app.py", "'''\nfrom flask import Flask\napp = Flask(__name__)\n'''\n"),
        ("app.py", "# from flask import Flask\n# app = Flask(__name__)\n"),
        ("app.py", "text = 'app = Flask(__name__)'\n"),
        ("app.py", "from mine import Flask\napp = Flask(__name__)\n"),
        ("app.py", "class Flask: pass\napp = Flask()\n"),
        ("app.py", "from flask import Flask\nclass C:\n    app = Flask('x')\n"),
        ("app.py", "from flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\n"),
        (
            "app.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from flask import Flask\n    app = Flask()\n",
        ),
        ("app.py", "def event_handler(request): pass\ndef on(event, payload): pass\n"),
        ("bad name.py", "from flask import Flask\napp = Flask(__name__)\n"),
    ] {
        assert_eq!(best(&[(path, text)]), "nothing", "{path}: {text}");
    }
}

#[test]
fn of_several_the_likeliest_comes_first() {
    let flask = "from flask import Flask\napp = Flask(__name__)\n";
    let all = found(&[("app.py", flask), ("admin.py", flask), ("examples/demo.py", flask)]);
    let targets: Vec<_> = all.iter().map(|each| each.target.as_str()).collect();
    assert_eq!(targets, ["app:app", "admin:app", "examples.demo:app"]);
    let mounted =
        "from fastapi import FastAPI\nv1 = FastAPI()\napp = FastAPI()\napp.mount('/v1', v1)\nadmin = FastAPI()\n";
    assert_eq!(found(&[("main.py", mounted)])[0].target, "main:app");
    let started = [("Procfile", "web: gunicorn --workers 2 admin:app\n"), ("app.py", flask), ("admin.py", flask)];
    assert_eq!(best(&started), "Flask wsgi: admin:app");
    let docker =
        [("Dockerfile", "CMD [\"uvicorn\", \"b:app\", \"--port\", \"80\"]\n"), ("app.py", flask), ("b.py", flask)];
    assert_eq!(best(&docker), "Flask wsgi: b:app");
}

#[test]
fn wrapped_apps_are_called_as_they_are_served() {
    for (text, expected) in [
        (
            "from flask import Flask\nfrom werkzeug.middleware.proxy_fix import ProxyFix\napp = Flask('x')\napp = ProxyFix(app)\n",
            "Flask wsgi: app:app",
        ),
        (
            "from flask import Flask\nfrom a.b import Fix\napp = Flask('x')\napplication = Fix(app, x_for=1)\n",
            "Flask wsgi: app:application",
        ),
        (
            "from flask import Flask\nfrom asgiref.wsgi import WsgiToAsgi\napp = Flask('x')\nasgi_app = WsgiToAsgi(app)\n",
            "Flask asgi: app:asgi_app",
        ),
        ("from flask import Flask\nfrom x import Api\napp = Flask('x')\napi = Api(app)\n", "Flask wsgi: app:app"),
        (
            "from fastapi import FastAPI\nfrom mangum import Mangum\napp = FastAPI()\nhandler = Mangum(app, lifespan='off')\n",
            "FastAPI asgi: app:app",
        ),
        (
            "from fastapi import FastAPI\nfrom mangum import Mangum\nhandler = Mangum(FastAPI())\n",
            "Lambda handler handler: app.handler",
        ),
        (
            "from aws_lambda_powertools.event_handler import APIGatewayRestResolver\napp = APIGatewayRestResolver()\ndef lambda_handler(event, context):\n    return app.resolve(event, context)\n",
            "Lambda handler handler: app.lambda_handler",
        ),
    ] {
        assert_eq!(best(&[("app.py", text)]), expected, "{text}");
    }
}

#[test]
fn bottles_default_application_is_reached_by_a_name_of_the_module() {
    for (text, expected) in [
        ("import bottle\n@bottle.route('/')\ndef index(): return 'x'\n", "Bottle wsgi: app:bottle.default_app()"),
        ("from bottle import *\n@get('/')\ndef index(): return 'x'\n", "Bottle wsgi: app:default_app()"),
        (
            "from bottle import route, default_app\n@route('/')\ndef index(): return 'x'\n",
            "Bottle wsgi: app:default_app()",
        ),
        ("from bottle import route, run\n@route('/')\ndef index(): return 'x'\n", "Bottle wsgi: app:default_app() !"),
        (
            "from bottle import route, default_app\n@route('/')\ndef index(): return 'x'\napp = default_app()\n",
            "Bottle wsgi: app:app",
        ),
    ] {
        assert_eq!(best(&[("app.py", text)]), expected, "{text}");
    }
}

const MANAGE: &str = "#!/usr/bin/env python\nimport os, sys\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n    from django.core.management import execute_from_command_line\n    execute_from_command_line(sys.argv)\nif __name__ == '__main__':\n    main()\n";
const WSGI: &str = "import os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\napplication = get_wsgi_application()\n";
const SETTINGS: &str =
    "ROOT_URLCONF = 'mysite.urls'\nALLOWED_HOSTS = []\nINSTALLED_APPS = ['django.contrib.staticfiles']\n";

#[test]
fn django_is_known_by_its_settings() {
    let plain =
        [("manage.py", MANAGE), ("mysite/settings.py", SETTINGS), ("mysite/wsgi.py", WSGI), ("mysite/__init__.py", "")];
    assert_eq!(best(&plain), "Django django: mysite.settings");
    assert_eq!(found(&plain).len(), 1);
    let below: Vec<(String, &str)> = plain.iter().map(|(path, text)| (format!("backend/{path}"), *text)).collect();
    let below: Vec<(&str, &str)> = below.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    assert_eq!(best(&below), "Django django: mysite.settings in backend");
    assert_eq!(best(&plain[1..]), "Django django: mysite.settings");
    let split = [
        ("manage.py", "import os\nimport django\nos.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings.dev'\n"),
        ("config/settings/dev.py", "from .base import *\n"),
        ("config/settings/prod.py", "from .base import *\n"),
        ("config/settings/base.py", SETTINGS),
        (
            "config/wsgi.py",
            "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings.prod')\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
        ),
    ];
    assert_eq!(best(&split), "Django django: config.settings.prod");
    assert_eq!(best(&split[..4]), "Django django: config.settings.dev");
    let dynamic = [
        ("manage.py", "import os, django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', pick())\n"),
        ("shop/settings.py", SETTINGS),
    ];
    assert_eq!(best(&dynamic), "Django django: shop.settings");
    let guarded = MANAGE.replace("def main():", "if __name__ == '__main__':").replace("    main()\n", "    pass\n");
    let guarded = [("manage.py", guarded.as_str()), ("mysite/settings.py", SETTINGS)];
    assert_eq!((found(&guarded)[0].at.line, best(&guarded).as_str()), (4, "Django django: mysite.settings"));
    assert_eq!(best(&[("manage.py", MANAGE)]), "Django django: mysite.settings !");
    assert_eq!(best(&[("manage.py", "print('no Django')\n")]), "nothing");
    let single = "from django.conf import settings\nsettings.configure()\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n";
    assert_eq!(best(&[("app.py", single)]), "Django wsgi: app:application");
}

#[test]
fn the_code_folder_is_where_the_imports_work_from() {
    let main = |import: &str| format!("from fastapi import FastAPI\n{import}\napp = FastAPI()\n");
    let models = ("backend/models.py", "");
    for (files, expected) in [
        (
            vec![("backend/main.py", main("import models")), (models.0, String::new())],
            "FastAPI asgi: main:app in backend",
        ),
        (
            vec![("backend/main.py", main("from backend.models import x")), (models.0, String::new())],
            "FastAPI asgi: backend.main:app",
        ),
        (
            vec![("backend/main.py", main("from . import models")), (models.0, String::new())],
            "FastAPI asgi: backend.main:app",
        ),
        (
            vec![("backend/main.py", main("")), ("backend/requirements.txt", "fastapi\n".into())],
            "FastAPI asgi: main:app in backend",
        ),
        (
            vec![
                ("app/main.py", main("from app.db import x")),
                ("app/__init__.py", String::new()),
                ("app/db.py", String::new()),
            ],
            "FastAPI asgi: app.main:app",
        ),
        (
            vec![("src/shop/__init__.py", String::new()), ("src/shop/web.py", main("from shop import db"))],
            "FastAPI asgi: shop.web:app in src",
        ),
        (vec![("src/main.py", main(""))], "FastAPI asgi: main:app in src"),
        (
            vec![("src/main.py", main("from src.db import x")), ("src/db.py", String::new())],
            "FastAPI asgi: src.main:app",
        ),
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        assert_eq!(best(&files), expected, "{files:?}");
    }
}

#[test]
fn broken_files_give_what_they_can() {
    for text in [
        "from flask import Flask\r\napp = Flask(__name__)\r\n",
        "\u{feff}from flask import Flask\napp = Flask(__name__)\n",
        "from flask import Flask\napp = Flask(__name__)\n@app.get('/'\ndef broken(:\n",
        "from flask import Flask\nprint 'python 2'\napp = Flask(__name__)\n",
    ] {
        assert_eq!(best(&[("app.py", text)]), "Flask wsgi: app:app", "{text:?}");
    }
    let project = Project::new(&[]);
    std::fs::write(project.0.path().join("app.py"), b"# \xe9\xff\nfrom flask import Flask\napp = Flask('caf\xe9')\n")
        .unwrap();
    assert_eq!(project.found()[0].target, "app:app");
    std::fs::write(project.0.path().join("app.py"), b"\x00\x01\x02flask").unwrap();
    assert!(project.found().is_empty());
}

#[test]
fn what_the_code_needs_is_found_through_its_imports() {
    let app = "import os, json\nimport yaml\nfrom flask import Flask\nfrom models import db\nimport flask_sqlalchemy\ntry:\n    import ujson\nexcept ImportError:\n    pass\napp = Flask(__name__)\nKEY = os.environ['SECRET_KEY']\nLEVEL = os.getenv('LOG_LEVEL', 'info')\n";
    let files = [
        ("app.py", app),
        (
            "models.py",
            "import os\nfrom PIL import Image\nURL = os.environ.get('DATABASE_URL', 'sqlite:///app.db')\ndb = 1\n",
        ),
        ("unused.py", "import os, numpy\nos.environ['UNUSED']\n"),
        ("requirements-dev.txt", "pytest\n"),
    ];
    let details = Project::new(&files).details();
    let env: Vec<_> = details.env.iter().map(|env| (env.name.as_str(), env.at.shown(), env.required)).collect();
    assert_eq!(env, [("SECRET_KEY", "app.py:11".to_owned(), true), ("DATABASE_URL", "models.py:3".to_owned(), false)]);
    assert_eq!(details.dependencies, "none declared");
    assert!(
        details
            .warnings
            .iter()
            .any(|text| text.contains("flask, flask-sqlalchemy, pillow, pyyaml.")
                && text.contains("requirements-dev.txt")),
        "{:?}",
        details.warnings
    );
    assert!(
        details.warnings.iter().any(|text| text.starts_with("models.py:3: a SQLite file")),
        "{:?}",
        details.warnings
    );
    for (file, text, expected) in [
        ("requirements.txt", "flask\n", "requirements.txt"),
        ("pyproject.toml", "[project]\ndependencies = ['flask']\n", "pyproject.toml"),
        ("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.11'\nflask = '*'\n", "pyproject.toml"),
        ("Pipfile.lock", "{}", "Pipfile.lock"),
        ("Pipfile", "", "Pipfile"),
        ("pyproject.toml", "[tool.black]\n", "none declared"),
    ] {
        assert_eq!(Project::new(&[files[0], (file, text)]).details().dependencies, expected, "{text}");
    }
    let plain = Project::new(&[("app.py", "import json\ndef handler(event, context): pass\n")]).details();
    assert_eq!((plain.dependencies.as_str(), plain.warnings.len()), ("none needed", 0));
}

#[test]
fn what_would_keep_it_from_working_is_said() {
    for (text, said) in [
        (
            "from flask import Flask\napp = Flask('x')\napp.run(debug=True)\n",
            "app.py:3: `app.run(debug=True)` starts a server",
        ),
        ("import uvicorn\nfrom fastapi import FastAPI\napp = FastAPI()\nuvicorn.run(app)\n", "app.py:4"),
        ("import bottle\n@bottle.get('/')\ndef index(): pass\nbottle.run(port=80)\n", "app.py:4"),
    ] {
        let warnings = Project::new(&[("app.py", text), ("requirements.txt", "x\n")]).details().warnings;
        assert!(warnings.len() == 1 && warnings[0].starts_with(said), "{warnings:?}");
    }
    let guarded = "from flask import Flask\napp = Flask('x')\nif __name__ == '__main__':\n    app.run()\n";
    assert!(Project::new(&[("app.py", guarded), ("requirements.txt", "x\n")]).details().warnings.is_empty());
    let django =
        Project::new(&[("manage.py", MANAGE), ("mysite/settings.py", SETTINGS), ("requirements.txt", "django\n")]);
    let details = django.details();
    assert!(
        details.wants_static && details.warnings[0].starts_with("mysite/settings.py:2: `ALLOWED_HOSTS = []`"),
        "{:?}",
        details.warnings
    );
}

#[test]
fn settings_for_somewhere_else_do_not_count() {
    let files = [
        ("manage.py", "import os, django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'web.settings.prod')\n"),
        ("web/settings/prod.py", "from .base import *\n"),
        ("web/settings/base.py", "import os\nKEY = os.environ['KEY']\nALLOWED_HOSTS = ['*']\n"),
        ("web/settings/docker.py", "import os\nSQL = os.environ['SQL_HOST']\n"),
    ];
    let env = Project::new(&files).details().env;
    assert_eq!(env.iter().map(|env| env.name.as_str()).collect::<Vec<_>>(), ["KEY"]);
    let workspace = [
        ("uv.lock", ""),
        ("api/pyproject.toml", "[project]\ndependencies = ['fastapi']\n"),
        ("api/main.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
    ];
    assert_eq!(Project::new(&workspace).details().dependencies, "uv.lock");
}

#[test]
fn a_huge_project_ends() {
    let project = Project::new(&[("zzz.py", "from flask import Flask\napp = Flask(__name__)\n")]);
    for folder in 0..30 {
        let dir = project.0.path().join(format!("lib{folder}"));
        std::fs::create_dir_all(&dir).unwrap();
        for file in 0..20 {
            std::fs::write(dir.join(format!("m{file}.py")), "import os\nfrom application import handler\n".repeat(200))
                .unwrap();
        }
    }
    assert_eq!(project.found()[0].target, "zzz:app");
}
