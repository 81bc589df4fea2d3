//! Uploading in parts: the calls of one multipart upload, and nothing about what is uploaded.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, TaggingDirective};

use super::explain::explain;
use crate::error::{Error, Result};

/// Bytes of one part; S3 wants at least 5 MiB for all but the last
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub(crate) const PART: u64 = 8 << 20;

/// Where something is uploaded to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) s3: aws_sdk_s3::Client,
    /// Whose bucket it has to be.
    pub(crate) account: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// As `x-amz-tagging` spells tags.
    pub(crate) tagging: String,
}

impl Target {
    /// For messages.
    pub(crate) fn what(&self) -> String {
        format!("upload the package to s3://{}/{}", self.bucket, self.key)
    }

    /// The upload in one call.
    pub(crate) async fn put(&self, body: ByteStream) -> Result<()> {
        let call = self.s3.put_object().bucket(&self.bucket).key(&self.key).tagging(&self.tagging);
        let call = call.expected_bucket_owner(&self.account).content_type("application/zip").body(body);
        call.send().await.map_err(explain(self.what()))?;
        Ok(())
    }

    /// Copies what stands under `key` of the same bucket here; S3 does it by itself.
    pub(crate) async fn copy_from(&self, key: &str) -> Result<()> {
        let call =
            self.s3.copy_object().bucket(&self.bucket).key(&self.key).copy_source(format!("{}/{key}", self.bucket));
        // Said again, because taking them over would need the permission to read tags.
        let call = call.tagging_directive(TaggingDirective::Replace).tagging(&self.tagging);
        let call = call.expected_bucket_owner(&self.account).expected_source_bucket_owner(&self.account);
        call.send().await.map_err(explain(self.what()))?;
        Ok(())
    }

    /// Removes it; being gone already is fine.
    pub(crate) async fn delete(&self) -> Result<()> {
        let call = self.s3.delete_object().bucket(&self.bucket).key(&self.key).expected_bucket_owner(&self.account);
        call.send().await.map_err(explain(format!("delete s3://{}/{}", self.bucket, self.key)))?;
        Ok(())
    }
}

/// A multipart upload that was begun.
#[derive(Debug)]
pub(crate) struct Multipart {
    pub(crate) target: Target,
    id: String,
}

impl Multipart {
    pub(crate) async fn begin(target: Target) -> Result<Self> {
        // Named, because S3's default (CRC64NVME) and the SDK's (CRC32 per part) do not go together:
        // completing would answer `InvalidPart` (aws-sdk-js-v3 #6800, aws-sdk-go-v2 #3005).
        let call = target.s3.create_multipart_upload().bucket(&target.bucket).key(&target.key);
        let call = call.checksum_algorithm(ChecksumAlgorithm::Crc32).tagging(&target.tagging);
        let call = call.content_type("application/zip").expected_bucket_owner(&target.account);
        let begun = call.send().await.map_err(explain(target.what()))?;
        match begun.upload_id {
            Some(id) => Ok(Self { target, id }),
            None => Err(Error::failed(format!("failed to {}: S3 gave no upload id", target.what()))),
        }
    }

    /// Sends part `number`, counted from 1.
    pub(crate) async fn part(&self, number: i32, body: ByteStream) -> Result<CompletedPart> {
        let Target { s3, account, bucket, key, .. } = &self.target;
        let call = s3.upload_part().bucket(bucket).key(key).upload_id(&self.id).part_number(number).body(body);
        let call = call.checksum_algorithm(ChecksumAlgorithm::Crc32).expected_bucket_owner(account);
        let part = call.send().await.map_err(explain(self.target.what()))?;
        let done = CompletedPart::builder().part_number(number).set_e_tag(part.e_tag);
        Ok(done.set_checksum_crc32(part.checksum_crc32).build())
    }

    /// Puts the parts together, in the order of their numbers.
    pub(crate) async fn complete(&self, mut parts: Vec<CompletedPart>) -> Result<()> {
        let Target { s3, bucket, key, .. } = &self.target;
        parts.sort_by_key(CompletedPart::part_number);
        let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let call = s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(&self.id).multipart_upload(all);
        call.send().await.map_err(explain(self.target.what()))?;
        Ok(())
    }

    /// Throws away what was sent. Best effort: the bucket's lifecycle removes the rest after a day.
    pub(crate) async fn abort(&self) {
        let Target { s3, bucket, key, .. } = &self.target;
        let _ = s3.abort_multipart_upload().bucket(bucket).key(key).upload_id(&self.id).send().await;
    }
}
