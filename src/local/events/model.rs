//! What is kept: buses, their rules, their targets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::local::ACCOUNT;
use crate::local::wire::Fault;

/// The bus that every region has, and that cannot be deleted.
pub(super) const DEFAULT: &str = "default";

/// Everything the service remembers: buses by region and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    regions: BTreeMap<String, BTreeMap<String, Bus>>,
}

/// An event bus. Times in ms since the epoch.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Bus {
    /// 0 for the default one, which always was there.
    pub(super) created: i64,
    pub(super) description: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) rules: BTreeMap<String, Rule>,
}

/// A rule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Rule {
    /// As it was written, JSON.
    pub(super) pattern: Option<String>,
    /// `rate(…)` or `cron(…)`
    pub(super) schedule: Option<String>,
    pub(super) enabled: bool,
    pub(super) description: Option<String>,
    pub(super) role: Option<String>,
    pub(super) modified: i64,
    pub(super) tags: BTreeMap<String, String>,
    /// By their ids.
    pub(super) targets: BTreeMap<String, Target>,
}

/// What a rule calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) role: Option<String>,
    pub(super) content: Content,
    /// For a FIFO queue.
    pub(super) message_group: Option<String>,
    /// The ARN of a queue.
    pub(super) dead_letters: Option<String>,
    /// As the caller said; nothing when nothing was said.
    pub(super) retries: Option<i64>,
    /// Seconds, likewise.
    pub(super) age: Option<i64>,
}

/// What a target gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    #[default]
    Event,
    /// This, JSON, whatever the event.
    Constant(String),
    /// This part of the event.
    Path(String),
    Template {
        paths: BTreeMap<String, String>,
        template: String,
    },
}

/// Where a rule is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) region: String,
    pub(super) bus: String,
    pub(super) rule: String,
}

impl Place {
    pub(super) fn arn(&self) -> String {
        let bus = if self.bus == DEFAULT { String::new() } else { format!("{}/", self.bus) };
        format!("arn:aws:events:{}:{ACCOUNT}:rule/{bus}{}", self.region, self.rule)
    }
}

/// The ARN of a bus.
pub(super) fn bus_arn(region: &str, bus: &str) -> String {
    format!("arn:aws:events:{region}:{ACCOUNT}:event-bus/{bus}")
}

/// Region and name of the bus with this ARN.
pub(super) fn bus_of(arn: &str) -> Option<(String, String)> {
    let region = arn.split(':').nth(3)?;
    let name = arn.strip_prefix(&bus_arn(region, ""))?;
    Some((region.to_owned(), name.to_owned()))
}

pub(super) fn no_bus(name: &str) -> Fault {
    missing(format!("Event bus {name} does not exist."))
}

/// `ResourceNotFoundException`
pub(super) fn missing(message: String) -> Fault {
    Fault::new(400, "ResourceNotFoundException", message)
}

impl State {
    pub(super) fn buses(&mut self, region: &str) -> &mut BTreeMap<String, Bus> {
        let buses = self.regions.entry(region.to_owned()).or_default();
        buses.entry(DEFAULT.to_owned()).or_default();
        buses
    }

    pub(super) fn bus(&mut self, region: &str, name: &str) -> Result<&mut Bus, Fault> {
        self.buses(region).get_mut(name).ok_or_else(|| no_bus(name))
    }

    pub(super) fn rule(&mut self, place: &Place) -> Result<&mut Rule, Fault> {
        let missing = || missing(format!("Rule {} does not exist on EventBus {}.", place.rule, place.bus));
        self.bus(&place.region, &place.bus)?.rules.get_mut(&place.rule).ok_or_else(missing)
    }

    pub(super) fn has_bus(&self, region: &str, name: &str) -> bool {
        name == DEFAULT || self.regions.get(region).is_some_and(|buses| buses.contains_key(name))
    }

    /// The rules of a bus that are switched on.
    pub(super) fn enabled(&self, region: &str, bus: &str) -> Vec<(Place, Rule)> {
        let rules = self.regions.get(region).and_then(|buses| buses.get(bus)).into_iter().flat_map(|bus| &bus.rules);
        let place = |rule: &String| Place { region: region.to_owned(), bus: bus.to_owned(), rule: rule.clone() };
        rules.filter(|(_, rule)| rule.enabled).map(|(name, rule)| (place(name), rule.clone())).collect()
    }

    /// The rules with a schedule that are switched on; they lie on default buses only.
    pub(super) fn scheduled(&self) -> Vec<(Place, Rule)> {
        let all = self.regions.keys().flat_map(|region| self.enabled(region, DEFAULT));
        all.filter(|(_, rule)| rule.schedule.is_some()).collect()
    }
}
