//! The paths in a source map: as if the bundle had been written where it will stand.
//!
//! esbuild writes them relative to where it puts the map, which is a folder of this machine.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::super::local::plain;
use crate::error::{OrFailed, Result};

/// `map`, written into the folder `written`, for a bundle in `stands` (relative to the project `dir`).
/// The folders are canonical.
pub(super) fn moved(map: &[u8], written: &Path, dir: &Path, stands: &Path) -> Result<Vec<u8>> {
    let mut map: Value = serde_json::from_slice(map).or_failed(|| "read esbuild's source map")?;
    let stands = dir.join(stands);
    let sources = map.get_mut("sources").and_then(Value::as_array_mut);
    for source in sources.into_iter().flatten() {
        // Anything else than a path has a scheme: `data:…`, `node:…`.
        let path = source.as_str().filter(|text| !text.contains(':')).map(|text| plain(&written.join(text)));
        if let Some(path) = path {
            *source = Value::String(relative(&path, &stands).to_string_lossy().into_owned());
        }
    }
    serde_json::to_vec(&map).or_failed(|| "write the source map")
}

/// The way from the folder `from` to `to`, both absolute and plain.
fn relative(to: &Path, from: &Path) -> PathBuf {
    let common = to.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn sources_lead_from_the_bundle_to_the_project() {
        let map = br#"{"version":3,"sources":["../../home/me/app/src/lib/a.ts","../../home/me/node_modules/ms/index.js","data:x"],"mappings":"A"}"#;
        let moved = moved(map, Path::new("/tmp/x"), Path::new("/home/me/app"), Path::new("src")).unwrap();
        assert_eq!(
            String::from_utf8(moved).unwrap(),
            r#"{"version":3,"sources":["lib/a.ts","../../node_modules/ms/index.js","data:x"],"mappings":"A"}"#
        );
    }
}
