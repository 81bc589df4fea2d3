//! What a function did not find when it started, and what to add so that it does.
//!
//! Reads the texts of the runtimes: Python's `No module named 'yaml'` names the module, and a person
//! needs the name of the distribution, `PyYAML`.

use std::sync::LazyLock;

use regex::Regex;

/// Modules whose distribution (on `PyPI`) has another name: those that people meet.
const DISTRIBUTIONS: &[(&str, &str)] = &[
    ("Crypto", "pycryptodome"),
    ("Cryptodome", "pycryptodomex"),
    ("MySQLdb", "mysqlclient"),
    ("OpenSSL", "pyOpenSSL"),
    ("PIL", "Pillow"),
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("corsheaders", "django-cors-headers"),
    ("cv2", "opencv-python-headless"),
    ("dateutil", "python-dateutil"),
    ("decouple", "python-decouple"),
    ("distutils", "setuptools"),
    ("django_filters", "django-filter"),
    ("docx", "python-docx"),
    ("dotenv", "python-dotenv"),
    ("environ", "django-environ"),
    ("fitz", "PyMuPDF"),
    ("flask_cors", "Flask-Cors"),
    ("flask_login", "Flask-Login"),
    ("flask_sqlalchemy", "Flask-SQLAlchemy"),
    ("flask_wtf", "Flask-WTF"),
    ("git", "GitPython"),
    ("grpc", "grpcio"),
    ("jose", "python-jose"),
    ("jwt", "PyJWT"),
    ("magic", "python-magic"),
    ("memcache", "python-memcached"),
    ("multipart", "python-multipart"),
    ("nacl", "PyNaCl"),
    ("pkg_resources", "setuptools"),
    ("pptx", "python-pptx"),
    ("psycopg", "psycopg[binary]"),
    ("psycopg2", "psycopg2-binary"),
    ("pydantic_settings", "pydantic-settings"),
    ("pythonjsonlogger", "python-json-logger"),
    ("rest_framework", "djangorestframework"),
    ("serial", "pyserial"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("slugify", "python-slugify"),
    ("socks", "PySocks"),
    ("telegram", "python-telegram-bot"),
    ("usb", "pyusb"),
    ("yaml", "PyYAML"),
    ("zmq", "pyzmq"),
];

/// The hint for a text in which a runtime says that it did not find a module, or could not load one.
pub(crate) fn hint(text: &str) -> Option<String> {
    // One quick search spares a million lines of a log all the others.
    static ANY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let words = "o module |annot find |annot import name|unknown location|ELF |shared object|required by";
        Regex::new(words).ok()
    });
    if !ANY.as_ref()?.is_match(text) {
        return None;
    }
    native(text).or_else(|| python(text)).or_else(|| node(text)).or_else(|| platform(text))
}

/// The native half of a package that is there: made for another Python, it is not even seen.
fn native(text: &str) -> Option<String> {
    static UNSEEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let forms = [
            r"from '([A-Za-z]\w*)(?:\.\w+)*\._\w+' \(unknown location\)",
            r"cannot import name '_\w+' from '([A-Za-z]\w*)",
            r"No module named '([A-Za-z]\w*)(?:\.\w+)*\._\w+'",
        ];
        Regex::new(&forms.join("|")).ok()
    });
    let found = UNSEEN.as_ref()?.captures(text)?.iter().skip(1).flatten().next()?.as_str();
    Some(format!(
        "the native part of `{found}` fits another Python or processor: on AWS compare `runtime` and `arch`; the local cloud \
         needs the runtime's Python on this machine (its log says which one it took; `uv python install VERSION` gets it)"
    ))
}

