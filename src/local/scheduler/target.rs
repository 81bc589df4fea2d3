//! What a schedule calls in the name of its role: a Lambda function, asynchronously, a queue, an event bus.
//!
//! Other targets are refused when the schedule is made. The role must be there and trust the service;
//! conditions of its trust are read as AWS fills them in. When it fires, the role must be allowed to call.

use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use regex::Regex;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::input::{constraint, invalid};
use super::model::{Place, Settings, Target, group_arn};
use crate::local::deliver::{self, Message};
use crate::local::iam::{matches, one_or_many};
use crate::local::lambda::Invocation;
use crate::local::sqs::{Attribute, Content, Outgoing};
use crate::local::wire::Fault;
use crate::local::{ACCOUNT, Local};

const ROLE: &str = r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$";
const FUNCTION: &str = r"^arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[a-zA-Z0-9_-]+(:[a-zA-Z0-9_$-]+)?$";

/// Who the service is when it takes on a role.
const SERVICE: &str = "scheduler.amazonaws.com";

/// Between two tries of a call that Lambda did not take; it doubles every time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Refuses a target that could not be called.
pub(super) fn check(local: &Local, target: &Target, group_arn: &str) -> Result<(), Fault> {
    static PATTERNS: LazyLock<Option<(Regex, Regex)>> =
        LazyLock::new(|| Some((Regex::new(ROLE).ok()?, Regex::new(FUNCTION).ok()?)));
    let Some((a_role, a_function)) = &*PATTERNS else { return Err(invalid("the patterns are wrong")) };
    if !a_role.is_match(&target.role) {
        let rule = format!("Member must satisfy regular expression pattern: {ROLE}");
        return Err(constraint(&target.role, "target.roleArn", &rule));
    }
    let mut parts = target.arn.split(':');
    let (Some("arn"), Some(_), Some(service)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(invalid("Provided Arn is not in correct format."));
    };
    if !deliver::knows(&target.arn) {
        return Err(Fault::unsupported("scheduler", &format!("the target {}", target.arn)));
    }
    if service == "lambda" && !a_function.is_match(&target.arn) {
        return Err(invalid("Provided Arn is not in correct format."));
    }
    parameters(service, target)?;
    if !trusted(local, &target.role, group_arn) {
        let message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";
        return Err(invalid(message));
    }
    Ok(())
}

/// Refuses what a target of this service cannot have.
fn parameters(service: &str, target: &Target) -> Result<(), Fault> {
    let input = target.input.as_deref().map(serde_json::from_str::<Value>);
    match (service, &input) {
        ("lambda", Some(Err(_))) => return Err(invalid("The Input of a Lambda target must be valid JSON.")),
        ("events", _) if target.event.is_none() => {
            return Err(invalid("EventBridgeParameters is required for EventBridge PutEvents targets."));
        }
        // It becomes the event's `detail`.
        ("events", Some(input)) if !input.as_ref().is_ok_and(Value::is_object) => {
            return Err(invalid("The Input of an EventBridge PutEvents target must be a JSON object."));
        }
        _ => {}
    }
    if target.event.is_some() && service != "events" {
        return Err(invalid("EventBridgeParameters is only supported for EventBridge PutEvents targets."));
    }
    let fifo = service == "sqs" && target.arn.strip_suffix(".fifo").is_some();
    if fifo != target.message_group.is_some() && (fifo || service != "sqs") {
        return Err(invalid("SqsParameters is required for FIFO queues, and for nothing else."));
    }
    if target
        .dead_letters
        .as_ref()
        .is_some_and(|arn| arn.split(':').nth(2) != Some("sqs") || arn.strip_suffix(".fifo").is_some())
    {
        return Err(invalid("The dead-letter queue must be a standard SQS queue."));
    }
    Ok(())
}

/// Whether the role is there and lets the service in for schedules of this group.
fn trusted(local: &Local, role: &str, group_arn: &str) -> bool {
    local.iam.role(role).is_some_and(|role| trusts(&role.trust_policy, group_arn))
}

