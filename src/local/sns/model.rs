//! What is kept of topics and of their subscriptions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{no_subscription, no_topic};
use crate::local::ACCOUNT;
use crate::local::wire::Fault;

/// What the names of FIFO topics and queues end in.
pub(super) const FIFO: &str = ".fifo";

/// All topics, by region and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) regions: BTreeMap<String, BTreeMap<String, Topic>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Topic {
    /// Only those that were set.
    pub(super) attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    /// By their ids, which end their ARNs.
    #[serde(default)]
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    /// The last number of a FIFO topic.
    #[serde(default)]
    pub(super) sequence: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub(super) protocol: String,
    pub(super) endpoint: String,
    /// Until then nothing is sent to it.
    pub(super) confirmed: bool,
    /// Only those that were set.
    pub(super) attributes: BTreeMap<String, String>,
}

impl State {
    /// By ARN.
    pub(super) fn topic(&self, arn: &str) -> Result<&Topic, Fault> {
        let (region, name) = of_arn(arn).ok_or_else(no_topic)?;
        self.regions.get(region).and_then(|topics| topics.get(name)).ok_or_else(no_topic)
    }

    pub(super) fn topic_mut(&mut self, arn: &str) -> Result<&mut Topic, Fault> {
        let (region, name) = of_arn(arn).ok_or_else(no_topic)?;
        self.regions.get_mut(region).and_then(|topics| topics.get_mut(name)).ok_or_else(no_topic)
    }

    /// By its own ARN: that of the topic, a colon, and an id.
    pub(super) fn subscription(&self, arn: &str) -> Result<(String, &Subscription), Fault> {
        let (topic, id) = arn.rsplit_once(':').ok_or_else(no_subscription)?;
        let found = self.topic(topic).ok().and_then(|topic| topic.subscriptions.get(id));
        Ok((topic.to_owned(), found.ok_or_else(no_subscription)?))
    }

    pub(super) fn subscription_mut(&mut self, arn: &str) -> Result<&mut Subscription, Fault> {
        let (topic, id) = arn.rsplit_once(':').ok_or_else(no_subscription)?;
        let found = self.topic_mut(topic).ok().and_then(|topic| topic.subscriptions.get_mut(id));
        found.ok_or_else(no_subscription)
    }
}

impl Topic {
    pub(super) fn is_fifo(&self) -> bool {
        self.is("FifoTopic")
    }

    /// Whether an attribute is `true`.
    pub(super) fn is(&self, attribute: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|value| value == "true")
    }
}

impl Subscription {
    pub(super) fn is(&self, attribute: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|value| value == "true")
    }

    /// The queue of its dead letters, by ARN.
    pub(super) fn dead_letters(&self) -> Option<String> {
        let policy: Value = serde_json::from_str(self.attributes.get("RedrivePolicy")?).ok()?;
        policy["deadLetterTargetArn"].as_str().map(str::to_owned)
    }
}

/// `arn:aws:sns:eu-west-1:000000000000:news`
pub(super) fn arn(region: &str, name: &str) -> String {
    format!("arn:aws:sns:{region}:{ACCOUNT}:{name}")
}

/// Region and name of one of our topics.
pub(super) fn of_arn(arn: &str) -> Option<(&str, &str)> {
    let (region, rest) = arn.strip_prefix("arn:aws:sns:")?.split_once(':')?;
    let (account, name) = rest.split_once(':')?;
    (account == ACCOUNT && !name.is_empty() && !name.contains(':')).then_some((region, name))
}

/// What every new topic lets do, and whom: the account itself.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html>
pub(super) fn default_policy(arn: &str) -> Value {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
                "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
            ],
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
        }],
    })
}
