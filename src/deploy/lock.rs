//! One deploy per stage at a time, across machines: an object that only one can create.
//!
//! The holder rewrites it every few seconds. Whoever waits watches its `ETag`: one that has not changed
//! for a minute belongs to a holder that crashed, and is taken over by a conditional write. No clock but
//! the waiter's own is involved. S3's conditional writes are strongly consistent:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::kinds::Bucket;
use super::names::{bucket_name, lock_key};
use super::plan::{Action, Change};
use super::resource::{Key, Owner, Resource as _};
use crate::aws::{Cloud, code, explain, is_code, say};
use crate::error::{Error, Result};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// Four heartbeats missed.
const ABANDONED: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_mins(20);

/// What stands in the object: for whoever has to wait.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    /// Tells our own lock from one written by somebody else.
    id: String,
    by: String,
    host: String,
    /// Where `pid` means something: the running kernel and its process namespace.
    #[serde(default)]
    machine: String,
    pid: u32,
    /// RFC 3339, by the holder's clock.
    since: String,
    beat: u64,
}

/// A held lock. [`Lock::release`] gives it back; if the process dies, it is taken over after a minute.
#[derive(Debug)]
pub(crate) struct Lock {
    cloud: Cloud,
    bucket: String,
    key: String,
    id: String,
    heart: JoinHandle<()>,
    /// The artifact bucket was created for it.
    pub(crate) made_bucket: Option<Change>,
}

/// How an attempt to write ended.
enum Written {
    /// With its `ETag`.
    Ours(String),
    Taken,
    NoBucket,
}

