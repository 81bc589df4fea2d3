//! Installing, caching and repairing a dependency folder.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::requirements::Given;
use super::*;
use crate::config::Arch;

/// A "uv" that installs the same small tree every time.
const UV: &str = r#"#!/bin/sh
[ "$1" = --version ] && { echo uv 1; exit; }
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/six/__pycache__" "$2/six-1.0.dist-info" "$2/bin"
echo code > "$2/six/__init__.py"
echo '#!/home/me/python' > "$2/bin/six"
touch "$2/.lock" "$2/six/__pycache__/a.pyc" "$2/stray.py"
cd "$2/six-1.0.dist-info" && echo uv > INSTALLER && echo 'Name: six' > METADATA && touch REQUESTED
printf 'six/__init__.py,sha256=x,5\n"six-1.0.dist-info/METADATA",,\n' > RECORD
"#;

struct Place {
    folder: tempfile::TempDir,
    cache: Cache,
    installer: Installer,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("uv");
        fs::write(&program, UV).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let installer = Installer::find(Some(folder.path().as_os_str()), folder.path()).await.unwrap();
        Self { cache: Cache::open(&folder.path().join("work")).unwrap(), folder, installer }
    }

    async fn install(&self, key: &str) -> Vec<Entry> {
        let declared = declared("six");
        install(&self.cache, key, &declared, &self.source(), &platform(), &self.installer).await.unwrap().entries
    }

    fn source(&self) -> Source {
        Source { dir: self.folder.path().to_owned(), ..Source::default() }
    }

    fn kept(&self, key: &str) -> Option<Vec<Entry>> {
        kept(&self.cache, key, &self.source()).unwrap().map(|listing| listing.entries)
    }
}

fn platform() -> Platform {
    Platform::new("python3.13", Arch::Arm64).unwrap()
}

fn declared(text: &str) -> Declared {
    Declared { given: Given::Text(text.into()), inputs: vec![("r".into(), text.into())], notes: vec![] }
}

#[tokio::test]
async fn an_install_is_kept_without_the_tools_own_records() {
    let place = Place::new().await;
    assert_eq!(place.kept("k"), None);
    let entries = place.install("k").await;
    let seen: Vec<(&str, &str)> = entries.iter().map(|entry| (entry.path.as_str(), entry.part())).collect();
    assert_eq!(seen, [("six-1.0.dist-info/METADATA", "six"), ("six/__init__.py", "six"), ("stray.py", "stray.py")]);
    assert_eq!(place.kept("k"), Some(entries));
}

#[tokio::test]
async fn a_damaged_install_is_noticed_and_replaced() {
    let place = Place::new().await;
    let whole = place.install("k").await;
    let file = place.cache.deps.join("k/site/six/__init__.py");
    for damage in [&|| fs::write(&file, "co").unwrap(), &|| fs::remove_file(&file).unwrap(), &|| {
        fs::write(place.cache.deps.join("k/manifest.json"), "[").unwrap();
    }] as [&dyn Fn(); 3]
    {
        damage();
        assert_eq!(place.kept("k"), None);
        assert_eq!(place.install("k").await, whole);
    }
}

#[tokio::test]
async fn two_at_once_end_with_one_whole_install() {
    let place = Place::new().await;
    let (a, b) = tokio::join!(place.install("k"), place.install("k"));
    assert_eq!(a, b);
    // Nothing unfinished is left.
    let mut names: Vec<_> = fs::read_dir(&place.cache.deps).unwrap().map(|item| item.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [cache::CACHE_TAG, "k"]);
}

#[tokio::test]
async fn everything_that_decides_an_install_is_in_its_key() {
    let installer = Place::new().await.installer;
    let other_tool = Installer::Uv { program: "uv".into(), version: "uv 2".into() };
    let other_platform = Platform::new("python3.13", Arch::X86_64).unwrap();
    let all = ["*".to_owned()];
    let keys = [
        key(&declared("six"), &platform(), &installer, &all),
        key(&declared("six"), &platform(), &installer, &[]),
        key(&declared("six==1"), &platform(), &installer, &[]),
        key(&declared("six"), &other_platform, &installer, &[]),
        key(&declared("six"), &platform(), &other_tool, &[]),
    ];
    let different: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(different.len(), keys.len());
    assert_eq!(keys[1], key(&declared("six"), &platform(), &installer, &[]));
}

#[test]
fn an_install_of_nothing_is_an_empty_list() {
    assert_eq!(manifest(Path::new("/nowhere"), &platform()).unwrap(), Manifest::default());
}

/// Files as a wheel would bring them, and which of them a rule leaves out.
fn remarks(files: &[(&str, &str)]) -> Vec<String> {
    let site = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let file = site.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let manifest = manifest(site.path(), &platform()).unwrap();
    let out = |file: &Kept| file.out.as_ref().map(|out| format!("{} {} {}", out.rule.name(), file.path, out.at));
    manifest.files.iter().filter_map(out).collect()
}

