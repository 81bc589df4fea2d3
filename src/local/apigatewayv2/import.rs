//! `ImportApi` and `ReimportApi`.
//!
//! Stages are not part of a definition; those that deploy automatically serve the new one at once.

use super::HttpApis;
use super::apis::checked_name;
use super::model::{Api, Snapshot};
use super::openapi::Definition;
use crate::local::Local;
use crate::local::apigateway::import::BasePath;
use crate::local::apigateway::input::Input;
use crate::local::apigateway::model::{bad_request, unsupported};
use crate::local::apigateway::tags;
use crate::local::wire::{Fault, Reply, Request};

/// The definition in a request, and where its paths go.
fn read(request: &Request) -> Result<(Definition, String), Fault> {
    let definition = Definition::read(&Input::read(request, &["body"])?.required("body")?)?;
    let mut base = BasePath::Ignore;
    for (name, value) in request.query() {
        match (name.as_str(), value.as_str()) {
            ("failOnWarnings", "true") if !definition.warnings.is_empty() => {
                return Err(bad_request(format!("Warnings found during import: {}", definition.warnings.join("; "))));
            }
            ("failOnWarnings", _) => {}
            ("basepath", how) => base = BasePath::named(how)?,
            (other, _) => return Err(unsupported(&format!("import parameter {other}"))),
        }
    }
    let prefix = base.prefix(&definition.base_path);
    Ok((definition, prefix))
}

impl HttpApis {
    pub(super) fn import_api(&self, local: &Local, request: &Request) -> Result<Reply, Fault> {
        let (definition, prefix) = read(request)?;
        let name = checked_name(definition.title.clone())?;
        let mut api = Api::new(&request.region, self.unused_id(local), name);
        api.define(definition, &prefix)?;
        self.state.write(|state| {
            let shown = api.show(local);
            state.apis.insert(api.info.api_id.clone(), api);
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn reimport_api(&self, local: &Local, request: &Request, id: &str) -> Result<Reply, Fault> {
        let (definition, prefix) = read(request)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, id)?;
            api.info.name = checked_name(definition.title.clone())?;
            api.define(definition, &prefix)?;
            api.changed();
            Ok(Reply::json(201, &api.show(local)))
        })
    }
}

impl Api {
    /// Puts a definition in place of what is there.
    fn define(&mut self, definition: Definition, prefix: &str) -> Result<(), Fault> {
        self.info.description = definition.description;
        self.info.version = definition.version;
        self.info.disable_execute_api_endpoint = definition.disabled;
        self.info.warnings = definition.warnings;
        tags::add(&mut self.info.tags, definition.tags)?;
        self.snapshot = Snapshot { cors: definition.cors, ..Snapshot::default() };
        for operation in definition.operations {
            let key = match operation.on {
                None => super::DEFAULT.to_owned(),
                Some((method, path)) => format!("{method} {prefix}{path}"),
            };
            let target = format!("integrations/{}", operation.integration.integration_id);
            let integration = operation.integration;
            self.snapshot.integrations.insert(integration.integration_id.clone(), integration);
            let mut route = self.route(&key, Some(target))?;
            route.operation_name = operation.name;
            if operation.iam {
                "AWS_IAM".clone_into(&mut route.authorization_type);
            }
            self.snapshot.routes.insert(route.route_id.clone(), route);
        }
        Ok(())
    }
}
