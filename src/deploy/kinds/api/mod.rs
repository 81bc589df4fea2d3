//! The REST API of a stage: its routes, its deployment, and its permission to call the functions.
//!
//! API Gateway's control plane is throttled hard (one `CreateRestApi` per 3 s, five `CreateResource`
//! per second, one `CreateDeployment` per 5 s), so the whole definition travels as one OpenAPI document.
//! Nothing a client can see changes until [`Api::promote`] switches the stage in one step.

mod by_hand;
mod definition;
mod deployment;
mod log;
pub(crate) mod rollback;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use aws_sdk_apigateway::config::retry::RetryConfig;
use aws_sdk_apigateway::primitives::DateTime;
use aws_sdk_apigateway::types::{EndpointConfiguration, EndpointType, Resource as Route, RestApi};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

pub(super) use self::definition::patiently;
use super::Kind;
use super::function::{Grant, statements, take_back};
use super::http_api::is_function;
use super::served::rest_url;
use crate::aws::{Backoff, Cloud, code, explain, is_throttled, say};
use crate::config::{Http, StageConfig};
use crate::deploy::access_log::AccessLog;
use crate::deploy::loss::Loss;
use crate::deploy::names::{ALIAS, api_name};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// A REST API with one stage.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Api {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// `ANY /{proxy+}` → the function's name on AWS. Calls go to its alias `live`.
    pub(crate) routes: BTreeMap<String, String>,
    /// Media types handed over as base64.
    pub(crate) binary: Vec<String>,
    /// Where its stage writes down every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_log: Option<AccessLog>,
    /// The stage serves exactly these routes.
    pub(crate) deployed: bool,
    /// The API may call its functions.
    pub(crate) permitted: bool,
    /// What the cloud decided.
    #[serde(skip)]
    pub(crate) id: OnceLock<String>,
    /// The deployment that its stage serves.
    #[serde(skip)]
    pub(crate) deployment: OnceLock<String>,
    /// A second API with our tags, left by a lost answer: it is a deletion.
    #[serde(skip)]
    pub(crate) duplicate: bool,
    /// Where the one that was found answers; of a second one, which nobody knows, nothing.
    #[serde(skip)]
    pub(crate) address: Option<String>,
}

impl Api {
    /// As it should be: the function's name on AWS by route.
    pub(crate) fn wanted(owner: &Owner, routes: BTreeMap<String, String>, all_binary: bool) -> Self {
        Self {
            name: api_name(owner),
            owner: owner.clone(),
            routes,
            binary: if all_binary { vec!["*/*".to_owned()] } else { Vec::new() },
            access_log: None,
            deployed: true,
            permitted: true,
            id: OnceLock::new(),
            deployment: OnceLock::new(),
            duplicate: false,
            address: None,
        }
    }

    /// The same with this access log.
    #[must_use]
    pub(crate) fn with_log(self, access_log: Option<AccessLog>) -> Self {
        Self { access_log, ..self }
    }

    /// Where it answers, with a `/` at the end.
    pub(crate) fn url(&self, cloud: &Cloud) -> Option<String> {
        Some(rest_url(cloud, self.id.get()?, &self.owner.stage))
    }

    /// Tells one definition from another; the deployment carries it as its description.
    fn fingerprint(&self) -> String {
        let text = json!([self.routes, self.binary]).to_string();
        format!("rzap {}", hex::encode(&Sha256::digest(text.as_bytes())[..8]))
    }

    /// SDK retries are off for this one call: names are not unique, so a repeated call after a lost
    /// answer would make a second API. A throttled call did nothing and is repeated here.
    async fn create(&self, cloud: &Cloud) -> Result<String> {
        let what = || format!("create the API `{}`", self.name);
        let mut backoff = Backoff::propagation();
        loop {
            cloud.pace.create_api().await;
            let call = cloud
                .apigateway
                .create_rest_api()
                .name(&self.name)
                .description(format!("{} {} (made by rzap)", self.owner.app, self.owner.stage))
                .endpoint_configuration(EndpointConfiguration::builder().types(EndpointType::Regional).build())
                .set_binary_media_types(Some(self.binary.clone()))
                .set_tags(Some(HashMap::from(self.owner.tags())));
            let once = aws_sdk_apigateway::config::Config::builder().retry_config(RetryConfig::disabled());
            match call.customize().config_override(once).send().await {
                Ok(api) => {
                    return api.id.ok_or_else(|| Error::failed(format!("failed to {}: no id came back", what())));
                }
                Err(error) if code(&error).is_some_and(is_throttled) => {
                    say("waiting: API Gateway allows one new API every 3 seconds");
                    if !backoff.sleep().await {
                        return Err(
                            explain(what())(error).hint("other deployments use up the account's rate: try again")
                        );
                    }
                }
                Err(error) => return Err(explain(what())(error).hint("run rzap again: it finds what was made")),
            }
        }
    }

