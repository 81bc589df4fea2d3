//! What a Python app needs besides its code: where its dependencies are declared, what it imports that
//! nobody declares, the environment variables it reads, a disk it cannot write to.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::super::found::{At, Variable};
use super::super::survey::{Survey, join, upwards};
use super::sources::Sources;

/// Top-level modules of Python 3.10–3.14 (`sys.stdlib_module_names`).
const STANDARD: &str = "abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit audioop \
base64 bdb binascii bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections \
colorsys compileall compression concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses \
dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl \
filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib \
heapq hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache \
locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis \
nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil \
platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue \
quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal \
site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string \
stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap \
this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing \
unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc \
zipapp zipfile zipimport zlib zoneinfo";

/// Modules whose distribution has another name.
const DISTRIBUTIONS: &[(&str, &str)] = &[
    ("Crypto", "pycryptodome"),
    ("MySQLdb", "mysqlclient"),
    ("OpenSSL", "pyopenssl"),
    ("PIL", "pillow"),
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("cv2", "opencv-python-headless"),
    ("dateutil", "python-dateutil"),
    ("decouple", "python-decouple"),
    ("dotenv", "python-dotenv"),
    ("environ", "django-environ"),
    ("fitz", "pymupdf"),
    ("jose", "python-jose"),
    ("jwt", "pyjwt"),
    ("magic", "python-magic"),
    ("markdown", "markdown"),
    ("psycopg2", "psycopg2-binary"),
    ("rest_framework", "djangorestframework"),
    ("corsheaders", "django-cors-headers"),
    ("serial", "pyserial"),
    ("sklearn", "scikit-learn"),
    ("skimage", "scikit-image"),
    ("slugify", "python-slugify"),
    ("socketio", "python-socketio"),
    ("yaml", "pyyaml"),
    ("zmq", "pyzmq"),
];

/// Variables that say something about a machine or a shell rather than about the app, and those Lambda
/// sets itself.
const OF_THE_MACHINE: &[&str] = &[
    "CI",
    "COLUMNS",
    "DEBUG",
    "EDITOR",
    "HOME",
    "HOST",
    "HOSTNAME",
    "LANG",
    "LOG_LEVEL",
    "PATH",
    "PORT",
    "PWD",
    "PYTHONPATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
];

/// How many are shown of anything.
const MOST: usize = 20;

/// Whether a module comes with Python.
pub(super) fn is_standard(name: &str) -> bool {
    name.starts_with('_') || STANDARD.split_whitespace().any(|known| known == name)
}

/// What of a folder decides its dependencies, in the order in which rzap packages them; the name of the
/// file, and what is wrong with it.
pub(super) fn declared_in(survey: &Survey, dir: &str) -> Option<(&'static str, Option<String>)> {
    let there = |name: &str| survey.is_file(dir, name);
    if there("requirements.txt") {
        return Some(("requirements.txt", None));
    }
    let pyproject = survey.text(&join(dir, "pyproject.toml")).and_then(|text| text.parse::<Table>().ok());
    if pyproject.is_some()
        && let Some(lock) = ["uv.lock"].into_iter().find(|name| there(name))
    {
        return Some((lock, None));
    }
    if let Some(lock) = ["poetry.lock", "pylock.toml", "Pipfile.lock"].into_iter().find(|name| there(name)) {
        return Some((lock, None));
    }
    if pyproject.as_ref().is_some_and(lists_dependencies) {
        return Some(("pyproject.toml", None));
    }
    there("Pipfile").then(|| ("Pipfile", Some("it has no lock beside it: run `pipenv lock`".to_owned())))
}

fn lists_dependencies(table: &Table) -> bool {
    let project = table.get("project").and_then(Value::as_table);
    let listed =
        project.and_then(|project| project.get("dependencies")?.as_array()).is_some_and(|list| !list.is_empty());
    let dynamic = project.and_then(|project| project.get("dynamic")?.as_array());
    let dynamic = dynamic.is_some_and(|list| list.iter().any(|item| item.as_str() == Some("dependencies")));
    let poetry = table.get("tool").and_then(|tool| tool.get("poetry")?.get("dependencies")?.as_table());
    listed || dynamic || poetry.is_some_and(|table| table.keys().any(|name| name != "python"))
}

