//! What a function hears of a log group: its subscription filters there, and the permission that lets them call.
//!
//! A filter cannot be tagged and the group may be somebody else's. So the permission remembers which group it is
//! for, and a filter is ours when it calls our function and has its name; filters of others are left alone.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::SubscriptionFilter;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::Kind;
use super::attempt::{Made, Refused, patiently};
use super::function::{Grant, granted, statement_id, statements, take_back};
use crate::aws::{Backoff, Cloud, code, explain, is_code};
use crate::config::StageConfig;
use crate::config::triggers::{Group, Trigger};
use crate::deploy::names::ALIAS;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Groups read at once.
const PARALLEL: usize = 8;

/// What the ids of our permissions say.
const WORD: &str = "logs";

/// What a function hears of a log group.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogSubscription {
    #[serde(skip)]
    owner: Owner,
    /// The function's name on AWS.
    #[serde(skip)]
    function: String,
    /// The name of the log group.
    #[serde(skip)]
    group: String,
    /// The filter patterns by the names of the filters.
    pub(crate) filters: BTreeMap<String, String>,
    /// The function lets the group's events in.
    pub(crate) permitted: bool,
}

impl LogSubscription {
    /// As it should be; `function` is its name on AWS, `filters` are patterns by name.
    pub(crate) fn wanted(owner: &Owner, function: String, group: String, filters: BTreeMap<String, String>) -> Self {
        Self { owner: owner.clone(), function, group, filters, permitted: true }
    }

    fn alias(&self, cloud: &Cloud) -> String {
        format!("{}:{ALIAS}", cloud.function_arn(&self.function))
    }

    /// `arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/shop-dev-web:*`
    fn source(&self, cloud: &Cloud) -> String {
        format!("{}:*", cloud.log_group_arn(&self.group))
    }

    fn statement(&self, cloud: &Cloud) -> String {
        statement_id(WORD, &self.owner, &self.source(cloud))
    }

    /// The filters of the group that are ours, patterns by name; none when there is no such group.
    async fn live(&self, cloud: &Cloud) -> Result<BTreeMap<String, String>> {
        let call = cloud.logs.describe_subscription_filters().log_group_name(&self.group);
        let found = match call.filter_name_prefix(&self.function).send().await {
            Ok(page) => page.subscription_filters.unwrap_or_default(),
            Err(error) if is_code(&error, &["ResourceNotFoundException"]) => Vec::new(),
            Err(error) => {
                return Err(explain(format!("read the subscriptions of the log group `{}`", self.group))(error));
            }
        };
        let alias = self.alias(cloud);
        let ours = |filter: &SubscriptionFilter| filter.destination_arn() == Some(&alias);
        let pair = |filter: SubscriptionFilter| Some((filter.filter_name?, filter.filter_pattern.unwrap_or_default()));
        Ok(found.into_iter().filter(ours).filter_map(pair).collect())
    }

    async fn put(&self, cloud: &Cloud, name: &str, pattern: &str) -> Result<Made, Refused> {
        let call = cloud.logs.put_subscription_filter().log_group_name(&self.group).filter_name(name);
        let sent = call.filter_pattern(pattern).destination_arn(self.alias(cloud)).send().await;
        let Err(error) = sent else { return Ok(Made::Now) };
        let what = format!("subscribe the function `{}` to the log group `{}`", self.function, self.group);
        Err(match code(&error) {
            Some("LimitExceededException") => {
                let hint = "a log group has at most two subscriptions, and others have them already";
                explain(what)(error).hint(hint).into()
            }
            Some("ResourceNotFoundException") => {
                let hint =
                    "a log group has to be there before somebody hears it: create it, or wait for its first line";
                explain(what)(error).hint(hint).into()
            }
            _ => Refused::new(what, error, worth_waiting),
        })
    }

    async fn remove(&self, cloud: &Cloud, name: &str) -> Result<()> {
        match cloud.logs.delete_subscription_filter().log_group_name(&self.group).filter_name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["ResourceNotFoundException"]) => Ok(()),
            Err(error) => {
                Err(explain(format!("delete the subscription `{name}` of the log group `{}`", self.group))(error))
            }
        }
    }
}

