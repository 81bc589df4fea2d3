//! `- kinesis: ARN` — the records of a Kinesis data stream, shard by shard.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>

use serde::Serialize;

use super::Trigger;
use super::stream::{self, StreamOptions};
use crate::config::fields::Fields;
use crate::config::resources::Others;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 13] = super::with_stream_keys("stream");

/// The records of a data stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct KinesisTrigger {
    /// The ARN of a stream, or of a consumer with enhanced fan-out.
    pub(crate) stream: String,
    #[serde(flatten)]
    pub(crate) options: StreamOptions,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<Trigger> {
    let example = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
    let entry = fields.need(reader, "stream", example);
    let stream = entry.and_then(|entry| {
        let text = reader.some_text(entry)?;
        let mut parts = text.splitn(6, ':');
        let fits = parts.next() == Some("arn")
            && parts.nth(1) == Some("kinesis")
            && parts.nth(2).is_some_and(|what| what.starts_with("stream/"));
        if !fits {
            let title = format!("`{text}` is not the ARN of a data stream");
            reader.problem(&entry.value.span, title, format!("like `{example}`"));
        }
        fits.then_some(text)
    });
    let options = stream::read(reader, fields, others, true);
    Some(Trigger::Kinesis(KinesisTrigger { stream: stream?, options: options? }))
}
