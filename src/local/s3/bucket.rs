//! One bucket on disk and in memory.
//!
//! ```text
//! {home}/s3/{bucket}/
//!   config.json             region, tags, lifecycle, …
//!   objects/{sha256}.json   one object: its key, its headers, the name of its data file
//!   uploads/{id}.json       one multipart upload with its parts
//!   data/{uuid}             bytes of an object or a part
//! ```
//! Writing an object replaces one small file, so the time it takes does not grow with the bucket. Data
//! files are never changed: an object points at a new one, and whoever still reads the old one keeps it
//! open. Files that nothing points at (a crash between two steps) go when the bucket is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use tempfile::NamedTempFile;

use super::super::checksum::Algorithm;
use super::super::store::{Store, decode};
use super::super::wire::Fault;
use super::attributes::Attributes;
use super::config::Config;
use super::{disk, no_bucket, no_key};
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

/// What is in a bucket.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Deleted while somebody still held it.
    pub(super) gone: bool,
    /// By key, in the byte order S3 lists in.
    pub(super) objects: BTreeMap<String, Object>,
    /// By upload id.
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// An object without its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) key: String,
    /// Bytes.
    pub(super) size: u64,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    pub(super) attributes: Attributes,
    pub(super) checksum: Checksum,
    /// When it came, among all changes of the bucket.
    #[serde(default)]
    pub(super) sequence: u64,
    /// The sizes of the parts it was made of; empty when it came in one piece.
    pub(super) parts: Vec<u64>,
    data: String,
}

/// A checksum of an object or a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    /// Base64; a composite one ends in `-N`.
    pub(super) value: String,
    pub(super) composite: bool,
}

impl Checksum {
    /// As `x-amz-checksum-type` and `ChecksumType` spell it.
    pub(super) fn kind(&self) -> &'static str {
        if self.composite { "COMPOSITE" } else { "FULL_OBJECT" }
    }
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) started: Timestamp,
    pub(super) attributes: Attributes,
    pub(super) algorithm: Algorithm,
    pub(super) composite: bool,
    /// Whether the client chose the algorithm; then it must use it for every part.
    pub(super) chosen: bool,
    pub(super) parts: BTreeMap<u16, Part>,
}

/// A part of an upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) size: u64,
    /// The MD5 in hexadecimal.
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    /// Of the upload's algorithm.
    pub(super) checksum: String,
    data: String,
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
        for object in load::<Object>(&dir.join("objects"))? {
            contents.objects.insert(object.key.clone(), object);
        }
        for upload in load::<Upload>(&dir.join("uploads"))? {
            contents.uploads.insert(upload.id.clone(), upload);
        }
        sweep(&dir.join("data"), &contents)?;
        let config = Store::open(dir, "config")?;
        let next = AtomicU64::new(u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default());
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

    /// An object without its bytes.
    pub(super) fn object(&self, key: &str) -> Result<Object, Fault> {
        self.contents()?.objects.get(key).cloned().ok_or_else(|| no_key(key))
    }

    /// An object and its bytes, which stay readable whatever happens to the object.
    pub(super) fn open_object(&self, key: &str) -> Result<(Object, File), Fault> {
        let contents = self.contents()?;
        let object = contents.objects.get(key).cloned().ok_or_else(|| no_key(key))?;
        let file = File::open(self.dir.join("data").join(&object.data)).map_err(|error| disk(&error))?;
        Ok((object, file))
    }

    /// A part's bytes.
    pub(super) fn open_part(&self, part: &Part) -> Result<File, Fault> {
        File::open(self.dir.join("data").join(&part.data)).map_err(|error| disk(&error))
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

    /// Makes staged bytes an object, if `check` allows it with regard to the object of that key: all of
    /// it happens at once for every other request. With `upload`, that upload ends in the same step.
    pub(super) fn commit(
        &self,
        staged: Staged,
        describe: impl FnOnce(u64, String) -> New,
        upload: Option<&str>,
        check: impl FnOnce(Option<&Object>) -> Result<(), Fault>,
    ) -> Result<Object, Fault> {
        let New { key, attributes, checksum, parts } = describe(staged.size, staged.etag.clone());
        let mut contents = self.contents()?;
        if upload.is_some_and(|id| !contents.uploads.contains_key(id)) {
            return Err(super::uploads::no_upload());
        }
        check(contents.objects.get(&key))?;
        let data = self.keep(staged.file)?;
        let modified = now();
        let (size, etag, sequence) = (staged.size, staged.etag, self.next());
        let object = Object { key, size, etag, modified, attributes, checksum, sequence, parts, data };
        self.save_object(&object)?;
        let old = contents.objects.insert(object.key.clone(), object.clone());
        if let Some(old) = old {
            self.discard(&old.data);
        }
        if let Some(id) = upload {
            self.end_upload(&mut contents, id);
        }
        Ok(object)
    }

    /// Changes an object's attributes in place (its tags).
    pub(super) fn amend(&self, key: &str, change: impl FnOnce(&mut Object)) -> Result<Object, Fault> {
        let mut contents = self.contents()?;
        let mut object = contents.objects.get(key).cloned().ok_or_else(|| no_key(key))?;
        change(&mut object);
        self.save_object(&object)?;
        contents.objects.insert(key.to_owned(), object.clone());
        Ok(object)
    }

    /// Deletes an object, if `check` allows it, and says when, if there was one. One that is not there is deleted, too.
    pub(super) fn remove(
        &self,
        key: &str,
        check: impl FnOnce(Option<&Object>) -> Result<(), Fault>,
    ) -> Result<Option<u64>, Fault> {
        let mut contents = self.contents()?;
        check(contents.objects.get(key))?;
        if contents.objects.contains_key(key) {
            std::fs::remove_file(self.object_file(key)).map_err(|error| disk(&error))?;
        }
        let Some(old) = contents.objects.remove(key) else { return Ok(None) };
        self.discard(&old.data);
        Ok(Some(self.next()))
    }

    /// The number of a change that is being made.
    fn next(&self) -> u64 {
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

    fn keep(&self, file: NamedTempFile) -> Result<String, Fault> {
        let name = uuid::Uuid::new_v4().to_string();
        file.persist(self.dir.join("data").join(&name)).map_err(|error| disk(&error.error))?;
        Ok(name)
    }

    fn discard(&self, data: &str) {
        // A file left over is swept when the bucket is opened next.
        let _ = std::fs::remove_file(self.dir.join("data").join(data));
    }

    fn object_file(&self, key: &str) -> PathBuf {
        self.dir.join("objects").join(format!("{}.json", hex::encode(sha2::Sha256::digest(key))))
    }

    fn upload_file(&self, id: &str) -> PathBuf {
        self.dir.join("uploads").join(format!("{id}.json"))
    }

    fn save_object(&self, object: &Object) -> Result<(), Fault> {
        save(&self.object_file(&object.key), object)
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
    let used: BTreeSet<&str> = contents.objects.values().map(|object| object.data.as_str()).chain(parts).collect();
    for entry in std::fs::read_dir(dir).or_failed(|| format!("read {}", dir.display()))? {
        let entry = entry.or_failed(|| format!("read {}", dir.display()))?;
        if !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
            std::fs::remove_file(entry.path()).or_failed(|| format!("remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}
