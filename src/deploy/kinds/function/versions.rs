//! The versions of a function beside the one that serves: where the alias points, sharing traffic, going back.

use std::collections::HashMap;

use aws_sdk_lambda::types::{AliasRoutingConfiguration, FunctionConfiguration};
use serde::Serialize;

use super::absent;
use super::url::{self, Url};
use crate::aws::{Cloud, code, explain};
use crate::deploy::names::ALIAS;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// Where the alias `live` of a function leads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Live {
    pub(crate) version: String,
    /// Some of the traffic goes to another version.
    pub(crate) share: Option<Share>,
}

/// What a second version gets of an alias's traffic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Share {
    pub(crate) version: String,
    /// More than 0, at most 100.
    pub(crate) percent: f64,
}

/// The alias `live` of a function, by its name on AWS; `None` when there is no alias or no function.
pub(crate) async fn live(cloud: &Cloud, name: &str) -> Result<Option<Live>> {
    cloud.pace.lambda().await;
    let answer = cloud.lambda.get_alias().function_name(name).name(ALIAS).send().await;
    let alias = absent(answer, format!("look at the alias `{ALIAS}` of the function `{name}`"))?;
    let share = |routing: &AliasRoutingConfiguration| {
        let (version, weight) = routing.additional_version_weights()?.iter().next()?;
        // Hundredths: 0.07 is not quite 7 % in binary.
        Some(Share { version: version.clone(), percent: (weight * 10_000.0).round() / 100.0 })
    };
    Ok(alias.and_then(|alias| {
        Some(Live { share: alias.routing_config().and_then(share), version: alias.function_version? })
    }))
}

/// A version as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Of the package; of an image nothing that could be compared.
    pub(crate) code_sha256: Option<String>,
}

/// A version of a function of the stage; `None` when it is gone, or the function is or is not ours.
pub(crate) async fn kept(cloud: &Cloud, owner: &Owner, name: &str, version: &str) -> Result<Option<Kept>> {
    let what = || format!("look at version {version} of the function `{name}`");
    let get = async |qualifier: Option<&str>| {
        cloud.pace.get_function().await;
        cloud.lambda.get_function().function_name(name).set_qualifier(qualifier.map(str::to_owned)).send().await
    };
    // The tags are the function's: they are read where it is.
    let (function, version) = tokio::join!(get(None), get(Some(version)));
    let (Some(function), Some(version)) = (absent(function, what())?, absent(version, what())?) else {
        return Ok(None);
    };
    let tags = function.tags.iter().flatten();
    if !owner.owns(tags.map(|(key, value)| (key.as_str(), value.as_str()))) {
        return Ok(None);
    }
    let config = version.configuration();
    let is_image = version.code().is_some_and(|code| code.image_uri().is_some_and(|uri| !uri.is_empty()));
    let code_sha256 = config.and_then(FunctionConfiguration::code_sha256).filter(|_| !is_image);
    Ok(Some(Kept { code_sha256: code_sha256.map(str::to_owned) }))
}

/// Moves the alias `live` to a version, with all traffic.
pub(crate) async fn serve(cloud: &Cloud, name: &str, version: &str) -> Result<()> {
    cloud.pace.lambda().await;
    let call = cloud.lambda.update_alias().function_name(name).name(ALIAS).function_version(version);
    let call = call.routing_config(AliasRoutingConfiguration::builder().build());
    call.send()
        .await
        .map_err(explain(format!("move the alias `{ALIAS}` of the function `{name}` to version {version}")))?;
    Ok(())
}

/// Lets the alias `live` serve version `from`, and `to` with a share of `percent` (1–99). The alias's revision
/// after that comes back.
///
/// Both versions need the same role, which those of a stage have.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>
pub(crate) async fn share(cloud: &Cloud, name: &str, (from, to): (&str, &str), percent: u32) -> Result<Option<String>> {
    cloud.pace.lambda().await;
    let weights = HashMap::from([(to.to_owned(), f64::from(percent) / 100.0)]);
    let routing = AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights)).build();
    let call = cloud.lambda.update_alias().function_name(name).name(ALIAS).function_version(from);
    let what = || format!("give version {to} of the function `{name}` {percent} % of the traffic");
    let alias = call.routing_config(routing).send().await.map_err(|error| explain(what())(error))?;
    Ok(alias.revision_id)
}

/// [`serve`], unless somebody has touched the alias since it had this revision: then `false`.
pub(crate) async fn serve_unless_touched(cloud: &Cloud, name: &str, version: &str, revision: &str) -> Result<bool> {
    cloud.pace.lambda().await;
    let call = cloud.lambda.update_alias().function_name(name).name(ALIAS).function_version(version);
    let call = call.routing_config(AliasRoutingConfiguration::builder().build()).revision_id(revision);
    match call.send().await {
        Ok(_) => Ok(true),
        Err(error) if code(&error) == Some("PreconditionFailedException") => Ok(false),
        Err(error) => {
            Err(explain(format!("move the alias `{ALIAS}` of the function `{name}` to version {version}"))(error))
        }
    }
}

/// The address of a function's own URL, if it has one.
pub(crate) async fn address(cloud: &Cloud, name: &str) -> Result<Option<String>> {
    Ok(url::find(cloud, name).await?.address)
}

/// How a function's own URL answers now.
pub(crate) async fn url_of(cloud: &Cloud, name: &str) -> Result<Url> {
    Ok(url::find(cloud, name).await?.state)
}

/// Changes how its URL answers, which no version knows.
pub(crate) async fn answer(cloud: &Cloud, name: &str, mode: Url) -> Result<()> {
    url::set_mode(cloud, name, mode).await.map(drop)
}
