//! Sending: what a message may be, where it goes, and when it counts as one that was there already.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::contents::{Change, Number};
use super::fault::{bad_contents, batch, invalid, invalid_value, missing};
use super::input::Input;
use super::message::{Attribute, Content, Message, md5_of, md5_of_attributes};
use super::receipts::{Batch, failed};
use super::shelf::{Inner, Shelf};
use super::{Entry, Sqs, attributes, now};
use crate::local::wire::Fault;

/// Bytes of a whole batch, 1 MiB since August 2025.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
const MOST_IN_BATCH: usize = 1_048_576;

/// A message that may be put into its queue.
struct Ready {
    message: Message,
    /// s
    delay: i64,
    /// Under which it counts as known.
    key: Option<String>,
}

impl Sqs {
    pub(super) fn send_message(&self, input: &Input) -> Result<Value, Fault> {
        let (_, entry, queue) = self.named(input)?;
        let ready = ready(input, &entry)?;
        within(&ready.message, &entry, "are invalid")?;
        put(&entry, &queue, vec![ready]).map(|mut sent| sent.pop().unwrap_or_default().into())
    }

    pub(super) fn send_batch(&self, input: &Input) -> Result<Value, Fault> {
        let (_, entry, queue) = self.named(input)?;
        let batch_of = Batch::read(input, "SendMessageBatchRequestEntry")?;
        let (mut good, mut bad, mut size) = (Vec::new(), Vec::new(), 0);
        for (id, one) in batch_of.entries {
            match ready(&one, &entry) {
                Ok(ready) => {
                    size += ready.message.size();
                    good.push((id, ready));
                }
                // What is wrong with every entry of a FIFO queue's batch is wrong with the call.
                Err(fault) if entry.is_fifo() && is_about_fifo(&fault) => return Err(about_the_call(fault)),
                Err(fault) => bad.push(failed(&id, &fault)),
            }
        }
        if size > MOST_IN_BATCH {
            let message =
                format!("Batch requests cannot be longer than {MOST_IN_BATCH} bytes. You have sent {size} bytes.");
            return Err(batch("BatchRequestTooLong", message));
        }
        let mut fitting = Vec::new();
        for (id, ready) in good {
            match within(&ready.message, &entry, "cannot be validated") {
                Ok(()) => fitting.push((id, ready)),
                Err(fault) => bad.push(failed(&id, &fault)),
            }
        }
        let (ids, fitting): (Vec<_>, Vec<_>) = fitting.into_iter().unzip();
        let sent = put(&entry, &queue, fitting)?.into_iter().zip(ids).map(|(mut sent, id)| {
            sent.insert("Id".to_owned(), id.into());
            Value::Object(sent)
        });
        Ok(json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": bad }))
    }
}

fn is_about_fifo(fault: &Fault) -> bool {
    fault.message.contains("MessageGroupId.") || fault.message.contains("ContentBasedDeduplication")
}

/// AWS names a parameter that an entry lacks differently from one that the call lacks.
fn about_the_call(fault: Fault) -> Fault {
    invalid(fault.message)
}

/// Puts a message into its queue that does not come from outside.
pub(super) fn send_one(entry: &Entry, queue: &Shelf, message: Message) -> Result<(), Fault> {
    within(&message, entry, "are invalid")?;
    let ready = Ready { key: key(entry, &message), message, delay: entry.number("DelaySeconds") };
    put(entry, queue, vec![ready]).map(drop)
}

/// Puts messages into their queue, all in one write. What is known already is answered as the first time.
fn put(entry: &Entry, queue: &Shelf, messages: Vec<Ready>) -> Result<Vec<Map<String, Value>>, Fault> {
    let now = now();
    let mut inner = queue.at(now, entry.number("MessageRetentionPeriod"));
    let mut changes = Vec::new();
    let mut sent = Vec::new();
    let mut fresh: BTreeMap<String, (Number, String)> = BTreeMap::new();
    let mut next = inner.contents().next();
    for Ready { message, delay, key } in messages {
        let known = key.as_deref().and_then(|key| known(&inner, &fresh, key));
        let (number, id) = known.unwrap_or_else(|| (next, message.id.clone()));
        sent.push(answer(entry, &message, number, &id));
        if number != next {
            continue;
        }
        next += 1;
        if let Some(key) = key {
            fresh.insert(key.clone(), (number, id.clone()));
            changes.push(Change::Seen { key, n: number, id, at: now });
        }
        let delay = (delay > 0).then(|| now.saturating_add(delay * 1000));
        changes.push(Change::Put { n: number, m: Box::new(message), delay, earlier: None, got: None });
    }
    inner.record(changes)?;
    drop(inner);
    queue.changed.notify_waiters();
    Ok(sent)
}

fn known(inner: &Inner, fresh: &BTreeMap<String, (Number, String)>, key: &str) -> Option<(Number, String)> {
    let before = inner.contents().seen(key).map(|(number, id)| (number, id.to_owned()));
    before.or_else(|| fresh.get(key).cloned())
}

fn answer(entry: &Entry, message: &Message, number: Number, id: &str) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value.into());
        }
    };
    add("MD5OfMessageBody", Some(md5_of(&message.body)));
    add("MD5OfMessageAttributes", md5_of_attributes(&message.attributes));
    let trace = message.trace.clone().map(|text| Attribute { kind: "String".to_owned(), value: Content::Text(text) });
    let name = "AWSTraceHeader".to_owned();
    add("MD5OfMessageSystemAttributes", trace.and_then(|trace| md5_of_attributes([(&name, &trace)])));
    add("MessageId", Some(id.to_owned()));
    add("SequenceNumber", entry.is_fifo().then(|| sequence(number)));
    shown
}

