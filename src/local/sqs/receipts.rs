//! What can be done with a receipt handle: delete the message, or change how long it stays hidden.
//!
//! A handle belongs to one receive. A standard queue takes an old one without complaint and does nothing;
//! a FIFO queue refuses it, also when the timeout is over. Batches are alike for all operations.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::contents::{Change, Number};
use super::fault::{bad_handle, batch, invalid, invalid_value, missing, old_name};
use super::input::Input;
use super::shelf::Inner;
use super::{Entry, Sqs, now};
use crate::local::wire::Fault;

/// 12 hours in s.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>
pub(super) const MOST_HIDDEN: i64 = 43_200;

const MOST_IN_BATCH: usize = 10;

/// Names a message and the receive it came from.
pub(super) fn handle(entry: &Entry, number: Number, receipt: &str) -> String {
    STANDARD.encode(format!("{}:{number}:{receipt}", entry.number))
}

/// Number and receipt of a handle, if it is one of this queue.
fn read(entry: &Entry, text: &str) -> Result<(Number, String), Fault> {
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = decoded.as_deref().and_then(|decoded| {
        let (queue, rest) = decoded.split_once(':')?;
        let (number, receipt) = rest.split_once(':')?;
        (queue.parse() == Ok(entry.number)).then_some(())?;
        Some((number.parse().ok()?, receipt.to_owned()))
    });
    parts.ok_or_else(|| bad_handle(text))
}

impl Sqs {
    pub(super) fn delete_message(&self, input: &Input) -> Result<Value, Fault> {
        let (_, entry, queue) = self.named(input)?;
        let handle = input.required("ReceiptHandle")?;
        let mut inner = queue.at(now(), entry.number("MessageRetentionPeriod"));
        let change = deletion(&entry, &inner, handle)?;
        inner.record(change.into_iter().collect())?;
        drop(inner);
        queue.changed.notify_waiters();
        Ok(Value::Null)
    }

    pub(super) fn delete_batch(&self, input: &Input) -> Result<Value, Fault> {
        self.each(input, "DeleteMessageBatchRequestEntry", |entry, inner, one| {
            deletion(entry, inner, one.required("ReceiptHandle")?)
        })
    }

    pub(super) fn change_visibility(&self, input: &Input) -> Result<Value, Fault> {
        let (_, entry, queue) = self.named(input)?;
        let mut inner = queue.at(now(), entry.number("MessageRetentionPeriod"));
        let change = visibility(&entry, &inner, input)?;
        inner.record(vec![change])?;
        drop(inner);
        queue.changed.notify_waiters();
        Ok(Value::Null)
    }

    pub(super) fn change_visibility_batch(&self, input: &Input) -> Result<Value, Fault> {
        self.each(input, "ChangeMessageVisibilityBatchRequestEntry", |entry, inner, one| {
            visibility(entry, inner, one).map(Some)
        })
    }

    /// Does the same with every entry of a batch, all in one write.
    fn each(
        &self,
        input: &Input,
        kind: &str,
        change: impl Fn(&Entry, &Inner, &Input) -> Result<Option<Change>, Fault>,
    ) -> Result<Value, Fault> {
        let (_, entry, queue) = self.named(input)?;
        let entries = Batch::read(input, kind)?.entries;
        let (mut good, mut bad, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        let mut inner = queue.at(now(), entry.number("MessageRetentionPeriod"));
        for (id, one) in &entries {
            match change(&entry, &inner, one) {
                Ok(change) => {
                    changes.extend(change);
                    good.push(json!({ "Id": id }));
                }
                Err(fault) => bad.push(failed(id, &fault)),
            }
        }
        inner.record(changes)?;
        drop(inner);
        queue.changed.notify_waiters();
        Ok(json!({ "Successful": good, "Failed": bad }))
    }
}

/// What deletes the message; `None` when there is nothing to delete.
pub(super) fn deletion(entry: &Entry, inner: &Inner, handle: &str) -> Result<Option<Change>, Fault> {
    let (number, receipt) = read(entry, handle)?;
    let Some(held) = inner.contents().get(number) else { return Ok(None) };
    let current = held.got.as_ref().is_some_and(|got| got.receipt == receipt);
    if entry.is_fifo() && !(current && inner.contents().in_flight(number)) {
        return Err(invalid_value(handle, "ReceiptHandle", "The receipt handle has expired."));
    }
    Ok(current.then_some(Change::Gone { n: number }))
}

fn visibility(entry: &Entry, inner: &Inner, input: &Input) -> Result<Change, Fault> {
    let handle = input.required("ReceiptHandle")?;
    let timeout = input.number("VisibilityTimeout")?.ok_or_else(|| missing("VisibilityTimeout"))?;
    check_timeout(timeout)?;
    let (number, receipt) = read(entry, handle)?;
    let got = inner.contents().get(number).and_then(|held| held.got.as_ref()).filter(|got| got.receipt == receipt);
    // A standard queue hides a message again whose timeout is over, as long as nobody else has it.
    let got = got.filter(|_| !entry.is_fifo() || inner.contents().in_flight(number)).ok_or_else(|| {
        let reason = "Message does not exist or is not available for visibility timeout change.";
        invalid_value(handle, "ReceiptHandle", reason)
    })?;
    let until = now().saturating_add(timeout * 1000);
    if until.saturating_sub(got.last) > MOST_HIDDEN * 1000 + 999 {
        return Err(invalid(format!(
            "Total VisibilityTimeout for the message is beyond the limit [{MOST_HIDDEN} seconds]"
        )));
    }
    Ok(Change::Until { n: number, until })
}

pub(super) fn check_timeout(timeout: i64) -> Result<(), Fault> {
    if (0..=MOST_HIDDEN).contains(&timeout) {
        return Ok(());
    }
    let reason = "VisibilityTimeout must be an integer between 0 and 43200.";
    Err(invalid_value(timeout, "VisibilityTimeout", reason))
}

/// The entries of a batch, with their ids.
pub(super) struct Batch {
    pub(super) entries: Vec<(String, Input)>,
}

impl Batch {
    /// Checks what holds for the batch as a whole. `kind` is what AWS calls an entry.
    pub(super) fn read(input: &Input, kind: &str) -> Result<Self, Fault> {
        let given = input.list("Entries")?;
        if given.is_empty() {
            let message = format!("There should be at least one {kind} in the request.");
            return Err(batch("EmptyBatchRequest", message));
        }
        if given.len() > MOST_IN_BATCH {
            let message =
                format!("Maximum number of entries per request are {MOST_IN_BATCH}. You have sent {}.", given.len());
            return Err(batch("TooManyEntriesInBatchRequest", message));
        }
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        for one in given {
            let one = input.entry(one.clone());
            let id = one.text("Id")?.unwrap_or_default().to_owned();
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if !(1..=80).contains(&id.len()) || !id.bytes().all(allowed) {
                let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can \
                               be at most 80 letters long.";
                return Err(batch("InvalidBatchEntryId", message));
            }
            if !seen.insert(id.clone()) {
                return Err(batch("BatchEntryIdsNotDistinct", format!("Id {id} repeated.")));
            }
            entries.push((id, one));
        }
        Ok(Self { entries })
    }
}

/// How a batch's answer tells of an entry that failed.
pub(super) fn failed(id: &str, fault: &Fault) -> Value {
    json!({ "Id": id, "Code": old_name(fault), "Message": fault.message, "SenderFault": fault.status < 500 })
}
