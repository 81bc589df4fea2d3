//! What becomes of a function's asynchronous calls, drawn: where records and dead letters go, and what it takes.

use serde_json::Value;

use super::{Drawing, allow, stores};
use crate::config::{Destination, FunctionConfig};
use crate::deploy::kinds::{Any, EventInvoke, Kind, Provisioned};
use crate::deploy::names::function_name;
use crate::deploy::resource::Key;
use crate::error::{Error, Result};

/// The kinds that [`wanted`] has for a function.
pub(super) fn kinds(function: &FunctionConfig) -> impl Iterator<Item = Kind> {
    let records = function.asynchronous.is_configured().then_some(Kind::EventInvoke);
    let provisioned = function.concurrency.provisioned.map(|_| Kind::Provisioned);
    records.into_iter().chain(provisioned)
}

/// What stands beside a function for that.
pub(super) fn wanted(function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
    let name = function_name(&drawing.owner, &function.name);
    let mut all = Vec::new();
    let said = &function.asynchronous;
    if said.is_configured() {
        let arn = |destination: &Option<Destination>| destination.as_ref().map(|it| arn(it, drawing)).transpose();
        let mut after = Vec::new();
        for destination in said.on_success.iter().chain(&said.on_failure) {
            after.extend(stands_on(destination, drawing)?);
        }
        let (on_success, on_failure) = (arn(&said.on_success)?, arn(&said.on_failure)?);
        let limits = (said.retries, said.max_event_age);
        all.push(Any::EventInvoke(EventInvoke::wanted(name.clone(), limits, (on_success, on_failure), after)));
    }
    all.extend(function.concurrency.provisioned.map(|count| Any::Provisioned(Provisioned::wanted(name, count))));
    Ok(all)
}

/// What Lambda does in the function's name: "your function needs additional permissions".
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
///
/// With each comes the key that asks for it.
pub(super) fn statements(function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<(&'static str, Value)>> {
    let said = &function.asynchronous;
    let mut arns = Vec::new();
    for (key, destination) in [("on_success", &said.on_success), ("on_failure", &said.on_failure)] {
        arns.extend(destination.iter().map(|it| Ok((key, arn(it, drawing)?))).collect::<Result<Vec<_>>>()?);
    }
    let letters = said.dead_letter.as_ref().map(|source| drawing.addresses.arn(source)).transpose()?;
    arns.extend(letters.map(|arn| ("dead_letter", arn)));
    let granted = |(key, arn)| grants(arn).into_iter().map(move |statement| (key, statement));
    Ok(arns.into_iter().flat_map(granted).collect())
}

/// The ARN of what takes a function's dead letters, and what of the stage has to stand before it does.
pub(super) fn dead_letter(function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<(Option<String>, Vec<Key>)> {
    let Some(source) = &function.asynchronous.dead_letter else { return Ok((None, Vec::new())) };
    let destination = match source {
        crate::config::triggers::Source::Own(name) => Destination::Own(name.clone()),
        crate::config::triggers::Source::Arn(arn) => Destination::Arn(arn.clone()),
    };
    Ok((Some(arn(&destination, drawing)?), stands_on(&destination, drawing)?))
}

fn grants(arn: String) -> Vec<Value> {
    match arn.split(':').nth(2) {
        Some("sqs") => vec![allow(&["sqs:SendMessage"], &[arn])],
        Some("sns") => vec![allow(&["sns:Publish"], &[arn])],
        Some("events") => vec![allow(&["events:PutEvents"], &[arn])],
        Some("lambda") => vec![allow(&["lambda:InvokeFunction"], &[arn])],
        Some("s3") => {
            let objects = format!("{arn}/*");
            vec![allow(&["s3:PutObject"], &[objects]), allow(&["s3:ListBucket"], &[arn])]
        }
        // The config takes no other.
        _ => Vec::new(),
    }
}

fn arn(destination: &Destination, drawing: &Drawing<'_>) -> Result<String> {
    match destination {
        Destination::Own(name) => drawing.addresses.get(name).map(|address| address.arn.clone()),
        Destination::Arn(arn) => Ok(arn.clone()),
        Destination::Function(name) => called(name, drawing).map(|function| drawing.alias(function)),
    }
}

fn called<'a>(name: &str, drawing: &Drawing<'a>) -> Result<&'a FunctionConfig> {
    let missing = || Error::failed(format!("the app has no function `{name}`"));
    drawing.stage.functions.get(name).ok_or_else(missing)
}

/// What of the stage has to be there before a destination is named. What itself waits for functions (a topic's
/// subscriptions, say) is not the thing itself.
fn stands_on(destination: &Destination, drawing: &Drawing<'_>) -> Result<Vec<Key>> {
    match destination {
        Destination::Arn(_) => Ok(Vec::new()),
        Destination::Function(name) => {
            let function = called(name, drawing)?;
            Ok(vec![Key::new(Kind::Function, function_name(&drawing.owner, &function.name))])
        }
        Destination::Own(name) => {
            let Some(resource) = drawing.stage.resources.get(name) else { return Ok(Vec::new()) };
            let parts = stores::of(resource).wanted(name, drawing)?;
            let alone = |any: &&Any| !any.after().iter().any(|key| key.kind == Kind::Function);
            Ok(parts.iter().filter(alone).map(Any::key).collect())
        }
    }
}
