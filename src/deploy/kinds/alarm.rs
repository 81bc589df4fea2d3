//! A CloudWatch alarm of `resources:`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, Dimension, MetricAlarm, StandardUnit, Statistic, Tag};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::Kind;
use crate::aws::{Cloud, code, explain};
use crate::config::resources::Condition;
use crate::deploy::names::resource_prefix;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::Result;

/// Tag look-ups under way at once.
const PARALLEL: usize = 4;

/// An alarm. Words are CloudWatch's.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Alarm {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    pub(crate) namespace: String,
    pub(crate) metric: String,
    pub(crate) dimensions: BTreeMap<String, String>,
    /// `Sum`, …, or a percentile: `p99`.
    pub(crate) statistic: String,
    pub(crate) comparison: String,
    pub(crate) threshold: f64,
    /// Seconds.
    pub(crate) period: i32,
    pub(crate) evaluation_periods: i32,
    pub(crate) datapoints: i32,
    pub(crate) missing_data: String,
    /// ARNs of topics.
    pub(crate) actions: BTreeSet<String>,
    pub(crate) ok_actions: BTreeSet<String>,
    pub(crate) actions_enabled: bool,
    /// What it counts in; set by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<String>,
    #[serde(skip)]
    after: Vec<Key>,
}

impl Alarm {
    /// As it should be. `metric` is namespace and name, `actions` are ARNs of topics.
    pub(crate) fn wanted(
        owner: &Owner,
        name: String,
        (namespace, metric, dimensions): (String, String, BTreeMap<String, String>),
        condition: &Condition,
        actions: BTreeSet<String>,
        after: Vec<Key>,
    ) -> Self {
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        let comparison = if condition.above {
            ComparisonOperator::GreaterThanThreshold
        } else {
            ComparisonOperator::LessThanThreshold
        };
        Self {
            name,
            owner: owner.clone(),
            namespace,
            metric,
            dimensions,
            statistic: condition.statistic.clone(),
            comparison: comparison.as_str().to_owned(),
            threshold: condition.threshold,
            period: number(condition.period),
            evaluation_periods: number(condition.periods),
            datapoints: number(condition.datapoints),
            missing_data: condition.missing_data.to_owned(),
            ok_actions: if condition.notify_recovery { actions.clone() } else { BTreeSet::new() },
            actions,
            actions_enabled: true,
            unit: None,
            after,
        }
    }

    fn found(owner: &Owner, live: &MetricAlarm) -> Self {
        let pair =
            |one: &Dimension| (one.name().unwrap_or_default().to_owned(), one.value().unwrap_or_default().to_owned());
        let plain = live.statistic().map(|statistic| statistic.as_str().to_owned());
        let periods = live.evaluation_periods().unwrap_or_default();
        Self {
            name: live.alarm_name().unwrap_or_default().to_owned(),
            owner: owner.clone(),
            namespace: live.namespace().unwrap_or_default().to_owned(),
            metric: live.metric_name().unwrap_or_default().to_owned(),
            dimensions: live.dimensions().iter().map(pair).collect(),
            statistic: plain.or_else(|| live.extended_statistic().map(str::to_owned)).unwrap_or_default(),
            comparison: live.comparison_operator().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            threshold: live.threshold().unwrap_or_default(),
            period: live.period().unwrap_or_default(),
            evaluation_periods: periods,
            // Not said is all of them.
            datapoints: live.datapoints_to_alarm().unwrap_or(periods),
            missing_data: live.treat_missing_data().unwrap_or("missing").to_owned(),
            actions: live.alarm_actions().iter().cloned().collect(),
            ok_actions: live.ok_actions().iter().cloned().collect(),
            actions_enabled: live.actions_enabled().unwrap_or(true),
            unit: live.unit().map(StandardUnit::as_str).map(str::to_owned),
            after: Vec::new(),
        }
    }

    async fn is_ours(cloud: &Cloud, owner: &Owner, arn: &str) -> Result<bool> {
        match cloud.cloudwatch.list_tags_for_resource().resource_arn(arn).send().await {
            Ok(answer) => {
                let tags = answer.tags.unwrap_or_default();
                Ok(owner.owns(tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))))
            }
            // Deleted between the listing and now.
            Err(error) if code(&error).is_some_and(|code| code.starts_with("ResourceNotFound")) => Ok(false),
            Err(error) => Err(explain("read the tags of an alarm")(error)),
        }
    }
}

impl Resource for Alarm {
    fn key(&self) -> Key {
        Key::new(Kind::Alarm, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        self.after.clone()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:cloudwatch:{region}:{account}:alarm:{names}"];
        const ACTIONS: &[&str] = &[
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DeleteAlarms",
            "cloudwatch:ListTagsForResource",
            "cloudwatch:TagResource",
        ];
        vec![Need::anywhere(&["cloudwatch:DescribeAlarms"]), Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let mut live = Vec::new();
        let call = cloud.cloudwatch.describe_alarms().alarm_name_prefix(resource_prefix(owner)).max_records(100);
        let mut pages = call.alarm_types(AlarmType::MetricAlarm).into_paginator().send();
        while let Some(page) = pages.next().await {
            live.extend(page.map_err(explain("list the alarms"))?.metric_alarms.unwrap_or_default());
        }
        let found: Vec<Found<Self>> = stream::iter(live)
            .map(|live| async move {
                let one = Self::found(owner, &live);
                Ok::<_, crate::error::Error>(
                    if Self::is_ours(cloud, owner, live.alarm_arn().unwrap_or_default()).await? {
                        Found::ours(vec![one])
                    } else {
                        Found { ours: Vec::new(), foreign: vec![one.key()] }
                    },
                )
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().collect())
    }

    /// One call that sets all of it and leaves its state and its tags as they are.
    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
        let mut call = cloud
            .cloudwatch
            .put_metric_alarm()
            .alarm_name(&self.name)
            .namespace(&self.namespace)
            .metric_name(&self.metric)
            .set_dimensions(Some(self.dimensions.iter().map(dimension).collect()))
            .comparison_operator(self.comparison.as_str().into())
            .threshold(self.threshold)
            .period(self.period)
            .evaluation_periods(self.evaluation_periods)
            .datapoints_to_alarm(self.datapoints)
            .treat_missing_data(&self.missing_data)
            .set_alarm_actions(Some(self.actions.iter().cloned().collect()))
            .set_ok_actions(Some(self.ok_actions.iter().cloned().collect()))
            .actions_enabled(self.actions_enabled);
        call = match Statistic::from(self.statistic.as_str()) {
            known if Statistic::values().contains(&known.as_str()) => call.statistic(known),
            _ => call.extended_statistic(&self.statistic),
        };
        if live.is_none() {
            let tag = |(key, value): (String, String)| Tag::builder().key(key).value(value).build();
            call = call.set_tags(Some(self.owner.tags().into_iter().map(tag).collect()));
        }
        call.send().await.map(drop).map_err(explain(format!("set the alarm `{}`", self.name)))
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        match cloud.cloudwatch.delete_alarms().alarm_names(&self.name).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error).is_some_and(|code| code.starts_with("ResourceNotFound")) => Ok(()),
            Err(error) => Err(explain(format!("delete the alarm `{}`", self.name))(error)),
        }
    }
}
