//! Deployment packages: checked, kept by their SHA-256, unpacked once.
//!
//! Kept zips survive a restart; unpacked trees are made again after one and removed on stop, because
//! their folders are read-only as `/var/task` is. Exec bits are exactly those in the zip: a
//! `bootstrap` without one must fail here as it fails on AWS.
//! Entries that leave the folder, encrypted ones, and compression other than deflate are refused.

use std::collections::HashMap;
use std::io::{Cursor, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, ZipArchive};

use super::super::wire::Fault;
use super::body::refused;
use super::model::Code;
use crate::error::{OrFailed as _, Result};

/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, "Deployment package".
const MOST_UNZIPPED: u64 = 262_144_000;
/// The same page: 50 MB zipped when uploaded through the API.
const MOST_INLINE: usize = 52_428_800;

/// A zip is kept before its function is stored; until then nothing refers to it.
const NEW: Duration = Duration::from_mins(10);

const CANNOT_UNZIP: &str = "Could not unzip uploaded file. Please check your file, then try to upload again.";

/// The packages of all functions.
#[derive(Debug)]
pub(super) struct Packages {
    zips: PathBuf,
    trees: PathBuf,
    /// One lock per tree, so that it is unpacked once however many ask.
    unpacking: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Packages {
    /// `zips` is kept, `trees` is emptied.
    pub(super) fn open(zips: PathBuf, trees: PathBuf) -> Result<Self> {
        remove_tree(&trees);
        for dir in [&zips, &trees] {
            std::fs::create_dir_all(dir).or_failed(|| format!("create {}", dir.display()))?;
        }
        Ok(Self { zips, trees, unpacking: Mutex::default() })
    }

    /// Checks a package completely, without keeping it.
    pub(super) async fn check(zip: Bytes, inline: bool) -> Result<Code, Fault> {
        if inline && zip.len() > MOST_INLINE {
            let message = format!("Zipped size must be smaller than {MOST_INLINE} bytes");
            return Err(Fault::new(413, "RequestEntityTooLargeException", message).member("Type", "User"));
        }
        blocking(move || check(&zip)).await
    }

    /// Keeps a package that [`Self::check`] accepted, and unpacks it.
    pub(super) async fn keep(&self, code: &Code, zip: Bytes) -> Result<(), Fault> {
        let path = self.zip(&code.sha256);
        let dir = self.zips.clone();
        blocking(move || {
            // Newly written even when it is there: its age protects it from being swept away before the
            // function that it is for is stored.
            let mut file = tempfile::NamedTempFile::new_in(&dir).map_err(|error| disk(&error))?;
            std::io::Write::write_all(&mut file, &zip).map_err(|error| disk(&error))?;
            file.persist(&path).map_err(|error| disk(&error.error))?;
            Ok(())
        })
        .await?;
        self.tree(&code.sha256).await.map(|_| ())
    }

    /// The package itself.
    pub(super) fn zip(&self, sha256: &str) -> PathBuf {
        self.zips.join(format!("{sha256}.zip"))
    }

    /// The unpacked package, made when it is not there.
    pub(super) async fn tree(&self, sha256: &str) -> Result<PathBuf, Fault> {
        let lock = {
            let mut locks = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(sha256.to_owned()).or_default())
        };
        let _alone = lock.lock().await;
        let tree = self.trees.join(sha256);
        if tree.exists() {
            return Ok(tree);
        }
        let zip = self.zip(sha256);
        let (trees, target) = (self.trees.clone(), tree.clone());
        blocking(move || {
            let bytes = std::fs::read(&zip).map_err(|error| disk(&error))?;
            let scratch = tempfile::Builder::new().prefix("new-").tempdir_in(&trees).map_err(|error| disk(&error))?;
            unpack(&bytes, scratch.path())?;
            std::fs::rename(scratch.path(), &target).map_err(|error| disk(&error))
        })
        .await?;
        Ok(tree)
    }

