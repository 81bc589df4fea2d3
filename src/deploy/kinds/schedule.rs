//! A schedule of `EventBridge` Scheduler that calls a function's alias `live`.
//!
//! It lies in the stage's own group, which says whose it is (see [`ScheduleGroup`](super::ScheduleGroup)):
//! one that somebody put there by hand is one too many.

use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types::{FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::attempt::{Made, Refused, patiently};
use super::schedule_group::Standing;
use super::{Kind, role};
use crate::aws::{Backoff, Cloud, code, explain, is_code};
use crate::config::triggers::ScheduleTrigger;
use crate::deploy::names::schedule_group_name;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// The event that a function behind rzap's bridge answers at once and without its app.
const WARM: &str = r#"{"rzap": "warm"}"#;

/// How often: Lambda keeps an idle process for longer than this, though nowhere does it promise how long.
const EVERY: &str = "rate(5 minutes)";

/// Schedules read at once.
const PARALLEL: usize = 8;

/// A schedule.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Schedule {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// `rate(5 minutes)`
    pub(crate) expression: String,
    pub(crate) timezone: String,
    /// `ENABLED` or `DISABLED`
    pub(crate) state: String,
    /// The ARN of the function's alias.
    pub(crate) target: String,
    /// The event, JSON.
    pub(crate) input: String,
    /// The ARN of the role in whose name it calls.
    pub(crate) role: String,
    /// How often a call that Lambda did not take is repeated.
    pub(crate) retries: i32,
    /// `OFF`, or how many minutes late it may be.
    pub(crate) window: String,
    /// Set by hand; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<String>,
}

impl Schedule {
    /// The one that keeps a function warm. `target` and `role` are ARNs.
    pub(crate) fn warm(name: String, owner: Owner, target: String, role: String) -> Self {
        Self {
            name,
            owner,
            expression: EVERY.to_owned(),
            timezone: "UTC".to_owned(),
            state: ScheduleState::Enabled.as_str().to_owned(),
            target,
            input: WARM.to_owned(),
            role,
            // The next call comes soon enough.
            retries: 0,
            window: FlexibleTimeWindowMode::Off.as_str().to_owned(),
            start: None,
            end: None,
        }
    }

    /// One of a function's triggers. `target` and `role` are ARNs.
    pub(crate) fn of_trigger(
        name: String,
        owner: Owner,
        config: &ScheduleTrigger,
        target: String,
        role: String,
    ) -> Self {
        let state = if config.enabled { ScheduleState::Enabled } else { ScheduleState::Disabled };
        Self {
            expression: config.expression.clone(),
            timezone: config.timezone.clone(),
            state: state.as_str().to_owned(),
            input: config.input.to_string(),
            retries: i32::try_from(config.retries).unwrap_or(i32::MAX),
            ..Self::warm(name, owner, target, role)
        }
    }

    /// The name on AWS of the function it keeps warm and how often it calls it in 30 days, if that is what
    /// it does.
    pub(crate) fn warms(&self) -> Option<(&str, u32)> {
        let minutes: u32 = self.expression.strip_prefix("rate(")?.strip_suffix(" minutes)")?.parse().ok()?;
        let on = self.input == WARM && self.state == ScheduleState::Enabled.as_str();
        Some((self.function().filter(|_| on)?, (30 * 24 * 60_u32).checked_div(minutes)?))
    }

    fn function(&self) -> Option<&str> {
        self.target.split(':').nth(6)
    }