    fn is_defined_by(&self, live: Option<&Self>) -> bool {
        live.is_some_and(|live| live.routes == self.routes && live.binary == self.binary)
    }

    /// Lets it call its functions. Called when they stand; `converge` did not need them.
    pub(crate) async fn connect(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let Some(id) = self.id.get() else { return Ok(()) };
        let permitted = live.is_some_and(|live| live.permitted) && self.is_defined_by(live);
        if permitted { Ok(()) } else { self.permit(cloud, id).await }
    }

    /// Switches the stage to the definition that `converge` wrote, in one step. Called when everything
    /// it leads to is ready. `live` is the API as it was found.
    ///
    /// A function that has no route any more may still be called: by the deployments before, which a rollback serves
    /// again. That permission goes with the function, or with the API.
    pub(crate) async fn promote(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let Some(id) = self.id.get() else { return Ok(()) };
        let before = live.and_then(|live| live.deployment.get());
        let serves = live.is_some_and(|live| live.deployed) && self.is_defined_by(live);
        // Only another log is no reason for another deployment.
        let deployment = match before.filter(|_| serves) {
            Some(before) => before.clone(),
            None => deployment::create(cloud, self, id, before).await?,
        };
        let _ = self.deployment.set(deployment);
        let logs = live.and_then(|live| live.access_log.as_ref());
        if logs == self.access_log.as_ref() { Ok(()) } else { log::set(cloud, self, id).await }
    }

    /// A statement id made of what it allows, so that reconciling is a comparison of ids.
    fn statement_id(id: &str) -> String {
        format!("rzap-api-{id}")
    }

    /// The functions its routes lead to. Somebody may have made one lead to something else.
    fn functions(&self) -> BTreeSet<&String> {
        self.routes.values().filter(|target| is_function(target)).collect()
    }

    async fn permit(&self, cloud: &Cloud, id: &str) -> Result<()> {
        for function in self.functions() {
            let grant = Grant {
                id: &Self::statement_id(id),
                action: "lambda:InvokeFunction",
                principal: "apigateway.amazonaws.com",
                source_arn: Some(format!(
                    "arn:{}:execute-api:{}:{}:{id}/{}/*",
                    cloud.partition, cloud.region, cloud.account, self.owner.stage
                )),
                source_account: None,
            };
            grant.give(cloud, function).await?;
        }
        Ok(())
    }

    /// Takes back what [`Api::permit`] gave.
    async fn withdraw(&self, cloud: &Cloud, id: &str) -> Result<()> {
        for function in self.functions() {
            take_back(cloud, function, &Self::statement_id(id)).await?;
        }
        Ok(())
    }

    async fn read(cloud: &Cloud, owner: &Owner, api: &RestApi, duplicate: bool) -> Result<Self> {
        let id = api.id().unwrap_or_default();
        let mut live = Self {
            name: api_name(owner),
            owner: owner.clone(),
            routes: BTreeMap::new(),
            binary: api.binary_media_types().to_vec(),
            access_log: None,
            deployed: false,
            permitted: false,
            id: OnceLock::from(id.to_owned()),
            deployment: OnceLock::new(),
            duplicate,
            address: None,
        };
        if duplicate {
            live.name = format!("{} ({id})", live.name);
            return Ok(live);
        }
        live.address = live.url(cloud);
        let connected = async {
            for route in &routes_of(cloud, id).await? {
                for (method, what) in route.resource_methods().into_iter().flatten() {
                    let uri = what.method_integration().and_then(|it| it.uri()).unwrap_or_default();
                    live.routes.insert(format!("{method} {}", route.path().unwrap_or_default()), function_in(uri));
                }
            }
            let mut permitted = !live.functions().is_empty();
            for function in live.functions() {
                permitted &= statements(cloud, function).await?.contains(&Self::statement_id(id));
            }
            live.permitted = permitted;
            Ok(())
        };
        let ((), (log, served)) = tokio::try_join!(connected, deployment::served_and_log(cloud, id, &owner.stage))?;
        live.access_log = log;
        if let Some((deployment, description)) = served {
            live.deployed = description.is_some_and(|description| description == live.fingerprint());
            let _ = live.deployment.set(deployment);
        }
        Ok(live)
    }
}

