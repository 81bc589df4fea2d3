//! `OpenAPI` 3.0 and Swagger 2.0 definitions with API Gateway's extensions, read into routes.
//!
//! What API Gateway itself ignores on import (schemas of responses, examples, `servers`) is ignored
//! here; what would change the API's behaviour and is not served is refused; models and documentation
//! have no effect here and become warnings.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html>

use serde_json::{Map, Value};

use super::input::Input;
use super::integrations::{MEMBERS, content_handling, templates};
use super::model::{
    GatewayResponse, Integration, IntegrationResponse, Method, MethodResponse, bad_request, unsupported,
};
use crate::local::wire::Fault;

/// One operation of a definition.
#[derive(Debug)]
pub(super) struct Operation {
    /// Starts with `/`; without the base path.
    pub(super) path: String,
    pub(super) method: Method,
}

/// A definition, read and checked.
#[derive(Debug, Default)]
pub(super) struct Definition {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) version: Option<String>,
    /// `basePath`, or the path of the first server.
    pub(super) base_path: String,
    /// Every path, also those without operations.
    pub(super) paths: Vec<String>,
    pub(super) operations: Vec<Operation>,
    pub(super) binary_media_types: Option<Vec<String>>,
    pub(super) gateway_responses: Vec<GatewayResponse>,
    pub(super) endpoint_types: Vec<String>,
    pub(super) disabled: Option<bool>,
    pub(super) key_source: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// The word of an operation that says what answers it.
pub(in crate::local) const INTEGRATION: &str = "x-amazon-apigateway-integration";

/// The words of the document that are methods.
pub(in crate::local) const VERBS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("post", "POST"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
    ("head", "HEAD"),
    ("options", "OPTIONS"),
    ("x-amazon-apigateway-any-method", "ANY"),
];

impl Definition {
    /// Reads JSON or YAML.
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        let document = parse(body)?;
        let openapi = document["openapi"].as_str().is_some_and(|version| version.starts_with("3.0"));
        if !openapi && document["swagger"] != "2.0" {
            return Err(bad_request(
                "Invalid OpenAPI input: only OpenAPI 3.0 and Swagger 2.0 definitions are supported",
            ));
        }
        let reader = Reader { document: &document };
        let mut definition = Self {
            title: text(&document["info"]["title"]),
            description: text(&document["info"]["description"]),
            version: text(&document["info"]["version"]),
            base_path: base_path(&document),
            ..Self::default()
        };
        definition.read_extensions(&document)?;
        let no_paths = Map::new();
        for (path, item) in document["paths"].as_object().unwrap_or(&no_paths) {
            if path.starts_with("x-") {
                continue;
            }
            if !path.starts_with('/') {
                return Err(bad_request(format!("Invalid OpenAPI input: the path '{path}' does not start with '/'")));
            }
            definition.paths.push(path.clone());
            let Some(members) = item.as_object() else { continue };
            for (name, operation) in members {
                if let Some((_, verb)) = VERBS.iter().find(|(word, _)| word == name) {
                    let method = reader.method(path, verb, operation, &item["parameters"])?;
                    definition.operations.push(Operation { path: path.clone(), method });
                } else if name == "$ref" {
                    return Err(unsupported("a path item with $ref"));
                } else if name == "trace" {
                    definition.warnings.push(format!("The method TRACE of {path} is not supported and was ignored"));
                }
            }
        }
        Ok(definition)
    }

    fn read_extensions(&mut self, document: &Value) -> Result<(), Fault> {
        const PREFIX: &str = "x-amazon-apigateway-";
        for (name, value) in document.as_object().into_iter().flatten() {
            let Some(extension) = name.strip_prefix(PREFIX) else { continue };
            match extension {
                "binary-media-types" => self.binary_media_types = Some(typed(name, value)?),
                "gateway-responses" => self.gateway_responses = gateway_responses(value)?,
                "endpoint-configuration" => {
                    let known = ["types", "disableExecuteApiEndpoint"];
                    let endpoint = Input::from(value.clone(), &known, "x-amazon-apigateway-endpoint-configuration.")?;
                    self.endpoint_types = endpoint.get("types")?.unwrap_or_default();
                    self.disabled = endpoint.get("disableExecuteApiEndpoint")?;
                }
                "api-key-source" => self.key_source = text(value),
                // Only a definition: it matters where an operation refers to it, and that is refused there.
                "request-validators" | "importexport-version" => {}
                "documentation" => self.warnings.push("Documentation parts are not supported and were ignored".into()),
                other => return Err(unsupported(&format!("{PREFIX}{other}"))),
            }
        }
        for schemas in [&document["definitions"], &document["components"]["schemas"]] {
            if schemas.as_object().is_some_and(|schemas| !schemas.is_empty()) {
                self.warnings.push("Models are not supported and were ignored".into());
            }
        }
        Ok(())
    }
}

