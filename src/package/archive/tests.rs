//! The archive, read back by another implementation (Python's zipfile).

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use super::super::entry::{Content, Owner};
use super::super::merge::sorted;
use super::content::DEFLATED;
use super::*;

/// Asks another implementation, Python's `zipfile`, for everything that is in a zip.
const LOOK: &str = r#"
import hashlib, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    print(json.dumps([{
        "name": i.filename, "mode": i.external_attr >> 16, "size": i.file_size, "time": list(i.date_time),
        "sha256": hashlib.sha256(archive.read(i)).hexdigest(), "extra": len(i.extra), "system": i.create_system,
        "method": i.compress_type, "comment": len(i.comment) + len(archive.comment), "flags": i.flag_bits,
    } for i in archive.infolist()]))
"#;

pub(super) fn look(zip: &Path) -> Vec<serde_json::Value> {
    let output = Command::new("python3").args(["-c", LOOK]).arg(zip).output().expect("the tests need python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Packs into a new cache in `folder`.
pub(super) fn write(entries: &[Entry], folder: &Path) -> Result<Archive> {
    super::write(entries, &Cache::open(folder)?, "test", &|_, _| ())
}

fn zips(folder: &Path) -> Vec<String> {
    let items = std::fs::read_dir(folder.join("zips")).unwrap();
    let mut names: Vec<String> = items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "CACHEDIR.TAG" && name != "lock");
    names.sort();
    names
}

fn text(path: &str, text: &str) -> Entry {
    Entry::generated(path, text)
}

#[test]
fn the_hash_and_the_sizes_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let archive = write(&[text("a", "one"), text("b", &"x".repeat(10_000))], folder.path()).unwrap();
    let bytes = std::fs::read(&archive.file).unwrap();
    assert_eq!(archive.sha256, hex::encode(Sha256::digest(&bytes)));
    assert_eq!(
        base64::engine::general_purpose::STANDARD.decode(&archive.code_sha256).unwrap(),
        hex::decode(&archive.sha256).unwrap()
    );
    assert_eq!((archive.zipped, archive.unzipped), (bytes.len() as u64, 10_003));
    assert_eq!(archive.file, folder.path().join(format!("zips/{}.zip", archive.sha256)));
    // The temporary file is gone; its index is there.
    assert_eq!(zips(folder.path()).len(), 2);
}

/// Guards the promise of equal bytes on every machine and in every later build: a change of these
/// bytes uploads every user's unchanged code once more, so it has to be meant.
#[test]
fn the_bytes_are_these() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = text("run.sh", "#!/bin/sh\necho hello hello hello hello\n");
    script.executable = true;
    let archive = write(&sorted(vec![text("é", "x"), script]).unwrap(), folder.path()).unwrap();
    insta::assert_snapshot!(hex::encode(std::fs::read(&archive.file).unwrap()), @"504b03042d000000080000002100dc3f729618000000270000000600000072756e2e73685356d44fcaccd32fcee04a4dcec857c848cdc9c142720100504b03040a0000080000000021008316dc8c010000000100000002000000c3a978504b01022d032d000000080000002100dc3f72961800000027000000060000000000000000000000ed810000000072756e2e7368504b01020a030a0000080000000021008316dc8c0100000001000000020000000000000000000000a4813c000000c3a9504b05060000000002000200640000005d0000000000");
}

#[test]
fn more_entries_than_a_small_zip_can_count() {
    let folder = tempfile::tempdir().unwrap();
    let entries: Vec<Entry> = (0..65_540).map(|n| text(&format!("{n:05}"), "")).collect();
    let archive = write(&entries, folder.path()).unwrap();
    assert_eq!(look(&archive.file).len(), 65_540);
}

#[test]
fn sizes_beyond_four_gigabytes_are_said_in_zip64() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.zip");
    let file = File::create(&path).unwrap();
    let grown = |_: &Path, _| ();
    let mut zip = ZipWriter::new(Growing::new(&file, &path, &grown));
    let squeezed = |size| Squeezed {
        id: [0; 32],
        method: DEFLATED,
        data: Data::Memory(vec![7; 100]),
        check: [0; 32],
        crc32: 5,
        size,
    };
    for (name, size) in [("a", 5 << 30), ("b", 200), ("c", u64::from(u32::MAX))] {
        let end = append(&mut zip, &text(name, ""), &squeezed(size)).unwrap();
        assert_eq!(end, zip.get_ref().unwrap().written, "{name}");
    }
    let (hash, _) = zip.finish().unwrap().finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(hash.to_vec(), Sha256::digest(&bytes).to_vec());
    // Before its data as well as in the directory.
    let mut start = bytes.as_slice();
    let first = read_zipfile_from_stream(&mut start).unwrap().unwrap();
    assert_eq!((first.size(), first.compressed_size()), (5 << 30, 100));
    drop(first);
    let script = "import sys, zipfile; print([(i.filename, i.file_size, i.compress_size) for i in zipfile.ZipFile(sys.argv[1]).infolist()])";
    let output = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
    let expected = "[('a', 5368709120, 100), ('b', 200, 100), ('c', 4294967295, 100)]";
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{output:?}");
}

#[test]
fn an_error_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let gone = Entry::file("b".into(), "/nowhere".into(), 1, false, Owner::Project);
    write(&[text("a", "x"), gone], folder.path()).unwrap_err();
    assert_eq!(zips(folder.path()), [""; 0]);
    let cache = Cache::open(folder.path()).unwrap();
    std::fs::remove_dir_all(&cache.zips).unwrap();
    let error = super::write(&[text("a", "x")], &cache, "test", &|_, _| ()).unwrap_err();
    assert!(error.message.starts_with("cannot write the package to /"), "{error}");
}

#[test]
fn a_full_disk_says_what_helps() {
    let full = io::Error::from(io::ErrorKind::StorageFull);
    let error = failed(Path::new("/cache"), &ZipError::Io(full));
    assert_eq!(error.hints, ["free some space, or point RZAP_CACHE_DIR at another disk"]);
}

#[test]
fn what_grew_beyond_the_limit_after_the_walk_is_still_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grown");
    File::create(&file).unwrap().set_len(size::MOST_UNZIPPED + 1).unwrap();
    let entry =
        Entry { path: "a".into(), content: Content::File(file), size: 1, executable: false, owner: Owner::Included };
    let work = tempfile::tempdir().unwrap();
    assert!(write(&[entry], work.path()).unwrap_err().message.contains("more than the 250.0 MB"));
    assert_eq!(zips(work.path()), [""; 0]);
}
