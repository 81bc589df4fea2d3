//! The clock: schedules of triggers and of `keep_warm`, with the group they lie in and the role they call in.

use sha2::{Digest as _, Sha256};

use super::Wakes;
use crate::config::FunctionConfig;
use crate::config::triggers::{ScheduleTrigger, Trigger};
use crate::deploy::blueprint::Drawing;
use crate::deploy::kinds::{Any, Kind, Role, Schedule, ScheduleGroup};
use crate::deploy::names::{schedule_group_name, schedule_name, scheduler_role_name, warm_schedule_name};
use crate::error::Result;

/// What a stage with a schedule has of the clock.
pub(in crate::deploy::blueprint) const KINDS: &[Kind] = &[Kind::ScheduleGroup, Kind::Schedule];

impl Wakes for ScheduleTrigger {
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let own = self.name.clone().unwrap_or_else(|| digest(self));
        let name = schedule_name(&drawing.owner, &function.name, &own);
        let target = drawing.alias(function);
        Ok(vec![Any::Schedule(Schedule::of_trigger(name, drawing.owner.clone(), self, target, role_arn(drawing)))])
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }
}

/// The group and the role of a stage's schedules, and those of `keep_warm`; nothing when there is no schedule.
pub(in crate::deploy::blueprint) fn of_stage(drawing: &Drawing<'_>) -> Vec<Any> {
    let (owner, place) = (&drawing.owner, drawing.place);
    let is_timed = |config: &&FunctionConfig| {
        config.web.keep_warm || config.triggers.iter().any(|trigger| matches!(trigger, Trigger::Schedule(_)))
    };
    let timed: Vec<_> = drawing.stage.functions.values().filter(is_timed).collect();
    if timed.is_empty() {
        return Vec::new();
    }
    let aliases: Vec<String> = timed.iter().map(|config| drawing.alias(config)).collect();
    let group = schedule_group_name(owner);
    let group_arn = place.arn("scheduler", &place.region, &format!("schedule-group/{group}"));
    let role = scheduler_role_name(owner, &place.region);
    let role = Role::of_schedules(role, owner.clone(), (&place.account, &group_arn), &aliases);
    let role = Role { permissions_boundary: drawing.stage.permissions_boundary.clone(), ..role };
    let group = ScheduleGroup { name: group, owner: owner.clone() };
    let warm = timed.iter().filter(|config| config.web.keep_warm).map(|config| {
        let name = warm_schedule_name(owner, &config.name);
        Any::Schedule(Schedule::warm(name, owner.clone(), drawing.alias(config), role_arn(drawing)))
    });
    [Any::Role(role), Any::ScheduleGroup(group)].into_iter().chain(warm).collect()
}

/// The role that schedules call in the name of.
fn role_arn(drawing: &Drawing<'_>) -> String {
    let role = scheduler_role_name(&drawing.owner, &drawing.place.region);
    drawing.place.arn("iam", "", &format!("role/{role}"))
}

/// What a schedule without a name is told from the function's others by: when it is, and what it says.
fn digest(schedule: &ScheduleTrigger) -> String {
    let said = format!("{} {} {}", schedule.expression, schedule.timezone, schedule.input);
    hex::encode(&Sha256::digest(said.as_bytes())[..4])
}