    /// Removes the zips that `used` does not know and that are not quite new. Trees stay until stop: a worker may stand in one.
    pub(super) fn sweep(&self, used: impl Fn(&str) -> bool) {
        let Ok(entries) = std::fs::read_dir(&self.zips) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let sha256 = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|extension| extension == "zip") && !used(sha256) && age(&path) > NEW {
                // A zip that cannot be removed costs space and nothing else.
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    /// Removes the unpacked trees.
    pub(super) fn clear(&self) {
        remove_tree(&self.trees);
    }
}

/// How long ago a file was written; nothing when that cannot be told.
fn age(path: &Path) -> Duration {
    let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok();
    modified.and_then(|modified| modified.elapsed().ok()).unwrap_or_default()
}

/// Runs disk and CPU work off the server's threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Fault::new(500, "ServiceException", format!("the work on the package stopped: {error}")))
    })
}

fn check(zip: &[u8]) -> Result<Code, Fault> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| refused(CANNOT_UNZIP))?;
    if archive.is_empty() {
        return Err(refused("Uploaded file must be a non-empty zip"));
    }
    let mut total: u64 = 0;
    let mut inflate = libdeflater::Decompressor::new();
    // Sizes first: a bomb must not be inflated to find out that it is one.
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|_| refused(CANNOT_UNZIP))?;
        total = total.saturating_add(entry.size());
    }
    if total >= MOST_UNZIPPED {
        return Err(refused(format!("Unzipped size must be smaller than {MOST_UNZIPPED} bytes")));
    }
    for index in 0..archive.len() {
        read_entry(&mut archive, index, &mut inflate)?;
    }
    Ok(Code { sha256: hex::encode(Sha256::digest(zip)), size: zip.len() as u64 })
}

struct Entry {
    path: PathBuf,
    mode: u32,
    what: What,
}

enum What {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
}

fn read_entry(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    inflate: &mut libdeflater::Decompressor,
) -> Result<Entry, Fault> {
    let mut entry = archive.by_index_raw(index).map_err(|_| refused(CANNOT_UNZIP))?;
    let name = entry.name().map(std::borrow::Cow::into_owned).map_err(|_| refused(CANNOT_UNZIP))?;
    let path = inside(Path::new(&name))
        .ok_or_else(|| refused(format!("{CANNOT_UNZIP} The entry {name:?} leaves the folder it is unpacked to.")))?;
    if entry.encrypted() {
        return Err(refused(format!("{CANNOT_UNZIP} The entry {name:?} is encrypted.")));
    }
    let mode = entry.unix_mode().unwrap_or(0);
    if entry.is_dir() {
        return Ok(Entry { path, mode, what: What::Folder });
    }
    let (method, size, crc, link) = (entry.compression(), entry.size(), entry.crc32(), entry.is_symlink());
    let mut packed = Vec::new();
    entry.read_to_end(&mut packed).map_err(|_| refused(CANNOT_UNZIP))?;
    let size = usize::try_from(size).map_err(|_| refused(CANNOT_UNZIP))?;
    let bytes = match method {
        CompressionMethod::Stored => packed,
        // The method number stays readable when the crate's own inflate is not compiled in.
        method if method == CompressionMethod::DEFLATE => {
            let mut bytes = vec![0; size];
            let written = inflate.deflate_decompress(&packed, &mut bytes).map_err(|_| refused(CANNOT_UNZIP))?;
            bytes.truncate(written);
            bytes
        }
        other => return Err(refused(format!("{CANNOT_UNZIP} The entry {name:?} is compressed with {other:?}."))),
    };
    if bytes.len() != size || crc32fast::hash(&bytes) != crc {
        return Err(refused(CANNOT_UNZIP));
    }
    if !link {
        return Ok(Entry { path, mode, what: What::File(bytes) });
    }
    let target = PathBuf::from(String::from_utf8_lossy(&bytes).into_owned());
    let lands = path.parent().unwrap_or(Path::new("")).join(&target);
    if inside(&lands).is_none() {
        return Err(refused(format!("{CANNOT_UNZIP} The link {name:?} leaves the folder it is unpacked to.")));
    }
    Ok(Entry { path, mode, what: What::Link(target) })
}

/// The path with `.` and `..` resolved, if it stays below where it starts.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut kept = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => kept.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !kept.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(kept)
}

