//! Where the records of asynchronous calls and the events that were given up go.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>. What is sent is sent in the
//! name of the function's role. A delivery that fails is counted (`DestinationDeliveryFailures`,
//! `DeadLetterErrors`) and lost, as on AWS. A record that is too large for its destination fails here; on AWS it
//! comes without its payloads.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Local;
use super::super::deliver::{Message, deliver};
use super::super::wire::Fault;
use super::asynchronous::Event;
use super::body::refused;
use super::invoke::{Invocation, Outcome};
use super::metrics;
use super::model::{formatted, iso_time, now_ms};
use super::names::{FunctionRef, LATEST};
use crate::local::sqs::{Attribute, Content};

/// How an event ended; the words are AWS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
    /// Not in AWS's documentation; seen by others (localstack's `event_manager.py`).
    ZeroReservedConcurrency,
}

/// What is told of an event.
pub(super) struct Record<'a> {
    /// As it was called.
    pub(super) at: &'a FunctionRef,
    pub(super) event: &'a Event,
    pub(super) ending: Ending,
    /// How often the function ran.
    pub(super) runs: u32,
    /// What the last run came to, if there was one.
    pub(super) outcome: Option<&'a Outcome>,
}

impl Record<'_> {
    fn function_arn(&self) -> String {
        self.at.arn_of(self.at.qualifier.as_deref().unwrap_or(LATEST))
    }

    fn document(&self) -> Value {
        let json = |text: &[u8]| serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into());
        let condition = format!("{:?}", self.ending);
        let mut document = json!({
            "version": "1.0",
            "timestamp": iso_time(now_ms()),
            "requestContext": {
                "requestId": self.event.request_id,
                "functionArn": self.function_arn(),
                "condition": condition,
                "approximateInvokeCount": self.runs,
            },
            "requestPayload": json(self.event.payload.as_bytes()),
        });
        if let Some(outcome) = self.outcome {
            document["responseContext"] = json!({ "statusCode": 200, "executedVersion": outcome.executed_version });
            if let Some(error) = &outcome.function_error {
                document["responseContext"]["functionError"] = error.as_str().into();
            }
            document["responsePayload"] = json(&outcome.payload);
        }
        document
    }
}

/// Refuses a destination that could not be sent to.
pub(super) fn check(local: &Arc<Local>, role: &str, arn: &str, function: &FunctionRef) -> Result<(), Fault> {
    let wrong = || refused(format!("The destination ARN {arn} is invalid."));
    if arn.split(':').count() < 6 || arn.strip_suffix(".fifo").is_some() {
        return Err(wrong());
    }
    let (action, resource, call) = permission(arn).ok_or_else(wrong)?;
    if arn == function.arn() || arn == function.asked_arn() {
        return Err(refused("You can't specify the function as a destination for itself."));
    }
    if local.iam.permits(role, action, &resource) {
        return Ok(());
    }
    Err(refused(format!("The function's execution role does not have permissions to call {call} on {arn}")))
}

/// The same for a dead-letter queue.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_DeadLetterConfig.html>
pub(super) fn check_letters(local: &Arc<Local>, role: &str, arn: &str) -> Result<(), Fault> {
    let service = match arn.split(':').nth(2) {
        Some("sqs") => "SQS",
        Some("sns") => "SNS",
        _ => {
            let why = "The service specified by the TargetArn is not supported.";
            return Err(refused(format!("Invalid dead letter queue ARN: {why}")));
        }
    };
    let (action, resource, call) = permission(arn).unwrap_or_default();
    if local.iam.permits(role, action, &resource) {
        return Ok(());
    }
    Err(refused(format!("The provided execution role does not have permissions to call {call} on {service}")))
}

/// What the role has to be allowed, on what, and what the call is called.
fn permission(arn: &str) -> Option<(&'static str, String, &'static str)> {
    let whole = arn.to_owned();
    match arn.split(':').nth(2)? {
        "sqs" => Some(("sqs:SendMessage", whole, "SendMessage")),
        "sns" => Some(("sns:Publish", whole, "Publish")),
        "events" => Some(("events:PutEvents", whole, "PutEvents")),
        "lambda" => Some(("lambda:InvokeFunction", whole, "InvokeFunction")),
        "s3" => Some(("s3:PutObject", format!("{arn}/*"), "PutObject")),
        _ => None,
    }
}

