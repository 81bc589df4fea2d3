//! From one service of the local cloud to another: a message for whatever has this ARN.
//!
//! Who sends says so, and is let in by the receiver's own policy where one is enforced: a function has to have
//! given the permission. Each kind of receiver is one line in [`deliver`]; what it makes of the message is its
//! own business. Nothing here tries again: that is the sender's business, whose rules differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Local;
use super::events;
use super::lambda::Invocation;
use super::sqs::{Attribute, Outgoing};
use super::wire::Fault;

/// What is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    /// The service that sends: `s3.amazonaws.com`.
    pub(crate) sender: &'static str,
    /// The ARN of what sends: a bucket, a topic, a rule.
    pub(crate) source: String,
    pub(crate) region: String,
    /// The event of a function, the body for a queue, the message for a topic.
    pub(crate) body: String,
    /// For receivers that have some.
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// For FIFO queues and topics.
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

/// Whether there are receivers of this kind; one with exactly this ARN need not be there.
pub(crate) fn knows(target: &str) -> bool {
    matches!(target.split(':').nth(2), Some("lambda" | "sqs" | "sns" | "events"))
}

/// Hands a message over.
///
/// # Errors
/// There is no such receiver, it does not let the sender in, or it cannot take it now (429 and 5xx).
pub(crate) fn deliver(local: &Arc<Local>, target: &str, message: Message) -> Result<(), Fault> {
    match target.split(':').nth(2) {
        Some("lambda") => to_function(local, target, message),
        Some("sqs") => local.sqs.deliver(
            target,
            Outgoing {
                body: message.body,
                attributes: message.attributes,
                sender: message.sender.to_owned(),
                group: message.group,
                deduplication: message.deduplication,
            },
        ),
        // The body is the event, with `source`, `detail-type` and `detail`.
        Some("events") => events::deliver(local, target, &message.body),
        Some("sns") => local.sns.deliver(local, target, message),
        _ => Err(Fault::unsupported("delivery", &format!("to {target}"))),
    }
}

fn to_function(local: &Arc<Local>, target: &str, message: Message) -> Result<(), Fault> {
    if !local.lambda.permits(target, None, message.sender, Some(&message.source)) {
        let text = format!("{} is not authorized to perform: lambda:InvokeFunction on {target}", message.sender);
        return Err(Fault::new(403, "AccessDeniedException", text));
    }
    let call = Invocation {
        function_arn_or_name: target.to_owned(),
        qualifier: None,
        region: message.region,
        payload: Bytes::from(message.body),
        client_context: None,
        request_id: uuid::Uuid::new_v4().to_string(),
        trace_id: None,
    };
    local.lambda.enqueue(local, call)
}