struct Reader<'a> {
    document: &'a Value,
}

impl Reader<'_> {
    fn method(&self, path: &str, verb: &str, operation: &Value, shared: &Value) -> Result<Method, Fault> {
        let mut method = Method::new(verb)?;
        method.operation_name = text(&operation["operationId"]);
        for parameter in [shared, &operation["parameters"]].into_iter().filter_map(Value::as_array).flatten() {
            let parameter = self.resolved(parameter)?;
            let place = match parameter["in"].as_str().unwrap_or_default() {
                "path" => "path",
                "query" => "querystring",
                "header" => "header",
                // Bodies are models, cookies are not mapped.
                _ => continue,
            };
            let name = parameter["name"]
                .as_str()
                .ok_or_else(|| bad_request(format!("a parameter of {verb} {path} has no name")))?;
            let required = parameter["required"].as_bool().unwrap_or(false);
            method.request_parameters.insert(format!("method.request.{place}.{name}"), required);
        }
        for (status, _) in operation["responses"].as_object().into_iter().flatten() {
            if status != "default" && !status.starts_with("x-") {
                let response = MethodResponse { status_code: status.clone(), ..MethodResponse::default() };
                method.method_responses.insert(status.clone(), response);
            }
        }
        if !operation["x-amazon-apigateway-request-validator"].is_null() {
            return Err(unsupported(&format!("x-amazon-apigateway-request-validator of {verb} {path}")));
        }
        self.authorize(&mut method, operation, &format!("{verb} {path}"))?;
        let integration = &operation[INTEGRATION];
        if !integration.is_null() {
            method.method_integration = Some(self.integration(integration, path, verb)?);
        }
        Ok(method)
    }

    /// `security` names schemes, each of one kind; `x-amazon-apigateway-auth` names the kind itself.
    fn authorize(&self, method: &mut Method, operation: &Value, place: &str) -> Result<(), Fault> {
        if let Some(kind) = operation["x-amazon-apigateway-auth"]["type"].as_str() {
            method.authorize(&kind.to_ascii_uppercase())?;
        }
        for requirement in operation["security"].as_array().into_iter().flatten() {
            for (name, _) in requirement.as_object().into_iter().flatten() {
                let document = self.document;
                let scheme = [&document["components"]["securitySchemes"][name], &document["securityDefinitions"][name]]
                    .into_iter()
                    .find(|scheme| !scheme.is_null())
                    .ok_or_else(|| bad_request(format!("{place} refers to the unknown security scheme '{name}'")))?;
                match scheme["x-amazon-apigateway-authtype"].as_str() {
                    Some("awsSigv4") => method.authorize("AWS_IAM")?,
                    _ => return Err(unsupported(&format!("the security scheme '{name}' of {place}"))),
                }
            }
        }
        Ok(())
    }

    fn integration(&self, value: &Value, path: &str, verb: &str) -> Result<Integration, Fault> {
        let value = self.resolved(value)?;
        let known: Vec<&str> =
            MEMBERS.into_iter().chain(["responses", "payloadFormatVersion", "cacheKeyParameters", "$ref"]).collect();
        let place = format!("x-amazon-apigateway-integration of {verb} {path}: ");
        // Cache keys have no effect without a cache, which no stage here can have; 1.0 is what REST has.
        let format = &value["payloadFormatVersion"];
        if !format.is_null() && format != "1.0" && format.as_f64() != Some(1.0) {
            return Err(bad_request(format!("{place}payloadFormatVersion must be 1.0 for REST APIs")));
        }
        let input = Input::from(value.clone(), &known, &place)?;
        let named = |fault: Fault| Fault { message: format!("{place}{}", fault.message), ..fault };
        let mut integration = Integration::read(&input, "").map_err(named)?;
        for (pattern, response) in value["responses"].as_object().into_iter().flatten() {
            let members = ["statusCode", "responseParameters", "responseTemplates", "contentHandling"];
            let input = Input::from(response.clone(), &members, &format!("{place}responses.{pattern}."))?;
            let status = match &response["statusCode"] {
                Value::Number(number) => number.to_string(),
                other => other.as_str().unwrap_or("200").to_owned(),
            };
            let response = IntegrationResponse {
                status_code: status.clone(),
                selection_pattern: (pattern != "default").then(|| pattern.clone()),
                response_parameters: input.texts("responseParameters")?,
                response_templates: templates(input.get("responseTemplates")?.unwrap_or_default())?,
                content_handling: content_handling(&input)?,
            };
            integration.integration_responses.insert(status, response);
        }
        Ok(integration)
    }

    /// Follows one `$ref` inside the document.
    fn resolved<'a>(&'a self, value: &'a Value) -> Result<&'a Value, Fault> {
        let Some(reference) = value["$ref"].as_str() else { return Ok(value) };
        reference
            .strip_prefix('#')
            .and_then(|pointer| self.document.pointer(pointer))
            .ok_or_else(|| bad_request(format!("Invalid OpenAPI input: the reference {reference} leads nowhere")))
    }
}

