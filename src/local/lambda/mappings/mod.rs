//! Event source mappings: which queue or stream calls which function, and how.
//!
//! Here they are made, shown, changed and deleted; [`crate::local::triggers`] works by them. States are read off
//! the clock as those of functions are, but a deletion ends when the last batch has: then the trigger
//! calls [`Lambda::mapping_gone`].
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html>

mod check;
mod model;

use std::path::Path;
use std::sync::Arc;

use http::Method;
use serde_json::json;
use tokio::sync::Notify;

use self::check::Asked;
pub(crate) use self::model::{Kind, Mapping};
use self::model::{Phase, State};
use super::super::store::Store;
use super::super::wire::{Fault, Reply, Request};
use super::super::{ACCOUNT, Local};
use super::body::{Body, conflict, invalid, missing};
use super::model::{fresh_id, now_ms};
use super::names::FunctionRef;
use super::{Lambda, page, tags};
use crate::error::Result;

/// All mappings, and the bell for whoever works by them.
#[derive(Debug)]
pub(super) struct Mappings {
    store: Store<State>,
    changed: Arc<Notify>,
}

impl Mappings {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        Ok(Self { store: Store::open(dir, "mappings")?, changed: Arc::default() })
    }
}

impl Lambda {
    /// All mappings of all regions, those that are being deleted too.
    pub(crate) fn mappings(&self) -> Vec<Mapping> {
        self.mappings.store.read(|state| state.mappings.values().cloned().collect())
    }

    /// Rings when mappings have changed.
    pub(crate) fn mappings_changed(&self) -> Arc<Notify> {
        Arc::clone(&self.mappings.changed)
    }

    /// The role of the function that a mapping calls: an ARN.
    pub(crate) fn role_of(&self, mapping: &Mapping) -> Option<String> {
        let at = FunctionRef::parse(&mapping.function, &mapping.region, None).ok()?;
        self.store.read(|state| {
            let version = state.get(&at)?.version(&at, at.qualifier.as_deref()).ok()?;
            Some(version.build.settings.role.clone())
        })
    }

    /// Forgets a mapping whose deletion is complete. What cannot be written now is tried again.
    pub(crate) fn mapping_gone(&self, uuid: &str) {
        let _ = self.mappings.store.write(|state| {
            state.mappings.remove(uuid);
            Ok(())
        });
    }
}

/// Answers `…/2015-03-31/event-source-mappings` and what is below it.
pub(super) fn handle(lambda: &Lambda, local: &Local, request: &Request, rest: &[&str]) -> Result<Reply, Fault> {
    let is = |wanted: &Method| request.method == *wanted;
    match rest {
        [] if is(&Method::POST) => create(lambda, local, request),
        [] if is(&Method::GET) => list(lambda, request),
        [uuid] if is(&Method::GET) => {
            lambda.mappings.store.read(|state| Ok(Reply::json(200, &find(state, request, uuid)?.show())))
        }
        [uuid] if is(&Method::PUT) => update(lambda, local, request, uuid),
        [uuid] if is(&Method::DELETE) => delete(lambda, request, uuid),
        _ => Err(Fault::unsupported("lambda", &format!("{} {}", request.method, request.path))),
    }
}

fn create(lambda: &Lambda, local: &Local, request: &Request) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let name = body.required("FunctionName", "functionName")?;
    let asked = Asked::read(&body)?;
    let source = asked.source.clone().ok_or_else(|| check::refused("Unrecognized event source."))?;
    let kind = Kind::of(&source).ok_or_else(|| check::refused("Unrecognized event source."))?;
    let at = FunctionRef::parse(&name, &request.region, None)?;
    let settings = asked.created(kind, &source)?;
    check::works(lambda, local, &at, &source, &settings)?;
    if !crate::local::triggers::can_serve(kind) {
        return Err(Fault::unsupported("lambda", &format!("event source {source}")));
    }
    let tags = tags::checked(body.object("Tags")?)?;
    let enabled = asked.enabled.unwrap_or(true);
    let now = now_ms();
    let mapping = Mapping {
        uuid: fresh_id(),
        region: request.region.clone(),
        function: at.asked_arn(),
        source,
        kind,
        enabled,
        settings,
        modified: now,
        phase: Phase::Creating,
        // One that is made disabled is so at once.
        until: if enabled { now + lambda.delay } else { now },
        revision: fresh_id(),
        tags,
    };
    let reply = lambda.mappings.store.write(|state| {
        let same = |other: &&Mapping| other.source == mapping.source && other.function == mapping.function;
        if let Some(other) = state.mappings.values().find(same) {
            return Err(exists(other, &at));
        }
        let reply = Reply::json(202, &mapping.show());
        state.mappings.insert(mapping.uuid.clone(), mapping);
        Ok(reply)
    })?;
    lambda.mappings.changed.notify_one();
    Ok(reply)
}

/// In AWS's words, which differ between the kinds of sources.
fn exists(other: &Mapping, at: &FunctionRef) -> Fault {
    let name = at.qualifier.as_ref().map_or_else(|| at.name.clone(), |qualifier| format!("{}:{qualifier}", at.name));
    let what = match other.kind {
        Kind::Sqs => "SQS",
        Kind::Kinesis | Kind::DynamoDb => "event source",
    };
    conflict(format!(
        "An event source mapping with {what} arn (\" {} \") and function (\" {name} \") already exists. Please update or \
         delete the existing mapping with UUID {}",
        other.source, other.uuid
    ))
}