impl Lock {
    /// Takes the lock of a stage. `since` is the current time for people; `wait` says whether to wait
    /// when somebody else has it; `make_bucket` whether to create the artifact bucket when there is none.
    /// `None` when there is no bucket, and so nothing to lock.
    pub(crate) async fn acquire(
        cloud: &Cloud,
        owner: &Owner,
        since: String,
        wait: bool,
        make_bucket: bool,
    ) -> Result<Option<Self>> {
        let bucket = bucket_name(&cloud.account, &cloud.region);
        let key = lock_key(owner);
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let id = uuid::Uuid::new_v4().to_string();
        let pid = std::process::id();
        let note = Note { id: id.clone(), by: cloud.caller.clone(), host, machine: machine(), pid, since, beat: 0 };
        let started = Instant::now();
        let mut watched: Option<(String, Instant)> = None;
        let mut bucket_change = None;
        loop {
            match write(cloud, &bucket, &key, &note, None).await? {
                Written::Ours(etag) => {
                    return Ok(Some(Self { made_bucket: bucket_change, ..Self::hold(cloud, bucket, key, note, etag) }));
                }
                Written::NoBucket if make_bucket => {
                    say("creating the artifact bucket");
                    let wanted = Bucket::wanted(&cloud.account, &cloud.region);
                    wanted.converge(cloud, None).await?;
                    let Key { kind, name } = wanted.key();
                    bucket_change = Some(Change { action: Action::Create, kind, name, differences: Vec::new() });
                    continue;
                }
                Written::NoBucket => return Ok(None),
                Written::Taken => {}
            }
            let Some((holder, etag)) = read(cloud, &bucket, &key).await? else { continue };
            if holder.as_ref().is_some_and(is_dead)
                && let Written::Ours(etag) = write(cloud, &bucket, &key, &note, Some(&etag)).await?
            {
                say("taking over from a run that was killed on this machine");
                return Ok(Some(Self::hold(cloud, bucket, key, note, etag)));
            }
            // A write of ours whose answer was lost.
            if holder.as_ref().is_some_and(|holder| holder.id == id) {
                return Ok(Some(Self::hold(cloud, bucket, key, note, etag)));
            }
            let who = holder.map_or_else(
                || "somebody".to_owned(),
                |it| format!("{} on {} (process {}), since {}", it.by, it.host, it.pid, it.since),
            );
            if !wait || started.elapsed() > PATIENCE {
                return Err(Error::failed(format!("stage `{}` is being deployed by {who}", owner.stage))
                    .hint("wait for it to end; a crashed one is taken over after a minute (without `--no-wait`)"));
            }
            say(&format!("stage `{}` is being deployed by {who}", owner.stage));
            match &watched {
                Some((known, at)) if *known == etag => {
                    if at.elapsed() > ABANDONED
                        && let Written::Ours(etag) = write(cloud, &bucket, &key, &note, Some(&etag)).await?
                    {
                        say("the other one is gone: taking over");
                        return Ok(Some(Self::hold(cloud, bucket, key, note, etag)));
                    }
                }
                _ => watched = Some((etag, Instant::now())),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn hold(cloud: &Cloud, bucket: String, key: String, note: Note, etag: String) -> Self {
        let heart = tokio::spawn(beat(cloud.clone(), bucket.clone(), key.clone(), note.clone(), etag));
        Self { cloud: cloud.clone(), bucket, key, id: note.id, heart, made_bucket: None }
    }

    /// Gives it back. Best effort: what stays is taken over after a minute.
    pub(crate) async fn release(self) {
        self.heart.abort();
        let _ = self.heart.await;
        // Taken over by somebody else, it is not ours to remove.
        if let Ok(Some((Some(holder), _))) = read(&self.cloud, &self.bucket, &self.key).await
            && holder.id == self.id
        {
            let _ = self.cloud.s3.delete_object().bucket(&self.bucket).key(&self.key).send().await;
        }
    }
}

/// Tells this machine, boot and process namespace from others; empty where that cannot be told.
fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if boot.is_empty() { String::new() } else { format!("{} {}", boot.trim(), space.display()) }
}

/// True when the holder ran on this machine and its process is gone: nobody needs to wait for that one.
fn is_dead(holder: &Note) -> bool {
    let pid = i32::try_from(holder.pid).ok().and_then(rustix::process::Pid::from_raw);
    !holder.machine.is_empty()
        && holder.machine == machine()
        && pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

async fn beat(cloud: Cloud, bucket: String, key: String, mut note: Note, mut etag: String) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        note.beat += 1;
        match write(&cloud, &bucket, &key, &note, Some(&etag)).await {
            Ok(Written::Ours(next)) => etag = next,
            // Taken over, or removed with the stage.
            Ok(_) => return,
            // The network may come back before anybody takes over.
            Err(_) => {}
        }
    }
}

/// Writes the note: only if nobody has, or only over `etag`.
async fn write(cloud: &Cloud, bucket: &str, key: &str, note: &Note, etag: Option<&str>) -> Result<Written> {
    let call = cloud.s3.put_object().bucket(bucket).key(key).content_type("application/json");
    let call = match etag {
        Some(etag) => call.if_match(etag),
        None => call.if_none_match("*"),
    };
    let body = serde_json::to_vec(note).unwrap_or_default();
    match call.expected_bucket_owner(&cloud.account).body(ByteStream::from(body)).send().await {
        Ok(written) => Ok(Written::Ours(written.e_tag.unwrap_or_default())),
        Err(error) if is_code(&error, &["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"]) => {
            Ok(Written::Taken)
        }
        Err(error) if code(&error) == Some("NoSuchBucket") => Ok(Written::NoBucket),
        Err(error) => Err(explain(format!("lock the stage (s3://{bucket}/{key})"))(error)),
    }
}

/// Who holds it (if that can be read) and the `ETag`; `None` when nobody does.
async fn read(cloud: &Cloud, bucket: &str, key: &str) -> Result<Option<(Option<Note>, String)>> {
    let what = || format!("see who locks the stage (s3://{bucket}/{key})");
    let object = match cloud.s3.get_object().bucket(bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) if is_code(&error, &["NoSuchKey", "NoSuchBucket"]) => return Ok(None),
        Err(error) => return Err(explain(what())(error)),
    };
    let etag = object.e_tag().unwrap_or_default().to_owned();
    let bytes =
        object.body.collect().await.map_err(|error| Error::failed(format!("failed to {}", what())).because(&error))?;
    Ok(Some((serde_json::from_slice(&bytes.into_bytes()).ok(), etag)))
}
