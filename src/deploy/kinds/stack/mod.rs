//! The `CloudFormation` stack beside the functions: a template that rzap sends as it is.
//!
//! It is touched only when the template or a parameter has changed. Which template stands `GetTemplate` says; it
//! answers with `?` in place of what is not ASCII, so a tag remembers the rest. Values of parameters that the
//! template hides come back as `****`: of those a tag has 16 bits of a hash, as marks do.
//!
//! An update may replace or remove what holds data. Only `CloudFormation` knows whether it does, so it is told not to
//! (see `policy`) unless somebody says `--delete-data`.

mod events;
mod parameters;
mod policy;
mod work;

use std::collections::BTreeMap;

use aws_sdk_cloudformation::error::SdkError;
use aws_sdk_cloudformation::types::{Stack as Described, StackStatus, TemplateStage};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::parameters::Given;
use super::Kind;
use crate::aws::{Cloud, code, explain, is_missing};
use crate::config::cloudformation::Template;
use crate::deploy::late;
use crate::deploy::loss::{Loss, Replacement};
use crate::deploy::names::stack_name;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::Result;

/// Which template it was made of: a hash of all of it, and one of what comes back.
const TEMPLATE_TAG: &str = "rzap:template";
/// Which parameters the config gave.
const PARAMETERS_TAG: &str = "rzap:parameters";

/// How `CloudFormation` shows the value of a parameter with `NoEcho`.
const HIDDEN: &str = "****";

/// A status in which it is complete and can be updated.
const READY: &str = "ready";

/// A stack.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stack {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    owner: Owner,
    /// A hash of its template.
    pub(crate) template: String,
    /// By name; plans do not show the values.
    pub(crate) parameters: BTreeMap<String, String>,
    /// [`READY`], or as `CloudFormation` calls it.
    pub(crate) status: String,
    /// What the config gave it.
    #[serde(skip)]
    given: Given,
    /// The template itself.
    #[serde(skip)]
    body: String,
    /// As `CloudFormation` calls them: `CAPABILITY_IAM`.
    #[serde(skip)]
    capabilities: Vec<String>,
    /// Where a template goes that is too large for a call.
    #[serde(skip)]
    bucket: String,
    /// What must stand first.
    #[serde(skip)]
    after: Vec<Key>,
    /// An update may replace and remove what holds data.
    #[serde(skip)]
    pub(crate) delete_data: bool,
    #[serde(skip)]
    pub(crate) outputs: BTreeMap<String, String>,
    /// The types of what is in it, sorted.
    #[serde(skip)]
    holds: Vec<String>,
}

impl Stack {
    /// As it should be. `parameters` are those of the config with all filled in.
    pub(crate) fn wanted(
        owner: &Owner,
        config: &Template,
        parameters: BTreeMap<String, String>,
        bucket: String,
        mut after: Vec<Key>,
    ) -> Self {
        after.push(Key::new(Kind::Bucket, &bucket));
        Self {
            name: stack_name(owner),
            owner: owner.clone(),
            template: exact(&config.body),
            given: Given::of(&parameters),
            parameters,
            status: READY.to_owned(),
            body: config.body.clone(),
            capabilities: config.capabilities.clone(),
            bucket,
            after,
            delete_data: false,
            outputs: BTreeMap::new(),
            holds: Vec::new(),
        }
    }

    /// The same with other parameters.
    pub(crate) fn with_parameters(&self, parameters: BTreeMap<String, String>) -> Self {
        Self { given: Given::of(&parameters), parameters, ..self.clone() }
    }

    fn found(owner: &Owner, name: &str, live: &Described, body: &str, holds: Vec<String>) -> Self {
        let tag = |key: &str| live.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
        // What somebody made of it by hand has the tag of what it was.
        let remembered = tag(TEMPLATE_TAG).and_then(|tag| tag.split_once(' ')).filter(|(_, back)| *back == loose(body));
        let parameters = live.parameters().iter();
        let parameters = parameters.filter_map(|it| {
            Some((it.parameter_key()?.to_owned(), it.parameter_value().unwrap_or_default().to_owned()))
        });
        let status = live.stack_status().map(StackStatus::as_str).unwrap_or_default();
        Self {
            name: name.to_owned(),
            owner: owner.clone(),
            template: remembered.map_or_else(|| loose(body), |(exact, _)| exact.to_owned()),
            parameters: parameters.collect(),
            status: if is_ready(status) { READY.to_owned() } else { status.to_owned() },
            given: Given::read(tag(PARAMETERS_TAG).unwrap_or_default()),
            body: String::new(),
            capabilities: Vec::new(),
            bucket: String::new(),
            after: Vec::new(),
            delete_data: false,
            outputs: outputs(live),
            holds,
        }
    }

