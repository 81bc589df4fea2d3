//! `rzap init` in projects as people have them: what it writes is deployed to the local cloud as it is, and
//! used over HTTP. And what it says when it finds nothing, several things, or something that cannot run.

use crate::http;
use crate::output::Output;
use crate::world::World;

/// A project for the Python that is here: compiled code fits one version only.
fn python(files: &[(&str, &str)]) -> World {
    let world = World::new();
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    let here = world.shell(&format!("python3 -c \"{version}\"")).success().stdout;
    world.write(".python-version", &here);
    for (path, text) in files {
        world.write(path, text);
    }
    world
}

/// Fails the test unless stdout has all of these.
#[track_caller]
fn shows(output: &Output, texts: &[&str]) {
    for text in texts {
        assert!(output.stdout.contains(text), "stdout does not say `{text}`\n{output}");
    }
}

/// Has the project recognised, and deploys what is written; the URL without its slash.
fn deployed(world: &World, entry: &str) -> String {
    shows(&world.run("init").success(), &["wrote rzap.yaml for the app `project`", entry]);
    world.run("validate").success();
    world.run("deploy dev --local --json").success().url()
}

/// Deploys what was recognised, looks at one page, and takes it down.
fn serves(world: &World, entry: &str, path: &str, expected: &str) {
    let url = deployed(world, entry);
    let answer = http::get(&format!("{url}{path}"));
    assert!(answer.status == 200 && answer.text().contains(expected), "{}\n{answer:?}", answer.text());
    world.run("undeploy dev --local --yes").success();
    world.local().is_empty();
}

#[test]
fn a_flask_factory_in_a_src_folder() {
    let world = python(&[
        ("requirements.txt", "flask==3.1.3\n"),
        ("pyproject.toml", "[project]\nname = 'shop'\nversion = '1'\n"),
        (
            "src/shop/__init__.py",
            "from flask import Flask\n\n\ndef create_app(config=None):\n    app = Flask(__name__)\n    from shop import pages\n    app.register_blueprint(pages.pages)\n    return app\n",
        ),
        (
            "src/shop/pages.py",
            "from flask import Blueprint, render_template\n\npages = Blueprint('pages', __name__)\n\n\n@pages.get('/')\ndef index():\n    return render_template('index.html')\n",
        ),
        ("src/shop/templates/index.html", "<h1>{{ request.blueprint }}</h1>\n"),
        ("tests/test_shop.py", "from flask import Flask\napp = Flask('test')\n"),
    ]);
    serves(&world, "wsgi: shop:create_app()", "/", "<h1>pages</h1>");
}

const SETTINGS: &str = "import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ.get('SECRET_KEY', 'for-tests')
ALLOWED_HOSTS = ['*']
ROOT_URLCONF = 'mysite.urls'
INSTALLED_APPS = ['django.contrib.staticfiles', 'polls']
STATIC_URL = 'static/'
TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}]
";

#[test]
fn a_django_project_in_a_folder_of_its_own() {
    let world = python(&[
        ("requirements.txt", "django==5.2.19\n"),
        ("frontend/package.json", "{}"),
        (
            "backend/manage.py",
            "#!/usr/bin/env python\nimport os\nimport sys\n\n\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n    from django.core.management import execute_from_command_line\n    execute_from_command_line(sys.argv)\n\n\nif __name__ == '__main__':\n    main()\n",
        ),
        ("backend/mysite/__init__.py", ""),
        ("backend/mysite/settings.py", SETTINGS),
        (
            "backend/mysite/urls.py",
            "from django.urls import path\nfrom polls import views\n\nurlpatterns = [path('polls/', views.index)]\n",
        ),
        (
            "backend/mysite/wsgi.py",
            "import os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\napplication = get_wsgi_application()\n",
        ),
        ("backend/polls/__init__.py", ""),
        (
            "backend/polls/views.py",
            "from django.shortcuts import render\n\n\ndef index(request):\n    return render(request, 'index.html')\n",
        ),
        ("backend/polls/templates/index.html", "<p>{{ request.path|default:'polls' }}</p>\n"),
        ("backend/polls/static/polls/style.css", "p { color: green }\n"),
    ]);
    let url = deployed(&world, "django: mysite.settings");
    let page = http::get(&format!("{url}/polls/"));
    assert!(page.status == 200 && page.text().contains("<p>polls</p>"), "{page:?}");
    let style = http::get(&format!("{url}/static/polls/style.css"));
    assert_eq!((style.status, style.text().as_str()), (200, "p { color: green }\n"));
    world.run("undeploy dev --local --yes").success();
    world.local().is_empty();
}

