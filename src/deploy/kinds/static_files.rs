//! The static files of an app in the artifact bucket: one object for each content, under its hash, shared
//! by all stages.
//!
//! One resource for all of them: a plan says how many of those a stage needs are there. Nothing is ever
//! changed under its name, so what an earlier release serves stays whole while a new one is made ready,
//! and after it. Unlike packages they do not expire: a function reads them for as long as it lives. They
//! go with the app's last stage.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;

use super::{Bucket, Kind};
use crate::aws::{Cloud, explain, is_code, say};
use crate::config::StageConfig;
use crate::deploy::names::{bucket_name, stage_prefix, static_prefix};
use crate::deploy::needs::Need;
use crate::deploy::objects::sizes_below;
use crate::deploy::resource::{Found, Key, Orphan, Owner, Resource};
use crate::error::{Error, OrFailed as _, Result};
use crate::package::StaticObject;

/// Uploads under way at once: most files are small, and waiting is what takes the time.
const PARALLEL: usize = 16;

/// Objects of one deletion. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
const DELETIONS: usize = 1_000;

/// The variable that tells a function where its files are: `{bucket}/{prefix}`.
pub(crate) const PLACE: &str = "RZAP_STATIC";

/// The static files of an app, as far as a stage needs them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StaticFiles {
    /// Files and compressed variants, each content once.
    pub(crate) objects: usize,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
    #[serde(skip)]
    pub(crate) bucket: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// The files on this machine, by hash; empty for what was found.
    #[serde(skip)]
    wanted: BTreeMap<String, StaticObject>,
    /// Hash and bytes of what was found.
    #[serde(skip)]
    found: BTreeMap<String, u64>,
    /// Whether another stage of the app may still need them.
    #[serde(skip)]
    shared: bool,
}

impl StaticFiles {
    /// As they should be; `None` when the stage serves none.
    pub(crate) fn wanted<'a>(
        owner: &Owner,
        bucket: &str,
        objects: impl Iterator<Item = &'a StaticObject>,
    ) -> Option<Self> {
        let wanted: BTreeMap<_, _> = objects.map(|object| (object.sha256.clone(), object.clone())).collect();
        (!wanted.is_empty()).then(|| Self {
            objects: wanted.len(),
            bytes: wanted.values().map(|object| object.size).sum(),
            wanted,
            ..Self::found(owner, bucket, BTreeMap::new())
        })
    }

    fn found(owner: &Owner, bucket: &str, found: BTreeMap<String, u64>) -> Self {
        Self {
            objects: found.len(),
            bytes: found.values().sum(),
            bucket: bucket.to_owned(),
            owner: owner.clone(),
            wanted: BTreeMap::new(),
            found,
            shared: false,
        }
    }

    /// What a function with static files waits for.
    pub(crate) fn key_of(place: &str) -> Option<Key> {
        place.split_once('/').map(|(_, prefix)| Key::new(Kind::StaticFiles, prefix))
    }

    fn prefix(&self) -> String {
        static_prefix(&self.owner.app)
    }

    /// Hash and bytes of what is there.
    async fn look(cloud: &Cloud, bucket: &str, app: &str) -> Result<BTreeMap<String, u64>> {
        let prefix = static_prefix(app);
        match sizes_below(cloud, bucket, &prefix).await {
            Err(error) => Err(Bucket::not_listed(cloud, bucket, &prefix, error).await),
            Ok(sizes) => Ok(sizes
                .into_iter()
                .filter_map(|(key, size)| Some((key.strip_prefix(&prefix)?.to_owned(), size)))
                .collect()),
        }
    }

    /// Whether another stage of the app has something in the bucket.
    async fn others(cloud: &Cloud, bucket: &str, owner: &Owner) -> Result<bool> {
        let prefix = format!("{}/", owner.app);
        let own = [stage_prefix(owner), static_prefix(&owner.app)];
        let mut pages =
            cloud.s3.list_objects_v2().bucket(bucket).prefix(&prefix).delimiter("/").into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(explain(format!("list s3://{bucket}/{prefix}")))?;
            let names = page.common_prefixes().iter().filter_map(|stage| stage.prefix());
            if names.into_iter().any(|name| !own.iter().any(|own| own == name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn upload(&self, cloud: &Cloud, object: &StaticObject) -> Result<()> {
        let what = || format!("upload the static file {}", object.file.display());
        let body = ByteStream::from_path(&object.file).await.or_failed(what)?;
        let hash = hex::decode(&object.sha256).or_failed(what)?;
        let call = cloud.s3.put_object().bucket(&self.bucket).key(format!("{}{}", self.prefix(), object.sha256));
        // S3 refuses what does not have this hash: nothing else can ever come to lie under it.
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>
        let call = call.checksum_sha256(STANDARD.encode(hash)).content_type(&object.content_type);
        match call.expected_bucket_owner(&cloud.account).body(body).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["BadDigest", "XAmzContentChecksumMismatch"]) => {
                let error = Error::failed(format!("failed to {}: it has just changed", what()));
                Err(error.hint("run the command again"))
            }
            Err(error) => Err(explain(what())(error)),
        }
    }
}

