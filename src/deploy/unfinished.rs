//! A shift that nobody is at any more: rzap was killed while a share of the traffic went to new versions.
//!
//! No record says so but the alias itself, which has weights. Whoever holds the stage's lock finishes it or
//! reverts it, before anything else.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde::Serialize;

use super::kinds::versions::{self, Live, Share};
use super::names::function_name;
use super::release::Release;
use super::resource::Owner;
use super::rollback::aliases;
use crate::aws::Cloud;
use crate::error::{Error, Result};

/// One function whose traffic is shared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Split {
    /// The name in the config.
    pub(crate) function: String,
    /// The version that most of the release still has.
    pub(crate) from: String,
    pub(crate) to: String,
    /// What `to` gets.
    pub(crate) percent: f64,
}

/// An unfinished shift. At least one function is split.
#[derive(Debug, Clone)]
pub(crate) struct Unfinished {
    pub(crate) splits: Vec<Split>,
    /// All functions that were looked at, by the name in the config.
    live: BTreeMap<String, Live>,
}

impl Unfinished {
    /// The names on AWS of the functions whose traffic is shared.
    pub(crate) fn functions(&self, owner: &Owner) -> impl Iterator<Item = String> {
        self.splits.iter().map(|split| function_name(owner, &split.function))
    }

    /// Looks at the aliases of these functions; `None` when all of them lead to one version.
    pub(crate) async fn find(cloud: &Cloud, owner: &Owner, names: BTreeSet<&String>) -> Result<Option<Self>> {
        let live = aliases(cloud, owner, names).await?;
        let splits: Vec<Split> = live
            .iter()
            .filter_map(|(name, live)| {
                let share = live.share.clone()?;
                Some(Split {
                    function: name.clone(),
                    from: live.version.clone(),
                    to: share.version,
                    percent: share.percent,
                })
            })
            .collect();
        Ok((!splits.is_empty()).then_some(Self { splits, live }))
    }

    /// All traffic to the new versions.
    pub(crate) async fn finish(&self, cloud: &Cloud, owner: &Owner) -> Result<()> {
        serve(cloud, owner, self.splits.iter().map(|split| (&split.function, &split.to))).await
    }

    /// All traffic back to the old versions: also of functions that were over already, with the others just
    /// about to follow.
    pub(crate) async fn revert(&self, cloud: &Cloud, owner: &Owner) -> Result<()> {
        let released = Release::latest(cloud, owner).await?.map(|release| release.functions).unwrap_or_default();
        let number = |version: &str| version.parse::<u64>().unwrap_or_default();
        let ahead = self.live.iter().filter_map(|(name, live)| {
            let released = &released.get(name)?.version;
            let is_ahead = live.share.is_none() && number(&live.version) > number(released);
            is_ahead.then_some((name, released))
        });
        let split = self.splits.iter().map(|split| (&split.function, &split.from));
        serve(cloud, owner, split.chain(ahead)).await
    }

    /// What the second version of a function has, by its name in the config.
    pub(crate) fn share_of(&self, function: &str) -> Option<Share> {
        self.live.get(function)?.share.clone()
    }

    /// `web: 90 % version 3, 10 % version 4`, a line for each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.splits.iter().map(Split::line).collect()
    }
}

async fn serve<'a>(cloud: &Cloud, owner: &Owner, moves: impl Iterator<Item = (&'a String, &'a String)>) -> Result<()> {
    let calls = moves.map(|(function, version)| async move {
        versions::serve(cloud, &function_name(owner, function), version).await
    });
    join_all(calls).await.into_iter().collect::<Result<Vec<()>, Error>>().map(drop)
}

impl Split {
    fn line(&self) -> String {
        let Self { function, from, to, percent } = self;
        format!("{function}: {} % version {from}, {percent} % version {to}", 100.0 - percent)
    }
}