    async fn read(cloud: &Cloud, owner: &Owner, name: &str) -> Result<Found<Self>> {
        let Some(live) = describe(cloud, name).await? else { return Ok(Found::none()) };
        if !is_ours(owner, &live) {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Stack, name)] });
        }
        let template = cloud.cloudformation.get_template().stack_name(name).template_stage(TemplateStage::Original);
        let (template, holds) = tokio::join!(template.send(), holds(cloud, name));
        let body = match template {
            Ok(answer) => answer.template_body.unwrap_or_default(),
            // While it is being deleted it may have none.
            Err(error) if code(&error) == Some("ValidationError") => String::new(),
            Err(error) => return Err(explain(format!("read the template of the stack `{name}`"))(error)),
        };
        let stack = Self::found(owner, name, &live, &body, holds?);
        cloud.outputs.set(late::thing(&stack.key()), stack.outputs.clone());
        Ok(Found::ours(vec![stack]))
    }
}

impl Resource for Stack {
    fn key(&self) -> Key {
        Key::new(Kind::Stack, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        self.after.clone()
    }

    /// `CloudFormation` works in the name of whoever deploys: what the template makes is allowed elsewhere.
    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:cloudformation:{region}:{account}:stack/{app}-{stage}/*"];
        const ACTIONS: &[&str] = &[
            "cloudformation:DescribeStacks",
            "cloudformation:GetTemplate",
            "cloudformation:ListStackResources",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeEvents",
            "cloudformation:CreateStack",
            "cloudformation:UpdateStack",
            "cloudformation:DeleteStack",
            "cloudformation:ContinueUpdateRollback",
            "cloudformation:SetStackPolicy",
            "cloudformation:TagResource",
        ];
        vec![Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        Self::read(cloud, owner, &stack_name(owner)).await
    }

    /// All that is in it, whatever its type: which of it holds data, and what of that its template keeps, rzap does not
    /// know.
    fn losses(&self) -> Vec<Loss> {
        let mut types = self.holds.clone();
        types.dedup();
        let what = match self.holds.len() {
            0 => return Vec::new(),
            1 => "what is in it".to_owned(),
            count => format!("all {count} resources in it"),
        };
        vec![Loss::of_data(format!("{what} but for what its template retains ({})", types.join(", ")))]
    }

    /// What failed to go cannot be updated, only deleted once more.
    fn replacement(&self, live: &Self) -> Option<Replacement> {
        let broken = live.status == StackStatus::DeleteFailed.as_str();
        broken.then(|| Replacement { fields: vec!["status"], losses: Vec::new() })
    }

    fn seen_of(&self, live: &Self) -> Value {
        let parameters = self.given.seen(&self.parameters, &live.given, &live.parameters);
        serde_json::to_value(Self { parameters, ..live.clone() }).unwrap_or(Value::Null)
    }

    async fn converge(&self, cloud: &Cloud, _: Option<&Self>) -> Result<()> {
        let outputs = work::make(cloud, self).await?;
        cloud.outputs.set(late::thing(&self.key()), outputs);
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        work::remove(cloud, self).await
    }
}

/// Complete, and open for an update.
fn is_ready(status: &str) -> bool {
    ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"]
        .contains(&status)
}

fn is_ours(owner: &Owner, live: &Described) -> bool {
    owner.owns(live.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?))))
}

fn outputs(live: &Described) -> BTreeMap<String, String> {
    let outputs = live.outputs().iter();
    outputs
        .filter_map(|it| Some((it.output_key()?.to_owned(), it.output_value().unwrap_or_default().to_owned())))
        .collect()
}

/// A stack by its name or id; `None` when there is none.
async fn describe(cloud: &Cloud, name: &str) -> Result<Option<Described>> {
    match cloud.cloudformation.describe_stacks().stack_name(name).send().await {
        Ok(answer) => Ok(answer.stacks.and_then(|stacks| stacks.into_iter().next())),
        Err(error) if is_gone(&error) || is_missing(cloud, &error) => Ok(None),
        Err(error) => Err(explain(format!("look at the stack `{name}`"))(error)),
    }
}

/// The code says only that something is wrong with the call.
fn is_gone<E: aws_sdk_cloudformation::error::ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let message = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
    code(error) == Some("ValidationError") && message.contains("does not exist")
}

/// The types of what is in a stack, sorted.
async fn holds(cloud: &Cloud, name: &str) -> Result<Vec<String>> {
    let mut types = Vec::new();
    let mut pages = cloud.cloudformation.list_stack_resources().stack_name(name).into_paginator().items().send();
    while let Some(resource) = pages.next().await {
        match resource {
            Ok(resource) => {
                let status = resource.resource_status().map(|status| status.as_str().to_owned()).unwrap_or_default();
                types.extend(resource.resource_type.filter(|_| status != "DELETE_COMPLETE"));
            }
            Err(error) if is_gone(&error) => break,
            Err(error) => return Err(explain(format!("list what is in the stack `{name}`"))(error)),
        }
    }
    types.sort();
    Ok(types)
}

/// A hash of a template, to the letter.
fn exact(body: &str) -> String {
    hex::encode(&Sha256::digest(body.as_bytes())[..8])
}

/// A hash of what `GetTemplate` gives back unchanged: no letters beyond ASCII, no space at the end.
fn loose(body: &str) -> String {
    let kept: String = body.trim_end().chars().filter(|each| each.is_ascii() && *each != '?').collect();
    exact(&kept)
}

#[cfg(test)]
mod tests;
