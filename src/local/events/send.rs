//! From a bus to the targets: which rules are about an event, and how long a target is tried.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html>

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::model::{Place, Rule, Target, bus_of};
use super::transform;
use crate::local::Local;
use crate::local::deliver::{Message, deliver};
use crate::local::event_pattern::Pattern;
use crate::local::sqs::{Attribute, Content, Outgoing};
use crate::local::wire::Fault;

/// What a target's retry policy is when nobody says: a day, and 185 times.
const TIMES: i64 = 185;
const DAY: i64 = 86_400;

/// Between two tries; it doubles every time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Hands an event to everybody on a bus who wants it. `forwarded` came from another bus: it goes to no third one.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html>
pub(super) fn publish(local: &Arc<Local>, region: &str, bus: &str, event: &Value, forwarded: bool) {
    for (place, rule) in local.events.state.read(|state| state.enabled(region, bus)) {
        let pattern = rule.pattern.as_deref().and_then(|text| Pattern::parse(text).ok());
        if pattern.is_some_and(|pattern| pattern.matches(event)) {
            fire(local, &place, &rule, event, forwarded);
        }
    }
}

/// Hands an event to a rule's targets.
pub(super) fn fire(local: &Arc<Local>, place: &Place, rule: &Rule, event: &Value, forwarded: bool) {
    for target in rule.targets.values() {
        if let Some((region, bus)) = bus_of(&target.arn) {
            if !forwarded {
                publish(local, &region, &bus, event, true);
            }
            continue;
        }
        let body = transform::content(&target.content, event, place);
        tokio::spawn(send(Arc::downgrade(local), place.clone(), target.clone(), body));
    }
}

/// Sends to one target until it takes the event, refuses it for good, or the retry policy ends.
async fn send(local: Weak<Local>, place: Place, target: Target, body: String) {
    let age = Duration::from_secs(target.age.unwrap_or(DAY).unsigned_abs());
    let (gives_up, most) = (Instant::now() + age, target.retries.unwrap_or(TIMES));
    let (mut pause, mut tries) = (FIRST_PAUSE, 0);
    let (fault, exhausted) = loop {
        {
            let Some(local) = local.upgrade() else { return };
            let message = Message {
                sender: "events.amazonaws.com",
                source: place.arn(),
                region: place.region.clone(),
                body: body.clone(),
                group: target.message_group.clone(),
                ..Message::default()
            };
            match deliver(&local, &target.arn, message) {
                Ok(()) => return,
                // Throttled, busy or broken: worth another try.
                Err(fault) if matches!(fault.status, 409 | 429 | 500 | 502 | 503 | 504) => {
                    if tries >= most {
                        break (fault, Some("MaximumRetryAttempts"));
                    }
                    if Instant::now() + pause > gives_up {
                        break (fault, Some("MaximumEventAgeInSeconds"));
                    }
                }
                Err(fault) => break (fault, None),
            }
        }
        tokio::time::sleep(pause).await;
        tries += 1;
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    if let (Some(local), Some(queue)) = (local.upgrade(), &target.dead_letters) {
        let letter = letter(&place, &target, body, (&fault, exhausted, tries));
        // A dead-letter queue that is not there loses the event, on AWS, too.
        let _ = local.sqs.deliver(queue, letter);
    }
}

/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>
fn letter(
    place: &Place,
    target: &Target,
    body: String,
    (fault, exhausted, tries): (&Fault, Option<&str>, i64),
) -> Outgoing {
    let code = match fault.status {
        403 => "NO_PERMISSIONS",
        404 => "NO_RESOURCE",
        429 => "THROTTLING",
        400 if fault.code.contains("NonExistentQueue") || fault.code.contains("NotFound") => "NO_RESOURCE",
        500.. => "ERROR_FROM_TARGET",
        _ => "SDK_CLIENT_ERROR",
    };
    let text = |value: &str| Attribute { kind: "String".to_owned(), value: Content::Text(value.to_owned()) };
    let mut attributes = BTreeMap::from([
        ("RULE_ARN".to_owned(), text(&place.arn())),
        ("TARGET_ARN".to_owned(), text(&target.arn)),
        ("ERROR_CODE".to_owned(), text(code)),
        ("ERROR_MESSAGE".to_owned(), text(&fault.message)),
    ]);
    if let Some(condition) = exhausted {
        attributes.insert("EXHAUSTED_RETRY_CONDITION".to_owned(), text(condition));
        let attempts = Attribute { kind: "Number".to_owned(), value: Content::Text(tries.to_string()) };
        attributes.insert("RETRY_ATTEMPTS".to_owned(), attempts);
    }
    Outgoing { body, attributes, sender: "events.amazonaws.com".to_owned(), ..Outgoing::default() }
}
