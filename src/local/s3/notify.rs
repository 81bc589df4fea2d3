//! What a bucket sends when something happens to an object, and to whom.
//!
//! Each event is sent once it is a fact, to every receiver that wants it; what becomes of it there is the receiver's
//! business. `EventBridge` is told of everything, where the bucket says so. The sequencer grows in the order in which the bucket changed.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::deliver::{Message, deliver};
use super::super::wire::{Fault, percent_encode};
use super::bucket::Bucket;
use super::model::{Object, Version};
use super::versions::Removed;
use super::{ACCOUNT, Call, OWNER};

pub(super) const SENDER: &str = "s3.amazonaws.com";

const DELETED: &str = "ObjectRemoved:Delete";
const MARKED: &str = "ObjectRemoved:DeleteMarkerCreated";
/// The entity tag of a delete marker: the MD5 of no bytes.
const OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

pub(super) fn arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// What happened to an object.
struct Happening<'a> {
    /// `ObjectCreated:Put`
    event: &'a str,
    key: &'a str,
    /// None where the bucket has no versions.
    version: Option<&'a str>,
    size: Option<u64>,
    etag: Option<&'a str>,
    /// Only what is stored and what is removed has an order.
    sequence: Option<u64>,
}

/// An object was made or changed: `ObjectCreated:Put`.
pub(super) fn of_object(call: &Call<'_>, bucket: &Bucket, event: &str, object: &Object) {
    let happening = Happening {
        event,
        key: &object.key,
        version: object.version.as_deref(),
        size: Some(object.size),
        etag: Some(&object.etag),
        sequence: event.starts_with("ObjectCreated").then_some(object.sequence),
    };
    tell(call, bucket, &happening);
}

/// An object is gone, or hidden.
pub(super) fn of_removal(call: &Call<'_>, bucket: &Bucket, key: &str, done: &Removed) {
    let (event, version, etag, sequence) = match done {
        Removed::Nothing => return,
        Removed::Hidden(marker) => (MARKED, marker.version.as_deref(), Some(OF_NOTHING), marker.sequence),
        Removed::Gone(Version::Object(object), sequence) => {
            (DELETED, object.version.as_deref(), Some(object.etag.as_str()), *sequence)
        }
        Removed::Gone(Version::Marker(marker), sequence) => (DELETED, marker.version.as_deref(), None, *sequence),
    };
    tell(call, bucket, &Happening { event, key, version, size: None, etag, sequence: Some(sequence) });
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

fn tell(call: &Call<'_>, bucket: &Bucket, happening: &Happening<'_>) {
    let Happening { event, key, .. } = *happening;
    let (receivers, event_bridge) = bucket.config.read(|config| (config.receivers.clone(), config.event_bridge));
    if event_bridge {
        // Every account has the bus in every region.
        let bus = format!("arn:aws:events:{}:{ACCOUNT}:event-bus/default", bucket.region());
        let _ = send(call, bucket, &bus, &happening.on_a_bus(call, bucket));
    }
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
                "object": happening.object(),
            },
        }]});
        // As on AWS, whoever changed the object does not hear of a receiver that is gone or does not let S3 in.
        let _ = send(call, bucket, &receiver.arn, &body);
    }
}

impl Happening<'_> {
    /// The object, as receivers get it.
    fn object(&self) -> Value {
        let mut about = json!({"key": spelled(self.key)});
        let sequencer = self.sequence.map(sequencer).map(Value::from);
        // Of what is gone nothing more is said.
        let etag = self.etag.filter(|_| self.size.is_some()).map(Value::from);
        let more = [("size", self.size.map(Value::from)), ("eTag", etag), ("versionId", self.version.map(Value::from))];
        for (name, value) in more.into_iter().chain([("sequencer", sequencer)]) {
            if let Some(value) = value {
                about[name] = value;
            }
        }
        about
    }

    /// The event, as `EventBridge` gets it; there the key is as it is.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
    fn on_a_bus(&self, call: &Call<'_>, bucket: &Bucket) -> Value {
        let mut about = json!({"key": self.key});
        let more = [
            ("size", self.size.map(Value::from)),
            ("etag", self.etag.map(Value::from)),
            ("version-id", self.version.map(Value::from)),
            ("sequencer", self.sequence.map(|number| sequencer(number).to_lowercase().into())),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                about[name] = value;
            }
        }
        let mut detail = json!({
            "version": "0",
            "event-version": "1.0",
            "bucket": {"name": bucket.name},
            "object": about,
            "request-id": call.request.request_id,
            "requester": ACCOUNT,
            "source-ip-address": call.request.peer.to_string(),
        });
        let kind = match self.event {
            MARKED | DELETED => {
                detail["reason"] = "DeleteObject".into();
                let kind = if self.event == MARKED { "Delete Marker Created" } else { "Permanently Deleted" };
                detail["deletion-type"] = kind.into();
                "Object Deleted"
            }
            "ObjectTagging:Put" => "Object Tags Added",
            "ObjectTagging:Delete" => "Object Tags Deleted",
            created => {
                let how = created.rsplit(':').next().unwrap_or_default();
                let reason = if how == "CompleteMultipartUpload" { how.to_owned() } else { format!("{how}Object") };
                detail["reason"] = reason.into();
                "Object Created"
            }
        };
        json!({"source": "aws.s3", "detail-type": kind, "resources": [arn(&bucket.name)], "detail": detail})
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
