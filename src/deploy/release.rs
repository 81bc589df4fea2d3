//! The record of a successful deploy: a numbered JSON object in the artifact bucket.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::primitives::ByteStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kinds::{Kind, ServedApi, Url};
use super::marks::{self, Marks};
use super::names::{bucket_name, stage_prefix};
use super::objects::keys_below;
use super::resource::{Key, Owner};
use crate::aws::{Cloud, explain, is_code};
use crate::error::{Error, OrFailed as _, Result};

/// Records read at once.
const PARALLEL: usize = 16;

/// One successful deploy, update or rollback of a stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Release {
    /// 1, 2, 3, …
    pub(crate) number: u64,
    pub(crate) app: String,
    pub(crate) stage: String,
    /// RFC 3339, UTC.
    pub(crate) at: String,
    /// The ARN of whoever ran rzap.
    pub(crate) by: String,
    /// The git commit of the project, when it is a git checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<String>,
    pub(crate) rzap: String,
    pub(crate) seconds: f64,
    /// By the name in the config.
    pub(crate) functions: BTreeMap<String, ReleasedFunction>,
    /// What the stage's API served; not there without an API, and in records of older versions of rzap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<ServedApi>,
    /// The release that a rollback went back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rollback_to: Option<u64>,
    /// What tells a change by hand from one of the config; empty in records of older versions of rzap.
    #[serde(default, skip_serializing_if = "Marks::is_empty")]
    pub(crate) marks: Marks,
    /// The resources that a later run may have changed before it failed. Not a part of the record: it lies beside
    /// it, and is read by [`Release::latest`] only.
    #[serde(skip)]
    pub(crate) unfinished: BTreeSet<String>,
}

/// What a release says about one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReleasedFunction {
    pub(crate) version: String,
    pub(crate) code_sha256: String,
    /// How its own URL answered, which no version knows; not there when that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<Url>,
}

impl Release {
    /// The newest release of a stage.
    pub(crate) async fn latest(cloud: &Cloud, owner: &Owner) -> Result<Option<Self>> {
        Self::newest(cloud, owner).await?.1
    }

    /// The number of a stage's newest release, 0 when there is none, and that release. A record that cannot be read
    /// is nothing to fail with, unless somebody needs what it says.
    pub(crate) async fn newest(cloud: &Cloud, owner: &Owner) -> Result<(u64, Result<Option<Self>>)> {
        let (bucket, prefix) = place(cloud, owner);
        let keys = keys(cloud, &bucket, &prefix).await?;
        let Some(number) = numbers_in(&keys, &prefix).max() else { return Ok((0, Ok(None))) };
        let is_noted = keys.contains(&unfinished_key(&prefix, number));
        let read = read_both(cloud, &bucket, &prefix, number, is_noted).await;
        Ok((number, read.map(|(release, unfinished)| Some(Self { unfinished, ..release }))))
    }

    /// Notes beside the record that a run which did not get to its end may have changed these, so that nobody
    /// takes its changes for somebody's.
    pub(crate) async fn note_unfinished(&self, cloud: &Cloud, keys: impl IntoIterator<Item = Key>) -> Result<()> {
        let (bucket, prefix) = place(cloud, &self.owner());
        let mut unfinished = self.unfinished.clone();
        unfinished.extend(keys.into_iter().map(|key| marks::name(&key)));
        let key = unfinished_key(&prefix, self.number);
        let body = serde_json::to_vec_pretty(&unfinished).or_failed(|| "write down what was not finished")?;
        let call = cloud.s3.put_object().bucket(&bucket).key(&key).content_type("application/json");
        call.body(ByteStream::from(body)).send().await.map_err(explain(format!("write s3://{bucket}/{key}")))?;
        Ok(())
    }

    /// The same, but for these functions (by their names on AWS): a run of rzap has changed them since.
    pub(crate) fn leaving_out(mut self, functions: impl IntoIterator<Item = String>) -> Self {
        let keys = functions.into_iter().map(|name| Key::new(Kind::Function, name));
        self.unfinished.extend(keys.map(|key| marks::name(&key)));
        self
    }

    /// Removes that note, once a release has followed. Best effort: it says nothing of any other release.
    pub(crate) async fn forget_unfinished(&self, cloud: &Cloud) {
        if self.unfinished.is_empty() {
            return;
        }
        let (bucket, prefix) = place(cloud, &self.owner());
        let call = cloud.s3.delete_object().bucket(bucket).key(unfinished_key(&prefix, self.number));
        let _ = call.send().await;
    }

    fn owner(&self) -> Owner {
        Owner { app: self.app.clone(), stage: self.stage.clone() }
    }

    /// As programs see it: the marks are nobody else's business.
    pub(crate) fn document(&self) -> Value {
        json!(Self { marks: Marks::default(), ..self.clone() })
    }

