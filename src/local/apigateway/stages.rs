//! `CreateStage`, GetStage(s), `UpdateStage`, `DeleteStage`.
//!
//! Method settings are kept and shown; the front does not throttle, cache or write execution logs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ApiGateway;
use super::deployments::no_deployment;
use super::input::{Input, shown};
use super::model::{Stage, Texts, bad_request, conflict, not_found, now, unsupported};
use super::patch::Patch;
use super::tags;
use crate::local::wire::{Fault, Reply, Request};

impl Stage {
    pub(super) fn new(name: &str, deployment: &str) -> Result<Self, Fault> {
        check_name(name)?;
        Ok(Self {
            stage_name: name.to_owned(),
            deployment_id: deployment.to_owned(),
            description: None,
            cache_cluster_enabled: false,
            cache_cluster_status: "NOT_AVAILABLE".into(),
            method_settings: BTreeMap::new(),
            access_log_settings: None,
            variables: Texts::new(),
            tracing_enabled: false,
            tags: Texts::new(),
            created_date: now(),
            last_updated_date: now(),
        })
    }
}

/// Letters, digits, hyphens and underscores, at most 128
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html>).
pub(in crate::local) fn check_name(name: &str) -> Result<(), Fault> {
    let good = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    if name.is_empty() || name.len() > 128 || !name.chars().all(good) {
        return Err(bad_request("Stage name only allows a-zA-Z0-9_-"));
    }
    Ok(())
}

/// Names of letters, digits and underscores; values of `[A-Za-z0-9-._~:/?#&=,]+` (API page of `CreateStage`).
pub(in crate::local) fn check_variables(variables: &Texts) -> Result<(), Fault> {
    for (name, value) in variables {
        if name.is_empty() || !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
            return Err(bad_request(format!("Stage variable name '{name}' is invalid: only a-zA-Z0-9_ are allowed")));
        }
        if value.is_empty() || !value.chars().all(|char| char.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(char)) {
            return Err(bad_request(format!(
                "Stage variable value '{value}' is invalid: it must match [A-Za-z0-9-._~:/?#&=,]+"
            )));
        }
    }
    Ok(())
}

impl ApiGateway {
    pub(super) fn create_stage(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let input = Input::read(request, &["stageName", "deploymentId", "description", "variables", "tags"])?;
        let deployment = input.required("deploymentId")?;
        let mut stage = Stage::new(&input.required("stageName")?, &deployment)?;
        stage.description = input.text("description")?;
        stage.variables = input.texts("variables")?;
        check_variables(&stage.variables)?;
        tags::add(&mut stage.tags, input.texts("tags")?)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            if !api.deployments.contains_key(&deployment) {
                return Err(bad_request("Deployment id does not exist"));
            }
            if api.stages.contains_key(&stage.stage_name) {
                return Err(conflict("Stage already exists"));
            }
            let shown = shown(&stage);
            api.stages.insert(stage.stage_name.clone(), stage);
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn list_stages(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let of = request.param("deploymentId");
        self.state.read(|state| {
            let stages = state.api(&request.region, api)?.stages.values();
            let wanted = stages.filter(|stage| of.as_ref().is_none_or(|id| stage.deployment_id == *id));
            Ok(Reply::json(200, &json!({ "item": wanted.map(shown).collect::<Vec<_>>() })))
        })
    }

    pub(super) fn get_stage(&self, request: &Request, api: &str, name: &str) -> Result<Reply, Fault> {
        self.state.read(|state| {
            let stage = state.api(&request.region, api)?.stages.get(name).ok_or_else(no_stage)?;
            Ok(Reply::json(200, &shown(stage)))
        })
    }

    pub(super) fn delete_stage(&self, request: &Request, api: &str, name: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            state.api_mut(&request.region, api)?.stages.remove(name).ok_or_else(no_stage)?;
            Ok(Reply::empty(202))
        })
    }

    pub(super) fn update_stage(&self, request: &Request, api: &str, name: &str) -> Result<Reply, Fault> {
        let patches = Patch::read(request)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let stage = api.stages.get_mut(name).ok_or_else(no_stage)?;
            for patch in &patches {
                stage.apply(patch)?;
            }
            if !api.deployments.contains_key(&stage.deployment_id) {
                return Err(no_deployment());
            }
            check_variables(&stage.variables)?;
            if let Some(settings) = &stage.access_log_settings {
                settings.check(&request.region)?;
            }
            stage.last_updated_date = now();
            Ok(Reply::json(200, &shown(stage)))
        })
    }
}

