//! Provisioned concurrency: processes that are started before anybody calls.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html>. They belong to the version that the
//! alias leads to; when it moves, those of the old version end and those of the new one start. While an alias leads
//! to two versions, all of them are the first one's. (On AWS both have some.)

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::Local;
use super::super::wire::{Fault, Reply, Request};
use super::body::{Body, invalid, refused};
use super::invoke::{self, Target};
use super::model::{Function, State, lambda_time, now_ms};
use super::names::{FunctionRef, LATEST, is_version};
use super::pool::Provision;
use super::{Lambda, limits, page};

/// What is asked for one version or alias.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Provisioned {
    pub(super) requested: u32,
    /// ms since the epoch.
    modified: i64,
}

/// `PUT /2019-09-30/functions/{name}/provisioned-concurrency`
pub(super) fn put(lambda: &Lambda, local: &Arc<Local>, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let asked = Body::of(request)?.number("ProvisionedConcurrentExecutions")?;
    let member = "provisionedConcurrentExecutions";
    let asked = asked.ok_or_else(|| invalid("null", member, "Member must not be null"))?;
    let requested = u32::try_from(asked)
        .ok()
        .filter(|asked| *asked > 0)
        .ok_or_else(|| invalid(&asked.to_string(), member, "Member must have value greater than or equal to 1"))?;
    let qualifier = published(at)?;
    let build = lambda.store.write(|state| {
        let function = state.find(at)?;
        let build = function.version(at, Some(qualifier))?.build.id.clone();
        fits(function, at, qualifier)?;
        let others: u32 = function.provisioned.iter().filter(|(it, _)| *it != qualifier).map(|(_, it)| it.requested).sum();
        if function.reserved.is_some_and(|reserved| requested.saturating_add(others) > reserved) {
            return Err(refused(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
            ));
        }
        if function.reserved.is_none() && !limits::can_spare(state, at, requested.saturating_add(others)) {
            return Err(limits::too_much("ConcurrentExecutions"));
        }
        let function = state.find_mut(at)?;
        function.provisioned.insert(qualifier.to_owned(), Provisioned { requested, modified: now_ms() });
        Ok(build)
    })?;
    // What has failed before is tried again.
    lambda.pool.forgive(&build);
    settle(local);
    Ok(Reply::json(202, &Value::Object(shown(lambda, at)?)))
}

/// `GET /2019-09-30/functions/{name}/provisioned-concurrency`
pub(super) fn get(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    published(at)?;
    Ok(Reply::json(200, &Value::Object(shown(lambda, at)?)))
}

/// `DELETE /2019-09-30/functions/{name}/provisioned-concurrency`
pub(super) fn delete(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    let qualifier = published(at)?;
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        function.version(at, Some(qualifier))?;
        function.provisioned.remove(qualifier);
        Ok(Reply::empty(204))
    })
}

/// `GET /2019-09-30/functions/{name}/provisioned-concurrency?List=ALL`
pub(super) fn list(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let qualifiers: Vec<String> =
        lambda.store.read(|state| Ok::<_, Fault>(state.find(at)?.provisioned.keys().cloned().collect()))?;
    let mut all = Vec::new();
    for qualifier in qualifiers {
        let at = FunctionRef { qualifier: Some(qualifier.clone()), ..at.clone() };
        let mut one = shown(lambda, &at)?;
        one.insert("FunctionArn".into(), at.asked_arn().into());
        all.push((qualifier, Value::Object(one)));
    }
    page::reply(request, "ProvisionedConcurrencyConfigs", all)
}

/// Starts what is missing and ends what nobody asks for. Called after whatever could change either.
pub(super) fn settle(local: &Arc<Local>) {
    let lambda = &local.lambda;
    let mut targets: HashMap<String, (Target, u32, i64)> = HashMap::new();
    lambda.store.read(|state| {
        for (at, function) in state.all() {
            for (qualifier, provisioned) in &function.provisioned {
                let at = FunctionRef { qualifier: Some(qualifier.clone()), ..at.clone() };
                let Ok(version) = function.version(&at, Some(qualifier)) else { continue };
                let target = || Target::of(at.clone(), version, function.reserved, limits::reserved(state, &at.region));
                let entry = targets.entry(version.build.id.clone());
                entry.or_insert_with(|| (target(), 0, version.active_from)).1 += provisioned.requested;
            }
        }
    });
    let wanted = targets.iter().map(|(build, (_, count, _))| (build.clone(), *count)).collect();
    for (build, missing) in lambda.pool.provision(&wanted) {
        let Some((target, _, active)) = targets.get(&build) else { continue };
        for _ in 0..missing {
            tokio::spawn(start(Arc::clone(local), target.clone(), build.clone(), *active));
        }
    }
}

async fn start(local: Arc<Local>, target: Target, build: String, active: i64) {
    let early = u64::try_from(active - now_ms()).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(early)).await;
    let started = invoke::cold(&local, &target, true).await;
    local.lambda.pool.provided(&build, started.map(|(environment, _)| environment).ok());
}

fn published(at: &FunctionRef) -> Result<&str, Fault> {
    at.qualifier
        .as_deref()
        .filter(|qualifier| *qualifier != LATEST)
        .ok_or_else(|| refused("Provisioned Concurrency Configs cannot be applied to unpublished function versions."))
}

/// A version has one at the most, and an alias with weights none.
fn fits(function: &Function, at: &FunctionRef, qualifier: &str) -> Result<(), Fault> {
    if function.aliases.get(qualifier).is_some_and(|alias| alias.split.is_some()) {
        return Err(refused("Alias with weights can not be used with Provisioned Concurrency"));
    }
    let number = |qualifier: &str| function.version(at, Some(qualifier)).map(|version| version.number.clone()).ok();
    let same = function.provisioned.keys().any(|other| other != qualifier && number(other) == number(qualifier));
    match (same, is_version(qualifier)) {
        (false, _) => Ok(()),
        (true, true) => Err(refused(
            "Version is pointed by a Provisioned Concurrency alias and can't be used for Provisioned Concurrency configuration",
        )),
        (true, false) => Err(refused(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
        )),
    }
}

fn shown(lambda: &Lambda, at: &FunctionRef) -> Result<Map<String, Value>, Fault> {
    let (asked, build) = lambda.store.read(|state: &State| {
        let function = state.find(at)?;
        let qualifier = at.qualifier.as_deref().unwrap_or(LATEST);
        let version = function.version(at, Some(qualifier))?;
        let none = || {
            let text = "No Provisioned Concurrency Config found for this function";
            Fault::new(404, "ProvisionedConcurrencyConfigNotFoundException", text).member("Type", "User")
        };
        Ok::<_, Fault>((function.provisioned.get(qualifier).cloned().ok_or_else(none)?, version.build.id.clone()))
    })?;
    let Provision { ready, failed } = lambda.pool.provision_of(&build);
    let ready = ready.min(asked.requested);
    let status = match (failed, ready >= asked.requested) {
        (_, true) => "READY",
        (true, false) => "FAILED",
        (false, false) => "IN_PROGRESS",
    };
    let document = json!({
        "RequestedProvisionedConcurrentExecutions": asked.requested,
        "AvailableProvisionedConcurrentExecutions": ready,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "Status": status,
        "LastModified": lambda_time(asked.modified),
    });
    let Value::Object(mut document) = document else { return Ok(Map::new()) };
    if status == "FAILED" {
        document.insert("StatusReason".into(), "FUNCTION_ERROR_INIT_FAILURE".into());
    }
    Ok(document)
}
