//! A queue, and the one for its dead letters unless that is another resource.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Store;
use crate::config::FunctionConfig;
use crate::config::resources as config;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place, allow, triggers};
use crate::deploy::kinds::{Any, Kind, Queue, Sender};
use crate::deploy::names::resource_name;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// Longest name of a queue, `.fifo` included.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>
const LONGEST: usize = 80;

/// What `visibility_timeout` should at least be of the consumer's timeout.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
const PATIENCE: u32 = 6;

/// Seconds; what SQS takes when nobody says.
const SQS_DEFAULT: u32 = 30;

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

impl Store for config::Queue {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        let own = resource_name(owner, name, suffix(self), LONGEST);
        let url = format!("{}/{}/{own}", place.service_url("sqs"), place.account);
        let arn = place.arn("sqs", &place.region, &own);
        Address { name: own, arn, url: Some(url.clone()), ..Address::default() }.with_variable(name, "QUEUE_URL", &url)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let (owner, address) = (&drawing.owner, drawing.addresses.get(name)?);
        let visibility = self.visibility_timeout.unwrap_or_else(|| consumers(drawing, name));
        let mut wanted = Queue::wanted(owner, address.name.clone(), self, visibility);
        let mut all = Vec::new();
        if let Some(letters) = &self.dlq {
            let (own, arn) = if let Some(other) = &letters.queue {
                let other = drawing.addresses.get(other)?;
                (other.name.clone(), other.arn.clone())
            } else {
                let own = own_dlq(owner, name, self);
                let arn = address.arn.replace(&address.name, &own);
                all.push(Any::Queue(Queue::wanted(owner, own.clone(), &self.of_dead_letters(), SQS_DEFAULT)));
                (own, arn)
            };
            wanted.send_dead_letters(own, arn, letters.max_receives);
        }
        wanted.senders = senders(drawing, name)?;
        all.push(Any::Queue(wanted));
        Ok(all)
    }

    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        let resource = std::slice::from_ref(&address.arn);
        match access {
            "send" => vec![allow(SEND, resource)],
            "receive" => vec![allow(RECEIVE, resource)],
            "send-receive" => vec![allow(SEND, resource), allow(RECEIVE, resource)],
            _ => Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Queue]
    }
}

fn suffix(queue: &config::Queue) -> &'static str {
    if queue.fifo { ".fifo" } else { "" }
}

/// The name of the dead-letter queue beside a queue.
pub(super) fn own_dlq(owner: &Owner, name: &str, queue: &config::Queue) -> String {
    resource_name(owner, &format!("{name}-dlq"), suffix(queue), LONGEST)
}

/// The services that send to a queue, because of triggers or of other resources.
fn senders(drawing: &Drawing<'_>, queue: &str) -> Result<BTreeSet<Sender>> {
    let mut all = Vec::new();
    for function in drawing.stage.functions.values() {
        for trigger in &function.triggers {
            all.extend(triggers::of(trigger).sends(function, drawing)?);
        }
    }
    for (name, resource) in &drawing.stage.resources {
        all.extend(super::of(resource).sends(name, drawing)?);
    }
    Ok(all.into_iter().filter(|(name, _)| name == queue).map(|(_, sender)| sender).collect())
}

/// Seconds a message has to be hidden for the functions that consume a queue.
fn consumers(drawing: &Drawing<'_>, queue: &str) -> u32 {
    let reads = |function: &&FunctionConfig| function.triggers.iter().any(|trigger| trigger.reads_queue(queue));
    let timeouts = drawing.stage.functions.values().filter(reads);
    timeouts.map(|function| function.timeout.saturating_mul(PATIENCE)).max().unwrap_or(SQS_DEFAULT).max(SQS_DEFAULT)
}
