//! Compressed entries → a zip that is the same, byte for byte, on every machine.
//!
//! Entries are sorted by the bytes of their path, all carry the time 1980-01-01 (the earliest a zip
//! can say) and the modes 0644 or 0755, and nothing of the host is written. The `zip` crate writes
//! the container. It takes compressed data only as an entry of another archive, so each entry is
//! handed over as a one-entry stream: a local file header with the data behind it.

use std::fs::Permissions;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use zip::ZipWriter;
use zip::read::read_zipfile_from_stream;
use zip::result::ZipError;

use self::content::{Data, Squeezed};
use self::growing::Growing;
use self::packs::Record;
use self::recall::{Recall, Whole};
use super::cache::Cache;
use super::entry::Entry;
use super::size;
use crate::error::{Error, Result};

mod compress;
mod content;
mod growing;
mod join;
pub(super) mod packs;
mod read;
mod recall;
mod secrets;
mod stats;

/// What kind of secret `content`, a whole file, holds, as words that fit after "it holds ".
pub(super) fn secret_in(content: &[u8]) -> Option<&'static str> {
    secrets::Traces::of(content).secret()
}

/// A finished zip.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    /// `{folder}/{sha256}.zip`
    pub(super) file: PathBuf,
    /// SHA-256 of the zip, lower-case hex.
    pub(super) sha256: String,
    /// The same, base64.
    pub(super) code_sha256: String,
    /// Bytes of the zip.
    pub(super) zipped: u64,
    /// Bytes of all entries unpacked, as they were read.
    pub(super) unzipped: u64,
    /// Bytes of each entry in the zip, without its headers, in order.
    pub(super) packed: Vec<u64>,
    /// Things worth knowing that stop nothing.
    pub(super) notes: Vec<String>,
}

/// Writes `entries`, sorted by path and without duplicates, into a zip in the cache, or finds it there.
///
/// `origin` is a name for where the entries come from, the same each time. `grown` hears, each time the
/// unfinished zip has grown on the disk, how many of its first bytes are as they will stay.
pub(super) fn write(
    entries: &[Entry],
    cache: &Cache,
    origin: &str,
    grown: &(dyn Fn(&Path, u64) + Sync),
) -> Result<Archive> {
    entries.iter().try_for_each(|entry| check_name(&entry.path))?;
    let mut recall = Recall::new(entries, cache, origin)?;
    let archive = match recall.whole() {
        Some(Whole { file, sha256, zipped, unzipped, packed }) => {
            size::check(unzipped, entries)?;
            Archive { file, zipped, unzipped, packed, ..Archive::named(&sha256) }
        }
        None => pack(entries, &mut recall, &cache.zips, grown)?,
    };
    let notes = recall
        .found_damage
        .then(|| format!("something kept in {} was damaged: it has been made anew", cache.zips.display()));
    recall.save();
    Ok(Archive { notes: notes.into_iter().collect(), ..archive })
}

