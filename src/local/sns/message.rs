//! One message, as it was published and before anybody gets it.
//!
//! <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::input::Input;
use super::invalid;
use crate::local::sqs::{Attribute, Content};
use crate::local::wire::Fault;

/// Bytes of a message with its attributes, and of a whole batch.
pub(super) const MOST: usize = 262_144;
const SUBJECT: usize = 100;

/// A message on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Published {
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) message: String,
    pub(super) subject: Option<String>,
    /// What each protocol gets in place of the message.
    pub(super) by_protocol: BTreeMap<String, String>,
    pub(super) attributes: BTreeMap<String, Attribute>,
    /// ms since the epoch.
    pub(super) time: i64,
    pub(super) group: Option<String>,
    pub(super) deduplication: Option<String>,
    /// In a FIFO topic.
    pub(super) sequence: Option<String>,
}

impl Published {
    /// What a request or an entry of a batch says.
    pub(super) fn read(topic: &str, input: Input<'_>) -> Result<Self, Fault> {
        let message = input.text("Message").unwrap_or_default().to_owned();
        if message.is_empty() {
            return Err(invalid("Empty message"));
        }
        let subject = input.text("Subject").map(str::to_owned);
        if let Some(subject) = &subject {
            let well = |one: char| !one.is_control();
            if subject.is_empty() || subject.chars().count() > SUBJECT || !subject.chars().all(well) {
                return Err(invalid("Subject"));
            }
        }
        let by_protocol = match input.text("MessageStructure") {
            None | Some("") => BTreeMap::new(),
            Some("json") => structure(&message)?,
            Some(_) => return Err(invalid("MessageStructure")),
        };
        let attributes = input.object("MessageAttributes");
        let attributes = attributes.into_iter().map(|(name, value)| Ok((name.clone(), attribute(name, value)?)));
        let published = Self {
            id: uuid::Uuid::new_v4().to_string(),
            topic: topic.to_owned(),
            message,
            subject,
            by_protocol,
            attributes: attributes.collect::<Result<_, Fault>>()?,
            time: jiff::Timestamp::now().as_millisecond(),
            group: token(input, "MessageGroupId")?,
            deduplication: token(input, "MessageDeduplicationId")?,
            sequence: None,
        };
        if published.size() > MOST {
            return Err(invalid("Message too long"));
        }
        Ok(published)
    }

    /// Bytes that count against the limit.
    pub(super) fn size(&self) -> usize {
        let one = |(name, attribute): (&String, &Attribute)| {
            let (Content::Text(text) | Content::Binary(text)) = &attribute.value;
            name.len() + attribute.kind.len() + text.len()
        };
        self.message.len() + self.attributes.iter().map(one).sum::<usize>()
    }

    /// What a protocol gets.
    pub(super) fn text(&self, protocol: &str) -> &str {
        let own = self.by_protocol.get(protocol).or_else(|| self.by_protocol.get("default"));
        own.unwrap_or(&self.message)
    }
}

/// A message for each protocol, with one for all others.
fn structure(message: &str) -> Result<BTreeMap<String, String>, Fault> {
    let wrong = |what: &str| invalid(format!("Message Structure - {what}"));
    let document: Value = serde_json::from_str(message).map_err(|_| wrong("JSON message body failed to parse"))?;
    let members = document.as_object().ok_or_else(|| wrong("JSON message body failed to parse"))?;
    let texts: BTreeMap<String, String> =
        members.iter().filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect();
    if !texts.contains_key("default") {
        return Err(wrong("No default entry in JSON message body"));
    }
    Ok(texts)
}

/// <https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html>
fn attribute(name: &str, value: &Value) -> Result<Attribute, Fault> {
    let wrong = |what: &str| Fault::new(400, "ParameterValueInvalid", what.to_owned());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.is_empty() || name.len() > 256 || !name.bytes().all(allowed) {
        return Err(wrong(
            "Message attribute names can contain letters, digits, periods, hyphens and underscores only",
        ));
    }
    let kind = value["DataType"].as_str().unwrap_or_default().to_owned();
    let text = |member: &str| value[member].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let missing = || {
        wrong(&format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
        ))
    };
    let content = match kind.split('.').next().unwrap_or_default() {
        "String" => Content::Text(text("StringValue").ok_or_else(missing)?),
        "Number" => {
            let text = text("StringValue").ok_or_else(missing)?;
            if text.trim().parse::<f64>().is_err() {
                return Err(wrong(&format!("Could not cast message attribute '{name}' value to number.")));
            }
            Content::Text(text)
        }
        "Binary" => {
            let text = text("BinaryValue").ok_or_else(missing)?;
            STANDARD.decode(&text).map_err(|_| wrong("BinaryValue must be base64"))?;
            Content::Binary(text)
        }
        _ => {
            return Err(wrong(&format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is \
                 Binary, Number, and String."
            )));
        }
    };
    Ok(Attribute { kind, value: content })
}

/// An id of 1 to 128 letters, digits and punctuation marks.
fn token(input: Input<'_>, name: &str) -> Result<Option<String>, Fault> {
    let Some(text) = input.text(name) else { return Ok(None) };
    let well = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if well {
        Ok(Some(text.to_owned()))
    } else {
        Err(invalid(format!("{name} Reason: The request includes {name} parameter that is not valid")))
    }
}
