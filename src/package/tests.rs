//! The whole room, offline with a stand-in for uv. The `index_` tests install Flask with the real
//! uv and pip and need a package index. All need `python3`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod python;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync;

use super::*;
use crate::config::asynchronous::Asynchronous;
use crate::config::concurrency::Concurrency;
use crate::config::{Http, Source};

/// A function with everything at its default.
pub(super) fn function(name: &str, entry: Entry) -> FunctionConfig {
    FunctionConfig {
        name: name.to_owned(),
        runtime: "python3.13".to_owned(),
        arch: Arch::X86_64,
        entry,
        memory: 128,
        timeout: 3,
        ephemeral_storage: 512,
        env: BTreeMap::new(),
        description: None,
        http: Some(Http::Rest),
        web: Web::default(),
        log_retention: 30,
        triggers: vec![],
        asynchronous: Asynchronous::default(),
        concurrency: Concurrency::default(),
        uses: BTreeMap::new(),
        managed_policies: Vec::new(),
        role: crate::config::Role::Own,
        permissions_boundary: None,
        policies: vec![],
        source: Source { dir: PathBuf::new(), exclude: vec![], include: vec![], ..Source::default() },
        layers: vec![],
    }
}

/// The stage `dev` with these functions, in `root`.
pub(super) fn stage(root: &Path, functions: Vec<FunctionConfig>) -> StageConfig {
    StageConfig {
        app: "app".into(),
        stage: "dev".into(),
        region: None,
        profile: None,
        local: false,
        protect: false,
        permissions_boundary: None,
        resources: BTreeMap::new(),
        cloudformation: None,
        left_out: Vec::new(),
        access_log: None,
        traffic: None,
        alarms: Vec::new(),
        smoke: Vec::new(),
        functions: functions.into_iter().map(|function| (function.name.clone(), function)).collect(),
        root: root.to_owned(),
    }
}

const BRIDGE: &[BridgeFile] =
    &[BridgeFile { path: "rzap_web.py", text: "def bridge(kind, target):\n    return target\n", part: Part::Base }];

