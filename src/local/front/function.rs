//! The only place where the front meets Lambda.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::local::Local;
use crate::local::lambda::{Invocation, Outcome, Streaming, UrlOwner};
use crate::local::wire::Fault;

/// Lambda's limit for a synchronous payload, in bytes.
pub(super) const PAYLOAD: usize = 6 * 1024 * 1024;

/// Whom to invoke, and under which ids.
pub(super) struct Call<'a> {
    /// An ARN, possibly with a qualifier.
    pub(super) function: &'a str,
    pub(super) qualifier: Option<&'a str>,
    pub(super) region: &'a str,
    /// What the function sees as its request id, a UUID.
    pub(super) request_id: String,
    pub(super) trace_id: &'a str,
}

/// Invokes a function and waits. Lambda runs it as a task of its own: it comes to its end even when
/// the client goes away or the gateway stops waiting.
pub(super) async fn invoke(local: &Arc<Local>, call: Call<'_>, event: &Value) -> Result<Outcome, Fault> {
    local.lambda.invoke(local, invocation(call, event)?).await
}

/// Invokes a function that may stream its answer.
pub(super) fn stream(local: &Arc<Local>, call: Call<'_>, event: &Value) -> Result<Streaming, Fault> {
    local.lambda.stream(local, invocation(call, event)?)
}

fn invocation(call: Call<'_>, event: &Value) -> Result<Invocation, Fault> {
    let payload = Bytes::from(event.to_string());
    if payload.len() > PAYLOAD {
        let message = format!("Request must be smaller than {PAYLOAD} bytes for the InvokeFunction operation");
        return Err(Fault::new(413, "RequestEntityTooLargeException", message));
    }
    Ok(Invocation {
        function_arn_or_name: call.function.to_owned(),
        qualifier: call.qualifier.map(str::to_owned),
        region: call.region.to_owned(),
        payload,
        client_context: None,
        request_id: call.request_id,
        trace_id: Some(call.trace_id.to_owned()),
    })
}

/// Whether the policy of exactly the qualifier in `function` lets API Gateway in.
pub(super) fn lets_gateway_in(local: &Local, function: &str, source_arn: &str) -> bool {
    local.lambda.permits(function, None, "apigateway.amazonaws.com", Some(source_arn))
}

/// The URL with this id.
pub(super) fn url(local: &Local, id: &str) -> Option<UrlOwner> {
    local.lambda.url_owner(id)
}

/// Whether a URL's resource policy lets everybody in.
pub(super) fn is_public(local: &Local, url: &UrlOwner) -> bool {
    local.lambda.url_is_public(url)
}
