//! Shards: listed, split, merged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::model::{Shard, Stream, shard_id, shard_number};
use super::shelf::Shelf;
use super::wire::{Answer, time};
use super::{Kinesis, argument, in_use, invalid, now, text};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Per answer.
const MOST: usize = 1000;

impl Kinesis {
    pub(super) fn list_shards(&self, region: &str, input: &Value) -> Answer {
        // A token stands for the stream as well: nothing else may be said with it.
        let token = input["NextToken"].as_str().map(unpacked).transpose()?;
        let about = token.as_ref().map_or(input, |token| &token["about"]);
        let (_, stream) = self.named(region, about)?;
        let wanted = wanted(&stream, &about["ShardFilter"])?;
        let after = about["ExclusiveStartShardId"].as_str().map(shard_number).transpose()?;
        let from = token.as_ref().and_then(|token| token["from"].as_u64()).and_then(|from| usize::try_from(from).ok());
        let from = from.or(after.map(|after| after + 1)).unwrap_or_default();
        let most = input["MaxResults"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST).min(MOST);
        let mut rest = wanted.into_iter().filter(|shard| *shard >= from);
        let page: Vec<usize> = rest.by_ref().take(most).collect();
        let next = rest.next().map(|from| STANDARD.encode(json!({ "from": from, "about": about }).to_string()));
        let shards: Vec<Document> = page.into_iter().map(|shard| stream.show(shard)).collect();
        Ok(Document::map().with("Shards", shards).maybe("NextToken", next))
    }

    pub(super) fn split_shard(&self, region: &str, input: &Value) -> Answer {
        let number = shard_number(text(input, "ShardToSplit")?)?;
        let key = text(input, "NewStartingHashKey")?;
        let key: u128 = key.parse().map_err(|_| argument(format!("{key} is no hash key.")))?;
        let (_, stream) = self.named(region, input)?;
        let kept = self.shelf(stream.number, number)?;
        self.change(region, input, |stream| {
            let (first, last) = open_range(stream, number)?;
            if key <= first || key > last {
                return Err(argument(format!(
                    "NewStartingHashKey {key} used in SplitShard() on shard {} is not in its range.",
                    shard_id(number)
                )));
            }
            close(stream, number, &kept);
            for range in [(first, key - 1), (key, last)] {
                stream.shards.push(Shard { range, parents: vec![number], created: now(), closed: None });
            }
            Ok(Document::Nothing)
        })
    }

    pub(super) fn merge_shards(&self, region: &str, input: &Value) -> Answer {
        let one = shard_number(text(input, "ShardToMerge")?)?;
        let other = shard_number(text(input, "AdjacentShardToMerge")?)?;
        let (_, stream) = self.named(region, input)?;
        let shelves = [self.shelf(stream.number, one)?, self.shelf(stream.number, other)?];
        self.change(region, input, |stream| {
            let (a, b) = (open_range(stream, one)?, open_range(stream, other)?);
            let (low, high) = if a.0 < b.0 { (a, b) } else { (b, a) };
            if low.1.checked_add(1) != Some(high.0) {
                let ids = (shard_id(one), shard_id(other));
                return Err(argument(format!("Shards {} and {} are not adjacent.", ids.0, ids.1)));
            }
            close(stream, one, &shelves[0]);
            close(stream, other, &shelves[1]);
            let range = (low.0, high.1);
            stream.shards.push(Shard { range, parents: vec![one, other], created: now(), closed: None });
            Ok(Document::Nothing)
        })
    }
}

/// The range of a shard that takes records.
fn open_range(stream: &Stream, number: usize) -> Result<(u128, u128), Fault> {
    let id = shard_id(number);
    let missing = || Fault::new(400, "ResourceNotFoundException", format!("Could not find shard {id} in the stream."));
    let shard = stream.shards.get(number).ok_or_else(missing)?;
    if shard.closed.is_some() {
        return Err(in_use(format!("Shard {id} is closed already.")));
    }
    Ok(shard.range)
}

/// From now on its children take what it would have taken: whoever is about to put something there is sent on.
fn close(stream: &mut Stream, number: usize, kept: &Shelf) {
    if let Some(shard) = stream.shards.get_mut(number) {
        shard.closed = Some((now(), kept.close()));
    }
}

/// The shards that a filter asks for.
/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ShardFilter.html>
fn wanted(stream: &Stream, filter: &Value) -> Result<Vec<usize>, Fault> {
    let all = || 0..stream.shards.len();
    // Shards that were open at a moment, or since.
    let open_at = |moment: i64, until: i64| {
        let lives = |number: &usize| {
            stream
                .shards
                .get(*number)
                .is_some_and(|shard| shard.created <= until && shard.closed.is_none_or(|(closed, _)| closed >= moment))
        };
        all().filter(lives).collect()
    };
    let moment = || time(&filter["Timestamp"]).ok_or_else(|| argument("The shard filter needs a Timestamp."));
    let horizon = now() - stream.retention * 3_600_000;
    Ok(match filter["Type"].as_str() {
        None => all().collect(),
        Some("AFTER_SHARD_ID") => {
            let after = shard_number(text(filter, "ShardId")?)?;
            all().filter(|shard| *shard > after).collect()
        }
        Some("AT_TRIM_HORIZON") => open_at(horizon, horizon.max(stream.created)),
        Some("FROM_TRIM_HORIZON") => open_at(horizon, i64::MAX),
        Some("AT_LATEST") => stream.open().map(|(number, _)| number).collect(),
        Some("AT_TIMESTAMP") => open_at(moment()?, moment()?.max(stream.created)),
        Some("FROM_TIMESTAMP") => open_at(moment()?, i64::MAX),
        Some(other) => return Err(invalid(format!("{other} is no type of a shard filter."))),
    })
}

fn unpacked(token: &str) -> Result<Value, Fault> {
    let bytes = STANDARD.decode(token).ok();
    let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| Fault::new(400, "ExpiredNextTokenException", "The token is not one of this stream."))
}
