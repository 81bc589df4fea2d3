//! What can go wrong, said once: a kind (which decides the exit code), what failed, why, and hints.
//!
//! Every room returns this type, so it imports nothing. It holds data only; `ui` prints it.
//! A message is a lower-case fragment that fits after "failed to …" or stands alone; the chain of
//! causes goes from the outermost to the root; a hint names the command or the line to change and
//! lives where its error is made.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// The result of everything in this crate that can fail.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of an error. It decides the exit code and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The work could not be done (exit 1).
    Failed,
    /// The command line or the config is wrong (exit 2).
    Usage,
    /// `status --check` found a difference (exit 3).
    Pending,
    /// Credentials are missing or expired, or a permission is (exit 4).
    Access,
    /// Somebody pressed Ctrl-C (exit 130).
    Interrupted,
    /// What was run somewhere else ended with this code, which is kept.
    Exit(u8),
}

impl Kind {
    /// The process exit code this kind stands for.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Pending => 3,
            Self::Access => 4,
            Self::Interrupted => 130,
            Self::Exit(code) => code,
        }
    }
}

/// A place in a text file, with what is wrong there. `ui` draws it with the line and a caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snippet {
    /// The file, as the user would name it.
    pub(crate) path: PathBuf,
    /// The file's whole text.
    pub(crate) source: String,
    /// Bytes of `source` to underline.
    pub(crate) span: Range<usize>,
    /// What is wrong, as a sentence fragment: "unknown key `memroy`".
    pub(crate) title: String,
    /// A few words under the caret, may be empty: "did you mean `memory`?".
    pub(crate) label: String,
}

/// An error a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    /// From the outermost cause to the root.
    pub(crate) causes: Vec<String>,
    pub(crate) hints: Vec<String>,
    pub(crate) snippets: Vec<Snippet>,
    /// For programs: what the causes say as text, as data.
    pub(crate) details: Option<Box<serde_json::Value>>,
}

impl Error {
    /// An error of `kind` saying `message`.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            snippets: Vec::new(),
            details: None,
        }
    }

    /// The work could not be done (exit 1).
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The command line or the config is wrong (exit 2).
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Credentials or a permission are missing (exit 4).
    pub(crate) fn access(message: impl Into<String>) -> Self {
        Self::new(Kind::Access, message)
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds an underlying cause, with its own chain of sources.
    #[must_use]
    pub(crate) fn because(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            // Wrappers like to repeat what they wrap; a person needs to read it once.
            if self.causes.last().is_none_or(|last| !last.ends_with(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds a place in a file.
    #[must_use]
    pub(crate) fn at(mut self, snippet: Snippet) -> Self {
        self.snippets.push(snippet);
        self
    }

    /// Puts a wider sentence in front: what was said so far becomes its first cause.
    #[must_use]
    pub(crate) fn context(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// `read(path).or_failed(|| format!("read {}", path.display()))`
pub(crate) trait OrFailed<T> {
    /// Turns any error into one of kind `Failed`: "failed to {message}", the error as its cause.
    fn or_failed<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T>;
}

impl<T, E: std::error::Error + 'static> OrFailed<T> for Result<T, E> {
    fn or_failed<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T> {
        self.map_err(|error| Error::failed(format!("failed to {}", message().into())).because(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_reads_from_the_outside_in_and_repeats_nothing() {
        let io = std::io::Error::other("disk full");
        let error = Error::failed("write the package").because(&io).context("cannot package `web`");
        assert_eq!(error.to_string(), "cannot package `web`: write the package: disk full");
    }

    #[test]
    fn the_kind_decides_the_exit_code() {
        let codes = [Kind::Failed, Kind::Usage, Kind::Pending, Kind::Access, Kind::Interrupted].map(Kind::exit_code);
        assert_eq!(codes, [1, 2, 3, 4, 130]);
    }
}
