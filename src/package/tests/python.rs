//! The rules for dependencies' files, and byte code, on real wheels for this machine's Python.

use super::*;

/// Prints the modules below a folder that can be imported, one a line: those in test folders are not
/// tried. Each has its chance in one process, as in a function.
const IMPORTABLE: &str = r"
import importlib, os, pathlib, sys, warnings
warnings.simplefilter('ignore')
site, listed = sys.argv[1], sys.argv[2]
sys.path.insert(0, site)
sys.stdin = open(os.devnull)
out = os.fdopen(os.dup(1), 'w')
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for file in sorted(pathlib.Path(listed).rglob('*')):
    parts = list(file.relative_to(listed).parts)
    if file.suffix not in ('.py', '.so') or 'tests' in parts or parts[0] == 'bin':
        continue
    parts[-1] = parts[-1].split('.')[0]
    if parts[-1] == '__init__':
        parts.pop()
    if not parts or parts[-1] == '__main__' or not all(part.isidentifier() for part in parts):
        continue
    name = '.'.join(parts)
    try:
        importlib.import_module(name)
        print(name, file=out)
    except BaseException:
        pass
out.flush()
os._exit(0)
";

#[tokio::test]
async fn index_everything_that_could_be_imported_still_can() {
    let version = python("import sys; print('python%d.%d' % sys.version_info[:2])", &[]).trim().to_owned();
    let files = [("app.py", ""), ("requirements.txt", "numpy\nflask\n")];
    let project = Project::new(&files).with_program("python3", pip_program());
    let mut function = handler("a", "app.a");
    function.runtime = version;
    function.arch = if cfg!(target_arch = "aarch64") { Arch::Arm64 } else { Arch::X86_64 };
    let package = project.build(&[function], None).await.unwrap().remove("a").unwrap();

    let installs = fs::read_dir(project.work.join("deps")).unwrap().flatten();
    let whole = installs.map(|item| item.path().join("site")).find(|site| site.is_dir()).unwrap();
    let packed = project.folder.path().join("packed");
    python("import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])", &[&package.file, &packed]);
    let before = python(IMPORTABLE, &[&whole, &whole]);
    let after = python(IMPORTABLE, &[&packed, &whole]);
    assert!(before.contains("numpy.testing\n") && before.contains("flask.cli\n"), "{before}");
    assert_eq!(before, after);

    let tests = package.left_out.iter().filter(|out| out.rule == "tests");
    assert!(tests.map(|out| out.unzipped).sum::<u64>() > 1_000_000, "{:?}", package.left_out);
    assert!(package.left_out.iter().any(|out| out.path == "numpy/linalg/tests/" && out.of.as_deref() == Some("numpy")));
}

/// Prints the modules that came from byte code, without leave to write any.
const FROM_BYTE_CODE: &str = r"
import sys, types
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
real = compile
def refuse(*args, **kwargs):
    raise AssertionError('compiled %s' % args[1])
import importlib._bootstrap_external as external
external.SourceLoader.source_to_code = lambda self, data, path, **_: refuse(data, path)
import app, six, rzap_handler
print(app.where(), six.moves.range(1)[0])
";

#[tokio::test]
async fn index_byte_code_spares_the_runtime_the_compiling() {
    let version = python("import sys; print('python%d.%d' % sys.version_info[:2])", &[]).trim().to_owned();
    let app = "import six\n\ndef where():\n    return where.__code__.co_filename.rsplit('/', 1)[1]\n";
    let files = [("app.py", app), ("old.py", "print 'for Python 2'\n"), ("requirements.txt", "six\n")];
    let build = async |project: &Project| {
        let mut web = function("web", Entry::Wsgi("app:where".into()));
        (web.runtime, web.source.bytecode) = (version.clone(), true);
        project.build(&[web], None).await
    };
    let project = Project::new(&files).with_program("python3", pip_program());
    let package = build(&project).await.unwrap().remove("web").unwrap();
    let tag = version.replace("python", "cpython-").replace('.', "");
    let names = names(&package);
    for name in ["app", "six", "rzap_handler"] {
        let file = format!("__pycache__/{name}.{tag}.pyc");
        assert!(names.contains(&file), "{file} in {names:?}");
    }
    assert!(names.contains(&"old.py".to_owned()) && !names.iter().any(|name| name.contains("old.cpython")));
    let packed = project.folder.path().join("packed");
    python("import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])", &[&package.file, &packed]);
    assert_eq!(python(FROM_BYTE_CODE, &[&packed]).trim(), "app.py 0");

    // Elsewhere, from nothing: the same bytes.
    let again = Project::new(&files).with_program("python3", pip_program());
    assert_eq!(build(&again).await.unwrap()["web"].sha256, package.sha256);
    project.write("app.py", &app.replace("[1]", "[-1]"));
    project.steps();
    build(&project).await.unwrap();
    let compiled = project.steps().into_iter().filter(|step| matches!(step, Step::Building { .. })).count();
    assert_eq!(compiled, 1, "an edit compiles the project's own files, not the dependencies");

    let mut other = function("web", Entry::Wsgi("app:where".into()));
    (other.runtime, other.source.bytecode) = ("python3.99".into(), true);
    let error = project.build(&[other], None).await.unwrap_err();
    assert!(
        error.causes.join(" ").contains("needs Python 3.99") || error.message.contains("needs Python 3.99"),
        "{error:?}"
    );
}
