//! Topics themselves: making, listing, changing and deleting them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::input::Input;
use super::model::{FIFO, Topic, arn, default_policy, of_arn};
use super::tags::given;
use super::{Sns, invalid};
use crate::local::ACCOUNT;
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// On one page. <https://docs.aws.amazon.com/sns/latest/api/API_ListTopics.html>
pub(super) const PAGE: usize = 100;

/// Attributes that may be set. <https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html>
const KNOWN: [&str; 8] = [
    "DisplayName",
    "Policy",
    "DeliveryPolicy",
    "KmsMasterKeyId",
    "ContentBasedDeduplication",
    "FifoThroughputScope",
    "SignatureVersion",
    "TracingConfig",
];

/// What AWS does when an HTTP endpoint does not answer.
const DELIVERY: &str = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}"#;

impl Sns {
    /// Once more with the same attributes and tags it is the same topic.
    pub(super) fn create_topic(&self, input: Input<'_>) -> Result<Document, Fault> {
        let name = input.required("Name")?;
        let mut asked = input.map("Attributes");
        let fifo = asked.get("FifoTopic").is_some_and(|value| value == "true");
        check_name(name, fifo)?;
        if !fifo {
            asked.remove("FifoTopic");
        }
        for (attribute, value) in asked.iter().filter(|(attribute, _)| *attribute != "FifoTopic") {
            check(attribute, value, fifo)?;
        }
        if input.text("DataProtectionPolicy").is_some() {
            return Err(Fault::unsupported("SNS", "data protection policies"));
        }
        asked.retain(|_, value| !value.is_empty());
        let tags = given(input)?;
        let arn = arn(input.region, name);
        self.state.write(|state| {
            let topics = state.regions.entry(input.region.to_owned()).or_default();
            if let Some(there) = topics.get(name) {
                if asked.iter().any(|(name, value)| there.attributes.get(name) != Some(value)) {
                    return Err(invalid("Attributes Reason: Topic already exists with different attributes"));
                }
                if !tags.is_empty() && there.tags != tags {
                    return Err(invalid("Tags Reason: Topic already exists with different tags"));
                }
                return Ok(());
            }
            topics.insert(name.to_owned(), Topic { attributes: asked, tags, ..Topic::default() });
            Ok(())
        })?;
        Ok(Document::map().with("TopicArn", arn))
    }

    /// A topic that is not there is deleted already.
    pub(super) fn delete_topic(&self, input: Input<'_>) -> Result<Document, Fault> {
        let arn = input.required("TopicArn")?;
        let (region, name) = of_arn(arn).ok_or_else(|| invalid("TopicArn"))?;
        self.state.write(|state| {
            if let Some(topics) = state.regions.get_mut(region) {
                topics.remove(name);
            }
            Ok(Document::Nothing)
        })
    }

    pub(super) fn list_topics(&self, input: Input<'_>) -> Result<Document, Fault> {
        let names: Vec<String> = self.state.read(|state| {
            state.regions.get(input.region).into_iter().flatten().map(|(name, _)| name.clone()).collect()
        });
        let shown = names.into_iter().map(|name| {
            let shown = Document::map().with("TopicArn", arn(input.region, &name));
            (name, shown)
        });
        page(input, "Topics", shown.collect())
    }

    pub(super) fn get_topic_attributes(&self, input: Input<'_>) -> Result<Document, Fault> {
        let arn = input.required("TopicArn")?;
        self.state.read(|state| {
            let topic = state.topic(arn)?;
            let confirmed = topic.subscriptions.values().filter(|one| one.confirmed).count();
            let pending = topic.subscriptions.len() - confirmed;
            let mut shown = BTreeMap::from([
                ("TopicArn", arn.to_owned()),
                ("Owner", ACCOUNT.to_owned()),
                ("Policy", default_policy(arn).to_string()),
                ("DisplayName", String::new()),
                ("EffectiveDeliveryPolicy", DELIVERY.to_owned()),
                ("SubscriptionsConfirmed", confirmed.to_string()),
                ("SubscriptionsPending", pending.to_string()),
                ("SubscriptionsDeleted", "0".to_owned()),
            ]);
            if topic.is_fifo() {
                shown.insert("ContentBasedDeduplication", "false".to_owned());
                shown.insert("FifoThroughputScope", "Topic".to_owned());
            }
            shown.extend(topic.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())));
            let pairs = shown.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
            Ok(Document::map().with("Attributes", Document::Pairs(pairs.collect())))
        })
    }

    /// An empty value takes one away.
    pub(super) fn set_topic_attributes(&self, input: Input<'_>) -> Result<Document, Fault> {
        let (arn, name) = (input.required("TopicArn")?, input.required("AttributeName")?);
        let value = input.text("AttributeValue").unwrap_or_default();
        self.state.write(|state| {
            let topic = state.topic_mut(arn)?;
            check(name, value, topic.is_fifo())?;
            if value.is_empty() {
                topic.attributes.remove(name);
            } else {
                topic.attributes.insert(name.to_owned(), value.to_owned());
            }
            Ok(Document::Nothing)
        })
    }
}

/// <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>, "Name"
fn check_name(name: &str, fifo: bool) -> Result<(), Fault> {
    let plain = if fifo { name.strip_suffix(FIFO) } else { Some(name) };
    let well = |plain: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        !plain.is_empty() && name.len() <= 256 && plain.bytes().all(allowed)
    };
    if plain.is_some_and(well) {
        return Ok(());
    }
    Err(invalid(if fifo {
        "Topic Name Reason: Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long."
    } else {
        "Topic Name"
    }))
}

fn check(name: &str, value: &str, fifo: bool) -> Result<(), Fault> {
    if !KNOWN.contains(&name) {
        if name.ends_with("FeedbackRoleArn") || name.ends_with("FeedbackSampleRate") || name == "ArchivePolicy" {
            return Err(Fault::unsupported("SNS", &format!("the topic attribute {name}")));
        }
        return Err(invalid("AttributeName"));
    }
    let well = match name {
        "DisplayName" => value.chars().count() <= 100,
        "Policy" | "DeliveryPolicy" => {
            value.is_empty() || serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_object())
        }
        "ContentBasedDeduplication" => fifo && matches!(value, "true" | "false"),
        "FifoThroughputScope" => fifo && matches!(value, "Topic" | "MessageGroup"),
        "SignatureVersion" => matches!(value, "1" | "2"),
        "TracingConfig" => matches!(value, "PassThrough" | "Active"),
        _ => true,
    };
    if well { Ok(()) } else { Err(invalid(name)) }
}

/// One page of things, each with what comes before the next one.
pub(super) fn page(input: Input<'_>, member: &str, all: Vec<(String, Document)>) -> Result<Document, Fault> {
    let after = match input.text("NextToken").filter(|token| !token.is_empty()) {
        Some(token) => {
            let text = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(text.ok_or_else(|| invalid("NextToken"))?)
        }
        None => None,
    };
    let mut rest = all.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let mut last = None;
    let shown: Vec<Document> = rest
        .by_ref()
        .take(PAGE)
        .map(|(key, shown)| {
            last = Some(key);
            shown
        })
        .collect();
    let next = last.filter(|_| rest.next().is_some()).map(hex::encode);
    Ok(Document::map().with(member, shown).maybe("NextToken", next))
}
