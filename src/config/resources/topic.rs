//! `type: topic` — an SNS topic.
//!
//! <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::locate::Span;
use crate::config::raw::{Entry, Kind, Node};
use crate::config::stage::FunctionConfig;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 5] = ["fifo", "content_based_deduplication", "display_name", "encrypted", "subscribe"];

/// As it stands in `resources:`.
pub(super) const TYPE: Type =
    Type { word: "topic", what: "a topic", keys: &KEYS, attributes: &["name", "arn"], access: &["publish"], read };

/// Characters. <https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html>
const DISPLAY_NAME: usize = 100;
/// Each is remembered by a tag of the topic, of which there are 50.
const SUBSCRIBERS: usize = 40;

/// An SNS topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Topic {
    /// Ordered within a message group, each message once; delivers to queues only.
    pub(crate) fifo: bool,
    /// A FIFO topic takes the hash of the message in place of a deduplication id.
    pub(crate) content_based_deduplication: bool,
    /// What stands in the sender's line of a mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    /// With SNS's own key. `None`: unless an alarm of the stage has to publish to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encrypted: Option<bool>,
    /// Who gets its messages besides the functions that it triggers.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) subscribe: BTreeSet<Subscriber>,
}

/// Who gets the messages of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subscriber {
    /// Somebody with an e-mail address.
    Email(String),
    /// An HTTPS address.
    Https(String),
    /// A queue of `resources`.
    Queue(String),
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<ResourceConfig> {
    let fifo = fields.flag(reader, "fifo")?;
    let deduplicates = fields.flag(reader, "content_based_deduplication")?;
    if let (true, false, Some(entry)) = (deduplicates, fifo, fields.get("content_based_deduplication")) {
        let title = "`content_based_deduplication` is for FIFO topics";
        reader.problem(&entry.key_span, title, "add `fifo: true`, or remove it");
    }
    let display_name = match fields.get("display_name") {
        Some(entry) => Some(display_name(reader, entry)?),
        None => None,
    };
    let encrypted = match fields.get("encrypted") {
        Some(entry) => Some(reader.yes_or_no(entry)?),
        None => None,
    };
    let subscribe = fields.get("subscribe").map_or(Some(BTreeSet::new()), |entry| {
        let read = subscribers(reader, entry, others)?;
        if let (true, Some(_)) = (fifo, read.iter().find(|one| !matches!(one, Subscriber::Queue(_)))) {
            // <https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html>
            reader.problem(&entry.value.span, "a FIFO topic delivers to queues only", "name queues of `resources`");
        }
        Some(read)
    })?;
    Some(ResourceConfig::Topic(Topic {
        fifo,
        content_based_deduplication: deduplicates,
        display_name,
        encrypted,
        subscribe,
    }))
}

fn display_name(reader: &mut Reader<'_>, entry: &Entry) -> Option<String> {
    let name = reader.some_text(entry)?;
    if name.chars().count() > DISPLAY_NAME {
        let title = format!("`display_name` has more than {DISPLAY_NAME} characters");
        reader.problem(&entry.value.span, title, "SNS takes no more");
        return None;
    }
    Some(name)
}

/// A list, or one alone.
fn subscribers(reader: &mut Reader<'_>, entry: &Entry, others: &Others<'_>) -> Option<BTreeSet<Subscriber>> {
    let items: &[Node] = match &entry.value.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(&entry.value),
    };
    if items.len() > SUBSCRIBERS {
        let title = format!("`subscribe` has {} entries", items.len());
        reader.problem(&entry.key_span, title, format!("at most {SUBSCRIBERS}"));
        return None;
    }
    let read: Vec<Option<Subscriber>> = items
        .iter()
        .map(|item| {
            let text = reader.text_at(&entry.key, item)?.value;
            if text.starts_with("http://") {
                reader.problem(&item.span, "messages would go over the network unencrypted", "write an `https://` URL");
                return None;
            }
            if text.starts_with("https://") {
                return Some(Subscriber::Https(text));
            }
            if is_address(&text) {
                return Some(Subscriber::Email(text));
            }
            if !others.contains_key(text.as_str()) {
                let label = "an e-mail address, an `https://` URL, or the name of a queue of `resources`";
                reader.problem(&item.span, format!("nobody can be reached as `{text}`"), label);
                return None;
            }
            super::must_be(reader, &item.span, &text, &["queue"], others)?;
            Some(Subscriber::Queue(text))
        })
        .collect();
    read.into_iter().collect()
}

/// Whether a text is meant to be an e-mail address; whether there is such a mailbox SNS finds out.
pub(super) fn is_address(text: &str) -> bool {
    let plain = text.chars().all(|one| one.is_ascii_graphic());
    plain && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

/// A FIFO topic delivers to queues only, and CloudWatch publishes to standard ones only.
pub(super) fn check(
    reader: &mut Reader<'_>,
    at: Option<&Span>,
    (name, topic): (&str, &Topic),
    (resources, functions): (&BTreeMap<String, ResourceConfig>, &BTreeMap<String, FunctionConfig>),
) {
    let Some(at) = at.filter(|_| topic.fifo) else { return };
    if let Some(function) = functions.values().find(|it| it.triggers.iter().any(|trigger| trigger.hears_topic(name))) {
        let title = format!("a FIFO topic does not call functions, and `{}` has it as a trigger", function.name);
        reader.problem(at, title, "subscribe a queue to it (`subscribe: [NAME]`), and read that with `sqs`");
    }
    let notifies = resources.iter().find(|(_, it)| it.condition().is_some_and(|condition| condition.notifies(name)));
    if let Some((alarm, _)) = notifies {
        let title = format!("an alarm does not publish to a FIFO topic, and `{alarm}` should");
        reader.problem(at, title, "remove `fifo`, or name another topic");
    }
}
