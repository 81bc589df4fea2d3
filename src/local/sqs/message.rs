//! One message: its body, its attributes, and the digests by which clients check both.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Everything that stays the same while a message lies in a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    /// A UUID; it stays the same in a dead-letter queue.
    pub(crate) id: String,
    pub(crate) body: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// `AWSTraceHeader`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<String>,
    /// `SenderId`: the access key of whoever sent it.
    pub(crate) sender: String,
    /// ms since the epoch.
    pub(crate) sent: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deduplication: Option<String>,
    /// `DeadLetterQueueSourceArn`, in a dead-letter queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
}

/// A message attribute of the sender's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attribute {
    /// `String`, `Number`, `Binary`, each perhaps followed by a dot and a label.
    pub(crate) kind: String,
    pub(crate) value: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    #[serde(rename = "s")]
    Text(String),
    /// base64
    #[serde(rename = "b")]
    Binary(String),
}

impl Attribute {
    fn bytes(&self) -> Vec<u8> {
        match &self.value {
            Content::Text(text) => text.as_bytes().to_vec(),
            // Checked when it was sent.
            Content::Binary(text) => STANDARD.decode(text).unwrap_or_default(),
        }
    }

    /// As `ReceiveMessage` shows it.
    pub(crate) fn show(&self) -> Value {
        match &self.value {
            Content::Text(text) => json!({ "StringValue": text, "DataType": self.kind }),
            Content::Binary(text) => json!({ "BinaryValue": text, "DataType": self.kind }),
        }
    }
}

impl Message {
    /// Bytes that count against the limits: body, and names, types and values of the attributes.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
    pub(crate) fn size(&self) -> usize {
        let attribute =
            |(name, attribute): (&String, &Attribute)| name.len() + attribute.kind.len() + attribute.bytes().len();
        self.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    /// `SentTimestamp`, `SenderId` and the like, as text. What depends on receiving is added by the caller.
    pub(crate) fn system_attributes(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                shown.insert(name.to_owned(), value.into());
            }
        };
        put("AWSTraceHeader", self.trace.as_deref());
        put("SenderId", Some(&self.sender));
        put("SentTimestamp", Some(&self.sent.to_string()));
        put("MessageDeduplicationId", self.deduplication.as_deref());
        put("MessageGroupId", self.group.as_deref());
        put("DeadLetterQueueSourceArn", self.source.as_deref());
        shown
    }
}

/// Lower-case hex.
pub(crate) fn md5_of(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

/// The digest of attributes, which come in the order of their names; `None` when there are none.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation>
pub(crate) fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a Attribute)>,
) -> Option<String> {
    let mut encoded = Vec::new();
    for (name, attribute) in attributes {
        push(&mut encoded, name.as_bytes());
        push(&mut encoded, attribute.kind.as_bytes());
        // How the value travels, without a length.
        encoded.push(if matches!(attribute.value, Content::Text(_)) { 1 } else { 2 });
        push(&mut encoded, &attribute.bytes());
    }
    (!encoded.is_empty()).then(|| hex::encode(Md5::digest(&encoded)))
}

/// Length in four bytes, then the bytes.
fn push(encoded: &mut Vec<u8>, bytes: &[u8]) {
    encoded.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    encoded.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests that AWS answered with, as `LocalStack`'s tests recorded them.
    #[test]
    fn digests_are_those_of_aws() {
        let text = |text: &str| Attribute { kind: "String".into(), value: Content::Text(text.into()) };
        let of = |pairs: &[(&str, Attribute)]| {
            let map: BTreeMap<String, Attribute> =
                pairs.iter().map(|(name, it)| ((*name).into(), it.clone())).collect();
            md5_of_attributes(&map)
        };
        assert_eq!(md5_of("msg"), "6e2baaf3b97dbeef01c0043275f9a0e7");
        assert_eq!(of(&[("Foo", text("Bar"))]).as_deref(), Some("ae7155c6026991b6d54b11589678bf9c"));
        assert_eq!(
            of(&[("Hello", text("There")), ("Help.Me", text("Me")), ("General", text("Kenobi"))]).as_deref(),
            Some("4c360f3fdafd970e05fae2f149d997f5")
        );
        let trace = "traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
        let binary = Attribute { kind: "Binary".into(), value: Content::Binary(STANDARD.encode(trace)) };
        assert_eq!(of(&[("attr1", binary)]).as_deref(), Some("8cbe4db156db8a94db8b801b7addb984"));
        assert_eq!(of(&[]), None);
    }
}
