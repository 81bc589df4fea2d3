//! A Cognito user pool of `resources:`, with its app clients.
//!
//! AWS chooses its id, so whoever speaks of it waits for it (see `late`), and it is found by its tags. What it calls on
//! events is not a part of it: see `user_pool_triggers`. Its users are data, and its id is what apps know it by.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html>

mod client;
mod make;
mod read;
pub(super) mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::Value;

use self::client::AppClient;
use super::Kind;
use crate::aws::{Cloud, code, explain};
use crate::config::StageConfig;
use crate::config::resources as config;
use crate::deploy::late;
use crate::deploy::loss::{Loss, Replacement};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::Result;

/// Where user pools are: they have ids, not names.
pub(super) const ANY: &[&str] = &["arn:{partition}:cognito-idp:{region}:{account}:userpool/*"];

/// A user pool.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UserPool {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    owner: Owner,
    /// `email`, `phone`, `username`, `preferred_username`.
    sign_in: BTreeSet<String>,
    /// As AWS calls it: `email`.
    verify: BTreeSet<String>,
    /// As AWS calls it: `verified_email`.
    recovery: BTreeSet<String>,
    password: Password,
    /// `off`, `optional` or `on`.
    mfa: String,
    self_sign_up: bool,
    /// Standard attributes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    required: BTreeSet<String>,
    /// Custom ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    clients: BTreeMap<String, AppClient>,
    /// Nobody can delete it.
    protect: bool,
    #[serde(skip)]
    id: OnceLock<String>,
    /// About how many it had; 0 is certain.
    #[serde(skip)]
    users: i32,
    /// Another one of its name is older.
    #[serde(skip)]
    duplicate: bool,
}

/// What a password has to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Password {
    min_length: i32,
    require: BTreeSet<String>,
}

impl UserPool {
    /// As it should be.
    pub(crate) fn wanted(owner: &Owner, name: String, config: &config::UserPool) -> Self {
        let min_length = i32::try_from(config.password.min_length).unwrap_or(i32::MAX);
        let clients = config.clients.iter().map(|(name, client)| (name.clone(), AppClient::wanted(client)));
        Self {
            name,
            owner: owner.clone(),
            sign_in: config.sign_in.clone(),
            verify: config.verify.clone(),
            recovery: make::recovery(&config.verify),
            password: Password { min_length, require: config.password.require.clone() },
            mfa: config.mfa.clone(),
            self_sign_up: config.self_sign_up,
            required: config.required.clone(),
            attributes: config.attributes.clone(),
            clients: clients.collect(),
            protect: config.protect,
            id: OnceLock::new(),
            users: 0,
            duplicate: false,
        }
    }

    /// What AWS chose for `live` and stays when it becomes this one; empty when nothing does. A client may be new.
    pub(crate) fn kept_of(&self, live: &Self) -> BTreeMap<String, String> {
        let Some(id) = live.id.get().filter(|_| self.replacement(live).is_none()) else { return BTreeMap::new() };
        let stays = |(name, client): &(&String, &AppClient)| {
            self.clients.get(*name).is_some_and(|wanted| !wanted.is_another(client))
        };
        let ids = live.clients.iter().filter(stays).map(|(name, client)| (name.clone(), client.id.clone())).collect();
        outputs(id, &ids)
    }
}

/// `id`, and `clients.NAME.id` of each.
fn outputs(id: &str, clients: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let clients = clients.iter().map(|(name, id)| (format!("clients.{name}.id"), id.clone()));
    clients.chain([("id".to_owned(), id.to_owned())]).collect()
}

/// The id of a pool of this stage that stands.
pub(super) fn id_of(cloud: &Cloud, name: &str) -> Option<String> {
    cloud.outputs.all().get(&late::thing(&Key::new(Kind::UserPool, name)))?.get("id").cloned()
}

/// Pools are told from others' by their tags.
pub(super) fn ours(stage: &StageConfig) -> Vec<String> {
    vec![stage.app.clone()]
}

