//! The run itself: takes work, keeps as many calls under way as may be, decides what is done again, hands out results.
//!
//! One loop owns all that is counted. Calls are tasks of their own, reading and writing have threads of theirs.
//! A stop lets what was begun come to its end; only an error that no call could get past does not wait for retries.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::call::{Caller, Heard};
use super::limit::Limit;
use super::line::{self, Failure, Source};
use super::order::Order;
use super::output::{Block, Output};
use super::source::{Job, State};
use super::tally::Tally;
use crate::commands::context::Interrupt;
use crate::error::{Error, Result};
use crate::ui::{Count, Meter};

/// Bytes of payloads and answers that may be under way.
const UNDER_WAY: usize = 256 * 1024 * 1024;
/// For so long nothing may be let through at all.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often the progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// Calls at once, and how many to begin with.
    pub(super) concurrency: usize,
    pub(super) first: usize,
    /// Calls beyond the first one, for an item that failed.
    pub(super) retries: u32,
    /// Items that may fail before the run stops.
    pub(super) failures: Option<u64>,
    pub(super) ordered: bool,
    /// Items, where that is known.
    pub(super) total: Option<u64>,
}

/// Why a run ended before its input did.
#[derive(Debug)]
pub(super) enum Stop {
    Interrupted,
    /// So many items failed.
    Failures(u64),
    /// The input is wrong from here on.
    Input(Error),
    /// No call could get past it.
    Fatal(Error),
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) output: Output,
    pub(super) tally: Tally,
    pub(super) stop: Option<Stop>,
}

/// A call that is under way, or will be again.
#[derive(Debug)]
struct Task {
    job: Job,
    /// Calls that were carried out.
    attempts: u32,
    /// Refusals since the last one.
    refusals: u32,
    era: u32,
}

pub(super) struct Engine {
    settings: Settings,
    caller: Arc<Caller>,
    limit: Limit,
    order: Order,
    tally: Tally,
    calls: JoinSet<(Task, Heard)>,
    fresh: VecDeque<Job>,
    /// Calls to be made again, by when.
    again: BTreeMap<(Instant, u64), Task>,
    /// Bytes of the payloads of all that was begun.
    held: usize,
    /// What an answer weighs, about.
    answer: usize,
    /// When a call was carried out the last time.
    answered: Instant,
    failed: u64,
    input_over: bool,
    stop: Option<Stop>,
    /// Lines on their way to the output.
    out: Vec<u8>,
}

impl Engine {
    /// `done` items of the input were done before, with this result.
    pub(super) fn new(settings: Settings, caller: Caller, done: u64, tally: Tally) -> Self {
        let now = Instant::now();
        Self {
            limit: Limit::new(settings.concurrency, settings.first, now),
            order: Order::new(settings.ordered, done),
            settings,
            caller: Arc::new(caller),
            tally,
            calls: JoinSet::new(),
            fresh: VecDeque::new(),
            again: BTreeMap::new(),
            held: 0,
            answer: 0,
            answered: now,
            failed: 0,
            input_over: false,
            stop: None,
            out: Vec::new(),
        }
    }

    /// Runs to the end, whichever that is.
    pub(super) async fn run(
        mut self,
        mut input: Receiver<Result<Vec<Job>>>,
        output: Output,
        interrupt: &Interrupt,
        mut meter: Meter,
    ) -> Result<Ended> {
        let (blocks, receiver) = channel(4);
        let writer = tokio::task::spawn_blocking(move || output.write_all(receiver));
        let mut ticks = tokio::time::interval(TICK);
        let mut front = self.order.front().items;
        loop {
            self.start();
            if !self.out.is_empty() || self.order.front().items > front {
                front = self.order.front().items;
                let block = Block { text: std::mem::take(&mut self.out), front: self.order.front() };
                // The writer has ended: it says why.
                if blocks.send(block).await.is_err() {
                    break;
                }
            }
            if self.is_over() {
                break;
            }
            let due = self.again.first_key_value().map(|((due, _), _)| *due).filter(|_| self.limit.has_room());
            let wants_more = !self.input_over && self.stop.is_none() && self.fresh.is_empty();
            tokio::select! {
                Some(heard) = self.calls.join_next(), if !self.calls.is_empty() => {
                    self.take(heard);
                    while let Some(heard) = self.calls.try_join_next() {
                        self.take(heard);
                    }
                }
                more = input.recv(), if wants_more => match more {
                    Some(Ok(jobs)) => self.fresh.extend(jobs),
                    Some(Err(error)) => self.stop(Stop::Input(error)),
                    None => self.input_over = true,
                },
                () = sleep_until(due.unwrap_or(self.answered)), if due.is_some() => {}
                () = interrupt.asked() => self.stop(Stop::Interrupted),
                _ = ticks.tick() => meter.show(&self.count()),
            }
        }
        drop(meter);
        drop(blocks);
        let (output, written) = writer.await.map_err(|error| broken(&error))?;
        match written {
            Ok(()) => Ok(Ended { output, tally: self.tally, stop: self.stop }),
            Err(error) => {
                let stop = Some(Stop::Fatal(error.hint("is the disk full?")));
                Ok(Ended { output, tally: self.tally, stop })
            }
        }
    }

    fn count(&self) -> Count {
        Count {
            done: self.tally.done(),
            failed: self.tally.failed,
            total: self.settings.total,
            running: self.limit.running(),
            throttled: self.tally.throttles,
            stopping: self.stop.is_some(),
        }
    }

    fn is_over(&self) -> bool {
        let begun = !self.calls.is_empty() || !self.again.is_empty();
        !begun && self.fresh.is_empty() && (self.stop.is_some() || self.input_over)
    }

