//! One bucket on disk and in memory.
//!
//! ```text
//! {home}/s3/{bucket}/
//!   config.json             region, tags, lifecycle, …
//!   objects/{sha256}.json   one object: its key, its headers, the name of its data file; with `-{version}` behind the
//!                           hash when it is one of several versions or a delete marker
//!   uploads/{id}.json       one multipart upload with its parts
//!   data/{uuid}             bytes of an object or a part
//! ```
//! Writing an object replaces one small file, so the time it takes does not grow with the bucket. So do the other
//! changes: which version is the newest follows from when they came, see [`model`](super::model). Data
//! files are never changed: an object points at a new one, and whoever still reads the old one keeps it
//! open. Files that nothing points at (a crash between two steps) go when the bucket is opened.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest as _;
use tempfile::NamedTempFile;

use super::super::store::{Store, decode};
use super::super::wire::Fault;
use super::attributes::Attributes;
use super::config::Config;
use super::model::{Checksum, Contents, Part, Upload, Version};
use super::{disk, no_bucket};
use crate::error::{OrFailed as _, Result};

/// A bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) config: Store<Config>,
    dir: PathBuf,
    contents: Mutex<Contents>,
    /// The number of the next change. It begins with the clock, so that it grows over a restart.
    next: AtomicU64,
}

/// Bytes on disk that no object points at yet; dropped, they are gone.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) file: NamedTempFile,
    pub(super) size: u64,
    pub(super) etag: String,
}

impl Bucket {
    /// Makes a bucket's folder; the caller has made sure that there is none of that name.
    pub(super) fn create(dir: &Path, config: Config) -> Result<Self, Fault> {
        let failed = |error: crate::error::Error| Fault::new(500, "InternalError", error.to_string());
        std::fs::create_dir_all(dir).map_err(|error| disk(&error))?;
        let store = Store::open(dir, "config").map_err(failed)?;
        store.write(|value| {
            *value = config;
            Ok(())
        })?;
        Self::open(dir).map_err(failed)?.ok_or_else(|| Fault::new(500, "InternalError", "the bucket vanished"))
    }

    /// Opens a bucket's folder; `None` when it is none (one half made or half deleted, which goes).
    pub(super) fn open(dir: &Path) -> Result<Option<Self>> {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || !dir.join("config.json").exists() {
            std::fs::remove_dir_all(dir).or_failed(|| format!("remove {}", dir.display()))?;
            return Ok(None);
        }
        for part in ["objects", "uploads", "data"] {
            std::fs::create_dir_all(dir.join(part)).or_failed(|| format!("create {}", dir.join(part).display()))?;
        }
        let mut contents = Contents::default();
        let mut versions = load::<Version>(&dir.join("objects"))?;
        versions.sort_by_key(Version::sequence);
        let newest = versions.last().map(Version::sequence).unwrap_or_default();
        for version in versions {
            contents.put(version);
        }
        for upload in load::<Upload>(&dir.join("uploads"))? {
            contents.uploads.insert(upload.id.clone(), upload);
        }
        sweep(&dir.join("data"), &contents)?;
        let config = Store::open(dir, "config")?;
        // Also when the clock was put back.
        let now = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default();
        let next = AtomicU64::new(now.max(newest + 1));
        Ok(Some(Self { name, config, dir: dir.to_owned(), contents: Mutex::new(contents), next }))
    }

    pub(super) fn region(&self) -> String {
        self.config.read(|config| config.region.clone())
    }

