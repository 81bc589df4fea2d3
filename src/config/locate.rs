//! Where in the file something is, and the list of everything that is wrong with it.
//!
//! Owns spans (always bytes of the text as read, without a byte order mark) and the collection of
//! problems. Knows nothing of YAML and decides nothing about what is right.

use std::ops::Range;
use std::path::PathBuf;

use crate::error::{Error, Snippet};

/// Bytes of the text of `rzap.yaml`.
pub(super) type Span = Range<usize>;

/// The name of the one file there is.
pub(super) const FILE: &str = "rzap.yaml";

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) span: Span,
    /// A sentence fragment: "unknown key `memroy`".
    pub(super) title: String,
    /// A few words under the caret: "did you mean `memory`?".
    pub(super) label: String,
    /// About the files next to `rzap.yaml` (a module that is not there) and not about its text.
    pub(super) on_disk: bool,
}

/// Everything found so far. Looking at one place twice (for two stages, say) reports it once.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a problem, unless the same was already said about the same place.
    pub(super) fn add(&mut self, span: &Span, title: impl Into<String>, label: impl Into<String>) {
        self.push(Problem { span: span.clone(), title: title.into(), label: label.into(), on_disk: false });
    }

    /// Adds a problem with the files around the config.
    pub(super) fn add_on_disk(&mut self, span: &Span, title: impl Into<String>, label: impl Into<String>) {
        self.push(Problem { span: span.clone(), title: title.into(), label: label.into(), on_disk: true });
    }

    fn push(&mut self, problem: Problem) {
        if !self.0.iter().any(|known| known.span == problem.span && known.title == problem.title) {
            self.0.push(problem);
        }
    }

    /// Forgets the problems with files, if there are no others.
    pub(super) fn forgive_disk(&mut self) {
        if self.0.iter().all(|problem| problem.on_disk) {
            self.0.clear();
        }
    }

    /// Takes over all of `others`.
    pub(super) fn extend(&mut self, others: Self) {
        others.0.into_iter().for_each(|problem| self.push(problem));
    }

    /// `Ok` when nothing is wrong, else one error with a snippet per problem, in file order.
    pub(super) fn into_result(mut self, source: &str) -> crate::error::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|problem| (problem.span.start, problem.span.end));
        let message = match self.0.len() {
            1 => format!("`{FILE}` has an error"),
            many => format!("`{FILE}` has {many} errors"),
        };
        Err(self.0.into_iter().fold(Error::usage(message), |error, problem| {
            error.at(Snippet {
                path: PathBuf::from(FILE),
                source: source.to_owned(),
                span: problem.span,
                title: problem.title,
                label: problem.label,
            })
        }))
    }
}

/// The byte range of `chars` characters from character `start` on. What lies behind the end of the
/// text becomes its end, so the result can always be sliced.
pub(super) fn chars_to_bytes(text: &str, start: usize, chars: usize) -> Span {
    let byte = |nth: usize| text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at);
    byte(start)..byte(start.saturating_add(chars))
}

/// `span` without white space at its end: a block scalar's span includes its last line break.
pub(super) fn without_trailing_space(text: &str, span: Span) -> Span {
    let kept = text.get(span.clone()).map_or(0, |part| part.trim_end().len());
    span.start..span.start + kept
}

/// The line a byte is on, counted from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes().iter().take(byte).filter(|&&each| each == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_become_bytes_also_behind_wide_ones_and_at_the_end() {
        assert_eq!(chars_to_bytes("é\r\nx", 3, 1), 4..5);
        assert_eq!(chars_to_bytes("é", 0, 1), 0..2);
        assert_eq!(chars_to_bytes("é", 1, 1), 2..2);
        assert_eq!(chars_to_bytes("é", 9, 9), 2..2);
    }

    #[test]
    fn the_same_problem_at_the_same_place_is_said_once_and_file_order_rules() {
        let mut problems = Problems::default();
        problems.add(&(4..5), "late", "");
        problems.add(&(0..1), "early", "");
        problems.add(&(4..5), "late", "");
        let error = problems.into_result("a: 1\nb").expect_err("two problems");
        assert_eq!(error.message, "`rzap.yaml` has 2 errors");
        let titles: Vec<_> = error.snippets.iter().map(|snippet| snippet.title.as_str()).collect();
        assert_eq!(titles, ["early", "late"]);
    }
}