/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html>
fn trusts(policy: &Value, group_arn: &str) -> bool {
    let holds = |statement: &&Value| {
        let action = |action: &&Value| matches!(action.as_str(), Some("sts:AssumeRole" | "sts:*" | "*"));
        let principal = &statement["Principal"];
        let service = |service: &&Value| **service == SERVICE;
        one_or_many(&statement["Action"]).iter().any(action)
            && (*principal == "*" || one_or_many(&principal["Service"]).iter().any(service))
            && conditions(&statement["Condition"], group_arn)
    };
    let statements = one_or_many(&policy["Statement"]);
    let of = |effect: &str| statements.iter().filter(|it| it["Effect"] == effect).any(&holds);
    of("Allow") && !of("Deny")
}

/// Whether all conditions hold. Operators and keys that are not known here do not.
fn conditions(conditions: &Value, group_arn: &str) -> bool {
    let Some(conditions) = conditions.as_object() else { return true };
    conditions.iter().all(|(operator, keys)| {
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, wanted)| {
                let have = match key.to_ascii_lowercase().as_str() {
                    "aws:sourceaccount" => ACCOUNT,
                    "aws:sourcearn" => group_arn,
                    _ => return false,
                };
                one_or_many(wanted).iter().filter_map(|one| one.as_str()).any(|pattern| match operator.as_str() {
                    "StringEquals" => pattern == have,
                    "StringLike" | "ArnLike" | "ArnEquals" => matches(pattern, have, true),
                    _ => false,
                })
            })
        })
    })
}

/// Calls the target, again when it cannot take the call now, as often and as long as the schedule says. What is
/// not delivered then goes to the dead-letter queue, or is lost without one.
pub(super) async fn deliver(local: Weak<Local>, place: Place, settings: Settings, due: Timestamp) {
    let target = &settings.target;
    let execution = uuid::Uuid::new_v4().to_string();
    let gives_up = Instant::now() + Duration::from_secs(target.most_age.unsigned_abs());
    let (mut pause, mut attempt) = (FIRST_PAUSE, 1);
    let (fault, exhausted) = loop {
        {
            let Some(local) = local.upgrade() else { return };
            // The role may have changed since, and what it may do is asked only now.
            let trusted = trusted(&local, &target.role, &group_arn(&place.region, &place.group));
            if !trusted || !local.iam.permits(&target.role, action(&target.arn), &target.arn) {
                let text =
                    format!("{} is not authorized to perform: {} on {}", target.role, action(&target.arn), target.arn);
                break (Fault::new(403, "AccessDeniedException", text), None);
            }
            match call(&local, &place, target, due, (&execution, attempt)) {
                Ok(()) => return,
                // Throttled, busy or broken: worth another try.
                Err(fault) if matches!(fault.status, 409 | 429 | 500..) => {
                    if attempt > target.most_retries {
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
        pause = (pause * 2).min(LONGEST_PAUSE);
        attempt += 1;
    };
    if let (Some(local), Some(queue)) = (local.upgrade(), &target.dead_letters) {
        let body = payload(&place, target.input.as_deref(), due, (&execution, attempt));
        let tries = (attempt - 1).to_string();
        let text = |value: &str| Attribute { kind: "String".to_owned(), value: Content::Text(value.to_owned()) };
        // <https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html>
        let known = [
            ("SCHEDULE_ARN", Some(place.arn())),
            ("TARGET_ARN", Some(target.arn.clone())),
            ("SCHEDULED_TIME", Some(due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())),
            ("EXECUTION_ID", Some(execution.clone())),
            ("ERROR_CODE", Some(fault.code.to_owned())),
            ("ERROR_MESSAGE", Some(fault.message.clone())),
            ("RETRY_ATTEMPTS", Some(tries)),
            ("EXHAUSTED_RETRY_CONDITION", exhausted.map(str::to_owned)),
        ];
        let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(&value?))));
        let letter = Outgoing { body, attributes: known.collect(), sender: SERVICE.to_owned(), ..Outgoing::default() };
        // A dead-letter queue that is not there loses the call, on AWS, too.
        let _ = local.sqs.deliver(queue, letter);
    }
}

/// What the role must be allowed to do.
fn action(target: &str) -> &'static str {
    match target.split(':').nth(2) {
        Some("sqs") => "sqs:SendMessage",
        Some("events") => "events:PutEvents",
        Some("sns") => "sns:Publish",
        _ => "lambda:InvokeFunction",
    }
}