    fn found(owner: &Owner, name: String, live: &GetScheduleOutput) -> Self {
        let target = live.target();
        let window = live.flexible_time_window().map_or("OFF".to_owned(), |window| {
            let minutes = window.maximum_window_in_minutes().map(|minutes| format!("{minutes} minutes"));
            minutes.unwrap_or_else(|| window.mode().as_str().to_owned())
        });
        let time = |time: Option<&aws_sdk_scheduler::primitives::DateTime>| time.map(ToString::to_string);
        Self {
            name,
            owner: owner.clone(),
            expression: live.schedule_expression().unwrap_or_default().to_owned(),
            timezone: live.schedule_expression_timezone().unwrap_or("UTC").to_owned(),
            state: live.state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
            target: target.map(|target| target.arn().to_owned()).unwrap_or_default(),
            input: target.and_then(|target| target.input()).unwrap_or_default().to_owned(),
            role: target.map(|target| target.role_arn().to_owned()).unwrap_or_default(),
            retries: target
                .and_then(|target| target.retry_policy())
                .and_then(RetryPolicy::maximum_retry_attempts)
                .unwrap_or_default(),
            window,
            start: time(live.start_date()),
            end: time(live.end_date()),
        }
    }

    /// What is in the group of that name; nothing when there is no such group.
    async fn in_group(cloud: &Cloud, owner: &Owner) -> Result<Vec<Self>> {
        let group = schedule_group_name(owner);
        let mut names = Vec::new();
        let mut pages = cloud.scheduler.list_schedules().group_name(&group).into_paginator().items().send();
        while let Some(schedule) = pages.next().await {
            match schedule {
                Ok(schedule) => names.extend(schedule.name),
                // There is no such group.
                Err(error) if code(&error) == Some("ResourceNotFoundException") => break,
                Err(error) => return Err(explain(format!("list the schedules of the group `{group}`"))(error)),
            }
        }
        let found: Vec<Option<Self>> = stream::iter(names)
            .map(|name| Self::read(cloud, owner, name))
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn read(cloud: &Cloud, owner: &Owner, name: String) -> Result<Option<Self>> {
        match cloud.scheduler.get_schedule().group_name(schedule_group_name(owner)).name(&name).send().await {
            Ok(live) => Ok(Some(Self::found(owner, name, &live))),
            // Deleted between the listing and now.
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(explain(format!("look at the schedule `{name}`"))(error)),
        }
    }

    fn calls(&self) -> Result<(Target, FlexibleTimeWindow)> {
        let wrong = |error: aws_sdk_scheduler::error::BuildError| {
            Error::failed(format!("failed to describe the schedule `{}`", self.name)).because(&error)
        };
        let retry = RetryPolicy::builder().maximum_retry_attempts(self.retries).build();
        let target = Target::builder().arn(&self.target).role_arn(&self.role).input(&self.input).retry_policy(retry);
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().map_err(wrong)?;
        Ok((target.build().map_err(wrong)?, window))
    }

    /// One call that makes it; what it says is whether there is one already.
    async fn create(&self, cloud: &Cloud) -> Result<Made, Refused> {
        let (target, window) = self.calls()?;
        let call = cloud.scheduler.create_schedule().group_name(schedule_group_name(&self.owner)).name(&self.name);
        let call = call.schedule_expression(&self.expression).schedule_expression_timezone(&self.timezone);
        match call.state(self.state.as_str().into()).target(target).flexible_time_window(window).send().await {
            Ok(_) => Ok(Made::Now),
            Err(error) if code(&error) == Some("ConflictException") => Ok(Made::Before),
            Err(error) => Err(Refused::new(format!("create the schedule `{}`", self.name), error, worth_waiting)),
        }
    }

    /// One call that sets all of it: what is left out goes back to its default.
    async fn update(&self, cloud: &Cloud) -> Result<Made, Refused> {
        let (target, window) = self.calls()?;
        let call = cloud.scheduler.update_schedule().group_name(schedule_group_name(&self.owner)).name(&self.name);
        let call = call.schedule_expression(&self.expression).schedule_expression_timezone(&self.timezone);
        let sent = call.state(self.state.as_str().into()).target(target).flexible_time_window(window).send().await;
        sent.map_err(|error| Refused::new(format!("update the schedule `{}`", self.name), error, worth_waiting))?;
        Ok(Made::Now)
    }
}

/// What a refused call may be waiting for without knowing; `None` when another try would end the same.
fn worth_waiting(code: &str, text: &str) -> Option<&'static str> {
    match code {
        // "The execution role you provide must allow AWS EventBridge Scheduler to assume the role": the answer
        // to a fresh role, too, until IAM has made it known everywhere.
        "ValidationException" if text.contains("assume the role") => Some("waiting until the new role can be used"),
        // The group was made a moment ago.
        "ResourceNotFoundException" if text.to_lowercase().contains("group") => {
            Some("waiting until the schedule group is there")
        }
        "ConflictException" => Some("waiting for a change that is in progress"),
        _ => None,
    }
}

