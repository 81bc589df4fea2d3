//! What hangs on the alias `live` of a function without tags of its own: it is ours when the function is.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::PARALLEL;
use crate::aws::{Cloud, explain};
use crate::deploy::names::function_prefix;
use crate::deploy::resource::Owner;
use crate::error::{Error, Result};

/// Asks `look` about every function whose name could be this stage's, and keeps what it finds on those whose tags
/// say that they are.
pub(in crate::deploy::kinds) async fn on_functions<T>(
    cloud: &Cloud,
    owner: &Owner,
    look: impl AsyncFn(&str) -> Result<Option<T>>,
) -> Result<Vec<T>> {
    let prefix = function_prefix(owner);
    let mut functions = Vec::new();
    cloud.pace.lambda().await;
    let mut pages = cloud.lambda.list_functions().into_paginator().items().send();
    while let Some(function) = pages.next().await {
        let function = function.map_err(explain("list the functions"))?;
        let name = function.function_name.filter(|name| name.starts_with(&prefix));
        functions.extend(name.zip(function.function_arn));
    }
    let look = &look;
    let found = stream::iter(functions).map(|(name, arn)| async move {
        let Some(found) = look(&name).await? else { return Ok::<_, Error>(None) };
        cloud.pace.lambda().await;
        let tags = cloud.lambda.list_tags().resource(&arn).send().await;
        let tags = tags.map_err(explain(format!("read the tags of the function `{name}`")))?.tags.unwrap_or_default();
        Ok(owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).then_some(found))
    });
    let found: Vec<Option<T>> = found.buffer_unordered(PARALLEL).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}
