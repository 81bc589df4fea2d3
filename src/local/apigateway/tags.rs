//! Tags of APIs and stages, by ARN.

use serde_json::json;

use super::ApiGateway;
use super::input::Input;
use super::model::{State, Texts, bad_request, unsupported};
use super::stages::no_stage;
use crate::local::wire::{Fault, Reply, Request};

/// Adds tags under the documented limits: 50 per resource, keys of 1 to 128 characters that do not
/// start with `aws:`, values of at most 256.
pub(in crate::local) fn add(tags: &mut Texts, more: Texts) -> Result<(), Fault> {
    for (key, value) in &more {
        if key.is_empty() || key.chars().count() > 128 || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(bad_request(format!("Invalid tag key '{key}'")));
        }
        if value.chars().count() > 256 {
            return Err(bad_request(format!("The value of tag '{key}' is longer than 256 characters")));
        }
    }
    tags.extend(more);
    if tags.len() > 50 {
        return Err(bad_request("A resource can have no more than 50 tags"));
    }
    Ok(())
}

impl ApiGateway {
    pub(super) fn get_tags(&self, request: &Request, arn: &str) -> Result<Reply, Fault> {
        let target = Target::read(request, arn)?;
        self.state.read(|state| {
            let api = state.api(&request.region, &target.api)?;
            let tags = match &target.stage {
                None => &api.info.tags,
                Some(stage) => &api.stages.get(stage).ok_or_else(no_stage)?.tags,
            };
            Ok(Reply::json(200, &json!({ "tags": tags })))
        })
    }

    pub(super) fn tag(&self, request: &Request, arn: &str) -> Result<Reply, Fault> {
        let more = Input::read(request, &["tags"])?.texts("tags")?;
        if more.is_empty() {
            return Err(bad_request("Tags must be specified"));
        }
        let target = Target::read(request, arn)?;
        self.state.write(|state| add(target.tags(state, request)?, more))?;
        Ok(Reply::empty(204))
    }

    pub(super) fn untag(&self, request: &Request, arn: &str) -> Result<Reply, Fault> {
        let keys: Vec<String> =
            request.query().into_iter().filter(|(name, _)| name == "tagKeys").map(|(_, key)| key).collect();
        if keys.is_empty() {
            return Err(bad_request("Tag keys must be specified"));
        }
        let target = Target::read(request, arn)?;
        self.state.write(|state| {
            target.tags(state, request)?.retain(|key, _| !keys.contains(key));
            Ok(())
        })?;
        Ok(Reply::empty(204))
    }
}

/// What an ARN of tags names: an API or one of its stages.
pub(in crate::local) struct Target {
    pub(in crate::local) api: String,
    pub(in crate::local) stage: Option<String>,
}

impl Target {
    /// `arn:aws:apigateway:{region}::/{apis}/{id}` and `…/stages/{name}`. `others` are what else has tags.
    pub(in crate::local) fn of(request: &Request, arn: &str, apis: &str, others: &[&str]) -> Result<Self, Fault> {
        let invalid = || bad_request("Invalid ARN specified in the request");
        let (region, path) =
            arn.strip_prefix("arn:aws:apigateway:").and_then(|rest| rest.split_once("::/")).ok_or_else(invalid)?;
        if region != request.region {
            return Err(bad_request("Invalid ARN specified in the request: it belongs to another region"));
        }
        let target = |api: &str, stage: Option<&str>| Self { api: api.to_owned(), stage: stage.map(str::to_owned) };
        match path.split('/').collect::<Vec<_>>().as_slice() {
            [kind, api] if *kind == apis => Ok(target(api, None)),
            [kind, api, "stages", stage] if *kind == apis => Ok(target(api, Some(stage))),
            [kind, ..] if others.contains(kind) => Err(unsupported(&format!("tags of {path}"))),
            _ => Err(invalid()),
        }
    }

    fn read(request: &Request, arn: &str) -> Result<Self, Fault> {
        Self::of(request, arn, "restapis", &["apikeys", "clientcertificates", "domainnames", "usageplans", "vpclinks"])
    }

    fn tags<'a>(&self, state: &'a mut State, request: &Request) -> Result<&'a mut Texts, Fault> {
        let api = state.api_mut(&request.region, &self.api)?;
        match &self.stage {
            None => Ok(&mut api.info.tags),
            Some(name) => api.stages.get_mut(name).map(|stage| &mut stage.tags).ok_or_else(no_stage),
        }
    }
}
