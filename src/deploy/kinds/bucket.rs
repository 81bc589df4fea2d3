//! The artifact bucket: one per account and region for all apps; private, encrypted, self-cleaning.
//!
//! It outlives a stage as long as anything else is in it. It belongs to no stage, so its computed name
//! is its identity; one with objects that rzap would never write is left alone.

use std::sync::OnceLock;

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_bucket::HeadBucketError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint, CreateBucketConfiguration,
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    Tag,
};
use serde::Serialize;

use super::Kind;
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::deploy::names::{bucket_name, lock_key, stage_prefix, static_prefix};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Orphan, Owner, Resource};
use crate::error::{Error, Result};

/// Days after which an artifact goes. Lambda keeps its own copy of the code, so an old artifact is
/// only a saved upload; a missing one is uploaded again.
const ARTIFACT_DAYS: i32 = 30;
/// The object tag that tells artifacts (which expire) from releases (which do not).
pub(crate) const ARTIFACT_TAG: (&str, &str) = ("rzap:kind", "artifact");

/// The artifact bucket.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bucket {
    #[serde(skip)]
    pub(crate) name: String,
    /// All four switches of the public access block are on.
    pub(crate) private: bool,
    /// The default encryption, as S3 spells it.
    pub(crate) encryption: Option<String>,
    /// Days after which artifacts expire.
    pub(crate) artifacts_expire_after_days: Option<i32>,
    /// Whether other stages or apps have something in it.
    #[serde(skip)]
    pub(crate) shared: bool,
    /// The lock of the stage that looked: the last thing to go before the bucket.
    #[serde(skip)]
    pub(crate) lock: Option<String>,
    /// It was to go, and somebody had put something into it.
    #[serde(skip)]
    pub(crate) stays: OnceLock<()>,
}

/// What lies in the bucket besides this stage's things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    None,
    /// Other stages or apps.
    Ours,
    /// Objects that rzap never writes.
    Foreign,
}

impl Bucket {
    /// As it should be.
    pub(crate) fn wanted(account: &str, region: &str) -> Self {
        Self {
            name: bucket_name(account, region),
            private: true,
            encryption: Some("AES256".into()),
            artifacts_expire_after_days: Some(ARTIFACT_DAYS),
            shared: false,
            lock: None,
            stays: OnceLock::new(),
        }
    }

    async fn exists(cloud: &Cloud, name: &str) -> Result<bool> {
        let head = || cloud.s3.head_bucket().bucket(name).expected_bucket_owner(&cloud.account).send();
        let mut answer = head().await;
        // A HEAD has no body, so the status is all there is to go by: when this machine's clock is off, that looks
        // like any refusal. A second one is signed by the clock that the first answer told.
        let status = |error: &SdkError<HeadBucketError>| error.raw_response().map(|raw| raw.status().as_u16());
        if answer.as_ref().is_err_and(|error| status(error) == Some(403)) {
            answer = head().await;
        }
        let Err(error) = answer else { return Ok(true) };
        if matches!(error.as_service_error(), Some(HeadBucketError::NotFound(_))) {
            return Ok(false);
        }
        match status(&error) {
            Some(404) => Ok(false),
            Some(403) => Err(taken(name)),
            Some(400) => {
                let error = Error::access(format!("failed to look at the artifact bucket `{name}`"));
                let cause = "S3 answered 400, as it does when credentials have expired".to_owned();
                Err(Error { causes: vec![cause], ..error }
                    .hint("the credentials may have expired: run `aws sso login` or renew them, then run rzap again"))
            }
            _ => Err(explain(format!("look at the artifact bucket `{name}`"))(error)),
        }
    }

    /// Why something below `prefix` could not be listed. Of a bucket that is not ours, its own look says more
    /// than a refused listing; of ours, a refusal must not pass for "there is nothing".
    pub(super) async fn not_listed(
        cloud: &Cloud,
        name: &str,
        prefix: &str,
        error: SdkError<ListObjectsV2Error>,
    ) -> Error {
        if is_code(&error, &["AccessDenied"])
            && let Err(taken) = Self::exists(cloud, name).await
        {
            return taken;
        }
        explain(format!("list s3://{name}/{prefix}"))(error)
    }

