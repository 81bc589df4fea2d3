//! Listing the artifact bucket.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;

use crate::aws::{Cloud, is_code};

/// All keys that begin with `prefix`, with their bytes; none when there is no bucket.
pub(super) async fn sizes_below(
    cloud: &Cloud,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<(String, u64)>, SdkError<ListObjectsV2Error>> {
    let mut keys = Vec::new();
    let mut pages = cloud.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => keys.extend(page.contents().iter().filter_map(|object| {
                Some((object.key()?.to_owned(), object.size().and_then(|size| u64::try_from(size).ok())?))
            })),
            Err(error) if is_code(&error, &["NoSuchBucket"]) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

/// All keys that begin with `prefix`; none when there is no bucket.
pub(super) async fn keys_below(
    cloud: &Cloud,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<String>, SdkError<ListObjectsV2Error>> {
    Ok(sizes_below(cloud, bucket, prefix).await?.into_iter().map(|(key, _)| key).collect())
}
