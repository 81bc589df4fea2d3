//! What is live of a stage's roles, and which of them a rollback may need.

use std::collections::BTreeSet;

use aws_sdk_iam::types::Role as Live;
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::{POLICY, Role};
use crate::aws::{Cloud, code, explain};
use crate::deploy::kinds::{Any, Kind};
use crate::deploy::names::{role_name, role_path, scheduler_role_name};
use crate::deploy::resource::{Found, Key, Owner};
use crate::error::{Error, Result};

/// Roles, and functions, looked at at once.
const PARALLEL: usize = 16;

/// Says of each role that `wanted` does not name whether a published version of one of `functions`, by their names in
/// the config, still has it. The versions of any other function go with it.
///
/// Going back to such a version moves the alias and nothing else, so the version's role has to be there. Where all roles
/// are wanted, which is how it almost always is, it makes no call.
pub(in crate::deploy) async fn versions_need(
    cloud: &Cloud,
    found: &mut Found<Any>,
    wanted: &BTreeSet<String>,
    functions: &BTreeSet<&str>,
) -> Result<()> {
    let is_left = |any: &Any| matches!(any, Any::Role(role) if !wanted.contains(&role.name));
    if !found.ours.iter().any(is_left) {
        return Ok(());
    }
    let functions = found.ours.iter().filter_map(|any| match any {
        Any::Function(it) if functions.contains(it.short_name.as_str()) => Some(it.name.clone()),
        _ => None,
    });
    let functions: Vec<String> = functions.collect();
    let roles = stream::iter(&functions).map(|name| roles_of_versions(cloud, name)).buffer_unordered(PARALLEL);
    let roles: BTreeSet<String> = roles.try_concat().await?;
    for any in &mut found.ours {
        if let Any::Role(role) = any {
            role.needed = roles.iter().any(|arn| arn.rsplit('/').next() == Some(role.name.as_str()));
        }
    }
    Ok(())
}

/// Finds out which names of roles in `wanted` that are not live are taken by something else, so that nothing is made
/// before that is said. Those with a path are found by it alone, so this asks for each that is still to be made.
pub(in crate::deploy) async fn taken(
    cloud: &Cloud,
    owner: &Owner,
    found: &mut Found<Any>,
    wanted: &BTreeSet<String>,
) -> Result<()> {
    let known: BTreeSet<Key> = found.ours.iter().map(Any::key).chain(found.foreign.iter().cloned()).collect();
    let asked = [role_name(owner, &cloud.region), scheduler_role_name(owner, &cloud.region)];
    let missing = wanted.iter().filter(|name| !asked.contains(name) && !known.contains(&Key::new(Kind::Role, *name)));
    let taken = stream::iter(missing.cloned()).map(|name| async move {
        let role = Role::get(cloud, &name).await?;
        Ok::<_, Error>(role.map(|_| Key::new(Kind::Role, name)))
    });
    let taken: Vec<Option<Key>> = taken.buffer_unordered(PARALLEL).try_collect().await?;
    found.foreign.extend(taken.into_iter().flatten());
    Ok(())
}

/// The ARNs of the roles that the published versions of a function run as.
async fn roles_of_versions(cloud: &Cloud, function: &str) -> Result<BTreeSet<String>> {
    cloud.pace.lambda().await;
    let mut pages = cloud.lambda.list_versions_by_function().function_name(function).into_paginator().items().send();
    let mut roles = BTreeSet::new();
    while let Some(version) = pages.next().await {
        let version = match version {
            Ok(version) => version,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => break,
            Err(error) => return Err(explain(format!("list the versions of the function `{function}`"))(error)),
        };
        if version.version() != Some("$LATEST") {
            roles.extend(version.role);
        }
    }
    Ok(roles)
}

impl Role {
    /// Those of the functions by their path, the others by their names.
    pub(super) async fn all(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let names = [role_name(owner, &cloud.region), scheduler_role_name(owner, &cloud.region)];
        let by_name = try_join_all(names.map(|name| Self::find(cloud, owner, name, "/")));
        let (by_name, mut in_path) = tokio::try_join!(by_name, Self::in_path(cloud, owner))?;
        in_path.extend(by_name);
        Ok(in_path.into_iter().collect())
    }

    /// Whatever lies in the path of the stage.
    async fn in_path(cloud: &Cloud, owner: &Owner) -> Result<Vec<Found<Self>>> {
        let path = role_path(owner, &cloud.region);
        let mut names = Vec::new();
        let mut pages = cloud.iam.list_roles().path_prefix(&path).into_paginator().items().send();
        while let Some(role) = pages.next().await {
            names.push(role.map_err(explain(format!("list the roles in `{path}`")))?.role_name);
        }
        let path = path.as_str();
        let roles = stream::iter(names).map(|name| async move {
            // They are there, and nobody else has a reason to be in this path: all is asked for at once.
            let (role, policies) = tokio::try_join!(Self::get(cloud, &name), Self::policies(cloud, &name))?;
            Ok(role.map_or_else(Found::none, |role| Self::read(&role, policies, owner, path)))
        });
        roles.buffer_unordered(PARALLEL).try_collect().await
    }