fn pack(
    entries: &[Entry],
    recall: &mut Recall<'_>,
    folder: &Path,
    grown: &(dyn Fn(&Path, u64) + Sync),
) -> Result<Archive> {
    let failed = |error: &(dyn std::error::Error + 'static)| failed(folder, error);
    let temporary = tempfile::Builder::new()
        .prefix(super::cache::TEMPORARY)
        .suffix(".zip")
        // As any file the user makes, rather than as a secret: it is copied and handed on.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| failed(&error))?;
    let mut zip = ZipWriter::new(Growing::new(temporary.as_file(), temporary.path(), grown));
    let (mut unzipped, mut packed, mut records) = (0, Vec::with_capacity(entries.len()), Vec::new());
    let mut learned = Vec::with_capacity(entries.len());
    compress::in_order(&recall.plans, folder, |index, mut made| {
        let squeezed = &made.squeezed;
        unzipped += squeezed.size;
        packed.push(squeezed.data.len());
        let end = append(&mut zip, &entries[index], squeezed).map_err(|error| failed(&error))?;
        records.push(Record {
            id: squeezed.id,
            crc32: squeezed.crc32,
            size: squeezed.size,
            method: squeezed.method,
            offset: end - squeezed.data.len(),
            packed: squeezed.data.len(),
            check: squeezed.check,
        });
        made.squeezed.data = Data::Memory(Vec::new());
        learned.push(made);
        Ok(())
    })?;
    let written = zip.finish().map_err(|error| failed(&error))?;
    let (digest, zipped) = written.finish().map_err(|error| failed(&error))?;
    size::check(unzipped, entries)?;

    let named = Archive::named(&digest);
    let file = folder.join(format!("{}.zip", named.sha256));
    temporary.persist(&file).map_err(|error| failed(&error.error))?;
    learned.iter().enumerate().for_each(|(index, made)| recall.learn(index, made));
    if let Some(recipe) = recall.recipe() {
        packs::write(folder, &recipe, &digest, records);
    }
    Ok(Archive { file, zipped, unzipped, packed, ..named })
}

impl Archive {
    /// The hash in both spellings, and nothing else.
    fn named(sha256: &[u8]) -> Self {
        Self {
            file: PathBuf::new(),
            sha256: hex::encode(sha256),
            code_sha256: base64::engine::general_purpose::STANDARD.encode(sha256),
            zipped: 0,
            unzipped: 0,
            packed: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Refuses a name that unpacking could take for another place. The walk brings none, but what is
/// packed comes from other programs, too.
fn check_name(path: &str) -> Result<()> {
    let is_odd = |segment: &str| segment.is_empty() || segment == "." || segment == "..";
    if !path.split('/').any(is_odd) && !path.contains('\\') && !path.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::failed(format!("the name {} cannot be packed: it could lead out of its folder", path.escape_debug()))
        .hint("rename the file, or exclude it"))
}

type Target<'a> = ZipWriter<Growing<'a>>;

/// Appends one entry; gives the position behind it.
fn append(zip: &mut Target<'_>, entry: &Entry, squeezed: &Squeezed) -> Result<u64, ZipError> {
    let header = local_header(entry, squeezed).map_err(io::Error::other)?;
    let mut stream = header.as_slice().chain(squeezed.data.read());
    let file = read_zipfile_from_stream(&mut stream)?.ok_or(ZipError::FileNotFound)?;
    let earliest = zip::DateTime::from_date_and_time(1980, 1, 1, 0, 0, 0).map_err(io::Error::other)?;
    zip.raw_copy_file_touch(file, earliest, Some(entry.mode()))?;
    zip.get_ref().map(|target| target.written).ok_or(ZipError::FileNotFound)
}

/// A local file header (APPNOTE 4.3.7), with the sizes in a zip64 field (4.5.3) when they need it.
fn local_header(entry: &Entry, squeezed: &Squeezed) -> Result<Vec<u8>, std::num::TryFromIntError> {
    const UNIX: u16 = 3;
    const UTF8: u16 = 1 << 11;
    const DATE_1980_01_01: u16 = (1 << 5) | 1;
    const VERSION_2_0: u16 = 20;
    const VERSION_4_5: u16 = 45;
    const ZIP64: u16 = 1;
    let name = entry.path.as_bytes();
    let (size, length) = (squeezed.size, squeezed.data.len());
    let is_large = size.max(length) >= u64::from(u32::MAX);
    let mut header = Vec::with_capacity(50 + name.len());
    header.extend_from_slice(b"PK\x03\x04");
    for half in [
        // The reader takes the host system from the upper byte; without it modes get lost.
        (UNIX << 8) | if is_large { VERSION_4_5 } else { VERSION_2_0 },
        if entry.path.is_ascii() { 0 } else { UTF8 },
        squeezed.method,
        0,
        DATE_1980_01_01,
    ] {
        header.extend_from_slice(&half.to_le_bytes());
    }
    let short = |size: u64| if is_large { Ok(u32::MAX) } else { u32::try_from(size) };
    for word in [squeezed.crc32, short(length)?, short(size)?] {
        header.extend_from_slice(&word.to_le_bytes());
    }
    header.extend_from_slice(&u16::try_from(name.len())?.to_le_bytes());
    header.extend_from_slice(&(if is_large { 20_u16 } else { 0 }).to_le_bytes());
    header.extend_from_slice(name);
    if is_large {
        for half in [ZIP64, 16] {
            header.extend_from_slice(&half.to_le_bytes());
        }
        for long in [size, length] {
            header.extend_from_slice(&long.to_le_bytes());
        }
    }
    Ok(header)
}

pub(super) fn failed(folder: &Path, error: &(dyn std::error::Error + 'static)) -> Error {
    let said = Error::failed(format!("cannot write the package to {}", folder.display())).because(error);
    let mut source = Some(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return match io.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    said.hint("free some space, or point RZAP_CACHE_DIR at another disk")
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    said.hint("point RZAP_CACHE_DIR at a folder you can write to")
                }
                _ => said,
            };
        }
        source = cause.source();
    }
    said
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
