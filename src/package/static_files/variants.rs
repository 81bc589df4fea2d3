//! A file compressed for browsers, once: what came out is kept, by the hash of what went in.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest as _, Sha256};

use super::super::cache::{self, TEMPORARY};
use super::super::fingerprint::Fingerprint;
use crate::error::{OrFailed as _, Result};

/// Everything that decides the compressed bytes besides the content.
const FORM: &str = "1, libdeflate 1.26.1 level 12, brotli 9.1.1 quality 11 to 512 KiB, then 9";

/// Bytes a file must have: below, the headers of an answer weigh more than what is saved.
const LEAST: usize = 1_024;
/// Bytes of brotli's best quality, which takes a second for each MB.
const BEST: usize = 512 << 10;

/// How a variant is compressed, by the names HTTP has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

/// A compressed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant {
    /// Of the compressed bytes, lower-case hex.
    pub(super) sha256: String,
    /// Bytes.
    pub(super) size: u64,
    pub(super) file: PathBuf,
}

/// `content`, whose hash is `sha256`, in this encoding; `None` when that would not be a tenth smaller.
pub(super) fn of(content: &[u8], sha256: &str, encoding: Encoding, kept: &Path) -> Result<Option<Variant>> {
    if content.len() < LEAST {
        return Ok(None);
    }
    let mut print = Fingerprint::default();
    for part in [FORM, encoding.name(), sha256] {
        print.add(part.as_bytes());
    }
    let file = kept.join(print.hex());
    let bytes = if let Ok(bytes) = fs::read(&file) {
        cache::touch(&file);
        bytes
    } else {
        let bytes = encoding.compress(content)?;
        // That it does not pay is worth remembering, too.
        let bytes = if bytes.len() * 10 <= content.len() * 9 { bytes } else { Vec::new() };
        keep(&file, &bytes)?;
        bytes
    };
    let size = bytes.len() as u64;
    Ok((size > 0).then(|| Variant { sha256: hex::encode(Sha256::digest(&bytes)), size, file }))
}

impl Encoding {
    /// As in `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn compress(self, content: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Brotli => {
                let quality = if content.len() <= BEST { 11 } else { 9 };
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality,
                    lgwin: 22,
                    size_hint: content.len(),
                    ..Default::default()
                };
                let mut bytes = Vec::new();
                let mut content = content;
                brotli::BrotliCompress(&mut content, &mut bytes, &parameters).or_failed(|| "compress a file")?;
                Ok(bytes)
            }
            Self::Gzip => {
                let mut compressor = Compressor::new(CompressionLvl::best());
                let mut bytes = vec![0; compressor.gzip_compress_bound(content.len())];
                let length = compressor.gzip_compress(content, &mut bytes).or_failed(|| "compress a file")?;
                bytes.truncate(length);
                Ok(bytes)
            }
        }
    }
}

/// Writes `bytes` as `file`, at once and as a whole.
fn keep(file: &Path, bytes: &[u8]) -> Result<()> {
    let what = || format!("write {}", file.display());
    let folder = file.parent().unwrap_or(file);
    let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder).or_failed(what)?;
    temporary.write_all(bytes).or_failed(what)?;
    temporary.persist(file).map_err(|error| error.error).or_failed(what)?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn variant(content: &[u8], encoding: Encoding, kept: &Path) -> Option<Variant> {
        of(content, &hex::encode(Sha256::digest(content)), encoding, kept).unwrap()
    }

    #[test]
    fn what_comes_out_is_what_went_in_and_the_same_each_time() {
        let kept = tempfile::tempdir().unwrap();
        let content = "body { color: teal }\n".repeat(500).into_bytes();
        for encoding in [Encoding::Brotli, Encoding::Gzip] {
            let first = variant(&content, encoding, kept.path()).unwrap();
            let bytes = fs::read(&first.file).unwrap();
            let mut whole = Vec::new();
            match encoding {
                Encoding::Brotli => drop(brotli::Decompressor::new(&bytes[..], 4096).read_to_end(&mut whole).unwrap()),
                Encoding::Gzip => {
                    whole.resize(content.len(), 0);
                    libdeflater::Decompressor::new().gzip_decompress(&bytes, &mut whole).unwrap();
                }
            }
            assert_eq!(whole, content);
            assert_eq!(first.size, bytes.len() as u64);
            assert_eq!(first.sha256, hex::encode(Sha256::digest(&bytes)));
            fs::remove_file(&first.file).unwrap();
            assert_eq!(variant(&content, encoding, kept.path()).unwrap(), first);
        }
    }

    #[test]
    fn a_second_time_nothing_is_compressed() {
        let kept = tempfile::tempdir().unwrap();
        let content = vec![b'x'; 5_000];
        let first = variant(&content, Encoding::Gzip, kept.path()).unwrap();
        fs::write(&first.file, b"kept").unwrap();
        let second = variant(&content, Encoding::Gzip, kept.path()).unwrap();
        assert_eq!((second.size, second.file), (4, first.file));
    }

    #[test]
    fn what_is_small_or_does_not_shrink_has_no_variant() {
        let kept = tempfile::tempdir().unwrap();
        assert_eq!(variant(&[b'x'; LEAST - 1], Encoding::Gzip, kept.path()), None);
        // SHA-256 of a counter: nothing to find in it.
        let noise: Vec<u8> = (0..200_u8).flat_map(|number| Sha256::digest([number])).collect();
        for _ in 0..2 {
            assert_eq!(variant(&noise, Encoding::Brotli, kept.path()), None);
        }
    }

    /// Guards against new compressors under the old name.
    #[test]
    fn the_form_names_the_compressors_that_are_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        for (package, name) in [("libdeflate-sys", "libdeflate"), ("brotli", "brotli")] {
            let entry = format!("name = \"{package}\"\nversion = \"");
            let version = lock.split(&entry).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            assert!(FORM.contains(&format!("{name} {version} ")), "{version}: {FORM}");
        }
    }
}
