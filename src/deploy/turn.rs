//! From "all is ready" to "all serves": smoke checks, shares, the last move, checks again. And back.
//!
//! A stage without `traffic` and `smoke` turns over at once ([`promote`]). Whatever else fails here ends
//! with all traffic where it was before: first the aliases, in one move per function, then the APIs and
//! URLs, where this run had turned them over already. No release is written for that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alarms;
use super::apply::{Event, Listener, Outcome, promote};
use super::kinds::Any;
use super::plan::{Action, Plan};
use super::release::Release;
use super::resource::{Owner, Resource as _};
use super::rollback::Records;
use super::shift::Shift;
use super::smoke::Checks;
use super::stop::Stop;
use crate::aws::{Cloud, LISTENER};
use crate::config::{StageConfig, Traffic};
use crate::error::{Error, Kind, Result};

/// What happens while traffic goes over.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// A smoke check has begun.
    Checking(String),
    /// It has ended; `false` when it failed.
    Checked(String, Duration, bool),
    /// The new versions have `percent`, for `left` until it is all; that many alarms are looked at.
    Share { percent: u32, left: Duration, alarms: usize },
    /// Traffic goes back.
    Back,
    /// The new versions have all of it.
    Over,
}

/// How a stage turns over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) stage: &'a StageConfig,
    /// `None`: all at once.
    pub(crate) traffic: Option<Traffic>,
    /// The command to run again: `rzap deploy dev`.
    pub(crate) again: &'a str,
}

/// Moves traffic to what `apply` has made ready, the way that is asked for.
///
/// # Errors
/// Why not. Unless it says otherwise, the old release serves all.
pub(crate) async fn turn_over(
    cloud: &Cloud,
    plan: &Plan,
    way: Way<'_>,
    listener: &Listener,
    stop: &Stop,
) -> Result<Outcome> {
    let shift = Shift::of(plan);
    let traffic = way.traffic.filter(|_| !shift.is_empty());
    if traffic.is_none() && (way.stage.smoke.is_empty() || !moves(plan)) {
        return go_over(cloud, plan, listener).await.map_err(|error| {
            error.hint(format!("some traffic may have moved already: run `{}` again, it continues", way.again))
        });
    }
    let ready = async {
        if traffic.is_some() {
            alarms::check(cloud, &alarms::of_stage(way.stage)).await?;
        }
        let checks = Checks::of(cloud, way.stage, plan).await?;
        checks.before(listener, stop).await?;
        if stop.is_set() { Err(stop.error()) } else { Ok(checks) }
    };
    let checks = ready.await.map_err(|error| not_moved(error, &way))?;
    let back = Back { cloud, plan, way, shift: &shift, listener, stop };
    if let Some(traffic) = traffic {
        let shifted = shift.run(cloud, (traffic, &alarms::of_stage(way.stage)), listener, stop).await;
        if let Err(why) = shifted {
            return Err(back.because(why, false).await);
        }
    }
    let outcome = match go_over(cloud, plan, listener).await {
        Ok(outcome) => outcome,
        Err(why) => return Err(back.because(why, true).await),
    };
    listener(Event::Turn(Turn::Over));
    match checks.after(listener, stop).await {
        Ok(()) if stop.is_set() => Err(back.because(stop.error(), true).await),
        Ok(()) => Ok(outcome),
        Err(why) => Err(back.because(why, true).await),
    }
}

/// Moves all traffic, and waits until the processes that are to be ready at any time are those of the new version.
async fn go_over(cloud: &Cloud, plan: &Plan, listener: &Listener) -> Result<Outcome> {
    let outcome = promote(cloud, plan).await?;
    let stays = plan.steps.iter().filter(|step| step.action != Action::Delete);
    let waits = stays.clone().filter_map(|step| match &step.resource {
        Any::Provisioned(provisioned) => Some((step, provisioned)),
        _ => None,
    });
    for (step, provisioned) in waits {
        let moved = stays.clone().any(|step| match &step.resource {
            Any::Function(function) => {
                matches!(step.action, Action::Update | Action::Replace) && function.name == provisioned.function
            }
            _ => false,
        });
        // Where the old version did not start, nobody has waited yet.
        let failed = matches!(&step.live, Some(Any::Provisioned(live)) if !live.allocated);
        if !moved && !failed {
            continue;
        }
        let (key, started) = (provisioned.key(), Instant::now());
        listener(Event::Started(key.clone(), Action::Update));
        let (ear, about) = (listener.clone(), key.clone());
        let hear: Arc<dyn Fn(&str) + Send + Sync> =
            Arc::new(move |what| ear(Event::Progress(about.clone(), what.to_owned())));
        let ready = LISTENER.scope(hear, provisioned.ready(cloud)).await;
        listener(match &ready {
            Ok(()) => Event::Done(key, Action::Update, started.elapsed()),
            Err(_) => Event::Failed(key),
        });
        ready?;
    }
    Ok(outcome)
}

