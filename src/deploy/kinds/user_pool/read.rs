//! Finding a stage's user pools and reading them as rzap writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use aws_sdk_cognitoidentityprovider::primitives::DateTime;
use aws_sdk_cognitoidentityprovider::types::{
    AccountRecoverySettingType, DeletionProtectionType, SchemaAttributeType, UserPoolMfaType, UserPoolType,
};

use super::{Password, UserPool, client, outputs, whole};
use crate::aws::{Cloud, code, explain, is_missing};
use crate::deploy::late;
use crate::deploy::names::resource_prefix;
use crate::deploy::resource::{Found, Owner, Resource as _};
use crate::error::Result;

/// What custom attributes are called by.
pub(super) const CUSTOM: &str = "custom:";
/// AWS's word for `phone`.
const PHONE: &str = "phone_number";

/// All pools of a stage. The oldest of a name is the one that apps know.
pub(super) async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<UserPool>> {
    let mut ours = Vec::new();
    for id in candidates(cloud, &resource_prefix(owner)).await? {
        let Some(live) = whole::describe(cloud, &id).await? else { continue };
        let tags = live.user_pool_tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
        // Others may call theirs the same: names are not unique, so that is no obstacle.
        if owner.owns(tags) {
            ours.push(live);
        }
    }
    ours.sort_by_key(|live| (live.creation_date().map(DateTime::as_nanos), live.id().map(str::to_owned)));
    let mut found: Vec<UserPool> = Vec::new();
    for live in ours {
        let again = found.iter().any(|it| Some(it.name.as_str()) == live.name());
        found.push(read(cloud, owner, &live, again).await?);
    }
    Ok(Found::ours(found))
}

/// The ids of the pools whose names could be this stage's.
async fn candidates(cloud: &Cloud, prefix: &str) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    let mut pages = cloud.cognito.list_user_pools().max_results(60).into_paginator().items().send();
    while let Some(pool) = pages.next().await {
        let pool = match pool {
            Ok(pool) => pool,
            Err(error) if is_missing(cloud, &error) => break,
            Err(error) => return Err(explain("list the user pools")(error)),
        };
        let fits = pool.name().is_some_and(|name| name.starts_with(prefix));
        ids.extend(pool.id.filter(|_| fits));
    }
    Ok(ids)
}

async fn read(cloud: &Cloud, owner: &Owner, live: &UserPoolType, duplicate: bool) -> Result<UserPool> {
    let id = live.id().unwrap_or_default();
    let name = live.name().unwrap_or_default();
    let (clients, mfa, has_users) =
        tokio::try_join!(client::read(cloud, name, id), mfa(cloud, live), has_users(cloud, live))?;
    let pool = UserPool {
        name: if duplicate { format!("{name} ({id})") } else { name.to_owned() },
        owner: owner.clone(),
        sign_in: sign_in(live),
        verify: verified(live),
        recovery: recovery(live),
        password: password(live),
        mfa,
        self_sign_up: self_sign_up(live),
        required: required(live),
        attributes: attributes(live),
        clients,
        protect: is_protected(live),
        id: OnceLock::from(id.to_owned()),
        users: if has_users { live.estimated_number_of_users.max(1) } else { 0 },
        duplicate,
    };
    if !duplicate {
        let ids = pool.clients.iter().map(|(name, client)| (name.clone(), client.id.clone())).collect();
        cloud.outputs.set(late::thing(&pool.key()), outputs(id, &ids));
    }
    Ok(pool)
}

/// Cognito only estimates how many there are; whether there is any has to be certain.
async fn has_users(cloud: &Cloud, live: &UserPoolType) -> Result<bool> {
    if live.estimated_number_of_users > 0 {
        return Ok(true);
    }
    let id = live.id().unwrap_or_default();
    match cloud.cognito.list_users().user_pool_id(id).limit(1).send().await {
        Ok(answer) => Ok(!answer.users().is_empty()),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(false),
        Err(error) => Err(explain(format!("look for users of the user pool `{id}`"))(error)),
    }
}

/// `off`, `optional` or `on`, of authenticator apps; of anything else with what that is.
async fn mfa(cloud: &Cloud, live: &UserPoolType) -> Result<String> {
    let word = match live.mfa_configuration() {
        None | Some(UserPoolMfaType::Off) => return Ok("off".to_owned()),
        Some(other) => other.as_str().to_lowercase(),
    };
    let id = live.id().unwrap_or_default();
    let call = cloud.cognito.get_user_pool_mfa_config().user_pool_id(id).send().await;
    let set = call.map_err(explain(format!("read the MFA settings of the user pool `{id}`")))?;
    let app = set.software_token_mfa_configuration().is_some_and(|it| it.enabled);
    Ok(if app { word } else { format!("{word}, without an authenticator app") })
}

pub(super) fn sign_in(live: &UserPoolType) -> BTreeSet<String> {
    let ours = |word: &str| if word == PHONE { "phone".to_owned() } else { word.to_owned() };
    if !live.username_attributes().is_empty() {
        return live.username_attributes().iter().map(|it| ours(it.as_str())).collect();
    }
    let aliases = live.alias_attributes().iter().map(|it| ours(it.as_str()));
    aliases.chain(["username".to_owned()]).collect()
}

pub(super) fn verified(live: &UserPoolType) -> BTreeSet<String> {
    live.auto_verified_attributes().iter().map(|it| it.as_str().to_owned()).collect()
}

pub(super) fn recovery(live: &UserPoolType) -> BTreeSet<String> {
    let mechanisms =
        live.account_recovery_setting().map(AccountRecoverySettingType::recovery_mechanisms).unwrap_or_default();
    mechanisms.iter().map(|it| it.name().as_str().to_owned()).collect()
}

pub(super) fn password(live: &UserPoolType) -> Password {
    let Some(set) = live.policies().and_then(|it| it.password_policy()) else { return Password::default() };
    let require = [
        ("lowercase", set.require_lowercase),
        ("uppercase", set.require_uppercase),
        ("numbers", set.require_numbers),
        ("symbols", set.require_symbols),
    ];
    let require = require.into_iter().filter(|(_, it)| *it).map(|(word, _)| word.to_owned()).collect();
    Password { min_length: set.minimum_length().unwrap_or_default(), require }
}

pub(super) fn self_sign_up(live: &UserPoolType) -> bool {
    !live.admin_create_user_config().is_some_and(|it| it.allow_admin_create_user_only)
}

pub(super) fn is_protected(live: &UserPoolType) -> bool {
    live.deletion_protection() == Some(&DeletionProtectionType::Active)
}

/// Every pool demands `sub`, which Cognito gives itself.
fn required(live: &UserPoolType) -> BTreeSet<String> {
    let demands = |it: &&SchemaAttributeType| it.required() == Some(true) && it.name() != Some("sub");
    live.schema_attributes().iter().filter(demands).filter_map(|it| it.name.clone()).collect()
}

fn attributes(live: &UserPoolType) -> BTreeMap<String, String> {
    let custom = |it: &SchemaAttributeType| {
        let kind = it.attribute_data_type()?.as_str().to_lowercase();
        Some((it.name()?.strip_prefix(CUSTOM)?.to_owned(), kind))
    };
    live.schema_attributes().iter().filter_map(custom).collect()
}
