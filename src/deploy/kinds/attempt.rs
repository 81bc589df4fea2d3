//! Making something that may be there already, and that AWS may refuse until something else has become known.

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};

use crate::aws::{Backoff, code, explain, say};
use crate::error::{Error, Result};

/// Whether a call made what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Now,
    Before,
}

/// A refused call, and what to wait for before it is tried again.
pub(super) struct Refused {
    error: Error,
    wait: Option<&'static str>,
}

impl Refused {
    /// `worth_waiting` says of a code and its text what the call may be waiting for without knowing; `None` when
    /// another try would end the same.
    pub(super) fn new<E, R>(
        what: String,
        error: SdkError<E, R>,
        worth_waiting: impl Fn(&str, &str) -> Option<&'static str>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let text = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
        let wait = code(&error).and_then(|code| worth_waiting(code, text));
        Self { error: explain(what)(error), wait }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, wait: None }
    }
}

/// Repeats a call for as long as waiting may help, 90 s at the most.
///
/// # Errors
/// The refusal that waiting does not help, or did not.
pub(super) async fn patiently<T>(backoff: &mut Backoff, call: impl AsyncFn() -> Result<T, Refused>) -> Result<T> {
    loop {
        match call().await {
            Ok(made) => return Ok(made),
            Err(Refused { error, wait: None }) => return Err(error),
            Err(Refused { error, wait: Some(what) }) => {
                say(what);
                if !backoff.sleep().await {
                    return Err(error.hint("this did not end within 90 seconds: run rzap again, it continues here"));
                }
            }
        }
    }
}
