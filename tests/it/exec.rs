//! `exec` and `manage`: code that runs in the deployed function, its output while it is written, its exit
//! code, and the doors that stay shut.

use serde_json::json;

use crate::emulator::Emulator;
use crate::http;
use crate::world::World;

/// An app that echoes what it gets, and a module with jobs.
fn shop() -> World {
    let config = "app: shop\nruntime: python3.13\nregion: eu-west-1\nwsgi: app:app\nhttp: url\nexec: true\n\
                  stages:\n  dev: {}\n  prod: { exec: false }\n";
    let app = r#"
def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [b"echo: " + body]
"#;
    let jobs = r#"
import logging, os, subprocess, sys, time

def count():
    print("counting")
    logging.getLogger("jobs").warning("nothing to count")
    subprocess.run(["sh", "-c", "echo from a child; echo complaint >&2"], check=True)
    return {"rows": 0}

def fail():
    raise LookupError("no such row")

def wait(path):
    print("waiting", end="")
    while not os.path.exists(path):
        time.sleep(0.005)
    print(" and done")

def sleep():
    print("sleeping")
    time.sleep(600)
"#;
    World::new().file("rzap.yaml", config).file("app.py", app).file("jobs.py", jobs)
}

fn exec(world: &World, code: &str) -> crate::output::Output {
    world.args(&["exec", "dev", "--local", code])
}

#[test]
fn code_runs_in_the_live_function() {
    let world = shop();
    world.run("deploy dev --local").success();

    let two = exec(&world, "1 + 1").success();
    assert_eq!((two.stdout.as_str(), two.stderr.as_str()), ("2\n", ""));
    assert_eq!(exec(&world, "None").success().stdout, "");
    let name = exec(&world, "import os\nos.environ['AWS_LAMBDA_FUNCTION_NAME']").success();
    assert_eq!(name.stdout, "'shop-dev-web'\n");
    assert_eq!(
        world.with_stdin("exec dev --local -", "for n in range(3):\n  print(n)\n").success().stdout,
        "0\n1\n2\n"
    );

    let counted = exec(&world, "jobs:count").success();
    assert_eq!(counted.stdout, "counting\nfrom a child\n{'rows': 0}\n");
    assert_eq!(counted.stderr, "WARNING jobs: nothing to count\ncomplaint\n");

    exec(&world, "import sys; print('so far'); sys.exit(7)").failure(7);
    let failed = exec(&world, "jobs:fail").failure(1);
    assert_eq!(failed.stdout, "");
    failed.says(&["Traceback (most recent call last):", "jobs.py", "LookupError: no such row"]);
    // The function lives on, in the same process, and its own log has nothing of all that.
    exec(&world, "1").success();
    let log = world.run("tail dev --local --no-follow").success().stdout;
    assert!(
        log.contains("rzap: runs what `rzap exec` sent") && !log.contains("counting") && !log.contains("1 + 1"),
        "{log}"
    );

    let document = world.args(&["exec", "dev", "web", "jobs:count", "--local", "--json"]).success().json();
    let (out, err) = ("counting\nfrom a child\n{'rows': 0}\n", "WARNING jobs: nothing to count\ncomplaint\n");
    assert_eq!(document, json!({"function": "web", "exit": 0, "stdout": out, "stderr": err}));
    exec(&world, "input('Name? ')").failure(1).says(&["EOFError: nobody can answer here"]);
}

#[test]
fn output_comes_while_it_is_written() {
    let world = shop();
    world.run("deploy dev --local").success();
    let go = world.root().join("tmp/go");
    let mut running = world.start(&format!("exec dev --local __import__('jobs').wait('{}')", go.display()));
    assert!(running.says("waiting"), "{}", running.wait());
    std::fs::write(&go, "").expect("a file can be made");
    assert_eq!(running.wait().success().stdout, "waiting and done\n");
}

