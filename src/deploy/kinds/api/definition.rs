//! The API's definition as one OpenAPI document, and how it gets there.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_apigateway::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_apigateway::primitives::Blob;
use aws_sdk_apigateway::types::PutMode;
use serde_json::{Map, Value, json};

use super::Api;
use crate::aws::{Backoff, Cloud, explain, is_code, say};
use crate::deploy::names::ALIAS;
use crate::error::Result;

impl Api {
    pub(super) fn integration_uri(cloud: &Cloud, function: &str) -> String {
        format!(
            "arn:{}:apigateway:{}:lambda:path/2015-03-31/functions/{}:{ALIAS}/invocations",
            cloud.partition,
            cloud.region,
            cloud.function_arn(function)
        )
    }

    /// The definition as OpenAPI 3 with API Gateway's extensions.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html>
    pub(super) fn openapi(&self, cloud: &Cloud) -> Value {
        let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for (route, function) in &self.routes {
            let (method, path) = split(route);
            let mut operation = json!({
                "responses": {},
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": Self::integration_uri(cloud, function),
                    "passthroughBehavior": "when_no_match",
                },
            });
            let variables = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            let parameters: Vec<Value> = variables
                .map(|name| {
                    let name = name.trim_end_matches('+');
                    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
                })
                .collect();
            if !parameters.is_empty() {
                operation["parameters"] = Value::Array(parameters);
            }
            let key = if method == "ANY" { "x-amazon-apigateway-any-method".to_owned() } else { method.to_lowercase() };
            paths.entry(path).or_default().insert(key, operation);
        }
        json!({
            "openapi": "3.0.1",
            "info": {
                "title": self.name,
                "version": "1",
                "description": format!("{} {} (made by rzap)", self.owner.app, self.owner.stage),
            },
            "paths": paths,
            "x-amazon-apigateway-binary-media-types": self.binary,
        })
    }

    pub(super) async fn define(&self, cloud: &Cloud, id: &str) -> Result<()> {
        cloud.pace.put_api().await;
        let body = Blob::new(self.openapi(cloud).to_string());
        let put = || {
            let call = cloud.apigateway.put_rest_api().rest_api_id(id).mode(PutMode::Overwrite);
            call.body(body.clone()).send()
        };
        match patiently(put).await {
            Ok(api) => {
                api.warnings().iter().for_each(|warning| say(warning));
                Ok(())
            }
            // Some emulators have no PutRestApi. AWS has, so this road is never taken there.
            Err(error) if cloud.endpoint.is_some() && error.as_service_error().is_some() => {
                self.define_by_hand(cloud, id).await.map_err(|by_hand| {
                    explain(format!("define the routes of the API `{}`", self.name))(error).context(by_hand.to_string())
                })
            }
            Err(error) => Err(explain(format!("define the routes of the API `{}`", self.name))(error)),
        }
    }
}

/// Method and path of a route.
pub(super) fn split(route: &str) -> (&str, &str) {
    route.split_once(' ').unwrap_or(("ANY", route))
}

/// Repeats a call that met somebody else's: API Gateway answers `ConflictException` ("concurrent
/// modification, please try again later") when calls follow each other quickly, and an API made a
/// moment ago may not be known everywhere. HTTP APIs say the same
/// (<https://github.com/hashicorp/terraform-provider-aws/issues/18018>).
pub(in crate::deploy::kinds) async fn patiently<T, E, R, F>(
    call: impl Fn() -> F,
) -> std::result::Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = std::result::Result<T, SdkError<E, R>>>,
{
    let mut backoff = Backoff::new(Duration::from_millis(300), Duration::from_secs(3), Duration::from_secs(20));
    loop {
        match call().await {
            Err(error) if is_again(&error) && backoff.sleep().await => {}
            other => return other,
        }
    }
}

fn is_again<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let text = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
    is_code(error, &["ConflictException"]) && text.contains("concurrent modification")
}
