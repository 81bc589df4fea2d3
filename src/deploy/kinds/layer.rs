//! A layer with one version: its name has its content's hash, so the same content is published once,
//! and what a function has is known by name.
//!
//! Layers have no tags (<https://docs.aws.amazon.com/lambda/latest/api/API_TagResource.html> takes functions,
//! event source mappings, code signing configurations and capacity providers), so the description says
//! whose a version is. It is part of the publishing call.

use std::time::Duration;

use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::types::LayerVersionContentInput;
use serde::Serialize;

use super::{Artifact, Kind};
use crate::aws::{Backoff, Cloud, code, explain, is_passing, say};
use crate::config::{self, StageConfig};
use crate::deploy::names::{artifact_key, layer_name, layer_prefix};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};
use crate::package::OwnLayer;

/// A published layer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Layer {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// SHA-256 of its zip, lower-case hex.
    pub(crate) sha256: String,
    /// The bucket its zip lies in; empty for one that was found.
    #[serde(skip)]
    pub(crate) bucket: String,
}

/// One version of a layer, with whom it belongs to.
struct Version {
    arn: String,
    number: i64,
    /// Of whom it is ours.
    sha256: Option<String>,
}

impl Layer {
    /// As it should be.
    pub(crate) fn wanted(owner: &Owner, bucket: &str, layer: &OwnLayer) -> Self {
        Self {
            name: layer_name(owner, &layer.part, &layer.sha256),
            owner: owner.clone(),
            sha256: layer.sha256.clone(),
            bucket: bucket.to_owned(),
        }
    }

    /// The ARN of the newest version of ours. It may be listed a moment after it was published.
    pub(crate) async fn newest(cloud: &Cloud, owner: &Owner, name: &str) -> Result<String> {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2), Duration::from_secs(20));
        loop {
            let versions = versions(cloud, owner, name).await?;
            let ours = versions.into_iter().filter(|version| version.sha256.is_some());
            if let Some(newest) = ours.max_by_key(|version| version.number) {
                return Ok(newest.arn);
            }
            say("waiting until the layer is listed");
            if !backoff.sleep().await {
                return Err(Error::failed(format!("the layer `{name}` is not there"))
                    .hint("somebody deleted it: run rzap deploy again, it publishes it anew"));
            }
        }
    }
}

/// What is written into a version: whose it is and what is in it. At most 256 characters.
fn description(owner: &Owner, sha256: &str) -> String {
    let [(app_key, app), (stage_key, stage)] = owner.tags();
    format!("{app_key}={app} {stage_key}={stage} sha256={sha256}")
}

/// The hash in a description, when it says that the version is ours.
fn sha256_of(owner: &Owner, text: Option<&str>) -> Option<String> {
    let sha256 = text?.rsplit_once("sha256=")?.1;
    (text == Some(description(owner, sha256).as_str())).then(|| sha256.to_owned())
}

async fn versions(cloud: &Cloud, owner: &Owner, name: &str) -> Result<Vec<Version>> {
    let what = || format!("list the versions of the layer `{name}`");
    let mut versions = Vec::new();
    cloud.pace.lambda().await;
    let mut pages = cloud.lambda.list_layer_versions().layer_name(name).into_paginator().items().send();
    while let Some(version) = pages.next().await {
        let version = match version {
            Ok(version) => version,
            // AWS answers with an empty list, some emulators not.
            Err(error) if code(&error) == Some("ResourceNotFoundException") => break,
            Err(error) => return Err(explain(what())(error)),
        };
        versions.extend(version.layer_version_arn().map(|arn| Version {
            arn: arn.to_owned(),
            number: version.version(),
            sha256: sha256_of(owner, version.description()),
        }));
    }
    Ok(versions)
}

