//! Subscription filters: what is written to a group and fits goes to a function, in batches.
//!
//! ```text
//! PutLogEvents · Lambda's lines ─► Logs::written ─► outbox ─► send ─► deliver
//! ```
//! A batch holds what one write brought for one filter, cut where it becomes too large. Destinations are functions;
//! Kinesis, Firehose and other accounts are refused when a filter is put.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::filter::event_id;
use super::groups::{decode_token, encode_token};
use super::input::{Input, checked_stream_name, constraint};
use super::pattern::Pattern;
use super::{Logs, group_arn, invalid, now};
use crate::local::deliver::{Message, deliver};
use crate::local::wire::Fault;
use crate::local::{ACCOUNT, Local};

/// Of one log group. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const MOST: usize = 2;

/// Bytes of messages in one batch; AWS does not say where it cuts, a function takes no more than 1 MB.
const BATCH: usize = 512 * 1024;

/// For how long a function that cannot take a batch is tried, and how often. AWS goes on for a day.
const TRIED_FOR: Duration = Duration::from_mins(5);
const PAUSE: Duration = Duration::from_secs(1);

const SERVICE: &str = "logs.amazonaws.com";

/// A subscription filter; time in ms since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Subscription {
    created: i64,
    pattern: String,
    destination: String,
    distribution: String,
}

/// Where batches wait for the task that sends them.
#[derive(Debug, Default)]
pub(super) struct Outbox(OnceLock<mpsc::UnboundedSender<Batch>>);

/// What goes to one destination.
#[derive(Debug)]
struct Batch {
    region: String,
    group: String,
    destination: String,
    body: Value,
}

impl Outbox {
    /// Starts the task that sends what is put in here, until the local cloud is gone.
    pub(super) fn start(&self, local: &Arc<Local>) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let local = Arc::downgrade(local);
        if self.0.set(sender).is_ok() {
            tokio::spawn(async move {
                while let Some(batch) = receiver.recv().await {
                    tokio::spawn(send(Weak::clone(&local), batch));
                }
            });
        }
    }
}

impl Logs {
    pub(super) fn put_subscription(&self, local: &Local, input: &Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name()?, input.required("filterName")?);
        checked_stream_name(name, "filterName")?;
        let (pattern, destination) = (input.required("filterPattern")?, input.required("destinationArn")?);
        for member in ["applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFields"] {
            if input.get(member).is_some_and(|value| *value != false) {
                return Err(Fault::unsupported("CloudWatch Logs", &format!("a subscription with {member}")));
            }
        }
        let distribution = input.text("distribution")?.unwrap_or("ByLogStream");
        if !["Random", "ByLogStream"].contains(&distribution) {
            let rule = "Member must satisfy enum value set: [Random, ByLogStream]";
            return Err(constraint(distribution, "distribution", rule));
        }
        Pattern::parse(pattern).map_err(invalid)?;
        if destination.split(':').nth(2) != Some("lambda") {
            return Err(Fault::unsupported("CloudWatch Logs", &format!("a subscription of {destination}")));
        }
        self.group(input.region, group, |_| ())?;
        let source = format!("{}:*", group_arn(input.region, group));
        if !local.lambda.permits(destination, None, SERVICE, Some(&source)) {
            return Err(invalid(
                "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute \
                 your function.",
            ));
        }
        let (pattern, destination) = (pattern.to_owned(), destination.to_owned());
        self.change_group(input.region, group, |group| {
            let created = group.subscriptions.get(name).map_or_else(now, |there| there.created);
            let new = Subscription { created, pattern, destination, distribution: distribution.to_owned() };
            group.subscriptions.insert(name.to_owned(), new);
            if group.subscriptions.len() > MOST {
                return Err(Fault::new(400, "LimitExceededException", "Resource limit exceeded."));
            }
            Ok(Value::Null)
        })
    }

    pub(super) fn delete_subscription(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name()?, input.required("filterName")?);
        self.change_group(input.region, group, |group| {
            let missing = || {
                let text = "The specified subscription filter does not exist.";
                Fault::new(400, "ResourceNotFoundException", text)
            };
            group.subscriptions.remove(name).map(|_| Value::Null).ok_or_else(missing)
        })
    }

    pub(super) fn describe_subscriptions(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (name, prefix) = (input.group_name()?, input.text("filterNamePrefix")?.unwrap_or_default());
        let (limit, after) = (input.limit(50)?, input.text("nextToken")?.map(decode_token).transpose()?);
        let mut page: Vec<(String, Subscription)> = self.group(input.region, name, |group| {
            let after = |filter: &String| after.as_ref().is_none_or(|after| filter > after);
            let fitting = group.subscriptions.iter().filter(|(filter, _)| filter.starts_with(prefix) && after(filter));
            fitting.map(|(filter, it)| (filter.clone(), it.clone())).collect()
        })?;
        let more = page.len() > limit;
        page.truncate(limit);
        let shown: Vec<Value> = page.iter().map(|(filter, it)| it.show(name, filter)).collect();
        let mut output = json!({ "subscriptionFilters": shown });
        if let Some((last, _)) = page.last().filter(|_| more) {
            output["nextToken"] = encode_token(last).into();
        }
        Ok(output)
    }

    /// What was written to the stream with this number, the first event as its `first`: sent to those who want it.
    pub(super) fn written(
        &self,
        (region, group, stream): (&str, &str, &str),
        (number, first): (u64, u64),
        events: &[(i64, String)],
    ) {
        let Some(outbox) = self.outbox.0.get() else { return };
        let Ok(subscriptions) = self.group(region, group, |group| group.subscriptions.clone()) else { return };
        for (name, it) in subscriptions {
            let Ok(pattern) = Pattern::parse(&it.pattern) else { continue };
            let numbered = events.iter().zip(first..).filter(|((_, message), _)| pattern.matches(message));
            let mut batch = Vec::new();
            let mut bytes = 0;
            let send = |events: Vec<Value>| {
                let body = json!({
                    "messageType": "DATA_MESSAGE",
                    "owner": ACCOUNT,
                    "logGroup": group,
                    "logStream": stream,
                    "subscriptionFilters": [name],
                    "logEvents": events,
                });
                let (region, group) = (region.to_owned(), group.to_owned());
                let _ = outbox.send(Batch { region, group, destination: it.destination.clone(), body });
            };
            for ((timestamp, message), sequence) in numbered {
                if bytes + message.len() > BATCH && !batch.is_empty() {
                    send(std::mem::take(&mut batch));
                    bytes = 0;
                }
                bytes += message.len();
                let id = event_id(*timestamp, number, sequence);
                batch.push(json!({ "id": id, "timestamp": timestamp, "message": message }));
            }
            if !batch.is_empty() {
                send(batch);
            }
        }
    }
}