    async fn is_private(cloud: &Cloud, name: &str) -> Result<bool> {
        match cloud.s3.get_public_access_block().bucket(name).send().await {
            Ok(answer) => Ok(answer.public_access_block_configuration().is_some_and(|block| {
                [
                    block.block_public_acls,
                    block.ignore_public_acls,
                    block.block_public_policy,
                    block.restrict_public_buckets,
                ]
                .iter()
                .all(|switch| *switch == Some(true))
            })),
            Err(error) if is_code(&error, &["NoSuchPublicAccessBlockConfiguration", "NoSuchBucket"]) => Ok(false),
            Err(error) => Err(explain(format!("read the public access block of `{name}`"))(error)),
        }
    }

    async fn encryption(cloud: &Cloud, name: &str) -> Result<Option<String>> {
        match cloud.s3.get_bucket_encryption().bucket(name).send().await {
            Ok(answer) => Ok(answer.server_side_encryption_configuration().and_then(|configuration| {
                let rule = configuration.rules().first()?;
                Some(rule.apply_server_side_encryption_by_default()?.sse_algorithm().as_str().to_owned())
            })),
            Err(error) if is_code(&error, &["ServerSideEncryptionConfigurationNotFoundError", "NoSuchBucket"]) => {
                Ok(None)
            }
            Err(error) => Err(explain(format!("read the encryption of `{name}`"))(error)),
        }
    }

    async fn artifact_days(cloud: &Cloud, name: &str) -> Result<Option<i32>> {
        match cloud.s3.get_bucket_lifecycle_configuration().bucket(name).send().await {
            Ok(answer) => Ok(answer
                .rules()
                .iter()
                .find(|rule| rule.id() == Some("rzap-artifacts"))
                .and_then(|rule| rule.expiration()?.days())),
            Err(error) if is_code(&error, &["NoSuchLifecycleConfiguration", "NoSuchBucket"]) => Ok(None),
            Err(error) => Err(explain(format!("read the lifecycle of `{name}`"))(error)),
        }
    }

    /// Who else has something in the bucket. One page tells: there is one prefix per app.
    async fn others(cloud: &Cloud, name: &str, owner: &Owner) -> Result<Others> {
        let list = |prefix: &str| cloud.s3.list_objects_v2().bucket(name).delimiter("/").prefix(prefix).send();
        let (own_app, own_stage) = (format!("{}/", owner.app), stage_prefix(owner));
        let files = static_prefix(&owner.app);
        let (apps, stages) = tokio::join!(list(""), list(&own_app));
        let what = || format!("list the artifact bucket `{name}`");
        let (apps, stages) = (apps.map_err(explain(what()))?, stages.map_err(explain(what()))?);
        let foreign = |prefixes: &[aws_sdk_s3::types::CommonPrefix], own: &str| {
            prefixes.iter().any(|prefix| prefix.prefix() != Some(own) && prefix.prefix() != Some(&files))
        };
        // rzap writes nothing at the top; a bucket with something there is somebody else's.
        if !apps.contents().is_empty() {
            return Ok(Others::Foreign);
        }
        let shared = foreign(apps.common_prefixes(), &own_app) || foreign(stages.common_prefixes(), &own_stage);
        Ok(if shared { Others::Ours } else { Others::None })
    }

    async fn create(&self, cloud: &Cloud) -> Result<()> {
        // us-east-1 is the one region that must not be named.
        let place = (cloud.region != "us-east-1").then(|| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(cloud.region.as_str()))
                .build()
        });
        let mut backoff = Backoff::propagation();
        loop {
            let call = cloud.s3.create_bucket().bucket(&self.name).set_create_bucket_configuration(place.clone());
            let Err(error) = call.send().await else { return Ok(()) };
            match code(&error) {
                Some("BucketAlreadyOwnedByYou") => return Ok(()),
                Some("BucketAlreadyExists") => return Err(taken(&self.name)),
                // The name was deleted a moment ago, or somebody is creating it right now.
                Some("OperationAborted") => {
                    say("waiting until S3 frees the bucket's name");
                    if backoff.sleep().await {
                        continue;
                    }
                }
                _ => {}
            }
            return Err(explain(format!("create the artifact bucket `{}`", self.name))(error));
        }
    }

    async fn make_private(&self, cloud: &Cloud) -> Result<()> {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        let call = cloud.s3.put_public_access_block().bucket(&self.name).expected_bucket_owner(&cloud.account);
        call.public_access_block_configuration(block)
            .send()
            .await
            .map_err(explain(format!("make the artifact bucket `{}` private", self.name)))?;
        Ok(())
    }

    async fn encrypt(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("encrypt the artifact bucket `{}`", self.name);
        let by_default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(by_default.map_err(|error| Error::failed(what()).because(&error))?)
            .build();
        let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build();
        let call = cloud.s3.put_bucket_encryption().bucket(&self.name).expected_bucket_owner(&cloud.account);
        call.server_side_encryption_configuration(rules.map_err(|error| Error::failed(what()).because(&error))?)
            .send()
            .await
            .map_err(explain(what()))?;
        Ok(())
    }

    async fn expire(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("set the lifecycle of the artifact bucket `{}`", self.name);
        let broken = |error| Error::failed(what()).because(&error);
        let tag = Tag::builder().key(ARTIFACT_TAG.0).value(ARTIFACT_TAG.1).build().map_err(broken)?;
        let old = LifecycleRule::builder()
            .id("rzap-artifacts")
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().tag(tag).build())
            .expiration(LifecycleExpiration::builder().days(ARTIFACT_DAYS).build())
            .build()
            .map_err(broken)?;
        let torn = LifecycleRule::builder()
            .id("rzap-torn-uploads")
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder().days_after_initiation(1).build(),
            )
            .build()
            .map_err(broken)?;
        let rules = BucketLifecycleConfiguration::builder().rules(old).rules(torn).build().map_err(broken)?;
        let call = cloud.s3.put_bucket_lifecycle_configuration().bucket(&self.name);
        call.expected_bucket_owner(&cloud.account)
            .lifecycle_configuration(rules)
            .send()
            .await
            .map_err(explain(what()))?;
        Ok(())
    }
}

