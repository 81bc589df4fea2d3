//! Alarms, the metric filters they look at, and the topics that mails go out by.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Store;
use crate::config::resources::{self as config, Condition, Metric, Notified, ResourceConfig};
use crate::config::triggers::Source;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place};
use crate::deploy::kinds::{Alarm, Any, Endpoint, Kind, MetricFilter, Topic};
use crate::deploy::names::{alarm_name, function_name, log_group_name, resource_name};
use crate::deploy::resource::{Key, Owner};
use crate::error::Result;

/// Longest name of a topic.
const LONGEST_TOPIC: usize = 256;

impl Store for config::Alarm {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        address(name, owner, place)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let owner = &drawing.owner;
        let metric = match &self.metric {
            Metric::OfFunction { function, name } => {
                let function = function_name(owner, function);
                named("AWS/Lambda", name, BTreeMap::from([("FunctionName".to_owned(), function)]))
            }
            Metric::OfQueue { queue, dead_letters, name } => {
                let own = match drawing.stage.resources.get(queue) {
                    Some(ResourceConfig::Queue(config)) if *dead_letters => super::queue::own_dlq(owner, queue, config),
                    _ => drawing.addresses.get(queue)?.name.clone(),
                };
                named("AWS/SQS", name, BTreeMap::from([("QueueName".to_owned(), own)]))
            }
            Metric::Any { namespace, name, dimensions } => named(namespace, name, dimensions.clone()),
        };
        Ok(vec![alarm(name, metric, &self.condition, Vec::new(), drawing)?])
    }

    fn statements(&self, _address: &Address, _access: &str) -> Vec<Value> {
        Vec::new()
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Alarm, Kind::Topic]
    }
}

impl Store for config::LogAlarm {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        address(name, owner, place)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let (owner, own) = (&drawing.owner, drawing.addresses.get(name)?.name.clone());
        let group = log_group_name(&function_name(owner, &self.function));
        let filter = Any::MetricFilter(MetricFilter::wanted(owner, own.clone(), group, self.pattern.clone()));
        let metric = named(&MetricFilter::namespace(owner), &own, BTreeMap::new());
        let alarm = alarm(name, metric, &self.condition, vec![filter.key()], drawing)?;
        Ok(vec![filter, alarm])
    }

    fn statements(&self, _address: &Address, _access: &str) -> Vec<Value> {
        Vec::new()
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Alarm, Kind::MetricFilter, Kind::Topic]
    }
}

fn address(name: &str, owner: &Owner, place: &Place) -> Address {
    let own = alarm_name(owner, name);
    let arn = place.arn("cloudwatch", &place.region, &format!("alarm:{own}"));
    Address { name: own, arn, ..Address::default() }
}

fn named(
    namespace: &str,
    name: &str,
    dimensions: BTreeMap<String, String>,
) -> (String, String, BTreeMap<String, String>) {
    (namespace.to_owned(), name.to_owned(), dimensions)
}

fn alarm(
    name: &str,
    metric: (String, String, BTreeMap<String, String>),
    condition: &Condition,
    mut after: Vec<Key>,
    drawing: &Drawing<'_>,
) -> Result<Any> {
    let mut actions = BTreeSet::new();
    for notified in &condition.notify {
        let arn = match notified {
            Notified::Email(address) => {
                let topic = mail_topic(&drawing.owner, address);
                drawing.place.arn("sns", &drawing.place.region, &topic)
            }
            Notified::Topic(Source::Own(topic)) => drawing.addresses.get(topic)?.arn.clone(),
            Notified::Topic(Source::Arn(arn)) => arn.clone(),
        };
        after.push(Key::new(Kind::Topic, arn.rsplit(':').next().unwrap_or_default()));
        actions.insert(arn);
    }
    let own = drawing.addresses.get(name)?.name.clone();
    Ok(Any::Alarm(Alarm::wanted(&drawing.owner, own, metric, condition, actions, after)))
}

/// The name of the topic by which mails go to an address: one for all alarms, so that it is confirmed once.
fn mail_topic(owner: &Owner, address: &str) -> String {
    let hash = hex::encode(&Sha256::digest(address.as_bytes())[..4]);
    resource_name(owner, &format!("notify-{hash}"), "", LONGEST_TOPIC)
}

/// The topics by which alarms reach addresses. Not encrypted: CloudWatch could not publish (see `topic`).
pub(in crate::deploy::blueprint) fn of_stage(drawing: &Drawing<'_>) -> Vec<Any> {
    let conditions = drawing.stage.resources.values().filter_map(ResourceConfig::condition);
    let addresses: BTreeSet<&String> = conditions
        .flat_map(|condition| &condition.notify)
        .filter_map(|one| match one {
            Notified::Email(address) => Some(address),
            Notified::Topic(_) => None,
        })
        .collect();
    addresses
        .into_iter()
        .map(|address| {
            let mut topic = Topic::wanted(&drawing.owner, mail_topic(&drawing.owner, address), None, false);
            topic.subscribers.insert(Endpoint::new("email", address));
            Any::Topic(topic)
        })
        .collect()
}
