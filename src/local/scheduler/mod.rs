//! `EventBridge` Scheduler: schedules that are kept as on AWS and really fire (REST-JSON).
//!
//! ```text
//! handle ─► schedules · groups ─► input · target (what is refused) ─► model (Store)
//!                                                                       │
//!                    clock ◄── woken by changes ── expression · cron ◄──┘
//!                      └─► target ─► lambda · deliver (queues, event buses)
//! ```
//! Targets are Lambda functions and what `deliver` knows. Other targets and KMS keys are refused when a schedule
//! is made. A schedule fires within its second, where AWS only promises the minute.
//! <https://docs.aws.amazon.com/scheduler/latest/APIReference/Welcome.html>

mod clock;
mod cron;
mod expression;
mod groups;
mod input;
mod model;
mod page;
mod schedules;
mod target;

use std::path::Path;
use std::sync::Arc;

use http::Method;
use tokio::sync::Notify;

pub(in crate::local) use self::expression::Expression;
use self::model::{Place, Schedule, State};
use super::Local;
use super::background::Background;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::{OrFailed as _, Result};

/// The service.
#[derive(Debug)]
pub(crate) struct Scheduler {
    state: Store<State>,
    changed: Arc<Notify>,
    clock: Background,
}

impl Scheduler {
    /// Opens the state in `{home}/scheduler`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("scheduler");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { state: Store::open(&dir, "schedules")?, changed: Arc::default(), clock: Background::default() })
    }

    /// Starts the clock.
    pub(crate) fn start(&self, local: &Arc<Local>) {
        self.clock.start(clock::run(Arc::downgrade(local), Arc::clone(&self.changed)));
    }

    /// Stops it: nothing fires any more.
    pub(crate) fn stop(&self) {
        self.clock.stop();
    }

    /// Answers one API call.
    #[expect(clippy::unused_async, reason = "every service is asked the same way")]
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
        let is = |wanted: &Method| request.method == *wanted;
        let answer = match segments.as_slice() {
            ["schedules"] if is(&get) => self.list_schedules(&request),
            ["schedules", name] if is(&post) => self.create_schedule(local, &request, name),
            ["schedules", name] if is(&get) => self.get_schedule(&request, name),
            ["schedules", name] if is(&put) => self.update_schedule(local, &request, name),
            ["schedules", name] if is(&delete) => self.delete_schedule(&request, name),
            ["schedule-groups"] if is(&get) => self.list_groups(&request),
            ["schedule-groups", name] if is(&post) => self.create_group(&request, name),
            ["schedule-groups", name] if is(&get) => self.get_group(&request, name),
            ["schedule-groups", name] if is(&delete) => self.delete_group(&request, name),
            ["tags", arn @ ..] if is(&get) => self.tags(&request, &arn.join("/")),
            ["tags", arn @ ..] if is(&post) => self.tag(&request, &arn.join("/")),
            ["tags", arn @ ..] if is(&delete) => self.untag(&request, &arn.join("/")),
            _ => Err(Fault::unsupported("scheduler", &format!("{} {}", request.method, request.path))),
        };
        // Its errors spell the text `Message`, which every fault has besides `message`.
        answer.map(|document| Reply::json(200, &document))
    }

    /// The state as it is now, to look at.
    fn now(&self) -> State {
        self.state.read(State::clone)
    }

    fn enabled(&self) -> Vec<(Place, Schedule)> {
        self.state.read(State::enabled)
    }

    /// Removes a schedule that is done. What cannot be written now is tried again with the next tick.
    fn complete(&self, place: &Place, revision: &str) {
        let _ = self.state.write(|state| {
            state.complete(place, revision);
            Ok(())
        });
    }

    /// Tells the clock that schedules have changed.
    fn wake(&self) {
        self.changed.notify_one();
    }
}
