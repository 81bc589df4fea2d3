//! What an HTTP API consists of: its routes, its integrations and the stage `$default`. How they are read,
//! what they say of the API, and how they become what is wanted.

use aws_sdk_apigatewayv2::operation::get_stage::GetStageOutput;
use aws_sdk_apigatewayv2::types::{AuthorizationType, Integration, IntegrationType, Route};

use super::calls::{gone, pages, take, take_raw};
use super::stage::{self, Served};
use super::{HttpApi, Stage};
use crate::aws::{Cloud, explain, is_code};
use crate::deploy::names::ALIAS;
use crate::error::{Error, Result};

/// As they are at this moment; none of a new API.
#[derive(Debug, Default)]
pub(super) struct Parts {
    routes: Vec<Route>,
    integrations: Vec<Integration>,
    stage: Option<GetStageOutput>,
}

impl Parts {
    pub(super) async fn read(cloud: &Cloud, id: &str) -> Result<Self> {
        let what = || format!("read the HTTP API `{id}`");
        let routes = pages(async |token| {
            let get = || cloud.apigatewayv2.get_routes().api_id(id).set_next_token(token.clone()).send();
            let page = take(cloud, what(), get).await?;
            Ok((page.items.unwrap_or_default(), page.next_token))
        });
        let integrations = pages(async |token| {
            let get = || cloud.apigatewayv2.get_integrations().api_id(id).set_next_token(token.clone()).send();
            let page = take(cloud, what(), get).await?;
            Ok((page.items.unwrap_or_default(), page.next_token))
        });
        let (routes, integrations, stage) = tokio::try_join!(routes, integrations, stage::read(cloud, id))?;
        Ok(Self { routes, integrations, stage })
    }

    /// Writes into `api` what is managed.
    pub(super) fn describe(&self, api: &mut HttpApi) {
        for route in &self.routes {
            let key = route.route_key().unwrap_or_default().to_owned();
            let target = self.behind(route).map_or_else(|| route.target().unwrap_or_default(), uri);
            api.routes.insert(key, function_in(target).to_owned());
        }
        // All are to be alike: what is said of them is said of the first that is not.
        let is_odd = |it: &&Integration| {
            let version = it.payload_format_version();
            version != Some(&api.payload_format_version) || it.timeout_in_millis() != Some(api.timeout_in_millis)
        };
        let used: Vec<&Integration> = self.routes.iter().filter_map(|route| self.behind(route)).collect();
        // With no route left an integration waits for the next one: that the route is gone is the one difference.
        let waiting = self.integrations.first().filter(|_| self.routes.is_empty());
        let odd = used.iter().copied().find(is_odd);
        if let Some(integration) = odd.or(used.first().copied()).or(waiting) {
            integration.payload_format_version().unwrap_or_default().clone_into(&mut api.payload_format_version);
            api.timeout_in_millis = integration.timeout_in_millis().unwrap_or_default();
        }
        let closed = self.routes.iter().find(|route| !is_open(route, api));
        if let Some(authorization) = closed.and_then(Route::authorization_type) {
            authorization.as_str().clone_into(&mut api.authorization_type);
        }
        api.stage = self.state();
        api.access_log = self.stage.as_ref().and_then(stage::log);
        api.connected = self.integrations.iter().map(|it| function_in(uri(it)).to_owned()).collect();
        let idle = self.integrations.iter().filter(|it| !self.is_used(it) && id_of(it) != waiting.map_or("", id_of));
        api.unused_integrations = idle.map(|it| function_in(uri(it)).to_owned()).collect();
    }

    /// The id of the integration that leads to `function` as wanted; made when there is none.
    pub(super) async fn integration(&self, cloud: &Cloud, api: &HttpApi, id: &str, function: &str) -> Result<String> {
        if let Some(there) = self.integrations.iter().find(|it| is_wanted(it, api, function)) {
            return Ok(id_of(there).to_owned());
        }
        // A repeated call after a lost answer makes a second one, which `unused_integrations` shows.
        let create = || {
            let call = cloud.apigatewayv2.create_integration().api_id(id);
            // The ARN of the alias itself, as in
            // <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop.html>.
            call.integration_type(IntegrationType::AwsProxy)
                .integration_uri(format!("{}:{ALIAS}", cloud.function_arn(function)))
                .integration_method("POST")
                .payload_format_version(&api.payload_format_version)
                .timeout_in_millis(api.timeout_in_millis)
                .send()
        };
        let what = format!("connect the HTTP API `{}` with the function `{function}`", api.name);
        let made = take(cloud, what.clone(), create).await?;
        made.integration_id.ok_or_else(|| Error::failed(format!("failed to {what}: no id came back")))
    }

