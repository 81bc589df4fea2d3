//! Streams of tables and of Kinesis: Lambda reads them in the function's name, and tells of what it gave up.

use serde_json::Value;

use super::Wakes;
use crate::config::FunctionConfig;
use crate::config::resources::ResourceConfig;
use crate::config::triggers::{DynamoDbTrigger, KinesisTrigger, Source, StreamOptions};
use crate::deploy::blueprint::stores::table;
use crate::deploy::blueprint::{Drawing, allow};
use crate::deploy::kinds::{Any, EventSource, Kind};
use crate::deploy::names::function_name;
use crate::error::{Error, Result};

/// What Lambda does with a table's stream in the function's name.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html#events-dynamodb-permissions>
const READ_TABLE: &[&str] =
    &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// The same for a data stream; that of listing streams knows no ARNs.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html#events-kinesis-permissions>
const READ_STREAM: &[&str] = &[
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
];
const LIST_STREAMS: &[&str] = &["kinesis:ListStreams"];
/// Of a consumer with enhanced fan-out.
const SUBSCRIBE: &[&str] = &["kinesis:SubscribeToShard"];

impl Wakes for DynamoDbTrigger {
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let view = match &self.table {
            Source::Own(name) => match drawing.stage.resources.get(name) {
                Some(ResourceConfig::Table(config)) => table::view(config, name, drawing),
                _ => return Err(Error::failed(format!("the app has no table `{name}`"))),
            },
            Source::Arn(_) => None,
        };
        let source = drawing.addresses.arn(&self.table)?;
        wanted(function, drawing, (source, view), &self.options)
    }

    fn statements(&self, drawing: &Drawing<'_>) -> Result<Vec<Value>> {
        let arn = drawing.addresses.arn(&self.table)?;
        // When a stream was switched on is part of its ARN: who may read one of a table may read its next one.
        let table = arn.split("/stream/").next().unwrap_or_default();
        let mut all = vec![allow(READ_TABLE, &[format!("{table}/stream/*")])];
        all.extend(tells(&self.options, drawing)?);
        Ok(all)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::EventSource]
    }
}

impl Wakes for KinesisTrigger {
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        wanted(function, drawing, (self.stream.clone(), None), &self.options)
    }

    fn statements(&self, drawing: &Drawing<'_>) -> Result<Vec<Value>> {
        let (stream, consumer) = match self.stream.split_once("/consumer/") {
            Some((stream, _)) => (stream, true),
            None => (self.stream.as_str(), false),
        };
        let mut all = vec![allow(READ_STREAM, &[stream.to_owned()]), allow(LIST_STREAMS, &["*".to_owned()])];
        all.extend(consumer.then(|| allow(SUBSCRIBE, std::slice::from_ref(&self.stream))));
        all.extend(tells(&self.options, drawing)?);
        Ok(all)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::EventSource]
    }
}

fn wanted(
    function: &FunctionConfig,
    drawing: &Drawing<'_>,
    source: (String, Option<&'static str>),
    options: &StreamOptions,
) -> Result<Vec<Any>> {
    let name = function_name(&drawing.owner, &function.name);
    let on_failure = options.on_failure.as_ref().map(|source| drawing.addresses.arn(source)).transpose()?;
    Ok(vec![Any::EventSource(EventSource::of_stream(&drawing.owner, &name, source, options, on_failure))])
}

/// What telling of records that were given up takes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>
fn tells(options: &StreamOptions, drawing: &Drawing<'_>) -> Result<Option<Value>> {
    let Some(receiver) = &options.on_failure else { return Ok(None) };
    let arn = drawing.addresses.arn(receiver)?;
    let action = if arn.split(':').nth(2) == Some("sns") { "sns:Publish" } else { "sqs:SendMessage" };
    Ok(Some(allow(&[action], &[arn])))
}
