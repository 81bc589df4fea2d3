//! Layers: the user's folders and, with `layer: auto`, a function's dependencies, each a zip of its own.
//!
//! Lambda unpacks layers into `/opt`, the later over the earlier
//! (<https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html>). The automatic one comes first,
//! so what a user puts into a layer wins over a dependency. Code wins over all layers: `/var/task` is
//! searched first.
//!
//! A layer folder is packed like a code folder, but `exclude` and `include` of the function, which are
//! about its code, do not apply; and it is not packed a second time into the code around it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::entry::{Content as Bytes, Entry, Owner};
use super::fingerprint::Fingerprint;
use super::types::{LeftOut, OwnLayer, PackagedLayer};
use super::{Workshop, aside, collect, merge, size};
use crate::config::{FunctionConfig, Layer, Source};
use crate::error::{Error, Result};

/// The automatic layer's part of its name.
const DEPENDENCIES: &str = "dependencies";

/// The layers of one run, by what is in them: each zip is made once.
#[derive(Default)]
pub(super) struct Shelf(Mutex<BTreeMap<[u8; 32], OwnLayer>>);

/// A layer before it is a zip.
pub(super) enum Draft {
    Arn(String),
    /// Without a folder it is the one of `layer: auto`.
    Own {
        part: String,
        folder: Option<String>,
        entries: Vec<Entry>,
        left_out: Vec<LeftOut>,
    },
}

/// Refuses code and layers that are more than Lambda takes. Dependencies count as themselves wherever they
/// are; of a layer that is only named nobody knows.
pub(super) fn fits(function: &FunctionConfig, code: &[Entry], drafts: &[Draft]) -> Result<()> {
    let bytes = |entries: &[Entry]| entries.iter().map(|entry| entry.size).sum::<u64>();
    let below = drafts.iter().map(|draft| if let Draft::Own { entries, .. } = draft { bytes(entries) } else { 0 });
    if bytes(code) + below.sum::<u64>() <= size::MOST_UNZIPPED {
        return Ok(());
    }
    let mut own = code.to_vec();
    let mut folders = Vec::new();
    for draft in drafts {
        match draft {
            Draft::Own { folder: Some(folder), entries, .. } => folders.push((folder.clone(), bytes(entries))),
            Draft::Own { folder: None, entries, .. } => own.extend(entries.iter().cloned()),
            Draft::Arn(_) => {}
        }
    }
    size::check_with(function, bytes(&own), &own, &folders)
}

/// The function's source without its layer folders, which the config names relative to `root`.
pub(super) fn code_of(root: &Path, function: &FunctionConfig) -> Source {
    let mut source = function.source.clone();
    for layer in &function.layers {
        if let Layer::Folder(folder) = layer
            && let Ok(inside) = root.join(folder).strip_prefix(&source.dir)
            && let Some(path) = inside.to_str().filter(|path| !path.is_empty())
        {
            source.exclude.push(format!("/{}/", escaped(path)));
        }
    }
    source
}

