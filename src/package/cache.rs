//! The work folder: where it is, how it is laid out, how it stays small.
//!
//! `zips/{sha256}.zip` are finished packages, `zips/{recipe}.index` says what is in one, `deps/{key}/` are
//! resolved dependencies, `static/{key}` files and variants of files that are served from S3, `stats/{origin}` what the files of a project were when they were read last.
//! Everything is made under a temporary name and renamed when whole, so two runs at once do not meet
//! and a killed one leaves nothing that could be taken for finished. Nothing in here is precious.

use std::env;
use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use etcetera::BaseStrategy;
use tempfile::TempDir;

use crate::error::{Error, OrFailed, Result};

mod in_use;
mod prune;

pub(crate) use self::prune::{Freed, Holding, Limits, holdings, prune};

/// How names of unfinished things start.
pub(super) const TEMPORARY: &str = ".unfinished-";

/// Marks a folder as a cache (<https://bford.info/cachedir/>).
pub(super) const CACHE_TAG: &str = "CACHEDIR.TAG";

/// Marks a folder whose content can be made again. Backups leave it out, and so do packages when it
/// lies in a project. Best effort.
pub(crate) fn mark(folder: &Path) {
    let _ = fs::write(folder.join(CACHE_TAG), "Signature: 8a477f597d28d172789f06886806bc55\n");
}

/// Whether a folder is marked like that.
pub(crate) fn is_marked(folder: &Path) -> bool {
    folder.join(CACHE_TAG).is_file()
}

/// `RZAP_CACHE_DIR`, or `rzap` in the user's cache folder, or (without a home) in the system's
/// temporary folder.
pub(crate) fn default_work_dir() -> Result<PathBuf> {
    work_dir(env::var_os("RZAP_CACHE_DIR").map(PathBuf::from), etcetera::choose_base_strategy().ok())
}

fn work_dir(chosen: Option<PathBuf>, user: Option<impl BaseStrategy>) -> Result<PathBuf> {
    match (chosen.filter(|dir| !dir.as_os_str().is_empty()), user) {
        (Some(dir), _) => {
            std::path::absolute(&dir).or_failed(|| format!("make sense of RZAP_CACHE_DIR={}", dir.display()))
        }
        (None, Some(user)) => Ok(user.cache_dir().join("rzap")),
        (None, None) => Ok(env::temp_dir().join("rzap-cache")),
    }
}

/// Gives the finished folder `unfinished` its name `folder`, unless a whole one stands there already;
/// `look` reads it, and says `None` when it is not whole.
pub(super) fn settle<T>(unfinished: &Path, folder: &Path, look: impl Fn() -> Result<Option<T>>) -> Result<T> {
    if fs::rename(unfinished, folder).is_err() {
        // Somebody was quicker, or what stands there is damaged.
        if let Some(found) = look()? {
            return Ok(found);
        }
        let _ = fs::remove_dir_all(folder);
        fs::rename(unfinished, folder).or_failed(|| format!("replace {}", folder.display()))?;
    }
    look()?.ok_or_else(|| {
        Error::failed(format!("the dependencies in {} changed right after they were installed", folder.display()))
            .hint("run the command again")
    })
}

/// A folder in `folder` for something unfinished; it goes when it is dropped under this name.
pub(super) fn scratch(folder: &Path) -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(folder);
    made.or_failed(|| format!("make a folder in {}", folder.display()))
}

/// The folders of one work folder; they exist.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    pub(super) zips: PathBuf,
    pub(super) deps: PathBuf,
    pub(super) stats: PathBuf,
    pub(super) statics: PathBuf,
}

impl Cache {
    /// Makes the folders, keeps other runs from removing what this one uses, and throws out what is old.
    pub(super) fn open(work: &Path) -> Result<Self> {
        let work = std::path::absolute(work).or_failed(|| format!("make sense of the folder {}", work.display()))?;
        let [zips, deps, stats, statics] = ["zips", "deps", "stats", "static"].map(|name| work.join(name));
        let cache = Self { zips, deps, stats, statics };
        for folder in [&cache.zips, &cache.deps, &cache.stats, &cache.statics] {
            fs::create_dir_all(folder)
                .or_failed(|| format!("create the folder {}", folder.display()))
                .map_err(|error| error.hint("point RZAP_CACHE_DIR at a folder you can write to"))?;
            mark(folder);
        }
        in_use::keep(&work);
        prune::daily(&work);
        Ok(cache)
    }
}

/// Tells `prune` that `path` was used just now. Not being able to only shortens its life.
pub(super) fn touch(path: &Path) {
    let _ = File::open(path).and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())));
}

/// Puts `bytes` in the place of `file`, at once and as a whole. Best effort: everything in here can be
/// made again.
pub(super) fn replace(file: &Path, bytes: &[u8]) {
    let write = || -> io::Result<()> {
        let folder = file.parent().ok_or(io::ErrorKind::NotFound)?;
        let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
        temporary.write_all(bytes)?;
        temporary.persist(file)?;
        Ok(())
    };
    // A full disk must not leave half of the old one's successor as the newest word.
    if write().is_err() {
        let _ = fs::remove_file(file);
    }
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_work_folder_is_the_chosen_one_or_the_users_or_a_temporary_one() {
        let user = etcetera::base_strategy::Xdg::new().ok();
        let at_home = user.as_ref().map(|user| user.cache_dir().join("rzap"));
        assert_eq!(work_dir(Some("/c".into()), user).unwrap(), Path::new("/c"));
        assert!(work_dir(Some("c".into()), None::<etcetera::base_strategy::Xdg>).unwrap().is_absolute());
        assert_eq!(
            work_dir(Some("".into()), etcetera::base_strategy::Xdg::new().ok()).ok(),
            at_home.or(work_dir(None, None::<etcetera::base_strategy::Xdg>).ok())
        );
        assert!(work_dir(None, None::<etcetera::base_strategy::Xdg>).unwrap().ends_with("rzap-cache"));
    }
}
