//! `package.json`: the part of it that decides what is packed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{OrFailed, Result};

/// One `package.json`. Only what is read of it; the rest may be anything.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Manifest {
    pub(super) dependencies: BTreeMap<String, Value>,
    pub(super) dev_dependencies: BTreeMap<String, Value>,
    pub(super) optional_dependencies: BTreeMap<String, Value>,
    pub(super) peer_dependencies: BTreeMap<String, Value>,
    pub(super) scripts: BTreeMap<String, Value>,
    /// `pnpm@9.1.0+sha512.…`
    pub(super) package_manager: Option<String>,
    pub(super) workspaces: Value,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) os: Value,
    pub(super) cpu: Value,
    pub(super) libc: Value,
}

impl Manifest {
    /// The one in `folder`, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join("package.json");
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.or_failed(|| format!("read {}", file.display()))?,
        };
        serde_json::from_str(&text).or_failed(|| format!("read {} as a package.json", file.display())).map(Some)
    }

    /// What has to be there at run time, with the version or place asked for. An optional one hides
    /// a required one of the same name, as it does for npm.
    pub(super) fn needed(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.required().chain(self.optional_dependencies.iter().map(|(name, spec)| (name.as_str(), spec)))
    }

    /// What of it may not be missing.
    pub(super) fn required(&self) -> impl Iterator<Item = (&str, &Value)> {
        let required = self.dependencies.iter().filter(|(name, _)| !self.optional_dependencies.contains_key(*name));
        required.map(|(name, spec)| (name.as_str(), spec))
    }

    /// Whether esbuild is listed, to be used in this project.
    pub(super) fn lists_esbuild(&self) -> bool {
        self.dependencies.contains_key("esbuild") || self.dev_dependencies.contains_key("esbuild")
    }

    /// Whether it can be installed on Lambda: Linux, `cpu` in Node's spelling, glibc.
    pub(super) fn fits(&self, cpu: &str) -> bool {
        allows(&self.os, "linux") && allows(&self.cpu, cpu) && allows(&self.libc, "glibc")
    }
}

/// The rule of npm for `os`, `cpu` and `libc`: a list of what is meant, or (`!win32`) is not; one
/// text is a list of one.
fn allows(list: &Value, ours: &str) -> bool {
    let names: Vec<&str> = match list {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let mut wanted = names.iter().filter(|name| !name.starts_with('!')).peekable();
    let refused = names.iter().any(|name| name.strip_prefix('!') == Some(ours));
    !refused && (wanted.peek().is_none() || wanted.any(|name| *name == ours || *name == "any"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Manifest {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_optional_dependency_is_not_required() {
        let manifest =
            manifest(r#"{"dependencies": {"a": "1", "b": "1"}, "optionalDependencies": {"b": "1", "c": "1"}}"#);
        assert_eq!(manifest.required().map(|(name, _)| name).collect::<Vec<_>>(), ["a"]);
        assert_eq!(manifest.needed().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn platforms_are_listed_or_refused() {
        for (text, fits) in [
            ("{}", true),
            (r#"{"os": ["linux"], "cpu": ["arm64", "x64"], "libc": ["glibc"]}"#, true),
            (r#"{"os": "linux", "cpu": "arm64"}"#, true),
            (r#"{"os": ["!win32"]}"#, true),
            (r#"{"os": ["!linux"]}"#, false),
            (r#"{"os": ["darwin"]}"#, false),
            (r#"{"os": ["linux"], "cpu": ["x64"]}"#, false),
            (r#"{"cpu": ["wasm32"]}"#, false),
            (r#"{"libc": ["musl"]}"#, false),
        ] {
            assert_eq!(manifest(text).fits("arm64"), fits, "{text}");
        }
    }
}
