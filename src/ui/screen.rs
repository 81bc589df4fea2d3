//! A screen that is drawn over and over: the terminal's other one, so that what was there comes back at the end.

use std::io::{IsTerminal as _, Write as _};

use console::{Term, truncate_str};

/// Leaves the screen when it is dropped.
#[derive(Debug)]
pub(crate) struct Screen;

impl Screen {
    /// `None` when stdout is no terminal: then everything is written one below the other.
    pub(crate) fn open() -> Option<Self> {
        if !std::io::stdout().is_terminal() || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return None;
        }
        // The alternate screen, without a cursor. <https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>
        write("\x1b[?1049h\x1b[?25l");
        Some(Self)
    }

    /// Puts a text in place of what is there. What does not fit is cut, and said.
    #[expect(clippy::unused_self, reason = "only who has opened it may draw")]
    pub(crate) fn draw(&self, text: &str) {
        let (rows, columns) = Term::stdout().size_checked().unwrap_or((24, 80));
        write(&frame(text, (usize::from(rows), usize::from(columns))));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        write("\x1b[?25h\x1b[?1049l");
    }
}

/// Line over line, so that nothing flickers.
fn frame(text: &str, (rows, columns): (usize, usize)) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let fits = if lines.len() > rows { rows.saturating_sub(1) } else { lines.len() };
    let mut shown: Vec<String> =
        lines[..fits].iter().map(|line| truncate_str(line, columns, "…").into_owned()).collect();
    if fits < lines.len() {
        shown.push(truncate_str(&format!("… {} more lines", lines.len() - fits), columns, "").into_owned());
    }
    let lines: Vec<String> = shown.into_iter().map(|line| format!("{line}\x1b[K")).collect();
    format!("\x1b[H{}\x1b[J", lines.join("\r\n"))
}

/// A terminal that is gone is not written to.
fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_the_window() {
        assert_eq!(frame("one\ntwo\n", (5, 80)), "\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J");
        assert_eq!(frame("a\nb\nc\nd", (3, 80)), "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n… 2 more lines\x1b[K\x1b[J");
        assert_eq!(frame("abcdef", (3, 4)), "\x1b[Habc…\x1b[K\x1b[J");
    }
}
