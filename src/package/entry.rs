//! One file of a package before it is compressed: where its bytes come from and what it is.

use std::path::{Path, PathBuf};

use super::types;

/// One file that goes into the zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Path in the zip: relative, `/` between segments, no `.` or `..`.
    pub(super) path: String,
    pub(super) content: Content,
    /// Bytes unpacked, as seen by the walk.
    pub(super) size: u64,
    /// Mode 0755 rather than 0644.
    pub(super) executable: bool,
    pub(super) owner: Owner,
}

/// Where an entry's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    File(PathBuf),
    Text(Vec<u8>),
}

/// Whose an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// The user's own: checked for private keys and credentials.
    Project,
    /// The user's, named by an `include` pattern: packed as it is.
    Included,
    /// A dependency's, by its name.
    Dependency(String),
    /// Written by rzap.
    Generated,
}

impl Entry {
    /// A file on disk.
    pub(super) fn file(path: String, from: PathBuf, size: u64, executable: bool, owner: Owner) -> Self {
        Self { path, content: Content::File(from), size, executable, owner }
    }

    /// A file of an install, at `path` in the folder `below`; `None` when it is not there as it was.
    pub(super) fn kept(below: &Path, path: &str, size: u64, executable: bool, of: &str) -> Option<Self> {
        let from = below.join(path);
        let whole = std::fs::symlink_metadata(&from).is_ok_and(|it| it.is_file() && it.len() == size);
        whole.then(|| Self::file(path.to_owned(), from, size, executable, Owner::Dependency(of.to_owned())))
    }

    /// A file rzap writes.
    pub(super) fn generated(path: &str, text: &str) -> Self {
        let content = Content::Text(text.as_bytes().to_vec());
        Self { path: path.to_owned(), content, size: text.len() as u64, executable: false, owner: Owner::Generated }
    }

    /// The part of the package it is counted under: the dependency, or the first path segment.
    pub(super) fn part(&self) -> &str {
        match &self.owner {
            Owner::Dependency(name) => name,
            _ => self.path.split('/').next().unwrap_or(&self.path),
        }
    }

    /// What is said of it when the package is done; `zipped` are its bytes in the zip.
    pub(super) fn listed(&self, zipped: u64) -> types::Content {
        let (path, of) = (self.path.clone(), self.part().to_owned());
        let dependency = matches!(self.owner, Owner::Dependency(_));
        types::Content { path, of, dependency, unzipped: self.size, zipped }
    }

    /// The unix permissions in the zip.
    pub(super) fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }
}
