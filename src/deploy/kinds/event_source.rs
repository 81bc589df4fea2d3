//! An event source mapping: Lambda itself reads a queue (or a stream) and calls a function's alias `live`.
//!
//! Its id is random; which one it is source and function say, of which there can be one mapping only.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>

use std::collections::BTreeSet;
use std::sync::OnceLock;

use aws_sdk_lambda::types::{
    EventSourceMappingConfiguration, Filter, FilterCriteria, FunctionResponseType, ScalingConfig,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;

use super::Kind;
use super::attempt::{Made, Refused, patiently};
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::config::triggers::SqsTrigger;
use crate::deploy::names::{ALIAS, function_prefix};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Tag look-ups under way at once.
const PARALLEL: usize = 4;

/// A mapping.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EventSource {
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// The function's name on AWS.
    #[serde(skip)]
    pub(crate) function: String,
    /// What is read: an ARN.
    #[serde(skip)]
    pub(crate) source: String,
    pub(crate) enabled: bool,
    /// Records per call at most.
    pub(crate) batch: i32,
    /// Seconds to wait for a full batch.
    pub(crate) window: i32,
    /// The function says which records of a batch have failed.
    pub(crate) partial_failures: bool,
    /// Calls at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_concurrency: Option<i32>,
    /// Event patterns, JSON.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) filter: BTreeSet<String>,
    #[serde(skip)]
    id: OnceLock<String>,
}

impl EventSource {
    /// The messages of a queue, by its ARN.
    pub(crate) fn of_queue(owner: &Owner, function: &str, queue: String, config: &SqsTrigger) -> Self {
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        Self {
            owner: owner.clone(),
            function: function.to_owned(),
            source: queue,
            enabled: config.enabled,
            batch: number(config.batch),
            window: number(config.window),
            partial_failures: config.partial_failures,
            max_concurrency: config.max_concurrency.map(number),
            filter: config.filter.iter().map(Value::to_string).collect(),
            id: OnceLock::new(),
        }
    }

    /// `None` for one that reads from something without an ARN or calls no alias `live`.
    fn found(owner: &Owner, live: &EventSourceMappingConfiguration) -> Option<Self> {
        // `arn:aws:lambda:eu-west-1:123456789012:function:shop-dev-worker:live`
        let mut function = live.function_arn()?.split(':').skip(6);
        let (name, qualifier) = (function.next()?, function.next());
        let filters = live.filter_criteria().map(FilterCriteria::filters).unwrap_or_default();
        let pattern = |filter: &Filter| {
            let parsed: Value = serde_json::from_str(filter.pattern()?).ok()?;
            Some(parsed.to_string())
        };
        let on = live.state().is_none_or(|state| !matches!(state, "Disabled" | "Disabling"));
        let partial = live.function_response_types().contains(&FunctionResponseType::ReportBatchItemFailures);
        (qualifier == Some(ALIAS)).then(|| Self {
            owner: owner.clone(),
            function: name.to_owned(),
            source: live.event_source_arn().unwrap_or_default().to_owned(),
            enabled: on,
            batch: live.batch_size().unwrap_or_default(),
            window: live.maximum_batching_window_in_seconds().unwrap_or_default(),
            partial_failures: partial,
            max_concurrency: live.scaling_config().and_then(ScalingConfig::maximum_concurrency),
            filter: filters.iter().filter_map(pattern).collect(),
            id: live.uuid().map(str::to_owned).map(OnceLock::from).unwrap_or_default(),
        })
    }

    fn filter_criteria(&self) -> FilterCriteria {
        let filters = self.filter.iter().map(|pattern| Filter::builder().pattern(pattern).build());
        FilterCriteria::builder().set_filters(Some(filters.collect())).build()
    }

    fn response_types(&self) -> Vec<FunctionResponseType> {
        self.partial_failures.then_some(FunctionResponseType::ReportBatchItemFailures).into_iter().collect()
    }

    fn scaling(&self) -> ScalingConfig {
        ScalingConfig::builder().set_maximum_concurrency(self.max_concurrency).build()
    }

    async fn create(&self, cloud: &Cloud) -> Result<Made, Refused> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.create_event_source_mapping().function_name(format!("{}:{ALIAS}", self.function));
        let call = call.event_source_arn(&self.source).enabled(self.enabled).batch_size(self.batch);
        let call = call.maximum_batching_window_in_seconds(self.window).set_tags(Some(self.owner.tags().into()));
        let call = call.set_function_response_types(Some(self.response_types()));
        let call = call.set_filter_criteria((!self.filter.is_empty()).then(|| self.filter_criteria()));
        let call = call.set_scaling_config(self.max_concurrency.map(|_| self.scaling()));
        match call.send().await {
            Ok(_) => Ok(Made::Now),
            Err(error) if code(&error) == Some("ResourceConflictException") => Ok(Made::Before),
            Err(error) => Err(Refused::new(format!("create the {}", self.key()), error, worth_waiting)),
        }
    }

    async fn update(&self, cloud: &Cloud, id: &str) -> Result<Made, Refused> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.update_event_source_mapping().uuid(id).enabled(self.enabled).batch_size(self.batch);
        let call = call.maximum_batching_window_in_seconds(self.window).scaling_config(self.scaling());
        let call =
            call.set_function_response_types(Some(self.response_types())).filter_criteria(self.filter_criteria());
        // Only that it is busy passes by: whether the role may read was found out when it was made.
        let busy = |code: &str, _: &str| worth_waiting(code, "");
        let sent = call.send().await;
        sent.map_err(|error| Refused::new(format!("update the {}", self.key()), error, busy))?;
        Ok(Made::Now)
    }

    /// The id of the mapping of this source and this function.
    async fn find(&self, cloud: &Cloud) -> Result<Option<String>> {
        if let Some(id) = self.id.get() {
            return Ok(Some(id.clone()));
        }
        let call = cloud.lambda.list_event_source_mappings().function_name(format!("{}:{ALIAS}", self.function));
        match call.event_source_arn(&self.source).send().await {
            Ok(answer) => Ok(answer.event_source_mappings().iter().find_map(|one| one.uuid().map(str::to_owned))),
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(explain(format!("look for the {}", self.key()))(error)),
        }
    }
}

