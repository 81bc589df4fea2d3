//! What those who are subscribed get: the notification of a queue, the event of a function.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::message::Published;
use crate::local::sqs::Content;

/// Looks like one and verifies as none.
const SIGNATURE: &str = "bm90IHNpZ25lZCBieSB0aGUgbG9jYWwgY2xvdWQ=";

/// The JSON that queues get, unless they want the message raw.
pub(super) fn notification(published: &Published, protocol: &str, subscription: &str) -> Value {
    let (certificate, unsubscribe) = urls(published, subscription);
    let mut shown = json!({
        "Type": "Notification",
        "MessageId": published.id,
        "TopicArn": published.topic,
        "Message": published.text(protocol),
        "Timestamp": time(published.time),
        "SignatureVersion": "1",
        "Signature": SIGNATURE,
        "SigningCertURL": certificate,
        "UnsubscribeURL": unsubscribe,
    });
    if let Some(subject) = &published.subject {
        shown["Subject"] = subject.as_str().into();
    }
    if let Some(sequence) = &published.sequence {
        shown["SequenceNumber"] = sequence.as_str().into();
    }
    let attributes = attributes(published);
    if !attributes.is_empty() {
        shown["MessageAttributes"] = attributes.into();
    }
    shown
}

/// The event of a function: always one record.
pub(super) fn event(published: &Published, subscription: &str) -> Value {
    let (certificate, unsubscribe) = urls(published, subscription);
    json!({"Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "Sns": {
            "Type": "Notification",
            "MessageId": published.id,
            "TopicArn": published.topic,
            "Subject": published.subject,
            "Message": published.text("lambda"),
            "Timestamp": time(published.time),
            "SignatureVersion": "1",
            "Signature": SIGNATURE,
            "SigningCertUrl": certificate,
            "UnsubscribeUrl": unsubscribe,
            "MessageAttributes": attributes(published),
        },
    }]})
}

fn attributes(published: &Published) -> Map<String, Value> {
    let shown = published.attributes.iter().map(|(name, attribute)| {
        let (Content::Text(value) | Content::Binary(value)) = &attribute.value;
        (name.clone(), json!({"Type": attribute.kind, "Value": value}))
    });
    shown.collect()
}

fn urls(published: &Published, subscription: &str) -> (String, String) {
    let region = published.topic.split(':').nth(3).unwrap_or_default();
    let host = format!("https://sns.{region}.amazonaws.com");
    let certificate = format!("{host}/SimpleNotificationService-local.pem");
    (certificate, format!("{host}/?Action=Unsubscribe&SubscriptionArn={subscription}"))
}

/// `2026-11-21T02:52:00.000Z`
fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
