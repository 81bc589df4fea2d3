//! Carries out a plan: every step as soon as what it waits for is done, then traffic moves, then the
//! deletions.
//!
//! Events leave sideways; who listens is none of this file's business. A failed step lets running
//! steps finish and starts nothing new, and so does [`Stop`]; the next run continues.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::{LocalBoxFuture, join_all};
use futures_util::stream::FuturesUnordered;

use super::front::Front;
use super::kinds::{Any, Function, Kind, ServedApi};
use super::late;
use super::plan::{Action, Change, Plan, Step};
use super::resource::Key;
use super::stop::Stop;
use super::turn::Turn;
use crate::aws::{Cloud, LISTENER};
use crate::error::{self, Error, Result};

/// How long functions that lost their route stay callable.
const GRACE: Duration = Duration::from_secs(10);

/// What happens while a plan is carried out.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Started(Key, Action),
    /// What a step is doing or waiting for.
    Progress(Key, String),
    Done(Key, Action, Duration),
    Failed(Key),
    /// Traffic goes over, or back.
    Turn(Turn),
}

/// Who hears the events.
pub(crate) type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// What was done.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) changes: Vec<Change>,
    /// The functions as they are now.
    pub(crate) functions: Vec<Function>,
    /// The APIs, REST before HTTP.
    pub(crate) fronts: Vec<Front>,
    /// What the stage's API serves now.
    pub(crate) api: Option<ServedApi>,
}

/// Makes everything of a plan ready, without moving traffic and without deleting anything but what is replaced.
///
/// A replacement waits until all is done that does not wait for it itself: what fails before it leaves the old one
/// where it is, and between the old one and the new one there is nothing else to do.
///
/// # Errors
/// The first failure, with the others in its hint; `stop`'s when something was left out because of it.
pub(crate) async fn apply(cloud: &Cloud, plan: &Plan, listener: &Listener, stop: &Stop) -> Result<()> {
    let changes: Vec<_> = plan.steps.iter().filter(|step| step.action != Action::Delete).collect();
    run(cloud, &changes, listener, stop, |step| {
        let mut after = plan.waits_for(step);
        if matches!(step.resource, Any::Api(_) | Any::HttpApi(_)) {
            // It is made of the functions' names; only `connect` needs the functions. Most of the time of a first
            // deploy these are not there yet.
            after.retain(|key| key.kind != Kind::Function);
        }
        after
    })
    .await?;
    if stop.has_lost_lock() {
        return Err(stop.error());
    }
    let connections = changes.iter().filter(|step| step.action != Action::Keep);
    let connections = connections.map(async |step| match (&step.resource, &step.live) {
        (Any::Api(api), live) => api.connect(cloud, live.as_ref().and_then(Any::api)).await,
        (Any::HttpApi(api), live) => api.connect(cloud, live.as_ref().and_then(Any::http_api)).await,
        _ => Ok(()),
    });
    join_all(connections).await.into_iter().collect::<Result<Vec<()>>>()?;
    // Traffic moves next, and that is somebody else's now.
    if stop.has_lost_lock() { Err(stop.error()) } else { Ok(()) }
}

/// Carries out a plan's deletions, each after whoever stands on it; the history goes last, before its
/// bucket. Called when traffic has moved away from what goes.
pub(crate) async fn prune(cloud: &Cloud, plan: &Plan, listener: &Listener, stop: &Stop) -> Result<()> {
    let deletions: Vec<_> = plan.steps.iter().filter(|step| step.action == Action::Delete).collect();
    let all: Vec<Key> = deletions.iter().map(|step| step.key()).collect();
    let is_api = |step: &Step| matches!(step.resource, Any::Api(_) | Any::HttpApi(_));
    let moved = plan.steps.iter().any(|step| is_api(step) && step.action == Action::Update);
    let called = deletions.iter().any(|step| matches!(step.resource, Any::Function(_)));
    if moved && called && cloud.endpoint.is_none() {
        // API Gateway's data plane goes on with the former deployment for some seconds.
        tokio::time::sleep(GRACE).await;
    }
    run(cloud, &deletions, listener, stop, |step| {
        let key = step.key();
        if key.kind == Kind::History {
            let others = all.iter().filter(|other| !matches!(other.kind, Kind::History | Kind::Bucket));
            return others.cloned().collect();
        }
        if key.kind == Kind::Stack {
            // What is in it is known to nobody but its users.
            let users = |other: &&Key| {
                matches!(other.kind, Kind::Function | Kind::Role | Kind::EventSource | Kind::StateMachine)
            };
            return all.iter().filter(users).cloned().collect();
        }
        deletions.iter().filter(|other| other.resource.after().contains(&key)).map(|other| other.key()).collect()
    })
    .await
    .map_err(|error| {
        if error.hints.is_empty() { error.hint("run the same command again: it deletes what is left") } else { error }
    })
}

