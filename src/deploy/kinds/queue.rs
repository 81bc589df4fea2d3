//! An SQS queue of `resources:`.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>

mod policy;

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::{Value, json};

use self::policy::Policy;
pub(crate) use self::policy::Sender;
use super::Kind;
use super::attempt::Made;
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::config::resources as config;
use crate::deploy::loss::Loss;
use crate::deploy::names::resource_prefix;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Queues read at once.
const PARALLEL: usize = 8;

/// How the answers of both protocols spell "no such queue".
const GONE: &[&str] = &["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"];
/// "You must wait 60 seconds after deleting a queue before you can create another with the same name."
const RESTS: &[&str] = &["AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently"];

/// A queue.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Queue {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// Seconds.
    pub(crate) visibility_timeout: u32,
    /// Seconds.
    pub(crate) retention: u32,
    /// Seconds.
    pub(crate) delay: u32,
    /// Bytes.
    pub(crate) max_message_size: u32,
    /// With a key of SQS's own.
    pub(crate) encrypted: bool,
    /// Of a FIFO queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_based_deduplication: Option<bool>,
    /// Where messages go that nobody could handle.
    pub(crate) dead_letters: Option<DeadLetters>,
    /// Services that may send to it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) senders: BTreeSet<Sender>,
    /// As it was found.
    #[serde(skip)]
    policy: Policy,
    /// The name of that queue when it is one of the stage's.
    #[serde(skip)]
    after: Option<String>,
    /// Where it was found.
    #[serde(skip)]
    url: OnceLock<String>,
    /// About how many messages were in it.
    #[serde(skip)]
    messages: u64,
}

/// What becomes of messages that nobody could handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DeadLetters {
    /// An ARN.
    pub(crate) queue: String,
    /// How often a message is received before.
    pub(crate) max_receives: u32,
}

impl Queue {
    /// As it should be.
    pub(crate) fn wanted(owner: &Owner, name: String, config: &config::Queue, visibility_timeout: u32) -> Self {
        Self {
            name,
            owner: owner.clone(),
            visibility_timeout,
            retention: config.retention,
            delay: config.delay,
            max_message_size: config.max_message_size,
            encrypted: true,
            content_based_deduplication: config.fifo.then_some(config.content_based_deduplication),
            dead_letters: None,
            senders: BTreeSet::new(),
            policy: Policy::default(),
            after: None,
            url: OnceLock::new(),
            messages: 0,
        }
    }

    /// Sends what nobody could handle to another queue of the stage: its name and its ARN.
    pub(crate) fn send_dead_letters(&mut self, name: String, arn: String, max_receives: u32) {
        (self.after, self.dead_letters) = (Some(name), Some(DeadLetters { queue: arn, max_receives }));
    }

    /// Those to set where `policy` is what there is.
    fn attributes(&self, cloud: &Cloud, policy: &Policy) -> HashMap<Attribute, String> {
        let redrive = self.dead_letters.as_ref().map_or_else(String::new, |letters| {
            json!({"deadLetterTargetArn": letters.queue, "maxReceiveCount": letters.max_receives}).to_string()
        });
        let mut attributes = HashMap::from([
            (Attribute::VisibilityTimeout, self.visibility_timeout.to_string()),
            (Attribute::MessageRetentionPeriod, self.retention.to_string()),
            (Attribute::DelaySeconds, self.delay.to_string()),
            (Attribute::MaximumMessageSize, self.max_message_size.to_string()),
            (Attribute::SqsManagedSseEnabled, self.encrypted.to_string()),
            (Attribute::RedrivePolicy, redrive),
        ]);
        if let Some(deduplicates) = self.content_based_deduplication {
            attributes.insert(Attribute::ContentBasedDeduplication, deduplicates.to_string());
        }
        let arn = format!("arn:{}:sqs:{}:{}:{}", cloud.partition, cloud.region, cloud.account, self.name);
        attributes.extend(policy.with(&self.senders, &arn).map(|policy| (Attribute::Policy, policy)));
        attributes
    }

