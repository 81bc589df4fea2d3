//! Permissions on the alias `live`: who besides the account's own people may invoke a function.
//!
//! Each is a statement of the alias's resource policy with an id of its own, so that reconciling is a
//! comparison of ids.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_lambda::types::FunctionUrlAuthType;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use super::PARALLEL;
use super::url::{MAY_CALL, MAY_INVOKE};
use crate::aws::{Backoff, Cloud, code, explain, is_code};
use crate::deploy::names::{ALIAS, function_prefix};
use crate::deploy::resource::Owner;
use crate::error::Result;

/// A permission as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deploy::kinds) struct Granted {
    /// The function's name on AWS.
    pub(in crate::deploy::kinds) function: String,
    /// The statement id.
    pub(in crate::deploy::kinds) id: String,
    /// What the call has to come from, an ARN.
    pub(in crate::deploy::kinds) source_arn: Option<String>,
}

/// What a look around has read of the policies of a stage's functions: each once, by whichever kind asks first.
#[derive(Debug, Default)]
pub(in crate::deploy::kinds) struct Policies {
    /// Of all functions.
    all: OnceCell<Vec<Granted>>,
    /// By the function's name.
    each: Mutex<BTreeMap<String, Policy>>,
}

type Policy = Arc<OnceCell<Vec<Granted>>>;

impl Policies {
    fn of(&self, name: &str) -> Policy {
        self.each.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone()
    }
}

tokio::task_local! {
    /// Lives as long as one look around: nothing changes a permission in it.
    pub(in crate::deploy::kinds) static POLICIES: Arc<Policies>;
}

/// The id of the permission that lets `source` (an ARN) call a function of this stage: `rzap-sns-1f2e3d4c-5a6b7c8d`.
///
/// It says by itself whose it is. What cannot be tagged, like the notifications of somebody's bucket, is
/// remembered by it: it is given before the source is told to call, and taken back after.
pub(in crate::deploy::kinds) fn statement_id(word: &str, owner: &Owner, source: &str) -> String {
    format!("{}{}", id_prefix(word, owner), short_hash(source))
}

/// What the ids of all such permissions of a stage begin with.
pub(in crate::deploy::kinds) fn id_prefix(word: &str, owner: &Owner) -> String {
    format!("rzap-{word}-{}-", short_hash(&format!("{}/{}", owner.app, owner.stage)))
}

fn short_hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..4])
}

/// What [`statement_id`] with this word was given to in this stage, on any function. Within a look around (see
/// `kinds::search`) the policies are read once for all kinds.
pub(in crate::deploy::kinds) async fn granted(cloud: &Cloud, owner: &Owner, word: &str) -> Result<Vec<Granted>> {
    let shared = POLICIES.try_with(Arc::clone).unwrap_or_default();
    let all = shared.all.get_or_try_init(|| every(cloud, owner)).await?;
    let prefix = id_prefix(word, owner);
    Ok(all.iter().filter(|one| one.id.starts_with(&prefix)).cloned().collect())
}

