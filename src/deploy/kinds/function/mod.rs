//! A Lambda function with its code, its published version, the alias `live` and its URL.
//!
//! `converge` makes everything ready and moves no traffic: a new version stands beside the one that
//! serves. [`Function::promote`] moves the alias, and is called only when all of the stage is ready.

mod calls;
mod image;
mod layers;
mod owned;
mod patience;
mod permission;
mod reserved;
pub(crate) mod retire;
mod settings;
mod url;
pub(crate) mod versions;

use std::path::PathBuf;
use std::sync::OnceLock;

use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::AliasRoutingConfiguration;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

pub(in crate::deploy::kinds) use self::owned::on_functions;
use self::patience::Refused;
pub(in crate::deploy::kinds) use self::permission::{
    Grant, Granted, POLICIES, granted, id_prefix, statement_id, statements, take_back,
};
pub(crate) use self::settings::Settings;
pub(crate) use self::url::Url;
pub(in crate::deploy::kinds) use self::url::unknown_operation;
use super::{Kind, STATIC_PLACE, StaticFiles, role};
use crate::aws::{Cloud, code, explain, is_code};
use crate::config::{FunctionConfig, Http, StageConfig};
use crate::deploy::late;
use crate::deploy::loss::{Loss, Replacement};
use crate::deploy::names::{ALIAS, function_prefix, log_group_name};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Functions read at once; `GetFunction` allows 100 requests per second.
const PARALLEL: usize = 16;

/// The tag with the name in the config.
const SHORT_NAME: &str = "rzap:function";

/// A function of a stage.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Function {
    /// The name on AWS.
    #[serde(skip)]
    pub(crate) name: String,
    /// The name in the config.
    #[serde(skip)]
    pub(crate) short_name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    #[serde(flatten)]
    pub(crate) settings: Settings,
    /// Calls at once at the most, and kept free for it; 0 is none at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reserved_concurrency: Option<i32>,
    /// Whether it answers at a URL of its own.
    pub(crate) url: Url,
    /// The alias `live` serves exactly these settings and this code.
    pub(crate) serving: bool,
    /// Where its code lies: bucket and key.
    #[serde(skip)]
    pub(crate) artifact: (String, String),
    /// The zip, when it goes to Lambda without a way by the bucket: its path and its bytes.
    #[serde(skip)]
    pub(crate) direct: Option<(PathBuf, u64)>,
    /// What must stand first.
    #[serde(skip)]
    pub(crate) after: Vec<Key>,
    /// What the cloud decided.
    #[serde(skip)]
    pub(crate) decided: Decided,
}

/// What only the cloud knows of a function.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decided {
    /// The version that serves (found), or will after [`Function::promote`].
    pub(crate) version: OnceLock<String>,
    /// The version `live` points at right now; unset when there is no alias yet.
    pub(crate) live: OnceLock<String>,
    /// The address of its function URL.
    pub(crate) url: OnceLock<String>,
    /// What its URL, which is there, has yet to become.
    pub(crate) mode: OnceLock<Url>,
    /// When it was last changed, as AWS writes it.
    pub(crate) modified: Option<String>,
    /// `Active`, `Pending`, `Inactive`, `Failed`.
    pub(crate) state: Option<String>,
    /// The address of its container image with the digest.
    pub(crate) resolved_image: Option<String>,
    /// Bytes of the zip as it was uploaded; unset for an image.
    pub(crate) code_size: Option<i64>,
    /// Tells `$LATEST` as it was found from what somebody else made of it since; unset where that does not matter.
    pub(crate) revision: Option<String>,
}

impl Function {
    /// One function, by its name on AWS, with all that is managed.
    pub(crate) async fn read(cloud: &Cloud, owner: &Owner, name: &str) -> Result<Found<Self>> {
        let found = Self::look(cloud, owner, name, url::find(cloud, name)).await?;
        // Whoever looks at all of a stage holds its lock.
        Ok(found.map(|function| Self { decided: Decided { revision: None, ..function.decided }, ..function }))
    }

    /// The same without its URL and permissions, which a change of code has no use for.
    pub(crate) async fn read_code(cloud: &Cloud, owner: &Owner, name: &str) -> Result<Found<Self>> {
        let no_url = async { Ok(url::Found { address: None, state: Url::None }) };
        Ok(Self::look(cloud, owner, name, no_url).await?.map(Self::with_digest))
    }