impl Stage {
    fn apply(&mut self, patch: &Patch) -> Result<(), Fault> {
        match (patch.op.as_str(), patch.parts().as_slice()) {
            ("replace", ["deploymentId"]) => self.deployment_id = patch.value()?,
            ("replace", ["description"]) => self.description = Some(patch.value()?).filter(|text| !text.is_empty()),
            ("add" | "replace", ["variables", name]) => {
                self.variables.insert((*name).to_owned(), patch.value()?);
            }
            ("remove", ["variables", name]) => {
                self.variables.remove(*name).ok_or_else(|| patch.refuse())?;
            }
            ("add" | "replace", ["accessLogSettings", "destinationArn"]) => {
                self.access_log_settings.get_or_insert_default().destination_arn = Some(patch.value()?);
            }
            ("add" | "replace", ["accessLogSettings", "format"]) => {
                self.access_log_settings.get_or_insert_default().format = Some(patch.value()?);
            }
            ("remove", ["accessLogSettings"]) => self.access_log_settings = None,
            ("replace", ["tracingEnabled" | "cacheClusterEnabled"]) if !patch.flag()? => {}
            (
                _,
                [
                    what @ ("tracingEnabled"
                    | "cacheClusterEnabled"
                    | "cacheClusterSize"
                    | "canarySettings"
                    | "clientCertificateId"
                    | "documentationVersion"),
                    ..,
                ],
            ) => return Err(unsupported(&format!("stage setting {what}"))),
            ("replace", [method @ .., group, setting]) if method.len() >= 2 => {
                let (name, value) = setting_of(group, setting, patch)?;
                self.method_settings
                    .entry(settings_key(method))
                    .or_insert_with(default_settings)
                    .insert(name.into(), value);
            }
            ("remove", method) if method.len() >= 2 => {
                self.method_settings.remove(&settings_key(method)).ok_or_else(|| patch.refuse())?;
            }
            _ => return Err(patch.refuse()),
        }
        Ok(())
    }
}

/// `{resource_path}/{http_method}` without a leading slash, `*/*` for all; the slashes of a path may have
/// come escaped (`~1`) or not.
fn settings_key(method: &[&str]) -> String {
    method.join("/").trim_start_matches('/').to_owned()
}

/// The member a patch path sets, and its value.
fn setting_of(group: &str, setting: &str, patch: &Patch) -> Result<(&'static str, Value), Fault> {
    let number =
        || patch.value()?.parse::<f64>().map_err(|_| bad_request(format!("Invalid number for {group}/{setting}")));
    Ok(match (group, setting) {
        ("metrics", "enabled") => ("metricsEnabled", patch.flag()?.into()),
        ("logging", "dataTrace") => ("dataTraceEnabled", patch.flag()?.into()),
        ("logging", "loglevel") => match patch.value()?.as_str() {
            level @ ("OFF" | "ERROR" | "INFO") => ("loggingLevel", level.into()),
            _ => return Err(bad_request("Invalid logging level specified: it must be OFF, ERROR or INFO")),
        },
        ("throttling", "burstLimit") => (
            "throttlingBurstLimit",
            patch.value()?.parse::<i64>().map_err(|_| bad_request("Invalid number for throttling/burstLimit"))?.into(),
        ),
        ("throttling", "rateLimit") => ("throttlingRateLimit", number()?.into()),
        ("caching", _) => return Err(unsupported("caching")),
        _ => return Err(patch.refuse()),
    })
}

fn default_settings() -> Map<String, Value> {
    let defaults = json!({
        "metricsEnabled": false, "dataTraceEnabled": false, "throttlingBurstLimit": 5000, "throttlingRateLimit": 10000.0,
        "cachingEnabled": false, "cacheTtlInSeconds": 300, "cacheDataEncrypted": false,
        "requireAuthorizationForCacheControl": true,
        "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
    });
    defaults.as_object().cloned().unwrap_or_default()
}

pub(super) fn no_stage() -> Fault {
    not_found("Invalid stage identifier specified")
}