fn unpack(zip: &[u8], into: &Path) -> Result<(), Fault> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| refused(CANNOT_UNZIP))?;
    let mut inflate = libdeflater::Decompressor::new();
    let mut links = Vec::new();
    for index in 0..archive.len() {
        let entry = read_entry(&mut archive, index, &mut inflate)?;
        let target = into.join(&entry.path);
        let folder = if matches!(entry.what, What::Folder) { Some(target.as_path()) } else { target.parent() };
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(|error| disk(&error))?;
        }
        match entry.what {
            What::Folder => {}
            What::File(bytes) => {
                // A second entry of one name wins, as with `unzip -o`; the first is read-only by now.
                let _ = std::fs::remove_file(&target);
                std::fs::write(&target, bytes).map_err(|error| disk(&error))?;
                permit(&target, 0o444 | (entry.mode & 0o111))?;
            }
            What::Link(to) => links.push((target, to)),
        }
    }
    // Links last: nothing is ever written through one.
    for (target, to) in links {
        std::os::unix::fs::symlink(to, target).map_err(|error| disk(&error))?;
    }
    each_folder(into, &mut |folder| permit(folder, 0o555))
}

fn permit(path: &Path, mode: u32) -> Result<(), Fault> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(|error| disk(&error))
}

/// Calls `act` for every folder, the deepest first.
fn each_folder<E>(folder: &Path, act: &mut impl FnMut(&Path) -> Result<(), E>) -> Result<(), E> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            each_folder(&entry.path(), act)?;
        }
    }
    act(folder)
}

/// Removes a tree with read-only folders in it. What cannot be removed is replaced or ignored later.
pub(super) fn remove_tree(tree: &Path) {
    let Ok(()) = each_folder::<std::convert::Infallible>(tree, &mut |folder| {
        let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755));
        Ok(())
    });
    let _ = std::fs::remove_dir_all(tree);
}

fn disk(error: &std::io::Error) -> Fault {
    Fault::new(500, "ServiceException", format!("the local cloud cannot keep the package: {error}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use super::*;

    fn zipped(entries: &[(&str, u32, &str)]) -> Bytes {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, mode, text) in entries {
            let options = zip::write::SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .unix_permissions(*mode);
            if let Some(target) = text.strip_prefix("-> ") {
                writer.add_symlink(*name, target, options).unwrap();
            } else {
                writer.start_file(*name, options).unwrap();
                writer.write_all(text.as_bytes()).unwrap();
            }
        }
        writer.finish().unwrap().into_inner().into()
    }

    fn packages(dir: &Path) -> Packages {
        Packages::open(dir.join("zips"), dir.join("trees")).unwrap()
    }

    #[tokio::test]
    async fn exec_bits_are_those_of_the_zip_and_nothing_is_writable() {
        let dir = tempfile::tempdir().unwrap();
        let packages = packages(dir.path());
        let zip = zipped(&[("bin/run", 0o755, "#!"), ("bin/plain", 0o644, "x"), ("bin/link", 0o777, "-> run")]);
        let code = Packages::check(zip.clone(), true).await.unwrap();
        packages.keep(&code, zip).await.unwrap();
        let tree = packages.tree(&code.sha256).await.unwrap();
        let mode = |path: &str| std::fs::metadata(tree.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("bin/run"), mode("bin/plain"), mode("bin")), (0o555, 0o444, 0o555));
        assert_eq!(std::fs::read_link(tree.join("bin/link")).unwrap(), Path::new("run"));
        packages.clear();
        assert!(!tree.exists());
    }

    #[tokio::test]
    async fn what_leaves_the_folder_or_is_no_zip_is_refused() {
        for zip in [
            zipped(&[("../evil", 0o644, "x")]),
            zipped(&[("/evil", 0o644, "x")]),
            zipped(&[("a/link", 0o777, "-> ../../evil")]),
            zipped(&[("link", 0o777, "-> /etc/passwd")]),
            Bytes::from_static(b"not a zip"),
        ] {
            let fault = Packages::check(zip, true).await.unwrap_err();
            assert_eq!(fault.code, "InvalidParameterValueException");
            assert!(fault.message.starts_with(CANNOT_UNZIP), "{}", fault.message);
        }
    }

    #[tokio::test]
    async fn a_flipped_byte_is_noticed() {
        let mut zip = zipped(&[("app.py", 0o644, "print(1)")]).to_vec();
        let at = zip.windows(8).position(|part| part == b"print(1)").unwrap();
        zip[at] ^= 1;
        let fault = Packages::check(zip.into(), true).await.unwrap_err();
        assert_eq!(fault.message, CANNOT_UNZIP);
    }
}
