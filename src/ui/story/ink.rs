//! The colours of the story. Nothing is said by colour alone: it only lets the eye find sooner what the words say.

use std::borrow::Cow;

/// What a piece of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// Time, fields, frames of libraries.
    Dim,
    Warn,
    Error,
    /// The n-th function.
    Function(usize),
    /// The n-th of the colours of requests.
    Request(usize),
    /// What `--grep` found.
    Found,
}

/// Cyan, magenta, green, yellow, blue: the terminal's own, which its theme makes readable.
const FUNCTIONS: [&str; 5] = ["36", "35", "32", "33", "34"];
/// Of the 256 colours those that can be read on white and on black.
const REQUESTS: [&str; 16] = [
    "38;5;31", "38;5;35", "38;5;61", "38;5;67", "38;5;97", "38;5;101", "38;5;130", "38;5;132", "38;5;136", "38;5;166",
    "38;5;168", "38;5;172", "38;5;65", "38;5;71", "38;5;103", "38;5;139",
];

/// Writes pieces with colour or without.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    on: bool,
}

impl Ink {
    /// As `--color`, `NO_COLOR` and the terminal want it.
    pub(super) fn of_stdout() -> Self {
        Self { on: console::colors_enabled() }
    }

    #[cfg(test)]
    pub(super) fn new(on: bool) -> Self {
        Self { on }
    }

    pub(super) fn is_on(self) -> bool {
        self.on
    }

    pub(super) fn write(self, style: Style, text: &str, out: &mut String) {
        let code = match style {
            _ if !self.on || text.is_empty() => "",
            Style::Plain => "",
            Style::Dim => "2",
            Style::Warn => "33",
            Style::Error => "1;31",
            Style::Function(at) => FUNCTIONS[at % FUNCTIONS.len()],
            Style::Request(at) => REQUESTS[at % REQUESTS.len()],
            Style::Found => "7",
        };
        if code.is_empty() {
            return out.push_str(text);
        }
        for part in ["\x1b[", code, "m", text, "\x1b[0m"] {
            out.push_str(part);
        }
    }
}

/// The colour of a request: the same in every run.
pub(super) fn of_request(id: &str) -> Style {
    // FNV-1a, and its bits mixed once more: ids that differ in one letter are far apart.
    let hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Style::Request(usize::try_from(mixed).unwrap_or_default() % REQUESTS.len())
}

/// A line in the making: its pieces in order.
pub(super) type Line<'a> = Vec<(Style, Cow<'a, str>)>;
