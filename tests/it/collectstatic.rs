//! `static: true` of a Django project: its own `collectstatic`, with names that carry hashes, through to
//! the browser. The environments are real: one of the project's, and one that rzap has uv make.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::http;
use crate::tools::TOOLS;
use crate::world::World;

const SETTINGS: &str = r#"
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "polls",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
"#;

const URLS: &str = r#"
from django.contrib import admin
from django.http import HttpResponse
from django.template import engines
from django.urls import path

PAGE = engines["django"].from_string('{% load static %}<link href="{% static "polls/style.css" %}">')

urlpatterns = [
    path("", lambda request: HttpResponse(PAGE.render({}, request))),
    path("admin/", admin.site.urls),
]
"#;

const STYLE: &str = "body { background: url('images/back.png') }\n";

fn project() -> World {
    let head = "app: polls\nruntime: python3.12\ndjango: mysite.settings\nstatic: true\nenv: { SECRET_KEY: x }\n";
    let world = World::new()
        .file("rzap.yaml", &format!("{head}stages: {{ dev: {{}} }}\n"))
        .file("requirements.txt", "django==5.2.19\n")
        .file("mysite/__init__.py", "")
        .file("mysite/settings.py", SETTINGS)
        .file("mysite/urls.py", URLS)
        .file("polls/__init__.py", "")
        .file("polls/static/polls/style.css", STYLE)
        .file("polls/static/polls/images/back.png", "no real picture")
        // Of an earlier `collectstatic` by hand.
        .file("staticfiles/polls/style.0123456789ab.css", "old");
    world.env("RZAP_LOCAL", "1")
}

/// The project with an environment of its own, as developers have one.
fn with_environment() -> World {
    let world = project();
    let venv = TOOLS.bin("python3");
    let venv = venv.parent().and_then(Path::parent).expect("the environment's folder");
    symlink(venv, world.project().join(".venv")).expect("a link");
    world
}

/// Every `static/` file the page links to.
fn links(page: &str) -> Vec<String> {
    let parts = page.split(['"', '\'']).filter(|part| part.contains("/static/"));
    parts.map(str::to_owned).collect()
}

fn origin(url: &str) -> &str {
    let from = url.find("://").map_or(0, |at| at + 3);
    url[from..].find('/').map_or(url, |at| &url[..from + at])
}

#[test]
fn a_django_project_is_served_with_hashed_names_and_the_admins_files() {
    let world = with_environment();
    let before = world.shell("find . -path ./.venv -prune -o -type f -print | sort").success().stdout;
    let deployed = world.run("deploy dev --json").success();
    deployed.says(&["collectstatic"]);
    let url = deployed.url();
    let page = http::get(&format!("{url}/")).text();
    let [link] = links(&page).try_into().expect("one link");
    assert!(link.contains("/static/polls/style.") && !link.ends_with("/style.css"), "{link}");
    let get = |path: &str| http::request("GET", &format!("{}{path}", origin(&url)), &[("accept", "*/*")], "");
    let style = get(&link);
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")), "{style:?}");
    assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"));
    // What the style sheet names has its hash, too, and is there.
    let picture = style.text().split('"').nth(1).map(str::to_owned).expect("a picture");
    assert!(picture.starts_with("images/back."), "{picture}");
    let picture = get(&format!("{}/{picture}", link.rsplit_once('/').expect("a folder").0));
    assert_eq!((picture.text().as_str(), picture.header("content-type")), ("no real picture", Some("image/png")));
    // The plain name works as well, for a while.
    let plain = http::get(&format!("{url}/static/polls/style.css"));
    assert_eq!((plain.text().as_str(), plain.header("cache-control")), (STYLE, Some("public, max-age=300")));

    let login = http::get(&format!("{url}/admin/login/"));
    assert_eq!(login.status, 200, "{}", login.text());
    let all = links(&login.text());
    assert!(all.len() > 5, "{all:?}");
    for link in &all {
        let file = get(link);
        assert_eq!((file.status, file.header("cache-control").is_some()), (200, true), "{link}");
    }
    let old = http::get(&format!("{url}/static/polls/style.0123456789ab.css"));
    assert_eq!(old.status, 404, "{old:?}");

    // Nothing was left in the project, and a second time nothing is new.
    let after = world.shell("find . -path ./.venv -prune -o -type f -print | sort").success().stdout;
    assert_eq!(after, before);
    assert_eq!(world.run("deploy dev --json").success().changes(), [""; 0]);
    world.run("undeploy dev --yes").success();
    world.local().is_empty();
}