impl Subscription {
    fn show(&self, group: &str, name: &str) -> Value {
        json!({
            "filterName": name,
            "logGroupName": group,
            "filterPattern": self.pattern,
            "destinationArn": self.destination,
            "distribution": self.distribution,
            "creationTime": self.created,
        })
    }
}

/// `{"awslogs": {"data": …}}`: gzip in base64.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html>
fn packed(body: &Value) -> String {
    let text = body.to_string();
    let mut gzip = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut bytes = vec![0; gzip.gzip_compress_bound(text.len())];
    // The room is what the compressor asked for: it cannot be too little.
    let written = gzip.gzip_compress(text.as_bytes(), &mut bytes).unwrap_or_default();
    bytes.truncate(written);
    json!({ "awslogs": { "data": STANDARD.encode(bytes) } }).to_string()
}

async fn send(local: Weak<Local>, batch: Batch) {
    let gives_up = Instant::now() + TRIED_FOR;
    let source = format!("{}:*", group_arn(&batch.region, &batch.group));
    let body = packed(&batch.body);
    loop {
        {
            let Some(local) = local.upgrade() else { return };
            let (source, region, body) = (source.clone(), batch.region.clone(), body.clone());
            let message = Message { sender: SERVICE, source, region, body, ..Message::default() };
            match deliver(&local, &batch.destination, message) {
                Err(fault) if matches!(fault.status, 409 | 429 | 500 | 502 | 503 | 504) => {}
                _ => return,
            }
        }
        if Instant::now() + PAUSE > gives_up {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_packed_as_documented() {
        let body = json!({"messageType": "DATA_MESSAGE", "logEvents": [{"message": "é".repeat(1000)}]});
        let event: Value = serde_json::from_str(&packed(&body)).expect("JSON");
        let bytes = STANDARD.decode(event["awslogs"]["data"].as_str().expect("text")).expect("base64");
        let mut out = vec![0; 4096];
        let size = libdeflater::Decompressor::new().gzip_decompress(&bytes, &mut out).expect("gzip");
        assert_eq!(serde_json::from_slice::<Value>(&out[..size]).expect("JSON"), body);
    }
}
