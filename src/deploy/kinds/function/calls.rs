//! The calls that make a function what it should be: create, update, publish.

use std::collections::HashMap;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, DeadLetterConfig, Environment, EphemeralStorage, FunctionCode, PackageType, Runtime,
};

use super::patience::{Refused, role_not_ready};
use super::{Function, SHORT_NAME, Settings};
use crate::aws::{Backoff, Cloud, code, explain, say};
use crate::deploy::resource::Resource as _;
use crate::error::{Error, OrFailed as _, Result};

impl Function {
    /// Creates it with its code, its tags and version 1 in one call. If it turns out to be there
    /// already, and ours, it is returned instead.
    pub(super) async fn create(&self, cloud: &Cloud) -> Result<Option<Self>> {
        let settings = &self.settings;
        let layers = self.layer_arns(cloud).await?;
        let probe = cloud.fresh.probe(&settings.role).await;
        let mut backoff = Backoff::role();
        loop {
            cloud.pace.lambda().await;
            let answer = cloud
                .lambda
                .create_function()
                .function_name(&self.name)
                .set_package_type(settings.is_image().then_some(PackageType::Image))
                .set_image_config((!settings.image_config.is_default()).then(|| settings.image_config.config()))
                .set_runtime(self.runtime())
                .set_handler(self.handler())
                .architectures(Architecture::from(settings.arch.as_str()))
                .memory_size(settings.memory)
                .timeout(settings.timeout)
                .set_ephemeral_storage(Some(storage(settings.ephemeral_storage)?))
                .description(&settings.description)
                .role(&settings.role)
                .environment(self.environment())
                .set_dead_letter_config(settings.dead_letter.as_deref().map(dead_letter))
                .set_layers(Some(layers.clone()).filter(|layers| !layers.is_empty()))
                .code(self.code())
                .publish(true)
                .set_tags(Some(HashMap::from(self.owner.tags())))
                .tags(SHORT_NAME, &self.short_name)
                .send()
                .await;
            match answer {
                Ok(created) => {
                    if let Some(probe) = probe {
                        probe.passed();
                    }
                    self.published(created.version());
                    return Ok(None);
                }
                Err(error) if role_not_ready(&error) => {
                    say("waiting until the new role can be used");
                    if !backoff.sleep().await {
                        return Err(explain(format!("create the function `{}` for 90 s", self.name))(error)
                            .hint("IAM did not make the role usable in time; run rzap again, it continues here"));
                    }
                }
                // Somebody was quicker, or it was us and the answer got lost: whose is it?
                Err(error) if code(&error) == Some("ResourceConflictException") => {
                    let found = Self::read(cloud, &self.owner, &self.name).await?;
                    if let Some(ours) = found.ours.into_iter().next() {
                        return Ok(Some(ours));
                    }
                    if !found.foreign.is_empty() {
                        return Err(self.key().not_ours(&self.owner));
                    }
                    // One that is replaced was deleted a moment ago, and not everywhere yet.
                    say("waiting until the former function is gone");
                    if !backoff.sleep().await {
                        return Err(explain(format!("create the function `{}`", self.name))(error)
                            .hint("the former one of this name is still being deleted: run rzap again, it continues"));
                    }
                }
                Err(error) => return Err(Refused::new(|| format!("create the function `{}`", self.name))(error).error),
            }
        }
    }

