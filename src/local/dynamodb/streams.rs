//! `DynamoDB` Streams: streams, their one shard, iterators and records.
//!
//! The records are the engine's; names, shards and iterators are made here as AWS has them. A stream has
//! one shard that never closes. A stream that was switched off, or whose table is gone, is gone at once
//! (AWS keeps it readable for a day). Records live a day (`upkeep`).
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html>

mod iterator;
mod record;

use serde_json::{Value, json};

use self::iterator::ShardIterator;
use super::region::{Region, engine};
use super::{arn, invalid, not_found};
use crate::local::wire::Fault;

/// Records per call, at most.
const MOST_RECORDS: usize = 1000;
/// Bytes per call: `GetRecords` gives up to 1 MB, and one record whatever its size.
const MOST_BYTES: u64 = 1_048_576;

/// A stream that is on.
pub(super) struct Stream {
    pub(super) arn: String,
    table: String,
    label: String,
    view: String,
    /// The table's key schema as the engine keeps it: JSON.
    key_schema: String,
    /// When it was switched on: seconds and nanoseconds since the epoch.
    since: (i64, i64),
}

/// Answers one operation.
pub(super) fn answer(region: &Region, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "ListStreams" => list(region, input),
        "DescribeStream" => describe(region, input),
        "GetShardIterator" => shard_iterator(region, input),
        "GetRecords" => records(region, input),
        other => Err(Fault::unsupported("DynamoDB Streams", other)),
    }
}

impl Stream {
    /// The stream of an ARN, when it is this one that the table has now.
    pub(super) fn find(region: &Region, wanted: &str) -> Result<Self, Fault> {
        let missing = || not_found(format!("Requested resource not found: Stream: {wanted} not found"));
        let (table, label) = arn::stream_parts(region.name(), wanted).ok_or_else(missing)?;
        Self::of_table(region, table)?.filter(|stream| stream.label == label).ok_or_else(missing)
    }

    /// The stream of a table.
    fn of_table(region: &Region, table: &str) -> Result<Option<Self>, Fault> {
        let Some(table) = region.table(table)?.filter(|table| table.stream_enabled) else { return Ok(None) };
        let inside = table.stream_label.unwrap_or_default();
        let (seconds, nanoseconds) = inside.split_once('.').unwrap_or_default();
        let label = arn::label(&inside);
        Ok(Some(Self {
            arn: arn::stream(region.name(), &table.table_name, &label),
            since: (seconds.parse().unwrap_or_default(), nanoseconds.parse().unwrap_or_default()),
            view: table.stream_view_type.unwrap_or_else(|| "NEW_AND_OLD_IMAGES".to_owned()),
            key_schema: table.key_schema,
            table: table.table_name,
            label,
        }))
    }

    /// `shardId-`, the time in 20 digits and eight that tell streams apart.
    pub(super) fn shard(&self) -> String {
        let (seconds, nanoseconds) = self.since;
        let millis = seconds * 1000 + nanoseconds / 1_000_000;
        format!("shardId-{millis:020}-{:08x}", crc32fast::hash(self.arn.as_bytes()))
    }

    /// No record has a lower number: the engine counts from the time in microseconds.
    fn first_position(&self) -> i64 {
        self.since.0 * 1_000_000
    }

    /// The position of the newest record; 0 when there is none.
    pub(super) fn last_position(&self, region: &Region) -> Result<i64, Fault> {
        let request = dynoxide::actions::get_shard_iterator::GetShardIteratorRequest {
            stream_arn: format!("arn:aws:dynamodb:dynoxide:x:table/{}", self.table),
            shard_id: dynoxide::streams::shard_id(&self.table),
            shard_iterator_type: "LATEST".to_owned(),
            sequence_number: None,
        };
        let token = region.database().get_shard_iterator(request).map_err(|error| engine(&error))?.shard_iterator;
        let read = token.and_then(|token| dynoxide::actions::get_shard_iterator::decode_shard_iterator(&token));
        Ok(read.map_or(0, |(_, _, position)| position))
    }

    /// Up to `limit` records after a position with their own, and the position of the last that was looked at.
    pub(super) fn read(&self, region: &Region, after: i64, limit: usize) -> Result<(Vec<(i64, Value)>, i64), Fault> {
        let shard = dynoxide::streams::shard_id(&self.table);
        let request = dynoxide::actions::get_records::GetRecordsRequest {
            shard_iterator: dynoxide::actions::get_shard_iterator::encode_shard_iterator(&self.table, &shard, after),
            limit: Some(limit.min(MOST_RECORDS)),
        };
        let found = region.database().get_records(request).map_err(|error| engine(&error))?.records;
        let (mut bytes, mut last, mut records) = (0, after, Vec::new());
        for found in found {
            bytes += u64::try_from(found.dynamodb.size_bytes).unwrap_or_default();
            if bytes > MOST_BYTES && !records.is_empty() {
                break;
            }
            last = iterator::position(&found.dynamodb.sequence_number).unwrap_or(last);
            if record::changes_something(&found) {
                records.push((last, record::document(&found, region.name())));
            }
        }
        Ok((records, last))
    }
}

