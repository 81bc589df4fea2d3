//! Tables and units, the same everywhere.

use std::time::Duration;

use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, presets};

use crate::error::Error;

/// A plain table: no lines, columns two spaces apart, folded to the terminal's width.
#[derive(Debug)]
pub(crate) struct Table {
    inner: comfy_table::Table,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if console::colors_enabled() {
            inner.enforce_styling();
        } else {
            inner.force_no_tty();
        }
        // Without styling it asks no terminal for its width.
        if let Some((_, columns)) = console::Term::stdout().size_checked() {
            inner.set_width(columns);
        }
        inner.set_header(headings.map(|heading| Cell::new(heading).add_attribute(Attribute::Dim)));
        for column in inner.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self { inner }
    }

    /// Hides the last column, for which there is no room.
    #[must_use]
    pub(crate) fn without_last(mut self) -> Self {
        let last = self.inner.column_count().saturating_sub(1);
        if let Some(column) = self.inner.column_mut(last) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
        self
    }

    /// Numbers read better to the right.
    #[must_use]
    pub(crate) fn right(mut self, columns: &[usize]) -> Self {
        for column in columns {
            if let Some(column) = self.inner.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self
    }

    /// One row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.inner.add_row(cells);
    }

    /// The table as text, each line ended, no trailing spaces.
    pub(crate) fn text(&self) -> String {
        self.inner.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// Columns of a line on stdout; where nobody is known to look, a file or a log of CI, as many as a line needs.
pub(crate) fn columns() -> usize {
    console::Term::stdout().size_checked().map_or(200, |(_, columns)| usize::from(columns)).max(60)
}

/// `12,345`
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let (head, tail) = digits.split_at(lead);
    let groups = tail.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = (!head.is_empty()).then(|| head.to_owned());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// A name with its hash cut to what tells it apart: `app/2e87e6f4c027….zip`. For people only.
pub(crate) fn short_name(name: &str) -> String {
    let is_hash = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    match name.rsplit_once('/') {
        Some((folder, file)) if file.split('.').next().is_some_and(is_hash) => {
            format!("{folder}/{}…{}", &file[..12], &file[64..])
        }
        _ => name.to_owned(),
    }
}

/// `0.8 s`, `2 min 5 s`
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

/// `90`, `90s`, `10m`, `2h`, `1d`, `1w` → milliseconds.
pub(crate) fn age(text: &str) -> Result<i64, Error> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" | "sec" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => 0,
    };
    match digits.parse::<i64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(age) if age > 0 => Ok(age),
        _ => Err(Error::usage(format!("`{text}` is no age: write 30s, 10m, 2h or 1d"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_written_as_people_do() {
        assert_eq!(
            [age("90"), age("30s"), age("10m"), age("1d")].map(Result::ok),
            [Some(90_000), Some(30_000), Some(600_000), Some(86_400_000)]
        );
        for wrong in ["", "m", "-5m", "10x", "0s", "99999999999999999999d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn units_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 12_345, 1_234_567].map(count), ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(
            short_name(&format!("app/{}.zip", "2e87e6f4c027".repeat(6).get(..64).unwrap_or_default())),
            "app/2e87e6f4c027….zip"
        );
        assert_eq!(short_name("/aws/lambda/app-dev-web"), "/aws/lambda/app-dev-web");
        assert_eq!(duration(Duration::from_millis(840)), "0.8 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    }
}
