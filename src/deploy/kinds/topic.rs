//! An SNS topic of `resources:`, with its subscribers that are no functions.
//!
//! A subscription cannot be tagged. Which subscribers are rzap's, tags of the topic say: they are there before
//! somebody is subscribed, and go after ([`subscribers`]). What others subscribed stays.
//! <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>

mod subscribers;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use aws_sdk_sns::types::Tag;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;

pub(crate) use self::subscribers::Endpoint;
use self::subscribers::Subscribed;
use super::Kind;
use crate::aws::{Cloud, explain, is_code};
use crate::deploy::names::resource_prefix;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Topics read at once.
const PARALLEL: usize = 4;

/// The key that SNS has in every account.
const OWN_KEY: &str = "alias/aws/sns";

/// What the names of FIFO topics end in.
const FIFO: &str = ".fifo";

/// How the Query protocol spells "no such topic".
pub(super) const GONE: &[&str] = &["NotFound", "NotFoundException"];

/// A topic.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Topic {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    pub(crate) display_name: String,
    /// With SNS's own key, or with one that somebody gave it.
    pub(crate) encrypted: bool,
    /// Of a FIFO topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_based_deduplication: Option<bool>,
    /// Who gets its messages, of those that rzap subscribes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) subscribers: BTreeSet<Endpoint>,
    /// As it was found.
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    subscribed: Subscribed,
    #[serde(skip)]
    arn: OnceLock<String>,
}

impl Topic {
    /// As it should be. `fifo` says whether it takes the hash of a message for its id.
    pub(crate) fn wanted(owner: &Owner, name: String, fifo: Option<bool>, encrypted: bool) -> Self {
        Self {
            name,
            owner: owner.clone(),
            display_name: String::new(),
            encrypted,
            content_based_deduplication: fifo,
            subscribers: BTreeSet::new(),
            key: String::new(),
            subscribed: Subscribed::default(),
            arn: OnceLock::new(),
        }
    }

    fn attributes(&self) -> BTreeMap<&'static str, String> {
        let key = if self.encrypted { OWN_KEY } else { "" };
        let mut attributes =
            BTreeMap::from([("DisplayName", self.display_name.clone()), ("KmsMasterKeyId", key.to_owned())]);
        if let Some(deduplicates) = self.content_based_deduplication {
            attributes.insert("ContentBasedDeduplication", deduplicates.to_string());
        }
        attributes
    }

    /// A key that somebody else gave it, who will know what for.
    fn has_foreign_key(&self) -> bool {
        !self.key.is_empty() && self.key != OWN_KEY
    }

    fn own_arn(&self, cloud: &Cloud) -> String {
        format!("arn:{}:sns:{}:{}:{}", cloud.partition, cloud.region, cloud.account, self.name)
    }

    /// One topic by its ARN; whose it is its tags say.
    async fn read(cloud: &Cloud, owner: &Owner, arn: String) -> Result<Found<Self>> {
        let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
        let attributes = cloud.sns.get_topic_attributes().topic_arn(&arn).send();
        let tags = cloud.sns.list_tags_for_resource().resource_arn(&arn).send();
        let (attributes, tags) = tokio::join!(attributes, tags);
        let tags = match tags {
            Ok(answer) => answer.tags.unwrap_or_default(),
            // Deleted between the listing and now.
            Err(error) if is_code(&error, GONE) || is_code(&error, &["ResourceNotFound"]) => return Ok(Found::none()),
            Err(error) => return Err(explain(format!("read the tags of the topic `{name}`"))(error)),
        };
        let tags: BTreeMap<&str, &str> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
        if !owner.owns(tags.iter().map(|(key, value)| (*key, *value))) {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Topic, name)] });
        }
        let live = match attributes {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) if is_code(&error, GONE) => return Ok(Found::none()),
            Err(error) => return Err(explain(format!("look at the topic `{name}`"))(error)),
        };
        let subscribed = Subscribed::read(cloud, &arn, tags.keys().copied()).await?;
        let text = |attribute: &str| live.get(attribute).cloned().unwrap_or_default();
        let key = text("KmsMasterKeyId");
        Ok(Found::ours(vec![Self {
            owner: owner.clone(),
            display_name: text("DisplayName"),
            encrypted: !key.is_empty(),
            content_based_deduplication: name.ends_with(FIFO).then(|| text("ContentBasedDeduplication") == "true"),
            name,
            subscribers: subscribed.ours(),
            key,
            subscribed,
            arn: OnceLock::from(arn),
        }]))
    }

    /// Makes it; `None` when there is one that differs.
    async fn create(&self, cloud: &Cloud) -> Result<Option<String>> {
        let tag = |(key, value): (String, String)| {
            Tag::builder().key(key).value(value).build().map_err(|error| self.wrong(&error))
        };
        let tags = self.owner.tags().into_iter().chain(self.subscribers.iter().map(Endpoint::tag));
        let tags = tags.map(tag).collect::<Result<Vec<_>>>()?;
        let mut attributes: HashMap<String, String> = self
            .attributes()
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        if self.content_based_deduplication.is_some() {
            attributes.insert("FifoTopic".to_owned(), "true".to_owned());
        }
        let call = cloud.sns.create_topic().name(&self.name).set_attributes(Some(attributes)).set_tags(Some(tags));
        match call.send().await {
            Ok(answer) => Ok(answer.topic_arn),
            // "Topic already exists with different tags", or attributes: what it is it will say itself.
            Err(error)
                if is_code(&error, &["InvalidParameter", "InvalidParameterException"])
                    && error.as_service_error().is_some_and(|error| error.to_string().contains("already exists")) =>
            {
                Ok(None)
            }
            Err(error) => Err(explain(format!("create the topic `{}`", self.name))(error)),
        }
    }

    fn wrong(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        Error::failed(format!("failed to describe the topic `{}`", self.name)).because(error)
    }
}

