//! `resources:` — what the functions of a stage talk to: one file per type, one line each in the list below.
//!
//! A resource's keys are merged over the places that speak of it: the top level, then the stage behind
//! those it extends. `uploads: bucket` is short for `uploads: { type: bucket }`.

mod alarm;
mod bucket;
mod event_bus;
mod given;
mod metric;
mod parameter;
mod queue;
mod secret;
mod state_machine;
pub(crate) mod table;
mod topic;
mod user_pool;

use std::collections::BTreeMap;

use serde::Serialize;

pub(crate) use self::alarm::{Alarm, Condition, LogAlarm, Notified};
pub(crate) use self::bucket::{Bucket, Cors};
pub(crate) use self::event_bus::EventBus;
pub(crate) use self::given::{Given, Hidden, LENGTH};
pub(crate) use self::metric::Metric;
pub(crate) use self::parameter::Parameter;
pub(crate) use self::queue::Queue;
pub(crate) use self::secret::Secret;
pub(crate) use self::state_machine::StateMachine;
pub(crate) use self::table::Table;
pub(crate) use self::topic::{Subscriber, Topic};
#[cfg(test)]
pub(crate) use self::user_pool::Password;
pub(crate) use self::user_pool::{AppClient, UserPool};
use super::fields::Fields;
use super::keys;
use super::locate::Span;
use super::names;
use super::raw::{Entry, Kind, Map};
use super::stage::FunctionConfig;
use super::suggest;
use super::values::Reader;

/// One resource of a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ResourceConfig {
    EventBus(EventBus),
    Bucket(Bucket),
    Queue(Queue),
    Topic(Topic),
    Alarm(Alarm),
    LogAlarm(LogAlarm),
    Table(Table),
    StateMachine(StateMachine),
    Parameter(Parameter),
    Secret(Secret),
    UserPool(UserPool),
}

impl ResourceConfig {
    /// Whether it is a FIFO one, whatever it is: all types that have that call it `fifo`.
    pub(super) fn is_fifo(&self) -> bool {
        serde_json::to_value(self).is_ok_and(|it| it["fifo"] == true)
    }
}

/// A type of resource.
pub(super) struct Type {
    pub(super) word: &'static str,
    /// With its article: "a queue".
    what: &'static str,
    /// Its keys beside `type`.
    keys: &'static [&'static str],
    /// What `${resources.NAME.…}` knows of it.
    pub(super) attributes: &'static [&'static str],
    /// What a function may want of it in `uses:`; the first is what a bare name means.
    pub(super) access: &'static [&'static str],
    read: fn(&mut Reader<'_>, &Fields<'_>, &Others<'_>) -> Option<ResourceConfig>,
}

/// In the order a person reads about them.
const TYPES: &[Type] = &[
    bucket::TYPE,
    queue::TYPE,
    event_bus::TYPE,
    topic::TYPE,
    alarm::TYPE,
    alarm::LOG_TYPE,
    table::TYPE,
    state_machine::TYPE,
    parameter::TYPE,
    secret::TYPE,
    user_pool::TYPE,
];

/// The names of all resources of a stage with the words of their types, as far as they say one.
pub(super) type Others<'a> = BTreeMap<&'a str, &'a str>;

/// The words of all types.
pub(super) fn words() -> Vec<&'static str> {
    TYPES.iter().map(|each| each.word).collect()
}

/// The type of a resource.
pub(super) fn type_of(word: &str) -> Option<&'static Type> {
    TYPES.iter().find(|each| each.word == word)
}

/// Reads the resources of a stage from the places that speak of them, weakest first, and says what types
/// they have. What cannot be read is reported and left out.
pub(super) fn read<'a>(
    reader: &mut Reader<'_>,
    places: &[&'a Entry],
) -> (BTreeMap<String, ResourceConfig>, Others<'a>) {
    let mut said: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for place in places {
        let Some(map) = keys::map_of(place, "a map of resources", &mut reader.problems) else { continue };
        for entry in &map.0 {
            said.entry(&entry.key).or_default().push(entry);
        }
    }
    let others: Others<'_> = said.iter().filter_map(|(name, entries)| Some((*name, type_entry(entries)?.1))).collect();
    let mut resources = BTreeMap::new();
    for (name, entries) in &said {
        let Some(first) = entries.first() else { continue };
        if let Some(fault) = names::fault(name, names::RESOURCE) {
            reader.problem(&first.key_span, format!("`{name}` cannot be the name of a resource"), fault);
        }
        if let Some(resource) = one(reader, entries, &others) {
            resources.insert((*name).to_owned(), resource);
        }
    }
    (resources, others)
}