fn list(lambda: &Lambda, request: &Request) -> Result<Reply, Fault> {
    let function = match request.param("FunctionName").filter(|name| !name.is_empty()) {
        Some(name) => Some(FunctionRef::parse(&name, &request.region, None)?.asked_arn()),
        None => None,
    };
    let source = request.param("EventSourceArn").filter(|arn| !arn.is_empty());
    let shown = lambda.mappings.store.read(|state| {
        let here = state.mappings.values().filter(|it| it.region == request.region);
        here.filter(|it| function.as_ref().is_none_or(|arn| it.function == *arn))
            .filter(|it| source.as_ref().is_none_or(|arn| it.source == *arn))
            .map(|it| (it.uuid.clone(), it.show()))
            .collect()
    });
    page::reply(request, "EventSourceMappings", shown)
}

fn update(lambda: &Lambda, local: &Local, request: &Request, uuid: &str) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let asked = Asked::read(&body)?;
    let function = body.text("FunctionName")?;
    let function = function.map(|name| FunctionRef::parse(&name, &request.region, None)).transpose()?;
    let before = lambda.mappings.store.read(|state| find(state, request, uuid).cloned())?;
    let at = match &function {
        Some(at) => at.clone(),
        None => FunctionRef::parse(&before.function, &request.region, None)?,
    };
    let settings = asked.updated(before.kind, &before.source, before.settings.clone())?;
    check::works(lambda, local, &at, &before.source, &settings)?;
    let reply = lambda.mappings.store.write(|state| {
        find(state, request, uuid)?;
        let taken = state
            .mappings
            .values()
            .find(|other| other.uuid != uuid && other.source == before.source && other.function == at.asked_arn());
        if let Some(other) = taken {
            return Err(exists(other, &at));
        }
        let mapping = state.mappings.get_mut(uuid).ok_or_else(absent)?;
        let now = now_ms();
        if mapping.in_transition(now) {
            return Err(in_use("update"));
        }
        let enabled = asked.enabled.unwrap_or(mapping.enabled);
        mapping.phase = match (mapping.enabled, enabled) {
            (false, true) => Phase::Enabling,
            (true, false) => Phase::Disabling,
            _ => Phase::Updating,
        };
        mapping.enabled = enabled;
        mapping.function = at.asked_arn();
        mapping.settings = settings;
        mapping.modified = now;
        mapping.until = now + lambda.delay;
        mapping.revision = fresh_id();
        Ok(Reply::json(202, &mapping.show()))
    })?;
    lambda.mappings.changed.notify_one();
    Ok(reply)
}

fn delete(lambda: &Lambda, request: &Request, uuid: &str) -> Result<Reply, Fault> {
    let reply = lambda.mappings.store.write(|state| {
        find(state, request, uuid)?;
        let mapping = state.mappings.get_mut(uuid).ok_or_else(absent)?;
        let now = now_ms();
        if mapping.in_transition(now) {
            return Err(in_use("delete"));
        }
        mapping.phase = Phase::Deleting;
        mapping.modified = now;
        mapping.until = now + lambda.delay;
        mapping.revision = fresh_id();
        Ok(Reply::json(202, &mapping.show()))
    })?;
    lambda.mappings.changed.notify_one();
    Ok(reply)
}

fn find<'a>(state: &'a State, request: &Request, uuid: &str) -> Result<&'a Mapping, Fault> {
    if uuid.len() != 36 {
        return Err(invalid(uuid, "uUID", "Member must have length equal to 36"));
    }
    state.mappings.get(uuid).filter(|mapping| mapping.region == request.region).ok_or_else(absent)
}

fn absent() -> Fault {
    missing("The resource you requested does not exist.")
}

fn in_use(what: &str) -> Fault {
    let message = format!("Cannot {what} the event source mapping because it is in use.");
    Fault::new(400, "ResourceInUseException", message).member("Type", "User")
}

/// Whether the ARN of a tag operation is that of a mapping.
pub(super) fn is_mapping(arn: &str) -> bool {
    arn.starts_with("arn:aws:lambda:") && arn.contains(":event-source-mapping:")
}

/// `…/2017-03-31/tags/{arn}` for mappings.
pub(super) fn tags_of(lambda: &Lambda, request: &Request, arn: &str) -> Result<Reply, Fault> {
    let prefix = format!("arn:aws:lambda:{}:{ACCOUNT}:event-source-mapping:", request.region);
    let uuid = arn.strip_prefix(&prefix).unwrap_or_default().to_owned();
    let none = || missing(format!("Event source mapping not found: {arn}"));
    match request.method {
        Method::GET => lambda.mappings.store.read(|state| {
            let mapping = state.mappings.get(&uuid).ok_or_else(none)?;
            Ok(Reply::json(200, &json!({ "Tags": mapping.tags })))
        }),
        Method::POST => {
            let given = Body::of(request)?.object("Tags")?;
            let given = given.ok_or_else(|| invalid("null", "tags", "Member must not be null"))?;
            let given = tags::checked(Some(given))?;
            lambda.mappings.store.write(|state| {
                let tags = &mut state.mappings.get_mut(&uuid).ok_or_else(none)?.tags;
                tags.extend(given);
                tags::within(tags).map(|()| Reply::empty(204))
            })
        }
        Method::DELETE => {
            let keys = tags::removed(request)?;
            lambda.mappings.store.write(|state| {
                let tags = &mut state.mappings.get_mut(&uuid).ok_or_else(none)?.tags;
                tags.retain(|key, _| !keys.contains(key));
                Ok(Reply::empty(204))
            })
        }
        _ => Err(Fault::unsupported("lambda", &format!("{} {}", request.method, request.path))),
    }
}