    /// One by its name: that it is ours its tags say, and its path.
    pub(super) async fn find(cloud: &Cloud, owner: &Owner, name: String, path: &str) -> Result<Found<Self>> {
        let Some(role) = Self::get(cloud, &name).await? else { return Ok(Found::none()) };
        if !is_ours(&role, owner, path) {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Role, name)] });
        }
        let policies = Self::policies(cloud, &name).await?;
        Ok(Self::read(&role, policies, owner, path))
    }

    fn read(role: &Live, policies: Policies, owner: &Owner, path: &str) -> Found<Self> {
        let name = role.role_name().to_owned();
        if !is_ours(role, owner, path) {
            return Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Role, name)] };
        }
        let boundary = role.permissions_boundary().and_then(|it| it.permissions_boundary_arn()).map(str::to_owned);
        Found::ours(vec![Self {
            name,
            path: path.to_owned(),
            owner: owner.clone(),
            trust: role.assume_role_policy_document().map_or(Value::Null, document),
            policy: policies.own,
            other_policies: policies.others,
            attached_policies: policies.attached,
            permissions_boundary: boundary,
            needed: false,
        }])
    }

    async fn get(cloud: &Cloud, name: &str) -> Result<Option<Live>> {
        match cloud.iam.get_role().role_name(name).send().await {
            Ok(answer) => Ok(answer.role),
            Err(error) if code(&error) == Some("NoSuchEntity") => Ok(None),
            Err(error) => Err(explain(format!("look for the role `{name}`"))(error)),
        }
    }

    async fn policies(cloud: &Cloud, role: &str) -> Result<Policies> {
        let (own, others, attached) =
            tokio::try_join!(own_policy(cloud, role), other_policies(cloud, role), attached_policies(cloud, role))?;
        Ok(Policies { own, others, attached })
    }
}

/// What hangs on a role.
struct Policies {
    own: Value,
    others: BTreeSet<String>,
    attached: BTreeSet<String>,
}

fn is_ours(role: &Live, owner: &Owner, path: &str) -> bool {
    owner.owns(role.tags().iter().map(|tag| (tag.key(), tag.value()))) && role.path() == path
}

async fn own_policy(cloud: &Cloud, role: &str) -> Result<Value> {
    match cloud.iam.get_role_policy().role_name(role).policy_name(POLICY).send().await {
        Ok(answer) => Ok(document(answer.policy_document())),
        Err(error) if code(&error) == Some("NoSuchEntity") => Ok(Value::Null),
        Err(error) => Err(explain(format!("read the policy of the role `{role}`"))(error)),
    }
}

async fn other_policies(cloud: &Cloud, role: &str) -> Result<BTreeSet<String>> {
    let mut pages = cloud.iam.list_role_policies().role_name(role).into_paginator().items().send();
    let mut names = BTreeSet::new();
    while let Some(name) = pages.next().await {
        match name {
            Ok(name) if name != POLICY => {
                names.insert(name);
            }
            Ok(_) => {}
            Err(error) if code(&error) == Some("NoSuchEntity") => break,
            Err(error) => return Err(explain(format!("list the policies of the role `{role}`"))(error)),
        }
    }
    Ok(names)
}

async fn attached_policies(cloud: &Cloud, role: &str) -> Result<BTreeSet<String>> {
    let mut pages = cloud.iam.list_attached_role_policies().role_name(role).into_paginator().items().send();
    let mut arns = BTreeSet::new();
    while let Some(policy) = pages.next().await {
        match policy {
            Ok(policy) => arns.extend(policy.policy_arn),
            Err(error) if code(&error) == Some("NoSuchEntity") => break,
            Err(error) => return Err(explain(format!("list the policies attached to the role `{role}`"))(error)),
        }
    }
    Ok(arns)
}

/// IAM gives policy documents back percent-encoded.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>
fn document(encoded: &str) -> Value {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let decoded = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_encoded_and_plain() {
        let policy = json!({"Version": "2012-10-17", "Note": "50% & more"});
        assert_eq!(document(r#"{"Version":"2012-10-17","Note":"50% & more"}"#), policy);
        assert_eq!(document("%7B%22Version%22%3A%222012-10-17%22%2C%22Note%22%3A%2250%25%20%26%20more%22%7D"), policy);
    }
}
