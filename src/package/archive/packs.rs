//! Compressed entries are kept where they are anyway: in the zips of earlier packages.
//!
//! Beside a zip lies an index of what is in it, named by the package's recipe (the paths, modes and
//! contents it was made of): for each content where its compressed bytes stand, and their hash.
//! Nothing is believed: an index carries its own hash, and compressed bytes are hashed before they are
//! used. What does not fit is passed over, and made again.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::super::cache;
use super::content::{Data, FORM, Id, PIECE, Squeezed, id_of};

/// How names of indexes end.
pub(in crate::package) const ENDING: &str = ".index";

/// How an index begins.
const MAGIC: &[u8; 16] = b"rzap zip index 1";
const ID: usize = 32;
/// Magic, form, recipe, SHA-256 of the zip.
const HEAD: usize = MAGIC.len() + ID * 3;
const RECORD: usize = ID + 4 + 8 + 2 + 8 + 8 + ID;

/// Where the compressed bytes of one content stand in a zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::package) struct Record {
    pub(super) id: Id,
    pub(super) crc32: u32,
    /// Bytes unpacked.
    pub(super) size: u64,
    pub(super) method: u16,
    pub(super) offset: u64,
    /// Bytes compressed.
    pub(super) packed: u64,
    /// BLAKE3 of the compressed bytes.
    pub(super) check: Id,
}

impl Record {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.id);
        to.extend_from_slice(&self.crc32.to_le_bytes());
        to.extend_from_slice(&self.size.to_le_bytes());
        to.extend_from_slice(&self.method.to_le_bytes());
        to.extend_from_slice(&self.offset.to_le_bytes());
        to.extend_from_slice(&self.packed.to_le_bytes());
        to.extend_from_slice(&self.check);
    }

    fn read(mut from: &[u8]) -> Option<Self> {
        Some(Self {
            id: take(&mut from)?,
            crc32: u32::from_le_bytes(take(&mut from)?),
            size: u64::from_le_bytes(take(&mut from)?),
            method: u16::from_le_bytes(take(&mut from)?),
            offset: u64::from_le_bytes(take(&mut from)?),
            packed: u64::from_le_bytes(take(&mut from)?),
            check: take(&mut from)?,
        })
    }
}

/// The next `N` bytes.
pub(super) fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*bytes)
}

/// One zip with its index.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) zip: PathBuf,
    pub(super) recipe: Id,
    pub(super) sha256: Id,
    /// The records' bytes, sorted by id, each id once.
    records: Vec<u8>,
    file: OnceLock<Option<Arc<File>>>,
}

/// Writes the index of the zip `sha256`, made by `recipe`. Best effort: without it, the next package
/// only takes longer.
pub(in crate::package) fn write(folder: &Path, recipe: &Id, sha256: &[u8], mut records: Vec<Record>) {
    records.sort_unstable_by_key(|record| record.id);
    records.dedup_by_key(|record| record.id);
    let mut bytes = Vec::with_capacity(HEAD + records.len() * RECORD + ID);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&id_of(FORM.as_bytes()));
    bytes.extend_from_slice(recipe);
    bytes.extend_from_slice(sha256);
    for record in &records {
        record.write(&mut bytes);
    }
    let hash = id_of(&bytes);
    bytes.extend_from_slice(&hash);
    cache::replace(&folder.join(format!("{}{ENDING}", hex::encode(recipe))), &bytes);
}

impl Pack {
    /// Reads an index; `None` when it is damaged, of another form, or its zip is gone.
    pub(super) fn open(index: &Path) -> Option<Self> {
        let bytes = fs::read(index).ok()?;
        let (content, hash) = bytes.split_last_chunk::<ID>()?;
        if id_of(content) != *hash {
            return None;
        }
        let mut head = content.get(..HEAD)?;
        let (magic, form) = (take::<16>(&mut head)?, take::<ID>(&mut head)?);
        let (recipe, sha256) = (take(&mut head)?, take::<ID>(&mut head)?);
        let records = content[HEAD..].to_vec();
        if &magic != MAGIC || form != id_of(FORM.as_bytes()) || !records.len().is_multiple_of(RECORD) {
            return None;
        }
        let zip = index.with_file_name(format!("{}.zip", hex::encode(sha256)));
        zip.is_file().then_some(Self { zip, recipe, sha256, records, file: OnceLock::new() })
    }

    pub(super) fn find(&self, id: &Id) -> Option<Record> {
        let (mut low, mut high) = (0, self.records.len() / RECORD);
        while low < high {
            let middle = low.midpoint(high);
            let bytes = &self.records[middle * RECORD..(middle + 1) * RECORD];
            match bytes[..ID].cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Record::read(bytes),
            }
        }
        None
    }

    /// Of all contents in it, bytes unpacked.
    pub(super) fn sizes(&self) -> HashSet<u64> {
        self.records.chunks_exact(RECORD).filter_map(Record::read).map(|record| record.size).collect()
    }

    fn file(&self) -> Option<Arc<File>> {
        self.file.get_or_init(|| File::open(&self.zip).ok().map(Arc::new)).clone()
    }
}

