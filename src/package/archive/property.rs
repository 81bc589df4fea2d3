//! Any names, contents and modes: what goes in comes out, through two other implementations (Python's
//! zipfile and Info-ZIP's unzip), and the zip depends on nothing else.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::super::entry::Owner;
use super::super::merge::sorted;
use super::tests::{look, write};
use super::*;

/// Path → content and whether it is executable.
type Tree = BTreeMap<String, (Vec<u8>, bool)>;

/// Names that mean something to shells, tools, other systems or people in a hurry.
const ODD: &[&str] = &[
    "-rf",
    "--help",
    "~",
    "$HOME",
    "%s",
    "*",
    "?.py",
    "[a]",
    "{b}",
    "con",
    "aux.txt",
    "a:b",
    "C:",
    "...",
    "..a",
    "a..",
    ".a",
    " ",
    " lead",
    "trail ",
    "@list",
    "#",
    "'",
    "\"",
    ";rm",
    "a;1",
    "a&b",
    "|",
    "`id`",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "日本語",
    "🎉",
    "\u{202e}gpj",
    "\u{feff}",
    "MAIN.PY",
    "main.py",
    "Main.py",
];

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9._ -]{1,12}",
        2 => "\\PC{1,20}",
        1 => "[a-z]{200,255}",
        1 => "é{100,127}",
        3 => prop::sample::select(ODD).prop_map(str::to_owned),
    ]
    .prop_map(|name| name.replace(['/', '\\'], "-"))
    .prop_filter("it means a folder", |name| name != "." && name != "..")
    .prop_filter("no file system takes it", |name| name.len() <= 255)
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3_000),
        "(ab){0,4000}".prop_map(String::into_bytes),
        "\\PC{0,200}".prop_map(String::into_bytes),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    let path = prop::collection::vec(segment(), 1..4).prop_map(|segments| segments.join("/"));
    prop::collection::btree_map(path, (content(), any::<bool>()), 1..30).prop_map(|mut tree| {
        let folders: BTreeSet<String> = tree
            .keys()
            .flat_map(|path| path.match_indices('/').map(|(end, _)| path[..end].to_owned()).collect::<Vec<_>>())
            .collect();
        tree.retain(|path, _| !folders.contains(path));
        tree
    })
}

/// The tree as files below `root`, whose own names do not matter.
fn files(tree: &Tree, root: &Path) -> Vec<Entry> {
    let entry = |(number, (path, (content, executable))): (usize, (&String, &(Vec<u8>, bool)))| {
        let file = root.join(number.to_string());
        fs::write(&file, content).unwrap();
        Entry::file(path.clone(), file, content.len() as u64, *executable, Owner::Project)
    };
    tree.iter().enumerate().map(entry).collect()
}

