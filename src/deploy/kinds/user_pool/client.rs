//! The app clients of a user pool: what signs users in.
//!
//! A client cannot be tagged. Ours are called `{pool}-{client}`; others stay. Names are not unique: of two the older one
//! is the one that apps know.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cognitoidentityprovider::config::retry::RetryConfig;
use aws_sdk_cognitoidentityprovider::config::{Builder, Config};
use aws_sdk_cognitoidentityprovider::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cognitoidentityprovider::operation::update_user_pool_client::UpdateUserPoolClientInput;
use aws_sdk_cognitoidentityprovider::operation::update_user_pool_client::builders::UpdateUserPoolClientInputBuilder;
use aws_sdk_cognitoidentityprovider::primitives::DateTime;
use aws_sdk_cognitoidentityprovider::types::{
    ExplicitAuthFlowsType, PreventUserExistenceErrorTypes, UserPoolClientType,
};
use serde::Serialize;

use super::UserPool;
use crate::aws::{Backoff, Cloud, code, explain, is_throttled};
use crate::config::resources as config;
use crate::deploy::kinds::attempt::{Refused, patiently};
use crate::error::{Error, Result};

/// Always allowed beside what a config names.
const REFRESH: &str = "ALLOW_REFRESH_TOKEN_AUTH";

/// An app client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AppClient {
    secret: bool,
    /// As AWS calls them: `ALLOW_USER_SRP_AUTH`.
    flows: BTreeSet<String>,
    /// It does not tell whether a user exists.
    discreet: bool,
    #[serde(skip)]
    pub(super) id: String,
}

impl AppClient {
    pub(super) fn wanted(config: &config::AppClient) -> Self {
        let flows = config.flows.iter().map(|flow| format!("ALLOW_{}", flow.to_uppercase()));
        let flows = flows.chain([REFRESH.to_owned()]).collect();
        Self { secret: config.secret, flows, discreet: true, id: String::new() }
    }

    fn found(live: &UserPoolClientType) -> Self {
        Self {
            secret: live.client_secret().is_some(),
            flows: live.explicit_auth_flows().iter().map(|flow| flow.as_str().to_owned()).collect(),
            discreet: live.prevent_user_existence_errors() == Some(&PreventUserExistenceErrorTypes::Enabled),
            id: live.client_id().unwrap_or_default().to_owned(),
        }
    }

    fn flow_types(&self) -> Vec<ExplicitAuthFlowsType> {
        self.flows.iter().map(|flow| ExplicitAuthFlowsType::from(flow.as_str())).collect()
    }

    /// Whether it has to be another client: "you can't change" whether one has a secret.
    pub(super) fn is_another(&self, live: &Self) -> bool {
        self.secret != live.secret
    }
}

/// Ours of a pool, by their names in the config. A second one of a name has its id with it.
pub(super) async fn read(cloud: &Cloud, pool: &str, id: &str) -> Result<BTreeMap<String, AppClient>> {
    let prefix = format!("{pool}-");
    let mut found = Vec::new();
    let mut pages =
        cloud.cognito.list_user_pool_clients().user_pool_id(id).max_results(60).into_paginator().items().send();
    while let Some(client) = pages.next().await {
        let client = match client {
            Ok(client) => client,
            // Deleted meanwhile.
            Err(error) if code(&error) == Some("ResourceNotFoundException") => break,
            Err(error) => return Err(explain(format!("list the app clients of the user pool `{pool}`"))(error)),
        };
        let name = client.client_name().and_then(|name| name.strip_prefix(&prefix)).map(str::to_owned);
        let (Some(name), Some(client)) = (name, client.client_id()) else { continue };
        if let Some(live) = describe(cloud, id, client).await? {
            found.push((live.creation_date().map(DateTime::as_nanos), name, AppClient::found(&live)));
        }
    }
    found.sort_by(|one, other| (one.0, &one.2.id).cmp(&(other.0, &other.2.id)));
    let mut clients = BTreeMap::new();
    for (_, name, client) in found {
        let name = if clients.contains_key(&name) { format!("{name} ({})", client.id) } else { name };
        clients.insert(name, client);
    }
    Ok(clients)
}

async fn describe(cloud: &Cloud, pool: &str, client: &str) -> Result<Option<UserPoolClientType>> {
    match cloud.cognito.describe_user_pool_client().user_pool_id(pool).client_id(client).send().await {
        Ok(answer) => Ok(answer.user_pool_client),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(explain(format!("look at the app client `{client}`"))(error)),
    }
}

/// Makes the clients of a pool so; their ids by their names.
pub(super) async fn bring(
    cloud: &Cloud,
    pool: &UserPool,
    id: &str,
    live: &BTreeMap<String, AppClient>,
) -> Result<BTreeMap<String, String>> {
    let mut ids = BTreeMap::new();
    for (name, client) in &pool.clients {
        let there = live.get(name);
        let own = match there {
            Some(there) if there == &(AppClient { id: there.id.clone(), ..client.clone() }) => there.id.clone(),
            Some(there) if !client.is_another(there) => {
                change(cloud, id, &there.id, client).await?;
                there.id.clone()
            }
            _ => {
                let new = create(cloud, &format!("{}-{name}", pool.name), id, client).await?;
                if let Some(there) = there {
                    remove(cloud, id, &there.id).await?;
                }
                new
            }
        };
        ids.insert(name.clone(), own);
    }
    for (_, gone) in live.iter().filter(|(name, _)| !pool.clients.contains_key(*name)) {
        remove(cloud, id, &gone.id).await?;
    }
    Ok(ids)
}