/// Every permission on an alias `live` of a function whose name could be this stage's.
async fn every(cloud: &Cloud, owner: &Owner) -> Result<Vec<Granted>> {
    let prefix = function_prefix(owner);
    let mut names = Vec::new();
    cloud.pace.lambda().await;
    let mut pages = cloud.lambda.list_functions().into_paginator().items().send();
    while let Some(function) = pages.next().await {
        let function = function.map_err(explain("list the functions"))?;
        names.extend(function.function_name.filter(|name| name.starts_with(&prefix)));
    }
    let policies = stream::iter(names).map(|name| async move { policy(cloud, &name).await });
    let found: Vec<Vec<Granted>> = policies.buffer_unordered(PARALLEL).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The statement ids of the alias's resource policy.
pub(in crate::deploy::kinds) async fn statements(cloud: &Cloud, name: &str) -> Result<Vec<String>> {
    Ok(policy(cloud, name).await?.into_iter().map(|one| one.id).collect())
}

/// The alias's resource policy; within a look around it is read once.
async fn policy(cloud: &Cloud, name: &str) -> Result<Vec<Granted>> {
    let Ok(shared) = POLICIES.try_with(Arc::clone) else { return read(cloud, name).await };
    let policy = shared.of(name);
    policy.get_or_try_init(|| read(cloud, name)).await.cloned()
}

async fn read(cloud: &Cloud, name: &str) -> Result<Vec<Granted>> {
    cloud.pace.get_policy().await;
    let answer = match cloud.lambda.get_policy().function_name(name).qualifier(ALIAS).send().await {
        Ok(answer) => answer,
        Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(Vec::new()),
        Err(error) => return Err(explain(format!("read the permissions of the function `{name}`"))(error)),
    };
    let policy: Value = serde_json::from_str(answer.policy().unwrap_or("{}")).unwrap_or(Value::Null);
    let granted = |statement: &Value| {
        let conditions = &statement["Condition"];
        let source = ["ArnLike", "ArnEquals", "StringEquals", "StringLike"];
        let source = source.iter().find_map(|operator| one_of(&conditions[operator], "aws:sourcearn"));
        Some(Granted { function: name.to_owned(), id: statement["Sid"].as_str()?.to_owned(), source_arn: source })
    };
    Ok(policy["Statement"].as_array().into_iter().flatten().filter_map(granted).collect())
}

/// The value of a condition key; keys are written in any case.
fn one_of(conditions: &Value, key: &str) -> Option<String> {
    let found = conditions.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    found.1.as_str().map(str::to_owned)
}

/// One permission on the alias `live`.
#[derive(Debug)]
pub(in crate::deploy::kinds) struct Grant<'a> {
    pub(in crate::deploy::kinds) id: &'a str,
    pub(in crate::deploy::kinds) action: &'a str,
    pub(in crate::deploy::kinds) principal: &'a str,
    pub(in crate::deploy::kinds) source_arn: Option<String>,
    /// For sources whose ARN does not have the account: a bucket's name may be somebody else's one day.
    pub(in crate::deploy::kinds) source_account: Option<String>,
}

impl Grant<'_> {
    /// Gives it. A 409 may mean "is there already" or "another change is in progress", and an alias
    /// made a moment ago may not be known everywhere: what is there decides.
    pub(in crate::deploy::kinds) async fn give(&self, cloud: &Cloud, function: &str) -> Result<()> {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3), Duration::from_secs(30));
        loop {
            cloud.pace.lambda().await;
            let call = cloud.lambda.add_permission().function_name(function).qualifier(ALIAS);
            let call = call.statement_id(self.id).action(self.action).principal(self.principal);
            let call = call.set_source_arn(self.source_arn.clone()).set_source_account(self.source_account.clone());
            let call = match self.id {
                MAY_CALL => call.function_url_auth_type(FunctionUrlAuthType::None),
                MAY_INVOKE => call.invoked_via_function_url(true),
                _ => call,
            };
            let Err(error) = call.send().await else { return Ok(()) };
            let again = is_code(&error, &["ResourceConflictException", "ResourceNotFoundException"]);
            if again && statements(cloud, function).await?.iter().any(|id| id == self.id) {
                return Ok(());
            }
            if !again || !backoff.sleep().await {
                return Err(explain(format!("give the permission `{}` on the function `{function}`", self.id))(error));
            }
        }
    }
}

/// Takes the permission with this statement id back; being gone already is fine.
pub(in crate::deploy::kinds) async fn take_back(cloud: &Cloud, function: &str, id: &str) -> Result<()> {
    cloud.pace.lambda().await;
    let call = cloud.lambda.remove_permission().function_name(function).qualifier(ALIAS).statement_id(id);
    match call.send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
        Err(error) => Err(explain(format!("remove a permission of the function `{function}`"))(error)),
    }
}