/// Sends a record to a destination.
pub(super) fn send(local: &Arc<Local>, role: &str, arn: &str, record: &Record<'_>) {
    if sent(local, role, arn, record).is_err() {
        metrics::undelivered(local, record.at, "DestinationDeliveryFailures", now_ms());
    }
}

fn sent(local: &Arc<Local>, role: &str, arn: &str, record: &Record<'_>) -> Result<(), Fault> {
    check(local, role, arn, record.at)?;
    let document = record.document();
    match arn.split(':').nth(2) {
        // The role calls, so that the function's own policy need not let Lambda in.
        Some("lambda") => local.lambda.enqueue(local, invocation(arn, record, document.to_string())),
        Some("s3") => {
            let now = now_ms();
            let folder = format!("aws/lambda/async/{}/{}", record.at.name, formatted(now, "%Y/%m/%d"));
            let key = format!("{folder}/{}-{}", formatted(now, "%Y-%m-%dT%H.%M.%S"), uuid::Uuid::new_v4());
            let bucket = arn.rsplit(':').next().unwrap_or_default();
            local.s3.put(bucket, &key, document.to_string().as_bytes())
        }
        Some("events") => {
            let kind = if record.ending == Ending::Success { "Success" } else { "Failure" };
            let event = json!({
                "source": "lambda",
                "detail-type": format!("Lambda Function Invocation Result - {kind}"),
                "resources": [record.function_arn(), arn],
                "detail": document,
            });
            deliver(local, arn, message(record, event.to_string(), BTreeMap::new()))
        }
        _ => deliver(local, arn, message(record, document.to_string(), BTreeMap::new())),
    }
}

/// Sends the bare event to a queue or a topic, with what was wrong in its attributes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq>
pub(super) fn bury(local: &Arc<Local>, role: &str, arn: &str, record: &Record<'_>) {
    let text = |kind: &str, value: String| Attribute { kind: kind.to_owned(), value: Content::Text(value) };
    let error = record.outcome.map(|outcome| serde_json::from_slice::<Value>(&outcome.payload).unwrap_or_default());
    let message_of = |error: Value| error["errorMessage"].as_str().map(str::to_owned);
    let mut error = error.and_then(message_of).unwrap_or_else(|| format!("{:?}", record.ending));
    // "The first 1 KB of the error message."
    error.truncate((0..=1024.min(error.len())).rev().find(|at| error.is_char_boundary(*at)).unwrap_or_default());
    let status = if record.outcome.is_some() { "200" } else { "429" };
    let attributes = BTreeMap::from([
        ("RequestID".to_owned(), text("String", record.event.request_id.clone())),
        ("ErrorCode".to_owned(), text("Number", status.to_owned())),
        ("ErrorMessage".to_owned(), text("String", if error.is_empty() { "unknown".to_owned() } else { error })),
    ]);
    let sent = check_letters(local, role, arn)
        .and_then(|()| deliver(local, arn, message(record, record.event.payload.clone(), attributes)));
    if sent.is_err() {
        metrics::undelivered(local, record.at, "DeadLetterErrors", now_ms());
    }
}

fn message(record: &Record<'_>, body: String, attributes: BTreeMap<String, Attribute>) -> Message {
    Message {
        sender: "lambda.amazonaws.com",
        source: record.at.arn(),
        region: record.at.region.clone(),
        body,
        attributes,
        ..Message::default()
    }
}

fn invocation(arn: &str, record: &Record<'_>, payload: String) -> Invocation {
    Invocation {
        function_arn_or_name: arn.to_owned(),
        qualifier: None,
        region: record.at.region.clone(),
        payload: payload.into(),
        client_context: None,
        request_id: uuid::Uuid::new_v4().to_string(),
        trace_id: None,
    }
}
