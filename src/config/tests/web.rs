//! Web apps: what they are called by, and what they do beyond answering requests.

use std::path::PathBuf;

use super::{Folder, errors};
use crate::config::stage::{Entry, FunctionConfig, Http, StaticFiles, Web};

const BASE: &str = "app: a\nruntime: python3.13\nstages: { dev: }\n";

fn web(lines: &str) -> FunctionConfig {
    let folder = Folder::new();
    folder.write("static/app.css", "");
    folder.write("src/www/app.css", "");
    let project = folder.load(format!("{BASE}{lines}\n")).unwrap();
    project.stage(None).unwrap().functions["web"].clone()
}

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

#[test]
fn an_app_is_an_object_a_factory_or_a_settings_module() {
    assert_eq!(web("asgi: app:app").entry, Entry::Asgi("app:app".into()));
    assert_eq!(web("wsgi: src.guest:make.app()").entry, Entry::Wsgi("src.guest:make.app()".into()));
    assert_eq!(web("django: src.guest").entry, Entry::Django("src.guest".into()));
    assert_eq!(web("django: src.guest").http, Some(Http::Rest), "an app is there to be reached");
    assert_eq!(web("asgi: app:app\nhttp: http").http, Some(Http::Api));
    let django = "src/guest | `src/guest` is not a settings module | write the dotted name of the settings, like `mysite.settings`";
    assert_eq!(wrong("django: src/guest"), [django]);
    let factory = "app:make(1) | `app:make(1)` is not an ASGI application | write `module:object`, like `app:app`";
    assert_eq!(wrong("asgi: app:make(1)"), [factory]);
    let missing = "gust | `gust` names a file that is not there | looked for `gust.py` and `gust/__init__.py` in ";
    assert!(wrong("django: gust")[0].starts_with(missing), "{:?}", wrong("django: gust"));
}

#[test]
fn what_an_app_does_besides() {
    let all = web("asgi: app:app\nhttp: url\nstream: true\nexec: true\nkeep_warm: true\nstatic: true");
    let files = StaticFiles { dir: Some(PathBuf::from("static")), url: "/static/".into() };
    assert_eq!(all.web, Web { stream: true, exec: true, keep_warm: true, static_files: Some(files) });
    let files = |lines: &str| web(&format!("{lines}\n")).web.static_files;
    let own = StaticFiles { dir: Some(PathBuf::from("src/www")), url: "/assets/v1/".into() };
    assert_eq!(files("wsgi: app:app\nstatic: { dir: src/www, url: /assets/v1 }"), Some(own));
    let collected = StaticFiles { dir: None, url: "/static/".into() };
    assert_eq!(files("django: src.guest\nstatic: true"), Some(collected), "collectstatic knows where they are");
    assert_eq!(files("django: src.guest\nstatic: false"), None);
}

#[test]
fn what_would_do_nothing_is_told_where_it_was_said_for_one_function() {
    let main = "handler: app.main\nexec: true\nkeep_warm: false\nstream: true\nhttp: url";
    let apps = "it is for Python web apps: `wsgi`, `asgi` and `django`";
    assert_eq!(
        wrong(main),
        [
            format!("exec | `exec` does nothing here | {apps}"),
            "stream | `stream` does nothing here | it is for functions with `http: url` that are no Python handlers"
                .to_owned(),
        ]
    );
    let rest = wrong("wsgi: app:app\nstream: true");
    assert!(rest[0].starts_with("stream | `stream` does nothing here"), "{rest:?}");
    let inherited = "exec: true\nfunctions:\n  web: { wsgi: app:app }\n  job: { handler: app.main }";
    assert!(web(inherited).web.exec);
}

#[test]
fn values_that_cannot_be() {
    for (lines, told) in [
        ("static: static", "static | `static` needs `true`, or a map with `dir` and `url` | this is text"),
        (
            "static: { dir: ../x }",
            "../x | `dir` is not inside the code folder | write a path relative to the code folder, without `..`",
        ),
        ("static: { url: / }", "/ | `url` is not a path of the app | like `/static/`"),
        ("static: { url: static }", "static | `url` is not a path of the app | like `/static/`"),
        (
            "static: { dir: ./. }",
            "./. | `dir` is the code folder itself | all of it would be public: name a folder with static files only",
        ),
        ("static: true", "true | no folder `static` with static files | looked for it in the code folder"),
        (
            "static: { url: /s/, dir: app.py }",
            "app.py | no folder `app.py` with static files | looked for it in the code folder",
        ),
        ("static: { urls: /s/ }", "urls | unknown key `urls` in `static` | did you mean `url`?"),
        ("exec: yes", "yes | `exec` needs true or false | did you mean `true`?"),
        (
            "exec: true\nenv: { AWS_LAMBDA_EXEC_WRAPPER: /opt/x }",
            "exec | `exec` and `AWS_LAMBDA_EXEC_WRAPPER` exclude each other | both put another runtime in the place of AWS's",
        ),
    ] {
        assert_eq!(wrong(&format!("wsgi: app:app\n{lines}")), [told], "{lines}");
    }
}
