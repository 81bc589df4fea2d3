//! Amazon Kinesis Data Streams (`x-amz-target: Kinesis_20131202.X`, JSON 1.1 or CBOR).
//!
//! ```text
//! handle ─► wire (JSON or CBOR) ─► streams · tags · shards · records ─► model (Store)
//!                                   source (for functions) ─┘   └─► shelf (one file per shard)
//! ```
//! Streams, shards and tags are an index in a [`Store`]; the records of a shard are a file that is appended to, and
//! all in memory once somebody asked. A stream is there at once, in on-demand mode with four shards that never
//! become more by themselves; nothing is throttled.
//!
//! Refused: consumers with enhanced fan-out, `UpdateShardCount` (split and merge do), encryption with a key,
//! monitoring by shard, resource policies, channels.
//! <https://docs.aws.amazon.com/kinesis/latest/APIReference/Welcome.html>

mod model;
mod records;
mod shards;
mod shelf;
mod source;
mod streams;
mod tags;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use self::model::{Index, Stream};
use self::shelf::Shelf;
pub(crate) use self::source::{Begin, StreamRecord};
use self::wire::Answer;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use super::{ACCOUNT, Local};
use crate::error::{OrFailed as _, Result};

/// Where mappings stand: by their id and the shard's number.
type Stands = BTreeMap<String, BTreeMap<usize, i64>>;

/// The service.
#[derive(Debug)]
pub(crate) struct Kinesis {
    dir: PathBuf,
    index: Store<Index>,
    stands: Store<Stands>,
    /// Shards that were used since the start, by the numbers of stream and shard.
    shelves: Mutex<HashMap<(u64, usize), Arc<Shelf>>>,
}

impl Kinesis {
    /// Opens `{home}/kinesis`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("kinesis");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        let (index, stands) = (Store::open(&dir, "streams")?, Store::open(&dir, "stands")?);
        Ok(Self { dir, index, stands, shelves: Mutex::default() })
    }

    /// Answers one API call, faults included: only here it is known how the caller writes.
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let form = wire::Form::of(&request);
        let local = Arc::clone(local);
        // Every call reads or writes a file: that must not hold up the other connections.
        let answer = tokio::task::spawn_blocking(move || {
            let target = request.header("x-amz-target").unwrap_or_default();
            let operation = target.strip_prefix("Kinesis_20131202.").unwrap_or_default().to_owned();
            let input = form.read(&request)?;
            local.kinesis.dispatch(&operation, &request.region, &input)
        });
        let answer = answer.await.map_err(|error| disk(&std::io::Error::other(error)))?;
        Ok(form.reply(answer))
    }

    fn dispatch(&self, operation: &str, region: &str, input: &Value) -> Answer {
        match operation {
            "CreateStream" => self.create_stream(region, input),
            "DeleteStream" => self.delete_stream(region, input),
            "DescribeStream" => self.describe_stream(region, input),
            "DescribeStreamSummary" => self.describe_summary(region, input),
            "ListStreams" => self.list_streams(region, input),
            "UpdateStreamMode" => self.update_mode(region, input),
            "IncreaseStreamRetentionPeriod" => self.change_retention(region, input, true),
            "DecreaseStreamRetentionPeriod" => self.change_retention(region, input, false),
            "ListShards" => self.list_shards(region, input),
            "SplitShard" => self.split_shard(region, input),
            "MergeShards" => self.merge_shards(region, input),
            "PutRecord" => self.put_record(region, input),
            "PutRecords" => self.put_records(region, input),
            "GetShardIterator" => self.shard_iterator(region, input),
            "GetRecords" => self.get_records(region, input),
            "AddTagsToStream" | "TagResource" => self.add_tags(region, input),
            "RemoveTagsFromStream" | "UntagResource" => self.remove_tags(region, input),
            "ListTagsForStream" | "ListTagsForResource" => self.list_tags(region, input, operation),
            other => Err(Fault::unsupported("Kinesis", other)),
        }
    }

    /// The stream that a request is about, by its name or its ARN, and that name.
    fn named(&self, region: &str, input: &Value) -> Result<(String, Stream), Fault> {
        let name = name_in(input)?;
        let found = self.index.read(|index| index.find(region, &name).cloned());
        found.map(|stream| (name.clone(), stream)).ok_or_else(|| no_stream(&name))
    }

    /// Changes the stream that a request is about.
    fn change<R>(
        &self,
        region: &str,
        input: &Value,
        change: impl FnOnce(&mut Stream) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let name = name_in(input)?;
        self.index.write(|index| {
            let stream = index.regions.get_mut(region).and_then(|streams| streams.get_mut(&name));
            change(stream.ok_or_else(|| no_stream(&name))?)
        })
    }

    /// A shard's records, read from the disk when they are asked for first.
    fn shelf(&self, stream: u64, shard: usize) -> Result<Arc<Shelf>, Fault> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = shelves.get(&(stream, shard)) {
            return Ok(Arc::clone(kept));
        }
        // Deleted since it was looked up: its file must not come back.
        let stands = |index: &Index| index.regions.values().flat_map(BTreeMap::values).any(|it| it.number == stream);
        if !self.index.read(stands) {
            return Err(no_stream("of that iterator"));
        }
        let kept = Arc::new(Shelf::open(&self.file(stream, shard)).map_err(|error| disk(&error))?);
        shelves.insert((stream, shard), Arc::clone(&kept));
        Ok(kept)
    }

    fn file(&self, stream: u64, shard: usize) -> PathBuf {
        self.dir.join(format!("{stream}-{shard}.jsonl"))
    }
}

/// `StreamName`, or the name in `StreamARN` or `ResourceARN`.
fn name_in(input: &Value) -> Result<String, Fault> {
    if let Some(name) = input["StreamName"].as_str() {
        return Ok(name.to_owned());
    }
    let arn = input["StreamARN"].as_str().or_else(|| input["ResourceARN"].as_str());
    let arn = arn.ok_or_else(|| argument("Either StreamName or StreamARN must be specified."))?;
    let name = arn.split(":stream/").nth(1).filter(|name| !name.contains('/'));
    name.map(str::to_owned).ok_or_else(|| argument(format!("{arn} is not the ARN of a stream.")))
}

fn arn(region: &str, name: &str) -> String {
    format!("arn:aws:kinesis:{region}:{ACCOUNT}:stream/{name}")
}

fn text<'a>(input: &'a Value, member: &str) -> Result<&'a str, Fault> {
    input[member].as_str().ok_or_else(|| {
        let name = format!("{}{}", member[..1].to_lowercase(), &member[1..]);
        invalid(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationException", message)
}

fn argument(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidArgumentException", message)
}

fn no_stream(name: &str) -> Fault {
    Fault::new(400, "ResourceNotFoundException", format!("Stream {name} under account {ACCOUNT} not found."))
}

fn in_use(message: impl Into<String>) -> Fault {
    Fault::new(400, "ResourceInUseException", message)
}

fn disk(error: &std::io::Error) -> Fault {
    Fault::new(500, "InternalFailure", format!("the local cloud cannot read or write a stream's file: {error}"))
}

/// ms since the epoch.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
