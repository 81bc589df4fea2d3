//! The task that calls what is due.
//!
//! It knows of every enabled schedule when it is due next, sleeps until the first of them, and is woken
//! when schedules change. What was due while the local cloud was not running is not made up for.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::model::{Place, Schedule};
use super::target;
use crate::local::Local;

/// Longest sleep: a clock that is set, or a lid that was closed, is noticed after that.
const LONGEST: Duration = Duration::from_secs(20);

/// When a schedule is due next.
struct Next {
    /// Of the schedule that this was computed for.
    revision: String,
    /// What its expression says; `None` when it never is again.
    time: Option<Timestamp>,
    /// The same or later, with a flexible window.
    fires: Option<Timestamp>,
}

impl Next {
    fn after(schedule: &Schedule, after: Timestamp) -> Self {
        let time = schedule.next(after);
        let fires = time.and_then(|time| time.checked_add(somewhere_in(schedule.settings.window)).ok());
        Self { revision: schedule.revision.clone(), time, fires }
    }
}

/// Runs until the local cloud is gone.
pub(super) async fn run(local: Weak<Local>, changed: Arc<Notify>) {
    let started = Timestamp::now();
    let mut known = HashMap::new();
    loop {
        let pause = {
            let Some(local) = local.upgrade() else { return };
            tick(&local, &mut known, started)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = changed.notified() => {}
        }
    }
}

/// Calls what is due and says how long nothing will be.
fn tick(local: &Arc<Local>, known: &mut HashMap<Place, Next>, started: Timestamp) -> Duration {
    let now = Timestamp::now();
    let schedules = local.scheduler.enabled();
    known
        .retain(|place, next| schedules.iter().any(|(it, schedule)| it == place && schedule.revision == next.revision));
    let mut pause = LONGEST;
    for (place, schedule) in schedules {
        let next = known.entry(place.clone()).or_insert_with(|| {
            // The moment of its making is a time like any other: a rate begins with it.
            let made = Timestamp::from_millisecond(schedule.modified - 1).unwrap_or(started);
            Next::after(&schedule, made.max(started))
        });
        if let (Some(time), Some(fires)) = (next.time, next.fires)
            && fires <= now
        {
            let settings = schedule.settings.clone();
            tokio::spawn(target::deliver(Arc::downgrade(local), place.clone(), settings, time));
            *next = Next::after(&schedule, time.max(now));
        }
        match next.fires {
            Some(fires) => pause = pause.min(until(now, fires)),
            None if schedule.settings.delete_when_done => local.scheduler.complete(&place, &schedule.revision),
            None => {}
        }
    }
    pause
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// A random part of a window of so many minutes.
fn somewhere_in(window: Option<i64>) -> SignedDuration {
    let Some(minutes) = window else { return SignedDuration::ZERO };
    let random = i64::from(uuid::Uuid::new_v4().as_fields().0);
    SignedDuration::from_millis(random % (minutes * 60_000))
}
