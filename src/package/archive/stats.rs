//! Which content each file had when it was read last, so that a file nobody touched is not read again.
//!
//! A file is believed to be what it was when the file system says the same of it: number, size, and
//! the times of the last write and the last change. What was changed so shortly before it was read
//! that another change might have followed within the same tick is not written down.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::cache;
use super::content::{FORM, Id, id_of};
use super::packs::take;
use super::read::State;
use super::secrets;

/// What is known of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) state: State,
    pub(super) id: Id,
    /// It was looked at for secrets, and has none.
    pub(super) is_clean: bool,
}

/// The files of one folder.
#[derive(Debug, Default)]
pub(super) struct Stats {
    file: PathBuf,
    known: HashMap<PathBuf, Seen>,
    /// What this run saw.
    fresh: HashMap<PathBuf, Seen>,
}

impl Stats {
    /// What is known of the files of `origin`, a name for them all.
    pub(super) fn open(folder: &Path, origin: &str) -> Self {
        let file = folder.join(hex::encode(id_of(origin.as_bytes())));
        let known = fs::read(&file).ok().and_then(|bytes| read(&bytes)).unwrap_or_default();
        Self { file, known, fresh: HashMap::new() }
    }

    /// What is known of `path`, if it still is in `state`.
    pub(super) fn find(&self, path: &Path, state: &State) -> Option<Seen> {
        self.known.get(path).filter(|seen| seen.state == *state).copied()
    }

    /// Notes what `path` is. `now`: a moment before its state was looked at.
    pub(super) fn note(&mut self, path: &Path, seen: Seen, now: SystemTime) {
        if seen.state.is_settled(now) {
            self.fresh.insert(path.to_owned(), seen);
        }
    }

    /// Writes down what was noted, in place of what was known. Best effort.
    pub(super) fn save(self) {
        if self.fresh == self.known {
            cache::touch(&self.file);
        } else {
            cache::replace(&self.file, &write(&self.fresh));
        }
    }
}

/// Whoever packs another way or looks for other secrets begins anew.
fn form() -> Id {
    id_of(format!("rzap stats 1\n{FORM}\n{}", secrets::rules()).as_bytes())
}

fn write(known: &HashMap<PathBuf, Seen>) -> Vec<u8> {
    let mut bytes = form().to_vec();
    for (path, Seen { state, id, is_clean }) in known {
        let path = path.as_os_str().as_bytes();
        let Ok(length) = u32::try_from(path.len()) else { continue };
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(path);
        for number in [state.inode, state.size] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [state.modified.0, state.modified.1, state.changed.0, state.changed.1] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(id);
        bytes.push(u8::from(*is_clean));
    }
    let hash = id_of(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

/// `None` when the bytes are damaged or of another form.
fn read(bytes: &[u8]) -> Option<HashMap<PathBuf, Seen>> {
    let (mut rest, hash) = bytes.split_last_chunk::<32>()?;
    if id_of(rest) != *hash || take(&mut rest)? != form() {
        return None;
    }
    let mut known = HashMap::new();
    while !rest.is_empty() {
        let length = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).ok()?;
        let (path, after) = rest.split_at_checked(length)?;
        rest = after;
        let [inode, size] = [u64::from_le_bytes(take(&mut rest)?), u64::from_le_bytes(take(&mut rest)?)];
        let mut time = || Some((i64::from_le_bytes(take(&mut rest)?), i64::from_le_bytes(take(&mut rest)?)));
        let state = State { inode, size, modified: time()?, changed: time()? };
        let seen = Seen { state, id: take(&mut rest)?, is_clean: take::<1>(&mut rest)? == [1] };
        known.insert(PathBuf::from(std::ffi::OsStr::from_bytes(path)), seen);
    }
    Some(known)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn seen(modified: i64) -> Seen {
        let state = State { inode: 1, size: 2, modified: (modified, 5), changed: (4, -6) };
        Seen { state, id: [7; 32], is_clean: modified % 2 == 0 }
    }

    #[test]
    fn what_was_noted_is_known_the_next_time_while_the_file_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let mut stats = Stats::open(folder.path(), "app");
        stats.note(Path::new("/a/é"), seen(100), now);
        stats.note(Path::new("/a/b"), seen(-101), now);
        // Changed a moment ago: another change may follow within the same tick.
        stats.note(Path::new("/a/c"), seen(999), now);
        stats.save();
        let stats = Stats::open(folder.path(), "app");
        assert_eq!(stats.find(Path::new("/a/é"), &seen(100).state), Some(seen(100)));
        assert_eq!(stats.find(Path::new("/a/b"), &seen(-101).state), Some(seen(-101)));
        assert_eq!(stats.find(Path::new("/a/b"), &State { inode: 2, ..seen(-101).state }), None);
        assert_eq!(stats.find(Path::new("/a/c"), &seen(999).state), None);
        assert_eq!(Stats::open(folder.path(), "other").find(Path::new("/a/b"), &seen(-101).state), None);
    }

    #[test]
    fn damage_is_noticed() {
        let whole = write(&HashMap::from([("/a".into(), seen(1))]));
        assert_eq!(read(&whole).unwrap().len(), 1);
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            assert!(read(&damaged).is_none() && read(&whole[..place]).is_none(), "byte {place}");
        }
    }
}