#[test]
fn a_fastapi_app_that_was_wrapped_for_lambda() {
    let world = python(&[
        (
            "pyproject.toml",
            "[project]\nname = 'api'\nversion = '1'\ndependencies = ['fastapi==0.162.5', 'mangum==0.19.0']\n",
        ),
        ("app/__init__.py", ""),
        (
            "app/main.py",
            "from fastapi import FastAPI\nfrom mangum import Mangum\nfrom app.routes import router\n\napp = FastAPI()\napp.include_router(router)\nhandler = Mangum(app)\n",
        ),
        (
            "app/routes.py",
            "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n@router.get('/items/{key}')\nasync def item(key: int):\n    return {'item': key}\n",
        ),
    ]);
    serves(&world, "asgi: app.main:app", "/items/7", r#"{"item":7}"#);
}

#[test]
fn a_starlette_app() {
    let app = "from starlette.applications import Starlette\nfrom starlette.responses import PlainTextResponse\nfrom starlette.routing import Route\n\n\nasync def index(request):\n    return PlainTextResponse(f'hello {request.query_params[\"name\"]}')\n\n\napplication = Starlette(routes=[Route('/', index)])\n";
    let world = python(&[("requirements.txt", "starlette==1.7.0\n"), ("main.py", app)]);
    serves(&world, "asgi: main:application", "/?name=caf%C3%A9", "hello café");
}

#[test]
fn a_quart_app() {
    let app = "import quart\n\napp = quart.Quart(__name__)\n\n\n@app.get('/')\nasync def index():\n    return {'quart': True}\n\n\nif __name__ == '__main__':\n    app.run()\n";
    let world = python(&[("requirements.txt", "quart==0.20.0\n"), ("app.py", app)]);
    serves(&world, "asgi: app:app", "/", "true");
}

#[test]
fn falcon_apps_of_both_kinds() {
    let resource = "class Hello:\n    def on_get(self, req, resp):\n        resp.media = {'path': req.path}\n\n\n";
    let wsgi = format!("import falcon\n\n\n{resource}api = falcon.App()\napi.add_route('/hello', Hello())\n");
    let world = python(&[("requirements.txt", "falcon==4.4.0\n"), ("service.py", &wsgi)]);
    serves(&world, "wsgi: service:api", "/hello", "/hello");
    let asgi = wsgi
        .replace("import falcon", "import falcon.asgi as fa")
        .replace("falcon.App", "fa.App")
        .replace("def on_get", "async def on_get");
    let world = python(&[("requirements.txt", "falcon==4.4.0\n"), ("service.py", &asgi)]);
    serves(&world, "asgi: service:api", "/hello", "/hello");
}

#[test]
fn a_bottle_app_without_a_name() {
    let app = "import bottle\n\n\n@bottle.route('/hello/<name>')\ndef hello(name):\n    return bottle.template('<b>{{name}}</b>', name=name)\n\n\nif __name__ == '__main__':\n    bottle.run()\n";
    let world = python(&[("requirements.txt", "bottle==0.13.4\n"), ("hello.py", app)]);
    serves(&world, "wsgi: hello:bottle.default_app()", "/hello/you", "<b>you</b>");
}

#[test]
fn a_pyramid_app() {
    let app = "from pyramid.config import Configurator\nfrom pyramid.response import Response\n\n\ndef hello(request):\n    return Response('hello ' + request.matchdict['name'])\n\n\ndef main(global_config=None, **settings):\n    with Configurator(settings=settings) as config:\n        config.add_route('hello', '/hello/{name}')\n        config.add_view(hello, route_name='hello')\n        return config.make_wsgi_app()\n";
    let world = python(&[("requirements.txt", "pyramid==2.1\nsetuptools==81.0.0\n"), ("web/__init__.py", app)]);
    serves(&world, "wsgi: web:main()", "/hello/you", "hello you");
}

#[test]
fn a_lambda_handler() {
    let app = "import json\n\n\ndef lambda_handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps({'path': event['rawPath']})}\n";
    let world = python(&[("handlers/web.py", app)]);
    serves(&world, "handler: handlers.web.lambda_handler", "/a", r#"{"path": "/a"}"#);
}

#[test]
fn a_node_handler() {
    let world = World::new()
        .file("package.json", r#"{"main": "src/web.mjs", "engines": {"node": ">=22 <23"}}"#)
        .file("src/web.mjs", "// A comment: exports.handler = 1\nexport const handler = async (event) => ({\n  statusCode: 200,\n  body: `from ${event.rawPath}`,\n});\n");
    serves(&world, "handler: src/web.handler", "/here", "from /here");
}

#[test]
fn an_executable_that_is_its_own_runtime() {
    let world = World::new();
    world.run("init --template bootstrap").success();
    std::fs::remove_file(world.project().join("rzap.yaml")).expect("the template has a config");
    serves(&world, "bootstrap: bootstrap", "/", "Hello from sh");
}

#[test]
fn what_zappa_was_told_is_taken_over() {
    let settings = r#"{
        "dev": {"app_function": "shop.web.app", "project_name": "My Shop", "aws_region": "eu-west-1", "s3_bucket": "zappa",
            "memory_size": 256, "environment_variables": {"GREETING": "${hello}"}, "vpc_config": {"SubnetIds": ["subnet-1"]}},
        "prod": {"extends": "dev", "memory_size": 1024, "keep_warm": true}
    }"#;
    let app = "import os\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef index():\n    return os.environ['GREETING']\n";
    let files = [
        ("requirements.txt", "flask==3.1.3\n"),
        ("zappa_settings.json", settings),
        ("shop/web.py", app),
        ("app.py", app),
    ];
    let world = python(&files);
    let said = world.run("init").success();
    shows(&said, &["wsgi: shop.web:app", "taken over from zappa_settings.json", "dev: vpc_config"]);
    assert!(!said.stdout.contains("${hello}"), "{said}");
    let yaml =
        world.read("rzap.yaml").lines().filter(|line| !line.starts_with("runtime")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(yaml, @r##"
    app: my-shop
    wsgi: shop.web:app                # shop/web.py:4
    http: rest                        # as with Zappa: paths begin with the stage
    env:
      GREETING: "$${hello}"
    region: eu-west-1

    stages:
      dev:
        memory: 256
      prod:
        keep_warm: true
        memory: 1024
    "##);
    let url = world.run("deploy dev --local --json").success().url();
    let answer = http::get(&format!("{url}/"));
    assert_eq!((answer.status, answer.text().as_str()), (200, "${hello}"));
}

#[test]
fn what_is_found_in_the_fixtures_is_what_they_say_themselves() {
    for fixture in
        ["guestbook", "hello-bootstrap", "hello-node", "hello-python", "hello-typescript", "notes-api", "polls"]
    {
        let world = World::new().app(fixture);
        let own = world.read("rzap.yaml");
        std::fs::remove_file(world.project().join("rzap.yaml")).expect("the fixture has a config");
        let written = world.run("init --dry-run").success().stdout;
        let keys = ["wsgi:", "asgi:", "django:", "handler:", "bootstrap:"];
        let entry = own.lines().find(|line| keys.iter().any(|key| line.starts_with(key))).expect("an entry");
        assert!(
            written.contains(&format!("\n{entry} ")) && written.contains("\nhttp: url "),
            "{fixture}: {entry}\n{written}"
        );
    }
}

const FLASK: &str =
    "import os\nfrom flask import Flask\n\napp = Flask(__name__)\napp.secret_key = os.environ['SECRET_KEY']\n";

#[test]
fn it_says_what_it_found_and_what_it_could_not_know() {
    let world = World::new()
        .file("shop/__init__.py", "")
        .file("shop/app.py", FLASK)
        .file("admin.py", "from flask import Flask\n\napp = Flask('admin')\n");
    insta::assert_snapshot!(world.run("init").success().out(), @r"
    wrote rzap.yaml for the app `project`

      found        Flask in shop/app.py:4
                     app = Flask(__name__)
      runs         wsgi: shop.app:app
      runtime      python3.13 (the default: nothing asks for another)
      http         url (paths stay as they are; `rest` and `http` are APIs)
      dependencies none declared

    not known: values of environment variables (see `env` in rzap.yaml)
      SECRET_KEY               shop/app.py:5, fails without it

    before it works:
      - nothing declares what the code imports: flask. List it in requirements.txt,
        for example with `pip freeze > requirements.txt` where the app runs

    there is also:
      wsgi: admin:app              Flask at admin.py:3
      (take one of them with `rzap init --entry NAME`)

    next:
      rzap deploy dev --local    # runs on this machine, no AWS account needed
      rzap deploy dev            # runs on AWS
    ");
    insta::assert_snapshot!(world.read("rzap.yaml"), @r"
    app: project
    runtime: python3.13               # the default: nothing asks for another
    wsgi: shop.app:app                # shop/app.py:4
    http: url                         # paths stay as they are; `rest` and `http` are APIs

    # The code reads these; `${env.NAME}` is the value in the environment rzap runs in.
    # env:
    #   SECRET_KEY: ${env.SECRET_KEY}  # shop/app.py:5

    stages:
      dev: {}
      prod: {}
    ");
    world.run("validate").success();
    insta::assert_snapshot!(world.run("init").failure(2).err(), @r"
    error: `.` already has an rzap.yaml: nothing was written
    hint: `rzap validate` shows what it says; remove it to have it written anew
    ");
}

#[test]
fn nothing_is_written_on_a_dry_run_and_the_entry_can_be_named() {
    let world =
        World::new().file("shop/app.py", FLASK).file("admin.py", "from flask import Flask\n\nweb = Flask('admin')\n");
    world.write("requirements.txt", "flask\n");
    let dry = world.run("init --dry-run").success();
    assert!(dry.stdout.starts_with("app: project\n") && dry.stdout.contains("wsgi: shop.app:app"), "{dry}");
    assert!(dry.stderr.contains("there is also:") && !world.project().join("rzap.yaml").exists(), "{dry}");
    let json = world.run("init --dry-run --json --entry shop/app.py:4").success().json();
    let found = &json["found"];
    assert_eq!(found["chosen"]["target"], "shop.app:app");
    assert_eq!(found["chosen"]["at"], serde_json::json!({"file": "shop/app.py", "line": 4}));
    assert_eq!(
        found["env"][0],
        serde_json::json!({"name": "SECRET_KEY", "at": {"file": "shop/app.py", "line": 5}, "required": true})
    );
    assert!(json["yaml"].as_str().is_some_and(|yaml| yaml.contains("wsgi: shop.app:app")), "{json}");
    world
        .run("init --entry nothing:app")
        .failure(2)
        .says(&["no app `nothing:app` was recognised here", "there is wsgi: admin:web"]);
    world.run("init --entry wsgi:admin:web").success();
    assert!(world.read("rzap.yaml").contains("wsgi: admin:web"));
}

#[test]
fn what_cannot_run_as_it_is_is_told_what_it_lacks() {
    for (path, text, said) in [
        (
            "package.json",
            r#"{"dependencies": {"express": "5"}}"#,
            ["Express in package.json cannot be deployed as it is", "serverless-http"],
        ),
        (
            "app.py",
            "from chalice import Chalice\napp = Chalice(app_name='x')\n",
            ["Chalice in app.py:2 cannot be deployed", "Flask"],
        ),
        (
            "app.py",
            "from flask import Flask\ndef create_app(config):\n    return Flask('x')\n",
            ["`config` of `create_app` needs a value", "wsgi.py"],
        ),
        (
            "app.py",
            "from bottle import route, run\n@route('/')\ndef index(): return 'x'\n",
            ["Bottle's default application", "app = bottle.default_app()"],
        ),
        ("index.ts", "export const handler = async (event: object) => {};\n", ["compiles this TypeScript", "esbuild"]),
    ] {
        let world = World::new().file(path, text);
        world.run("init").failure(2).says(&said);
        assert!(!world.project().join("rzap.yaml").exists());
    }
}

#[test]
fn a_project_without_an_app_is_told_so() {
    let world = World::new().file("tool.py", "import sys\nprint(sys.argv)\n");
    insta::assert_snapshot!(world.run("init").failure(2).err(), @r"
    error: no app was recognised in 1 source file; which template?
    hint: --template python|flask|django|fastapi|thumbnailer|node|bootstrap
    ");
}

/// A template as it is, for the Python that is here.
fn template(name: &str) -> (World, String) {
    let world = World::new();
    world.args(&["init", "shop", "--template", name]).success();
    let version = "import sys; print('python%d.%d' % sys.version_info[:2])";
    let here = world.shell(&format!("python3 -c \"{version}\"")).success().stdout;
    world.edit("shop/rzap.yaml", "runtime: python3.13", &format!("runtime: {}", here.trim()));
    let url = world.run("deploy dev --local --project shop --json").success().url();
    (world, url)
}

#[test]
fn the_django_template_is_migrated_and_written_in() {
    let (world, url) = template("django");
    let first = http::get(&format!("{url}/"));
    assert!(first.status == 200 && first.text().contains("rzap manage dev -- migrate"), "{}", first.text());
    let migrate = ["manage", "dev", "--local", "--project", "shop", "--", "migrate"];
    shows(&world.args(&migrate).success(), &["notes.0001_initial"]);
    let page = http::get(&format!("{url}/"));
    let text = page.text();
    assert!(text.contains("Nobody has written anything yet."), "{text}");
    // In the local cloud a function URL has a path of its own.
    let origin = &url[..url.find("/_aws").unwrap_or(url.len())];
    let style = text.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a stylesheet");
    let style = http::get(&format!("{origin}{style}"));
    assert!(style.status == 200 && style.text().contains("font-family"), "{style:?}");
    let token = text
        .split("name=\"csrfmiddlewaretoken\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    let cookie = page.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie.as_str())];
    let refused = http::request("POST", &format!("{url}/"), &form, "text=hello");
    assert_eq!(refused.status, 403, "{refused:?}");
    let written =
        http::request("POST", &format!("{url}/"), &form, format!("csrfmiddlewaretoken={token}&text=h%C3%A9llo"));
    assert_eq!(written.status, 302, "{}", written.text());
    let there = format!("{origin}{}", written.header("location").expect("a way back"));
    assert!(http::get(&there).text().contains("héllo"));
}

#[test]
fn the_fastapi_template_checks_and_streams() {
    let (_world, url) = template("fastapi");
    let put =
        |body: &str| http::request("PUT", &format!("{url}/items/a"), &[("content-type", "application/json")], body);
    assert_eq!(put(r#"{"name": "", "price": -1}"#).status, 422);
    assert_eq!(put(r#"{"name": "tea", "price": 3.5}"#).json()["name"], "tea");
    assert_eq!(http::get(&format!("{url}/items/a")).json()["price"], 3.5);
    assert_eq!(http::get(&format!("{url}/items/b")).status, 404);
    assert_eq!(http::get(&format!("{url}/count/3")).text(), "1\n2\n3\n");
    assert!(http::get(&format!("{url}/docs")).text().contains("swagger"));
}

#[test]
fn the_thumbnailer_template_makes_a_thumbnail() {
    let (world, url) = template("thumbnailer");
    assert!(http::get(&format!("{url}/")).text().contains("/thumbnail\" method=\"post\""));
    let picture = "import struct, sys, zlib
part = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = (b'\\0' + b'\\xc0\\x20\\x40' * 800) * 600
head = struct.pack('>IIBBBBB', 800, 600, 8, 2, 0, 0, 0)
sys.stdout.buffer.write(b'\\x89PNG\\r\\n\\x1a\\n' + part(b'IHDR', head) + part(b'IDAT', zlib.compress(rows)) + part(b'IEND', b''))
";
    world.write("picture.py", picture);
    world.shell("python3 picture.py > picture.png").success();
    let size = "import sys; data = open('thumbnail.jpg', 'rb').read(); at = data.index(b'\\xff\\xc0'); print(data[:2].hex(), int.from_bytes(data[at+7:at+9], 'big'), int.from_bytes(data[at+5:at+7], 'big'))";
    world.shell(&format!("curl -sS --fail -o thumbnail.jpg -F image=@picture.png '{url}/thumbnail'")).success();
    world.write("size.py", size);
    assert_eq!(world.shell("python3 size.py").success().stdout, "ffd8 256 192\n");
    let none = world.shell(&format!("curl -sS -o answer -w '%{{http_code}}' -F image=@size.py '{url}/thumbnail'"));
    assert_eq!(none.success().stdout, "415");
}
