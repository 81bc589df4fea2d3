//! Data streams as event sources: every shard by itself, read as [`super::stream`] reads any.
//!
//! The shards that one was split into, or merged to, are read when it was read to its end, so that the records of a
//! key stay in their order.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::task::JoinSet;

use super::Stop;
use super::stream::{self, Read, Record, Shard};
use crate::local::Local;
use crate::local::kinesis::{Begin, Kinesis, StreamRecord};
use crate::local::lambda::Mapping;
use crate::local::wire::Fault;

/// How often it is looked for new shards.
const LOOK: Duration = Duration::from_secs(1);

/// One shard of the stream that a mapping reads.
struct OwnShard {
    mapping: Arc<Mapping>,
    number: usize,
    /// The function's role, which its events name.
    role: String,
}

/// Reads and delivers until it is told to stop.
pub(super) async fn run(local: Weak<Local>, mapping: Mapping, mut stop: Stop) {
    let mapping = Arc::new(mapping);
    let mut shards = JoinSet::new();
    let mut read = HashSet::new();
    loop {
        let Some(strong) = local.upgrade() else { return };
        let role = strong.lambda.role_of(&mapping).unwrap_or_default();
        let its = Arc::clone(&mapping);
        let ready = tokio::task::spawn_blocking(move || {
            let settings = its.settings.stream.as_ref();
            #[expect(clippy::cast_possible_truncation, reason = "ms since the epoch")]
            let moment = settings.and_then(|it| it.starting_timestamp).map(|seconds| (seconds * 1000.0) as i64);
            let newest = settings.is_some_and(|it| it.starting_position == "LATEST");
            let begin = moment.map_or(if newest { Begin::Newest } else { Begin::Oldest }, Begin::At);
            strong.kinesis.shards_for(&its.source, &its.uuid, begin)
        });
        // A stream that is gone is not this mapping's end.
        for number in ready.await.ok().and_then(Result::ok).unwrap_or_default() {
            if !read.insert(number) {
                continue;
            }
            let shard = OwnShard { mapping: Arc::clone(&mapping), number, role: role.clone() };
            let (local, mapping, stop) = (local.clone(), Arc::clone(&mapping), stop.clone());
            shards.spawn(async move {
                stream::run(local, mapping, shard, stop).await;
                number
            });
        }
        tokio::select! {
            biased;
            () = stop.told() => break,
            // It has ended: its children may follow. What was stopped by a fault begins again.
            Some(ended) = shards.join_next(), if !shards.is_empty() => {
                if let Ok(number) = ended {
                    read.remove(&number);
                }
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    while shards.join_next().await.is_some() {}
}

impl Shard for OwnShard {
    const DATA: &'static str = "data";
    const BATCH_INFO: &'static str = "KinesisBatchInfo";

    fn stand(&self, local: &Local) -> Result<i64, Fault> {
        Ok(local.kinesis.stand(&self.mapping.uuid, self.number))
    }

    fn keep(&self, local: &Local, position: i64) -> Result<(), Fault> {
        local.kinesis.keep_stand(&self.mapping.uuid, self.number, position)
    }

    fn after(&self, local: &Local, position: i64, most: usize) -> Result<Read, Fault> {
        let (found, ended) = local.kinesis.after(&self.mapping.source, (self.number, position), most, &self.role)?;
        let last = found.last().map_or(position, |record| record.position);
        Ok(Read { records: found.into_iter().map(record).collect(), last, ended })
    }

    fn id(&self, _: &Local) -> Result<String, Fault> {
        Ok(Kinesis::shard_name(self.number))
    }
}

fn record(found: StreamRecord) -> Record {
    Record {
        position: found.position,
        text: found.event.to_string(),
        seen: seen(&found.event),
        number: found.number,
        key: found.key,
        arrived: found.arrived,
    }
}

/// What filters look at: the record's own members and its data, decoded, beside those of the event.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html>
fn seen(event: &Value) -> Value {
    let mut seen = event.clone();
    let own = seen["kinesis"].take();
    let data = own["data"].as_str().and_then(|data| STANDARD.decode(data).ok());
    if let (Some(seen), Value::Object(own)) = (seen.as_object_mut(), own) {
        seen.remove("kinesis");
        seen.extend(own);
        let text = data.map(|data| String::from_utf8_lossy(&data).into_owned());
        seen.insert("data".to_owned(), text.unwrap_or_default().into());
    }
    seen
}
