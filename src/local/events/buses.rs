//! Event buses: create, delete, describe, list.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::input::{Input, invalid};
use super::model::{Bus, DEFAULT, bus_arn};
use super::{Events, done};
use crate::local::wire::Fault;

const LONGEST: usize = 256;

impl Events {
    pub(super) fn create_bus(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let name = input.name("Name", LONGEST, true)?;
        input.without(&["EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"])?;
        if name.contains('/') {
            return Err(invalid("Event bus name must not contain '/'."));
        }
        let description = input.text("Description")?.map(str::to_owned);
        let (tags, created) = (input.tags()?, Timestamp::now().as_millisecond());
        self.state.write(|state| {
            let buses = state.buses(input.region);
            if buses.contains_key(name) {
                let text = format!("Event bus {name} already exists.");
                return Err(Fault::new(400, "ResourceAlreadyExistsException", text));
            }
            buses.insert(name.to_owned(), Bus { created, description, tags, ..Bus::default() });
            Ok(json!({ "EventBusArn": bus_arn(input.region, name) }))
        })
    }

    pub(super) fn delete_bus(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let name = input.name("Name", LONGEST, true)?;
        if name == DEFAULT {
            return Err(invalid("Cannot delete event bus default."));
        }
        self.state.write(|state| {
            let buses = state.buses(input.region);
            if buses.get(name).is_some_and(|bus| !bus.rules.is_empty()) {
                return Err(invalid("EventBus can't be deleted since it has rules."));
            }
            // One that is not there is no error.
            buses.remove(name);
            Ok(Value::Null)
        })
    }

    pub(super) fn describe_bus(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let name = super::input::bus_name(input.text("Name")?, input.region)?;
        let mut state = self.state.read(Clone::clone);
        state.bus(input.region, &name).map(|bus| show(input.region, &name, bus))
    }

    pub(super) fn list_buses(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let prefix = input.text("NamePrefix")?.unwrap_or_default();
        let mut state = self.state.read(Clone::clone);
        let buses = state.buses(input.region).iter().filter(|(name, _)| name.starts_with(prefix));
        input.page("EventBuses", buses.map(|(name, bus)| (name.clone(), show(input.region, name, bus))).collect())
    }

    pub(super) fn tags(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let mut state = self.state.read(Clone::clone);
        let tags = super::tags::of(&mut state, input)?;
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "Tags": tags }))
    }

    pub(super) fn tag(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let more = input.tags()?;
        self.state.write(|state| {
            super::tags::of(state, input)?.extend(more);
            Ok(done())
        })
    }

    pub(super) fn untag(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let keys: Vec<String> = input.read("TagKeys")?.unwrap_or_default();
        self.state.write(|state| {
            super::tags::of(state, input)?.retain(|key, _| !keys.contains(key));
            Ok(done())
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for the next 285,000 years")]
fn show(region: &str, name: &str, bus: &Bus) -> Value {
    let mut shown = json!({ "Name": name, "Arn": bus_arn(region, name) });
    if let Some(text) = &bus.description {
        shown["Description"] = text.as_str().into();
    }
    if bus.created > 0 {
        let seconds = bus.created as f64 / 1000.0;
        shown["CreationTime"] = seconds.into();
        shown["LastModifiedTime"] = seconds.into();
    }
    shown
}
