//! What an entry's bytes are known by, and how they stand in a zip.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A content's name: its BLAKE3 hash, or, of what is larger than a piece, the hash of its pieces' hashes.
pub(super) type Id = [u8; 32];

/// Bytes of a piece. Larger files are hashed and compressed in pieces of this size, each for itself.
pub(super) const PIECE: u64 = 4 << 20;

/// Method numbers of the zip format.
pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

/// Everything that decides the compressed bytes of a content besides the content. Goes up with each
/// release of libdeflate, too: its levels change their choices between versions.
pub(super) const FORM: &str = "1, libdeflate 1.26.1 level 6, pieces of 4 MiB";

/// The id of a content that fits a piece.
pub(super) fn id_of(bytes: &[u8]) -> Id {
    blake3::hash(bytes).into()
}

/// Makes the id of a larger content from those of its pieces.
pub(super) struct PiecesId(blake3::Hasher);

impl PiecesId {
    pub(super) fn new() -> Self {
        // Keyed, so that no file can be taken for the list of another one's hashes.
        Self(blake3::Hasher::new_derive_key("rzap 2026-11 content in pieces of 4 MiB"))
    }

    pub(super) fn add(&mut self, piece: &Id) {
        self.0.update(piece);
    }

    pub(super) fn finish(&self) -> Id {
        self.0.finalize().into()
    }
}

/// One entry's bytes as they stand in the zip.
#[derive(Debug)]
pub(super) struct Squeezed {
    /// Of the content.
    pub(super) id: Id,
    /// `STORED` or `DEFLATED`.
    pub(super) method: u16,
    pub(super) data: Data,
    /// BLAKE3 of `data`.
    pub(super) check: Id,
    /// Of the unpacked bytes.
    pub(super) crc32: u32,
    /// Bytes unpacked.
    pub(super) size: u64,
}

/// Compressed bytes.
#[derive(Debug)]
pub(super) enum Data {
    Memory(Vec<u8>),
    /// A part of a file.
    File {
        file: Arc<File>,
        offset: u64,
        length: u64,
    },
}

impl Data {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// A reader of all the bytes.
    pub(super) fn read(&self) -> impl io::Read + '_ {
        match self {
            Self::Memory(bytes) => Reading { bytes, file: None, at: 0, end: 0 },
            Self::File { file, offset, length } => {
                Reading { bytes: &[], file: Some(file), at: *offset, end: offset + length }
            }
        }
    }
}

struct Reading<'a> {
    bytes: &'a [u8],
    file: Option<&'a File>,
    at: u64,
    end: u64,
}

impl io::Read for Reading<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(file) = self.file else { return io::Read::read(&mut self.bytes, into) };
        let rest = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(into.len());
        let length = file.read_at(&mut into[..rest], self.at)?;
        // Half of it must not pass for all of it.
        if length == 0 && rest > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards against a new libdeflate under the old name: kept entries and fresh ones have to be the
    /// same bytes.
    #[test]
    fn the_form_names_the_compressor_that_is_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        let name = "name = \"libdeflate-sys\"\nversion = \"";
        let version = lock.split(name).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        assert!(FORM.contains(&format!("libdeflate {version} ")), "{version}: {FORM}");
        assert!(FORM.contains(&format!("pieces of {} MiB", PIECE >> 20)), "{FORM}");
    }
}