/// The zip an index says it belongs to. Only its head is looked at.
pub(in crate::package) fn zip_of(index: &Path) -> Option<PathBuf> {
    let mut head = [0; HEAD];
    File::open(index).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    let sha256 = head.last_chunk::<ID>()?;
    Some(index.with_file_name(format!("{}.zip", hex::encode(sha256))))
}

/// An entry's compressed bytes in an earlier zip.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) pack: Arc<Pack>,
    pub(super) record: Record,
    /// Whether the bytes have been hashed already.
    pub(super) is_verified: bool,
}

impl Kept {
    /// The bytes; `None` when they are not there or not what they were.
    pub(super) fn squeezed(&self) -> Option<Squeezed> {
        let Record { id, crc32, size, method, offset, packed, check } = self.record;
        let file = self.pack.file()?;
        let data = if packed > PIECE {
            if !self.is_verified {
                self.verify().ok()?;
            }
            Data::File { file, offset, length: packed }
        } else {
            let mut bytes = vec![0; usize::try_from(packed).ok()?];
            file.read_exact_at(&mut bytes, offset).ok()?;
            (id_of(&bytes) == check).then_some(())?;
            Data::Memory(bytes)
        };
        Some(Squeezed { id, method, data, check, crc32, size })
    }

    /// Hashes the bytes without keeping them.
    pub(super) fn verify(&self) -> io::Result<()> {
        let file = self.pack.file().ok_or(io::ErrorKind::NotFound)?;
        let data = Data::File { file, offset: self.record.offset, length: self.record.packed };
        let (mut hash, mut part, mut reader) = (blake3::Hasher::new(), vec![0; 256 << 10], data.read());
        loop {
            match reader.read(&mut part)? {
                0 => break,
                count => hash.update(&part[..count]),
            };
        }
        if *hash.finalize().as_bytes() == self.record.check { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

/// The indexes in `folder` with their sizes, the one used last first.
pub(super) fn indexes(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found: Vec<(SystemTime, PathBuf, u64)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|item| item.file_name().to_str().is_some_and(|name| name.ends_with(ENDING)))
        .filter_map(|item| {
            let seen = item.metadata().ok()?;
            Some((seen.modified().ok()?, item.path(), seen.len()))
        })
        .collect();
    found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    found.into_iter().map(|(_, path, size)| (path, size)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn record(of: u8) -> Record {
        Record { id: [of; 32], crc32: 7, size: 5, method: 8, offset: 3, packed: 4, check: id_of(b"4567") }
    }

    fn folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let zip = folder.path().join(format!("{}.zip", "09".repeat(32)));
        fs::write(&zip, "0123456789").unwrap();
        write(folder.path(), &[1; 32], &[9; 32], vec![record(3), record(1), record(2), record(3)]);
        let index = folder.path().join(format!("{}.index", "01".repeat(32)));
        (folder, index, zip)
    }

    #[test]
    fn what_is_written_is_found() {
        let (folder, index, zip) = folder();
        assert_eq!(indexes(folder.path()).into_iter().map(|(path, _)| path).collect::<Vec<_>>(), [index.as_path()]);
        let pack = Pack::open(&index).unwrap();
        assert_eq!((&pack.zip, pack.recipe, pack.sha256), (&zip, [1; 32], [9; 32]));
        for of in 1..=3 {
            assert_eq!(pack.find(&[of; 32]), Some(record(of)));
        }
        assert_eq!((pack.find(&[0; 32]), pack.find(&[4; 32])), (None, None));
        assert_eq!(pack.sizes(), HashSet::from([5]));
    }

    #[test]
    fn an_index_that_is_damaged_or_alone_is_not_used() {
        let (_folder, index, zip) = folder();
        let whole = fs::read(&index).unwrap();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(&index, &damaged).unwrap();
            assert!(Pack::open(&index).is_none(), "byte {place}");
            fs::write(&index, &whole[..place]).unwrap();
            assert!(Pack::open(&index).is_none(), "cut at {place}");
        }
        fs::write(&index, &whole).unwrap();
        assert!(Pack::open(&index).is_some());
        fs::remove_file(zip).unwrap();
        assert!(Pack::open(&index).is_none());
    }

    #[test]
    fn compressed_bytes_are_believed_when_they_are_what_they_were() {
        let (_folder, index, zip) = folder();
        let kept = || Kept { pack: Arc::new(Pack::open(&index).unwrap()), record: record(1), is_verified: false };
        // They are at 3, not at 4.
        assert!(kept().squeezed().is_none() && kept().verify().is_err());
        fs::write(&zip, "0004567").unwrap();
        assert_eq!(kept().squeezed().unwrap().data.len(), 4);
        kept().verify().unwrap();
        fs::write(&zip, "000456").unwrap();
        assert!(kept().squeezed().is_none() && kept().verify().is_err());
    }
}
