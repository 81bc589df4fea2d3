//! Which stages an app has in an account and a region, whoever deployed them: each leaves its releases in the artifact
//! bucket, and its functions carry its name as a tag.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types::CommonPrefix;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::names::{bucket_name, function_name};
use super::release::Release;
use super::resource::Owner;
use crate::aws::{Cloud, code, explain, is_code};
use crate::error::{Error, Result};

/// Tags read at once, and of how many functions at most.
const PARALLEL: usize = 16;
const MOST_TAGS: usize = 200;

/// A stage that has left something in the bucket.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) stage: String,
    /// Its newest release; `None` when there is none, or none that can be read.
    pub(crate) release: Option<Release>,
    /// The number of that, 0 when there is none.
    pub(crate) number: u64,
}

/// The stages of an app, by name; none when there is no bucket.
pub(crate) async fn deployed(cloud: &Cloud, app: &str) -> Result<Vec<Deployed>> {
    let looks = folders(cloud, app).await?.into_iter().map(|stage| async move {
        let owner = Owner { app: app.to_owned(), stage: stage.clone() };
        let (number, release) = Release::newest(cloud, &owner).await?;
        Ok::<_, Error>(Deployed { stage, release: release.ok().flatten(), number })
    });
    join_all(looks).await.into_iter().collect()
}

/// What is below `{app}/` and no package: one folder for each stage, and `_static`.
async fn folders(cloud: &Cloud, app: &str) -> Result<BTreeSet<String>> {
    let (bucket, prefix) = (bucket_name(&cloud.account, &cloud.region), format!("{app}/"));
    let call = cloud.s3.list_objects_v2().bucket(&bucket).prefix(&prefix).delimiter("/");
    let mut pages = call.into_paginator().send();
    let mut found = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) if is_code(&error, &["NoSuchBucket"]) => break,
            Err(error) => return Err(explain(format!("list s3://{bucket}/{prefix}"))(error)),
        };
        let names = page.common_prefixes().iter().filter_map(CommonPrefix::prefix);
        let names = names.filter_map(|it| it.strip_prefix(&prefix)?.strip_suffix('/'));
        found.extend(names.filter(|name| !name.starts_with('_')).map(str::to_owned));
    }
    Ok(found)
}

/// How many functions each stage has, by its name.
pub(crate) type Functions = BTreeMap<String, usize>;

/// Counts the functions of an app by their stages. Those of `stages`' releases are known by name; for others one call
/// each reads the tags.
pub(crate) async fn functions_of(cloud: &Cloud, app: &str, stages: &[Deployed]) -> Result<Functions> {
    let mut names = Vec::new();
    let mut pages = cloud.lambda.list_functions().into_paginator().send();
    let start = format!("{app}-");
    while let Some(page) = pages.next().await {
        let page = page.map_err(explain("list the functions"))?;
        let ours = page.functions().iter().filter(|it| it.function_name().is_some_and(|name| name.starts_with(&start)));
        let pairs = ours.filter_map(|it| Some((it.function_name()?.to_owned(), it.function_arn()?.to_owned())));
        names.extend(pairs);
    }
    let known = stages.iter().flat_map(|deployed| {
        let owner = Owner { app: app.to_owned(), stage: deployed.stage.clone() };
        let functions = deployed.release.iter().flat_map(|release| release.functions.keys());
        functions.map(move |short| (function_name(&owner, short), deployed.stage.clone())).collect::<Vec<_>>()
    });
    let known: BTreeMap<String, String> = known.collect();
    let mut counts = Functions::new();
    let mut strangers = Vec::new();
    for (name, arn) in names {
        match known.get(&name) {
            Some(stage) => *counts.entry(stage.clone()).or_default() += 1,
            None => strangers.push(arn),
        }
    }
    strangers.truncate(MOST_TAGS);
    let tags = strangers.into_iter().map(|arn| async move {
        match cloud.lambda.list_tags().resource(&arn).send().await {
            Ok(answer) => Ok(answer.tags.unwrap_or_default()),
            // Deleted between the listing and now.
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(std::collections::HashMap::new()),
            Err(error) => Err(explain("read the tags of a function")(error)),
        }
    });
    let tags: Vec<_> = stream::iter(tags).buffer_unordered(PARALLEL).try_collect().await?;
    for tags in tags.into_iter().filter(|tags| tags.get(Owner::APP).is_some_and(|name| name == app)) {
        if let Some(stage) = tags.get(Owner::STAGE) {
            *counts.entry(stage.clone()).or_default() += 1;
        }
    }
    Ok(counts)
}
