//! `CreateDeployment`, GetDeployment(s), `UpdateDeployment`, `DeleteDeployment`.

use super::HttpApis;
use super::apis::limited;
use super::model::now;
use super::page::page;
use super::stages::no_stage;
use crate::local::apigateway::input::{Input, shown};
use crate::local::apigateway::model::{bad_request, not_found};
use crate::local::wire::{Fault, Reply, Request};

impl HttpApis {
    pub(super) fn create_deployment(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let input = Input::read(request, &["description", "stageName"])?;
        let description = limited("description", input.text("description")?.unwrap_or_default(), 1024)?;
        let stage_name = input.text("stageName")?.filter(|name| !name.is_empty());
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let id = api.deploy(description, false)?;
            if let Some(name) = stage_name {
                let stage = api.stages.get_mut(&name).ok_or_else(no_stage)?;
                stage.deployment_id = Some(id.clone());
                stage.last_updated_date = now();
                api.prune();
            }
            Ok(Reply::json(201, &api.deployments.get(&id).map(|made| shown(&made.shown)).unwrap_or_default()))
        })
    }

    pub(super) fn list_deployments(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let items = self.state.read(|state| {
            let mut all: Vec<_> = state.api(&request.region, api)?.deployments.iter().collect();
            // Newest first, as the console shows them.
            all.sort_by(|(id_a, a), (id_b, b)| (&b.shown.created_date, id_b).cmp(&(&a.shown.created_date, id_a)));
            Ok::<_, Fault>(all.into_iter().map(|(id, one)| (id.clone(), shown(&one.shown))).collect())
        })?;
        page(request, items)
    }

    pub(super) fn get_deployment(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        self.state.read(|state| {
            let found = state.api(&request.region, api)?.deployments.get(id);
            Ok(Reply::json(200, &shown(&found.ok_or_else(no_deployment)?.shown)))
        })
    }

    pub(super) fn update_deployment(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        let description = Input::read(request, &["description"])?.text("description")?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let deployment = api.deployments.get_mut(id).ok_or_else(no_deployment)?;
            if let Some(text) = description {
                deployment.shown.description = limited("description", text, 1024)?;
            }
            Ok(Reply::json(200, &shown(&deployment.shown)))
        })
    }

    pub(super) fn delete_deployment(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            if !api.deployments.contains_key(id) {
                return Err(no_deployment());
            }
            if api.stages.values().any(|stage| stage.deployment_id.as_deref() == Some(id)) {
                return Err(bad_request("Active stages pointing to this deployment must be moved or deleted"));
            }
            api.deployments.remove(id);
            Ok(Reply::empty(204))
        })
    }
}

pub(super) fn no_deployment() -> Fault {
    not_found("Invalid Deployment identifier specified")
}