impl Resource for StaticFiles {
    fn key(&self) -> Key {
        Key::new(Kind::StaticFiles, self.prefix())
    }

    fn after(&self) -> Vec<Key> {
        vec![Key::new(Kind::Bucket, &self.bucket)]
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:s3:::{bucket}/{app}/_static/*"];
        let some = |stage: &StageConfig| stage.functions.values().any(|function| function.web.static_files.is_some());
        vec![Need::on(ON, &["s3:PutObject", "s3:DeleteObject"]).when(some)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let bucket = bucket_name(&cloud.account, &cloud.region);
        let found = Self::look(cloud, &bucket, &owner.app).await?;
        if found.is_empty() {
            return Ok(Found::none());
        }
        let shared = Self::others(cloud, &bucket, owner).await?;
        Ok(Found::ours(vec![Self { shared, ..Self::found(owner, &bucket, found) }]))
    }

    fn seen_of(&self, live: &Self) -> Value {
        let needed = |(sha256, size): &(&String, &u64)| self.wanted.get(*sha256).is_some_and(|it| it.size == **size);
        let there = live.found.iter().filter(needed).map(|(sha256, size)| (sha256.clone(), *size));
        serde_json::to_value(Self::found(&self.owner, &self.bucket, there.collect())).unwrap_or(Value::Null)
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let is_there =
            |object: &StaticObject| live.is_some_and(|it| it.found.get(&object.sha256) == Some(&object.size));
        let missing: Vec<&StaticObject> = self.wanted.values().filter(|object| !is_there(object)).collect();
        let (all, done) = (missing.len(), AtomicUsize::new(0));
        stream::iter(missing)
            .map(|object| async {
                self.upload(cloud, object).await?;
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                // Ten words are enough, however many files there are.
                if done * 10 / all > (done - 1) * 10 / all {
                    say(&format!("{done} of {all}"));
                }
                Ok::<_, Error>(())
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        // Somebody deployed another stage in the meantime: then they stay, and rightly so.
        if Self::others(cloud, &self.bucket, &self.owner).await? {
            return Ok(());
        }
        let keys: Vec<String> = self.found.keys().map(|sha256| format!("{}{sha256}", self.prefix())).collect();
        let what = || format!("delete the static files in s3://{}/{}", self.bucket, self.prefix());
        for keys in keys.chunks(DELETIONS) {
            let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
            let objects = objects.collect::<std::result::Result<_, _>>().or_failed(what)?;
            let all = Delete::builder().set_objects(Some(objects)).quiet(true).build().or_failed(what)?;
            let call = cloud.s3.delete_objects().bucket(&self.bucket).delete(all).expected_bucket_owner(&cloud.account);
            match call.send().await {
                Ok(answer) => {
                    if let Some(error) = answer.errors().first() {
                        let said = [error.code(), error.key(), error.message()].map(Option::unwrap_or_default);
                        return Err(Error {
                            causes: vec![said.join(" ")],
                            ..Error::failed(format!("failed to {}", what()))
                        });
                    }
                }
                Err(error) if is_code(&error, &["NoSuchBucket"]) => return Ok(()),
                Err(error) => return Err(explain(what())(error)),
            }
        }
        Ok(())
    }

    /// Which of them a stage needs follows from its code.
    fn is_marked(&self) -> bool {
        false
    }

    /// They come from the project, and so are no loss.
    fn orphan(&self) -> Orphan {
        if self.shared { Orphan::Keep } else { Orphan::WithStage }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner(stage: &str) -> Owner {
        Owner { app: "shop".into(), stage: stage.into() }
    }

    fn object(sha256: &str, size: u64) -> StaticObject {
        StaticObject { sha256: sha256.into(), size, content_type: "text/css".into(), file: "x".into() }
    }

    #[test]
    fn of_what_is_there_only_what_the_stage_needs_counts() {
        let wanted = [object("a", 1), object("b", 2), object("b", 2)];
        let wanted = StaticFiles::wanted(&owner("dev"), "bucket", wanted.iter()).expect("some");
        assert_eq!(serde_json::to_value(&wanted).expect("JSON"), json!({"objects": 2, "bytes": 3}));
        let live = |found: &[(&str, u64)]| {
            let found = found.iter().map(|(sha256, size)| ((*sha256).to_owned(), *size)).collect();
            wanted.seen_of(&StaticFiles::found(&owner("dev"), "bucket", found))
        };
        assert_eq!(live(&[("a", 1), ("b", 2), ("of another release", 9)]), json!({"objects": 2, "bytes": 3}));
        assert_eq!(live(&[("a", 1), ("b", 1)]), json!({"objects": 1, "bytes": 1}), "a torn one is none");
        assert!(StaticFiles::wanted(&owner("dev"), "bucket", [].iter()).is_none());
    }

    #[test]
    fn no_stage_can_be_called_like_the_folder() {
        let files = StaticFiles::found(&owner("static"), "bucket", BTreeMap::new());
        assert_eq!(files.key().name, "shop/_static/");
        assert_ne!(stage_prefix(&owner("static")), files.prefix());
        let place = format!("bucket/{}", files.prefix());
        assert_eq!(StaticFiles::key_of(&place), Some(files.key()));
    }
}
