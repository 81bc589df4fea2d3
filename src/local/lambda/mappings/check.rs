//! What AWS refuses about an event source mapping, alone and together with its source and its function.
//!
//! Ranges are those of
//! <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>; where they have been seen, the
//! words are AWS's.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::super::Lambda;
pub(super) use super::super::body::refused;
use super::super::body::{Body, invalid};
use super::super::names::FunctionRef;
use super::model::{Kind, Settings, StreamSettings};
use crate::local::Local;
use crate::local::event_pattern::Pattern;
use crate::local::wire::Fault;

const ARN: &str =
    r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";

/// "You can define up to five different filters for a single event source mapping."
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>
const MOST_FILTERS: usize = 5;

/// What the execution role needs to be allowed.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions>
const ACTIONS: [&str; 3] = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];

/// The same for a table's stream.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html#events-dynamodb-permissions>
const STREAM_ACTIONS: [&str; 4] = ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"];

/// The same for a data stream.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html>
const KINESIS_ACTIONS: [&str; 5] = ["GetRecords", "GetShardIterator", "DescribeStream", "ListShards", "ListStreams"];

/// What belongs to streams, and to nothing else.
const OF_STREAMS: [&str; 8] = [
    "StartingPosition",
    "StartingPositionTimestamp",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
    "TumblingWindowInSeconds",
    "DestinationConfig",
];

/// What no source of the local cloud has.
const UNKNOWN: [&str; 12] = [
    "Topics",
    "Queues",
    "SelfManagedEventSource",
    "SourceAccessConfigurations",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "ProvisionedPollerConfig",
    "KMSKeyArn",
    "MetricsConfig",
    "LoggingConfig",
    "FilterCriteriaError",
];

/// A setting that can also be taken away.
#[derive(Debug, Clone)]
enum Given<T> {
    Not,
    Away,
    This(T),
}

impl<T> Given<T> {
    /// From an object that may be absent, and the one member in it that may be, too.
    fn read(outer: Option<Result<Option<T>, Fault>>) -> Result<Self, Fault> {
        Ok(match outer.transpose()? {
            None => Self::Not,
            Some(None) => Self::Away,
            Some(Some(value)) => Self::This(value),
        })
    }

    fn or(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Not => before,
            Self::Away => None,
            Self::This(value) => Some(value),
        }
    }
}

/// The members of a request, each in its range or absent.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) source: Option<String>,
    pub(super) enabled: Option<bool>,
    batch_size: Option<i64>,
    window: Option<i64>,
    filters: Option<Vec<String>>,
    report_failures: Option<bool>,
    most_at_once: Given<i64>,
    starting_position: Option<String>,
    starting_timestamp: Option<f64>,
    bisect: Option<bool>,
    most_retries: Option<i64>,
    most_age: Option<i64>,
    parallel: Option<i64>,
    tumbling: Option<i64>,
    on_failure: Given<String>,
    /// The names of those that belong to streams.
    of_streams: Vec<&'static str>,
}