/// What `unzip` lists, in order, and what it makes of it.
fn unzip(zip: &Path, into: &Path) -> (Vec<String>, Tree) {
    let run = |arguments: &[&str]| {
        let mut unzip = std::process::Command::new("unzip");
        // A name may end like a version of VMS (`;1`): `-V` keeps it.
        let output = unzip.args(arguments).env("LC_ALL", "C.UTF-8").output();
        let output = output.expect("the tests need Info-ZIP's unzip: install it (`apt-get install unzip`)");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let (zip, folder) = (zip.to_str().unwrap(), into.to_str().unwrap());
    let listed = run(&["-Z1", zip]).lines().map(str::to_owned).collect();
    run(&["-q", "-V", zip, "-d", folder]);
    let (mut tree, mut folders) = (Tree::new(), vec![into.to_owned()]);
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap().flatten() {
            let seen = item.metadata().unwrap();
            if seen.is_dir() {
                folders.push(item.path());
            } else {
                let path = item.path().strip_prefix(into).unwrap().to_str().unwrap().to_owned();
                let mode = seen.permissions().mode() & 0o777;
                assert!(mode == 0o644 || mode == 0o755, "{path}: {mode:o}");
                tree.insert(path, (fs::read(item.path()).unwrap(), mode == 0o755));
            }
        }
    }
    (listed, tree)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_goes_in_comes_out(tree in tree(), seed in any::<u64>()) {
        let place = || tempfile::tempdir().unwrap();
        let (here, there, third, work, unpacked) = (place(), place(), place(), place(), place());
        let archive = write(&sorted(files(&tree, here.path())).unwrap(), work.path()).unwrap();
        let paths: Vec<&String> = tree.keys().collect();

        let seen = look(&archive.file);
        prop_assert_eq!(seen.iter().map(|entry| entry["name"].as_str().unwrap()).collect::<Vec<_>>(), paths.clone());
        for (entry, (content, executable)) in seen.iter().zip(tree.values()) {
            prop_assert_eq!(entry["sha256"].as_str().unwrap(), hex::encode(Sha256::digest(content)));
            prop_assert_eq!(entry["mode"].as_u64().unwrap(), if *executable { 0o100_755 } else { 0o100_644 });
            prop_assert_eq!(&entry["time"], &serde_json::json!([1980, 1, 1, 0, 0, 0]));
            prop_assert_eq!((entry["extra"].as_u64(), entry["comment"].as_u64(), entry["system"].as_u64()), (Some(0), Some(0), Some(3)));
        }
        let (listed, came_out) = unzip(&archive.file, unpacked.path());
        prop_assert_eq!(listed.iter().collect::<Vec<_>>(), paths);
        prop_assert_eq!(came_out, tree.clone());

        // The same content in another folder, listed in another order, nothing kept: the same bytes.
        let mut shuffled = files(&tree, there.path());
        let turn = usize::try_from(seed % shuffled.len() as u64).unwrap();
        shuffled.rotate_left(turn);
        let again = write(&sorted(shuffled).unwrap(), there.path()).unwrap();
        prop_assert_eq!(fs::read(&archive.file).unwrap(), fs::read(&again.file).unwrap());
        // And with all of it kept, in another place still.
        let kept = write(&sorted(files(&tree, third.path())).unwrap(), work.path()).unwrap();
        prop_assert_eq!((kept.sha256, kept.packed), (again.sha256, again.packed));
    }

    /// An edit among what is kept gives the same as the edited tree from nothing.
    #[test]
    fn what_is_kept_changes_nothing(tree in tree(), more in tree(), taken in any::<prop::sample::Index>()) {
        let (here, work, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&sorted(files(&tree, here.path())).unwrap(), work.path()).unwrap();
        let mut edited = tree.clone();
        edited.remove(tree.keys().nth(taken.index(tree.len())).unwrap());
        edited.extend(more);
        if let Ok(entries) = sorted(files(&edited, here.path())) {
            let with_kept = write(&entries, work.path()).unwrap();
            let from_nothing = write(&entries, fresh.path()).unwrap();
            prop_assert_eq!(fs::read(with_kept.file).unwrap(), fs::read(from_nothing.file).unwrap());
            prop_assert_eq!((with_kept.packed, with_kept.unzipped), (from_nothing.packed, from_nothing.unzipped));
        }
    }

    /// Whatever the walk or an installer brings: a name that could leave the folder is not written.
    #[test]
    fn hostile_names_are_refused(
        before in prop::collection::vec(segment(), 0..3),
        hostile in prop::sample::select(&["..", ".", "", "a\\b", "..\\..\\x", "a\nb", "\u{0}", "\u{1b}[2J", "\u{85}", "C:\\x"][..]),
        after in prop::collection::vec(segment(), 0..3),
    ) {
        let work = tempfile::tempdir().unwrap();
        let path = [before, vec![hostile.to_owned()], after].concat().join("/");
        let error = write(&[Entry::generated(&path, "x")], work.path()).unwrap_err();
        prop_assert!(error.message.contains("cannot be packed"), "{}", error);
        let left = fs::read_dir(work.path().join("zips")).unwrap().count();
        prop_assert_eq!(left, 2, "the lock and the cache's mark");
    }
}
