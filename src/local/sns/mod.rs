//! Amazon SNS: topics, subscriptions and what they deliver (Query).
//!
//! ```text
//! handle ─► topics · subscriptions · tags ─► model (Store)
//!       └─► publish ─► filter ─► shapes ─► delivery ─► deliver (functions, queues)
//! deliver · notify (other services) ─┘
//! ```
//! Functions and queues get their messages, with AWS's retries, and dead letters go to their queue. E-mail
//! addresses and URLs are kept as subscriptions that wait for their confirmation, and as on AWS they get nothing
//! until then, which here is never: nothing leaves the machine.
//!
//! Retries do not survive a restart. A topic's `Policy` is kept, not enforced, and nothing is really encrypted; but a
//! topic with SNS's own key keeps other services out, as on AWS. Signatures do not verify. Refused: SMS, mobile push,
//! Firehose, archives, data protection, delivery status logs.
//! <https://docs.aws.amazon.com/sns/latest/api/welcome.html>

mod delivery;
mod filter;
mod input;
mod message;
mod model;
mod publish;
mod shapes;
mod subscriptions;
mod tags;
mod topics;

use std::path::Path;
use std::sync::{Arc, Mutex};

use self::input::Input;
use self::model::State;
use self::publish::Seen;
use super::Local;
use super::rpc::{Call, Document};
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::{OrFailed as _, Result};

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// The service.
#[derive(Debug)]
pub(crate) struct Sns {
    state: Store<State>,
    /// What FIFO topics have seen in the last minutes.
    seen: Mutex<Seen>,
}

impl Sns {
    /// Opens `{home}/sns`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("sns");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { state: Store::open(&dir, "topics")?, seen: Mutex::default() })
    }

    /// Answers one API call.
    pub(crate) fn handle(&self, local: &Arc<Local>, request: &Request) -> Result<Reply, Fault> {
        let call = Call::read(request)?;
        let input = Input::new(&call.input, &request.region);
        let document = self.perform(local, &call.operation, input)?;
        Ok(call.reply(&document, NAMESPACE, &request.request_id))
    }

    fn perform(&self, local: &Arc<Local>, operation: &str, input: Input<'_>) -> Result<Document, Fault> {
        match operation {
            "CreateTopic" => self.create_topic(input),
            "DeleteTopic" => self.delete_topic(input),
            "ListTopics" => self.list_topics(input),
            "GetTopicAttributes" => self.get_topic_attributes(input),
            "SetTopicAttributes" => self.set_topic_attributes(input),
            "Subscribe" => self.subscribe(input),
            "ConfirmSubscription" => self.confirm(input),
            "Unsubscribe" => self.unsubscribe(input),
            "ListSubscriptions" => self.list_subscriptions(input),
            "ListSubscriptionsByTopic" => self.list_subscriptions_by_topic(input),
            "GetSubscriptionAttributes" => self.get_subscription_attributes(input),
            "SetSubscriptionAttributes" => self.set_subscription_attributes(input),
            "Publish" => self.publish(local, input),
            "PublishBatch" => self.publish_batch(local, input),
            "TagResource" => self.tag(input),
            "UntagResource" => self.untag(input),
            "ListTagsForResource" => self.list_tags(input),
            "" => Err(Fault::new(400, "MissingAction", "the request names no Action")),
            other => Err(Fault::unsupported("SNS", other)),
        }
    }
}

/// `InvalidParameter`, which says of nearly everything what is wrong with it.
fn invalid(message: impl AsRef<str>) -> Fault {
    Fault::new(400, "InvalidParameter", format!("Invalid parameter: {}", message.as_ref()))
}

fn no_topic() -> Fault {
    Fault::new(404, "NotFound", "Topic does not exist")
}

fn no_subscription() -> Fault {
    Fault::new(404, "NotFound", "Subscription does not exist")
}
