//! `PutMethod`, `GetMethod`, `DeleteMethod`, `PutMethodResponse`.

use std::collections::BTreeMap;

use super::ApiGateway;
use super::input::{Input, shown};
use super::model::{Method, MethodResponse, bad_request, conflict, not_found, unsupported};
use crate::local::wire::{Fault, Reply, Request};

const VERBS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"];

impl Method {
    pub(super) fn new(verb: &str) -> Result<Self, Fault> {
        if !VERBS.contains(&verb) {
            return Err(bad_request(format!("Invalid HTTP method specified: {verb}")));
        }
        Ok(Self {
            http_method: verb.to_owned(),
            authorization_type: "NONE".into(),
            api_key_required: false,
            operation_name: None,
            request_parameters: BTreeMap::new(),
            request_models: BTreeMap::new(),
            method_responses: BTreeMap::new(),
            method_integration: None,
        })
    }

    /// Takes the authorization types the front can honour.
    pub(super) fn authorize(&mut self, kind: &str) -> Result<(), Fault> {
        match kind {
            "NONE" | "AWS_IAM" => {
                kind.clone_into(&mut self.authorization_type);
                Ok(())
            }
            "CUSTOM" | "COGNITO_USER_POOLS" => Err(unsupported(&format!("authorization type {kind}"))),
            _ => Err(bad_request(format!("Invalid authorization type specified: {kind}"))),
        }
    }
}

impl ApiGateway {
    pub(super) fn put_method(
        &self,
        request: &Request,
        (api, resource, verb): (&str, &str, &str),
    ) -> Result<Reply, Fault> {
        // Models are named only: they are used by request validation, which is refused.
        let input =
            Input::read(request, &["authorizationType", "operationName", "requestParameters", "requestModels"])?;
        let mut method = Method::new(verb)?;
        method.authorize(&input.required("authorizationType")?)?;
        method.operation_name = input.text("operationName")?;
        method.request_parameters = input.flags("requestParameters")?;
        method.request_models = input.texts("requestModels")?;
        if let Some(bad) = method.request_parameters.keys().find(|name| !is_request_parameter(name)) {
            return Err(bad_request(format!("Invalid mapping expression parameter specified: {bad}")));
        }
        self.state.write(|state| {
            let resource = state.api_mut(&request.region, api)?.routes.resource_mut(resource)?;
            if resource.resource_methods.contains_key(verb) {
                return Err(conflict("Method already exists for this resource"));
            }
            let shown = shown(&method);
            resource.resource_methods.insert(verb.to_owned(), method);
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn get_method(
        &self,
        request: &Request,
        (api, resource, verb): (&str, &str, &str),
    ) -> Result<Reply, Fault> {
        self.state.read(|state| {
            let resource = state.api(&request.region, api)?.routes.resource(resource)?;
            let method =
                resource.resource_methods.get(verb).ok_or_else(|| not_found("Invalid Method identifier specified"))?;
            Ok(Reply::json(200, &shown(method)))
        })
    }

    pub(super) fn delete_method(
        &self,
        request: &Request,
        (api, resource, verb): (&str, &str, &str),
    ) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let resource = state.api_mut(&request.region, api)?.routes.resource_mut(resource)?;
            resource.resource_methods.remove(verb).ok_or_else(|| not_found("Invalid Method identifier specified"))?;
            Ok(Reply::empty(204))
        })
    }

    pub(super) fn put_method_response(
        &self,
        request: &Request,
        (api, resource, verb): (&str, &str, &str),
        status: &str,
    ) -> Result<Reply, Fault> {
        check_status(status)?;
        let input = Input::read(request, &["responseParameters", "responseModels"])?;
        let response = MethodResponse {
            status_code: status.to_owned(),
            response_parameters: input.flags("responseParameters")?,
            response_models: input.texts("responseModels")?,
        };
        self.state.write(|state| {
            let method = state.api_mut(&request.region, api)?.routes.method_mut(resource, verb)?;
            if method.method_responses.contains_key(status) {
                return Err(conflict("Response already exists for this resource"));
            }
            method.method_responses.insert(status.to_owned(), response.clone());
            Ok(Reply::json(201, &shown(&response)))
        })
    }
}

pub(super) fn check_status(status: &str) -> Result<(), Fault> {
    match status.parse::<u16>() {
        Ok(code) if (100..600).contains(&code) && status.len() == 3 => Ok(()),
        _ => Err(bad_request(format!("Invalid status code specified: {status}"))),
    }
}

fn is_request_parameter(name: &str) -> bool {
    ["method.request.path.", "method.request.querystring.", "method.request.header."]
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()))
}