fn gateway_responses(value: &Value) -> Result<Vec<GatewayResponse>, Fault> {
    let one = |(kind, value): (&String, &Value)| {
        let members = ["statusCode", "responseParameters", "responseTemplates"];
        let input = Input::from(value.clone(), &members, &format!("x-amazon-apigateway-gateway-responses.{kind}."))?;
        let status = match &value["statusCode"] {
            Value::Number(number) => Some(number.to_string()),
            other => text(other),
        };
        GatewayResponse::custom(kind, status, input.texts("responseParameters")?, input.texts("responseTemplates")?)
    };
    value.as_object().into_iter().flatten().map(one).collect()
}

pub(in crate::local) fn parse(body: &[u8]) -> Result<Value, Fault> {
    let invalid = |why: &str| bad_request(format!("Invalid OpenAPI input: {why}"));
    let text = std::str::from_utf8(body).map_err(|_| invalid("it is not UTF-8"))?;
    // YAML is a superset of JSON, but JSON deserves its own error message.
    let parsed = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    };
    match parsed {
        Ok(document @ Value::Object(_)) => Ok(document),
        Ok(_) => Err(invalid("it is not an object")),
        Err(why) => Err(invalid(&why)),
    }
}

/// Swagger's `basePath`; in `OpenAPI` 3 the path of the first server, its variables set to their defaults.
pub(in crate::local) fn base_path(document: &Value) -> String {
    if let Some(path) = document["basePath"].as_str() {
        return path.trim_end_matches('/').to_owned();
    }
    let server = &document["servers"][0];
    let mut url = server["url"].as_str().unwrap_or_default().to_owned();
    for (name, variable) in server["variables"].as_object().into_iter().flatten() {
        let value = variable["default"].as_str().unwrap_or_default();
        url = url.replace(&format!("/{{{name}}}"), &format!("/{}", value.trim_start_matches('/')));
        url = url.replace(&format!("{{{name}}}"), value);
    }
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map(|(_, path)| format!("/{path}")).unwrap_or_default(),
        None => url,
    };
    path.trim_end_matches('/').to_owned()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn typed<T: serde::de::DeserializeOwned>(name: &str, value: &Value) -> Result<T, Fault> {
    serde_json::from_value(value.clone()).map_err(|error| bad_request(format!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_base_path_of_a_server_has_its_variables_filled_in() {
        let document = serde_json::json!({ "servers": [
            { "url": "https://x.execute-api.eu-west-1.amazonaws.com/{basePath}", "variables": { "basePath": { "default": "/test" } } }
        ]});
        assert_eq!(base_path(&document), "/test");
        assert_eq!(base_path(&serde_json::json!({ "basePath": "/a/b/" })), "/a/b");
        assert_eq!(base_path(&serde_json::json!({})), "");
    }

    #[test]
    fn yaml_is_read_like_json_and_unknown_extensions_are_refused() {
        let yaml = "openapi: 3.0.1\ninfo: {title: t}\npaths:\n  /a:\n    get:\n      x-amazon-apigateway-integration: {type: mock}\n";
        let definition = Definition::read(yaml.as_bytes()).unwrap();
        assert_eq!((definition.title.as_deref(), definition.operations[0].path.as_str()), (Some("t"), "/a"));
        let policy = br#"{"openapi": "3.0.1", "x-amazon-apigateway-policy": {}}"#;
        assert_eq!(Definition::read(policy).unwrap_err().status, 501);
        assert_eq!(Definition::read(b"{").unwrap_err().code, "BadRequestException");
        assert_eq!(Definition::read(br#"{"openapi": "4.0"}"#).unwrap_err().code, "BadRequestException");
    }

    #[test]
    fn a_referenced_validator_is_refused_an_unreferenced_one_is_not() {
        let with = |operation: &str| {
            format!(
                r#"{{"swagger": "2.0", "x-amazon-apigateway-request-validators": {{"all": {{}}}}, "paths": {{"/": {{"get": {{{operation}}}}}}}}}"#
            )
        };
        assert!(Definition::read(with("").as_bytes()).is_ok());
        let fault = Definition::read(with(r#""x-amazon-apigateway-request-validator": "all""#).as_bytes()).unwrap_err();
        assert_eq!(fault.status, 501);
    }
}
