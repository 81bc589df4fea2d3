//! What a bucket sends when something happens to an object, and to whom.
//!
//! Each event is sent once it is a fact, to every receiver that wants it; what becomes of it there is the receiver's
//! business. The sequencer grows in the order in which the bucket changed.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::deliver::{Message, deliver};
use super::super::wire::{Fault, percent_encode};
use super::bucket::{Bucket, Object};
use super::{Call, OWNER};

pub(super) const SENDER: &str = "s3.amazonaws.com";

pub(super) fn arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// An object was made or changed: `ObjectCreated:Put`.
pub(super) fn of_object(call: &Call<'_>, bucket: &Bucket, event: &str, object: &Object) {
    let mut about = json!({"key": spelled(&object.key), "size": object.size, "eTag": object.etag});
    // Only what is stored and what is removed has an order.
    if event.starts_with("ObjectCreated") {
        about["sequencer"] = sequencer(object.sequence).into();
    }
    tell(call, bucket, event, &object.key, &about);
}

/// An object is gone.
pub(super) fn of_removal(call: &Call<'_>, bucket: &Bucket, key: &str, sequence: u64) {
    let about = json!({"key": spelled(key), "sequencer": sequencer(sequence)});
    tell(call, bucket, "ObjectRemoved:Delete", key, &about);
}

/// What queues and topics get when they become receivers.
pub(super) fn test(call: &Call<'_>, bucket: &Bucket, target: &str) -> Result<(), Fault> {
    let body = json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": time(),
        "Bucket": bucket.name,
        "RequestId": call.request.request_id,
        "HostId": "bG9jYWw=",
    });
    send(call, bucket, target, &body)
}

fn tell(call: &Call<'_>, bucket: &Bucket, event: &str, key: &str, object: &Value) {
    let receivers = bucket.config.read(|config| config.receivers.clone());
    for receiver in receivers.iter().filter(|receiver| receiver.wants(event, key)) {
        let body = json!({"Records": [{
            // "Starting with version 2.4, Amazon S3 uses a single unified version for all event types."
            "eventVersion": "2.5",
            "eventSource": "aws:s3",
            "awsRegion": bucket.region(),
            "eventTime": time(),
            "eventName": event,
            "userIdentity": {"principalId": "AWS:AIDALOCAL"},
            "requestParameters": {"sourceIPAddress": call.request.peer.to_string()},
            "responseElements": {"x-amz-request-id": call.request.request_id, "x-amz-id-2": "bG9jYWw="},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": receiver.id,
                "bucket": {"name": bucket.name, "ownerIdentity": {"principalId": OWNER}, "arn": arn(&bucket.name)},
                "object": object,
            },
        }]});
        // As on AWS, whoever changed the object does not hear of a receiver that is gone or does not let S3 in.
        let _ = send(call, bucket, &receiver.arn, &body);
    }
}

fn send(call: &Call<'_>, bucket: &Bucket, target: &str, body: &Value) -> Result<(), Fault> {
    let message = Message {
        sender: SENDER,
        source: arn(&bucket.name),
        region: bucket.region(),
        body: body.to_string(),
        ..Message::default()
    };
    deliver(call.local, target, message)
}

/// As in a form: `in/my+photo.jpg`.
fn spelled(key: &str) -> String {
    percent_encode(key, b"/ ").replace(' ', "+")
}

fn sequencer(sequence: u64) -> String {
    format!("{sequence:018X}")
}

fn time() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spelled_as_in_a_form() {
        assert_eq!(spelled("in/my photo.jpg"), "in/my+photo.jpg");
        assert_eq!(spelled("a+b (1)/ü&=.txt"), "a%2Bb+%281%29/%C3%BC%26%3D.txt");
        assert_eq!(sequencer(0x0055_AED6_DCD9_0281), "000055AED6DCD90281");
    }
}
