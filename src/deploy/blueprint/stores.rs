//! `resources:` drawn: one line per type.

use super::addresses::{Addresses, QUEUE};
use crate::config::resources::{self as config, ResourceConfig};
use crate::config::{FunctionConfig, StageConfig};
use crate::deploy::kinds::{Any, Queue};
use crate::deploy::names::resource_name;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// What `visibility_timeout` should at least be of the consumer's timeout.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
const PATIENCE: u32 = 6;

/// All resources of a stage.
pub(super) fn wanted(stage: &StageConfig, owner: &Owner, addresses: &Addresses) -> Result<Vec<Any>> {
    let mut all = Vec::new();
    for (name, resource) in &stage.resources {
        match resource {
            ResourceConfig::Queue(queue) => queues(stage, owner, addresses, (name, queue), &mut all)?,
        }
    }
    Ok(all)
}

/// A queue, and the one for its dead letters unless that is another resource.
fn queues(
    stage: &StageConfig,
    owner: &Owner,
    addresses: &Addresses,
    (name, queue): (&str, &config::Queue),
    all: &mut Vec<Any>,
) -> Result<()> {
    let address = addresses.get(name)?;
    let visibility = queue.visibility_timeout.unwrap_or_else(|| consumers(stage, name));
    let mut wanted = Queue::wanted(owner, address.name.clone(), queue, visibility);
    if let Some(letters) = &queue.dlq {
        let (own, arn) = if let Some(other) = &letters.queue {
            let other = addresses.get(other)?;
            (other.name.clone(), other.arn.clone())
        } else {
            let suffix = if queue.fifo { ".fifo" } else { "" };
            let own = resource_name(owner, &format!("{name}-dlq"), suffix, QUEUE);
            let arn = address.arn.replace(&address.name, &own);
            all.push(Any::Queue(Queue::wanted(owner, own.clone(), &queue.of_dead_letters(), SQS_DEFAULT)));
            (own, arn)
        };
        wanted.send_dead_letters(own, arn, letters.max_receives);
    }
    all.push(Any::Queue(wanted));
    Ok(())
}

/// Seconds; what SQS takes when nobody says.
const SQS_DEFAULT: u32 = 30;

/// Seconds a message has to be hidden for the functions that consume a queue.
fn consumers(stage: &StageConfig, queue: &str) -> u32 {
    let reads = |function: &&FunctionConfig| function.triggers.iter().any(|trigger| trigger.reads_queue(queue));
    let timeouts = stage.functions.values().filter(reads);
    timeouts.map(|function| function.timeout.saturating_mul(PATIENCE)).max().unwrap_or(SQS_DEFAULT).max(SQS_DEFAULT)
}