impl Resource for Layer {
    fn key(&self) -> Key {
        Key::new(Kind::Layer, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        vec![Artifact::key_of(&self.owner.app, &self.sha256)]
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &[
            "arn:{partition}:lambda:{region}:{account}:layer:{layers}",
            "arn:{partition}:lambda:{region}:{account}:layer:{layers}:*",
        ];
        let some = |stage: &StageConfig| {
            let own = |layer: &config::Layer| matches!(layer, config::Layer::Folder(_));
            stage.functions.values().any(|it| it.source.layer || it.layers.iter().any(own))
        };
        let others = |stage: &StageConfig| {
            let layers = stage.functions.values().flat_map(|function| &function.layers);
            let arn =
                |layer: &config::Layer| if let config::Layer::Arn(arn) = layer { Some(arn.clone()) } else { None };
            layers.filter_map(arn).collect()
        };
        vec![
            Need::anywhere(&["lambda:ListLayers", "lambda:ListLayerVersions"]),
            Need::on(ON, &["lambda:PublishLayerVersion", "lambda:GetLayerVersion", "lambda:DeleteLayerVersion"])
                .when(some),
            // Whoever gives a function a layer has to be allowed to read it.
            // <https://docs.aws.amazon.com/lambda/latest/dg/permissions-user-function.html>
            Need::on(&[], &["lambda:GetLayerVersion"]).and_on(others),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = layer_prefix(owner);
        let mut found = Found::none();
        cloud.pace.lambda().await;
        let mut pages = cloud.lambda.list_layers().into_paginator().items().send();
        while let Some(layer) = pages.next().await {
            let layer = layer.map_err(explain("list the layers"))?;
            let Some(name) = layer.layer_name().filter(|name| name.starts_with(&prefix)) else { continue };
            let newest = layer.latest_matching_version().and_then(|version| version.description());
            let (name, owner) = (name.to_owned(), owner.clone());
            if let Some(sha256) = sha256_of(&owner, newest) {
                found.ours.push(Self { name, owner, sha256, bucket: String::new() });
            } else {
                found.foreign.push(Key::new(Kind::Layer, name));
            }
        }
        Ok(found)
    }

    async fn converge(&self, cloud: &Cloud, _live: Option<&Self>) -> Result<()> {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5), Duration::from_secs(20));
        loop {
            // `update` does not look around first, and an answer may have got lost.
            let there = versions(cloud, &self.owner, &self.name).await?;
            if there.iter().any(|version| version.sha256.as_ref() == Some(&self.sha256)) {
                return Ok(());
            }
            if !there.is_empty() {
                return Err(self.key().not_ours(&self.owner));
            }
            cloud.pace.lambda().await;
            let object = artifact_key(&self.owner.app, &self.sha256);
            let content = LayerVersionContentInput::builder().s3_bucket(&self.bucket).s3_key(object).build();
            let call = cloud.lambda.publish_layer_version().layer_name(&self.name).content(content);
            let call = call.description(description(&self.owner, &self.sha256));
            // Every publishing call makes a version: who repeats it has to look first.
            let once = aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled());
            match call.customize().config_override(once).send().await {
                Ok(_) => return Ok(()),
                Err(error) if is_passing(&error) && backoff.sleep().await => say("publishing it again"),
                Err(error) => return Err(explain(format!("publish the layer `{}`", self.name))(error)),
            }
        }
    }

    /// Function versions that have it keep it: "To avoid breaking functions, a copy of the version remains
    /// in Lambda until no functions refer to it."
    /// <https://docs.aws.amazon.com/lambda/latest/api/API_DeleteLayerVersion.html>
    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        for version in versions(cloud, &self.owner, &self.name).await? {
            if version.sha256.is_none() {
                continue;
            }
            cloud.pace.lambda().await;
            let call = cloud.lambda.delete_layer_version().layer_name(&self.name).version_number(version.number);
            match call.send().await {
                Ok(_) => {}
                Err(error) if code(&error) == Some("ResourceNotFoundException") => {}
                Err(error) => return Err(explain(format!("delete the layer `{}`", self.name))(error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_says_whose_a_version_is_and_nothing_else_does() {
        let owner = |stage: &str| Owner { app: "shop".into(), stage: stage.into() };
        let text = description(&owner("dev"), "abc");
        assert_eq!(text, "rzap:app=shop rzap:stage=dev sha256=abc");
        assert_eq!(sha256_of(&owner("dev"), Some(&text)).as_deref(), Some("abc"));
        assert_eq!(sha256_of(&owner("de"), Some(&text)), None);
        assert_eq!(sha256_of(&owner("dev"), Some("sha256=abc")), None);
        assert_eq!(sha256_of(&owner("dev"), None), None);
    }
}
