//! `CreateRestApi`, GetRestApi(s), `UpdateRestApi`, `DeleteRestApi`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ApiGateway;
use super::input::{Input, page, shown};
use super::model::{Api, EndpointConfiguration, Info, Routes, Texts, bad_request, fresh_id, now, unsupported};
use super::patch::Patch;
use super::tags;
use crate::local::wire::{Fault, Reply, Request};

impl Api {
    /// An API with nothing but its root resource.
    pub(super) fn new(region: &str, name: &str) -> Self {
        let root = fresh_id(10);
        Self {
            region: region.to_owned(),
            routes: Routes::new(&root),
            deployments: BTreeMap::new(),
            stages: BTreeMap::new(),
            info: Info {
                id: fresh_id(10),
                name: name.to_owned(),
                description: None,
                created_date: now(),
                version: None,
                warnings: Vec::new(),
                api_key_source: "HEADER".into(),
                endpoint_configuration: EndpointConfiguration::new("EDGE"),
                tags: Texts::new(),
                disable_execute_api_endpoint: false,
                root_resource_id: root,
            },
        }
    }

    /// The `RestApi` resource.
    pub(super) fn show(&self) -> Value {
        let mut value = shown(&self.info);
        if !self.routes.binary_media_types.is_empty() {
            value["binaryMediaTypes"] = shown(&self.routes.binary_media_types);
        }
        value
    }
}

impl EndpointConfiguration {
    fn new(kind: &str) -> Self {
        Self { types: vec![kind.to_owned()], ip_address_type: "ipv4".into() }
    }

    /// `EDGE` and `REGIONAL` are served alike; a private API needs a VPC.
    pub(super) fn of_types(types: &[String]) -> Result<Self, Fault> {
        match types {
            [] => Ok(Self::new("EDGE")),
            [one] if one == "EDGE" || one == "REGIONAL" => Ok(Self::new(one)),
            [one] if one == "PRIVATE" => Err(unsupported("endpoint type PRIVATE")),
            _ => Err(bad_request("Invalid EndpointTypes specified. Should be one of EDGE, REGIONAL or PRIVATE")),
        }
    }
}

/// A name that is there.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    if name.trim().is_empty() { Err(bad_request("API name must be specified and not blank")) } else { Ok(()) }
}

impl ApiGateway {
    pub(super) fn create_api(&self, request: &Request) -> Result<Reply, Fault> {
        let known = [
            "name",
            "description",
            "version",
            "binaryMediaTypes",
            "apiKeySource",
            "endpointConfiguration",
            "tags",
            "disableExecuteApiEndpoint",
        ];
        let input = Input::read(request, &known)?;
        let name = input.text("name")?.unwrap_or_default();
        check_name(&name)?;
        let mut api = Api::new(&request.region, &name);
        api.info.description = input.text("description")?;
        api.info.version = input.text("version")?;
        api.info.disable_execute_api_endpoint = input.get("disableExecuteApiEndpoint")?.unwrap_or(false);
        api.routes.binary_media_types = input.get("binaryMediaTypes")?.unwrap_or_default();
        if let Some(endpoint) = input.get::<Value>("endpointConfiguration")? {
            let endpoint = Input::from(endpoint, &["types", "ipAddressType"], "endpointConfiguration.")?;
            check_address_type(endpoint.text("ipAddressType")?.as_deref())?;
            api.info.endpoint_configuration =
                EndpointConfiguration::of_types(&endpoint.get::<Vec<String>>("types")?.unwrap_or_default())?;
        }
        check_key_source(input.text("apiKeySource")?.as_deref())?;
        tags::add(&mut api.info.tags, input.texts("tags")?)?;
        self.state.write(|state| {
            let shown = api.show();
            state.apis.insert(api.info.id.clone(), api);
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn list_apis(&self, request: &Request) -> Result<Reply, Fault> {
        let mut apis: Vec<(String, Api)> = self.state.read(|state| {
            let here = state.apis.iter().filter(|(_, api)| api.region == request.region);
            here.map(|(id, api)| (id.clone(), api.clone())).collect()
        });
        apis.sort_by(|(id_a, a), (id_b, b)| (a.info.created_date, id_a).cmp(&(b.info.created_date, id_b)));
        page(request, apis, |api| api.show())
    }

    pub(super) fn get_api(&self, request: &Request, id: &str) -> Result<Reply, Fault> {
        self.state.read(|state| state.api(&request.region, id).map(|api| Reply::json(200, &api.show())))
    }

    pub(super) fn delete_api(&self, request: &Request, id: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            state.api(&request.region, id)?;
            state.apis.remove(id);
            Ok(Reply::empty(202))
        })
    }

    pub(super) fn update_api(&self, request: &Request, id: &str) -> Result<Reply, Fault> {
        let patches = Patch::read(request)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, id)?;
            for patch in &patches {
                api.apply(patch)?;
            }
            Ok(Reply::json(200, &api.show()))
        })
    }
}

impl Api {
    fn apply(&mut self, patch: &Patch) -> Result<(), Fault> {
        let media = &mut self.routes.binary_media_types;
        match (patch.op.as_str(), patch.parts().as_slice()) {
            ("replace", ["name"]) => {
                self.info.name = patch.value()?;
                check_name(&self.info.name)?;
            }
            ("replace", ["description"]) => {
                self.info.description = Some(patch.value()?).filter(|text| !text.is_empty());
            }
            ("replace", ["disableExecuteApiEndpoint"]) => self.info.disable_execute_api_endpoint = patch.flag()?,
            ("replace", ["apiKeySource"]) => check_key_source(Some(&patch.value()?))?,
            ("replace", ["endpointConfiguration", "types", "0" | "EDGE" | "REGIONAL"]) => {
                self.info.endpoint_configuration = EndpointConfiguration::of_types(&[patch.value()?])?;
            }
            ("replace", ["endpointConfiguration", "ipAddressType"]) => check_address_type(Some(&patch.value()?))?,
            ("add", ["binaryMediaTypes", kind]) => {
                if !media.iter().any(|known| known == kind) {
                    media.push((*kind).to_owned());
                }
            }
            ("remove", ["binaryMediaTypes", kind]) => {
                let before = media.len();
                media.retain(|known| known != kind);
                if media.len() == before {
                    return Err(patch.refuse());
                }
            }
            ("replace", ["binaryMediaTypes", kind]) => {
                let place = media.iter_mut().find(|known| known == kind).ok_or_else(|| patch.refuse())?;
                *place = patch.value()?;
            }
            (_, ["minimumCompressionSize" | "policy", ..]) => {
                return Err(unsupported(&format!("patching /{}", patch.path[0])));
            }
            _ => return Err(patch.refuse()),
        }
        Ok(())
    }
}

pub(super) fn check_key_source(source: Option<&str>) -> Result<(), Fault> {
    match source {
        None | Some("HEADER") => Ok(()),
        Some("AUTHORIZER") => Err(unsupported("apiKeySource AUTHORIZER")),
        Some(_) => Err(bad_request("Invalid API key source specified: it must be HEADER or AUTHORIZER")),
    }
}

fn check_address_type(kind: Option<&str>) -> Result<(), Fault> {
    match kind {
        None | Some("ipv4") => Ok(()),
        Some(other) => Err(unsupported(&format!("ipAddressType {other}"))),
    }
}
