//! A service's state: a value in memory with a JSON file behind it.
//!
//! Every change is on disk before it is answered, by writing a sibling and renaming it, so a killed
//! local cloud comes back with what it had confirmed. Big things (objects, code, log lines) are files
//! of their own; only their index lives in a store.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Serialize, de::DeserializeOwned};

use super::wire::Fault;
use crate::error::{OrFailed as _, Result};

/// A value that survives a restart.
#[derive(Debug)]
pub(crate) struct Store<T> {
    path: PathBuf,
    value: Mutex<T>,
}

impl<T: Serialize + DeserializeOwned + Default + Clone> Store<T> {
    /// Reads `{dir}/{name}.json`; a missing file is the default value, a broken one an error.
    pub(crate) fn open(dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(format!("{name}.json"));
        let value = match std::fs::read(&path) {
            Ok(bytes) => decode(&path, &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => T::default(),
            Err(error) => return Err(error).or_failed(|| format!("read {}", path.display())),
        };
        Ok(Self { path, value: Mutex::new(value) })
    }

    /// Looks at the value.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    /// Changes the value, all or nothing: on a fault, or when the disk refuses, nothing has changed.
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut T) -> Result<R, Fault>) -> Result<R, Fault> {
        let mut value = self.lock();
        let mut next = value.clone();
        let result = change(&mut next)?;
        save(&self.path, &next).map_err(|error| {
            Fault::new(
                500,
                "ServiceException",
                format!("the local cloud cannot save its state to {}: {error}", self.path.display()),
            )
        })?;
        *value = next;
        Ok(result)
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads one file of state.
pub(crate) fn decode<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .or_failed(|| format!("read the local cloud's state in {}", path.display()))
        .map_err(|error| error.hint("`rzap local reset` deletes the state and starts anew"))
}

fn save<T: Serialize>(path: &Path, value: &T) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