#[test]
fn ctrl_c_and_the_timeout_say_what_they_do() {
    let world = shop();
    world.edit("rzap.yaml", "exec: true\n", "exec: true\ntimeout: 5\n");
    world.run("deploy dev --local").success();
    insta::assert_snapshot!(exec(&world, "jobs:sleep").failure(1).err(), @r"
    error: the code in `web` was stopped by the function's timeout of 5 s
    hint: raise `timeout:` in rzap.yaml (at most 900 s), then `rzap deploy dev --local`
    ");

    let mut running = world.start("exec dev --local jobs:sleep");
    assert!(running.says("sleeping"), "{}", running.wait());
    running.interrupt();
    insta::assert_snapshot!(running.wait().failure(130).err(), @r"
    error: interrupted
    hint: what was started in `web` goes on until it is done, or until its timeout of 5 s
    ");
}

#[test]
fn the_door_is_shut_unless_the_stage_opens_it() {
    let world = shop();
    // Nothing is called: there is no cloud at all.
    insta::assert_snapshot!(world.run("exec prod --local 1").failure(2).err(), @r"
    error: stage `prod` does not allow code to be run in it
    hint: add `exec: true` to the stage in rzap.yaml (`stages: { prod: { exec: true } }`), then `rzap deploy prod --local`
    ");
    assert!(!world.root().join("state").read_dir().expect("a folder").any(|_| true), "the local cloud was started");
    insta::assert_snapshot!(exec(&world, "1").failure(1).err(), @r"
    error: failed to run code in `web` of stage `dev`
      cause: ResourceNotFoundException: Function not found: arn:aws:lambda:eu-west-1:000000000000:function:shop-dev-web:live
    hint: is it deployed? `rzap status dev --local` shows it, `rzap deploy dev --local` deploys it
    ");

    // The config allows it, what is live does not yet: with the bridge's runtime, and without it.
    for before in ["exec: false\nstream: true\n", "exec: false\n"] {
        world.edit("rzap.yaml", "exec: true\n", before);
        world.run("deploy dev --local").success();
        world.edit("rzap.yaml", before, "exec: true\n");
        let said = exec(&world, "1").failure(1).err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(said, @r"
            error: the version of `web` that is live runs no code from outside
              cause: this function runs no code from outside: set `exec: true` in rzap.yaml and deploy again
            hint: it was deployed before `exec: true` was in rzap.yaml, or by an older rzap: run `rzap deploy dev --local` first
            ");
        }
    }
}

#[test]
fn nothing_that_comes_over_http_runs_code() {
    let world = shop();
    let url = world.run("deploy dev --local --json").success().url();
    let event = json!({"rzap": "exec", "kind": "code", "code": "1 + 1"}).to_string();
    for kind in ["application/json", "application/octet-stream", "text/plain"] {
        let answer =
            http::request("POST", &format!("{url}/?rzap=exec"), &[("content-type", kind), ("rzap", "exec")], &event);
        assert_eq!((answer.status, answer.text()), (200, format!("echo: {event}")));
    }
    world.edit("rzap.yaml", "http: url", "http: rest");
    let url = world.run("deploy dev --local --json --allow-replace").success().url();
    let answer = http::request("POST", &url, &[("content-type", "application/json")], &event);
    assert_eq!((answer.status, answer.text()), (200, format!("echo: {event}")));
    // By its name and with permission it does.
    assert_eq!(exec(&world, "1 + 1").success().stdout, "2\n");
}

const SETTINGS: &str = r#"
import os
SECRET_KEY = "for tests"
INSTALLED_APPS = ["polls"]
ROOT_URLCONF = "mysite.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"#;

const MIGRATION: &str = r#"
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Question", [
            ("id", models.BigAutoField(primary_key=True)),
            ("text", models.CharField(max_length=200)),
        ]),
    ]
"#;

#[test]
fn django_s_commands_run_in_the_function() {
    let world = World::new();
    let database = world.root().join("tmp/polls.sqlite3");
    let config = format!(
        "app: polls\nruntime: python3.13\nregion: eu-west-1\ndjango: mysite.settings\nhttp: url\nexec: true\n\
         timeout: 60\nenv: {{ DATABASE: {} }}\nstages: {{ dev: {{}} }}\n",
        database.display()
    );
    let world = world
        .file("rzap.yaml", &config)
        .file("requirements.txt", "Django==5.2.8\n")
        .file("mysite/__init__.py", "")
        .file("mysite/settings.py", SETTINGS)
        .file("mysite/urls.py", "urlpatterns = []\n")
        .file("polls/__init__.py", "")
        .file("polls/models.py", "from django.db import models\n\nclass Question(models.Model):\n    text = models.CharField(max_length=200)\n")
        .file("polls/migrations/__init__.py", "")
        .file("polls/migrations/0001_initial.py", MIGRATION);
    world.run("deploy dev --local").success();

    let migrated = world.args(&["manage", "dev", "--local", "--", "migrate", "--noinput"]).success();
    assert!(migrated.stdout.contains("Applying polls.0001_initial... OK"), "{migrated}");
    let code = "from polls.models import Question\nQuestion.objects.create(text='Why?')\nQuestion.objects.count()";
    assert_eq!(exec(&world, code).success().stdout, "1\n");

    let unknown = world.args(&["manage", "dev", "--local", "--", "fly", "--high"]).failure(1);
    unknown.says(&["Unknown command: 'fly'"]);
    let wrong = world.args(&["manage", "dev", "--local", "--", "migrate", "--nonsense"]).failure(2);
    wrong.says(&["unrecognized arguments: --nonsense"]);

    world.edit("rzap.yaml", "django: mysite.settings", "wsgi: mysite.wsgi:application");
    insta::assert_snapshot!(world.run("manage dev --local -- migrate").failure(2).err(), @r"
    error: `web` is not known to be a Django project
    hint: `django: mysite.settings` in rzap.yaml makes it one; next to `wsgi` or `asgi` it is enough to set
    hint: the environment variable: `env: { DJANGO_SETTINGS_MODULE: mysite.settings }`
    ");
}

/// `MiniStack` starts a runtime of its own, so all of the output comes at once, from the buffered handler.
#[test]
fn code_runs_on_ministack_too() {
    let emulator = Emulator::ministack();
    let world = shop().at(&emulator.endpoint);
    world.run("deploy dev").success();
    assert_eq!(world.args(&["exec", "dev", "1 + 1"]).success().stdout, "2\n");
    let counted = world.args(&["exec", "dev", "jobs:count"]).success();
    assert!(counted.stdout.contains("from a child\n{'rows': 0}\n"), "{counted}");
    counted.says(&["complaint"]);
    world.args(&["exec", "dev", "import sys; sys.exit(7)"]).failure(7);
    world.args(&["exec", "dev", "jobs:fail"]).failure(1).says(&["LookupError: no such row"]);
    world.run("undeploy dev --yes").success();
}
