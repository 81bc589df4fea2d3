//! Rules: put, delete, describe, list, switch, and a pattern tried on an event.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::input::{Input, constraint, invalid};
use super::model::{DEFAULT, Place, Rule};
use super::{Events, clock};
use crate::local::event_pattern::Pattern;
use crate::local::wire::Fault;

/// Characters.
const LONGEST_PATTERN: usize = 4096;

impl Events {
    /// What is left out goes back to its default; tags count only for a rule that is new, targets stay.
    pub(super) fn put_rule(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let place = input.rule("Name")?;
        let pattern = input.text("EventPattern")?.filter(|text| !text.is_empty());
        let schedule = input.text("ScheduleExpression")?.filter(|text| !text.is_empty());
        if pattern.is_none() && schedule.is_none() {
            return Err(invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."));
        }
        if let Some(pattern) = pattern {
            check_pattern(pattern)?;
        }
        if let Some(schedule) = schedule {
            if place.bus != DEFAULT {
                return Err(invalid("ScheduleExpression is supported only on the default event bus."));
            }
            if clock::parse(schedule).is_none() {
                return Err(invalid("Parameter ScheduleExpression is not valid."));
            }
        }
        let enabled = match input.text("State")? {
            None | Some("ENABLED") => true,
            Some("DISABLED") => false,
            Some(all @ "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") => {
                return Err(Fault::unsupported("EventBridge", &format!("the state {all}")));
            }
            Some(other) => {
                let set = "[DISABLED, ENABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]";
                return Err(constraint(other, "state", &format!("Member must satisfy enum value set: {set}")));
            }
        };
        let text = |text: Option<&str>| text.map(str::to_owned);
        let (description, role) = (text(input.text("Description")?), text(input.text("RoleArn")?));
        let (tags, modified) = (input.tags()?, Timestamp::now().as_millisecond());
        let made = self.state.write(|state| {
            let rules = &mut state.bus(&place.region, &place.bus)?.rules;
            let one = rules.entry(place.rule.clone()).or_insert_with(|| Rule { tags, ..Rule::default() });
            (one.pattern, one.schedule) = (text(pattern), text(schedule));
            (one.enabled, one.description, one.role, one.modified) = (enabled, description, role, modified);
            Ok(json!({ "RuleArn": place.arn() }))
        })?;
        self.changed.notify_one();
        Ok(made)
    }

    pub(super) fn delete_rule(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let place = input.rule("Name")?;
        self.state.write(|state| {
            let bus = state.bus(&place.region, &place.bus)?;
            if bus.rules.get(&place.rule).is_some_and(|rule| !rule.targets.is_empty()) {
                return Err(invalid("Rule can't be deleted since it has targets."));
            }
            // One that is not there is no error.
            bus.rules.remove(&place.rule);
            Ok(Value::Null)
        })
    }

    pub(super) fn describe_rule(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let place = input.rule("Name")?;
        let mut state = self.state.read(Clone::clone);
        let mut shown = show(&place, state.rule(&place)?);
        shown.insert("CreatedBy".into(), crate::local::ACCOUNT.into());
        Ok(shown.into())
    }

    pub(super) fn list_rules(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (bus, prefix) = (input.bus()?, input.text("NamePrefix")?.unwrap_or_default());
        let mut state = self.state.read(Clone::clone);
        let rules = state.bus(input.region, &bus)?.rules.iter().filter(|(name, _)| name.starts_with(prefix));
        let shown = rules.map(|(name, rule)| {
            let place = Place { region: input.region.to_owned(), bus: bus.clone(), rule: name.clone() };
            (name.clone(), show(&place, rule).into())
        });
        input.page("Rules", shown.collect())
    }

    pub(super) fn rules_by_target(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (bus, target) = (input.bus()?, input.required("TargetArn")?);
        let mut state = self.state.read(Clone::clone);
        let rules = state.bus(input.region, &bus)?.rules.iter();
        let calling = rules.filter(|(_, rule)| rule.targets.values().any(|one| one.arn == target));
        input.page("RuleNames", calling.map(|(name, _)| (name.clone(), name.as_str().into())).collect())
    }

    pub(super) fn switch_rule(&self, input: &Input<'_>, on: bool) -> Result<Value, Fault> {
        let place = input.rule("Name")?;
        self.state.write(|state| {
            let rule = state.rule(&place)?;
            (rule.enabled, rule.modified) = (on, Timestamp::now().as_millisecond());
            Ok(Value::Null)
        })?;
        self.changed.notify_one();
        Ok(Value::Null)
    }
}

pub(super) fn test_pattern(input: &Input<'_>) -> Result<Value, Fault> {
    let pattern = check_pattern(input.required("EventPattern")?)?;
    let event: Value = serde_json::from_str(input.required("Event")?)
        .map_err(|_| invalid("Parameter Event is not valid. Reason: it is not JSON."))?;
    // "The event must follow the structure": all of these.
    for field in ["id", "account", "source", "time", "region", "resources", "detail-type"] {
        if event.get(field).is_none() {
            return Err(invalid(format!("Parameter Event is not valid. Reason: {field} is a required field.")));
        }
    }
    Ok(json!({ "Result": pattern.matches(&event) }))
}

fn check_pattern(text: &str) -> Result<Pattern, Fault> {
    if text.chars().count() > LONGEST_PATTERN {
        let rule = format!("Member must have length less than or equal to {LONGEST_PATTERN}");
        return Err(constraint("...", "eventPattern", &rule));
    }
    Pattern::parse(text).map_err(|why| {
        Fault::new(400, "InvalidEventPatternException", format!("Event pattern is not valid. Reason: {why}"))
    })
}

fn show(place: &Place, rule: &Rule) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("Name".into(), place.rule.as_str().into());
    shown.insert("Arn".into(), place.arn().into());
    shown.insert("EventBusName".into(), place.bus.as_str().into());
    shown.insert("State".into(), if rule.enabled { "ENABLED" } else { "DISABLED" }.into());
    let more = [
        ("EventPattern", &rule.pattern),
        ("ScheduleExpression", &rule.schedule),
        ("Description", &rule.description),
        ("RoleArn", &rule.role),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            shown.insert(name.into(), value.as_str().into());
        }
    }
    shown
}
