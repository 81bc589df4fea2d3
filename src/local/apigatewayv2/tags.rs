//! `GetTags`, `TagResource`, `UntagResource`, by ARN.

use serde_json::json;

use super::HttpApis;
use super::model::{State, Texts};
use super::stages::no_stage;
use crate::local::apigateway::input::Input;
use crate::local::apigateway::model::bad_request;
use crate::local::apigateway::tags::{Target, add};
use crate::local::wire::{Fault, Reply, Request};

impl HttpApis {
    pub(super) fn get_tags(&self, request: &Request, arn: &str) -> Result<Reply, Fault> {
        let target = target(request, arn)?;
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
        let target = target(request, arn)?;
        self.state.write(|state| add(tags(&target, state, request)?, more))?;
        Ok(Reply::json(201, &json!({})))
    }

    pub(super) fn untag(&self, request: &Request, arn: &str) -> Result<Reply, Fault> {
        let keys: Vec<String> =
            request.query().into_iter().filter(|(name, _)| name == "tagKeys").map(|(_, key)| key).collect();
        if keys.is_empty() {
            return Err(bad_request("Tag keys must be specified"));
        }
        let target = target(request, arn)?;
        self.state.write(|state| {
            tags(&target, state, request)?.retain(|key, _| !keys.contains(key));
            Ok(())
        })?;
        Ok(Reply::empty(204))
    }
}

fn target(request: &Request, arn: &str) -> Result<Target, Fault> {
    Target::of(request, arn, "apis", &["domainnames", "vpclinks"])
}

fn tags<'a>(target: &Target, state: &'a mut State, request: &Request) -> Result<&'a mut Texts, Fault> {
    let api = state.api_mut(&request.region, &target.api)?;
    match &target.stage {
        None => Ok(&mut api.info.tags),
        Some(name) => api.stages.get_mut(name).map(|stage| &mut stage.tags).ok_or_else(no_stage),
    }
}
