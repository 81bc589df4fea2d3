//! A `DynamoDB` table of `resources:`.
//!
//! Made in one call, but for expiry and backups, which take a table that is ready. Everything later is one change
//! after another ([`change`]): `DynamoDB` takes one at a time, and one index per call.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html>

mod change;
mod parts;
mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::TableStatus;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::Kind;
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::config::resources as config;
use crate::config::resources::table::{Capacity, KeyPart, Projection};
use crate::deploy::loss::{Loss, Replacement};
use crate::deploy::names::resource_prefix;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Tables read at once.
const PARALLEL: usize = 4;

/// A table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Table {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// The partition key and, if there is one, the sort key.
    pub(crate) key: Vec<KeyPart>,
    /// Global secondary indexes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) indexes: BTreeMap<String, Index>,
    /// The attribute that says when an item expires.
    pub(crate) ttl: Option<String>,
    /// What its stream tells; `None` when it has none.
    pub(crate) stream: Option<String>,
    /// Point-in-time recovery.
    pub(crate) pitr: bool,
    /// What is reserved; `None` is paid by request.
    pub(crate) capacity: Option<Capacity>,
    /// Nobody can delete it.
    pub(crate) protect: bool,
    /// How many items it had when `DynamoDB` counted last.
    #[serde(skip)]
    items: i64,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Index {
    pub(crate) key: Vec<KeyPart>,
    pub(crate) project: Projection,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capacity: Option<Capacity>,
}

impl Table {
    /// As it should be. `view`: what its stream tells.
    pub(crate) fn wanted(owner: &Owner, name: String, config: &config::Table, view: Option<&str>) -> Self {
        let indexes = config.indexes.iter().map(|(name, index)| {
            let (key, project) = (index.key.clone(), index.project.clone());
            (name.clone(), Index { key, project, capacity: config.capacity })
        });
        Self {
            name,
            owner: owner.clone(),
            key: config.key.clone(),
            indexes: indexes.collect(),
            ttl: config.ttl.clone(),
            stream: view.map(str::to_owned),
            pitr: config.pitr,
            capacity: config.capacity,
            protect: config.protect,
            items: 0,
        }
    }

    /// Waits until nothing of it is on its way any more; `false` when there is no such table.
    async fn settle(&self, cloud: &Cloud) -> Result<bool> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), Duration::from_mins(20));
        loop {
            let what = || format!("look at the table `{}`", self.name);
            let table = match cloud.dynamodb.describe_table().table_name(&self.name).send().await {
                Ok(answer) => answer.table,
                Err(error) if code(&error) == Some("ResourceNotFoundException") => None,
                Err(error) => return Err(explain(what())(error)),
            };
            let Some(table) = table else { return Ok(false) };
            let busy = read::busy_with(&table);
            let Some(busy) = busy else { return Ok(true) };
            say(busy);
            if !backoff.sleep().await {
                let error = Error::failed(format!("the table `{}` is not ready after 20 minutes", self.name));
                return Err(error.hint("an index over much data takes its time: run rzap again, it continues here"));
            }
        }
    }

    /// Makes it, whatever had its name and is on its way out. The one that stands when somebody else was quicker.
    async fn create(&self, cloud: &Cloud) -> Result<Option<Self>> {
        loop {
            let what = || format!("create the table `{}`", self.name);
            let call = parts::create(cloud, self).map_err(|error| Error::failed(what()).because(&error))?;
            let Err(error) = call.send().await else { return Ok(None) };
            if code(&error) != Some("ResourceInUseException") {
                return Err(explain(what())(error));
            }
            // It is there, or it was and is still going.
            if !self.settle(cloud).await? {
                continue;
            }
            let found = Self::read(cloud, &self.owner, self.name.clone()).await?;
            if !found.foreign.is_empty() {
                return Err(self.key().not_ours(&self.owner));
            }
            if let Some(found) = found.ours.into_iter().next() {
                return Ok(Some(found));
            }
        }
    }

    /// One table by its name; whose it is its tags say. One that is being deleted is gone.
    async fn read(cloud: &Cloud, owner: &Owner, name: String) -> Result<Found<Self>> {
        let what = || format!("look at the table `{name}`");
        let table = match cloud.dynamodb.describe_table().table_name(&name).send().await {
            Ok(answer) => answer.table,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => None,
            Err(error) => return Err(explain(what())(error)),
        };
        let Some(table) = table.filter(|table| table.table_status() != Some(&TableStatus::Deleting)) else {
            return Ok(Found::none());
        };
        let arn = table.table_arn().unwrap_or_default();
        let (tags, ttl, pitr) = tokio::join!(
            cloud.dynamodb.list_tags_of_resource().resource_arn(arn).send(),
            cloud.dynamodb.describe_time_to_live().table_name(&name).send(),
            cloud.dynamodb.describe_continuous_backups().table_name(&name).send(),
        );
        let tags = match tags {
            Ok(answer) => answer.tags.unwrap_or_default(),
            Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(Found::none()),
            Err(error) => return Err(explain(format!("read the tags of the table `{name}`"))(error)),
        };
        if !owner.owns(tags.iter().map(|tag| (tag.key(), tag.value()))) {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Table, name)] });
        }
        // Until it is made there is nothing to say about either.
        let new = table.table_status() == Some(&TableStatus::Creating);
        let ttl = match ttl {
            Ok(answer) => answer.time_to_live_description,
            Err(_) if new => None,
            Err(error) => return Err(explain(format!("read the expiry of the table `{name}`"))(error)),
        };
        let pitr = match pitr {
            Ok(answer) => answer.continuous_backups_description,
            Err(_) if new => None,
            Err(error) => return Err(explain(format!("read the backup settings of the table `{name}`"))(error)),
        };
        Ok(Found::ours(vec![read::found(owner, name.clone(), &table, ttl.as_ref(), pitr.as_ref())]))
    }
}

