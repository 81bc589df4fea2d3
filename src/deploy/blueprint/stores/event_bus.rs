//! An event bus.

use serde_json::Value;

use super::Store;
use crate::config::resources as config;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place, allow};
use crate::deploy::kinds::{Any, EventBus, Kind};
use crate::deploy::names::resource_name;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// Longest name of a bus.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html>
const LONGEST: usize = 256;

impl Store for config::EventBus {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        let own = resource_name(owner, name, "", LONGEST);
        let arn = place.arn("events", &place.region, &format!("event-bus/{own}"));
        Address { name: own.clone(), arn, ..Address::default() }.with_variable(name, "BUS", &own)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let name = drawing.addresses.get(name)?.name.clone();
        Ok(vec![Any::EventBus(EventBus { name, owner: drawing.owner.clone() })])
    }

    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html>
    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        match access {
            "put" => vec![allow(&["events:PutEvents"], std::slice::from_ref(&address.arn))],
            _ => Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::EventBus]
    }
}
