//! `PutLogEvents` and `GetLogEvents`: one stream written and read.

use std::sync::PoisonError;

use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{Input, constraint};
use super::journal::{Direction, Position};
use super::{Logs, invalid, now};
use crate::local::wire::Fault;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// One page holds at most this many bytes of events.
pub(super) const PAGE_BYTES: usize = 1 << 20;
/// One page holds at most this many events.
pub(super) const PAGE_EVENTS: usize = 10_000;

#[derive(Deserialize)]
struct Event {
    timestamp: i64,
    message: String,
}

impl Logs {
    pub(super) fn put_events(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (group, stream) = (input.group_name()?, input.stream_name("logStreamName")?);
        let events: Vec<Event> = serde_json::from_value(input.get("logEvents").cloned().unwrap_or_default())
            .map_err(|error| Fault::new(400, "SerializationException", format!("logEvents: {error}")))?;
        check_batch(&events)?;
        let horizon = self.group(input.region, group, super::Group::horizon)?;
        let number = self.stream_number(input.region, group, stream, false)?;

        // Too old, expired and too new events are left out, the rest is taken (API page).
        let now = now();
        let too_old = events.partition_point(|event| event.timestamp < now - 14 * DAY);
        let expired = events.partition_point(|event| event.timestamp < horizon);
        let too_new = events.partition_point(|event| event.timestamp <= now + 2 * HOUR);
        let count = events.len();
        let accepted: Vec<(i64, String)> = events
            .into_iter()
            .take(too_new)
            .skip(too_old.max(expired))
            .map(|event| (event.timestamp, event.message))
            .collect();
        if let (Some((first, _)), Some((last, _))) = (accepted.first(), accepted.last())
            && last - first > DAY
        {
            return Err(invalid(
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
            ));
        }
        if !accepted.is_empty() {
            self.append((input.region, group, stream), number, &accepted)?;
            self.count(input.region, group, &accepted);
        }
        let mut output = json!({ "nextSequenceToken": format!("{now:056}") });
        if accepted.len() < count {
            let mut rejected = serde_json::Map::new();
            if too_old > 0 {
                rejected.insert("tooOldLogEventEndIndex".into(), too_old.into());
            }
            if expired > 0 {
                rejected.insert("expiredLogEventEndIndex".into(), expired.into());
            }
            if too_new < count {
                rejected.insert("tooNewLogEventStartIndex".into(), too_new.into());
            }
            output["rejectedLogEventsInfo"] = Value::Object(rejected);
        }
        Ok(output)
    }

    pub(super) fn get_events(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let group = input.group_by_name_or_identifier()?;
        let stream = input.stream_name("logStreamName")?;
        let limit = input.limit(PAGE_EVENTS)?;
        let start =
            input.time("startTime")?.unwrap_or(0).max(self.group(input.region, &group, super::Group::horizon)?);
        let end = input.time("endTime")?.unwrap_or(i64::MAX);
        let number = self.stream_number(input.region, &group, stream, false)?;

        let window = (start, 0)..(end, 0);
        let (direction, range, here) = match input.text("nextToken")?.map(Token::parse).transpose()? {
            Some(Token::Forward(at)) => (Direction::Forward, at.max(window.start)..window.end, at),
            Some(Token::Backward(at)) => (Direction::Backward, window.start..at.min(window.end), at),
            None if input.flag("startFromHead")?.unwrap_or(false) => (Direction::Forward, window.clone(), window.start),
            None => (Direction::Backward, window.clone(), window.start),
        };
        let journal = self.journal(number)?;
        let journal = journal.read().unwrap_or_else(PoisonError::into_inner);
        let mut page = journal.read(&range, direction, limit).map_err(|error| super::disk(&error))?;
        let mut bytes = 0;
        let fitting = page.iter().take_while(|(_, message)| {
            bytes += message.len() + 26;
            bytes <= PAGE_BYTES
        });
        page.truncate(fitting.count().max(1));
        if direction == Direction::Backward {
            page.reverse();
        }
        // At an end of the stream the token stays what it was: that is how clients stop.
        let first = page.first().map_or(here, |(entry, _)| entry.position());
        let last = page.last().map_or(here, |(entry, _)| (entry.timestamp, entry.sequence + 1));
        let events: Vec<Value> = page
            .iter()
            .map(|(entry, message)| json!({ "timestamp": entry.timestamp, "message": message, "ingestionTime": entry.ingested }))
            .collect();
        Ok(json!({
            "events": events,
            "nextForwardToken": Token::Forward(last).to_text(),
            "nextBackwardToken": Token::Backward(first).to_text(),
        }))
    }
}

fn check_batch(events: &[Event]) -> Result<(), Fault> {
    if events.is_empty() {
        return Err(constraint("[]", "logEvents", "Member must have length greater than or equal to 1"));
    }
    if events.len() > PAGE_EVENTS {
        return Err(constraint("[...]", "logEvents", "Member must have length less than or equal to 10000"));
    }
    for (at, event) in events.iter().enumerate() {
        if event.message.is_empty() {
            let member = format!("logEvents.{}.member.message", at + 1);
            return Err(constraint("", &member, "Member must have length greater than or equal to 1"));
        }
        if event.timestamp < 0 {
            let member = format!("logEvents.{}.member.timestamp", at + 1);
            return Err(constraint(
                &event.timestamp.to_string(),
                &member,
                "Member must have value greater than or equal to 0",
            ));
        }
    }
    let bytes: usize = events.iter().map(|event| event.message.len() + 26).sum();
    if bytes > PAGE_BYTES {
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {PAGE_BYTES}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    Ok(())
}

/// Where the next page starts (forward) or ends (backward).
enum Token {
    Forward(Position),
    Backward(Position),
}

impl Token {
    fn parse(text: &str) -> Result<Self, Fault> {
        let position = |digits: &str| Some((digits.get(..20)?.parse().ok()?, digits.get(20..)?.parse().ok()?));
        let (kind, digits) = text.strip_suffix("/s").and_then(|text| text.split_once('/')).unwrap_or_default();
        match (kind, position(digits)) {
            ("f", Some(at)) => Ok(Self::Forward(at)),
            ("b", Some(at)) => Ok(Self::Backward(at)),
            _ => Err(invalid("The specified nextToken is invalid.")),
        }
    }

    fn to_text(&self) -> String {
        let (kind, (timestamp, sequence)) = match self {
            Self::Forward(at) => ('f', at),
            Self::Backward(at) => ('b', at),
        };
        format!("{kind}/{:020}{sequence:036}/s", (*timestamp).max(0))
    }
}