impl Asked {
    pub(super) fn read(body: &Body) -> Result<Self, Fault> {
        if let Some(name) = UNKNOWN.iter().find(|name| body.asked(name).is_some()) {
            return Err(Fault::unsupported("lambda", &format!("{name} of event source mappings")));
        }
        let source = body.text("EventSourceArn")?;
        if let Some(arn) = &source {
            static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!("^{ARN}$")).ok());
            if !PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(arn)) {
                let rule = format!("Member must satisfy regular expression pattern: {ARN}");
                return Err(invalid(arn, "eventSourceArn", &rule));
            }
        }
        let scaling = body.object("ScalingConfig")?;
        let most_at_once =
            scaling.map(|it| number(&it, "MaximumConcurrency", "scalingConfig.maximumConcurrency", 2, 1000));
        let destinations = body.object("DestinationConfig")?;
        let on_failure = destinations.map(|it| match it.object("OnFailure")? {
            Some(failure) => failure.text("Destination"),
            None => Ok(None),
        });
        Ok(Self {
            source,
            enabled: flag(body, "Enabled")?,
            batch_size: number(body, "BatchSize", "batchSize", 1, 10_000)?,
            window: number(body, "MaximumBatchingWindowInSeconds", "maximumBatchingWindowInSeconds", 0, 300)?,
            filters: filters(body)?,
            report_failures: response_types(body)?,
            most_at_once: Given::read(most_at_once)?,
            starting_position: starting_position(body)?,
            starting_timestamp: body.member("StartingPositionTimestamp").and_then(Value::as_f64),
            bisect: flag(body, "BisectBatchOnFunctionError")?,
            most_retries: number(body, "MaximumRetryAttempts", "maximumRetryAttempts", -1, 10_000)?,
            most_age: number(body, "MaximumRecordAgeInSeconds", "maximumRecordAgeInSeconds", -1, 604_800)?,
            parallel: number(body, "ParallelizationFactor", "parallelizationFactor", 1, 10)?,
            tumbling: number(body, "TumblingWindowInSeconds", "tumblingWindowInSeconds", 0, 900)?,
            on_failure: Given::read(on_failure)?,
            of_streams: OF_STREAMS.into_iter().filter(|name| body.asked(name).is_some()).collect(),
        })
    }

    /// The settings of a new mapping.
    pub(super) fn created(&self, kind: Kind, source: &str) -> Result<Settings, Fault> {
        let stream = if kind.is_stream() {
            let position = self.starting_position.clone().ok_or_else(|| {
                let rule = "failed to satisfy constraint: Member must not be null.";
                refused(format!("1 validation error detected: Value null at 'startingPosition' {rule}"))
            })?;
            if kind == Kind::DynamoDb && position == "AT_TIMESTAMP" {
                return Err(refused(format!("Unsupported starting position for arn type: {source}")));
            }
            if (position == "AT_TIMESTAMP") != self.starting_timestamp.is_some() {
                return Err(refused("StartingPositionTimestamp goes with the starting position AT_TIMESTAMP."));
            }
            Some(StreamSettings {
                starting_position: position,
                starting_timestamp: self.starting_timestamp,
                bisect: false,
                most_retries: -1,
                most_age: -1,
                parallel: 1,
                tumbling: 0,
                on_failure: None,
            })
        } else {
            None
        };
        let batch_size = if kind.is_stream() { 100 } else { 10 };
        let nothing =
            Settings { batch_size, window: 0, filters: Vec::new(), report_failures: false, most_at_once: None, stream };
        self.updated(kind, source, nothing)
    }

    /// The settings after a change: what is not said stays.
    pub(super) fn updated(&self, kind: Kind, source: &str, before: Settings) -> Result<Settings, Fault> {
        if let (false, Some(name)) = (kind.is_stream(), self.of_streams.first()) {
            return Err(refused(format!("Unsupported {name} parameter for given event source mapping type.")));
        }
        if kind.is_stream() && matches!(self.most_at_once, Given::This(_)) {
            return Err(refused("Unsupported ScalingConfig parameter for given event source mapping type."));
        }
        let mut after = before;
        let size = |number: i64| usize::try_from(number).unwrap_or(1);
        after.batch_size = self.batch_size.map_or(after.batch_size, size);
        after.window = self.window.map_or(after.window, i64::unsigned_abs);
        after.filters = self.filters.clone().unwrap_or(after.filters);
        after.report_failures = self.report_failures.unwrap_or(after.report_failures);
        let before = after.most_at_once.and_then(|most| i64::try_from(most).ok());
        after.most_at_once = self.most_at_once.clone().or(before).map(size);
        if let Some(stream) = &mut after.stream {
            stream.bisect = self.bisect.unwrap_or(stream.bisect);
            stream.most_retries = self.most_retries.unwrap_or(stream.most_retries);
            stream.most_age = self.most_age.unwrap_or(stream.most_age);
            stream.parallel = self.parallel.unwrap_or(stream.parallel);
            stream.tumbling = self.tumbling.unwrap_or(stream.tumbling);
            stream.on_failure = self.on_failure.clone().or(stream.on_failure.take());
            if stream.tumbling > 0 && stream.parallel > 1 {
                return Err(refused("ParallelizationFactor must be 1 when TumblingWindowInSeconds is specified."));
            }
        }
        if kind == Kind::Sqs && source.rsplit('.').next() == Some("fifo") {
            if after.window > 0 {
                return Err(refused("Batching window is not supported for FIFO queues"));
            }
            if after.batch_size > 10 {
                return Err(refused("The maximum batch size of FIFO queues is 10"));
            }
        } else if kind == Kind::Sqs && after.batch_size > 10 && after.window == 0 {
            return Err(refused(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ));
        }
        Ok(after)
    }
}

/// Whether function and source are there and fit together.
pub(super) fn works(
    lambda: &Lambda,
    local: &Local,
    at: &FunctionRef,
    source: &str,
    settings: &Settings,
) -> Result<(), Fault> {
    let found = lambda.store.read(|state| {
        let version = state.get(at)?.version(at, at.qualifier.as_deref()).ok()?;
        let settings = &version.build.settings;
        Some((i64::from(settings.timeout), settings.role.clone()))
    });
    let (timeout, role) = found.ok_or_else(|| refused("Function does not exist"))?;
    if source.split(':').nth(3) != Some(at.region.as_str()) {
        return Err(refused("The event source must be in the same region as the function."));
    }
    if let Some(stream) = &settings.stream {
        return stream_works(local, at, source, &role, stream);
    }
    for action in ACTIONS {
        if !local.iam.permits(&role, &format!("sqs:{action}"), source) {
            let message = format!("The provided execution role does not have permissions to call {action} on SQS");
            return Err(refused(message));
        }
    }
    let queue = local.sqs.facts(source).ok_or_else(|| {
        refused(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error \
             Message: The specified queue does not exist.",
        )
    })?;
    if queue.visibility_timeout < timeout {
        return Err(refused(format!(
            "Queue visibility timeout: {} seconds is less than Function timeout: {timeout} seconds",
            queue.visibility_timeout
        )));
    }
    Ok(())
}

