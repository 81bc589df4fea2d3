//! A file's bytes, read once: small ones whole, large ones piece by piece.
//!
//! A file that changes under the read would make a package nobody ever had on disk, so its state is
//! compared before and after. A small file that changed is read once more; a second change in a row,
//! or one of a large file, is an error.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::entry::{Entry, Owner};
use super::secrets;
use crate::error::{Error, Result};

/// What the file system says about a file. Whoever writes into one, or puts another one in its place,
/// changes it: the time of the last change cannot be set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) inode: u64,
    /// Bytes.
    pub(super) size: u64,
    /// Seconds and nanoseconds since 1970.
    pub(super) modified: (i64, i64),
    pub(super) changed: (i64, i64),
}

/// The coarsest step in which a file system counts time (FAT's).
const COARSEST: Duration = Duration::from_secs(2);

impl State {
    /// Of the file at `path`, links followed.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&fs::metadata(path)?))
    }

    /// Whether a change after `now` is sure to show. A file that was changed a moment ago may change
    /// again within the same tick of the file system's clock.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(UNIX_EPOCH) else { return false };
        let latest = now.saturating_sub(COARSEST).as_secs();
        let before = |seconds: i64| u64::try_from(seconds).map_or(true, |seconds| seconds < latest);
        before(self.modified.0) && before(self.changed.0)
    }
}

impl From<&Metadata> for State {
    fn from(seen: &Metadata) -> Self {
        Self {
            inode: seen.ino(),
            size: seen.len(),
            modified: (seen.mtime(), seen.mtime_nsec()),
            changed: (seen.ctime(), seen.ctime_nsec()),
        }
    }
}

/// Reads all of `path` into `bytes`, replacing what is in there.
pub(super) fn whole(path: &Path, bytes: &mut Vec<u8>) -> Result<State> {
    whole_with(path, bytes, || ())
}

/// `between` runs after each read, before it is judged.
fn whole_with(path: &Path, bytes: &mut Vec<u8>, between: impl Fn()) -> Result<State> {
    for _ in 0..2 {
        if let Some(state) = steady(path, bytes, &between).map_err(|error| failed(path, &error))? {
            return Ok(state);
        }
    }
    Err(changing(path))
}

/// The file's state, or `None` when it changed meanwhile.
fn steady(path: &Path, bytes: &mut Vec<u8>, between: &impl Fn()) -> io::Result<Option<State>> {
    let mut file = File::open(path)?;
    let before = State::from(&file.metadata()?);
    bytes.clear();
    bytes.reserve(usize::try_from(before.size).unwrap_or(0));
    file.read_to_end(bytes)?;
    between();
    // By its name, not by its handle: an editor's save replaces the file behind the open one.
    Ok((State::of(path)? == before && bytes.len() as u64 == before.size).then_some(before))
}

/// Reads a part of `path`, which has to be and stay in `state`, into `bytes`.
pub(super) fn piece(path: &Path, state: &State, part: Range<u64>, bytes: &mut Vec<u8>) -> Result<()> {
    let length = usize::try_from(part.end - part.start).unwrap_or(0);
    bytes.resize(length, 0);
    let mut read = || -> io::Result<bool> {
        let file = File::open(path)?;
        if State::from(&file.metadata()?) != *state {
            return Ok(false);
        }
        file.read_exact_at(bytes, part.start)?;
        Ok(State::of(path)? == *state)
    };
    match read() {
        Ok(true) => Ok(()),
        Ok(false) => Err(changing(path)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(changing(path)),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Refuses `entry` when it is the user's own and `traces` of its content are those of a secret.
pub(super) fn check(entry: &Entry, traces: secrets::Traces) -> Result<()> {
    match traces.secret().filter(|_| entry.owner == Owner::Project) {
        None => Ok(()),
        Some(secret) => Err(Error::failed(format!("{} must not be packed: it holds {secret}", entry.path)).hint(
            format!(
                "exclude `/{0}` and read the secret at run time (AWS Secrets Manager, SSM); or, if it is harmless, include `/{0}`",
                entry.path
            ),
        )),
    }
}

pub(super) fn changing(path: &Path) -> Error {
    Error::failed(format!("{} changes while it is being packed", path.display()))
        .hint("wait until whatever writes it is done, or exclude it")
}

pub(super) fn failed(path: &Path, error: &io::Error) -> Error {
    let said = Error::failed(format!("cannot read {}", path.display())).because(error);
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            said.hint(format!("give yourself permission (`chmod u+r {}`), or exclude it", path.display()))
        }
        io::ErrorKind::NotFound => said.hint("it was there a moment ago: run the command again"),
        _ => said,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_file_that_changes_once_is_read_again_and_one_that_goes_on_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one").unwrap();
        let writes = Cell::new(0);
        let grow = |times: i32| {
            if writes.get() < times {
                writes.set(writes.get() + 1);
                fs::write(&path, "x".repeat(10 + usize::try_from(writes.get()).unwrap())).unwrap();
            }
        };
        let mut bytes = vec![];
        assert_eq!(whole_with(&path, &mut bytes, || grow(1)).unwrap().size, 11);
        assert_eq!(bytes, vec![b'x'; 11]);
        writes.set(0);
        let error = whole_with(&path, &mut bytes, || grow(2)).unwrap_err();
        assert!(error.message.contains("changes while it is being packed"));
    }

    #[test]
    fn a_piece_of_a_file_that_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.bin");
        fs::write(&path, "0123456789").unwrap();
        let (state, mut bytes) = (State::of(&path).unwrap(), vec![]);
        piece(&path, &state, 2..5, &mut bytes).unwrap();
        assert_eq!(bytes, b"234");
        let other = State { size: 11, ..state };
        for part in [0..1, 9..11] {
            let error = piece(&path, &other, part, &mut bytes).unwrap_err();
            assert!(error.message.contains("changes while it is being packed"), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = whole(Path::new("/nowhere/app.py"), &mut vec![]).unwrap_err();
        assert!(error.message.ends_with("/nowhere/app.py") && !error.hints.is_empty(), "{error:?}");
        let denied = failed(Path::new("/p/app.py"), &io::ErrorKind::PermissionDenied.into());
        assert!(denied.hints[0].contains("chmod u+r /p/app.py"), "{denied:?}");
    }

    #[test]
    fn only_what_has_been_quiet_for_a_while_is_settled() {
        let state = |modified, changed| State { inode: 1, size: 1, modified: (modified, 0), changed: (changed, 0) };
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        assert!(state(997, 990).is_settled(now) && state(-5, 3).is_settled(now));
        for (modified, changed) in [(998, 990), (990, 998), (1_000, 1), (2_000, 1), (1, 2_000)] {
            assert!(!state(modified, changed).is_settled(now), "{modified} {changed}");
        }
    }

    #[test]
    fn a_secret_stops_the_users_own_file_only() {
        let text = format!("-----BEGIN PRIVATE KEY-----\n{}\n", "A".repeat(64));
        let traces = secrets::Traces::of(text.as_bytes());
        let mut entry = Entry::generated("certs/key.pem", &text);
        entry.owner = Owner::Project;
        let error = check(&entry, traces).unwrap_err();
        assert_eq!(error.message, "certs/key.pem must not be packed: it holds a private key");
        assert!(error.hints[0].contains("exclude `/certs/key.pem`"), "{error:?}");
        for owner in [Owner::Included, Owner::Dependency("x".into())] {
            entry.owner = owner;
            check(&entry, traces).unwrap();
        }
    }
}
