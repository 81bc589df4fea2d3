//! The folder a local cloud lives in, and who may touch it.
//!
//! ```text
//! local.lock     exclusively locked for the whole life of a server: the only proof that one runs
//! server.json    where the running server is; written after it listens, removed when it ends
//! port           the port used last, so that URLs survive a restart
//! local.log      what a background server would have printed
//! cloud/         the services' state, with a marker that says it is ours to delete
//! ```

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};

use crate::error::{Error, OrFailed as _, Result};

const MARKER: &str = ".rzap-local-cloud";

/// Where a running server is, as `server.json` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) pid: u32,
    pub(crate) port: u16,
    pub(crate) version: String,
}

/// The state folder of this user: `RZAP_STATE_DIR`, else `$XDG_STATE_HOME/rzap` or `~/.local/state/rzap`.
pub(crate) fn find() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("RZAP_STATE_DIR").filter(|dir| !dir.is_empty()) {
        return std::path::absolute(&dir).or_failed(|| "make RZAP_STATE_DIR an absolute path");
    }
    let xdg = etcetera::base_strategy::Xdg::new().map_err(|error| {
        Error::usage("there is no home directory to keep the local cloud's state in")
            .because(&error)
            .hint("set HOME, or set RZAP_STATE_DIR to a folder of your own")
    })?;
    let base = xdg.state_dir().unwrap_or_else(|| xdg.home_dir().join(".local/state"));
    Ok(base.join("rzap"))
}

/// Makes the folder, readable by its owner only: functions' environments lie in it.
pub(crate) fn create(state_dir: &Path) -> Result<()> {
    private_dir(state_dir).map_err(|error| {
        Error::failed(format!("cannot create the local cloud's state folder {}", state_dir.display()))
            .because(&error)
            .hint("set RZAP_STATE_DIR to a folder you may write to")
    })
}

/// The background server's log.
pub(crate) fn log(state_dir: &Path) -> PathBuf {
    state_dir.join("local.log")
}

/// Takes the folder for oneself until the file is dropped; `None` when a server has it.
///
/// Tries for `patience`, because looking whether the lock is free takes it for a moment, too.
pub(crate) fn lock(state_dir: &Path, patience: Duration) -> Result<Option<File>> {
    let path = state_dir.join("local.lock");
    let file =
        File::options().create(true).append(true).open(&path).or_failed(|| format!("open {}", path.display()))?;
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error).or_failed(|| format!("lock {}", path.display())),
        }
    }
}

/// Whether a server has the folder.
pub(crate) fn is_held(state_dir: &Path) -> Result<bool> {
    Ok(state_dir.join("local.lock").exists() && lock(state_dir, Duration::ZERO)?.is_none())
}

/// Where the last server said it listens; it may be dead.
pub(crate) fn address(state_dir: &Path) -> Option<Address> {
    serde_json::from_slice(&std::fs::read(state_dir.join("server.json")).ok()?).ok()
}

/// Says where the server listens, or, with `None`, that it does no more.
pub(crate) fn announce(state_dir: &Path, address: Option<&Address>) -> Result<()> {
    let path = state_dir.join("server.json");
    let Some(address) = address else {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).or_failed(|| format!("remove {}", path.display()))
            }
            _ => Ok(()),
        };
    };
    let text = serde_json::to_vec(address).or_failed(|| "describe the local cloud's address")?;
    replace(&path, &text)?;
    replace(&state_dir.join("port"), address.port.to_string().as_bytes())
}

/// The port used last time.
pub(crate) fn last_port(state_dir: &Path) -> Option<u16> {
    std::fs::read_to_string(state_dir.join("port")).ok()?.trim().parse().ok()
}

/// Makes sure that `cloud/` is there and ours, and returns it.
pub(crate) fn open_cloud(state_dir: &Path) -> Result<PathBuf> {
    let cloud = state_dir.join("cloud");
    private_dir(&cloud).or_failed(|| format!("create {}", cloud.display()))?;
    if !cloud.join(MARKER).exists() {
        let mut entries = std::fs::read_dir(&cloud).or_failed(|| format!("read {}", cloud.display()))?;
        if entries.next().is_some() {
            return Err(not_ours(&cloud));
        }
        let text = b"Made by rzap. `rzap local reset` deletes everything in this folder.\n";
        replace(&cloud.join(MARKER), text)?;
    }
    Ok(cloud)
}

/// Deletes everything in `cloud/`, if it is ours; says whether there was anything. Needs the lock.
pub(crate) fn wipe_cloud(state_dir: &Path) -> Result<bool> {
    let cloud = state_dir.join("cloud");
    let entries = match std::fs::read_dir(&cloud) {
        Ok(entries) => {
            entries.collect::<std::io::Result<Vec<_>>>().or_failed(|| format!("read {}", cloud.display()))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).or_failed(|| format!("read {}", cloud.display())),
    };
    if entries.is_empty() {
        return Ok(false);
    }
    if !entries.iter().any(|entry| entry.file_name() == MARKER) {
        return Err(not_ours(&cloud));
    }
    super::lambda::Lambda::release(&cloud);
    // The marker stays, so that an interrupted reset can be repeated.
    let state: Vec<_> = entries.into_iter().filter(|entry| entry.file_name() != MARKER).collect();
    for entry in &state {
        let path = entry.path();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_dir { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.or_failed(|| format!("delete {}", path.display()))?;
    }
    Ok(!state.is_empty())
}

fn not_ours(cloud: &Path) -> Error {
    Error::failed(format!("{} holds files that the local cloud did not make", cloud.display()))
        .hint("set RZAP_STATE_DIR to an empty folder, or move those files away")
}

fn private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Writes a file so that readers see the old text or the new, never a part.
fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(text)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().or_failed(|| format!("write {}", path.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_lock_has_one_holder() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_held(dir.path()).unwrap());
        let held = lock(dir.path(), Duration::ZERO).unwrap();
        assert!(held.is_some());
        assert!(is_held(dir.path()).unwrap());
        assert!(lock(dir.path(), Duration::ZERO).unwrap().is_none());
        drop(held);
        assert!(!is_held(dir.path()).unwrap());
    }

    #[test]
    fn reset_deletes_only_what_carries_the_marker() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!wipe_cloud(dir.path()).unwrap());
        let cloud = open_cloud(dir.path()).unwrap();
        std::fs::create_dir_all(cloud.join("s3/b")).unwrap();
        std::fs::write(cloud.join("iam.json"), "{}").unwrap();
        assert!(wipe_cloud(dir.path()).unwrap());
        assert!(!wipe_cloud(dir.path()).unwrap());
        assert!(cloud.join(MARKER).exists());

        std::fs::remove_file(cloud.join(MARKER)).unwrap();
        std::fs::write(cloud.join("thesis.txt"), "mine").unwrap();
        assert!(wipe_cloud(dir.path()).is_err());
        assert!(open_cloud(dir.path()).is_err());
        assert!(cloud.join("thesis.txt").exists());
    }

    #[test]
    fn an_address_is_announced_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let here = Address { pid: 1, port: 4600, version: "0".into() };
        announce(dir.path(), Some(&here)).unwrap();
        assert_eq!(address(dir.path()), Some(here));
        announce(dir.path(), None).unwrap();
        announce(dir.path(), None).unwrap();
        assert_eq!(address(dir.path()), None);
        assert_eq!(last_port(dir.path()), Some(4600));
    }
}
