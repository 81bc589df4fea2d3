//! What the work folder holds, and what of it goes.
//!
//! Packages go two weeks after their last use, or earlier when together they take more than 2 GiB: the
//! one used longest ago first. Installed dependencies go after 30 days without use. What was used within
//! the last hour stays as long as another rzap may be working with it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::super::archive::packs;
use super::{TEMPORARY, in_use, is_hash};
use crate::error::{OrFailed, Result};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Packages, and what is known of files: since their last use.
    pub(crate) packages: Duration,
    /// All packages together, in bytes.
    pub(crate) packages_size: u64,
    /// Everything else that took a tool to make: since its last use.
    pub(crate) dependencies: Duration,
}

impl Default for Limits {
    /// What every build holds to. A package is in the bucket after a deploy; it is kept here to be
    /// looked at, and for what is in it.
    fn default() -> Self {
        Self { packages: DAY * 14, packages_size: 2 << 30, dependencies: DAY * 30 }
    }
}

impl Limits {
    /// Everything that was not used for this long goes.
    pub(crate) fn age(age: Duration) -> Self {
        Self { packages: age, packages_size: u64::MAX, dependencies: age }
    }
}

/// One kind of things in the work folder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Holding {
    /// What they are, in the plural.
    pub(crate) what: &'static str,
    pub(crate) folder: PathBuf,
    pub(crate) count: usize,
    pub(crate) bytes: u64,
    /// Seconds since the last use of what was used longest ago, and of what was used last.
    pub(crate) oldest: Option<u64>,
    pub(crate) newest: Option<u64>,
}

/// What was, or would be, removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Freed {
    pub(crate) count: usize,
    pub(crate) bytes: u64,
    /// How many had to stay because another rzap may be using them.
    pub(crate) in_use: usize,
}

/// The kinds, as folders of the work folder.
const KINDS: [(&str, &str); 4] =
    [("zips", "packages"), ("deps", "dependencies"), ("static", "static files"), ("stats", "known folders")];