    /// The routes lead where they should, the stage serves them, and there is no other route. Gives the
    /// integrations that are used.
    pub(super) async fn become_wanted(&self, cloud: &Cloud, api: &HttpApi, id: &str) -> Result<Vec<String>> {
        let state = self.state();
        let mut changed = state != Stage::AutoDeploy;
        let mut kept = Vec::new();
        let mut used = Vec::new();
        for (key, function) in &api.routes {
            let integration = self.integration(cloud, api, id, function).await?;
            let target = format!("integrations/{integration}");
            used.push(integration);
            let Some(route) = self.routes.iter().find(|route| route.route_key() == Some(key)) else {
                create_route(cloud, api, id, (key, &target)).await?;
                changed = true;
                continue;
            };
            let route_id = route.route_id().unwrap_or_default();
            kept.push(route_id);
            if route.target() != Some(&target) || !is_open(route, api) {
                update_route(cloud, api, id, (route_id, &target)).await?;
                changed = true;
            }
        }
        for route in self.routes.iter().filter(|route| !kept.contains(&route.route_id().unwrap_or_default())) {
            let route_id = route.route_id().unwrap_or_default();
            let delete = || cloud.apigatewayv2.delete_route().api_id(id).route_id(route_id).send();
            gone(take_raw(cloud, delete).await, || format!("delete a route of the HTTP API `{}`", api.name))?;
            changed = true;
        }
        match state {
            Stage::None => stage::create(cloud, api, id).await?,
            Stage::Manual => stage::take_over(cloud, api, id).await?,
            Stage::AutoDeploy => {}
        }
        let log = self.stage.as_ref().and_then(stage::log);
        if self.stage.is_some() && log != api.access_log {
            stage::set_log(cloud, api, id).await?;
        }
        if changed {
            stage::settle(cloud, api, id, &Served::of(self.stage.as_ref())).await?;
        }
        Ok(used)
    }

    /// Removes the integrations that are not `used`. They say that something is left to do, so they go last.
    pub(super) async fn keep(&self, cloud: &Cloud, api: &HttpApi, (id, used): (&str, &[String])) -> Result<()> {
        for integration in self.integrations.iter().map(id_of).filter(|it| !used.iter().any(|used| used == it)) {
            let delete = || cloud.apigatewayv2.delete_integration().api_id(id).integration_id(integration).send();
            gone(take_raw(cloud, delete).await, || format!("delete an integration of the HTTP API `{}`", api.name))?;
        }
        Ok(())
    }

    fn state(&self) -> Stage {
        match &self.stage {
            None => Stage::None,
            Some(stage) if stage.auto_deploy() == Some(true) => Stage::AutoDeploy,
            Some(_) => Stage::Manual,
        }
    }

    /// The integration a route leads to.
    fn behind(&self, route: &Route) -> Option<&Integration> {
        let id = route.target()?.strip_prefix("integrations/")?;
        self.integrations.iter().find(|it| id_of(it) == id)
    }

    fn is_used(&self, integration: &Integration) -> bool {
        self.routes.iter().filter_map(|route| self.behind(route)).any(|it| id_of(it) == id_of(integration))
    }
}

fn id_of(integration: &Integration) -> &str {
    integration.integration_id().unwrap_or_default()
}

fn uri(integration: &Integration) -> &str {
    integration.integration_uri().unwrap_or_default()
}

fn is_wanted(integration: &Integration, api: &HttpApi, function: &str) -> bool {
    integration.integration_type() == Some(&IntegrationType::AwsProxy)
        && function_in(uri(integration)) == function
        && integration.payload_format_version() == Some(&api.payload_format_version)
        && integration.timeout_in_millis() == Some(api.timeout_in_millis)
}

fn is_open(route: &Route, api: &HttpApi) -> bool {
    // AWS leaves the default out of some answers.
    route.authorization_type().map_or("NONE", AuthorizationType::as_str) == api.authorization_type
}

/// `arn:…:function:NAME:live`, also within an invocation URI, → `NAME`; anything else stays as it is, and so
/// is a difference.
pub(super) fn function_in(uri: &str) -> &str {
    let inner = uri.split_once("/functions/").map_or(uri, |(_, inner)| inner.trim_end_matches("/invocations"));
    let name = inner.rsplit_once(":function:").and_then(|(_, rest)| rest.strip_suffix(&format!(":{ALIAS}")));
    name.unwrap_or(uri)
}

