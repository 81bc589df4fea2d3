//! The unfinished zip: written, hashed and told about while it grows.
//!
//! Hashing takes as long as writing, so it has a thread of its own.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};

use super::content::Id;

/// Counts what is written. It answers where it is and refuses to go anywhere else, so what was written
/// stays as it is.
pub(super) struct Growing<'a> {
    inner: BufWriter<Parts<'a>>,
    pub(super) written: u64,
}

impl<'a> Growing<'a> {
    /// Writes to `file`, which is at `path`. `grown` hears how many bytes of it are final.
    pub(super) fn new(file: &'a File, path: &'a Path, grown: &'a (dyn Fn(&Path, u64) + Sync)) -> Self {
        // As many parts as keep both sides busy.
        let (hasher, parts) = sync_channel::<Vec<u8>>(4);
        let thread = thread::spawn(move || {
            let mut hash = Sha256::new();
            for part in parts {
                hash.update(&part);
            }
            hash.finalize().into()
        });
        let parts = Parts { file, path, written: 0, grown, hasher, thread };
        Self { inner: BufWriter::with_capacity(1 << 20, parts), written: 0 }
    }

    /// The SHA-256 and the length of all that was written.
    pub(super) fn finish(self) -> io::Result<(Id, u64)> {
        let Parts { hasher, thread, .. } = self.inner.into_inner()?;
        drop(hasher);
        let hash = thread.join().map_err(|_| io::Error::other("the hashing thread stopped unexpectedly"))?;
        Ok((hash, self.written))
    }
}

impl Write for Growing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.written += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Seek for Growing<'_> {
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

/// Takes what the buffer gives, in large parts.
struct Parts<'a> {
    file: &'a File,
    path: &'a Path,
    written: u64,
    grown: &'a (dyn Fn(&Path, u64) + Sync),
    hasher: SyncSender<Vec<u8>>,
    thread: JoinHandle<Id>,
}

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        let part = bytes[..length].to_vec();
        self.hasher.send(part).map_err(|_| io::Error::other("the hashing thread stopped unexpectedly"))?;
        self.written += length as u64;
        (self.grown)(self.path, self.written);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
