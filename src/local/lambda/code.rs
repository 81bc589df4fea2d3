//! Deployment packages and layers: checked, kept by their SHA-256, unpacked once.
//!
//! Kept zips survive a restart; unpacked trees are made again after one and removed on stop, because
//! their folders are read-only as `/var/task` and `/opt` are. The layers of a function are unpacked into
//! one tree, in their order, the later over the earlier.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::super::wire::Fault;
use super::model::Code;
use super::unzip::{self, disk, remove_tree};
use crate::error::{OrFailed as _, Result};

/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>: 50 MB zipped when uploaded
/// through the API.
const MOST_INLINE: usize = 52_428_800;

/// A zip is kept before its function is stored; until then nothing refers to it.
const NEW: Duration = Duration::from_mins(10);

/// The packages of all functions.
#[derive(Debug)]
pub(super) struct Packages {
    zips: PathBuf,
    trees: PathBuf,
    /// One lock per tree, so that it is unpacked once however many ask.
    unpacking: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Packages {
    /// `zips` is kept, `trees` is emptied.
    pub(super) fn open(zips: PathBuf, trees: PathBuf) -> Result<Self> {
        remove_tree(&trees);
        for dir in [&zips, &trees] {
            std::fs::create_dir_all(dir).or_failed(|| format!("create {}", dir.display()))?;
        }
        Ok(Self { zips, trees, unpacking: Mutex::default() })
    }

    /// Checks a package completely, without keeping it.
    pub(super) async fn check(zip: Bytes, inline: bool) -> Result<Code, Fault> {
        if inline && zip.len() > MOST_INLINE {
            let message = format!("Zipped size must be smaller than {MOST_INLINE} bytes");
            return Err(Fault::new(413, "RequestEntityTooLargeException", message).member("Type", "User"));
        }
        blocking(move || unzip::check(&zip)).await
    }

    /// Keeps a package that [`Self::check`] accepted, and unpacks it.
    pub(super) async fn keep(&self, code: &Code, zip: Bytes) -> Result<(), Fault> {
        let path = self.zip(&code.sha256);
        let dir = self.zips.clone();
        blocking(move || {
            // Newly written even when it is there: its age protects it from being swept away before the
            // function that it is for is stored.
            let mut file = tempfile::NamedTempFile::new_in(&dir).map_err(|error| disk(&error))?;
            std::io::Write::write_all(&mut file, &zip).map_err(|error| disk(&error))?;
            file.persist(&path).map_err(|error| disk(&error.error))?;
            Ok(())
        })
        .await?;
        self.tree(&code.sha256).await.map(|_| ())
    }

    /// The package itself.
    pub(super) fn zip(&self, sha256: &str) -> PathBuf {
        self.zips.join(format!("{sha256}.zip"))
    }

    /// The unpacked package, made when it is not there.
    pub(super) async fn tree(&self, sha256: &str) -> Result<PathBuf, Fault> {
        self.merged(sha256.to_owned(), vec![self.zip(sha256)]).await
    }

    /// What is in `/opt`: the layers in their order, one over the other. Nothing without layers.
    pub(super) async fn opt<'a>(&self, layers: impl Iterator<Item = &'a Code>) -> Result<Option<PathBuf>, Fault> {
        let mut name = Sha256::new();
        let mut zips = Vec::new();
        for layer in layers {
            name.update(&layer.sha256);
            zips.push(self.zip(&layer.sha256));
        }
        if zips.is_empty() {
            return Ok(None);
        }
        self.merged(format!("opt-{}", hex::encode(name.finalize())), zips).await.map(Some)
    }

    /// The tree of this name, made of the zips in their order when it is not there.
    async fn merged(&self, name: String, zips: Vec<PathBuf>) -> Result<PathBuf, Fault> {
        let lock = {
            let mut locks = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(name.clone()).or_default())
        };
        let _alone = lock.lock().await;
        let tree = self.trees.join(name);
        if tree.exists() {
            return Ok(tree);
        }
        let (trees, target) = (self.trees.clone(), tree.clone());
        blocking(move || {
            let scratch = tempfile::Builder::new().prefix("new-").tempdir_in(&trees).map_err(|error| disk(&error))?;
            for zip in zips {
                let bytes = std::fs::read(&zip).map_err(|error| disk(&error))?;
                unzip::extract(&bytes, scratch.path())?;
            }
            unzip::seal(scratch.path())?;
            std::fs::rename(scratch.path(), &target).map_err(|error| disk(&error))
        })
        .await?;
        Ok(tree)
    }

    /// Removes the zips that `used` does not know and that are not quite new. Trees stay until stop: a worker may stand in one.
    pub(super) fn sweep(&self, used: impl Fn(&str) -> bool) {
        let Ok(entries) = std::fs::read_dir(&self.zips) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let sha256 = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|extension| extension == "zip") && !used(sha256) && age(&path) > NEW {
                // A zip that cannot be removed costs space and nothing else.
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    /// Removes the unpacked trees.
    pub(super) fn clear(&self) {
        remove_tree(&self.trees);
    }
}

