//! The API's definition as one OpenAPI document, and how it gets there.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_apigateway::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_apigateway::primitives::Blob;
use aws_sdk_apigateway::types::{IntegrationType, PutMode};
use serde_json::{Value, json};

use super::{Api, routes_of};
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::deploy::names::ALIAS;
use crate::error::Result;

impl Api {
    fn integration_uri(cloud: &Cloud, function: &str) -> String {
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
        let mut paths: BTreeMap<&str, Value> = BTreeMap::new();
        for (route, function) in &self.routes {
            let (_, path) = route.split_once(' ').unwrap_or(("ANY", route));
            let mut method = json!({
                "responses": {},
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": Self::integration_uri(cloud, function),
                    "passthroughBehavior": "when_no_match",
                },
            });
            if path.contains("{proxy+}") {
                method["parameters"] =
                    json!([{"name": "proxy", "in": "path", "required": true, "schema": {"type": "string"}}]);
            }
            paths.insert(path, json!({"x-amazon-apigateway-any-method": method}));
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

    /// The same definition in single calls, for endpoints without `PutRestApi`.
    async fn define_by_hand(&self, cloud: &Cloud, id: &str) -> Result<()> {
        let what = || format!("define the routes of the API `{}` one by one", self.name);
        let mut known: HashMap<String, String> = routes_of(cloud, id)
            .await?
            .iter()
            .filter_map(|route| Some((route.path()?.to_owned(), route.id()?.to_owned())))
            .collect();
        for (route, function) in &self.routes {
            let (_, path) = route.split_once(' ').unwrap_or(("ANY", route));
            if !known.contains_key(path) {
                let root = known.get("/").cloned().unwrap_or_default();
                let call = cloud.apigateway.create_resource().rest_api_id(id).parent_id(root);
                let made = call.path_part(path.trim_start_matches('/')).send().await.map_err(explain(what()))?;
                known.insert(path.to_owned(), made.id.unwrap_or_default());
            }
            let resource = known.get(path).cloned().unwrap_or_default();
            let method = cloud.apigateway.put_method().rest_api_id(id).resource_id(&resource).http_method("ANY");
            match method.authorization_type("NONE").send().await {
                Err(error) if code(&error) != Some("ConflictException") => return Err(explain(what())(error)),
                _ => {}
            }
            let call = cloud.apigateway.put_integration().rest_api_id(id).resource_id(&resource).http_method("ANY");
            call.r#type(IntegrationType::AwsProxy)
                .integration_http_method("POST")
                .uri(Self::integration_uri(cloud, function))
                .send()
                .await
                .map_err(explain(what()))?;
        }
        Ok(())
    }
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