struct Thing {
    path: PathBuf,
    /// Index of its kind.
    kind: usize,
    bytes: u64,
    age: Duration,
    role: Role,
    /// Which package an index belongs to, if that is there.
    zip: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Role {
    /// A package, an install, a book.
    Main,
    /// The index of a package.
    Beside,
    /// Left behind by a run that was killed.
    Unfinished,
}

/// What is in `work`. Names that are not ours do not count.
fn things(work: &Path, now: SystemTime, is_size_wanted: bool) -> Vec<Thing> {
    let mut things = Vec::new();
    for (kind, (folder, _)) in KINDS.iter().enumerate() {
        let Ok(items) = fs::read_dir(work.join(folder)) else { continue };
        for item in items.flatten() {
            let name = item.file_name();
            let (Some(role), Ok(seen)) = (name.to_str().and_then(|name| role(folder, name)), item.metadata()) else {
                continue;
            };
            let age = seen.modified().ok().and_then(|used| now.duration_since(used).ok()).unwrap_or_default();
            let bytes = if seen.is_file() || is_size_wanted { size(&item.path(), &seen) } else { 0 };
            things.push(Thing { path: item.path(), kind, bytes, age, role, zip: None });
        }
    }
    // An index is used with its package.
    let ages: HashMap<PathBuf, Duration> =
        things.iter().filter(|thing| thing.kind == 0).map(|thing| (thing.path.clone(), thing.age)).collect();
    for index in things.iter_mut().filter(|thing| thing.role == Role::Beside) {
        index.zip = packs::zip_of(&index.path).filter(|zip| ages.contains_key(zip));
        index.age = index.zip.as_ref().and_then(|zip| ages.get(zip)).copied().unwrap_or(index.age);
    }
    things
}

fn role(folder: &str, name: &str) -> Option<Role> {
    if name.starts_with(TEMPORARY) {
        return Some(Role::Unfinished);
    }
    match folder {
        "zips" if name.strip_suffix(".zip").is_some_and(is_hash) => Some(Role::Main),
        "zips" if name.strip_suffix(packs::ENDING).is_some_and(is_hash) => Some(Role::Beside),
        "deps" | "static" | "stats" if is_hash(name) => Some(Role::Main),
        _ => None,
    }
}

/// Bytes of a file, or of all files below a folder.
fn size(path: &Path, seen: &Metadata) -> u64 {
    if !seen.is_dir() {
        return seen.len();
    }
    let items = fs::read_dir(path).into_iter().flatten().flatten();
    items.filter_map(|item| Some(size(&item.path(), &item.metadata().ok()?))).sum()
}

/// What `work` holds, by kind.
pub(crate) fn holdings(work: &Path) -> Vec<Holding> {
    let things = things(work, SystemTime::now(), true);
    let holding = |(kind, (folder, what)): (usize, &(&str, &'static str))| {
        let of_kind = || things.iter().filter(move |thing| thing.kind == kind);
        let ages = || of_kind().filter(|thing| thing.role == Role::Main).map(|thing| thing.age.as_secs());
        Holding {
            what,
            folder: work.join(folder),
            count: ages().count(),
            bytes: of_kind().map(|thing| thing.bytes).sum(),
            oldest: ages().max(),
            newest: ages().min(),
        }
    };
    KINDS.iter().enumerate().map(holding).collect()
}

/// Removes what is beyond `limits`; with `is_dry`, only says what that would be. Nothing that another
/// rzap may be working with goes.
pub(crate) fn prune(work: &Path, limits: Limits, is_dry: bool) -> Result<Freed> {
    if !work.is_dir() {
        return Ok(Freed::default());
    }
    let alone = in_use::alone(work);
    let things = things(work, SystemTime::now(), true);
    let (go, stay): (Vec<&Thing>, Vec<&Thing>) =
        beyond(&things, limits).into_iter().partition(|thing| alone.is_some() || thing.age > HOUR);
    let mut freed = Freed { in_use: counted(&stay), ..Freed::default() };
    freed.count = counted(&go);
    for thing in go {
        if !is_dry {
            remove(&thing.path).or_failed(|| format!("remove {}", thing.path.display()))?;
        }
        freed.bytes += thing.bytes;
    }
    Ok(freed)
}

fn counted(things: &[&Thing]) -> usize {
    things.iter().filter(|thing| thing.role != Role::Beside).count()
}

/// What every build does first. Best effort: what cannot be removed today is removed another day.
pub(super) fn daily(work: &Path) {
    let things = things(work, SystemTime::now(), false);
    for thing in beyond(&things, Limits::default()).into_iter().filter(|thing| thing.age > HOUR) {
        let _ = remove(&thing.path);
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is beyond `limits`.
fn beyond(things: &[Thing], limits: Limits) -> Vec<&Thing> {
    let is_old = |thing: &Thing| match (KINDS[thing.kind].0, thing.role) {
        // No install takes longer than a day.
        (_, Role::Unfinished) => thing.age > DAY.min(limits.packages),
        ("deps", _) => thing.age > limits.dependencies,
        _ => thing.age > limits.packages,
    };
    let mut gone: HashSet<&Path> =
        things.iter().filter(|thing| is_old(thing)).map(|thing| thing.path.as_path()).collect();
    let mut packages: Vec<&Thing> = things
        .iter()
        .filter(|thing| thing.kind == 0 && thing.role == Role::Main && !gone.contains(thing.path.as_path()))
        .collect();
    packages.sort_unstable_by_key(|thing| (thing.age, &thing.path));
    let mut together = 0_u64;
    for thing in packages {
        together += thing.bytes;
        if together > limits.packages_size {
            gone.insert(&thing.path);
        }
    }
    // An index without its package says nothing.
    let alone = |index: &&Thing| index.zip.as_ref().is_none_or(|zip| gone.contains(zip.as_path()));
    let indexes: Vec<&Path> = things
        .iter()
        .filter(|thing| thing.role == Role::Beside)
        .filter(alone)
        .map(|index| index.path.as_path())
        .collect();
    gone.extend(indexes);
    things.iter().filter(|thing| gone.contains(thing.path.as_path())).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs::{File, FileTimes};

    use super::super::{CACHE_TAG, Cache, touch};
    use super::*;

    fn aged(path: &Path, age: Duration) {
        File::open(path).unwrap().set_times(FileTimes::new().set_modified(SystemTime::now() - age)).unwrap();
    }

    fn file(folder: &Path, name: &str, bytes: u64, age: Duration) -> PathBuf {
        let path = folder.join(name);
        File::create(&path).unwrap().set_len(bytes).unwrap();
        aged(&path, age);
        path
    }

    fn zip(of: u8) -> String {
        format!("{}.zip", hex::encode([of; 32]))
    }

    fn left(folder: &Path) -> Vec<String> {
        let items = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != CACHE_TAG && name != "lock");
        names.sort();
        names
    }

    #[test]
    fn old_things_of_ours_go_and_everything_else_stays() {
        let work = tempfile::tempdir().unwrap();
        let cache = Cache::open(work.path()).unwrap();
        let (old, new) = (zip(0xaa), zip(0xbb));
        for (name, days) in
            [(old.as_str(), 15), (&new, 13), ("mine.zip", 400), (".unfinished-x.zip", 2), (".unfinished-y.zip", 0)]
        {
            file(&cache.zips, name, 0, DAY * days);
        }
        let used = cache.deps.join("c".repeat(64));
        for folder in [&used, &cache.deps.join("d".repeat(64))] {
            fs::create_dir(folder).unwrap();
            aged(folder, DAY * 31);
        }
        touch(&used);
        Cache::open(work.path()).unwrap();
        assert_eq!(left(&cache.zips), [".unfinished-y.zip", &new, "mine.zip"]);
        assert_eq!(left(&cache.deps), ["c".repeat(64)]);
    }

    #[test]
    fn packages_take_no_more_than_their_room_and_the_last_hours_stay() {
        let work = tempfile::tempdir().unwrap();
        let cache = Cache::open(work.path()).unwrap();
        for (of, hours) in [(1, 3), (2, 2), (3, 5), (4, 0), (5, 0)] {
            // Without content on the disk, but with its size.
            file(&cache.zips, &zip(of), 1 << 30, HOUR * hours);
            packs::write(&cache.zips, &[of; 32], &[of; 32], vec![]);
        }
        Cache::open(work.path()).unwrap();
        let names = [4, 5].map(|of| [hex::encode([of; 32]) + ".index", zip(of)]).concat();
        assert_eq!(left(&cache.zips), names);
        file(&cache.zips, &zip(6), 1 << 30, Duration::ZERO);
        Cache::open(work.path()).unwrap();
        assert_eq!(left(&cache.zips).len(), 5);
    }

    #[test]
    fn what_is_in_use_stays_and_a_dry_run_removes_nothing() {
        let work = tempfile::tempdir().unwrap();
        let zips = work.path().join("zips");
        fs::create_dir(&zips).unwrap();
        file(&zips, &zip(1), 10, Duration::from_mins(1));
        file(&zips, &zip(2), 5, HOUR * 2);
        let all = Limits::age(Duration::ZERO);
        assert_eq!(prune(work.path(), all, true).unwrap(), Freed { count: 2, bytes: 15, in_use: 0 });
        // Another run: a lock of its own.
        let other = File::options().append(true).create(true).open(work.path().join("zips/lock")).unwrap();
        other.lock_shared().unwrap();
        assert_eq!(prune(work.path(), all, false).unwrap(), Freed { count: 1, bytes: 5, in_use: 1 });
        assert_eq!(left(&zips), [zip(1)]);
        drop(other);
        assert_eq!(prune(work.path(), all, false).unwrap(), Freed { count: 1, bytes: 10, in_use: 0 });
        assert_eq!(left(&zips), [""; 0]);
        assert_eq!(prune(&work.path().join("nowhere"), all, false).unwrap(), Freed::default());
    }

    #[test]
    fn what_is_held_is_counted_with_everything_below_it() {
        let work = tempfile::tempdir().unwrap();
        let cache = Cache::open(work.path()).unwrap();
        file(&cache.zips, &zip(1), 10, HOUR);
        file(&cache.zips, "mine.zip", 1_000, HOUR);
        let install = cache.deps.join("c".repeat(64));
        fs::create_dir_all(install.join("site/six")).unwrap();
        file(&install.join("site/six"), "six.py", 7, HOUR);
        aged(&install, DAY);
        let held: Vec<_> = holdings(work.path()).into_iter().map(|held| (held.what, held.count, held.bytes)).collect();
        let rest = [("static files", 0, 0), ("known folders", 0, 0)];
        assert_eq!(held, [[("packages", 1, 10), ("dependencies", 1, 7)], rest].concat());
        assert_eq!(holdings(work.path())[1].oldest.map(|age| age / 10), Some(8640));
    }
}
