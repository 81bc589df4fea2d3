//! What to say when a call was refused, and when the function failed.

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use serde_json::Value;

use super::Target;
use crate::aws::{code, explain};
use crate::error::Error;
use crate::observe;

/// The call did not reach the function.
pub(super) fn refused<E, R>(target: &Target<'_>, error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let stage = &target.stage.stage;
    let (missing, large) = match code(&error) {
        Some("ResourceNotFoundException") => (true, false),
        Some("RequestEntityTooLargeException" | "RequestTooLargeException") => (false, true),
        _ => (false, false),
    };
    let error = explain(format!("call `{}` of stage `{stage}`", target.function))(error);
    match () {
        () if missing => {
            error.hint(format!("is it deployed? `rzap status {stage}` shows it, `rzap deploy {stage}` deploys it"))
        }
        () if large => error.hint("put what is large into S3, and its key into the event"),
        () => error,
    }
}

/// The function failed. `payload` is its error document, which is on stdout already where that is wanted.
pub(super) fn failed(target: &Target<'_>, kind: &str, payload: &[u8]) -> Error {
    let (function, stage) = (&target.function, &target.stage.stage);
    let detail: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
    let mut error = Error::failed(format!("the function `{function}` failed ({kind})"));
    let (name, text) = (detail["errorType"].as_str(), detail["errorMessage"].as_str());
    error.causes.extend(match (name, text) {
        (Some(name), Some(text)) => Some(format!("{name}: {text}")),
        (one, other) => one.or(other).map(str::to_owned),
    });
    if let Some(hint) = hint(payload) {
        error = error.hint(hint);
    }
    error.hint(format!("`--logs` shows the end of its log, `rzap tail {stage} {function}` all of it"))
}

/// What to do, where the error document says it.
pub(super) fn hint(payload: &[u8]) -> Option<String> {
    let detail: Value = serde_json::from_slice(payload).ok()?;
    let text = detail["errorMessage"].as_str()?;
    // <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>: 6 MB, and 200 MB for a stream.
    if detail["errorType"] == "Function.ResponseSizeTooLarge" || text.starts_with("Response payload size exceeded") {
        return Some("put what is large into S3 and answer with its key, or stream the answer (`--stream`)".to_owned());
    }
    observe::hint(text)
}
