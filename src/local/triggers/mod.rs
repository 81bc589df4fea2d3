//! Event sources at work: for every enabled mapping a task that reads its source and calls its function.
//!
//! ```text
//! supervise ─► one runner per mapping: sqs · dynamodb, kinesis (stream) ─► filter ─► call ─► lambda
//!     ▲                                             └── answer (what has failed) ◄─┘
//!     └── woken when mappings change, and when a runner has ended
//! ```
//! A kind of source is one file with a `run` like that of [`sqs`], and its line in [`can_serve`] and [`run`]. A
//! runner that is told to stop takes nothing new and ends when its batches have.

mod answer;
mod call;
mod dynamodb;
mod filter;
mod kinesis;
mod sqs;
mod stream;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::Local;
use super::background::Background;
use super::lambda::{Kind, Mapping};

/// Longest sleep of the supervisor: a clock that is set is noticed after that.
const LONGEST: Duration = Duration::from_secs(20);

/// The room's only state: what runs in it.
#[derive(Debug, Default)]
pub(crate) struct Triggers {
    supervisor: Background,
}

/// A task that ends with whoever holds it.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Triggers {
    /// Starts to work by the mappings there are and will be.
    pub(crate) fn start(&self, local: &Arc<Local>) {
        self.supervisor.start(supervise(Arc::downgrade(local), local.lambda.mappings_changed()));
    }

    /// Stops at once. Messages that were under way come back after their visibility timeout.
    pub(crate) fn stop(&self) {
        self.supervisor.stop();
    }
}

/// Whether there is somebody to read this kind of source.
pub(crate) fn can_serve(kind: Kind) -> bool {
    match kind {
        Kind::Sqs | Kind::DynamoDb | Kind::Kinesis => true,
    }
}

/// Works by one mapping until it is told to stop.
async fn run(local: Weak<Local>, mapping: Mapping, stop: Stop) {
    match mapping.kind {
        Kind::Sqs => sqs::run(local, mapping, stop).await,
        Kind::DynamoDb => dynamodb::run(local, mapping, stop).await,
        Kind::Kinesis => kinesis::run(local, mapping, stop).await,
    }
}

/// Says when to take nothing new any more.
#[derive(Debug, Clone)]
struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Returns when it is time.
    async fn told(&mut self) {
        // Whoever could tell has gone: that says the same.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

struct Runner {
    revision: String,
    stop: watch::Sender<bool>,
    /// Set before anybody is told: the task itself is finished a moment after that, which would be overlooked.
    ended: Arc<AtomicBool>,
    task: Task,
}

impl Runner {
    fn start(local: &Arc<Local>, mapping: &Mapping, changed: &Arc<Notify>) -> Self {
        let (weak, its) = (Arc::downgrade(local), mapping.clone());
        Self::of(mapping.revision.clone(), changed, |stop| run(weak, its, stop))
    }

    fn of<W>(revision: String, changed: &Arc<Notify>, work: impl FnOnce(Stop) -> W) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (stop, told) = watch::channel(false);
        let (ended, changed) = (Arc::new(AtomicBool::new(false)), Arc::clone(changed));
        let (work, says) = (work(Stop(told)), Arc::clone(&ended));
        let task = tokio::spawn(async move {
            work.await;
            says.store(true, Ordering::Release);
            changed.notify_one();
        });
        Self { revision, stop, ended, task: Task(task) }
    }

    /// Also by a panic, of which nobody is told.
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.task.0.is_finished()
    }
}

/// Keeps runners and mappings in step until the local cloud is gone.
async fn supervise(local: Weak<Local>, changed: Arc<Notify>) {
    let mut runners: HashMap<String, Runner> = HashMap::new();
    loop {
        let pause = {
            let Some(local) = local.upgrade() else { return };
            tick(&local, &mut runners, &changed)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = changed.notified() => {}
        }
    }
}

/// Starts, stops and forgets, and says how long nothing will change by itself.
fn tick(local: &Arc<Local>, runners: &mut HashMap<String, Runner>, changed: &Arc<Notify>) -> Duration {
    let mappings = local.lambda.mappings();
    for (uuid, runner) in runners.iter() {
        let as_it_is = |it: &Mapping| it.uuid == *uuid && it.revision == runner.revision && it.works();
        if !mappings.iter().any(as_it_is) {
            runner.stop.send_replace(true);
        }
    }
    runners.retain(|_, runner| !runner.has_ended());
    let mut pause = LONGEST;
    for mapping in &mappings {
        if let Some(left) = mapping.settles_in() {
            pause = pause.min(Duration::from_millis(left));
        }
        if runners.contains_key(&mapping.uuid) {
            continue;
        }
        if mapping.is_leaving() {
            local.lambda.mapping_gone(&mapping.uuid);
        } else if mapping.works() {
            runners.insert(mapping.uuid.clone(), Runner::start(local, mapping, changed));
        }
    }
    pause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_is_told_that_something_ended_sees_that_it_has() {
        let changed = Arc::new(Notify::new());
        for _ in 0..10_000 {
            let runner = Runner::of(String::new(), &changed, |_| async {});
            changed.notified().await;
            assert!(runner.has_ended());
        }
    }
}
