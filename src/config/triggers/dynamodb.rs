//! `- dynamodb: guests` — the changes of a table, as its stream tells them.
//!
//! A table of `resources` gets a stream by being listened to. Of somebody else's table the ARN of its stream is
//! needed. <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use serde::Serialize;

use super::stream::{self, StreamOptions};
use super::{Source, Trigger, source};
use crate::config::fields::Fields;
use crate::config::resources::Others;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 13] = super::with_stream_keys("table");

/// The changes of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct DynamoDbTrigger {
    /// A table of `resources`, or the ARN of a stream.
    pub(crate) table: Source,
    #[serde(flatten)]
    pub(crate) options: StreamOptions,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<Trigger> {
    let entry = fields.need(reader, "table", "guests");
    let table = entry.and_then(|entry| source(reader, entry, (&["table"], "dynamodb"), others));
    if let (Some(entry), Some(Source::Arn(arn))) = (entry, &table)
        && !arn.contains("/stream/")
    {
        let label = "give the one of its stream: `aws dynamodb describe-table` shows it as `LatestStreamArn`";
        reader.problem(&entry.value.span, "this is the ARN of a table, and only a stream can be read", label);
    }
    let options = stream::read(reader, fields, others, false);
    Some(Trigger::Dynamodb(DynamoDbTrigger { table: table?, options: options? }))
}