impl Resource for Schedule {
    fn key(&self) -> Key {
        Key::new(Kind::Schedule, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        let role = self.role.rsplit('/').next().unwrap_or_default();
        let group = schedule_group_name(&self.owner);
        let mut after = vec![Key::new(Kind::ScheduleGroup, group), Key::new(Kind::Role, role)];
        after.extend(self.function().map(|function| Key::new(Kind::Function, function)));
        after
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:scheduler:{region}:{account}:schedule/{group}/*"];
        const ACTIONS: &[&str] = &[
            "scheduler:GetSchedule",
            "scheduler:CreateSchedule",
            "scheduler:UpdateSchedule",
            "scheduler:DeleteSchedule",
        ];
        vec![
            Need::anywhere(&["scheduler:ListSchedules"]),
            Need::on(ON, ACTIONS),
            role::passed_to(|_| vec!["scheduler.amazonaws.com".to_owned()]),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let (standing, found) = tokio::try_join!(Standing::of(cloud, owner), Self::in_group(cloud, owner))?;
        // What is in a group of somebody else is somebody else's.
        Ok(if standing == Standing::Ours { Found::ours(found) } else { Found::none() })
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let mut backoff = Backoff::role();
        if live.is_none() && patiently(&mut backoff, async || self.create(cloud).await).await? == Made::Now {
            return Ok(());
        }
        // It is in our group, so it is ours; whether it is as it should be is not known.
        patiently(&mut backoff, async || self.update(cloud).await).await.map(drop)
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let group = schedule_group_name(&self.owner);
        match cloud.scheduler.delete_schedule().group_name(group).name(&self.name).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["ResourceNotFoundException"]) => Ok(()),
            Err(error) => Err(explain(format!("delete the schedule `{}`", self.name))(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_takes_time_is_waited_for() {
        let role = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";
        assert_eq!(worth_waiting("ValidationException", role), Some("waiting until the new role can be used"));
        assert_eq!(worth_waiting("ValidationException", "Invalid Schedule Expression rate(5)."), None);
        assert!(worth_waiting("ResourceNotFoundException", "Schedule group shop-dev does not exist.").is_some());
        assert_eq!(worth_waiting("ResourceNotFoundException", "Schedule shop-dev-web-warm does not exist."), None);
        assert_eq!(worth_waiting("ServiceQuotaExceededException", "too many"), None);
    }

    #[test]
    fn what_keeps_a_function_warm_is_told_from_other_schedules() {
        let owner = Owner { app: "shop".into(), stage: "dev".into() };
        let target = "arn:aws:lambda:eu-west-1:123456789012:function:shop-dev-web:live";
        let role = "arn:aws:iam::123456789012:role/shop-dev-eu-west-1-scheduler";
        let warm = Schedule::warm("shop-dev-web-warm".into(), owner, target.into(), role.into());
        assert_eq!(warm.warms(), Some(("shop-dev-web", 8640)));
        assert_eq!(
            warm.after().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["schedule group `shop-dev`", "role `shop-dev-eu-west-1-scheduler`", "function `shop-dev-web`"]
        );
        assert_eq!(Schedule { state: "DISABLED".into(), ..warm.clone() }.warms(), None);
        assert_eq!(Schedule { input: "{}".into(), ..warm.clone() }.warms(), None);
        assert_eq!(Schedule { expression: "cron(0 2 * * ? *)".into(), ..warm }.warms(), None);
    }
}
