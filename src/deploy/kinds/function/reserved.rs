//! A function's reserved concurrency: of the function as a whole, and at once.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>. `GetFunction` tells it, so looking
//! costs nothing.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::Concurrency;

use super::Function;
use super::patience::Refused;
use crate::aws::{Cloud, code};
use crate::error::Result;

/// What it is.
pub(super) fn found(answer: &GetFunctionOutput) -> Option<i32> {
    answer.concurrency().and_then(Concurrency::reserved_concurrent_executions)
}

impl Function {
    /// Makes it so. The account has to have as much to spare.
    pub(super) async fn reserve(&self, cloud: &Cloud, live: Option<i32>) -> Result<()> {
        if self.reserved_concurrency == live {
            return Ok(());
        }
        let what = || format!("reserve concurrency for the function `{}`", self.name);
        let call = || async {
            cloud.pace.lambda().await;
            let Some(reserved) = self.reserved_concurrency else {
                return match cloud.lambda.delete_function_concurrency().function_name(&self.name).send().await {
                    Err(error) if code(&error) != Some("ResourceNotFoundException") => Err(Refused::new(what)(error)),
                    _ => Ok(()),
                };
            };
            let call = cloud.lambda.put_function_concurrency().function_name(&self.name);
            let sent = call.reserved_concurrent_executions(reserved).send().await;
            sent.map(drop).map_err(Refused::new(what))
        };
        let done = self.patiently(cloud, call).await;
        done.map_err(|refused| {
            let text = refused.error.causes.join(" ");
            let full = text.contains("UnreservedConcurrentExecution") || text.contains("minimum value");
            let hint = "AWS keeps some of the account's concurrency for functions without a reservation: reserve less, or \
                        ask for a higher quota (Lambda, concurrent executions)";
            if full { refused.error.hint(hint) } else { refused.error }
        })
    }
}
