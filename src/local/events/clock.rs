//! The task that fires the rules with a schedule. Their times are UTC; what was due while the local cloud was not
//! running is not made up for. A rate counts from the last change of its rule.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html>

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::sync::Notify;

use super::event::Event;
use super::model::{Place, Rule};
use super::send;
use crate::local::Local;
use crate::local::scheduler::Expression;

/// Longest sleep: a clock that is set, or a lid that was closed, is noticed after that.
const LONGEST: Duration = Duration::from_secs(20);

/// Reads `rate(5 minutes)` or `cron(…)`. Other than a schedule, a rule knows no `at`, and `rate(1 minutes)` is
/// refused as `rate(5 minute)` is.
pub(super) fn parse(text: &str) -> Option<Expression> {
    let parsed = Expression::parse(text)?;
    let inner = text.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let agrees =
        inner.is_none_or(|inner| (inner.split_whitespace().next() == Some("1")) != inner.trim_end().ends_with('s'));
    (agrees && !parsed.is_once()).then_some(parsed)
}

/// Runs until the local cloud is gone.
pub(super) async fn run(local: Weak<Local>, changed: Arc<Notify>) {
    let mut due: HashMap<(Place, i64), Option<Timestamp>> = HashMap::new();
    let started = Timestamp::now();
    loop {
        let pause = {
            let Some(local) = local.upgrade() else { return };
            tick(&local, &mut due, started)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = changed.notified() => {}
        }
    }
}

/// Fires what is due and says how long nothing will be.
fn tick(local: &Arc<Local>, due: &mut HashMap<(Place, i64), Option<Timestamp>>, started: Timestamp) -> Duration {
    let now = Timestamp::now();
    let rules = local.events.state.read(super::model::State::scheduled);
    due.retain(|(place, modified), _| rules.iter().any(|(it, rule)| it == place && rule.modified == *modified));
    let mut pause = LONGEST;
    for (place, rule) in rules {
        let made = Timestamp::from_millisecond(rule.modified).unwrap_or(started);
        let time = due.entry((place.clone(), rule.modified)).or_insert_with(|| next(&rule, made.max(started)));
        if let Some(at) = time.filter(|at| *at <= now) {
            let event = Event {
                source: "aws.events".to_owned(),
                detail_type: "Scheduled Event".to_owned(),
                resources: vec![place.arn()],
                detail: json!({}),
                time: Some(at),
            };
            send::fire(local, &place, &rule, &event.dated(&place.region), false);
            *time = next(&rule, at.max(now));
        }
        if let Some(at) = time {
            pause = pause.min(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO));
        }
    }
    pause
}

/// The first time later than `after`.
fn next(rule: &Rule, after: Timestamp) -> Option<Timestamp> {
    let made = Timestamp::from_millisecond(rule.modified).ok()?;
    parse(rule.schedule.as_deref()?)?.next(after, made, &TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_stricter_than_a_schedule() {
        for good in ["rate(1 minute)", "rate(5 minutes)", "rate(1 day)", "cron(0 2 * * ? *)"] {
            assert!(parse(good).is_some(), "{good}");
        }
        for wrong in ["rate(1 minutes)", "rate(5 minute)", "at(2026-12-24T18:00:00)", "cron(0 2 * * *)", "daily"] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