#[test]
fn tests_go_as_whole_folders_unless_they_are_something_else() {
    let left_out = remarks(&[
        ("lib/__init__.py", "from . import core\n"),
        ("lib/tests/__init__.py", ""),
        ("lib/tests/test_core.py", "from lib.tests.data import x"),
        ("lib/tests/data/x.json", "{}"),
        ("lib/sub/test/conftest.py", ""),
        // Django's way: tools for testing, no tests.
        ("lib/test/__init__.py", ""),
        ("lib/test/client.py", ""),
        ("lib/test_of_nothing.py", ""),
        ("tests/test_top.py", ""),
    ]);
    let expected = [
        "tests lib/sub/test/conftest.py lib/sub/test/",
        "tests lib/tests/__init__.py lib/tests/",
        "tests lib/tests/data/x.json lib/tests/",
        "tests lib/tests/test_core.py lib/tests/",
        "tests tests/test_top.py tests/",
    ];
    assert_eq!(left_out, expected);
}

#[test]
fn what_is_imported_from_a_test_folder_stays_with_what_it_needs() {
    for import in [
        "import lib.tests",
        "from lib.tests._natype import NA",
        "from lib import (core,\n    tests)",
        "from .tests import _natype",
        "from . import tests  # noqa",
        "def f():\n    import os, lib.tests._natype as n",
        "load(\"lib.tests._natype\")",
        "import_module('.tests', __name__)",
        "try: from .tests import _natype\nexcept ImportError: pass",
    ] {
        let left_out = remarks(&[
            ("lib/testing.py", "pass"),
            ("lib/__init__.py", import),
            ("lib/tests/__init__.py", "from . import test_shared\n"),
            ("lib/tests/_natype.py", "NA = 1"),
            ("lib/tests/data.bin", ""),
            ("lib/tests/test_core.py", ""),
            ("lib/tests/test_shared.py", "from .deep.test_more import x"),
            ("lib/tests/deep/test_more.py", ""),
            ("lib/tests/deep/test_other.py", ""),
            ("other/tests/test_a.py", ""),
        ]);
        let expected = [
            "tests lib/tests/deep/test_other.py lib/tests/deep/test_other.py",
            "tests lib/tests/test_core.py lib/tests/test_core.py",
            "tests other/tests/test_a.py other/tests/",
        ];
        assert_eq!(left_out, expected, "{import}");
    }
    for other in ["import lib.testsuite", "from lib.testing import tests_of", "# import lib.tests", "x = 'tests'"] {
        let left_out = remarks(&[("lib/__init__.py", other), ("lib/tests/test_a.py", "")]);
        assert_eq!(left_out, ["tests lib/tests/test_a.py lib/tests/"], "{other}");
    }
}

#[test]
fn what_no_program_reads_at_run_time_is_left_out() {
    let left_out = remarks(&[
        ("a-1.dist-info/METADATA", "Name: a\n"),
        ("a-1.dist-info/RECORD", "a/__init__.py,,\nbin/a,,\n"),
        ("a-1.dist-info/INSTALLER", "uv"),
        ("a-1.dist-info/entry_points.txt", ""),
        ("a-1.dist-info/top_level.txt", "a"),
        ("a-1.dist-info/licenses/LICENSE", ""),
        ("a-1.dist-info/sboms/auditwheel.cdx.json", "{}"),
        ("a/__init__.py", "include = 'kept.h'"),
        ("a/__init__.pyi", ""),
        ("a/py.typed", ""),
        ("a/__pycache__/__init__.cpython-311.pyc", ""),
        ("a/only.pyc", ""),
        ("a/both.py", ""),
        ("a/both.pyc", ""),
        ("a/fast.so", ""),
        ("a/include/fast.h", ""),
        ("a/include/kept.h", ""),
        ("a/libfast.a", ""),
        ("bin/a", "#!/home/me/python"),
        ("lazy/__init__.py", "lazy.attach_stub(__name__, __file__)"),
        ("lazy/__init__.pyi", ""),
    ]);
    let expected = [
        "records a-1.dist-info/INSTALLER a-1.dist-info/INSTALLER",
        "records a-1.dist-info/RECORD a-1.dist-info/RECORD",
        "records a-1.dist-info/sboms/auditwheel.cdx.json a-1.dist-info/sboms/",
        "stubs a/__init__.pyi a/__init__.pyi",
        "bytecode a/__pycache__/__init__.cpython-311.pyc a/__pycache__/",
        "bytecode a/both.pyc a/both.pyc",
        "sources a/include/fast.h a/include/fast.h",
        "sources a/libfast.a a/libfast.a",
        "scripts bin/a bin/",
    ];
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted(left_out), sorted(expected.map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn another_choice_needs_no_new_install() {
    let place = Place::new().await;
    place.install("k").await;
    let listing = |keep: &[&str], slim| {
        let keep = keep.iter().map(ToString::to_string).collect();
        let source = Source { slim, keep, ..place.source() };
        kept(&place.cache, "k", &source).unwrap().unwrap()
    };
    let paths = |listing: &Listing| listing.entries.iter().map(|entry| entry.path.clone()).collect::<Vec<_>>();
    let all = paths(&listing(&["scripts", "records", "bytecode"], false));
    assert!(all.contains(&"bin/six".to_owned()) && all.contains(&"six-1.0.dist-info/INSTALLER".to_owned()), "{all:?}");
    let slim = listing(&[], true);
    assert_eq!(paths(&slim), ["stray.py"]);
    let told: Vec<_> = slim.left_out.iter().map(|out| (out.rule, out.path.as_str(), out.of.as_deref())).collect();
    assert!(told.contains(&("slim", "six/", Some("six"))), "{told:?}");
}
