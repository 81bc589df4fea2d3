//! What a function says about its batch: which items have failed.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>

use std::collections::HashSet;

use serde_json::Value;

/// The ids of the items that have failed; `None` when the answer cannot be understood, which fails them all.
/// Nothing, an empty document and an empty list say that none has.
pub(super) fn failed_items(payload: &[u8], ids: &HashSet<&str>) -> Option<HashSet<String>> {
    if payload.is_empty() {
        return Some(HashSet::new());
    }
    let answer: Value = serde_json::from_slice(payload).ok()?;
    let listed = match &answer {
        Value::Null => return Some(HashSet::new()),
        Value::String(text) if text.is_empty() => return Some(HashSet::new()),
        Value::Object(members) => members.get("batchItemFailures").unwrap_or(&Value::Null),
        _ => return None,
    };
    let listed = match listed {
        Value::Null => return Some(HashSet::new()),
        listed => listed.as_array()?,
    };
    listed.iter().map(|item| item["itemIdentifier"].as_str().filter(|id| ids.contains(id)).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(payload: &str) -> Option<Vec<String>> {
        let found = failed_items(payload.as_bytes(), &HashSet::from(["a", "b"]));
        found.map(|found| {
            let mut found: Vec<String> = found.into_iter().collect();
            found.sort();
            found
        })
    }

    #[test]
    fn an_answer_without_failures_has_many_forms() {
        for answer in ["", "null", "\"\"", "{}", r#"{"batchItemFailures": null}"#, r#"{"batchItemFailures": []}"#] {
            assert_eq!(failed(answer), Some(vec![]), "{answer}");
        }
    }

    #[test]
    fn failures_are_listed_by_their_ids() {
        let answer = r#"{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}"#;
        assert_eq!(failed(answer), Some(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn what_cannot_be_understood_fails_the_whole_batch() {
        for answer in [
            "{",
            "[]",
            "\"ok\"",
            r#"{"batchItemFailures": {}}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
            r#"{"batchItemFailures": [{"id": "a"}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}"#,
        ] {
            assert_eq!(failed(answer), None, "{answer}");
        }
    }
}
