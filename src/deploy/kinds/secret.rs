//! A secret of Secrets Manager, of `resources:`.
//!
//! The id of a version that a deploy wrote begins with `rzap-` and a note of its value ([`super::content`]); it is
//! chosen by whoever writes, in the call that writes. A deleted secret stays for 30 days, in which its name is
//! taken: one that is wanted again is restored.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html>

use std::sync::{Arc, OnceLock};

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Kind;
use super::content::{Content, without};
use crate::aws::{Cloud, explain, is_code, say};
use crate::config::resources::{self as config, Hidden};
use crate::deploy::loss::Loss;
use crate::deploy::names::{secret_name, secret_prefix};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::Result;

/// Secrets read at once.
const PARALLEL: usize = 4;

/// Days until a deleted secret is gone: what AWS takes when nobody says, and the most it takes.
pub(crate) const RECOVERY: i64 = 30;

/// What the id of a version begins with that a deploy wrote: `rzap-1a2b-…`.
const OURS: &str = "rzap-";
/// The label of the version that counts.
const CURRENT: &str = "AWSCURRENT";

const GONE: &[&str] = &["ResourceNotFoundException"];
const DENIED: &[&str] = &["AccessDeniedException", "AccessDenied"];

/// A secret.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) name: String,
    owner: Owner,
    content: Content,
    /// One was restored, with what it had.
    restored: Arc<OnceLock<()>>,
}

impl Secret {
    /// As it should be.
    pub(crate) fn wanted(owner: &Owner, short_name: &str, config: &config::Secret) -> Self {
        Self {
            name: secret_name(owner, short_name),
            owner: owner.clone(),
            content: Content::wanted(&config.given),
            restored: Arc::default(),
        }
    }

    /// Its name in the config.
    pub(crate) fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// Whether somebody still has to give it a value.
    pub(crate) fn has_no_value(&self, live: Option<&Self>) -> bool {
        self.content.is_none() && self.restored.get().is_none() && live.is_none_or(|live| live.content.is_none())
    }

    /// What is compared, where `wanted` is how it should be.
    fn seen(&self, wanted: &Self) -> Value {
        let word = self.content.word(&self.name, &wanted.content);
        Value::Object(word.map(|word| ("value".to_owned(), word.into())).into_iter().collect::<Map<_, _>>())
    }

    /// Gives it a value, whatever the config says; whether it was made by that.
    pub(crate) async fn set(&self, cloud: &Cloud, value: &Hidden) -> Result<bool> {
        let made = self.make(cloud, Some(value)).await?;
        if !made {
            self.restored(cloud).await?;
            self.write(cloud, value, None).await?;
        }
        Ok(made)
    }

    /// The id of a version of the config's; any other is left to the SDK.
    fn version_id(&self) -> Option<String> {
        self.content.note(&self.name).map(|note| format!("{OURS}{note}-{}", Uuid::new_v4().simple()))
    }

    /// Makes it, if it is not there: false when it is, or was.
    async fn make(&self, cloud: &Cloud, value: Option<&Hidden>) -> Result<bool> {
        let tags = self.owner.tags().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let call = cloud.secrets.create_secret().name(&self.name).set_tags(Some(tags.into()));
        match call.set_secret_string(value.map(|value| value.reveal().to_owned())).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_code(&error, &["ResourceExistsException"]) => Ok(false),
            // "a secret with this name is already scheduled for deletion", and other reasons.
            Err(error) if is_code(&error, &["InvalidRequestException"]) => match self.describe(cloud).await? {
                Some(_) => Ok(false),
                None => Err(explain(format!("create the secret `{}`", self.name))(error)),
            },
            Err(error) => {
                let error = explain(format!("create the secret `{}`", self.name))(error);
                Err(match value {
                    Some(value) => without(value, error),
                    None => error,
                })
            }
        }
    }

    async fn describe(&self, cloud: &Cloud) -> Result<Option<DescribeSecretOutput>> {
        match cloud.secrets.describe_secret().secret_id(&self.name).send().await {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if is_code(&error, GONE) => Ok(None),
            Err(error) => Err(explain(format!("look at the secret `{}`", self.name))(error)),
        }
    }

    /// What is in the one that is there, taken back when it was deleted.
    async fn restored(&self, cloud: &Cloud) -> Result<Content> {
        let Some(secret) = self.describe(cloud).await? else { return Ok(Content::None) };
        if !owns(&self.owner, &secret) {
            return Err(self.key().not_ours(&self.owner));
        }
        if secret.deleted_date().is_some() {
            let call = cloud.secrets.restore_secret().secret_id(&self.name);
            call.send().await.map_err(explain(format!("restore the secret `{}`", self.name)))?;
            say(&format!("the secret {} was scheduled for deletion: it is restored, with the value it had", self.name));
        }
        let content = content(&secret);
        if !content.is_none() {
            let _ = self.restored.set(());
        }
        Ok(content)
    }

    async fn write(&self, cloud: &Cloud, value: &Hidden, id: Option<String>) -> Result<()> {
        let call = cloud.secrets.put_secret_value().secret_id(&self.name).secret_string(value.reveal());
        let put = call.set_client_request_token(id).send().await;
        let explained = put.map_err(explain(format!("write the secret `{}`", self.name)));
        explained.map_err(|error| without(value, error))?;
        Ok(())
    }

    /// One secret by its name, which may be gone by now: lists lag behind, by minutes.
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>
    async fn read(cloud: &Cloud, owner: &Owner, name: String) -> Result<Found<Self>> {
        let mut one = Self { name, owner: owner.clone(), content: Content::None, restored: Arc::default() };
        let Some(secret) = one.describe(cloud).await? else { return Ok(Found::none()) };
        if secret.deleted_date().is_some() {
            return Ok(Found::none());
        }
        if !owns(owner, &secret) {
            return Ok(Found { ours: Vec::new(), foreign: vec![one.key()] });
        }
        one.content = content(&secret);
        if let Content::Noted(_) = one.content {
            match cloud.secrets.get_secret_value().secret_id(&one.name).send().await {
                Ok(answer) => {
                    let value = answer.secret_string.map(|value| Content::Is(Hidden::new(value)));
                    one.content = value.unwrap_or(Content::Apart);
                }
                Err(error) if is_code(&error, DENIED) => {}
                Err(error) if is_code(&error, GONE) => one.content = Content::None,
                Err(error) => return Err(explain(format!("read the secret `{}`", one.name))(error)),
            }
        }
        Ok(Found::ours(vec![one]))
    }
}

