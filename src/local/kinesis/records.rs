//! Records: put into shards by their keys, and read shard by shard.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{Stream, shard_id, shard_number};
use super::wire::{Answer, time};
use super::{Kinesis, argument, invalid, no_stream, now, text};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Bytes of a record's data and its key. <https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html>
const MOST_BYTES: usize = 1_048_576;
/// Records of one `PutRecords`.
const MOST_PUT: usize = 500;
/// Of one `GetRecords`: records, and bytes.
const MOST_READ: usize = 10_000;
const MOST_READ_BYTES: usize = 10 * 1024 * 1024;
/// "A shard iterator expires 5 minutes after it is returned."
const ITERATOR_LIVES: i64 = 300_000;

/// Where to read on.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    stream: u64,
    shard: usize,
    after: i64,
    /// ms since the epoch.
    issued: i64,
}

/// A record on its way in.
struct Entry {
    hash: u128,
    key: String,
    data: String,
}

impl Kinesis {
    pub(super) fn put_record(&self, region: &str, input: &Value) -> Answer {
        let (shard, number) = self.put(region, input, vec![entry(input)?])?.remove(0);
        let shown = Document::map().with("ShardId", shard).with("SequenceNumber", number);
        Ok(shown.with("EncryptionType", "NONE"))
    }

    pub(super) fn put_records(&self, region: &str, input: &Value) -> Answer {
        let records = input["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=MOST_PUT).contains(&records.len()) {
            return Err(invalid(format!(
                "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length less than \
                 or equal to {MOST_PUT}"
            )));
        }
        let entries = records.iter().map(entry).collect::<Result<Vec<Entry>, _>>()?;
        let put = self.put(region, input, entries)?.into_iter();
        let shown = put.map(|(shard, number)| Document::map().with("SequenceNumber", number).with("ShardId", shard));
        let shown = shown.collect::<Vec<_>>();
        Ok(Document::map().with("FailedRecordCount", 0_i64).with("Records", shown).with("EncryptionType", "NONE"))
    }

    /// Puts records where they belong, in their order within a shard: the shard and the number of each.
    fn put(&self, region: &str, input: &Value, entries: Vec<Entry>) -> Result<Vec<(String, String)>, Fault> {
        let mut put = vec![(String::new(), String::new()); entries.len()];
        let mut left: Vec<(usize, Entry)> = entries.into_iter().enumerate().collect();
        while !left.is_empty() {
            let (_, stream) = self.named(region, input)?;
            let mut shards: BTreeMap<usize, Vec<(usize, Entry)>> = BTreeMap::new();
            for (at, entry) in left.drain(..) {
                let shard = stream.shard_for(entry.hash).ok_or_else(|| argument("No shard has this hash key."))?;
                shards.entry(shard).or_default().push((at, entry));
            }
            for (shard, entries) in shards {
                let own = entries.iter().map(|(_, entry)| (entry.key.clone(), entry.data.clone())).collect();
                match self.shelf(stream.number, shard)?.append(own, now())? {
                    Some(first) => {
                        for ((at, _), position) in entries.into_iter().zip(first..) {
                            put[at] = (shard_id(shard), stream.sequence(shard, position));
                        }
                    }
                    // It was split or merged between the look and now.
                    None => left.extend(entries),
                }
            }
        }
        Ok(put)
    }

    pub(super) fn shard_iterator(&self, region: &str, input: &Value) -> Answer {
        let (name, stream) = self.named(region, input)?;
        let id = text(input, "ShardId")?;
        let shard = shard_number(id)?;
        if shard >= stream.shards.len() {
            let message = format!("Shard {id} in stream {name} under account {} does not exist", crate::local::ACCOUNT);
            return Err(Fault::new(400, "ResourceNotFoundException", message));
        }
        let kept = self.shelf(stream.number, shard)?;
        let named = || {
            let number = input["StartingSequenceNumber"].as_str();
            let number =
                number.ok_or_else(|| argument("Must specify StartingSequenceNumber for this iterator type."))?;
            stream.position(shard, number).ok_or_else(|| {
                argument(format!(
                    "StartingSequenceNumber {number} used in GetShardIterator on shard {} in stream {name} is invalid.",
                    shard_id(shard)
                ))
            })
        };
        let after = match text(input, "ShardIteratorType")? {
            "TRIM_HORIZON" => 0,
            "LATEST" => kept.last(),
            "AT_SEQUENCE_NUMBER" => named()? - 1,
            "AFTER_SEQUENCE_NUMBER" => named()?,
            "AT_TIMESTAMP" => {
                let moment = time(&input["Timestamp"]);
                kept.before(moment.ok_or_else(|| argument("Must specify timestamp for this iterator type."))?)
            }
            other => {
                return Err(invalid(format!(
                    "1 validation error detected: Value '{other}' at 'shardIteratorType' failed to satisfy constraint: Member \
                     must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"
                )));
            }
        };
        Ok(Document::map().with("ShardIterator", packed(stream.number, shard, after)))
    }

