//! `access_log:` — whether the stage's API writes down every request, and for how long that is kept.
//!
//! `access_log: true`, or `{ retention: 14 }`. REST APIs and HTTP APIs have one, function URLs do not:
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html>.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fields::Fields;
use super::precedence::Said;
use super::raw::Kind;
use super::stage::{FunctionConfig, Http};
use super::values::Reader;

const KEYS: [&str; 1] = ["retention"];

/// That there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct AccessLog {
    /// For how many days it is kept; one of the day counts AWS accepts.
    pub(crate) retention: i32,
}

/// Reads it for a stage with these functions, when they could be read. Without a retention of its own it is kept as
/// long as `log_retention` says for the whole stage, else for `default` days.
pub(super) fn read(
    reader: &mut Reader<'_>,
    said: &Said<'_>,
    functions: Option<&BTreeMap<String, FunctionConfig>>,
    default: i32,
) -> Option<AccessLog> {
    let entry = said.strongest("access_log")?;
    let own = match &entry.value.kind {
        Kind::Map(map) => {
            let fields = Fields::new(reader, "`access_log`", &entry.key_span, vec![map], &KEYS);
            match fields.get("retention") {
                Some(entry) => Some(reader.log_retention(entry)?),
                None => None,
            }
        }
        Kind::Bool(..) => {
            if !reader.yes_or_no(entry)? {
                return None;
            }
            None
        }
        _ => {
            reader.wrong_type(&entry.key, &entry.value, "`true`, or `{ retention: 14 }`");
            return None;
        }
    };
    if functions.is_some_and(|functions| !functions.values().any(has_api)) {
        let label =
            "function URLs have none: it takes `http: rest`, `http: http` or routes; or write `access_log: false`";
        reader.problem(&entry.key_span, "this stage has no API whose requests could be logged", label);
        return None;
    }
    // What is wrong with it was said where it is read for the functions.
    let wide = said.strongest("log_retention").map(|entry| match entry.value.kind {
        Kind::Number(Some(days), _) => i32::try_from(days).unwrap_or(default),
        _ => default,
    });
    Some(AccessLog { retention: own.or(wide).unwrap_or(default) })
}

fn has_api(function: &FunctionConfig) -> bool {
    function.is_behind(Http::Rest) || function.is_behind(Http::Api)
}
