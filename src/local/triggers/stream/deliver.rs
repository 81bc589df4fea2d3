//! One batch after the other, each until it is done or given up.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;

use super::gave_up::{self, Tried, Why};
use super::window::Window;
use super::{MOST_BYTES, Reader, Record, Shard};
use crate::local::deliver::deliver as hand_over;
use crate::local::lambda::iterator_age;
use crate::local::triggers::Stop;
use crate::local::triggers::answer::failed_items;
use crate::local::triggers::call::{Called, call};

/// A function that cannot be called for so long has failed once.
const PATIENCE: Duration = Duration::from_mins(1);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A line of batches in which nothing overtakes.
pub(super) struct Lane<'a, S> {
    pub(super) reader: &'a Reader<S>,
    /// What the function carries on from batch to batch.
    pub(super) window: Option<&'a mut Window>,
    /// No other lane is behind: what is done is remembered at once.
    pub(super) keeps: bool,
}

impl<S: Shard> Lane<'_, S> {
    /// Delivers records in order; false when it was told to stop before they were done.
    pub(super) async fn deliver(&mut self, records: Vec<Record>, stop: &mut Stop) -> bool {
        let Some(settings) = self.reader.mapping.settings.stream.clone() else { return true };
        let mut parts = VecDeque::from(in_size(records));
        let (mut failures, mut pause, mut tried) = (0, FIRST_PAUSE, Tried::default());
        while let Some(mut part) = parts.pop_front() {
            // What is too old is not even tried.
            if settings.most_age >= 0 {
                let oldest = jiff::Timestamp::now().as_millisecond() - settings.most_age * 1000;
                let (old, young): (Vec<_>, Vec<_>) = part.into_iter().partition(|record| record.arrived < oldest);
                self.give_up(&old, Why::Age, &tried).await;
                part = young;
                if part.is_empty() {
                    (failures, pause, tried) = (0, FIRST_PAUSE, Tried::default());
                    continue;
                }
            }
            tried.calls += 1;
            let Some(failed) = self.call(&part, &mut tried).await else {
                (failures, pause, tried) = (0, FIRST_PAUSE, Tried::default());
                if self.window.as_ref().is_some_and(|window| window.is_full()) && !self.close(true, stop).await {
                    return false;
                }
                continue;
            };
            if let Some(before) = failed.checked_sub(1) {
                // What was before the failed record is done.
                if self.keeps {
                    self.reader.keep(part[before].position).await;
                }
                part.drain(..failed);
                failures = 0;
            }
            failures += 1;
            let split = settings.bisect && part.len() > 1;
            // "Splitting a batch does not count towards the retry quota."
            if !split && settings.most_retries >= 0 && failures > settings.most_retries {
                self.give_up(&part, Why::Retries, &tried).await;
                (failures, pause, tried) = (0, FIRST_PAUSE, Tried::default());
                continue;
            }
            if split {
                failures = 0;
                parts.push_front(part.split_off(part.len() / 2));
            }
            parts.push_front(part);
            if !self.rest(&mut pause, stop).await {
                return false;
            }
        }
        true
    }

    /// The last call for a window. "If invocation is unsuccessful, your Lambda function suspends further processing
    /// until a successful invocation."
    pub(super) async fn close(&mut self, early: bool, stop: &mut Stop) -> bool {
        let mut pause = FIRST_PAUSE;
        while let Some(window) = &mut self.window {
            let mut event = window.frame(&self.reader.mapping.source, true, early);
            event["Records"] = json!([]);
            let payload = Bytes::from(event.to_string());
            let deadline = Instant::now() + PATIENCE;
            if let Called::Answered(..) = call(&self.reader.local, &self.reader.mapping, payload, deadline).await {
                window.forget();
                return true;
            }
            if !self.rest(&mut pause, stop).await {
                return false;
            }
        }
        true
    }

    /// Calls the function; the first record that has to come again, `None` when there is none.
    async fn call(&mut self, part: &[Record], tried: &mut Tried) -> Option<usize> {
        let mapping = &self.reader.mapping;
        let texts: Vec<&str> = part.iter().map(|record| record.text.as_str()).collect();
        let mut payload = format!("{{\"Records\":[{}]}}", texts.join(","));
        if let Some(window) = &self.window {
            let frame = window.frame(&mapping.source, false, false).to_string();
            payload.pop();
            payload.push(',');
            payload.push_str(&frame[1..]);
        }
        if let (Some(local), Some(last)) = (self.reader.local.upgrade(), part.last()) {
            let now = jiff::Timestamp::now().as_millisecond();
            iterator_age(&local, mapping, now, now - last.arrived);
        }
        let called = call(&self.reader.local, mapping, Bytes::from(payload), Instant::now() + PATIENCE).await;
        let answer = match called {
            Called::Answered(answer, response) => {
                tried.response = Some(response);
                answer
            }
            Called::Failed(response) => {
                tried.response = response;
                return Some(0);
            }
        };
        if let Some(window) = &mut self.window
            && !window.carry(&answer)
        {
            return Some(0);
        }
        if !mapping.settings.report_failures {
            return None;
        }
        let ids: Vec<&str> = part.iter().map(|record| record.number.as_str()).collect();
        match failed_items(&answer, &ids.iter().copied().collect::<HashSet<_>>()) {
            // An answer that cannot be understood fails them all.
            None => Some(0),
            Some(failed) => ids.iter().position(|id| failed.contains(*id)),
        }
    }

    /// Tells whoever is to know of records that are skipped now.
    async fn give_up(&self, part: &[Record], why: Why, tried: &Tried) {
        let mapping = &self.reader.mapping;
        let receiver = mapping.settings.stream.as_ref().and_then(|stream| stream.on_failure.clone());
        let (Some(receiver), false) = (receiver, part.is_empty()) else { return };
        let shard = self.reader.blocking(|local, shard| shard.id(local)).await.unwrap_or_default();
        let message = gave_up::message(mapping, (S::BATCH_INFO, &shard), part, why, tried);
        let Some(local) = self.reader.local.upgrade() else { return };
        // A receiver that is gone has been told in vain, as on AWS.
        let told = tokio::task::spawn_blocking(move || hand_over(&local, &receiver, message));
        let _ = told.await;
    }

    /// A pause before the next try; false when it is time to stop.
    async fn rest(&self, pause: &mut Duration, stop: &mut Stop) -> bool {
        tokio::select! {
            biased;
            () = stop.told() => return false,
            () = tokio::time::sleep(*pause) => *pause = (*pause * 2).min(LONGEST_PAUSE),
        }
        self.reader.local.strong_count() > 0
    }
}

/// Cut where an invocation would become too large.
fn in_size(records: Vec<Record>) -> Vec<Vec<Record>> {
    let (mut parts, mut bytes) = (Vec::<Vec<Record>>::new(), 0);
    for record in records {
        let size = record.text.len() + 1;
        match parts.last_mut() {
            Some(part) if bytes + size < MOST_BYTES => {
                bytes += size;
                part.push(record);
            }
            _ => {
                bytes = size;
                parts.push(vec![record]);
            }
        }
    }
    parts
}