fn call(
    local: &Arc<Local>,
    place: &Place,
    target: &Target,
    due: Timestamp,
    (execution, attempt): (&str, i64),
) -> Result<(), Fault> {
    let payload = payload(place, target.input.as_deref(), due, (execution, attempt));
    if target.arn.split(':').nth(2) != Some("lambda") {
        let body = match &target.event {
            Some((source, kind)) => {
                let detail: Value = serde_json::from_str(&payload).unwrap_or_default();
                json!({ "source": source, "detail-type": kind, "detail": detail }).to_string()
            }
            None => payload,
        };
        let message = Message {
            sender: SERVICE,
            source: place.arn(),
            region: place.region.clone(),
            body,
            group: target.message_group.clone(),
            ..Message::default()
        };
        return deliver::deliver(local, &target.arn, message);
    }
    // The role is who calls, so the function's own policy is not asked.
    let call = Invocation {
        function_arn_or_name: target.arn.clone(),
        qualifier: None,
        region: place.region.clone(),
        payload: Bytes::from(payload),
        client_context: None,
        request_id: uuid::Uuid::new_v4().to_string(),
        trace_id: None,
    };
    local.lambda.enqueue(local, call)
}

/// The input with its keywords filled in, or the event AWS makes up when there is none.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>
fn payload(place: &Place, input: Option<&str>, due: Timestamp, (execution, attempt): (&str, i64)) -> String {
    let time = due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let Some(input) = input else {
        let event = json!({
            "version": "0",
            "id": execution,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": time,
            "region": place.region,
            "resources": [place.arn()],
            "detail": "{}",
        });
        return event.to_string();
    };
    [
        ("schedule-arn", place.arn()),
        ("scheduled-time", time),
        ("execution-id", execution.to_owned()),
        ("attempt-number", attempt.to_string()),
    ]
    .into_iter()
    .fold(input.to_owned(), |text, (name, value)| text.replace(&format!("<aws.scheduler.{name}>"), &value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "arn:aws:scheduler:eu-west-1:000000000000:schedule-group/app-dev";

    fn trust(condition: Value) -> Value {
        let mut statement = json!({
            "Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole",
        });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    #[test]
    fn a_role_is_taken_only_as_its_trust_says() {
        let good = [
            json!(null),
            json!({"StringEquals": {"aws:SourceAccount": ACCOUNT}}),
            json!({"StringEquals": {"aws:SourceAccount": ["1", ACCOUNT], "aws:SourceArn": GROUP}}),
            json!({"ArnLike": {"AWS:SourceArn": "arn:aws:scheduler:*:000000000000:schedule-group/app-*"}}),
        ];
        for condition in good {
            assert!(trusts(&trust(condition.clone()), GROUP), "{condition}");
        }
        let bad = [
            json!({"StringEquals": {"aws:SourceAccount": "111111111111"}}),
            json!({"StringEquals": {"aws:SourceArn": "arn:aws:scheduler:eu-west-1:000000000000:schedule/app-dev/x"}}),
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:scheduler:*:000000000000:schedule-group/other-*"}}),
            json!({"StringEquals": {"aws:PrincipalTag/x": "y"}}),
            json!({"NumericEquals": {"aws:SourceAccount": ACCOUNT}}),
        ];
        for condition in bad {
            assert!(!trusts(&trust(condition.clone()), GROUP), "{condition}");
        }
        let other = json!({"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}});
        assert!(!trusts(&other, GROUP));
        let mut denied = trust(json!(null));
        let no = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"});
        denied["Statement"].as_array_mut().expect("a list").push(no);
        assert!(!trusts(&denied, GROUP));
    }

    #[test]
    fn the_input_is_filled_in_and_made_up_when_there_is_none() {
        let place = Place { region: "eu-west-1".into(), group: "app-dev".into(), name: "nightly".into() };
        let due: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let text = payload(
            &place,
            Some(r#"{"at": "<aws.scheduler.scheduled-time>", "n": <aws.scheduler.attempt-number>}"#),
            due,
            ("id", 2),
        );
        assert_eq!(text, r#"{"at": "2026-11-21T10:00:00Z", "n": 2}"#);
        let event: Value = serde_json::from_str(&payload(&place, None, due, ("id", 1))).expect("JSON");
        let arn = "arn:aws:scheduler:eu-west-1:000000000000:schedule/app-dev/nightly";
        assert_eq!((&event["source"], &event["resources"]), (&json!("aws.scheduler"), &json!([arn])));
    }
}
