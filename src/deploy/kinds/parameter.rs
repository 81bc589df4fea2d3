//! A parameter of SSM Parameter Store, of `resources:`.
//!
//! The tag `rzap:value` says which version a deploy wrote, and notes what ([`super::content`]). A parameter cannot
//! be made without a value, nor tagged by the call that writes a new one:
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder;
use aws_sdk_ssm::types::{Parameter as Live, ParameterType, ResourceTypeForTagging, Tag};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::{Value, json};

use super::Kind;
use super::content::{Content, without};
use crate::aws::{Cloud, explain, is_code};
use crate::config::resources::{self as config, Hidden};
use crate::deploy::loss::{Loss, Replacement};
use crate::deploy::names::{parameter_name, parameter_path};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Parameters whose tags are read at once.
const PARALLEL: usize = 4;
/// Of one `GetParameters`.
const BATCH: usize = 10;

/// `{version}:{note}` of the value that a deploy wrote.
const NOTE: &str = "rzap:value";

const GONE: &[&str] = &["ParameterNotFound", "InvalidResourceId"];
const DENIED: &[&str] = &["AccessDeniedException", "AccessDenied"];

/// A parameter.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// Its name in the config.
    short_name: String,
    owner: Owner,
    /// A `SecureString`, encrypted with the account's key for SSM.
    secure: bool,
    content: Content,
}

impl Parameter {
    /// As it should be.
    pub(crate) fn wanted(owner: &Owner, short_name: &str, config: &config::Parameter) -> Self {
        Self {
            name: parameter_name(owner, short_name),
            short_name: short_name.to_owned(),
            owner: owner.clone(),
            secure: config.secure,
            content: Content::wanted(&config.given),
        }
    }

    /// What is compared, where `wanted` is how it should be.
    fn seen(&self, wanted: &Self) -> Value {
        let mut seen = json!({ "secure": self.secure });
        if let Some(word) = self.content.word(&self.name, &wanted.content) {
            seen["value"] = word.into();
        }
        seen
    }

    /// Gives it a value, whatever the config says; whether it was made by that.
    pub(crate) async fn set(&self, cloud: &Cloud, value: &Hidden) -> Result<bool> {
        let made = self.make(cloud, value, None).await?;
        if !made {
            self.overwrite(cloud, value).await?;
        }
        Ok(made)
    }

    fn put(&self, cloud: &Cloud, value: &Hidden) -> PutParameterFluentBuilder {
        let kind = if self.secure { ParameterType::SecureString } else { ParameterType::String };
        cloud.ssm.put_parameter().name(&self.name).r#type(kind).value(value.reveal())
    }

    /// Makes it, if it is not there: false when it is, and ours.
    async fn make(&self, cloud: &Cloud, value: &Hidden, note: Option<String>) -> Result<bool> {
        let note = note.map(|note| (NOTE.to_owned(), format!("1:{note}")));
        let tags = self.owner.tags().into_iter().chain(note);
        let tags = tags.map(|(key, value)| tag(&key, &value)).collect::<Result<Vec<_>>>()?;
        match self.put(cloud, value).set_tags(Some(tags)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_code(&error, &["ParameterAlreadyExists"]) => {
                let tags = tags_of(cloud, &self.name).await?.unwrap_or_default();
                let owned = self.owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
                if owned { Ok(false) } else { Err(self.key().not_ours(&self.owner)) }
            }
            Err(error) => Err(without(value, explain(format!("create the parameter `{}`", self.name))(error))),
        }
    }

    /// Its new version.
    async fn overwrite(&self, cloud: &Cloud, value: &Hidden) -> Result<i64> {
        let put = self.put(cloud, value).overwrite(true).send().await;
        let explained = put.map_err(explain(format!("write the parameter `{}`", self.name)));
        Ok(explained.map_err(|error| without(value, error))?.version())
    }

    /// Writes what the config says over what is there.
    async fn write(&self, cloud: &Cloud) -> Result<()> {
        let (Content::Is(value), Some(note)) = (&self.content, self.content.note(&self.name)) else { return Ok(()) };
        let version = self.overwrite(cloud, value).await?;
        // Without it the next deploy takes the value for one that was set by hand, and writes it again.
        let call = cloud.ssm.add_tags_to_resource().resource_type(ResourceTypeForTagging::Parameter);
        let call = call.resource_id(&self.name).tags(tag(NOTE, &format!("{version}:{note}"))?);
        call.send().await.map_err(explain(format!("tag the parameter `{}`", self.name)))?;
        Ok(())
    }
}

fn tag(key: &str, value: &str) -> Result<Tag> {
    let tag = Tag::builder().key(key).value(value).build();
    tag.map_err(|error| Error::failed("failed to write a tag").because(&error))
}

