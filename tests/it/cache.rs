//! What is kept between runs: used when it is whole, made anew when it is not, shown and pruned.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::world::World;

/// A world whose cache nobody else uses.
fn world() -> World {
    let world = World::new().app("hello-python");
    let cache = world.root().join("cache").display().to_string();
    let text: String = (0..4_000).map(|line| format!("line {line} of the data\n")).collect();
    world.env("RZAP_CACHE_DIR", &cache).file("data/words.txt", &text).file("data/more.txt", &text.to_uppercase())
}

/// Files in the cache whose names end in `ending`.
fn kept(world: &World, ending: &str) -> Vec<PathBuf> {
    let items = fs::read_dir(world.root().join("cache/zips")).expect("the folder of the packages").flatten();
    let mut found: Vec<PathBuf> = items.map(|item| item.path()).collect();
    found.retain(|path| path.to_str().is_some_and(|name| name.ends_with(ending)));
    found.sort();
    found
}

/// Packages; gives the zip's bytes and what was said.
fn package(world: &World) -> (Vec<u8>, String) {
    let output = world.run("package -o ../out").success();
    let zips = fs::read_dir(world.root().join("out")).expect("the folder").flatten();
    let zip = zips.map(|item| item.path()).find(|path| path.extension().is_some_and(|end| end == "zip"));
    (fs::read(zip.expect("a zip")).expect("it can be read"), output.stderr)
}

/// As if the files had been there for a while, so that they are believed to be what they were.
fn aged(world: &World) {
    for file in ["app.py", "data/words.txt", "data/more.txt"] {
        age(&world.project().join(file), Duration::from_mins(1));
    }
}

fn age(path: &Path, by: Duration) {
    let times = FileTimes::new().set_modified(SystemTime::now() - by);
    File::options().append(true).open(path).and_then(|file| file.set_times(times)).expect("its time can be set");
}

#[track_caller]
fn prune(world: &World, line: &str, says: &str) {
    let output = world.run(line).success();
    assert!(output.stdout.contains(says), "{output}");
}

#[test]
fn a_damaged_package_is_made_anew_with_the_same_bytes() {
    let world = world();
    let (first, said) = package(&world);
    assert!(!said.contains("damaged"), "{said}");
    let zip = kept(&world, ".zip").remove(0);
    for place in [40, first.len() / 2, first.len() - 5] {
        let mut damaged = first.clone();
        damaged[place] ^= 1;
        fs::write(&zip, &damaged).expect("it can be written");
        let (again, said) = package(&world);
        assert!(again == first, "byte {place}");
        assert!(said.contains("was damaged: it has been made anew"), "{said}");
        assert!(fs::read(&zip).expect("it can be read") == first);
    }
    for length in [0, 30, first.len() - 1] {
        fs::write(&zip, &first[..length]).expect("it can be written");
        assert!(package(&world).0 == first, "cut at {length}");
    }
    fs::remove_file(&zip).expect("it can be removed");
    assert!(package(&world).0 == first);
}

#[test]
fn without_its_index_or_with_a_damaged_one_a_package_is_the_same() {
    let world = world();
    let (first, _) = package(&world);
    let index = kept(&world, ".index").remove(0);
    let whole = fs::read(&index).expect("it can be read");
    fs::write(&index, &whole[..whole.len() / 2]).expect("it can be written");
    assert!(package(&world).0 == first);
    assert!(fs::read(&index).expect("it has been made anew") == whole);
    fs::remove_file(&index).expect("it can be removed");
    assert!(package(&world).0 == first);
    for folder in ["zips", "stats"] {
        fs::remove_dir_all(world.root().join("cache").join(folder)).expect("it can be removed");
        assert!(package(&world).0 == first, "{folder}");
    }
}

#[test]
fn what_was_kept_does_not_change_a_package() {
    let world = world();
    package(&world);
    aged(&world);
    package(&world);
    world.write("app.py", "def handler(event, context):\n    return 'edited'\n");
    let (edited, _) = package(&world);
    world.write("data/new.txt", "one more");
    fs::rename(world.project().join("data/more.txt"), world.project().join("data/renamed.txt")).expect("a rename");
    let (renamed, _) = package(&world);
    // The same from nothing.
    fs::remove_dir_all(world.root().join("cache")).expect("the cache can be removed");
    assert!(package(&world).0 == renamed);
    assert!(edited != renamed);
}

#[test]
fn a_secret_that_was_packed_on_purpose_is_not_packed_by_mistake() {
    let world = world();
    world.write("key.pem", &format!("-----BEGIN PRIVATE KEY-----\n{}\n", "A".repeat(64)));
    age(&world.project().join("key.pem"), Duration::from_mins(1));
    world.edit("rzap.yaml", "http: url", "http: url\ninclude: [/key.pem]");
    // Long enough for the file to be believed without being read.
    std::thread::sleep(Duration::from_secs(3));
    package(&world);
    package(&world);
    world.edit("rzap.yaml", "\ninclude: [/key.pem]", "");
    let output = world.run("package").failure(1);
    output.says(&["key.pem must not be packed: it holds a private key"]);
    // Neither does a copy of it get through.
    fs::rename(world.project().join("key.pem"), world.project().join("data/innocent.txt")).expect("a rename");
    world.run("package").failure(1).says(&["data/innocent.txt must not be packed"]);
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let world = world();
    let runs: Vec<_> = (0..4).map(|_| world.start("package --json")).collect();
    let documents: Vec<_> = runs.into_iter().map(|run| run.wait().success().json()).collect();
    assert!(documents.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!((kept(&world, ".zip").len(), kept(&world, ".index").len()), (1, 1));
}

#[test]
fn the_cache_is_shown_and_pruned() {
    let world = world();
    let empty = world.run("cache --json").success().json();
    assert_eq!(empty["kept"][0]["count"], 0);
    package(&world);
    let document = world.run("cache --json").success().json();
    let packages = &document["kept"][0];
    assert_eq!((packages["what"].as_str(), packages["count"].as_u64()), (Some("packages"), Some(1)));
    assert!(packages["bytes"].as_u64().is_some_and(|bytes| bytes > 10_000), "{document}");
    let shown = world.run("cache").success().stdout;
    assert!(shown.contains("packages") && shown.contains("just now"), "{shown}");

    prune(&world, "cache prune", "nothing to remove");
    prune(&world, "cache prune --older-than 1h", "nothing to remove");
    prune(&world, "cache prune --all --dry-run", "would remove 1 from");
    assert_eq!(kept(&world, ".zip").len(), 1);
    for path in kept(&world, "") {
        age(&path, Duration::from_hours(24 * 15));
    }
    let freed = world.run("cache prune --json").success().json();
    assert_eq!(freed["freed"]["count"], 1, "{freed}");
    assert_eq!((kept(&world, ".zip").len(), kept(&world, ".index").len()), (0, 0));
    world.run("cache prune --older-than soon").failure(2).says(&["`soon` is no age"]);
}

#[test]
fn what_a_running_rzap_uses_is_not_pruned() {
    let world = world();
    package(&world);
    // Holds the lock as any rzap that packs does.
    let lock = File::options().append(true).open(world.root().join("cache/zips/lock")).expect("the lock file");
    lock.lock_shared().expect("the lock");
    prune(&world, "cache prune --all", "another rzap is running");
    assert_eq!(kept(&world, ".zip").len(), 1);
    drop(lock);
    prune(&world, "cache prune --all", "removed 1 from");
    assert_eq!(kept(&world, ".zip").len(), 0);
}
