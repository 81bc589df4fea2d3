//! From a topic to one who is subscribed: once at once, then again for as long as it may help, then to the queue of
//! the dead letters.
//!
//! AWS goes on for 23 days; here it is a few minutes, after which the result is the same.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>,
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html>

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::filter::Filter;
use super::message::Published;
use super::model::{FIFO, Subscription};
use super::shapes;
use crate::local::Local;
use crate::local::deliver::{Message, deliver};
use crate::local::sqs::{Attribute, Content};
use crate::local::wire::Fault;

/// Seconds before each further try, for what the receiver may get over.
const WAITS: [u64; 15] = [0, 0, 0, 1, 1, 1, 2, 3, 5, 8, 12, 16, 20, 20, 20];

/// Attributes of a message in a queue; with more than that, raw messages are dropped.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html>
const MOST_ATTRIBUTES: usize = 10;

/// Sends a message to one who is subscribed, if it is for them.
pub(super) fn send(local: &Arc<Local>, published: &Published, arn: &str, subscription: &Subscription) {
    if !subscription.confirmed {
        return;
    }
    let text = published.text(&subscription.protocol);
    if let Some(policy) = subscription.attributes.get("FilterPolicy") {
        let body = subscription.attributes.get("FilterPolicyScope").is_some_and(|scope| scope == "MessageBody");
        // Checked when it was set.
        if !Filter::read(policy, body).is_ok_and(|filter| filter.lets_through(published, text)) {
            return;
        }
    }
    let message = message(published, arn, subscription);
    let result = match &message {
        Ok(message) => deliver(local, &subscription.endpoint, message.clone()),
        Err(fault) => Err(fault.clone()),
    };
    let Err(fault) = result else { return };
    let letter = Letter { published: published.clone(), arn: arn.to_owned(), subscription: subscription.clone() };
    match message {
        Ok(message) if passes(&fault) => retry(local, letter, message),
        _ => letter.send(local, &fault),
    }
}

/// Whether the same may work later.
fn passes(fault: &Fault) -> bool {
    fault.status == 429 || (fault.status >= 500 && fault.status != 501)
}

/// A message that could not be delivered, and whose it was.
struct Letter {
    published: Published,
    arn: String,
    subscription: Subscription,
}

impl Letter {
    /// To the queue of the dead letters, if there is one; otherwise it is lost, as on AWS.
    fn send(self, local: &Arc<Local>, fault: &Fault) {
        let Some(queue) = self.subscription.dead_letters() else { return };
        let text = |text: &str| Attribute { kind: "String".to_owned(), value: Content::Text(text.to_owned()) };
        let raw = self.subscription.is("RawMessageDelivery");
        let Published { group, deduplication, .. } = &self.published;
        let mut attributes = if raw { self.published.attributes.clone() } else { BTreeMap::new() };
        attributes.truncate_to(MOST_ATTRIBUTES - 3);
        attributes.insert("RequestID".to_owned(), text(&uuid::Uuid::new_v4().to_string()));
        attributes.insert("ErrorCode".to_owned(), text(&fault.status.to_string()));
        attributes.insert("ErrorMessage".to_owned(), text(&fault.message));
        let letter = Message {
            body: body(&self.published, &self.arn, &self.subscription),
            attributes,
            group: group.clone(),
            deduplication: deduplication.clone(),
            ..from(&self.published)
        };
        // A dead letter that nobody takes has nowhere else to go.
        let _ = deliver(local, &queue, letter);
    }
}

fn retry(local: &Arc<Local>, letter: Letter, message: Message) {
    let weak = Arc::downgrade(local);
    tokio::spawn(async move {
        let mut last = None;
        for wait in WAITS {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            let Some(local) = weak.upgrade() else { return };
            match deliver(&local, &letter.subscription.endpoint, message.clone()) {
                Ok(()) => return,
                Err(fault) => {
                    let over = !passes(&fault);
                    last = Some(fault);
                    if over {
                        break;
                    }
                }
            }
        }
        if let (Some(local), Some(fault)) = (weak.upgrade(), last) {
            letter.send(&local, &fault);
        }
    });
}

/// What the receiver gets.
fn message(published: &Published, arn: &str, subscription: &Subscription) -> Result<Message, Fault> {
    if subscription.protocol == "lambda" {
        return Ok(Message { body: shapes::event(published, arn).to_string(), ..from(published) });
    }
    let raw = subscription.is("RawMessageDelivery");
    if raw && published.attributes.len() > MOST_ATTRIBUTES {
        return Err(Fault::new(400, "InvalidParameterValue", "more than 10 message attributes for a raw message"));
    }
    let to_fifo = subscription.endpoint.ends_with(FIFO);
    Ok(Message {
        body: body(published, arn, subscription),
        attributes: if raw { published.attributes.clone() } else { BTreeMap::new() },
        group: published.group.clone(),
        deduplication: published.deduplication.clone().filter(|_| to_fifo),
        ..from(published)
    })
}

/// The message itself, or what a queue gets with it.
fn body(published: &Published, arn: &str, subscription: &Subscription) -> String {
    if subscription.is("RawMessageDelivery") {
        return published.text(&subscription.protocol).to_owned();
    }
    shapes::notification(published, &subscription.protocol, arn).to_string()
}

fn from(published: &Published) -> Message {
    let region = published.topic.split(':').nth(3).unwrap_or_default().to_owned();
    Message { sender: "sns.amazonaws.com", source: published.topic.clone(), region, ..Message::default() }
}

/// A map cut to its first entries.
trait Truncate {
    fn truncate_to(&mut self, most: usize);
}

impl<K: Ord, V> Truncate for BTreeMap<K, V> {
    fn truncate_to(&mut self, most: usize) {
        while self.len() > most {
            self.pop_last();
        }
    }
}
