//! Tags of functions. Versions and aliases have none of their own.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::wire::{Fault, Reply, Request};
use super::Lambda;
use super::body::{Body, invalid, refused};
use super::names::FunctionRef;

/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html>, "Tag requirements".
const MOST: usize = 50;

/// `GET /2017-03-31/tags/{arn}`
pub(super) fn list(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.read(|state| Ok(Reply::json(200, &json!({ "Tags": state.find(at)?.tags }))))
}

/// `POST /2017-03-31/tags/{arn}`
pub(super) fn add(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let given = Body::of(request)?.object("Tags")?.ok_or_else(|| invalid("null", "tags", "Member must not be null"))?;
    let given = checked(Some(given))?;
    lambda.store.write(|state| {
        let tags = &mut state.find_mut(at)?.tags;
        tags.extend(given);
        within(tags).map(|()| Reply::empty(204))
    })
}

/// `DELETE /2017-03-31/tags/{arn}?tagKeys=…`
pub(super) fn remove(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let keys = removed(request)?;
    lambda.store.write(|state| {
        state.find_mut(at)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Reply::empty(204))
    })
}

/// The keys of tags to remove, at least one.
pub(super) fn removed(request: &Request) -> Result<Vec<String>, Fault> {
    let keys: Vec<String> =
        request.query().into_iter().filter(|(name, _)| name == "tagKeys").map(|(_, key)| key).collect();
    if keys.is_empty() {
        return Err(invalid("null", "tagKeys", "Member must not be null"));
    }
    Ok(keys)
}

/// The function that a tag operation's ARN names.
pub(super) fn place(arn: &str, region: &str) -> Result<FunctionRef, Fault> {
    if !arn.starts_with("arn:") || !arn.contains(":function:") {
        let constraint = "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:…:function:…";
        return Err(invalid(arn, "resource", constraint));
    }
    let at = FunctionRef::parse(arn, region, None)?;
    if at.qualifier.is_some() {
        return Err(refused("Tags on function aliases and versions are not supported. Please specify a function ARN."));
    }
    Ok(at)
}

/// Tags as given, if they may be set.
pub(super) fn checked(tags: Option<Body>) -> Result<BTreeMap<String, String>, Fault> {
    let tags: BTreeMap<String, String> =
        tags.map(|tags| tags.pairs()).transpose()?.unwrap_or_default().into_iter().collect();
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(refused(format!(
                "The tag {key:?} is too long: keys have 1–128 characters, values at most 256."
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(refused("System tags cannot be added/updated by requester"));
        }
    }
    within(&tags)?;
    Ok(tags)
}

/// Refuses more tags than a resource can have.
pub(super) fn within(tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    if tags.len() > MOST { Err(refused("Number of tags exceeds resource tag limit.")) } else { Ok(()) }
}
