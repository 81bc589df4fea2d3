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
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tempfile::TempDir;

use self::files::Read;
use self::variants::Variant;
use super::cache::Cache;
use super::collect::{self, Listing};
use super::entry::{Content, Entry, Owner};
use super::rules::STATIC;
use super::types::{LeftOut, StaticFiles, StaticObject};
use super::{Workshop, aside};
use crate::config::{FunctionConfig, Http, Source, StaticFiles as Wanted, Web};
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
    /// The folder they are in, when it goes with this: what is uploaded has to be kept elsewhere.
    passing: Option<TempDir>,
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
        let (mut found, url) = match &wanted.dir {
            Some(dir) => (self.of_folder(function, dir, project, names)?, wanted.url.clone()),
            None => self.of_django(function, project, names).await?,
        };
        if found.files.is_empty() {
            self.note(names, &format!("there are no static files to serve below {url}"));
        }
        found.files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let cache = self.cache.clone();
        let (list, objects) = aside(move || made(&found, &cache)).await?;
        let text = serde_json::to_string(&BTreeMap::from([("files", &list)])).or_failed(|| "list the static files")?;
        project.entries.push(Entry::generated(LIST, &format!("{text}\n")));
        let bytes = list.values().map(|listed| listed.size).sum();
        let web = Web { static_files: Some(Wanted { url: url.clone(), ..wanted.clone() }), ..function.web.clone() };
        Ok(Some(Served { web, files: Arc::new(StaticFiles { url, files: list.len(), bytes, objects }) }))
    }

    /// The files of `dir` in the code folder.
    fn of_folder(&self, function: &FunctionConfig, dir: &Path, project: &mut Listing, names: &str) -> Result<Found> {
        let place = function.source.dir.join(dir);
        if !place.is_dir() {
            return Err(Error::failed(format!("there is no folder {} with static files", place.display()))
                .hint("set `static: { dir: FOLDER }` to the folder that has them, or remove `static`"));
        }
        // Without the `.` and the slashes a person may write.
        let parts = dir.components().filter(|part| matches!(part, Component::Normal(_)));
        let dir = collect::packed_path(&parts.collect::<PathBuf>())?;
        let found = take(project, &dir, true);
        if let Some((path, _)) = found.files.iter().find(|(path, _)| is_python(path)) {
            self.note(names, &format!("{dir}/{path} is a static file, so its source is public"));
        }
        self.mention_readers(project, &dir, names);
        Ok(found)
    }

    /// What `collectstatic` gives, and the URL the project looks for it at.
    async fn of_django(
        &self,
        function: &FunctionConfig,
        project: &mut Listing,
        names: &str,
    ) -> Result<(Found, String)> {
        let collected = self.collectstatic(function, names).await?;
        let url = collected.url;
        let loses = "loses the stage in the URLs of a REST API";
        if function.http != Some(Http::Rest) {
            // Nothing stands before the app's own paths.
        } else if collected.is_absolute {
            let relative = url.trim_start_matches('/');
            self.note(names, &format!("STATIC_URL = \"{url}\" {loses}: write it as \"{relative}\""));
        } else if collected.has_whitenoise {
            self.note(
                names,
                &format!("WhiteNoise's middleware {loses}, and with `static` nothing is left for it to do: remove it"),
            );
        }
        if let Some(root) = &collected.root {
            // What an earlier `collectstatic` left there is old.
            take(project, root, false);
        }
        project.entries.extend(collected.manifest);
        let (folder, runtime) = (collected.folder.path().join("files"), function.runtime.clone());
        let listing = aside(move || {
            let source = Source { dir: folder.clone(), ..Source::default() };
            collect::project(&folder, &source, &runtime)
        });
        let files = listing.await?.entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
        Ok((Found { files, hashed: collected.hashed, passing: Some(collected.folder) }, url))
    }

    /// Apps that read such files themselves miss them in the package: the words they do it with are told.
    fn mention_readers(&self, project: &Listing, dir: &str, names: &str) {
        const WORDS: [&str; 2] = ["send_static_file", "send_from_directory"];
        for entry in project.entries.iter().filter(|entry| is_python(&entry.path) && entry.owner == Owner::Project) {
            let Content::File(file) = &entry.content else { continue };
            let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            if let Some(word) = WORDS.into_iter().find(|word| text.contains(word)) {
                let instead = format!("`include: [/{dir}/FILE]` puts what the app reads itself into both");
                let there = format!("the files of `{dir}` are in S3 and not in the package");
                self.note(names, &format!("{} has {word}: {there}; {instead}", entry.path));
                return;
            }
        }
    }
}

fn is_python(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "py")
}

/// Takes the files below `dir` out of the project's. Those that `include` names stay, too.
fn take(project: &mut Listing, dir: &str, is_noted: bool) -> Found {
    let below = format!("{dir}/");
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

/// The list and the objects of all that was found.
fn made(found: &Found, cache: &Cache) -> Result<(BTreeMap<String, Listed>, Vec<StaticObject>)> {
    let read =
        files::each(&found.files, |(path, entry)| files::read(path, entry, found.passing.is_some(), &cache.statics))?;
    // Under a hashed name and a plain one often lies the same: each content is compressed once.
    let distinct: BTreeMap<&str, &Read> =
        read.iter().filter(|read| read.shrinks).map(|read| (read.sha256.as_str(), read)).collect();
    let distinct: Vec<&Read> = distinct.into_values().collect();
    let variants = files::each(&distinct, |read| files::compressed(read, &cache.statics))?;
    let variants: BTreeMap<&str, [Option<Variant>; 2]> =
        distinct.iter().map(|read| read.sha256.as_str()).zip(variants).collect();

    let (mut list, mut objects) = (BTreeMap::new(), BTreeMap::new());
    let mut object = |sha256: &str, size, content_type: &str, file: &Path| {
        let object = StaticObject {
            sha256: sha256.to_owned(),
            size,
            content_type: content_type.to_owned(),
            file: file.to_owned(),
        };
        objects.entry(sha256.to_owned()).or_insert(object);
    };
    for ((path, _), read) in found.files.iter().zip(&read) {
        let [br, gzip] = variants.get(read.sha256.as_str()).filter(|_| read.shrinks).cloned().unwrap_or_default();
        object(&read.sha256, read.size, &read.content_type, &read.file);
        for made in [&br, &gzip].into_iter().flatten() {
            object(&made.sha256, made.size, &read.content_type, &made.file);
        }
        let named = |variant: Option<Variant>| variant.map(|made| (made.sha256, made.size));
        let listed = Listed {
            content_type: read.content_type.clone(),
            size: read.size,
            sha256: read.sha256.clone(),
            br: named(br),
            gzip: named(gzip),
            immutable: found.hashed.contains(path) || kinds::is_hashed(path),
        };
        list.insert(path.clone(), listed);
    }
    Ok((list, objects.into_values().collect()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