impl Resource for Api {
    fn key(&self) -> Key {
        Key::new(Kind::Api, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        let functions = self.routes.values().map(|function| Key::new(Kind::Function, function));
        functions.chain(self.access_log.iter().map(|log| Key::new(Kind::LogGroup, &log.destination))).collect()
    }

    fn needs() -> Vec<Need> {
        const LIST: &[&str] = &["arn:{partition}:apigateway:{region}::/restapis"];
        const ON: &[&str] = &[
            "arn:{partition}:apigateway:{region}::/restapis",
            "arn:{partition}:apigateway:{region}::/restapis/*",
            "arn:{partition}:apigateway:{region}::/tags/*",
        ];
        const ACCOUNT: &[&str] = &["arn:{partition}:apigateway:{region}::/account"];
        const VERBS: &[&str] =
            &["apigateway:GET", "apigateway:POST", "apigateway:PUT", "apigateway:PATCH", "apigateway:DELETE"];
        let some = |stage: &StageConfig| stage.has_api(Http::Rest);
        let logs = |stage: &StageConfig| stage.access_log.is_some() && stage.has_api(Http::Rest);
        vec![
            Need::on(LIST, &["apigateway:GET"]),
            Need::on(ON, VERBS).when(some),
            Need::on(ACCOUNT, &["apigateway:GET"]).when(logs),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let mut ours = Vec::new();
        cloud.pace.gateway().await;
        let mut pages = cloud.apigateway.get_rest_apis().limit(500).into_paginator().items().send();
        while let Some(api) = pages.next().await {
            let api = api.map_err(explain("list the APIs"))?;
            let tags = api.tags.iter().flatten();
            if owner.owns(tags.map(|(key, value)| (key.as_str(), value.as_str()))) {
                ours.push(api);
            }
        }
        // The oldest is the one clients know.
        ours.sort_by_key(|api| (api.created_date().map_or(i64::MAX, DateTime::secs), api.id().map(str::to_owned)));
        let mut found = Vec::new();
        for (index, api) in ours.iter().enumerate() {
            found.push(Self::read(cloud, owner, api, index > 0).await?);
        }
        Ok(Found::ours(found))
    }

    /// Its address: whatever takes its place has another one. Its routes come from the config.
    fn losses(&self) -> Vec<Loss> {
        self.address.iter().map(|url| Loss::of_address(url)).collect()
    }

    /// The permission to call a function is a part of the function.
    fn without(mut self, replaced: &Key) -> Self {
        self.permitted &= !self.after().contains(replaced);
        self
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let id = match live.and_then(|live| live.id.get()) {
            Some(id) => id.clone(),
            None => self.create(cloud).await?,
        };
        let _ = self.id.set(id.clone());
        if self.is_defined_by(live) { Ok(()) } else { self.define(cloud, &id).await }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let Some(id) = self.id.get() else { return Ok(()) };
        let mut backoff = Backoff::propagation();
        loop {
            cloud.pace.delete_api().await;
            match patiently(|| cloud.apigateway.delete_rest_api().rest_api_id(id).send()).await {
                Ok(_) => break,
                Err(error) if code(&error) == Some("NotFoundException") => break,
                Err(error) if code(&error) == Some("TooManyRequestsException") => {
                    say("waiting: API Gateway allows one deletion every 30 seconds");
                    if !backoff.sleep().await {
                        return Err(explain(format!("delete the API `{}`", self.name))(error));
                    }
                }
                Err(error) => return Err(explain(format!("delete the API `{}`", self.name))(error)),
            }
        }
        self.withdraw(cloud, id).await
    }
}

async fn routes_of(cloud: &Cloud, id: &str) -> Result<Vec<Route>> {
    cloud.pace.gateway().await;
    let mut pages =
        cloud.apigateway.get_resources().rest_api_id(id).embed("methods").limit(500).into_paginator().items().send();
    let mut routes = Vec::new();
    while let Some(route) = pages.next().await {
        routes.push(route.map_err(explain(format!("read the routes of the API `{id}`")))?);
    }
    Ok(routes)
}

/// `…:function:NAME:live/invocations` → `NAME`; anything else stays as it is, and so is a difference.
fn function_in(uri: &str) -> String {
    let name = uri.rsplit_once(":function:").and_then(|(_, rest)| rest.strip_suffix(&format!(":{ALIAS}/invocations")));
    name.unwrap_or(uri).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_is_read_back_from_the_integration() {
        let uri = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:1:function:a-dev-web:live/invocations";
        assert_eq!(function_in(uri), "a-dev-web");
        assert_eq!(function_in("https://example.com"), "https://example.com", "what we did not write is a difference");
    }

    #[test]
    fn another_definition_has_another_fingerprint() {
        let owner = Owner { app: "a".into(), stage: "dev".into() };
        let api = |route: &str, binary| Api::wanted(&owner, [(route.to_owned(), "f".to_owned())].into(), binary);
        let (text, binary) = (api("ANY /", false), api("ANY /", true));
        assert_ne!(text.fingerprint(), binary.fingerprint());
        assert_ne!(text.fingerprint(), api("GET /", false).fingerprint());
        assert_eq!(text.fingerprint(), api("ANY /", false).fingerprint());
    }
}
