//! Queue attributes: which there are, what they may be, and what they are when nobody says.
//!
//! Values, ranges and defaults are those of
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>.
//! Encryption settings and policies are kept and shown; nothing here is encrypted or refused for them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fault::{attribute_name, attribute_value, invalid, invalid_value, unknown_attribute};
use crate::local::wire::Fault;

/// Attributes that are numbers: name, least, most, default.
const NUMBERS: [(&str, i64, i64, i64); 6] = [
    ("DelaySeconds", 0, 900, 0),
    ("MaximumMessageSize", 1024, 1_048_576, 1_048_576),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("VisibilityTimeout", 0, 43_200, 30),
    ("KmsDataKeyReusePeriodSeconds", 60, 86_400, 300),
];

/// Attributes of FIFO queues with their values; the first one is the default.
const OF_FIFO: [(&str, [&str; 2]); 3] = [
    ("ContentBasedDeduplication", ["false", "true"]),
    ("DeduplicationScope", ["queue", "messageGroup"]),
    ("FifoThroughputLimit", ["perQueue", "perMessageGroupId"]),
];

/// What the service itself counts and knows.
pub(super) const READ_ONLY: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

pub(super) type Attributes = BTreeMap<String, String>;

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redrive {
    pub(super) target: String,
    pub(super) most: u32,
}

/// Whether queues have such an attribute.
pub(super) fn is_known(name: &str) -> bool {
    let others =
        ["FifoQueue", "KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled"];
    NUMBERS.iter().any(|(one, ..)| *one == name)
        || OF_FIFO.iter().any(|(one, _)| *one == name)
        || READ_ONLY.contains(&name)
        || others.contains(&name)
}

pub(super) fn is_fifo(attributes: &Attributes) -> bool {
    attributes.get("FifoQueue").is_some_and(|value| value == "true")
}

/// A number, or its default.
pub(super) fn number(attributes: &Attributes, name: &str) -> i64 {
    let default = NUMBERS.iter().find(|(one, ..)| *one == name).map_or(0, |(.., default)| *default);
    attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A value of a FIFO queue, or its default.
pub(super) fn of_fifo<'a>(attributes: &'a Attributes, name: &str) -> &'a str {
    let default = OF_FIFO.iter().find(|(one, _)| *one == name).map_or("", |(_, [default, _])| default);
    attributes.get(name).map_or(default, String::as_str)
}

pub(super) fn redrive(attributes: &Attributes) -> Option<Redrive> {
    let policy: Value = serde_json::from_str(attributes.get("RedrivePolicy")?).ok()?;
    let most = whole(&policy["maxReceiveCount"]).and_then(|most| u32::try_from(most).ok())?;
    Some(Redrive { target: policy["deadLetterTargetArn"].as_str()?.to_owned(), most })
}

/// Everything that can be set, as it holds: with defaults, without what is empty by default.
pub(super) fn effective(attributes: &Attributes) -> Attributes {
    let mut all = attributes.clone();
    for (name, _, _, default) in &NUMBERS[..5] {
        all.entry((*name).to_owned()).or_insert_with(|| default.to_string());
    }
    if is_fifo(attributes) {
        for (name, [default, _]) in OF_FIFO {
            all.entry(name.to_owned()).or_insert_with(|| default.to_owned());
        }
    }
    let by_sqs = !attributes.contains_key("KmsMasterKeyId");
    all.entry("SqsManagedSseEnabled".to_owned()).or_insert_with(|| by_sqs.to_string());
    if !by_sqs {
        all.entry("KmsDataKeyReusePeriodSeconds".to_owned()).or_insert_with(|| "300".to_owned());
    }
    all
}

/// What is there after `changes`; an empty text takes a policy or a key away.
pub(super) fn changed(before: &Attributes, changes: &Attributes, fifo: bool) -> Result<Attributes, Fault> {
    for (name, value) in changes {
        check(name, value, fifo)?;
    }
    let set = |name: &str| changes.get(name).is_some_and(|value| !value.is_empty() && value != "false");
    if set("KmsMasterKeyId") && set("SqsManagedSseEnabled") {
        return Err(attribute_name(
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        ));
    }
    let mut after = before.clone();
    after.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
    if set("KmsMasterKeyId") {
        after.insert("SqsManagedSseEnabled".to_owned(), "false".to_owned());
    } else if set("SqsManagedSseEnabled") {
        after.remove("KmsMasterKeyId");
        after.remove("KmsDataKeyReusePeriodSeconds");
    }
    after.retain(|_, value| !value.is_empty());
    if of_fifo(&after, "FifoThroughputLimit") == "perMessageGroupId"
        && of_fifo(&after, "DeduplicationScope") != "messageGroup"
    {
        let reason = " Reason: perMessageGroupId is allowed only when DeduplicationScope is messageGroup.";
        return Err(attribute_value("FifoThroughputLimit", reason));
    }
    Ok(after)
}

