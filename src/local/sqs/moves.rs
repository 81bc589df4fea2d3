//! Message move tasks: dead letters go back to where they came from, or elsewhere, at a given pace.
//!
//! Tasks live as long as the server; after a restart those that ran are forgotten and the rest of the
//! messages is still where it was.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::contents::Change;
use super::fault::{invalid, invalid_value, not_found, old_name};
use super::input::Input;
use super::send::send_one;
use super::{Sqs, now, of_arn};
use crate::local::Local;
use crate::local::wire::Fault;

/// "The maximum value for messages per second is 500."
const MOST_PER_SECOND: i64 = 500;
/// "The upper limit is 10", of tasks that are remembered.
const MOST_LISTED: usize = 10;
const NO_SOURCE: &str = "The resource that you specified for the SourceArn parameter doesn't exist.";

/// Tasks by the ARN of their source, the newest last.
#[derive(Debug, Default)]
pub(super) struct Moves(Mutex<BTreeMap<String, Vec<Task>>>);

#[derive(Debug, Clone)]
struct Task {
    id: String,
    status: &'static str,
    target: Option<String>,
    pace: Option<i64>,
    moved: u64,
    to_move: usize,
    started: i64,
    failure: Option<String>,
}

impl Moves {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Task>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, source: &str, id: &str, look: impl FnOnce(&mut Task) -> R) -> Option<R> {
        self.lock().get_mut(source)?.iter_mut().find(|task| task.id == id).map(look)
    }
}

impl Sqs {
    pub(super) fn start_move(&self, local: &Arc<Local>, input: &Input) -> Result<Value, Fault> {
        let source = input.required("SourceArn")?.to_owned();
        let name = self.dead_letter_queue(&input.region, &source)?;
        let target = input.text("DestinationArn")?.map(str::to_owned);
        if let Some(target) = &target {
            let (facts, own) = (self.facts(target), self.facts(&source));
            let facts = facts.ok_or_else(|| {
                not_found("The resource that you specified for the DestinationArn parameter doesn't exist.")
            })?;
            if own.is_some_and(|own| own.fifo != facts.fifo) {
                return Err(invalid("Source queue and destination queue must be of the same type."));
            }
        }
        let pace = input.number("MaxNumberOfMessagesPerSecond")?;
        if let Some(pace) = pace.filter(|pace| !(1..=MOST_PER_SECOND).contains(pace)) {
            let reason = "Value must be between 1 and 500, if provided.";
            return Err(invalid_value(pace, "MaxNumberOfMessagesPerSecond", reason));
        }
        let entry = self.entry(&input.region, &name)?;
        let counts = self.shelf(&entry)?.at(now(), entry.number("MessageRetentionPeriod")).contents().counts();
        let id = uuid::Uuid::new_v4().to_string();
        {
            let mut all = self.moves.lock();
            let tasks = all.entry(source.clone()).or_default();
            if tasks.iter().any(|task| task.status == "RUNNING") {
                return Err(invalid(
                    "There is already a task running. Only one active task is allowed for a source queue arn at a given \
                     time.",
                ));
            }
            let (started, to_move) = (now(), counts.visible);
            let id = id.clone();
            tasks.push(Task { id, status: "RUNNING", target, pace, moved: 0, to_move, started, failure: None });
            let extra = tasks.len().saturating_sub(MOST_LISTED);
            tasks.drain(..extra);
        }
        let handle = STANDARD.encode(json!({ "taskId": id, "sourceArn": source }).to_string());
        tokio::spawn(run(Arc::downgrade(local), source, id, pace));
        Ok(json!({ "TaskHandle": handle }))
    }

    pub(super) fn list_moves(&self, input: &Input) -> Result<Value, Fault> {
        let source = input.required("SourceArn")?;
        self.facts(source).ok_or_else(|| not_found(NO_SOURCE))?;
        let most = input.number("MaxResults")?.unwrap_or(1);
        let most = usize::try_from(most)
            .ok()
            .filter(|most| (1..=MOST_LISTED).contains(most))
            .ok_or_else(|| invalid_value(most, "MaxResults", "Value must be between 1 and 10, if provided."))?;
        let all = self.moves.lock();
        let tasks = all.get(source).into_iter().flatten().rev().take(most);
        Ok(json!({ "Results": tasks.map(|task| task.show(source)).collect::<Vec<_>>() }))
    }

    pub(super) fn cancel_move(&self, input: &Input) -> Result<Value, Fault> {
        let handle = input.required("TaskHandle")?;
        let document: Option<Value> = STANDARD.decode(handle).ok().and_then(|it| serde_json::from_slice(&it).ok());
        let part = |name: &str| document.as_ref().and_then(|it| it[name].as_str());
        let (Some(id), Some(source)) = (part("taskId"), part("sourceArn")) else {
            return Err(invalid("Value for parameter TaskHandle is invalid."));
        };
        self.facts(source).ok_or_else(|| not_found(NO_SOURCE))?;
        let moved = self.moves.with(source, id, |task| {
            if task.status != "RUNNING" {
                return Err(invalid("Only active tasks can be cancelled."));
            }
            task.status = "CANCELLED";
            Ok(task.moved)
        });
        let moved = moved.ok_or_else(|| not_found("Task does not exist."))??;
        Ok(json!({ "ApproximateNumberOfMessagesMoved": moved }))
    }

