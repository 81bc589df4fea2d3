//! A metric filter on a function's log group: how many lines match a pattern, as a metric of the stage's own.
//!
//! It cannot be tagged. Its metric's namespace, `rzap/{app}/{stage}`, says whose it is.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html>

use aws_sdk_cloudwatchlogs::types::{MetricFilter as Live, MetricTransformation, StandardUnit};
use serde::Serialize;

use super::Kind;
use crate::aws::{Cloud, code, explain};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Each matching line counts as this; without one, a minute with lines counts as 0.
const ONE: &str = "1";

/// A metric filter.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MetricFilter {
    /// Of the filter and of its metric.
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    #[serde(skip)]
    pub(crate) log_group: String,
    pub(crate) pattern: String,
    /// What a line counts as.
    pub(crate) value: String,
}

impl MetricFilter {
    pub(crate) fn wanted(owner: &Owner, name: String, log_group: String, pattern: String) -> Self {
        Self { name, owner: owner.clone(), log_group, pattern, value: ONE.to_owned() }
    }

    /// The namespace of a stage's own metrics.
    pub(crate) fn namespace(owner: &Owner) -> String {
        format!("rzap/{}/{}", owner.app, owner.stage)
    }

    fn found(owner: &Owner, namespace: &str, live: &Live) -> Option<Self> {
        let [metric] = live.metric_transformations() else { return None };
        (metric.metric_namespace() == namespace).then(|| Self {
            owner: owner.clone(),
            value: metric.metric_value().to_owned(),
            name: live.filter_name().unwrap_or_default().to_owned(),
            log_group: live.log_group_name().unwrap_or_default().to_owned(),
            pattern: live.filter_pattern().unwrap_or_default().to_owned(),
        })
    }
}

impl Resource for MetricFilter {
    fn key(&self) -> Key {
        Key::new(Kind::MetricFilter, format!("{}/{}", self.log_group, self.name))
    }

    fn after(&self) -> Vec<Key> {
        vec![Key::new(Kind::LogGroup, &self.log_group)]
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{names}"];
        const ACTIONS: &[&str] = &["logs:PutMetricFilter", "logs:DeleteMetricFilter"];
        vec![Need::anywhere(&["logs:DescribeMetricFilters"]), Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let namespace = Self::namespace(owner);
        let mut found = Vec::new();
        let mut pages = cloud.logs.describe_metric_filters().into_paginator().items().send();
        while let Some(filter) = pages.next().await {
            let filter = filter.map_err(explain("list the metric filters"))?;
            found.extend(Self::found(owner, &namespace, &filter));
        }
        Ok(Found::ours(found))
    }

    async fn converge(&self, cloud: &Cloud, _live: Option<&Self>) -> Result<()> {
        let what = format!("set the {}", self.key());
        let metric = MetricTransformation::builder()
            .metric_namespace(Self::namespace(&self.owner))
            .metric_name(&self.name)
            .metric_value(&self.value)
            .default_value(0.0)
            .unit(StandardUnit::Count);
        let metric = metric.build().map_err(|error| Error::failed(format!("failed to {what}")).because(&error))?;
        let call = cloud.logs.put_metric_filter().log_group_name(&self.log_group).filter_name(&self.name);
        let sent = call.filter_pattern(&self.pattern).metric_transformations(metric).send().await;
        sent.map(drop).map_err(explain(what))
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let call = cloud.logs.delete_metric_filter().log_group_name(&self.log_group).filter_name(&self.name);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(explain(format!("delete the {}", self.key()))(error)),
        }
    }
}