impl Resource for Table {
    fn key(&self) -> Key {
        Key::new(Kind::Table, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:dynamodb:{region}:{account}:table/{names}"];
        const ACTIONS: &[&str] = &[
            "dynamodb:CreateTable",
            "dynamodb:DeleteTable",
            "dynamodb:DescribeTable",
            "dynamodb:UpdateTable",
            "dynamodb:DescribeTimeToLive",
            "dynamodb:UpdateTimeToLive",
            "dynamodb:DescribeContinuousBackups",
            "dynamodb:UpdateContinuousBackups",
            "dynamodb:ListTagsOfResource",
            "dynamodb:TagResource",
        ];
        vec![Need::anywhere(&["dynamodb:ListTables"]), Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = resource_prefix(owner);
        let mut names = Vec::new();
        let mut pages = cloud.dynamodb.list_tables().into_paginator().items().send();
        while let Some(name) = pages.next().await {
            let name = name.map_err(explain("list the tables"))?;
            names.extend(name.starts_with(&prefix).then_some(name));
        }
        let found: Vec<Found<Self>> = stream::iter(names)
            .map(|name| Self::read(cloud, owner, name))
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().collect())
    }

    /// Its items. `DynamoDB` counts them every six hours, so none may be many: an empty table is no exception.
    fn losses(&self) -> Vec<Loss> {
        let what = match self.items {
            0 => "all its items".to_owned(),
            1 => "all its items, about one".to_owned(),
            many => format!("all its items, about {many}"),
        };
        vec![Loss::of_data(what)]
    }

    /// An index that changes is made anew, and so is a stream: what nobody has read of it goes.
    fn change_losses(&self, live: &Self) -> Vec<Loss> {
        let changed = self.indexes.iter().filter(|(name, index)| {
            live.indexes.get(*name).is_some_and(|live| (&live.key, &live.project) != (&index.key, &index.project))
        });
        let mut losses: Vec<Loss> = changed
            .map(|(name, _)| Loss::of_service(format!("its index `{name}` answers nobody until it is made anew")))
            .collect();
        if let (Some(old), Some(new)) = (&live.stream, &self.stream)
            && old != new
        {
            losses.push(Loss::of_data("what nobody has read of its stream, which is begun anew"));
        }
        losses
    }

    fn replacement(&self, live: &Self) -> Option<Replacement> {
        let loss = || Loss::of_service("its key cannot be changed in place: it answers nobody until it is made anew");
        (self.key != live.key).then(|| Replacement { fields: vec!["key"], losses: vec![loss()] })
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let before = match live {
            Some(live) => Some(live.clone()),
            None => self.create(cloud).await?,
        };
        // What the creating call could not say.
        let before = before.unwrap_or_else(|| Self { ttl: None, pitr: false, ..self.clone() });
        change::bring(self, cloud, &before).await
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5), Duration::from_mins(5));
        loop {
            let what = || format!("delete the table `{}`", self.name);
            let Err(error) = cloud.dynamodb.delete_table().table_name(&self.name).send().await else { return Ok(()) };
            match code(&error) {
                Some("ResourceNotFoundException") => return Ok(()),
                Some("ValidationException") if self.protect => {
                    let hint =
                        "it is protected: write `protect: false` at the table in rzap.yaml, deploy, and try again";
                    return Err(explain(what())(error).hint(hint));
                }
                // While it is made or changed it cannot go; one that goes already is busy, too.
                Some("ResourceInUseException" | "LimitExceededException") => {
                    let going = cloud.dynamodb.describe_table().table_name(&self.name).send().await;
                    match going {
                        Ok(answer) => {
                            let status = answer.table.and_then(|table| table.table_status);
                            if status == Some(TableStatus::Deleting) {
                                return Ok(());
                            }
                        }
                        Err(error) if is_code(&error, &["ResourceNotFoundException"]) => return Ok(()),
                        Err(_) => {}
                    }
                    say("waiting for a change of it that is in progress");
                    if !backoff.sleep().await {
                        return Err(explain(what())(error));
                    }
                }
                _ => return Err(explain(what())(error)),
            }
        }
    }
}
