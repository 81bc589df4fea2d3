//! Queues as event sources: batches of messages, deleted when the function has done them.
//!
//! Messages stay hidden for the queue's visibility timeout. What the function fails at, or reports as
//! failed, is left alone and comes back by itself; after `maxReceiveCount` times the queue sends it to the
//! dead-letter queue. In a FIFO queue the queue itself keeps back the rest of a group that is being worked at.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Stop;
use super::answer::failed_items;
use super::call::{Called, call};
use super::filter::Filter;
use crate::local::Local;
use crate::local::lambda::Mapping;
use crate::local::sqs::{Attribute, Content, Taken, md5_of, md5_of_attributes};
use crate::local::wire::Fault;

/// "Lambda starts processing five batches at a time with five concurrent invocations"; on AWS that grows while
/// messages are left, here only with `MaximumConcurrency`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
const AT_ONCE: usize = 5;
/// 6 MB for an invocation, with room for what is around the records.
const MOST_BYTES: usize = 6 * 1024 * 1024 - 64;
/// What `ReceiveMessage` gives at once.
const MOST_TAKEN: usize = 10;
/// How long one look at an empty queue lasts.
const POLL: Duration = Duration::from_secs(20);
/// Before a queue that cannot be read is tried again.
const TROUBLE: Duration = Duration::from_secs(1);

/// A message and the record that the function gets of it.
#[derive(Debug)]
struct Record {
    taken: Taken,
    text: String,
}

/// Reads and delivers until it is told to stop, and then until the last batch is done.
pub(super) async fn run(local: Weak<Local>, mapping: Mapping, mut stop: Stop) {
    let mapping = Arc::new(mapping);
    let filter = Filter::new(&mapping.settings.filters, "body");
    let lanes = Arc::new(Semaphore::new(mapping.settings.most_at_once.unwrap_or(AT_ONCE)));
    let mut deliveries = JoinSet::new();
    loop {
        let lane = tokio::select! {
            biased;
            () = stop.told() => break,
            lane = Arc::clone(&lanes).acquire_owned() => lane,
        };
        let Ok(lane) = lane else { break };
        // Those that are done make room.
        while deliveries.try_join_next().is_some() {}
        match gather(&local, &mapping, &filter, &mut stop).await {
            Ok((batch, _)) if batch.is_empty() => {}
            Ok((batch, deadline)) => {
                deliveries.spawn(deliver(local.clone(), Arc::clone(&mapping), batch, deadline, lane));
            }
            // The queue is gone, or the disk is full: neither is this mapping's end.
            Err(_) => tokio::select! {
                () = stop.told() => break,
                () = tokio::time::sleep(TROUBLE) => {}
            },
        }
        if local.strong_count() == 0 {
            return;
        }
    }
    while deliveries.join_next().await.is_some() {}
}

/// A batch as the mapping wants it, and when its messages come back to the queue. It may be empty.
async fn gather(
    local: &Weak<Local>,
    mapping: &Mapping,
    filter: &Filter,
    stop: &mut Stop,
) -> Result<(Vec<Record>, Instant), Fault> {
    let settings = &mapping.settings;
    let mut batch: Vec<Record> = Vec::new();
    let mut closes = Instant::now() + POLL;
    let mut deadline = closes;
    loop {
        let Some(strong) = local.upgrade() else { return Ok((batch, deadline)) };
        let facts = strong.sqs.facts(&mapping.source);
        let wait = closes.saturating_duration_since(Instant::now());
        let most = (settings.batch_size - batch.len()).min(MOST_TAKEN);
        let taken = strong.sqs.take(&strong, &mapping.source, most, wait, stop.told()).await?;
        if taken.is_empty() {
            return Ok((batch, deadline));
        }
        if batch.is_empty() {
            closes = Instant::now() + Duration::from_secs(settings.window);
            let hidden = facts.map_or(0, |facts| facts.visibility_timeout.unsigned_abs());
            deadline = Instant::now() + Duration::from_secs(hidden);
        }
        let (wanted, rest): (Vec<_>, Vec<_>) = taken
            .into_iter()
            .map(|taken| {
                let record = record(mapping, &taken);
                (filter.lets_through(&record), Record { taken, text: record.to_string() })
            })
            .partition(|(wanted, _)| *wanted);
        // What no filter lets through is deleted, not left to others.
        // https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
        let unwanted: Vec<&str> = rest.iter().map(|(_, record)| record.taken.receipt_handle.as_str()).collect();
        strong.sqs.remove(&mapping.source, &unwanted)?;
        batch.extend(wanted.into_iter().map(|(_, record)| record));
        let bytes: usize = batch.iter().map(|record| record.text.len() + 1).sum();
        if batch.len() >= settings.batch_size || bytes >= MOST_BYTES || Instant::now() >= closes {
            return Ok((batch, deadline));
        }
    }
}

/// Calls the function with a batch, in as many calls as its size needs, and deletes what is done.
async fn deliver(
    local: Weak<Local>,
    mapping: Arc<Mapping>,
    batch: Vec<Record>,
    deadline: Instant,
    lane: OwnedSemaphorePermit,
) {
    let mut records = batch.into_iter().peekable();
    while records.peek().is_some() {
        let mut bytes = 0;
        let mut part = Vec::new();
        while let Some(record) = records.next_if(|record| part.is_empty() || bytes + record.text.len() < MOST_BYTES) {
            bytes += record.text.len() + 1;
            part.push(record);
        }
        let texts: Vec<&str> = part.iter().map(|record| record.text.as_str()).collect();
        let payload = Bytes::from(format!("{{\"Records\":[{}]}}", texts.join(",")));
        let Called::Answered(answer, _) = call(&local, &mapping, payload, deadline).await else { continue };
        let ids: HashSet<&str> = part.iter().map(|record| record.taken.message.id.as_str()).collect();
        let failed = if mapping.settings.report_failures { failed_items(&answer, &ids) } else { Some(HashSet::new()) };
        let Some(failed) = failed else { continue };
        let done = part.iter().filter(|record| !failed.contains(&record.taken.message.id));
        let handles: Vec<&str> = done.map(|record| record.taken.receipt_handle.as_str()).collect();
        let Some(local) = local.upgrade() else { return };
        // What cannot be deleted comes back and is delivered once more, as on AWS.
        let _ = local.sqs.remove(&mapping.source, &handles);
    }
    drop(lane);
}

/// A message as a function sees it.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event>
fn record(mapping: &Mapping, taken: &Taken) -> Value {
    let message = &taken.message;
    let attributes: Map<String, Value> =
        message.attributes.iter().map(|(name, it)| (name.clone(), own_attribute(it))).collect();
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": taken.receipt_handle,
        "body": message.body,
        "attributes": taken.system_attributes(),
        "messageAttributes": attributes,
        "md5OfBody": md5_of(&message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.source,
        "awsRegion": mapping.region,
    });
    if let Some(digest) = md5_of_attributes(&message.attributes) {
        record["md5OfMessageAttributes"] = digest.into();
    }
    record
}

fn own_attribute(attribute: &Attribute) -> Value {
    let (name, value) = match &attribute.value {
        Content::Text(text) => ("stringValue", text),
        Content::Binary(text) => ("binaryValue", text),
    };
    json!({ name: value, "stringListValues": [], "binaryListValues": [], "dataType": attribute.kind })
}
