//! Node: the folder with its `node_modules` as it stands, checked for being complete.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, OrFailed, Result};

/// The part of `package.json` that says what must be installed.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    dependencies: BTreeMap<String, serde_json::Value>,
}

/// What the Node runtimes bring themselves
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html#nodejs-sdk-included>).
fn is_in_the_runtime(name: &str) -> bool {
    name.starts_with("@aws-sdk/") || name.starts_with("@smithy/")
}

/// Refuses a folder whose `package.json` asks for packages that are not installed, or installed in
/// a way that does not survive being packed.
pub(super) fn check(dir: &Path) -> Result<()> {
    let file = dir.join("package.json");
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        read => read.or_failed(|| format!("read {}", file.display()))?,
    };
    let manifest: Manifest =
        serde_json::from_str(&text).or_failed(|| format!("read {} as a package.json", file.display()))?;
    let modules = dir.join("node_modules");
    let missing: Vec<&str> = manifest
        .dependencies
        .keys()
        .map(String::as_str)
        .filter(|name| !is_in_the_runtime(name) && !modules.join(name).exists())
        .collect();
    if !missing.is_empty() {
        let what = if modules.exists() { "missing in node_modules" } else { "there is no node_modules" };
        return Err(Error::failed(format!("package.json needs {}: {what}", missing.join(", ")))
            .hint(format!("run `npm ci --omit=dev` in {}", dir.display())));
    }
    manifest.dependencies.keys().try_for_each(|name| refuse_store_link(&modules.join(name), name))
}

/// pnpm links a package into its store, where the package's own dependencies stand next to it. Node
/// finds them from the link's target, but not from the copy that is packed.
fn refuse_store_link(package: &Path, name: &str) -> Result<()> {
    let is_store = |target: &Path| target.iter().any(|segment| segment == ".pnpm");
    if fs::canonicalize(package).is_ok_and(|target| is_store(&target)) {
        return Err(Error::failed(format!("node_modules/{name} is a link into pnpm's store, which cannot be packed"))
            .hint("install flat: `pnpm install --prod --config.node-linker=hoisted`, or `npm ci --omit=dev`"));
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn folder(manifest: &str, installed: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("package.json"), manifest).unwrap();
        for name in installed {
            fs::create_dir_all(folder.path().join("node_modules").join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn a_complete_folder_passes() {
        check(tempfile::tempdir().unwrap().path()).unwrap();
        check(folder("{}", &[]).path()).unwrap();
        let manifest = r#"{"dependencies": {"express": "^5", "@s/p": "1", "@aws-sdk/client-s3": "3"}, "devDependencies": {"jest": "1"}}"#;
        check(folder(manifest, &["express", "@s/p"]).path()).unwrap();
    }

    #[test]
    fn what_is_not_installed_is_named() {
        let manifest = r#"{"dependencies": {"express": "^5", "koa": "1"}}"#;
        let error = check(folder(manifest, &[]).path()).unwrap_err();
        assert_eq!(error.message, "package.json needs express, koa: there is no node_modules");
        assert!(error.hints[0].starts_with("run `npm ci --omit=dev` in /"), "{error:?}");
        let error = check(folder(manifest, &["koa"]).path()).unwrap_err();
        assert_eq!(error.message, "package.json needs express: missing in node_modules");
        assert!(check(folder("[", &[]).path()).unwrap_err().message.contains("as a package.json"));
    }

    #[test]
    fn pnpms_store_links_are_refused() {
        let folder = folder(r#"{"dependencies": {"a": "1"}}"#, &[".pnpm/a@1/node_modules/a"]);
        std::os::unix::fs::symlink(".pnpm/a@1/node_modules/a", folder.path().join("node_modules/a")).unwrap();
        assert!(check(folder.path()).unwrap_err().message.contains("a link into pnpm's store"));
    }
}
