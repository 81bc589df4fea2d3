//! Publishing: over the API, and for other services of the local cloud.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use sha2::{Digest as _, Sha256};

use super::delivery;
use super::input::Input;
use super::message::{MOST, Published};
use super::{Sns, invalid, no_topic};
use crate::local::Local;
use crate::local::deliver::Message;
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Entries of a batch.
const MOST_ENTRIES: usize = 10;

/// ms for which a FIFO topic knows what it has seen.
/// <https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html>
const KNOWN: i64 = 5 * 60 * 1000;

/// By topic and deduplication key: when, the message's id, its number.
pub(super) type Seen = BTreeMap<(String, String), (i64, String, Option<String>)>;

impl Sns {
    pub(super) fn publish(&self, local: &Arc<Local>, input: Input<'_>) -> Result<Document, Fault> {
        if input.text("PhoneNumber").is_some() {
            return Err(Fault::unsupported("SNS", "SMS"));
        }
        let topic = match input.text("TopicArn").or_else(|| input.text("TargetArn")) {
            Some(topic) if topic.contains(":endpoint/") => return Err(Fault::unsupported("SNS", "mobile push")),
            Some(topic) if topic.starts_with("arn:") => topic,
            _ => return Err(invalid("TopicArn or TargetArn Reason: no value for required parameter")),
        };
        let published = self.accept(Published::read(topic, input)?);
        let (published, fresh) = published?;
        if fresh {
            self.send(local, &published);
        }
        Ok(Document::map().with("MessageId", &published.id).maybe("SequenceNumber", published.sequence.as_ref()))
    }

    pub(super) fn publish_batch(&self, local: &Arc<Local>, input: Input<'_>) -> Result<Document, Fault> {
        let topic = input.required("TopicArn")?;
        self.state.read(|state| state.topic(topic).map(drop))?;
        let entries = input.structures("PublishBatchRequestEntries");
        let refuse = |code, message: &str| Err(Fault::new(400, code, message.to_owned()));
        if entries.is_empty() {
            return refuse("EmptyBatchRequest", "The batch request doesn't contain any entries.");
        }
        if entries.len() > MOST_ENTRIES {
            return refuse("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.");
        }
        let ids: Vec<&str> = entries.iter().map(|entry| entry.text("Id").unwrap_or_default()).collect();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if ids.iter().any(|id| id.is_empty() || id.len() > 80 || !id.bytes().all(allowed)) {
            return refuse(
                "InvalidBatchEntryId",
                "The Id of a batch entry in a batch request doesn't abide by the specification.",
            );
        }
        if ids.iter().enumerate().any(|(at, id)| ids[..at].contains(id)) {
            return refuse("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.");
        }
        let read: Vec<_> = entries.iter().map(|entry| Published::read(topic, *entry)).collect();
        if read.iter().flatten().map(Published::size).sum::<usize>() > MOST {
            return refuse(
                "BatchRequestTooLong",
                "The length of all the messages put together is more than the limit.",
            );
        }
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (id, read) in ids.into_iter().zip(read) {
            match read.and_then(|published| self.accept(published)) {
                Ok((published, fresh)) => {
                    if fresh {
                        self.send(local, &published);
                    }
                    let shown = Document::map().with("Id", id).with("MessageId", &published.id);
                    good.push(shown.maybe("SequenceNumber", published.sequence.as_ref()));
                }
                Err(fault) => {
                    let shown = Document::map().with("Id", id).with("Code", fault.code).with("Message", fault.message);
                    bad.push(shown.with("SenderFault", fault.status < 500));
                }
            }
        }
        Ok(Document::map().with("Successful", good).with("Failed", bad))
    }

    /// A message from another service.
    ///
    /// # Errors
    /// There is no such topic, or it keeps other services out.
    pub(crate) fn deliver(&self, local: &Arc<Local>, topic: &str, message: Message) -> Result<(), Fault> {
        let Message { sender, body, attributes, group, deduplication, .. } = message;
        self.keeps_out(topic, sender)?;
        let published = Published { message: body, attributes, group, deduplication, ..Published::new(topic) };
        self.put(local, published)
    }

