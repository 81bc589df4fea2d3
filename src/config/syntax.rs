//! What the YAML parser complains about, in words that help.
//!
//! Owns the translation of the parser's errors and locations and nothing that is rzap's own.

use serde_yaml::granit_parser::{Event, Parser};
use serde_yaml::{Error, Location};

use super::locate::{Problems, Span, chars_to_bytes, line_of};

/// The bytes a location stands for. Scan errors carry characters only, values carry bytes.
pub(super) fn span(source: &str, location: &Location) -> Span {
    let span = location.span();
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    match (span.byte_offset(), span.byte_len()) {
        (Some(start), Some(length)) => {
            let start = number(start).min(source.len());
            start..start.saturating_add(number(length)).min(source.len())
        }
        _ => chars_to_bytes(source, number(span.offset()), number(span.len())),
    }
}

/// True for a key that stands in one map twice.
pub(super) fn is_duplicate(error: &Error) -> bool {
    matches!(at_its_root(error), Error::DuplicateMappingKey { .. })
}

/// Adds a problem per key that repeats an earlier one of its map. The deserializer stops at the
/// first (`error`), so the parser's events are walked for all of them.
pub(super) fn report_duplicates(source: &str, error: &Error, problems: &mut Problems) {
    let found = duplicates(source);
    if found.is_empty() {
        // Equal to the deserializer only (`1` and `0x1`): its own finding has to do.
        let span = error.location().map_or(0..0, |location| span(source, &location));
        problems.add(&span, "this key is there twice", "");
    }
    for (key, first, second) in found {
        let label = format!("first set on line {}", line_of(source, first.start));
        problems.add(&second, format!("`{key}` is set twice"), label);
    }
}

/// A map or list that is open while the events go by.
enum Open {
    List,
    Map { keys: Vec<(String, Span)>, key_is_next: bool },
}

/// Key, where it first stood, where it stood again.
fn duplicates(source: &str) -> Vec<(String, Span, Span)> {
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(source) {
        let Ok((event, span)) = event else { break };
        let is_node = !matches!(event, Event::SequenceEnd | Event::MappingEnd | Event::Comment(..));
        if is_node && let Some(Open::Map { keys, key_is_next }) = open.last_mut() {
            if *key_is_next && let Event::Scalar(text, ..) = &event {
                let at = span.start.byte_offset().zip(span.end.byte_offset()).map_or(0..0, |(from, to)| from..to);
                match keys.iter().find(|(key, _)| key == text) {
                    // Several `<<` are legal: each merges one more map.
                    Some(_) if text == "<<" => {}
                    Some((key, first)) => found.push((key.clone(), first.clone(), at)),
                    None => keys.push((text.to_string(), at)),
                }
            }
            *key_is_next = !*key_is_next;
        }
        match event {
            Event::MappingStart(..) => open.push(Open::Map { keys: Vec::new(), key_is_next: true }),
            Event::SequenceStart(..) => open.push(Open::List),
            Event::MappingEnd | Event::SequenceEnd => drop(open.pop()),
            _ => {}
        }
    }
    found
}

const TOO_MUCH: &str = "this is nested too deeply or repeated too often";

/// Adds the problem that keeps the text from being read at all.
pub(super) fn report(source: &str, error: &Error, problems: &mut Problems) {
    let error = at_its_root(error);
    let mut span = error.location().map_or(0..0, |location| span(source, &location));
    let (title, label) = match error {
        Error::MultipleDocuments { .. } => {
            // The parser points behind the line that starts it.
            if let Some(at) = source.get(..span.start).and_then(|text| text.rfind("---")) {
                span = at..at + 3;
            }
            ("a second YAML document starts here".to_owned(), "one file is one app")
        }
        Error::UnknownAnchor { .. } => {
            ("this alias has no anchor".to_owned(), "text that starts with `*` needs quotes")
        }
        Error::UnsupportedTag { tag, .. } => (format!("the tag `{tag}` means nothing here"), "tags are not supported"),
        Error::RecursiveReferencesRequireWeakTypes { .. } => ("this anchor contains itself".to_owned(), ""),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => ("`<<` merges maps only".to_owned(), "this is no map"),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => {
            (TOO_MUCH.to_owned(), "")
        }
        other => {
            let message = plain_message(other);
            // The parser is behind the tab when it notices.
            if message.contains("tabs disallowed")
                && let Some(tab) = source.get(..span.end).and_then(|text| text.rfind('\t'))
            {
                span = tab..tab + 1;
            }
            scan_error(&message)
        }
    };
    problems.add(&span, title, label);
}

/// The error without what the parser wraps around it: snippets, and where an alias was used.
fn at_its_root(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => at_its_root(error),
        root => root,
    }
}

/// The parser's message without its "at line 3, column 4", which the snippet shows anyway.
fn plain_message(error: &Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).trim().to_owned()
}

/// Title and label for the parser's own words, with a hint where its words alone do not help.
fn scan_error(message: &str) -> (String, &'static str) {
    let known: [(&str, &str, &str); 16] = [
        ("recursion limit", TOO_MUCH, ""),
        ("tabs disallowed", "a tab cannot indent", "use spaces"),
        (
            "mapping values are not allowed",
            "a `:` cannot stand here",
            "check the indentation, or put text with `: ` in quotes",
        ),
        ("unclosed bracket", "this bracket is never closed", ""),
        ("mismatched bracket", "the brackets do not match", "text with `[`, `]`, `{` or `}` needs quotes"),
        ("unclosed quote", "this quote is never closed", ""),
        ("misplaced bracket", "this bracket was never opened", "text with brackets needs quotes"),
        ("indentation in multiline quoted", "a quote before this line is still open", "close it"),
        ("unknown escape", "double quotes know no such escape", "use '…' for text with a backslash"),
        ("invalid trailing content after", "text goes on after the closing quote", "write `''` for a quote inside '…'"),
        ("unexpected character: `\\u{", "a control character cannot stand here", "remove it"),
        ("unexpected character", "a plain text cannot start with this character", "put it in quotes"),
        (
            "did not find expected key",
            "this line is indented like nothing before it",
            "align it with the keys it belongs to",
        ),
        ("parsing a flow mapping", "this map does not end well", "in `{ }`, text with `{`, `}` or `,` needs quotes"),
        ("parsing a flow sequence", "this list does not end well", "in `[ ]`, text with `[`, `]` or `,` needs quotes"),
        ("<document start>", "this line is indented like nothing before it", "align it with the first line"),
    ];
    match known.iter().find(|(sign, ..)| message.contains(sign)) {
        Some((_, title, label)) => ((*title).to_owned(), label),
        None => (format!("not valid YAML: {message}"), ""),
    }
}
