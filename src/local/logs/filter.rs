//! `FilterLogEvents`: the events of many streams, merged in time order, filtered, in pages.
//!
//! The order is timestamp, ingestion time, stream, number in the stream; a page token is the place of
//! the last event looked at, so pages never overlap and an event keeps its place and its id for ever.
//! A page ends after its limit, 1 MB, or [`LOOKED_AT`] events that did not match: then it is short or
//! empty and has a token, exactly what AWS documents and clients must cope with.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write as _;
use std::sync::PoisonError;

use serde_json::json;

use super::events::{PAGE_BYTES, PAGE_EVENTS};
use super::input::{Input, checked_stream_name};
use super::journal::{Direction, Entry, Position};
use super::pattern::Pattern;
use super::{Logs, SharedJournal, invalid, no_stream};
use crate::local::wire::{Fault, Reply};

/// How many events one page looks at.
const LOOKED_AT: usize = 50_000;

/// 2024-01-01: newest-first order reaches back no further.
const NEWEST_FIRST_SINCE: i64 = 1_704_067_200_000;

/// An event's place: timestamp, ingestion time, stream number, number in the stream.
type Place = (i64, i64, u64, u64);

impl Logs {
    pub(super) fn filter_events(&self, input: &Input<'_>) -> Result<Reply, Fault> {
        let query = Query::read(input)?;
        let (streams, horizon) =
            self.group(input.region, &query.group, |group| (group.streams.clone(), group.horizon()))?;
        if let Some(missing) = query.names.iter().flatten().find(|name| !streams.contains_key(*name)) {
            let fault = no_stream();
            return Err(Fault { message: format!("{} ({missing})", fault.message), ..fault });
        }
        let token = query.token.as_deref().map(|text| Token::parse(text, &query.hash())).transpose()?;
        let direction = token.as_ref().map_or(query.direction, |token| token.direction);
        let mut cursors = Vec::new();
        for (name, stream) in streams {
            let named = query.names.as_ref().is_none_or(|names| names.contains(&name));
            if named && query.prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str())) {
                let range = (query.start.max(horizon), 0)..(query.end.saturating_add(1), 0);
                cursors.push(Cursor::new(
                    &name,
                    stream.number,
                    self.journal(stream.number)?,
                    range,
                    direction,
                    token.as_ref(),
                ));
            }
        }
        let page = Page::read(&mut cursors, &query, direction)?;
        // Written by hand: a page has up to 10,000 events, and a tree of them costs more than reading them.
        let mut text = String::with_capacity(page.events.len() + 200);
        text.push_str("{\"searchedLogStreams\":[]");
        if let Some(last) = page.unfinished {
            text.push_str(&format!(",\"nextToken\":\"{}\"", Token { direction, last }.to_text(&query.hash())));
        }
        text.push_str(",\"events\":[");
        text.push_str(&page.events);
        text.push_str("]}");
        Ok(Reply::empty(200).with("content-type", "application/x-amz-json-1.1").body(text))
    }
}

/// What was asked, checked.
struct Query {
    group: String,
    names: Option<Vec<String>>,
    prefix: Option<String>,
    /// First and last timestamp, both included.
    start: i64,
    end: i64,
    pattern_text: String,
    pattern: Pattern,
    limit: usize,
    direction: Direction,
    token: Option<String>,
}

impl Query {
    fn read(input: &Input<'_>) -> Result<Self, Fault> {
        let names = input.texts("logStreamNames")?;
        let prefix = input.text("logStreamNamePrefix")?.map(str::to_owned);
        if names.is_some() && prefix.is_some() {
            return Err(invalid("LogStreamNames and LogStreamNamePrefix cannot both be specified."));
        }
        if names.as_ref().is_some_and(|names| names.is_empty() || names.len() > 100) {
            return Err(invalid("logStreamNames must have between 1 and 100 members."));
        }
        for name in names.iter().flatten() {
            checked_stream_name(name, "logStreamNames")?;
        }
        let (start, end) = (input.time("startTime")?, input.time("endTime")?);
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            return Err(invalid("Invalid time range: startTime is after endTime."));
        }
        let direction = match input.flag("startFromHead")? {
            Some(false) if start.unwrap_or(0) < NEWEST_FIRST_SINCE => {
                return Err(invalid("startFromHead=false needs a startTime on or after Jan 1, 2024 00:00:00 UTC."));
            }
            Some(false) => Direction::Backward,
            _ => Direction::Forward,
        };
        let pattern_text = input.text("filterPattern")?.unwrap_or_default().to_owned();
        Ok(Self {
            group: input.group_by_name_or_identifier()?,
            names,
            prefix,
            start: start.unwrap_or(0),
            end: end.unwrap_or(i64::MAX - 1),
            pattern: Pattern::parse(&pattern_text).map_err(invalid)?,
            pattern_text,
            limit: input.limit(PAGE_EVENTS)?,
            direction,
            token: input.text("nextToken")?.map(str::to_owned),
        })
    }

    /// A token is good only for the search it came from.
    fn hash(&self) -> String {
        let parts = format!("{:?}", (&self.group, &self.names, &self.prefix, self.start, self.end, &self.pattern_text));
        format!("{:08x}", crc32fast::hash(parts.as_bytes()))
    }
}

/// The place after which the next page starts.
struct Token {
    direction: Direction,
    last: Place,
}

impl Token {
    fn to_text(&self, hash: &str) -> String {
        let way = if self.direction == Direction::Forward { 'f' } else { 'b' };
        let (timestamp, ingested, stream, sequence) = self.last;
        hex::encode(format!("{hash} {way} {timestamp} {ingested} {stream} {sequence}"))
    }

