//! `CreateIntegration`, GetIntegration(s), `UpdateIntegration`, `DeleteIntegration`: `AWS_PROXY` with a
//! Lambda function, in both payload formats; and what quick create makes of a function.

use super::apis::limited;
use super::model::{Api, Integration, Stage};
use super::page::page;
use super::{DEFAULT, HttpApis};
use crate::local::apigateway::input::{Input, shown};
use crate::local::apigateway::model::{bad_request, conflict, fresh_id, not_found, unsupported};
use crate::local::wire::{Fault, Reply, Request};

const MEMBERS: [&str; 7] = [
    "integrationType",
    "integrationUri",
    "integrationMethod",
    "payloadFormatVersion",
    "timeoutInMillis",
    "description",
    "connectionType",
];

/// ms
const LONGEST: u64 = 30_000;

impl Integration {
    fn new() -> Self {
        Self {
            api_gateway_managed: None,
            connection_type: "INTERNET".into(),
            description: None,
            integration_id: fresh_id(7),
            integration_method: "POST".into(),
            integration_type: String::new(),
            integration_uri: String::new(),
            payload_format_version: String::new(),
            timeout_in_millis: LONGEST,
        }
    }

    /// Of a definition or a request; what is not given stays as it is.
    pub(super) fn take(&mut self, input: &Input) -> Result<(), Fault> {
        match input.text("integrationType")?.as_deref() {
            None => {}
            Some("AWS_PROXY") => self.integration_type = "AWS_PROXY".into(),
            Some(kind @ ("HTTP_PROXY" | "AWS" | "HTTP" | "MOCK")) => {
                return Err(unsupported(&format!("the integration type {kind} of an HTTP API")));
            }
            Some(kind) => return Err(bad_request(format!("Invalid integration type specified: {kind}"))),
        }
        if let Some(uri) = input.text("integrationUri")? {
            check_uri(&uri)?;
            self.integration_uri = uri;
        }
        if let Some(method) = input.text("integrationMethod")? {
            // Lambda is invoked with POST, whatever the client uses.
            if method != "POST" {
                return Err(bad_request("The integration method of a Lambda function must be POST"));
            }
        }
        match input.text("payloadFormatVersion")?.as_deref() {
            None => {}
            Some(version @ ("1.0" | "2.0")) => version.clone_into(&mut self.payload_format_version),
            Some(version) => {
                return Err(bad_request(format!("Invalid payload format version {version}: it must be 1.0 or 2.0")));
            }
        }
        if let Some(timeout) = input.get::<u64>("timeoutInMillis")? {
            if !(50..=LONGEST).contains(&timeout) {
                return Err(bad_request(format!("Timeout should be between 50 ms and {LONGEST} ms")));
            }
            self.timeout_in_millis = timeout;
        }
        if let Some(text) = input.text("description")? {
            self.description = limited("description", text, 1024)?;
        }
        match input.text("connectionType")?.as_deref() {
            None | Some("INTERNET") => Ok(()),
            Some(kind) => Err(unsupported(&format!("connectionType {kind}"))),
        }
    }

    /// A new one; type, URI and payload format have to be there.
    pub(super) fn read(input: &Input) -> Result<Self, Fault> {
        let mut integration = Self::new();
        integration.take(input)?;
        if integration.integration_type.is_empty() {
            return Err(bad_request("IntegrationType is a required parameter for integration"));
        }
        if integration.integration_uri.is_empty() {
            return Err(bad_request("IntegrationUri is a required parameter for integration"));
        }
        if integration.payload_format_version.is_empty() {
            return Err(bad_request("PayloadFormatVersion is a required parameter for integration"));
        }
        Ok(integration)
    }
}

/// `arn:aws:lambda:{region}:{account}:function:{name}` with or without a qualifier, or the ARN API
/// Gateway invokes it by, `arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations`.
fn check_uri(uri: &str) -> Result<(), Fault> {
    let parts: Vec<&str> = uri.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "lambda", _, _, resource] if resource.starts_with("function:") => Ok(()),
        ["arn", _, "apigateway", _, "lambda", path]
            if path.starts_with("path/2015-03-31/functions/") && path.ends_with("/invocations") =>
        {
            Ok(())
        }
        _ if uri.starts_with("http://") || uri.starts_with("https://") => {
            Err(unsupported("an integration with an HTTP endpoint"))
        }
        _ => Err(bad_request(format!("Invalid function ARN specified: {uri}"))),
    }
}

