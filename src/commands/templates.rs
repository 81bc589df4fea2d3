//! The index of what is baked into the binary for projects: what `rzap init` writes, and the
//! bridge that goes into Python packages. The texts live in `templates/`; adding one is a file there
//! and its line here.

use crate::package::{BridgeFile, Part};

/// A project that deploys as it is.
pub(crate) struct Template {
    /// What `--template` takes.
    pub(crate) name: &'static str,
    /// One line for the choice on a terminal and for `--help`.
    pub(crate) about: &'static str,
    /// Path below the new project, text, executable. [`APP`] in a text stands for the app's name.
    pub(crate) files: &'static [(&'static str, &'static str, bool)],
}

/// What stands for the app's name in a template's texts.
pub(crate) const APP: &str = "{{app}}";

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../templates/init/", $path))
    };
}

/// Every template, the default first.
///
/// `gitignore` is stored without its dot: with it, git would obey the template in this repository.
pub(crate) const ALL: &[Template] = &[
    Template {
        name: "python",
        about: "a Python function behind a function URL",
        files: &[
            ("rzap.yaml", template!("python/rzap.yaml"), false),
            ("app.py", template!("python/app.py"), false),
            ("README.md", template!("python/README.md"), false),
            (".gitignore", template!("python/gitignore"), false),
        ],
    },
    Template {
        name: "flask",
        about: "a Flask app behind a REST API",
        files: &[
            ("rzap.yaml", template!("flask/rzap.yaml"), false),
            ("app.py", template!("flask/app.py"), false),
            ("templates/index.html", template!("flask/templates/index.html"), false),
            ("requirements.txt", template!("flask/requirements.txt"), false),
            ("README.md", template!("flask/README.md"), false),
            (".gitignore", template!("flask/gitignore"), false),
        ],
    },
    Template {
        name: "django",
        about: "a Django project with static files, behind a function URL",
        files: &[
            ("rzap.yaml", template!("django/rzap.yaml"), false),
            ("manage.py", template!("django/manage.py"), true),
            ("mysite/__init__.py", template!("django/mysite/__init__.py"), false),
            ("mysite/settings.py", template!("django/mysite/settings.py"), false),
            ("mysite/urls.py", template!("django/mysite/urls.py"), false),
            ("notes/__init__.py", template!("django/notes/__init__.py"), false),
            ("notes/migrations/0001_initial.py", template!("django/notes/migrations/0001_initial.py"), false),
            ("notes/migrations/__init__.py", template!("django/notes/migrations/__init__.py"), false),
            ("notes/models.py", template!("django/notes/models.py"), false),
            ("notes/static/notes/style.css", template!("django/notes/static/notes/style.css"), false),
            ("notes/templates/notes/index.html", template!("django/notes/templates/notes/index.html"), false),
            ("notes/views.py", template!("django/notes/views.py"), false),
            ("requirements.txt", template!("django/requirements.txt"), false),
            ("README.md", template!("django/README.md"), false),
            (".gitignore", template!("django/gitignore"), false),
        ],
    },
    Template {
        name: "fastapi",
        about: "a FastAPI app that streams through a function URL",
        files: &[
            ("rzap.yaml", template!("fastapi/rzap.yaml"), false),
            ("app.py", template!("fastapi/app.py"), false),
            ("requirements.txt", template!("fastapi/requirements.txt"), false),
            ("README.md", template!("fastapi/README.md"), false),
            (".gitignore", template!("fastapi/gitignore"), false),
        ],
    },
    Template {
        name: "thumbnailer",
        about: "uploaded images made small with Flask and Pillow",
        files: &[
            ("rzap.yaml", template!("thumbnailer/rzap.yaml"), false),
            ("app.py", template!("thumbnailer/app.py"), false),
            ("templates/index.html", template!("thumbnailer/templates/index.html"), false),
            ("requirements.txt", template!("thumbnailer/requirements.txt"), false),
            ("README.md", template!("thumbnailer/README.md"), false),
            (".gitignore", template!("thumbnailer/gitignore"), false),
        ],
    },
    Template {
        name: "node",
        about: "a Node.js function behind a function URL",
        files: &[
            ("rzap.yaml", template!("node/rzap.yaml"), false),
            ("index.mjs", template!("node/index.mjs"), false),
            ("README.md", template!("node/README.md"), false),
            (".gitignore", template!("node/gitignore"), false),
        ],
    },
    Template {
        name: "bootstrap",
        about: "an executable of your own behind a function URL",
        files: &[
            ("rzap.yaml", template!("bootstrap/rzap.yaml"), false),
            ("bootstrap", template!("bootstrap/bootstrap"), true),
            ("README.md", template!("bootstrap/README.md"), false),
            (".gitignore", template!("bootstrap/gitignore"), false),
        ],
    },
];

macro_rules! bridge {
    ($($part:ident: $name:literal;)*) => {
        &[$(BridgeFile {
            path: concat!("rzap_web/", $name),
            text: include_str!(concat!("../../templates/bridge/rzap_web/", $name)),
            part: Part::$part,
        }),*]
    };
}

/// The bridge between Lambda and web applications, and what needs each of its files.
pub(crate) const BRIDGE: &[BridgeFile] = bridge! {
    Base: "__init__.py";
    Base: "load.py";
    Base: "request.py";
    Base: "response.py";
    Wsgi: "wsgi.py";
    Asgi: "asgi.py";
    Runtime: "start";
    Runtime: "runtime.py";
    Runtime: "runtime_api.py";
    Runtime: "runtime_log.py";
    Console: "console.py";
    Static: "static.py";
    Static: "static_s3.py";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_with_a_newline_and_paths_stay_inside() {
        let files = ALL.iter().flat_map(|template| template.files.iter().map(|&(path, text, _)| (path, text)));
        for (path, text) in files.chain(BRIDGE.iter().map(|file| (file.path, file.text))) {
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{path}");
            assert!(!path.starts_with('/') && !path.contains(".."), "{path}");
            assert!(!text.contains('\r'), "{path}");
        }
    }

    #[test]
    fn every_template_is_a_named_app_with_its_own_paths() {
        for template in ALL {
            let config = template.files.iter().find(|file| file.0 == "rzap.yaml").map(|file| file.1);
            let first = format!("app: {APP}\n");
            assert!(config.is_some_and(|text| text.starts_with(&first)), "{}", template.name);
            let mut paths: Vec<_> = template.files.iter().map(|file| file.0).collect();
            paths.sort_unstable();
            paths.dedup();
            assert_eq!(paths.len(), template.files.len(), "{}", template.name);
        }
    }

    #[test]
    fn a_script_is_executable() {
        for (path, text, executable) in ALL.iter().flat_map(|template| template.files) {
            assert_eq!(text.starts_with("#!"), *executable, "{path}");
        }
    }
}
