//! SQS for the other services of the local cloud: queues by their ARN, without a protocol in between.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::attributes;
use super::contents::Change;
use super::fault::no_queue;
use super::message::{Attribute, Message};
use super::receipts::deletion;
use super::receive::Ask;
use super::send::send_one;
use super::{Entry, Sqs, now, of_arn};
use crate::local::Local;
use crate::local::wire::Fault;

/// What others may know of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueFacts {
    pub(crate) fifo: bool,
    /// s
    pub(crate) visibility_timeout: i64,
}

/// A message that another service sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing {
    pub(crate) body: String,
    pub(crate) attributes: std::collections::BTreeMap<String, Attribute>,
    /// Who sends: a service's principal.
    pub(crate) sender: String,
    /// A FIFO queue needs both.
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

/// A message that was received and is hidden from others now.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) message: Message,
    pub(crate) receipt_handle: String,
    /// How often it was received, this time included.
    pub(crate) times: u32,
    /// When it was received first, in ms since the epoch.
    pub(crate) first: i64,
    /// In a FIFO queue.
    pub(crate) sequence: Option<String>,
}

impl Taken {
    /// All system attributes, as text.
    pub(crate) fn system_attributes(&self) -> Map<String, Value> {
        let mut shown = self.message.system_attributes();
        shown.insert("ApproximateReceiveCount".to_owned(), self.times.to_string().into());
        shown.insert("ApproximateFirstReceiveTimestamp".to_owned(), self.first.to_string().into());
        if let Some(sequence) = &self.sequence {
            shown.insert("SequenceNumber".to_owned(), sequence.as_str().into());
        }
        shown
    }
}

impl Sqs {
    /// `None` when there is no such queue.
    pub(crate) fn facts(&self, arn: &str) -> Option<QueueFacts> {
        let entry = self.by_arn(arn).ok()?;
        Some(QueueFacts { fifo: entry.is_fifo(), visibility_timeout: entry.number("VisibilityTimeout") })
    }

    /// Sends a message.
    pub(crate) fn deliver(&self, arn: &str, outgoing: Outgoing) -> Result<(), Fault> {
        let entry = self.by_arn(arn)?;
        let queue = self.shelf(&entry)?;
        let Outgoing { body, attributes, sender, group, mut deduplication } = outgoing;
        if entry.is_fifo() {
            if group.is_none() {
                return Err(super::fault::missing("MessageGroupId"));
            }
            let by_content = attributes::of_fifo(&entry.attributes, "ContentBasedDeduplication") == "true";
            if deduplication.is_none() && by_content {
                deduplication = Some(super::send::content_id(&body));
            }
            if deduplication.is_none() {
                return Err(super::fault::missing("MessageDeduplicationId"));
            }
        }
        let id = uuid::Uuid::new_v4().to_string();
        let message =
            Message { id, body, attributes, trace: None, sender, sent: now(), group, deduplication, source: None };
        send_one(&entry, &queue, message)
    }

    /// Up to `most` messages, hidden for the queue's visibility timeout, as soon as there are any; none after
    /// `wait`, or when `gone` says so.
    pub(crate) async fn take(
        &self,
        local: &Arc<Local>,
        arn: &str,
        most: usize,
        wait: Duration,
        gone: impl Future<Output = ()>,
    ) -> Result<Vec<Taken>, Fault> {
        let (region, name) = of_arn(arn).ok_or_else(no_queue)?;
        let ask = Ask { region: region.to_owned(), name: name.to_owned(), most, timeout: None };
        self.wait_for(local, ask, wait, gone).await
    }

    /// Deletes messages that were taken. A handle that no longer counts deletes nothing.
    pub(crate) fn remove(&self, arn: &str, handles: &[&str]) -> Result<(), Fault> {
        let entry = self.by_arn(arn)?;
        let queue = self.shelf(&entry)?;
        let mut inner = queue.at(now(), entry.number("MessageRetentionPeriod"));
        let changes: Vec<Change> =
            handles.iter().filter_map(|handle| deletion(&entry, &inner, handle).ok().flatten()).collect();
        inner.record(changes)?;
        drop(inner);
        queue.changed.notify_waiters();
        Ok(())
    }

    pub(super) fn by_arn(&self, arn: &str) -> Result<Entry, Fault> {
        let (region, name) = of_arn(arn).ok_or_else(no_queue)?;
        self.entry(region, name)
    }
}
