//! The schedule group of a stage. Schedules cannot be tagged, groups can: what is in the group is ours.
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html>

use std::time::Duration;

use aws_sdk_scheduler::types::{ScheduleGroupState, Tag};
use serde::Serialize;

use super::Kind;
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::deploy::names::schedule_group_name;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// A group with nothing in it but schedules of one stage.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ScheduleGroup {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
}

/// What has the name of a stage's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Absent,
    /// "When you delete a group, it remains in a DELETING state until all of its associated schedules are
    /// deleted." <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_DeleteScheduleGroup.html>
    Going,
    Ours,
    Foreign,
}

impl Standing {
    /// Looks for the group of a stage.
    pub(super) async fn of(cloud: &Cloud, owner: &Owner) -> Result<Self> {
        let name = schedule_group_name(owner);
        let group = match cloud.scheduler.get_schedule_group().name(&name).send().await {
            Ok(group) => group,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(Self::Absent),
            Err(error) => return Err(explain(format!("look for the schedule group `{name}`"))(error)),
        };
        if group.state() == Some(&ScheduleGroupState::Deleting) {
            return Ok(Self::Going);
        }
        let tags =
            match cloud.scheduler.list_tags_for_resource().resource_arn(cloud.schedule_group_arn(&name)).send().await {
                Ok(answer) => answer.tags.unwrap_or_default(),
                Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(Self::Absent),
                Err(error) => return Err(explain(format!("read the tags of the schedule group `{name}`"))(error)),
            };
        let ours = owner.owns(tags.iter().map(|tag| (tag.key(), tag.value())));
        Ok(if ours { Self::Ours } else { Self::Foreign })
    }
}

impl Resource for ScheduleGroup {
    fn key(&self) -> Key {
        Key::new(Kind::ScheduleGroup, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:scheduler:{region}:{account}:schedule-group/{group}"];
        const ACTIONS: &[&str] = &[
            "scheduler:GetScheduleGroup",
            "scheduler:CreateScheduleGroup",
            "scheduler:DeleteScheduleGroup",
            "scheduler:TagResource",
            "scheduler:ListTagsForResource",
        ];
        vec![Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let name = schedule_group_name(owner);
        Ok(match Standing::of(cloud, owner).await? {
            // One that is going is made anew, and that waits.
            Standing::Absent | Standing::Going => Found::none(),
            Standing::Ours => Found::ours(vec![Self { name, owner: owner.clone() }]),
            Standing::Foreign => Found { ours: Vec::new(), foreign: vec![Key::new(Kind::ScheduleGroup, name)] },
        })
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        if live.is_some() {
            return Ok(());
        }
        let what = || format!("create the schedule group `{}`", self.name);
        let tags: Vec<Tag> = self
            .owner
            .tags()
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<_, _>>()
            .map_err(|error| Error::failed(what()).because(&error))?;
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3), Duration::from_mins(2));
        loop {
            let call = cloud.scheduler.create_schedule_group().name(&self.name).set_tags(Some(tags.clone()));
            let Err(error) = call.send().await else { return Ok(()) };
            if code(&error) != Some("ConflictException") {
                return Err(explain(what())(error));
            }
            // Somebody was quicker, or it was us and the answer got lost: whose is it?
            match Standing::of(cloud, &self.owner).await? {
                Standing::Ours => return Ok(()),
                Standing::Foreign => return Err(self.key().not_ours(&self.owner)),
                Standing::Absent | Standing::Going => say("waiting until the former group is gone"),
            }
            if !backoff.sleep().await {
                let hint = "the former group of this name is still being deleted: run rzap again in some minutes";
                return Err(explain(what())(error).hint(hint));
            }
        }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        match cloud.scheduler.delete_schedule_group().name(&self.name).send().await {
            Ok(_) => Ok(()),
            // Gone, or on its way.
            Err(error) if is_code(&error, &["ResourceNotFoundException", "ConflictException"]) => Ok(()),
            Err(error) => Err(explain(format!("delete the schedule group `{}`", self.name))(error)),
        }
    }
}
