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
/// Of the 256 colours those that can be read on white and on black, as a test computes.
const REQUESTS: [&str; 16] = [
    "38;5;31", "38;5;166", "38;5;98", "38;5;64", "38;5;132", "38;5;29", "38;5;100", "38;5;134", "38;5;66", "38;5;131",
    "38;5;32", "38;5;101", "38;5;164", "38;5;65", "38;5;63", "38;5;133",
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a colour of the cube of 6 × 6 × 6, as xterm and all others draw it.
    fn rgb(number: u8) -> [f64; 3] {
        const STEPS: [f64; 6] = [0.0, 95.0, 135.0, 175.0, 215.0, 255.0];
        let at = usize::from(number - 16);
        [STEPS[at / 36], STEPS[at / 6 % 6], STEPS[at % 6]]
    }

    /// The contrast ratio of WCAG: <https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio>
    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let part = |value: f64| {
            let value = value / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let light = |[red, green, blue]: [f64; 3]| 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
        let (one, other) = (light(one), light(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn the_colours_of_requests_can_be_read_on_white_on_black_and_on_dark_grey() {
        for code in REQUESTS {
            let number = code.strip_prefix("38;5;").and_then(|number| number.parse().ok()).expect("a colour");
            for ground in [[255.0; 3], [0.0; 3], [30.0; 3]] {
                let contrast = contrast(rgb(number), ground);
                assert!(contrast >= 3.5, "{number} on {ground:?}: {contrast}");
            }
        }
    }
}
