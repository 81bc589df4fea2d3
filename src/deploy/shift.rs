//! Traffic goes over step by step: a share of it for the new versions, a wait, the next share.
//!
//! The alias `live` is the only knob, and the only record: while the steps are gone it leads to the old version
//! with a weight for the new one, so whoever comes after a crash sees it there ([`super::unfinished`]). All
//! functions that change move side by side, with the same share. Functions that are new have nothing to
//! share; APIs and URLs are turned over when all is (`promote`).

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::alarms;
use super::apply::{Event, Listener};
use super::kinds::{Any, versions};
use super::plan::{Action, Plan};
use super::stop::Stop;
use super::turn::Turn;
use crate::aws::Cloud;
use crate::config::Traffic;
use crate::error::{Error, Result};

/// Between two looks at the alarms.
const POLL: Duration = Duration::from_secs(10);
/// The same where a call costs nothing.
const POLL_EMULATOR: Duration = Duration::from_secs(1);
/// Between two words about the time that is left.
const TICK: Duration = Duration::from_secs(1);

/// One function that goes over.
#[derive(Debug)]
struct Going {
    /// The name on AWS.
    name: String,
    from: String,
    to: String,
    /// The alias's, after our last change of it.
    revision: Mutex<Option<String>>,
}

/// The functions that go over. Making one changes nothing.
#[derive(Debug)]
pub(super) struct Shift(Vec<Going>);

/// Refuses a shift that Lambda would refuse: two versions share traffic only when they have the same role.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>
///
/// # Errors
/// The role of a function changes.
pub(crate) fn check(plan: &Plan, stage: &str) -> Result<()> {
    let changes = plan.steps.iter().filter(|step| step.action == Action::Update).filter_map(|step| {
        let (Any::Function(function), Some(Any::Function(live))) = (&step.resource, &step.live) else { return None };
        (function.settings.role != live.settings.role).then_some(function.short_name.as_str())
    });
    let changes: Vec<&str> = changes.collect();
    let [first, ..] = changes.as_slice() else { return Ok(()) };
    let who = if changes.len() == 1 { format!("of `{first}`") } else { format!("of {} functions", changes.len()) };
    let message = format!("the role {who} changes, and Lambda shares traffic between versions of one role only");
    Err(Error::failed(message)
        .hint(format!("nothing was changed; `rzap deploy {stage} --at-once` moves all traffic in one go, this time"))
        .hint("`role: shared` in rzap.yaml keeps the one role that all functions of a stage had before"))
}

impl Shift {
    /// The functions of a plan, made ready, whose alias is to lead from one version to another.
    pub(super) fn of(plan: &Plan) -> Self {
        let functions = plan.steps.iter().filter(|step| step.action == Action::Update);
        let going = functions.filter_map(|step| match &step.resource {
            Any::Function(function) => {
                let (from, to) = (function.decided.live.get()?, function.decided.version.get()?);
                // `$LATEST` takes no part in shares.
                let moves = from != to && from.parse::<u64>().is_ok();
                let (name, from, to) = (function.name.clone(), from.clone(), to.clone());
                moves.then(|| Going { name, from, to, revision: Mutex::default() })
            }
            _ => None,
        });
        Self(going.collect())
    }

    /// True when no function goes over.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes through all steps but the last, which `promote` is.
    ///
    /// # Errors
    /// Why it must not go on: an alarm, a failed call, `stop`'s. Traffic stands where it stood then.
    pub(super) async fn run(
        &self,
        cloud: &Cloud,
        (traffic, alarms): (Traffic, &[String]),
        listener: &Listener,
        stop: &Stop,
    ) -> Result<()> {
        let steps = traffic.steps();
        let mut left: Duration = steps.iter().map(|(_, wait)| *wait).sum();
        for (percent, wait) in steps {
            if stop.is_set() {
                return Err(stop.error());
            }
            self.share(cloud, percent).await?;
            let tell = |gone: Duration| {
                let left = left.saturating_sub(gone);
                listener(Event::Turn(Turn::Share { percent, left, alarms: alarms.len() }));
            };
            watch(cloud, wait, alarms, stop, &tell).await.map_err(|error| at(percent, error))?;
            left = left.saturating_sub(wait);
        }
        Ok(())
    }

    /// Gives the new versions a share, side by side.
    async fn share(&self, cloud: &Cloud, percent: u32) -> Result<()> {
        let calls = self.0.iter().map(|one| async move {
            let revision = versions::share(cloud, &one.name, (&one.from, &one.to), percent).await?;
            *one.revision.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = revision;
            Ok::<_, Error>(())
        });
        // All are let finish: one that fails must not leave another's answer unread.
        join_all(calls).await.into_iter().collect()
    }

    /// All traffic back to the old versions, side by side. When the lock is lost, only where nobody else has
    /// touched the alias; `false` says that somebody has.
    pub(super) async fn back(&self, cloud: &Cloud, lost_lock: bool) -> Result<bool> {
        let calls = self.0.iter().map(|one| async move {
            if !lost_lock {
                return versions::serve(cloud, &one.name, &one.from).await.map(|()| true);
            }
            let revision = one.revision.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            match revision {
                Some(revision) => versions::serve_unless_touched(cloud, &one.name, &one.from, &revision).await,
                None => Ok(true),
            }
        });
        let back: Result<Vec<bool>> = join_all(calls).await.into_iter().collect();
        Ok(back?.into_iter().all(|back| back))
    }
}

/// Says how far it had come; who pressed Ctrl-C knows.
fn at(percent: u32, error: Error) -> Error {
    let message = format!("{}, with {percent} % of the traffic on the new version", error.message);
    if error.kind == crate::error::Kind::Interrupted { error } else { Error { message, ..error } }
}

/// Waits, with an eye on the alarms. They are looked at once more when the time is over.
async fn watch(cloud: &Cloud, wait: Duration, alarms: &[String], stop: &Stop, tell: &impl Fn(Duration)) -> Result<()> {
    let poll = if cloud.endpoint.is_some() { POLL_EMULATOR } else { POLL };
    let (start, mut looked) = (Instant::now(), Instant::now());
    loop {
        tell(start.elapsed());
        let rest = wait.saturating_sub(start.elapsed());
        tokio::select! {
            () = tokio::time::sleep(rest.min(TICK)) => {}
            () = stop.set() => return Err(stop.error()),
        }
        let over = start.elapsed() >= wait;
        if over || looked.elapsed() >= poll {
            alarms::check(cloud, alarms).await?;
            looked = Instant::now();
        }
        if over {
            return Ok(());
        }
    }
}
