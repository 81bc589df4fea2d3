//! Requests as they come, and what AWS refuses about them.
//!
//! Lengths, patterns and value sets are those of
//! <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::expression::Expression;
use super::model::{Settings, Target, zone};
use super::target;
use crate::local::Local;
use crate::local::wire::{Fault, Request};

/// How far back a start date may lie, in ms.
const LATE_START: i64 = 5 * 60 * 1000;
/// What AWS does when the caller says nothing: a day, and 185 times.
const MOST_AGE: i64 = 86_400;
const MOST_RETRIES: i64 = 185;

/// The document of `CreateSchedule` and `UpdateSchedule`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleInput {
    pub(super) group_name: Option<String>,
    pub(super) client_token: Option<String>,
    schedule_expression: Option<String>,
    schedule_expression_timezone: Option<String>,
    start_date: Option<f64>,
    end_date: Option<f64>,
    description: Option<String>,
    state: Option<String>,
    kms_key_arn: Option<Value>,
    target: Option<TargetInput>,
    flexible_time_window: Option<Window>,
    action_after_completion: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetInput {
    arn: Option<String>,
    role_arn: Option<String>,
    input: Option<String>,
    retry_policy: Option<Retry>,
    dead_letter_config: Option<DeadLetters>,
    sqs_parameters: Option<ForQueue>,
    event_bridge_parameters: Option<ForBus>,
    /// `EcsParameters` and the like.
    #[serde(flatten)]
    of_others: serde_json::Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetters {
    arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForQueue {
    message_group_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForBus {
    source: String,
    detail_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Retry {
    maximum_event_age_in_seconds: Option<i64>,
    maximum_retry_attempts: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Window {
    mode: Option<String>,
    maximum_window_in_minutes: Option<i64>,
}

/// The body of a request as a document of this type.
pub(super) fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Fault> {
    serde_json::from_value(request.json()?)
        .map_err(|error| Fault::new(400, "SerializationException", format!("the body cannot be read: {error}")))
}

impl ScheduleInput {
    /// What it asks for, checked. An update that leaves something out sets it back to its default.
    /// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html>
    pub(super) fn settings(self, local: &Local, group_arn: &str) -> Result<Settings, Fault> {
        token(self.client_token.as_deref())?;
        let expression = required(self.schedule_expression, "scheduleExpression")?;
        length(&expression, "scheduleExpression", 1, 256)?;
        let window = required(self.flexible_time_window, "flexibleTimeWindow")?;
        let target = required(self.target, "target")?;
        if self.kms_key_arn.is_some() {
            return Err(Fault::unsupported("scheduler", "KmsKeyArn"));
        }
        let timezone = self.schedule_expression_timezone.unwrap_or_else(|| "UTC".to_owned());
        length(&timezone, "scheduleExpressionTimezone", 1, 50)?;
        if let Some(text) = &self.description {
            length(text, "description", 0, 512)?;
        }
        let (states, actions) = (["ENABLED", "DISABLED"], ["NONE", "DELETE"]);
        let enabled = one_of(self.state.as_deref(), "state", states)? != Some("DISABLED");
        let action = one_of(self.action_after_completion.as_deref(), "actionAfterCompletion", actions)?;
        let delete_when_done = action == Some("DELETE");
        let window = window.minutes()?;
        let Some(parsed) = Expression::parse(&expression) else {
            return Err(invalid(format!("Invalid Schedule Expression {expression}.")));
        };
        if zone(&timezone).is_none() {
            return Err(invalid(format!("Invalid ScheduleExpressionTimezone {timezone}.")));
        }
        let (start, end) = dates(self.start_date, self.end_date, !parsed.is_once())?;
        let target = target.checked(local, group_arn)?;
        Ok(Settings {
            expression,
            timezone,
            description: self.description,
            enabled,
            start,
            end,
            window,
            delete_when_done,
            target,
        })
    }
}

/// Start and end in ms. A schedule for one time may have any: they mean nothing to it.
fn dates(start: Option<f64>, end: Option<f64>, repeats: bool) -> Result<(Option<i64>, Option<i64>), Fault> {
    #[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the last time there is")]
    let ms = |seconds: f64| (seconds * 1000.0) as i64;
    let (start, end, now) = (start.map(ms), end.map(ms), Timestamp::now().as_millisecond());
    if repeats {
        if start.is_some_and(|start| start < now - LATE_START) {
            return Err(invalid("The StartDate you specify cannot be earlier than 5 minutes ago."));
        }
        if end.is_some_and(|end| end < now) {
            return Err(invalid("The EndDate you specify cannot be earlier than the current time."));
        }
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            return Err(invalid("The EndDate you specify must come after the StartDate."));
        }
    }
    Ok((start, end))
}

impl TargetInput {
    fn checked(self, local: &Local, group_arn: &str) -> Result<Target, Fault> {
        let arn = required(self.arn, "target.arn")?;
        length(&arn, "target.arn", 1, 1600)?;
        let role = required(self.role_arn, "target.roleArn")?;
        length(&role, "target.roleArn", 1, 1600)?;
        if let Some((name, _)) = self.of_others.iter().find(|(_, value)| !value.is_null()) {
            return Err(Fault::unsupported("scheduler", &format!("a target with {name}")));
        }
        if let Some(input) = &self.input {
            length(input, "target.input", 1, usize::MAX)?;
        }
        let retry =
            self.retry_policy.unwrap_or(Retry { maximum_event_age_in_seconds: None, maximum_retry_attempts: None });
        let most_age = retry.maximum_event_age_in_seconds.unwrap_or(MOST_AGE);
        between(most_age, "target.retryPolicy.maximumEventAgeInSeconds", 60, MOST_AGE)?;
        let most_retries = retry.maximum_retry_attempts.unwrap_or(MOST_RETRIES);
        between(most_retries, "target.retryPolicy.maximumRetryAttempts", 0, MOST_RETRIES)?;
        let target = Target {
            arn,
            role,
            input: self.input,
            most_age,
            most_retries,
            message_group: self.sqs_parameters.and_then(|it| it.message_group_id),
            event: self.event_bridge_parameters.map(|it| (it.source, it.detail_type)),
            dead_letters: self.dead_letter_config.and_then(|it| it.arn),
        };
        target::check(local, &target, group_arn)?;
        Ok(target)
    }
}

impl Window {
    fn minutes(&self) -> Result<Option<i64>, Fault> {
        let mode = required(self.mode.as_deref(), "flexibleTimeWindow.mode")?;
        one_of(Some(mode), "flexibleTimeWindow.mode", ["OFF", "FLEXIBLE"])?;
        if let Some(minutes) = self.maximum_window_in_minutes {
            between(minutes, "flexibleTimeWindow.maximumWindowInMinutes", 1, 1440)?;
        }
        match (mode, self.maximum_window_in_minutes) {
            ("OFF", None) => Ok(None),
            ("OFF", Some(_)) => Err(invalid("MaximumWindowInMinutes can only be set when the mode is FLEXIBLE.")),
            (_, None) => Err(invalid("MaximumWindowInMinutes is required when the mode is FLEXIBLE.")),
            (_, minutes) => Ok(minutes),
        }
    }
}

/// The name of a schedule or a group: 1 to 64 of these characters.
pub(super) fn name<'a>(text: &'a str, member: &str) -> Result<&'a str, Fault> {
    length(text, member, 1, 64)?;
    if text.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one)) {
        return Ok(text);
    }
    Err(constraint(text, member, "Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$"))
}

