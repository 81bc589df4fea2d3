//! The only place where the front meets Lambda.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::local::Local;
use crate::local::lambda::{Invocation, Outcome};
use crate::local::wire::Fault;

/// Lambda's limit for a synchronous payload, in bytes.
pub(super) const PAYLOAD: usize = 6 * 1024 * 1024;

/// Invokes a function and waits. The invocation is a task of its own: it runs to its end even when
/// the client goes away or the gateway stops waiting, as on AWS.
pub(super) async fn invoke(local: &Arc<Local>, arn: &str, event: &Value) -> Result<Outcome, Fault> {
    let payload = Bytes::from(event.to_string());
    if payload.len() > PAYLOAD {
        let message = format!("Request must be smaller than {PAYLOAD} bytes for the InvokeFunction operation");
        return Err(Fault::new(413, "RequestEntityTooLargeException", message));
    }
    let invocation = Invocation { function: arn.to_owned(), payload };
    let local = Arc::clone(local);
    let task = tokio::spawn(async move { local.lambda.invoke(&local, invocation).await });
    task.await
        .unwrap_or_else(|error| Err(Fault::new(500, "ServiceException", format!("the invocation was lost: {error}"))))
}
