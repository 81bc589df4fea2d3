//! `static`: files that lie in S3 under their content's hash and are served from there by the bridge.
//!
//! ```text
//! folder of the app ────┐
//!                       ├─► files ─► content hash, type, variants ─┬─► objects for S3
//! Django collectstatic ─┘                                          └─► rzap_static.json in the package
//! ```
//! The files themselves are not in the package, except those that `include` names. A folder that would be
//! gone keeps a note, because frameworks look whether it is there when they start.

mod collectstatic;
mod files;
mod kinds;
mod variants;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::cache::Cache;
use super::collect::{self, Listing};
use super::entry::{Content, Entry, Owner};
use super::rules::STATIC;
use super::types::{LeftOut, StaticFiles, StaticObject};
use super::{Workshop, aside};
use crate::config::{FunctionConfig, Http, Source, Web};
use crate::error::{Error, OrFailed as _, Result};

/// The list of files in a package, beside the module Lambda calls.
const LIST: &str = "rzap_static.json";

/// What keeps an emptied folder in the package.
const NOTE: &str = "rzap-static.txt";

/// What has to be done for a function's static files.
pub(super) struct Served {
    /// Of the function, with the path they are served below.
    pub(super) web: Web,
    pub(super) files: Arc<StaticFiles>,
}

/// One file of the list, as the bridge reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Listed {
    #[serde(rename = "type")]
    content_type: String,
    /// Bytes.
    size: u64,
    sha256: String,
    /// Hash and bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    br: Option<(String, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gzip: Option<(String, u64)>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    immutable: bool,
}

/// Files to serve, wherever they come from.
#[derive(Debug, Default)]
struct Found {
    /// What lies under which path below the URL.
    files: Vec<(String, Entry)>,
    /// Paths whose names are known to carry their content's hash.
    hashed: BTreeSet<String>,
    /// They are in a folder that goes: what is uploaded has to be kept.
    passing: bool,
}

impl Workshop<'_> {
    /// Takes the static files of `function` out of the `project`'s files, which get their list instead.
    pub(super) async fn static_files(
        &self,
        function: &FunctionConfig,
        project: &mut Listing,
        names: &str,
    ) -> Result<Option<Served>> {
        let Some(wanted) = &function.web.static_files else { return Ok(None) };
        let mut web = function.web.clone();
        let found = if let Some(dir) = &wanted.dir {
            let dir = dir.to_string_lossy();
            let dir = dir.trim_start_matches("./").trim_end_matches('/');
            if !function.source.dir.join(dir).is_dir() {
                let place = function.source.dir.join(dir);
                return Err(Error::failed(format!("there is no folder {} with static files", place.display()))
                    .hint("set `static: { dir: FOLDER }` to the folder that has them, or remove `static`"));
            }
            let found = take(project, dir, true);
            self.mention_readers(project, dir, names);
            if let Some((path, _)) = found.files.iter().find(|(path, _)| path.ends_with(".py")) {
                self.note(names, &format!("{dir}/{path} is a static file, so its source is public"));
            }
            found
        } else {
            let collected = self.collectstatic(function, names).await?;
            web.static_files.iter_mut().for_each(|files| files.url.clone_from(&collected.url));
            if collected.is_absolute && function.http == Some(Http::Rest) {
                let url = &collected.url;
                let relative = url.trim_start_matches('/');
                self.note(
                    names,
                    &format!(
                        "STATIC_URL = \"{url}\" loses the stage in the URLs of a REST API: write it as \"{relative}\""
                    ),
                );
            }
            if let Some(root) = &collected.root {
                // What an earlier `collectstatic` left there is old.
                take(project, root, false);
            }
            project.entries.extend(collected.manifest);
            let (folder, runtime) = (collected.folder.path().join("files"), function.runtime.clone());
            let listing = aside(move || all(&folder, &runtime)).await?;
            let files = listing.entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
            let found = Found { files, hashed: collected.hashed, passing: true };
            return self.served(found, web, project, names, Some(collected.folder)).await.map(Some);
        };
        self.served(found, web, project, names, None).await.map(Some)
    }

    /// Hashes and compresses what was found. `_folder` is where it lies, until then.
    async fn served(
        &self,
        found: Found,
        web: Web,
        project: &mut Listing,
        names: &str,
        _folder: Option<tempfile::TempDir>,
    ) -> Result<Served> {
        let url = web.static_files.as_ref().map(|files| files.url.clone()).unwrap_or_default();
        if found.files.is_empty() {
            self.note(names, &format!("there are no static files to serve below {url}"));
        }
        let cache = self.cache.clone();
        let (list, objects) = aside(move || made(&found, &cache)).await?;
        let text = serde_json::to_string(&BTreeMap::from([("files", &list)])).or_failed(|| "list the static files")?;
        project.entries.push(Entry::generated(LIST, &format!("{text}\n")));
        let bytes = list.values().map(|listed| listed.size).sum();
        let files = StaticFiles { url, files: list.len(), bytes, objects };
        Ok(Served { web, files: Arc::new(files) })
    }

    /// Apps that read such files themselves miss them in the package: the words they do it with are told.
    fn mention_readers(&self, project: &Listing, dir: &str, names: &str) {
        const WORDS: [&str; 2] = ["send_static_file", "send_from_directory"];
        for entry in project.entries.iter().filter(|entry| entry.path.ends_with(".py") && entry.owner == Owner::Project)
        {
            let Content::File(file) = &entry.content else { continue };
            let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            if let Some(word) = WORDS.into_iter().find(|word| text.contains(word)) {
                self.note(
                    names,
                    &format!(
                        "{} has {word}: the files of `{dir}` are in S3 and not in the package; `include: [/{dir}/FILE]` puts what the app reads itself into both",
                        entry.path
                    ),
                );
                return;
            }
        }
    }
}

