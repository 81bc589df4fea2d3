//! One entry's bytes, read once and whole.
//!
//! A file that changes under the read would make a package nobody ever had on disk, so its size
//! and time are compared before and after; a second change in a row is an error.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use super::entry::{Content, Entry, Owner};
use super::secrets;
use crate::error::{Error, Result};

/// The bytes of `entry`, checked for secrets when they are the user's own.
pub(super) fn bytes(entry: &Entry) -> Result<Cow<'_, [u8]>> {
    let bytes = match &entry.content {
        Content::Text(text) => Cow::Borrowed(text.as_slice()),
        Content::File(path) => Cow::Owned(whole(path, || ())?),
    };
    if entry.owner == Owner::Project
        && let Some(secret) = secrets::find(&bytes)
    {
        return Err(Error::failed(format!("{} must not be packed: it holds {secret}", entry.path)).hint(format!(
            "exclude `/{0}` and read the secret at run time (AWS Secrets Manager, SSM); or, if it is harmless, include `/{0}`",
            entry.path
        )));
    }
    Ok(bytes)
}

/// The whole file. `between` runs after each read, before it is judged.
fn whole(path: &Path, between: impl Fn()) -> Result<Vec<u8>> {
    for _ in 0..2 {
        if let Some(bytes) = steady(path, &between).map_err(|error| failed(path, &error))? {
            return Ok(bytes);
        }
    }
    Err(Error::failed(format!("{} changes while it is being packed", path.display()))
        .hint("wait until whatever writes it is done, or exclude it"))
}

/// The bytes, or `None` when the file changed meanwhile.
fn steady(path: &Path, between: &impl Fn()) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let before = state(&file.metadata()?)?;
    let mut bytes = Vec::with_capacity(usize::try_from(before.0).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    between();
    // By its name, not by its handle: an editor's save replaces the file behind the open one.
    let after = state(&std::fs::metadata(path)?)?;
    Ok((before == after && bytes.len() as u64 == before.0).then_some(bytes))
}

fn state(metadata: &Metadata) -> io::Result<(u64, SystemTime)> {
    Ok((metadata.len(), metadata.modified()?))
}

fn failed(path: &Path, error: &io::Error) -> Error {
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
        std::fs::write(&path, "one").unwrap();
        let writes = Cell::new(0);
        let grow = |times: i32| {
            if writes.get() < times {
                writes.set(writes.get() + 1);
                std::fs::write(&path, "x".repeat(10 + usize::try_from(writes.get()).unwrap())).unwrap();
            }
        };
        assert_eq!(whole(&path, || grow(1)).unwrap(), vec![b'x'; 11]);
        writes.set(0);
        assert!(whole(&path, || grow(2)).unwrap_err().message.contains("changes while it is being packed"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = whole(Path::new("/nowhere/app.py"), || ()).unwrap_err();
        assert!(error.message.ends_with("/nowhere/app.py") && !error.hints.is_empty(), "{error:?}");
        let denied = failed(Path::new("/p/app.py"), &io::ErrorKind::PermissionDenied.into());
        assert!(denied.hints[0].contains("chmod u+r /p/app.py"), "{denied:?}");
    }

    #[test]
    fn a_secret_stops_the_users_own_file_only() {
        let text = format!("-----BEGIN PRIVATE KEY-----\n{}\n", "A".repeat(64));
        let mut entry = Entry::generated("certs/key.pem", &text);
        entry.owner = Owner::Project;
        let error = bytes(&entry).unwrap_err();
        assert_eq!(error.message, "certs/key.pem must not be packed: it holds a private key");
        assert!(error.hints[0].contains("exclude `/certs/key.pem`"), "{error:?}");
        for owner in [Owner::Included, Owner::Dependency("x".into())] {
            entry.owner = owner;
            assert_eq!(bytes(&entry).unwrap(), text.as_bytes());
        }
    }
}
