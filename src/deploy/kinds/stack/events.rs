//! What happens in a stack, as its events tell.

use std::collections::BTreeSet;

use aws_sdk_cloudformation::types::{OperationEvent, ResourceStatus, StackEvent, ValidationStatus};

use super::is_gone;
use crate::aws::{Cloud, explain, say};
use crate::error::Result;

/// Follows the events of a stack.
#[derive(Debug, Default)]
pub(super) struct Follower {
    seen: BTreeSet<String>,
}

/// The first thing that went wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The resource's name in the template.
    pub(super) resource: String,
    /// `AWS::DynamoDB::Table`.
    pub(super) kind: String,
    pub(super) reason: String,
}

/// What resources say that failed only because another one did.
const FOLLOWED: &[&str] = &["Resource creation cancelled", "Resource update cancelled"];

impl Follower {
    /// One that has heard of everything so far.
    pub(super) async fn start(cloud: &Cloud, stack: &str) -> Result<Self> {
        let mut follower = Self::default();
        let before = follower.news(cloud, stack).await?;
        follower.seen.extend(before.into_iter().filter_map(|event| event.event_id));
        Ok(follower)
    }

    /// Says what is new, and returns it, the oldest first.
    pub(super) async fn tell(&mut self, cloud: &Cloud, stack: &str) -> Result<Vec<StackEvent>> {
        let news = self.news(cloud, stack).await?;
        for event in &news {
            self.seen.extend(event.event_id.clone());
            if let (Some(name), Some(status)) = (event.logical_resource_id(), event.resource_status()) {
                say(&format!("{name}: {}", status.as_str()));
            }
        }
        Ok(news)
    }

    async fn news(&self, cloud: &Cloud, stack: &str) -> Result<Vec<StackEvent>> {
        let mut news = Vec::new();
        let mut pages = cloud.cloudformation.describe_stack_events().stack_name(stack).into_paginator().items().send();
        while let Some(event) = pages.next().await {
            match event {
                Ok(event) if event.event_id().is_some_and(|id| self.seen.contains(id)) => break,
                Ok(event) => news.push(event),
                Err(error) if is_gone(&error) => break,
                Err(error) => return Err(explain(format!("read the events of the stack `{stack}`"))(error)),
            }
        }
        news.reverse();
        Ok(news)
    }
}

/// What went wrong first among events in their order: of a resource, or else of the stack itself.
pub(super) fn first_failure(stack: &str, events: &[StackEvent]) -> Option<Failure> {
    let failed = events.iter().filter(|event| {
        let status = event.resource_status().map(ResourceStatus::as_str).unwrap_or_default();
        let reason = event.resource_status_reason().unwrap_or_default();
        status.ends_with("_FAILED") && !FOLLOWED.iter().any(|followed| reason.starts_with(followed))
    });
    let is_stack = |event: &&StackEvent| event.logical_resource_id() == Some(stack);
    let (stacks, resources): (Vec<_>, Vec<_>) = failed.partition(is_stack);
    let first = resources.first().or(stacks.first())?;
    Some(Failure {
        resource: first.logical_resource_id().unwrap_or_default().to_owned(),
        kind: first.resource_type().unwrap_or_default().to_owned(),
        reason: first.resource_status_reason().unwrap_or("no reason was given").to_owned(),
    })
}

/// What was wrong with a template before anything was done, which the stack's own events only count: "Validation
/// failed with 1 error(s). Call `DescribeEvents` …".
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html>
pub(super) async fn invalid(cloud: &Cloud, stack: &str) -> Option<Failure> {
    // Only the reason is at stake: whoever may not ask hears what the stack says.
    let events = cloud.cloudformation.describe_events().stack_name(stack).send().await.ok()?;
    let failed = |event: &&OperationEvent| event.validation_status() == Some(&ValidationStatus::Failed);
    let first = events.operation_events().iter().find(failed)?;
    Some(Failure {
        resource: first.logical_resource_id().unwrap_or(stack).to_owned(),
        kind: first.resource_type().unwrap_or_default().to_owned(),
        reason: first.validation_status_reason().or(first.resource_status_reason())?.to_owned(),
    })
}
