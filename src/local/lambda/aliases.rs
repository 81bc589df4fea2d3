//! Aliases: names for versions, with a share of the traffic for a second one.

use serde_json::{Map, Value, json};

use super::super::wire::{Fault, Reply, Request};
use super::body::{Body, conflict, invalid, missing, refused};
use super::functions::same_revision;
use super::model::{Alias, Function, fresh_id};
use super::names::{FunctionRef, LATEST, is_alias, is_version};
use super::{Lambda, page};

/// `POST /2015-03-31/functions/{name}/aliases`
pub(super) fn create(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let name = body.required("Name", "name")?;
    if !is_alias(&name) {
        let constraint = "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)";
        return Err(invalid(&name, "name", constraint));
    }
    let version = body.required("FunctionVersion", "functionVersion")?;
    let description = body.text("Description")?.unwrap_or_default();
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        if function.aliases.contains_key(&name) {
            return Err(conflict(format!("Alias already exists: {}", at.arn_of(&name))));
        }
        target(function, at, &version)?;
        let split = split(function, at, &version, &body)?.flatten();
        let alias = Alias { version, description, split, revision: fresh_id() };
        let shown = show(at, &name, &alias);
        function.aliases.insert(name, alias);
        Ok(Reply::json(201, &shown))
    })
}

/// `PUT /2015-03-31/functions/{name}/aliases/{alias}`
pub(super) fn update(lambda: &Lambda, request: &Request, at: &FunctionRef, name: &str) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let (version, description) = (body.text("FunctionVersion")?, body.text("Description")?);
    let revision = body.text("RevisionId")?;
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        let mut alias = find(function, at, name)?.clone();
        same_revision(revision.as_deref(), &alias.revision)?;
        if let Some(version) = version {
            target(function, at, &version)?;
            alias.version = version;
        }
        if let Some(description) = description {
            alias.description = description;
        }
        if let Some(split) = split(function, at, &alias.version, &body)? {
            alias.split = split;
        } else if let Some((other, _)) = &alias.split
            && *other == alias.version
        {
            return Err(doubled(other));
        }
        alias.revision = fresh_id();
        let shown = show(at, name, &alias);
        function.aliases.insert(name.to_owned(), alias);
        Ok(Reply::json(200, &shown))
    })
}

/// `GET /2015-03-31/functions/{name}/aliases/{alias}`
pub(super) fn get(lambda: &Lambda, at: &FunctionRef, name: &str) -> Result<Reply, Fault> {
    lambda.store.read(|state| Ok(Reply::json(200, &show(at, name, find(state.find(at)?, at, name)?))))
}

/// `GET /2015-03-31/functions/{name}/aliases`
pub(super) fn list(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let version = request.param("FunctionVersion");
    let shown = lambda.store.read(|state| {
        let aliases = state.find(at)?.aliases.iter();
        let wanted = aliases.filter(|(_, alias)| version.as_ref().is_none_or(|version| alias.version == *version));
        Ok(wanted.map(|(name, alias)| (name.clone(), show(at, name, alias))).collect())
    })?;
    page::reply(request, "Aliases", shown)
}

/// `DELETE /2015-03-31/functions/{name}/aliases/{alias}`; its policy and URL go with it.
pub(super) fn delete(lambda: &Lambda, at: &FunctionRef, name: &str) -> Result<Reply, Fault> {
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        // Deleting what is not there succeeds, as on AWS.
        function.aliases.remove(name);
        function.policies.remove(name);
        function.urls.remove(name);
        Ok(Reply::empty(204))
    })
}

/// The version that one invocation through `qualifier` goes to. An alias with a split is decided
/// anew each time. <https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>
pub(super) fn routed(function: &Function, qualifier: Option<&str>) -> Option<String> {
    let alias = function.aliases.get(qualifier?)?;
    let Some((other, weight)) = &alias.split else { return Some(alias.version.clone()) };
    let [high, low, ..] = *uuid::Uuid::new_v4().as_bytes();
    let draw = f64::from(u16::from_be_bytes([high, low])) / 65_536.0;
    Some(if draw < *weight { other.clone() } else { alias.version.clone() })
}

fn find<'a>(function: &'a Function, at: &FunctionRef, name: &str) -> Result<&'a Alias, Fault> {
    function.aliases.get(name).ok_or_else(|| missing(format!("Cannot find alias arn: {}", at.arn_of(name))))
}

fn target(function: &Function, at: &FunctionRef, version: &str) -> Result<(), Fault> {
    if version != LATEST && !is_version(version) {
        let constraint = "Member must satisfy regular expression pattern: (\\$LATEST|[0-9]+)";
        return Err(invalid(version, "functionVersion", constraint));
    }
    function.version(at, Some(version)).map(|_| ())
}

/// `RoutingConfig`: absent, emptied, or the second version with its weight.
#[expect(clippy::option_option, reason = "not given, taken away, and given are three things")]
fn split(
    function: &Function,
    at: &FunctionRef,
    version: &str,
    body: &Body,
) -> Result<Option<Option<(String, f64)>>, Fault> {
    let Some(routing) = body.object("RoutingConfig")? else { return Ok(None) };
    let weights = routing.member("AdditionalVersionWeights").and_then(Value::as_object).cloned().unwrap_or_default();
    if weights.len() > 1 {
        return Err(refused("Number of items in AdditionalVersionWeights cannot be greater than 1"));
    }
    let Some((other, weight)) = weights.into_iter().next() else { return Ok(Some(None)) };
    let at_weights = "routingConfig.additionalVersionWeights";
    let weight = weight.as_f64().filter(|weight| (0.0..=1.0).contains(weight)).ok_or_else(|| {
        let constraint = "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member \
                          must have value greater than or equal to 0.0, Member must not be null]";
        invalid(&format!("{{{other}={weight}}}"), at_weights, constraint)
    })?;
    if other == version {
        return Err(doubled(&other));
    }
    if version == LATEST {
        return Err(refused("$LATEST is not supported for an alias pointing to more than 1 version"));
    }
    if !is_version(&other) {
        let constraint = "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]+]";
        return Err(invalid(&format!("{{{other}={weight}}}"), at_weights, constraint));
    }
    function.version(at, Some(&other))?;
    Ok(Some(Some((other, weight))))
}

fn doubled(version: &str) -> Fault {
    refused(format!(
        "Invalid function version {version}. Function version {version} is already included in routing configuration."
    ))
}

fn show(at: &FunctionRef, name: &str, alias: &Alias) -> Value {
    let mut shown = Map::new();
    shown.insert("AliasArn".into(), at.arn_of(name).into());
    shown.insert("Name".into(), name.into());
    shown.insert("FunctionVersion".into(), alias.version.as_str().into());
    shown.insert("Description".into(), alias.description.as_str().into());
    if let Some((version, weight)) = &alias.split {
        shown.insert("RoutingConfig".into(), json!({ "AdditionalVersionWeights": { version: weight } }));
    }
    shown.insert("RevisionId".into(), alias.revision.as_str().into());
    shown.into()
}
