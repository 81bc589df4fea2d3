//! Events that nobody waits for: kept on disk until they are through, tried again, recorded, given up.
//!
//! On AWS a failed event is tried again after one minute and then after two, a throttled one after 1 s to 5 min
//! (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>). Here the pauses are short,
//! because somebody watches. An event that was being worked on when the server ended is worked on again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::Local;
use super::super::wire::Fault;
use super::destinations::{self, Ending, Record};
use super::event_invoke::{self, EventInvoke};
use super::invoke::{self, Invocation, Outcome};
use super::model::now_ms;
use super::names::FunctionRef;
use super::{Lambda, metrics};
use crate::error::{OrFailed as _, Result};

/// Before the first retry and before the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
/// Between two tries of an event that there is no place for; it doubles every time.
const THROTTLED: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// The events that are not through yet, one file each.
#[derive(Debug)]
pub(super) struct Events {
    dir: PathBuf,
    closed: AtomicBool,
}

/// An event on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    /// ARN or name, with the qualifier that was asked for.
    function: String,
    qualifier: Option<String>,
    region: String,
    /// JSON.
    pub(super) payload: String,
    client_context: Option<String>,
    pub(super) request_id: String,
    trace_id: Option<String>,
    /// ms since the epoch.
    received: i64,
    /// How often the function ran and failed.
    #[serde(default)]
    failures: u32,
}

impl Event {
    fn of(call: Invocation) -> Self {
        Self {
            function: call.function_arn_or_name,
            qualifier: call.qualifier,
            region: call.region,
            payload: String::from_utf8_lossy(&call.payload).into_owned(),
            client_context: call.client_context,
            request_id: call.request_id,
            trace_id: call.trace_id,
            received: now_ms(),
            failures: 0,
        }
    }

    fn call(&self) -> Invocation {
        Invocation {
            function_arn_or_name: self.function.clone(),
            qualifier: self.qualifier.clone(),
            region: self.region.clone(),
            payload: Bytes::from(self.payload.clone()),
            client_context: self.client_context.clone(),
            request_id: self.request_id.clone(),
            trace_id: self.trace_id.clone(),
        }
    }
}

impl Events {
    pub(super) fn open(dir: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { dir, closed: AtomicBool::new(false) })
    }

    /// From here on nothing ends: what is killed with the server is no failure of the function.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Everything that was not through when the server ended, in the order in which it came.
    fn left(&self) -> Vec<Event> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let read = |path: &Path| serde_json::from_slice::<Event>(&std::fs::read(path).ok()?).ok();
        let mut events: Vec<Event> = entries.filter_map(|entry| read(&entry.path())).collect();
        events.sort_by_key(|event| event.received);
        events
    }

    /// Written beside and renamed, so that no half event is ever there.
    fn keep(&self, event: &Event) -> std::io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(&self.dir)?;
        serde_json::to_writer(&file, event)?;
        file.persist(self.path(event)).map(drop).map_err(|error| error.error)
    }

    fn forget(&self, event: &Event) {
        let _ = std::fs::remove_file(self.path(event));
    }

    fn path(&self, event: &Event) -> PathBuf {
        self.dir.join(format!("{}.json", event.request_id.replace(['/', '\\', '.'], "_")))
    }
}

/// Takes an event for later; a fault says that there is nothing that could run.
pub(super) fn enqueue(lambda: &Lambda, local: &Arc<Local>, call: Invocation) -> Result<(), Fault> {
    invoke::target(lambda, &call)?;
    let event = Event::of(call);
    lambda.events.keep(&event).map_err(|error| {
        Fault::new(500, "ServiceException", format!("the local cloud cannot keep the event: {error}"))
    })?;
    tokio::spawn(deliver(Arc::clone(local), event));
    Ok(())
}

/// Goes on with what was not through when the server ended.
pub(super) fn resume(lambda: &Lambda, local: &Arc<Local>) {
    for event in lambda.events.left() {
        tokio::spawn(deliver(Arc::clone(local), event));
    }
}

/// What counts for an event right now.
struct Rules {
    at: FunctionRef,
    settings: EventInvoke,
    dead_letter: Option<String>,
    role: String,
    reserved: Option<u32>,
}

/// `None` when there is no such function any more: "nobody is told", on AWS, too.
fn rules(lambda: &Lambda, event: &Event) -> Option<Rules> {
    let region = FunctionRef::region_of(&event.function, &event.region);
    let at = FunctionRef::parse(&event.function, &region, event.qualifier.as_deref()).ok()?;
    lambda.store.read(|state| {
        let function = state.get(&at)?;
        let settings = &function.version(&at, at.qualifier.as_deref()).ok()?.build.settings;
        Some(Rules {
            settings: event_invoke::of(function, &at),
            dead_letter: settings.dead_letter.clone(),
            role: settings.role.clone(),
            reserved: function.reserved,
            at: at.clone(),
        })
    })
}