/// Twenty digits that grow, as AWS's do.
pub(super) fn sequence(number: Number) -> String {
    (10_000_000_000_000_000_000 + number).to_string()
}

/// The deduplication key of a message in its queue.
fn key(entry: &Entry, message: &Message) -> Option<String> {
    let id = message.deduplication.as_deref().filter(|_| entry.is_fifo())?;
    let per_group = attributes::of_fifo(&entry.attributes, "DeduplicationScope") == "messageGroup";
    // Neither part can hold a line break.
    let group = message.group.as_deref().filter(|_| per_group).unwrap_or_default();
    Some(format!("{group}\n{id}"))
}

/// The message a request describes, checked but for its size.
fn ready(input: &Input, entry: &Entry) -> Result<Ready, Fault> {
    let fifo = entry.is_fifo();
    let body = input.required("MessageBody")?.to_owned();
    if !body.chars().all(is_allowed) {
        return Err(bad_contents());
    }
    let delay = input.number("DelaySeconds")?;
    if let Some(delay) = delay.filter(|delay| !(0..=900).contains(delay)) {
        return Err(invalid_value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."));
    }
    let delay = match delay.filter(|_| fifo) {
        Some(delay) if delay > 0 => {
            let reason = "The request include parameter that is not valid for this queue type.";
            return Err(invalid_value(delay, "DelaySeconds", reason));
        }
        Some(_) => None,
        None => delay,
    };
    let group = token(input, "MessageGroupId")?;
    let mut deduplication = token(input, "MessageDeduplicationId")?;
    if fifo {
        if group.is_none() {
            return Err(missing("MessageGroupId"));
        }
        if deduplication.is_none() && attributes::of_fifo(&entry.attributes, "ContentBasedDeduplication") == "true" {
            deduplication = Some(content_id(&body));
        }
        if deduplication.is_none() {
            return Err(invalid(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                 explicitly",
            ));
        }
    } else if let Some(id) = &deduplication {
        let reason = "The request includes a parameter that is not valid for this queue type.";
        return Err(invalid_value(id, "MessageDeduplicationId", reason));
    }
    let message = Message {
        id: uuid::Uuid::new_v4().to_string(),
        body,
        attributes: own_attributes(input)?,
        trace: trace(input)?,
        sender: input.sender.clone(),
        sent: now(),
        group,
        deduplication,
        source: None,
    };
    let key = key(entry, &message);
    Ok(Ready { key, message, delay: delay.unwrap_or_else(|| entry.number("DelaySeconds")) })
}

/// The deduplication id of a message that is known by its content.
pub(super) fn content_id(body: &str) -> String {
    hex::encode(Sha256::digest(body.as_bytes()))
}

fn within(message: &Message, entry: &Entry, what: &str) -> Result<(), Fault> {
    let most = entry.number("MaximumMessageSize");
    if i64::try_from(message.size()).is_ok_and(|size| size <= most) {
        return Ok(());
    }
    Err(invalid(format!("One or more parameters {what}. Reason: Message must be shorter than {most} bytes.")))
}

/// The characters of XML 1.0: <https://www.w3.org/TR/REC-xml/#charsets>.
fn is_allowed(one: char) -> bool {
    matches!(one, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// An id of 1 to 128 letters, digits and punctuation marks.
fn token(input: &Input, name: &str) -> Result<Option<String>, Fault> {
    let Some(text) = input.text(name)? else { return Ok(None) };
    if (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(text.to_owned()));
    }
    let reason = format!("{name} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    Err(invalid_value(text, name, &reason))
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>
fn own_attributes(input: &Input) -> Result<BTreeMap<String, Attribute>, Fault> {
    let given = input.object("MessageAttributes")?.cloned().unwrap_or_default();
    if given.len() > 10 {
        return Err(invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [10].",
            given.len()
        )));
    }
    given.into_iter().map(|(name, value)| attribute(&name, &value).map(|value| (name, value))).collect()
}

fn attribute(name: &str, value: &Value) -> Result<Attribute, Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.is_empty() || name.len() > 256 || !name.bytes().all(allowed) {
        return Err(invalid(
            "Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens \
             and underscores. ",
        ));
    }
    let lower = name.to_ascii_lowercase();
    if ["aws.", "amazon.", "."].iter().any(|prefix| lower.starts_with(prefix))
        || name.ends_with('.')
        || name.contains("..")
    {
        return Err(invalid(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for \
             internal use. Additionally, they cannot start or end with '.'.",
        ));
    }
    let kind = value["DataType"].as_str().unwrap_or_default();
    let empty = |kind: &str| {
        invalid(format!("Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."))
    };
    let content = match kind.split('.').next().unwrap_or_default() {
        "" => {
            return Err(invalid(format!(
                "The message attribute '{name}' must contain non-empty message attribute type."
            )));
        }
        "String" | "Number" => {
            let text = value["StringValue"].as_str().filter(|text| !text.is_empty()).ok_or_else(|| empty("String"))?;
            if !text.chars().all(is_allowed) {
                return Err(invalid(bad_contents().message));
            }
            if kind.starts_with("Number") && text.trim().parse::<f64>().is_err() {
                return Err(invalid(format!("Could not cast message attribute '{name}' value to number.")));
            }
            Content::Text(text.to_owned())
        }
        "Binary" => {
            let text = value["BinaryValue"].as_str().filter(|text| !text.is_empty()).ok_or_else(|| empty("Binary"))?;
            if STANDARD.decode(text).is_err() {
                return Err(Fault::new(400, "SerializationException", format!("BinaryValue of {name} must be base64")));
            }
            Content::Binary(text.to_owned())
        }
        _ => {
            return Err(invalid(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
                 prefixes is Binary, Number, and String."
            )));
        }
    };
    if kind.len() > 256 {
        return Err(invalid("Message (user) attribute types must be shorter than 256 Bytes"));
    }
    Ok(Attribute { kind: kind.to_owned(), value: content })
}

/// "Currently, the only supported message system attribute is `AWSTraceHeader`."
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
fn trace(input: &Input) -> Result<Option<String>, Fault> {
    let Some(given) = input.object("MessageSystemAttributes")? else { return Ok(None) };
    if let Some(name) = given.keys().find(|name| *name != "AWSTraceHeader") {
        return Err(invalid(format!("Message system attribute name '{name}' is invalid.")));
    }
    let Some(value) = given.get("AWSTraceHeader") else { return Ok(None) };
    match (value["DataType"].as_str(), value["StringValue"].as_str()) {
        (Some("String"), Some(text)) if !text.is_empty() => Ok(Some(text.to_owned())),
        _ => Err(invalid("Message system attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'.")),
    }
}
