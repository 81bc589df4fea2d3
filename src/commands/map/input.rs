//! The input of `rzap map`: JSON values, one per line, read as they are needed and known by a running hash.
//!
//! A line is checked when it is read: whatever comes out of here is JSON. The hash goes from line to line, so that the
//! next run can tell whether the part that is done is still the same. It holds no more than one line.

use std::io::{BufRead, Read as _};

use serde::de::IgnoredAny;

use crate::error::{Error, OrFailed as _, Result};

/// 6 MB for a call that is waited for, <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
pub(super) const MOST: usize = 6 * 1024 * 1024;

/// The hash of all items up to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark(pub(super) [u8; 16]);

impl Mark {
    /// After one more item: `length` in all, of which this is the start.
    fn after(self, start: &[u8], length: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(&length.to_le_bytes()).update(start);
        let mut mark = [0; 16];
        hasher.finalize_xof().fill(&mut mark);
        Self(mark)
    }
}

/// How far the input was read, and how it was known then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// Items before it.
    pub(super) items: u64,
    pub(super) mark: Mark,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Json(Vec<u8>),
    /// Longer than Lambda takes; so many bytes.
    TooLarge(u64),
}

/// Items one after another.
#[derive(Debug)]
pub(super) struct Items<R> {
    source: R,
    /// `items.jsonl`, `stdin`
    name: String,
    line: u64,
    /// Behind the last item.
    pub(super) point: Point,
    /// What must be found on the way, when an earlier run was here.
    expected: Option<Point>,
}

impl<R: BufRead> Items<R> {
    pub(super) fn new(source: R, name: &str, expected: Option<Point>) -> Self {
        let point = Point { items: 0, mark: Mark::default() };
        Self { source, name: name.to_owned(), line: 0, point, expected: expected.filter(|it| it.items > 0) }
    }

    /// The next item; `None` at the end. Blank lines are none.
    ///
    /// # Errors
    /// `Usage` for a line that is no JSON, and for an input that is not the one the earlier run has read.
    pub(super) fn next(&mut self) -> Result<Option<Item>> {
        loop {
            let Some((text, length)) = self.line()? else {
                return match self.expected {
                    Some(expected) => Err(self.changed(expected)),
                    None => Ok(None),
                };
            };
            let text_only = text.trim_ascii();
            if text_only.is_empty() && length == text.len() as u64 {
                continue;
            }
            let item = if length > text.len() as u64 {
                Item::TooLarge(length)
            } else if let Err(error) = serde_json::from_slice::<IgnoredAny>(text_only) {
                return Err(self.no_json(&error));
            } else {
                Item::Json(text_only.to_vec())
            };
            self.point = Point { items: self.point.items + 1, mark: self.point.mark.after(text_only, length) };
            if let Some(expected) = self.expected.filter(|expected| expected.items == self.point.items) {
                if expected.mark != self.point.mark {
                    return Err(self.changed(expected));
                }
                self.expected = None;
            }
            return Ok(Some(item));
        }
    }

    /// Whether reading on may mean waiting for whoever writes.
    pub(super) fn may_wait(&self) -> bool
    where
        R: Buffered,
    {
        self.source.is_empty()
    }

    /// A line's start, and how long it is in all, without its end.
    fn line(&mut self) -> Result<Option<(Vec<u8>, u64)>> {
        let name = &self.name;
        let what = || format!("read {name}");
        let mut text = Vec::new();
        let most = MOST as u64 + 2;
        (&mut self.source).take(most).read_until(b'\n', &mut text).or_failed(what)?;
        if text.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let mut length = text.len() as u64;
        if text.last() == Some(&b'\n') {
            text.pop();
            length -= 1;
        } else if length == most {
            // Nobody holds it, but its length is known.
            length += rest(&mut self.source).or_failed(what)?;
        }
        text.truncate(MOST);
        Ok(Some((text, length)))
    }

    fn no_json(&self, error: &serde_json::Error) -> Error {
        // serde_json counts lines, too: for it there is only this one.
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        let mut wrong = Error::usage(format!("line {} of {} is not JSON", self.line, self.name));
        wrong.causes.push(format!("{what} at column {}", error.column()));
        wrong.hint("each line is one JSON value; `jq -c '.[]' array.json > items.jsonl` makes such a file of an array")
    }

    fn changed(&self, expected: Point) -> Error {
        let was = format!("the first {} items are not those that the unfinished run has done", expected.items);
        let mut error = Error::usage(format!("{} has changed", self.name));
        error.causes.push(was);
        error
            .hint("what is done must stay as it was; what comes after it may change")
            .hint("`--restart` throws the results away and begins anew")
    }
}

/// Reads to the end of the line and keeps nothing: how many bytes that were, without the end.
fn rest(source: &mut impl BufRead) -> std::io::Result<u64> {
    let mut length = 0;
    loop {
        let held = match source.fill_buf() {
            Ok(held) => held,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = held.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(held.len());
        let is_over = end.is_some() || held.is_empty();
        length += taken as u64;
        source.consume(taken + usize::from(end.is_some()));
        if is_over {
            return Ok(length);
        }
    }
}

/// A reader that knows whether it holds something already.
pub(super) trait Buffered {
    fn is_empty(&self) -> bool;
}

impl<R: std::io::Read> Buffered for std::io::BufReader<R> {
    fn is_empty(&self) -> bool {
        self.buffer().is_empty()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn all(text: &str, expected: Option<Point>) -> Result<(Vec<Item>, Point)> {
        let mut items = Items::new(text.as_bytes(), "items.jsonl", expected);
        let mut found = Vec::new();
        while let Some(item) = items.next()? {
            found.push(item);
        }
        Ok((found, items.point))
    }

    #[test]
    fn items_are_lines_and_blank_ones_are_none() {
        let (items, point) = all("{\"a\": 1}\r\n\n  2 \n\"x\"", None).unwrap();
        let texts = [r#"{"a": 1}"#, "2", r#""x""#];
        assert_eq!(items, texts.map(|text| Item::Json(text.as_bytes().to_vec())));
        assert_eq!(point.items, 3);
        // How the lines end is no difference.
        assert_ne!(point.mark, all("{\"a\": 1}\n2\n\"y\"\n", None).unwrap().1.mark);
    }

    #[test]
    fn a_line_that_is_no_json_is_named() {
        let error = all("1\n\n{\"a\": \n4\n", None).unwrap_err();
        assert_eq!(error.message, "line 3 of items.jsonl is not JSON");
        assert_eq!(error.kind.exit_code(), 2);
    }

    #[test]
    fn what_was_read_before_has_to_be_the_same() {
        let point = all("1\n2\n", None).unwrap().1;
        assert_eq!(all("1\n2\n3\n", Some(point)).unwrap().1.items, 3);
        for changed in ["1\n3\n3\n", "1\n", "", "2\n1\n"] {
            let error = all(changed, Some(point)).unwrap_err();
            assert_eq!(error.message, "items.jsonl has changed", "{changed:?}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_for_lambda_is_an_item_and_not_held() {
        let long = format!("1\n\"{}\"\n2\n", "x".repeat(MOST + 10));
        let (items, _) = all(&long, None).unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!(items[1], Item::TooLarge(MOST as u64 + 12));
        let just = format!("\"{}\"", "x".repeat(MOST - 2));
        assert!(matches!(&all(&just, None).unwrap().0[..], [Item::Json(text)] if text.len() == MOST));
    }
}
