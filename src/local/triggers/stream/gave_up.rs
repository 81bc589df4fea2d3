//! What who is named for it is told of records that were given up: where they are, not what is in them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html>

use serde_json::{Value, json};

use super::Record;
use crate::local::deliver::Message;
use crate::local::lambda::Mapping;
use crate::local::triggers::call::Response;

/// Why records were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Retries,
    Age,
}

/// What is known of the calls that did not help.
#[derive(Debug, Clone, Default)]
pub(super) struct Tried {
    pub(super) calls: u32,
    /// Of the last one; `None` when there was none.
    pub(super) response: Option<Response>,
}

/// The document about a batch of a shard, in a message for the receiver.
pub(super) fn message(
    mapping: &Mapping,
    (info, shard): (&str, &str),
    batch: &[Record],
    why: Why,
    tried: &Tried,
) -> Message {
    let condition = match why {
        Why::Retries => "RetryAttemptsExhausted",
        Why::Age => "RecordAgeExceeded",
    };
    let mut document = json!({
        "requestContext": {
            "requestId": uuid::Uuid::new_v4().to_string(),
            "functionArn": mapping.function,
            "condition": condition,
            "approximateInvokeCount": tried.calls,
        },
        "version": "1.0",
        "timestamp": moment(jiff::Timestamp::now().as_millisecond()),
    });
    if let Some(response) = &tried.response {
        document["responseContext"] = json!({ "statusCode": 200, "executedVersion": response.version });
        if let Some(error) = &response.error {
            document["responseContext"]["functionError"] = error.as_str().into();
        }
    }
    if let (Some(first), Some(last)) = (batch.first(), batch.last()) {
        document[info] = json!({
            "shardId": shard,
            "startSequenceNumber": first.number,
            "endSequenceNumber": last.number,
            "approximateArrivalOfFirstRecord": moment(first.arrived),
            "approximateArrivalOfLastRecord": moment(last.arrived),
            "batchSize": batch.len(),
            "streamArn": mapping.source,
        });
    }
    told(mapping, &document)
}

fn told(mapping: &Mapping, document: &Value) -> Message {
    Message {
        sender: "lambda.amazonaws.com",
        source: mapping.function.clone(),
        region: mapping.region.clone(),
        body: document.to_string(),
        ..Message::default()
    }
}

/// `2019-11-14T00:13:49.717Z`
fn moment(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
