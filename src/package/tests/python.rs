//! The rules for dependencies' files, on real wheels for this machine's Python.

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
