//! Where dependencies are read from, and which kinds are refused.

#![expect(clippy::unwrap_used, reason = "tests")]

mod locks;

use super::*;
use crate::config::Arch;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(files: &[(&str, &str)]) -> Result<Option<Declared>> {
    declared(folder(files).path(), &platform(), &|_| false)
}

fn platform() -> Platform {
    Platform::new("python3.13", Arch::X86_64).unwrap()
}

fn names(declared: &Declared) -> Vec<&str> {
    declared.inputs.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn no_file_or_no_line_means_no_dependencies() {
    for files in [
        &[][..],
        &[("requirements.txt", "\n# nothing yet\n--index-url https://example.org/simple\n")],
        &[("pyproject.toml", "[project]\nname = 'x'\n")],
        &[("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.13'\n")],
        &[("requirements.txt", ""), ("pyproject.toml", "[project]\ndependencies = ['flask']\n")],
    ] {
        assert_eq!(read(files).unwrap(), None, "{files:?}");
    }
}

#[test]
fn includes_constraints_and_wheels_are_inputs() {
    let declared = read(&[
        (
            "requirements.txt",
            "flask==3 \\\n  --hash=sha256:00\n-r more/base.txt\n-c limits.txt\n./wheels/a.whl ; python_version > '3'\n",
        ),
        ("more/base.txt", "--requirement=../requirements.txt\n--find-links wheels\nclick # a comment\n"),
        ("limits.txt", "click<9\n"),
        ("wheels/a.whl", "PK"),
    ])
    .unwrap()
    .unwrap();
    assert_eq!(names(&declared), ["requirements.txt", "more/base.txt", "wheels", "limits.txt", "wheels/a.whl"]);
    assert!(matches!(declared.given, Given::File(path) if path.ends_with("requirements.txt")));
}

#[test]
fn an_include_of_itself_ends() {
    let declared =
        read(&[("requirements.txt", "-r a/b.txt\nflask\n"), ("a/b.txt", "-r ../a/b.txt\n-r ../requirements.txt\n")]);
    assert_eq!(names(&declared.unwrap().unwrap()), ["requirements.txt", "a/b.txt"]);
}

#[test]
fn what_would_have_to_be_built_is_refused_by_its_line() {
    for line in ["-e .", "--editable=./lib", "./lib", "../lib[extra]", "lib @ file:///srv/lib", "vendor/lib-1.0.tar.gz"]
    {
        let error = read(&[("requirements.txt", line)]).unwrap_err();
        assert!(error.message.starts_with(&format!("`{line}` in requirements.txt would have to be built")), "{error}");
    }
    for line in ["flask", "a @ https://example.org/a-1-py3-none-any.whl", "b ; python_version < '4'", "c[x,y]>=1"] {
        assert!(read(&[("requirements.txt", line)]).unwrap().is_some(), "{line}");
    }
}

#[test]
fn a_file_that_is_included_but_missing_is_named() {
    let error = read(&[("requirements.txt", "-r base.txt")]).unwrap_err();
    assert!(error.message.starts_with("cannot read /") && error.message.ends_with("base.txt"), "{error}");
}

#[test]
fn pyproject_gives_its_project_dependencies() {
    let declared = read(&[
        ("pyproject.toml", "[project]\ndependencies = ['flask>=3', 'click']\n[tool.uv]\nresolution = 'lowest'\n"),
        ("pdm.lock", ""),
    ])
    .unwrap()
    .unwrap();
    assert_eq!(declared.given, Given::Text("flask>=3\nclick\n".into()));
    assert_eq!(names(&declared), ["pyproject.toml", "tool.uv"]);
    assert_eq!(declared.notes, ["dependencies come from pyproject.toml; pdm.lock is not read"]);
}

#[test]
fn dependencies_in_a_file_of_setuptools_are_read_there() {
    let dynamic = "[project]\ndynamic = ['dependencies']\n[tool.setuptools.dynamic]\ndependencies = { file = ";
    let one = format!("{dynamic}['base.in'] }}");
    let declared = read(&[("pyproject.toml", &one), ("base.in", "flask\n")]).unwrap().unwrap();
    assert!(matches!(declared.given, Given::File(path) if path.ends_with("base.in")));
    let two = format!("{dynamic}['base.in', 'more.in'] }}");
    let declared = read(&[("pyproject.toml", &two), ("base.in", "flask\n"), ("more.in", "click")]).unwrap().unwrap();
    assert_eq!(names(&declared), ["base.in", "more.in"]);
    assert!(matches!(declared.given, Given::Text(text) if text.lines().count() == 2 && text.starts_with("-r /")));
}

#[test]
fn poetrys_own_table_is_read_for_lambdas_platform() {
    let table = "[tool.poetry.dependencies]\npython = '^3.11'\nflask = '^3.0'\nrequests = { version = '~2.32', extras = ['socks'] }\n\
                 tomli = { version = '*', python = '<3.11' }\npywin32 = { version = '*', platform = 'win32' }\n\
                 six = { version = '1.17.0', optional = true }\n\
                 numpy = [{ version = '<2', python = '<3.13' }, { version = '>=2', python = '>=3.13' }]\n\
                 local-wheel = { url = 'https://example.org/l-1-py3-none-any.whl' }\n\
                 [tool.poetry.group.dev.dependencies]\npytest = '*'\n";
    let declared = read(&[("pyproject.toml", table)]).unwrap().unwrap();
    let expected = "flask>=3.0,<4\nlocal-wheel @ https://example.org/l-1-py3-none-any.whl\nnumpy>=2\nrequests[socks]>=2.32,<2.33\n";
    let Given::Text(text) = declared.given else { panic!("{:?}", declared.given) };
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.join("\n") + "\n", expected);
}

