//! A stream as the source of a function's events: where a mapping stands in each shard, and the records after that.
//!
//! What a mapping has not seen yet when it begins is where its starting position says; a shard that comes later is
//! read from its beginning, and after its parents.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{Stream, shard_id};
use super::{Kinesis, no_stream, now};
use crate::local::wire::Fault;

/// 6 MB for an invocation, and base64 in it.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A record for a function.
#[derive(Debug, Clone)]
pub(crate) struct StreamRecord {
    pub(crate) position: i64,
    pub(crate) number: String,
    pub(crate) key: String,
    /// ms since the epoch.
    pub(crate) arrived: i64,
    /// What the function gets. <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>
    pub(crate) event: Value,
}

/// Where a mapping begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Oldest,
    Newest,
    /// ms since the epoch.
    At(i64),
}

impl Kinesis {
    /// Whether there is such a stream.
    pub(crate) fn has_stream(&self, arn: &str) -> bool {
        self.by_arn(arn).is_ok()
    }

    /// The shards that a mapping can read now: those whose parents it has read to their ends. `begin` counts
    /// when it has read nothing yet.
    pub(crate) fn shards_for(&self, arn: &str, mapping: &str, begin: Begin) -> Result<Vec<usize>, Fault> {
        let stream = self.by_arn(arn)?;
        let known = self.stands.read(|stands| stands.get(mapping).cloned());
        let stands = if let Some(stands) = known {
            stands
        } else {
            let mut first = BTreeMap::new();
            for shard in 0..stream.shards.len() {
                let kept = self.shelf(stream.number, shard)?;
                let stand = match begin {
                    Begin::At(moment) => kept.before(moment),
                    Begin::Newest => kept.last(),
                    Begin::Oldest => 0,
                };
                first.insert(shard, stand);
            }
            self.stands.write(|stands| {
                stands.insert(mapping.to_owned(), first.clone());
                Ok(())
            })?;
            first
        };
        let is_read = |shard: usize| match stream.shards.get(shard).map(|shard| shard.closed) {
            Some(Some((_, end))) => stands.get(&shard).is_some_and(|stand| stand + 1 >= end),
            Some(None) => false,
            None => true,
        };
        let ready = |shard: &usize| {
            let parents = stream.shards.get(*shard).map(|shard| shard.parents.as_slice()).unwrap_or_default();
            !is_read(*shard) && parents.iter().all(|parent| is_read(*parent))
        };
        Ok((0..stream.shards.len()).filter(ready).collect())
    }

    /// Where a mapping goes on in a shard.
    pub(crate) fn stand(&self, mapping: &str, shard: usize) -> i64 {
        self.stands.read(|stands| stands.get(mapping).and_then(|it| it.get(&shard)).copied()).unwrap_or_default()
    }

    /// A mapping is done with everything up to a position.
    pub(crate) fn keep_stand(&self, mapping: &str, shard: usize, position: i64) -> Result<(), Fault> {
        self.stands.write(|stands| {
            stands.entry(mapping.to_owned()).or_default().insert(shard, position);
            Ok(())
        })
    }

    /// Up to `most` records after a position, and whether the shard ends with them.
    pub(crate) fn after(
        &self,
        arn: &str,
        (shard, position): (usize, i64),
        most: usize,
        role: &str,
    ) -> Result<(Vec<StreamRecord>, bool), Fault> {
        let stream = self.by_arn(arn)?;
        let horizon = now() - stream.retention * 3_600_000;
        let kept = self.shelf(stream.number, shard)?;
        let (records, _) = kept.after(position, most, MOST_BYTES, horizon);
        let last = records.last().map_or(position, |record| record.position);
        let ended = stream.shards.get(shard).and_then(|it| it.closed).is_some_and(|(_, end)| last + 1 >= end);
        let region = arn.split(':').nth(3).unwrap_or_default();
        let records = records.into_iter().map(|record| {
            let number = stream.sequence(shard, record.position);
            #[expect(clippy::cast_precision_loss, reason = "ms fit 53 bits for the next 200,000 years")]
            let arrived = record.arrived as f64 / 1000.0;
            let event = json!({
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": record.key,
                    "sequenceNumber": number,
                    "data": record.data,
                    "approximateArrivalTimestamp": arrived,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": format!("{}:{number}", shard_id(shard)),
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": role,
                "awsRegion": region,
                "eventSourceARN": arn,
            });
            StreamRecord { position: record.position, number, key: record.key, arrived: record.arrived, event }
        });
        Ok((records.collect(), ended))
    }

    pub(crate) fn shard_name(shard: usize) -> String {
        shard_id(shard)
    }

    fn by_arn(&self, arn: &str) -> Result<Stream, Fault> {
        let name = arn.split(":stream/").nth(1).unwrap_or_default();
        let region = arn.split(':').nth(3).unwrap_or_default();
        self.index.read(|index| index.find(region, name).cloned()).ok_or_else(|| no_stream(name))
    }
}
