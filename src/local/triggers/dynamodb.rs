//! Streams of tables as event sources: batches in the order of the stream, one at a time.
//!
//! A batch that fails is tried again until the function takes it, its retries are used up or its records are too
//! old; nothing that comes after it is delivered before. Records that are given up are skipped.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::Stop;
use super::answer::failed_items;
use super::call::{Called, call};
use super::filter::Filter;
use crate::local::Local;
use crate::local::dynamodb::StreamRecord;
use crate::local::lambda::Mapping;
use crate::local::wire::Fault;

/// "Lambda polls shards in your DynamoDB stream for records at a base rate of four times per second."
const POLL: Duration = Duration::from_millis(250);
/// 6 MB for an invocation, with room for what is around the records.
const MOST_BYTES: usize = 6 * 1024 * 1024 - 64;
/// A function that cannot be called for so long has failed once.
const PATIENCE: Duration = Duration::from_mins(1);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What was read: the records that the function is to get, and how far.
struct Batch {
    records: Vec<StreamRecord>,
    last: i64,
}

/// Reads and delivers until it is told to stop.
pub(super) async fn run(local: Weak<Local>, mapping: Mapping, mut stop: Stop) {
    let runner = Runner { filter: Filter::new(&mapping.settings.filters, ""), mapping: Arc::new(mapping), local };
    let mut position = None;
    while runner.local.strong_count() > 0 {
        let read = match position {
            None => runner.stand().await.map(|stand| Batch { records: Vec::new(), last: stand }),
            Some(position) => runner.gather(position, &mut stop).await,
        };
        // A stream that is gone, or a disk that is full, is not this mapping's end.
        if let Ok(batch) = read {
            let last = batch.last;
            if !runner.deliver(batch.records, &mut stop).await {
                return;
            }
            if position.is_some_and(|position| position < last) {
                runner.keep(last).await;
            }
            position = Some(last);
        }
        tokio::select! {
            biased;
            () = stop.told() => return,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

struct Runner {
    local: Weak<Local>,
    mapping: Arc<Mapping>,
    filter: Filter,
}

impl Runner {
    /// Where the mapping stands.
    async fn stand(&self) -> Result<i64, Fault> {
        let stream = self.mapping.settings.stream.as_ref();
        let from_start = stream.is_some_and(|stream| stream.starting_position == "TRIM_HORIZON");
        self.blocking(move |local, it| local.dynamodb.stand(&it.region, &it.source, &it.uuid, from_start)).await
    }

    /// Remembers how far it got. What cannot be written now is delivered once more after a restart.
    async fn keep(&self, position: i64) {
        let _ = self.blocking(move |local, it| local.dynamodb.keep_stand(&it.region, &it.uuid, position)).await;
    }

    /// A batch as the mapping wants it; it may be empty.
    async fn gather(&self, position: i64, stop: &mut Stop) -> Result<Batch, Fault> {
        let settings = &self.mapping.settings;
        let mut batch = Batch { records: Vec::new(), last: position };
        let mut bytes = 0;
        let mut closes = None;
        loop {
            let (after, most) = (batch.last, settings.batch_size - batch.records.len());
            let read =
                self.blocking(move |local, it| local.dynamodb.after(&it.region, &it.source, after, most)).await?;
            batch.last = read.1;
            let wanted = read.0.into_iter().filter(|record| self.filter.lets_through(&record.event));
            for record in wanted {
                bytes += record.event.to_string().len() + 1;
                batch.records.push(record);
            }
            if batch.records.is_empty() {
                return Ok(batch);
            }
            let closes = *closes.get_or_insert_with(|| Instant::now() + Duration::from_secs(settings.window));
            if batch.records.len() >= settings.batch_size || bytes >= MOST_BYTES || Instant::now() >= closes {
                return Ok(batch);
            }
            tokio::select! {
                () = stop.told() => return Ok(batch),
                () = tokio::time::sleep_until(closes.min(Instant::now() + POLL)) => {}
            }
        }
    }

    /// Delivers records in order; false when it was told to stop before they were done.
    async fn deliver(&self, records: Vec<StreamRecord>, stop: &mut Stop) -> bool {
        let Some(settings) = self.mapping.settings.stream.as_ref() else { return true };
        let mut parts = VecDeque::from(in_size(records));
        let (mut failures, mut pause) = (0, FIRST_PAUSE);
        while let Some(mut part) = parts.pop_front() {
            let Some(failed) = self.call(&part).await else {
                (failures, pause) = (0, FIRST_PAUSE);
                continue;
            };
            if let Some(before) = failed.checked_sub(1) {
                // What was before the failed record is done.
                self.keep(part[before].position).await;
                part.drain(..failed);
                failures = 0;
            }
            if settings.most_age >= 0 {
                part.retain(|record| age(record) <= settings.most_age);
            }
            failures += 1;
            let split = settings.bisect && part.len() > 1;
            // "Splitting a batch does not count towards the retry quota."
            if part.is_empty() || (!split && settings.most_retries >= 0 && failures > settings.most_retries) {
                (failures, pause) = (0, FIRST_PAUSE);
                continue;
            }
            if split {
                failures = 0;
                parts.push_front(part.split_off(part.len() / 2));
            }
            parts.push_front(part);
            tokio::select! {
                biased;
                () = stop.told() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
            if self.local.strong_count() == 0 {
                return false;
            }
        }
        true
    }

    /// Calls the function; the first record that has to come again, `None` when there is none.
    async fn call(&self, part: &[StreamRecord]) -> Option<usize> {
        let texts: Vec<String> = part.iter().map(|record| record.event.to_string()).collect();
        let payload = Bytes::from(format!("{{\"Records\":[{}]}}", texts.join(",")));
        let Called::Answered(answer) = call(&self.local, &self.mapping, payload, Instant::now() + PATIENCE).await
        else {
            return Some(0);
        };
        if !self.mapping.settings.report_failures {
            return None;
        }
        let ids: Vec<&str> = part.iter().map(|record| number(&record.event)).collect();
        match failed_items(&answer, &ids.iter().copied().collect::<HashSet<_>>()) {
            // An answer that cannot be understood fails them all.
            None => Some(0),
            Some(failed) => ids.iter().position(|id| failed.contains(*id)),
        }
    }

    async fn blocking<R: Send + 'static>(
        &self,
        act: impl FnOnce(&Local, &Mapping) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let gone = || Fault::new(503, "ServiceUnavailable", "the local cloud is stopping");
        let local = self.local.upgrade().ok_or_else(gone)?;
        let mapping = Arc::clone(&self.mapping);
        tokio::task::spawn_blocking(move || act(&local, &mapping)).await.map_err(|_| gone())?
    }
}

/// Cut where an invocation would become too large.
fn in_size(records: Vec<StreamRecord>) -> Vec<Vec<StreamRecord>> {
    let (mut parts, mut bytes) = (Vec::<Vec<StreamRecord>>::new(), 0);
    for record in records {
        let size = record.event.to_string().len() + 1;
        match parts.last_mut() {
            Some(part) if bytes + size < MOST_BYTES => {
                bytes += size;
                part.push(record);
            }
            _ => {
                bytes = size;
                parts.push(vec![record]);
            }
        }
    }
    parts
}

/// What a function reports a failed record by.
fn number(event: &Value) -> &str {
    event["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default()
}

/// How old a record is, in s.
fn age(record: &StreamRecord) -> i64 {
    let written = record.event["dynamodb"]["ApproximateCreationDateTime"].as_f64().unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "seconds since the epoch")]
    let written = written as i64;
    jiff::Timestamp::now().as_second() - written
}