    fn parse(text: &str, hash: &str) -> Result<Self, Fault> {
        let read = || {
            let text = String::from_utf8(hex::decode(text).ok()?).ok()?;
            let parts: Vec<&str> = text.split(' ').collect();
            let [its_hash, way, timestamp, ingested, stream, sequence] = parts[..] else { return None };
            let direction = if way == "f" { Direction::Forward } else { Direction::Backward };
            let last = (timestamp.parse().ok()?, ingested.parse().ok()?, stream.parse().ok()?, sequence.parse().ok()?);
            (its_hash == hash).then_some(Self { direction, last })
        };
        read().ok_or_else(|| invalid("The specified nextToken is invalid."))
    }
}

/// One stream's part of the merge, read ahead in growing batches.
struct Cursor {
    /// The stream's name as JSON.
    quoted: String,
    number: u64,
    journal: SharedJournal,
    range: std::ops::Range<Position>,
    direction: Direction,
    after: Option<Place>,
    ahead: VecDeque<(Entry, String)>,
    batch: usize,
}

impl Cursor {
    fn new(
        name: &str,
        number: u64,
        journal: SharedJournal,
        mut range: std::ops::Range<Position>,
        direction: Direction,
        token: Option<&Token>,
    ) -> Self {
        let after = token.map(|token| token.last);
        match (after, direction) {
            (Some((timestamp, ..)), Direction::Forward) => range.start = range.start.max((timestamp, 0)),
            (Some((timestamp, ..)), Direction::Backward) => range.end = range.end.min((timestamp.saturating_add(1), 0)),
            (None, _) => {}
        }
        let quoted = json!(name).to_string();
        Self { quoted, number, journal, range, direction, after, ahead: VecDeque::new(), batch: 32 }
    }

    fn place(&self, entry: &Entry) -> Place {
        (entry.timestamp, entry.ingested, self.number, entry.sequence)
    }

    /// The place of the next event, reading more when needed.
    fn peek(&mut self) -> Result<Option<Place>, Fault> {
        loop {
            if let Some((entry, _)) = self.ahead.front() {
                let place = self.place(entry);
                let seen = self.after.is_some_and(|after| match self.direction {
                    Direction::Forward => place <= after,
                    Direction::Backward => place >= after,
                });
                if !seen {
                    return Ok(Some(place));
                }
                self.ahead.pop_front();
                continue;
            }
            let journal = self.journal.read().unwrap_or_else(PoisonError::into_inner);
            let batch = journal.read(&self.range, self.direction, self.batch).map_err(|error| super::disk(&error))?;
            drop(journal);
            let Some((last, _)) = batch.last() else { return Ok(None) };
            match self.direction {
                Direction::Forward => self.range.start = (last.timestamp, last.sequence + 1),
                Direction::Backward => self.range.end = last.position(),
            }
            self.batch = (self.batch * 2).min(1024);
            self.ahead = batch.into();
        }
    }
}

/// One page of the merge.
struct Page {
    /// As JSON, with commas between them.
    events: String,
    count: usize,
    /// The last place looked at, when there is more behind it.
    unfinished: Option<Place>,
}

impl Page {
    fn read(cursors: &mut [Cursor], query: &Query, direction: Direction) -> Result<Self, Fault> {
        // One heap for both directions: backwards, the places are turned round.
        let turned = |place: Place| match direction {
            Direction::Forward => place,
            Direction::Backward => (-place.0, -place.1, u64::MAX - place.2, u64::MAX - place.3),
        };
        let mut heap = BinaryHeap::new();
        for (at, cursor) in cursors.iter_mut().enumerate() {
            if let Some(place) = cursor.peek()? {
                heap.push(Reverse((turned(place), at)));
            }
        }
        let mut page = Self { events: String::new(), count: 0, unfinished: None };
        let (mut bytes, mut looked_at) = (0, 0);
        let mut last = None;
        while let Some(Reverse((_, at))) = heap.pop() {
            let cursor = &mut cursors[at];
            let Some((entry, message)) = cursor.ahead.front() else { continue };
            let matches = query.pattern.matches(message);
            let size = message.len() + 26;
            let full = page.count == query.limit || (bytes + size > PAGE_BYTES && page.count > 0);
            if looked_at == LOOKED_AT || (matches && full) {
                page.unfinished = last;
                return Ok(page);
            }
            looked_at += 1;
            last = Some(cursor.place(entry));
            if matches {
                bytes += size;
                page.push(&cursor.quoted, entry, message, &event_id(entry.timestamp, cursor.number, entry.sequence));
            }
            cursor.ahead.pop_front();
            if let Some(place) = cursor.peek()? {
                heap.push(Reverse((turned(place), at)));
            }
        }
        Ok(page)
    }

    fn push(&mut self, stream: &str, entry: &Entry, message: &str, id: &str) {
        let comma = if self.count == 0 { "" } else { "," };
        let (at, ingested, message) = (entry.timestamp, entry.ingested, json!(message));
        // Writing to a string does not fail.
        let _ = write!(
            self.events,
            "{comma}{{\"logStreamName\":{stream},\"timestamp\":{at},\"message\":{message},\"ingestionTime\":{ingested},\"eventId\":\"{id}\"}}",
        );
        self.count += 1;
    }
}

/// 56 digits, in time order like AWS's, unique, and the same on every read.
pub(super) fn event_id(timestamp: i64, stream: u64, sequence: u64) -> String {
    format!("3{:015}{stream:020}{sequence:020}", timestamp.clamp(0, 999_999_999_999_999))
}
