//! What of the code and its dependencies is packed, and what lies under it: `include`, `exclude`,
//! `bundle`, `slim`, `bytecode`, `from_source`, `keep`, `drop`, `layer`, `layers`.
//!
//! A key that speaks of one language is a default at the top level, where functions of several
//! languages may stand, and an error on a function it cannot mean.

use std::path::{Path, PathBuf};

use super::folder;
use super::limits;
use super::precedence::Said;
use super::raw::{self, Kind};
use super::stage::{Entry, Layer, Source};
use super::values::Reader;

/// `source` without its folder and its build.
pub(super) struct Packing {
    pub(super) source: Source,
    pub(super) layers: Vec<Layer>,
}

/// Reads all of it for a function that runs `entry` on `runtime`.
pub(super) fn read(reader: &mut Reader<'_>, root: &Path, said: &Said<'_>, entry: &Entry, runtime: &str) -> Packing {
    let python = runtime.starts_with("python");
    let node = runtime.starts_with("nodejs");
    let image = matches!(entry, Entry::Image(_));
    let mut find = |key: &str, fits: bool, needs: &str| {
        let found = said.strongest(key)?;
        if !fits && said.is_own(key) {
            reader.problem(&found.key_span, format!("`{key}` does nothing here"), format!("it is for {needs}"));
        }
        fits.then_some(found)
    };
    let package = "functions that rzap packages";
    let include = find("include", !image, package);
    let exclude = find("exclude", !image, package);
    find("build", !image, package);
    let dependencies = "functions with dependencies: Python and Node";
    let keep = find("keep", python || node, dependencies);
    let drop = find("drop", python || node, dependencies);
    let layer = find("layer", python || node, dependencies);
    let layers = find("layers", !image, "functions that are no image: build what they need into the image");
    let slim = find("slim", python, "Python");
    let bytecode = find("bytecode", python, "Python");
    let from_source = find("from_source", python || node, dependencies);
    let bundle = find("bundle", node, "Node");

    let layer = layer.is_some_and(|entry| automatic(reader, entry));
    let layers = layers.map(|entry| list(reader, root, entry, usize::from(layer))).unwrap_or_default();
    let source = Source {
        dir: PathBuf::new(),
        include: include.and_then(|entry| reader.patterns(entry)).unwrap_or_default(),
        exclude: exclude.and_then(|entry| reader.patterns(entry)).unwrap_or_default(),
        build: None,
        bundle: bundle.and_then(|entry| reader.yes_or_no(entry)),
        slim: slim.and_then(|entry| reader.yes_or_no(entry)).unwrap_or_default(),
        bytecode: bytecode.and_then(|entry| reader.yes_or_no(entry)).unwrap_or_default(),
        from_source: from_source.and_then(|entry| reader.texts(entry)).unwrap_or_default(),
        keep: keep.and_then(|entry| reader.patterns(entry)).unwrap_or_default(),
        drop: drop.and_then(|entry| reader.patterns(entry)).unwrap_or_default(),
        layer,
    };
    Packing { source, layers }
}

/// `layer: auto`, or `none` where a stronger place takes it back.
fn automatic(reader: &mut Reader<'_>, entry: &raw::Entry) -> bool {
    let Some(filled) = reader.text(entry) else { return false };
    match filled.value.as_str() {
        "auto" => true,
        "none" => false,
        _ => {
            let title = format!("`layer` cannot be `{}`", filled.shown);
            reader.problem(&entry.value.span, title, "`auto`, or `none`; folders and ARNs go under `layers`");
            false
        }
    }
}

/// `layers`: folders and ARNs, `more` of rzap's own beside them.
fn list(reader: &mut Reader<'_>, root: &Path, entry: &raw::Entry, more: usize) -> Vec<Layer> {
    let Some(texts) = reader.texts(entry) else { return Vec::new() };
    let Kind::List(items) = &entry.value.kind else { return Vec::new() };
    let mut layers: Vec<Layer> = Vec::new();
    for (text, item) in texts.into_iter().zip(items) {
        let layer = if text.starts_with("arn:") {
            if let Some(label) = limits::layer_arn_fault(&text) {
                reader.problem(&item.span, format!("`{text}` is not the ARN of a layer version"), label);
                continue;
            }
            Layer::Arn(text)
        } else {
            match folder::layer(reader, root, &text, &item.span) {
                Some(folder) => Layer::Folder(folder),
                None => continue,
            }
        };
        if layers.contains(&layer) {
            reader.problem(&item.span, "this layer stands here twice", "remove one of them");
        }
        layers.push(layer);
    }
    if layers.len() + more > limits::LAYERS {
        let label = if more > 0 { ", the one of `layer: auto` among them" } else { "" };
        let title = format!("a function has at most {} layers", limits::LAYERS);
        reader.problem(&entry.key_span, title, format!("these are {}{label}", layers.len() + more));
    }
    layers
}