/// Reports what resources and the functions that use them do not agree about.
pub(super) fn check(
    reader: &mut Reader<'_>,
    places: &[&Entry],
    resources: &BTreeMap<String, ResourceConfig>,
    functions: &BTreeMap<String, FunctionConfig>,
) {
    for (name, resource) in resources {
        let said = |key: &str| {
            places.iter().rev().find_map(|place| match &place.value.kind {
                Kind::Map(resources) => match &resources.get(name)?.value.kind {
                    Kind::Map(map) => map.get(key).map(|entry| &entry.value.span),
                    _ => None,
                },
                _ => None,
            })
        };
        match resource {
            ResourceConfig::Queue(queue) => queue::check(reader, said("visibility_timeout"), (name, queue), functions),
            ResourceConfig::Bucket(_)
            | ResourceConfig::EventBus(_)
            | ResourceConfig::StateMachine(_)
            | ResourceConfig::Parameter(_)
            | ResourceConfig::Secret(_) => {}
            ResourceConfig::Topic(topic) => topic::check(reader, said("fifo"), (name, topic), (resources, functions)),
            ResourceConfig::Alarm(alarm) => match &alarm.metric {
                Metric::OfFunction { function, .. } => alarm::check(reader, said("function"), function, functions),
                Metric::OfQueue { queue, dead_letters: true, .. } => {
                    metric::check(reader, said("queue"), queue, resources);
                }
                _ => {}
            },
            ResourceConfig::LogAlarm(alarm) => alarm::check(reader, said("function"), &alarm.function, functions),
            ResourceConfig::UserPool(pool) => {
                let at = said("clients").or_else(|| places.iter().rev().find_map(|place| named(place, name)));
                if let Some(at) = at {
                    user_pool::check(reader, at, (name, pool), functions);
                }
            }
            ResourceConfig::Table(table) => table::check(reader, said("stream"), (name, table), functions),
        }
    }
}

/// Where a place speaks of a resource.
fn named<'a>(place: &'a Entry, name: &str) -> Option<&'a Span> {
    if let Kind::Map(resources) = &place.value.kind { resources.get(name).map(|entry| &entry.key_span) } else { None }
}

/// The span of the word that says a resource's type, and that word.
fn type_entry<'a>(entries: &[&'a Entry]) -> Option<(&'a Span, &'a str)> {
    let word = |entry: &'a Entry| match &entry.value.kind {
        Kind::Text(word) => Some((&entry.value.span, word.as_str())),
        _ => None,
    };
    entries.iter().rev().find_map(|entry| match &entry.value.kind {
        Kind::Map(map) => word(map.get("type")?),
        _ => word(entry),
    })
}

fn one(reader: &mut Reader<'_>, entries: &[&Entry], others: &Others<'_>) -> Option<ResourceConfig> {
    let first = entries.first()?;
    let words = words();
    let Some((at, word)) = type_entry(entries) else {
        let label = format!("say its type: {}", suggest::list(&words));
        reader.problem(&first.key_span, format!("nothing says what `{}` is", first.key), label);
        return None;
    };
    let Some(kind) = type_of(word) else {
        let label =
            suggest::did_you_mean(word, words.iter().copied(), || format!("there is {}", suggest::list(&words)));
        reader.problem(at, format!("unknown type of resource `{word}`"), label);
        return None;
    };
    let mut maps: Vec<&Map> = Vec::new();
    for entry in entries {
        match &entry.value.kind {
            Kind::Map(map) => maps.push(map),
            Kind::Text(_) | Kind::Null => {}
            _ => reader.wrong_type(&entry.key, &entry.value, "a type, or a map with `type`"),
        }
    }
    let known: Vec<&str> = ["type"].into_iter().chain(kind.keys.iter().copied()).collect();
    let fields = Fields::new(reader, kind.what, &first.key_span, maps, &known);
    (kind.read)(reader, &fields, others)
}

/// What is wrong with a name that no resource has: title and label.
pub(super) fn missing(name: &str, others: &Others<'_>) -> (String, String) {
    let names: Vec<&str> = others.keys().copied().collect();
    let label = suggest::did_you_mean(name, names.iter().copied(), || match names.as_slice() {
        [] => "the app has no `resources`".to_owned(),
        names => format!("there is {}", suggest::list(names)),
    });
    (format!("no resource `{name}`"), label)
}

/// Reports a name that is no resource of one of these types.
pub(super) fn must_be(
    reader: &mut Reader<'_>,
    at: &Span,
    name: &str,
    types: &[&str],
    others: &Others<'_>,
) -> Option<()> {
    match others.get(name) {
        Some(word) if types.contains(word) => return Some(()),
        Some(word) => {
            let label = format!("needed is one of type {}", suggest::list(types));
            reader.problem(at, format!("`{name}` is a resource of type `{word}`"), label);
        }
        None => {
            let fitting: Vec<&str> =
                others.iter().filter(|(_, word)| types.contains(word)).map(|(name, _)| *name).collect();
            let label = suggest::did_you_mean(name, fitting.iter().copied(), || match fitting.as_slice() {
                [] => format!("add it: `resources: {{ {name}: {} }}`", types.first().copied().unwrap_or_default()),
                some => format!("there is {}", suggest::list(some)),
            });
            reader.problem(at, format!("no resource `{name}`"), label);
        }
    }
    None
}
