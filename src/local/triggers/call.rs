//! Calling a mapping's function with a batch, again and again while it cannot be called at all.
//!
//! A function that runs and fails is an answer; one that is throttled, still being made or missing is called
//! again, ever more slowly, until the caller's time is up.

use std::sync::Weak;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::local::Local;
use crate::local::lambda::{Invocation, Mapping};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a batch came to.
#[derive(Debug)]
pub(super) enum Called {
    /// The function answered with this.
    Answered(Bytes, Response),
    /// It failed, or could not be called in time: then there is no response.
    Failed(Option<Response>),
}

/// What is known of a call besides the answer.
#[derive(Debug, Clone)]
pub(super) struct Response {
    /// `$LATEST` or a number.
    pub(super) version: String,
    /// `Unhandled`
    pub(super) error: Option<String>,
}

/// Calls the function; gives up calling at `deadline`, but waits for one that runs.
pub(super) async fn call(local: &Weak<Local>, mapping: &Mapping, payload: Bytes, deadline: Instant) -> Called {
    let mut pause = FIRST_PAUSE;
    loop {
        let call = Invocation {
            function_arn_or_name: mapping.function.clone(),
            qualifier: None,
            region: mapping.region.clone(),
            payload: payload.clone(),
            client_context: None,
            request_id: uuid::Uuid::new_v4().to_string(),
            trace_id: None,
        };
        {
            let Some(local) = local.upgrade() else { return Called::Failed(None) };
            if let Ok(outcome) = local.lambda.invoke(&local, call).await {
                let response = Response { version: outcome.executed_version, error: outcome.function_error };
                return match &response.error {
                    None => Called::Answered(outcome.payload, response),
                    Some(_) => Called::Failed(Some(response)),
                };
            }
        }
        if Instant::now() + pause >= deadline {
            return Called::Failed(None);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
