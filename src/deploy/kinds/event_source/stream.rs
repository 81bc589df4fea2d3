//! What a mapping has only where it reads a stream, and which stream of a table that is.

use aws_sdk_lambda::operation::create_event_source_mapping::builders::CreateEventSourceMappingFluentBuilder;
use aws_sdk_lambda::operation::update_event_source_mapping::builders::UpdateEventSourceMappingFluentBuilder;
use aws_sdk_lambda::primitives::DateTime;
use aws_sdk_lambda::types::{
    DestinationConfig, EventSourceMappingConfiguration, EventSourcePosition, OnFailure as Receiver,
};
use serde::Serialize;

use crate::aws::{Cloud, code, explain};
use crate::config::triggers::{Position, StreamOptions};
use crate::error::{Error, Result};

/// What Lambda calls "no limit".
const NONE: i32 = -1;

/// How a stream is read.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Reading {
    /// What the table's stream tells, of a table of the stage; of a live mapping nothing when its table has another
    /// stream by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) view: Option<String>,
    /// A batch that failed is halved.
    bisect: bool,
    /// Batches of a shard at once.
    parallel: i32,
    /// Seconds; older records are given up.
    max_age: Option<i32>,
    /// How often a batch that failed is tried again.
    retries: Option<i32>,
    /// Seconds.
    tumbling_window: Option<i32>,
    /// Where it is told what was given up: an ARN.
    pub(super) on_failure: Option<String>,
    /// Cannot be changed, and says nothing any more once the mapping is at work.
    #[serde(skip)]
    position: Position,
}

impl Reading {
    pub(super) fn wanted(view: Option<&str>, options: &StreamOptions, on_failure: Option<String>) -> Self {
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        Self {
            view: view.map(str::to_owned),
            bisect: options.bisect,
            parallel: number(options.parallel),
            max_age: options.max_age.map(number),
            retries: options.retries.map(number),
            tumbling_window: options.tumbling_window.map(number),
            on_failure,
            position: options.starting_position,
        }
    }

    pub(super) fn found(live: &EventSourceMappingConfiguration) -> Self {
        let limit = |number: Option<i32>| number.filter(|number| *number != NONE);
        let receiver =
            live.destination_config().and_then(DestinationConfig::on_failure).and_then(Receiver::destination);
        Self {
            view: None,
            bisect: live.bisect_batch_on_function_error().unwrap_or_default(),
            parallel: live.parallelization_factor().unwrap_or(1),
            max_age: limit(live.maximum_record_age_in_seconds()),
            retries: limit(live.maximum_retry_attempts()),
            tumbling_window: live.tumbling_window_in_seconds().filter(|seconds| *seconds > 0),
            on_failure: receiver.filter(|arn| !arn.is_empty()).map(str::to_owned),
            position: Position::TrimHorizon,
        }
    }

    /// `anew`: the mapping takes the place of one that read the former stream of the same table. The new stream has
    /// nothing yet that is not to be read.
    pub(super) fn create(
        &self,
        call: CreateEventSourceMappingFluentBuilder,
        anew: bool,
    ) -> CreateEventSourceMappingFluentBuilder {
        let call = match self.position {
            _ if anew => call.starting_position(EventSourcePosition::TrimHorizon),
            Position::TrimHorizon => call.starting_position(EventSourcePosition::TrimHorizon),
            Position::Latest => call.starting_position(EventSourcePosition::Latest),
            Position::At(moment) => call
                .starting_position(EventSourcePosition::AtTimestamp)
                .starting_position_timestamp(DateTime::from_secs(moment)),
        };
        let call = call.bisect_batch_on_function_error(self.bisect).parallelization_factor(self.parallel);
        let call = call.maximum_record_age_in_seconds(self.max_age.unwrap_or(NONE));
        let call = call.maximum_retry_attempts(self.retries.unwrap_or(NONE));
        let call = call.set_tumbling_window_in_seconds(self.tumbling_window);
        call.set_destination_config(self.on_failure.as_ref().map(|_| self.destination()))
    }

    /// Everything is said, so that what the config does not mention any more goes.
    pub(super) fn update(&self, call: UpdateEventSourceMappingFluentBuilder) -> UpdateEventSourceMappingFluentBuilder {
        let call = call.bisect_batch_on_function_error(self.bisect).parallelization_factor(self.parallel);
        let call = call.maximum_record_age_in_seconds(self.max_age.unwrap_or(NONE));
        let call = call.maximum_retry_attempts(self.retries.unwrap_or(NONE));
        let call = call.tumbling_window_in_seconds(self.tumbling_window.unwrap_or(0));
        call.destination_config(self.destination())
    }

    /// An empty one takes the receiver away.
    fn destination(&self) -> DestinationConfig {
        let receiver = Receiver::builder().set_destination(self.on_failure.clone()).build();
        DestinationConfig::builder().on_failure(receiver).build()
    }
}

/// The stream that a table has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) arn: String,
    pub(super) view: String,
}

impl Current {
    /// `None` when the table or its stream is not there.
    pub(super) async fn of(cloud: &Cloud, table: &str) -> Result<Option<Self>> {
        let table = match cloud.dynamodb.describe_table().table_name(table).send().await {
            Ok(answer) => answer.table,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => None,
            Err(error) => return Err(explain(format!("look at the stream of the table `{table}`"))(error)),
        };
        let view = table.as_ref().and_then(|it| it.stream_specification()).filter(|it| it.stream_enabled());
        let view = view.and_then(|it| it.stream_view_type()).map(|view| view.as_str().to_owned());
        let arn = table.as_ref().and_then(|it| it.latest_stream_arn()).map(str::to_owned);
        Ok(arn.zip(view).map(|(arn, view)| Self { arn, view }))
    }

    /// The same for a table that has to have one.
    pub(super) async fn needed(cloud: &Cloud, table: &str) -> Result<Self> {
        let gone = || {
            let error = Error::failed(format!("the table `{table}` has no stream"));
            error.hint("somebody has switched it off: run rzap again, it switches it on")
        };
        Self::of(cloud, table).await?.ok_or_else(gone)
    }
}

/// Table name and label of a table's stream.
pub(super) fn table_stream(arn: &str) -> Option<(&str, Option<&str>)> {
    let table = arn.splitn(6, ':').nth(5).filter(|_| arn.split(':').nth(2) == Some("dynamodb"))?;
    let table = table.strip_prefix("table/")?;
    Some(match table.split_once("/stream/") {
        Some((table, label)) => (table, Some(label)),
        None => (table, None),
    })
}
