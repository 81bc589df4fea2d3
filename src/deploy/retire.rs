//! After a release: versions that no rollback needs any more go.
//!
//! Called only when a function has got a version, and more of them than are kept: a deploy that changes
//! nothing makes no call for it. What could not be deleted is tried again by the next one.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, try_join_all};

use super::apply::Outcome;
use super::kinds::{Function, retire as versions};
use super::names::function_name;
use super::plan::Plan;
use super::release::Release;
use super::resource::Owner;
use crate::aws::Cloud;
use crate::error::{Error, Result};

/// The releases that a rollback can go back to.
const KEPT: usize = 5;

/// The functions that got a version which is one too many, by their names on AWS.
///
/// Versions count from 1: a number of at most five says without a call that there are no more than five.
pub(crate) fn crowded(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let changes = plan.changes();
    let is_new = |function: &&Function| changes.iter().any(|change| change.name == function.name);
    let many = |function: &&Function| {
        let version = function.decided.version.get();
        version.is_some_and(|version| version.parse::<usize>().is_ok_and(|number| number > KEPT))
            && version != function.decided.live.get()
    };
    outcome.functions.iter().filter(is_new).filter(many).map(|function| function.name.clone()).collect()
}

/// Deletes the versions of these functions that neither an alias leads to nor one of the last releases
/// names, and says how many.
///
/// # Errors
/// The first failure, after all were tried.
pub(crate) async fn retire(cloud: &Cloud, owner: &Owner, functions: &[String]) -> Result<usize> {
    if functions.is_empty() {
        return Ok(0);
    }
    let kept = async {
        let mut numbers = Release::numbers(cloud, owner).await?;
        numbers.truncate(KEPT);
        Release::read_all(cloud, owner, &numbers).await
    };
    let idle = try_join_all(functions.iter().map(|name| versions::idle(cloud, name)));
    let (releases, idle) = tokio::try_join!(kept, idle)?;
    let mut kept: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, function) in releases.into_iter().flat_map(|release| release.functions) {
        kept.entry(function_name(owner, &name)).or_default().insert(function.version);
    }
    let needed = |name: &str, version: &String| kept.get(name).is_some_and(|kept| kept.contains(version));
    let gone = functions.iter().zip(idle).flat_map(|(name, versions)| {
        versions.into_iter().filter(|version| !needed(name, version)).map(move |version| (name, version))
    });
    let gone: Vec<_> = gone.collect();
    let deletions = gone.iter().map(|(name, version)| versions::delete(cloud, name, version));
    join_all(deletions).await.into_iter().collect::<Result<Vec<()>, Error>>().map(|done| done.len())
}
