//! One stream record as `GetRecords` gives it.

use dynoxide::actions::get_records::Record;
use serde_json::{Value, json};

/// A write that changes nothing in an item leaves no record
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>). The engine keeps one, and
/// only with both images can it be told.
pub(super) fn changes_something(record: &Record) -> bool {
    match (&record.dynamodb.old_image, &record.dynamodb.new_image) {
        (Some(old), Some(new)) => old != new,
        _ => true,
    }
}

/// The document; a deletion by time to live carries the service as its identity.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Identity.html>
pub(super) fn document(record: Record, region: &str) -> Value {
    let identity = record
        .user_identity
        .as_ref()
        .map(|identity| json!({ "PrincipalId": identity.principal_id, "Type": identity.identity_type }));
    let mut document = json!({
        "eventID": record.event_id,
        "eventName": record.event_name,
        "eventVersion": record.event_version,
        "eventSource": record.event_source,
        "awsRegion": region,
        "dynamodb": record.dynamodb,
    });
    if let Some(identity) = identity {
        document["userIdentity"] = identity;
    }
    document
}