    /// The name of a queue that others send their dead letters to.
    fn dead_letter_queue(&self, region: &str, arn: &str) -> Result<String, Fault> {
        let Some((of, name)) = of_arn(arn) else {
            return Err(invalid(
                "You must use this format to specify the SourceArn: \
                 arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
            ));
        };
        if of != region || self.facts(arn).is_none() {
            return Err(not_found(NO_SOURCE));
        }
        if self.sources(region, name).is_empty() {
            return Err(invalid("Source queue must be configured as a Dead Letter Queue."));
        }
        Ok(name.to_owned())
    }

    /// Moves one message; `false` when there is none left.
    fn move_one(&self, source: &str, target: Option<&str>) -> Result<bool, Fault> {
        let entry = self.by_arn(source)?;
        let queue = self.shelf(&entry)?;
        let retention = entry.number("MessageRetentionPeriod");
        let found = {
            let mut inner = queue.at(now(), retention);
            let number = inner.contents().receivable(1).first().copied();
            let found = number.and_then(|n| Some((n, inner.contents().get(n)?.message.clone())));
            let Some((n, message)) = found else { return Ok(false) };
            // Nobody else may have it while it is on its way.
            inner.record(vec![Change::Until { n, until: now() + 30_000 }])?;
            (n, message)
        };
        let (n, mut message) = found;
        let sent = self.redrive(&mut message, target);
        let outcome = match &sent {
            Ok(()) => Change::Gone { n },
            Err(_) => Change::Until { n, until: now() },
        };
        queue.at(now(), retention).record(vec![outcome])?;
        sent.map(|()| true)
    }

    /// A message that is moved back is a new one, with an id and a time of its own.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>
    fn redrive(&self, message: &mut super::Message, target: Option<&str>) -> Result<(), Fault> {
        let source = message.source.take();
        let target = target.map(str::to_owned).or(source);
        let target = target.ok_or_else(|| not_found("The message's source queue is not known."))?;
        let entry = self.by_arn(&target)?;
        message.id = uuid::Uuid::new_v4().to_string();
        message.sent = now();
        // Sent again on purpose: it must not count as known.
        message.deduplication = message.deduplication.take().filter(|_| entry.is_fifo()).map(|_| message.id.clone());
        send_one(&entry, &*self.shelf(&entry)?, message.clone())
    }
}

impl Task {
    fn show(&self, source: &str) -> Value {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        if self.status == "RUNNING" {
            put("TaskHandle", STANDARD.encode(json!({ "taskId": self.id, "sourceArn": source }).to_string()).into());
        }
        put("Status", self.status.into());
        put("SourceArn", source.into());
        if let Some(target) = &self.target {
            put("DestinationArn", target.as_str().into());
        }
        if let Some(pace) = self.pace {
            put("MaxNumberOfMessagesPerSecond", pace.into());
        }
        put("ApproximateNumberOfMessagesMoved", self.moved.into());
        put("ApproximateNumberOfMessagesToMove", self.to_move.into());
        if let Some(failure) = &self.failure {
            put("FailureReason", failure.as_str().into());
        }
        put("StartedTimestamp", self.started.into());
        shown.into()
    }
}

/// Moves message after message until there is none, or somebody says stop.
async fn run(local: Weak<Local>, source: String, id: String, pace: Option<i64>) {
    let pause = pace.map(|pace| Duration::from_millis(1000 / pace.max(1).unsigned_abs()));
    loop {
        let Some(local) = local.upgrade() else { return };
        let target = local.sqs.moves.with(&source, &id, |task| (task.status == "RUNNING").then(|| task.target.clone()));
        let Some(Some(target)) = target else { return };
        let (shared, from) = (Arc::clone(&local), source.clone());
        let moved = tokio::task::spawn_blocking(move || shared.sqs.move_one(&from, target.as_deref())).await;
        let going_on = local.sqs.moves.with(&source, &id, |task| {
            match moved {
                Ok(Ok(true)) => task.moved += 1,
                Ok(Ok(false)) if task.status == "RUNNING" => task.status = "COMPLETED",
                Ok(Ok(false)) => {}
                Ok(Err(fault)) => {
                    task.status = "FAILED";
                    task.failure = Some(old_name(&fault).to_owned());
                }
                Err(_) => task.status = "FAILED",
            }
            task.status == "RUNNING"
        });
        if going_on != Some(true) {
            return;
        }
        drop(local);
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => tokio::task::yield_now().await,
        }
    }
}