    fn found(owner: &Owner, name: String, url: String, live: &HashMap<Attribute, String>) -> Self {
        let text = |attribute: &Attribute| live.get(attribute).map(String::as_str).unwrap_or_default();
        let number = |attribute: &Attribute| text(attribute).parse().unwrap_or_default();
        let redrive: Value = serde_json::from_str(text(&Attribute::RedrivePolicy)).unwrap_or(Value::Null);
        // Some write the count as text, some as a number; AWS takes both.
        let receives = &redrive["maxReceiveCount"];
        let receives = receives.as_u64().or_else(|| receives.as_str()?.parse().ok());
        let dead_letters = redrive["deadLetterTargetArn"].as_str().map(|queue| DeadLetters {
            queue: queue.to_owned(),
            max_receives: receives.and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
        });
        let fifo = text(&Attribute::FifoQueue) == "true";
        let after = dead_letters.as_ref().and_then(|letters| letters.queue.rsplit(':').next()).map(str::to_owned);
        let policy = Policy::read(text(&Attribute::Policy));
        let waiting = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
            Attribute::ApproximateNumberOfMessagesDelayed,
        ];
        Self {
            name,
            owner: owner.clone(),
            visibility_timeout: number(&Attribute::VisibilityTimeout),
            retention: number(&Attribute::MessageRetentionPeriod),
            delay: number(&Attribute::DelaySeconds),
            max_message_size: number(&Attribute::MaximumMessageSize),
            encrypted: text(&Attribute::SqsManagedSseEnabled) == "true",
            content_based_deduplication: fifo.then(|| text(&Attribute::ContentBasedDeduplication) == "true"),
            dead_letters,
            after,
            senders: policy.senders.clone(),
            policy,
            url: OnceLock::from(url),
            messages: waiting.iter().map(|attribute| text(attribute).parse::<u64>().unwrap_or_default()).sum(),
        }
    }

    /// One queue by its URL; whose it is its tags say.
    async fn read(cloud: &Cloud, owner: &Owner, url: String) -> Result<Found<Self>> {
        let name = url.rsplit('/').next().unwrap_or_default().to_owned();
        let attributes = cloud.sqs.get_queue_attributes().queue_url(&url).attribute_names(Attribute::All).send();
        let tags = cloud.sqs.list_queue_tags().queue_url(&url).send();
        let (attributes, tags) = tokio::join!(attributes, tags);
        let tags = match tags {
            Ok(answer) => answer.tags.unwrap_or_default(),
            // Deleted between the listing and now.
            Err(error) if is_code(&error, GONE) => return Ok(Found::none()),
            Err(error) => return Err(explain(format!("read the tags of the queue `{name}`"))(error)),
        };
        if !owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Queue, name)] });
        }
        match attributes {
            Ok(answer) => Ok(Found::ours(vec![Self::found(owner, name, url, &answer.attributes.unwrap_or_default())])),
            Err(error) if is_code(&error, GONE) => Ok(Found::none()),
            Err(error) => Err(explain(format!("look at the queue `{name}`"))(error)),
        }
    }

    async fn create(&self, cloud: &Cloud) -> Result<Made> {
        let what = || format!("create the queue `{}`", self.name);
        let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(90));
        loop {
            let mut call = cloud.sqs.create_queue().queue_name(&self.name).set_tags(Some(self.owner.tags().into()));
            for (attribute, value) in self.attributes(cloud, &Policy::default()) {
                // An empty policy is how one is taken away; a new queue has none.
                if !value.is_empty() {
                    call = call.attributes(attribute, value);
                }
            }
            if self.content_based_deduplication.is_some() {
                call = call.attributes(Attribute::FifoQueue, "true");
            }
            match call.send().await {
                Ok(_) => return Ok(Made::Now),
                // With other attributes: it was made between the look around and now.
                Err(error) if is_code(&error, &["QueueAlreadyExists", "QueueNameExists"]) => return Ok(Made::Before),
                Err(error) if is_code(&error, RESTS) => {
                    say("waiting until the name can be used again, 60 s after a queue was deleted");
                    if !backoff.sleep().await {
                        return Err(explain(what())(error));
                    }
                }
                Err(error) => return Err(explain(what())(error)),
            }
        }
    }

    async fn url(&self, cloud: &Cloud) -> Result<Option<String>> {
        if let Some(url) = self.url.get() {
            return Ok(Some(url.clone()));
        }
        match cloud.sqs.get_queue_url().queue_name(&self.name).send().await {
            Ok(answer) => Ok(answer.queue_url),
            Err(error) if is_code(&error, GONE) => Ok(None),
            Err(error) => Err(explain(format!("look for the queue `{}`", self.name))(error)),
        }
    }
}

impl Resource for Queue {
    fn key(&self) -> Key {
        Key::new(Kind::Queue, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        self.after.iter().map(|name| Key::new(Kind::Queue, name)).collect()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:sqs:{region}:{account}:{names}"];
        const ACTIONS: &[&str] = &[
            "sqs:CreateQueue",
            "sqs:DeleteQueue",
            "sqs:GetQueueAttributes",
            "sqs:SetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:ListQueueTags",
            "sqs:TagQueue",
        ];
        vec![Need::anywhere(&["sqs:ListQueues"]), Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = resource_prefix(owner);
        let mut urls = Vec::new();
        let mut pages =
            cloud.sqs.list_queues().queue_name_prefix(&prefix).max_results(1000).into_paginator().items().send();
        while let Some(url) = pages.next().await {
            urls.push(url.map_err(explain("list the queues"))?);
        }
        let found: Vec<Found<Self>> = stream::iter(urls)
            .map(|url| Self::read(cloud, owner, url))
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().collect())
    }

    /// Its messages, if there are any.
    fn losses(&self) -> Vec<Loss> {
        let many = if self.messages == 1 { "message" } else { "messages" };
        let loss = || Loss::of_data(format!("about {} {many}", self.messages));
        (self.messages > 0).then(loss).into_iter().collect()
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let (url, policy) = match live {
            Some(live) => (live.url.get().cloned(), live.policy.clone()),
            None if self.create(cloud).await? == Made::Now => return Ok(()),
            None => {
                let url = self.url(cloud).await?;
                let mut found = match &url {
                    Some(url) => Self::read(cloud, &self.owner, url.clone()).await?,
                    None => Found::none(),
                };
                if !found.foreign.is_empty() {
                    return Err(self.key().not_ours(&self.owner));
                }
                (url, found.ours.pop().map(|live| live.policy).unwrap_or_default())
            }
        };
        let Some(url) = url else {
            return Err(
                Error::failed(format!("the queue `{}` went away", self.name)).hint("run the same command again")
            );
        };
        let call =
            cloud.sqs.set_queue_attributes().queue_url(url).set_attributes(Some(self.attributes(cloud, &policy)));
        call.send().await.map_err(explain(format!("update the queue `{}`", self.name)))?;
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let Some(url) = self.url(cloud).await? else { return Ok(()) };
        match cloud.sqs.delete_queue().queue_url(url).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error).is_some_and(|code| GONE.contains(&code)) => Ok(()),
            Err(error) => Err(explain(format!("delete the queue `{}`", self.name))(error)),
        }
    }
}