    /// The contents, to look at or to change together with the disk.
    pub(super) fn contents(&self) -> Result<MutexGuard<'_, Contents>, Fault> {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.gone { Err(no_bucket(&self.name)) } else { Ok(contents) }
    }

    /// A part's bytes.
    pub(super) fn open_part(&self, part: &Part) -> Result<File, Fault> {
        File::open(self.data_file(&part.data)).map_err(|error| disk(&error))
    }

    /// Writes bytes to disk, not yet as anything.
    pub(super) fn stage(&self, bytes: &[u8]) -> Result<Staged, Fault> {
        let mut file = self.staging()?;
        file.write_all(bytes).map_err(|error| disk(&error))?;
        Ok(Staged { file, size: bytes.len() as u64, etag: hex::encode(md5::Md5::digest(bytes)) })
    }

    /// An empty file to stage bytes in piece by piece.
    pub(super) fn staging(&self) -> Result<NamedTempFile, Fault> {
        NamedTempFile::new_in(self.dir.join("data")).map_err(|error| disk(&error))
    }

    /// The number of a change that is being made.
    pub(super) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Records a new upload.
    pub(super) fn begin_upload(&self, upload: Upload) -> Result<(), Fault> {
        let mut contents = self.contents()?;
        self.save_upload(&upload)?;
        contents.uploads.insert(upload.id.clone(), upload);
        Ok(())
    }

    /// Makes staged bytes part `number` of an upload, in place of an earlier one.
    pub(super) fn add_part(&self, id: &str, number: u16, staged: Staged, checksum: String) -> Result<Part, Fault> {
        let mut contents = self.contents()?;
        let mut upload = contents.uploads.get(id).cloned().ok_or_else(super::uploads::no_upload)?;
        let data = self.keep(staged.file)?;
        let part = Part { size: staged.size, etag: staged.etag, modified: now(), checksum, data };
        let old = upload.parts.insert(number, part.clone());
        self.save_upload(&upload)?;
        contents.uploads.insert(id.to_owned(), upload);
        if let Some(old) = old {
            self.discard(&old.data);
        }
        Ok(part)
    }

    /// Forgets an upload and its parts.
    pub(super) fn end_upload(&self, contents: &mut Contents, id: &str) {
        let Some(upload) = contents.uploads.remove(id) else { return };
        // What cannot be removed now is swept when the bucket is opened next.
        let _ = std::fs::remove_file(self.upload_file(id));
        for part in upload.parts.values() {
            self.discard(&part.data);
        }
    }

    /// Removes the whole bucket from disk; the name is free at once.
    pub(super) fn erase(&self) -> Result<(), Fault> {
        let grave = self.dir.with_file_name(format!(".deleted-{}", uuid::Uuid::new_v4()));
        std::fs::rename(&self.dir, &grave).map_err(|error| disk(&error))?;
        let _ = std::fs::remove_dir_all(&grave);
        Ok(())
    }

    pub(super) fn keep(&self, file: NamedTempFile) -> Result<String, Fault> {
        let name = uuid::Uuid::new_v4().to_string();
        file.persist(self.data_file(&name)).map_err(|error| disk(&error.error))?;
        Ok(name)
    }

    pub(super) fn discard(&self, data: &str) {
        // A file left over is swept when the bucket is opened next.
        let _ = std::fs::remove_file(self.data_file(data));
    }

    pub(super) fn data_file(&self, data: &str) -> PathBuf {
        self.dir.join("data").join(data)
    }

    /// Where a version of a key lies.
    pub(super) fn version_file(&self, key: &str, id: Option<&str>) -> PathBuf {
        let hash = hex::encode(sha2::Sha256::digest(key));
        let name = id.map_or_else(|| hash.clone(), |id| format!("{hash}-{id}"));
        self.dir.join("objects").join(format!("{name}.json"))
    }

    fn upload_file(&self, id: &str) -> PathBuf {
        self.dir.join("uploads").join(format!("{id}.json"))
    }

    pub(super) fn save_version(&self, version: &Version) -> Result<(), Fault> {
        save(&self.version_file(version.key(), version.id()), version)
    }

    fn save_upload(&self, upload: &Upload) -> Result<(), Fault> {
        save(&self.upload_file(&upload.id), upload)
    }
}

/// What an object is besides its bytes.
pub(super) struct New {
    pub(super) key: String,
    pub(super) attributes: Attributes,
    pub(super) checksum: Checksum,
    pub(super) parts: Vec<u64>,
}

/// S3 knows whole seconds only.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), Fault> {
    let write = || -> std::io::Result<()> {
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(&serde_json::to_vec(value)?)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| disk(&error))
}

/// Reads every `*.json` of a folder; anything else in it is the rest of an interrupted write.
fn load<T: DeserializeOwned>(dir: &Path) -> Result<Vec<T>> {
    let mut values = Vec::new();
    for entry in std::fs::read_dir(dir).or_failed(|| format!("read {}", dir.display()))? {
        let path = entry.or_failed(|| format!("read {}", dir.display()))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            std::fs::remove_file(&path).or_failed(|| format!("remove {}", path.display()))?;
            continue;
        }
        let text = std::fs::read(&path).or_failed(|| format!("read {}", path.display()))?;
        values.push(decode(&path, &text)?);
    }
    Ok(values)
}

fn sweep(dir: &Path, contents: &Contents) -> Result<()> {
    let parts = contents.uploads.values().flat_map(|upload| upload.parts.values()).map(|part| part.data.as_str());
    let hidden = contents.hidden.values().flatten().filter_map(|version| match version {
        Version::Object(object) => Some(&**object),
        Version::Marker(_) => None,
    });
    let objects = contents.objects.values().chain(hidden).map(|object| object.data.as_str());
    let used: BTreeSet<&str> = objects.chain(parts).collect();
    for entry in std::fs::read_dir(dir).or_failed(|| format!("read {}", dir.display()))? {
        let entry = entry.or_failed(|| format!("read {}", dir.display()))?;
        if !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
            std::fs::remove_file(entry.path()).or_failed(|| format!("remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}
