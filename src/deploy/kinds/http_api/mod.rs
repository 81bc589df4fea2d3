//! The HTTP API of a stage: its routes, the stage `$default`, and the permission to call the functions.
//!
//! `$default` deploys every change of a route by itself, so a change is live the moment it is made.
//! `converge` and [`HttpApi::connect`] therefore make only what no client can see: the API; a new integration
//! beside the one that serves, the permission. [`HttpApi::promote`] turns the route over when all of the stage is ready; an
//! integration is never changed, but replaced, so that this is one call.

mod calls;
mod parts;
pub(crate) mod rollback;
mod stage;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use aws_sdk_apigatewayv2::config::retry::RetryConfig;
use aws_sdk_apigatewayv2::primitives::DateTime;
use aws_sdk_apigatewayv2::types::{Api as Listed, ProtocolType};
use serde::Serialize;

use self::calls::{gone, pages, take_raw};
use self::parts::Parts;
pub(super) use self::parts::is_function;
use super::Kind;
use super::function::{Grant, statements, take_back, unknown_operation};
use super::served::http_url;
use crate::aws::{Backoff, Cloud, code, explain, is_throttled, say};
use crate::config::{Http, StageConfig};
use crate::deploy::access_log::AccessLog;
use crate::deploy::loss::Loss;
use crate::deploy::names::{api_name, function_prefix};
use crate::deploy::needs::{LOG_DELIVERY, Need};
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// The route that takes what no other route takes, and the stage that is served at the root.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>,
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html>
const DEFAULT: &str = "$default";

/// Milliseconds; an HTTP API waits no longer.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const LONGEST: i32 = 30_000;

/// An HTTP API with one stage.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HttpApi {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// `$default` or `GET /orders/{id}` → the function's name on AWS. Calls go to its alias `live`.
    pub(crate) routes: BTreeMap<String, String>,
    /// Who may call: `NONE` is everybody.
    pub(crate) authorization_type: String,
    /// Which events the function gets: `2.0`.
    pub(crate) payload_format_version: String,
    /// How long the API waits for the function.
    pub(crate) timeout_in_millis: i32,
    pub(crate) stage: Stage,
    /// Where the stage writes down every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_log: Option<AccessLog>,
    /// The API may call its functions.
    pub(crate) permitted: bool,
    /// Where integrations lead that no route uses, as in `routes`.
    pub(crate) unused_integrations: Vec<String>,
    /// What the cloud decided.
    #[serde(skip)]
    pub(crate) id: OnceLock<String>,
    /// A second API with our tags, left by a lost answer: it is a deletion.
    #[serde(skip)]
    pub(crate) duplicate: bool,
    /// Where the one that was found answers; of a second one, which nobody knows, nothing.
    #[serde(skip)]
    pub(crate) address: Option<String>,
    /// Where its integrations lead, with a route or without: these functions may have let it call them.
    #[serde(skip)]
    connected: Vec<String>,
}

/// The stage `$default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    None,
    /// It serves what somebody deployed.
    Manual,
    /// It serves the routes as they are.
    AutoDeploy,
}

impl HttpApi {
    /// As it should be: the function's name on AWS by route.
    pub(crate) fn wanted(owner: &Owner, routes: BTreeMap<String, String>) -> Self {
        Self {
            name: api_name(owner),
            owner: owner.clone(),
            routes,
            authorization_type: "NONE".to_owned(),
            payload_format_version: "2.0".to_owned(),
            timeout_in_millis: LONGEST,
            stage: Stage::AutoDeploy,
            access_log: None,
            permitted: true,
            unused_integrations: Vec::new(),
            id: OnceLock::new(),
            duplicate: false,
            address: None,
            connected: Vec::new(),
        }
    }

    /// The same with this access log.
    #[must_use]
    pub(crate) fn with_log(self, access_log: Option<AccessLog>) -> Self {
        Self { access_log, ..self }
    }

    /// Where it answers, with a `/` at the end: the stage `$default` has no part in the path.
    pub(crate) fn url(&self, cloud: &Cloud) -> Option<String> {
        Some(http_url(cloud, self.id.get()?))
    }

