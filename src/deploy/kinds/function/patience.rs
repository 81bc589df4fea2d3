//! Lambda takes one change of a function at a time, and a fresh role takes its time: waiting for both.

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::types::{LastUpdateStatus, State};

use super::Function;
use super::layers::{TOO_LARGE, too_large};
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::error::{Error, Result};

impl Function {
    /// Repeats a call while Lambda says that another update is in progress.
    pub(super) async fn patiently<T, F>(&self, cloud: &Cloud, call: impl Fn() -> F) -> Result<T, Refused>
    where
        F: Future<Output = Result<T, Refused>>,
    {
        let mut backoff = Backoff::state();
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(refused @ Refused { reason: None, .. }) => return Err(refused),
                Err(Refused { error, reason: Some(reason), .. }) => {
                    say(match reason {
                        Reason::Busy => "waiting for an update that is in progress",
                        Reason::Role => "waiting until the new role can be used",
                    });
                    if !backoff.sleep().await {
                        let hint = "this did not end within 5 minutes: look at the function in the AWS console";
                        return Err(error.hint(hint).into());
                    }
                    if reason == Reason::Busy {
                        self.ready(cloud, None).await?;
                    }
                }
            }
        }
    }

    /// Waits until the function is active and its last update is through; of a published version,
    /// until that version can serve. (`$LATEST` being ready says nothing about it.)
    pub(super) async fn ready(&self, cloud: &Cloud, version: Option<&String>) -> Result<()> {
        let mut backoff = Backoff::state();
        loop {
            cloud.pace.get_function().await;
            let answer =
                cloud.lambda.get_function().function_name(&self.name).set_qualifier(version.cloned()).send().await;
            let answer = answer.map_err(explain(format!("look at the function `{}`", self.name)))?;
            let Some(config) = answer.configuration() else { return Ok(()) };
            if config.state() == Some(&State::Failed) {
                return Err(self.broken("is in the state `Failed`", config.state_reason()));
            }
            if config.last_update_status() == Some(&LastUpdateStatus::Failed) {
                return Err(self.broken("could not be updated", config.last_update_status_reason()));
            }
            let pending = config.state() == Some(&State::Pending);
            if !pending && config.last_update_status() != Some(&LastUpdateStatus::InProgress) {
                return Ok(());
            }
            say(if pending { "waiting until it is active" } else { "waiting until the update is through" });
            if !backoff.sleep().await {
                return Err(self
                    .broken("did not get ready within 5 minutes", config.state_reason())
                    .hint("run rzap again, it continues here"));
            }
        }
    }

    fn broken(&self, what: &str, reason: Option<&str>) -> Error {
        let mut error = Error::failed(format!("the function `{}` {what}", self.name));
        error.causes.extend(reason.filter(|reason| !reason.is_empty()).map(str::to_owned));
        error
    }
}

/// Why a call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Another update is in progress.
    Busy,
    /// IAM has not made the role known everywhere.
    Role,
}

/// A refused call, and whether to try it again.
pub(super) struct Refused {
    pub(super) error: Error,
    /// Code and layers together are too large.
    pub(super) too_large: bool,
    reason: Option<Reason>,
}

impl Refused {
    pub(super) fn new<E, R, W: Into<String>>(what: impl FnOnce() -> W) -> impl FnOnce(SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        move |error| {
            let reason = if role_not_ready(&error) {
                Some(Reason::Role)
            } else {
                is_code(&error, &["ResourceConflictException"]).then_some(Reason::Busy)
            };
            let too_large = too_large(&error);
            let error = explain(what())(error);
            Self { error: if too_large { error.hint(TOO_LARGE) } else { error }, too_large, reason }
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, too_large: false, reason: None }
    }
}

/// A role that IAM has not made known everywhere yet. There are several wordings; besides "cannot be
/// assumed by Lambda" there is one about the key of the environment variables, whose grant names the
/// role: "… the KMS key is invalid for `CreateGrant` … ARN does not refer to a valid principal".
pub(super) fn role_not_ready<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let text = error.as_service_error().and_then(|error| error.message()).unwrap_or_default().to_lowercase();
    let wordings = ["role", "invalid for creategrant", "not refer to a valid principal"];
    // A layer or an image that is not there is named, and its name may have the word in it.
    let names_a_thing = text.starts_with("layer version ") || text.starts_with("source image ");
    code(error) == Some("InvalidParameterValueException")
        && !names_a_thing
        && wordings.iter().any(|wording| text.contains(wording))
}
