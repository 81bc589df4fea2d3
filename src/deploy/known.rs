//! Which kinds of resources a stage has or has had, so that nobody has to look for all of them.
//!
//! Most apps have no queue, and whoever deploys one without should need neither the call nor the
//! permission. So a look around asks for the kinds that every stage has, for those its config speaks of,
//! and for those written down in `{app}/{stage}/kinds.json`: before the first resource of a kind is made,
//! that kind is in there, and it goes with the stage. Where nothing is written down, all kinds are looked for.

use std::collections::BTreeSet;

use super::blueprint::{kinds_of, role_names};
use super::kinds::{Any, Kind, roles_taken, search, search_each, versions_need};
use super::names::{bucket_name, stage_prefix};
use super::resource::{Found, Owner};
use crate::aws::{Cloud, explain, is_code, is_denied};
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

/// What whoever looks around may see of a stage.
#[derive(Debug)]
pub(crate) struct Glimpse {
    pub(crate) found: Found<Any>,
    /// Kinds that could not be looked for, or not in all that they have, because a permission is missing.
    pub(crate) refused: Vec<(Kind, Error)>,
    /// Nothing was found, and functions may not be looked for.
    pub(crate) is_blind: bool,
}

/// [`discover`] for those who change nothing, and so need not see everything.
///
/// # Errors
/// One of the kinds could not be looked for, for another reason than a missing permission.
pub(crate) async fn glimpse(cloud: &Cloud, owner: &Owner, stage: &StageConfig) -> Result<Glimpse> {
    let config = kinds_of(stage);
    let first = |kind: Kind| !kind.is_rare() || config.contains(&kind);
    let (parts, memory) = tokio::join!(search_each(cloud, owner, first), read(cloud, owner));
    let mut refused = Vec::new();
    let mut found = allowed(parts, &mut refused)?;
    let is_blind = found.ours.is_empty() && refused.iter().any(|(kind, _)| *kind == Kind::Function);
    let mut memory = match memory {
        Err(error) if is_refusal(&error) => Memory::Lost,
        memory => memory?,
    };
    if memory == Memory::Fresh && found.ours.iter().any(|any| any.key().kind == Kind::History) {
        memory = Memory::Lost;
    }
    let more = |kind: Kind| !first(kind) && (memory == Memory::Lost || memory.has(kind));
    if !is_blind && Kind::ALL.iter().copied().any(more) {
        let mut unseen = Vec::new();
        let rest = allowed(search_each(cloud, owner, more).await, &mut unseen)?;
        // Whoever may not look for what was most likely never made need not.
        if memory != Memory::Lost {
            refused.append(&mut unseen);
        }
        found = [found, rest].into_iter().collect();
    }
    if refused.iter().all(|(kind, _)| *kind != Kind::Role) {
        let roles = role_names(stage, &cloud.region).into_iter().collect();
        let functions = stage.functions.keys().map(String::as_str).collect();
        let taken = roles_taken(cloud, owner, &mut found, &roles).await;
        let needed = versions_need(cloud, &mut found, &roles, &functions).await;
        for outcome in [taken, needed] {
            match outcome {
                Err(error) if is_denied(&error) => refused.push((Kind::Role, error)),
                outcome => outcome?,
            }
        }
    }
    Ok(Glimpse { found, refused, is_blind })
}

/// Of a bucket S3 says no more than 403: the error for that has no cause.
fn is_refusal(error: &Error) -> bool {
    is_denied(error) || (error.kind == error::Kind::Access && error.causes.is_empty())
}

/// What was found of the kinds that may be looked for; the others join `refused`.
fn allowed(parts: Vec<(Kind, Result<Found<Any>>)>, refused: &mut Vec<(Kind, Error)>) -> Result<Found<Any>> {
    let mut found = Vec::new();
    for (kind, part) in parts {
        match part {
            Err(error) if is_refusal(&error) => refused.push((kind, error)),
            part => found.push(part?),
        }
    }
    Ok(found.into_iter().collect())
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
