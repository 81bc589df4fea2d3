//! `type: event_bus` — an `EventBridge` bus of the app's own. It has no keys: what goes where, rules say.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html>

use serde::Serialize;

use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 0] = [];

/// As it stands in `resources:`.
pub(super) const TYPE: Type =
    Type { word: "event_bus", what: "an event bus", keys: &KEYS, attributes: &["name", "arn"], access: &["put"], read };

/// An event bus.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct EventBus {}

#[expect(clippy::unnecessary_wraps, reason = "every type is read the same way")]
pub(super) fn read(_: &mut Reader<'_>, _: &Fields<'_>, _: &Others<'_>) -> Option<ResourceConfig> {
    Some(ResourceConfig::EventBus(EventBus {}))
}
