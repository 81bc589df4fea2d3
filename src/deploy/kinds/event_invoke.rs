//! What Lambda does with asynchronous calls of a function's alias `live`: retries, their age, where records go.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html>. It hangs on the alias: a
//! call of another qualifier has Lambda's defaults.

use aws_sdk_lambda::operation::get_function_event_invoke_config::GetFunctionEventInvokeConfigOutput;
use aws_sdk_lambda::types::{DestinationConfig, OnFailure, OnSuccess};
use serde::Serialize;

use super::Kind;
use super::attempt::{Made, Refused, patiently};
use super::function::on_functions;
use crate::aws::{Backoff, Cloud, code, explain, is_code};
use crate::deploy::names::ALIAS;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::Result;

/// What counts when nobody says anything.
const RETRIES: i32 = 2;
/// Seconds.
const AGE: i32 = 21_600;

/// The settings of one function's asynchronous calls.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EventInvoke {
    /// The function's name on AWS.
    #[serde(skip)]
    pub(crate) function: String,
    pub(crate) retries: i32,
    /// Seconds.
    pub(crate) max_event_age: i32,
    /// An ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_success: Option<String>,
    /// An ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<String>,
    /// The destinations that are the stage's own.
    #[serde(skip)]
    destinations: Vec<Key>,
}

impl EventInvoke {
    /// As it should be. What is not said is as Lambda has it without any settings.
    pub(crate) fn wanted(
        function: String,
        (retries, max_event_age): (Option<u32>, Option<u32>),
        (on_success, on_failure): (Option<String>, Option<String>),
        destinations: Vec<Key>,
    ) -> Self {
        let number = |value: Option<u32>, or: i32| value.and_then(|value| i32::try_from(value).ok()).unwrap_or(or);
        let (retries, max_event_age) = (number(retries, RETRIES), number(max_event_age, AGE));
        Self { function, retries, max_event_age, on_success, on_failure, destinations }
    }

    fn found(function: &str, live: &GetFunctionEventInvokeConfigOutput) -> Self {
        let config = live.destination_config();
        let some = |arn: Option<&str>| arn.filter(|arn| !arn.is_empty()).map(str::to_owned);
        Self {
            function: function.to_owned(),
            retries: live.maximum_retry_attempts().unwrap_or(RETRIES),
            max_event_age: live.maximum_event_age_in_seconds().unwrap_or(AGE),
            on_success: some(config.and_then(|it| it.on_success()).and_then(OnSuccess::destination)),
            on_failure: some(config.and_then(|it| it.on_failure()).and_then(|it| it.destination())),
            destinations: Vec::new(),
        }
    }

    async fn find(cloud: &Cloud, function: &str) -> Result<Option<Self>> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.get_function_event_invoke_config().function_name(function).qualifier(ALIAS);
        match call.send().await {
            Ok(answer) => Ok(Some(Self::found(function, &answer))),
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(explain(format!("look at the asynchronous calls of the function `{function}`"))(error)),
        }
    }

    fn destination_config(&self) -> DestinationConfig {
        let failure = self.on_failure.as_ref().map(|arn| OnFailure::builder().destination(arn).build());
        let success = self.on_success.as_ref().map(|arn| OnSuccess::builder().destination(arn).build());
        DestinationConfig::builder().set_on_success(success).set_on_failure(failure).build()
    }

    async fn put(&self, cloud: &Cloud) -> Result<Made, Refused> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.put_function_event_invoke_config().function_name(&self.function).qualifier(ALIAS);
        let call = call.maximum_retry_attempts(self.retries).maximum_event_age_in_seconds(self.max_event_age);
        let sent = call.destination_config(self.destination_config()).send().await;
        let what = format!("set the asynchronous calls of the function `{}`", self.function);
        sent.map(|_| Made::Now).map_err(|error| Refused::new(what, error, worth_waiting))
    }
}

/// What a refused call may be waiting for without knowing.
fn worth_waiting(code: &str, text: &str) -> Option<&'static str> {
    match code {
        // "The function's execution role does not have permissions to call SendMessage on arn:…": also the answer
        // for a policy that was written a moment ago.
        "InvalidParameterValueException" if text.contains("role") => {
            Some("waiting until the function's role may send there")
        }
        "ResourceConflictException" => Some("waiting for a change of the function that is in progress"),
        // An alias or a destination that was made a moment ago.
        "ResourceNotFoundException" => Some("waiting until the alias is known everywhere"),
        _ => None,
    }
}

impl Resource for EventInvoke {
    fn key(&self) -> Key {
        Key::new(Kind::EventInvoke, &self.function)
    }

    fn after(&self) -> Vec<Key> {
        [Key::new(Kind::Function, &self.function)].into_iter().chain(self.destinations.iter().cloned()).collect()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:lambda:{region}:{account}:function:{names}"];
        const ACTIONS: &[&str] = &[
            "lambda:GetFunctionEventInvokeConfig",
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:DeleteFunctionEventInvokeConfig",
        ];
        vec![Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let look = async |function: &str| Self::find(cloud, function).await;
        Ok(Found::ours(on_functions(cloud, owner, look).await?))
    }

    /// It goes with the function; then Lambda's own values count.
    fn without(self, replaced: &Key) -> Self {
        if Key::new(Kind::Function, &self.function) != *replaced {
            return self;
        }
        Self { retries: RETRIES, max_event_age: AGE, on_success: None, on_failure: None, ..self }
    }

    async fn converge(&self, cloud: &Cloud, _live: Option<&Self>) -> Result<()> {
        // It replaces all of what was there.
        patiently(&mut Backoff::propagation(), async || self.put(cloud).await).await.map(drop)
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.delete_function_event_invoke_config().function_name(&self.function).qualifier(ALIAS);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["ResourceNotFoundException"]) => Ok(()),
            Err(error) => Err(explain(format!("delete the {}", self.key()))(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_takes_time_is_waited_for() {
        let role = "The function's execution role does not have permissions to call SendMessage on arn:aws:sqs:r:1:q";
        assert!(worth_waiting("InvalidParameterValueException", role).is_some());
        assert!(worth_waiting("ResourceConflictException", "").is_some());
        assert_eq!(worth_waiting("InvalidParameterValueException", "The destination ARN arn:x is invalid."), None);
    }
}