impl Resource for Bucket {
    fn key(&self) -> Key {
        Key::new(Kind::Bucket, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:s3:::{bucket}"];
        const SETTINGS: &[&str] = &[
            "s3:CreateBucket",
            "s3:DeleteBucket",
            "s3:ListBucket",
            "s3:GetEncryptionConfiguration",
            "s3:PutEncryptionConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:GetBucketPublicAccessBlock",
            "s3:PutBucketPublicAccessBlock",
        ];
        vec![Need::on(ON, SETTINGS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let name = bucket_name(&cloud.account, &cloud.region);
        // Almost always it is there. What the others say matters only then.
        let (exists, private, encryption, days, others) = tokio::join!(
            Self::exists(cloud, &name),
            Self::is_private(cloud, &name),
            Self::encryption(cloud, &name),
            Self::artifact_days(cloud, &name),
            Self::others(cloud, &name, owner),
        );
        if !exists? {
            return Ok(Found::none());
        }
        let (private, encryption, artifacts_expire_after_days, others) = (private?, encryption?, days?, others?);
        if others == Others::Foreign {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Bucket, name)] });
        }
        let (shared, lock) = (others == Others::Ours, Some(lock_key(owner)));
        let stays = OnceLock::new();
        Ok(Found::ours(vec![Self { name, private, encryption, artifacts_expire_after_days, shared, lock, stays }]))
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        if live.is_none() {
            self.create(cloud).await?;
        }
        if !live.is_some_and(|live| live.private) {
            self.make_private(cloud).await?;
        }
        if live.is_none_or(|live| live.encryption != self.encryption) {
            self.encrypt(cloud).await?;
        }
        if live.is_none_or(|live| live.artifacts_expire_after_days != self.artifacts_expire_after_days) {
            self.expire(cloud).await?;
        }
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        if let Some(lock) = &self.lock {
            let call = cloud.s3.delete_object().bucket(&self.name).key(lock).send().await;
            call.map_err(explain(format!("delete s3://{}/{lock}", self.name)))?;
        }
        match cloud.s3.delete_bucket().bucket(&self.name).expected_bucket_owner(&cloud.account).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("NoSuchBucket") => Ok(()),
            // Somebody deployed another stage in the meantime: then it stays, and rightly so.
            Err(error) if code(&error) == Some("BucketNotEmpty") => {
                let _ = self.stays.set(());
                Ok(())
            }
            Err(error) => Err(explain(format!("delete the artifact bucket `{}`", self.name))(error)),
        }
    }

    fn orphan(&self) -> Orphan {
        if self.shared { Orphan::Keep } else { Orphan::WithStage }
    }
}

fn taken(name: &str) -> Error {
    Error::access(format!(
        "the artifact bucket `{name}` cannot be used: its name is taken by another account, or access is denied"
    ))
    .hint("bucket names are global: if another account has it, use another region (`region:` in rzap.yaml)")
    .hint("if it is yours, whoever runs rzap needs `s3:ListBucket` and the other s3 permissions on it")
}
