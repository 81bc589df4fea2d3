//! `image:`, a ready container image: its address in ECR, and what Lambda starts in it.

use super::limits;
use super::raw::{self, Kind, Map};
use super::stage::Image;
use super::suggest;
use super::values::Reader;

const KEYS: [&str; 4] = ["uri", "command", "entrypoint", "workdir"];

/// Reads the address alone, or a map of [`KEYS`].
pub(super) fn read(reader: &mut Reader<'_>, entry: &raw::Entry) -> Option<Image> {
    let Kind::Map(Map(keys)) = &entry.value.kind else {
        let uri = uri(reader, entry)?;
        return Some(Image { uri, command: Vec::new(), entrypoint: Vec::new(), workdir: None });
    };
    for key in keys {
        if !KEYS.contains(&key.key.as_str()) {
            let label = suggest::did_you_mean(&key.key, KEYS, || format!("`image` knows {}", suggest::list(&KEYS)));
            reader.problem(&key.key_span, format!("unknown key `{}`", key.key), label);
        }
    }
    let find = |name: &str| keys.iter().find(|key| key.key == name);
    let command = find("command").and_then(|key| reader.texts(key)).unwrap_or_default();
    let entrypoint = find("entrypoint").and_then(|key| reader.texts(key)).unwrap_or_default();
    let workdir = find("workdir").and_then(|key| reader.some_text(key));
    let Some(address) = find("uri") else {
        reader.problem(&entry.key_span, "`image` needs a `uri`", "the image's address in ECR");
        return None;
    };
    let uri = uri(reader, address)?;
    Some(Image { uri, command, entrypoint, workdir })
}

fn uri(reader: &mut Reader<'_>, entry: &raw::Entry) -> Option<String> {
    let filled = reader.text(entry)?;
    let fault = limits::image_fault(&filled.value);
    if let Some(label) = fault {
        reader.problem(&entry.value.span, format!("Lambda cannot run the image `{}`", filled.shown), label);
        return None;
    }
    Some(filled.value)
}