async fn create(cloud: &Cloud, name: &str, pool: &str, client: &AppClient) -> Result<String> {
    made(&format!("create the app client `{name}`"), async || {
        let call = cloud.cognito.create_user_pool_client().user_pool_id(pool).client_name(name);
        let call = call.generate_secret(client.secret).set_explicit_auth_flows(Some(client.flow_types()));
        let call = call.prevent_user_existence_errors(PreventUserExistenceErrorTypes::Enabled);
        let answer = call.enable_token_revocation(true).customize().config_override(once()).send().await?;
        Ok(answer.user_pool_client.and_then(|client| client.client_id))
    })
    .await
}

/// The id of what a creating call made. A throttled call did nothing and is repeated.
pub(super) async fn made<E, R>(
    what: &str,
    call: impl AsyncFn() -> Result<Option<String>, SdkError<E, R>>,
) -> Result<String>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let throttled =
        |code: &str, _: &str| is_throttled(code).then_some("waiting: Cognito takes only so many calls per second");
    let refused = |error| Refused::new(what.to_owned(), error, throttled);
    let made = patiently(&mut Backoff::propagation(), async || call().await.map_err(refused)).await;
    let id = made.map_err(|error| error.hint("run rzap again: it finds what was made"))?;
    id.ok_or_else(|| Error::failed(format!("failed to {what}: no id came back")))
}

/// Names are not unique, so a call that is repeated after a lost answer would make a second one.
pub(super) fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

/// As a pool, a client is written as a whole.
async fn change(cloud: &Cloud, pool: &str, id: &str, wanted: &AppClient) -> Result<()> {
    let Some(mut live) = describe(cloud, pool, id).await? else {
        return Err(Error::failed(format!("the app client `{id}` went away")).hint("run the same command again"));
    };
    live.explicit_auth_flows = Some(wanted.flow_types());
    live.prevent_user_existence_errors = Some(PreventUserExistenceErrorTypes::Enabled);
    let call = all_of(&live).send_with(&cloud.cognito).await;
    call.map_err(explain(format!("change the app client `{id}`")))?;
    Ok(())
}

/// The call that writes a client as it is described.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPoolClient.html>
fn all_of(live: &UserPoolClientType) -> UpdateUserPoolClientInputBuilder {
    UpdateUserPoolClientInput::builder()
        .set_user_pool_id(live.user_pool_id.clone())
        .set_client_id(live.client_id.clone())
        .set_client_name(live.client_name.clone())
        .refresh_token_validity(live.refresh_token_validity)
        .set_access_token_validity(live.access_token_validity)
        .set_id_token_validity(live.id_token_validity)
        .set_token_validity_units(live.token_validity_units.clone())
        .set_read_attributes(live.read_attributes.clone())
        .set_write_attributes(live.write_attributes.clone())
        .set_explicit_auth_flows(live.explicit_auth_flows.clone())
        .set_supported_identity_providers(live.supported_identity_providers.clone())
        .set_callback_urls(live.callback_urls.clone())
        .set_logout_urls(live.logout_urls.clone())
        .set_default_redirect_uri(live.default_redirect_uri.clone().filter(|uri| !uri.is_empty()))
        .set_allowed_o_auth_flows(live.allowed_o_auth_flows.clone())
        .set_allowed_o_auth_scopes(live.allowed_o_auth_scopes.clone())
        .set_allowed_o_auth_flows_user_pool_client(live.allowed_o_auth_flows_user_pool_client)
        .set_analytics_configuration(live.analytics_configuration.clone())
        .set_prevent_user_existence_errors(live.prevent_user_existence_errors.clone())
        .set_enable_token_revocation(live.enable_token_revocation)
        .set_enable_propagate_additional_user_context_data(live.enable_propagate_additional_user_context_data)
        .set_auth_session_validity(live.auth_session_validity)
        .set_refresh_token_rotation(live.refresh_token_rotation.clone())
}

async fn remove(cloud: &Cloud, pool: &str, id: &str) -> Result<()> {
    match cloud.cognito.delete_user_pool_client().user_pool_id(pool).client_id(id).send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
        Err(error) => Err(explain(format!("delete the app client `{id}`"))(error)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_client_is_written_back() {
        let text = format!("{:#?}", all_of(&UserPoolClientType::builder().build()).build().unwrap());
        let fields = text.lines().filter(|line| line.starts_with("    ") && line.contains(": "));
        // A new version of the SDK that has another one fails here.
        assert_eq!(fields.count(), 23, "{text}");
    }
}
