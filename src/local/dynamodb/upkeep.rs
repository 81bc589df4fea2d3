//! The task that removes what is over: items whose time to live has passed, and stream records after a day.
//!
//! AWS deletes expired items within a few days
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>); here it takes seconds, so
//! that one can wait for it. A sweep reads the whole table, so large ones are swept less often.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::region::Region;
use crate::local::Local;

/// Between two sweeps, at least.
const PAUSE: Duration = Duration::from_secs(3);
/// A sweep takes at most this part of the time.
const SHARE: u32 = 20;
/// Stream records live a day.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>
const RETENTION_SECONDS: i64 = 86_400;

/// Runs until the local cloud is gone.
pub(super) async fn run(local: Weak<Local>) {
    loop {
        let Some(local) = local.upgrade() else { return };
        let started = Instant::now();
        // What cannot be removed now is tried again with the next sweep.
        let _ = tokio::task::spawn_blocking(move || local.dynamodb.all_regions().iter().for_each(sweep)).await;
        tokio::time::sleep(PAUSE.max(started.elapsed() * SHARE)).await;
    }
}

fn sweep(region: &Arc<Region>) {
    let _ = region.database().sweep_ttl();
    let _ = region.trim(jiff::Timestamp::now().as_second() - RETENTION_SECONDS);
}
