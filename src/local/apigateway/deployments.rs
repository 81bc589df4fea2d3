//! `CreateDeployment`, GetDeployment(s), `DeleteDeployment`.

use serde_json::{Map, Value, json};

use super::ApiGateway;
use super::input::{Input, page};
use super::model::{Deployment, Routes, Stage, bad_request, fresh_id, not_found, now};
use super::stages::check_variables;
use crate::local::wire::{Fault, Reply, Request};

impl Deployment {
    fn show(&self, summary: bool) -> Value {
        let mut value = json!({ "id": self.id, "createdDate": self.created });
        if let Some(description) = &self.description {
            value["description"] = description.clone().into();
        }
        if summary {
            value["apiSummary"] = self.summary();
        }
        value
    }

    /// Path → method → how it is protected.
    fn summary(&self) -> Value {
        let with_methods = self.routes.resources.values().filter(|resource| !resource.resource_methods.is_empty());
        with_methods
            .map(|resource| {
                let methods: Map<String, Value> = resource
                    .resource_methods
                    .iter()
                    .map(|(verb, method)| {
                        (verb.clone(), json!({ "authorizationType": method.authorization_type, "apiKeyRequired": method.api_key_required }))
                    })
                    .collect();
                (resource.path.clone(), Value::Object(methods))
            })
            .collect::<Map<_, _>>()
            .into()
    }
}

/// What AWS refuses to deploy.
fn check(routes: &Routes) -> Result<(), Fault> {
    let mut methods = routes.resources.values().flat_map(|resource| resource.resource_methods.values()).peekable();
    if methods.peek().is_none() {
        return Err(bad_request("The REST API doesn't contain any methods"));
    }
    if methods.any(|method| method.method_integration.is_none()) {
        return Err(bad_request("No integration defined for method"));
    }
    Ok(())
}

impl ApiGateway {
    pub(super) fn create_deployment(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let input = Input::read(request, &["stageName", "stageDescription", "description", "variables"])?;
        let stage_name = input.text("stageName")?.filter(|name| !name.is_empty());
        let variables = input.texts("variables")?;
        let stage_description = input.text("stageDescription")?;
        check_variables(&variables)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            check(&api.routes)?;
            let deployment = Deployment {
                id: fresh_id(6),
                description: input.text("description")?,
                created: now(),
                routes: api.routes.clone(),
            };
            if let Some(name) = stage_name {
                let mut stage = match api.stages.remove(&name) {
                    Some(stage) => stage,
                    None => Stage::new(&name, &deployment.id)?,
                };
                deployment.id.clone_into(&mut stage.deployment_id);
                stage.last_updated_date = now();
                stage.description = stage_description.or(stage.description);
                stage.variables.extend(variables);
                api.stages.insert(name, stage);
            }
            let shown = deployment.show(false);
            api.deployments.insert(deployment.id.clone(), deployment);
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn list_deployments(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let mut all: Vec<(String, Deployment)> = self.state.read(|state| {
            let deployments = &state.api(&request.region, api)?.deployments;
            Ok::<_, Fault>(deployments.iter().map(|(id, one)| (id.clone(), one.clone())).collect())
        })?;
        // Newest first, as the console shows them.
        all.sort_by(|(id_a, a), (id_b, b)| (b.created, id_b).cmp(&(a.created, id_a)));
        page(request, all, |deployment| deployment.show(false))
    }

    pub(super) fn get_deployment(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        let embeds: Vec<String> =
            request.query().into_iter().filter(|(name, _)| name == "embed").map(|(_, value)| value).collect();
        if embeds.iter().any(|embed| embed != "apisummary") {
            return Err(bad_request("Invalid embed parameter specified"));
        }
        self.state.read(|state| {
            let deployment = state.api(&request.region, api)?.deployments.get(id).ok_or_else(no_deployment)?;
            Ok(Reply::json(200, &deployment.show(!embeds.is_empty())))
        })
    }

    pub(super) fn delete_deployment(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            if !api.deployments.contains_key(id) {
                return Err(no_deployment());
            }
            if api.stages.values().any(|stage| stage.deployment_id == id) {
                return Err(bad_request("Active stages pointing to this deployment must be moved or deleted"));
            }
            api.deployments.remove(id);
            Ok(Reply::empty(202))
        })
    }
}

pub(super) fn no_deployment() -> Fault {
    not_found("Invalid Deployment identifier specified")
}
