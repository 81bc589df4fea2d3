//! The versions of a function beside the one that serves: where the alias points, and going back.

use aws_sdk_lambda::types::{AliasRoutingConfiguration, FunctionConfiguration};

use super::absent;
use super::url::{self, Url};
use crate::aws::{Cloud, explain};
use crate::deploy::names::ALIAS;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// Where the alias `live` of a function leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) version: String,
    /// Some of the traffic goes to another version.
    pub(crate) split: bool,
}

/// The alias `live` of a function, by its name on AWS; `None` when there is no alias or no function.
pub(crate) async fn live(cloud: &Cloud, name: &str) -> Result<Option<Live>> {
    cloud.pace.lambda().await;
    let answer = cloud.lambda.get_alias().function_name(name).name(ALIAS).send().await;
    let alias = absent(answer, format!("look at the alias `{ALIAS}` of the function `{name}`"))?;
    let split = |routing: &AliasRoutingConfiguration| {
        routing.additional_version_weights().is_some_and(|weights| !weights.is_empty())
    };
    Ok(alias.and_then(|alias| {
        Some(Live { split: alias.routing_config().is_some_and(split), version: alias.function_version? })
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

/// How a function's own URL answers now.
pub(crate) async fn url_of(cloud: &Cloud, name: &str) -> Result<Url> {
    Ok(url::find(cloud, name).await?.state)
}

/// Changes how its URL answers, which no version knows.
pub(crate) async fn answer(cloud: &Cloud, name: &str, mode: Url) -> Result<()> {
    url::set_mode(cloud, name, mode).await.map(drop)
}