fn owns(owner: &Owner, secret: &DescribeSecretOutput) -> bool {
    owner.owns(secret.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?))))
}

/// What the ids of the versions tell.
fn content(secret: &DescribeSecretOutput) -> Content {
    let mut versions = secret.version_ids_to_stages().into_iter().flatten();
    match versions.find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT)) {
        None => Content::None,
        Some((id, _)) => match id.strip_prefix(OURS).and_then(|rest| rest.split_once('-')) {
            Some((note, _)) => Content::Noted(note.to_owned()),
            None => Content::Apart,
        },
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.seen(self).serialize(serializer)
    }
}

impl Resource for Secret {
    fn key(&self) -> Key {
        Key::new(Kind::Secret, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:secretsmanager:{region}:{account}:secret:{app}/{stage}/*"];
        const ACTIONS: &[&str] = &[
            "secretsmanager:CreateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:GetSecretValue",
            "secretsmanager:DeleteSecret",
            "secretsmanager:RestoreSecret",
            "secretsmanager:TagResource",
        ];
        vec![Need::anywhere(&["secretsmanager:ListSecrets"]), Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = secret_prefix(owner);
        let filter = Filter::builder().key(FilterNameStringType::Name).values(&prefix).build();
        let mut names = Vec::new();
        let mut pages = cloud.secrets.list_secrets().filters(filter).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(explain("list the secrets"))?;
            names.extend(page.secret_list.unwrap_or_default().into_iter().filter_map(|secret| secret.name));
        }
        // The filter takes no notice of a path's end.
        names.retain(|name| name.starts_with(&prefix));
        let found: Vec<Found<Self>> = stream::iter(names)
            .map(|name| Self::read(cloud, owner, name))
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().collect())
    }

    /// Its value, for the days in which it can still be brought back too.
    fn losses(&self) -> Vec<Loss> {
        let what =
            || format!("its value, which AWS keeps for {RECOVERY} more days: a deploy in that time brings it back");
        (!self.content.is_none()).then(|| Loss::of_data(what())).into_iter().collect()
    }

    fn seen_of(&self, live: &Self) -> Value {
        live.seen(self)
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        // A value of the config is written after that: not every emulator lets the first version's id be chosen.
        let first = if let Content::Is(_) = self.content { None } else { self.content.fresh() };
        let content = match live {
            Some(live) => live.content.clone(),
            None if self.make(cloud, first.as_ref()).await? => first.map_or(Content::None, |_| Content::Apart),
            None => self.restored(cloud).await?,
        };
        match (self.content.fresh(), &self.content) {
            // What was made up or set once stays.
            (Some(value), Content::Any(_)) if content.is_none() => self.write(cloud, &value, None).await,
            (Some(value), Content::Is(_)) => self.write(cloud, &value, self.version_id()).await,
            _ => Ok(()),
        }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let call = cloud.secrets.delete_secret().secret_id(&self.name).recovery_window_in_days(RECOVERY);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, GONE) => Ok(()),
            Err(error) => {
                let is_deleted = |secret: DescribeSecretOutput| secret.deleted_date.is_some();
                if self.describe(cloud).await?.is_none_or(is_deleted) {
                    return Ok(());
                }
                Err(explain(format!("delete the secret `{}`", self.name))(error))
            }
        }
    }
}
