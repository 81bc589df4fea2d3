//! From an `OpenAPI` 3.0 document to routes and integrations: what is served is read, what would
//! change the traffic and is not served is refused by its name.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html>

use serde_json::{Map, Value};

use super::model::{Cors, Integration, Texts};
use crate::local::apigateway::input::Input;
use crate::local::apigateway::model::{bad_request, unsupported};
use crate::local::apigateway::openapi::{INTEGRATION, VERBS, base_path, parse};
use crate::local::wire::Fault;

/// One method of one path.
#[derive(Debug)]
pub(super) struct Operation {
    /// `None` is `$default`.
    pub(super) on: Option<(&'static str, String)>,
    pub(super) name: Option<String>,
    pub(super) iam: bool,
    pub(super) integration: Integration,
}

/// A definition, read and checked.
#[derive(Debug, Default)]
pub(super) struct Definition {
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) version: Option<String>,
    /// The path of the first server.
    pub(super) base_path: String,
    pub(super) operations: Vec<Operation>,
    pub(super) cors: Option<Cors>,
    pub(super) tags: Texts,
    pub(super) disabled: bool,
    pub(super) warnings: Vec<String>,
}

impl Definition {
    /// Reads JSON or YAML.
    pub(super) fn read(body: &str) -> Result<Self, Fault> {
        let document = parse(body.as_bytes())?;
        if !document["openapi"].as_str().is_some_and(|version| version.starts_with("3.0")) {
            return Err(bad_request("Invalid OpenAPI input: HTTP APIs are imported from OpenAPI 3.0 definitions"));
        }
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let mut definition = Self {
            title: text(&document["info"]["title"])
                .ok_or_else(|| bad_request("Invalid OpenAPI input: info.title is missing"))?,
            description: text(&document["info"]["description"]),
            version: text(&document["info"]["version"]),
            base_path: base_path(&document),
            ..Self::default()
        };
        definition.read_root(&document)?;
        let reader = Reader { document: &document };
        for (path, item) in object(&document["paths"]).filter(|(path, _)| !path.starts_with("x-")) {
            let default = matches!(path.as_str(), "$default" | "/$default");
            if !default && !path.starts_with('/') {
                return Err(bad_request(format!("Invalid OpenAPI input: the path '{path}' does not start with '/'")));
            }
            for (word, operation) in object(item) {
                if word == "$ref" {
                    return Err(unsupported("a path item with $ref"));
                }
                let Some((_, verb)) = VERBS.iter().find(|(its, _)| its == word) else { continue };
                if default && *verb != "ANY" {
                    return Err(bad_request("Invalid OpenAPI input: $default has x-amazon-apigateway-any-method only"));
                }
                let on = (!default).then(|| (*verb, path.clone()));
                if let Some(operation) = reader.operation(on, &format!("{verb} {path}"), operation)? {
                    definition.operations.push(operation);
                } else {
                    definition.warnings.push(format!("{verb} {path} has no {INTEGRATION} and was ignored"));
                }
            }
        }
        Ok(definition)
    }

    fn read_root(&mut self, document: &Value) -> Result<(), Fault> {
        for (name, value) in object(document) {
            match name.as_str() {
                "x-amazon-apigateway-cors" => self.cors = Cors::read(value.clone(), "x-amazon-apigateway-cors.")?,
                "x-amazon-apigateway-endpoint-configuration" => {
                    let place = "x-amazon-apigateway-endpoint-configuration.";
                    let input = Input::from(value.clone(), &["disableExecuteApiEndpoint"], place)?;
                    self.disabled = input.get("disableExecuteApiEndpoint")?.unwrap_or(false);
                }
                "x-amazon-apigateway-importexport-version" => {}
                "security" if value.as_array().is_some_and(|list| !list.is_empty()) => {
                    return Err(unsupported("security of a whole definition"));
                }
                "tags" => {
                    for tag in value.as_array().into_iter().flatten() {
                        if let (Some(key), Some(value)) =
                            (tag["name"].as_str(), tag["x-amazon-apigateway-tag-value"].as_str())
                        {
                            self.tags.insert(key.to_owned(), value.to_owned());
                        }
                    }
                }
                other if other.starts_with("x-amazon-apigateway-") => return Err(unsupported(other)),
                _ => {}
            }
        }
        if object(&document["components"]["schemas"]).next().is_some() {
            self.warnings.push("Models are not supported for HTTP APIs and were ignored".into());
        }
        Ok(())
    }
}

struct Reader<'a> {
    document: &'a Value,
}

