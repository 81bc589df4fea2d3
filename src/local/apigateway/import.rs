//! `ImportRestApi` and `PutRestApi`.
//!
//! Neither takes tags: the extension `x-amazon-apigateway-tag-value` belongs to HTTP APIs, so an
//! imported REST API is tagged by a call of its own.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api-update.html>

use super::ApiGateway;
use super::apis::{check_key_source, check_name};
use super::model::{Api, EndpointConfiguration, Routes, bad_request, unsupported};
use super::openapi::Definition;
use crate::local::wire::{Fault, Reply, Request};

/// What the query adds to the body.
struct Options {
    overwrite: bool,
    base_path: BasePath,
    fail_on_warnings: bool,
    endpoint_types: Vec<String>,
}

/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api-basePath.html>
#[derive(Clone, Copy)]
pub(in crate::local) enum BasePath {
    Ignore,
    Prepend,
    Split,
}

impl Options {
    fn read(request: &Request) -> Result<Self, Fault> {
        let mut options =
            Self { overwrite: false, base_path: BasePath::Ignore, fail_on_warnings: false, endpoint_types: Vec::new() };
        for (name, value) in request.query() {
            match (name.as_str(), value.as_str()) {
                ("mode", "overwrite") => options.overwrite = true,
                ("failonwarnings", flag @ ("true" | "false")) => options.fail_on_warnings = flag == "true",
                ("basepath", how) => options.base_path = BasePath::named(how)?,
                ("mode", "import" | "merge") | ("ignore", "documentation") => {}
                ("endpointConfigurationTypes", types) => {
                    options.endpoint_types = types.split(',').map(|kind| kind.trim().to_owned()).collect();
                }
                ("mode" | "failonwarnings", other) => {
                    return Err(bad_request(format!("Invalid value '{other}' for query parameter {name}")));
                }
                (other, _) => return Err(unsupported(&format!("import parameter {other}"))),
            }
        }
        Ok(options)
    }
}

impl BasePath {
    /// The value of the query parameter `basepath`.
    pub(in crate::local) fn named(how: &str) -> Result<Self, Fault> {
        match how {
            "ignore" => Ok(Self::Ignore),
            "prepend" => Ok(Self::Prepend),
            "split" => Ok(Self::Split),
            other => Err(bad_request(format!("Invalid value '{other}' for query parameter basepath"))),
        }
    }

    /// The path resources are put under.
    pub(in crate::local) fn prefix(self, path: &str) -> String {
        match self {
            Self::Ignore => String::new(),
            Self::Prepend => path.to_owned(),
            Self::Split => {
                path.trim_start_matches('/').split_once('/').map(|(_, rest)| format!("/{rest}")).unwrap_or_default()
            }
        }
    }
}

impl ApiGateway {
    pub(super) fn import_api(&self, request: &Request) -> Result<Reply, Fault> {
        let options = Options::read(request)?;
        let definition = Definition::read(&request.body)?;
        let mut api = Api::new(&request.region, definition.title.as_deref().unwrap_or_default());
        api.take(definition, &options)?;
        check_name(&api.info.name)?;
        self.state.write(|state| {
            let shown = api.show();
            state.apis.insert(api.info.id.clone(), api);
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn put_api(&self, request: &Request, id: &str) -> Result<Reply, Fault> {
        let options = Options::read(request)?;
        let definition = Definition::read(&request.body)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, id)?;
            api.take(definition, &options)?;
            Ok(Reply::json(200, &api.show()))
        })
    }
}

impl Api {
    /// Merges a definition into the API, or puts it in place of what is there.
    fn take(&mut self, definition: Definition, options: &Options) -> Result<(), Fault> {
        if options.fail_on_warnings && !definition.warnings.is_empty() {
            return Err(bad_request(format!("Warnings found during import: {}", definition.warnings.join("; "))));
        }
        let info = &mut self.info;
        if let Some(title) = definition.title {
            info.name = title;
        }
        if options.overwrite || definition.description.is_some() {
            info.description = definition.description;
        }
        if options.overwrite || definition.version.is_some() {
            info.version = definition.version;
        }
        check_key_source(definition.key_source.as_deref())?;
        info.warnings = definition.warnings;
        info.disable_execute_api_endpoint = definition.disabled.unwrap_or(info.disable_execute_api_endpoint);
        let types =
            if options.endpoint_types.is_empty() { &definition.endpoint_types } else { &options.endpoint_types };
        if !types.is_empty() {
            info.endpoint_configuration = EndpointConfiguration::of_types(types)?;
        }

        let before =
            options.overwrite.then(|| std::mem::replace(&mut self.routes, Routes::new(&self.info.root_resource_id)));
        if let Some(types) = definition.binary_media_types {
            // Merging adds to a list.
            for kind in types {
                if !self.routes.binary_media_types.contains(&kind) {
                    self.routes.binary_media_types.push(kind);
                }
            }
        }
        for response in definition.gateway_responses {
            self.routes.gateway_responses.insert(response.response_type.clone(), response);
        }
        let prefix = options.base_path.prefix(&definition.base_path);
        self.routes.ensure(&prefix, before.as_ref())?;
        for path in &definition.paths {
            self.routes.ensure(&format!("{prefix}{path}"), before.as_ref())?;
        }
        for operation in definition.operations {
            let id = self.routes.ensure(&format!("{prefix}{}", operation.path), before.as_ref())?;
            let mut method = operation.method;
            if let Some(integration) = method.method_integration.as_mut().filter(|one| one.cache_namespace.is_empty()) {
                id.clone_into(&mut integration.cache_namespace);
            }
            self.routes.resource_mut(&id)?.resource_methods.insert(method.http_method.clone(), method);
        }
        Ok(())
    }
}

impl Routes {
    /// The id of the resource at `path`, made with all its parents when it is missing. A path that
    /// stood in `before` keeps its id.
    fn ensure(&mut self, path: &str, before: Option<&Self>) -> Result<String, Fault> {
        let at = |routes: &Self, path: &str| {
            routes.resources.values().find(|one| one.path == path).map(|one| one.id.clone())
        };
        let mut here = at(self, "/").ok_or_else(|| bad_request("the API has no root resource"))?;
        let mut so_far = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            so_far = format!("{so_far}/{part}");
            here = if let Some(id) = at(self, &so_far) {
                id
            } else {
                let mut made = self.add(&here, part)?;
                if let Some(id) = before.and_then(|before| at(before, &so_far)) {
                    self.resources.remove(&made.id);
                    made.id.clone_from(&id);
                    self.resources.insert(id, made.clone());
                }
                made.id
            };
        }
        Ok(here)
    }
}
