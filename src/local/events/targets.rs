//! Targets of rules: put, remove, list. What nothing here can be is refused when it is put.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Events;
use super::input::{Input, constraint, invalid};
use super::model::{Content, Target};
use super::path;
use crate::local::deliver;
use crate::local::wire::Fault;

/// Targets of one rule. <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const MOST: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    id: String,
    arn: String,
    role_arn: Option<String>,
    input: Option<String>,
    input_path: Option<String>,
    input_transformer: Option<Transformer>,
    sqs_parameters: Option<SqsParameters>,
    dead_letter_config: Option<DeadLetters>,
    retry_policy: Option<Retry>,
    /// `EcsParameters` and the like.
    #[serde(flatten)]
    of_others: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transformer {
    input_paths_map: Option<BTreeMap<String, String>>,
    input_template: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SqsParameters {
    message_group_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetters {
    arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Retry {
    maximum_retry_attempts: Option<i64>,
    maximum_event_age_in_seconds: Option<i64>,
}

impl Events {
    pub(super) fn put_targets(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let place = input.rule("Rule")?;
        let given: Vec<Given> = input.read("Targets")?.unwrap_or_default();
        if given.is_empty() {
            return Err(constraint("[]", "targets", "Member must have length greater than or equal to 1"));
        }
        let targets = given.into_iter().map(Given::checked).collect::<Result<Vec<_>, _>>()?;
        self.state.write(|state| {
            let rule = state.rule(&place)?;
            rule.targets.extend(targets);
            if rule.targets.len() > MOST {
                let text = "The requested resource exceeds the maximum number allowed.";
                return Err(Fault::new(400, "LimitExceededException", text));
            }
            Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
        })
    }

    /// Ids that are not there are no error.
    pub(super) fn remove_targets(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (place, ids) = (input.rule("Rule")?, input.read::<Vec<String>>("Ids")?.unwrap_or_default());
        self.state.write(|state| {
            state.rule(&place)?.targets.retain(|id, _| !ids.contains(id));
            Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
        })
    }

    pub(super) fn list_targets(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let place = input.rule("Rule")?;
        let mut state = self.state.read(Clone::clone);
        let targets = state.rule(&place)?.targets.iter();
        input.page("Targets", targets.map(|(id, target)| (id.clone(), show(id, target))).collect())
    }
}

impl Given {
    fn checked(self) -> Result<(String, Target), Fault> {
        let (id, arn) = (self.id.clone(), self.arn.clone());
        if arn.split(':').count() < 6 || !arn.starts_with("arn:") {
            let reason = "Reason: Provided Arn is not in correct format.";
            return Err(invalid(format!("Parameter {arn} is not valid. {reason}")));
        }
        if !deliver::knows(&arn) {
            return Err(Fault::unsupported("EventBridge", &format!("the target {arn}")));
        }
        if let Some((name, _)) = self.of_others.iter().find(|(_, value)| !value.is_null()) {
            return Err(Fault::unsupported("EventBridge", &format!("a target with {name}")));
        }
        let content = match (self.input, self.input_path, self.input_transformer) {
            (None, None, None) => Content::Event,
            (Some(input), None, None) => {
                if serde_json::from_str::<serde::de::IgnoredAny>(&input).is_err() {
                    return Err(invalid(format!("Invalid Input for target {id}.")));
                }
                Content::Constant(input)
            }
            (None, Some(path), None) => Content::Path(path),
            (None, None, Some(it)) => {
                let paths = it.input_paths_map.unwrap_or_default();
                if paths.len() > 100 {
                    return Err(constraint(
                        "...",
                        "inputPathsMap",
                        "Member must have length less than or equal to 100",
                    ));
                }
                Content::Template { paths, template: it.input_template }
            }
            _ => {
                return Err(invalid(format!(
                    "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
                )));
            }
        };
        let paths: Vec<&String> = match &content {
            Content::Path(path) => vec![path],
            Content::Template { paths, .. } => paths.values().collect(),
            _ => Vec::new(),
        };
        if let Some(wrong) = paths.into_iter().find(|text| path::parse(text).is_none()) {
            return Err(invalid(format!("Invalid InputPath for target {id}: {wrong}.")));
        }
        let queue = |arn: &str| arn.split(':').nth(2) == Some("sqs");
        let dead_letters = self.dead_letter_config.and_then(|config| config.arn);
        if dead_letters.as_ref().is_some_and(|arn| !queue(arn) || arn.strip_suffix(".fifo").is_some()) {
            return Err(invalid(
                "Parameter DeadLetterConfig.Arn is not valid. Reason: it must be a standard SQS queue.",
            ));
        }
        let message_group = self.sqs_parameters.and_then(|given| given.message_group_id);
        if arn.strip_suffix(".fifo").is_some() && queue(&arn) && message_group.is_none() {
            let reason = "Reason: Parameter SqsParameters must be specified for target of type: fifo queue.";
            return Err(invalid(format!("Parameter {id} is not valid. {reason}")));
        }
        let retry = self.retry_policy;
        let retries = retry.as_ref().and_then(|it| it.maximum_retry_attempts);
        let age = retry.and_then(|it| it.maximum_event_age_in_seconds);
        for (value, range, member) in
            [(retries, 0..=185, "maximumRetryAttempts"), (age, 60..=86_400, "maximumEventAgeInSeconds")]
        {
            if let Some(value) = value.filter(|value| !range.contains(value)) {
                let (bound, end) =
                    if value < *range.start() { ("greater", range.start()) } else { ("less", range.end()) };
                let rule = format!("Member must have value {bound} than or equal to {end}");
                return Err(constraint(&value.to_string(), &format!("targets.1.member.retryPolicy.{member}"), &rule));
            }
        }
        let target = Target { arn: self.arn, role: self.role_arn, content, message_group, dead_letters, retries, age };
        Ok((self.id, target))
    }
}

fn show(id: &str, target: &Target) -> Value {
    let mut shown = json!({ "Id": id, "Arn": target.arn });
    if let Some(role) = &target.role {
        shown["RoleArn"] = role.as_str().into();
    }
    match &target.content {
        Content::Event => {}
        Content::Constant(text) => shown["Input"] = text.as_str().into(),
        Content::Path(path) => shown["InputPath"] = path.as_str().into(),
        Content::Template { paths, template } => {
            shown["InputTransformer"] = json!({ "InputPathsMap": paths, "InputTemplate": template });
        }
    }
    if let Some(group) = &target.message_group {
        shown["SqsParameters"] = json!({ "MessageGroupId": group });
    }
    if let Some(arn) = &target.dead_letters {
        shown["DeadLetterConfig"] = json!({ "Arn": arn });
    }
    let mut retry = Map::new();
    retry.extend(target.retries.map(|times| ("MaximumRetryAttempts".to_owned(), times.into())));
    retry.extend(target.age.map(|age| ("MaximumEventAgeInSeconds".to_owned(), age.into())));
    if !retry.is_empty() {
        shown["RetryPolicy"] = retry.into();
    }
    shown
}
