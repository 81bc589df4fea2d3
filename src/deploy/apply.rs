//! Carries out a plan: every step as soon as what it waits for is done, then the deletions.
//!
//! Events leave sideways; who listens is none of this file's business. A failed step lets running
//! steps finish and starts nothing new, and so does [`Stop`]; the next run continues.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::{LocalBoxFuture, try_join_all};
use futures_util::stream::FuturesUnordered;

use super::kinds::{Any, Api, Function};
use super::plan::{Action, Change, Plan, Step};
use super::resource::Key;
use crate::aws::{Cloud, LISTENER};
use crate::error::{Error, Kind as ErrorKind, Result};

/// What happens while a plan is carried out.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Started(Key, Action),
    /// What a step is doing or waiting for.
    Progress(Key, String),
    Done(Key, Action, Duration),
    Failed(Key),
}

/// Who hears the events.
pub(crate) type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// Set by Ctrl-C: nothing new starts.
pub(crate) type Stop = Arc<AtomicBool>;

/// What was done.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) changes: Vec<Change>,
    /// The functions as they are now.
    pub(crate) functions: Vec<Function>,
    pub(crate) api: Option<Api>,
}

/// Carries out a plan.
///
/// # Errors
/// The first failure, with how many more there were; `Interrupted` when `stop` was set.
pub(crate) async fn apply(cloud: &Cloud, plan: &Plan, listener: &Listener, stop: &Stop) -> Result<()> {
    let (deletions, changes): (Vec<_>, Vec<_>) = plan.steps.iter().partition(|step| step.action == Action::Delete);
    run(cloud, &changes, listener, stop, |step| step.resource.after()).await?;
    // Deletions wait for whoever stands on them.
    run(cloud, &deletions, listener, stop, |step| {
        let key = step.key();
        deletions.iter().filter(|other| other.resource.after().contains(&key)).map(|other| other.key()).collect()
    })
    .await
}

async fn run<'a>(
    cloud: &'a Cloud,
    steps: &[&'a Step],
    listener: &'a Listener,
    stop: &Stop,
    after: impl Fn(&Step) -> Vec<Key>,
) -> Result<()> {
    let mut waiting: Vec<&Step> = steps.to_vec();
    let mut undone: BTreeSet<Key> = steps.iter().map(|step| step.key()).collect();
    let mut running: FuturesUnordered<LocalBoxFuture<'a, (Key, Result<()>)>> = FuturesUnordered::new();
    let mut failures: Vec<Error> = Vec::new();
    loop {
        if failures.is_empty() && !stop.load(Ordering::Relaxed) {
            let free = |step: &&Step| !after(step).iter().any(|key| *key != step.key() && undone.contains(key));
            let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(free);
            waiting = rest;
            for step in ready {
                running.push(Box::pin(take(cloud, step, listener)));
            }
        }
        let Some((key, result)) = running.next().await else { break };
        undone.remove(&key);
        if let Err(error) = result {
            listener(Event::Failed(key));
            failures.push(error);
        }
    }
    let mut failures = failures.into_iter();
    if let Some(first) = failures.next() {
        let more: Vec<String> = failures.map(|error| error.to_string()).collect();
        return Err(if more.is_empty() { first } else { first.hint(format!("also: {}", more.join("; "))) });
    }
    if waiting.is_empty() { Ok(()) } else { Err(interrupted()) }
}

/// The error after Ctrl-C.
fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted: running calls were finished, nothing new was started")
        .hint("run the same command again: it continues where this one stopped")
}

async fn take(cloud: &Cloud, step: &Step, listener: &Listener) -> (Key, Result<()>) {
    let key = step.key();
    if step.action == Action::Keep {
        if let Some(live) = &step.live {
            remember(&step.resource, live);
        }
        return (key, Ok(()));
    }
    let started = Instant::now();
    listener(Event::Started(key.clone(), step.action));
    let (ear, about) = (listener.clone(), key.clone());
    let hear: Arc<dyn Fn(&str) + Send + Sync> =
        Arc::new(move |what| ear(Event::Progress(about.clone(), what.to_owned())));
    let work = async {
        match step.action {
            Action::Delete => step.resource.delete(cloud).await,
            _ => step.resource.converge(cloud, step.live.as_ref()).await,
        }
    };
    let result = LISTENER.scope(hear, work).await;
    if result.is_ok() {
        if let Some(live) = &step.live {
            remember(&step.resource, live);
        }
        listener(Event::Done(key.clone(), step.action, started.elapsed()));
    }
    (key, result)
}

/// What the cloud had decided before and this run did not decide anew.
fn remember(wanted: &Any, live: &Any) {
    match (wanted, live) {
        (Any::Function(wanted), Any::Function(live)) => {
            for (to, from) in
                [(&wanted.decided.version, &live.decided.version), (&wanted.decided.url, &live.decided.url)]
            {
                if let Some(value) = from.get() {
                    let _ = to.set(value.clone());
                }
            }
        }
        (Any::Api(wanted), Any::Api(live)) => {
            if let Some(id) = live.id.get() {
                let _ = wanted.id.set(id.clone());
            }
        }
        _ => {}
    }
}

/// Moves traffic: the alias `live` of every changed function, side by side, when all is ready.
pub(crate) async fn promote(cloud: &Cloud, plan: &Plan) -> Result<Outcome> {
    let functions =
        plan.steps.iter().filter(|step| step.action != Action::Delete).filter_map(|step| match &step.resource {
            Any::Function(function) => Some((step, function)),
            _ => None,
        });
    let changed = functions.clone().filter(|(step, _)| step.action != Action::Keep);
    try_join_all(changed.map(|(_, function)| function.promote(cloud))).await?;
    let api = plan.steps.iter().find_map(|step| match &step.resource {
        Any::Api(api) if step.action != Action::Delete => Some(api.clone()),
        _ => None,
    });
    Ok(Outcome { changes: plan.changes(), functions: functions.map(|(_, function)| function.clone()).collect(), api })
}