/// How long ago a file was written; nothing when that cannot be told.
fn age(path: &Path) -> Duration {
    let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok();
    modified.and_then(|modified| modified.elapsed().ok()).unwrap_or_default()
}

/// Runs disk and CPU work off the server's threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Fault::new(500, "ServiceException", format!("the work on the package stopped: {error}")))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::{Cursor, Write as _};
    use std::os::unix::fs::PermissionsExt as _;

    use zip::CompressionMethod;

    use super::super::unzip::CANNOT_UNZIP;
    use super::*;

    fn zipped(entries: &[(&str, u32, &str)]) -> Bytes {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, mode, text) in entries {
            let options = zip::write::SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .unix_permissions(*mode);
            if let Some(target) = text.strip_prefix("-> ") {
                writer.add_symlink(*name, target, options).unwrap();
            } else {
                writer.start_file(*name, options).unwrap();
                writer.write_all(text.as_bytes()).unwrap();
            }
        }
        writer.finish().unwrap().into_inner().into()
    }

    fn packages(dir: &Path) -> Packages {
        Packages::open(dir.join("zips"), dir.join("trees")).unwrap()
    }

    #[tokio::test]
    async fn exec_bits_are_those_of_the_zip_and_nothing_is_writable() {
        let dir = tempfile::tempdir().unwrap();
        let packages = packages(dir.path());
        let zip = zipped(&[("bin/run", 0o755, "#!"), ("bin/plain", 0o644, "x"), ("bin/link", 0o777, "-> run")]);
        let code = Packages::check(zip.clone(), true).await.unwrap();
        packages.keep(&code, zip).await.unwrap();
        let tree = packages.tree(&code.sha256).await.unwrap();
        let mode = |path: &str| std::fs::metadata(tree.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("bin/run"), mode("bin/plain"), mode("bin")), (0o555, 0o444, 0o555));
        assert_eq!(std::fs::read_link(tree.join("bin/link")).unwrap(), Path::new("run"));
        packages.clear();
        assert!(!tree.exists());
    }

    #[tokio::test]
    async fn what_leaves_the_folder_or_is_no_zip_is_refused() {
        for zip in [
            zipped(&[("../evil", 0o644, "x")]),
            zipped(&[("/evil", 0o644, "x")]),
            zipped(&[("a/link", 0o777, "-> ../../evil")]),
            zipped(&[("link", 0o777, "-> /etc/passwd")]),
            Bytes::from_static(b"not a zip"),
        ] {
            let fault = Packages::check(zip, true).await.unwrap_err();
            assert_eq!(fault.code, "InvalidParameterValueException");
            assert!(fault.message.starts_with(CANNOT_UNZIP), "{}", fault.message);
        }
    }

    #[tokio::test]
    async fn a_flipped_byte_is_noticed() {
        let mut zip = zipped(&[("app.py", 0o644, "print(1)")]).to_vec();
        let at = zip.windows(8).position(|part| part == b"print(1)").unwrap();
        zip[at] ^= 1;
        let fault = Packages::check(zip.into(), true).await.unwrap_err();
        assert_eq!(fault.message, CANNOT_UNZIP);
    }

    #[tokio::test]
    async fn later_layers_lie_over_earlier_ones_and_nothing_is_written_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let packages = packages(dir.path());
        let first = zipped(&[
            ("python/a.py", 0o644, "one"),
            ("python/b.py", 0o644, "one"),
            ("lib", 0o777, "-> python"),
            ("share/x/y", 0o644, "one"),
        ]);
        let second = zipped(&[("python/b.py", 0o644, "two"), ("lib/c.so", 0o644, "two"), ("share/x", 0o644, "two")]);
        let mut layers = Vec::new();
        for zip in [first, second] {
            let code = Packages::check(zip.clone(), true).await.unwrap();
            packages.keep(&code, zip).await.unwrap();
            layers.push(code);
        }
        let opt = packages.opt(layers.iter()).await.unwrap().unwrap();
        let text = |path: &str| std::fs::read_to_string(opt.join(path)).unwrap();
        assert_eq!([text("python/a.py"), text("python/b.py")], ["one", "two"]);
        assert_eq!([text("lib/c.so"), text("share/x")], ["two", "two"]);
        assert!(!opt.join("python/c.so").exists());
        let other = packages.opt(layers.iter().rev()).await.unwrap().unwrap();
        assert_ne!(opt, other);
        assert_eq!(std::fs::read_to_string(other.join("python/b.py")).unwrap(), "one");
        assert_eq!(packages.opt([].iter()).await.unwrap(), None);
        packages.clear();
    }
}
