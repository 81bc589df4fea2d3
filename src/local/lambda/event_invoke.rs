//! How asynchronous calls of a function, a version or an alias go: retries, their age, destinations.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::wire::{Fault, Reply, Request};
use super::body::{Body, invalid, missing, refused};
use super::destinations;
use super::model::{Function, now_ms};
use super::names::{FunctionRef, LATEST};
use super::{Lambda, page};
use crate::local::Local;

/// What counts without any settings.
pub(super) const RETRIES: u32 = 2;
/// Seconds.
pub(super) const AGE: u32 = 21_600;

/// The settings of one qualifier.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct EventInvoke {
    pub(super) retries: Option<u32>,
    /// Seconds.
    pub(super) age: Option<u32>,
    pub(super) on_success: Option<String>,
    pub(super) on_failure: Option<String>,
    /// ms since the epoch.
    modified: i64,
}

/// Under which key the settings of a qualifier are kept: those of the function itself are `$LATEST`'s.
pub(super) fn key_of(at: &FunctionRef) -> &str {
    at.qualifier.as_deref().unwrap_or(LATEST)
}

/// `PUT` (everything anew) and `POST` (what is given) `/2019-09-25/functions/{name}/event-invoke-config`
pub(super) fn put(
    lambda: &Lambda,
    local: &Arc<Local>,
    request: &Request,
    at: &FunctionRef,
    anew: bool,
) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let retries = number(&body, ("MaximumRetryAttempts", "maximumRetryAttempts"), 0, 2)?;
    let age = number(&body, ("MaximumEventAgeInSeconds", "maximumEventAgeInSeconds"), 60, 21_600)?;
    let destinations = body.object("DestinationConfig")?;
    if retries.is_none() && age.is_none() && destinations.is_none() {
        return Err(refused("You must specify at least one of error handling or destination setting."));
    }
    let arn = |name: &str| {
        let named = destinations.as_ref().map(|it| it.object(name)).transpose()?.flatten();
        Ok::<_, Fault>(named.map(|it| it.text("Destination")).transpose()?.flatten())
    };
    let (on_success, on_failure) = (arn("OnSuccess")?, arn("OnFailure")?);
    let role = lambda.store.read(|state| {
        let function = state.find(at)?;
        Ok::<_, Fault>(function.version(at, at.qualifier.as_deref())?.build.settings.role.clone())
    })?;
    for arn in [&on_success, &on_failure].into_iter().flatten().filter(|arn| !arn.is_empty()) {
        destinations::check(local, &role, arn, at)?;
    }
    if on_success.as_deref().is_some_and(|arn| arn.split(':').nth(2) == Some("s3")) {
        return Err(refused("The destination ARN of OnSuccess cannot be an S3 bucket."));
    }
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        function.version(at, at.qualifier.as_deref())?;
        let live = function.event_invoke.get(key_of(at)).filter(|_| !anew).cloned();
        let mut settings = match (live, anew) {
            (Some(live), _) => live,
            (None, true) => EventInvoke::default(),
            (None, false) => return Err(none(at)),
        };
        settings.retries = retries.or(settings.retries);
        settings.age = age.or(settings.age);
        // An empty ARN takes away what was there.
        let set = |given: Option<String>, was: Option<String>| given.or(was).filter(|arn| !arn.is_empty());
        settings.on_success = set(on_success, settings.on_success);
        settings.on_failure = set(on_failure, settings.on_failure);
        settings.modified = now_ms();
        let shown = show(at, &settings);
        function.event_invoke.insert(key_of(at).to_owned(), settings);
        Ok(Reply::json(200, &shown))
    })
}

/// `GET /2019-09-25/functions/{name}/event-invoke-config`
pub(super) fn get(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.read(|state| {
        let settings = state.find(at)?.event_invoke.get(key_of(at)).ok_or_else(|| none(at))?;
        Ok(Reply::json(200, &show(at, settings)))
    })
}

/// `DELETE /2019-09-25/functions/{name}/event-invoke-config`
pub(super) fn delete(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.write(|state| {
        state.find_mut(at)?.event_invoke.remove(key_of(at)).ok_or_else(|| none(at))?;
        Ok(Reply::empty(204))
    })
}

/// `GET /2019-09-25/functions/{name}/event-invoke-config/list`
pub(super) fn list(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let shown = lambda.store.read(|state| {
        let all = state.find(at)?.event_invoke.iter().map(|(qualifier, settings)| {
            let at = FunctionRef { qualifier: Some(qualifier.clone()), ..at.clone() };
            (qualifier.clone(), show(&at, settings))
        });
        Ok::<_, Fault>(all.collect::<Vec<_>>())
    })?;
    page::reply(request, "FunctionEventInvokeConfigs", shown)
}

/// What counts for a call by this reference.
pub(super) fn of(function: &Function, at: &FunctionRef) -> EventInvoke {
    function.event_invoke.get(key_of(at)).cloned().unwrap_or_default()
}

fn number(body: &Body, (name, at): (&str, &str), least: u32, most: u32) -> Result<Option<u32>, Fault> {
    let Some(number) = body.number(name)? else { return Ok(None) };
    let fits = u32::try_from(number).ok().filter(|number| (least..=most).contains(number));
    let side = if number < i64::from(least) { ("greater", least) } else { ("less", most) };
    let wrong =
        || invalid(&number.to_string(), at, &format!("Member must have value {} than or equal to {}", side.0, side.1));
    fits.map(Some).ok_or_else(wrong)
}

fn none(at: &FunctionRef) -> Fault {
    missing(format!("The function {} doesn't have an EventInvokeConfig", at.arn_of(key_of(at))))
}

#[expect(clippy::cast_precision_loss, reason = "a time in ms fits")]
fn show(at: &FunctionRef, settings: &EventInvoke) -> Value {
    let destination =
        |arn: &Option<String>| arn.as_ref().map_or_else(|| json!({}), |arn| json!({ "Destination": arn }));
    let mut shown = json!({
        "LastModified": settings.modified as f64 / 1000.0,
        "FunctionArn": at.arn_of(key_of(at)),
        "DestinationConfig": {
            "OnSuccess": destination(&settings.on_success),
            "OnFailure": destination(&settings.on_failure),
        },
    });
    if let Some(retries) = settings.retries {
        shown["MaximumRetryAttempts"] = retries.into();
    }
    if let Some(age) = settings.age {
        shown["MaximumEventAgeInSeconds"] = age.into();
    }
    shown
}
