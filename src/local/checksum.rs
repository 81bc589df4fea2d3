//! The checksums S3 knows: over a body, over a stream, and over the checksums of parts.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use serde::{Deserialize, Serialize};
use sha1::Digest as _;

/// An algorithm of `x-amz-checksum-*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As `x-amz-checksum-algorithm` and `ChecksumAlgorithm` spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries a value of it.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The element that carries a value of it in XML: `ChecksumCRC32`.
    pub(crate) fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// Reads a name, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The length of a value, in bytes before base64.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The base64 of the checksum of `bytes`.
    pub(crate) fn of(self, bytes: &[u8]) -> String {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The composite checksum of an object made of parts: the checksum of the parts' raw checksums,
    /// without the `-N` behind it. `None` when a part's value is not base64.
    pub(crate) fn composite<'a>(self, parts: impl Iterator<Item = &'a str>) -> Option<String> {
        let mut hasher = Hasher::new(self);
        for part in parts {
            hasher.update(&STANDARD.decode(part).ok()?);
        }
        Some(hasher.finish())
    }
}

/// A checksum being computed.
pub(crate) enum Hasher {
    Crc(crc_fast::Digest, usize),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc), 4),
            Algorithm::Crc32c => Self::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi), 4),
            Algorithm::Crc64Nvme => Self::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme), 8),
            Algorithm::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(crc, _) => crc.update(bytes),
            Self::Sha1(sha) => sha.update(bytes),
            Self::Sha256(sha) => sha.update(bytes),
        }
    }

    /// Base64 of the big-endian value.
    pub(crate) fn finish(self) -> String {
        match self {
            Self::Crc(crc, width) => STANDARD.encode(&crc.finalize().to_be_bytes()[8 - width..]),
            Self::Sha1(sha) => STANDARD.encode(sha.finalize()),
            Self::Sha256(sha) => STANDARD.encode(sha.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue and of FIPS 180, over "123456789".
    #[test]
    fn known_answers() {
        let values = Algorithm::ALL.map(|algorithm| algorithm.of(b"123456789"));
        let raw = |hex: &str| STANDARD.encode(hex::decode(hex).unwrap_or_default());
        assert_eq!(values[0], raw("cbf43926"));
        assert_eq!(values[1], raw("e3069283"));
        assert_eq!(values[2], raw("ae8b14860a799888"));
        assert_eq!(values[3], raw("f7c3bc1d808e04732adf679965ccc34ca7ae3441"));
        assert_eq!(values[4], raw("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"));
    }

    #[test]
    fn a_composite_hashes_the_raw_values_of_the_parts() {
        let (a, b) = (Algorithm::Sha256.of(b"a"), Algorithm::Sha256.of(b"b"));
        let joined = [STANDARD.decode(&a).unwrap_or_default(), STANDARD.decode(&b).unwrap_or_default()].concat();
        assert_eq!(
            Algorithm::Sha256.composite([a.as_str(), b.as_str()].into_iter()),
            Some(Algorithm::Sha256.of(&joined))
        );
    }
}
