//! `uses:` as statements of a function's policy: what each kind of access takes, type by type.

use serde_json::Value;

use super::addresses::Address;
use super::triggers::allow;

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html>; `SendMessageBatch` and
/// the other batches are covered by the single ones.
const SEND: &[&str] = &["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"];
const RECEIVE: &[&str] = &[
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueUrl",
    "sqs:GetQueueAttributes",
];

/// What a function may do with a resource that it uses in this way.
pub(super) fn statements(address: &Address, access: &str) -> Vec<Value> {
    let resource = std::slice::from_ref(&address.arn);
    match access {
        "send" => vec![allow(SEND, resource)],
        "receive" => vec![allow(RECEIVE, resource)],
        "send-receive" => vec![allow(SEND, resource), allow(RECEIVE, resource)],
        _ => Vec::new(),
    }
}