    /// SDK retries are off for this one call, as for a REST API: names are not unique, so a repeated call
    /// after a lost answer would make a second API. A throttled call did nothing and is repeated here.
    async fn create(&self, cloud: &Cloud) -> Result<String> {
        let what = || format!("create the HTTP API `{}`", self.name);
        let mut backoff = Backoff::propagation();
        loop {
            cloud.pace.gateway().await;
            let call = cloud
                .apigatewayv2
                .create_api()
                .name(&self.name)
                .protocol_type(ProtocolType::Http)
                .description(format!("{} {} (made by rzap)", self.owner.app, self.owner.stage))
                .set_tags(Some(HashMap::from(self.owner.tags())));
            let once = aws_sdk_apigatewayv2::config::Config::builder().retry_config(RetryConfig::disabled());
            match call.customize().config_override(once).send().await {
                Ok(api) => {
                    return api.api_id.ok_or_else(|| Error::failed(format!("failed to {}: no id came back", what())));
                }
                Err(error) if code(&error).is_some_and(is_throttled) => {
                    say("waiting: API Gateway allows ten calls per second");
                    if !backoff.sleep().await {
                        return Err(explain(what())(error));
                    }
                }
                Err(error) => return Err(explain(what())(error).hint("run rzap again: it finds what was made")),
            }
        }
    }

    /// Connects it with its functions, in a way that no client can see. Called when they stand; `converge` did not
    /// need them.
    pub(crate) async fn connect(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let Some(id) = self.id.get() else { return Ok(()) };
        let integrate = async {
            let parts = if live.is_some() { Parts::read(cloud, id).await? } else { Parts::default() };
            // One integration serves all routes of a function.
            for function in self.routes.values().collect::<BTreeSet<_>>() {
                parts.integration(cloud, self, id, function).await?;
            }
            Ok(())
        };
        let permitted = live.is_some_and(|live| live.permitted && live.functions() == self.functions());
        let permit = async { if permitted { Ok(()) } else { self.permit(cloud, id).await } };
        tokio::try_join!(integrate, permit)?;
        Ok(())
    }

    /// Lets the stage serve what is wanted. Called when everything the routes lead to is ready.
    ///
    /// `live` is how the API was found; `None` for a new one.
    pub(crate) async fn promote(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let Some(id) = self.id.get() else { return Ok(()) };
        let parts = Parts::read(cloud, id).await?;
        let used = parts.become_wanted(cloud, self, id).await?;
        for function in live.map(Self::functions).unwrap_or_default() {
            if !self.functions().contains(function) {
                take_back(cloud, function, &statement_id(id)).await?;
            }
        }
        parts.keep(cloud, self, (id, &used)).await
    }

    /// The functions its routes and integrations lead to. Others' functions, and what is no function, are not
    /// among them: nobody asks for those, or touches them.
    fn functions(&self) -> BTreeSet<&String> {
        self.ours(self.routes.values().chain(&self.connected))
    }

    fn ours<'a>(&self, targets: impl Iterator<Item = &'a String>) -> BTreeSet<&'a String> {
        let prefix = function_prefix(&self.owner);
        targets.filter(|target| is_function(target) && target.starts_with(&prefix)).collect()
    }

    async fn permit(&self, cloud: &Cloud, id: &str) -> Result<()> {
        let statement = statement_id(id);
        for function in self.functions() {
            // It may be there though `permitted` is false: then that was said of where the route led.
            if statements(cloud, function).await?.contains(&statement) {
                continue;
            }
            let grant = Grant {
                id: &statement,
                action: "lambda:InvokeFunction",
                principal: "apigateway.amazonaws.com",
                source_arn: Some(format!(
                    "arn:{}:execute-api:{}:{}:{id}/*/*",
                    cloud.partition, cloud.region, cloud.account
                )),
                source_account: None,
            };
            grant.give(cloud, function).await?;
        }
        Ok(())
    }

    async fn read(cloud: &Cloud, owner: &Owner, api: &Listed, duplicate: bool) -> Result<Self> {
        let id = api.api_id().unwrap_or_default();
        let mut live = Self {
            id: OnceLock::from(id.to_owned()),
            stage: Stage::None,
            permitted: false,
            duplicate,
            ..Self::wanted(owner, BTreeMap::new())
        };
        let parts = Parts::read(cloud, id).await?;
        parts.describe(&mut live);
        if duplicate {
            live.name = format!("{} ({id})", live.name);
            return Ok(live);
        }
        live.address = live.url(cloud);
        // Without a route the permission that is there is that of the next one.
        let targets = live.routes.values().chain(live.connected.iter().filter(|_| live.routes.is_empty()));
        let functions = live.ours(targets);
        let mut permitted = !functions.is_empty();
        for function in functions {
            permitted &= statements(cloud, function).await?.contains(&statement_id(id));
        }
        live.permitted = permitted;
        Ok(live)
    }
}