    async fn look(
        cloud: &Cloud,
        owner: &Owner,
        name: &str,
        url: impl Future<Output = Result<url::Found>>,
    ) -> Result<Found<Self>> {
        let what = || format!("look at the function `{name}`");
        let get = async |qualifier: Option<&str>| {
            cloud.pace.get_function().await;
            cloud.lambda.get_function().function_name(name).set_qualifier(qualifier.map(str::to_owned)).send().await
        };
        let (latest, serving, url) = tokio::join!(get(None), get(Some(ALIAS)), url);
        let Some(latest) = absent(latest, what())? else { return Ok(Found::none()) };
        // Without `lambda:ListTags` the function comes without tags, and would look like somebody else's.
        // <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html>
        if let Some(refused) = latest.tags_error() {
            let error = Error::access(format!("failed to read the tags of the function `{name}`"));
            let error = error.hint("whoever runs rzap needs the permission `lambda:ListTags`");
            return Err(Error { causes: vec![refused.message().to_owned()], ..error });
        }
        let tags = latest.tags.clone().unwrap_or_default();
        if !owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Function, name)] });
        }
        let serving = absent(serving, what())?;
        let url = url?;
        let Some(config) = latest.configuration() else { return Ok(Found::none()) };
        let Some(settings) = Settings::of(&latest, owner) else { return Ok(Found::none()) };
        let same_image = serving.as_ref().and_then(image::resolved) == image::resolved(&latest);
        let served = serving.as_ref().and_then(|served| Settings::of(served, owner));
        let is_current = served.is_some_and(|served| served == settings && same_image);
        let served = serving.as_ref().and_then(GetFunctionOutput::configuration);
        let version: OnceLock<String> =
            served.and_then(|it| it.version()).map(str::to_owned).map(OnceLock::from).unwrap_or_default();
        let decided = Decided {
            live: version.clone(),
            version,
            url: url.address.map(OnceLock::from).unwrap_or_default(),
            mode: OnceLock::new(),
            modified: served.unwrap_or(config).last_modified().map(str::to_owned),
            state: config.state().map(|it| it.as_str().to_owned()),
            resolved_image: image::resolved(&latest).map(str::to_owned),
            code_size: Some(config.code_size()).filter(|size| *size > 0),
            revision: config.revision_id().map(str::to_owned),
        };
        let prefix = function_prefix(owner);
        // The name on AWS may have been cut; the tag has it whole.
        let short_name =
            tags.get(SHORT_NAME).map_or_else(|| name.strip_prefix(&prefix).unwrap_or(name), String::as_str);
        Ok(Found::ours(vec![Self {
            name: name.to_owned(),
            short_name: short_name.to_owned(),
            owner: owner.clone(),
            reserved_concurrency: reserved::found(&latest),
            serving: is_current,
            after: Self::after_of(&settings, name),
            settings,
            url: url.state,
            artifact: (String::new(), String::new()),
            direct: None,
            decided,
        }]))
    }

    /// The role, the log group, the layers and the static files a function of these settings stands on.
    pub(crate) fn after_of(settings: &Settings, name: &str) -> Vec<Key> {
        let role = settings.role.rsplit('/').next().unwrap_or_default();
        let layers = settings.layers.iter().filter(|layer| !layer.starts_with("arn:"));
        let layers = layers.map(|layer| Key::new(Kind::Layer, layer));
        let files = settings.env.get(STATIC_PLACE).and_then(|place| StaticFiles::key_of(place));
        let own = [Key::new(Kind::Role, role), Key::new(Kind::LogGroup, log_group_name(name))];
        let awaited = settings.env.values().flat_map(|value| late::keys(value));
        own.into_iter().chain(layers).chain(files).chain(awaited).collect()
    }

    /// Refuses new code for `stream` or `exec` as they are not live: it would be started by a runtime that it
    /// does not have, or answer a URL that cannot read it.
    pub(crate) async fn check_code_only(&self, cloud: &Cloud, config: &FunctionConfig) -> Result<()> {
        let (is, wanted) = (self.settings.has_bridge_runtime(), Settings::wants_bridge_runtime(config));
        if !is && !wanted {
            return Ok(());
        }
        let streams = url::find(cloud, &self.name).await?.state == Url::Streaming;
        if is == wanted && streams == (Url::wanted(config) == Url::Streaming) {
            return Ok(());
        }
        let what = format!("`stream` or `exec` of `{}` has changed, and that is more than its code", self.short_name);
        Err(Error::failed(what).hint(format!("run `rzap deploy {}`", self.owner.stage)))
    }

    /// Moves the alias `live` to what `converge` published, and lets its URL answer as that does. One call,
    /// or none when it is there.
    pub(crate) async fn promote(&self, cloud: &Cloud) -> Result<()> {
        self.move_alias(cloud).await?;
        url::promote(cloud, self).await
    }

    async fn move_alias(&self, cloud: &Cloud) -> Result<()> {
        let Some(version) = self.decided.version.get() else { return Ok(()) };
        if self.decided.live.get() == Some(version) {
            return Ok(());
        }
        let what = || format!("move the alias `{ALIAS}` of the function `{}` to version {version}", self.name);
        cloud.pace.lambda().await;
        let call = cloud.lambda.update_alias().function_name(&self.name).name(ALIAS).function_version(version);
        // A share that somebody gave to another version by hand ends here.
        let call = call.routing_config(AliasRoutingConfiguration::builder().build());
        let Err(error) = call.send().await else { return Ok(()) };
        if is_code(&error, &["ResourceNotFoundException"]) {
            return self.create_alias(cloud, version).await;
        }
        Err(explain(what())(error))
    }

    /// Removes the function's own URL when it had one and is to have none. Called when traffic has moved.
    pub(crate) async fn close_url(&self, cloud: &Cloud, live: &Self) -> Result<()> {
        url::close(cloud, self, live.url).await
    }

    async fn create_alias(&self, cloud: &Cloud, version: &str) -> Result<()> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.create_alias().function_name(&self.name).name(ALIAS).function_version(version);
        match call.send().await {
            Ok(_) => {
                let _ = self.decided.live.set(version.to_owned());
                Ok(())
            }
            Err(error) if code(&error) == Some("ResourceConflictException") => Ok(()),
            Err(error) => Err(explain(format!("create the alias `{ALIAS}` of the function `{}`", self.name))(error)),
        }
    }
}

