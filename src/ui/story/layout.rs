//! Where everything stands: columns for time, function, level and request, and the message beside them, folded to the
//! terminal's width. Nothing is cut.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use regex::Regex;

use super::ink::{Ink, Line, Style, of_request};
use super::said;
use crate::observe::story::{Entry, Level, Reading};

/// Columns below which time and request are shorter.
const NARROW: usize = 100;
/// Columns that a message needs beside the others; with less it goes below them.
const LEAST: usize = 28;
/// Letters of a request's id, and how many where there is little room.
const ID: usize = 8;
const SHORT_ID: usize = 6;

/// A letter on the page.
type Cell = (char, Style);

/// Turns entries into lines.
#[derive(Debug)]
pub(super) struct Layout {
    ink: Ink,
    grep: Option<Regex>,
    zone: TimeZone,
    /// Columns of the terminal.
    width: Option<usize>,
    /// Function → its place among the colours.
    functions: BTreeMap<String, usize>,
    /// Letters of the longest name.
    name: usize,
    /// The day of the last line; at first today, which need not be said.
    day: Date,
    /// The second of the last line and how it is written: the next is mostly the same.
    second: (i64, String),
}

impl Layout {
    pub(super) fn new<'a>(
        functions: impl Iterator<Item = &'a String>,
        utc: bool,
        ink: Ink,
        grep: Option<Regex>,
    ) -> Self {
        let functions: BTreeMap<String, usize> = functions.cloned().zip(0..).collect();
        let name = functions.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
        let day = Timestamp::now().to_zoned(zone.clone()).date();
        Self { ink, grep, zone, width: None, functions, name, day, second: (i64::MIN, String::new()) }
    }

    /// Learns how wide the terminal is; `None` for a file.
    pub(super) fn fit(&mut self, width: Option<usize>) {
        self.width = width;
    }

    /// Puts an entry on the page; nothing for what its summary says.
    pub(super) fn lay_out(&mut self, entry: &Entry, out: &mut String) {
        if matches!(entry.reading, Reading::Frame { .. }) {
            return;
        }
        self.date(entry.event.timestamp, out);
        let column = self.head(entry, out);
        // No room beside the columns: the message goes below them.
        let beside = self.width.is_none_or(|width| width >= column + LEAST);
        let column = if beside { column } else { 2 };
        // The one line of a plain text, a million times.
        if let Reading::Text { .. } = entry.reading
            && self.width.is_none()
            && !self.ink.is_on()
            && let body = entry.body().trim_end()
            && !body.contains(['\n', '\r'])
        {
            out.push_str(body);
            return end_line(out);
        }
        let lines = said::lines(entry);
        if lines.is_empty() {
            end_line(out);
        }
        for (at, line) in lines.iter().enumerate() {
            if at > 0 || !beside {
                if at == 0 {
                    end_line(out);
                }
                out.extend(std::iter::repeat_n(' ', column));
            }
            self.line(line, column, out);
            end_line(out);
        }
    }

    /// The day, when it is another one.
    fn date(&mut self, timestamp: i64, out: &mut String) {
        let second = timestamp.div_euclid(1000);
        if self.second.0 == second {
            return;
        }
        let time = Timestamp::from_second(second).unwrap_or_default().to_zoned(self.zone.clone());
        self.second = (second, time.strftime("%H:%M:%S").to_string());
        if self.day != time.date() {
            self.day = time.date();
            self.ink.write(Style::Dim, &time.strftime("── %A, %Y-%m-%d ──").to_string(), out);
            out.push('\n');
        }
    }

    /// Time, function, level, request; gives the column at which the message begins.
    fn head(&self, entry: &Entry, out: &mut String) -> usize {
        let narrow = self.width.is_some_and(|width| width < NARROW);
        let ink = self.ink;
        if narrow {
            ink.write(Style::Dim, &self.second.1, out);
        } else {
            let ms = entry.event.timestamp.rem_euclid(1000);
            if ink.is_on() {
                ink.write(Style::Dim, &format!("{}.{ms:03}", self.second.1), out);
            } else {
                out.push_str(&self.second.1);
                let digits = [b'.', digit(ms / 100), digit(ms / 10), digit(ms)];
                out.extend(digits.map(char::from));
            }
        }
        out.push(' ');
        let function = entry.event.function.as_str();
        let at = self.functions.get(function).copied();
        ink.write(at.map_or(Style::Plain, Style::Function), function, out);
        pad(function, self.name, out);
        let level = entry.level();
        let style = match level {
            Some(Level::Error | Level::Fatal) => Style::Error,
            Some(Level::Warn) => Style::Warn,
            Some(Level::Debug | Level::Trace) => Style::Dim,
            _ => Style::Plain,
        };
        let word = level.map_or("", Level::word);
        ink.write(style, word, out);
        pad(word, 5, out);
        let room = if narrow { SHORT_ID } else { ID };
        let id = entry.request.as_deref().unwrap_or_default();
        let short = id.char_indices().nth(room).map_or(id, |(end, _)| &id[..end]);
        ink.write(of_request(id), short, out);
        pad(short, room, out);
        // The message of a line that is too narrow begins elsewhere; there this is not asked.
        (if narrow { 8 } else { 12 }) + self.name.max(function.chars().count()) + 5 + room + 4
    }

    /// One line of the message, from `column` on.
    fn line(&self, line: &Line<'_>, column: usize, out: &mut String) {
        if self.width.is_none() && !self.ink.is_on() {
            return out.extend(line.iter().map(|(_, text)| text.as_ref()));
        }
        let cells = self.cells(line);
        let Some(width) = self.width else { return self.row(&cells, out) };
        let indent = cells.iter().take_while(|(letter, _)| *letter == ' ').count().min(12);
        let mut rest = &cells[..];
        let mut room = width.saturating_sub(column).max(1);
        loop {
            let (row, next) = fold(rest, room);
            self.row(row, out);
            rest = next;
            if rest.is_empty() {
                return;
            }
            end_line(out);
            // What goes on stands below what it belongs to.
            let hang = if indent + 12 < room { indent } else { 0 };
            out.extend(std::iter::repeat_n(' ', column + hang));
            room = width.saturating_sub(column + hang).max(1);
        }
    }

    /// Letter by letter with its style; what `--grep` found stands out.
    fn cells(&self, line: &Line<'_>) -> Vec<Cell> {
        let mut found = Vec::new();
        if let Some(grep) = self.grep.as_ref().filter(|_| self.ink.is_on()) {
            let text: String = line.iter().map(|(_, text)| text.as_ref()).collect();
            found = grep.find_iter(&text).map(|hit| hit.range()).collect();
        }
        let (mut cells, mut at) = (Vec::new(), 0);
        for (style, text) in line {
            for letter in text.chars() {
                let style = if found.iter().any(|range| range.contains(&at)) { Style::Found } else { *style };
                at += letter.len_utf8();
                if letter == '\t' {
                    cells.extend([(' ', style); 4]);
                } else {
                    cells.push((letter, style));
                }
            }
        }
        cells
    }

    fn row(&self, cells: &[Cell], out: &mut String) {
        for piece in cells.chunk_by(|a, b| a.1 == b.1) {
            let text: String = piece.iter().map(|(letter, _)| letter).collect();
            self.ink.write(piece[0].1, &text, out);
        }
    }
}