impl Resource for HttpApi {
    fn key(&self) -> Key {
        Key::new(Kind::HttpApi, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        let functions = self.routes.values().map(|function| Key::new(Kind::Function, function));
        functions.chain(self.access_log.iter().map(|log| Key::new(Kind::LogGroup, &log.destination))).collect()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &[
            "arn:{partition}:apigateway:{region}::/apis",
            "arn:{partition}:apigateway:{region}::/apis/*",
            "arn:{partition}:apigateway:{region}::/tags/*",
        ];
        // A tag of something new is PUT. <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-iam-policy.html>
        const VERBS: &[&str] =
            &["apigateway:GET", "apigateway:POST", "apigateway:PUT", "apigateway:PATCH", "apigateway:DELETE"];
        // Who switches the log on lends API Gateway these.
        // <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html>
        let logs = |stage: &StageConfig| stage.access_log.is_some() && stage.has_api(Http::Api);
        vec![Need::on(ON, VERBS), Need::anywhere(LOG_DELIVERY).when(logs)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let ask = async |token: Option<String>| {
            cloud.pace.gateway().await;
            let page = match cloud.apigatewayv2.get_apis().set_next_token(token).send().await {
                Ok(page) => page,
                // Some emulators have no HTTP APIs at all; then there is none.
                Err(error) if cloud.endpoint.is_some() && unknown_operation(&error) => return Ok((Vec::new(), None)),
                Err(error) => return Err(explain("list the HTTP APIs")(error)),
            };
            Ok((page.items.unwrap_or_default(), page.next_token))
        };
        let mut ours = pages(ask).await?;
        ours.retain(|api| {
            let tags = api.tags.iter().flatten();
            owner.owns(tags.map(|(key, value)| (key.as_str(), value.as_str())))
        });
        // The oldest is the one clients know.
        ours.sort_by_key(|api| (api.created_date().map_or(i64::MAX, DateTime::secs), api.api_id().map(str::to_owned)));
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
        let _ = self.id.set(id);
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let Some(id) = self.id.get() else { return Ok(()) };
        let delete = || cloud.apigatewayv2.delete_api().api_id(id).send();
        gone(take_raw(cloud, delete).await, || format!("delete the HTTP API `{}`", self.name))?;
        for function in self.functions() {
            take_back(cloud, function, &statement_id(id)).await?;
        }
        Ok(())
    }
}

/// A statement id made of what it allows, so that reconciling is a comparison of ids.
fn statement_id(id: &str) -> String {
    format!("rzap-http-{id}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::deploy::Blueprint;
    use crate::deploy::kinds::Any;
    use crate::deploy::plan::{Action, Plan, plan};

    fn owner() -> Owner {
        Owner { app: "guestbook".into(), stage: "dev".into() }
    }

    fn wanted() -> HttpApi {
        HttpApi::wanted(&owner(), [("$default".to_owned(), "f".to_owned())].into())
    }

    fn planned(wanted: Any, live: Vec<Any>) -> Plan {
        plan(&Blueprint { owner: owner(), resources: vec![wanted] }, &Found::ours(live)).expect("a plan")
    }

    #[test]
    fn what_somebody_changed_of_an_http_api_is_shown_field_by_field() {
        let mut live = wanted();
        live.routes = [("$default".into(), "g".into()), ("GET /x".into(), "f".into())].into();
        (live.stage, live.timeout_in_millis, live.permitted) = (Stage::Manual, 5000, false);
        (live.payload_format_version, live.authorization_type) = ("1.0".into(), "AWS_IAM".into());
        live.unused_integrations = vec!["h".into()];
        let wanted = Any::HttpApi(wanted());
        let plan = planned(wanted, vec![Any::HttpApi(live)]);
        let fields: Vec<_> = plan.steps[0].differences.iter().map(|it| (it.field.as_str(), &it.old, &it.new)).collect();
        assert_eq!(
            fields,
            [
                ("authorization_type", &json!("AWS_IAM"), &json!("NONE")),
                ("payload_format_version", &json!("1.0"), &json!("2.0")),
                ("permitted", &json!(false), &json!(true)),
                ("routes.$default", &json!("g"), &json!("f")),
                ("routes.GET /x", &json!("f"), &Value::Null),
                ("stage", &json!("manual"), &json!("auto_deploy")),
                ("timeout_in_millis", &json!(5000), &json!(30_000)),
                ("unused_integrations[]", &json!("h"), &Value::Null),
            ]
        );
    }

    #[test]
    fn a_second_http_api_falls_out_as_a_deletion() {
        let wanted = Any::HttpApi(wanted());
        let mut second = self::wanted();
        (second.duplicate, second.name) = (true, "guestbook-dev (x2)".into());
        let plan = planned(wanted.clone(), vec![wanted, Any::HttpApi(second)]);
        let actions: Vec<_> = plan.steps.iter().map(|step| (step.action, step.key().name)).collect();
        assert_eq!(actions, [(Action::Keep, "guestbook-dev".into()), (Action::Delete, "guestbook-dev (x2)".into())]);
    }
}
