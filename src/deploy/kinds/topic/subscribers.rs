//! A topic's subscribers that are no functions: addresses, URLs and queues.
//!
//! Whoever has an address gets a mail from AWS and has to confirm it; until then the subscription has no ARN and
//! cannot be taken back (AWS drops it after three days, or with the topic).
//! <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sns::types::Tag;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{GONE, Topic};
use crate::aws::{Cloud, explain, is_code, say};
use crate::error::Result;

/// What the keys of the tags begin with that say whom rzap has subscribed.
const TAG: &str = "rzap:subscriber:";

/// Who gets messages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    /// `email`, `https` or `sqs`.
    pub(crate) protocol: String,
    /// An address, a URL, an ARN.
    pub(crate) address: String,
}

impl Endpoint {
    pub(crate) fn new(protocol: &str, address: impl Into<String>) -> Self {
        Self { protocol: protocol.to_owned(), address: address.into() }
    }

    /// The tag that remembers it, key and value. A URL may have characters that no tag takes.
    pub(super) fn tag(&self) -> (String, String) {
        let hash = Sha256::digest(format!("{} {}", self.protocol, self.address).as_bytes());
        (format!("{TAG}{}", hex::encode(&hash[..8])), self.protocol.clone())
    }

    /// Whether it counts only when somebody has confirmed it.
    fn confirms(&self) -> bool {
        self.protocol == "email"
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} {}", self.protocol, self.address))
    }
}

/// Who is subscribed, and of whom the tags speak.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscribed {
    /// Their subscriptions' ARNs; `None` until they are confirmed.
    all: BTreeMap<Endpoint, Option<String>>,
    /// Keys of tags.
    remembered: BTreeSet<String>,
}

impl Subscribed {
    /// Of a topic that was made with the tags for these and has nobody yet.
    pub(super) fn remembering(wanted: &BTreeSet<Endpoint>) -> Self {
        Self { all: BTreeMap::new(), remembered: wanted.iter().map(|one| one.tag().0).collect() }
    }

    /// `tags` are the keys of the topic's.
    pub(super) async fn read<'a>(cloud: &Cloud, topic: &str, tags: impl Iterator<Item = &'a str>) -> Result<Self> {
        let remembered: BTreeSet<String> = tags.filter(|key| key.starts_with(TAG)).map(str::to_owned).collect();
        let mut all = BTreeMap::new();
        if remembered.is_empty() {
            return Ok(Self { all, remembered });
        }
        let mut pages = cloud.sns.list_subscriptions_by_topic().topic_arn(topic).into_paginator().items().send();
        while let Some(one) = pages.next().await {
            let one = match one {
                Ok(one) => one,
                Err(error) if is_code(&error, GONE) => break,
                Err(error) => return Err(explain(format!("list the subscriptions of {topic}"))(error)),
            };
            let arn = one.subscription_arn.unwrap_or_default();
            // What somebody cancelled is shown for a while, as "Deleted".
            if arn != "Deleted" {
                let endpoint = Endpoint::new(&one.protocol.unwrap_or_default(), one.endpoint.unwrap_or_default());
                all.insert(endpoint, Some(arn).filter(|arn| arn.starts_with("arn:")));
            }
        }
        Ok(Self { all, remembered })
    }

    /// Those that rzap has subscribed.
    pub(super) fn ours(&self) -> BTreeSet<Endpoint> {
        self.all.keys().filter(|one| self.remembered.contains(&one.tag().0)).cloned().collect()
    }
}

impl Topic {
    /// Subscribes who is missing and takes back who is not wanted any more, nobody else.
    pub(super) async fn subscribe(&self, cloud: &Cloud, topic: &str, there: &Subscribed) -> Result<()> {
        let wanted: BTreeMap<String, String> = self.subscribers.iter().map(Endpoint::tag).collect();
        let fresh: Vec<_> = wanted.iter().filter(|(key, _)| !there.remembered.contains(*key)).collect();
        if !fresh.is_empty() {
            let tags: std::result::Result<Vec<_>, _> =
                fresh.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
            let tags = tags.map_err(|error| self.wrong(&error))?;
            let call = cloud.sns.tag_resource().resource_arn(topic).set_tags(Some(tags));
            call.send().await.map_err(explain(format!("tag the topic `{}`", self.name)))?;
        }
        for endpoint in self.subscribers.iter().filter(|one| !there.all.contains_key(one)) {
            let call = cloud.sns.subscribe().topic_arn(topic).protocol(&endpoint.protocol).endpoint(&endpoint.address);
            let what = || format!("subscribe {} to the topic `{}`", endpoint.address, self.name);
            call.send().await.map_err(|error| explain(what())(error))?;
            if endpoint.confirms() {
                say("AWS has sent a mail that asks to confirm the subscription");
            }
        }
        let gone: Vec<&String> = there.remembered.iter().filter(|key| !wanted.contains_key(*key)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        for (endpoint, arn) in &there.all {
            let Some(arn) = arn.as_ref().filter(|_| gone.contains(&&endpoint.tag().0)) else { continue };
            match cloud.sns.unsubscribe().subscription_arn(arn).send().await {
                Ok(_) => {}
                Err(error) if is_code(&error, GONE) => {}
                Err(error) => {
                    let what = format!("take back the subscription of {} to `{}`", endpoint.address, self.name);
                    return Err(explain(what)(error));
                }
            }
        }
        let call =
            cloud.sns.untag_resource().resource_arn(topic).set_tag_keys(Some(gone.into_iter().cloned().collect()));
        call.send().await.map_err(explain(format!("untag the topic `{}`", self.name)))?;
        Ok(())
    }
}