impl Resource for UserPool {
    fn key(&self) -> Key {
        Key::new(Kind::UserPool, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    /// Which of the pools with a fitting name are this stage's is seen only by looking at them.
    fn needs() -> Vec<Need> {
        const ACTIONS: &[&str] = &[
            "cognito-idp:UpdateUserPool",
            "cognito-idp:DeleteUserPool",
            "cognito-idp:AddCustomAttributes",
            "cognito-idp:GetUserPoolMfaConfig",
            "cognito-idp:SetUserPoolMfaConfig",
            "cognito-idp:ListUsers",
            "cognito-idp:ListUserPoolClients",
            "cognito-idp:DescribeUserPoolClient",
            "cognito-idp:CreateUserPoolClient",
            "cognito-idp:UpdateUserPoolClient",
            "cognito-idp:DeleteUserPoolClient",
        ];
        vec![
            Need::anywhere(&["cognito-idp:ListUserPools", "cognito-idp:CreateUserPool"]),
            Need::on(ANY, &["cognito-idp:DescribeUserPool", "cognito-idp:TagResource"]),
            Need::on(ANY, ACTIONS).only("StringEquals", "aws:ResourceTag/rzap:app", ours),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        read::discover(cloud, owner).await
    }

    /// Its users, who have no other account; without any, the id that apps know it by.
    fn losses(&self) -> Vec<Loss> {
        let id = self.id.get().map(String::as_str).unwrap_or_default();
        match self.users {
            0 if self.duplicate => Vec::new(),
            0 => vec![Loss::of_service(format!("nobody signs in to {id} any more: another pool has another id"))],
            1 => vec![Loss::of_data("all its users, about one")],
            many => vec![Loss::of_data(format!("all its users, about {many}"))],
        }
    }

    fn change_losses(&self, live: &Self) -> Vec<Loss> {
        let gone = live.clients.iter().filter(|(name, client)| {
            let again = name.contains(' ');
            !again && self.clients.get(*name).is_none_or(|wanted| wanted.is_another(client))
        });
        gone.map(|(name, client)| {
            let id = &client.id;
            Loss::of_service(format!(
                "nobody signs in by its app client `{name}` ({id}) any more: a new one has another id"
            ))
        })
        .collect()
    }

    /// "You can't change" what users sign in with and what is demanded of them; a custom attribute keeps its type.
    /// <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html>
    fn replacement(&self, live: &Self) -> Option<Replacement> {
        let mut fields = Vec::new();
        fields.extend((self.sign_in != live.sign_in).then_some("sign_in"));
        fields.extend((!self.required.is_subset(&live.required)).then_some("required"));
        let retyped = |(name, kind): (&String, &String)| live.attributes.get(name).is_some_and(|live| live != kind);
        fields.extend(self.attributes.iter().any(retyped).then_some("attributes"));
        (!fields.is_empty()).then(|| Replacement { fields, losses: Vec::new() })
    }

    /// What a pool has once it keeps: attributes, and what it demands. Of those only the ones in the config are compared.
    fn seen_of(&self, live: &Self) -> Value {
        let mut seen = live.clone();
        seen.attributes.retain(|name, _| self.attributes.contains_key(name));
        seen.required.retain(|name| self.required.contains(name));
        serde_json::to_value(seen).unwrap_or(Value::Null)
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let (id, clients) = if let Some((id, live)) = live.and_then(|live| Some((live.id.get()?, live))) {
            make::bring(cloud, self, id, live).await?;
            (id.clone(), live.clients.clone())
        } else {
            let id = make::create(cloud, self).await?;
            // What the creating call could not say.
            make::bring(cloud, self, &id, &Self { mfa: "off".to_owned(), ..self.clone() }).await?;
            (id, BTreeMap::new())
        };
        let clients = client::bring(cloud, self, &id, &clients).await?;
        cloud.outputs.set(late::thing(&self.key()), outputs(&id, &clients));
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let Some(id) = self.id.get() else { return Ok(()) };
        match cloud.cognito.delete_user_pool().user_pool_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => {
                let refused = code(&error) == Some("InvalidParameterException");
                let text = error.as_service_error().map(ToString::to_string).unwrap_or_default();
                let error = explain(format!("delete the user pool `{}`", self.name))(error);
                Err(match () {
                    () if refused && self.protect => error.hint(
                        "it is protected: write `protect: false` at the user pool in rzap.yaml, deploy, and try again",
                    ),
                    () if refused && text.contains("domain") => {
                        error.hint(format!("delete its domain first: `aws cognito-idp delete-user-pool-domain --user-pool-id {id} --domain NAME`"))
                    }
                    () => error,
                })
            }
        }
    }
}