/// An event until its end.
async fn deliver(local: Arc<Local>, mut event: Event) {
    let mut throttled = THROTTLED;
    // What the last run came to.
    let mut last: Option<Outcome> = None;
    while let Some(rules) = rules(&local.lambda, &event) {
        let age = i64::from(rules.settings.age.unwrap_or(event_invoke::AGE)) * 1000;
        let retries = rules.settings.retries.unwrap_or(event_invoke::RETRIES);
        let ending = if rules.reserved == Some(0) {
            // "Lambda begins sending new events to the configured dead-letter queue or the on-failure event
            // destination, without any retries." <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
            Some(Ending::ZeroReservedConcurrency)
        } else if now_ms().saturating_sub(event.received) > age {
            Some(Ending::EventAgeExceeded)
        } else {
            None
        };
        if let Some(ending) = ending {
            give_up(&local, &rules, &event, ending, last.as_ref());
            break;
        }
        let run = invoke::run(&local.lambda, &local, event.call()).await;
        if local.lambda.events.closed.load(Ordering::SeqCst) {
            return;
        }
        let pause = match run {
            Ok(outcome) if outcome.function_error.is_none() => {
                if let Some(arn) = &rules.settings.on_success {
                    let record = record(&rules, &event, Ending::Success, Some(&outcome));
                    destinations::send(&local, &rules.role, arn, &record);
                }
                break;
            }
            Ok(outcome) => {
                event.failures += 1;
                if event.failures > retries {
                    give_up(&local, &rules, &event, Ending::RetriesExhausted, Some(&outcome));
                    break;
                }
                last = Some(outcome);
                // Not being able to write it down costs a further try after a crash, and nothing else.
                let _ = local.lambda.events.keep(&event);
                let nth = usize::try_from(event.failures).unwrap_or(usize::MAX).saturating_sub(1);
                PAUSES.get(nth).or(PAUSES.last()).copied().unwrap_or_default()
            }
            Err(fault) if fault.status == 429 || fault.status >= 500 => {
                let pause = throttled;
                throttled = (throttled * 2).min(LONGEST);
                pause
            }
            // An update or a deletion came between: the next look says which.
            Err(fault) if fault.status == 409 => THROTTLED,
            // The function is gone, or was never runnable: on AWS, too, nobody is told.
            Err(_) => break,
        };
        tokio::time::sleep(pause).await;
    }
    local.lambda.events.forget(&event);
}

fn record<'a>(rules: &'a Rules, event: &'a Event, ending: Ending, outcome: Option<&'a Outcome>) -> Record<'a> {
    let runs = event.failures + u32::from(ending == Ending::Success);
    Record { at: &rules.at, event, ending, runs, outcome }
}

/// The record to the destination, the bare event to the dead letters: each is independent of the other.
fn give_up(local: &Arc<Local>, rules: &Rules, event: &Event, ending: Ending, outcome: Option<&Outcome>) {
    metrics::dropped(local, &rules.at, now_ms());
    let record = record(rules, event, ending, outcome);
    if let Some(arn) = &rules.settings.on_failure {
        destinations::send(local, &rules.role, arn, &record);
    }
    if let Some(arn) = &rules.dead_letter {
        destinations::bury(local, &rules.role, arn, &record);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn events_come_back_in_their_order_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let events = Events::open(folder.path().join("events")).unwrap();
        let event = |id: &str, received| {
            let call = Invocation {
                function_arn_or_name: "web".into(),
                qualifier: Some("live".into()),
                region: "eu-west-1".into(),
                payload: Bytes::from_static(b"{}"),
                client_context: None,
                request_id: id.into(),
                trace_id: None,
            };
            Event { received, ..Event::of(call) }
        };
        let (late, early) = (event("a", 2), event("../b", 1));
        for event in [&late, &early] {
            events.keep(event).unwrap();
        }
        let again = Events::open(folder.path().join("events")).unwrap();
        let ids = |events: &Events| events.left().into_iter().map(|it| it.request_id).collect::<Vec<_>>();
        assert_eq!(ids(&again), ["../b", "a"]);
        again.keep(&Event { failures: 1, ..late.clone() }).unwrap();
        again.forget(&early);
        assert_eq!(again.left().iter().map(|it| it.failures).collect::<Vec<_>>(), [1]);
        assert!(!folder.path().join("b.json").exists());
    }
}
