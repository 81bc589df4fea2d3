//! Streams of tables as event sources: one shard, read as [`super::stream`] reads any.

use std::sync::{Arc, Weak};

use serde_json::Value;

use super::Stop;
use super::stream::{self, Read, Record, Shard};
use crate::local::Local;
use crate::local::lambda::Mapping;
use crate::local::wire::Fault;

/// The one shard of the table's stream that a mapping reads.
struct TableShard(Arc<Mapping>);

/// Reads and delivers until it is told to stop.
pub(super) async fn run(local: Weak<Local>, mapping: Mapping, stop: Stop) {
    let mapping = Arc::new(mapping);
    stream::run(local, Arc::clone(&mapping), TableShard(mapping), stop).await;
}

impl Shard for TableShard {
    const DATA: &'static str = "";
    const BATCH_INFO: &'static str = "DDBStreamBatchInfo";

    fn stand(&self, local: &Local) -> Result<i64, Fault> {
        let it = &self.0;
        let stream = it.settings.stream.as_ref();
        let from_start = stream.is_some_and(|stream| stream.starting_position == "TRIM_HORIZON");
        local.dynamodb.stand(&it.region, &it.source, &it.uuid, from_start)
    }

    fn keep(&self, local: &Local, position: i64) -> Result<(), Fault> {
        local.dynamodb.keep_stand(&self.0.region, &self.0.uuid, position)
    }

    fn after(&self, local: &Local, position: i64, most: usize) -> Result<Read, Fault> {
        let (found, last) = local.dynamodb.after(&self.0.region, &self.0.source, position, most)?;
        let records = found.into_iter().map(|found| record(found.position, found.event));
        Ok(Read { records: records.collect(), last, ended: false })
    }

    fn id(&self, local: &Local) -> Result<String, Fault> {
        local.dynamodb.shard_of(&self.0.region, &self.0.source)
    }
}

fn record(position: i64, event: Value) -> Record {
    let own = &event["dynamodb"];
    let seconds = own["ApproximateCreationDateTime"].as_f64().unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "ms since the epoch")]
    let arrived = (seconds * 1000.0) as i64;
    Record {
        position,
        text: event.to_string(),
        number: own["SequenceNumber"].as_str().unwrap_or_default().to_owned(),
        // Changes of one item stay in their order.
        key: own["Keys"].to_string(),
        arrived,
        seen: event,
    }
}