/// The tags of a parameter; `None` when it is gone.
async fn tags_of(cloud: &Cloud, name: &str) -> Result<Option<BTreeMap<String, String>>> {
    let call = cloud.ssm.list_tags_for_resource().resource_type(ResourceTypeForTagging::Parameter).resource_id(name);
    match call.send().await {
        Ok(answer) => {
            let tags = answer.tag_list.unwrap_or_default().into_iter();
            Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
        }
        Err(error) if is_code(&error, GONE) => Ok(None),
        Err(error) => Err(explain(format!("read the tags of the parameter `{name}`"))(error)),
    }
}

/// The values of these parameters, decrypted; `None` when we may not.
async fn values_of(cloud: &Cloud, names: &[String]) -> Result<Option<BTreeMap<String, Hidden>>> {
    let mut values = BTreeMap::new();
    for batch in names.chunks(BATCH) {
        let call = cloud.ssm.get_parameters().set_names(Some(batch.to_vec())).with_decryption(true);
        match call.send().await {
            Ok(answer) => values.extend(
                answer
                    .parameters
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|live| Some((live.name?, Hidden::new(live.value?)))),
            ),
            Err(error) if is_code(&error, DENIED) => return Ok(None),
            Err(error) => return Err(explain("read parameters")(error)),
        }
    }
    Ok(Some(values))
}

impl Serialize for Parameter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.seen(self).serialize(serializer)
    }
}

impl Resource for Parameter {
    fn key(&self) -> Key {
        Key::new(Kind::Parameter, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        Vec::new()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &[
            "arn:{partition}:ssm:{region}:{account}:parameter/{app}/{stage}",
            "arn:{partition}:ssm:{region}:{account}:parameter/{app}/{stage}/*",
        ];
        const ACTIONS: &[&str] = &[
            "ssm:GetParametersByPath",
            "ssm:GetParameters",
            "ssm:PutParameter",
            "ssm:DeleteParameter",
            "ssm:AddTagsToResource",
            "ssm:ListTagsForResource",
        ];
        vec![Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let path = parameter_path(owner);
        let mut listed: Vec<Live> = Vec::new();
        let mut pages = cloud.ssm.get_parameters_by_path().path(&path).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(explain(format!("list the parameters below `{path}`")))?;
            listed.extend(page.parameters.unwrap_or_default());
        }
        let tagged: Vec<(Live, Option<BTreeMap<String, String>>)> = stream::iter(listed)
            .map(|live| async {
                let tags = tags_of(cloud, live.name().unwrap_or_default()).await?;
                Ok::<_, Error>((live, tags))
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        let mut found = Found::none();
        let mut to_read = BTreeSet::new();
        for (live, tags) in tagged {
            let (Some(name), Some(tags)) = (live.name, tags) else { continue };
            if !owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
                found.foreign.push(Key::new(Kind::Parameter, name));
                continue;
            }
            let note = tags.get(NOTE).and_then(|note| note.split_once(':'));
            let note = note.filter(|(version, _)| *version == live.version.to_string()).map(|(_, note)| note);
            let secure = live.r#type == Some(ParameterType::SecureString);
            let content = match note {
                Some(_) if !secure => Content::Is(Hidden::new(live.value.unwrap_or_default())),
                Some(note) => {
                    to_read.insert(name.clone());
                    Content::Noted(note.to_owned())
                }
                None => Content::Apart,
            };
            let short_name = name.rsplit('/').next().unwrap_or_default().to_owned();
            found.ours.push(Self { name, short_name, owner: owner.clone(), secure, content });
        }
        let names: Vec<String> = to_read.into_iter().collect();
        if let Some(mut values) = values_of(cloud, &names).await? {
            for parameter in &mut found.ours {
                if let Some(value) = values.remove(&parameter.name) {
                    parameter.content = Content::Is(value);
                }
            }
        }
        Ok(found)
    }

    /// A value that nobody wrote into the config.
    fn losses(&self) -> Vec<Loss> {
        let apart = self.content == Content::Apart;
        apart.then(|| Loss::of_data("a value that is not in rzap.yaml")).into_iter().collect()
    }

    /// "Parameter Store doesn't support changing a parameter type in a hierarchy."
    fn replacement(&self, live: &Self) -> Option<Replacement> {
        let gap = || Loss::of_service("whoever reads it until it is made anew finds nothing");
        (self.secure != live.secure).then(|| Replacement { fields: vec!["secure"], losses: vec![gap()] })
    }

    fn seen_of(&self, live: &Self) -> Value {
        live.seen(self)
    }

    fn lacks(&self) -> Option<String> {
        self.content.is_none().then(|| format!("rzap secret set {} {}", self.owner.stage, self.short_name))
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        if live.is_some() {
            return self.write(cloud).await;
        }
        let Some(value) = self.content.fresh() else {
            let hint = self.lacks().map(|command| format!("`{command}`")).unwrap_or_default();
            return Err(Error::failed(format!("the parameter `{}` has no value", self.name)).hint(hint));
        };
        if self.make(cloud, &value, self.content.note(&self.name)).await? { Ok(()) } else { self.write(cloud).await }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        match cloud.ssm.delete_parameter().name(&self.name).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, GONE) => Ok(()),
            Err(error) => Err(explain(format!("delete the parameter `{}`", self.name))(error)),
        }
    }
}
