//! Shards of streams as event sources: batches in the order of the shard.
//!
//! ```text
//! run ─► gather (batch, window, filter) ─► lanes (parallel) ─► deliver (retries, bisecting, age) ─► call
//!                                     └─► window (tumbling) ──┘        └─► gave_up (who is told)
//! ```
//! A batch that fails is tried again until the function takes it, its retries are used up or its records are too
//! old; nothing of its lane that comes after it is delivered before. What kind of stream it is only the [`Shard`]
//! knows. <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>

mod deliver;
mod gave_up;
mod window;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use self::deliver::Lane;
use self::window::Window;
use super::Stop;
use super::filter::Filter;
use crate::local::Local;
use crate::local::lambda::Mapping;
use crate::local::wire::Fault;

/// "Lambda polls shards in your `DynamoDB` stream for records at a base rate of four times per second"; those of
/// Kinesis once: here as often.
pub(super) const POLL: Duration = Duration::from_millis(250);
/// 6 MB for an invocation, with room for what is around the records.
const MOST_BYTES: usize = 6 * 1024 * 1024 - 512;

/// A record of a shard.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Where it stands in the shard.
    pub(super) position: i64,
    /// What the function gets, as JSON.
    pub(super) text: String,
    /// What the filters look at.
    pub(super) seen: Value,
    /// What a function reports it by.
    pub(super) number: String,
    /// Records of one key stay in their order.
    pub(super) key: String,
    /// When it came, in ms since the epoch.
    pub(super) arrived: i64,
}

/// What was read, and how far.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) records: Vec<Record>,
    pub(super) last: i64,
    /// Nothing will ever come after that.
    pub(super) ended: bool,
}

/// What a kind of stream knows of one of its shards. All of it reads or writes files.
pub(super) trait Shard: Send + Sync + 'static {
    /// The member of a record with JSON in a text, for filters; empty when there is none.
    const DATA: &'static str;
    /// What who is told of failures finds the batch under.
    const BATCH_INFO: &'static str;

    /// Where the mapping stands.
    fn stand(&self, local: &Local) -> Result<i64, Fault>;

    /// The mapping is done with everything up to a position.
    fn keep(&self, local: &Local, position: i64) -> Result<(), Fault>;

    /// Up to `most` records after a position.
    fn after(&self, local: &Local, position: i64, most: usize) -> Result<Read, Fault>;

    /// The shard's id.
    fn id(&self, local: &Local) -> Result<String, Fault>;
}

/// A mapping at work on a shard.
pub(super) struct Reader<S> {
    local: Weak<Local>,
    mapping: Arc<Mapping>,
    shard: Arc<S>,
    filter: Filter,
}