    fn stop(&mut self, stop: Stop) {
        let is_fatal = matches!(stop, Stop::Fatal(_));
        if is_fatal {
            self.again.clear();
        }
        // What a wrong line comes after is right.
        if !matches!(stop, Stop::Input(_)) {
            self.fresh.clear();
        }
        // The first reason is the one to be said, unless nothing can go on at all.
        if self.stop.is_none() || (is_fatal && !self.is_fatal()) {
            self.stop = Some(stop);
        }
    }

    /// Starts whatever may be started.
    fn start(&mut self) {
        let now = Instant::now();
        while self.limit.has_room() {
            // What is to be done again comes first: others may wait for it.
            if self.again.first_key_value().is_some_and(|((due, _), _)| *due <= now)
                && let Some((_, task)) = self.again.pop_first()
            {
                self.call(task);
                continue;
            }
            if !self.fresh.front().is_some_and(|job| self.has_room(job)) {
                break;
            }
            let Some(job) = self.fresh.pop_front() else { break };
            match job.state {
                State::Done => {
                    let Job { work, mark, .. } = job;
                    self.order.done(work.index, work.count, mark, Vec::new(), &mut self.out);
                }
                State::TooLarge(bytes) => {
                    let most = super::input::MOST;
                    let failure = Failure {
                        source: Source::Input,
                        kind: "RequestEntityTooLargeException".to_owned(),
                        message: format!("{bytes} bytes are more than the {most} that Lambda takes"),
                        request_id: None,
                    };
                    self.fail(&job, &failure, 1);
                }
                State::ToDo => {
                    self.held += job.work.payload.len();
                    self.call(Task { job, attempts: 0, refusals: 0, era: 0 });
                }
            }
        }
    }

    /// Whether memory allows one more call.
    fn has_room(&self, job: &Job) -> bool {
        let begun = self.held + self.answer * (self.limit.running() + 1);
        let is_first = job.work.index <= self.order.front().items;
        is_first || (self.order.has_room(job.work.index) && begun < UNDER_WAY)
    }

    fn call(&mut self, task: Task) {
        let task = Task { era: self.limit.start(), ..task };
        let (caller, payload) = (self.caller.clone(), task.job.work.payload.clone());
        self.calls.spawn(async move {
            let heard = caller.call(payload).await;
            (task, heard)
        });
    }

    /// One call came back.
    fn take(&mut self, heard: Result<(Task, Heard), JoinError>) {
        let (mut task, heard) = match heard {
            Ok(heard) => heard,
            Err(error) => return self.stop(Stop::Fatal(broken(&error))),
        };
        let now = Instant::now();
        if let Heard::Refused(why) = heard {
            self.limit.refused(task.era);
            self.tally.throttles += 1;
            if self.limit.running() == 0 && now.duration_since(self.answered) > PATIENCE {
                return self.stop(Stop::Fatal(why));
            }
            task.refusals += 1;
            let delay = delay(Duration::from_millis(50), task.refusals, Duration::from_secs(5));
            return self.again(now + delay, task);
        }
        self.limit.answered(now);
        self.answered = now;
        self.tally.calls += 1;
        task.attempts += 1;
        task.refusals = 0;
        match heard {
            Heard::Answer(answer) => {
                self.answer = (self.answer * 15 + answer.len()) / 16;
                let text = line::answered(&task.job.work, &answer, task.attempts);
                self.tally.succeeded(task.job.work.count);
                self.done(&task.job, text);
            }
            Heard::Failed(_, true) if task.attempts <= self.settings.retries && !self.is_fatal() => {
                self.tally.retries += 1;
                let delay = delay(Duration::from_millis(200), task.attempts, Duration::from_secs(20));
                self.again(now + delay, task);
            }
            Heard::Failed(failure, _) => {
                self.held -= task.job.work.payload.len();
                self.fail(&task.job, &failure, task.attempts);
            }
            Heard::Fatal(error) | Heard::Refused(error) => self.stop(Stop::Fatal(error)),
        }
    }

    fn is_fatal(&self) -> bool {
        matches!(self.stop, Some(Stop::Fatal(_)))
    }

    fn again(&mut self, when: Instant, task: Task) {
        if !self.is_fatal() {
            self.again.insert((when, task.job.work.index), task);
        }
    }

    fn done(&mut self, job: &Job, text: Vec<u8>) {
        self.held -= job.work.payload.len();
        self.order.done(job.work.index, job.work.count, job.mark, text, &mut self.out);
    }

    fn fail(&mut self, job: &Job, failure: &Failure, attempts: u32) {
        let work = &job.work;
        self.tally.failed(work.index, work.count, &failure.kind, &failure.message);
        let text = line::failed(work, failure, attempts);
        self.order.done(work.index, work.count, job.mark, text, &mut self.out);
        self.failed += work.count;
        if self.settings.failures.is_some_and(|most| self.failed >= most) {
            self.stop(Stop::Failures(self.failed));
        }
    }
}

/// Longer each time, and never the same for two.
fn delay(first: Duration, time: u32, most: Duration) -> Duration {
    let whole = first.saturating_mul(1 << time.saturating_sub(1).min(16)).min(most);
    let half = whole / 2;
    let random = u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or(0);
    half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

fn broken(error: &JoinError) -> Error {
    Error::failed("a part of rzap itself broke off").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_get_longer_and_have_an_end() {
        let (first, most) = (Duration::from_millis(200), Duration::from_secs(20));
        for (time, whole) in [(1, 200), (2, 400), (5, 3_200), (40, 20_000)] {
            let whole = Duration::from_millis(whole);
            let delay = delay(first, time, most);
            assert!(delay >= whole / 2 && delay <= whole, "{time}: {delay:?}");
        }
    }
}