    /// `revision` is the one that the function must still have, here and in the two below.
    pub(super) async fn update_configuration(
        &self,
        cloud: &Cloud,
        live: &Settings,
        revision: Option<&str>,
    ) -> Result<(), Refused> {
        let settings = &self.settings;
        let probe = if settings.role == live.role { None } else { cloud.fresh.probe(&settings.role).await };
        // What is not given stays: then a version that was deleted meanwhile is not asked for again.
        let layers = if settings.layers == live.layers { None } else { Some(self.layer_arns(cloud).await?) };
        // An empty ARN takes away what was there.
        let letters = (settings.dead_letter != live.dead_letter)
            .then(|| dead_letter(settings.dead_letter.as_deref().unwrap_or_default()));
        let call = || async {
            cloud.pace.lambda().await;
            cloud
                .lambda
                .update_function_configuration()
                .function_name(&self.name)
                .set_image_config(settings.is_image().then(|| settings.image_config.config()))
                .set_runtime(self.runtime())
                .set_handler(self.handler())
                .memory_size(settings.memory)
                .timeout(settings.timeout)
                .set_ephemeral_storage(Some(storage(settings.ephemeral_storage)?))
                .description(&settings.description)
                .role(&settings.role)
                .environment(self.environment())
                .set_dead_letter_config(letters.clone())
                .set_layers(layers.clone())
                .set_revision_id(revision.map(str::to_owned))
                .send()
                .await
                .map_err(Refused::new(|| format!("update the configuration of the function `{}`", self.name)))
        };
        self.patiently(cloud, call).await?;
        if let Some(probe) = probe {
            probe.passed();
        }
        Ok(())
    }

    pub(super) async fn update_code(
        &self,
        cloud: &Cloud,
        publish: bool,
        revision: Option<&str>,
    ) -> Result<(), Refused> {
        let zip = match &self.direct {
            Some((file, _)) => {
                let what = || format!("read the package {}", file.display());
                Some(Blob::new(tokio::fs::read(file).await.or_failed(what)?))
            }
            None => None,
        };
        let call = || async {
            cloud.pace.lambda().await;
            let code = if zip.is_some() { FunctionCode::builder().build() } else { self.code() };
            cloud
                .lambda
                .update_function_code()
                .function_name(&self.name)
                .set_s3_bucket(code.s3_bucket)
                .set_s3_key(code.s3_key)
                .set_image_uri(code.image_uri)
                .set_zip_file(zip.clone())
                .architectures(Architecture::from(self.settings.arch.as_str()))
                .publish(publish)
                .set_revision_id(revision.map(str::to_owned))
                .send()
                .await
                .map_err(Refused::new(|| format!("update the code of the function `{}`", self.name)))
        };
        let updated = self.patiently(cloud, call).await?;
        self.published(updated.version());
        Ok(())
    }

    pub(super) async fn publish(&self, cloud: &Cloud, revision: Option<&str>) -> Result<()> {
        let call = || async {
            cloud.pace.lambda().await;
            let call = cloud.lambda.publish_version().function_name(&self.name);
            let call = call.set_revision_id(revision.map(str::to_owned));
            call.send().await.map_err(Refused::new(|| format!("publish a version of the function `{}`", self.name)))
        };
        let published = self.patiently(cloud, call).await?;
        self.published(published.version());
        Ok(())
    }

    pub(super) fn published(&self, version: Option<&str>) {
        if let Some(version) = version.filter(|version| *version != "$LATEST") {
            let _ = self.decided.version.set(version.to_owned());
        }
    }

    /// An image brings its own runtime.
    fn runtime(&self) -> Option<Runtime> {
        (!self.settings.is_image()).then(|| Runtime::from(self.settings.runtime.as_str()))
    }

    fn handler(&self) -> Option<String> {
        (!self.settings.is_image()).then(|| self.settings.handler.clone())
    }

    fn code(&self) -> FunctionCode {
        let code = FunctionCode::builder();
        if self.settings.is_image() {
            return code.image_uri(&self.settings.image).build();
        }
        code.s3_bucket(&self.artifact.0).s3_key(&self.artifact.1).build()
    }

    fn environment(&self) -> Environment {
        Environment::builder().set_variables(Some(self.settings.env.clone().into_iter().collect())).build()
    }
}

fn dead_letter(arn: &str) -> DeadLetterConfig {
    DeadLetterConfig::builder().target_arn(arn).build()
}

fn storage(size: i32) -> Result<EphemeralStorage> {
    EphemeralStorage::builder()
        .size(size)
        .build()
        .map_err(|error| Error::failed("failed to set `/tmp`").because(&error))
}
