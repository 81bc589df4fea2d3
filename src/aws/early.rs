//! Packages that go up while they are still being written.
//!
//! A package's key is the hash of its bytes, which nobody knows before the last one. So the parts of
//! a large zip go to a key of their own as soon as they stand, and when the hash is known S3 copies
//! them to where they belong. An upload begun for nothing (the package turns out to be live
//! already) is thrown away. Nothing in here can fail a deploy: what goes wrong is uploaded again, the
//! ordinary way, and that says what is wrong.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::CompletedPart;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::multipart::{Multipart, PART, Target};
use super::wait::say;
use crate::error::{Error, OrFailed as _, Result};

/// Parts in memory and on their way at once.
const PARALLEL: usize = 3;
/// A zip this large goes up in parts for sure, and is worth the copy at the end.
const WORTH_IT: u64 = 2 * PART;

/// What is known of a growing zip.
#[derive(Debug, Clone, Copy)]
struct Growth {
    /// Bytes from its start that will not change any more.
    written: u64,
    /// It is finished: these are all.
    whole: bool,
}

/// The uploads of one run. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Early(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Set once the bucket stands and the stage is locked; its key is a prefix.
    target: Option<Target>,
    growing: BTreeMap<PathBuf, Zip>,
    /// Finished ones by their hash.
    finished: BTreeMap<String, Zip>,
}

#[derive(Debug)]
struct Zip {
    /// Open from the start: it gets another name when it is finished.
    file: Arc<File>,
    growth: watch::Sender<Growth>,
    upload: Option<JoinHandle<Result<Sent>>>,
}

/// All parts are there; whether they become an object is still open.
#[derive(Debug)]
struct Sent {
    upload: Multipart,
    parts: Vec<CompletedPart>,
}

impl Early {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first `written` bytes of the zip `file` are final.
    pub(crate) fn grown(&self, file: &Path, written: u64) {
        let mut state = self.lock();
        let State { target, growing, .. } = &mut *state;
        if !growing.contains_key(file) {
            let Ok(open) = File::open(file) else { return };
            let growth = watch::Sender::new(Growth { written: 0, whole: false });
            growing.insert(file.to_owned(), Zip { file: Arc::new(open), growth, upload: None });
        }
        if let Some(zip) = growing.get_mut(file) {
            let _ = zip.growth.send_replace(Growth { written, whole: false });
            zip.start(target.as_ref());
        }
    }

    /// `file` is finished: `size` bytes with the hash `sha256`.
    pub(crate) fn finished(&self, file: &Path, size: u64, sha256: &str) {
        let mut state = self.lock();
        if let Some(zip) = state.growing.remove(file) {
            let _ = zip.growth.send_replace(Growth { written: size, whole: true });
            state.finished.insert(sha256.to_owned(), zip);
        }
    }

    /// From now on parts may go up, to keys below `target`'s.
    pub(crate) fn open(&self, target: Target) {
        let mut state = self.lock();
        state.target = Some(target);
        let State { target, growing, finished } = &mut *state;
        // A finished one need not wait until everybody has looked around, either.
        for zip in growing.values_mut().chain(finished.values_mut()) {
            zip.start(target.as_ref());
        }
    }

    /// Puts the package with this hash at `target`, if it went up early. `false`: upload it.
    pub(crate) async fn place(&self, sha256: &str, target: &Target) -> bool {
        let Some(mut zip) = self.lock().finished.remove(sha256) else { return false };
        let Some(upload) = zip.upload.take() else { return false };
        let Ok(Ok(Sent { upload, parts })) = upload.await else { return false };
        if upload.complete(parts).await.is_err() {
            upload.abort().await;
            return false;
        }
        say("it went up ahead of time: S3 puts it in place");
        let placed = target.copy_from(&upload.target.key).await.is_ok();
        // What stays is an artifact like any other: it expires, and goes with the stage.
        let _ = upload.target.delete().await;
        placed
    }

    /// Throws away what nobody asked for.
    pub(crate) async fn abandon(&self) {
        let zips: Vec<Zip> = {
            let mut state = self.lock();
            state.target = None;
            let State { growing, finished, .. } = &mut *state;
            std::mem::take(growing).into_values().chain(std::mem::take(finished).into_values()).collect()
        };
        for zip in zips {
            let Zip { growth, upload, .. } = zip;
            // Without its sender the upload ends by itself, and cleans up.
            drop(growth);
            if let Some(upload) = upload
                && let Ok(Ok(sent)) = upload.await
            {
                sent.upload.abort().await;
            }
        }
    }
}

impl Zip {
    fn start(&mut self, target: Option<&Target>) {
        let Some(target) = target else { return };
        if self.upload.is_some() || self.growth.borrow().written < WORTH_IT {
            return;
        }
        // `grown` is called from packaging's threads too; without a runtime nothing starts.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        // The only random name: nothing looks for it, and two runs must not meet in it.
        let key = format!("{}unfinished-{}.zip", target.key, uuid::Uuid::new_v4());
        let target = Target { key, ..target.clone() };
        self.upload = Some(runtime.spawn(send(target, self.file.clone(), self.growth.subscribe())));
    }
}

/// Sends part after part, as they come to stand.
async fn send(target: Target, file: Arc<File>, mut growth: watch::Receiver<Growth>) -> Result<Sent> {
    let upload = Multipart::begin(target).await?;
    match parts(&upload, &file, &mut growth).await {
        Ok(parts) => Ok(Sent { upload, parts }),
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

async fn parts(
    upload: &Multipart,
    file: &Arc<File>,
    growth: &mut watch::Receiver<Growth>,
) -> Result<Vec<CompletedPart>> {
    let mut under_way = FuturesUnordered::new();
    let mut done = Vec::new();
    let mut from = 0;
    loop {
        tokio::select! {
            stands = stands(growth, from + PART), if under_way.len() < PARALLEL => {
                let Growth { written, whole } = stands?;
                if whole && from == written {
                    break;
                }
                let length = PART.min(written - from);
                let number = i32::try_from(from / PART + 1).unwrap_or(i32::MAX);
                let body = read(file.clone(), from, length).await?;
                under_way.push(upload.part(number, ByteStream::from(body)));
                from += length;
            }
            Some(part) = under_way.next() => done.push(part?),
        }
    }
    done.extend(under_way.try_collect::<Vec<_>>().await?);
    Ok(done)
}

/// Waits until the zip reaches `to`, or is whole.
async fn stands(growth: &mut watch::Receiver<Growth>, to: u64) -> Result<Growth> {
    let now = growth.wait_for(|now| now.whole || now.written >= to).await;
    now.map(|now| *now).map_err(|_| Error::failed("the package was given up"))
}

async fn read(file: Arc<File>, from: u64, length: u64) -> Result<Vec<u8>> {
    let read = move || {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut bytes, from).map(|()| bytes)
    };
    tokio::task::spawn_blocking(read).await.or_failed(|| "read the package")?.or_failed(|| "read the package")
}
