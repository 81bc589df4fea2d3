//! `CreateStage`, GetStage(s), `UpdateStage`, `DeleteAccessLogSettings`, `DeleteStage`.
//!
//! Route settings are kept and shown; the front does not throttle or measure.

use serde_json::{Map, Value};

use super::apis::limited;
use super::deployments::no_deployment;
use super::model::{Api, Stage, Texts, now};
use super::page::page;
use super::{DEFAULT, HttpApis};
use crate::local::apigateway::AccessLogSettings;
use crate::local::apigateway::input::{Input, shown};
use crate::local::apigateway::model::{bad_request, conflict, not_found};
use crate::local::apigateway::stages::{check_name, check_variables};
use crate::local::apigateway::tags;
use crate::local::wire::{Fault, Reply, Request};

/// What creating and updating share.
const MEMBERS: [&str; 7] = [
    "accessLogSettings",
    "autoDeploy",
    "deploymentId",
    "description",
    "stageVariables",
    "defaultRouteSettings",
    "routeSettings",
];

impl Stage {
    /// `$default`, or letters, digits, hyphens and underscores.
    pub(super) fn new(name: &str) -> Result<Self, Fault> {
        if name != DEFAULT {
            check_name(name)?;
        }
        Ok(Self {
            access_log_settings: None,
            api_gateway_managed: None,
            auto_deploy: false,
            created_date: now(),
            default_route_settings: Map::from_iter([("detailedMetricsEnabled".to_owned(), Value::Bool(false))]),
            deployment_id: None,
            description: None,
            last_deployment_status_message: None,
            last_updated_date: now(),
            route_settings: Map::new(),
            stage_name: name.to_owned(),
            stage_variables: Texts::new(),
            tags: Texts::new(),
        })
    }
}

impl Api {
    /// Puts a stage in its place as the request wants it, and deploys to it if it deploys itself.
    fn settle(&mut self, mut stage: Stage, input: &Input) -> Result<Value, Fault> {
        if let Some(automatic) = input.get("autoDeploy")? {
            stage.auto_deploy = automatic;
        }
        if let Some(id) = input.text("deploymentId")?.filter(|id| !id.is_empty()) {
            if stage.auto_deploy {
                return Err(bad_request("deploymentId cannot be set on a stage with autoDeploy enabled"));
            }
            if !self.deployments.contains_key(&id) {
                return Err(no_deployment());
            }
            stage.deployment_id = Some(id);
        }
        if let Some(text) = input.text("description")? {
            stage.description = limited("description", text, 1024)?;
        }
        if let Some(variables) = input.get::<Texts>("stageVariables")? {
            check_variables(&variables)?;
            stage.stage_variables = variables;
        }
        if let Some(settings) = input.get::<AccessLogSettings>("accessLogSettings")? {
            settings.check(&self.region)?;
            stage.access_log_settings = Some(settings);
        }
        if let Some(settings) = input.get::<Map<String, Value>>("defaultRouteSettings")? {
            stage.default_route_settings.extend(settings);
        }
        if let Some(settings) = input.get::<Map<String, Value>>("routeSettings")? {
            stage.route_settings.extend(settings);
        }
        stage.last_updated_date = now();
        let name = stage.stage_name.clone();
        self.stages.insert(name.clone(), stage);
        let stage = self.stages.get(&name);
        // A stage that has everything already is not deployed to again.
        if stage.is_some_and(|stage| stage.auto_deploy && !self.is_current(stage)) {
            self.changed();
        }
        self.prune();
        Ok(self.stages.get(&name).map(shown).unwrap_or_default())
    }

    /// Whether the stage serves an automatic deployment of what is configured now.
    fn is_current(&self, stage: &Stage) -> bool {
        let deployment = stage.deployment_id.as_deref().and_then(|id| self.deployments.get(id));
        deployment.is_some_and(|deployment| deployment.shown.auto_deployed && deployment.snapshot == self.snapshot)
    }
}

impl HttpApis {
    pub(super) fn create_stage(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let known: Vec<&str> = MEMBERS.into_iter().chain(["stageName", "tags"]).collect();
        let input = Input::read(request, &known)?;
        let mut stage = Stage::new(&input.required("stageName")?)?;
        tags::add(&mut stage.tags, input.texts("tags")?)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            if api.stages.contains_key(&stage.stage_name) {
                return Err(conflict("Stage already exists"));
            }
            Ok(Reply::json(201, &api.settle(stage, &input)?))
        })
    }

    pub(super) fn list_stages(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let items = self.state.read(|state| {
            let all = state.api(&request.region, api)?.stages.iter();
            Ok::<_, Fault>(all.map(|(name, one)| (name.clone(), shown(one))).collect())
        })?;
        page(request, items)
    }

    pub(super) fn get_stage(&self, request: &Request, api: &str, name: &str) -> Result<Reply, Fault> {
        self.state.read(|state| {
            let stage = state.api(&request.region, api)?.stages.get(name).ok_or_else(no_stage)?;
            Ok(Reply::json(200, &shown(stage)))
        })
    }

    pub(super) fn update_stage(&self, request: &Request, api: &str, name: &str) -> Result<Reply, Fault> {
        let input = Input::read(request, &MEMBERS)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let stage = api.stages.get(name).cloned().ok_or_else(no_stage)?;
            unmanaged(&stage)?;
            Ok(Reply::json(200, &api.settle(stage, &input)?))
        })
    }

    pub(super) fn delete_access_log(&self, request: &Request, api: &str, name: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let stage = state.api_mut(&request.region, api)?.stages.get_mut(name).ok_or_else(no_stage)?;
            unmanaged(stage)?;
            stage.access_log_settings = None;
            stage.last_updated_date = now();
            Ok(Reply::empty(204))
        })
    }

    pub(super) fn delete_stage(&self, request: &Request, api: &str, name: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            unmanaged(api.stages.get(name).ok_or_else(no_stage)?)?;
            api.stages.remove(name);
            api.prune();
            Ok(Reply::empty(204))
        })
    }
}

/// "If you created an API using quick create, the $default stage is managed by API Gateway. You can't
/// modify the $default stage."
/// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename.html>
fn unmanaged(stage: &Stage) -> Result<(), Fault> {
    if stage.api_gateway_managed == Some(true) {
        return Err(bad_request("A stage that was made by quick create cannot be changed"));
    }
    Ok(())
}

pub(super) fn no_stage() -> Fault {
    not_found("Invalid Stage identifier specified")
}
