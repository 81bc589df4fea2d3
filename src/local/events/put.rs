//! `PutEvents`: up to ten events, each taken or refused for itself.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::event::Event;
use super::input::{Input, bus_name, constraint, invalid};
use super::send;
use crate::local::Local;
use crate::local::wire::Fault;

/// Of all entries of a request together, in bytes.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>
const MOST_BYTES: usize = 256 * 1024;
const MOST_ENTRIES: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    /// Seconds since the epoch.
    time: Option<f64>,
    source: Option<String>,
    #[serde(default)]
    resources: Option<Vec<String>>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
}

/// Why one entry was refused.
struct Refused {
    code: &'static str,
    message: String,
}

pub(super) fn events(local: &Arc<Local>, input: &Input<'_>) -> Result<Value, Fault> {
    input.without(&["EndpointId"])?;
    let entries: Vec<Entry> = input.read("Entries")?.unwrap_or_default();
    if entries.is_empty() || entries.len() > MOST_ENTRIES {
        let rule = if entries.is_empty() { "greater than or equal to 1" } else { "less than or equal to 10" };
        return Err(constraint("[...]", "entries", &format!("Member must have length {rule}")));
    }
    if entries.iter().map(Entry::bytes).sum::<usize>() > MOST_BYTES {
        return Err(invalid("Total size of the entries in the request is over the limit."));
    }
    let (mut failed, mut answers) = (0, Vec::new());
    for entry in entries {
        let bus = bus_name(entry.event_bus_name.as_deref(), input.region);
        match entry.event() {
            Ok(event) => {
                let event = event.dated(input.region);
                answers.push(json!({ "EventId": event["id"] }));
                // Events for a bus that is not there are taken and lost, on AWS, too.
                if let Ok(bus) = bus {
                    send::publish(local, input.region, &bus, &event, false);
                }
            }
            Err(Refused { code, message }) => {
                failed += 1;
                answers.push(json!({ "ErrorCode": code, "ErrorMessage": message }));
            }
        }
    }
    Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
}

impl Entry {
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let resources: usize = self.resources.iter().flatten().map(String::len).sum();
        self.time.map_or(0, |_| 14) + text(&self.source) + text(&self.detail_type) + text(&self.detail) + resources
    }

    fn event(self) -> Result<Event, Refused> {
        let required = |name: &str, value: Option<String>| {
            value.filter(|value| !value.is_empty()).ok_or_else(|| Refused {
                code: "InvalidArgument",
                message: format!("Parameter {name} is not valid. Reason: {name} is a required argument."),
            })
        };
        let source = required("Source", self.source)?;
        let detail_type = required("DetailType", self.detail_type)?;
        let detail = required("Detail", self.detail)?;
        if source.starts_with("aws.") {
            let message = "Not authorized for the source.".to_owned();
            return Err(Refused { code: "NotAuthorizedForSource", message });
        }
        let detail = serde_json::from_str::<Value>(&detail).ok().filter(Value::is_object);
        let malformed = || Refused { code: "MalformedDetail", message: "Detail is malformed.".to_owned() };
        #[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the last time there is")]
        let time = self.time.and_then(|seconds| Timestamp::from_millisecond((seconds * 1000.0) as i64).ok());
        let resources = self.resources.unwrap_or_default();
        Ok(Event { source, detail_type, resources, detail: detail.ok_or_else(malformed)?, time })
    }
}
