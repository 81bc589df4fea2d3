//! Zips as Lambda unpacks them: everything checked first, nothing outside the folder.
//!
//! Exec bits are exactly those in the zip: a `bootstrap` without one must fail here as it fails on AWS.
//! Entries that leave the folder, encrypted ones, and compression other than deflate are refused.

use std::io::{Cursor, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, ZipArchive};

use super::super::wire::Fault;
use super::body::refused;
use super::model::Code;

/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, "Deployment package".
pub(super) const MOST_UNZIPPED: u64 = 262_144_000;

pub(super) const CANNOT_UNZIP: &str =
    "Could not unzip uploaded file. Please check your file, then try to upload again.";

/// Reads a zip completely, so that what is accepted can be unpacked.
pub(super) fn check(zip: &[u8]) -> Result<Code, Fault> {
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
    Ok(Code { sha256: hex::encode(Sha256::digest(zip)), size: zip.len() as u64, unzipped: total })
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
    // A file in place of the folder itself.
    if path.as_os_str().is_empty() {
        return Err(refused(CANNOT_UNZIP));
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

/// Unpacks a zip into a folder that may have something in it already: what is new wins.
pub(super) fn extract(zip: &[u8], into: &Path) -> Result<(), Fault> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| refused(CANNOT_UNZIP))?;
    let mut inflate = libdeflater::Decompressor::new();
    let mut links = Vec::new();
    for index in 0..archive.len() {
        let entry = read_entry(&mut archive, index, &mut inflate)?;
        match entry.what {
            What::Folder => folder(into, &entry.path)?,
            What::File(bytes) => {
                let target = room(into, &entry.path)?;
                std::fs::write(&target, bytes).map_err(|error| disk(&error))?;
                permit(&target, 0o444 | (entry.mode & 0o111))?;
            }
            What::Link(to) => links.push((entry.path, to)),
        }
    }
    // Links last: nothing is ever written through one.
    for (path, to) in links {
        std::os::unix::fs::symlink(to, room(into, &path)?).map_err(|error| disk(&error))?;
    }
    Ok(())
}

/// Whether a kept zip has something in this folder.
pub(super) fn has_folder(zip: &Path, folder: &str) -> Result<bool, Fault> {
    let file = std::fs::File::open(zip).map_err(|error| disk(&error))?;
    let archive = ZipArchive::new(std::io::BufReader::new(file)).map_err(|_| refused(CANNOT_UNZIP))?;
    let inside = |name: &str| name.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'));
    Ok(archive.file_names().any(|name| name.is_ok_and(|name| inside(&name))))
}

/// Makes an unpacked tree read-only.
pub(super) fn seal(tree: &Path) -> Result<(), Fault> {
    each_folder(tree, &mut |folder| permit(folder, 0o555))
}

/// A free place for `path` below `into`: what was there goes, as with `unzip -o`.
fn room(into: &Path, path: &Path) -> Result<PathBuf, Fault> {
    folder(into, path.parent().unwrap_or(Path::new("")))?;
    let target = into.join(path);
    match std::fs::symlink_metadata(&target) {
        Ok(found) if found.is_dir() => remove_tree(&target),
        Ok(_) => std::fs::remove_file(&target).map_err(|error| disk(&error))?,
        Err(_) => {}
    }
    Ok(target)
}

/// Makes the folder and those above it. A file or a link of an earlier layer in their place goes: what
/// is behind a link may be anywhere.
fn folder(into: &Path, path: &Path) -> Result<(), Fault> {
    let mut target = into.to_owned();
    for part in path.components() {
        target.push(part);
        match std::fs::symlink_metadata(&target) {
            Ok(found) if found.is_dir() => continue,
            Ok(_) => std::fs::remove_file(&target).map_err(|error| disk(&error))?,
            Err(_) => {}
        }
        std::fs::create_dir(&target).map_err(|error| disk(&error))?;
    }
    Ok(())
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

pub(super) fn disk(error: &std::io::Error) -> Fault {
    Fault::new(500, "ServiceException", format!("the local cloud cannot keep the package: {error}"))
}
