//! Where dependencies are read from, and which kinds are refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

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
    declared(folder(files).path())
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
        ("uv.lock", ""),
    ])
    .unwrap()
    .unwrap();
    assert_eq!(declared.given, Given::Text("flask>=3\nclick\n".into()));
    assert_eq!(names(&declared), ["pyproject.toml", "tool.uv"]);
    assert!(declared.notes[0].starts_with("uv.lock is not read"), "{:?}", declared.notes);
}

#[test]
fn dependencies_rzap_cannot_see_are_an_error_not_an_empty_package() {
    for (files, says) in [
        (("pyproject.toml", "[project]\ndynamic = ['dependencies']\n"), "`dynamic`"),
        (("pyproject.toml", "[tool.poetry.dependencies]\npython = '*'\nflask = '*'\n"), "Poetry's own table"),
        (
            ("pyproject.toml", "[project]\ndependencies = ['My_Lib>=1']\n[tool.uv.sources]\nmy-lib = { git = 'x' }\n"),
            "`my-lib` has its own source",
        ),
        (("pyproject.toml", "[project]\ndependencies = ['lib @ file:///srv/lib']\n"), "is a local path"),
        (("Pipfile", ""), "Pipfile"),
        (("pyproject.toml", "[project"), "is not TOML"),
    ] {
        let error = read(&[files]).unwrap_err();
        assert!(error.message.contains(says), "{error}");
    }
}

#[test]
fn names_compare_in_their_normal_form() {
    assert_eq!(normal_name("My.Cool__Lib[x]>=1"), "my-cool-lib");
}
