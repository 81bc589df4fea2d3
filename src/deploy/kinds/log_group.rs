//! A log group, made by us before the function or the API that writes into it, so that its retention is never "forever".

use std::collections::HashMap;

use aws_sdk_cloudwatchlogs::types::LogGroup as Listed;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::Kind;
use crate::aws::{Cloud, code, explain};
use crate::deploy::loss::Loss;
use crate::deploy::names::{access_log_name, function_prefix, log_group_name};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Orphan, Owner, Resource};
use crate::error::Result;

/// Tag look-ups under way at once.
const PARALLEL: usize = 8;

/// A log group.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogGroup {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// Days; `None` keeps forever.
    pub(crate) retention_days: Option<i32>,
}

impl LogGroup {
    /// Whether a log group is there and carries the stage's tags.
    pub(super) async fn is_ours(cloud: &Cloud, owner: &Owner, name: &str) -> Result<bool> {
        let tags = Self::tags(cloud, name).await?;
        Ok(owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
    }

    /// All whose names begin like this.
    async fn list(cloud: &Cloud, prefix: &str) -> Result<Vec<Listed>> {
        let pages = cloud.logs.describe_log_groups().log_group_name_prefix(prefix).into_paginator().items().send();
        let groups = pages.collect::<std::result::Result<Vec<_>, _>>().await;
        groups.map_err(explain(format!("list the log groups `{prefix}*`")))
    }

    async fn tags(cloud: &Cloud, name: &str) -> Result<HashMap<String, String>> {
        cloud.pace.log_tags().await;
        let call = cloud.logs.list_tags_for_resource().resource_arn(cloud.log_group_arn(name));
        match call.send().await {
            Ok(answer) => Ok(answer.tags.unwrap_or_default()),
            // Deleted between the listing and now.
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(HashMap::new()),
            Err(error) => Err(explain(format!("read the tags of the log group `{name}`"))(error)),
        }
    }
}

impl Resource for LogGroup {
    fn key(&self) -> Key {
        Key::new(Kind::LogGroup, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    /// `FilterLogEvents` and `StartLiveTail` are what `tail` does with it, `GetLogEvents` what `errors` looks around with.
    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{names}"];
        const ACTIONS: &[&str] = &[
            "logs:CreateLogGroup",
            "logs:DeleteLogGroup",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
            "logs:ListTagsForResource",
            "logs:FilterLogEvents",
            "logs:GetLogEvents",
            "logs:StartLiveTail",
        ];
        const OF_API: &[&str] = &["arn:{partition}:logs:{region}:{account}:log-group:/aws/apigateway/{app}-{stage}"];
        vec![
            Need::anywhere(&["logs:DescribeLogGroups"]),
            Need::on(ON, ACTIONS),
            Need::on(OF_API, ACTIONS).when(|stage| stage.access_log.is_some()),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let (prefix, of_api) = (log_group_name(&function_prefix(owner)), access_log_name(owner));
        let (mut groups, mut apis) = tokio::try_join!(Self::list(cloud, &prefix), Self::list(cloud, &of_api))?;
        // A stage whose name only begins like this one is another.
        apis.retain(|group| group.log_group_name() == Some(&of_api));
        groups.append(&mut apis);
        stream::iter(groups)
            .map(|group| async move {
                let name = group.log_group_name.unwrap_or_default();
                let tags = Self::tags(cloud, &name).await?;
                if owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
                    let live = Self { name, owner: owner.clone(), retention_days: group.retention_in_days };
                    Ok(Found::ours(vec![live]))
                } else {
                    Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::LogGroup, name)] })
                }
            })
            .buffer_unordered(PARALLEL)
            .try_collect::<Vec<_>>()
            .await
            .map(|parts| parts.into_iter().collect())
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        if live.is_none() {
            let tags = self.owner.tags().into_iter().collect();
            cloud.pace.create_log_group().await;
            match cloud.logs.create_log_group().log_group_name(&self.name).set_tags(Some(tags)).send().await {
                Ok(_) => {}
                // Somebody was quicker, or it was us and the answer got lost: whose is it?
                Err(error) if code(&error) == Some("ResourceAlreadyExistsException") => {
                    let tags = Self::tags(cloud, &self.name).await?;
                    if !self.owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
                        return Err(self.key().not_ours(&self.owner));
                    }
                }
                Err(error) => return Err(explain(format!("create the log group `{}`", self.name))(error)),
            }
        }
        if live.is_none_or(|live| live.retention_days != self.retention_days)
            && let Some(days) = self.retention_days
        {
            cloud.pace.put_retention().await;
            let call = cloud.logs.put_retention_policy().log_group_name(&self.name).retention_in_days(days);
            call.send().await.map_err(explain(format!("set the retention of the log group `{}`", self.name)))?;
        }
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        match cloud.logs.delete_log_group().log_group_name(&self.name).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(explain(format!("delete the log group `{}`", self.name))(error)),
        }
    }

    /// Only `undeploy` gets that far. A shorter retention takes old logs, too, but that is all it is there for.
    fn losses(&self) -> Vec<Loss> {
        vec![Loss::of_data("all its logs")]
    }

    /// Logs are data: those of a removed function stay readable until they expire or the stage goes.
    fn orphan(&self) -> Orphan {
        Orphan::WithStage
    }
}