#[test]
fn without_an_environment_uv_makes_one_of_what_the_project_declares() {
    let world = project();
    world.edit("mysite/settings.py", ".ManifestStaticFilesStorage", ".StaticFilesStorage");
    world.edit("mysite/settings.py", "STATIC_URL = \"static/\"", "STATIC_URL = \"/assets/\"");
    let package = world.run("package dev").success();
    package.says(&["STATIC_URL = \"/assets/\" loses the stage in the URLs of a REST API: write it as \"assets/\""]);
    assert!(package.stdout.contains("served from S3 below /assets/"), "{package}");
    let names = "python3 -m zipfile -l \"$RZAP_CACHE_DIR\"/zips/$(rzap package dev --json --quiet | python3 -c \"import json, sys; print(json.load(sys.stdin)['packages']['web']['sha256'])\").zip";
    let names = world.shell(names).success().stdout;
    assert!(names.contains("rzap_static.json") && !names.contains("\nstaticfiles/"), "{names}");
    assert!(names.contains("rzap_web/static.py") && !names.contains("staticfiles.json"), "{names}");
}

#[test]
fn without_uv_venv_and_pip_make_one() {
    let world = project();
    // Of its own, so that there is something to install.
    let cache = world.project().join(".cache");
    let world = world.env("RZAP_CACHE_DIR", cache.to_str().expect("UTF-8"));
    let world = world.env("PATH", TOOLS.path_without_uv.to_str().expect("UTF-8"));
    let package = world.run("package dev").success();
    package.says(&["pip"]);
    assert!(package.stdout.contains("served from S3 below /static/"), "{package}");
}

/// `WhiteNoise` hashes, compresses and serves by itself; with `static` it is only asked for names.
#[test]
fn a_project_with_whitenoise_stays_as_it_is() {
    let world = project();
    world.write("requirements.txt", "django==5.2.19\nwhitenoise==6.11.0\n");
    let storage = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage";
    world.edit("mysite/settings.py", storage, "whitenoise.storage.CompressedManifestStaticFilesStorage");
    let first = "MIDDLEWARE = [\n    \"whitenoise.middleware.WhiteNoiseMiddleware\",";
    world.edit("mysite/settings.py", "MIDDLEWARE = [", first);
    let note = "WhiteNoise's middleware loses the stage in the URLs of a REST API";
    world.run("package dev").success().says(&[note]);
    world.edit("rzap.yaml", "static: true", "static: true\nhttp: url");
    let deployed = world.run("deploy dev --json").success();
    assert!(!deployed.stderr.contains(note), "{deployed}");
    let url = deployed.url();
    let [link] = links(&http::get(&format!("{url}/")).text()).try_into().expect("one link");
    let headers = [("accept", "*/*"), ("accept-encoding", "gzip")];
    let style = http::request("GET", &format!("{}{link}", origin(&url)), &headers, "");
    assert_eq!(
        (style.status, style.header("content-type")),
        (200, Some("text/css; charset=utf-8")),
        "{link} {style:?}"
    );
    assert!(style.header("x-content-type-options").is_some(), "it is rzap that answers: {style:?}");
    assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"));
}

#[test]
fn without_any_python_that_has_django_it_says_what_to_do() {
    let world = project();
    fs::remove_file(world.project().join("requirements.txt")).expect("requirements.txt");
    insta::assert_snapshot!(world.run("package dev --quiet").failure(1).err(), @r"
    error: cannot package web
      cause: found no Python that has django: neither an active virtualenv nor `.venv`, nor what the project declares, nor `python3`
    hint: install the project's dependencies into `.venv` (`uv venv && uv pip install …`), or add django to them
    ");
    world.write("requirements.txt", "django==0.0.1\n");
    world.run("package dev --quiet").failure(1).says(&["found no Python that has django, and cannot make one"]);
}

#[test]
fn what_goes_wrong_while_collecting_is_shown_with_what_to_do() {
    let world = with_environment();
    world.edit("polls/static/polls/style.css", "back.png", "gone.png");
    let failed = world.run("package dev --quiet").failure(1);
    failed.says(&[
        "error: cannot package web",
        "cause: `collectstatic` ended with exit code",
        "gone.png",
        "hint: it ran with ",
    ]);
    world.edit("polls/static/polls/style.css", "gone.png", "back.png");

    let settings = world.read("mysite/settings.py");
    for (old, new, said) in [
        ("\"django.contrib.staticfiles\",", "", "'django.contrib.staticfiles' is not in INSTALLED_APPS"),
        (
            "STATIC_ROOT = BASE_DIR / \"staticfiles\"",
            "",
            "STATIC_ROOT is not set: the app would look for staticfiles.json",
        ),
        ("STATIC_URL = \"static/\"", "STATIC_URL = \"https://cdn.example/s/\"", "the files are asked for elsewhere"),
        ("os.environ[\"SECRET_KEY\"]", "os.environ[\"OTHER\"]", "KeyError: 'OTHER'"),
        ("import os", "import os, missing_module", "No module named 'missing_module'"),
    ] {
        world.write("mysite/settings.py", &settings.replace(old, new));
        world.run("package dev --quiet").failure(1).says(&[said]);
    }
}