    /// A message with a subject, from `sender`, a service.
    ///
    /// # Errors
    /// As of [`Sns::deliver`].
    pub(crate) fn notify(
        &self,
        local: &Arc<Local>,
        topic: &str,
        sender: &str,
        (subject, message): (String, String),
    ) -> Result<(), Fault> {
        self.keeps_out(topic, sender)?;
        self.put(local, Published { message, subject: Some(subject), ..Published::new(topic) })
    }

    fn put(&self, local: &Arc<Local>, published: Published) -> Result<(), Fault> {
        let (published, fresh) = self.accept(published)?;
        if fresh {
            self.send(local, &published);
        }
        Ok(())
    }

    /// The policy of SNS's own key lets in nobody but the account's own principals, Lambda's roles among them.
    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sns-what-permissions-for-sse>
    fn keeps_out(&self, topic: &str, sender: &str) -> Result<(), Fault> {
        let key =
            self.state.read(|state| state.topic(topic).map(|topic| topic.attributes.get("KmsMasterKeyId").cloned()))?;
        if key.is_some_and(|key| key.ends_with("alias/aws/sns")) && sender != "lambda.amazonaws.com" {
            let message = format!("{sender} does not have authorization to access the SNS topic encryption key.");
            return Err(Fault::new(400, "KMSAccessDenied", message));
        }
        Ok(())
    }

    /// Takes a message in; `false` for one that a FIFO topic knows already, which is answered as the first time.
    fn accept(&self, mut published: Published) -> Result<(Published, bool), Fault> {
        let topic = self.state.read(|state| state.topic(&published.topic).cloned()).map_err(|_| no_topic())?;
        if !topic.is_fifo() {
            if published.deduplication.is_some() {
                let reason =
                    "The request includes MessageDeduplicationId parameter that is not valid for this topic type";
                return Err(invalid(format!("MessageDeduplicationId Reason: {reason}")));
            }
            return Ok((published, true));
        }
        let Some(group) = published.group.clone() else {
            return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
        };
        if published.deduplication.is_none() && topic.is("ContentBasedDeduplication") {
            published.deduplication = Some(hex::encode(Sha256::digest(published.message.as_bytes())));
        }
        let Some(id) = published.deduplication.clone() else {
            return Err(invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            ));
        };
        let by_group = topic.attributes.get("FifoThroughputScope").is_some_and(|scope| scope == "MessageGroup");
        let key = (published.topic.clone(), if by_group { format!("{group}\n{id}") } else { id });
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, (time, _, _)| *time > published.time - KNOWN);
        if let Some((_, id, sequence)) = seen.get(&key) {
            (published.id, published.sequence) = (id.clone(), sequence.clone());
            return Ok((published, false));
        }
        let number = self.state.write(|state| {
            let topic = state.topic_mut(&published.topic)?;
            topic.sequence += 1;
            Ok(topic.sequence)
        })?;
        published.sequence = Some((10_000_000_000_000_000_000 + number).to_string());
        seen.insert(key, (published.time, published.id.clone(), published.sequence.clone()));
        Ok((published, true))
    }

    /// To all who are subscribed.
    fn send(&self, local: &Arc<Local>, published: &Published) {
        let subscriptions = self
            .state
            .read(|state| state.topic(&published.topic).map(|it| it.subscriptions.clone()))
            .unwrap_or_default();
        for (id, subscription) in subscriptions {
            let arn = format!("{}:{id}", published.topic);
            delivery::send(local, published, &arn, &subscription);
        }
    }
}

impl Published {
    /// Of a service.
    fn new(topic: &str) -> Self {
        let (id, time) = (uuid::Uuid::new_v4().to_string(), jiff::Timestamp::now().as_millisecond());
        Self { id, topic: topic.to_owned(), time, ..Self::default() }
    }
}
