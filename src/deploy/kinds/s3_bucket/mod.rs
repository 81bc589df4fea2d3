//! An S3 bucket of `resources:` — not the artifact bucket, which is [`Bucket`](super::Bucket).
//!
//! Its name says account and region, for names are global. What is in it is data: it goes when somebody allows
//! that, and then with all versions and half-made uploads.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>

mod contents;
mod event_bridge;
mod settings;

use std::time::Duration;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, Tag};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use self::contents::Contents;
use super::Kind;
use super::attempt::Made;
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::config::resources as config;
use crate::config::resources::Cors;
use crate::deploy::loss::Loss;
use crate::deploy::names::bucket_prefix;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, OrFailed as _, Result};

/// Buckets read at once.
const PARALLEL: usize = 4;

/// Days after which the parts of an upload that nobody finished go.
const TORN_DAYS: i32 = 7;

/// A bucket.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct S3Bucket {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// All four switches of the public access block are on.
    pub(crate) private: bool,
    /// The default encryption, as S3 spells it.
    pub(crate) encryption: Option<String>,
    /// Older versions are kept.
    pub(crate) versioned: bool,
    /// Days after which objects go.
    pub(crate) expire_after_days: Option<i32>,
    /// Days after which older versions go.
    pub(crate) versions_expire_after_days: Option<i32>,
    /// Days after which the parts of an upload that nobody finished go.
    pub(crate) torn_uploads_expire_after_days: Option<i32>,
    /// Which pages of other origins may do what.
    pub(crate) cors: Vec<Cors>,
    /// `EventBridge` is told what happens to objects.
    pub(crate) event_bridge: bool,
    /// What was in it.
    #[serde(skip)]
    contents: Contents,
}

impl S3Bucket {
    /// As it should be.
    pub(crate) fn wanted(owner: &Owner, name: String, config: &config::Bucket) -> Self {
        let days = |days: Option<u32>| days.map(|days| i32::try_from(days).unwrap_or(i32::MAX));
        Self {
            name,
            owner: owner.clone(),
            private: true,
            encryption: Some("AES256".to_owned()),
            versioned: config.versioned,
            expire_after_days: days(config.expire),
            versions_expire_after_days: days(config.expire_versions),
            torn_uploads_expire_after_days: Some(TORN_DAYS),
            cors: config.cors.iter().cloned().collect(),
            event_bridge: config.eventbridge,
            contents: Contents::default(),
        }
    }

    /// One bucket by its name; whose it is its tags say.
    async fn read(cloud: &Cloud, owner: &Owner, name: String) -> Result<Found<Self>> {
        let Some(ours) = is_ours(cloud, owner, &name).await? else { return Ok(Found::none()) };
        if !ours {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::S3Bucket, name)] });
        }
        let (private, encryption, versioned, rules, cors, event_bridge, contents) = tokio::try_join!(
            settings::is_private(cloud, &name),
            settings::encryption(cloud, &name),
            settings::is_versioned(cloud, &name),
            settings::rules(cloud, &name),
            settings::cors(cloud, &name),
            event_bridge::is_on(cloud, &name),
            Contents::look(cloud, &name),
        )?;
        let [expire_after_days, versions_expire_after_days, torn_uploads_expire_after_days] = settings::days(&rules);
        Ok(Found::ours(vec![Self {
            name,
            owner: owner.clone(),
            private,
            encryption,
            versioned,
            expire_after_days,
            versions_expire_after_days,
            torn_uploads_expire_after_days,
            cors,
            event_bridge,
            contents,
        }]))
    }

    async fn create(&self, cloud: &Cloud) -> Result<Made> {
        let what = || format!("create the bucket `{}`", self.name);
        // us-east-1 is the one region that must not be named.
        let place = (cloud.region != "us-east-1").then(|| BucketLocationConstraint::from(cloud.region.as_str()));
        let tags = self.owner.tags().into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags: Vec<Tag> = tags.collect::<std::result::Result<_, _>>().or_failed(what)?;
        let configuration =
            CreateBucketConfiguration::builder().set_location_constraint(place).set_tags(Some(tags)).build();
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5), Duration::from_mins(3));
        loop {
            let call = cloud.s3.create_bucket().bucket(&self.name);
            let Err(error) = call.create_bucket_configuration(configuration.clone()).send().await else {
                return Ok(Made::Now);
            };
            match code(&error) {
                Some("BucketAlreadyOwnedByYou") => return Ok(Made::Before),
                Some("BucketAlreadyExists") => {
                    let error = explain(what())(error);
                    return Err(error.hint(
                        "bucket names are global, and another account has this one: rename the resource in rzap.yaml",
                    ));
                }
                // The name was deleted a moment ago, or somebody is creating it right now.
                Some("OperationAborted") => {
                    say("waiting until S3 frees the bucket's name");
                    if backoff.sleep().await {
                        continue;
                    }
                }
                _ => {}
            }
            return Err(explain(what())(error));
        }
    }

    /// What of `live` this one would let expire that is there today.
    fn expiring(&self, live: &Self) -> impl Iterator<Item = String> {
        let sooner = |new: Option<i32>, old: Option<i32>| new.filter(|new| old.is_none_or(|old| *new < old));
        let objects = sooner(self.expire_after_days, live.expire_after_days);
        let versions = sooner(self.versions_expire_after_days, live.versions_expire_after_days);
        let of =
            |days: Option<i32>, what: &str| days.map(|days| format!("every {what} that is older than {days} days"));
        of(objects, "object").into_iter().chain(of(versions, "former version"))
    }
}

