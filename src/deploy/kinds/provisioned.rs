//! Provisioned concurrency of a function's alias `live`: so many processes are ready before anybody calls.
//!
//! It is the alias's. When that moves to another version, Lambda gives up the processes of the old one and starts
//! those of the new one; until they are there, the alias leads to both. "You can add a routing configuration to an
//! alias that has provisioned concurrency … however, you can't manage provisioned concurrency settings on the alias
//! while the routing configuration is in place":
//! <https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html>. So it is set before traffic moves,
//! and waited for once more when it has.

use std::time::Duration;

use aws_sdk_lambda::types::ProvisionedConcurrencyStatusEnum as Status;
use serde::Serialize;

use super::Kind;
use super::attempt::{Made, Refused, patiently};
use super::function::on_functions;
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::deploy::names::ALIAS;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// "Provisioned concurrency can take several minutes to become active."
const PATIENCE: Duration = Duration::from_mins(15);

/// How many processes of one function wait for calls.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Provisioned {
    /// The function's name on AWS.
    #[serde(skip)]
    pub(crate) function: String,
    /// Processes.
    pub(crate) executions: i32,
    /// Lambda has not given up on it.
    pub(crate) allocated: bool,
}

impl Provisioned {
    /// As it should be.
    pub(crate) fn wanted(function: String, executions: u32) -> Self {
        Self { function, executions: i32::try_from(executions).unwrap_or(i32::MAX), allocated: true }
    }

    async fn find(cloud: &Cloud, function: &str) -> Result<Option<Self>> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.get_provisioned_concurrency_config().function_name(function).qualifier(ALIAS);
        match call.send().await {
            Ok(answer) => Ok(Some(Self {
                function: function.to_owned(),
                executions: answer.requested_provisioned_concurrent_executions().unwrap_or_default(),
                allocated: answer.status() != Some(&Status::Failed),
            })),
            Err(error) if is_gone(code(&error)) => Ok(None),
            Err(error) => Err(explain(format!("look at the provisioned concurrency of `{function}`"))(error)),
        }
    }

    async fn put(&self, cloud: &Cloud) -> Result<Made, Refused> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.put_provisioned_concurrency_config().function_name(&self.function).qualifier(ALIAS);
        let sent = call.provisioned_concurrent_executions(self.executions).send().await;
        let what = format!("provision {} processes of the function `{}`", self.executions, self.function);
        sent.map(|_| Made::Now).map_err(|error| Refused::new(what, error, worth_waiting))
    }

    /// Waits until all processes are ready.
    ///
    /// # Errors
    /// Lambda has given up, and says why; or it takes too long.
    pub(crate) async fn ready(&self, cloud: &Cloud) -> Result<()> {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(3), PATIENCE);
        loop {
            cloud.pace.lambda().await;
            let call = cloud.lambda.get_provisioned_concurrency_config().function_name(&self.function);
            let answer = call.qualifier(ALIAS).send().await;
            let what = || format!("look at the provisioned concurrency of `{}`", self.function);
            let answer = answer.map_err(|error| explain(what())(error))?;
            let there = answer.available_provisioned_concurrent_executions().unwrap_or_default();
            match answer.status() {
                Some(Status::Failed) => return Err(self.failed(answer.status_reason())),
                Some(Status::InProgress) => say(&format!("{there} of {} processes are ready", self.executions)),
                _ => return Ok(()),
            }
            if !backoff.sleep().await {
                let text = format!("{there} of {} processes of `{}` were ready", self.executions, self.function);
                return Err(Error::failed(format!("{text} after 15 minutes"))
                    .hint("Lambda goes on by itself; run rzap again to wait for it"));
            }
        }
    }

    fn failed(&self, reason: Option<&str>) -> Error {
        let mut error =
            Error::failed(format!("the processes of the function `{}` could not be provisioned", self.function));
        error.causes.extend(reason.filter(|reason| !reason.is_empty()).map(str::to_owned));
        error.hint("does it start at all? its log has what happened before the first call")
    }
}

/// It has two names, depending on what is missing.
fn is_gone(code: Option<&str>) -> bool {
    matches!(code, Some("ResourceNotFoundException" | "ProvisionedConcurrencyConfigNotFoundException"))
}

/// What a refused call may be waiting for without knowing.
fn worth_waiting(code: &str, text: &str) -> Option<&'static str> {
    match code {
        // "Alias with weights can not be used with Provisioned Concurrency": Lambda itself gives it weights while it
        // moves the processes to another version.
        "InvalidParameterValueException" if text.contains("weights") => {
            Some("waiting until the alias leads to one version")
        }
        "ResourceConflictException" => Some("waiting for a change of the function that is in progress"),
        "ResourceNotFoundException" => Some("waiting until the alias is known everywhere"),
        _ => None,
    }
}

impl Resource for Provisioned {
    fn key(&self) -> Key {
        Key::new(Kind::Provisioned, &self.function)
    }

    fn after(&self) -> Vec<Key> {
        vec![Key::new(Kind::Function, &self.function)]
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:lambda:{region}:{account}:function:{names}"];
        const ACTIONS: &[&str] = &[
            "lambda:GetProvisionedConcurrencyConfig",
            "lambda:PutProvisionedConcurrencyConfig",
            "lambda:DeleteProvisionedConcurrencyConfig",
        ];
        vec![Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let look = async |function: &str| Self::find(cloud, function).await;
        Ok(Found::ours(on_functions(cloud, owner, look).await?))
    }

    /// It goes with the function.
    fn without(mut self, replaced: &Key) -> Self {
        if self.after().contains(replaced) {
            self.executions = 0;
        }
        self
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        patiently(&mut Backoff::propagation(), async || self.put(cloud).await).await?;
        // Where the version that serves now does not start, the one to come may be what helps: `turn` waits for it.
        if live.is_some_and(|live| !live.allocated) { Ok(()) } else { self.ready(cloud).await }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.delete_provisioned_concurrency_config().function_name(&self.function).qualifier(ALIAS);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if is_code(&error, &["ResourceNotFoundException", "ProvisionedConcurrencyConfigNotFoundException"]) =>
            {
                Ok(())
            }
            Err(error) => Err(explain(format!("delete the {}", self.key()))(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_takes_time_is_waited_for() {
        let weights = "Alias with weights can not be used with Provisioned Concurrency";
        assert!(worth_waiting("InvalidParameterValueException", weights).is_some());
        assert_eq!(worth_waiting("InvalidParameterValueException", "should not be greater than the reserved"), None);
        assert!(is_gone(Some("ProvisionedConcurrencyConfigNotFoundException")) && !is_gone(Some("ServiceException")));
    }
}
