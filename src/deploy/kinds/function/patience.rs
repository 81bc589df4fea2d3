//! Lambda takes one change of a function at a time, and a fresh role takes its time: waiting for both.

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::types::{LastUpdateStatus, State};

use super::Function;
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::error::{Error, Result};

impl Function {
    /// Repeats a call while Lambda says that another update is in progress.
    pub(super) async fn patiently<T, F>(&self, cloud: &Cloud, call: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Refused>>,
    {
        let mut backoff = Backoff::state();
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(Refused { error, busy }) => {
                    if !busy {
                        return Err(error);
                    }
                    say("waiting for an update that is in progress");
                    if !backoff.sleep().await {
                        return Err(
                            error.hint("another update of this function does not end: look at it in the AWS console")
                        );
                    }
                    self.ready(cloud).await?;
                }
            }
        }
    }

    /// Waits until the function is active and its last update is through.
    pub(super) async fn ready(&self, cloud: &Cloud) -> Result<()> {
        let mut backoff = Backoff::state();
        loop {
            let answer = cloud.lambda.get_function().function_name(&self.name).send().await;
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

/// A refused call, and whether it was refused only because another update is in progress.
pub(super) struct Refused {
    error: Error,
    busy: bool,
}

impl Refused {
    pub(super) fn new<E, R, W: Into<String>>(what: impl FnOnce() -> W) -> impl FnOnce(SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        move |error| {
            let role = role_not_ready(&error);
            let busy = role || is_code(&error, &["ResourceConflictException"]);
            Self { error: explain(what())(error), busy }
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, busy: false }
    }
}

/// A role that IAM has not made known everywhere yet. There are several wordings ("cannot be assumed
/// by Lambda", `KMSAccessDenied` texts); all name the role.
pub(super) fn role_not_ready<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    code(error) == Some("InvalidParameterValueException")
        && error
            .as_service_error()
            .and_then(|error| error.message())
            .is_some_and(|text| text.to_lowercase().contains("role"))
}