/// A path as a gitignore pattern that means only itself.
fn escaped(path: &str) -> String {
    let mut pattern = String::new();
    for letter in path.chars() {
        if "\\*?[]!# {}".contains(letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

/// Takes the dependencies out of `entries`, as the files of a layer. What shares a package's folder with
/// the user's own files stays with them: a folder that is there twice is read from one place only.
pub(super) fn split(runtime: &str, entries: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    let node = runtime.starts_with("nodejs");
    let mut staying: BTreeSet<String> = BTreeSet::new();
    loop {
        let stays = |entry: &Entry| match &entry.owner {
            Owner::Dependency(name) => (node && !entry.path.starts_with("node_modules/")) || staying.contains(name),
            _ => true,
        };
        let folders: BTreeSet<&str> = entries.iter().filter(|entry| stays(entry)).map(|it| unit(&it.path)).collect();
        let more: BTreeSet<String> = entries
            .iter()
            .filter(|entry| !stays(entry) && folders.contains(unit(&entry.path)))
            .filter_map(|entry| match &entry.owner {
                Owner::Dependency(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        if more.is_empty() {
            let (code, layer): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| match &entry.owner {
                Owner::Dependency(name) => (node && !entry.path.starts_with("node_modules/")) || staying.contains(name),
                _ => true,
            });
            let folder = if node { "nodejs" } else { "python" };
            let below = |entry: Entry| Entry { path: format!("{folder}/{}", entry.path), ..entry };
            return (code, layer.into_iter().map(below).collect());
        }
        staying.extend(more);
    }
}

/// What an import takes from one place: the first segment, or that below `node_modules`.
fn unit(path: &str) -> &str {
    // Byte code of modules at the top: each is its own module's.
    if path.starts_with("__pycache__/") {
        return path;
    }
    let start = if path.starts_with("node_modules/") { "node_modules/".len() } else { 0 };
    let scope = usize::from(path[start..].starts_with('@'));
    let end = path[start..].match_indices('/').nth(scope).map_or(path.len(), |(at, _)| start + at);
    &path[..end]
}

impl Workshop<'_> {
    /// The layers of a function in their order. `automatic` are the files of the one with its
    /// dependencies.
    pub(super) async fn layers(
        &self,
        function: &FunctionConfig,
        automatic: Vec<Entry>,
        names: &str,
    ) -> Result<Vec<Draft>> {
        let mut drafts = Vec::new();
        if !automatic.is_empty() {
            let entries = merge::sorted(automatic)?;
            let part = DEPENDENCIES.to_owned();
            drafts.push(Draft::Own { part, folder: None, entries, left_out: Vec::new() });
        } else if function.source.layer {
            self.note(names, "`layer: auto` has no dependencies to put into a layer");
        }
        for layer in &function.layers {
            let folder = match layer {
                Layer::Arn(arn) => {
                    drafts.push(Draft::Arn(arn.clone()));
                    continue;
                }
                Layer::Folder(folder) => folder,
            };
            let source = Source { dir: self.root.join(folder), ..Source::default() };
            let root = self.root.to_owned();
            // Without a runtime: functions of different ones may share the layer.
            let listing = aside(move || collect::project(&root, &source, "")).await?;
            let shown = folder.display();
            for note in &listing.notes {
                self.note(names, &format!("layer {shown}: {note}"));
            }
            if listing.entries.is_empty() {
                return Err(Error::failed(format!("there is nothing to pack in the layer {shown}"))
                    .hint("put its files there, or take it out of `layers`"));
            }
            if let Some(wanted) = misplaced(&function.runtime, &listing.entries) {
                self.note(names, &format!("layer {shown}: {wanted}"));
            }
            let entries = merge::sorted(listing.entries)?;
            let shown = Some(shown.to_string());
            drafts.push(Draft::Own { part: part(folder), folder: shown, entries, left_out: listing.left_out });
        }
        Ok(drafts)
    }

    /// Zips what is not zipped yet. Of equal layers a function gets one, where the last of them stands.
    pub(super) async fn zip_layers(&self, drafts: Vec<Draft>) -> Result<Vec<PackagedLayer>> {
        let mut layers: Vec<PackagedLayer> = Vec::new();
        for draft in drafts {
            let layer = match draft {
                Draft::Arn(arn) => PackagedLayer::Arn(arn),
                Draft::Own { part, entries, left_out, .. } => {
                    PackagedLayer::Own(Box::new(self.zip_layer(part, entries, left_out).await?))
                }
            };
            layers.retain(|other| match (other, &layer) {
                (PackagedLayer::Own(other), PackagedLayer::Own(layer)) => other.sha256 != layer.sha256,
                _ => true,
            });
            layers.push(layer);
        }
        Ok(layers)
    }

    async fn zip_layer(&self, part: String, entries: Vec<Entry>, left_out: Vec<LeftOut>) -> Result<OwnLayer> {
        let key = fingerprint(&part, &entries);
        let mut known = self.shelf.0.lock().await;
        if let Some(layer) = known.get(&key) {
            return Ok(layer.clone());
        }
        let (archive, entries) = self.archive(entries, &format!("layer {part}")).await?;
        let contents = entries.iter().zip(&archive.packed).map(|(entry, zipped)| entry.listed(*zipped));
        let layer = OwnLayer {
            part,
            file: archive.file,
            sha256: archive.sha256,
            code_sha256: archive.code_sha256,
            zipped: archive.zipped,
            unzipped: archive.unzipped,
            files: entries.len(),
            contents: Arc::new(contents.collect()),
            left_out: Arc::new(left_out),
        };
        known.insert(key, layer.clone());
        Ok(layer)
    }
}

/// What decides a layer's zip within one run.
fn fingerprint(part: &str, entries: &[Entry]) -> [u8; 32] {
    let mut print = Fingerprint::default();
    print.add(part.as_bytes());
    for entry in entries {
        print.add(entry.path.as_bytes());
        print.add(&entry.size.to_le_bytes());
        print.add(&[u8::from(entry.executable)]);
        match &entry.content {
            Bytes::File(file) => print.add(file.as_os_str().as_encoded_bytes()),
            Bytes::Text(text) => print.add(text),
        }
    }
    print.bytes()
}

/// The folder's name as Lambda takes it: `[a-zA-Z0-9-_]+`.
fn part(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let allowed = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
    let name: String = name.chars().map(allowed).collect();
    if name.is_empty() { "layer".to_owned() } else { name }
}

/// What a layer lacks for `runtime` to find anything in it.
fn misplaced(runtime: &str, entries: &[Entry]) -> Option<String> {
    let (modules, other) = if runtime.starts_with("python") {
        ("python", format!("python/lib/{runtime}/site-packages/"))
    } else if let Some(major) = runtime.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")) {
        ("nodejs", format!("nodejs/node_modules/ and nodejs/node{major}/node_modules/"))
    } else {
        return None;
    };
    // Programs and libraries are found for every runtime, extensions are started.
    let places = [modules, "bin", "lib", "extensions"];
    let found =
        entries.iter().any(|entry| entry.path.split_once('/').is_some_and(|(first, _)| places.contains(&first)));
    let looks = if modules == "python" { format!("python/ and {other}") } else { other };
    (!found).then(|| format!("{runtime} finds nothing in it: it looks in {looks}"))
}

#[cfg(test)]
mod tests;
