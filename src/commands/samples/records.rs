//! Events that come as `Records`: S3, SQS, SNS, `DynamoDB` and Kinesis streams.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::{Place, id, json_of};
use crate::error::{Error, Result};

/// An object was created in, or removed from, a bucket
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct S3 {
    #[arg(long, default_value = "uploads")]
    bucket: String,
    #[arg(long, default_value = "photos/cat.jpg")]
    key: String,
    /// `ObjectCreated:Put`, `ObjectRemoved:Delete`, …
    #[arg(long, default_value = "ObjectCreated:Put")]
    event: String,
    /// Bytes
    #[arg(long, default_value_t = 1024)]
    size: u64,
}

impl S3 {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
    pub(super) fn event(self, place: &Place) -> Value {
        // "The key value is URL encoded"; a space becomes `+`.
        let encoded = self.key.bytes().map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() || b"-._~/*".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        let key: String = encoded.collect();
        let mut object = json!({ "key": key, "sequencer": "0055AED6DCD90281E5" });
        // What is gone has neither.
        if !self.event.starts_with("ObjectRemoved") {
            object["size"] = self.size.into();
            object["eTag"] = "d41d8cd98f00b204e9800998ecf8427e".into();
        }
        json!({ "Records": [{
            "eventVersion": "2.5",
            "eventSource": "aws:s3",
            "awsRegion": place.region,
            "eventTime": millis(),
            "eventName": self.event,
            "userIdentity": { "principalId": "AWS:AIDAJDPLRKLG7UEXAMPLE" },
            "requestParameters": { "sourceIPAddress": "192.0.2.1" },
            "responseElements": { "x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD" },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "sample",
                "bucket": {
                    "name": self.bucket,
                    "ownerIdentity": { "principalId": "A3NL1KOZZKExample" },
                    "arn": format!("arn:aws:s3:::{}", self.bucket),
                },
                "object": object,
            },
        }] })
    }
}

/// Messages of a queue
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Sqs {
    #[arg(long, default_value = "jobs")]
    queue: String,
    /// Once for each message
    #[arg(long, default_value = "hello")]
    body: Vec<String>,
}

impl Sqs {
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
    pub(super) fn event(self, place: &Place) -> Value {
        let now = Timestamp::now().as_millisecond();
        let record = |body: String| {
            let mut attributes = json!({
                "ApproximateReceiveCount": "1",
                "SentTimestamp": now.to_string(),
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": (now + 5).to_string(),
            });
            if self.queue.strip_suffix(".fifo").is_some() {
                attributes["SequenceNumber"] = "18849496460467696128".into();
                attributes["MessageGroupId"] = "1".into();
                attributes["MessageDeduplicationId"] = id().into();
            }
            json!({
                "messageId": id(),
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body,
                "attributes": attributes,
                "messageAttributes": {},
                "md5OfBody": hex::encode(Md5::digest(body.as_bytes())),
                "eventSource": "aws:sqs",
                "eventSourceARN": place.arn("sqs", &self.queue),
                "awsRegion": place.region,
            })
        };
        json!({ "Records": self.body.into_iter().map(record).collect::<Vec<_>>() })
    }
}

/// A message of a topic
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Sns {
    #[arg(long, default_value = "news")]
    topic: String,
    #[arg(long, default_value = "hello")]
    message: String,
    #[arg(long)]
    subject: Option<String>,
}

impl Sns {
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>
    pub(super) fn event(self, place: &Place) -> Value {
        let topic = place.arn("sns", &self.topic);
        let subscription = format!("{topic}:{}", id());
        let host = format!("https://sns.{}.amazonaws.com", place.region);
        json!({ "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription,
            "Sns": {
                "Type": "Notification",
                "MessageId": id(),
                "TopicArn": topic,
                "Subject": self.subject,
                "Message": self.message,
                "Timestamp": millis(),
                "SignatureVersion": "1",
                "Signature": "EXAMPLE",
                "SigningCertUrl": format!("{host}/SimpleNotificationService-0000000000000000000000.pem"),
                "UnsubscribeUrl": format!("{host}/?Action=Unsubscribe&SubscriptionArn={subscription}"),
                "MessageAttributes": {},
            },
        }] })
    }
}

/// A record of a table's stream
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct DynamoDb {
    #[arg(long, default_value = "guests")]
    table: String,
    /// What happened to the item
    #[arg(long, default_value = "INSERT", value_parser = ["INSERT", "MODIFY", "REMOVE"])]
    event: String,
    /// The item's key, as `DynamoDB` writes it
    #[arg(long, value_name = "JSON", default_value = r#"{"id": {"S": "1"}}"#)]
    key: String,
    /// The item (before and after are the same)
    #[arg(long, value_name = "JSON", default_value = r#"{"id": {"S": "1"}, "name": {"S": "Ann"}}"#)]
    item: String,
}

impl DynamoDb {
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>
    pub(super) fn event(self, place: &Place) -> Result<Value> {
        let (key, item) = (json_of("--key", &self.key)?, json_of("--item", &self.item)?);
        if !key.is_object() || !item.is_object() {
            return Err(Error::usage("a key and an item are JSON objects, like `{\"id\": {\"S\": \"1\"}}`"));
        }
        let mut change = json!({
            "ApproximateCreationDateTime": Timestamp::now().as_second(),
            "Keys": key,
            "SequenceNumber": "4421584500000000017450439091",
            "SizeBytes": item.to_string().len(),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        });
        for (image, without) in [("NewImage", "REMOVE"), ("OldImage", "INSERT")] {
            if self.event != without {
                change[image] = item.clone();
            }
        }
        Ok(json!({ "Records": [{
            "eventID": id().replace('-', ""),
            "eventName": self.event,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": place.region,
            "dynamodb": change,
            "eventSourceARN": place.arn("dynamodb", &format!("table/{}/stream/2026-01-01T00:00:00.000", self.table)),
        }] }))
    }
}

/// A record of a Kinesis stream
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Kinesis {
    #[arg(long, default_value = "clicks")]
    stream: String,
    /// Text; the event has it in base64
    #[arg(long, default_value = "hello")]
    data: String,
    #[arg(long, default_value = "1")]
    partition_key: String,
}

impl Kinesis {
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>
    pub(super) fn event(self, place: &Place) -> Value {
        let sequence = "49590338271490256608559692538361571095921575989136588898";
        json!({ "Records": [{
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": self.partition_key,
                "sequenceNumber": sequence,
                "data": STANDARD.encode(self.data),
                "approximateArrivalTimestamp": Timestamp::now().as_second(),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("shardId-000000000006:{sequence}"),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
            "awsRegion": place.region,
            "eventSourceARN": place.arn("kinesis", &format!("stream/{}", self.stream)),
        }] })
    }
}

/// `2026-11-21T02:52:00.000Z`
fn millis() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
