//! `CreateResource`, GetResource(s), `DeleteResource`.

use serde_json::{Value, json};

use super::ApiGateway;
use super::input::{Input, page, shown};
use super::model::{Resource, bad_request};
use crate::local::wire::{Fault, Reply, Request};

impl Resource {
    /// Methods are only named, unless `embed=methods` asks for all of them.
    fn show(&self, embed: bool) -> Value {
        let mut value = shown(self);
        if !embed && !self.resource_methods.is_empty() {
            value["resourceMethods"] = self
                .resource_methods
                .keys()
                .map(|name| (name.clone(), json!({})))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        value
    }
}

impl ApiGateway {
    pub(super) fn list_resources(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let embed = embeds_methods(request)?;
        let mut resources: Vec<Resource> = self.state.read(|state| {
            Ok::<_, Fault>(state.api(&request.region, api)?.routes.resources.values().cloned().collect())
        })?;
        resources.sort_by(|a, b| a.path.cmp(&b.path));
        page(request, resources.into_iter().map(|resource| (resource.id.clone(), resource)).collect(), |one| {
            one.show(embed)
        })
    }

    pub(super) fn get_resource(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        let embed = embeds_methods(request)?;
        self.state.read(|state| {
            let resource = state.api(&request.region, api)?.routes.resource(id)?;
            Ok(Reply::json(200, &resource.show(embed)))
        })
    }

    pub(super) fn create_resource(&self, request: &Request, api: &str, parent: &str) -> Result<Reply, Fault> {
        let part = Input::read(request, &["pathPart"])?.required("pathPart")?;
        self.state.write(|state| {
            let resource = state.api_mut(&request.region, api)?.routes.add(parent, &part)?;
            Ok(Reply::json(201, &resource.show(true)))
        })
    }

    pub(super) fn delete_resource(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let routes = &mut state.api_mut(&request.region, api)?.routes;
            if routes.resource(id)?.parent_id.is_none() {
                return Err(bad_request("Cannot delete root resource"));
            }
            routes.remove(id);
            Ok(Reply::empty(202))
        })
    }
}

fn embeds_methods(request: &Request) -> Result<bool, Fault> {
    let embeds: Vec<String> =
        request.query().into_iter().filter(|(name, _)| name == "embed").map(|(_, value)| value).collect();
    match embeds.iter().find(|embed| *embed != "methods") {
        Some(other) => Err(bad_request(format!("Invalid embed parameter specified: {other}"))),
        None => Ok(!embeds.is_empty()),
    }
}
