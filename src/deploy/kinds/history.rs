//! What a stage keeps in the artifact bucket besides artifacts: its releases and its lock.
//!
//! Written by the release step, not by a plan; it is a resource so that `undeploy` lists and removes
//! it, before the bucket and after everything it tells about.

use serde::Serialize;

use super::{Bucket, Kind};
use crate::aws::{Cloud, explain};
use crate::deploy::loss::Loss;
use crate::deploy::names::{bucket_name, lock_below, lock_key, stage_prefix};
use crate::deploy::needs::Need;
use crate::deploy::objects::keys_below;
use crate::deploy::resource::{Found, Key, Orphan, Owner, Resource};
use crate::error::Result;

/// The folder `{app}/{stage}/` of the artifact bucket.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct History {
    #[serde(skip)]
    pub(crate) bucket: String,
    #[serde(skip)]
    pub(crate) prefix: String,
}

impl History {
    /// What lies in the folder.
    async fn objects(cloud: &Cloud, bucket: &str, prefix: &str) -> Result<Vec<String>> {
        match keys_below(cloud, bucket, prefix).await {
            Ok(keys) => Ok(keys),
            Err(error) => Err(Bucket::not_listed(cloud, bucket, prefix, error).await),
        }
    }
}

impl Resource for History {
    fn key(&self) -> Key {
        Key::new(Kind::History, &self.prefix)
    }

    fn after(&self) -> Vec<Key> {
        vec![Key::new(Kind::Bucket, &self.bucket)]
    }

    /// Releases, the lock, and which kinds there are.
    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:s3:::{bucket}/{app}/{stage}/*"];
        vec![Need::on(ON, &["s3:GetObject", "s3:PutObject", "s3:DeleteObject"])]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let (bucket, prefix) = (bucket_name(&cloud.account, &cloud.region), stage_prefix(owner));
        // The lock of whoever is looking right now is no history.
        let any = Self::objects(cloud, &bucket, &prefix).await?.iter().any(|key| *key != lock_key(owner));
        Ok(Found::ours(if any { vec![Self { bucket, prefix }] } else { Vec::new() }))
    }

    async fn converge(&self, _cloud: &Cloud, _live: Option<&Self>) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        // The lock is held until all is gone; the bucket's deletion takes it along.
        let objects = Self::objects(cloud, &self.bucket, &self.prefix).await?;
        let lock = lock_below(&self.prefix);
        for key in objects.into_iter().filter(|key| *key != lock) {
            let call = cloud.s3.delete_object().bucket(&self.bucket).key(&key).send().await;
            call.map_err(explain(format!("delete s3://{}/{key}", self.bucket)))?;
        }
        Ok(())
    }

    /// Only `undeploy` gets that far.
    fn losses(&self) -> Vec<Loss> {
        vec![Loss::of_data("the list of releases")]
    }

    fn is_marked(&self) -> bool {
        false
    }

    fn orphan(&self) -> Orphan {
        Orphan::WithStage
    }
}