/// Whether a table's stream can be read with this role, as it is wished.
fn stream_works(
    local: &Local,
    at: &FunctionRef,
    source: &str,
    role: &str,
    wished: &StreamSettings,
) -> Result<(), Fault> {
    tells(local, role, wished)?;
    if Kind::of(source) == Some(Kind::Kinesis) {
        return kinesis_works(local, source, role);
    }
    if !STREAM_ACTIONS.iter().all(|action| local.iam.permits(role, &format!("dynamodb:{action}"), source)) {
        return Err(refused(format!(
            "Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, \
             DescribeStream, and ListStreams Actions on your stream in DynamoDB."
        )));
    }
    if !local.dynamodb.has_stream(&at.region, source) {
        return Err(refused(format!("Stream not found: {source}")));
    }
    Ok(())
}

/// Whether a data stream can be read with this role.
fn kinesis_works(local: &Local, source: &str, role: &str) -> Result<(), Fault> {
    if source.contains("/consumer/") {
        return Err(Fault::unsupported("lambda", "reading of consumers with enhanced fan-out"));
    }
    if !KINESIS_ACTIONS.iter().all(|action| local.iam.permits(role, &format!("kinesis:{action}"), source)) {
        return Err(refused(format!(
            "Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, \
             DescribeStream, ListShards, and ListStreams Actions on your stream in Kinesis."
        )));
    }
    if !local.kinesis.has_stream(source) {
        return Err(refused(format!("Stream not found: {source}")));
    }
    Ok(())
}

/// Whether the receiver of failures is one, and the role may tell it: "standard Amazon SQS queue or standard Amazon
/// SNS topic".
fn tells(local: &Local, role: &str, wished: &StreamSettings) -> Result<(), Fault> {
    let Some(receiver) = &wished.on_failure else { return Ok(()) };
    let (action, service) = match receiver.split(':').nth(2) {
        Some("sqs") => ("SendMessage", "SQS"),
        Some("sns") => ("Publish", "SNS"),
        _ => return Err(Fault::unsupported("lambda", &format!("DestinationConfig with {receiver}"))),
    };
    if receiver.rsplit('.').next() == Some("fifo") {
        return Err(refused(format!(
            "The destination {receiver} is FIFO: only standard queues and topics are supported."
        )));
    }
    if !local.iam.permits(role, &format!("{}:{action}", service.to_lowercase()), receiver) {
        let message = format!("The provided execution role does not have permissions to call {action} on {service}");
        return Err(refused(message));
    }
    Ok(())
}

fn number(body: &Body, name: &str, at: &str, least: i64, most: i64) -> Result<Option<i64>, Fault> {
    let found = body.number(name)?;
    match found {
        Some(few) if few < least => {
            Err(invalid(&few.to_string(), at, &format!("Member must have value greater than or equal to {least}")))
        }
        Some(many) if many > most => {
            Err(invalid(&many.to_string(), at, &format!("Member must have value less than or equal to {most}")))
        }
        found => Ok(found),
    }
}

fn flag(body: &Body, name: &str) -> Result<Option<bool>, Fault> {
    body.member(name).map(|_| body.flag(name)).transpose()
}

fn filters(body: &Body) -> Result<Option<Vec<String>>, Fault> {
    let Some(criteria) = body.object("FilterCriteria")? else { return Ok(None) };
    let wrong = || refused("Invalid filter pattern definition.");
    let given = criteria.member("Filters").map_or(Some(&[][..]), |it| it.as_array().map(Vec::as_slice));
    let patterns = given.ok_or_else(wrong)?.iter().map(|filter| {
        let text = filter["Pattern"].as_str().ok_or_else(wrong)?;
        Pattern::parse(text).map_err(|_| wrong())?;
        Ok(text.to_owned())
    });
    let patterns: Vec<String> = patterns.collect::<Result<_, Fault>>()?;
    if patterns.len() > MOST_FILTERS {
        return Err(refused(format!("An event source mapping can have at most {MOST_FILTERS} filters.")));
    }
    Ok(Some(patterns))
}

fn response_types(body: &Body) -> Result<Option<bool>, Fault> {
    let Some(types) = body.texts("FunctionResponseTypes")? else { return Ok(None) };
    if let Some(other) = types.iter().find(|one| *one != "ReportBatchItemFailures") {
        let rule = "Member must satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures]]";
        return Err(invalid(&format!("[{other}]"), "functionResponseTypes", rule));
    }
    if types.len() > 1 {
        let rule = "Member must have length less than or equal to 1";
        return Err(invalid(&format!("[{}]", types.join(", ")), "functionResponseTypes", rule));
    }
    Ok(Some(!types.is_empty()))
}

fn starting_position(body: &Body) -> Result<Option<String>, Fault> {
    let position = body.text("StartingPosition")?;
    match position.as_deref() {
        None | Some("LATEST" | "TRIM_HORIZON" | "AT_TIMESTAMP") => Ok(position),
        Some(other) => {
            let rule = "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]";
            Err(invalid(other, "startingPosition", rule))
        }
    }
}