/// The declaration that a package of the code folder `dir` takes: the nearest one upwards.
pub(super) fn declared(survey: &Survey, dir: &str) -> Option<(String, Option<String>)> {
    upwards(dir).find_map(|folder| {
        let (name, fault) = declared_in(survey, folder)?;
        // The lock of a workspace is above its members.
        let workspace = upwards(folder).skip(1).find(|above| survey.is_file(above, "uv.lock"));
        if let Some(above) = workspace.filter(|_| name == "pyproject.toml") {
            return Some((join(above, "uv.lock"), None));
        }
        Some((join(folder, name), fault))
    })
}

/// Files that list dependencies and that rzap does not read.
pub(super) fn unread(survey: &Survey) -> Vec<&str> {
    let lists = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        (name.starts_with("requirements") || path.contains("requirements/")) && name != "requirements.txt"
    };
    let mut found: Vec<&str> = survey.with_endings(&["txt", "in"]).into_iter().filter(lists).collect();
    found.extend(["setup.py", "setup.cfg", "environment.yml"].into_iter().filter(|name| survey.has(name)));
    found.truncate(MOST);
    found
}

/// The distributions that these files import and Python does not bring, by their likely names.
pub(super) fn third_party(sources: &Sources<'_>, dir: &str, paths: &BTreeSet<String>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in paths {
        let Some(module) = sources.get(path) else { continue };
        for import in module.imported.iter().filter(|import| !import.optional && !import.name.starts_with('.')) {
            let first = import.name.split('.').next().unwrap_or(&import.name);
            let google = import.name.starts_with("google.cloud.");
            if is_standard(first)
                || sources.find(path, &import.name).is_some()
                || sources.has_below(dir, first)
                || google
            {
                continue;
            }
            let known = DISTRIBUTIONS.iter().find(|(module, _)| *module == first);
            names.insert(known.map_or_else(|| first.replace('_', "-").to_lowercase(), |(_, name)| (*name).to_owned()));
        }
    }
    names
}

/// The environment variables these files read and have no value of their own for. What looks like a secret
/// or a database is named even where the code could do without.
pub(super) fn variables(sources: &Sources<'_>, paths: &BTreeSet<String>) -> Vec<Variable> {
    let mut found: BTreeMap<String, Variable> = BTreeMap::new();
    for path in paths {
        let Some(module) = sources.get(path) else { continue };
        for env in &module.env {
            let weighty = ["SECRET", "PASSWORD", "TOKEN", "KEY", "DATABASE", "_URL", "_DSN"]
                .iter()
                .any(|word| env.name.contains(word));
            let elsewhere = OF_THE_MACHINE.contains(&env.name.as_str())
                || ["AWS_", "LAMBDA_", "_"].iter().any(|start| env.name.starts_with(start))
                || env.name == "DJANGO_SETTINGS_MODULE";
            if elsewhere || (env.has_default && !weighty) {
                continue;
            }
            let entry = found.entry(env.name.clone()).or_insert_with(|| Variable {
                name: env.name.clone(),
                at: At::new(path.as_str(), env.line),
                required: false,
            });
            if env.required && !entry.required {
                *entry = Variable { required: true, at: At::new(path.as_str(), env.line), ..entry.clone() };
            }
        }
    }
    let mut found: Vec<Variable> = found.into_values().collect();
    found.sort_by_key(|variable| !variable.required);
    found.truncate(MOST);
    found
}

/// Databases in files of the package, which Lambda cannot write to.
/// <https://docs.aws.amazon.com/lambda/latest/dg/python-package.html>
pub(super) fn read_only_databases(sources: &Sources<'_>, paths: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        let Some(text) = sources.survey.text(path) else { continue };
        let at = text.lines().position(|line| {
            let line = line.split('#').next().unwrap_or_default();
            let url =
                line.contains("sqlite:///") && !line.contains("sqlite:////tmp") && !line.contains("sqlite:///:memory:");
            (url || line.contains("django.db.backends.sqlite3"))
                && !text.contains("/tmp")
                && !text.contains("gettempdir")
        });
        found.extend(at.map(|at| {
            format!(
                "{path}:{}: a SQLite file in the project cannot be written on Lambda: only /tmp can, and it is empty in \
                 each new instance. Use a database server",
                at + 1
            )
        }));
    }
    found.truncate(3);
    found
}
