//! Amazon `EventBridge`: buses, rules and what they do with events (JSON 1.1, `x-amz-target: AWSEvents.X`).
//!
//! ```text
//! handle ─► buses · rules · targets · tags ─► model (Store)
//!        └► put ─► event ──► rules that match ─► send ─► transform ─► deliver (functions, queues, …), another bus
//!           S3, Scheduler, … ┘         clock (rules with a schedule) ┘
//! ```
//! An event reaches its targets as on AWS: at least once, in no order, again for as long as the target's retry
//! policy says when it cannot take it now, and then the dead-letter queue. Events that wait are lost when the local
//! cloud stops. Refused: archives and replays, connections, API destinations, permissions of other accounts, keys of
//! one's own, targets that nothing here can be, and every other operation that is not in [`Events::dispatch`].
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/Welcome.html>

mod buses;
mod clock;
mod event;
mod input;
mod model;
mod path;
mod put;
mod rules;
mod send;
mod tags;
mod targets;
mod transform;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

pub(crate) use self::event::Event;
use self::input::Input;
use self::model::State;
use super::Local;
use super::background::Background;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::{OrFailed as _, Result};

/// The service.
#[derive(Debug)]
pub(crate) struct Events {
    state: Store<State>,
    changed: Arc<Notify>,
    clock: Background,
}

impl Events {
    /// Opens the state in `{home}/events`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("events");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { state: Store::open(&dir, "buses")?, changed: Arc::default(), clock: Background::default() })
    }

    /// Starts the clock of the rules that have a schedule.
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
        let target = request.header("x-amz-target").unwrap_or_default();
        let operation = target.strip_prefix("AWSEvents.").unwrap_or(target);
        let input = Input::new(request.json()?, &request.region);
        let output = self.dispatch(local, operation, &input)?;
        let reply = if output.is_null() { Reply::empty(200) } else { Reply::json(200, &output) };
        Ok(reply.with("content-type", "application/x-amz-json-1.1"))
    }

    fn dispatch(&self, local: &Arc<Local>, operation: &str, input: &Input<'_>) -> Result<Value, Fault> {
        match operation {
            "CreateEventBus" => self.create_bus(input),
            "DeleteEventBus" => self.delete_bus(input),
            "DescribeEventBus" => self.describe_bus(input),
            "ListEventBuses" => self.list_buses(input),
            "PutRule" => self.put_rule(input),
            "DeleteRule" => self.delete_rule(input),
            "DescribeRule" => self.describe_rule(input),
            "ListRules" => self.list_rules(input),
            "ListRuleNamesByTarget" => self.rules_by_target(input),
            "EnableRule" => self.switch_rule(input, true),
            "DisableRule" => self.switch_rule(input, false),
            "PutTargets" => self.put_targets(input),
            "RemoveTargets" => self.remove_targets(input),
            "ListTargetsByRule" => self.list_targets(input),
            "PutEvents" => put::events(local, input),
            "TestEventPattern" => rules::test_pattern(input),
            "TagResource" => self.tag(input),
            "UntagResource" => self.untag(input),
            "ListTagsForResource" => self.tags(input),
            other => Err(Fault::unsupported("EventBridge", other)),
        }
    }
}

/// Takes an event for the bus with this ARN: a JSON object with at least `source`, `detail-type` and `detail`.
///
/// # Errors
/// There is no such bus, or the event is none.
pub(crate) fn deliver(local: &Arc<Local>, bus_arn: &str, body: &str) -> Result<(), Fault> {
    let (region, bus) = model::bus_of(bus_arn).ok_or_else(|| model::no_bus(bus_arn))?;
    if !local.events.state.read(|state| state.has_bus(&region, &bus)) {
        return Err(model::no_bus(&bus));
    }
    let Some(event) = Event::of_json(body) else {
        let text = "an event has `source`, `detail-type` and `detail`, an object";
        return Err(Fault::new(400, "ValidationException", text));
    };
    send::publish(local, &region, &bus, &event.dated(&region), false);
    Ok(())
}

/// An empty answer.
fn done() -> Value {
    json!({})
}
