//! A bucket's settings: read, and set.
//!
//! Lifecycle rules that somebody else added stay: ours are known by their ids.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus, CorsConfiguration, CorsRule,
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, VersioningConfiguration,
};

use super::S3Bucket;
use crate::aws::{Cloud, explain, is_code};
use crate::config::resources::Cors;
use crate::error::{OrFailed as _, Result};

/// The ids of our lifecycle rules.
const EXPIRE: &str = "rzap-expire";
const VERSIONS: &str = "rzap-versions";
const TORN: &str = "rzap-torn-uploads";

/// Whether all four switches of the public access block are on.
pub(super) async fn is_private(cloud: &Cloud, name: &str) -> Result<bool> {
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

/// The default encryption.
pub(super) async fn encryption(cloud: &Cloud, name: &str) -> Result<Option<String>> {
    match cloud.s3.get_bucket_encryption().bucket(name).send().await {
        Ok(answer) => Ok(answer.server_side_encryption_configuration().and_then(|configuration| {
            let rule = configuration.rules().first()?;
            Some(rule.apply_server_side_encryption_by_default()?.sse_algorithm().as_str().to_owned())
        })),
        Err(error) if is_code(&error, &["ServerSideEncryptionConfigurationNotFoundError", "NoSuchBucket"]) => Ok(None),
        Err(error) => Err(explain(format!("read the encryption of `{name}`"))(error)),
    }
}

pub(super) async fn is_versioned(cloud: &Cloud, name: &str) -> Result<bool> {
    match cloud.s3.get_bucket_versioning().bucket(name).send().await {
        Ok(answer) => Ok(answer.status() == Some(&BucketVersioningStatus::Enabled)),
        Err(error) if is_code(&error, &["NoSuchBucket"]) => Ok(false),
        Err(error) => Err(explain(format!("read the versioning of `{name}`"))(error)),
    }
}

/// All lifecycle rules.
pub(super) async fn rules(cloud: &Cloud, name: &str) -> Result<Vec<LifecycleRule>> {
    match cloud.s3.get_bucket_lifecycle_configuration().bucket(name).send().await {
        Ok(answer) => Ok(answer.rules.unwrap_or_default()),
        Err(error) if is_code(&error, &["NoSuchLifecycleConfiguration", "NoSuchBucket"]) => Ok(Vec::new()),
        Err(error) => Err(explain(format!("read the lifecycle of `{name}`"))(error)),
    }
}

/// The days after which objects, older versions and parts of uploads go.
pub(super) fn days(rules: &[LifecycleRule]) -> [Option<i32>; 3] {
    let on = |id: &str| {
        rules.iter().find(|rule| rule.id() == Some(id)).filter(|rule| *rule.status() == ExpirationStatus::Enabled)
    };
    [
        on(EXPIRE).and_then(|rule| rule.expiration()?.days()),
        on(VERSIONS).and_then(|rule| rule.noncurrent_version_expiration()?.noncurrent_days()),
        on(TORN).and_then(|rule| rule.abort_incomplete_multipart_upload()?.days_after_initiation()),
    ]
}

pub(super) async fn cors(cloud: &Cloud, name: &str) -> Result<Vec<Cors>> {
    let list = |texts: &[String]| texts.to_vec();
    match cloud.s3.get_bucket_cors().bucket(name).send().await {
        Ok(answer) => Ok(answer
            .cors_rules()
            .iter()
            .map(|rule| Cors {
                origins: list(rule.allowed_origins()),
                methods: list(rule.allowed_methods()),
                headers: list(rule.allowed_headers()),
                expose: list(rule.expose_headers()),
                max_age: rule.max_age_seconds().and_then(|age| u32::try_from(age).ok()).unwrap_or_default(),
            })
            .collect()),
        Err(error) if is_code(&error, &["NoSuchCORSConfiguration", "NoSuchBucket"]) => Ok(Vec::new()),
        Err(error) => Err(explain(format!("read the CORS rules of `{name}`"))(error)),
    }
}

impl S3Bucket {
    pub(super) async fn make_private(&self, cloud: &Cloud) -> Result<()> {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        let call = cloud.s3.put_public_access_block().bucket(&self.name).expected_bucket_owner(&cloud.account);
        let sent = call.public_access_block_configuration(block).send().await;
        sent.map_err(explain(format!("make the bucket `{}` private", self.name))).map(drop)
    }

    pub(super) async fn encrypt(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("encrypt the bucket `{}`", self.name);
        let by_default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
        let rule = ServerSideEncryptionRule::builder();
        let rule = rule.apply_server_side_encryption_by_default(by_default.or_failed(what)?).build();
        let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build().or_failed(what)?;
        let call = cloud.s3.put_bucket_encryption().bucket(&self.name).expected_bucket_owner(&cloud.account);
        call.server_side_encryption_configuration(rules).send().await.map_err(explain(what())).map(drop)
    }

    /// Versioning can be paused, not undone: the versions that are there stay.
    pub(super) async fn set_versioning(&self, cloud: &Cloud) -> Result<()> {
        let status = if self.versioned { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
        let versioning = VersioningConfiguration::builder().status(status).build();
        let call = cloud.s3.put_bucket_versioning().bucket(&self.name).expected_bucket_owner(&cloud.account);
        let sent = call.versioning_configuration(versioning).send().await;
        sent.map_err(explain(format!("set the versioning of the bucket `{}`", self.name))).map(drop)
    }

    /// What the lifecycle rules are made of.
    pub(super) fn ages(&self) -> [Option<i32>; 3] {
        [self.expire_after_days, self.versions_expire_after_days, self.torn_uploads_expire_after_days]
    }

    pub(super) async fn expire(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("set the lifecycle of the bucket `{}`", self.name);
        let mut rules = rules(cloud, &self.name).await?;
        rules.retain(|rule| !rule.id().is_some_and(|id| [EXPIRE, VERSIONS, TORN].contains(&id)));
        let rule = |id: &str| {
            let everything = LifecycleRuleFilter::builder().prefix("").build();
            LifecycleRule::builder().id(id).status(ExpirationStatus::Enabled).filter(everything)
        };
        if let Some(days) = self.expire_after_days {
            let expiration = LifecycleExpiration::builder().days(days).build();
            rules.push(rule(EXPIRE).expiration(expiration).build().or_failed(what)?);
        }
        if let Some(days) = self.versions_expire_after_days {
            let older = NoncurrentVersionExpiration::builder().noncurrent_days(days).build();
            let rule = rule(VERSIONS).noncurrent_version_expiration(older);
            // A marker that hides nothing any more goes, too; beside an age in days it goes by itself.
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
            let alone = LifecycleExpiration::builder().expired_object_delete_marker(true).build();
            rules.push(rule.expiration(alone).build().or_failed(what)?);
        }
        if let Some(days) = self.torn_uploads_expire_after_days {
            let torn = AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build();
            rules.push(rule(TORN).abort_incomplete_multipart_upload(torn).build().or_failed(what)?);
        }
        let all = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().or_failed(what)?;
        let call = cloud.s3.put_bucket_lifecycle_configuration().bucket(&self.name);
        let call = call.expected_bucket_owner(&cloud.account).lifecycle_configuration(all);
        call.send().await.map_err(explain(what())).map(drop)
    }

    /// Sets the CORS rules, or takes them away.
    pub(super) async fn open_to_pages(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("set the CORS rules of the bucket `{}`", self.name);
        let mut rules = Vec::new();
        for rule in &self.cors {
            let list = |texts: &[String]| Some(texts.to_vec());
            let rule = CorsRule::builder()
                .set_allowed_origins(list(&rule.origins))
                .set_allowed_methods(list(&rule.methods))
                .set_allowed_headers(list(&rule.headers))
                .set_expose_headers(list(&rule.expose))
                .max_age_seconds(i32::try_from(rule.max_age).unwrap_or(i32::MAX))
                .build();
            rules.push(rule.or_failed(what)?);
        }
        if rules.is_empty() {
            let call = cloud.s3.delete_bucket_cors().bucket(&self.name).expected_bucket_owner(&cloud.account);
            return call.send().await.map_err(explain(what())).map(drop);
        }
        let all = CorsConfiguration::builder().set_cors_rules(Some(rules)).build().or_failed(what)?;
        let call = cloud.s3.put_bucket_cors().bucket(&self.name).expected_bucket_owner(&cloud.account);
        call.cors_configuration(all).send().await.map_err(explain(what())).map(drop)
    }
}
