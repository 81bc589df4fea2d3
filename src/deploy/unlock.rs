//! The lock of a stage as somebody else sees it, and taking it away.
//!
//! A lock that changes hands between looking and removing stays: it is deleted only as it was seen.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>

use std::time::Duration;

use serde::Serialize;

use super::lock::{ABANDONED, Note, Seen, is_dead, look};
use super::names::{bucket_name, lock_key};
use super::resource::Owner;
use crate::aws::{Cloud, explain, is_code};
use crate::error::{Error, Result};

/// Heartbeats that may come in between while a living holder's lock is removed.
const TRIES: usize = 5;

/// What is known of the run that holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pulse {
    /// It ran on this machine, and its process is gone.
    Dead,
    /// No heartbeat for a minute.
    Silent,
    /// A heartbeat within the last minute, or nobody can tell.
    Alive,
}

/// Who holds a stage.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Holder {
    /// An ARN; `somebody` when the lock cannot be read.
    pub(crate) by: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    /// RFC 3339, by the holder's clock.
    pub(crate) since: String,
    /// Seconds since the last heartbeat, by the clock of S3; unset when it does not say.
    pub(crate) silent_for: Option<u64>,
    pub(crate) pulse: Pulse,
    #[serde(skip)]
    id: String,
    #[serde(skip)]
    etag: String,
}

/// What became of the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deleted {
    Yes,
    /// Its holder has given it back.
    Gone,
    /// It is not as it was seen any more.
    Changed,
}

impl Holder {
    /// Who holds the stage; `None` when nobody does.
    pub(crate) async fn find(cloud: &Cloud, owner: &Owner) -> Result<Option<Self>> {
        let (bucket, key) = (bucket_name(&cloud.account, &cloud.region), lock_key(owner));
        Ok(look(cloud, &bucket, &key).await?.map(|seen| Self::of(&seen)))
    }

    fn of(seen: &Seen) -> Self {
        let silent_for = seen.silent_for();
        let pulse = match (&seen.note, silent_for) {
            (Some(note), _) if is_dead(note) => Pulse::Dead,
            (_, Some(seconds)) if Duration::from_secs(seconds) > ABANDONED => Pulse::Silent,
            _ => Pulse::Alive,
        };
        let nobody = || Note { by: "somebody".to_owned(), ..Note::default() };
        let note = seen.note.clone().unwrap_or_else(nobody);
        let Note { id, by, host, pid, since, .. } = note;
        Self { by, host, pid, since, silent_for, pulse, id, etag: seen.etag.clone() }
    }

    /// `arn:… on build-3 (process 812), since 2026-11-21T02:52:00Z`
    pub(crate) fn who(&self) -> String {
        let Self { by, host, pid, since, .. } = self;
        if host.is_empty() { by.clone() } else { format!("{by} on {host} (process {pid}), since {since}") }
    }

    /// Removes this one's lock, and no other's. With `alive` also when it has shown life since it was found.
    /// `false` when it was gone already.
    ///
    /// # Errors
    /// Somebody else has taken the lock in the meantime, or its holder has shown life.
    pub(crate) async fn remove(&self, cloud: &Cloud, owner: &Owner, alive: bool) -> Result<bool> {
        let (bucket, key) = (bucket_name(&cloud.account, &cloud.region), lock_key(owner));
        for _ in 0..TRIES {
            // Where an endpoint takes no conditions, this is as near as one gets to the same.
            let Some(seen) = look(cloud, &bucket, &key).await? else { return Ok(false) };
            let now = Self::of(&seen);
            if now.id != self.id {
                let error = Error::failed(format!("the lock has changed hands: now it is held by {}", now.who()));
                return Err(error.hint("nothing was removed: that run started a moment ago"));
            }
            if now.etag != self.etag && !alive {
                let error = Error::failed(format!("the run that holds the lock has just shown life: {}", now.who()));
                return Err(error.hint("nothing was removed: wait for that run to end"));
            }
            match delete(cloud, &bucket, &key, &now.etag).await? {
                Deleted::Yes => return Ok(true),
                Deleted::Gone => return Ok(false),
                Deleted::Changed => {}
            }
        }
        Err(Error::failed(format!("the lock changed while it was removed, {TRIES} times: {}", self.who()))
            .hint("run `rzap unlock` again"))
    }
}

/// Deletes the lock if it is still the one with this `ETag`.
async fn delete(cloud: &Cloud, bucket: &str, key: &str, etag: &str) -> Result<Deleted> {
    let call = || cloud.s3.delete_object().bucket(bucket).key(key).expected_bucket_owner(&cloud.account);
    let what = || format!("remove the lock (s3://{bucket}/{key})");
    match call().if_match(etag).send().await {
        Ok(_) => Ok(Deleted::Yes),
        Err(error) if is_code(&error, &["NoSuchKey", "NoSuchBucket"]) => Ok(Deleted::Gone),
        Err(error) if is_code(&error, &["PreconditionFailed", "ConditionalRequestConflict"]) => Ok(Deleted::Changed),
        Err(error) if is_code(&error, &["NotImplemented"]) => {
            call().send().await.map_err(explain(what()))?;
            Ok(Deleted::Yes)
        }
        Err(error) => Err(explain(what())(error)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::primitives::DateTime;
    use serde_json::json;

    use super::*;

    fn pulse(note: Option<serde_json::Value>, (modified, now): (Option<i64>, Option<i64>)) -> Pulse {
        let note = note.map(|note| serde_json::from_value(note).expect("a note"));
        let time = |secs: Option<i64>| secs.map(DateTime::from_secs);
        Holder::of(&Seen { note, etag: "\"1\"".into(), modified: time(modified), now: time(now) }).pulse
    }

    #[test]
    fn a_holder_is_gone_after_a_minute_without_heartbeat_by_the_clock_of_s3() {
        let note =
            || Some(json!({"id": "1", "by": "arn", "host": "far-away", "pid": 1, "since": "2026-01-01", "beat": 0}));
        assert_eq!(pulse(note(), (Some(1_000), Some(1_060))), Pulse::Alive);
        assert_eq!(pulse(note(), (Some(1_000), Some(1_061))), Pulse::Silent);
        assert_eq!(pulse(None, (Some(1_000), Some(1_061))), Pulse::Silent);
        // Written after it was looked at: a clock that was set back.
        assert_eq!(pulse(note(), (Some(1_000), Some(900))), Pulse::Alive);
        // An endpoint that does not say what time it is: nobody can tell.
        assert_eq!(pulse(note(), (Some(1_000), None)), Pulse::Alive);
        assert_eq!(pulse(note(), (None, Some(9_000))), Pulse::Alive);
    }
}