impl Reader<'_> {
    fn operation(
        &self,
        on: Option<(&'static str, String)>,
        place: &str,
        operation: &Value,
    ) -> Result<Option<Operation>, Fault> {
        for (name, value) in object(operation) {
            let served = match name.as_str() {
                INTEGRATION => true,
                "x-amazon-apigateway-auth" => is_iam(value) || value["type"] == "NONE",
                "security" => value.as_array().is_some_and(Vec::is_empty),
                other => !other.starts_with("x-amazon-apigateway-"),
            };
            if !served {
                return Err(unsupported(&format!("{name} of {place}")));
            }
        }
        let value = &operation[INTEGRATION];
        if value.is_null() {
            return Ok(None);
        }
        Ok(Some(Operation {
            on,
            name: operation["operationId"].as_str().map(str::to_owned),
            iam: is_iam(&operation["x-amazon-apigateway-auth"]),
            integration: self.integration(value, place)?,
        }))
    }

    /// The definition's words for the members of `CreateIntegration`.
    fn integration(&self, value: &Value, place: &str) -> Result<Integration, Fault> {
        let value = match value["$ref"].as_str() {
            None => value,
            Some(reference) => {
                reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer)).ok_or_else(|| {
                    bad_request(format!("Invalid OpenAPI input: the reference {reference} leads nowhere"))
                })?
            }
        };
        let mut members = Map::new();
        for (word, value) in object(value) {
            let (member, value) = match word.as_str() {
                "type" => ("integrationType", value.as_str().unwrap_or_default().to_ascii_uppercase().into()),
                "uri" => ("integrationUri", value.clone()),
                "httpMethod" => ("integrationMethod", value.clone()),
                // Written as a number just as often.
                "payloadFormatVersion" => {
                    let number = value.as_f64().map(|number| format!("{number:.1}").into());
                    ("payloadFormatVersion", number.unwrap_or_else(|| value.clone()))
                }
                "timeoutInMillis" | "connectionType" | "description" => (word.as_str(), value.clone()),
                other => return Err(unsupported(&format!("{INTEGRATION}.{other} of {place}"))),
            };
            members.insert(member.to_owned(), value);
        }
        let named = |fault: Fault| Fault { message: format!("{INTEGRATION} of {place}: {}", fault.message), ..fault };
        let known: Vec<String> = members.keys().cloned().collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        Input::from(Value::Object(members), &known, "").and_then(|input| Integration::read(&input)).map_err(named)
    }
}

fn is_iam(auth: &Value) -> bool {
    auth["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("AWS_IAM"))
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(path: &str, operation: &str) -> Result<Definition, Fault> {
        Definition::read(&format!(
            r#"{{"openapi": "3.0.1", "info": {{"title": "t"}}, "paths": {{"{path}": {{"x-amazon-apigateway-any-method": {operation}}}}}}}"#
        ))
    }

    const FUNCTION: &str = r#""x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST",
        "payloadFormatVersion": 2.0, "uri": "arn:aws:lambda:eu-west-1:000000000000:function:f:live"}"#;

    #[test]
    fn operations_become_routes_and_integrations() {
        for (path, on) in [("/a", Some(("ANY", "/a".to_owned()))), ("$default", None), ("/$default", None)] {
            let definition =
                with(path, &format!("{{{FUNCTION}, \"isDefaultRoute\": true}}")).map_err(|fault| fault.message);
            let operations = definition.map(|definition| definition.operations).unwrap_or_default();
            assert_eq!(operations.len(), 1, "{path}");
            assert_eq!((&operations[0].on, operations[0].integration.payload_format_version.as_str()), (&on, "2.0"));
        }
    }

    #[test]
    fn what_is_not_served_is_refused_by_name() {
        let message = |operation: &str| with("/a", operation).map(|_| ()).map_err(|fault| fault.message);
        let says = |operation: &str, text: &str| {
            assert!(
                message(operation).is_err_and(|message| message.contains(text)),
                "{text}: {:?}",
                message(operation)
            );
        };
        says(&format!("{{{FUNCTION}, \"security\": [{{\"jwt\": []}}]}}"), "security of ANY /a");
        says(r#"{"x-amazon-apigateway-integration": {"type": "http_proxy"}}"#, "HTTP_PROXY");
        says(
            r#"{"x-amazon-apigateway-integration": {"type": "aws_proxy", "requestParameters": {}}}"#,
            "requestParameters",
        );
        says(r##"{"x-amazon-apigateway-integration": {"$ref": "#/nowhere"}}"##, "leads nowhere");
        assert!(with("a", "{}").is_err(), "a path without a slash");
        assert_eq!(with("/a", "{}").map(|definition| definition.warnings.len()).ok(), Some(1));
    }
}