/// Whether a route leads to a function, or to something else that `function_in` left as it was.
pub(in crate::deploy::kinds) fn is_function(target: &str) -> bool {
    !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

async fn create_route(cloud: &Cloud, api: &HttpApi, id: &str, (key, target): (&str, &str)) -> Result<()> {
    let create = || {
        let call = cloud.apigatewayv2.create_route().api_id(id).route_key(key).target(target);
        call.authorization_type(AuthorizationType::from(api.authorization_type.as_str())).send()
    };
    let Err(error) = take_raw(cloud, create).await else { return Ok(()) };
    // After a lost answer it is there.
    let there = if is_code(&error, &["ConflictException"]) { Parts::read(cloud, id).await?.routes } else { Vec::new() };
    match there.iter().find(|route| route.route_key() == Some(key)).and_then(Route::route_id) {
        Some(route) => update_route(cloud, api, id, (route, target)).await,
        None => Err(explain(format!("create the route `{key}` of the HTTP API `{}`", api.name))(error)),
    }
}

async fn update_route(cloud: &Cloud, api: &HttpApi, id: &str, (route, target): (&str, &str)) -> Result<()> {
    let update = || {
        let call = cloud.apigatewayv2.update_route().api_id(id).route_id(route).target(target);
        call.authorization_type(AuthorizationType::from(api.authorization_type.as_str())).send()
    };
    take(cloud, format!("change a route of the HTTP API `{}`", api.name), update).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::deploy::resource::Owner;

    fn integration(id: &str, uri: &str) -> Integration {
        let built = Integration::builder().integration_id(id).integration_uri(uri).payload_format_version("2.0");
        built.integration_type(IntegrationType::AwsProxy).timeout_in_millis(30_000).build()
    }

    fn route(id: &str, key: &str, target: &str) -> Route {
        Route::builder().route_id(id).route_key(key).target(target).build()
    }

    fn described(parts: &Parts) -> HttpApi {
        let owner = Owner { app: "a".into(), stage: "dev".into() };
        let mut api = HttpApi::wanted(&owner, BTreeMap::new());
        parts.describe(&mut api);
        api
    }

    fn automatic() -> GetStageOutput {
        GetStageOutput::builder().stage_name("$default").auto_deploy(true).build()
    }

    const WEB: &str = "arn:aws:lambda:eu-west-1:1:function:a-dev-web:live";

    #[test]
    fn the_function_is_read_back_from_both_forms_of_an_integration() {
        assert_eq!(function_in(WEB), "a-dev-web");
        let long = format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{WEB}/invocations");
        assert_eq!(function_in(&long), "a-dev-web");
        for other in ["https://example.com", "arn:aws:lambda:eu-west-1:1:function:a-dev-web", ""] {
            assert_eq!(function_in(other), other, "what we did not write is a difference");
            assert!(!is_function(other), "nobody asks Lambda about `{other}`");
        }
        assert!(is_function("a-dev-web"));
    }

    #[test]
    fn an_api_as_it_should_be_has_no_difference() {
        let parts = Parts {
            routes: vec![route("r", "$default", "integrations/i")],
            integrations: vec![integration("i", WEB)],
            stage: Some(automatic()),
        };
        let owner = Owner { app: "a".into(), stage: "dev".into() };
        let json = |api: &HttpApi| serde_json::to_value(api).expect("JSON");
        assert_eq!(
            json(&described(&parts)),
            json(&HttpApi::wanted(&owner, [("$default".to_owned(), "a-dev-web".to_owned())].into()))
        );
    }

    #[test]
    fn a_route_that_is_gone_is_one_difference() {
        let parts = Parts { routes: vec![], integrations: vec![integration("i", WEB)], stage: Some(automatic()) };
        let api = described(&parts);
        assert!(api.routes.is_empty());
        assert_eq!((api.payload_format_version.as_str(), api.unused_integrations.len()), ("2.0", 0));
    }

    #[test]
    fn what_no_route_uses_and_where_strange_routes_lead_is_seen() {
        let parts = Parts {
            routes: vec![route("r", "$default", "integrations/i"), route("s", "GET /x", "integrations/gone")],
            integrations: vec![
                integration("i", "https://example.com"),
                integration("j", WEB),
                integration("k", "arn:aws:lambda:eu-west-1:1:function:theirs:live"),
            ],
            stage: Some(GetStageOutput::builder().auto_deploy(false).build()),
        };
        let api = described(&parts);
        let routes: Vec<_> = api.routes.iter().map(|(key, target)| (key.as_str(), target.as_str())).collect();
        assert_eq!(routes, [("$default", "https://example.com"), ("GET /x", "integrations/gone")]);
        assert_eq!((api.stage, api.unused_integrations.join(" ").as_str()), (Stage::Manual, "a-dev-web theirs"));
        let functions: Vec<&String> = api.functions().into_iter().collect();
        assert_eq!(functions, ["a-dev-web"], "its permission is taken back, and nobody asks for the others'");
    }
}
