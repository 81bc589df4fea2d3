//! Receiving: who gets which messages, how long an empty queue keeps a caller waiting, and where messages
//! go that were received too often.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::attributes::redrive;
use super::contents::{Change, Got, Number};
use super::fault::{invalid_value, over_limit};
use super::input::Input;
use super::message::{Attribute, md5_of, md5_of_attributes};
use super::receipts::{check_timeout, handle};
use super::send::sequence;
use super::service::Taken;
use super::shelf::Shelf;
use super::{Entry, Sqs, now, of_arn, queue_arn};
use crate::local::wire::Fault;
use crate::local::{Local, caller};

/// Messages that may be in flight.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
const MOST_IN_FLIGHT: usize = 120_000;

/// How long a message stays hidden at most while it is carried to a dead-letter queue, in ms: only a server
/// that is killed in between needs it.
const CARRIED: i64 = 30_000;

/// What a caller wants.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) region: String,
    pub(super) name: String,
    pub(super) most: usize,
    /// s; the queue's own when it says nothing.
    pub(super) timeout: Option<i64>,
}

impl Sqs {
    pub(super) async fn receive_message(&self, local: &Arc<Local>, input: Input) -> Result<Value, Fault> {
        let name = input.queue()?;
        let entry = self.entry(&input.region, &name)?;
        let most = input.number("MaxNumberOfMessages")?.unwrap_or(1);
        if !(1..=10).contains(&most) {
            return Err(invalid_value(most, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."));
        }
        let timeout = input.number("VisibilityTimeout")?;
        timeout.map_or(Ok(()), check_timeout)?;
        let wait = input.number("WaitTimeSeconds")?;
        if let Some(wait) = wait.filter(|wait| !(0..=20).contains(wait)) {
            return Err(invalid_value(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."));
        }
        if input.get("ReceiveRequestAttemptId").is_some() {
            return Err(Fault::unsupported("SQS", "ReceiveRequestAttemptId"));
        }
        let mut system = input.texts("AttributeNames")?;
        system.extend(input.texts("MessageSystemAttributeNames")?);
        let own = input.texts("MessageAttributeNames")?;
        let wait = wait.unwrap_or_else(|| entry.number("ReceiveMessageWaitTimeSeconds")).unsigned_abs();
        let most = usize::try_from(most).unwrap_or(1);
        let ask = Ask { region: input.region.clone(), name, most, timeout };
        let taken = self.wait_for(local, ask, Duration::from_secs(wait), caller::gone()).await?;
        let shown: Vec<Value> = taken.iter().map(|taken| show(taken, &system, &own)).collect();
        Ok(if shown.is_empty() { json!({}) } else { json!({ "Messages": shown }) })
    }

    /// Messages as soon as there are any; none when there are none for so long.
    /// `gone` ends the waiting, but not what has begun: what is taken is always given back to the caller.
    pub(super) async fn wait_for(
        &self,
        local: &Arc<Local>,
        ask: Ask,
        wait: Duration,
        gone: impl Future<Output = ()>,
    ) -> Result<Vec<Taken>, Fault> {
        let gives_up = Instant::now() + wait;
        tokio::pin!(gone);
        loop {
            let entry = self.entry(&ask.region, &ask.name)?;
            let (shared, asked, first) = (Arc::clone(local), ask.clone(), entry.clone());
            let queue =
                tokio::task::spawn_blocking(move || shared.sqs.shelf(&first)).await.map_err(|it| broken(&it))??;
            let changed = queue.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let shared = Arc::clone(local);
            let taking = Arc::clone(&queue);
            let take = move || shared.sqs.take_now(&entry, &taking, &asked);
            let (taken, due) = tokio::task::spawn_blocking(take).await.map_err(|it| broken(&it))??;
            if !taken.is_empty() || Instant::now() >= gives_up {
                return Ok(taken);
            }
            let due = due.map(|due| Instant::now() + Duration::from_millis((due - now()).max(1).unsigned_abs()));
            tokio::select! {
                biased;
                () = &mut gone => return Ok(Vec::new()),
                () = &mut changed => {}
                () = tokio::time::sleep_until(due.map_or(gives_up, |due| due.min(gives_up))) => {}
            }
        }
    }

    /// What may be received now, and otherwise when something hidden comes back.
    fn take_now(&self, entry: &Entry, queue: &Shelf, ask: &Ask) -> Result<(Vec<Taken>, Option<i64>), Fault> {
        let timeout = ask.timeout.unwrap_or_else(|| entry.number("VisibilityTimeout")) * 1000;
        // Without its dead-letter queue a message stays where it is: it must not get lost.
        let redrive = redrive(&entry.attributes);
        let dead_letters = redrive.and_then(|it| {
            let (region, name) = of_arn(&it.target)?;
            let target = self.entry(region, name).ok()?;
            Some((it.most, target))
        });
        loop {
            let now = now();
            let mut inner = queue.at(now, entry.number("MessageRetentionPeriod"));
            let room = MOST_IN_FLIGHT.saturating_sub(inner.contents().counts().in_flight);
            let numbers = inner.contents().receivable(ask.most.min(room));
            if room == 0 && !entry.is_fifo() && inner.contents().counts().visible > 0 {
                return Err(over_limit("Too many messages are in flight."));
            }
            let spent = |number: &Number| {
                let times = inner.contents().get(*number).map_or(0, super::contents::Held::times);
                dead_letters.as_ref().is_some_and(|(most, _)| times >= *most)
            };
            let (dead, live): (Vec<Number>, Vec<Number>) = numbers.into_iter().partition(spent);
            let mut changes: Vec<Change> =
                dead.iter().map(|n| Change::Until { n: *n, until: now.saturating_add(CARRIED) }).collect();
            for &n in &live {
                let before = inner.contents().get(n).and_then(|held| held.got.as_ref());
                let got = Got {
                    times: before.map_or(0, |got| got.times) + 1,
                    first: before.map_or(now, |got| got.first),
                    last: now,
                    receipt: uuid::Uuid::new_v4().to_string(),
                };
                changes.push(Change::Hide { n, until: now.saturating_add(timeout), got });
            }
            inner.record(changes)?;
            let taken: Vec<Taken> = live.iter().filter_map(|n| taken(entry, *n, inner.contents().get(*n)?)).collect();
            let due = inner.contents().next_due();
            drop(inner);
            if let (false, Some((_, target))) = (dead.is_empty(), &dead_letters) {
                self.bury(entry, queue, &dead, (target, &queue_arn(&ask.region, &ask.name)))?;
                if taken.is_empty() {
                    continue;
                }
            }
            return Ok((taken, due));
        }
    }

    /// Carries messages into the dead-letter queue: there first, then away from here, so that a server
    /// that is killed in between doubles a message rather than losing it.
    fn bury(
        &self,
        entry: &Entry,
        queue: &Shelf,
        dead: &[Number],
        (target, source): (&Entry, &str),
    ) -> Result<(), Fault> {
        let now = now();
        let retention = entry.number("MessageRetentionPeriod");
        let found: Vec<_> = {
            let inner = queue.at(now, retention);
            dead.iter().filter_map(|n| inner.contents().get(*n).cloned()).collect()
        };
        let grave = self.shelf(target)?;
        let mut inner = grave.at(now, target.number("MessageRetentionPeriod"));
        let first = inner.contents().next();
        let puts = (first..).zip(found).map(|(n, held)| {
            let earlier = held.history();
            let mut message = held.message;
            message.source = Some(source.to_owned());
            // "For FIFO queues, the enqueue timestamp resets when the message is moved to a dead-letter queue";
            // for standard queues it is unchanged.
            // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
            if target.is_fifo() {
                message.sent = now;
            }
            Change::Put { n, m: Box::new(message), delay: None, earlier, got: None }
        });
        inner.record(puts.collect())?;
        drop(inner);
        grave.changed.notify_waiters();
        let mut inner = queue.at(now, retention);
        inner.record(dead.iter().map(|n| Change::Gone { n: *n }).collect())?;
        drop(inner);
        // In a FIFO queue this may have freed groups for others.
        queue.changed.notify_waiters();
        Ok(())
    }
}

fn taken(entry: &Entry, number: Number, held: &super::contents::Held) -> Option<Taken> {
    let history = held.history()?;
    Some(Taken {
        message: held.message.clone(),
        receipt_handle: handle(entry, number, &held.got.as_ref()?.receipt),
        times: history.times,
        first: history.first,
        sequence: entry.is_fifo().then(|| sequence(number)),
    })
}

fn broken(error: &tokio::task::JoinError) -> Fault {
    Fault::new(500, "InternalError", format!("the request was not finished: {error}"))
}

fn show(taken: &Taken, system: &[String], own: &[String]) -> Value {
    let message = &taken.message;
    let mut shown = Map::new();
    shown.insert("MessageId".into(), message.id.as_str().into());
    shown.insert("ReceiptHandle".into(), taken.receipt_handle.as_str().into());
    shown.insert("MD5OfBody".into(), md5_of(&message.body).into());
    shown.insert("Body".into(), message.body.as_str().into());
    let all = system.iter().any(|name| name == "All");
    let mut attributes = taken.system_attributes();
    attributes.retain(|name, _| all || system.contains(name));
    if !attributes.is_empty() {
        shown.insert("Attributes".into(), attributes.into());
    }
    let asked = |name: &str| own.iter().any(|pattern| is_asked(pattern, name));
    let attributes: Vec<(&String, &Attribute)> = message.attributes.iter().filter(|(name, _)| asked(name)).collect();
    if let Some(digest) = md5_of_attributes(attributes.iter().copied()) {
        shown.insert("MD5OfMessageAttributes".into(), digest.into());
        let attributes: Map<String, Value> =
            attributes.into_iter().map(|(name, attribute)| (name.clone(), attribute.show())).collect();
        shown.insert("MessageAttributes".into(), attributes.into());
    }
    shown.into()
}

/// "All or `.*`", a name, or `prefix.*`.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
fn is_asked(pattern: &str, name: &str) -> bool {
    matches!(pattern, "All" | "*")
        || pattern == name
        || pattern.strip_suffix(".*").is_some_and(|it| name.starts_with(it))
}
