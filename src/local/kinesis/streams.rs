//! Streams: made, shown, changed, deleted.

use serde_json::Value;

use super::model::{Index, Stream};
use super::wire::Answer;
use super::{Kinesis, argument, arn, in_use, invalid, name_in, no_stream, now, tags, text};
use crate::local::ACCOUNT;
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// What an on-demand stream begins with.
/// <https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html>
const ON_DEMAND_SHARDS: usize = 4;
/// Of one stream; AWS's quota is one of all streams of a region.
const MOST_SHARDS: usize = 1000;
/// h
const RETENTION: std::ops::RangeInclusive<i64> = 24..=8760;

impl Kinesis {
    pub(super) fn create_stream(&self, region: &str, input: &Value) -> Answer {
        let name = text(input, "StreamName")?;
        let shape = (1..=128).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if !shape {
            return Err(invalid(format!(
                "1 validation error detected: Value '{name}' at 'streamName' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: [a-zA-Z0-9_.-]+"
            )));
        }
        for unknown in ["WarmThroughputMiBps", "MaxRecordSizeInKiB", "RecordDistributionStrategy"] {
            if !input[unknown].is_null() {
                return Err(Fault::unsupported("Kinesis", unknown));
            }
        }
        let on_demand = mode(&input["StreamModeDetails"])?;
        let asked = input["ShardCount"].as_u64().map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let count = match (on_demand, asked) {
            (true, None) => ON_DEMAND_SHARDS,
            (true, Some(_)) => return Err(argument("ShardCount is not supported for on-demand streams.")),
            (false, None) => return Err(argument("ShardCount is required for provisioned streams.")),
            (false, Some(count)) if (1..=MOST_SHARDS).contains(&count) => count,
            (false, Some(count)) => {
                let message = format!("{count} shards: the local cloud allows 1 to {MOST_SHARDS}.");
                return Err(Fault::new(400, "LimitExceededException", message));
            }
        };
        let tags = tags::given(&input["Tags"])?;
        self.index.write(|index| {
            if index.find(region, name).is_some() {
                return Err(in_use(format!("Stream {name} under account {ACCOUNT} already exists.")));
            }
            index.next += 1;
            let stream = Stream { tags, ..Stream::new(index.next, count, on_demand, now()) };
            index.regions.entry(region.to_owned()).or_default().insert(name.to_owned(), stream);
            Ok(Document::Nothing)
        })
    }

    pub(super) fn delete_stream(&self, region: &str, input: &Value) -> Answer {
        let name = name_in(input)?;
        let gone = self.index.write(|index: &mut Index| {
            let streams = index.regions.get_mut(region);
            streams.and_then(|streams| streams.remove(&name)).ok_or_else(|| no_stream(&name))
        })?;
        let mut shelves = self.shelves.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for shard in 0..gone.shards.len() {
            shelves.remove(&(gone.number, shard));
            // What cannot be removed takes room and is never read again: numbers are unique.
            let _ = std::fs::remove_file(self.file(gone.number, shard));
        }
        Ok(Document::Nothing)
    }

    pub(super) fn describe_stream(&self, region: &str, input: &Value) -> Answer {
        let (name, stream) = self.named(region, input)?;
        let after = input["ExclusiveStartShardId"].as_str().map(super::model::shard_number).transpose()?;
        let from = after.map_or(0, |after| after + 1);
        let most = input["Limit"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(100);
        let shards = (from..stream.shards.len()).take(most).map(|shard| stream.show(shard)).collect::<Vec<_>>();
        let more = from + shards.len() < stream.shards.len();
        let shown = facts(region, &name, &stream).with("Shards", shards).with("HasMoreShards", more);
        Ok(Document::map().with("StreamDescription", shown))
    }

    pub(super) fn describe_summary(&self, region: &str, input: &Value) -> Answer {
        let (name, stream) = self.named(region, input)?;
        let open = i64::try_from(stream.open().count()).unwrap_or_default();
        let shown = facts(region, &name, &stream).with("OpenShardCount", open).with("ConsumerCount", 0_i64);
        Ok(Document::map().with("StreamDescriptionSummary", shown))
    }

    pub(super) fn list_streams(&self, region: &str, input: &Value) -> Answer {
        let after = input["ExclusiveStartStreamName"].as_str().or_else(|| input["NextToken"].as_str());
        let most = input["Limit"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(100);
        self.index.read(|index| {
            let streams = index.regions.get(region).into_iter().flatten();
            let mut rest = streams.filter(|(name, _)| after.is_none_or(|after| name.as_str() > after)).peekable();
            let (mut names, mut summaries) = (Vec::new(), Vec::new());
            while names.len() < most
                && let Some((name, stream)) = rest.next()
            {
                names.push(name.clone());
                let shown = Document::map().with("StreamName", name).with("StreamARN", arn(region, name));
                summaries.push(
                    shown
                        .with("StreamStatus", "ACTIVE")
                        .with("StreamModeDetails", mode_details(stream))
                        .with("StreamCreationTimestamp", Document::Time(stream.created)),
                );
            }
            let more = rest.peek().is_some();
            let next = names.last().filter(|_| more).cloned();
            let shown = Document::map().with("StreamNames", &names).with("StreamSummaries", summaries);
            Ok(shown.with("HasMoreStreams", more).maybe("NextToken", next))
        })
    }

    pub(super) fn update_mode(&self, region: &str, input: &Value) -> Answer {
        let on_demand = mode(&input["StreamModeDetails"])?;
        self.change(region, input, |stream| {
            stream.on_demand = on_demand;
            Ok(Document::Nothing)
        })
    }

    pub(super) fn change_retention(&self, region: &str, input: &Value, more: bool) -> Answer {
        let hours = input["RetentionPeriodHours"].as_i64().unwrap_or_default();
        self.change(region, input, |stream| {
            let before = stream.retention;
            let fits = RETENTION.contains(&hours) && if more { hours >= before } else { hours <= before };
            if !fits {
                let (least, most) = if more { (before, *RETENTION.end()) } else { (*RETENTION.start(), before) };
                return Err(argument(format!("The retention period must be {least} to {most} hours, not {hours}.")));
            }
            stream.retention = hours;
            Ok(Document::Nothing)
        })
    }
}

/// Whether it is on-demand; provisioned when nobody says.
fn mode(details: &Value) -> Result<bool, Fault> {
    match details["StreamMode"].as_str() {
        None | Some("PROVISIONED") => Ok(false),
        Some("ON_DEMAND") => Ok(true),
        Some(other) => Err(invalid(format!(
            "1 validation error detected: Value '{other}' at 'streamModeDetails.streamMode' failed to satisfy constraint: Member \
             must satisfy enum value set: [PROVISIONED, ON_DEMAND]"
        ))),
    }
}

fn mode_details(stream: &Stream) -> Document {
    Document::map().with("StreamMode", if stream.on_demand { "ON_DEMAND" } else { "PROVISIONED" })
}

/// What both descriptions have.
fn facts(region: &str, name: &str, stream: &Stream) -> Document {
    Document::map()
        .with("StreamName", name)
        .with("StreamARN", arn(region, name))
        .with("StreamStatus", "ACTIVE")
        .with("StreamModeDetails", mode_details(stream))
        .with("RetentionPeriodHours", stream.retention)
        .with("StreamCreationTimestamp", Document::Time(stream.created))
        .with("EnhancedMonitoring", vec![Document::map().with("ShardLevelMetrics", Vec::<Document>::new())])
        .with("EncryptionType", "NONE")
}