/// True when clients get to see something of it.
fn moves(plan: &Plan) -> bool {
    let made = plan.steps.iter().filter(|step| !matches!(step.action, Action::Keep | Action::Delete));
    made.into_iter().any(|step| matches!(step.resource, Any::Function(_) | Any::Api(_) | Any::HttpApi(_)))
}

/// The sentence for whoever pressed Ctrl-C.
fn interrupted(error: &Error, then: &str) -> Option<Error> {
    (error.kind == Kind::Interrupted).then(|| Error::new(Kind::Interrupted, format!("interrupted: {then}")))
}

fn not_moved(error: Error, way: &Way<'_>) -> Error {
    let error = interrupted(&error, "no traffic was moved").unwrap_or(error);
    error.hint(format!("no traffic was moved; what is done stays done: `{}` continues from here", way.again))
}

/// The way back.
struct Back<'a> {
    cloud: &'a Cloud,
    plan: &'a Plan,
    way: Way<'a>,
    shift: &'a Shift,
    listener: &'a Listener,
    stop: &'a Stop,
}

impl Back<'_> {
    /// Goes it, and says why and how that went. `over`: fronts may have been turned over, too.
    async fn because(&self, why: Error, over: bool) -> Error {
        (self.listener)(Event::Turn(Turn::Back));
        let lost = self.stop.has_lost_lock();
        let went = async {
            let all = self.shift.back(self.cloud, lost).await?;
            if over && !lost && fronts_changed(self.plan) {
                self.fronts().await?;
            }
            Ok::<_, Error>(all)
        };
        let (stage, again) = (&self.way.stage.stage, self.way.again);
        let nothing_before = self.shift.is_empty() && !fronts_changed(self.plan);
        match went.await {
            Ok(_) if nothing_before => why.hint(format!(
                "there was nothing before it to go back to: the new release serves; correct it and run `{again}`"
            )),
            Ok(true) => {
                let then = "traffic went back, the old release serves all again";
                let error = interrupted(&why, then).unwrap_or_else(|| {
                    let mut error = why;
                    error.message = format!("{}; {then}", error.message);
                    error
                });
                error.hint(format!("what was prepared stays: `{again}` tries again"))
            }
            Ok(false) => why.hint(format!(
                "whoever has the lock now has moved traffic meanwhile, so it was left there: `rzap status {stage}` shows it"
            )),
            Err(error) => {
                let mut why = why;
                why.causes.push(format!("and traffic could not go back: {error}"));
                why.hint(format!("`rzap rollback {stage}` goes back; `rzap status {stage}` shows who gets what"))
            }
        }
    }

    /// Lets APIs and URLs serve again what the newest release says; this run has written none.
    async fn fronts(&self) -> Result<()> {
        let owner = Owner::of(self.way.stage);
        let Some(newest) = Release::numbers(self.cloud, &owner).await?.first().copied() else { return Ok(()) };
        let records = Records::read(self.cloud, &owner, Some(newest)).await?;
        let way = records.plan(self.cloud, &owner, Some(newest)).await?;
        // Ctrl-C brought us here: it must not keep us from arriving.
        way.apply(self.cloud, &owner, &Stop::default()).await
    }
}

/// APIs that were there and changed, and URLs that answer in another way.
fn fronts_changed(plan: &Plan) -> bool {
    plan.steps.iter().filter(|step| step.action == Action::Update).any(|step| match (&step.resource, &step.live) {
        (Any::Api(_) | Any::HttpApi(_), _) => true,
        (Any::Function(function), Some(Any::Function(live))) => {
            function.url.is_open() && live.url.is_open() && function.url != live.url
        }
        _ => false,
    })
}
