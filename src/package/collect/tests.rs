//! What goes in, what stays out, and what stops the walk.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[&str]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for file in files {
            folder.write(file, "x");
        }
        folder
    }

    fn path(&self, at: &str) -> PathBuf {
        self.0.path().join(at)
    }

    fn write(&self, at: &str, text: &str) {
        fs::create_dir_all(self.path(at).parent().unwrap()).unwrap();
        fs::write(self.path(at), text).unwrap();
    }

    fn link(&self, target: impl AsRef<Path>, at: &str) {
        fs::create_dir_all(self.path(at).parent().unwrap()).unwrap();
        symlink(target, self.path(at)).unwrap();
    }

    fn source(&self, exclude: &[&str], include: &[&str]) -> Source {
        let list = |lines: &[&str]| lines.iter().map(ToString::to_string).collect();
        Source { dir: self.0.path().to_owned(), exclude: list(exclude), include: list(include), ..Source::default() }
    }

    fn walk(&self) -> Result<Listing> {
        project(self.0.path(), &self.source(&[], &[]), "python3.13")
    }

    fn names(&self, exclude: &[&str], include: &[&str], runtime: &str) -> Vec<String> {
        names(&project(self.0.path(), &self.source(exclude, include), runtime).unwrap())
    }
}

fn names(listing: &Listing) -> Vec<String> {
    let mut names: Vec<String> = listing.entries.iter().map(|entry| entry.path.clone()).collect();
    names.sort();
    names
}

#[test]
fn the_project_without_its_litter() {
    let folder = Folder::new(&[
        "app.py",
        "rzap.yaml",
        ".env",
        "pkg/__init__.py",
        "pkg/__pycache__/x.pyc",
        "tests/test_app.py",
        ".git/HEAD",
        "myenv/pyvenv.cfg",
        "myenv/lib/x.py",
        "target/CACHEDIR.TAG",
        "target/debug/x",
    ]);
    assert_eq!(folder.names(&[], &[], "python3.13"), ["app.py", "pkg/__init__.py", "tests/test_app.py"]);
}

#[test]
fn include_reaches_into_folders_that_are_left_out() {
    let folder = Folder::new(&["app.py", "node_modules/a/x.js", "node_modules/b/x.js", ".env.example"]);
    let names = folder.names(&[], &["node_modules/a/**", ".env.example"], "python3.13");
    assert_eq!(names, [".env.example", "app.py", "node_modules/a/x.js"]);
}

#[test]
fn the_exec_bit_and_the_owner_are_kept() {
    let folder = Folder::new(&["run.sh", "index.js", "node_modules/@s/p/i.js", "node_modules/q/i.js"]);
    fs::set_permissions(folder.path("run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
    let listing = project(folder.0.path(), &folder.source(&[], &[]), "nodejs22.x").unwrap();
    let find = |path: &str| listing.entries.iter().find(|entry| entry.path == path).unwrap();
    assert_eq!((find("run.sh").mode(), find("index.js").mode()), (0o755, 0o644));
    assert_eq!(find("node_modules/@s/p/i.js").part(), "@s/p");
    assert_eq!(find("node_modules/q/i.js").owner, Owner::Dependency("q".into()));
    assert_eq!(find("index.js").owner, Owner::Project);
}

#[test]
fn links_inside_the_project_are_followed_as_content() {
    let folder = Folder::new(&["web/app.py", "common/lib.py"]);
    folder.link("../common", "web/common");
    folder.link("app.py", "web/main.py");
    let source = Source { dir: folder.path("web"), exclude: vec![], include: vec![], ..Source::default() };
    let listing = project(folder.0.path(), &source, "python3.13").unwrap();
    assert_eq!(names(&listing), ["app.py", "common/lib.py", "main.py"]);
}

#[test]
fn links_that_lead_elsewhere_are_refused_by_name() {
    let outside = Folder::new(&["secret"]);
    for (target, why) in [
        (outside.path("secret"), "points out of the project"),
        (outside.path(""), "points out of the project"),
        (PathBuf::from("nowhere"), "points at nothing"),
        (PathBuf::from("."), "leads back to a folder it is in"),
        (PathBuf::from("bad"), "cannot be followed"),
    ] {
        let folder = Folder::new(&["app.py"]);
        folder.link(&target, "bad");
        let error = folder.walk().unwrap_err();
        assert!(error.message.starts_with("the link bad (→ ") && error.message.ends_with(why), "{error}");
        assert!(error.hints[0].contains("exclude `/bad`"), "{error:?}");
        assert_eq!(folder.names(&["/bad"], &[], "python3.13"), ["app.py"]);
    }
}

#[test]
fn two_links_to_each_others_folders_are_a_cycle_not_a_loop() {
    let folder = Folder::new(&["a/x", "b/y"]);
    folder.link("../b", "a/b");
    folder.link("../a", "b/a");
    assert!(folder.walk().unwrap_err().message.contains("leads back"));
}

#[test]
fn a_link_does_not_smuggle_a_secret_in() {
    let folder = Folder::new(&["app.py", ".env"]);
    folder.link(".env", "settings.txt");
    let listing = folder.walk().unwrap();
    assert_eq!(names(&listing), ["app.py"]);
    assert_eq!(listing.notes, ["left out settings.txt: it links to .env"]);
}

#[test]
fn a_code_folder_outside_the_project_is_refused() {
    let (inside, outside) = (Folder::new(&["rzap.yaml"]), Folder::new(&["app.py"]));
    let error = project(inside.0.path(), &outside.source(&[], &[]), "python3.13").unwrap_err();
    assert!(error.message.contains("lies outside the project"), "{error}");
    let gone = Source { dir: inside.path("gone"), exclude: vec![], include: vec![], ..Source::default() };
    assert!(project(inside.0.path(), &gone, "python3.13").unwrap_err().message.contains("cannot open the code folder"));
}

#[test]
fn names_no_zip_should_carry_are_refused() {
    for name in [&b"caf\xe9"[..], b"a\\..\\b", b"line\nbreak"] {
        let folder = Folder::new(&["app.py"]);
        fs::write(folder.0.path().join(OsStr::from_bytes(name)), "x").unwrap();
        assert!(folder.walk().unwrap_err().message.contains("cannot be packed"));
    }
    assert!(packed_path(Path::new(&"x".repeat(256))).is_err());
}

#[test]
fn a_pipe_is_left_out_with_a_note() {
    let folder = Folder::new(&["app.py"]);
    let made = std::process::Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap();
    assert!(made.success());
    let listing = folder.walk().unwrap();
    assert_eq!(
        (names(&listing), listing.notes),
        (vec!["app.py".to_owned()], vec!["left out pipe: it is a named pipe".to_owned()])
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a file is called: it is refused, left out, or packed under exactly its own name,
    /// which stays below the folder it is unpacked in.
    #[test]
    fn no_name_leaves_the_folder(name in "[a-z.\\\\\n~ é/:]{1,12}") {
        prop_assume!(name.split('/').all(|part| !["", ".", ".."].contains(&part)));
        let folder = Folder::new(&[]);
        folder.write(&name, "x");
        if let Ok(listing) = folder.walk() {
            for entry in &listing.entries {
                prop_assert_eq!(&entry.path, &name);
                prop_assert!(!entry.path.starts_with('/') && entry.path.split('/').all(|part| part != ".." && !part.is_empty()));
            }
        }
    }
}
