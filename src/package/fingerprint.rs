//! A hash of a list of parts: what something made of them is known by.

use sha2::{Digest as _, Sha256};

/// The parts so far.
#[derive(Default)]
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    /// Appends a part. With its length in front, no two lists of parts read the same.
    pub(super) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// The hash.
    pub(super) fn bytes(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The hash in lower-case hex.
    pub(super) fn hex(self) -> String {
        hex::encode(self.bytes())
    }
}
