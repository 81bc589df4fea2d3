//! Schedules: create, get, update, delete, list.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::input::{self, ScheduleInput, invalid};
use super::model::{DEFAULT, Place, Schedule, Settings, conflict, group_arn};
use super::{Scheduler, page};
use crate::local::Local;
use crate::local::wire::{Fault, Request};

impl Scheduler {
    pub(super) fn create_schedule(&self, local: &Local, request: &Request, name: &str) -> Result<Value, Fault> {
        let (place, token, settings) = read(local, request, name)?;
        let now = Timestamp::now().as_millisecond();
        let made = self.state.write(|state| {
            let group = state.group(&place.region, &place.group)?;
            if group.gone_at.is_some() {
                return Err(conflict(format!("Schedule group {} is being deleted.", place.group)));
            }
            match group.schedules.get(name) {
                // The same call again: its answer got lost.
                Some(there) if token.is_some() && there.token == token && there.settings == settings => {}
                Some(_) => return Err(conflict(format!("Schedule {name} already exists."))),
                None => {
                    let revision = uuid::Uuid::new_v4().to_string();
                    let schedule = Schedule { created: now, modified: now, token, revision, settings };
                    group.schedules.insert(name.to_owned(), schedule);
                }
            }
            Ok(json!({ "ScheduleArn": place.arn() }))
        })?;
        self.wake();
        Ok(made)
    }

    pub(super) fn update_schedule(&self, local: &Local, request: &Request, name: &str) -> Result<Value, Fault> {
        let (place, _, settings) = read(local, request, name)?;
        let changed = self.state.write(|state| {
            let schedule = state.schedule(&place)?;
            schedule.settings = settings;
            schedule.modified = Timestamp::now().as_millisecond();
            schedule.revision = uuid::Uuid::new_v4().to_string();
            Ok(json!({ "ScheduleArn": place.arn() }))
        })?;
        self.wake();
        Ok(changed)
    }

    pub(super) fn get_schedule(&self, request: &Request, name: &str) -> Result<Value, Fault> {
        let place = place(request, name, request.param("groupName"))?;
        self.now().schedule(&place).map(|schedule| schedule.show(&place))
    }

    pub(super) fn delete_schedule(&self, request: &Request, name: &str) -> Result<Value, Fault> {
        let place = place(request, name, request.param("groupName"))?;
        input::token(request.param("clientToken").as_deref())?;
        self.state.write(|state| {
            let group = state.group(&place.region, &place.group)?;
            group.schedules.remove(name).map(|_| json!({})).ok_or_else(|| place.not_found())
        })
    }

    pub(super) fn list_schedules(&self, request: &Request) -> Result<Value, Fault> {
        let (group, prefix, state) =
            (request.param("ScheduleGroup"), request.param("NamePrefix"), request.param("State"));
        let enabled =
            input::one_of(state.as_deref(), "state", ["ENABLED", "DISABLED"])?.map(|state| state == "ENABLED");
        if let Some(prefix) = &prefix {
            input::name(prefix, "namePrefix")?;
        }
        let mut now = self.now();
        if let Some(group) = &group {
            now.group(&request.region, input::name(group, "groupName")?)?;
        }
        let groups = now.groups(&request.region).iter().filter(|(name, _)| group.as_ref().is_none_or(|it| it == *name));
        let all =
            groups.flat_map(|(group, it)| it.schedules.iter().map(move |(name, schedule)| (group, name, schedule)));
        let shown = all
            .filter(|(_, name, _)| prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str())))
            .filter(|(.., schedule)| enabled.is_none_or(|enabled| schedule.settings.enabled == enabled))
            .map(|(group, name, schedule)| {
                let place = Place { region: request.region.clone(), group: group.clone(), name: name.clone() };
                (format!("{group}/{name}"), schedule.summary(&place))
            });
        page::of(request, "Schedules", shown.collect())
    }
}

fn place(request: &Request, name: &str, group: Option<String>) -> Result<Place, Fault> {
    input::name(name, "name")?;
    let group = group.unwrap_or_else(|| DEFAULT.to_owned());
    input::name(&group, "groupName")?;
    Ok(Place { region: request.region.clone(), group, name: name.to_owned() })
}

/// What `CreateSchedule` and `UpdateSchedule` are told.
fn read(local: &Local, request: &Request, name: &str) -> Result<(Place, Option<String>, Settings), Fault> {
    let mut input: ScheduleInput = input::read(request)?;
    let place = place(request, name, input.group_name.take())?;
    let token = input.client_token.clone();
    let settings = input.settings(local, &group_arn(&place.region, &place.group))?;
    if settings.target.input.as_ref().is_some_and(|input| input.len() > MOST_INPUT) {
        return Err(invalid(format!("The Input of a target can be at most {MOST_INPUT} bytes.")));
    }
    Ok((place, token, settings))
}

/// "The maximum size of the payload" of a target.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html>
const MOST_INPUT: usize = 256 * 1024;
