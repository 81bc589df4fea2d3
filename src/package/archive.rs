//! Compressed entries → a zip that is the same, byte for byte, on every machine.
//!
//! Entries are sorted by the bytes of their path, all carry the time 1980-01-01 (the earliest a zip
//! can say) and the modes 0644 or 0755, and nothing of the host is written. The `zip` crate writes
//! the container. It takes compressed data only as an entry of another archive, so each entry is
//! handed over as a one-entry stream: a local file header with the data behind it.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::read::read_zipfile_from_stream;
use zip::result::ZipError;

use super::compress::{self, Squeezed};
use super::entry::Entry;
use super::size;
use crate::error::{Error, Result};

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
}

/// Writes `entries`, sorted by path and without duplicates, into a zip in `folder`.
pub(super) fn write(entries: &[Entry], folder: &Path) -> Result<Archive> {
    let failed = |error: &(dyn std::error::Error + 'static)| failed(folder, error);
    let temporary = tempfile::Builder::new()
        .prefix(super::cache::TEMPORARY)
        .suffix(".zip")
        // As any file the user makes, rather than as a secret: it is copied and handed on.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| failed(&error))?;
    let mut zip = ZipWriter::new(Hashing::new(BufWriter::with_capacity(1 << 20, temporary.as_file())));
    let mut unzipped = 0;
    let mut packed = Vec::with_capacity(entries.len());
    compress::in_order(entries, |entry, squeezed| {
        unzipped += squeezed.size;
        packed.push(squeezed.data.len() as u64);
        append(&mut zip, entry, &squeezed).map_err(|error| failed(&error))
    })?;
    let mut written = zip.finish().map_err(|error| failed(&error))?;
    written.flush().map_err(|error| failed(&error))?;
    let (digest, zipped) = written.finish();
    size::check(unzipped, entries)?;

    let sha256 = hex::encode(&digest);
    let file = folder.join(format!("{sha256}.zip"));
    temporary.persist(&file).map_err(|error| failed(&error.error))?;
    let code_sha256 = base64::engine::general_purpose::STANDARD.encode(&digest);
    Ok(Archive { file, sha256, code_sha256, zipped, unzipped, packed })
}

type Target<'a> = ZipWriter<Hashing<BufWriter<&'a File>>>;

fn append(zip: &mut Target<'_>, entry: &Entry, squeezed: &Squeezed) -> Result<(), ZipError> {
    let header = local_header(entry, squeezed).map_err(io::Error::other)?;
    let mut stream = header.as_slice().chain(squeezed.data.as_slice());
    let file = read_zipfile_from_stream(&mut stream)?.ok_or(ZipError::FileNotFound)?;
    let earliest = zip::DateTime::from_date_and_time(1980, 1, 1, 0, 0, 0).map_err(io::Error::other)?;
    zip.raw_copy_file_touch(file, earliest, Some(entry.mode()))
}

/// A local file header (APPNOTE 4.3.7). Sizes fit 32 bits: Lambda allows 250 MB, checked before.
fn local_header(entry: &Entry, squeezed: &Squeezed) -> Result<Vec<u8>, std::num::TryFromIntError> {
    const UNIX: u16 = 3;
    const UTF8: u16 = 1 << 11;
    const DATE_1980_01_01: u16 = (1 << 5) | 1;
    const VERSION_2_0: u16 = 20;
    let name = entry.path.as_bytes();
    let mut header = Vec::with_capacity(30 + name.len());
    header.extend_from_slice(b"PK\x03\x04");
    for half in [
        // The reader takes the host system from the upper byte; without it modes get lost.
        (UNIX << 8) | VERSION_2_0,
        if entry.path.is_ascii() { 0 } else { UTF8 },
        squeezed.method,
        0,
        DATE_1980_01_01,
    ] {
        header.extend_from_slice(&half.to_le_bytes());
    }
    for word in [squeezed.crc32, squeezed.data.len().try_into()?, squeezed.size.try_into()?] {
        header.extend_from_slice(&word.to_le_bytes());
    }
    header.extend_from_slice(&u16::try_from(name.len())?.to_le_bytes());
    header.extend_from_slice(&0_u16.to_le_bytes());
    header.extend_from_slice(name);
    Ok(header)
}

fn failed(folder: &Path, error: &(dyn std::error::Error + 'static)) -> Error {
    let said = Error::failed(format!("cannot write the package to {}", folder.display())).because(error);
    let mut source = Some(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return match io.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
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

/// Hashes and counts what is written. It answers where it is and refuses to go anywhere else, so
/// the hash is that of the file.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    written: u64,
}

impl<W: Write> Hashing<W> {
    fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), written: 0 }
    }

    fn finish(self) -> (Vec<u8>, u64) {
        (self.hash.finalize().to_vec(), self.written)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hash.update(&bytes[..length]);
        self.written += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Seek for Hashing<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) | SeekFrom::End(by) => self.written.checked_add_signed(by),
        };
        if target == Some(self.written) {
            return Ok(self.written);
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "the package is written in one go"))
    }
}

#[cfg(test)]
mod tests;
