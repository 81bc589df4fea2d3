//! The lines that `rzap map` writes: one JSON object for each item of the input.
//!
//! `{"index":0,"output":…}` or `{"index":0,"error":{…}}`, with what else is worth knowing. A batch whose answer is no
//! list of its length has one line, with `count`. Answers are not read and written again: they stay as they came.

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Who said that it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// The function raised an error, or was ended by its timeout.
    Function,
    /// Lambda did not run it.
    Lambda,
    /// No answer came.
    Network,
    /// It was not sent at all.
    Input,
}

/// Why an item has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    pub(super) source: Source,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<String>,
}

/// One or more items that are sent together.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// Of its first item, from 0.
    pub(super) index: u64,
    pub(super) count: u64,
    pub(super) payload: Bytes,
    /// The items, where they are wanted in the output.
    pub(super) inputs: Vec<Bytes>,
    /// Whether it is a batch, even of one.
    pub(super) is_batch: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    index: u64,
    #[serde(skip_serializing_if = "is_one")]
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
    #[serde(skip_serializing_if = "is_first")]
    attempts: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_first(attempts: &u32) -> bool {
    *attempts <= 1
}

/// What the line of an earlier run says.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    pub(super) index: u64,
    #[serde(default = "one")]
    pub(super) count: u64,
    pub(super) error: Option<WrittenError>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WrittenError {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) message: String,
}

fn one() -> u64 {
    1
}

/// The lines of an answer.
pub(super) fn answered(work: &Work, answer: &[u8], attempts: u32) -> Vec<u8> {
    let answer = value(answer);
    let parts = work.is_batch.then(|| serde_json::from_str::<Vec<&RawValue>>(answer.get()).ok()).flatten();
    let mut text = Vec::with_capacity(answer.get().len() + 32);
    match parts {
        Some(parts) if parts.len() as u64 == work.count => {
            for (index, output) in (work.index..).zip(parts) {
                let place = usize::try_from(index - work.index).unwrap_or(usize::MAX);
                let input = work.inputs.get(place).and_then(|input| raw(input));
                line(&mut text, &Line { index, count: 1, input, output: Some(output), error: None, attempts });
            }
        }
        _ => whole(&mut text, work, Some(&answer), None, attempts),
    }
    text
}

/// The line of a failure.
pub(super) fn failed(work: &Work, failure: &Failure, attempts: u32) -> Vec<u8> {
    let mut text = Vec::new();
    whole(&mut text, work, None, Some(failure), attempts);
    text
}

/// One line for all of it.
fn whole(text: &mut Vec<u8>, work: &Work, output: Option<&RawValue>, error: Option<&Failure>, attempts: u32) {
    let joined = (work.is_batch && !work.inputs.is_empty()).then(|| joined(&work.inputs));
    let input = joined.as_deref().or(work.inputs.first().map(AsRef::as_ref)).and_then(raw);
    line(text, &Line { index: work.index, count: work.count, input, output, error, attempts });
}

fn line(text: &mut Vec<u8>, line: &Line<'_>) {
    let start = text.len();
    // A `Vec` takes everything, and all of it has been JSON before.
    if serde_json::to_writer(&mut *text, line).is_err() {
        text.truncate(start);
    }
    text.push(b'\n');
}

fn raw(text: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(text).ok()
}

/// Items as one JSON array.
pub(super) fn joined(items: &[Bytes]) -> Vec<u8> {
    let mut text = Vec::with_capacity(items.iter().map(|item| item.len() + 1).sum::<usize>() + 2);
    text.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        text.extend_from_slice(item);
    }
    text.push(b']');
    text
}

/// An answer as a JSON value in one line: as it came, a text where it is none, null where there is none.
fn value(answer: &[u8]) -> Box<RawValue> {
    let is_json = serde_json::from_slice::<IgnoredAny>(answer).is_ok();
    let text = match std::str::from_utf8(answer) {
        Ok(text) if text.trim().is_empty() => "null".to_owned(),
        // Between its tokens only: in a JSON string a line end is escaped.
        Ok(text) if is_json && text.contains(['\n', '\r']) => text.replace(['\n', '\r'], " "),
        Ok(text) if is_json => text.to_owned(),
        _ => serde_json::Value::from(String::from_utf8_lossy(answer)).to_string(),
    };
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn work(items: &[&str], is_batch: bool, with_input: bool) -> Work {
        let items: Vec<Bytes> = items.iter().map(|item| Bytes::copy_from_slice(item.as_bytes())).collect();
        let inputs = if with_input { items.clone() } else { Vec::new() };
        Work { index: 7, count: items.len() as u64, payload: Bytes::new(), inputs, is_batch }
    }

    fn text(lines: Vec<u8>) -> String {
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn an_answer_is_one_line_exactly_as_it_came() {
        let one = work(&["1"], false, false);
        let number = text(answered(&one, b"{\"a\":\n 1.10,\r\n \"b\": \"x\\ny\"}", 1));
        assert_eq!(number, "{\"index\":7,\"output\":{\"a\":  1.10,   \"b\": \"x\\ny\"}}\n");
        assert_eq!(text(answered(&one, b"", 1)), "{\"index\":7,\"output\":null}\n");
        assert_eq!(text(answered(&one, b"no json", 3)), "{\"index\":7,\"output\":\"no json\",\"attempts\":3}\n");
        let with = work(&[r#"{"n": 1}"#], false, true);
        assert_eq!(text(answered(&with, b"[1]", 1)), "{\"index\":7,\"input\":{\"n\": 1},\"output\":[1]}\n");
    }

    #[test]
    fn the_answer_to_a_batch_is_taken_apart_where_that_can_be() {
        let batch = work(&["1", "2"], true, true);
        let apart = "{\"index\":7,\"input\":1,\"output\":\"a\"}\n{\"index\":8,\"input\":2,\"output\":{\"b\":2}}\n";
        assert_eq!(text(answered(&batch, br#"["a", {"b":2}]"#, 1)), apart);
        let whole = "{\"index\":7,\"count\":2,\"input\":[1,2],\"output\":[1]}\n";
        assert_eq!(text(answered(&batch, b"[1]", 1)), whole);
        // A single one is no batch: its answer is its own.
        assert_eq!(text(answered(&work(&["1"], false, false), b"[1]", 1)), "{\"index\":7,\"output\":[1]}\n");
    }

    #[test]
    fn a_failure_says_who_and_why_and_is_read_again() {
        let failure = Failure {
            source: Source::Function,
            kind: "ValueError".to_owned(),
            message: "no".to_owned(),
            request_id: Some("r-1".to_owned()),
        };
        let line = text(failed(&work(&["1", "2"], true, false), &failure, 3));
        let expected = r#"{"index":7,"count":2,"error":{"source":"function","type":"ValueError","message":"no","request_id":"r-1"},"attempts":3}"#;
        assert_eq!(line.trim_end(), expected);
        let written: Written = serde_json::from_str(&line).unwrap();
        assert_eq!((written.index, written.count, written.error.unwrap().kind.as_str()), (7, 2, "ValueError"));
        let other: Written = serde_json::from_str("{\"index\":3,\"output\":{\"error\":1}}").unwrap();
        assert!(other.error.is_none() && other.count == 1);
    }
}