struct Project {
    folder: tempfile::TempDir,
    work: PathBuf,
    path: Option<OsString>,
    steps: sync::Mutex<Vec<Step>>,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        let project = Self { folder, work, path: None, steps: sync::Mutex::default() };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.dir().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    /// Puts one script on the search path, and nothing else.
    fn with_program(mut self, name: &str, script: &str) -> Self {
        let programs = self.folder.path().join("programs");
        fs::create_dir_all(&programs).unwrap();
        fs::write(programs.join(name), format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        self.path = Some(programs.into_os_string());
        self
    }

    async fn build(&self, functions: &[FunctionConfig], only: Option<&[String]>) -> Result<BTreeMap<String, Package>> {
        let functions = functions.iter().cloned().map(|mut function| {
            if function.source.dir.as_os_str().is_empty() {
                function.source.dir = self.dir();
            }
            function
        });
        let stage = stage(&self.dir(), functions.collect());
        let tell = |step| self.steps.lock().unwrap().push(step);
        let workshop = Workshop {
            root: &stage.root,
            cache: Cache::open(&self.work)?,
            bridge: BRIDGE,
            tell: &tell,
            search_path: self.path.clone(),
            installer: OnceCell::new(),
            installs: Mutex::default(),
            archiving: Mutex::default(),
            shelf: layers::Shelf::default(),
        };
        workshop.build(&stage, only).await
    }

    fn steps(&self) -> Vec<Step> {
        std::mem::take(&mut *self.steps.lock().unwrap())
    }
}

fn handler(name: &str, handler: &str) -> FunctionConfig {
    function(name, Entry::Handler(handler.into()))
}

fn python(script: &str, arguments: &[&Path]) -> String {
    let output = Command::new("python3").args(["-c", script]).args(arguments).output().expect("the tests need python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn names(package: &Package) -> Vec<String> {
    let script = "import sys, zipfile; print('\\n'.join(zipfile.ZipFile(sys.argv[1]).namelist()))";
    python(script, &[&package.file]).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn functions_with_equal_inputs_share_one_zip() {
    let project = Project::new(&[("app.py", "def a(e, c): ...\n"), ("rzap.yaml", ""), ("jobs/nightly.py", "")]);
    let mut job = handler("nightly", "nightly.run");
    job.source.dir = project.dir().join("jobs");
    let functions = [handler("a", "app.a"), handler("b", "app.b"), job, function("web", Entry::Wsgi("app:a".into()))];
    let packages = project.build(&functions, None).await.unwrap();

    assert_eq!(packages["a"].file, packages["b"].file);
    assert_eq!((packages["a"].handler.as_str(), packages["b"].handler.as_str()), ("app.a", "app.b"));
    assert_eq!(names(&packages["a"]), ["app.py", "jobs/nightly.py"]);
    assert_eq!(names(&packages["nightly"]), ["nightly.py"]);
    assert_eq!(names(&packages["web"]), ["app.py", "jobs/nightly.py", "rzap_handler.py", "rzap_web.py"]);
    assert_eq!(packages["web"].handler, "rzap_handler.handler");
    assert_eq!((packages["web"].files, packages["a"].unzipped), (4, 17));

    let archived = |step: &Step| matches!(step, Step::Archiving { functions } if functions == "a, b");
    let mut steps = project.steps();
    // How a zip grows is told as often as it grows.
    steps.retain(|step| !matches!(step, Step::Growing { .. } | Step::Grown { .. }));
    assert_eq!((steps.len(), steps.iter().filter(|step| archived(step)).count()), (6, 1), "{steps:?}");
}

#[tokio::test]
async fn the_handler_of_a_wsgi_app_runs() {
    let project = Project::new(&[("guestbook.py", "app = 1\n")]);
    let packages = project.build(&[function("web", Entry::Wsgi("guestbook:app".into()))], None).await.unwrap();
    let script = "import sys; sys.path.insert(0, sys.argv[1]); import rzap_handler; print(rzap_handler.handler)";
    assert_eq!(python(script, &[&packages["web"].file]).trim(), "guestbook:app");
}

#[test]
fn a_build_can_be_awaited_on_any_thread() {
    fn is_send(_: impl Send) {}
    let _ = |stage: StageConfig| is_send(async move { build(&stage, None, Path::new("/x"), BRIDGE, &|_| ()).await });
}

#[tokio::test]
async fn a_work_folder_in_the_project_is_not_packed() {
    let mut project = Project::new(&[("app.py", "")]);
    project.work = project.dir().join(".cache");
    let functions = [handler("a", "app.a")];
    let first = project.build(&functions, None).await.unwrap();
    assert_eq!(project.build(&functions, None).await.unwrap(), first);
    assert_eq!(names(&first["a"]), ["app.py"]);
}

#[tokio::test]
async fn a_wsgi_app_needs_python() {
    let mut web = function("web", Entry::Wsgi("app:a".into()));
    web.runtime = "nodejs22.x".into();
    let error = Project::new(&[("app.py", "")]).build(&[web], None).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot package web: a Python web app cannot run on nodejs22.x");
}

#[tokio::test]
async fn a_node_function_brings_its_modules() {
    let manifest = r#"{"dependencies": {"left-pad": "1"}}"#;
    let project = Project::new(&[("index.mjs", ""), ("package.json", manifest)]);
    let mut api = handler("api", "index.handler");
    api.runtime = "nodejs22.x".into();
    let error = project.build(&[api.clone()], None).await.unwrap_err();
    assert!(error.hints[0].contains("npm install"), "{error:?}");
    project.write("node_modules/left-pad/index.js", "");
    project.write("node_modules/.bin/tool", "");
    let packages = project.build(&[api], None).await.unwrap();
    assert_eq!(names(&packages["api"]), ["index.mjs", "node_modules/left-pad/index.js", "package.json"]);
    assert_eq!(packages["api"].handler, "index.handler");
}

#[tokio::test]
async fn what_only_development_needs_stays_out_and_what_cannot_run_is_told() {
    let manifest = r#"{"dependencies": {"a": "1"}, "devDependencies": {"jest": "1"}}"#;
    let project = Project::new(&[
        ("index.mjs", ""),
        ("package.json", manifest),
        ("node_modules/a/package.json", r#"{"optionalDependencies": {"a-mac": "1"}}"#),
        ("node_modules/a-mac/package.json", r#"{"os": ["darwin"]}"#),
        ("node_modules/jest/index.js", "12345"),
    ]);
    let mut api = handler("api", "index.handler");
    api.runtime = "nodejs22.x".into();
    let packages = project.build(&[api], None).await.unwrap();
    let packed = ["index.mjs", "node_modules/a-mac/package.json", "node_modules/a/package.json", "package.json"];
    assert_eq!(names(&packages["api"]), packed);
    let left_out: Vec<_> =
        packages["api"].left_out.iter().map(|left| (left.path.as_str(), left.rule, left.unzipped)).collect();
    assert_eq!(left_out, [("node_modules/jest/", "dev-dependencies", 5)]);
    let note = "api: a-mac in node_modules cannot run on Linux on x64: with a lock file rzap installs what can";
    assert!(project.steps.lock().unwrap().contains(&Step::Note(note.into())));
}

#[tokio::test]
async fn the_second_build_is_the_same_file() {
    let project = Project::new(&[("app.py", "")]);
    let functions = [handler("a", "app.a")];
    assert_eq!(project.build(&functions, None).await.unwrap(), project.build(&functions, None).await.unwrap());
}

#[tokio::test]
async fn only_the_named_functions_are_built() {
    let project = Project::new(&[("app.py", "")]);
    let functions = [handler("a", "app.a"), handler("b", "missing.b")];
    let only = |name: &str| vec![name.to_owned()];
    let packages = project.build(&functions, Some(&only("a"))).await.unwrap();
    assert_eq!(packages.keys().collect::<Vec<_>>(), ["a"]);
    let error = project.build(&functions, Some(&only("c"))).await.unwrap_err();
    assert_eq!(error.message, "there is no function `c` in stage `dev`");
    let error = project.build(&functions, None).await.unwrap_err();
    assert!(
        error.to_string().starts_with("cannot package a, b: function `b`: `missing.b` needs missing.py"),
        "{error}"
    );
}

#[tokio::test]
async fn a_bootstrap_becomes_executable_under_its_name() {
    let project = Project::new(&[("run.sh", "#!/bin/sh\n"), ("words.txt", "hi")]);
    let mut native = function("native", Entry::Bootstrap("run.sh".into()));
    native.runtime = "provided.al2023".into();
    let packages = project.build(&[native], None).await.unwrap();
    let script = "import sys, zipfile; print([(i.filename, oct(i.external_attr >> 16)) for i in zipfile.ZipFile(sys.argv[1]).infolist()])";
    assert_eq!(
        python(script, &[&packages["native"].file]).trim(),
        "[('bootstrap', '0o100755'), ('words.txt', '0o100644')]"
    );
    assert_eq!(packages["native"].handler, "bootstrap");
}

/// Counts its runs in the folder above the cache, so that a test can see whether it ran.
const UV: &str = r#"[ "$1" = --version ] && { echo uv 1; exit; }
while [ "$1" != --target ]; do shift; done
echo run >> "$(dirname "$2")/../../../runs"
mkdir -p "$2/six" && echo code > "$2/six/__init__.py"
"#;

#[tokio::test]
async fn dependencies_are_installed_once_for_all_groups_and_all_builds() {
    let project = Project::new(&[("app.py", ""), ("requirements.txt", "six\n")]).with_program("uv", UV);
    let functions = [handler("a", "app.a"), function("web", Entry::Wsgi("app:a".into()))];
    let packages = project.build(&functions, None).await.unwrap();
    assert_eq!(names(&packages["a"]), ["app.py", "requirements.txt", "six/__init__.py"]);
    let installing =
        |steps: &[Step]| steps.iter().filter(|step| matches!(step, Step::Installing { tool: "uv", .. })).count();
    assert_eq!(installing(&project.steps()), 1);
    project.build(&functions, None).await.unwrap();
    assert_eq!(installing(&project.steps()), 0);
    let runs = || fs::read_to_string(project.folder.path().join("runs")).unwrap().lines().count();
    assert_eq!(runs(), 1);
    project.write("requirements.txt", "six # again\n");
    project.build(&functions, None).await.unwrap();
    assert_eq!(runs(), 2);
}

#[tokio::test]
async fn the_users_own_file_is_packed_and_noted() {
    let files = [("app.py", ""), ("requirements.txt", "six\n"), ("six/__init__.py", "mine")];
    let project = Project::new(&files).with_program("uv", UV);
    project.build(&[handler("a", "app.a")], None).await.unwrap();
    let note = Step::Note("a: your own six/__init__.py stands in for the file of six".into());
    assert!(project.steps().contains(&note));
}

#[tokio::test]
async fn without_uv_and_pip_there_is_a_hint() {
    let project = Project::new(&[("app.py", ""), ("requirements.txt", "six\n")]).with_program("other", "");
    let error = project.build(&[handler("a", "app.a")], None).await.unwrap_err();
    assert!(error.to_string().contains("neither uv nor pip") && !error.hints.is_empty(), "{error:?}");
}

#[tokio::test]
async fn what_is_too_big_is_refused_before_anything_is_compressed() {
    let project = Project::new(&[("app.py", "")]);
    fs::File::create(project.dir().join("model.bin")).unwrap().set_len(300_000_000).unwrap();
    let error = project.build(&[handler("a", "app.a")], None).await.unwrap_err();
    assert!(error.causes[0].contains("36.2 MB more than the 250.0 MB Lambda allows"), "{error:?}");
    assert_eq!(error.causes[1], "what weighs most:\nmodel.bin   286.1 MB    100 %");
    assert!(!project.steps().iter().any(|step| matches!(step, Step::Archiving { .. })));
}

#[tokio::test]
async fn a_private_key_stops_the_package() {
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n", "A".repeat(64));
    let project = Project::new(&[("app.py", ""), ("certs/me.pem", &key)]);
    let error = project.build(&[handler("a", "app.a")], None).await.unwrap_err();
    assert!(error.to_string().contains("certs/me.pem must not be packed: it holds a private key"), "{error}");
    let mut allowed = handler("a", "app.a");
    allowed.source.include = vec!["/certs/me.pem".into()];
    project.build(&[allowed], None).await.unwrap();
}

const FLASK: &[(&str, &str)] = &[("app.py", "import flask\n"), ("requirements.txt", "flask==3.1.0\nclick==8.1.8\n")];

/// What an installer must have brought for Lambda's Python 3.13 on arm64, from any host.
fn is_flask_for_arm(package: &Package) -> Vec<String> {
    let names = names(package);
    for name in
        ["flask/__init__.py", "flask-3.1.0.dist-info/METADATA", "markupsafe/_speedups.cpython-313-aarch64-linux-gnu.so"]
    {
        assert!(names.iter().any(|packed| packed == name), "{name} is not in {names:?}");
    }
    assert!(
        !names.iter().any(|name| name.contains("__pycache__") || name.ends_with("/RECORD") || name.starts_with("bin/"))
    );
    assert!(package.heaviest.iter().any(|part| part.name == "werkzeug"), "{:?}", package.heaviest);
    names
}

async fn flask_for_arm(project: &Project) -> Vec<String> {
    let mut function = handler("a", "app.a");
    function.arch = Arch::Arm64;
    let packages = project.build(&[function.clone()], None).await.unwrap();
    let again = project.build(&[function], None).await.unwrap();
    assert_eq!(packages, again);
    is_flask_for_arm(&packages["a"])
}

fn pip_program() -> &'static str {
    "exec python3 \"$@\"\n"
}

#[tokio::test]
async fn index_uv_and_pip_bring_the_same_files() {
    let by_pip = Project::new(FLASK).with_program("python3", pip_program());
    let with_pip = flask_for_arm(&by_pip).await;
    assert!(by_pip.steps().iter().any(|step| matches!(step, Step::Installing { tool: "pip", .. })));

    let place = tempfile::tempdir().unwrap();
    python("import sys, venv; venv.create(sys.argv[1], with_pip=True)", &[place.path()]);
    let pip = Command::new(place.path().join("bin/pip")).args(["install", "--quiet", "uv"]).output().unwrap();
    assert!(pip.status.success(), "{}", String::from_utf8_lossy(&pip.stderr));
    let uv = format!("exec {} \"$@\"\n", place.path().join("bin/uv").display());
    let by_uv = Project::new(FLASK).with_program("uv", &uv);
    let with_uv = flask_for_arm(&by_uv).await;
    assert!(by_uv.steps().iter().any(|step| matches!(step, Step::Installing { tool: "uv", .. })));
    assert_eq!(with_pip, with_uv);

    by_uv.write("requirements.txt", "mysqlclient==2.2.7\n");
    let error = by_uv.build(&[handler("a", "app.a")], None).await.unwrap_err();
    assert!(error.to_string().contains("mysqlclient==2.2.7 has no wheel for Python 3.13 on Lambda"), "{error}");
}

#[tokio::test]
async fn index_a_package_that_does_not_exist_is_named() {
    let project = Project::new(&[("app.py", ""), ("requirements.txt", "rzap-no-such-package-at-all\n")])
        .with_program("python3", pip_program());
    let error = project.build(&[handler("a", "app.a")], None).await.unwrap_err();
    assert!(error.to_string().contains("there is no rzap-no-such-package-at-all for Python 3.13"), "{error}");
}

/// `pip install --python-version` would refuse it on an older host Python.
#[tokio::test]
async fn index_pip_asks_for_lambdas_python_not_its_own() {
    let project =
        Project::new(&[("app.py", ""), ("requirements.txt", "django==6.0\n")]).with_program("python3", pip_program());
    let packages = project.build(&[handler("a", "app.a")], None).await.unwrap();
    assert!(names(&packages["a"]).iter().any(|name| name == "django/__init__.py"));
}