/// Takes the files below `dir` out of the project's. Those that `include` names stay, too.
fn take(project: &mut Listing, dir: &str, is_noted: bool) -> Found {
    let below = if dir == "." || dir.is_empty() { String::new() } else { format!("{dir}/") };
    let (inside, outside): (Vec<Entry>, Vec<Entry>) =
        std::mem::take(&mut project.entries).into_iter().partition(|entry| entry.path.starts_with(&below));
    project.entries = outside;
    let (kept, gone): (Vec<&Entry>, Vec<&Entry>) = inside.iter().partition(|entry| entry.owner == Owner::Included);
    if !gone.is_empty() {
        project.left_out.push(LeftOut {
            path: below.clone(),
            rule: STATIC.name,
            files: gone.len(),
            unzipped: gone.iter().map(|entry| entry.size).sum(),
            of: None,
        });
    }
    if is_noted && kept.is_empty() {
        let text = "The files of this folder are in S3, and rzap serves them from there.\n";
        project.entries.push(Entry::generated(&format!("{below}{NOTE}"), text));
    }
    project.entries.extend(kept.into_iter().cloned());
    let files = inside.into_iter().map(|entry| (entry.path[below.len()..].to_owned(), entry));
    Found { files: files.collect(), ..Found::default() }
}

/// Everything in a folder that is not the project's.
fn all(folder: &Path, runtime: &str) -> Result<Listing> {
    let source = Source { dir: folder.to_owned(), ..Source::default() };
    collect::project(folder, &source, runtime)
}

/// The list and the objects of all that was found.
fn made(found: &Found, cache: &Cache) -> Result<(BTreeMap<String, Listed>, Vec<StaticObject>)> {
    let made = files::each(&found.files, |(path, entry)| {
        let is_hashed = found.hashed.contains(path) || kinds::is_hashed(path);
        files::one(path, entry, is_hashed, found.passing, &cache.statics)
    })?;
    let mut list = BTreeMap::new();
    let mut objects = BTreeMap::new();
    for ((path, _), (listed, of_file)) in found.files.iter().zip(made) {
        list.insert(path.clone(), listed);
        objects.extend(of_file.into_iter().map(|object: StaticObject| (object.sha256.clone(), object)));
    }
    Ok((list, objects.into_values().collect()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