impl Api {
    /// Quick create: an integration, a route and a stage that deploys itself.
    pub(super) fn quick(&mut self, target: &str, key: &str) -> Result<(), Fault> {
        check_uri(target)?;
        let mut integration = Integration::new();
        integration.api_gateway_managed = Some(true);
        integration.integration_type = "AWS_PROXY".into();
        target.clone_into(&mut integration.integration_uri);
        integration.payload_format_version = "2.0".into();
        let target = format!("integrations/{}", integration.integration_id);
        self.snapshot.integrations.insert(integration.integration_id.clone(), integration);
        let mut route = self.route(key, Some(target))?;
        route.api_gateway_managed = Some(true);
        self.snapshot.routes.insert(route.route_id.clone(), route);
        let mut stage = Stage::new(DEFAULT)?;
        stage.api_gateway_managed = Some(true);
        stage.auto_deploy = true;
        self.stages.insert(DEFAULT.to_owned(), stage);
        self.changed();
        Ok(())
    }

    /// Changes what quick create made.
    pub(super) fn quick_update(&mut self, target: Option<&str>, key: Option<&str>) -> Result<(), Fault> {
        let none = || bad_request("target and routeKey belong to APIs that were made by quick create");
        if let Some(target) = target {
            check_uri(target)?;
            let managed = self.snapshot.integrations.values_mut().find(|one| one.api_gateway_managed == Some(true));
            target.clone_into(&mut managed.ok_or_else(none)?.integration_uri);
        }
        if let Some(key) = key {
            let managed = self.snapshot.routes.values().find(|one| one.api_gateway_managed == Some(true));
            let id = managed.ok_or_else(none)?.route_id.clone();
            self.check_key(key, Some(&id))?;
            if let Some(route) = self.snapshot.routes.get_mut(&id) {
                key.clone_into(&mut route.route_key);
            }
        }
        Ok(())
    }
}

impl HttpApis {
    pub(super) fn create_integration(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        self.state.read(|state| state.api(&request.region, api).map(|_| ()))?;
        let integration = Integration::read(&Input::read(request, &MEMBERS)?)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let shown = shown(&integration);
            api.snapshot.integrations.insert(integration.integration_id.clone(), integration);
            // No route leads to it yet, so nothing that is served has changed.
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn list_integrations(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let items = self.state.read(|state| {
            let all = state.api(&request.region, api)?.snapshot.integrations.iter();
            Ok::<_, Fault>(all.map(|(id, one)| (id.clone(), shown(one))).collect())
        })?;
        page(request, items)
    }

    pub(super) fn get_integration(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        self.state.read(|state| {
            let found = state.api(&request.region, api)?.snapshot.integrations.get(id);
            Ok(Reply::json(200, &shown(found.ok_or_else(no_integration)?)))
        })
    }

    pub(super) fn update_integration(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        let input = Input::read(request, &MEMBERS)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let integration = api.snapshot.integrations.get_mut(id).ok_or_else(no_integration)?;
            integration.take(&input)?;
            let shown = shown(integration);
            api.changed();
            Ok(Reply::json(200, &shown))
        })
    }

    pub(super) fn delete_integration(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let integration = api.snapshot.integrations.get(id).ok_or_else(no_integration)?;
            if integration.api_gateway_managed == Some(true) {
                return Err(bad_request("An integration that was made by quick create cannot be deleted"));
            }
            let target = format!("integrations/{id}");
            let routes = api.snapshot.routes.values().filter(|route| route.target.as_ref() == Some(&target));
            let ids: Vec<&str> = routes.map(|route| route.route_id.as_str()).collect();
            if !ids.is_empty() {
                return Err(conflict(format!(
                    "Cannot delete Integration because it is referenced by the following Routes with Ids: [{}]",
                    ids.join(", ")
                )));
            }
            api.snapshot.integrations.remove(id);
            Ok(Reply::empty(204))
        })
    }
}

fn no_integration() -> Fault {
    not_found("Invalid Integration identifier specified")
}