/// Divides a line where the room ends, at a space if there is one.
fn fold(cells: &[Cell], room: usize) -> (&[Cell], &[Cell]) {
    let mut used = 0;
    let mut buffer = [0; 4];
    let over = cells.iter().position(|(letter, _)| {
        used += if letter.is_ascii() { 1 } else { console::measure_text_width(letter.encode_utf8(&mut buffer)) };
        used > room
    });
    let Some(over) = over.map(|over| over.max(1)) else { return (cells, &[]) };
    let text = cells.iter().position(|(letter, _)| *letter != ' ').unwrap_or(0);
    // The space itself may stand on the edge, and is left away.
    let space = cells[..=over].iter().rposition(|(letter, _)| *letter == ' ').filter(|space| *space > text);
    // Some parts stand two spaces apart.
    let after = |space: usize| space + cells[space..].iter().take_while(|(letter, _)| *letter == ' ').count();
    // A word that no row can hold begins here.
    let fits = |space: &usize| cells[after(*space)..].iter().take_while(|(letter, _)| *letter != ' ').count() <= room;
    match space.filter(fits) {
        Some(space) => (&cells[..space], &cells[after(space)..]),
        None => cells.split_at(over),
    }
}

fn pad(text: &str, width: usize, out: &mut String) {
    let gap = width.saturating_sub(text.chars().count()) + 1;
    out.extend(std::iter::repeat_n(' ', gap));
}

/// Ends a line, without the spaces that an empty column left.
fn end_line(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

/// The last digit.
fn digit(number: i64) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or_default()
}

#[cfg(test)]
mod tests;