/// What a refused call may be waiting for without knowing; `None` when another try would end the same.
fn worth_waiting(code: &str, text: &str) -> Option<&'static str> {
    match code {
        // "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute
        // your function.": also the answer for a permission that was given a moment ago.
        "InvalidParameterException" if text.contains("Could not execute the lambda function") => {
            Some("waiting until its permission is known")
        }
        "OperationAbortedException" => Some("waiting for a change of it that is in progress"),
        _ => None,
    }
}

impl Resource for LogSubscription {
    fn key(&self) -> Key {
        Key::new(Kind::LogSubscription, format!("{}:{}", self.function, self.group))
    }

    fn after(&self) -> Vec<Key> {
        vec![Key::new(Kind::Function, &self.function), Key::new(Kind::LogGroup, &self.group)]
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{names}"];
        const ACTIONS: &[&str] =
            &["logs:DescribeSubscriptionFilters", "logs:PutSubscriptionFilter", "logs:DeleteSubscriptionFilter"];
        vec![Need::on(ON, ACTIONS).and_on(named)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let groups = cloud.log_group_arn("");
        let remembered = granted(cloud, owner, WORD).await?.into_iter().filter_map(|one| {
            let group = one.source_arn.as_deref()?.strip_prefix(&groups)?.strip_suffix(":*")?.to_owned();
            let empty = Self { filters: BTreeMap::new(), ..Self::wanted(owner, one.function, group, BTreeMap::new()) };
            (one.id == empty.statement(cloud)).then_some(empty)
        });
        let found: Vec<Self> = stream::iter(remembered.collect::<Vec<_>>())
            .map(|empty| async move { Ok::<_, Error>(Self { filters: empty.live(cloud).await?, ..empty }) })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(Found::ours(found))
    }

    fn without(mut self, replaced: &Key) -> Self {
        self.permitted &= *replaced != Key::new(Kind::Function, &self.function);
        self
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let id = self.statement(cloud);
        if live.is_none_or(|live| !live.permitted) && !statements(cloud, &self.function).await?.contains(&id) {
            let grant = Grant {
                id: &id,
                action: "lambda:InvokeFunction",
                principal: "logs.amazonaws.com",
                source_arn: Some(self.source(cloud)),
                source_account: Some(cloud.account.clone()),
            };
            grant.give(cloud, &self.function).await?;
        }
        let there = self.live(cloud).await?;
        // A group has room for two: what changes in place comes first, what goes makes room for what comes.
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(3), Duration::from_mins(1));
        let put = async |backoff: &mut Backoff, known: bool| {
            for (name, pattern) in &self.filters {
                if there.contains_key(name) == known && there.get(name) != Some(pattern) {
                    patiently(backoff, async || self.put(cloud, name, pattern).await).await?;
                }
            }
            Ok::<_, Error>(())
        };
        put(&mut backoff, true).await?;
        for name in there.keys().filter(|name| !self.filters.contains_key(*name)) {
            self.remove(cloud, name).await?;
        }
        put(&mut backoff, false).await
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        for name in self.live(cloud).await?.keys() {
            self.remove(cloud, name).await?;
        }
        take_back(cloud, &self.function, &self.statement(cloud)).await
    }
}

/// The log groups of others that the config names.
fn named(stage: &StageConfig) -> Vec<String> {
    stage
        .triggers()
        .filter_map(|trigger| match trigger {
            Trigger::Logs(logs) => match &logs.group {
                Group::Of(_) => None,
                Group::Name(name) => Some(format!("arn:{{partition}}:logs:{{region}}:{{account}}:log-group:{name}:*")),
                Group::Arn(arn) => Some(format!("{}:*", arn.trim_end_matches(":*"))),
            },
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_takes_time_is_waited_for() {
        let text = "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to \
                    execute your function.";
        assert!(worth_waiting("InvalidParameterException", text).is_some());
        assert!(worth_waiting("OperationAbortedException", "").is_some());
        assert_eq!(worth_waiting("InvalidParameterException", "Invalid filter pattern"), None);
    }
}
