//! `uses:` — which of the app's resources a function talks to, and how.
//!
//! `uses: [jobs]` is the first kind of access of each resource's type, `uses: { jobs: send }` says it.

use std::collections::BTreeMap;

use super::raw::{Entry, Kind};
use super::resources::{self, Others};
use super::suggest;
use super::values::Reader;

/// The access by the resource's name, both checked: one of the words of the resource's type.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry, others: &Others<'_>) -> BTreeMap<String, String> {
    let mut uses = BTreeMap::new();
    match &entry.value.kind {
        Kind::List(items) => {
            for item in items {
                let Some(name) = reader.text_at(&entry.key, item).map(|filled| filled.value) else { continue };
                if let Some(kind) = find(reader, &item.span, &name, others)
                    && let Some(first) = kind.access.first()
                {
                    uses.insert(name, (*first).to_owned());
                }
            }
        }
        Kind::Map(map) => {
            for one in &map.0 {
                let Some(kind) = find(reader, &one.key_span, &one.key, others) else { continue };
                let Some(word) = reader.some_text(one) else { continue };
                if kind.access.contains(&word.as_str()) {
                    uses.insert(one.key.clone(), word);
                    continue;
                }
                let all = || format!("there is {}", suggest::list(kind.access));
                let label = suggest::did_you_mean(&word, kind.access.iter().copied(), all);
                reader.problem(&one.value.span, format!("a {} is not used by `{word}`", kind.word), label);
            }
        }
        Kind::Null => {}
        _ => reader.wrong_type(&entry.key, &entry.value, "a list or a map of resources"),
    }
    uses
}

fn find(
    reader: &mut Reader<'_>,
    at: &super::locate::Span,
    name: &str,
    others: &Others<'_>,
) -> Option<&'static resources::Type> {
    if let Some(word) = others.get(name) {
        let kind = resources::type_of(word);
        if kind.is_some_and(|kind| kind.access.is_empty()) {
            reader.problem(at, format!("`{name}` is nothing that functions use"), format!("it is of type `{word}`"));
            return None;
        }
        return kind;
    }
    let (title, label) = resources::missing(name, others);
    reader.problem(at, title, label);
    None
}