    /// The numbers of a stage's releases, newest first.
    pub(crate) async fn numbers(cloud: &Cloud, owner: &Owner) -> Result<Vec<u64>> {
        let (bucket, prefix) = place(cloud, owner);
        let mut numbers = numbers(cloud, &bucket, &prefix).await?;
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    /// The records of these releases, in this order.
    pub(crate) async fn read_all(cloud: &Cloud, owner: &Owner, numbers: &[u64]) -> Result<Vec<Self>> {
        let (bucket, prefix) = place(cloud, owner);
        let (bucket, prefix) = (bucket.as_str(), prefix.as_str());
        let reads = numbers.iter().map(|number| async move { read(cloud, bucket, prefix, *number).await });
        stream::iter(reads).buffered(PARALLEL).try_collect().await
    }

    /// The release whose versions and API this one has.
    pub(crate) fn origin(&self) -> u64 {
        self.rollback_to.unwrap_or(self.number)
    }

    /// True when a client could not tell them apart: the same versions behind the same API.
    pub(crate) fn serves_like(&self, other: &Self) -> bool {
        self.functions == other.functions && self.api == other.api
    }

    /// True when it says this of the functions and the API, as far as it says something.
    pub(crate) fn tells_of(&self, functions: &BTreeMap<String, ReleasedFunction>, api: Option<&ServedApi>) -> bool {
        let same = |(name, one): (&String, &ReleasedFunction)| {
            self.functions.get(name).is_some_and(|it| {
                (&it.version, &it.code_sha256) == (&one.version, &one.code_sha256)
                    && (it.url.is_none() || it.url == one.url)
            })
        };
        let same_api = self.api.is_none() || self.api.as_ref() == api;
        self.functions.len() == functions.len() && functions.iter().all(same) && same_api
    }

    /// True when `live`, the version of each function's alias by the name in the config, is what it published.
    pub(crate) fn is_served_by(&self, live: &BTreeMap<String, String>) -> bool {
        self.functions.iter().all(|(name, function)| live.get(name) == Some(&function.version))
    }

    /// The newest number. What was not finished after it is forgotten: whoever did not look has taken it over.
    async fn last(&mut self, cloud: &Cloud, bucket: &str, prefix: &str) -> Result<u64> {
        let keys = keys(cloud, bucket, prefix).await?;
        let last = numbers_in(&keys, prefix).max().unwrap_or(0);
        let beside = unfinished_key(prefix, last);
        if keys.contains(&beside) {
            self.marks.forget(&read_object(cloud, bucket, &beside).await?);
            let _ = cloud.s3.delete_object().bucket(bucket).key(beside).send().await;
        }
        Ok(last)
    }

    /// Writes it under the next free number, which it returns. Two at once get two numbers. `last` is the number
    /// before, where that is known.
    pub(crate) async fn write(mut self, cloud: &Cloud, last: Option<u64>) -> Result<u64> {
        let (bucket, prefix) = place(cloud, &self.owner());
        let last = match last {
            Some(last) => last,
            None => self.last(cloud, &bucket, &prefix).await?,
        };
        let mut number = last + 1;
        for _ in 0..20 {
            self.number = number;
            let key = format!("{prefix}{number}.json");
            let body = serde_json::to_vec_pretty(&self).or_failed(|| "write down the release")?;
            let call =
                cloud.s3.put_object().bucket(&bucket).key(&key).content_type("application/json").if_none_match("*");
            match call.body(ByteStream::from(body.clone())).send().await {
                Ok(_) => return Ok(number),
                // A write of ours whose answer was lost is found by its repetition.
                Err(error) if is_code(&error, &["PreconditionFailed", "ConditionalRequestConflict"]) => {
                    if is_there(cloud, &bucket, &key, &body).await {
                        return Ok(number);
                    }
                    number += 1;
                }
                Err(error) => return Err(explain(format!("write s3://{bucket}/{key}"))(error)),
            }
        }
        Err(Error::failed("failed to write down the release: twenty others took its number").hint("run rzap again"))
    }
}

fn place(cloud: &Cloud, owner: &Owner) -> (String, String) {
    (bucket_name(&cloud.account, &cloud.region), format!("{}releases/", stage_prefix(owner)))
}

async fn read(cloud: &Cloud, bucket: &str, prefix: &str, number: u64) -> Result<Release> {
    read_object(cloud, bucket, &format!("{prefix}{number}.json")).await
}

/// A record and, if there is one, the note beside it.
async fn read_both(
    cloud: &Cloud,
    bucket: &str,
    prefix: &str,
    number: u64,
    is_noted: bool,
) -> Result<(Release, BTreeSet<String>)> {
    let key = unfinished_key(prefix, number);
    let note = async { if is_noted { read_object(cloud, bucket, &key).await } else { Ok(BTreeSet::new()) } };
    tokio::try_join!(read(cloud, bucket, prefix, number), note)
}

async fn read_object<T: DeserializeOwned>(cloud: &Cloud, bucket: &str, key: &str) -> Result<T> {
    let what = || format!("read s3://{bucket}/{key}");
    let object = cloud.s3.get_object().bucket(bucket).key(key).send().await.map_err(explain(what()))?;
    let bytes = object.body.collect().await.or_failed(what)?.into_bytes();
    serde_json::from_slice(&bytes).or_failed(what)
}

async fn numbers(cloud: &Cloud, bucket: &str, prefix: &str) -> Result<Vec<u64>> {
    Ok(numbers_in(&keys(cloud, bucket, prefix).await?, prefix).collect())
}

async fn keys(cloud: &Cloud, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    keys_below(cloud, bucket, prefix).await.map_err(explain(format!("list s3://{bucket}/{prefix}")))
}

fn numbers_in(keys: &[String], prefix: &str) -> impl Iterator<Item = u64> {
    keys.iter().filter_map(move |key| key.strip_prefix(prefix)?.strip_suffix(".json")?.parse::<u64>().ok())
}

/// Beside the record of a release: what [`Release::note_unfinished`] writes.
fn unfinished_key(prefix: &str, number: u64) -> String {
    format!("{prefix}{number}-unfinished.json")
}

/// Whether the object is exactly this: the time and the duration in it make it one run's.
async fn is_there(cloud: &Cloud, bucket: &str, key: &str, body: &[u8]) -> bool {
    let Ok(object) = cloud.s3.get_object().bucket(bucket).key(key).send().await else { return false };
    object.body.collect().await.is_ok_and(|bytes| bytes.into_bytes() == body)
}
