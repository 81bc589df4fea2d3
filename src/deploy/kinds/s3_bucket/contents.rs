//! What is in a bucket: how much, and how it is emptied.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::aws::{Cloud, explain, is_code, say};
use crate::error::{Error, OrFailed as _, Result};

/// What one page of a listing tells, which is all that is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Objects, former versions and delete markers.
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// There are more of them than these.
    pub(super) more: bool,
}

impl Contents {
    /// Looks at the first thousand.
    pub(super) async fn look(cloud: &Cloud, bucket: &str) -> Result<Self> {
        match cloud.s3.list_object_versions().bucket(bucket).send().await {
            Ok(page) => {
                let versions = page.versions();
                let size = |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                Ok(Self {
                    count: (versions.len() + page.delete_markers().len()) as u64,
                    bytes: versions.iter().map(|version| size(version.size())).sum(),
                    more: page.is_truncated() == Some(true),
                })
            }
            Err(error) if is_code(&error, &["NoSuchBucket"]) => Ok(Self::default()),
            Err(error) => Err(explain(format!("list the objects of the bucket `{bucket}`"))(error)),
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.count == 0 && !self.more
    }

    /// `12 objects, 3.4 MB`; `None` when it is empty.
    pub(super) fn describe(self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let objects = if self.count == 1 { "object" } else { "objects" };
        if self.more {
            return Some(format!("more than {} objects", self.count));
        }
        // In AWS's megabytes; what is smaller is told in bytes.
        let tenths = (u128::from(self.bytes) * 10 + (1 << 19)) / (1 << 20);
        let size =
            if tenths == 0 { format!("{} bytes", self.bytes) } else { format!("{}.{} MB", tenths / 10, tenths % 10) };
        Some(format!("{} {objects}, {size}", self.count))
    }
}

/// Deletes every version of every object, and every delete marker.
pub(super) async fn empty(cloud: &Cloud, bucket: &str) -> Result<()> {
    let what = || format!("empty the bucket `{bucket}`");
    let mut gone = 0;
    loop {
        // Always the first page: what was on it is not there any more the next time.
        let page = match cloud.s3.list_object_versions().bucket(bucket).send().await {
            Ok(page) => page,
            Err(error) if is_code(&error, &["NoSuchBucket"]) => return Ok(()),
            Err(error) => return Err(explain(what())(error)),
        };
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let objects: Vec<ObjectIdentifier> = versions
            .chain(markers)
            .map(|(key, version)| {
                let object = ObjectIdentifier::builder().key(key.unwrap_or_default());
                object.set_version_id(version.map(str::to_owned)).build()
            })
            .collect::<std::result::Result<_, _>>()
            .or_failed(what)?;
        if objects.is_empty() {
            return Ok(());
        }
        gone += objects.len();
        let all = Delete::builder().set_objects(Some(objects)).quiet(true).build().or_failed(what)?;
        let call = cloud.s3.delete_objects().bucket(bucket).delete(all).expected_bucket_owner(&cloud.account);
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
        say(&format!("{gone} objects deleted"));
    }
}

/// Ends every upload that is under way, and its parts with it.
pub(super) async fn abort_uploads(cloud: &Cloud, bucket: &str) -> Result<()> {
    let what = || format!("end the uploads to the bucket `{bucket}`");
    loop {
        let page = match cloud.s3.list_multipart_uploads().bucket(bucket).send().await {
            Ok(page) => page,
            Err(error) if is_code(&error, &["NoSuchBucket"]) => return Ok(()),
            Err(error) => return Err(explain(what())(error)),
        };
        for upload in page.uploads() {
            let call = cloud.s3.abort_multipart_upload().bucket(bucket).set_key(upload.key().map(str::to_owned));
            match call.set_upload_id(upload.upload_id().map(str::to_owned)).send().await {
                Ok(_) => {}
                Err(error) if is_code(&error, &["NoSuchUpload", "NoSuchBucket"]) => {}
                Err(error) => return Err(explain(what())(error)),
            }
        }
        if page.is_truncated() != Some(true) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_it_is_said_with_facts() {
        let says = |count, bytes, more| Contents { count, bytes, more }.describe();
        assert_eq!(says(0, 0, false), None);
        assert_eq!(says(1, 900, false).as_deref(), Some("1 object, 900 bytes"));
        assert_eq!(says(12, 3_565_158, false).as_deref(), Some("12 objects, 3.4 MB"));
        assert_eq!(says(1000, 1 << 40, true).as_deref(), Some("more than 1000 objects"));
    }
}