fn python(text: &str) -> Option<String> {
    // Python's own words, and those of rzap's bridge.
    static MISSING: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?:No module named|no module) '([A-Za-z_][\w.]*)'").ok());
    static IMPORTING: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"Unable to import module '([\w./]+)'").ok());
    let name = |regex: &LazyLock<Option<Regex>>| {
        let found = regex.as_ref()?.captures(text)?.get(1)?.as_str();
        found.split(['.', '/']).next()
    };
    let module = name(&MISSING)?;
    if name(&IMPORTING) == Some(module) || text.contains("must name a file of the project") {
        return Some(format!(
            "`{module}` is no file of the package: look at `handler`, `dir` and `exclude` in rzap.yaml"
        ));
    }
    let known = DISTRIBUTIONS.binary_search_by_key(&module, |(module, _)| module).ok();
    Some(match known.and_then(|at| DISTRIBUTIONS.get(at)) {
        Some((_, distribution)) => format!(
            "the module `{module}` comes with the distribution `{distribution}`: add it to the dependencies \
             (requirements.txt, pyproject.toml) and deploy again"
        ),
        None => format!(
            "add the distribution that brings the module `{module}` (often `{}`) to the dependencies \
             (requirements.txt, pyproject.toml) and deploy again; is it a file of yours, look at `dir` and `exclude`",
            module.replace('_', "-")
        ),
    })
}

fn node(text: &str) -> Option<String> {
    static MISSING: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"Cannot find (?:module|package) '((?:@[\w.-]+/)?[\w.-]+)").ok());
    let found = MISSING.as_ref()?.captures(text)?.get(1)?.as_str();
    // A path is a file of the project.
    let file = found.starts_with('.') || found.starts_with('/');
    (!file).then(|| {
        format!("add `{found}` to `dependencies` in package.json (`devDependencies` are not packed) and deploy again")
    })
}

/// A native module that was built for another machine.
fn platform(text: &str) -> Option<String> {
    let signs = ["invalid ELF header", "wrong ELF class", "cannot open shared object file", "' not found (required by"];
    let sign = signs.iter().find(|sign| text.contains(**sign))?;
    Some(if sign.starts_with("cannot open") {
        "a native library needs another one that Lambda does not have: add it by a layer, or take a wheel that brings it"
            .to_owned()
    } else {
        "a native module was built for another platform: let rzap install it from the dependencies, and compare `arch` \
         and `runtime`"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        assert!(DISTRIBUTIONS.is_sorted_by_key(|(module, _)| module));
    }

    #[test]
    fn a_module_leads_to_its_distribution() {
        for (text, part) in [
            ("Unable to import module 'app': No module named 'yaml'", "distribution `PyYAML`"),
            ("Unable to import module 'app': No module named 'PIL.Image'", "distribution `Pillow`"),
            ("ModuleNotFoundError: No module named 'flask'", "module `flask` (often `flask`)"),
            ("no module 'sklearn' in the package (imported by web): add", "distribution `scikit-learn`"),
            ("No module named 'google_auth'", "(often `google-auth`)"),
            ("Unable to import module 'api.web': No module named 'api'", "`api` is no file of the package"),
            (
                "no module 'gust' in the package: `wsgi` in rzap.yaml must name a file of the project",
                "`gust` is no file",
            ),
            ("Error: Cannot find module 'express'\nRequire stack:", "add `express` to `dependencies`"),
            ("Cannot find package '@aws-sdk/client-s3' imported from /var/task/x.mjs", "add `@aws-sdk/client-s3`"),
            (
                "cannot import name 'A' from 'pydantic_core._pydantic_core' (unknown location)",
                "part of `pydantic_core`",
            ),
            ("cannot import name '_imaging' from 'PIL' (/var/task/PIL/__init__.py)", "part of `PIL`"),
            ("No module named 'numpy._core._multiarray_umath'", "part of `numpy`"),
            ("Unable to import module 'a': /var/task/_x.so: invalid ELF header", "another platform"),
            ("/lib64/libc.so.6: version `GLIBC_2.38' not found (required by /var/task/_x.so)", "another platform"),
            ("libGL.so.1: cannot open shared object file: No such file or directory", "by a layer"),
        ] {
            let hint = hint(text).unwrap_or_default();
            assert!(hint.contains(part), "{text}: {hint}");
        }
    }

    #[test]
    fn other_texts_get_no_hint() {
        for text in ["KeyError: 'module'", "Cannot find module './lib/own'", "no module at all", ""] {
            assert_eq!(hint(text), None, "{text}");
        }
    }
}