/// Whether the tags of a bucket say that it is this stage's; `None` when it is not there.
async fn is_ours(cloud: &Cloud, owner: &Owner, name: &str) -> Result<Option<bool>> {
    match cloud.s3.get_bucket_tagging().bucket(name).send().await {
        Ok(answer) => Ok(Some(owner.owns(answer.tag_set().iter().map(|tag| (tag.key(), tag.value()))))),
        Err(error) if is_code(&error, &["NoSuchTagSet"]) => Ok(Some(false)),
        Err(error) if is_code(&error, &["NoSuchBucket"]) => Ok(None),
        Err(error) => Err(explain(format!("read the tags of the bucket `{name}`"))(error)),
    }
}

impl Resource for S3Bucket {
    fn key(&self) -> Key {
        Key::new(Kind::S3Bucket, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:s3:::{names}"];
        const ACTIONS: &[&str] = &[
            "s3:CreateBucket",
            "s3:DeleteBucket",
            "s3:TagResource",
            "s3:GetBucketTagging",
            "s3:ListBucketVersions",
            "s3:GetEncryptionConfiguration",
            "s3:PutEncryptionConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:GetBucketPublicAccessBlock",
            "s3:PutBucketPublicAccessBlock",
            "s3:GetBucketVersioning",
            "s3:PutBucketVersioning",
            "s3:GetBucketCORS",
            "s3:PutBucketCORS",
            "s3:GetBucketNotification",
            "s3:PutBucketNotification",
            "s3:ListBucketMultipartUploads",
        ];
        const IN: &[&str] = &["arn:{partition}:s3:::{names}/*"];
        const EMPTYING: &[&str] = &["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion"];
        vec![Need::anywhere(&["s3:ListAllMyBuckets"]), Need::on(ON, ACTIONS), Need::on(IN, EMPTYING)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = bucket_prefix(owner, &cloud.account, &cloud.region);
        let mut names = Vec::new();
        let call = cloud.s3.list_buckets().prefix(&prefix).bucket_region(&cloud.region).max_buckets(1000);
        let mut pages = call.into_paginator().items().send();
        while let Some(bucket) = pages.next().await {
            names.extend(bucket.map_err(explain("list the buckets"))?.name);
        }
        let suffix = format!("-{}-{}", cloud.account, cloud.region);
        names.retain(|name| name.starts_with(&prefix) && name.ends_with(&suffix));
        let found: Vec<Found<Self>> = stream::iter(names)
            .map(|name| Self::read(cloud, owner, name))
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().collect())
    }

    /// What is in it.
    fn losses(&self) -> Vec<Loss> {
        self.contents.describe().map(Loss::of_data).into_iter().collect()
    }

    /// What is older than a new rule allows goes within a day.
    fn change_losses(&self, live: &Self) -> Vec<Loss> {
        if live.contents.is_empty() { Vec::new() } else { self.expiring(live).map(Loss::of_data).collect() }
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        if live.is_none() && self.create(cloud).await? == Made::Before {
            // Between the look around and now: by us, when an answer was lost, or by somebody else.
            if is_ours(cloud, &self.owner, &self.name).await? != Some(true) {
                return Err(self.key().not_ours(&self.owner));
            }
        }
        // One after the other: S3 answers changes of one bucket at the same time with `OperationAborted`.
        if !live.is_some_and(|live| live.private) {
            self.make_private(cloud).await?;
        }
        if live.is_none_or(|live| live.encryption != self.encryption) {
            self.encrypt(cloud).await?;
        }
        if live.map_or(self.versioned, |live| live.versioned != self.versioned) {
            self.set_versioning(cloud).await?;
        }
        if live.is_none_or(|live| live.ages() != self.ages()) {
            self.expire(cloud).await?;
        }
        if live.map_or(!self.cors.is_empty(), |live| live.cors != self.cors) {
            self.open_to_pages(cloud).await?;
        }
        if live.map_or(self.event_bridge, |live| live.event_bridge != self.event_bridge) {
            event_bridge::switch(cloud, &self.name, self.event_bridge).await?;
        }
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("delete the bucket `{}`", self.name);
        let mut backoff = Backoff::propagation();
        loop {
            // Only what was known of when somebody allowed it: what came since is not lost silently.
            if !self.contents.is_empty() {
                contents::empty(cloud, &self.name).await?;
            }
            contents::abort_uploads(cloud, &self.name).await?;
            match cloud.s3.delete_bucket().bucket(&self.name).expected_bucket_owner(&cloud.account).send().await {
                Ok(_) => return Ok(()),
                Err(error) if is_code(&error, &["NoSuchBucket"]) => return Ok(()),
                Err(error) if is_code(&error, &["BucketNotEmpty"]) && self.contents.is_empty() => {
                    let error = Error::failed(format!("failed to {}: it was empty, and is not any more", what()));
                    return Err(error.hint("run the same command again: it says what is in it"));
                }
                // Somebody still writes into it.
                Err(error) if is_code(&error, &["BucketNotEmpty"]) && backoff.sleep().await => {
                    say("waiting until nobody writes into it any more");
                }
                Err(error) => return Err(explain(what())(error)),
            }
        }
    }
}