/// What a refused call may be waiting for without knowing; `None` when another try would end the same.
fn worth_waiting(code: &str, text: &str) -> Option<&'static str> {
    match code {
        // "The provided execution role does not have permissions to call ReceiveMessage on SQS": also the answer
        // for a policy that was written a moment ago.
        "InvalidParameterValueException" if text.contains("role") => {
            Some("waiting until the function's role may read from it")
        }
        "ResourceInUseException" => Some("waiting for a change of it that is in progress"),
        _ => None,
    }
}

impl Resource for EventSource {
    fn key(&self) -> Key {
        let source = self.source.rsplit([':', '/']).next().unwrap_or_default();
        Key::new(Kind::EventSource, format!("{}/{source}", self.function))
    }

    fn after(&self) -> Vec<Key> {
        let name = self.source.rsplit(':').next().unwrap_or_default();
        let queue = self.source.split(':').nth(2) == Some("sqs");
        let queue = queue.then(|| Key::new(Kind::Queue, name));
        [Key::new(Kind::Function, &self.function)].into_iter().chain(queue).collect()
    }

    /// Lambda names mappings at random, and those that are looked for are in no list of ours.
    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:lambda:{region}:{account}:event-source-mapping:*"];
        const OWN: &[&str] = &[
            "lambda:UpdateEventSourceMapping",
            "lambda:DeleteEventSourceMapping",
            "lambda:ListTags",
            "lambda:TagResource",
        ];
        vec![Need::anywhere(&["lambda:ListEventSourceMappings", "lambda:CreateEventSourceMapping"]), Need::on(ON, OWN)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = function_prefix(owner);
        let mut found = Vec::new();
        let mut pages = cloud.lambda.list_event_source_mappings().into_paginator().items().send();
        while let Some(mapping) = pages.next().await {
            let mapping = mapping.map_err(explain("list the event source mappings"))?;
            // On its way out it does nothing more.
            let going = mapping.state() == Some("Deleting");
            let one = Self::found(owner, &mapping).filter(|one| !going && one.function.starts_with(&prefix));
            found.extend(one.map(|one| (one, mapping.event_source_mapping_arn().map(str::to_owned))));
        }
        let ours: Vec<Option<Self>> = stream::iter(found)
            .map(|(one, arn)| async move { Ok::<_, Error>(is_ours(cloud, owner, arn).await?.then_some(one)) })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(Found::ours(ours.into_iter().flatten().collect()))
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let mut backoff = Backoff::propagation();
        let mut id = live.and_then(|live| live.id.get().cloned());
        loop {
            let made = match &id {
                None => patiently(&mut backoff, async || self.create(cloud).await).await?,
                Some(id) => patiently(&mut backoff, async || self.update(cloud, id).await).await?,
            };
            if made == Made::Now {
                return Ok(());
            }
            // Made between the look around and now: there can be only one of this source and function.
            id = self.find(cloud).await?;
        }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let Some(id) = self.find(cloud).await? else { return Ok(()) };
        let mut backoff = Backoff::propagation();
        loop {
            cloud.pace.lambda().await;
            match cloud.lambda.delete_event_source_mapping().uuid(&id).send().await {
                Ok(_) => return Ok(()),
                Err(error) if is_code(&error, &["ResourceNotFoundException"]) => return Ok(()),
                Err(error) if is_code(&error, &["ResourceInUseException"]) && backoff.sleep().await => {
                    say("waiting for a change of it that is in progress");
                }
                Err(error) => return Err(explain(format!("delete the {}", self.key()))(error)),
            }
        }
    }
}

/// Whether a mapping carries our tags. Where mappings have no ARNs, as with some emulators, its function's
/// name has to do.
async fn is_ours(cloud: &Cloud, owner: &Owner, arn: Option<String>) -> Result<bool> {
    let Some(arn) = arn else { return Ok(cloud.endpoint.is_some()) };
    match cloud.lambda.list_tags().resource(&arn).send().await {
        Ok(answer) => {
            let tags = answer.tags.unwrap_or_default();
            Ok(owner.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
        }
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(false),
        Err(error) => Err(explain("read the tags of an event source mapping")(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_takes_time_is_waited_for() {
        let role = "The provided execution role does not have permissions to call ReceiveMessage on SQS";
        assert!(worth_waiting("InvalidParameterValueException", role).is_some());
        assert!(worth_waiting("ResourceInUseException", "").is_some());
        assert_eq!(worth_waiting("InvalidParameterValueException", "Batch size must be 1 to 10000"), None);
        assert_eq!(worth_waiting("ServiceException", role), None);
    }
}
