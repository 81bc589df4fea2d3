//! Lock files that Poetry, pipenv and uv wrote (`tests/locks`), in all their versions.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::*;
use super::platform;
use crate::config::Arch;

/// A copy of one of the projects, to be changed.
struct Project(tempfile::TempDir);

impl Project {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/locks").join(name), folder.path());
        Self(folder)
    }

    fn edit(self, file: &str, old: &str, new: &str) -> Self {
        let path = self.0.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} does not have `{old}`");
        fs::write(path, text.replace(old, new)).unwrap();
        self
    }

    fn read(&self) -> Result<Declared> {
        Ok(declared(self.0.path(), &platform(), &|_| false)?.unwrap())
    }

    fn error(&self) -> Error {
        self.read().unwrap_err()
    }

    fn locked(&self) -> Locked {
        match self.read().unwrap().given {
            Given::Locked(locked) => locked,
            other => panic!("{other:?}"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for item in fs::read_dir(from).unwrap().flatten() {
        let target: PathBuf = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

fn names(locked: &Locked) -> Vec<&str> {
    locked.pins.iter().filter_map(|pin| pin.requirement.split("==").next()).collect()
}

#[test]
fn poetrys_main_group_is_the_same_in_all_versions_of_its_lock() {
    for version in ["1.1", "2.0", "2.1"] {
        let locked = Project::new(&format!("poetry-{version}")).locked();
        // With the extra of httpx; without Windows' colorama, old Pythons' typing-extensions, the
        // project's own extra and the dev group.
        let expected = ["anyio", "certifi", "click", "h11", "httpcore", "httpx", "idna", "socksio"];
        assert_eq!(names(&locked), expected, "{version}");
        let click = &locked.pins[2];
        assert_eq!((click.requirement.as_str(), click.hashes.len()), ("click==8.1.8", 2));
        assert!(click.hashes[0].starts_with("sha256:63c132bbbed01578a06712a2d1f497bb62d9c1c0d329b7903a866228027263b2"));
        assert!(locked.indexes.is_empty() && locked.folders.is_empty());
    }
    let project = Project::new("poetry-2.1-project").locked();
    let expected = ["anyio", "certifi", "h11", "httpcore", "httpx", "idna", "typing-extensions"];
    assert_eq!(names(&project), expected);
}

#[test]
fn older_pythons_get_what_only_they_need() {
    let project = Project::new("poetry-2.0");
    let old = Platform::new("python3.9", Arch::Arm64).unwrap();
    let Given::Locked(locked) = declared(project.0.path(), &old, &|_| false).unwrap().unwrap().given else {
        panic!("no lock")
    };
    assert!(names(&locked).contains(&"typing-extensions") && names(&locked).contains(&"exceptiongroup"), "{locked:?}");
}

#[test]
fn a_lock_that_is_older_than_its_project_says_what_renews_it() {
    for (project, file, old, new, command) in [
        ("poetry-1.1", "pyproject.toml", "~8.1", "~8.2", "poetry lock"),
        ("poetry-2.1", "pyproject.toml", "iniconfig = \"^2.0\"", "iniconfig = \"*\"", "poetry lock"),
        ("poetry-2.1-project", "pyproject.toml", "dev = [\"iniconfig\"]", "dev = []", "poetry lock"),
        ("pipenv", "Pipfile", "~=8.1", "~=8.2", "pipenv lock"),
        ("uv", "pyproject.toml", "httpx[socks]>=0.28", "httpx[socks]>=0.29", "uv lock"),
        ("uv", "pyproject.toml", "httpx[socks]", "httpx", "uv lock"),
        ("uv", "pyproject.toml", "\"lib\", ", "\"lib\", \"six\", ", "uv lock"),
    ] {
        let project = Project::new(project);
        project.read().unwrap();
        let error = project.edit(file, old, new).error();
        assert!(error.message.contains("its dependencies changed after it was written"), "{error}");
        assert_eq!(error.hints, [format!("run `{command}`")]);
    }
    // What is no dependency may change.
    Project::new("poetry-2.0").edit("pyproject.toml", "0.1.0", "0.2.0").read().unwrap();
    Project::new("uv").edit("pyproject.toml", "version = \"0\"", "version = \"1\"").read().unwrap();
    // Neither does another way to write it count.
    Project::new("uv").edit("pyproject.toml", "httpx[socks]>=0.28,<1", "HTTPX [socks] <1, >=0.28").read().unwrap();
}

#[test]
fn a_lock_for_other_pythons_is_refused() {
    let error = Project::new("poetry-2.1").edit("poetry.lock", "= \"^3.9\"", "= \">=3.9,<3.13\"").error();
    assert_eq!(error.message, "poetry.lock is for Python >=3.9,<3.13, and the function runs on 3.13");
    let error =
        Project::new("uv").edit("uv.lock", "requires-python = \">=3.10\"", "requires-python = \">=3.14\"").error();
    assert!(error.message.starts_with("uv.lock is for Python >=3.14"), "{error}");
    let error =
        Project::new("poetry-2.1").edit("poetry.lock", "lock-version = \"2.1\"", "lock-version = \"3.0\"").error();
    assert!(error.message.contains("version 3.0, which this rzap does not know"), "{error}");
}

#[test]
fn where_poetry_packages_come_from_decides_what_is_asked_for() {
    let source = |kind: &str, more: &str| {
        let old = "name = \"click\"\nversion = \"8.1.8\"";
        let lock = Project::new("poetry-2.1");
        let file = lock.0.path().join("poetry.lock");
        let text = fs::read_to_string(&file).unwrap();
        let start = text.find(old).unwrap();
        let (before, rest) = text.split_at(start);
        let (at, end) = (rest.find("[package.source]").unwrap(), rest.find("[[package]]").unwrap());
        let changed = format!("{}[package.source]\ntype = \"{kind}\"\n{more}\n\n{}", &rest[..at], &rest[end..]);
        fs::write(file, format!("{before}{changed}")).unwrap();
        lock
    };
    let git = source("git", "url = \"https://example.org/click\"\nreference = \"main\"\nresolved_reference = \"1f2e\"");
    let error = git.error();
    assert!(
        error.message.starts_with("click comes from https://example.org/click and would have to be built"),
        "{error}"
    );
    assert_eq!(error.hints, ["allow it with `from_source: [click]` in rzap.yaml"]);
    let allowed = declared(git.0.path(), &platform(), &|name| name == "click").unwrap().unwrap();
    let Given::Locked(locked) = allowed.given else { panic!("no lock") };
    assert_eq!(
        locked.pins[2],
        Pin { requirement: "click @ git+https://example.org/click@1f2e".into(), hashes: vec![] }
    );

    let private = source("legacy", "url = \"https://pypi.example.org/simple\"\nreference = \"ours\"").locked();
    assert_eq!(private.indexes.iter().collect::<Vec<_>>(), ["https://pypi.example.org/simple"]);
    let wheel = source("url", "url = \"https://example.org/click-8.1.8-py3-none-any.whl\"").locked();
    assert_eq!(wheel.pins[2].requirement, "click @ https://example.org/click-8.1.8-py3-none-any.whl");
    assert!(source("file", "url = \"dist/click-8.1.8.tar.gz\"").error().message.contains("would have to be built"));

    let own = source("directory", "url = \"libs/click\"");
    fs::create_dir_all(own.0.path().join("libs/click")).unwrap();
    fs::write(own.0.path().join("libs/click/click.py"), "1").unwrap();
    let before = own.read().unwrap();
    assert_eq!(before.inputs[1].0, "libs/click");
    fs::write(own.0.path().join("libs/click/click.py"), "2").unwrap();
    assert_ne!(own.read().unwrap().inputs, before.inputs);
}

#[test]
fn a_pipfile_lock_gives_its_default_section() {
    let project = Project::new("pipenv");
    let locked = project.locked();
    // typing-extensions is for Pythons before 3.13.
    assert_eq!(names(&locked), ["anyio", "certifi", "click", "h11", "httpcore", "httpx", "idna", "socksio"]);
    assert_eq!(locked.pins[2].hashes.len(), 2);
    assert_eq!(project.read().unwrap().notes, ["Pipfile.lock was made for Python 3.11, and the function runs on 3.13"]);
    let private = project.edit("Pipfile.lock", "https://pypi.org/simple", "https://${TOKEN}@pypi.example.org/simple");
    assert_eq!(private.locked().indexes.first().unwrap(), "https://${TOKEN}@pypi.example.org/simple");
}

#[test]
fn a_uv_lock_is_known_by_itself_and_by_the_members_it_builds() {
    let project = Project::new("uv");
    let before = project.read().unwrap();
    assert_eq!(before.given, Given::UvLock(project.0.path().to_owned()));
    let inputs: Vec<&str> = before.inputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(inputs, ["uv.lock", "pyproject.toml", "tool.uv", "packages/api", "packages/lib"]);
    fs::create_dir(project.0.path().join("packages/lib/.venv")).unwrap();
    fs::write(project.0.path().join("packages/lib/.venv/x"), "").unwrap();
    assert_eq!(project.read().unwrap(), before);
    fs::write(project.0.path().join("packages/lib/lib/__init__.py"), "WORD = 2").unwrap();
    assert_ne!(project.read().unwrap(), before);
}

#[test]
fn a_member_is_locked_by_its_workspace() {
    let project = Project::new("uv");
    let member = declared(&project.0.path().join("packages/api"), &platform(), &|_| false).unwrap().unwrap();
    assert_eq!(member.given, Given::UvLock(project.0.path().to_owned()));
    // A folder below that is no member is not.
    let other = project.0.path().join("jobs");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("pyproject.toml"), "[project]\ndependencies = ['six']\n").unwrap();
    let other = declared(&other, &platform(), &|_| false).unwrap().unwrap();
    assert_eq!(other.given, Given::Text("six\n".into()));
}

#[test]
fn the_first_of_several_decides_and_it_is_said() {
    let project = Project::new("uv");
    fs::write(project.0.path().join("poetry.lock"), "").unwrap();
    let notes = project.read().unwrap().notes;
    assert_eq!(notes, ["dependencies come from uv.lock; poetry.lock is not read"]);
    fs::write(project.0.path().join("requirements.txt"), "six\n").unwrap();
    let notes = project.read().unwrap().notes;
    assert_eq!(notes, ["dependencies come from requirements.txt; uv.lock and poetry.lock are not read"]);
}

#[test]
fn what_uv_exports_is_taken_apart() {
    let root = Project::new("uv");
    let said = "-e ./packages/lib\nhttpx==0.28.1 ; sys_platform == 'linux' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n\
                own @ https://example.org/own-1-py3-none-any.whl \\\n    --hash=sha256:02\n# a comment\n";
    let locked = exported(root.0.path(), said, &|_| false).unwrap();
    assert_eq!(locked.folders, [root.0.path().join("./packages/lib")]);
    assert_eq!(locked.pins[0].requirement, "httpx==0.28.1 ; sys_platform == 'linux'");
    assert_eq!(locked.pins[0].hashes, ["sha256:00", "sha256:01"]);
    assert_eq!(locked.pins[1].hashes, ["sha256:02"]);
    let git = "own @ git+https://example.org/own@1f2e\n";
    let error = exported(root.0.path(), git, &|_| false).unwrap_err();
    assert!(error.message.starts_with("own comes from git+https://example.org/own@1f2e"), "{error}");
    assert_eq!(exported(root.0.path(), git, &|name| name == "own").unwrap().pins.len(), 1);
    let root = root.edit("uv.lock", "https://pypi.org/simple", "https://pypi.example.org/simple");
    assert_eq!(exported(root.0.path(), "", &|_| false).unwrap().indexes.len(), 1);
}
