//! The work folder: where it is, how it is laid out, how it stays small.
//!
//! `zips/{sha256}.zip` are finished packages, `deps/{key}/` resolved dependencies. Everything is
//! made under a temporary name and renamed when whole, so two runs at once do not meet and a
//! killed one leaves nothing that could be taken for finished. Nothing in here is precious.

use std::env;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use etcetera::BaseStrategy;

use crate::error::{OrFailed, Result};

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

const DAY: Duration = Duration::from_hours(24);
/// A zip is in the bucket after a deploy; it is kept here to be looked at.
const KEEP_ZIPS: Duration = DAY.saturating_mul(14);
/// Counted from the last use.
const KEEP_DEPENDENCIES: Duration = DAY.saturating_mul(30);
/// No install takes longer.
const KEEP_UNFINISHED: Duration = DAY;

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

/// The folders of one work folder; they exist.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    pub(super) zips: PathBuf,
    pub(super) deps: PathBuf,
}

impl Cache {
    /// Makes the folders and throws out what is old.
    pub(super) fn open(work: &Path) -> Result<Self> {
        let work = std::path::absolute(work).or_failed(|| format!("make sense of the folder {}", work.display()))?;
        let cache = Self { zips: work.join("zips"), deps: work.join("deps") };
        for folder in [&cache.zips, &cache.deps] {
            fs::create_dir_all(folder)
                .or_failed(|| format!("create the folder {}", folder.display()))
                .map_err(|error| error.hint("point RZAP_CACHE_DIR at a folder you can write to"))?;
            mark(folder);
        }
        let now = SystemTime::now();
        prune(&cache.zips, now, |name| name.strip_suffix(".zip").is_some_and(is_hash).then_some(KEEP_ZIPS));
        prune(&cache.deps, now, |name| is_hash(name).then_some(KEEP_DEPENDENCIES));
        Ok(cache)
    }
}

/// Tells `prune` that `folder` was used just now. Not being able to only shortens its life.
pub(super) fn touch(folder: &Path) {
    let _ = File::open(folder).and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())));
}

/// Best effort: what cannot be removed today is removed another day. Names that are not ours stay.
fn prune(folder: &Path, now: SystemTime, keep: impl Fn(&str) -> Option<Duration>) {
    let Ok(items) = fs::read_dir(folder) else { return };
    for item in items.flatten() {
        let name = item.file_name();
        let keep =
            name.to_str().and_then(|name| if name.starts_with(TEMPORARY) { Some(KEEP_UNFINISHED) } else { keep(name) });
        let (Some(keep), Ok(metadata)) = (keep, item.metadata()) else { continue };
        let age = metadata.modified().ok().and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age > keep) {
            let _ = if metadata.is_dir() { fs::remove_dir_all(item.path()) } else { fs::remove_file(item.path()) };
        }
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
    fn old_things_of_ours_go_and_everything_else_stays() {
        let work = tempfile::tempdir().unwrap();
        let cache = Cache::open(work.path()).unwrap();
        let (old, new) = (format!("{}.zip", "a".repeat(64)), format!("{}.zip", "b".repeat(64)));
        for (name, days) in
            [(old.as_str(), 15), (&new, 13), ("mine.zip", 400), (".unfinished-x.zip", 2), (".unfinished-y.zip", 0)]
        {
            let file = File::create(cache.zips.join(name)).unwrap();
            file.set_times(FileTimes::new().set_modified(SystemTime::now() - DAY * days)).unwrap();
        }
        let used = cache.deps.join("c".repeat(64));
        for (folder, days) in [(used.clone(), 31), (cache.deps.join("d".repeat(64)), 31)] {
            fs::create_dir(&folder).unwrap();
            File::open(&folder)
                .unwrap()
                .set_times(FileTimes::new().set_modified(SystemTime::now() - DAY * days))
                .unwrap();
        }
        touch(&used);
        Cache::open(work.path()).unwrap();
        let left = |folder: &Path| {
            let mut names: Vec<String> =
                fs::read_dir(folder).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(left(&cache.zips), [".unfinished-y.zip", CACHE_TAG, &new, "mine.zip"]);
        assert_eq!(left(&cache.deps), [CACHE_TAG, &"c".repeat(64)]);
    }

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
