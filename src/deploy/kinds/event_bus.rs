//! An `EventBridge` bus of `resources:`. It has no settings; its rules are kinds of their own.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html>

use std::time::Duration;

use aws_sdk_eventbridge::types::Tag;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::Kind;
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::deploy::names::resource_prefix;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Buses read at once.
const PARALLEL: usize = 8;

/// A bus.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EventBus {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
}

impl EventBus {
    /// Whether the bus of this name carries our tags; `None` when there is none.
    async fn is_ours(cloud: &Cloud, owner: &Owner, name: &str) -> Result<Option<bool>> {
        let arn = cloud.events_arn(&format!("event-bus/{name}"));
        Ok(tags(cloud, arn).await?.map(|tags| owner.owns(tags.iter().map(|tag| (tag.key(), tag.value())))))
    }
}

/// The tags of a bus or a rule; `None` when there is none.
pub(super) async fn tags(cloud: &Cloud, arn: String) -> Result<Option<Vec<Tag>>> {
    match cloud.eventbridge.list_tags_for_resource().resource_arn(&arn).send().await {
        Ok(answer) => Ok(Some(answer.tags.unwrap_or_default())),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(explain(format!("read the tags of {arn}"))(error)),
    }
}

/// The owner's tags as `EventBridge` has them.
pub(super) fn tags_of(owner: &Owner) -> Result<Vec<Tag>> {
    let tags = owner.tags().into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<std::result::Result<_, _>>()
        .map_err(|error| Error::failed("failed to describe the tags").because(&error))
}

/// The names of all buses of the account that begin with `prefix`.
pub(super) async fn names(cloud: &Cloud, prefix: Option<&str>) -> Result<Vec<String>> {
    let (mut names, mut token) = (Vec::new(), None);
    loop {
        let call = cloud.eventbridge.list_event_buses().set_name_prefix(prefix.map(str::to_owned)).limit(100);
        let page = call.set_next_token(token).send().await.map_err(explain("list the event buses"))?;
        names.extend(page.event_buses.unwrap_or_default().into_iter().filter_map(|bus| bus.name));
        token = page.next_token;
        if token.is_none() {
            return Ok(names);
        }
    }
}

impl Resource for EventBus {
    fn key(&self) -> Key {
        Key::new(Kind::EventBus, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:events:{region}:{account}:event-bus/{names}"];
        const ACTIONS: &[&str] =
            &["events:CreateEventBus", "events:DeleteEventBus", "events:ListTagsForResource", "events:TagResource"];
        vec![Need::anywhere(&["events:ListEventBuses", "events:ListRules"]), Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let names = names(cloud, Some(&resource_prefix(owner))).await?;
        let found: Vec<Found<Self>> = stream::iter(names)
            .map(|name| async move {
                Ok::<_, Error>(match Self::is_ours(cloud, owner, &name).await? {
                    Some(true) => Found::ours(vec![Self { name, owner: owner.clone() }]),
                    Some(false) => Found { ours: Vec::new(), foreign: vec![Key::new(Kind::EventBus, name)] },
                    // Deleted between the listing and now.
                    None => Found::none(),
                })
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().collect())
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        if live.is_some() {
            return Ok(());
        }
        let call = cloud.eventbridge.create_event_bus().name(&self.name).set_tags(Some(tags_of(&self.owner)?));
        let Err(error) = call.send().await else { return Ok(()) };
        // Somebody was quicker, or it was us and the answer got lost: whose is it?
        if code(&error) == Some("ResourceAlreadyExistsException") {
            match Self::is_ours(cloud, &self.owner, &self.name).await? {
                Some(true) => return Ok(()),
                Some(false) => return Err(self.key().not_ours(&self.owner)),
                None => {}
            }
        }
        Err(explain(format!("create the event bus `{}`", self.name))(error))
    }

    /// AWS refuses for a while after the last rule of a bus is gone, with the words that it has for rules that are
    /// there ("`EventBus` can't be deleted since it has rules", <https://github.com/anomalyco/ion/issues/809>).
    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let mut backoff = Backoff::new(Duration::from_millis(300), Duration::from_secs(3), Duration::from_mins(1));
        loop {
            let Err(error) = cloud.eventbridge.delete_event_bus().name(&self.name).send().await else { return Ok(()) };
            if is_code(&error, &["ResourceNotFoundException"]) {
                return Ok(());
            }
            let explained = explain(format!("delete the event bus `{}`", self.name));
            if !is_code(&error, &["ValidationException", "ConcurrentModificationException"]) {
                return Err(explained(error));
            }
            let rules = cloud.eventbridge.list_rules().event_bus_name(&self.name).limit(5).send().await;
            let rules: Vec<String> = rules
                .ok()
                .and_then(|page| page.rules)
                .unwrap_or_default()
                .into_iter()
                .filter_map(|it| it.name)
                .collect();
            if !rules.is_empty() {
                let hint = format!("rules that rzap did not make are on it: {}; delete them first", rules.join(", "));
                return Err(explained(error).hint(hint));
            }
            say("waiting until its last rule is gone");
            if !backoff.sleep().await {
                return Err(explained(error).hint("run rzap again in some minutes: it continues here"));
            }
        }
    }
}