fn list(region: &Region, input: &Value) -> Result<Value, Fault> {
    let limit = limit(input, 100)?;
    let request = dynoxide::actions::list_streams::ListStreamsRequest {
        table_name: input["TableName"].as_str().map(str::to_owned),
        ..Default::default()
    };
    let tables = region.database().list_streams(request).map_err(|error| engine(&error))?.streams;
    let mut streams = Vec::new();
    for table in tables {
        streams.extend(Stream::of_table(region, &table.table_name)?);
    }
    if let Some(start) = input["ExclusiveStartStreamArn"].as_str() {
        streams.retain(|stream| stream.arn.as_str() > start);
    }
    streams.sort_by(|one, other| one.arn.cmp(&other.arn));
    let more = streams.len() > limit;
    streams.truncate(limit);
    let summary =
        |stream: &Stream| json!({ "StreamArn": stream.arn, "TableName": stream.table, "StreamLabel": stream.label });
    let mut output = json!({ "Streams": streams.iter().map(summary).collect::<Vec<_>>() });
    if let Some(last) = streams.last().filter(|_| more) {
        output["LastEvaluatedStreamArn"] = last.arn.clone().into();
    }
    Ok(output)
}

fn describe(region: &Region, input: &Value) -> Result<Value, Fault> {
    limit(input, 100)?;
    let stream = Stream::find(region, required(input, "StreamArn")?)?;
    let shard = json!({
        "ShardId": stream.shard(),
        "SequenceNumberRange": { "StartingSequenceNumber": iterator::number(stream.first_position()) },
    });
    // An open shard has no children, and nothing comes after the only one.
    let none = !input["ExclusiveStartShardId"].is_null() || !input["ShardFilter"].is_null();
    let key_schema: Value = serde_json::from_str(&stream.key_schema).unwrap_or_default();
    Ok(json!({ "StreamDescription": {
        "StreamArn": stream.arn,
        "StreamLabel": stream.label,
        "StreamStatus": "ENABLED",
        "StreamViewType": stream.view,
        "CreationRequestDateTime": stream.since.0,
        "TableName": stream.table,
        "KeySchema": key_schema,
        "Shards": if none { json!([]) } else { json!([shard]) },
    } }))
}

fn shard_iterator(region: &Region, input: &Value) -> Result<Value, Fault> {
    let stream = Stream::find(region, required(input, "StreamArn")?)?;
    let shard = required(input, "ShardId")?;
    if shard != stream.shard() {
        return Err(not_found(format!(
            "Requested resource not found: Shard: {shard} in stream {} not found",
            stream.arn
        )));
    }
    let kind = required(input, "ShardIteratorType")?;
    let number = input["SequenceNumber"].as_str();
    let named = || {
        let number = number
            .ok_or_else(|| invalid("One or more parameter values were invalid: SequenceNumber cannot be null"))?;
        iterator::position(number).ok_or_else(|| invalid("Invalid SequenceNumber for the shard"))
    };
    let after = match kind {
        "TRIM_HORIZON" | "LATEST" if number.is_some() => {
            return Err(invalid(
                "One or more parameter values were invalid: SequenceNumber should not be passed for this iterator type",
            ));
        }
        "TRIM_HORIZON" => 0,
        "LATEST" => stream.last_position(region)?,
        "AT_SEQUENCE_NUMBER" => named()? - 1,
        "AFTER_SEQUENCE_NUMBER" => named()?,
        other => {
            return Err(invalid(format!(
                "1 validation error detected: Value '{other}' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"
            )));
        }
    };
    Ok(json!({ "ShardIterator": ShardIterator::now(stream.arn, after).to_string() }))
}

fn records(region: &Region, input: &Value) -> Result<Value, Fault> {
    let limit = limit(input, MOST_RECORDS)?;
    let iterator: ShardIterator = required(input, "ShardIterator")?.parse()?;
    let stream = Stream::find(region, &iterator.stream)?;
    let (records, last) = stream.read(region, iterator.after, limit)?;
    let records: Vec<Value> = records.into_iter().map(|(_, record)| record).collect();
    Ok(json!({ "Records": records, "NextShardIterator": ShardIterator::now(stream.arn, last).to_string() }))
}

/// `Limit`, between 1 and `most`; absent is `most`.
fn limit(input: &Value, most: usize) -> Result<usize, Fault> {
    let value = &input["Limit"];
    if value.is_null() {
        return Ok(most);
    }
    let limit = value.as_u64().and_then(|limit| usize::try_from(limit).ok());
    limit.filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
        let rule = if value.as_i64().is_some_and(|limit| limit < 1) {
            "greater than or equal to 1".to_owned()
        } else {
            format!("less than or equal to {most}")
        };
        invalid(format!(
            "1 validation error detected: Value '{value}' at 'limit' failed to satisfy constraint: Member must have value {rule}"
        ))
    })
}

fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, Fault> {
    input[member].as_str().ok_or_else(|| {
        let name = format!("{}{}", member[..1].to_lowercase(), &member[1..]);
        invalid(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    })
}
