//! What is in a parameter or a secret, and what should be: compared without being shown or stored.
//!
//! A value of the config leaves a note beside it when a deploy writes it: 16 bits of a hash, as a release keeps
//! of everything ([`crate::deploy::marks`]). The note says that the current value came from the config (then it
//! is read and compared exactly) or that somebody set it since (then nobody reads it). Whoever may not read
//! values compares the 16 bits: nobody can read a password out of them, and of 65,536 changes one goes unseen.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::config::resources::{Given, Hidden};
use crate::error::Error;

/// Of a resource as it should be, or as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Should be: whatever there is. Is: nothing.
    None,
    /// This value. As it is: one that a deploy wrote.
    Is(Hidden),
    /// Should be: something, and if there is nothing, so many characters that nobody knows.
    Any(u32),
    /// Is: one that a deploy wrote with this note, and that we may not read.
    Noted(String),
    /// Is: one that the config does not know.
    Apart,
}

impl Content {
    pub(super) fn wanted(given: &Given) -> Self {
        match (&given.value, given.generate) {
            (Some(value), _) if !value.reveal().is_empty() => Self::Is(value.clone()),
            (_, Some(length)) => Self::Any(length),
            _ => Self::None,
        }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The value to write where there is none.
    pub(super) fn fresh(&self) -> Option<Hidden> {
        match self {
            Self::Is(value) => Some(value.clone()),
            Self::Any(length) => Some(made_up(*length)),
            _ => None,
        }
    }

    /// The note beside a value of the config.
    pub(super) fn note(&self, name: &str) -> Option<String> {
        match self {
            Self::Is(value) => Some(note(name, value)),
            _ => None,
        }
    }

    /// What is managed of it, as a word that says nothing: of what should be, or of what is where this should be.
    pub(super) fn word(&self, name: &str, wanted: &Self) -> Option<String> {
        match (wanted, self) {
            (Self::None, _) | (_, Self::None) => None,
            // One made up, one set since: either will do.
            (Self::Any(_), _) => Some("any".to_owned()),
            // The notes of two values may be the same.
            (Self::Is(wanted), Self::Is(live)) if wanted != live && note(name, wanted) == note(name, live) => {
                Some("another".to_owned())
            }
            (_, Self::Is(value)) => Some(note(name, value)),
            (_, Self::Noted(note)) => Some(note.clone()),
            (_, Self::Any(_) | Self::Apart) => Some("set apart from the config".to_owned()),
        }
    }
}

/// Four hexadecimal digits.
fn note(name: &str, value: &Hidden) -> String {
    let hash = Sha256::digest(format!("{name}={}", value.reveal()));
    hex::encode(&hash[..2])
}

/// The error of a call that writes a value: AWS quotes what it does not accept.
pub(super) fn without(value: &Hidden, mut error: Error) -> Error {
    for cause in &mut error.causes {
        *cause = cause.replace(value.reveal(), "(hidden)");
    }
    error
}

/// Letters and digits, each as likely as any other.
pub(crate) fn made_up(length: u32) -> Hidden {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let length = usize::try_from(length).unwrap_or_default();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // Three of them are 366 random bits, of which a hash makes 256.
        let random = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
        for byte in Sha256::digest(random) {
            // 248 = 4 · 62: what is above would make some letters likelier.
            if text.len() < length && byte < 248 {
                text.push(char::from(LETTERS[usize::from(byte % 62)]));
            }
        }
    }
    Hidden::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(value: &str) -> Content {
        Content::Is(Hidden::new(value))
    }

    /// Whether what is there has to change.
    fn differs(wanted: &Content, live: &Content) -> bool {
        live.word("n", wanted) != wanted.word("n", wanted)
    }

    #[test]
    fn a_value_is_written_when_it_is_another_and_never_over_one_that_was_set_apart() {
        let noted = |value: &str| Content::Noted(note("n", &Hidden::new(value)));
        assert!(!differs(&is("a"), &is("a")) && !differs(&is("a"), &noted("a")));
        for live in [is("b"), noted("b"), Content::Apart, Content::None] {
            assert!(differs(&is("a"), &live), "{live:?}");
        }
        for live in [is("b"), noted("b"), Content::Apart] {
            assert!(!differs(&Content::None, &live) && !differs(&Content::Any(32), &live), "{live:?}");
        }
        assert!(differs(&Content::Any(32), &Content::None) && !differs(&Content::None, &Content::None));
    }

    #[test]
    fn values_with_the_same_note_are_still_two() {
        let first = Hidden::new("0");
        let other = (1..5_000_000)
            .map(|number: u32| Hidden::new(number.to_string()))
            .find(|it| note("n", it) == note("n", &first));
        assert!(differs(&Content::Is(first), &Content::Is(other.expect("one in 65,536"))));
    }

    #[test]
    fn nothing_about_a_value_shows() {
        let shown = format!("{:?} {:?}", is("hunter2"), is("hunter2").word("n", &is("hunter2")));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn an_error_does_not_quote_the_value() {
        let mut error = Error::failed("failed to write it");
        error.causes.push("ValidationException: Value 'hunter2' at 'value' failed to satisfy".to_owned());
        let said = without(&Hidden::new("hunter2"), error).to_string();
        assert!(said.contains("Value '(hidden)' at") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn what_is_made_up_is_as_long_as_asked_and_never_the_same() {
        let (one, other) = (made_up(100), made_up(100));
        assert!(one != other && one.reveal().len() == 100);
        assert!(one.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