    pub(super) fn get_records(&self, region: &str, input: &Value) -> Answer {
        let iterator = unpacked(text(input, "ShardIterator")?)?;
        let most = match input["Limit"].as_i64() {
            None => MOST_READ,
            Some(limit) => usize::try_from(limit).ok().filter(|limit| (1..=MOST_READ).contains(limit)).ok_or_else(|| {
                invalid(format!(
                    "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value \
                     between 1 and {MOST_READ}"
                ))
            })?,
        };
        let of_number = |stream: &&Stream| stream.number == iterator.stream;
        let stream = self.index.read(|index| index.regions.get(region)?.values().find(of_number).cloned());
        let stream = stream.ok_or_else(|| no_stream("of that iterator"))?;
        let kept = self.shelf(stream.number, iterator.shard)?;
        let horizon = now() - stream.retention * 3_600_000;
        let (records, newest) = kept.after(iterator.after, most, MOST_READ_BYTES, horizon);
        let last = records.last().map_or(iterator.after, |record| record.position);
        // How far behind the newest record whoever read these is.
        let behind =
            records.last().filter(|record| record.position < newest).map_or(0, |record| now() - record.arrived);
        let shown: Vec<Document> = records
            .iter()
            .map(|record| {
                Document::map()
                    .with("SequenceNumber", stream.sequence(iterator.shard, record.position))
                    .with("ApproximateArrivalTimestamp", Document::Time(record.arrived))
                    .with("Data", Document::Bytes(STANDARD.decode(&record.data).unwrap_or_default()))
                    .with("PartitionKey", &record.key)
                    .with("EncryptionType", "NONE")
            })
            .collect();
        let answer = Document::map().with("Records", shown).with("MillisBehindLatest", behind);
        // A shard that is closed and read to its end has no next iterator, but children.
        let over =
            stream.shards.get(iterator.shard).and_then(|shard| shard.closed).is_some_and(|(_, end)| last + 1 >= end);
        if !over {
            return Ok(answer.with("NextShardIterator", packed(stream.number, iterator.shard, last)));
        }
        let child = |number: usize| {
            let shard = stream.shards.get(number)?;
            let parents: Vec<String> = shard.parents.iter().map(|parent| shard_id(*parent)).collect();
            let shown = Document::map().with("ShardId", shard_id(number)).with("ParentShards", &parents);
            Some(shown.with("HashKeyRange", shard.show_range()))
        };
        let children: Vec<Document> = stream.children(iterator.shard).filter_map(child).collect();
        Ok(answer.with("ChildShards", children))
    }
}

/// A record of a request, checked.
fn entry(input: &Value) -> Result<Entry, Fault> {
    let (key, data) = (text(input, "PartitionKey")?, text(input, "Data")?);
    if !(1..=256).contains(&key.chars().count()) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{key}' at 'partitionKey' failed to satisfy constraint: Member must have length \
             between 1 and 256"
        )));
    }
    let bytes = STANDARD.decode(data).map_err(|_| Fault::new(400, "SerializationException", "Data is not base64"))?;
    if bytes.len() + key.len() > MOST_BYTES {
        return Err(invalid(format!(
            "1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or \
             equal to {MOST_BYTES}"
        )));
    }
    let hash = match input["ExplicitHashKey"].as_str() {
        Some(hash) => hash.parse().map_err(|_| argument(format!("Invalid ExplicitHashKey. {hash} is no hash key.")))?,
        None => u128::from_be_bytes(Md5::digest(key.as_bytes()).into()),
    };
    Ok(Entry { hash, key: key.to_owned(), data: data.to_owned() })
}

fn packed(stream: u64, shard: usize, after: i64) -> String {
    let iterator = Cursor { stream, shard, after, issued: now() };
    STANDARD.encode(serde_json::to_vec(&iterator).unwrap_or_default())
}

fn unpacked(token: &str) -> Result<Cursor, Fault> {
    let read = STANDARD.decode(token).ok().and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok());
    let iterator = read.ok_or_else(|| argument("Invalid ShardIterator."))?;
    if now() - iterator.issued > ITERATOR_LIVES {
        let message = "Iterator expired. The iterator was created more than 5 minutes ago: it can be used no longer.";
        return Err(Fault::new(400, "ExpiredIteratorException", message));
    }
    Ok(iterator)
}
