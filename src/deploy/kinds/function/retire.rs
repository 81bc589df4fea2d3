//! Versions of a function that nobody needs any more: code storage is limited, and they fill it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::types::{AliasConfiguration, AliasRoutingConfiguration};

use crate::aws::{Cloud, code, explain};
use crate::error::{Error, Result};

/// The published versions that no alias leads to, also not with a share, without the newest one.
pub(crate) async fn idle(cloud: &Cloud, name: &str) -> Result<Vec<String>> {
    let versions = async {
        cloud.pace.lambda().await;
        let mut pages = cloud.lambda.list_versions_by_function().function_name(name).into_paginator().items().send();
        let mut versions = BTreeMap::new();
        while let Some(version) = pages.next().await {
            let version = version.map_err(explain(format!("list the versions of the function `{name}`")))?;
            let version = version.version.unwrap_or_default();
            // `$LATEST` is no number.
            if let Ok(number) = version.parse::<u64>() {
                versions.insert(number, version);
            }
        }
        Ok::<_, Error>(versions)
    };
    let aliases = async {
        cloud.pace.lambda().await;
        let mut pages = cloud.lambda.list_aliases().function_name(name).into_paginator().items().send();
        let mut used = BTreeSet::new();
        while let Some(alias) = pages.next().await {
            let alias = alias.map_err(explain(format!("list the aliases of the function `{name}`")))?;
            used.extend(versions_of(&alias));
        }
        Ok::<_, Error>(used)
    };
    let (mut versions, used) = tokio::try_join!(versions, aliases)?;
    // Publishing unchanged code and settings answers with it: gone, the next deploy would make it again.
    versions.pop_last();
    Ok(versions.into_values().filter(|version| !used.contains(version)).collect())
}

fn versions_of(alias: &AliasConfiguration) -> impl Iterator<Item = String> {
    let weights = alias.routing_config().and_then(AliasRoutingConfiguration::additional_version_weights);
    let shares: Vec<String> = weights.into_iter().flat_map(|weights| weights.keys().cloned()).collect();
    alias.function_version.clone().into_iter().chain(shares)
}

/// Deletes one version; what is no number is not deleted, because without one it would be the function.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html>
pub(crate) async fn delete(cloud: &Cloud, name: &str, version: &str) -> Result<()> {
    if version.parse::<u64>().is_err() {
        return Ok(());
    }
    cloud.pace.lambda().await;
    match cloud.lambda.delete_function().function_name(name).qualifier(version).send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
        Err(error) => Err(explain(format!("delete version {version} of the function `{name}`"))(error)),
    }
}
