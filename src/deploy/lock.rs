//! One deploy per stage at a time, across machines: an object that only one can create.
//!
//! The holder rewrites it every few seconds. One that was not rewritten for a minute belongs to a holder that
//! crashed, and is taken over by a conditional write. How old it is S3 says, by one clock; whoever waits watches its
//! `ETag` besides, by one clock, too. No two machines' clocks are compared. S3's conditional writes are strongly consistent:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, SdkError};
use aws_sdk_s3::operation::delete_object::DeleteObjectError;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::kinds::Bucket;
use super::names::{bucket_name, lock_key};
use super::plan::{Action, Change};
use super::resource::{Owner, Resource as _};
use super::stop::Stop;
use crate::aws::{Cloud, LISTENER, code, explain, is_code, say};
use crate::error::{Error, Result};

pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);
/// Four heartbeats missed.
pub(super) const ABANDONED: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_mins(20);
const GONE: &str = "the other one is gone: taking over";

/// What stands in the object: for whoever has to wait.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Note {
    /// Tells our own lock from one written by somebody else.
    pub(super) id: String,
    pub(super) by: String,
    pub(super) host: String,
    /// Where `pid` means something: the running kernel and its process namespace.
    #[serde(default)]
    pub(super) machine: String,
    pub(super) pid: u32,
    /// RFC 3339, by the holder's clock.
    pub(super) since: String,
    pub(super) beat: u64,
}

/// A held lock. [`Lock::release`] gives it back; if the process dies, it is taken over after a minute.
#[derive(Debug)]
pub(crate) struct Lock {
    cloud: Cloud,
    bucket: String,
    key: String,
    id: String,
    /// Of what we wrote last.
    etag: Arc<Mutex<String>>,
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
    /// `stop` is set when the lock is lost.
    pub(crate) async fn acquire(
        cloud: &Cloud,
        owner: &Owner,
        since: String,
        (wait, make_bucket): (bool, bool),
        stop: &Stop,
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
                    return Ok(Some(Self {
                        made_bucket: bucket_change,
                        ..Self::hold(cloud, (bucket, key), note, etag, stop)
                    }));
                }
                Written::NoBucket if make_bucket => {
                    say("creating the artifact bucket");
                    let wanted = Bucket::wanted(&cloud.account, &cloud.region);
                    wanted.converge(cloud, None).await?;
                    bucket_change = Some(Change::new(Action::Create, wanted.key()));
                    continue;
                }
                Written::NoBucket => return Ok(None),
                Written::Taken => {}
            }
            let Some(seen) = look(cloud, &bucket, &key).await? else { continue };
            let silent = seen.silent_for().is_some_and(|seconds| Duration::from_secs(seconds) > ABANDONED);
            let (holder, etag) = (seen.note, seen.etag);
            // A write of ours whose answer was lost.
            if holder.as_ref().is_some_and(|holder| holder.id == id) {
                return Ok(Some(Self::hold(cloud, (bucket, key), note, etag, stop)));
            }
            let dead = holder.as_ref().is_some_and(is_dead);
            if (dead || silent)
                && let Written::Ours(etag) = write(cloud, &bucket, &key, &note, Some(&etag)).await?
            {
                say(if dead { "taking over from a run that was killed on this machine" } else { GONE });
                return Ok(Some(Self::hold(cloud, (bucket, key), note, etag, stop)));
            }
            let who = holder.map_or_else(
                || "somebody".to_owned(),
                |it| format!("{} on {} (process {}), since {}", it.by, it.host, it.pid, it.since),
            );
            if !wait || started.elapsed() > PATIENCE {
                return Err(Error::failed(format!("stage `{}` is being deployed by {who}", owner.stage))
                    .hint("wait for it to end; a crashed one is taken over a minute after its last sign of life"));
            }
            say(&format!("stage `{}` is being deployed by {who}", owner.stage));
            match &watched {
                Some((known, at)) if *known == etag => {
                    if at.elapsed() > ABANDONED
                        && let Written::Ours(etag) = write(cloud, &bucket, &key, &note, Some(&etag)).await?
                    {
                        say(GONE);
                        return Ok(Some(Self::hold(cloud, (bucket, key), note, etag, stop)));
                    }
                }
                _ => watched = Some((etag, Instant::now())),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn hold(cloud: &Cloud, (bucket, key): (String, String), note: Note, etag: String, stop: &Stop) -> Self {
        let etag = Arc::new(Mutex::new(etag));
        let heart = beat(cloud.clone(), (bucket.clone(), key.clone()), note.clone(), etag.clone(), stop.clone());
        // What is said there is heard where this is.
        let heart = match LISTENER.try_with(Arc::clone) {
            Ok(listener) => tokio::spawn(LISTENER.scope(listener, heart)),
            Err(_) => tokio::spawn(heart),
        };
        Self { cloud: cloud.clone(), bucket, key, id: note.id, etag, heart, made_bucket: None }
    }

    /// Gives it back. Best effort: what stays is taken over after a minute.
    pub(crate) async fn release(mut self) {
        self.heart.abort();
        let _ = (&mut self.heart).await;
        // Taken over by somebody else, it is not ours to remove: then it has another `ETag`.
        let known = last(&self.etag).clone();
        let Err(error) = self.remove(known).await else { return };
        // So it has after a write of ours whose answer was lost.
        if is_code(&error, &["PreconditionFailed", "ConditionalRequestConflict"])
            && let Ok(Some((Some(holder), etag))) = read(&self.cloud, &self.bucket, &self.key).await
            && holder.id == self.id
        {
            let _ = self.remove(etag).await;
        }
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>
    async fn remove(&self, etag: String) -> std::result::Result<(), SdkError<DeleteObjectError>> {
        let call = self.cloud.s3.delete_object().bucket(&self.bucket).key(&self.key).if_match(etag);
        call.expected_bucket_owner(&self.cloud.account).send().await.map(drop)
    }
}

fn last(etag: &Mutex<String>) -> MutexGuard<'_, String> {
    etag.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells this machine, boot and process namespace from others; empty where that cannot be told.
fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if boot.is_empty() { String::new() } else { format!("{} {}", boot.trim(), space.display()) }
}

