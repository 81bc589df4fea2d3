//! How `rzap tail` looks: one line per event with time, function, level, request and message; what is longer goes on
//! below the message. Writes through a buffer, which is emptied whenever the log pauses.

mod ink;
mod layout;
mod page;
mod said;

use regex::Regex;

use self::ink::Ink;
use self::layout::Layout;
use self::page::Page;
use super::Ui;
use crate::observe::story::{Entry, Reading};

/// Bytes that wait at most for a pause.
const BUFFER: usize = 64 * 1024;

/// Writes entries to stdout.
#[derive(Debug)]
pub(crate) struct Storyteller {
    ui: Ui,
    form: Form,
    layout: Layout,
    out: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Story,
    /// The messages as they came.
    Raw,
    /// One JSON document per line.
    Lines,
}

impl Storyteller {
    /// `functions` are the names that may come. `raw` and `--json` leave the layout away.
    pub(crate) fn new<'a>(
        ui: Ui,
        functions: impl Iterator<Item = &'a String>,
        raw: bool,
        utc: bool,
        grep: Option<Regex>,
    ) -> Self {
        let form = match (ui.is_json(), raw) {
            (true, _) => Form::Lines,
            (false, true) => Form::Raw,
            (false, false) => Form::Story,
        };
        let mut layout = Layout::new(functions, utc, Ink::of_stdout(), grep);
        layout.fit(Page::width());
        Self { ui, form, layout, out: String::new() }
    }

    /// Whether lines are put together and laid out.
    pub(crate) fn lays_out(&self) -> bool {
        self.form == Form::Story
    }

    pub(crate) fn tell(&mut self, entry: &Entry) {
        match self.form {
            Form::Story => self.layout.lay_out(entry, &mut self.out),
            // Our own words are no message.
            _ if matches!(entry.reading, Reading::Note(_)) => {}
            Form::Raw => {
                self.out.push_str(&entry.event.message);
                self.out.push('\n');
            }
            Form::Lines => {
                self.out.push_str(&page::json(entry));
                self.out.push('\n');
            }
        }
        if self.out.len() > BUFFER {
            self.flush();
        }
    }

    /// Shows what waits; the terminal may have another size since.
    pub(crate) fn flush(&mut self) {
        if !self.out.is_empty() {
            self.ui.data(self.out.as_bytes());
            self.out.clear();
        }
        self.layout.fit(Page::width());
    }
}
