//! A package or a layer in the artifact bucket, under a key made of its content: the same bytes are never
//! uploaded twice.

use std::path::{Path, PathBuf};

use aws_sdk_s3::primitives::{ByteStream, Length};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::Kind;
use super::bucket::{ARTIFACT_TAG, Bucket};
use crate::aws::{Cloud, Multipart, PART, Target, explain, is_code, say};
use crate::deploy::names::{artifact_key, bucket_name, stage_prefix, static_prefix};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Orphan, Owner, Resource};
use crate::error::{Error, OrFailed as _, Result};

/// Parts under way at once.
const PARALLEL: usize = 6;

/// One uploaded package.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Artifact {
    #[serde(skip)]
    pub(crate) bucket: String,
    /// `{app}/{sha256}.zip`
    #[serde(skip)]
    pub(crate) object: String,
    /// Bytes; a truncated one does not count as uploaded.
    pub(crate) size: u64,
    /// The zip on this machine; empty for one that was found.
    #[serde(skip)]
    pub(crate) file: PathBuf,
    /// Whether another stage of the app may still need it.
    #[serde(skip)]
    pub(crate) shared: bool,
}

impl Artifact {
    /// As it should be.
    pub(crate) fn wanted(app: &str, bucket: &str, (sha256, size, file): (&str, u64, &Path)) -> Self {
        Self {
            bucket: bucket.to_owned(),
            object: artifact_key(app, sha256),
            size,
            file: file.to_owned(),
            shared: false,
        }
    }

    /// The key of the artifact with this hash.
    pub(crate) fn key_of(app: &str, sha256: &str) -> Key {
        Key::new(Kind::Artifact, artifact_key(app, sha256))
    }

    async fn body(&self, from: u64, length: u64) -> Result<ByteStream> {
        ByteStream::read_from()
            .path(&self.file)
            .offset(from)
            .length(Length::Exact(length))
            .build()
            .await
            .or_failed(|| format!("read the package {}", self.file.display()))
    }

    fn tagging() -> String {
        format!("{}={}", ARTIFACT_TAG.0.replace(':', "%3A"), ARTIFACT_TAG.1)
    }

    fn target(&self, cloud: &Cloud) -> Target {
        Target { bucket: self.bucket.clone(), key: self.object.clone(), ..folder(cloud, "") }
    }

    /// The hash in its key.
    fn sha256(&self) -> &str {
        let name = self.object.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".zip").unwrap_or(name)
    }

    async fn put_in_parts(&self, target: Target) -> Result<()> {
        let upload = Multipart::begin(target).await?;
        let sent = self.send_parts(&upload).await;
        if sent.is_err() {
            upload.abort().await;
        }
        sent
    }

    async fn send_parts(&self, upload: &Multipart) -> Result<()> {
        let count = self.size.div_ceil(PART);
        let parts = stream::iter(0..count)
            .map(|index| async move {
                let from = index * PART;
                let number = i32::try_from(index + 1).unwrap_or(i32::MAX);
                let body = self.body(from, PART.min(self.size - from)).await?;
                let part = upload.part(number, body).await?;
                say(&format!("part {number} of {count}"));
                Ok::<_, Error>(part)
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        upload.complete(parts).await
    }

    /// A look that may fail: then it is uploaded, and the upload says what is wrong.
    async fn is_there(&self, cloud: &Cloud) -> bool {
        let head = cloud.s3.head_object().bucket(&self.bucket).key(&self.object).send().await;
        head.is_ok_and(|object| object.content_length().and_then(|size| u64::try_from(size).ok()) == Some(self.size))
    }
}

/// Where the artifacts of an app go: its key is what theirs start with.
pub(crate) fn folder(cloud: &Cloud, app: &str) -> Target {
    Target {
        s3: cloud.s3.clone(),
        account: cloud.account.clone(),
        bucket: bucket_name(&cloud.account, &cloud.region),
        key: format!("{app}/"),
        tagging: Artifact::tagging(),
    }
}

/// A package, or a template that was too large for a call. Ours are written in lower case, always.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "keys are compared as we wrote them")]
fn is_artifact(key: &str) -> bool {
    key.ends_with(".zip") || key.ends_with(".template")
}

impl Resource for Artifact {
    fn key(&self) -> Key {
        Key::new(Kind::Artifact, &self.object)
    }

    fn after(&self) -> Vec<Key> {
        vec![Key::new(Kind::Bucket, &self.bucket)]
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:s3:::{bucket}/{app}/*.zip"];
        const ACTIONS: &[&str] =
            &["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:AbortMultipartUpload"];
        vec![Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let bucket = bucket_name(&cloud.account, &cloud.region);
        let prefix = format!("{}/", owner.app);
        let own = [stage_prefix(owner), static_prefix(&owner.app)];
        let mut pages =
            cloud.s3.list_objects_v2().bucket(&bucket).prefix(&prefix).delimiter("/").into_paginator().send();
        let mut found = Vec::new();
        let mut shared = false;
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) if is_code(&error, &["NoSuchBucket"]) => return Ok(Found::none()),
                Err(error) => return Err(Bucket::not_listed(cloud, &bucket, &prefix, error).await),
            };
            let mut prefixes = page.common_prefixes().iter().filter_map(|stage| stage.prefix());
            shared |= prefixes.any(|stage| !own.iter().any(|own| own == stage));
            found.extend(page.contents().iter().filter_map(|object| {
                Some(Self {
                    bucket: bucket.clone(),
                    object: object.key().filter(|key| is_artifact(key))?.to_owned(),
                    size: u64::try_from(object.size()?).ok()?,
                    file: PathBuf::new(),
                    shared: false,
                })
            }));
        }
        for artifact in &mut found {
            artifact.shared = shared;
        }
        Ok(Found::ours(found))
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        // `update` does not look around first: for a large package one look is cheaper than an upload.
        if live.is_none() && self.size > PART && self.is_there(cloud).await {
            return Ok(());
        }
        let target = self.target(cloud);
        if self.size <= PART {
            return target.put(self.body(0, self.size).await?).await;
        }
        if cloud.early.place(self.sha256(), &target).await {
            return Ok(());
        }
        self.put_in_parts(target).await
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        match cloud.s3.delete_object().bucket(&self.bucket).key(&self.object).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["NoSuchBucket"]) => Ok(()),
            Err(error) => Err(explain(format!("delete s3://{}/{}", self.bucket, self.object))(error)),
        }
    }

    /// They expire.
    fn is_marked(&self) -> bool {
        false
    }

    fn orphan(&self) -> Orphan {
        if self.shared { Orphan::Keep } else { Orphan::WithStage }
    }
}