impl Resource for Topic {
    fn key(&self) -> Key {
        Key::new(Kind::Topic, &self.name)
    }

    /// Queues let it send before it does.
    fn after(&self) -> Vec<Key> {
        let queues = self.subscribers.iter().filter(|one| one.protocol == "sqs");
        queues.map(|one| Key::new(Kind::Queue, one.address.rsplit(':').next().unwrap_or_default())).collect()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:sns:{region}:{account}:{names}"];
        const ACTIONS: &[&str] = &[
            "sns:CreateTopic",
            "sns:DeleteTopic",
            "sns:GetTopicAttributes",
            "sns:SetTopicAttributes",
            "sns:ListTagsForResource",
            "sns:TagResource",
            "sns:UntagResource",
            "sns:ListSubscriptionsByTopic",
            "sns:Subscribe",
        ];
        vec![Need::anywhere(&["sns:ListTopics", "sns:Unsubscribe"]), Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = resource_prefix(owner);
        let mut arns = Vec::new();
        let mut pages = cloud.sns.list_topics().into_paginator().items().send();
        while let Some(topic) = pages.next().await {
            let arn = topic.map_err(explain("list the topics"))?.topic_arn.unwrap_or_default();
            arns.extend(arn.rsplit(':').next().is_some_and(|name| name.starts_with(&prefix)).then(|| arn.clone()));
        }
        let found: Vec<Found<Self>> = stream::iter(arns)
            .map(|arn| Self::read(cloud, owner, arn))
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().collect())
    }

    fn seen_of(&self, live: &Self) -> Value {
        let encrypted = if live.has_foreign_key() { self.encrypted } else { live.encrypted };
        serde_json::to_value(Self { encrypted, ..live.clone() }).unwrap_or(Value::Null)
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let read;
        let live = if let Some(live) = live {
            live
        } else {
            if let Some(arn) = self.create(cloud).await? {
                return self.subscribe(cloud, &arn, &Subscribed::remembering(&self.subscribers)).await;
            }
            let mut found = Self::read(cloud, &self.owner, self.own_arn(cloud)).await?;
            if !found.foreign.is_empty() {
                return Err(self.key().not_ours(&self.owner));
            }
            let gone =
                || Error::failed(format!("the topic `{}` went away", self.name)).hint("run the same command again");
            read = found.ours.pop().ok_or_else(gone)?;
            &read
        };
        let arn = live.arn.get().cloned().unwrap_or_else(|| self.own_arn(cloud));
        let there = live.attributes();
        for (attribute, value) in self.attributes() {
            let foreign = attribute == "KmsMasterKeyId" && live.has_foreign_key();
            if there.get(attribute) == Some(&value) || foreign {
                continue;
            }
            let call =
                cloud.sns.set_topic_attributes().topic_arn(&arn).attribute_name(attribute).attribute_value(value);
            call.send().await.map_err(explain(format!("set {attribute} of the topic `{}`", self.name)))?;
        }
        self.subscribe(cloud, &arn, &live.subscribed).await
    }

    /// Its subscriptions go with it.
    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let arn = self.arn.get().cloned().unwrap_or_else(|| self.own_arn(cloud));
        match cloud.sns.delete_topic().topic_arn(arn).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, GONE) => Ok(()),
            Err(error) => Err(explain(format!("delete the topic `{}`", self.name))(error)),
        }
    }
}
