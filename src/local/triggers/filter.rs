//! Filter criteria: which records a function is called with.
//!
//! A record's data may be JSON in a text (`body` of SQS, `data` of Kinesis): a pattern that looks into it sees the
//! document, one that asks for its value sees the text.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html>

use serde_json::Value;

use crate::local::event_pattern::Pattern;

/// The filters of one mapping; none lets everything through.
#[derive(Debug)]
pub(super) struct Filter {
    patterns: Vec<Pattern>,
    /// The member of a record with the data.
    data: &'static str,
}

impl Filter {
    /// From patterns that were checked when the mapping was made.
    pub(super) fn new(patterns: &[String], data: &'static str) -> Self {
        Self { patterns: patterns.iter().filter_map(|text| Pattern::parse(text).ok()).collect(), data }
    }

    /// Whether the function is to get this record.
    pub(super) fn lets_through(&self, record: &Value) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        let text = record[self.data].as_str().unwrap_or_default();
        let document = serde_json::from_str::<Value>(text).ok().filter(|value| value.is_object() || value.is_array());
        let opened = document.map(|document| {
            let mut opened = record.clone();
            opened[self.data] = document;
            opened
        });
        self.patterns.iter().any(|pattern| match &opened {
            Some(opened) => pattern.matches(opened),
            // A pattern that asks for JSON drops a plain text, also one that asks for something not to be there.
            None => !pattern.looks_into(self.data) && pattern.matches(record),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(pattern: &Value, body: &str) -> bool {
        let record = json!({ "body": body, "messageAttributes": {"kind": {"stringValue": "a"}} });
        Filter::new(&[pattern.to_string()], "body").lets_through(&record)
    }

    #[test]
    fn a_body_is_looked_at_as_the_pattern_wants_it() {
        let inside = json!({"body": {"price": [{"numeric": [">", 10]}]}});
        assert!(passes(&inside, r#"{"price": 11}"#) && !passes(&inside, r#"{"price": 10}"#));
        assert!(!passes(&inside, "plain"));
        assert!(!passes(&json!({"body": {"price": [{"exists": false}]}}), "plain"));
        let plain = json!({"body": ["go"]});
        assert!(passes(&plain, "go") && !passes(&plain, r#"{"go": 1}"#));
        let other = json!({"messageAttributes": {"kind": {"stringValue": ["a"]}}});
        assert!(passes(&other, "plain") && passes(&other, "{}"));
    }

    #[test]
    fn one_filter_of_several_is_enough_and_none_lets_all_through() {
        let record = json!({"body": "b"});
        let of = |texts: &[&str]| {
            let patterns: Vec<String> = texts.iter().map(|text| json!({ "body": [text] }).to_string()).collect();
            Filter::new(&patterns, "body").lets_through(&record)
        };
        assert!(of(&["a", "b"]) && !of(&["a", "c"]) && of(&[]));
    }
}