#[test]
fn dependencies_rzap_cannot_see_are_an_error_not_an_empty_package() {
    let poetry = "[tool.poetry.dependencies]\npython = '*'\nlib = ";
    for (file, text, says) in [
        ("pyproject.toml", "[project]\ndynamic = ['dependencies']\n".to_owned(), "`dynamic`"),
        (
            "pyproject.toml",
            format!("{poetry}{{ git = 'https://example.org/lib' }}"),
            "comes from https://example.org/lib and would",
        ),
        ("pyproject.toml", format!("{poetry}{{ path = '../lib' }}"), "`lib` is a local path"),
        ("pyproject.toml", format!("{poetry}{{ version = '*', source = 'ours' }}"), "`lib` has its own source"),
        ("pyproject.toml", format!("{poetry}'newest'"), "cannot read which lib is wanted"),
        (
            "pyproject.toml",
            "[project]\ndependencies = ['My_Lib>=1']\n[tool.uv.sources]\nmy-lib = { git = 'x' }\n".into(),
            "`my-lib` has its own source",
        ),
        ("pyproject.toml", "[project]\ndependencies = ['lib @ file:///srv/lib']\n".into(), "is a local path"),
        ("Pipfile", String::new(), "no Pipfile.lock"),
        ("pyproject.toml", "[project".into(), "is not TOML"),
    ] {
        let error = read(&[(file, &text)]).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn names_compare_in_their_normal_form() {
    assert_eq!(normal_name("My.Cool__Lib[x]>=1"), "my-cool-lib");
}

#[test]
fn the_nearest_folder_that_declares_them_counts() {
    let root = folder(&[
        ("requirements.txt", "flask\n"),
        ("src/shop/app.py", ""),
        ("own/requirements.txt", "django\n"),
        ("none/requirements.txt", "# none\n"),
        ("none/deep/app.py", ""),
    ]);
    let of = |dir: &str, top: &str| {
        let (dir, top) = (root.path().join(dir), root.path().join(top));
        nearest(&dir, &top, &platform(), &|_| false).unwrap().map(|(found, _)| found)
    };
    assert_eq!(of("src", ""), Some(root.path().to_owned()));
    assert_eq!(of("own", ""), Some(root.path().join("own")));
    assert_eq!((of("none/deep", ""), of("src", "src")), (None, None));
}
