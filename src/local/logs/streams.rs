//! Log streams: create, delete, describe.

use std::cmp::Ordering;
use std::sync::PoisonError;

use serde_json::{Value, json};

use super::groups::{decode_token, encode_token};
use super::input::{Input, checked_stream_name, constraint};
use super::{Logs, Stream, group_arn, invalid, no_group, no_stream, now};
use crate::local::wire::Fault;

/// What is known of a stream; times in ms since the epoch.
struct Row {
    name: String,
    created: i64,
    span: Option<(i64, i64)>,
    last_ingested: Option<i64>,
}

impl Logs {
    pub(super) fn create_stream(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (group, stream) = (input.group_name()?, input.stream_name("logStreamName")?);
        self.index.write(|index| {
            let number = index.next_stream;
            let group =
                index.regions.get_mut(input.region).and_then(|groups| groups.get_mut(group)).ok_or_else(no_group)?;
            if group.streams.contains_key(stream) {
                return Err(Fault::new(
                    400,
                    "ResourceAlreadyExistsException",
                    "The specified log stream already exists",
                ));
            }
            group.streams.insert(stream.to_owned(), Stream { number, created: now() });
            index.next_stream += 1;
            Ok(Value::Null)
        })
    }

    pub(super) fn delete_stream(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (group, stream) = (input.group_name()?, input.stream_name("logStreamName")?);
        let gone =
            self.change_group(input.region, group, |group| group.streams.remove(stream).ok_or_else(no_stream))?;
        self.forget([gone.number])?;
        Ok(Value::Null)
    }

    /// The number of a stream of an existing group, which may be created on the way.
    pub(super) fn stream_number(&self, region: &str, group: &str, stream: &str, create: bool) -> Result<u64, Fault> {
        if let Some(number) =
            self.group(region, group, |group| group.streams.get(stream).map(|stream| stream.number))?
        {
            return Ok(number);
        }
        if !create {
            return Err(no_stream());
        }
        checked_stream_name(stream, "logStreamName")?;
        self.index.write(|index| {
            let next = index.next_stream;
            let group = index.regions.get_mut(region).and_then(|groups| groups.get_mut(group)).ok_or_else(no_group)?;
            let number = group
                .streams
                .entry(stream.to_owned())
                .or_insert_with(|| Stream { number: next, created: now() })
                .number;
            index.next_stream += u64::from(number == next);
            Ok(number)
        })
    }

    pub(super) fn describe_streams(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let group = input.group_by_name_or_identifier()?;
        let prefix = input.text("logStreamNamePrefix")?;
        let by_time = match input.text("orderBy")? {
            None | Some("LogStreamName") => false,
            Some("LastEventTime") => true,
            Some(other) => {
                return Err(constraint(
                    other,
                    "orderBy",
                    "Member must satisfy enum value set: [LogStreamName, LastEventTime]",
                ));
            }
        };
        if by_time && prefix.is_some() {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let limit = input.limit(50)?;
        let descending = input.flag("descending")?.unwrap_or(false);
        let after = input.text("nextToken")?.map(decode_token).transpose()?;

        let streams = self.group(input.region, &group, |group| group.streams.clone())?;
        let mut rows = Vec::new();
        for (name, stream) in streams {
            if prefix.is_none_or(|prefix| name.starts_with(prefix)) {
                let journal = self.journal(stream.number)?;
                let journal = journal.read().unwrap_or_else(PoisonError::into_inner);
                rows.push(Row {
                    name,
                    created: stream.created,
                    span: journal.span(),
                    last_ingested: journal.last_ingested(),
                });
            }
        }
        // A stream without events counts from its creation.
        let time = |row: &Row| if by_time { row.span.map_or(row.created, |(_, last)| last) } else { 0 };
        let key = |row: &Row| (time(row), row.name.clone());
        let direction = |ordering: Ordering| if descending { ordering.reverse() } else { ordering };
        rows.sort_by(|a, b| direction(key(a).cmp(&key(b))));
        if let Some(after) = after {
            let (time, name) = after
                .split_once(' ')
                .and_then(|(time, name)| Some((time.parse::<i64>().ok()?, name.to_owned())))
                .ok_or_else(|| invalid("The specified nextToken is invalid."))?;
            let last = (time, name);
            rows.retain(|row| direction(key(row).cmp(&last)).is_gt());
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        let mut output =
            json!({ "logStreams": rows.iter().map(|row| row.describe(input.region, &group)).collect::<Vec<_>>() });
        if let Some(last) = rows.last().filter(|_| more) {
            output["nextToken"] = encode_token(&format!("{} {}", time(last), last.name)).into();
        }
        Ok(output)
    }
}

impl Row {
    fn describe(&self, region: &str, group: &str) -> Value {
        let mut out = json!({
            "logStreamName": self.name,
            "creationTime": self.created,
            "arn": format!("{}:log-stream:{}", group_arn(region, group), self.name),
            // Zero since June 2019, says the API page.
            "storedBytes": 0,
        });
        if let (Some((first, last)), Some(ingested)) = (self.span, self.last_ingested) {
            out["firstEventTimestamp"] = first.into();
            out["lastEventTimestamp"] = last.into();
            out["lastIngestionTime"] = ingested.into();
            // Not needed any more, still returned.
            out["uploadSequenceToken"] = format!("{ingested:056}").into();
        }
        out
    }
}
