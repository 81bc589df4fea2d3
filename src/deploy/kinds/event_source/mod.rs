//! An event source mapping: Lambda itself reads a queue (or a stream) and calls a function's alias `live`.
//!
//! Its id is random; which one it is source and function say, of which there can be one mapping only. The stream
//! of a table has the time in its ARN at which it was switched on: for a table of the stage the source is the table,
//! and which stream it has now is looked up when it is needed. A mapping that reads a former one is followed by a
//! new one.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>

mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use aws_sdk_lambda::types::{
    EventSourceMappingConfiguration, Filter, FilterCriteria, FunctionResponseType, ScalingConfig,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::Value;

use self::stream::{Current, Reading, table_stream};
use super::Kind;
use super::attempt::{Made, Refused, patiently};
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::config::triggers::{SqsTrigger, StreamOptions};
use crate::deploy::names::{ALIAS, function_prefix, resource_prefix};
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
    /// What is read: an ARN. Of a table of the stage it is the table's.
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
    /// Of streams.
    #[serde(flatten)]
    reading: Option<Reading>,
    /// Which stream of a table a live one reads.
    #[serde(skip)]
    stream: Option<String>,
    /// It reads a former stream, and another reads the one of now.
    #[serde(skip)]
    is_left_over: bool,
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
            reading: None,
            stream: None,
            is_left_over: false,
            id: OnceLock::new(),
        }
    }

    /// The records of a stream: its ARN, or that of a table of the stage with what its stream tells. `on_failure` is
    /// the ARN of who is told of records that were given up.
    pub(crate) fn of_stream(
        owner: &Owner,
        function: &str,
        (source, view): (String, Option<&str>),
        options: &StreamOptions,
        on_failure: Option<String>,
    ) -> Self {
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        Self {
            owner: owner.clone(),
            function: function.to_owned(),
            source,
            enabled: options.enabled,
            batch: number(options.batch),
            window: number(options.window),
            partial_failures: options.partial_failures,
            max_concurrency: None,
            filter: options.filter.iter().map(Value::to_string).collect(),
            reading: Some(Reading::wanted(view, options, on_failure)),
            stream: None,
            is_left_over: false,
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
        let source = live.event_source_arn().unwrap_or_default();
        // Streams of somebody else's tables are named as they are.
        let own = table_stream(source).filter(|(table, _)| table.starts_with(&resource_prefix(owner)));
        let (source, stream) = match own {
            Some(_) => (source.split("/stream/").next().unwrap_or_default(), Some(source.to_owned())),
            None => (source, None),
        };
        let is_stream = matches!(source.split(':').nth(2), Some("dynamodb" | "kinesis"));
        (qualifier == Some(ALIAS)).then(|| Self {
            owner: owner.clone(),
            function: name.to_owned(),
            source: source.to_owned(),
            enabled: on,
            batch: live.batch_size().unwrap_or_default(),
            window: live.maximum_batching_window_in_seconds().unwrap_or_default(),
            partial_failures: partial,
            max_concurrency: live.scaling_config().and_then(ScalingConfig::maximum_concurrency),
            filter: filters.iter().filter_map(pattern).collect(),
            reading: is_stream.then(|| Reading::found(live)),
            stream,
            is_left_over: false,
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

    /// The ARN that Lambda reads: of a table the stream that it has now.
    async fn read_arn(&self, cloud: &Cloud) -> Result<String> {
        match table_stream(&self.source) {
            Some((table, None)) => Ok(Current::needed(cloud, table).await?.arn),
            _ => Ok(self.source.clone()),
        }
    }

    async fn create(&self, cloud: &Cloud, arn: &str, anew: bool) -> Result<Made, Refused> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.create_event_source_mapping().function_name(format!("{}:{ALIAS}", self.function));
        let call = call.event_source_arn(arn).enabled(self.enabled).batch_size(self.batch);
        let call = call.maximum_batching_window_in_seconds(self.window).set_tags(Some(self.owner.tags().into()));
        let call = call.set_function_response_types(Some(self.response_types()));
        let call = call.set_filter_criteria((!self.filter.is_empty()).then(|| self.filter_criteria()));
        let call = call.set_scaling_config(self.max_concurrency.map(|_| self.scaling()));
        let call = match &self.reading {
            Some(reading) => reading.create(call, anew),
            None => call,
        };
        match call.send().await {
            Ok(_) => Ok(Made::Now),
            Err(error) if code(&error) == Some("ResourceConflictException") => Ok(Made::Before),
            Err(error) => Err(Refused::new(format!("create the {}", self.key()), error, worth_waiting)),
        }
    }

    async fn update(&self, cloud: &Cloud, id: &str) -> Result<Made, Refused> {
        cloud.pace.lambda().await;
        let call = cloud.lambda.update_event_source_mapping().uuid(id).enabled(self.enabled).batch_size(self.batch);
        let call = call.maximum_batching_window_in_seconds(self.window);
        let call =
            call.set_function_response_types(Some(self.response_types())).filter_criteria(self.filter_criteria());
        let call = match &self.reading {
            Some(reading) => reading.update(call),
            None => call.scaling_config(self.scaling()),
        };
        let sent = call.send().await;
        sent.map_err(|error| Refused::new(format!("update the {}", self.key()), error, worth_waiting))?;
        Ok(Made::Now)
    }

    /// The id of the mapping of this source and this function.
    async fn find(&self, cloud: &Cloud, arn: &str) -> Result<Option<String>> {
        let call = cloud.lambda.list_event_source_mappings().function_name(format!("{}:{ALIAS}", self.function));
        match call.event_source_arn(arn).send().await {
            Ok(answer) => Ok(answer.event_source_mappings().iter().find_map(|one| one.uuid().map(str::to_owned))),
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(explain(format!("look for the {}", self.key()))(error)),
        }
    }

    /// Deletes a mapping by its id.
    async fn remove(&self, cloud: &Cloud, id: &str) -> Result<()> {
        let mut backoff = Backoff::propagation();
        loop {
            cloud.pace.lambda().await;
            match cloud.lambda.delete_event_source_mapping().uuid(id).send().await {
                Ok(_) => return Ok(()),
                Err(error) if is_code(&error, &["ResourceNotFoundException"]) => return Ok(()),
                Err(error) if is_code(&error, &["ResourceInUseException"]) && backoff.sleep().await => {
                    say("waiting for a change of it that is in progress");
                }
                Err(error) => return Err(explain(format!("delete the {}", self.key()))(error)),
            }
        }
    }

    /// Says of those that read tables of the stage what the stream tells that they read, and which of them are left
    /// over from a stream of before.
    async fn compare_streams(cloud: &Cloud, mappings: &mut [Self]) -> Result<()> {
        let own: BTreeSet<String> =
            mappings.iter().filter(|it| it.stream.is_some()).map(|it| it.source.clone()).collect();
        let current: Vec<(String, Option<Current>)> = futures_util::stream::iter(own)
            .map(|source| async move {
                let table = table_stream(&source).map(|(table, _)| table.to_owned()).unwrap_or_default();
                Ok::<_, Error>((source, Current::of(cloud, &table).await?))
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        let current: BTreeMap<String, Current> =
            current.into_iter().filter_map(|(source, current)| Some((source, current?))).collect();
        let mut followed = BTreeSet::new();
        for one in mappings.iter_mut() {
            let Some(current) = current.get(&one.source).filter(|it| Some(&it.arn) == one.stream.as_ref()) else {
                continue;
            };
            followed.insert((one.function.clone(), one.source.clone()));
            if let Some(reading) = &mut one.reading {
                reading.view = Some(current.view.clone());
            }
        }
        for one in mappings.iter_mut().filter(|it| it.stream.is_some()) {
            let is_current = one.reading.as_ref().is_some_and(|reading| reading.view.is_some());
            one.is_left_over = !is_current && followed.contains(&(one.function.clone(), one.source.clone()));
        }
        Ok(())
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
        // `jobs`, but `table/guests` and `stream/clicks`: a queue and a stream may have the same name.
        let source = self.source.splitn(6, ':').nth(5).unwrap_or_default();
        let former = self.stream.as_ref().filter(|_| self.is_left_over).and_then(|arn| table_stream(arn)?.1);
        let former = former.map(|label| format!("/{label}")).unwrap_or_default();
        Key::new(Kind::EventSource, format!("{}/{source}{former}", self.function))
    }

    fn after(&self) -> Vec<Key> {
        let queue = |arn: &str| {
            let name = arn.rsplit(':').next().unwrap_or_default();
            match arn.split(':').nth(2) {
                Some("sqs") => Some(Key::new(Kind::Queue, name)),
                Some("sns") => Some(Key::new(Kind::Topic, name)),
                _ => None,
            }
        };
        let table = table_stream(&self.source).map(|(table, _)| Key::new(Kind::Table, table));
        let receiver = self.reading.as_ref().and_then(|reading| queue(reading.on_failure.as_ref()?));
        let function = Key::new(Kind::Function, &self.function);
        [function].into_iter().chain(queue(&self.source)).chain(table).chain(receiver).collect()
    }

    /// It reads a stream of the former table, which goes with that.
    fn without(mut self, replaced: &Key) -> Self {
        let reads = |(table, _): (&str, _)| *replaced == Key::new(Kind::Table, table);
        if table_stream(&self.source).is_some_and(reads)
            && let Some(reading) = &mut self.reading
        {
            reading.view = None;
        }
        self
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
        let ours: Vec<Option<Self>> = futures_util::stream::iter(found)
            .map(|(one, arn)| async move { Ok::<_, Error>(is_ours(cloud, owner, arn).await?.then_some(one)) })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        let mut ours: Vec<Self> = ours.into_iter().flatten().collect();
        Self::compare_streams(cloud, &mut ours).await?;
        Ok(Found::ours(ours))
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let mut backoff = Backoff::propagation();
        let arn = self.read_arn(cloud).await?;
        let (former, live) = match live {
            Some(live) if live.stream.as_ref().is_some_and(|stream| *stream != arn) => (Some(live), None),
            live => (None, live),
        };
        let mut id = live.and_then(|live| live.id.get().cloned());
        loop {
            let made = match &id {
                None => patiently(&mut backoff, async || self.create(cloud, &arn, former.is_some()).await).await?,
                Some(id) => patiently(&mut backoff, async || self.update(cloud, id).await).await?,
            };
            if made == Made::Now {
                break;
            }
            // Made between the look around and now: there can be only one of this source and function.
            id = self.find(cloud, &arn).await?;
        }
        match former.and_then(|former| former.id.get()) {
            Some(former) => self.remove(cloud, former).await,
            None => Ok(()),
        }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let id = match self.id.get() {
            Some(id) => Some(id.clone()),
            None => self.find(cloud, &self.source).await?,
        };
        match id {
            Some(id) => self.remove(cloud, &id).await,
            None => Ok(()),
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
