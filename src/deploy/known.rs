//! Which kinds of resources a stage has or has had, so that nobody has to look for all of them.
//!
//! Most apps have no queue, and whoever deploys one without should need neither the call nor the
//! permission. So a look around asks for the kinds that every stage has, for those its config speaks of,
//! and for those written down in `{app}/{stage}/kinds.json`: before the first resource of a kind is made,
//! that kind is in there, and it goes with the stage. Where nothing is written down, all kinds are looked for.

use std::collections::BTreeSet;

use super::blueprint::{kinds_of, role_names};
use super::kinds::{Any, Kind, roles_taken, search, versions_need};
use super::names::{bucket_name, stage_prefix};
use super::resource::{Found, Owner};
use crate::aws::{Cloud, explain, is_code};
use crate::config::StageConfig;
use crate::error::{self, Error, Result};

/// What a look around found.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) found: Found<Any>,
    memory: Memory,
}

/// What is written down of a stage.
#[derive(Debug, PartialEq, Eq)]
enum Memory {
    /// The words of the kinds. A newer rzap may know more of them.
    Kinds(BTreeSet<String>),
    /// Nothing, because the stage has never been deployed.
    Fresh,
    /// Nothing, and nobody knows why.
    Lost,
}

impl Memory {
    fn has(&self, kind: Kind) -> bool {
        matches!(self, Self::Kinds(words) if words.contains(kind.word()))
    }
}

/// Everything of a stage that is live.
///
/// # Errors
/// One of the kinds could not be looked for.
pub(crate) async fn discover(cloud: &Cloud, owner: &Owner, stage: &StageConfig) -> Result<Look> {
    let config = kinds_of(stage);
    let first = |kind: Kind| !kind.is_rare() || config.contains(&kind);
    let (mut found, mut memory) = tokio::try_join!(search(cloud, owner, first), read(cloud, owner))?;
    // It has been deployed, before anything was written down or after that was lost.
    if memory == Memory::Fresh && found.ours.iter().any(|any| any.key().kind == Kind::History) {
        memory = Memory::Lost;
    }
    let more = |kind: Kind| !first(kind) && (memory == Memory::Lost || memory.has(kind));
    if Kind::ALL.iter().copied().any(more) {
        let rest = match search(cloud, owner, more).await {
            // Whoever may not look for what was most likely never made need not.
            Err(error) if memory == Memory::Lost && error.kind == error::Kind::Access => Found::none(),
            rest => rest?,
        };
        found = [found, rest].into_iter().collect();
    }
    let roles = role_names(stage, &cloud.region).into_iter().collect();
    roles_taken(cloud, owner, &mut found, &roles).await?;
    let functions = stage.functions.keys().map(String::as_str).collect();
    versions_need(cloud, &mut found, &roles, &functions).await?;
    Ok(Look { found, memory })
}

impl Look {
    /// Whether a kind is about to be made that is not written down: then [`Look::remember`] has to come first.
    pub(crate) fn has_news(&self, wanted: &[Any]) -> bool {
        wanted.iter().map(|any| any.key().kind).any(|kind| kind.is_rare() && !self.memory.has(kind))
    }

    /// Writes down which kinds are about to be made and which were found, while the stage is locked.
    ///
    /// # Errors
    /// It could not be written.
    pub(crate) async fn remember(&self, cloud: &Cloud, owner: &Owner, wanted: &[Any]) -> Result<()> {
        let here = self.found.ours.iter().chain(wanted).map(|any| any.key().kind).filter(|kind| kind.is_rare());
        let mut words: BTreeSet<String> = here.map(|kind| kind.word().to_owned()).collect();
        if let Memory::Kinds(before) = &self.memory {
            if words.is_subset(before) {
                return Ok(());
            }
            words.extend(before.iter().cloned());
        }
        let (bucket, key) = place(cloud, owner);
        let body = serde_json::to_vec(&words).unwrap_or_default();
        let call = cloud.s3.put_object().bucket(&bucket).key(&key).content_type("application/json").body(body.into());
        let call = call.expected_bucket_owner(&cloud.account);
        call.send().await.map_err(explain(format!("write s3://{bucket}/{key}")))?;
        Ok(())
    }
}

/// What is written down; [`Memory::Fresh`] when nothing is.
async fn read(cloud: &Cloud, owner: &Owner) -> Result<Memory> {
    let (bucket, key) = place(cloud, owner);
    let what = || format!("read s3://{bucket}/{key}");
    let object = match cloud.s3.get_object().bucket(&bucket).key(&key).send().await {
        Ok(object) => object,
        Err(error) if is_code(&error, &["NoSuchKey"]) => return Ok(Memory::Fresh),
        // With the bucket the memory is gone, and not the resources. What is no AWS may not know all kinds.
        Err(error) if is_code(&error, &["NoSuchBucket"]) => {
            return Ok(if cloud.endpoint.is_some() { Memory::Fresh } else { Memory::Lost });
        }
        Err(error) => return Err(explain(what())(error)),
    };
    let bytes =
        object.body.collect().await.map_err(|error| Error::failed(format!("failed to {}", what())).because(&error))?;
    Ok(serde_json::from_slice(&bytes.into_bytes()).map_or(Memory::Lost, Memory::Kinds))
}

fn place(cloud: &Cloud, owner: &Owner) -> (String, String) {
    (bucket_name(&cloud.account, &cloud.region), format!("{}kinds.json", stage_prefix(owner)))
}
