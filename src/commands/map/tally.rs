//! What became of the items so far, counted: how many failed, and of what.

use serde::Serialize;

/// Kinds of errors that are counted apart.
const KINDS: usize = 50;
/// Kinds that people are shown.
const SHOWN: usize = 5;

/// See the head of this file.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// Calls that were answered, well or not.
    pub(super) calls: u64,
    /// Calls that were made again after a failure.
    pub(super) retries: u64,
    /// Calls that were refused because there were too many.
    pub(super) throttles: u64,
    errors: Vec<Errors>,
}

/// Failures of one kind.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Errors {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of the first one.
    pub(super) message: String,
    /// Items.
    pub(super) count: u64,
    /// The first item.
    pub(super) index: u64,
}

impl Tally {
    pub(super) fn succeeded(&mut self, count: u64) {
        self.succeeded += count;
    }

    pub(super) fn failed(&mut self, index: u64, count: u64, kind: &str, message: &str) {
        self.failed += count;
        let kind = if self.errors.len() >= KINDS { "other" } else { kind };
        match self.errors.iter_mut().find(|errors| errors.kind == kind) {
            Some(errors) if index < errors.index => {
                *errors =
                    Errors { kind: kind.to_owned(), message: message.to_owned(), count: errors.count + count, index };
            }
            Some(errors) => errors.count += count,
            None => self.errors.push(Errors { kind: kind.to_owned(), message: message.to_owned(), count, index }),
        }
    }

    /// Items that are done, well or not.
    pub(super) fn done(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// The most frequent first.
    pub(super) fn errors(&self) -> Vec<Errors> {
        let mut errors = self.errors.clone();
        errors.sort_by_key(|errors| (std::cmp::Reverse(errors.count), errors.index));
        errors
    }

    /// Those worth showing, and how many kinds there are besides.
    pub(super) fn shown(&self) -> (Vec<Errors>, usize) {
        let mut errors = self.errors();
        let more = errors.len().saturating_sub(SHOWN);
        errors.truncate(SHOWN);
        (errors, more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_kind_with_the_first_of_each() {
        let mut tally = Tally::default();
        tally.failed(9, 1, "ValueError", "nine");
        tally.failed(4, 2, "ValueError", "four");
        tally.failed(1, 1, "KeyError", "one");
        tally.succeeded(6);
        let errors = tally.errors();
        assert_eq!((errors[0].kind.as_str(), errors[0].message.as_str(), errors[0].count), ("ValueError", "four", 3));
        assert_eq!((errors[0].index, errors.len(), tally.done()), (4, 2, 10));
    }

    #[test]
    fn there_is_an_end_to_the_kinds() {
        let mut tally = Tally::default();
        for index in 0..1_000 {
            tally.failed(index, 1, &format!("E{index}"), "m");
        }
        assert_eq!(tally.errors().len(), KINDS + 1);
        assert_eq!((tally.shown().0.len(), tally.shown().1), (SHOWN, KINDS + 1 - SHOWN));
    }
}
