//! Code that is not where the config says, and what is said about it.

use super::{Folder, errors, told};

#[test]
fn what_is_called_has_to_be_there() {
    let cases = [
        (
            "python3.13",
            "wsgi: apps:app",
            "apps:app | `apps:app` names a file that is not there | did you mean `app:app`?",
        ),
        (
            "python3.13",
            "wsgi: guest:app",
            "guest:app | `guest:app` names a file that is not there | there is `src/guest/__init__.py`: set `dir: src`",
        ),
        (
            "python3.13",
            "wsgi: app.app",
            "app.app | `app.app` has no `:` between module and object | did you mean `app:app`?",
        ),
        ("python3.13", "wsgi: app", "app | `app` is not a WSGI application | write `module:object`, like `app:app`"),
        ("nodejs22.x", "wsgi: app:app", "nodejs22.x | `wsgi` needs a Python runtime | like `python3.13`"),
        (
            "python3.13",
            "handler: src.geust.f",
            "src.geust.f | `src.geust.f` names a file that is not there | did you mean `src.guest.f`?",
        ),
        ("python3.13", "handler: jobs:f", "jobs:f | `jobs:f` is not a handler | did you mean `jobs.f`?"),
        (
            "python3.13",
            "handler: nodots",
            "nodots | `nodots` is not a handler | write `file.function`, like `jobs.nightly`",
        ),
        (
            "python3.13",
            "handler: ../x.f",
            "../x.f | `../x.f` is not inside the code folder | write a path relative to the code folder, without `..`",
        ),
        (
            "nodejs22.x",
            "bundle: false\nhandler: index.f",
            "index.f | `index.f` names a file that is not there | there is `index.ts`: Lambda runs JavaScript, set `bundle: true`",
        ),
        (
            "nodejs22.x",
            "handler: lib/deap.f",
            "lib/deap.f | `lib/deap.f` names a file that is not there | did you mean `lib/deep.f`?",
        ),
        (
            "provided.al2023",
            "handler: run.f",
            "run.f | an OS-only runtime runs a `bootstrap`, not a `handler` | write `bootstrap: PATH` instead of `handler:`",
        ),
        ("provided.al2023", "bootstrap: nope", "nope | no file `nope` | build it before rzap packages it"),
        ("provided.al2023", "bootstrap: src", "src | `src` is not a file | "),
        (
            "python3.13",
            "cargo: 'a b'",
            "'a b' | `a b` is not the name of a binary | write its name in Cargo.toml, or `cargo: true`",
        ),
        ("provided.al2023", "cargo: web", "web | no Cargo.toml in the code folder | set `dir` to where it is"),
        ("provided.al2023", "go: true", "true | no go.mod in the code folder | set `dir` to where it is"),
        (
            "provided.al2023",
            "go: ../x",
            "../x | `../x` is not inside the code folder | write a path relative to the code folder, without `..`",
        ),
        (
            "python3.13",
            "go: cmd",
            "python3.13 | a Go program needs an OS-only runtime | remove it, or write `provided.al2023`",
        ),
        (
            "python3.13",
            "image: 1.dkr.ecr.eu-west-1.amazonaws.com/a:1",
            "python3.13 | an image brings its own runtime | remove this line",
        ),
        (
            "python3.13",
            "bootstrap: run",
            "python3.13 | `bootstrap` needs an OS-only runtime | remove it, or write `provided.al2023`",
        ),
        (
            "Python 3.13",
            "handler: app.f",
            "Python 3.13 | `Python 3.13` is not the name of a runtime | like `python3.13`, `nodejs22.x`, `provided.al2023`",
        ),
        ("3.13", "handler: app.f", "3.13 | `runtime` needs a runtime, like `python3.13` | did you mean `python3.13`?"),
    ];
    for (runtime, entry, expected) in cases {
        assert_eq!(
            errors(&format!("app: a\nruntime: {runtime}\n{entry}\nstages: {{ dev: }}\n")),
            [expected],
            "{entry}"
        );
    }
}

#[cfg(unix)]
#[test]
fn an_executable_has_to_be_executable_and_code_has_to_be_inside() {
    let folder = Folder::new();
    let outside = Folder::new();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
    for (added, expected) in [
        ("bootstrap: tool", "tool | `tool` is not executable | run `chmod +x tool`"),
        (
            "bootstrap: link/run",
            "link/run | `link/run` leads out of the project | the executable has to be below the folder of `rzap.yaml`",
        ),
        (
            "bootstrap: run\ndir: link",
            "link | `link` leads out of the project | the code has to be below the folder of `rzap.yaml`",
        ),
    ] {
        let project = folder.load(format!("app: a\nstages: {{ dev: }}\n{added}\n")).unwrap();
        assert_eq!(told(&project.check().unwrap_err()), [expected]);
    }
}