/// A client's token, when there is one.
pub(super) fn token(text: Option<&str>) -> Result<(), Fault> {
    let Some(text) = text else { return Ok(()) };
    length(text, "clientToken", 1, 64)?;
    if text.chars().all(|one| one.is_ascii_alphanumeric() || "-_".contains(one)) {
        return Ok(());
    }
    Err(constraint(text, "clientToken", "Member must satisfy regular expression pattern: ^[a-zA-Z0-9-_]+$"))
}

/// One of the values, when there is one.
pub(super) fn one_of<'a>(text: Option<&'a str>, member: &str, values: [&str; 2]) -> Result<Option<&'a str>, Fault> {
    match text {
        Some(text) if !values.contains(&text) => {
            let set = values.join(", ");
            Err(constraint(text, member, &format!("Member must satisfy enum value set: [{set}]")))
        }
        text => Ok(text),
    }
}

/// `ValidationException`
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationException", message)
}

pub(super) fn constraint(value: &str, member: &str, rule: &str) -> Fault {
    invalid(format!("1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"))
}

fn required<T>(value: Option<T>, member: &str) -> Result<T, Fault> {
    value.ok_or_else(|| {
        let rule = "failed to satisfy constraint: Member must not be null";
        invalid(format!("1 validation error detected: Value null at '{member}' {rule}"))
    })
}

pub(super) fn length(text: &str, member: &str, least: usize, most: usize) -> Result<(), Fault> {
    match text.chars().count() {
        count if count < least => {
            Err(constraint(text, member, &format!("Member must have length greater than or equal to {least}")))
        }
        count if count > most => {
            Err(constraint(text, member, &format!("Member must have length less than or equal to {most}")))
        }
        _ => Ok(()),
    }
}

pub(super) fn between(number: i64, member: &str, least: i64, most: i64) -> Result<(), Fault> {
    let rule = match number {
        few if few < least => format!("Member must have value greater than or equal to {least}"),
        many if many > most => format!("Member must have value less than or equal to {most}"),
        _ => return Ok(()),
    };
    Err(constraint(&number.to_string(), member, &rule))
}
