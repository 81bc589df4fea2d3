//! `resources:` drawn: one file per type, one line each in [`of`].

pub(super) mod alarm;
mod bucket;
mod event_bus;
mod parameter;
mod queue;
mod secret;
mod state_machine;
pub(super) mod table;
mod topic;
mod user_pool;

use serde_json::Value;

use super::Drawing;
use super::Place;
use super::addresses::Address;
use crate::config::resources::ResourceConfig;
use crate::deploy::kinds::{Any, Kind, Sender};
use crate::deploy::resource::Owner;
use crate::error::Result;

/// A type of resource, as it is drawn.
pub(super) trait Store {
    /// What it is called on AWS, by its name in the config.
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address;

    /// What it consists of.
    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>>;

    /// What a function may do with it that uses it in this way: one of the words of the type.
    fn statements(&self, address: &Address, access: &str) -> Vec<Value>;

    /// The queues of `resources` that a service sends to because of it, each with who that is: their policies let
    /// it in.
    fn sends(&self, _name: &str, _drawing: &Drawing<'_>) -> Result<Vec<(String, Sender)>> {
        Ok(Vec::new())
    }

    /// The kinds that [`Store::wanted`] may have.
    fn kinds(&self) -> &'static [Kind];
}

/// How a resource is drawn.
pub(super) fn of(resource: &ResourceConfig) -> &dyn Store {
    match resource {
        ResourceConfig::EventBus(bus) => bus,
        ResourceConfig::Bucket(bucket) => bucket,
        ResourceConfig::Queue(queue) => queue,
        ResourceConfig::Topic(topic) => topic,
        ResourceConfig::Alarm(alarm) => alarm,
        ResourceConfig::LogAlarm(alarm) => alarm,
        ResourceConfig::Table(table) => table,
        ResourceConfig::StateMachine(machine) => machine,
        ResourceConfig::Parameter(parameter) => parameter,
        ResourceConfig::Secret(secret) => secret,
        ResourceConfig::UserPool(pool) => pool,
    }
}