/// Reads and delivers until it is told to stop, or the shard has ended.
pub(super) async fn run<S: Shard>(local: Weak<Local>, mapping: Arc<Mapping>, shard: S, mut stop: Stop) {
    let filter = Filter::new(&mapping.settings.filters, S::DATA);
    let reader = Reader { local, mapping, shard: Arc::new(shard), filter };
    let mut position = None;
    let mut window = None;
    while reader.local.strong_count() > 0 {
        let read = match position {
            None => {
                reader.blocking(|local, shard| shard.stand(local)).await.map(|last| Read { last, ..Read::default() })
            }
            Some(position) => reader.gather(position, &mut stop).await,
        };
        // A stream that is gone, or a disk that is full, is not this mapping's end.
        if let Ok(read) = read {
            let (last, ended, more) = (read.last, read.ended, position != Some(read.last));
            let tumbles = reader.mapping.settings.stream.as_ref().is_some_and(|stream| stream.tumbling > 0);
            let done = if tumbles {
                reader.tumble(&mut window, read, &mut stop).await
            } else {
                reader.lanes(read.records, &mut stop).await
            };
            // What is in an open window is not done.
            if done && more && position.is_some() && window.is_none() {
                reader.keep(last).await;
            }
            if !done || (ended && window.is_none()) {
                return;
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

impl<S: Shard> Reader<S> {
    /// Remembers how far it got. What cannot be written now is delivered once more after a restart.
    async fn keep(&self, position: i64) {
        let _ = self.blocking(move |local, shard| shard.keep(local, position)).await;
    }

    /// A batch for each lane as the mapping wants it; it may be empty.
    async fn gather(&self, position: i64, stop: &mut Stop) -> Result<Read, Fault> {
        let settings = &self.mapping.settings;
        let full = settings.batch_size.saturating_mul(self.lanes_at_once());
        let mut batch = Read { last: position, ..Read::default() };
        let mut bytes = 0;
        let mut closes = None;
        loop {
            let (after, most) = (batch.last, full - batch.records.len());
            let read = self.blocking(move |local, shard| shard.after(local, after, most)).await?;
            (batch.last, batch.ended) = (read.last, read.ended);
            for record in read.records.into_iter().filter(|record| self.filter.lets_through(&record.seen)) {
                bytes += record.text.len() + 1;
                batch.records.push(record);
            }
            if batch.records.is_empty() || batch.ended {
                return Ok(batch);
            }
            let closes = *closes.get_or_insert_with(|| Instant::now() + Duration::from_secs(settings.window));
            if batch.records.len() >= full || bytes >= MOST_BYTES || Instant::now() >= closes {
                return Ok(batch);
            }
            tokio::select! {
                () = stop.told() => return Ok(batch),
                () = tokio::time::sleep_until(closes.min(Instant::now() + POLL)) => {}
            }
        }
    }

    fn lanes_at_once(&self) -> usize {
        let parallel = self.mapping.settings.stream.as_ref().map_or(1, |stream| stream.parallel);
        usize::try_from(parallel).unwrap_or(1).max(1)
    }

    /// Delivers a batch, in as many lanes as the mapping wants, those of one key in one; false when it was told to
    /// stop before that was done. The next batch waits for all lanes.
    async fn lanes(&self, records: Vec<Record>, stop: &mut Stop) -> bool {
        let count = self.lanes_at_once();
        if count == 1 {
            return Lane { reader: self, window: None, keeps: true }.deliver(records, stop).await;
        }
        let mut lanes: Vec<Vec<Record>> = vec![Vec::new(); count];
        for record in records {
            let mut hasher = DefaultHasher::new();
            record.key.hash(&mut hasher);
            let lane = usize::try_from(hasher.finish() % count as u64).unwrap_or_default();
            lanes[lane].push(record);
        }
        let size = self.mapping.settings.batch_size;
        let deliveries = lanes.into_iter().filter(|lane| !lane.is_empty()).map(|lane| {
            let mut stop = stop.clone();
            async move {
                // Keys are not spread evenly: a lane may have more than a batch.
                for batch in lane.chunks(size) {
                    let mut one = Lane { reader: self, window: None, keeps: false };
                    if !one.deliver(batch.to_vec(), &mut stop).await {
                        return false;
                    }
                }
                true
            }
        });
        futures_util::future::join_all(deliveries).await.into_iter().all(|done| done)
    }

    /// Delivers records into their tumbling windows; false when it was told to stop. Only a window that is closed is
    /// done: one that was begun begins anew after a restart, with the records that were in it.
    async fn tumble(&self, open: &mut Option<Window>, read: Read, stop: &mut Stop) -> bool {
        let length = self.mapping.settings.stream.as_ref().map_or(1, |stream| stream.tumbling) * 1000;
        let mut records = read.records.into_iter().peekable();
        while let Some(first) = records.peek() {
            let start = first.arrived - first.arrived.rem_euclid(length);
            if open.as_ref().is_some_and(|window| window.start != start) && !self.close(open, stop).await {
                return false;
            }
            let Ok(shard) = self.blocking(|local, shard| shard.id(local)).await else { return false };
            let window = open.get_or_insert_with(|| Window::new(start, length, shard));
            let mut part = Vec::new();
            while let Some(record) = records.next_if(|record| record.arrived < start + length) {
                part.push(record);
            }
            if !(Lane { reader: self, window: Some(window), keeps: false }.deliver(part, stop).await) {
                return false;
            }
            window.last = read.last.min(records.peek().map_or(i64::MAX, |next| next.position - 1));
        }
        let over = |window: &Window| read.ended || jiff::Timestamp::now().as_millisecond() >= window.start + length;
        if open.as_ref().is_some_and(over) {
            return self.close(open, stop).await;
        }
        true
    }

    /// Calls the function a last time for a window, and remembers that it is done.
    async fn close(&self, open: &mut Option<Window>, stop: &mut Stop) -> bool {
        let Some(mut window) = open.take() else { return true };
        let last = window.last;
        let closed = Lane { reader: self, window: Some(&mut window), keeps: false }.close(false, stop).await;
        if closed {
            self.keep(last).await;
        }
        closed
    }

    async fn blocking<R: Send + 'static>(
        &self,
        act: impl FnOnce(&Local, &S) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let gone = || Fault::new(503, "ServiceUnavailable", "the local cloud is stopping");
        let local = self.local.upgrade().ok_or_else(gone)?;
        let shard = Arc::clone(&self.shard);
        tokio::task::spawn_blocking(move || act(&local, &shard)).await.map_err(|_| gone())?
    }
}
