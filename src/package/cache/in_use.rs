//! Whether somebody works with the cache.
//!
//! Every rzap that packs holds a shared lock until it ends, because a package is read (uploaded) long
//! after it was made. Whoever wants to remove things that are in use asks for the lock alone. File
//! systems without locks say nothing; then only age protects.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The locks of this process, one for each work folder. They go with it.
static HELD: Mutex<BTreeMap<PathBuf, File>> = Mutex::new(BTreeMap::new());

/// In one of the marked folders, so that a work folder in a project brings nothing into the package.
fn file(work: &Path) -> Option<File> {
    File::options().create(true).append(true).open(work.join("zips/lock")).ok()
}

/// Keeps others from pruning what this process uses, until it ends.
pub(super) fn keep(work: &Path) {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if !held.contains_key(work)
        && let Some(file) = file(work)
        && file.lock_shared().is_ok()
    {
        held.insert(work.to_owned(), file);
    }
}

/// Keeps new runs waiting while it lives; `None` when somebody is at work.
pub(super) fn alone(work: &Path) -> Option<File> {
    file(work).filter(|file| file.try_lock().is_ok())
}
