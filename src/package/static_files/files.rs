//! One static file: its hash, its type, its variants. And many of them on all cores.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};

use super::super::archive;
use super::super::cache;
use super::super::entry::{Content, Entry, Owner};
use super::super::fingerprint::Fingerprint;
use super::super::types::StaticObject;
use super::Listed;
use super::kinds::Kind;
use super::variants::{self, Encoding, Variant};
use crate::error::{Error, OrFailed as _, Result};

/// Bytes of a file that is read as a whole, to be compressed. What is larger is served as it is.
const WHOLE: u64 = 32 << 20;

/// What `work` gives for each of `all`, in their order. The first failure is the only one.
pub(super) fn each<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            all.get(index).map(|item| (index, item))
        } {
            let result = work(item);
            if result.is_err() {
                // Nobody starts on the rest.
                next.store(all.len(), Ordering::Relaxed);
            }
            done.push((index, result));
        }
        done
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(all.len().max(1));
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let broken = |_| Error::failed("a packaging thread broke off");
        workers.into_iter().map(|worker| worker.join().map_err(broken)).collect::<Result<Vec<_>>>()
    })?
    .into_iter()
    .flatten()
    .collect::<Vec<_>>();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The line of the list for the file at `path`, and its objects. One that is `passing` is moved to `kept`.
pub(super) fn one(
    path: &str,
    entry: &Entry,
    is_hashed: bool,
    passing: bool,
    kept: &Path,
) -> Result<(Listed, Vec<StaticObject>)> {
    let Content::File(file) = &entry.content else {
        return Err(Error::failed(format!("{path} is no file")));
    };
    let read = || format!("read the static file {}", file.display());
    let kind = Kind::of(path);
    let size = fs::metadata(file).or_failed(read)?.len();
    let (content, sha256, size) = if size > WHOLE {
        let (sha256, size) = streamed(file).or_failed(read)?;
        (Vec::new(), sha256, size)
    } else {
        let content = fs::read(file).or_failed(read)?;
        let (sha256, size) = (hex::encode(Sha256::digest(&content)), content.len() as u64);
        (content, sha256, size)
    };
    // What is served is public.
    if entry.owner == Owner::Project
        && let Some(secret) = archive::secret_in(&content)
    {
        return Err(Error::failed(format!("the static file {} holds {secret}: it would be public", entry.path))
            .hint(format!("take it out of the folder, or leave it out with `exclude: [/{}]`", entry.path)));
    }
    let content_type = kind.content_type(&content);
    let variant = |encoding| {
        if kind.shrinks { variants::of(&content, &sha256, encoding, kept) } else { Ok(None) }
    };
    let (br, gzip) = (variant(Encoding::Brotli)?, variant(Encoding::Gzip)?);
    let from = if passing { moved(file, &sha256, kept)? } else { file.clone() };
    let object = |sha256: &str, size, file: &Path| StaticObject {
        sha256: sha256.to_owned(),
        size,
        content_type: content_type.clone(),
        file: file.to_owned(),
    };
    let mut objects = vec![object(&sha256, size, &from)];
    objects.extend([&br, &gzip].into_iter().flatten().map(|made| object(&made.sha256, made.size, &made.file)));
    let named = |variant: Option<Variant>| variant.map(|made| (made.sha256, made.size));
    let listed = Listed { content_type, size, sha256, br: named(br), gzip: named(gzip), immutable: is_hashed };
    Ok((listed, objects))
}

fn streamed(file: &Path) -> std::io::Result<(String, u64)> {
    let mut file = File::open(file)?;
    let (mut hash, mut size, mut block) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            return Ok((hex::encode(hash.finalize()), size));
        }
        hash.update(&block[..count]);
        size += count as u64;
    }
}

/// Where a file of this content is kept; it is there afterwards.
fn moved(file: &Path, sha256: &str, kept: &Path) -> Result<PathBuf> {
    let mut print = Fingerprint::default();
    print.add(b"as it is");
    print.add(sha256.as_bytes());
    let target = kept.join(print.hex());
    // Both are in the work folder, so this is a rename of the same bytes over each other.
    fs::rename(file, &target).or_failed(|| format!("keep {}", file.display()))?;
    cache::touch(&target);
    Ok(target)
}