async fn run<'a>(
    cloud: &'a Cloud,
    steps: &[&'a Step],
    listener: &'a Listener,
    stop: &'a Stop,
    after: impl Fn(&Step) -> Vec<Key>,
) -> Result<()> {
    let mut waiting: Vec<&Step> = steps.to_vec();
    let mut undone: BTreeSet<Key> = steps.iter().map(|step| step.key()).collect();
    let mut running: FuturesUnordered<LocalBoxFuture<'a, (Key, Result<()>)>> = FuturesUnordered::new();
    let mut failures: Vec<Error> = Vec::new();
    loop {
        if failures.is_empty() && !stop.is_set() {
            let free = |step: &&Step| !after(step).iter().any(|key| *key != step.key() && undone.contains(key));
            let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(free);
            waiting = rest;
            for step in ready {
                running.push(Box::pin(take(cloud, step, listener, stop)));
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
    if waiting.is_empty() { Ok(()) } else { Err(stop.error()) }
}

async fn take(cloud: &Cloud, step: &Step, listener: &Listener, halt: &Stop) -> (Key, Result<()>) {
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
        if step.action == Action::Delete {
            return step.resource.delete(cloud).await;
        }
        // What it waited for stands: now all of it is known.
        let settled = late::settle(&step.resource, &cloud.outputs.all())?;
        let wanted = settled.as_ref().unwrap_or(&step.resource);
        if let (Action::Replace, Some(live)) = (step.action, &step.live) {
            live.delete(cloud).await?;
        }
        wanted.converge(cloud, step.standing()).await?;
        if let Some(settled) = &settled {
            late::hand_back(&step.resource, settled);
        }
        Ok(())
    };
    let work = LISTENER.scope(hear, work);
    let result = if step.resource.goes_on() {
        tokio::select! {
            result = work => result,
            () = halt.set() => Err(left(&key, halt)),
        }
    } else {
        work.await
    };
    if result.is_ok() {
        if let Some(live) = step.standing() {
            remember(&step.resource, live);
        }
        let action = if step.resource.stays() { Action::Keep } else { step.action };
        listener(Event::Done(key.clone(), action, started.elapsed()));
    }
    (key, result)
}

/// Nobody waits for it any more.
fn left(key: &Key, stop: &Stop) -> Error {
    if stop.has_lost_lock() {
        return stop.error();
    }
    Error::new(error::Kind::Interrupted, format!("interrupted: AWS goes on with the {key}, nothing new was started"))
        .hint("run the same command again: it waits for that and continues")
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
        (Any::Api(wanted), Any::Api(live)) => remember_id(&wanted.id, &live.id),
        (Any::HttpApi(wanted), Any::HttpApi(live)) => remember_id(&wanted.id, &live.id),
        _ => {}
    }
}

fn remember_id(wanted: &OnceLock<String>, live: &OnceLock<String>) {
    if let Some(id) = live.get() {
        let _ = wanted.set(id.clone());
    }
}

/// Moves traffic when all is ready: the alias `live` of every changed function, side by side, then the
/// APIs; what they replace of a function's own closes after that.
pub(crate) async fn promote(cloud: &Cloud, plan: &Plan) -> Result<Outcome> {
    let functions =
        plan.steps.iter().filter(|step| step.action != Action::Delete).filter_map(|step| match &step.resource {
            Any::Function(function) => Some((step, function)),
            _ => None,
        });
    let changed = functions.clone().filter(|(step, _)| step.action != Action::Keep);
    // All are let finish: one that fails must not leave another's answer unread.
    let moves = join_all(changed.map(|(_, function)| function.promote(cloud))).await;
    moves.into_iter().collect::<Result<Vec<()>>>()?;
    for step in plan.steps.iter().filter(|step| !matches!(step.action, Action::Keep | Action::Delete)) {
        match (&step.resource, step.standing()) {
            (Any::Api(api), live) => api.promote(cloud, live.and_then(Any::api)).await?,
            (Any::HttpApi(api), live) => api.promote(cloud, live.and_then(Any::http_api)).await?,
            _ => {}
        }
    }
    for (step, function) in functions.clone() {
        if let Some(Any::Function(live)) = step.standing() {
            function.close_url(cloud, live).await?;
        }
    }
    let stay = plan.steps.iter().filter(|step| step.action != Action::Delete);
    let fronts = stay.clone().filter_map(|step| Front::of(cloud, &step.resource)).collect();
    let api = stay.into_iter().find_map(|step| ServedApi::of(&step.resource, step.standing()));
    let functions = functions.map(|(_, function)| function.clone()).collect();
    Ok(Outcome { changes: plan.changes(), functions, fronts, api })
}