fn check(name: &str, value: &str, fifo: bool) -> Result<(), Fault> {
    if let Some((_, least, most, _)) = NUMBERS.iter().find(|(one, ..)| *one == name) {
        return match value.parse::<i64>() {
            Ok(number) if (*least..=*most).contains(&number) => Ok(()),
            _ => Err(attribute_value(name, "")),
        };
    }
    if let Some((_, values)) = OF_FIFO.iter().find(|(one, _)| *one == name) {
        return match (fifo, name) {
            (false, "ContentBasedDeduplication") => Err(unknown_attribute(name)),
            (false, _) => {
                Err(attribute_name(format!("You can specify the {name} only when FifoQueue is set to true.")))
            }
            (true, _) if values.contains(&value) => Ok(()),
            (true, _) => Err(attribute_value(name, "")),
        };
    }
    match name {
        // A standard queue has no such attribute, not even with the value `false`.
        "FifoQueue" if fifo && value == "true" => Ok(()),
        "FifoQueue" if fifo => Err(attribute_value(name, " Reason: Modifying queue type is not supported.")),
        "SqsManagedSseEnabled" if matches!(value, "true" | "false") => Ok(()),
        // An empty text takes it away.
        "Policy" | "RedrivePolicy" | "RedriveAllowPolicy" if value.is_empty() => Ok(()),
        "Policy" if parsed(value).is_some() => Ok(()),
        "Policy" | "SqsManagedSseEnabled" => Err(attribute_value(name, "")),
        "RedrivePolicy" => check_redrive(value),
        "RedriveAllowPolicy" => check_allow(value),
        "KmsMasterKeyId" => Ok(()),
        _ => Err(unknown_attribute(name)),
    }
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// A number, or a text that is one.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn check_redrive(text: &str) -> Result<(), Fault> {
    let bad = |reason: &str| invalid_value(text, "RedrivePolicy", reason);
    let policy = parsed(text).ok_or_else(|| bad("Redrive policy is not a valid JSON map."))?;
    if !policy["deadLetterTargetArn"].is_string() {
        return Err(bad("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."));
    }
    let most = &policy["maxReceiveCount"];
    if most.is_null() {
        return Err(bad("Redrive policy does not contain mandatory attribute: maxReceiveCount."));
    }
    if !whole(most).is_some_and(|most| (1..=1000).contains(&most)) {
        let shown = most.as_str().map_or_else(|| most.to_string(), str::to_owned);
        return Err(bad(&format!(
            "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both inclusive."
        )));
    }
    Ok(())
}

fn check_allow(text: &str) -> Result<(), Fault> {
    let bad = |reason: &str| invalid_value(text, "RedriveAllowPolicy", reason);
    let policy = parsed(text).ok_or_else(|| bad("Redrive allow policy is not a valid JSON map."))?;
    let sources = policy["sourceQueueArns"].as_array();
    match policy["redrivePermission"].as_str() {
        Some("allowAll" | "denyAll") if sources.is_none() => Ok(()),
        Some("byQueue") if sources.is_some_and(|sources| (1..=10).contains(&sources.len())) => Ok(()),
        Some("allowAll" | "denyAll" | "byQueue") => Err(bad("sourceQueueArns does not fit redrivePermission.")),
        _ => Err(bad("redrivePermission must be allowAll, denyAll or byQueue.")),
    }
}

/// Whether a queue with these attributes takes dead letters of `source`.
pub(super) fn takes_dead_letters_of(attributes: &Attributes, source: &str) -> bool {
    let Some(policy) = attributes.get("RedriveAllowPolicy").and_then(|text| parsed(text)) else { return true };
    match policy["redrivePermission"].as_str() {
        Some("denyAll") => false,
        Some("byQueue") => {
            policy["sourceQueueArns"].as_array().is_some_and(|arns| arns.iter().any(|arn| arn == source))
        }
        _ => true,
    }
}

/// The name of a queue, as `CreateQueue` takes it.
pub(super) fn check_name(name: &str, fifo: bool) -> Result<(), Fault> {
    let stem = if fifo { name.strip_suffix(".fifo") } else { Some(name) };
    let fits = |stem: &str| {
        !stem.is_empty()
            && name.len() <= 80
            && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if stem.is_some_and(fits) {
        return Ok(());
    }
    Err(invalid(if fifo {
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo \
         suffix and be 1 to 80 in length."
    } else {
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    }))
}