/// True when the holder ran on this machine and its process is gone: nobody needs to wait for that one.
pub(super) fn is_dead(holder: &Note) -> bool {
    let pid = i32::try_from(holder.pid).ok().and_then(rustix::process::Pid::from_raw);
    !holder.machine.is_empty()
        && holder.machine == machine()
        && pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

/// Says that the holder lives, until it is aborted. When somebody else has taken over (this machine
/// slept, or was cut off for a minute) or has removed the lock, `stop` is set: two must not deploy at once.
async fn beat(cloud: Cloud, (bucket, key): (String, String), mut note: Note, etag: Arc<Mutex<String>>, stop: Stop) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        note.beat += 1;
        let known = last(&etag).clone();
        let writing = write(&cloud, &bucket, &key, &note, Some(&known));
        match tokio::time::timeout(HEARTBEAT, writing).await {
            Ok(Ok(Written::Ours(next))) => *last(&etag) = next,
            // The network may come back before anybody takes over.
            Ok(Err(_)) | Err(_) => {}
            // Perhaps an earlier write of ours whose answer was lost: who is it?
            // Removed with the stage.
            Ok(Ok(Written::NoBucket)) => return,
            Ok(Ok(Written::Taken)) => match read(&cloud, &bucket, &key).await {
                Ok(Some((Some(holder), now))) if holder.id == note.id => *last(&etag) = now,
                // Taken over, or removed by `rzap unlock`.
                Ok(_) => {
                    stop.lose_lock();
                    say("the lock of this stage was taken from this run: nothing new is started");
                    return;
                }
                Err(_) => {}
            },
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
        Err(error) if code(&error) == Some("AccessDenied") => {
            let error = explain(format!("lock the stage (s3://{bucket}/{key})"))(error);
            Err(error.hint("bucket names are global: if another account has this one, use another region"))
        }
        Err(error) => Err(explain(format!("lock the stage (s3://{bucket}/{key})"))(error)),
    }
}

/// Who holds it (if that can be read) and the `ETag`; `None` when nobody does.
async fn read(cloud: &Cloud, bucket: &str, key: &str) -> Result<Option<(Option<Note>, String)>> {
    let seen = look(cloud, bucket, key).await?;
    Ok(seen.map(|seen| (seen.note, seen.etag)))
}

/// The lock as it lies there.
pub(super) struct Seen {
    /// Unset when it cannot be read.
    pub(super) note: Option<Note>,
    pub(super) etag: String,
    /// When it was written, and when it was looked at: both by the clock of the store.
    pub(super) modified: Option<DateTime>,
    pub(super) now: Option<DateTime>,
}

impl Seen {
    /// Seconds since the last heartbeat, by the clock of the store; unset when it does not say.
    pub(super) fn silent_for(&self) -> Option<u64> {
        let (modified, now) = self.modified.zip(self.now)?;
        Some(u64::try_from(now.secs() - modified.secs()).unwrap_or(0))
    }
}

/// Looks at the lock; `None` when there is none.
pub(super) async fn look(cloud: &Cloud, bucket: &str, key: &str) -> Result<Option<Seen>> {
    let what = || format!("see who locks the stage (s3://{bucket}/{key})");
    let clock = Clock::default();
    let call = cloud.s3.get_object().bucket(bucket).key(key).expected_bucket_owner(&cloud.account);
    let object = match call.customize().interceptor(clock.clone()).send().await {
        Ok(object) => object,
        Err(error) if is_code(&error, &["NoSuchKey", "NoSuchBucket"]) => return Ok(None),
        Err(error) => return Err(explain(what())(error)),
    };
    let (etag, modified) = (object.e_tag().unwrap_or_default().to_owned(), object.last_modified().copied());
    let bytes =
        object.body.collect().await.map_err(|error| Error::failed(format!("failed to {}", what())).because(&error))?;
    Ok(Some(Seen {
        note: serde_json::from_slice(&bytes.into_bytes()).ok(),
        etag,
        modified,
        now: clock.0.get().copied(),
    }))
}

/// Reads the time of an answer from its head: this machine's clock may be wrong.
#[derive(Debug, Clone, Default)]
struct Clock(Arc<OnceLock<DateTime>>);

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok()) {
            let _ = self.0.set(date);
        }
        Ok(())
    }
}
