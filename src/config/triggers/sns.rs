//! `- sns: news` — messages of a topic, one per call.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>

use serde::Serialize;
use serde_json::Value;

use super::{Source, Trigger, source};
use crate::config::fields::Fields;
use crate::config::raw::{Entry, Kind, Node};
use crate::config::resources::Others;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 4] = ["topic", "filter", "filter_scope", "dlq"];

/// Keys of a filter policy. <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>
const MOST_KEYS: usize = 5;

/// Messages of a topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SnsTrigger {
    pub(crate) topic: Source,
    /// A filter policy: a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<Value>,
    /// The filter is about the message itself and not about its attributes.
    pub(crate) filter_body: bool,
    /// The queue for messages that the function could not be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dlq: Option<Source>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<Trigger> {
    let topic = fields.need(reader, "topic", "news");
    let topic = topic.and_then(|entry| {
        let topic = source(reader, entry, (&["topic"], "sns"), others)?;
        if matches!(&topic, Source::Arn(arn) if arn.to_ascii_lowercase().ends_with(".fifo")) {
            reader.problem(&entry.value.span, FIFO.0, FIFO.1);
            return None;
        }
        Some(topic)
    });
    let filter_body = fields.get("filter_scope").map_or(Some(false), |entry| scope(reader, entry));
    let filter = match fields.get("filter") {
        Some(entry) => filter(reader, entry, filter_body == Some(true)).map(Some),
        None => Some(None),
    };
    if let (None, Some(entry)) = (fields.get("filter"), fields.get("filter_scope")) {
        reader.problem(&entry.key_span, "`filter_scope` does nothing without `filter`", "add one, or remove it");
    }
    let dlq = match fields.get("dlq") {
        Some(entry) => source(reader, entry, (&["queue"], "sqs"), others).map(Some),
        None => Some(None),
    };
    Some(Trigger::Sns(SnsTrigger { topic: topic?, filter: filter?, filter_body: filter_body?, dlq: dlq? }))
}

/// A topic has one subscription for a function, however often it is subscribed.
pub(super) fn check_once(reader: &mut Reader<'_>, item: &Node, trigger: &Trigger, before: &[Trigger]) {
    let Trigger::Sns(this) = trigger else { return };
    let Kind::Map(map) = &item.kind else { return };
    let same = |one: &Trigger| matches!(one, Trigger::Sns(one) if one.topic == this.topic);
    if let (Some(entry), true) = (map.0.first(), before.iter().any(same)) {
        let label = "one filter can have several values: put them into one `sns` trigger";
        reader.problem(&entry.key_span, "a function hears a topic once", label);
    }
}

/// <https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html>
const FIFO: (&str, &str) =
    ("a FIFO topic does not call functions", "subscribe a queue to it (`subscribe: [NAME]`), and read that with `sqs`");

/// `attributes` or `body`: whether it is the body.
fn scope(reader: &mut Reader<'_>, entry: &Entry) -> Option<bool> {
    let word = reader.some_text(entry)?;
    match word.as_str() {
        "attributes" | "MessageAttributes" => Some(false),
        "body" | "MessageBody" => Some(true),
        _ => {
            reader.problem(&entry.value.span, format!("unknown scope `{word}`"), "either `attributes` or `body`");
            None
        }
    }
}

fn filter(reader: &mut Reader<'_>, entry: &Entry, body: bool) -> Option<Value> {
    let policy = reader.json(entry)?;
    let Some(members) = policy.as_object().filter(|members| !members.is_empty()) else {
        reader.wrong_type(&entry.key, &entry.value, "a filter policy, like `{ kind: [order] }`");
        return None;
    };
    if members.len() > MOST_KEYS {
        let label = format!("SNS takes {MOST_KEYS}");
        reader.problem(&entry.value.span, format!("a filter policy with {} keys", members.len()), label);
        return None;
    }
    if let Some((key, _)) = members.iter().find(|(_, value)| !(value.is_array() || (body && value.is_object()))) {
        let nested = members.get(key).is_some_and(Value::is_object);
        let label = if nested {
            "only the body has members within members: add `filter_scope: body`"
        } else {
            "like `[order]`"
        };
        reader.problem(&entry.value.span, format!("`{key}` in a filter policy needs a list of values"), label);
        return None;
    }
    Some(policy)
}
