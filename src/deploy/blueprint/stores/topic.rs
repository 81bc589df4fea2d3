//! A topic with its subscribers.

use serde_json::Value;

use super::Store;
use crate::config::resources::{self as config, ResourceConfig, Subscriber};
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place, allow};
use crate::deploy::kinds::{Any, Endpoint, Kind, Sender, Topic};
use crate::deploy::names::resource_name;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// Longest name of a topic, `.fifo` included. <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>
const LONGEST: usize = 256;

impl Store for config::Topic {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        let own = resource_name(owner, name, if self.fifo { ".fifo" } else { "" }, LONGEST);
        let arn = place.arn("sns", &place.region, &own);
        Address { name: own, arn: arn.clone(), ..Address::default() }.with_variable(name, "TOPIC_ARN", &arn)
    }

    /// SNS's own key keeps other services out: CloudWatch ("is not authorized to access the SNS Topic encryption
    /// key"), `EventBridge` and S3 cannot publish to a topic encrypted with it, and its policy cannot be changed. So a
    /// topic that an alarm of the stage publishes to has no key unless the config wants one.
    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sns-what-permissions-for-sse>,
    /// <https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns>
    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let own = &drawing.addresses.get(name)?.name;
        let mut conditions = drawing.stage.resources.values().filter_map(ResourceConfig::condition);
        let encrypted = self.encrypted.unwrap_or_else(|| !conditions.any(|condition| condition.notifies(name)));
        let fifo = self.fifo.then_some(self.content_based_deduplication);
        let mut topic = Topic::wanted(&drawing.owner, own.clone(), fifo, encrypted);
        topic.display_name = self.display_name.clone().unwrap_or_default();
        for subscriber in &self.subscribe {
            topic.subscribers.insert(match subscriber {
                Subscriber::Email(address) => Endpoint::new("email", address),
                Subscriber::Https(url) => Endpoint::new("https", url),
                Subscriber::Queue(queue) => Endpoint::new("sqs", &drawing.addresses.get(queue)?.arn),
            });
        }
        Ok(vec![Any::Topic(topic)])
    }

    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        match access {
            // The policy of SNS's own key lets in whoever may publish.
            "publish" => vec![allow(&["sns:Publish"], std::slice::from_ref(&address.arn))],
            _ => Vec::new(),
        }
    }

    fn sends(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<(String, Sender)>> {
        let arn = &drawing.addresses.get(name)?.arn;
        let queues = self.subscribe.iter().filter_map(|one| match one {
            Subscriber::Queue(queue) => Some(queue.clone()),
            _ => None,
        });
        Ok(queues
            .map(|queue| (queue, Sender { service: "sns.amazonaws.com".to_owned(), source: arn.clone() }))
            .collect())
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Topic]
    }
}
