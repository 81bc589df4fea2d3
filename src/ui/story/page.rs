//! What the story is written on: how wide the terminal is, and the form for programs.

use serde::Serialize;

use crate::observe::LogEvent;
use crate::observe::story::Entry;

/// The terminal behind stdout.
#[derive(Debug)]
pub(super) struct Page;

impl Page {
    /// Columns; `None` when stdout is no terminal: a file and a pipe take lines of any length.
    pub(super) fn width() -> Option<usize> {
        let terminal = console::Term::stdout();
        terminal.is_term().then(|| terminal.size_checked()).flatten().map(|(_, columns)| usize::from(columns))
    }
}

/// An event for programs: as it came, with the request it belongs to, which a plain line does not say itself.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a LogEvent,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
}

pub(super) fn json(entry: &Entry) -> String {
    let line = Line { event: &entry.event, request: entry.request.as_deref() };
    serde_json::to_string(&line).unwrap_or_default()
}
