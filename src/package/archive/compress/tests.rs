//! Order, pieces, memory and errors of the compression; what comes out is checked by libdeflate.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Read as _;
use std::path::PathBuf;

use libdeflater::Decompressor;
use tempfile::TempDir;

use super::super::content::Id;
use super::*;

fn texts(sizes: &[usize]) -> Vec<Entry> {
    sizes.iter().map(|size| Entry::generated(&format!("{size}"), &"ab".repeat(size / 2))).collect()
}

fn plans(entries: &[Entry]) -> Vec<Plan<'_>> {
    let state = |entry: &Entry| match &entry.content {
        Content::File(path) => State::of(path).ok(),
        Content::Text(_) => None,
    };
    entries.iter().map(|entry| Plan { entry, state: state(entry), kept: None }).collect()
}

/// Noise of a simple kind: half of it repeats.
fn noise(size: usize, seed: u32) -> Vec<u8> {
    let mut last = seed;
    let next = |_| {
        last = last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if last & 1 == 0 { b'x' } else { last.to_le_bytes()[3] }
    };
    (0..size).map(next).collect()
}

/// Name, id, method, compressed bytes.
type Out = (String, Id, u16, Vec<u8>);

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Entry {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Entry::file(name.into(), path, bytes.len() as u64, false, Owner::Project)
    }

    /// Everything that comes out.
    fn squeezed(&self, cores: usize, entries: &[Entry]) -> Result<Vec<Out>> {
        let mut seen = vec![];
        on_cores(cores, &plans(entries), self.0.path(), |index, made| {
            let mut bytes = vec![];
            made.squeezed.data.read().read_to_end(&mut bytes).unwrap();
            assert_eq!(made.squeezed.check, id_of(&bytes));
            seen.push((entries[index].path.clone(), made.squeezed.id, made.squeezed.method, bytes));
            Ok(())
        })?;
        Ok(seen)
    }
}

#[test]
fn results_come_in_order_whatever_their_size() {
    let entries = texts(&[3_000_000, 2, 100, 4_000_000, 0, 6, 1_000_000, 8]);
    let mut seen = vec![];
    in_order(&plans(&entries), Path::new("/nowhere"), |index, made| {
        seen.push((entries[index].path.clone(), made.squeezed.size));
        Ok(())
    })
    .unwrap();
    let expected: Vec<_> = entries.iter().map(|entry| (entry.path.clone(), entry.size)).collect();
    assert_eq!(seen, expected);
}

#[test]
fn jobs_beyond_the_budget_go_through_one_by_one() {
    // Their walk saw sizes that fill the budget; what is read is small.
    let mut entries = texts(&[10, 20, 30, 40]);
    for entry in &mut entries {
        entry.size = desk::BUDGET * 2;
    }
    let mut count = 0;
    in_order(&plans(&entries), Path::new("/nowhere"), |_, _| {
        count += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(count, 4);
}

#[test]
fn the_first_error_stops_everything() {
    let mut entries = texts(&[400_000; 50]);
    entries[3] = Entry::file("x".into(), "/nowhere".into(), 400_000, false, Owner::Project);
    let mut count = 0;
    let error = in_order(&plans(&entries), Path::new("/nowhere"), |_, _| {
        count += 1;
        Ok(())
    });
    assert_eq!((error.unwrap_err().message.as_str(), count), ("cannot read /nowhere", 3));
    let full = |_, _| Err(Error::failed("disk full"));
    assert!(in_order(&plans(&texts(&[10; 50])), Path::new("/nowhere"), full).is_err());
}

#[test]
fn what_does_not_get_smaller_is_stored() {
    let files = Files::new();
    let entries =
        [files.file("a", b""), files.file("b", b"a"), files.file("c", &[7; 4096]), files.file("d", b"abcdefgh")];
    let seen = files.squeezed(2, &entries).unwrap();
    let methods: Vec<u16> = seen.iter().map(|(_, _, method, _)| *method).collect();
    assert_eq!(methods, [STORED, STORED, DEFLATED, STORED]);
    assert_eq!((seen[0].3.as_slice(), seen[1].3.as_slice()), (b"".as_slice(), b"a".as_slice()));
}

#[test]
fn large_files_are_the_same_on_any_number_of_cores() {
    let files = Files::new();
    let piece = usize::try_from(PIECE).unwrap();
    let contents = [noise(piece, 1), noise(2 * piece + 7, 2), noise(300, 3), noise(piece + 1, 4)];
    let entries: Vec<Entry> =
        contents.iter().zip(["a", "b", "c", "d"]).map(|(bytes, name)| files.file(name, bytes)).collect();
    let seen = files.squeezed(1, &entries).unwrap();
    for cores in [2, 7] {
        assert_eq!(files.squeezed(cores, &entries).unwrap(), seen);
    }
    for ((_, _, method, bytes), content) in seen.iter().zip(&contents) {
        assert_eq!(*method, DEFLATED);
        let mut out = vec![0; content.len()];
        assert_eq!(Decompressor::new().deflate_decompress(bytes, &mut out).unwrap(), content.len());
        assert!(out == *content);
    }
}

#[test]
fn a_large_file_that_does_not_get_smaller_is_stored() {
    let files = Files::new();
    let size = usize::try_from(PIECE).unwrap() + 5_000;
    let mut random = 7_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random.to_le_bytes()[2]
    })
    .take(size)
    .collect();
    let seen = files.squeezed(2, &[files.file("a", &bytes)]).unwrap();
    assert!(seen[0].2 == STORED && seen[0].3 == bytes);
}

#[test]
fn a_secret_across_the_edge_of_a_piece_is_found() {
    let files = Files::new();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n", "A".repeat(64));
    let mut bytes = vec![b'.'; usize::try_from(PIECE).unwrap() * 2];
    let edge = usize::try_from(PIECE).unwrap() - 30;
    bytes[edge..edge + key.len()].copy_from_slice(key.as_bytes());
    let mut entry = files.file("model.bin", &bytes);
    let error = files.squeezed(2, std::slice::from_ref(&entry)).unwrap_err();
    assert_eq!(error.message, "model.bin must not be packed: it holds a private key");
    entry.owner = Owner::Included;
    files.squeezed(2, &[entry]).unwrap();
}

#[test]
fn a_large_file_that_changed_since_the_walk_is_refused() {
    let files = Files::new();
    let entries = [files.file("log", &noise(usize::try_from(PIECE).unwrap() + 9, 5))];
    let plans = plans(&entries);
    let path: PathBuf = files.0.path().join("log");
    std::fs::write(&path, noise(usize::try_from(PIECE).unwrap() + 9, 6)).unwrap();
    let changed = in_order(&plans, files.0.path(), |_, _| Ok(()));
    // On a file system with a coarse clock the change may not show: then it is packed as it is now.
    if State::of(&path).ok() != plans[0].state {
        assert!(changed.unwrap_err().message.contains("changes while it is being packed"));
    }
}
