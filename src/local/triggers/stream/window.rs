//! A tumbling window: the function carries its state through all batches of some seconds.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html>

use serde_json::{Value, json};

/// "Your state can be a maximum of 1 MB per shard. If it exceeds that size, Lambda terminates the window early."
const MOST_STATE: usize = 1024 * 1024;

/// A window that is open.
#[derive(Debug)]
pub(super) struct Window {
    /// ms since the epoch.
    pub(super) start: i64,
    /// ms
    length: i64,
    shard: String,
    state: Value,
    /// Up to where everything is in it.
    pub(super) last: i64,
}

impl Window {
    pub(super) fn new(start: i64, length: i64, shard: String) -> Self {
        Self { start, length, shard, state: json!({}), last: 0 }
    }

    /// What the event has besides its records.
    pub(super) fn frame(&self, source: &str, is_final: bool, is_early: bool) -> Value {
        json!({
            "window": { "start": moment(self.start), "end": moment(self.start + self.length) },
            "state": self.state,
            "shardId": self.shard,
            "eventSourceARN": source,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": is_early,
        })
    }

    /// Takes the state from the function's answer. "If the response does not contain a state property, Lambda
    /// considers this a failed invocation."
    pub(super) fn carry(&mut self, answer: &[u8]) -> bool {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        match answer.get("state") {
            Some(state) => {
                self.state = state.clone();
                true
            }
            None => false,
        }
    }

    /// Whether its state has become too large to be carried on.
    pub(super) fn is_full(&self) -> bool {
        self.state.to_string().len() > MOST_STATE
    }

    /// Goes on with nothing.
    pub(super) fn forget(&mut self) {
        self.state = json!({});
    }
}

/// `2026-11-21T17:00:00Z`
fn moment(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_tells_where_it_is_and_carries_the_state() {
        let mut window = Window::new(1_795_284_000_000, 60_000, "shardId-1".into());
        assert!(window.carry(br#"{"state": {"sum": 3}, "batchItemFailures": []}"#));
        assert!(!window.carry(b"null") && !window.carry(b"{}"), "a state is needed");
        assert_eq!(
            window.frame("arn:x", true, false),
            json!({
                "window": { "start": "2026-11-21T18:00:00Z", "end": "2026-11-21T18:01:00Z" }, "state": { "sum": 3 },
                "shardId": "shardId-1", "eventSourceARN": "arn:x", "isFinalInvokeForWindow": true,
                "isWindowTerminatedEarly": false,
            })
        );
        assert!(!window.is_full());
        assert!(window.carry(json!({ "state": "x".repeat(MOST_STATE) }).to_string().as_bytes()) && window.is_full());
    }
}