impl Resource for Function {
    fn key(&self) -> Key {
        Key::new(Kind::Function, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        self.after.clone()
    }

    /// `GetAlias` and the lists are for `rollback`, `traffic` and for versions that are too many; `InvokeFunction` is for
    /// smoke checks, `invoke`, `exec` and `manage`.
    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:lambda:{region}:{account}:function:{names}"];
        const ACTIONS: &[&str] = &[
            "lambda:GetFunction",
            "lambda:ListTags",
            "lambda:CreateFunction",
            "lambda:TagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:PublishVersion",
            "lambda:DeleteFunction",
            "lambda:ListVersionsByFunction",
            "lambda:GetAlias",
            "lambda:ListAliases",
            "lambda:CreateAlias",
            "lambda:UpdateAlias",
            "lambda:GetPolicy",
            "lambda:AddPermission",
            "lambda:RemovePermission",
            "lambda:GetFunctionUrlConfig",
            "lambda:InvokeFunction",
        ];
        const URL: &[&str] =
            &["lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig", "lambda:DeleteFunctionUrlConfig"];
        const RESERVED: &[&str] = &["lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"];
        let reserves =
            |stage: &StageConfig| stage.functions.values().any(|function| function.concurrency.reserved.is_some());
        let has_url = |stage: &StageConfig| stage.functions.values().any(|function| function.http == Some(Http::Url));
        vec![
            Need::anywhere(&["lambda:ListFunctions"]),
            Need::on(ON, ACTIONS),
            Need::on(ON, URL).when(has_url),
            Need::on(ON, RESERVED).when(reserves),
            role::passed_to(|_| vec!["lambda.amazonaws.com".to_owned()]).and_on(role::brought),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = function_prefix(owner);
        let mut names = Vec::new();
        cloud.pace.lambda().await;
        let mut pages = cloud.lambda.list_functions().into_paginator().items().send();
        while let Some(function) = pages.next().await {
            let function = function.map_err(explain("list the functions"))?;
            names.extend(function.function_name.filter(|name| name.starts_with(&prefix)));
        }
        stream::iter(names)
            .map(|name| async move { Self::read(cloud, owner, &name).await })
            .buffer_unordered(PARALLEL)
            .try_collect::<Vec<_>>()
            .await
            .map(|parts| parts.into_iter().collect())
    }

    /// The address of its own URL. Its code is in the project, and what it logged stays.
    fn losses(&self) -> Vec<Loss> {
        self.decided.url.get().map(|url| Loss::of_address(url)).into_iter().collect()
    }

    fn change_losses(&self, live: &Self) -> Vec<Loss> {
        if self.url == Url::None { live.losses() } else { Vec::new() }
    }

    fn replacement(&self, live: &Self) -> Option<Replacement> {
        self.change_of_type(live)
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let Some(live) = live else {
            let there = self.create(cloud).await?;
            self.ready(cloud, self.decided.version.get()).await?;
            if let Some(there) = there {
                return Box::pin(self.converge(cloud, Some(&there))).await;
            }
            self.reserve(cloud, None).await?;
            self.create_alias(cloud, self.decided.version.get().map_or("$LATEST", String::as_str)).await?;
            return url::converge(cloud, self, Url::None).await;
        };
        if let Some(version) = live.decided.live.get() {
            let _ = self.decided.live.set(version.clone());
        }
        self.reserve(cloud, live.reserved_concurrency).await?;
        if !live.serving || self.settings != live.settings {
            self.change(cloud, live).await?;
            self.ready(cloud, self.decided.version.get()).await?;
        } else if let Some(version) = live.decided.version.get() {
            self.published(Some(version));
        }
        if live.decided.live.get().is_none()
            && let Some(version) = self.decided.version.get()
        {
            self.create_alias(cloud, version).await?;
        }
        url::converge(cloud, self, live.url).await
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let call = || async {
            cloud.pace.lambda().await;
            match cloud.lambda.delete_function().function_name(&self.name).send().await {
                Ok(_) => Ok(()),
                Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
                Err(error) => Err(Refused::new(|| format!("delete the function `{}`", self.name))(error)),
            }
        };
        Ok(self.patiently(cloud, call).await?)
    }
}

/// `None` when there is no such function or alias.
fn absent<T, E, R>(answer: std::result::Result<T, SdkError<E, R>>, what: String) -> Result<Option<T>>
where
    E: aws_sdk_lambda::error::ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(explain(what)(error)),
    }
}
