//! `PutObject`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

use super::super::checksum::Algorithm;
use super::super::wire::{Fault, Reply};
use super::attributes::Attributes;
use super::bucket::{Bucket, New};
use super::model::Checksum;
use super::{Call, condition, integrity, notify};

pub(super) fn object(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Reply, Fault> {
    let request = call.request;
    let attributes = Attributes::read(request)?;
    // Without one from the client S3 computes its own since December 2024.
    let checksum = integrity::verify(request)?.unwrap_or_else(|| full(Algorithm::Crc64Nvme, &request.body));
    let shown = checksum.clone();
    let staged = bucket.stage(&request.body)?;
    let new = New { key: key.to_owned(), attributes, checksum, parts: Vec::new() };
    let object = bucket.commit(staged, new, None, |current| condition::write(&request.headers, key, current))?;
    notify::of_object(call, bucket, "ObjectCreated:Put", &object);
    Ok(bucket
        .show_version(with_checksum(Reply::empty(200), &shown), object.version.as_deref())
        .with("etag", quoted(&object.etag))
        .with("x-amz-server-side-encryption", "AES256"))
}

/// The checksum of bytes in one piece.
pub(super) fn full(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
    Checksum { algorithm, value: algorithm.of(bytes), composite: false }
}

/// Adds the checksum's two headers.
pub(super) fn with_checksum(reply: Reply, checksum: &Checksum) -> Reply {
    reply.with(checksum.algorithm.header(), &checksum.value).with("x-amz-checksum-type", checksum.kind())
}

pub(super) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}
