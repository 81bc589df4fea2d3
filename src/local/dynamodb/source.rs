//! A stream as the source of a function's events: where a mapping stands in it, and the records after that.
//!
//! Positions are kept in the region's file, so that a mapping goes on where it was when the local cloud starts
//! again. Every function here reads or writes a file and returns when that is done.

use serde_json::{Value, json};

use super::DynamoDb;
use super::streams::Stream;
use crate::local::wire::Fault;

/// A record for a function, and where the stream goes on after it.
#[derive(Debug, Clone)]
pub(crate) struct StreamRecord {
    pub(crate) position: i64,
    /// What the function gets.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>
    pub(crate) event: Value,
}

impl DynamoDb {
    /// Whether this is a stream that is on.
    pub(crate) fn has_stream(&self, region: &str, arn: &str) -> bool {
        self.region(region).and_then(|region| Stream::find(&region, arn)).is_ok()
    }

    /// Where a mapping goes on; a new one at the stream's beginning, or after its newest record.
    pub(crate) fn stand(&self, region: &str, arn: &str, mapping: &str, from_start: bool) -> Result<i64, Fault> {
        let region = self.region(region)?;
        let stream = Stream::find(&region, arn)?;
        if let Some(position) = region.position(mapping)? {
            return Ok(position);
        }
        let position = if from_start { 0 } else { stream.last_position(&region)? };
        region.keep_position(mapping, position)?;
        Ok(position)
    }

    /// The id of a stream's one shard.
    pub(crate) fn shard_of(&self, region: &str, arn: &str) -> Result<String, Fault> {
        Ok(Stream::find(&*self.region(region)?, arn)?.shard())
    }

    /// A mapping is done with everything up to a position.
    pub(crate) fn keep_stand(&self, region: &str, mapping: &str, position: i64) -> Result<(), Fault> {
        self.region(region)?.keep_position(mapping, position)
    }

    /// Up to `limit` records after a position, and the position of the last that was looked at.
    pub(crate) fn after(
        &self,
        region: &str,
        arn: &str,
        position: i64,
        limit: usize,
    ) -> Result<(Vec<StreamRecord>, i64), Fault> {
        let region = self.region(region)?;
        let (records, last) = Stream::find(&region, arn)?.read(&region, position, limit)?;
        let records =
            records.into_iter().map(|(position, event)| StreamRecord { position, event: as_event(event, arn) });
        Ok((records.collect(), last))
    }
}

/// A record of `GetRecords` as a function gets it: with its source, and another spelling of the identity.
fn as_event(mut record: Value, arn: &str) -> Value {
    record["eventSourceARN"] = arn.into();
    if let Some(identity) = record.get("userIdentity") {
        record["userIdentity"] = json!({ "type": identity["Type"], "principalId": identity["PrincipalId"] });
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_reads_the_identity_in_small_letters() {
        let record =
            json!({"eventID": "1", "userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}});
        let event = as_event(record, "arn:x");
        assert_eq!(event["userIdentity"], json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"}));
        assert_eq!(event["eventSourceARN"], "arn:x");
    }
}
